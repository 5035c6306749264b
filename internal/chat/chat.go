package chat

import (
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/seal"
)

// Deps is what chat stands on. All are required.
type Deps struct {
	DB   *db.DB
	Log  *event.Log
	Ring *seal.Ring // blind indexes; the same ring that the database seals with
}

// Chat holds the operations of this package. It is safe for concurrent use and
// starts nothing.
//
// Operations that take a context open their own transaction and check what the
// actor may do. Those whose names end in Tx are for sentences that span
// products: they run inside the caller's transaction and check limits and
// forms, but not who asks.
type Chat struct {
	db    *db.DB
	log   *event.Log
	ring  *seal.Ring
	seats seatCache
}

// New returns a Chat.
func New(d Deps) *Chat {
	return &Chat{db: d.DB, log: d.Log, ring: d.Ring, seats: newSeatCache()}
}
