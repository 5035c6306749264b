package taskrouter

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
)

// TaskStatus is assignment_status.
type TaskStatus string

// The states of a task.
const (
	TaskPending   TaskStatus = "pending"
	TaskReserved  TaskStatus = "reserved"
	TaskAssigned  TaskStatus = "assigned"
	TaskWrapping  TaskStatus = "wrapping"
	TaskCompleted TaskStatus = "completed"
	TaskCanceled  TaskStatus = "canceled"
)

// TaskStatuses are all states, in the order of a task's life.
var TaskStatuses = []TaskStatus{TaskPending, TaskReserved, TaskAssigned, TaskWrapping, TaskCompleted, TaskCanceled}

// Waiting reports whether the task looks for a worker.
func (s TaskStatus) Waiting() bool { return s == TaskPending || s == TaskReserved }

// Ended reports whether the state is final.
func (s TaskStatus) Ended() bool { return s == TaskCompleted || s == TaskCanceled }

// Task is a piece of work. Key is the contact's data key.
type Task struct {
	db.Row
	TaskDoc
	AccountSID     sid.SID
	Workspace      Ref
	Workflow       Ref // zero: routed straight to a queue or a worker
	Queue          Ref
	Channel        Ref // name: the unique name
	WorkspaceID    int64
	Status         TaskStatus
	Filter, Target int64 // position in the workflow
	Priority       int64
	VirtualStart   time.Time // what the age is counted from
	Expires        time.Time // end of its life while it waits
	Due            time.Time // end of its target, zero for none
	QueueEntered   time.Time
	Ended          time.Time
	TargetWorker   int64 // the worker of its routing target
	IgnoreCapacity bool
	Rejections     int64
	Watched        bool // copied to its events

	live bool
}

// TaskDoc is the sealed part of a task. RoutingTarget is the SID of a worker, queue or workflow.
type TaskDoc struct {
	Attributes    json.RawMessage
	Reason        string
	RoutingTarget string
}

func (t *Task) workspaceID() int64 { return t.WorkspaceID }

// Age is how old the task is, in seconds.
func (t *Task) Age(now time.Time) int64 { return max(0, int64(now.Sub(t.VirtualStart)/time.Second)) }

// Timeout is the life that the task was given, in seconds.
func (t *Task) Timeout() int64 {
	return int64(t.Expires.Sub(t.CreatedAt).Round(time.Second) / time.Second)
}

// NewTask is what a task is made of. Workflow may be "" in a workspace with one workflow, or with a RoutingTarget.
type NewTask struct {
	Workflow       sid.SID
	Queue          sid.SID // only with a RoutingTarget that is a worker
	TaskChannel    string  // SID or unique name; "" is default
	Attributes     string  // JSON object
	Timeout        *int64  // seconds, 1 to 1,209,600; nil is 86,400
	Priority       *int64  // 0 to 2^31-1, unless the target has one
	VirtualStart   time.Time
	RoutingTarget  string
	IgnoreCapacity bool
	Key            int64 // data key of the contact
	Watched        bool  // durable subscribers may want its events
}

// CreateTask makes a task and routes it. Agents make tasks for themselves.
func (t *TaskRouter) CreateTask(ctx context.Context, a account.Actor, ws sid.SID, n NewTask) (v Task, err error) {
	if !supervises(a) && (a.Worker == "" || n.RoutingTarget != string(a.Worker)) {
		return v, fault.Forbidden("Worker %s may create Tasks for itself only", a.Worker)
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
	if err := numberWithin("Timeout", timeout, 1, maxTaskTimeout); err != nil {
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
	v.live = true
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
	q, err := get(o, queues, s, (*TaskQueue).workspaceID, "TaskQueues", false)
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

// routed is the task as routing knows it.
func (t *Task) routed(flow *route.Workflow) route.Task {
	r := route.Task{
		ID: t.ID, Version: t.Version, Workflow: t.Workflow.ID, Filter: int(t.Filter), Target: int(t.Target), Queue: t.Queue.ID, Channel: t.Channel.ID,
		Priority: t.Priority, Start: micros(t.VirtualStart), Expires: micros(t.Expires), Due: micros(t.Due),
		Worker: t.TargetWorker, IgnoreCapacity: t.IgnoreCapacity,
	}
	switch {
	case t.Status.Ended():
		r.Phase = route.Done
	case !t.Status.Waiting():
		r.Phase = route.Taken
	case flow != nil && flow.NeedsTask():
		r.Attributes = mapOf(t.Attributes)
	}
	return r
}

func (o *op) feedTask(t *Task, flow *route.Workflow) error {
	if flow == nil && t.Workflow.ID != 0 && t.Status.Waiting() {
		var err error
		if flow, err = o.flow(t.Workflow.ID); err != nil {
			return err
		}
	}
	r := t.routed(flow)
	o.last = append(o.last, func(s *route.State) { s.PutTask(r) })
	return nil
}

// TaskFilter narrows a list; zero values do not. Expression is over the task's attributes.
type TaskFilter struct {
	Priority                *int64
	Statuses                []TaskStatus
	Workflow, Queue         sid.SID
	WorkflowName, QueueName string
	Expression              string
	RoutingTarget           string
	HasAddons               *bool
	Desc                    bool
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
		page, err = tasks.PageWhere(o.tx, p, keep, q.where, q.args...)
		page, err = fillAll(page, err, o.fillTask)
		return err
	})
	return page, err
}

func (o *op) taskFilter(q *query, f TaskFilter) (keep func(*Task) bool, err error) {
	if f.Priority != nil {
		q.and("priority =", *f.Priority)
	}
	var statuses []any
	for _, s := range f.Statuses {
		if !slices.Contains(TaskStatuses, s) {
			return nil, fault.Invalid("AssignmentStatus %q is not one of pending, reserved, assigned, wrapping, completed, canceled", string(s))
		}
		statuses = append(statuses, string(s))
	}
	q.any("status", statuses)
	if !slices.ContainsFunc(f.Statuses, TaskStatus.Ended) && len(statuses) > 0 {
		q.where += " and live = 1" // the index of those that are few
	}
	if err := o.filterBy(q, "workflow", "workflow_id", f.Workflow, f.WorkflowName); err != nil {
		return nil, err
	}
	if err := o.filterBy(q, "queue", "queue_id", f.Queue, f.QueueName); err != nil {
		return nil, err
	}
	if f.HasAddons != nil && *f.HasAddons {
		q.none()
	}
	if f.Expression == "" && f.RoutingTarget == "" {
		return nil, nil
	}
	when, err := expression("EvaluateTaskAttributes", "1==1")
	if f.Expression != "" {
		when, err = expression("EvaluateTaskAttributes", f.Expression)
	}
	return func(t *Task) bool {
		return (f.RoutingTarget == "" || t.RoutingTarget == f.RoutingTarget) &&
			when.Eval(route.TaskEnv{Attributes: mapOf(t.Attributes), Now: micros(o.tx.Now)})
	}, err
}

// filterBy narrows to the rows that refer to a queue or workflow by SID or by name; what does not exist matches nothing.
func (o *op) filterBy(q *query, noun, column string, s sid.SID, name string) error {
	if s != "" {
		q.where += " and " + column + " in (select id from taskrouter_" + noun + " where workspace_id = $1"
		q.and("sid =", string(s))
		q.where += ")"
	}
	if name != "" {
		h, err := o.hash(noun, name)
		if err != nil {
			return err
		}
		q.where += " and " + column + " in (select id from taskrouter_" + noun + " where workspace_id = $1"
		q.and("name_hash =", h)
		q.where += ")"
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
	v, err := get(o, tasks, s, (*Task).workspaceID, "Tasks", lock)
	if err != nil {
		return v, err
	}
	return v, o.fillTask(&v)
}

// TaskUpdate changes what is not nil or zero. IfVersion 0 asks for no version.
type TaskUpdate struct {
	Attributes   *string
	Priority     *int64
	TaskChannel  *string
	VirtualStart time.Time
	Status       TaskStatus // completed, wrapping or canceled
	Reason       *string
	IfVersion    int64
}

// changeTask sets what a task is made of.
func (o *op) changeTask(t *Task, u TaskUpdate) (err error) {
	if u.Attributes != nil {
		if t.Attributes, err = attributes(*u.Attributes); err != nil {
			return err
		}
	}
	if u.Priority != nil {
		if err := numberWithin("Priority", *u.Priority, 0, maxPriority); err != nil {
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
		if len(*u.Reason) > maxAttributes {
			return fault.Invalid("Reason is longer than %d characters", maxAttributes)
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
