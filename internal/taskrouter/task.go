package taskrouter

import (
	"context"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// CreateTask makes a task and routes it. Agents make tasks for themselves.
func (t *TaskRouter) CreateTask(ctx context.Context, a account.Actor, ws sid.SID, n NewTask) (v Task, err error) {
	if !supervises(a) && (a.Worker == "" || n.RoutingTarget != string(a.Worker)) {
		return v, fault.Forbidden("Worker %s may create Tasks for itself only", a.Worker)
	}
	if err := keeps(a, row.ChannelAttribute, nil, &n.Attributes); err != nil {
		return v, err
	}
	err = t.do(ctx, a, ws, func(o *op) error {
		v, err = o.createTask(n)
		return err
	})
	return v, err
}

// CreateTaskTx is CreateTask for an account's integer key.
func (t *TaskRouter) CreateTaskTx(tx *db.Tx, accountID int64, ws sid.SID, n NewTask) (Task, error) {
	o, err := t.begin(tx, accountID, ws)
	if err != nil {
		return Task{}, err
	}
	v, err := o.createTask(n)
	if err != nil {
		return v, err
	}
	return v, o.finish()
}

func (o *op) createTask(n NewTask) (Task, error) {
	v := Task{
		Row: db.Row{SID: sid.New(sid.Task), Account: o.ws.Account, Key: n.Key}, WorkspaceID: o.ws.ID, Status: TaskPending,
		VirtualStart: o.tx.Now, Watched: n.Watched,
	}
	timeout := int64(defaultTimeout)
	if n.Timeout != nil {
		timeout = *n.Timeout
	}
	if err := row.Within("Timeout", timeout, 1, maxTaskTimeout); err != nil {
		return v, err
	}
	v.Expires = o.tx.Now.Add(time.Duration(timeout) * time.Second)
	u := TaskUpdate{Attributes: &n.Attributes, Priority: n.Priority, VirtualStart: n.VirtualStart}
	if n.TaskChannel == "" {
		n.TaskChannel = "default"
	}
	u.TaskChannel = &n.TaskChannel
	if err := o.changeTask(&v, u); err != nil {
		return v, err
	}
	flow, err := o.routeTo(&v, n)
	if err != nil {
		return v, err
	}
	lost := flow != nil && !o.enter(&v, flow)
	v.Live = true
	if err := tasks.Insert(o.tx, &v); err != nil {
		return v, err
	}
	if err := o.fillTask(&v); err != nil {
		return v, err
	}
	if err := o.emitTask(TaskCreated, &v); err != nil {
		return v, err
	}
	if lost {
		return v, o.cancelTask(&v, route.ReasonWorkflow)
	}
	return v, o.feedTask(&v, flow)
}

// routeTo finds the task's workflow, or puts it where its routing target says.
func (o *op) routeTo(v *Task, n NewTask) (*route.Workflow, error) {
	v.RoutingTarget = n.RoutingTarget
	target := sid.SID(n.RoutingTarget)
	prefix := sid.Prefix(n.RoutingTarget)
	if n.IgnoreCapacity && prefix != sid.Worker {
		return nil, fault.Invalid("IgnoreCapacity needs a RoutingTarget that is a Worker")
	}
	switch {
	case n.RoutingTarget == "":
		return o.workflowOf(v, n.Workflow)
	case sid.Valid(n.RoutingTarget, sid.Workflow):
		return o.workflowOf(v, target)
	case sid.Valid(n.RoutingTarget, sid.TaskQueue):
		return nil, o.straight(v, target)
	case sid.Valid(n.RoutingTarget, sid.Worker):
		w, err := o.worker(target, false)
		if err != nil {
			return nil, fault.Invalid("RoutingTarget %q does not exist in this Workspace", n.RoutingTarget).With(err)
		}
		v.TargetWorker, v.IgnoreCapacity = w.ID, n.IgnoreCapacity
		if n.Workflow != "" {
			if _, err := o.workflowOf(v, n.Workflow); err != nil {
				return nil, err
			}
		}
		return nil, o.straight(v, n.Queue)
	}
	return nil, fault.Invalid("RoutingTarget %q is not the SID of a Worker, a TaskQueue or a Workflow", n.RoutingTarget)
}

// straight puts a task into a queue; without one into the oldest of the workspace.
func (o *op) straight(v *Task, s sid.SID) error {
	v.QueueEntered = o.tx.Now
	if s == "" {
		all, err := queues.Find(o.tx, "workspace_id = $1 order by id limit 1", o.ws.ID)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return fault.Invalid("Missing required parameter TaskQueueSid in the post body")
		}
		v.Queue.ID = all[0].ID
		return nil
	}
	q, err := get(o, queues, s, (*TaskQueue).InWorkspace, "TaskQueues", false)
	v.Queue.ID = q.ID
	if fault.Is(err, fault.KindNotFound) {
		return fault.Invalid("TaskQueue %q does not exist in this Workspace", string(s))
	}
	return err
}

// workflowOf finds the workflow that a new task names, or the only one that there is.
func (o *op) workflowOf(v *Task, s sid.SID) (*route.Workflow, error) {
	where, arg := "sid = $2", any(string(s))
	if s == "" {
		where, arg = "id > $2", int64(0)
	}
	rows, err := o.tx.Query("select id from taskrouter_workflow where workspace_id = $1 and "+where+" limit 2", o.ws.ID, arg)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err = rows.Scan(&id); err != nil {
			break
		}
		ids = append(ids, id)
	}
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("workflows of %s: %w", o.ws.SID, err)
	case len(ids) == 1:
		v.Workflow.ID = ids[0]
		return o.flow(ids[0])
	case s == "":
		return nil, fault.Invalid("Missing required parameter WorkflowSid in the post body")
	}
	return nil, fault.Invalid("Workflow %q does not exist in this Workspace", string(s))
}

// enter puts a task at the first target of the filter that takes it; false when none does.
func (o *op) enter(t *Task, flow *route.Workflow) bool {
	i, ok := flow.Match(route.TaskEnv{Attributes: mapOf(t.Attributes), Now: micros(o.tx.Now)})
	if !ok {
		return false
	}
	target := flow.Filter(i).Targets[0]
	t.Filter, t.Target, t.Queue.ID, t.QueueEntered, t.Due = int64(i), 0, target.Queue, o.tx.Now, time.Time{}
	if target.Priority != route.Unset {
		t.Priority = target.Priority
	}
	if target.Timeout > 0 {
		t.Due = o.tx.Now.Add(time.Duration(target.Timeout) * time.Microsecond)
	}
	return true
}

func (o *op) feedTask(t *Task, flow *route.Workflow) error {
	if flow == nil && t.Workflow.ID != 0 && t.Status.Waiting() {
		var err error
		if flow, err = o.flow(t.Workflow.ID); err != nil {
			return err
		}
	}
	r := routedTask(t, flow)
	o.last = append(o.last, func(s *route.State) { s.PutTask(r) })
	return nil
}

// Tasks lists the tasks of a workspace.
func (t *TaskRouter) Tasks(ctx context.Context, a account.Actor, ws sid.SID, f TaskFilter, p db.Page) (page db.PageOf[Task], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		q := o.query()
		keep, err := o.taskFilter(q, f)
		if err != nil {
			return err
		}
		p.Desc = f.Desc
		page, err = tasks.PageWhere(o.tx, p, keep, q.Where, q.Args...)
		page, err = fillAll(page, err, o.fillTask)
		return err
	})
	return page, err
}

func (o *op) taskFilter(q *query, f TaskFilter) (keep func(*Task) bool, err error) {
	if f.Priority != nil {
		q.And("priority =", *f.Priority)
	}
	var statuses []any
	for _, s := range f.Statuses {
		if !slices.Contains(TaskStatuses, s) {
			return nil, fault.Invalid("AssignmentStatus %q is not one of pending, reserved, assigned, wrapping, completed, canceled", string(s))
		}
		statuses = append(statuses, string(s))
	}
	q.Any("status", statuses)
	if !slices.ContainsFunc(f.Statuses, TaskStatus.Ended) && len(statuses) > 0 {
		q.Where += " and live = 1" // the index of those that are few
	}
	if err := o.filterBy(q, "workflow", "workflow_id", f.Workflow, f.WorkflowName); err != nil {
		return nil, err
	}
	if err := o.filterBy(q, "queue", "queue_id", f.Queue, f.QueueName); err != nil {
		return nil, err
	}
	if f.HasAddons != nil && *f.HasAddons {
		q.None()
	}
	if f.Expression == "" && f.RoutingTarget == "" {
		return nil, nil
	}
	when, err := row.Expression("EvaluateTaskAttributes", "1==1")
	if f.Expression != "" {
		when, err = row.Expression("EvaluateTaskAttributes", f.Expression)
	}
	return func(t *Task) bool {
		return (f.RoutingTarget == "" || t.RoutingTarget == f.RoutingTarget) &&
			when.Eval(route.TaskEnv{Attributes: mapOf(t.Attributes), Now: micros(o.tx.Now)})
	}, err
}

// filterBy narrows to the rows that refer to a queue or workflow by SID or by name; what does not exist matches nothing.
func (o *op) filterBy(q *query, noun, column string, s sid.SID, name string) error {
	if s != "" {
		q.Where += " and " + column + " in (select id from taskrouter_" + noun + " where workspace_id = $1"
		q.And("sid =", string(s))
		q.Where += ")"
	}
	if name != "" {
		h, err := o.hash(noun, name)
		if err != nil {
			return err
		}
		q.Where += " and " + column + " in (select id from taskrouter_" + noun + " where workspace_id = $1"
		q.And("name_hash =", h)
		q.Where += ")"
	}
	return nil
}

// TaskCounts counts the live tasks of a workspace by state.
func (t *TaskRouter) TaskCounts(ctx context.Context, a account.Actor, ws sid.SID) (counts map[TaskStatus]int64, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		counts = map[TaskStatus]int64{}
		rows, err := o.tx.Query("select status, count(*) from taskrouter_task where workspace_id = $1 and live = 1 group by status", o.ws.ID)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var status string
			var n int64
			if err := rows.Scan(&status, &n); err != nil {
				return err
			}
			counts[TaskStatus(status)] = n
		}
		return rows.Err()
	})
	return counts, err
}

// Task returns a task.
func (t *TaskRouter) Task(ctx context.Context, a account.Actor, ws, s sid.SID) (v Task, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		v, err = o.task(s, false)
		return err
	})
	return v, err
}

// TaskTx returns a task of the account, in whichever workspace.
func (t *TaskRouter) TaskTx(tx *db.Tx, accountID int64, s sid.SID) (Task, error) {
	_, v, err := t.taskOf(tx, accountID, s, false)
	return v, err
}

// LiveTx says whether a task of the account waits for a worker or has one at work, and keeps it from ending before the
// transaction does. A task that is gone is not live.
func (t *TaskRouter) LiveTx(tx *db.Tx, accountID int64, s sid.SID) (bool, error) {
	_, v, err := t.taskOf(tx, accountID, s, true)
	if fault.Is(err, fault.KindNotFound) {
		return false, nil
	}
	return err == nil && (v.Status.Waiting() || v.Status == TaskAssigned), err
}

func (t *TaskRouter) taskOf(tx *db.Tx, accountID int64, s sid.SID, lock bool) (*op, Task, error) {
	v, err := tasks.Get(tx, accountID, s)
	if err != nil {
		return nil, v, missing(err, "/Tasks/"+string(s))
	}
	o, err := t.of(tx, v.WorkspaceID)
	if err != nil {
		return nil, v, err
	}
	v, err = o.task(s, lock)
	return o, v, err
}

func (o *op) task(s sid.SID, lock bool) (Task, error) {
	v, err := get(o, tasks, s, (*Task).InWorkspace, "Tasks", lock)
	if err != nil {
		return v, err
	}
	return v, o.fillTask(&v)
}
