package taskrouter

import (
	"context"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// changeTask sets what a task is made of.
func (o *op) changeTask(t *Task, u TaskUpdate) (err error) {
	if u.Attributes != nil {
		if t.Attributes, err = row.Attributes(*u.Attributes); err != nil {
			return err
		}
		t.Conversation = row.ConversationOf(t.Attributes)
	}
	if u.Priority != nil {
		if err := row.Within("Priority", *u.Priority, 0, maxPriority); err != nil {
			return err
		}
		t.Priority = *u.Priority
	}
	if u.TaskChannel != nil {
		c, err := o.taskChannel(*u.TaskChannel)
		if fault.Is(err, fault.KindNotFound) {
			return fault.Invalid("TaskChannel %q does not exist in this Workspace", *u.TaskChannel)
		}
		if err != nil {
			return err
		}
		t.Channel.ID = c.ID
	}
	if !u.VirtualStart.IsZero() {
		switch {
		case u.VirtualStart.After(o.tx.Now.Add(time.Second)):
			return fault.Invalid("VirtualStartTime can not be in the future")
		case u.VirtualStart.Year() < 1900:
			return fault.Invalid("VirtualStartTime can not be before the year 1900")
		}
		t.VirtualStart = u.VirtualStart
	}
	if u.Reason != nil {
		if len(*u.Reason) > row.MaxAttributes {
			return fault.Invalid("Reason is longer than %d characters", row.MaxAttributes)
		}
		t.Reason = *u.Reason
	}
	return nil
}

// UpdateTask changes a task, or moves it to another state. Agents change the tasks that they hold.
func (t *TaskRouter) UpdateTask(ctx context.Context, a account.Actor, ws, s sid.SID, u TaskUpdate) (v Task, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		if v, err = o.task(s, true); err != nil {
			return err
		}
		if err := o.mayChange(a, &v); err != nil {
			return err
		}
		if err := keeps(a, row.ChannelAttribute, v.Attributes, u.Attributes); err != nil {
			return err
		}
		return o.updateTask(&v, u)
	})
	return v, err
}

// UpdateTaskTx is UpdateTask for a task of the account, in whichever workspace.
func (t *TaskRouter) UpdateTaskTx(tx *db.Tx, accountID int64, s sid.SID, u TaskUpdate) (Task, error) {
	o, v, err := t.taskOf(tx, accountID, s, true)
	if err != nil {
		return v, err
	}
	if err := o.updateTask(&v, u); err != nil {
		return v, err
	}
	return v, o.finish()
}

// mayChange lets agents change what they hold.
func (o *op) mayChange(a account.Actor, t *Task) error {
	if supervises(a) {
		return nil
	}
	var n int64
	err := o.tx.QueryRow(`select count(*) from taskrouter_reservation where task_id = $1 and live = 1 and status in ('accepted', 'wrapping')
		and worker_id in (select id from taskrouter_worker where sid = $2)`, t.ID, string(a.Worker)).Scan(&n)
	if err == nil && n == 0 {
		err = fault.Forbidden("Worker %s holds no Reservation of Task %s", a.Worker, t.SID)
	}
	return err
}

func (o *op) updateTask(t *Task, u TaskUpdate) error {
	if err := fits(u.IfVersion, &t.Row); err != nil {
		return err
	}
	if u.Status != "" {
		if err := o.admitStatus(t, u.Status); err != nil {
			return err
		}
	}
	before := string(t.Attributes)
	if err := o.changeTask(t, u); err != nil {
		return err
	}
	switch u.Status {
	case TaskCompleted, TaskCanceled:
		return o.endTask(t, u.Status)
	case TaskWrapping:
		return o.wrapTask(t)
	case TaskPending, TaskReserved, TaskAssigned:
	}
	if t.Status == TaskPending && t.Workflow.ID != 0 && t.TargetWorker == 0 && string(t.Attributes) != before {
		if err := o.refilter(t); err != nil || t.Status.Ended() {
			return err
		}
	}
	return o.saveTask(t, TaskUpdated)
}

// refilter lets new attributes choose another filter; a task whose filter is the same stays where it is.
func (o *op) refilter(t *Task) error {
	flow, err := o.flow(t.Workflow.ID)
	if err != nil || flow == nil {
		return err
	}
	i, ok := flow.Match(route.TaskEnv{Attributes: mapOf(t.Attributes), Now: micros(o.tx.Now)})
	switch {
	case !ok:
		return o.cancelTask(t, route.ReasonWorkflow)
	case int64(i) != t.Filter:
		o.enter(t, flow)
	}
	return nil
}

// admitStatus refuses a state that the task cannot go to. The text for "completed" was seen live; the others follow it.
func (o *op) admitStatus(t *Task, to TaskStatus) error {
	refuse := func(verb, not string) error {
		return fault.Invalid("Cannot %s task %s in workspace %s for account %s because it is not currently %s.", verb, t.SID, o.ws.SID, o.ws.AccountSID, not)
	}
	switch to {
	case TaskCompleted:
		if t.Status != TaskAssigned && t.Status != TaskWrapping {
			return refuse("complete", "assigned")
		}
	case TaskWrapping:
		if t.Status != TaskAssigned {
			return refuse("wrapup", "assigned")
		}
	case TaskCanceled:
		if !t.Status.Waiting() {
			return refuse("cancel", "pending or reserved")
		}
	case TaskPending, TaskReserved, TaskAssigned:
		if t.Status != to {
			return fault.Invalid("AssignmentStatus of task %s cannot be set to %s", t.SID, to)
		}
	default:
		names := make([]string, len(TaskStatuses))
		for i, s := range TaskStatuses {
			names[i] = string(s)
		}
		return fault.Invalid("AssignmentStatus %q is not one of %s", string(to), strings.Join(names, ", "))
	}
	return nil
}

// CancelTaskTx cancels a task of the account; it must be pending or reserved.
func (t *TaskRouter) CancelTaskTx(tx *db.Tx, accountID int64, s sid.SID, reason string) (Task, error) {
	return t.UpdateTaskTx(tx, accountID, s, TaskUpdate{Status: TaskCanceled, Reason: &reason})
}

// CancelWaitingTx cancels a task of the account if no worker has accepted it, and leaves it alone otherwise.
func (t *TaskRouter) CancelWaitingTx(tx *db.Tx, accountID int64, s sid.SID, reason string) error {
	o, v, err := t.taskOf(tx, accountID, s, true)
	if err != nil || !v.Status.Waiting() {
		return err
	}
	if err := o.cancelTask(&v, reason); err != nil {
		return err
	}
	return o.finish()
}

// DeleteTask removes a task in whatever state, with its reservations.
func (t *TaskRouter) DeleteTask(ctx context.Context, a account.Actor, ws, s sid.SID, ifVersion int64) error {
	return t.do(ctx, a, ws, func(o *op) error {
		v, err := o.task(s, true)
		if err != nil {
			return err
		}
		if err := o.mayChange(a, &v); err != nil {
			return err
		}
		if err := fits(ifVersion, &v.Row); err != nil {
			return err
		}
		return o.deleteTask(&v)
	})
}
