package taskrouter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// Limits of the wire: attributes are counted in characters, times in seconds.
const (
	maxName        = 255
	maxTaskTimeout = 14 * 24 * 3600 // 1,209,600
	defaultTimeout = 24 * 3600
	maxPriority    = 1<<31 - 1
	maxCapacity    = 50
	maxRejections  = 1000
	maxReserved    = 50
	maxActivities  = 100
	maxWorkflow    = 1 << 20
)

// Deps is what taskrouter stands on. Slog may be nil.
type Deps struct {
	DB   *db.DB
	Log  *event.Log
	Ring *seal.Ring // blind indexes; nil takes the database's
	Slog *slog.Logger
}

// TaskRouter holds the operations of this package. It is safe for concurrent use. Router, which makes the decisions,
// has to be run.
//
// Operations that take a context open their own transaction and check what the actor may do. Those whose names end in
// Tx are for sentences that span products: they check limits and forms, but not who asks.
type TaskRouter struct {
	db     *db.DB
	log    *event.Log
	ring   *seal.Ring
	router *Router

	mu    sync.Mutex
	flows map[int64]compiled // by workflow; used while the version is the row's
}

// New returns a TaskRouter.
func New(d Deps) *TaskRouter {
	t := &TaskRouter{db: d.DB, log: d.Log, ring: d.Ring, flows: map[int64]compiled{}}
	if t.ring == nil {
		t.ring = d.DB.Ring()
	}
	logger := d.Slog
	if logger == nil {
		logger = slog.Default()
	}
	t.router = &Router{t: t, slog: logger, owners: map[int64]*owner{}}
	return t
}

// Router is the service that routes tasks.
func (t *TaskRouter) Router() *Router { return t.router }

// op is one transaction of one workspace. It collects events and changes for the router, and finish writes them.
type op struct {
	t     *TaskRouter
	tx    *db.Tx
	ws    Workspace
	look  lookups
	out   []outgoing
	wake  map[int64]bool  // workers whose idle time begins anew
	asked map[int64]int64 // new reservations by worker: its version counts them
	feeds []func(*route.State)
	last  []func(*route.State) // of tasks: after their reservations, which a task that ends takes with it
}

// begin starts an operation on a workspace that the account owns; 20404 otherwise.
func (t *TaskRouter) begin(tx *db.Tx, accountID int64, ws sid.SID) (*op, error) {
	w, err := workspaces.Get(tx, accountID, ws)
	if err != nil {
		return nil, missing(err, "/Workspaces/"+string(ws))
	}
	return t.beginOn(tx, w), nil
}

func (t *TaskRouter) beginOn(tx *db.Tx, w Workspace) *op {
	return &op{t: t, tx: tx, ws: w, look: lookups{tx: tx}, wake: map[int64]bool{}, asked: map[int64]int64{}}
}

// do runs fn in a write transaction on the actor's workspace.
func (t *TaskRouter) do(ctx context.Context, a account.Actor, ws sid.SID, fn func(*op) error) error {
	if err := within(a, ws); err != nil {
		return err
	}
	return t.db.Do(ctx, func(tx *db.Tx) error {
		o, err := t.begin(tx, a.Account, ws)
		if err != nil {
			return err
		}
		if err := fn(o); err != nil {
			return err
		}
		return o.finish()
	})
}

// view runs fn in a read transaction on the actor's workspace.
func (t *TaskRouter) view(ctx context.Context, a account.Actor, ws sid.SID, fn func(*op) error) error {
	if err := within(a, ws); err != nil {
		return err
	}
	return t.db.View(ctx, func(tx *db.Tx) error {
		o, err := t.begin(tx, a.Account, ws)
		if err != nil {
			return err
		}
		return fn(o)
	})
}

// within keeps an access token to the workspace that it was made for.
func within(a account.Actor, ws sid.SID) error {
	if !sid.Valid(string(ws), sid.Workspace) || a.Workspace != "" && a.Workspace != ws {
		return fault.NotFound("/Workspaces/" + string(ws))
	}
	return nil
}

// feed gives the router a change, once the transaction has committed.
func (o *op) feed(fn func(*route.State)) { o.feeds = append(o.feeds, fn) }

// finish writes the events in the order of locks and arranges for the router to be told.
func (o *op) finish() error {
	if err := o.flush(); err != nil {
		return err
	}
	if feeds, id := append(o.feeds, o.last...), o.ws.ID; len(feeds) > 0 {
		o.tx.AfterCommit(func() { o.t.router.push(id, feeds) })
	}
	return nil
}

// supervises reports whether the actor may act for others; whoever may not acts for their own worker alone.
func supervises(a account.Actor) bool {
	return a.Can(account.TaskRouterManage) || a.Can(account.TaskRouterSupervise)
}

func own(a account.Actor, worker sid.SID) error {
	if supervises(a) || a.Worker != "" && a.Worker == worker {
		return nil
	}
	return fault.Forbidden("Worker %s may only act for itself", a.Worker)
}

// keeps refuses attributes in which somebody who acts for themselves sets who is let into a conversation.
func keeps(a account.Actor, name string, had json.RawMessage, attributes *string) error {
	if attributes == nil || supervises(a) || !row.Sets(had, *attributes, name) {
		return nil
	}
	return fault.Forbidden("Worker %s may not set the attribute %s", a.Worker, name)
}

// missing turns "no such row" into 20404 at the path.
func missing(err error, path string) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound(path)
	}
	return err
}

func (o *op) path(parts ...string) string {
	return "/Workspaces/" + string(o.ws.SID) + "/" + strings.Join(parts, "/")
}

// get reads a row of the workspace by SID; 20404 when it is absent, of another workspace or of another account.
func get[T any](o *op, tb *db.Table[T], s sid.SID, workspaceID func(*T) int64, noun string, lock bool) (T, error) {
	read := tb.Get
	if lock {
		read = tb.ForUpdate
	}
	v, err := read(o.tx, o.ws.Account, s)
	if err == nil && workspaceID(&v) != o.ws.ID {
		err = db.ErrNotFound
	}
	return v, missing(err, o.path(noun, string(s)))
}

// hash is the blind index of a name within the account; case does not matter.
func (o *op) hash(purpose, name string) ([]byte, error) {
	return o.t.hash(o.ws.Account, purpose, name)
}

func (t *TaskRouter) hash(accountID int64, purpose, name string) ([]byte, error) {
	h, err := t.ring.Blind(accountID, "taskrouter."+purpose, strings.ToLower(name))
	if err != nil {
		return nil, fmt.Errorf("name of %s: %w", purpose, err)
	}
	return h, nil
}

// named checks a friendly name and returns its blind index.
func (o *op) named(purpose, name string) ([]byte, error) {
	if strings.TrimSpace(name) == "" {
		return nil, fault.Invalid("Missing required parameter FriendlyName in the post body")
	}
	if utf8.RuneCountInString(name) > maxName {
		return nil, fault.Invalid("FriendlyName is longer than %d characters", maxName)
	}
	return o.hash(purpose, name)
}

// fits compares the version that an If-Match named with the row's; 0 is none.
func fits(want int64, r *db.Row) error {
	if want != 0 && want != r.Version {
		return fault.PreconditionFailed("The resource has version %d, not %d", r.Version, want)
	}
	return nil
}

// taken turns a unique violation into the answer for a name in use.
func taken(err error, format string, args ...any) error {
	if errors.Is(err, db.ErrConflict) {
		return fault.Invalid(format, args...).With(err)
	}
	return err
}
