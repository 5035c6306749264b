package messaging

import (
	"errors"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/media"
	"usher/internal/sid"
)

// Deps is what the product stands on.
type Deps struct {
	DB   *db.DB
	Log  *event.Log
	Jobs *job.Queue
	// Masks is asked about numbers that a Proxy service has in its pool; nil takes nothing.
	Masks Masks
	// Media ties files to messages; *media.Store does it.
	Media Media
}

// Media ties files that are kept already to the messages that carry them.
type Media interface {
	Attach(tx *db.Tx, a media.Attachment) (media.Media, error)
}

// Messaging holds the operations of the package together. It is safe for concurrent use.
type Messaging struct {
	db    *db.DB
	log   *event.Log
	jobs  *job.Queue
	masks Masks
	media Media
}

// New makes the product on a database.
func New(d Deps) *Messaging {
	return &Messaging{db: d.DB, log: d.Log, jobs: d.Jobs, masks: d.Masks, media: d.Media}
}

// DB is the database that the product's rows are in, for sentences that span products.
func (m *Messaging) DB() *db.DB { return m.db }

// missing turns an absent row into the answer to a URL that names nothing.
func missing(err error, kind string, s sid.SID) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound("/" + kind + "/" + string(s))
	}
	return err
}

// allow refuses an actor without the grant.
func allow(actor account.Actor, g account.Grant) error {
	if actor.Can(g) {
		return nil
	}
	return fault.Forbidden("")
}

func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

// blindAddress is the purpose of the blind index of addresses.
const blindAddress = "messaging address"

// hash is the blind index of an address.
func (m *Messaging) hash(acct int64, address string) ([]byte, error) {
	return m.db.Ring().Blind(acct, blindAddress, address)
}
