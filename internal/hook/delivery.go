package hook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Prefix begins the SIDs of deliveries; they are Usher's own.
const Prefix = "HD"

// MaxRetries is the most further tries that a delivery may ask for. Source: RetryCount of the original's flows and webhooks, 0 to 3.
const MaxRetries = 3

// maxKey bounds unique and order keys, in bytes.
const maxKey = 200

// State is where a delivery stands.
type State string

// The states.
const (
	// Pending waits for its first or its next try.
	Pending State = "pending"
	// Delivered was answered with 200 to 299.
	Delivered State = "delivered"
	// Failed was not, and is not tried again.
	Failed State = "failed"
	// Blocked was refused by the guard, or its account is not active.
	Blocked State = "refused"
	// Canceled was called off before it arrived: what it would have told is of no use any more.
	Canceled State = "canceled"
	// Erased has lost what it was to send, with the contact that it spoke of.
	Erased State = "erased"
)

// Delivery is one webhook on its way, or what became of it.
type Delivery struct {
	db.Row
	// Subject is what the delivery is about: a channel, an execution.
	Subject sid.SID
	State   State
	// Status is the last answer's; 0 when there was none.
	Status int64
	// Attempts counts the tries since it was made or last replayed.
	Attempts int64
	// TookMicros is how long the last try took, in microseconds, and AttemptedAt when it ended.
	TookMicros  int64
	AttemptedAt time.Time
	Details

	unique *string
}

// Details is what is sealed of a delivery.
type Details struct {
	AccountSID sid.SID
	// Kind names the event that it tells of.
	Kind string
	// Target is scheme, host and port of the address, without what follows: that may speak of the contact.
	Target  string
	Method  string
	Retries int
	Order   string
	// Round counts the replays.
	Round int
	// Failure and Reason say how the last try failed; both are empty after a good one.
	Failure Failure
	Reason  string
	// Undelivered is the notice's. Settled says that the delivery has come to an end once: later ones, after replays, are for
	// whoever replayed it to see.
	Undelivered string
	Settled     bool
}

// IdempotencyToken is what every try of the delivery carries: a UUID, as on the compatible wire.
func (d *Delivery) IdempotencyToken() string {
	digits := strings.TrimPrefix(string(d.SID), Prefix)
	if len(digits) != 32 {
		return ""
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// Content is what a delivery sends and where to.
type Content struct {
	URL string
	// Form is sent; when it has the name RetryCount each try says there how many were before it.
	Form url.Values `json:",omitempty"`
	// Body and ContentType are sent in place of a form.
	Body        []byte `json:",omitempty"`
	ContentType string `json:",omitempty"`
}

// Answer is the beginning of what was answered to the last try, for a person who looks for a mistake.
type Answer struct {
	ContentType string
	Body        []byte
}

// AnswerMost bounds what is kept of an answer, in bytes.
const AnswerMost = 4 << 10

// body is the row of what a delivery sends. It has the delivery's SID.
type body struct {
	db.Row
	sent
}

// sent is the sealed document of a body.
type sent struct {
	Content
	Answer *Answer `json:",omitempty"`
}

// Notice asks for a delivery.
type Notice struct {
	Account    int64
	AccountSID sid.SID
	// Key is the data key of the contact whom Content speaks of; 0 when there is none.
	Key int64
	// Kind names the event, and Subject what it is about.
	Kind    string
	Subject sid.SID
	// Unique, when not empty, makes a second notice of the account and name a no-op. It and Order stand in the database in the
	// clear: they are made of SIDs and numbers.
	Unique string
	// Order, when not empty, makes deliveries of the account and name go out one after the other, in the order of their making.
	Order string
	// Method is POST, which "" means, or GET.
	Method string
	// Retries is how often to try again, 0 to MaxRetries.
	Retries int
	// Undelivered, when not empty, names the queue of a job that is made when the delivery ends as Failed or Blocked, in the
	// transaction that says so, and once. Its arguments are a Lost, its data key is Key.
	Undelivered string
	Content
}

// Lost is the argument of the job that tells of a delivery that did not arrive.
type Lost struct {
	Delivery sid.SID `json:"delivery"`
	Subject  sid.SID `json:"subject"`
	Kind     string  `json:"kind"`
	State    State   `json:"state"`
	Failure  Failure `json:"failure"`
	// Content is what was to be sent.
	Content Content `json:"content"`
}

// Poster makes calls. *Client does it.
type Poster interface {
	Post(ctx context.Context, r Request) (Response, error)
}

// Accounts finds an account's auth token. *account.Accounts does it.
type Accounts interface {
	Get(ctx context.Context, actor account.Actor, s sid.SID) (account.Account, error)
}

// Deps is what Hooks needs.
type Deps struct {
	DB       *db.DB
	Jobs     *job.Queue
	Client   Poster
	Accounts Accounts
}

// Hooks holds the deliveries. It is safe for concurrent use.
type Hooks struct {
	db       *db.DB
	jobs     *job.Queue
	client   Poster
	accounts Accounts
}

// New returns the operations over a database.
func New(d Deps) *Hooks { return &Hooks{d.DB, d.Jobs, d.Client, d.Accounts} }

// EnqueueTx makes a delivery in the caller's transaction; it goes out after the commit. When the notice's Unique was seen
// before, that delivery is returned and nothing is made.
func (h *Hooks) EnqueueTx(tx *db.Tx, n Notice) (Delivery, error) {
	if n.Retries < 0 || n.Retries > MaxRetries {
		return Delivery{}, fault.Invalid("RetryCount must be between 0 and %d", MaxRetries)
	}
	if len(n.Unique) > maxKey || len(n.Order) > maxKey || !plain(n.Unique) || !plain(n.Order) {
		return Delivery{}, fmt.Errorf("delivery of %s: the keys must be plain ASCII of at most %d bytes", n.Kind, maxKey)
	}
	d := Delivery{
		Row: db.Row{SID: sid.New(Prefix), Account: n.Account}, Subject: n.Subject, State: Pending,
		Details: Details{
			AccountSID: n.AccountSID, Kind: n.Kind, Target: target(n.URL), Method: n.Method, Retries: n.Retries, Order: n.Order,
			Undelivered: n.Undelivered,
		},
	}
	if n.Unique != "" {
		first, err := deliveries.One(tx, "account_id = $1 and unique_key = $2", n.Account, n.Unique)
		if !errors.Is(err, db.ErrNotFound) {
			return first, err
		}
		d.unique = &n.Unique
	}
	if err := deliveries.Insert(tx, &d); err != nil {
		return Delivery{}, err
	}
	if err := bodies.Insert(tx, &body{Row: db.Row{SID: d.SID, Account: n.Account, Key: n.Key}, sent: sent{Content: n.Content}}); err != nil {
		return Delivery{}, err
	}
	return d, h.schedule(tx, &d)
}

// target is what the list of deliveries shows of an address.
func target(raw string) string {
	u, err := parseURL(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// schedule makes the job that posts a delivery.
func (h *Hooks) schedule(tx *db.Tx, d *Delivery) error {
	order := ""
	if d.Order != "" {
		order = strconv.FormatInt(d.Account, 10) + "|" + d.Order
	}
	return h.jobs.Enqueue(tx, job.Job{Queue: Queue, Account: d.Account, Unique: d.jobName(), Order: order}, args{d.SID, d.Round})
}

// jobName names the job of the delivery's round. Each round has its own: the job of the round before may not have ended yet.
func (d *Delivery) jobName() string { return string(d.SID) + "|" + strconv.Itoa(d.Round) }

// Filter narrows a list of deliveries; empty fields do not.
type Filter struct {
	Subject sid.SID
	State   State
}

// List returns the account's deliveries, page by page in the order of their making. It takes the grant flex.manage.
func (h *Hooks) List(ctx context.Context, actor account.Actor, f Filter, page db.Page) (found db.PageOf[Delivery], err error) {
	if err := demand(actor); err != nil {
		return found, err
	}
	where, values := "account_id = $1", []any{actor.Account}
	for _, c := range []struct{ column, value string }{{"subject_sid", string(f.Subject)}, {"state", string(f.State)}} {
		if c.value != "" {
			values = append(values, c.value)
			where += " and " + c.column + " = $" + strconv.Itoa(len(values))
		}
	}
	err = h.db.View(ctx, func(tx *db.Tx) error {
		found, err = deliveries.Page(tx, page, where, values...)
		return err
	})
	return found, err
}

// Get returns a delivery. It takes the grant flex.manage.
func (h *Hooks) Get(ctx context.Context, actor account.Actor, s sid.SID) (d Delivery, err error) {
	if err := demand(actor); err != nil {
		return d, err
	}
	err = h.db.View(ctx, func(tx *db.Tx) error {
		d, err = deliveries.Get(tx, actor.Account, s)
		return missing(err, s)
	})
	return d, err
}

// Body returns what a delivery sends, and the answer to its last try, nil when there was none. Both are empty when they were
// erased with the contact. It takes the grant flex.manage.
func (h *Hooks) Body(ctx context.Context, actor account.Actor, s sid.SID) (c Content, a *Answer, err error) {
	if err := demand(actor); err != nil {
		return c, nil, err
	}
	err = h.db.View(ctx, func(tx *db.Tx) error {
		d, err := deliveries.Get(tx, actor.Account, s)
		if err != nil {
			return missing(err, s)
		}
		b, err := bodies.Get(tx, d.Account, d.SID)
		if errors.Is(err, seal.ErrDestroyed) || errors.Is(err, db.ErrNotFound) {
			return nil
		}
		c, a = b.Content, b.Answer
		return err
	})
	return c, a, err
}

// Replay sends a delivery again, with the idempotency token that it always had; one that is pending begins anew. It takes
// the grant flex.manage.
func (h *Hooks) Replay(ctx context.Context, actor account.Actor, s sid.SID) (d Delivery, err error) {
	if err := demand(actor); err != nil {
		return d, err
	}
	err = h.db.Do(ctx, func(tx *db.Tx) error {
		if d, err = deliveries.ForUpdate(tx, actor.Account, s); err != nil {
			return missing(err, s)
		}
		switch _, err := content(tx, &d); {
		case errors.Is(err, errErased):
			return fault.New(20409, "What %s sent was erased", s)
		case err != nil:
			return err
		}
		if err := h.jobs.Cancel(tx, Queue, d.jobName()); err != nil {
			return err
		}
		d.State, d.Attempts, d.Failure, d.Reason = Pending, 0, "", ""
		d.Round++
		if err := deliveries.Update(tx, &d); err != nil {
			return err
		}
		return h.schedule(tx, &d)
	})
	return d, err
}

// CancelTx calls off what is pending about a subject in that order. What is being posted at this moment arrives nonetheless.
func (h *Hooks) CancelTx(tx *db.Tx, acct int64, subject sid.SID, order string) error {
	pending, err := deliveries.Find(tx, "account_id = $1 and subject_sid = $2 and state = $3 order by id"+tx.LockSuffix(), acct, subject, Pending)
	if err != nil {
		return err
	}
	for i := range pending {
		d := &pending[i]
		if d.Order != order {
			continue
		}
		if err := h.jobs.Cancel(tx, Queue, d.jobName()); err != nil {
			return err
		}
		d.State, d.Settled = Canceled, true
		if err := deliveries.Update(tx, d); err != nil {
			return err
		}
	}
	return nil
}

// Trim deletes up to limit deliveries that were made before the given time, the oldest first, and returns how many it deleted.
func (h *Hooks) Trim(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	err = h.db.Do(ctx, func(tx *db.Tx) error {
		const oldest = `select sid from (select sid, created_at from hook_delivery order by id limit $2) as oldest where created_at < $1`
		if _, err := tx.Exec("delete from hook_body where sid in ("+oldest+")", db.Micros(before), limit); err != nil {
			return err
		}
		n, err = tx.Exec("delete from hook_delivery where sid in ("+oldest+")", db.Micros(before), limit)
		return err
	})
	return n, err
}

// errErased says that a delivery's content can no longer be read.
var errErased = errors.New("erased")

// content reads what a delivery sends.
func content(tx *db.Tx, d *Delivery) (Content, error) {
	b, err := bodies.Get(tx, d.Account, d.SID)
	if errors.Is(err, seal.ErrDestroyed) || errors.Is(err, db.ErrNotFound) {
		return Content{}, errErased
	}
	return b.Content, err
}

func demand(actor account.Actor) error {
	if !actor.Can(account.FlexManage) {
		return fault.Forbidden("The credentials do not have the grant %s", string(account.FlexManage))
	}
	return nil
}

func missing(err error, s sid.SID) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound("/Deliveries/" + string(s)).With(err)
	}
	return err
}
