package taskrouter

import "usher/internal/taskrouter/row"

// query is the where of a list within a workspace.
type query struct {
	row.Query
	o *op
}

func (o *op) query() *query {
	return &query{o: o, Query: row.Query{Where: "workspace_id = $1", Args: []any{o.ws.ID}}}
}

// name adds a friendly name, "" adds nothing.
func (q *query) name(purpose, name string) error {
	if name == "" {
		return nil
	}
	h, err := q.o.hash(purpose, name)
	q.And("name_hash =", h)
	return err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
