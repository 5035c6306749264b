package taskrouter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/sid"
)

// house is a workspace with its router running.
type house struct {
	*TaskRouter
	tb    testing.TB
	db    *db.DB
	actor account.Actor
	ids   DefaultIDs
	stop  func()

	mu     sync.Mutex
	events []event.Event
	heard  chan struct{}
}

// still makes a house whose router does not run yet.
func still(tb testing.TB, d *db.DB) *house {
	tb.Helper()
	b := bus.NewMemory()
	log := event.New(d, b, job.New(d, b), map[event.StreamKind]string{
		event.Worker: WorkerTable, event.Queue: QueueTable, event.Workspace: WorkspaceTable,
	}, nil)
	h := &house{TaskRouter: New(Deps{DB: d, Log: log}), tb: tb, db: d, heard: make(chan struct{}, 1), stop: func() {}}
	cancel := b.Subscribe(bus.Events, func(v any) {
		h.mu.Lock()
		h.events = append(h.events, v.(event.Event))
		h.mu.Unlock()
		select {
		case h.heard <- struct{}{}:
		default:
		}
	})
	tb.Cleanup(cancel)
	err := d.Do(tb.Context(), func(tx *db.Tx) error {
		id, err := db.CreateKeyset(tx)
		if err != nil {
			return err
		}
		h.actor = account.System(id, sid.New(sid.Account))
		h.ids, err = h.Defaults(tx, id, h.actor.AccountSID, "")
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// open makes a house with its router running.
func open(tb testing.TB, d *db.DB) *house {
	tb.Helper()
	h := still(tb, d)
	h.run()
	return h
}

// run starts the router; h.stop stops it and waits.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Router().Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			h.tb.Errorf("router: %v", err)
		}
	})
	h.tb.Cleanup(h.stop)
	for {
		h.router.mu.Lock()
		up := h.router.ctx != nil
		h.router.mu.Unlock()
		if up {
			return
		}
		<-time.After(time.Millisecond)
	}
}

func must[T any](tb testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func (h *house) ctx() context.Context { return context.Background() }

// worker makes an available worker with a chat capacity.
func (h *house) worker(name, attrs string, capacity int64) Worker {
	h.tb.Helper()
	w := must[Worker](h.tb)(h.CreateWorker(h.ctx(), h.actor, h.ids.Workspace, NewWorker{FriendlyName: name, Attributes: attrs}))
	if capacity != 1 {
		must[WorkerChannel](h.tb)(h.UpdateWorkerChannel(h.ctx(), h.actor, h.ids.Workspace, w.SID, "chat", &capacity, nil))
	}
	return h.move(w, h.ids.Available)
}

func (h *house) move(w Worker, to sid.SID) Worker {
	h.tb.Helper()
	return must[Worker](h.tb)(h.UpdateWorker(h.ctx(), h.actor, h.ids.Workspace, w.SID, WorkerUpdate{Activity: &to}))
}

func (h *house) task(n NewTask) Task {
	h.tb.Helper()
	if n.TaskChannel == "" {
		n.TaskChannel = "chat"
	}
	return must[Task](h.tb)(h.CreateTask(h.ctx(), h.actor, h.ids.Workspace, n))
}

func (h *house) see(t Task) Task {
	h.tb.Helper()
	return must[Task](h.tb)(h.Task(h.ctx(), h.actor, h.ids.Workspace, t.SID))
}

// await waits until a task has a state.
func (h *house) await(t Task, want TaskStatus) Task {
	h.tb.Helper()
	var got Task
	h.until(fmt.Sprintf("task %s is %s", t.SID, want), func() bool {
		got = h.see(t)
		return got.Status == want
	})
	return got
}

// until waits for a condition that follows from an event.
func (h *house) until(what string, ok func() bool) {
	h.tb.Helper()
	deadline := time.After(time.Minute) // for machines that do other work
	for !ok() {
		select {
		case <-h.heard:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			h.tb.Fatalf("never happened: %s; events: %v", what, h.kinds(""))
		}
	}
}

// pending waits for a worker's pending reservation of a task.
func (h *house) pending(w Worker, t Task) Reservation {
	h.tb.Helper()
	var r Reservation
	h.until(fmt.Sprintf("%s is offered to %s", t.SID, w.FriendlyName), func() bool {
		page := must[db.PageOf[Reservation]](h.tb)(h.TaskReservations(h.ctx(), h.actor, h.ids.Workspace, t.SID,
			ReservationFilter{Statuses: []ReservationStatus{ReservationPending}, Worker: w.SID}, db.Page{Size: 10}))
		if len(page.Items) == 0 {
			return false
		}
		r = page.Items[0]
		return true
	})
	return r
}

func (h *house) answer(r Reservation, to ReservationStatus) (Reservation, error) {
	return h.UpdateReservation(h.ctx(), h.actor, ReservationOf{Workspace: h.ids.Workspace, Task: r.Task.SID, Reservation: r.SID}, ReservationUpdate{Status: to})
}

func (h *house) accept(r Reservation) Reservation {
	h.tb.Helper()
	return must[Reservation](h.tb)(h.answer(r, ReservationAccepted))
}

// kinds returns the events of a stream, of all streams for "".
func (h *house) kinds(stream sid.SID) (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if stream == "" || e.Stream.SID == stream {
			out = append(out, e.Kind)
		}
	}
	return out
}

// last decodes the newest event of a kind on a stream.
func (h *house) last(stream sid.SID, kind string) EventData {
	h.tb.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range slices.Backward(h.events) {
		if e.Stream.SID == stream && e.Kind == kind {
			var data EventData
			if err := json.Unmarshal(e.Data, &data); err != nil {
				h.tb.Fatal(err)
			}
			return data
		}
	}
	h.tb.Fatalf("no %s on %s", kind, stream)
	return EventData{}
}

// check holds the invariants of the rows: gapless streams, one live reservation per task and worker, capacity.
func (h *house) check() {
	h.tb.Helper()
	err := h.db.View(h.ctx(), func(tx *db.Tx) error {
		for what, query := range map[string]string{
			"streams with gaps": `select count(*) from (select stream_kind, stream_id from event group by stream_kind, stream_id
				having count(*) <> max(stream_offset) or min(stream_offset) <> 1) as gaps`,
			"heads that are not the last offset": `select count(*) from taskrouter_worker w where head <> (select count(*) from event where stream_kind = 3 and stream_id = w.id)`,
			"workers over capacity": `select count(*) from taskrouter_worker_channel c where capacity < (select count(*) from taskrouter_reservation r
				where r.worker_id = c.worker_id and r.channel_id = c.channel_id and r.live = 1)`,
			"tasks without their reservation": `select count(*) from taskrouter_task t where status in ('reserved', 'assigned', 'wrapping') and not exists
				(select 1 from taskrouter_reservation r where r.task_id = t.id and r.live = 1)`,
			"reservations of ended tasks": `select count(*) from taskrouter_reservation r where live = 1 and not exists (select 1 from taskrouter_task t
				where t.id = r.task_id and t.live = 1)`,
		} {
			var n int64
			if err := tx.QueryRow(query).Scan(&n); err != nil {
				return err
			}
			if n != 0 {
				h.tb.Errorf("%d %s", n, what)
			}
		}
		return nil
	})
	if err != nil {
		h.tb.Fatal(err)
	}
}

func code(err error) int { return fault.Of(err).Code }
