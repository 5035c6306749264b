package taskrouter

import (
	"strconv"
	"strings"
)

// query is the where of a list within a workspace.
type query struct {
	o     *op
	where string
	args  []any
}

func (o *op) query() *query {
	return &query{o: o, where: "workspace_id = $1", args: []any{o.ws.ID}}
}

// and adds "column operator" and its value.
func (q *query) and(condition string, v any) {
	q.args = append(q.args, v)
	q.where += " and " + condition + " $" + strconv.Itoa(len(q.args))
}

// any adds "column in (values)"; no values add nothing.
func (q *query) any(column string, values []any) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, v := range values {
		q.args = append(q.args, v)
		marks[i] = "$" + strconv.Itoa(len(q.args))
	}
	q.where += " and " + column + " in (" + strings.Join(marks, ", ") + ")"
}

// name adds a friendly name, "" adds nothing.
func (q *query) name(purpose, name string) error {
	if name == "" {
		return nil
	}
	h, err := q.o.hash(purpose, name)
	q.and("name_hash =", h)
	return err
}

// none makes the list empty: a filter names something that does not exist.
func (q *query) none() { q.where += " and 1 = 0" }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
