package taskrouter

import (
	"context"
	"errors"
	"slices"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

func (o *op) fillReservation(r *Reservation) {
	r.AccountSID, r.Workspace = o.ws.AccountSID, o.ws.Ref()
	r.Task.SID, r.Worker.SID, r.Worker.Name = r.TaskSID, r.WorkerSID, r.WorkerName
}

// TaskReservations lists the reservations of a task.
func (t *TaskRouter) TaskReservations(ctx context.Context, a account.Actor, ws, task sid.SID, f ReservationFilter, p db.Page) (page db.PageOf[Reservation], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		v, err := o.task(task, false)
		if err != nil {
			return err
		}
		page, err = o.reservations(f, p, "task_id =", v.ID)
		return err
	})
	return page, err
}

// WorkerReservations lists the reservations of a worker.
func (t *TaskRouter) WorkerReservations(ctx context.Context, a account.Actor, ws, worker sid.SID, f ReservationFilter, p db.Page) (page db.PageOf[Reservation], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		w, err := o.worker(worker, false)
		if err != nil {
			return err
		}
		page, err = o.reservations(f, p, "worker_id =", w.ID)
		return err
	})
	return page, err
}

func (o *op) reservations(f ReservationFilter, p db.Page, of string, id int64) (db.PageOf[Reservation], error) {
	q := o.query()
	q.And(of, id)
	var statuses []any
	for _, s := range f.Statuses {
		if !slices.Contains(ReservationStatuses, s) {
			return db.PageOf[Reservation]{}, fault.Invalid("ReservationStatus %q is not known", string(s))
		}
		statuses = append(statuses, string(s))
	}
	q.Any("status", statuses)
	if f.Worker != "" {
		w, err := o.worker(f.Worker, false)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return db.PageOf[Reservation]{}, err
		}
		q.And("worker_id =", w.ID)
	}
	page, err := reservations.Page(o.tx, p, q.Where, q.Args...)
	return fillAll(page, err, func(r *Reservation) error { o.fillReservation(r); return nil })
}

func (o *op) reservation(of ReservationOf) (Reservation, error) {
	noun, parent := "Tasks", of.Task
	if of.Worker != "" {
		noun, parent = "Workers", of.Worker
	}
	r, err := get(o, reservations, of.Reservation, (*Reservation).InWorkspace, "Reservations", false)
	if err != nil {
		return r, err
	}
	o.fillReservation(&r)
	if of.Task != "" && r.TaskSID != of.Task || of.Worker != "" && r.WorkerSID != of.Worker {
		return r, fault.NotFound(o.path(noun, string(parent), "Reservations", string(of.Reservation)))
	}
	return r, nil
}

// Reservation returns a reservation and its task.
func (t *TaskRouter) Reservation(ctx context.Context, a account.Actor, of ReservationOf) (r Reservation, task Task, err error) {
	err = t.view(ctx, a, of.Workspace, func(o *op) error {
		if r, err = o.reservation(of); err != nil {
			return err
		}
		if task, err = tasks.ByID(o.tx, r.Task.ID); err != nil {
			return missing(err, o.path("Reservations", string(r.SID)))
		}
		return o.fillTask(&task)
	})
	return r, task, err
}

// UpdateReservation accepts, rejects, wraps up or completes a reservation. Agents answer their own.
func (t *TaskRouter) UpdateReservation(ctx context.Context, a account.Actor, of ReservationOf, u ReservationUpdate) (r Reservation, err error) {
	err = t.do(ctx, a, of.Workspace, func(o *op) error {
		if r, err = o.reservation(of); err != nil {
			return err
		}
		if err := own(a, r.WorkerSID); err != nil {
			return err
		}
		task, locked, err := o.lockBoth(&r)
		if errors.Is(err, db.ErrNotFound) {
			return fault.NotFound(o.path("Reservations", string(of.Reservation)))
		}
		if err != nil {
			return err
		}
		r = locked
		if err := fits(u.IfVersion, &r.Row); err != nil {
			return err
		}
		if u.Status == "" {
			return nil
		}
		return o.answer(&r, &task, u)
	})
	return r, err
}

// answers are the states that a caller may ask for, from each state.
var answers = map[ReservationStatus][]ReservationStatus{
	ReservationPending:  {ReservationAccepted, ReservationRejected},
	ReservationAccepted: {ReservationWrapping, ReservationCompleted},
	ReservationWrapping: {ReservationCompleted},
}

func (o *op) answer(r *Reservation, t *Task, u ReservationUpdate) error {
	if !slices.Contains(ReservationStatuses, u.Status) {
		return fault.Invalid("ReservationStatus %q is not known", string(u.Status))
	}
	if !slices.Contains(answers[r.Status], u.Status) {
		return fault.Invalid("Reservation %s is already in state [%s] and cannot be updated to [%s]", r.SID, r.Status, u.Status)
	}
	switch u.Status {
	case ReservationAccepted:
		return o.accept(r, t)
	case ReservationRejected:
		if err := o.refuse(r, t, ReservationRejected); err != nil || u.Activity == "" {
			return err
		}
		act, err := o.activityParam("WorkerActivity", u.Activity)
		if err != nil {
			return err
		}
		return o.moveWorker(r.Worker.ID, act.ID)
	case ReservationWrapping:
		err := o.wrapTask(t)
		return o.reread(r, err)
	default:
		err := o.endTask(t, TaskCompleted)
		return o.reread(r, err)
	}
}

// reread shows a reservation as the change of its task has left it.
func (o *op) reread(r *Reservation, err error) error {
	if err != nil {
		return err
	}
	*r, err = reservations.ByID(o.tx, r.ID)
	o.fillReservation(r)
	return err
}

// HoldsTx reports whether a worker has accepted a task and not yet completed it.
func (t *TaskRouter) HoldsTx(tx *db.Tx, w Worker, task sid.SID) (bool, error) {
	var n int64
	err := tx.QueryRow(`select count(*) from taskrouter_reservation where worker_id = $1 and live = 1 and status in ('accepted', 'wrapping')
		and task_id in (select id from taskrouter_task where sid = $2)`, w.ID, string(task)).Scan(&n)
	return n > 0, err
}
