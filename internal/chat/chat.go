package chat

import (
	"usher/internal/chat/change"
	"usher/internal/chat/check"
	"usher/internal/chat/recall"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/media"
	"usher/internal/pace"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Deps is what chat stands on. The first three are required.
type Deps struct {
	DB   *db.DB
	Log  *event.Log
	Ring *seal.Ring // blind indexes; the same ring that the database seals with

	Gate     Gate         // asks webhooks before a client's action; nil asks nobody
	Presence Presence     // who is connected; nil says nobody
	Media    *media.Store // the files that messages carry; nil has none
	// ActionsPerSecond bounds the changes of one channel; 0 does not.
	ActionsPerSecond int
}

// Presence tells who is connected now. It is no row: what it says is true only for the moment.
type Presence interface {
	// Online reports whether the identity of a service has a live connection.
	Online(account int64, service sid.SID, identity string) bool
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
	seats *recall.Cache[seatKey, seat]

	gate     Gate
	presence Presence
	media    *media.Store
	pace     *pace.Limiter[seatKey] // nil for no limit
}

// New returns a Chat.
func New(d Deps) *Chat {
	c := &Chat{db: d.DB, log: d.Log, ring: d.Ring, seats: recall.New[seatKey, seat](maxSeats), gate: d.Gate, presence: d.Presence, media: d.Media}
	if c.media != nil {
		c.media.Admit(c)
	}
	if d.ActionsPerSecond > 0 {
		c.pace = pace.NewLimiter[seatKey](60*d.ActionsPerSecond, d.ActionsPerSecond)
	}
	return c
}

// MaxBody is how long a message's body may be, in bytes.
const MaxBody = check.MaxBody

// System is the author and creator where no identity is given.
const System = "system"

// What things are made from, and how they are changed.
type (
	NewChannel        = change.NewChannel
	ChannelChange     = change.Channel
	NewMember         = change.NewMember
	MemberChange      = change.Member
	NewMessage        = change.NewMessage
	MessageChange     = change.Message
	NewUser           = change.NewUser
	UserChange        = change.User
	UserChannelChange = change.UserChannel
	NewInvite         = change.NewInvite
)
