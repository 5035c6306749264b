package taskrouter

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
)

// ReservationStatus is reservation_status.
type ReservationStatus string

// The states of a reservation.
const (
	ReservationPending   ReservationStatus = "pending"
	ReservationAccepted  ReservationStatus = "accepted"
	ReservationRejected  ReservationStatus = "rejected"
	ReservationTimeout   ReservationStatus = "timeout"
	ReservationCanceled  ReservationStatus = "canceled"
	ReservationRescinded ReservationStatus = "rescinded"
	ReservationWrapping  ReservationStatus = "wrapping"
	ReservationCompleted ReservationStatus = "completed"
)

// ReservationStatuses are all states.
var ReservationStatuses = []ReservationStatus{
	ReservationPending, ReservationAccepted, ReservationRejected, ReservationTimeout, ReservationCanceled, ReservationRescinded,
	ReservationWrapping, ReservationCompleted,
}

// Live reports whether a reservation in this state takes a place of its worker's capacity.
func (s ReservationStatus) Live() bool {
	return s == ReservationPending || s == ReservationAccepted || s == ReservationWrapping
}

// Reservation is a task that was offered to a worker.
type Reservation struct {
	db.Row
	ReservationDoc
	AccountSID  sid.SID
	Workspace   Ref
	WorkspaceID int64
	Task        Ref
	Worker      Ref
	ChannelID   int64
	Status      ReservationStatus
	Expires     time.Time // while it is pending

	live bool
}

// ReservationDoc is the sealed part of a reservation.
type ReservationDoc struct {
	TaskSID, WorkerSID sid.SID
	WorkerName         string
}

func (r *Reservation) workspaceID() int64 { return r.WorkspaceID }

// Timeout is how long the worker had to answer, in seconds.
func (r *Reservation) Timeout() int64 {
	return int64(r.Expires.Sub(r.CreatedAt).Round(time.Second) / time.Second)
}

func (o *op) fillReservation(r *Reservation) {
	r.AccountSID, r.Workspace = o.ws.AccountSID, o.ws.ref()
	r.Task.SID, r.Worker.SID, r.Worker.Name = r.TaskSID, r.WorkerSID, r.WorkerName
}

// routed is the reservation as routing knows it.
func (r *Reservation) routed(now time.Time) route.Reservation {
	v := route.Reservation{
		ID: r.ID, Task: r.Task.ID, Worker: r.Worker.ID, Channel: r.ChannelID, Live: r.live,
		Refused: r.Status == ReservationRejected || r.Status == ReservationTimeout, At: micros(now),
	}
	if r.Status == ReservationPending {
		v.Due = micros(r.Expires)
	}
	return v
}

// ReservationFilter narrows a list; zero values do not.
type ReservationFilter struct {
	Statuses []ReservationStatus
	Worker   sid.SID // of a task's reservations
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
	q.and(of, id)
	var statuses []any
	for _, s := range f.Statuses {
		if !slices.Contains(ReservationStatuses, s) {
			return db.PageOf[Reservation]{}, fault.Invalid("ReservationStatus %q is not known", string(s))
		}
		statuses = append(statuses, string(s))
	}
	q.any("status", statuses)
	if f.Worker != "" {
		w, err := o.worker(f.Worker, false)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return db.PageOf[Reservation]{}, err
		}
		q.and("worker_id =", w.ID)
	}
	page, err := reservations.Page(o.tx, p, q.where, q.args...)
	return fillAll(page, err, func(r *Reservation) error { o.fillReservation(r); return nil })
}

// ReservationOf names a reservation below its task or its worker; the other SID is empty.
type ReservationOf struct{ Workspace, Task, Worker, Reservation sid.SID }

func (o *op) reservation(of ReservationOf) (Reservation, error) {
	noun, parent := "Tasks", of.Task
	if of.Worker != "" {
		noun, parent = "Workers", of.Worker
	}
	r, err := get(o, reservations, of.Reservation, (*Reservation).workspaceID, "Reservations", false)
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

// ReservationUpdate answers a reservation. Activity is for the worker who rejects.
type ReservationUpdate struct {
	Status    ReservationStatus
	Activity  sid.SID
	IfVersion int64
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
