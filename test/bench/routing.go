package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// Shape of the routing load: every worker serves a few of the queues, tasks are spread over all of them by an expression.
const (
	routeWorkers  = 1000
	routeQueues   = 50
	routeSkills   = 5
	routeCapacity = 50
	routeMeasured = 20_000 // tasks that are timed while 100,000 and then 80,000 wait
	routeFew      = 1000
	routeRepeats  = 10
)

// routing times durable routing: task update, reservation and events are committed for each task.
func (b *bench) routing(ctx context.Context) error {
	var many, few []float64
	for range b.rounds {
		long, err := b.route(ctx, 100_000, 1, routeMeasured)
		if err != nil {
			return err
		}
		short, err := b.route(ctx, routeFew, routeRepeats, routeFew)
		if err != nil {
			return err
		}
		many, few = append(many, long), append(few, short)
	}
	m, f := median(many), median(few)
	b.add("routing with 1,000 workers and 100,000 queued, durable tasks/s", f0(m), "", "", "≥ 5,000", m >= 5000)
	b.add("cost of a task at 100,000 queued (bound: at 1,000)", f0(1e6/m)+" µs", f0(1e6/f)+" µs", f2(f/m), "≤ 1.3", f/m <= 1.3)
	return nil
}

// routeHouse is a workspace in this process, with a router that runs when it is told to.
type routeHouse struct {
	tasks *taskrouter.TaskRouter
	db    *db.DB
	actor account.Actor
	ids   taskrouter.DefaultIDs
	flow  sid.SID

	mu    sync.Mutex
	first time.Time
	last  time.Time
	seen  int
	want  int
	done  chan struct{}
}

// route queues n tasks and routes them, repeats times, and returns how many of the first `timed` were routed in a second.
func (b *bench) route(ctx context.Context, n, repeats, timed int) (float64, error) {
	dir, err := os.MkdirTemp(b.dir, "route-")
	if err != nil {
		return 0, err
	}
	root, err := seal.CreateRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		return 0, err
	}
	d, err := db.Open(ctx, db.Options{URL: filepath.Join(dir, "usher.db"), Ring: seal.New(root)})
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.Close() }()
	h, err := newRouteHouse(ctx, d)
	if err != nil {
		return 0, err
	}
	var took time.Duration
	for range repeats {
		if err := h.queue(ctx, n); err != nil {
			return 0, err
		}
		one, err := h.routeOnce(ctx, timed)
		if err != nil {
			return 0, err
		}
		took += one
	}
	return float64(repeats*(timed-1)) / took.Seconds(), nil
}

func newRouteHouse(ctx context.Context, d *db.DB) (*routeHouse, error) {
	signals := bus.NewMemory()
	log := event.New(d, signals, job.New(d, signals), map[event.StreamKind]string{
		event.Worker: taskrouter.WorkerTable, event.Queue: taskrouter.QueueTable, event.Workspace: taskrouter.WorkspaceTable,
	}, nil)
	h := &routeHouse{tasks: taskrouter.New(taskrouter.Deps{DB: d, Log: log}), db: d}
	signals.Subscribe(bus.Events, h.heard)
	err := d.Do(ctx, func(tx *db.Tx) error {
		id, err := db.CreateKeyset(tx)
		if err != nil {
			return err
		}
		h.actor = account.System(id, sid.New(sid.Account))
		h.ids, err = h.tasks.Defaults(tx, id, h.actor.AccountSID, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := h.flows(ctx); err != nil {
		return nil, err
	}
	return h, parallel(16, routeWorkers, func(i int) error { return h.worker(ctx, i) })
}

// flows makes the queues, and the workflow that spreads tasks over them.
func (h *routeHouse) flows(ctx context.Context) error {
	type target struct {
		Queue sid.SID `json:"queue"`
	}
	type filter struct {
		Expression string   `json:"expression"`
		Targets    []target `json:"targets"`
	}
	var filters []filter
	for i := range routeQueues {
		expression := fmt.Sprintf(`skills HAS "s%d"`, i)
		q, err := h.tasks.CreateTaskQueue(ctx, h.actor, h.ids.Workspace, taskrouter.NewTaskQueue{FriendlyName: fmt.Sprintf("queue %d", i), TargetWorkers: &expression})
		if err != nil {
			return err
		}
		filters = append(filters, filter{fmt.Sprintf(`skill == "s%d"`, i), []target{{q.SID}}})
	}
	text, err := json.Marshal(map[string]any{"task_routing": map[string]any{"filters": filters, "default_filter": target{h.ids.Queue}}})
	if err != nil {
		return err
	}
	w, err := h.tasks.CreateWorkflow(ctx, h.actor, h.ids.Workspace, taskrouter.NewWorkflow{FriendlyName: "by skill", Configuration: string(text), ReservationTimeout: 3600})
	h.flow = w.SID
	return err
}

func (h *routeHouse) worker(ctx context.Context, i int) error {
	var skills []string
	for k := range routeSkills {
		skills = append(skills, fmt.Sprintf("s%d", (i+k*7)%routeQueues))
	}
	text, err := json.Marshal(map[string]any{"skills": skills})
	if err != nil {
		return err
	}
	w, err := h.tasks.CreateWorker(ctx, h.actor, h.ids.Workspace, taskrouter.NewWorker{FriendlyName: fmt.Sprintf("worker %d", i), Attributes: string(text), Activity: h.ids.Available})
	if err != nil {
		return err
	}
	capacity := int64(routeCapacity)
	_, err = h.tasks.UpdateWorkerChannel(ctx, h.actor, h.ids.Workspace, w.SID, "default", &capacity, nil)
	return err
}

// queue makes n tasks while nobody routes.
func (h *routeHouse) queue(ctx context.Context, n int) error {
	const group = 250
	return parallel(8, n/group, func(part int) error {
		return h.db.Do(ctx, func(tx *db.Tx) error {
			for i := range group {
				_, err := h.tasks.CreateTaskTx(tx, h.actor.Account, h.ids.Workspace, taskrouter.NewTask{
					Workflow: h.flow, Attributes: fmt.Sprintf(`{"skill":"s%d"}`, (part*group+i)%routeQueues),
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// routeOnce runs the router until `timed` tasks were reserved and returns the time from the first to the last of them.
func (h *routeHouse) routeOnce(ctx context.Context, timed int) (time.Duration, error) {
	h.mu.Lock()
	h.seen, h.want, h.done = 0, timed, make(chan struct{})
	done := h.done
	h.mu.Unlock()
	inner, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.tasks.Router().Run(inner) }()
	var err error
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		err = errors.New("the router stands still")
	}
	cancel()
	<-ended
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.Sub(h.first), err
}

func (h *routeHouse) heard(v any) {
	if e, ok := v.(event.Event); !ok || e.Kind != event.ReservationCreated {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.seen == 0 {
		h.first = now
	}
	if h.seen++; h.seen == h.want {
		h.last = now
		close(h.done)
	}
}
