package taskrouter

import (
	"strings"
	"time"

	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/expr"
	"usher/internal/taskrouter/route"
)

// routedQueue is the queue as routing knows it.
func routedQueue(q *TaskQueue) (route.Queue, error) {
	r := route.Queue{ID: q.ID, Version: q.Version, LIFO: q.LIFO, MaxReserved: int(q.MaxReserved)}
	if strings.TrimSpace(q.TargetWorkers) == "" {
		return r, nil
	}
	e, err := expr.Parse(q.TargetWorkers)
	r.Target = e
	return r, err
}

// routedWorker is the worker as routing knows it, without the channels.
func routedWorker(w *Worker) route.Worker {
	return route.Worker{
		ID: w.ID, Version: w.Version, SID: string(w.SID), Name: w.FriendlyName, Attributes: attr.Map(w.Attributes),
		ActivitySID: string(w.Activity.SID), ActivityName: w.Activity.Name, Available: w.Available, Since: db.Micros(w.IdleAt),
	}
}

// routedTask is the task as routing knows it.
func routedTask(t *Task, flow *route.Workflow) route.Task {
	r := route.Task{
		ID: t.ID, Version: t.Version, Workflow: t.Workflow.ID, Filter: int(t.Filter), Target: int(t.Target), Queue: t.Queue.ID, Channel: t.Channel.ID,
		Priority: t.Priority, Start: db.Micros(t.VirtualStart), Expires: db.Micros(t.Expires), Due: db.Micros(t.Due),
		Worker: t.TargetWorker, IgnoreCapacity: t.IgnoreCapacity,
	}
	switch {
	case t.Status.Ended():
		r.Phase = route.Done
	case !t.Status.Waiting():
		r.Phase = route.Taken
	case flow != nil && flow.NeedsTask():
		r.Attributes = attr.Map(t.Attributes)
	}
	return r
}

// routedReservation is the reservation as routing knows it.
func routedReservation(r *Reservation, now time.Time) route.Reservation {
	v := route.Reservation{
		ID: r.ID, Task: r.Task.ID, Worker: r.Worker.ID, Channel: r.ChannelID, Live: r.Live,
		Refused: r.Status == ReservationRejected || r.Status == ReservationTimeout, At: db.Micros(now),
	}
	if r.Status == ReservationPending {
		v.Due = db.Micros(r.Expires)
	}
	return v
}
