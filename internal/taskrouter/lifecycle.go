package taskrouter

import (
	"fmt"
	"slices"

	"usher/internal/event"
	"usher/internal/taskrouter/route"
)

// The events of tasks, under the names that this package's operations use.
const (
	TaskCreated = event.TaskCreated
	TaskUpdated = event.TaskUpdated
)

// reasonRejections is why a task ends that nobody wants.
const reasonRejections = "Task canceled on rejection limit"

// writeTask writes a changed task.
func (o *op) writeTask(t *Task) error {
	t.Live = !t.Status.Ended()
	if !t.Live && t.Ended.IsZero() {
		t.Ended = o.tx.Now
	}
	if err := tasks.Update(o.tx, t); err != nil {
		return err
	}
	if err := o.fillTask(t); err != nil {
		return err
	}
	return o.feedTask(t, nil)
}

// saveTask writes a changed task and tells the workspace and the workers who hold it.
func (o *op) saveTask(t *Task, kind string) error {
	if err := o.writeTask(t); err != nil {
		return err
	}
	holders, err := o.held(t)
	if err != nil {
		return err
	}
	return o.emitTask(kind, t, workersOf(holders)...)
}

func workersOf(all []Reservation) []Ref {
	refs := make([]Ref, len(all))
	for i := range all {
		refs[i] = all[i].Worker
	}
	return refs
}

// held returns the task's live reservations, locked.
func (o *op) held(t *Task) ([]Reservation, error) {
	all, err := reservations.Find(o.tx, "task_id = $1 and live = 1 order by id"+o.tx.LockSuffix(), t.ID)
	if err != nil {
		return nil, fmt.Errorf("reservations of %s: %w", t.SID, err)
	}
	for i := range all {
		o.fillReservation(&all[i])
	}
	return all, nil
}

// lockBoth reads a reservation and its task anew, locked in the order of locks.
func (o *op) lockBoth(r *Reservation) (Task, Reservation, error) {
	t, err := tasks.ByIDForUpdate(o.tx, r.Task.ID)
	if err != nil {
		return t, *r, err
	}
	again, err := reservations.ByIDForUpdate(o.tx, r.ID)
	if err != nil {
		return t, again, err
	}
	o.fillReservation(&again)
	return t, again, o.fillTask(&t)
}

// kinds are the events of the states that a reservation goes to.
var kinds = map[ReservationStatus]string{
	ReservationAccepted: event.ReservationAccepted, ReservationRejected: event.ReservationRejected, ReservationTimeout: event.ReservationTimeout,
	ReservationCanceled: event.ReservationCanceled, ReservationRescinded: event.ReservationRescinded,
	ReservationWrapping: event.ReservationWrapup, ReservationCompleted: event.ReservationCompleted,
}

// moveReservation writes a reservation's new state and tells its worker. The task must already be as the event shows it.
func (o *op) moveReservation(r *Reservation, t *Task, to ReservationStatus) error {
	r.Status, r.Live = to, to.Live()
	if err := reservations.Update(o.tx, r); err != nil {
		return err
	}
	if !r.Live {
		o.wake[r.Worker.ID] = true
	}
	v := routedReservation(r, o.tx.Now)
	o.feed(func(s *route.State) { s.PutReservation(v) })
	return o.emitReservation(kinds[to], r, t)
}

// accept gives the task to the worker of the reservation; the others who were asked are let off.
func (o *op) accept(r *Reservation, t *Task) error {
	others, err := o.held(t)
	if err != nil {
		return err
	}
	t.Status = TaskAssigned
	if err := o.writeTask(t); err != nil {
		return err
	}
	for i := range others {
		if others[i].ID == r.ID {
			continue
		}
		if err := o.moveReservation(&others[i], t, ReservationRescinded); err != nil {
			return err
		}
	}
	if err := o.moveReservation(r, t, ReservationAccepted); err != nil {
		return err
	}
	if err := o.emitTask(TaskUpdated, t, r.Worker); err != nil {
		return err
	}
	return o.singleTask(t.Queue.ID, r.Worker.ID, func(q *TaskQueue) int64 { return q.AssignmentActivity.ID })
}

// singleTask moves a worker to one of the queue's activities where workers do one task at a time.
func (o *op) singleTask(queue, worker int64, activity func(*TaskQueue) int64) error {
	if o.ws.MultiTask {
		return nil
	}
	q, err := o.look.queue(queue)
	if err != nil {
		return err
	}
	return o.moveWorker(worker, activity(&q))
}

// refuse ends a pending reservation that was rejected or timed out. The task waits again, or is canceled once it was
// refused a thousand times (the wire's bound).
func (o *op) refuse(r *Reservation, t *Task, how ReservationStatus) error {
	if how == ReservationRejected {
		t.Rejections++
	}
	left, err := o.held(t)
	if err != nil {
		return err
	}
	if len(left) <= 1 {
		t.Status = TaskPending
	}
	if err := o.writeTask(t); err != nil {
		return err
	}
	if err := o.moveReservation(r, t, how); err != nil {
		return err
	}
	if t.Rejections >= maxRejections {
		return o.cancelTask(t, reasonRejections)
	}
	left = slices.DeleteFunc(left, func(x Reservation) bool { return x.ID == r.ID })
	return o.emitTask(TaskUpdated, t, workersOf(left)...)
}

// wrapTask begins the wrap-up of an assigned task and of its reservation.
func (o *op) wrapTask(t *Task) error {
	t.Status = TaskWrapping
	holders, err := o.held(t)
	if err != nil {
		return err
	}
	if err := o.writeTask(t); err != nil {
		return err
	}
	if err := o.emitTask(event.TaskWrapup, t, workersOf(holders)...); err != nil {
		return err
	}
	for i := range holders {
		if holders[i].Status != ReservationAccepted {
			continue
		}
		if err := o.moveReservation(&holders[i], t, ReservationWrapping); err != nil {
			return err
		}
	}
	return nil
}

// cancelTask ends a waiting task for a reason.
func (o *op) cancelTask(t *Task, reason string) error {
	t.Reason = reason
	return o.endTask(t, TaskCanceled)
}

// endTask completes or cancels a task. The order of events is the live one: the task's, then its reservations'.
func (o *op) endTask(t *Task, to TaskStatus) error {
	holders, err := o.held(t)
	if err != nil {
		return err
	}
	t.Status = to
	kind := event.TaskCompleted
	if to == TaskCanceled {
		kind = event.TaskCanceled
	}
	if err := o.writeTask(t); err != nil {
		return err
	}
	if err := o.emitTask(kind, t, workersOf(holders)...); err != nil {
		return err
	}
	return o.endReservations(holders, t)
}

func (o *op) endReservations(holders []Reservation, t *Task) error {
	for i := range holders {
		to := ReservationCompleted
		if holders[i].Status == ReservationPending {
			to = ReservationCanceled
		}
		if err := o.moveReservation(&holders[i], t, to); err != nil {
			return err
		}
	}
	return nil
}

// deleteTask removes a task. Workers who hold it see their reservation completed, those who are asked see it canceled.
func (o *op) deleteTask(t *Task) error {
	holders, err := o.held(t)
	if err != nil {
		return err
	}
	if err := o.endReservations(holders, t); err != nil {
		return err
	}
	if err := o.emitTask(event.TaskDeleted, t); err != nil {
		return err
	}
	if _, err := o.tx.Exec("delete from taskrouter_reservation where task_id = $1", t.ID); err != nil {
		return err
	}
	id := t.ID
	o.last = append(o.last, func(s *route.State) { s.DropTask(id) })
	return tasks.Delete(o.tx, t)
}
