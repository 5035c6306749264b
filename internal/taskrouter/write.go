package taskrouter

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// errStale says that a row is not what the decision was made on.
var errStale = errors.New("the row has changed")

// group is the rows of one transaction's decisions, locked in the order of locks.
type group struct {
	*op
	tasks   map[int64]*Task
	workers map[int64]*Worker
}

// write carries decisions out in one transaction. Those whose rows have changed meanwhile are left out, and the rows are
// read anew.
func (ow *owner) write(ctx context.Context, s *route.State, decisions []route.Decision) error {
	var staleTasks, staleWorkers map[int64]bool
	err := ow.r.t.db.Do(ctx, func(tx *db.Tx) error {
		staleTasks, staleWorkers = map[int64]bool{}, map[int64]bool{}
		o, err := ow.r.t.of(tx, ow.workspace)
		if err != nil {
			return err
		}
		g := &group{op: o}
		if err := g.lock(decisions); err != nil {
			return err
		}
		for i := range decisions {
			d := &decisions[i]
			err := errStale
			if !staleTasks[d.Task] { // an earlier decision about the task was left out: so are the later ones
				err = g.apply(d)
			}
			if errors.Is(err, errStale) {
				staleTasks[d.Task] = true
				if d.Worker != 0 {
					staleWorkers[d.Worker] = true
				}
				continue
			}
			if err != nil {
				return err
			}
		}
		return g.finish()
	})
	if err != nil || len(staleTasks) == 0 {
		return err
	}
	return ow.reload(ctx, s, staleTasks, staleWorkers)
}

func (g *group) lock(decisions []route.Decision) error {
	taskIDs, workerIDs := map[int64]bool{}, map[int64]bool{}
	for _, d := range decisions {
		taskIDs[d.Task] = true
		if d.Worker != 0 {
			workerIDs[d.Worker] = true
		}
	}
	var err error
	if g.tasks, err = byIDs(g.op, tasks, taskIDs); err != nil {
		return err
	}
	for _, t := range g.tasks {
		if err := g.fillTask(t); err != nil {
			return err
		}
	}
	g.workers, err = byIDs(g.op, workers, workerIDs)
	return err
}

// byIDs reads and locks rows by ascending id. The list of parameters is padded to a power of two, so that there are few
// distinct statements.
func byIDs[T any](o *op, tb *db.Table[T], ids map[int64]bool) (map[int64]*T, error) {
	out := make(map[int64]*T, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	sorted := slices.Sorted(maps.Keys(ids))
	n := 1
	for n < len(sorted) {
		n *= 2
	}
	args := make([]any, n)
	for i := range args {
		args[i] = sorted[min(i, len(sorted)-1)]
	}
	rows, err := tb.Find(o.tx, "id in ("+db.In(1, n)+") order by id"+o.tx.LockSuffix(), args...)
	for i := range rows {
		out[tb.Row(&rows[i]).ID] = &rows[i]
	}
	return out, err
}

func (g *group) apply(d *route.Decision) error {
	t := g.tasks[d.Task]
	if t == nil || t.Version != d.TaskVersion || !t.Status.Waiting() {
		return errStale
	}
	switch d.Kind {
	case route.Reserve:
		return g.reserve(d, t)
	case route.Timeout:
		return g.timeout(d, t)
	case route.Move:
		t.Filter, t.Target, t.Priority, t.Queue, t.Due = int64(d.Filter), int64(d.Target), d.Priority, Ref{ID: d.Queue}, db.FromMicros(d.Due)
		t.QueueEntered = g.tx.Now
		return g.saveTask(t, TaskUpdated)
	default:
		return g.cancelTask(t, d.Reason)
	}
}

// reserve offers a task to a worker, if both are as the decision saw them.
func (g *group) reserve(d *route.Decision, t *Task) error {
	w := g.workers[d.Worker]
	if w == nil || w.Version+g.asked[w.ID] != d.WorkerVersion {
		return errStale
	}
	n, err := g.tx.Exec("update taskrouter_task set status = 'reserved', version = version + 1, updated_at = $1 where id = $2 and version = $3",
		micros(g.tx.Now), t.ID, t.Version)
	if err != nil {
		return err
	}
	if n == 0 {
		return errStale
	}
	t.Status, t.UpdatedAt = TaskReserved, g.tx.Now
	t.Version++
	r := Reservation{
		Row: db.Row{SID: sid.New(sid.Reservation), Account: g.ws.Account, Key: t.Key}, WorkspaceID: g.ws.ID,
		ReservationDoc: row.ReservationDoc{TaskSID: t.SID, WorkerSID: w.SID, WorkerName: w.FriendlyName},
		Task:           Ref{ID: t.ID}, Worker: Ref{ID: w.ID}, ChannelID: t.Channel.ID, Status: ReservationPending, Expires: db.FromMicros(d.Due), Live: true,
	}
	if err := reservations.Insert(g.tx, &r); err != nil {
		return err
	}
	g.fillReservation(&r)
	g.asked[w.ID]++
	g.wake[w.ID] = true
	v := routedReservation(&r, g.tx.Now)
	g.feed(func(s *route.State) { s.PutReservation(v) })
	if err := g.emitReservation(event.ReservationCreated, &r, t); err != nil {
		return err
	}
	if err := g.emitTask(TaskUpdated, t); err != nil {
		return err
	}
	return g.singleTask(t.Queue.ID, w.ID, func(q *TaskQueue) int64 { return q.ReservationActivity.ID })
}

// timeout ends a reservation that was not answered.
func (g *group) timeout(d *route.Decision, t *Task) error {
	r, err := reservations.ByIDForUpdate(g.tx, d.Reservation)
	if errors.Is(err, db.ErrNotFound) || err == nil && (r.Status != ReservationPending || r.Expires.After(g.tx.Now.Add(time.Second))) {
		return errStale
	}
	if err != nil {
		return err
	}
	g.fillReservation(&r)
	if err := g.refuse(&r, t, ReservationTimeout); err != nil {
		return err
	}
	if g.ws.MultiTask {
		return nil
	}
	return g.moveWorker(r.Worker.ID, g.ws.TimeoutActivity.ID)
}
