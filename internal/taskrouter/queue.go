package taskrouter

import (
	"context"
	"errors"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// anyone is the expression of queues that say nothing. Source: the wire's default.
const anyone = "1==1"

// CreateTaskQueue makes a queue.
func (t *TaskRouter) CreateTaskQueue(ctx context.Context, a account.Actor, ws sid.SID, n NewTaskQueue) (q TaskQueue, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		q, err = o.createQueue(n)
		return err
	})
	return q, err
}

func (o *op) createQueue(n NewTaskQueue) (TaskQueue, error) {
	q := TaskQueue{Row: db.Row{SID: sid.New(sid.TaskQueue), Account: o.ws.Account}, WorkspaceID: o.ws.ID, MaxReserved: 1}
	q.TargetWorkers = anyone
	u := TaskQueueUpdate{FriendlyName: &n.FriendlyName, TargetWorkers: n.TargetWorkers, LIFO: &n.LIFO}
	if n.MaxReserved != 0 {
		u.MaxReserved = &n.MaxReserved
	}
	if n.ReservationActivity != "" {
		u.ReservationActivity = &n.ReservationActivity
	}
	if n.AssignmentActivity != "" {
		u.AssignmentActivity = &n.AssignmentActivity
	}
	if err := o.changeQueue(&q, u); err != nil {
		return q, err
	}
	if err := queues.Insert(o.tx, &q); err != nil {
		return q, taken(err, "TaskQueue with the same friendly name already exists")
	}
	return q, errors.Join(o.fillQueue(&q), o.feedQueue(&q))
}

func (o *op) changeQueue(q *TaskQueue, u TaskQueueUpdate) (err error) {
	if u.FriendlyName != nil {
		if q.NameHash, err = o.named("queue", *u.FriendlyName); err != nil {
			return err
		}
		q.FriendlyName = *u.FriendlyName
	}
	if u.TargetWorkers != nil {
		if strings.TrimSpace(*u.TargetWorkers) != "" {
			if _, err := row.Expression("TargetWorkers", *u.TargetWorkers); err != nil {
				return err
			}
		}
		q.TargetWorkers = *u.TargetWorkers
	}
	if u.LIFO != nil {
		q.LIFO = *u.LIFO
	}
	if u.MaxReserved != nil {
		if err := row.Within("MaxReservedWorkers", *u.MaxReserved, 1, maxReserved); err != nil {
			return err
		}
		q.MaxReserved = *u.MaxReserved
	}
	for _, c := range []struct {
		param string
		to    *sid.SID
		at    *Ref
	}{{"ReservationActivity", u.ReservationActivity, &q.ReservationActivity}, {"AssignmentActivity", u.AssignmentActivity, &q.AssignmentActivity}} {
		if c.to == nil {
			continue
		}
		*c.at = Ref{}
		if *c.to != "" {
			act, err := o.activityParam(c.param, *c.to)
			if err != nil {
				return err
			}
			c.at.ID = act.ID
		}
	}
	return nil
}

func (o *op) fillQueue(q *TaskQueue) error {
	q.AccountSID, q.Workspace = o.ws.AccountSID, o.ws.Ref()
	for _, r := range []*Ref{&q.ReservationActivity, &q.AssignmentActivity} {
		a, err := o.look.activity(r.ID)
		if err != nil {
			return err
		}
		r.SID, r.Name = a.SID, a.FriendlyName
	}
	return nil
}

func (o *op) feedQueue(q *TaskQueue) error {
	r, err := routedQueue(q)
	if err == nil {
		o.feed(func(s *route.State) { s.PutQueue(r) })
	}
	return err
}

// TaskQueues lists the queues of a workspace.
func (t *TaskRouter) TaskQueues(ctx context.Context, a account.Actor, ws sid.SID, f TaskQueueFilter, p db.Page) (page db.PageOf[TaskQueue], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		q := o.query()
		if err := q.name("queue", f.FriendlyName); err != nil {
			return err
		}
		keep, err := o.queueFilter(f)
		if err != nil {
			return err
		}
		p.Desc = f.Desc
		page, err = queues.PageWhere(o.tx, p, keep, q.Where, q.Args...)
		page, err = fillAll(page, err, o.fillQueue)
		return err
	})
	return page, err
}

func (o *op) queueFilter(f TaskQueueFilter) (func(*TaskQueue) bool, error) {
	var w route.Worker
	switch {
	case f.Worker != "":
		member, err := o.worker(f.Worker, false)
		if err != nil {
			return nil, err
		}
		if w, err = o.routed(&member); err != nil {
			return nil, err
		}
	case f.Attributes != "":
		m, err := row.Attributes(f.Attributes)
		if err != nil {
			return nil, err
		}
		w.Attributes = mapOf(m)
	default:
		return nil, nil
	}
	return func(q *TaskQueue) bool {
		r, err := routedQueue(q)
		return err == nil && r.Target != nil && r.Target.Eval(route.WorkerEnv{Worker: &w})
	}, nil
}

// TaskQueue returns a queue.
func (t *TaskRouter) TaskQueue(ctx context.Context, a account.Actor, ws, s sid.SID) (q TaskQueue, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		if q, err = get(o, queues, s, (*TaskQueue).InWorkspace, "TaskQueues", false); err != nil {
			return err
		}
		return o.fillQueue(&q)
	})
	return q, err
}

// UpdateTaskQueue changes a queue. Its tasks are routed anew at once.
func (t *TaskRouter) UpdateTaskQueue(ctx context.Context, a account.Actor, ws, s sid.SID, u TaskQueueUpdate) (q TaskQueue, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		if q, err = get(o, queues, s, (*TaskQueue).InWorkspace, "TaskQueues", true); err != nil {
			return err
		}
		if err := o.changeQueue(&q, u); err != nil {
			return err
		}
		if u.FriendlyName != nil {
			if err := o.nameFree(queues.Name, q.NameHash, q.ID); err != nil {
				return taken(err, "TaskQueue with the same friendly name already exists")
			}
		}
		if err := queues.Update(o.tx, &q); err != nil {
			return err
		}
		return errors.Join(o.fillQueue(&q), o.feedQueue(&q))
	})
	return q, err
}

// nameFree says db.ErrConflict when another row of the workspace has the name: asked before the write, because on
// PostgreSQL a failed write ends the transaction.
func (o *op) nameFree(table string, hash []byte, id int64) error {
	var n int64
	err := o.tx.QueryRow("select count(*) from "+table+" where workspace_id = $1 and name_hash = $2 and id <> $3", o.ws.ID, hash, id).Scan(&n)
	if err == nil && n > 0 {
		err = db.ErrConflict
	}
	return err
}

// DeleteTaskQueue removes a queue that no workflow names and in which no task is.
func (t *TaskRouter) DeleteTaskQueue(ctx context.Context, a account.Actor, ws, s sid.SID) error {
	return t.do(ctx, a, ws, func(o *op) error {
		q, err := get(o, queues, s, (*TaskQueue).InWorkspace, "TaskQueues", true)
		if err != nil {
			return err
		}
		all, err := workflows.Find(o.tx, "workspace_id = $1", o.ws.ID)
		if err != nil {
			return err
		}
		for i := range all {
			flow, err := o.compile(&all[i])
			if err != nil {
				return err
			}
			if flow.Uses(q.ID) {
				return fault.Invalid("TaskQueue %s cannot be deleted because Workflow %s uses it", q.SID, all[i].SID)
			}
		}
		err = o.unused("select count(*) from taskrouter_task where workspace_id = $1 and live = 1 and queue_id = $2", q.ID,
			"TaskQueue %s cannot be deleted because it has Tasks", q.SID)
		if err != nil {
			return err
		}
		id := q.ID
		o.feed(func(s *route.State) { s.DropQueue(id) })
		return queues.Delete(o.tx, &q)
	})
}
