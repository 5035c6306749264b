package taskrouter

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"usher/internal/db"
	"usher/internal/retry"
	"usher/internal/taskrouter/route"
)

// keepEnded is how long ended tasks stay. Source: the wire's documentation of a task's life.
const keepEnded = 5 * time.Minute

// groupMost is how many decisions one transaction writes.
const groupMost = 128

// Router is the service that routes: one owner per workspace with work, started by the first change. It implements
// loop.Service and stops when its context is done.
type Router struct {
	t    *TaskRouter
	slog *slog.Logger

	mu     sync.Mutex
	ctx    context.Context //nolint:containedctx // of the present Run, for owners that start later
	owners map[int64]*owner
	all    sync.WaitGroup
}

// Run routes until ctx is done. State is rebuilt from the rows.
func (r *Router) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	r.ctx, r.owners = inner, map[int64]*owner{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.ctx = nil
		r.mu.Unlock()
		cancel()
		r.all.Wait()
	}()
	ids, err := r.busy(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r.push(id, nil)
	}
	sweep := time.NewTicker(time.Minute)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			if err := r.t.Sweep(ctx, time.Now().Add(-keepEnded)); err != nil && ctx.Err() == nil {
				r.slog.Warn("ended tasks were not removed", "error", err)
			}
		}
	}
}

// busy lists the workspaces that have tasks to look after.
func (r *Router) busy(ctx context.Context) (ids []int64, err error) {
	err = r.t.db.View(ctx, func(tx *db.Tx) error {
		ids = nil
		rows, err := tx.Query("select distinct workspace_id from taskrouter_task where live = 1")
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

// push hands committed changes to the workspace's owner. Before Run there is none: it reads the rows when it starts.
func (r *Router) push(workspace int64, feeds []func(*route.State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		return
	}
	ow := r.owners[workspace]
	if ow == nil {
		ow = &owner{r: r, workspace: workspace, wake: make(chan struct{}, 1)}
		var ctx context.Context
		ctx, ow.stop = context.WithCancel(r.ctx)
		r.owners[workspace] = ow
		r.all.Add(1)
		go func() {
			defer r.all.Done()
			ow.run(ctx)
		}()
	}
	ow.mu.Lock()
	ow.inbox = append(ow.inbox, feeds...)
	ow.mu.Unlock()
	select {
	case ow.wake <- struct{}{}:
	default:
	}
}

// forget stops the owner of a workspace that was deleted.
func (r *Router) forget(workspace int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ow := r.owners[workspace]; ow != nil {
		ow.stop()
		delete(r.owners, workspace)
	}
}

// owner routes one workspace.
type owner struct {
	r         *Router
	workspace int64
	wake      chan struct{}
	stop      context.CancelFunc

	mu    sync.Mutex
	inbox []func(*route.State)
}

// again is how long an owner rests after a failure of the database.
var again = retry.Policy{Min: 50 * time.Millisecond, Max: 5 * time.Second, Factor: 2, Jitter: 0.2}

func (ow *owner) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; failures++ {
		started := time.Now()
		err := ow.route(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			return // the workspace is gone
		}
		if time.Since(started) > time.Minute {
			failures = 0
		}
		ow.r.slog.Warn("routing starts anew from the rows", "workspace", ow.workspace, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(again.Delay(failures+1, func() float64 { return 0.5 })):
		}
	}
}

// route reads the workspace and routes it until the context is done or the database fails.
func (ow *owner) route(ctx context.Context) error {
	state, err := ow.load(ctx)
	if err != nil || state == nil {
		return err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for _, feed := range ow.drain() {
			feed(state)
		}
		if decisions := route.Assign(state, time.Now().UnixMicro(), groupMost); len(decisions) > 0 {
			if err := ow.write(ctx, state, decisions); err != nil {
				return err
			}
			continue
		}
		wait := time.Hour
		if at, ok := state.Next(); ok {
			wait = max(0, time.Until(time.UnixMicro(at)))
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ow.wake:
		case <-timer.C:
		}
	}
}

func (ow *owner) drain() []func(*route.State) {
	ow.mu.Lock()
	defer ow.mu.Unlock()
	feeds := ow.inbox
	ow.inbox = nil
	return feeds
}

// Sweep removes tasks that ended before the given time, and their reservations, without an event.
func (t *TaskRouter) Sweep(ctx context.Context, before time.Time) error {
	const most = 500
	for {
		var n int64
		err := t.db.Do(ctx, func(tx *db.Tx) error {
			old := "select id from taskrouter_task where ended_at > 0 and ended_at < $1 order by ended_at limit 500"
			if _, err := tx.Exec("delete from taskrouter_reservation where task_id in ("+old+")", micros(before)); err != nil {
				return err
			}
			var err error
			n, err = tx.Exec("delete from taskrouter_task where id in ("+old+")", micros(before))
			return err
		})
		if err != nil || n < most {
			return err
		}
	}
}
