package flex

import (
	"errors"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Flex holds the operations of the package together.
type Flex struct {
	db *db.DB
}

// New makes the product on a database.
func New(d *db.DB) *Flex { return &Flex{db: d} }

// DB is the database that the product's rows are in, for sentences that span products.
func (f *Flex) DB() *db.DB { return f.db }

// missing turns an absent row into the answer to a URL that names nothing.
func missing(err error, path string) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound(path)
	}
	return err
}

// allow refuses an actor without the grant. What an actor may not see does not exist for it.
func allow(actor account.Actor, g account.Grant) error {
	if actor.Can(g) {
		return nil
	}
	return fault.Forbidden("")
}

func flowPath(s sid.SID) string { return "/FlexFlows/" + string(s) }
