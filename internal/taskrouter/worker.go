package taskrouter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// workerTaken is the live service's text for a name in use, in whatever case.
const workerTaken = "Worker with the same friendly name already exists"

// CreateWorker makes a worker with a channel of capacity 1 for each task channel.
func (t *TaskRouter) CreateWorker(ctx context.Context, a account.Actor, ws sid.SID, n NewWorker) (w Worker, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		w, err = o.createWorker(n)
		return err
	})
	return w, err
}

// CreateWorkerTx is CreateWorker for an account's integer key.
func (t *TaskRouter) CreateWorkerTx(tx *db.Tx, accountID int64, ws sid.SID, n NewWorker) (Worker, error) {
	o, err := t.begin(tx, accountID, ws)
	if err != nil {
		return Worker{}, err
	}
	w, err := o.createWorker(n)
	if err != nil {
		return w, err
	}
	return w, o.finish()
}

func (o *op) createWorker(n NewWorker) (Worker, error) {
	w := Worker{
		Row: db.Row{SID: sid.New(sid.Worker), Account: o.ws.Account}, WorkspaceID: o.ws.ID,
		Activity: Ref{ID: o.ws.DefaultActivity.ID}, StatusAt: o.tx.Now, IdleAt: o.tx.Now,
	}
	var err error
	if err := o.nameWorker(&w, n.FriendlyName); err != nil {
		return w, err
	}
	if w.Attributes, err = row.Attributes(n.Attributes); err != nil {
		return w, err
	}
	if n.Activity != "" {
		act, err := o.activityParam("Activity", n.Activity)
		if err != nil {
			return w, err
		}
		w.Activity.ID = act.ID
	}
	if err := workers.Insert(o.tx, &w); err != nil {
		return w, taken(err, workerTaken)
	}
	all, err := taskChannels.Find(o.tx, "workspace_id = $1 order by id", o.ws.ID)
	if err != nil {
		return w, err
	}
	for i := range all {
		if err := o.openChannel(&w, &all[i], max(1, n.Capacity[all[i].UniqueName])); err != nil {
			return w, err
		}
	}
	if err := o.fillWorker(&w); err != nil {
		return w, err
	}
	return w, errors.Join(o.emitWorker(event.WorkerCreated, &w), o.feedWorker(&w))
}

func (o *op) nameWorker(w *Worker, name string) (err error) {
	if w.NameHash, err = o.named("worker", name); err != nil {
		return err
	}
	if utf8.RuneCountInString(name) > 64 {
		return fault.Invalid("FriendlyName is longer than 64 characters")
	}
	w.FriendlyName = name
	return taken(o.nameFree(workers.Name, w.NameHash, w.ID), workerTaken)
}

// routed is the worker as routing knows it.
func (o *op) routed(w *Worker) (route.Worker, error) {
	if err := o.fillWorker(w); err != nil {
		return route.Worker{}, err
	}
	r := routedWorker(w)
	own, err := workerChannels.Find(o.tx, "worker_id = $1 order by channel_id", w.ID)
	if err != nil {
		return r, err
	}
	for i := range own {
		slot, err := o.slot(&own[i])
		if err != nil {
			return r, err
		}
		r.Slots = append(r.Slots, slot)
	}
	return r, nil
}

func (o *op) slot(wc *WorkerChannel) (route.Slot, error) {
	c, err := o.look.channel(wc.Channel.ID)
	return route.Slot{
		Channel: c.ID, Name: c.UniqueName, Capacity: int(wc.Capacity), Available: wc.Available, Optimized: c.Optimized,
	}, err
}

func (o *op) feedWorker(w *Worker) error {
	r, err := o.routed(w)
	r.Version += o.asked[w.ID] // what flush will add
	if err == nil {
		o.feed(func(s *route.State) { s.PutWorker(r) })
	}
	return err
}

// reloadWorkers feeds workers whose own rows have not changed, but what they refer to has.
func (o *op) reloadWorkers(where string, args ...any) error {
	all, err := workers.Find(o.tx, "workspace_id = $1 and "+where, append([]any{o.ws.ID}, args...)...)
	if err != nil {
		return err
	}
	o.look = lookups{tx: o.tx} // what it remembers may be what has changed
	for i := range all {
		id := all[i].ID
		o.feed(func(s *route.State) { s.ForgetVersion(id) })
		if err := o.feedWorker(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

func mapOf(m json.RawMessage) map[string]any { return attr.Map(m) }

// Workers lists the workers of a workspace.
func (t *TaskRouter) Workers(ctx context.Context, a account.Actor, ws sid.SID, f WorkerFilter, p db.Page) (page db.PageOf[Worker], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		q := o.query()
		keep, err := o.workerFilter(q, f)
		if err != nil {
			return err
		}
		p.Desc = f.Desc
		page, err = workers.PageWhere(o.tx, p, keep, q.Where, q.Args...)
		page, err = fillAll(page, err, o.fillWorker)
		return err
	})
	return page, err
}

func (o *op) workerFilter(q *query, f WorkerFilter) (func(*Worker) bool, error) {
	if err := q.name("worker", f.FriendlyName); err != nil {
		return nil, err
	}
	if err := o.activityFilter(q, f); err != nil {
		return nil, err
	}
	var tests []interface{ Match(*route.Worker) bool }
	if f.Queue != "" || f.QueueName != "" {
		ref := string(f.Queue)
		if ref == "" {
			ref = f.QueueName
		}
		line, err := o.queueNamed(ref)
		switch {
		case errors.Is(err, db.ErrNotFound):
			q.None()
		case err != nil:
			return nil, err
		default:
			r, err := routedQueue(&line)
			if err != nil {
				return nil, err
			}
			tests = append(tests, matcher{r})
		}
	}
	if f.Expression != "" {
		e, err := row.Expression("TargetWorkersExpression", f.Expression)
		if err != nil {
			return nil, err
		}
		tests = append(tests, matcher{route.Queue{Target: e}})
	}
	if len(tests) == 0 {
		return nil, nil
	}
	return func(w *Worker) bool {
		if o.fillWorker(w) != nil {
			return false
		}
		r := routedWorker(w)
		for _, t := range tests {
			if !t.Match(&r) {
				return false
			}
		}
		return true
	}, nil
}

type matcher struct{ q route.Queue }

// Match evaluates the queue's expression.
func (m matcher) Match(w *route.Worker) bool {
	return m.q.Target != nil && m.q.Target.Eval(route.WorkerEnv{Worker: w})
}

// activityFilter narrows to the activities that the filter admits.
func (o *op) activityFilter(q *query, f WorkerFilter) error {
	if f.Activity == "" && f.ActivityName == "" && f.Available == nil {
		return nil
	}
	all, err := activities.Find(o.tx, "workspace_id = $1", o.ws.ID)
	if err != nil {
		return err
	}
	var ids []any
	for _, a := range all {
		if (f.Activity == "" || a.SID == f.Activity) && (f.ActivityName == "" || a.FriendlyName == f.ActivityName) &&
			(f.Available == nil || a.Available == *f.Available) {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) == 0 {
		q.None()
	}
	q.Any("activity_id", ids)
	return nil
}

// worker reads a worker of the workspace.
func (o *op) worker(s sid.SID, lock bool) (Worker, error) {
	return get(o, workers, s, (*Worker).InWorkspace, "Workers", lock)
}

// Worker returns a worker.
func (t *TaskRouter) Worker(ctx context.Context, a account.Actor, ws, s sid.SID) (w Worker, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		if w, err = o.worker(s, false); err != nil {
			return err
		}
		return o.fillWorker(&w)
	})
	return w, err
}

// WorkerTx returns a worker of the account, in whichever workspace.
func (t *TaskRouter) WorkerTx(tx *db.Tx, accountID int64, s sid.SID) (Worker, error) {
	w, err := workers.Get(tx, accountID, s)
	if err != nil {
		return w, missing(err, "/Workers/"+string(s))
	}
	o, err := t.of(tx, w.WorkspaceID)
	if err != nil {
		return w, err
	}
	return w, o.fillWorker(&w)
}

// of begins an operation on the workspace of a row.
func (t *TaskRouter) of(tx *db.Tx, workspaceID int64) (*op, error) {
	ws, err := workspaces.ByID(tx, workspaceID)
	if err != nil {
		return nil, err
	}
	return t.beginOn(tx, ws), nil
}

// UpdateWorker changes a worker. Agents change themselves, but not their names. An update that changes nothing leaves
// the version and tells nobody.
func (t *TaskRouter) UpdateWorker(ctx context.Context, a account.Actor, ws, s sid.SID, u WorkerUpdate) (w Worker, err error) {
	if err := own(a, s); err != nil {
		return w, err
	}
	if u.FriendlyName != nil && !supervises(a) {
		return w, fault.Forbidden("Worker %s may not rename itself", s)
	}
	err = t.do(ctx, a, ws, func(o *op) error {
		if u.RejectPending {
			if err := o.rejectAll(s, u); err != nil {
				return err
			}
		}
		if w, err = o.worker(s, true); err != nil {
			return err
		}
		if err := fits(u.IfVersion, &w.Row); err != nil {
			return err
		}
		if err := o.fillWorker(&w); err != nil {
			return err
		}
		if err := keeps(a, row.IdentityAttribute, w.Attributes, u.Attributes); err != nil {
			return err
		}
		return o.changeWorker(&w, u)
	})
	return w, err
}

func (o *op) changeWorker(w *Worker, u WorkerUpdate) error {
	changed, moved := false, false
	if u.FriendlyName != nil && *u.FriendlyName != w.FriendlyName {
		if err := o.nameWorker(w, *u.FriendlyName); err != nil {
			return err
		}
		changed = true
	}
	if u.Attributes != nil {
		m, err := row.Attributes(*u.Attributes)
		if err != nil {
			return err
		}
		changed = changed || !bytes.Equal(m, w.Attributes)
		w.Attributes = m
	}
	if u.Activity != nil {
		act, err := o.activityParam("Activity", *u.Activity)
		if err != nil {
			return err
		}
		if moved = act.ID != w.Activity.ID; moved {
			w.Activity.ID, w.StatusAt = act.ID, o.tx.Now
			if act.Available && !w.Available {
				w.IdleAt = o.tx.Now
			}
		}
	}
	if !changed && !moved {
		return nil
	}
	if err := workers.Update(o.tx, w); err != nil {
		return taken(err, workerTaken)
	}
	if err := o.feedWorker(w); err != nil {
		return err
	}
	if moved {
		if err := o.emitWorker(event.WorkerActivityUpdated, w); err != nil {
			return err
		}
	}
	if changed {
		return o.emitWorker(event.WorkerUpdated, w)
	}
	return nil
}

// moveWorker puts a worker into an activity; 0 and the present one change nothing.
func (o *op) moveWorker(id, activity int64) error {
	if activity == 0 {
		return nil
	}
	w, err := workers.ByIDForUpdate(o.tx, id)
	if err != nil || w.Activity.ID == activity {
		return err
	}
	act, err := o.look.activity(activity)
	if err != nil {
		return err
	}
	if err := o.fillWorker(&w); err != nil {
		return err
	}
	return o.changeWorker(&w, WorkerUpdate{Activity: &act.SID})
}

// rejectAll rejects the worker's pending reservations, if the activity that it moves to is not available.
func (o *op) rejectAll(s sid.SID, u WorkerUpdate) error {
	if u.Activity == nil {
		return fault.Invalid("RejectPendingReservations needs an ActivitySid")
	}
	act, err := o.activityParam("Activity", *u.Activity)
	if err != nil || act.Available {
		return err
	}
	w, err := o.worker(s, false)
	if err != nil {
		return err
	}
	pending, err := reservations.Find(o.tx, "worker_id = $1 and live = 1 and status = $2 order by task_id", w.ID, string(ReservationPending))
	if err != nil {
		return err
	}
	for i := range pending {
		t, r, err := o.lockBoth(&pending[i])
		if errors.Is(err, db.ErrNotFound) || err == nil && r.Status != ReservationPending {
			continue // answered, or its task deleted, meanwhile
		}
		if err == nil {
			err = o.refuse(&r, &t, ReservationRejected)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteWorker removes a worker who has no live reservation.
func (t *TaskRouter) DeleteWorker(ctx context.Context, a account.Actor, ws, s sid.SID, ifVersion int64) error {
	return t.do(ctx, a, ws, func(o *op) error {
		w, err := o.worker(s, true)
		if err != nil {
			return err
		}
		if err := fits(ifVersion, &w.Row); err != nil {
			return err
		}
		err = o.unused("select count(*) from taskrouter_reservation where workspace_id = $1 and live = 1 and worker_id = $2", w.ID,
			"Worker %s cannot be deleted because it has active Reservations", w.SID)
		if err != nil {
			return err
		}
		if err := o.fillWorker(&w); err != nil {
			return err
		}
		if err := o.emitWorker(event.WorkerDeleted, &w); err != nil {
			return err
		}
		for _, query := range []string{"delete from taskrouter_worker_channel where worker_id = $1", "delete from taskrouter_reservation where worker_id = $1"} {
			if _, err := o.tx.Exec(query, w.ID); err != nil {
				return err
			}
		}
		id := w.ID
		o.feed(func(s *route.State) { s.DropWorker(id) })
		return workers.Delete(o.tx, &w)
	})
}
