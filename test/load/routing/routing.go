// Package routing drives the routing of tasks through public operations, for benchmarks: a burst, in which a house of
// workers signs in while many tasks wait, and turns, in which tasks are accepted, completed and replaced by new ones
// while the queue keeps its length.
package routing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// Spec says how large the house is. Each worker has 5 of Skills skills, and there is a queue per skill.
type Spec struct {
	Workers  int
	Skills   int
	Waiting  int   // tasks that wait when the workers sign in
	Capacity int64 // of a worker, at most 50
	Turns    int   // tasks that are accepted and completed afterwards, each followed by a new one; 0 for none
	Clients  int   // operations at a time
}

// Result is what was measured. Every task counts once its reservation is committed.
type Result struct {
	Routed    int           // in the burst
	Burst     time.Duration // from the first worker's signing in to the last reservation
	Turns     int
	TurnsTook time.Duration // create, route, accept and complete, each its own transaction
}

// PerSecond is the rate of the burst.
func (r Result) PerSecond() float64 { return float64(r.Routed) / r.Burst.Seconds() }

// PerTurn is the cost of a turn.
func (r Result) PerTurn() time.Duration { return r.TurnsTook / time.Duration(max(1, r.Turns)) }

// House is a workspace under load.
type House struct {
	t       *taskrouter.TaskRouter
	d       *db.DB
	actor   account.Actor
	spec    Spec
	ws      sid.SID
	on      sid.SID
	workers []taskrouter.Worker
	rnd     *rand.Rand
}

// Build makes the workspace: activities, queues, a workflow and workers who are offline.
func Build(ctx context.Context, t *taskrouter.TaskRouter, d *db.DB, a account.Actor, spec Spec) (*House, error) {
	if spec.Clients == 0 {
		spec.Clients = 32
	}
	h := &House{t: t, d: d, actor: a, spec: spec, rnd: rand.New(rand.NewPCG(7, 7))}
	ws, err := t.CreateWorkspace(ctx, a, taskrouter.NewWorkspace{FriendlyName: "Load"})
	if err != nil {
		return nil, err
	}
	h.ws = ws.SID
	yes := true
	on, err := t.Activities(ctx, a, h.ws, taskrouter.ActivityFilter{Available: &yes}, db.Page{Size: 1})
	if err != nil {
		return nil, err
	}
	h.on = on.Items[0].SID
	filters := ""
	for i := range spec.Skills {
		target := fmt.Sprintf("skills HAS 's%d'", i)
		q, err := t.CreateTaskQueue(ctx, a, h.ws, taskrouter.NewTaskQueue{FriendlyName: fmt.Sprint("queue ", i), TargetWorkers: &target})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			filters += ","
		}
		filters += fmt.Sprintf(`{"expression":"skill == 's%d'","targets":[{"queue":"%s"}]}`, i, q.SID)
	}
	_, err = t.CreateWorkflow(ctx, a, h.ws, taskrouter.NewWorkflow{
		FriendlyName: "Load", Configuration: `{"task_routing":{"filters":[` + filters + `]}}`, ReservationTimeout: 86_400,
	})
	if err != nil {
		return nil, err
	}
	h.workers = make([]taskrouter.Worker, spec.Workers)
	attrs := make([]string, spec.Workers)
	for i := range attrs {
		p := h.rnd.Perm(spec.Skills)
		attrs[i] = fmt.Sprintf(`{"skills":["s%d","s%d","s%d","s%d","s%d"]}`, p[0], p[1], p[2], p[3], p[4])
	}
	return h, h.each(ctx, spec.Workers, func(i int) error {
		w, err := t.CreateWorker(ctx, a, h.ws, taskrouter.NewWorker{FriendlyName: fmt.Sprint("worker ", i), Attributes: attrs[i]})
		h.workers[i] = w
		if err != nil {
			return err
		}
		_, err = t.UpdateWorkerChannel(ctx, a, h.ws, w.SID, "chat", &spec.Capacity, nil)
		return err
	})
}

// each runs fn for 0 to n-1 on the house's clients.
func (h *House) each(ctx context.Context, n int, fn func(i int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, h.spec.Clients)
	for range h.spec.Clients {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := fn(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

func (h *House) newTask(i int) taskrouter.NewTask {
	priority := int64(i % 5)
	return taskrouter.NewTask{
		TaskChannel: "chat", Priority: &priority,
		Attributes: fmt.Sprintf(`{"skill":"s%d","name":"Customer %d","channelType":"web","question":"Where is my parcel?"}`, i*7%h.spec.Skills, i),
	}
}

// Fill makes the waiting tasks.
func (h *House) Fill(ctx context.Context) error {
	const piece = 250
	for from := 0; from < h.spec.Waiting; from += piece {
		err := h.d.Do(ctx, func(tx *db.Tx) error {
			for i := from; i < min(from+piece, h.spec.Waiting); i++ {
				if _, err := h.t.CreateTaskTx(tx, h.actor.Account, h.ws, h.newTask(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Run lets the workers sign in, waits until all capacity is used or no task waits, and then takes turns.
func (h *House) Run(ctx context.Context) (r Result, err error) {
	want := min(h.spec.Waiting, h.spec.Workers*int(h.spec.Capacity))
	start := time.Now()
	err = h.each(ctx, h.spec.Workers, func(i int) error {
		_, err := h.t.UpdateWorker(ctx, h.actor, h.ws, h.workers[i].SID, taskrouter.WorkerUpdate{Activity: &h.on})
		return err
	})
	if err != nil {
		return r, err
	}
	if r.Routed, r.Burst, err = h.settled(ctx, start, want); err != nil || h.spec.Turns == 0 {
		return r, err
	}
	r.Turns = h.spec.Turns
	start = time.Now()
	err = h.each(ctx, h.spec.Turns, func(i int) error { return h.turn(ctx, i) })
	r.TurnsTook = time.Since(start)
	return r, err
}

// quiet is how long nothing is routed before a burst counts as over: a worker may have no task of its skills left.
const quiet = 2 * time.Second

// settled waits until the tasks that can be routed are, and returns how many and when the last one was.
func (h *House) settled(ctx context.Context, start time.Time, want int) (routed int, took time.Duration, err error) {
	for since := time.Now(); routed < want && time.Since(since) < quiet; {
		counts, err := h.t.TaskCounts(ctx, h.actor, h.ws)
		if err != nil {
			return routed, took, err
		}
		if n := int(counts[taskrouter.TaskReserved]); n != routed {
			routed, since, took = n, time.Now(), time.Since(start)
		}
		select {
		case <-ctx.Done():
			return routed, took, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return routed, took, nil
}

// turn answers and completes the oldest pending reservation of a worker, and makes a task for the next one.
func (h *House) turn(ctx context.Context, i int) error {
	w := h.workers[i%len(h.workers)]
	var pending []taskrouter.Reservation
	for {
		page, err := h.t.WorkerReservations(ctx, h.actor, h.ws, w.SID,
			taskrouter.ReservationFilter{Statuses: []taskrouter.ReservationStatus{taskrouter.ReservationPending}}, db.Page{Size: 1, Desc: true})
		if err != nil {
			return err
		}
		if pending = page.Items; len(pending) > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
			i += 37 // this worker has nothing to do
			w = h.workers[i%len(h.workers)]
		}
	}
	of := taskrouter.ReservationOf{Workspace: h.ws, Worker: w.SID, Reservation: pending[0].SID}
	for _, to := range []taskrouter.ReservationStatus{taskrouter.ReservationAccepted, taskrouter.ReservationCompleted} {
		if _, err := h.t.UpdateReservation(ctx, h.actor, of, taskrouter.ReservationUpdate{Status: to}); err != nil {
			return err
		}
	}
	_, err := h.t.CreateTask(ctx, h.actor, h.ws, h.newTask(i))
	return err
}
