package row

import "usher/internal/db"

// The tables that own streams.
const (
	WorkerTable    = "taskrouter_worker"
	QueueTable     = "taskrouter_queue"
	WorkspaceTable = "taskrouter_workspace"
)

// Workspaces is the table of workspaces.
var Workspaces = &db.Table[Workspace]{
	Name: WorkspaceTable, Steady: true,
	Row: func(w *Workspace) *db.Row { return &w.Row },
	Doc: func(w *Workspace) any { return &w.WorkspaceDoc },
	Columns: []db.Column[Workspace]{
		{Name: "account_sid", Field: func(w *Workspace) any { return &w.AccountSID }},
		{Name: "name_hash", Field: func(w *Workspace) any { return &w.NameHash }},
		{Name: "default_activity_id", Field: func(w *Workspace) any { return &w.DefaultActivity.ID }},
		{Name: "timeout_activity_id", Field: func(w *Workspace) any { return &w.TimeoutActivity.ID }},
		{Name: "multi_task", Field: func(w *Workspace) any { return &w.MultiTask }},
		{Name: "lifo_first", Field: func(w *Workspace) any { return &w.LIFOFirst }},
	},
}

// Activities is the table of activities.
var Activities = &db.Table[Activity]{
	Name: "taskrouter_activity", Steady: true,
	Row: func(a *Activity) *db.Row { return &a.Row },
	Doc: func(a *Activity) any { return &a.ActivityDoc },
	Columns: []db.Column[Activity]{
		{Name: "workspace_id", Field: func(a *Activity) any { return &a.WorkspaceID }},
		{Name: "name_hash", Field: func(a *Activity) any { return &a.NameHash }},
		{Name: "available", Field: func(a *Activity) any { return &a.Available }},
	},
}

// TaskChannels is the table of task channels.
var TaskChannels = &db.Table[TaskChannel]{
	Name: "taskrouter_channel", Steady: true,
	Row: func(c *TaskChannel) *db.Row { return &c.Row },
	Doc: func(c *TaskChannel) any { return &c.TaskChannelDoc },
	Columns: []db.Column[TaskChannel]{
		{Name: "workspace_id", Field: func(c *TaskChannel) any { return &c.WorkspaceID }},
		{Name: "unique_hash", Field: func(c *TaskChannel) any { return &c.UniqueHash }},
		{Name: "optimized", Field: func(c *TaskChannel) any { return &c.Optimized }},
	},
}

// TaskQueues is the table of queues.
var TaskQueues = &db.Table[TaskQueue]{
	Name: QueueTable, Steady: true,
	Row: func(q *TaskQueue) *db.Row { return &q.Row },
	Doc: func(q *TaskQueue) any { return &q.TaskQueueDoc },
	Columns: []db.Column[TaskQueue]{
		{Name: "workspace_id", Field: func(q *TaskQueue) any { return &q.WorkspaceID }},
		{Name: "name_hash", Field: func(q *TaskQueue) any { return &q.NameHash }},
		{Name: "lifo", Field: func(q *TaskQueue) any { return &q.LIFO }},
		{Name: "max_reserved", Field: func(q *TaskQueue) any { return &q.MaxReserved }},
		{Name: "reservation_activity_id", Field: func(q *TaskQueue) any { return &q.ReservationActivity.ID }},
		{Name: "assignment_activity_id", Field: func(q *TaskQueue) any { return &q.AssignmentActivity.ID }},
	},
}

// Workflows is the table of workflows.
var Workflows = &db.Table[Workflow]{
	Name: "taskrouter_workflow", Steady: true,
	Row: func(w *Workflow) *db.Row { return &w.Row },
	Doc: func(w *Workflow) any { return &w.WorkflowDoc },
	Columns: []db.Column[Workflow]{
		{Name: "workspace_id", Field: func(w *Workflow) any { return &w.WorkspaceID }},
		{Name: "name_hash", Field: func(w *Workflow) any { return &w.NameHash }},
		{Name: "reservation_timeout", Field: func(w *Workflow) any { return &w.ReservationTimeout }},
	},
}

// Workers is the table of workers.
var Workers = &db.Table[Worker]{
	Name: WorkerTable,
	Row:  func(w *Worker) *db.Row { return &w.Row },
	Doc:  func(w *Worker) any { return &w.WorkerDoc },
	Columns: []db.Column[Worker]{
		{Name: "workspace_id", Field: func(w *Worker) any { return &w.WorkspaceID }},
		{Name: "name_hash", Field: func(w *Worker) any { return &w.NameHash }},
		{Name: "activity_id", Field: func(w *Worker) any { return &w.Activity.ID }},
		{Name: "status_at", Field: func(w *Worker) any { return &w.StatusAt }},
		{Name: "idle_at", Field: func(w *Worker) any { return &w.IdleAt }},
	},
}

// WorkerChannels is the table of the channels of workers.
var WorkerChannels = &db.Table[WorkerChannel]{
	Name: "taskrouter_worker_channel",
	Row:  func(c *WorkerChannel) *db.Row { return &c.Row },
	Columns: []db.Column[WorkerChannel]{
		{Name: "workspace_id", Field: func(c *WorkerChannel) any { return &c.WorkspaceID }},
		{Name: "worker_id", Field: func(c *WorkerChannel) any { return &c.Worker.ID }},
		{Name: "channel_id", Field: func(c *WorkerChannel) any { return &c.Channel.ID }},
		{Name: "capacity", Field: func(c *WorkerChannel) any { return &c.Capacity }},
		{Name: "available", Field: func(c *WorkerChannel) any { return &c.Available }},
	},
}

// Tasks is the table of tasks.
var Tasks = &db.Table[Task]{
	Name: "taskrouter_task",
	Row:  func(t *Task) *db.Row { return &t.Row },
	Doc:  func(t *Task) any { return &t.TaskDoc },
	Columns: []db.Column[Task]{
		{Name: "workspace_id", Field: func(t *Task) any { return &t.WorkspaceID }},
		{Name: "workflow_id", Field: func(t *Task) any { return &t.Workflow.ID }},
		{Name: "queue_id", Field: func(t *Task) any { return &t.Queue.ID }},
		{Name: "channel_id", Field: func(t *Task) any { return &t.Channel.ID }},
		{Name: "status", Field: func(t *Task) any { return &t.Status }},
		{Name: "live", Field: func(t *Task) any { return &t.Live }},
		{Name: "filter", Field: func(t *Task) any { return &t.Filter }},
		{Name: "target", Field: func(t *Task) any { return &t.Target }},
		{Name: "priority", Field: func(t *Task) any { return &t.Priority }},
		{Name: "start_at", Field: func(t *Task) any { return &t.VirtualStart }},
		{Name: "expires_at", Field: func(t *Task) any { return &t.Expires }},
		{Name: "due_at", Field: func(t *Task) any { return &t.Due }},
		{Name: "queued_at", Field: func(t *Task) any { return &t.QueueEntered }},
		{Name: "ended_at", Field: func(t *Task) any { return &t.Ended }},
		{Name: "target_worker_id", Field: func(t *Task) any { return &t.TargetWorker }},
		{Name: "ignore_capacity", Field: func(t *Task) any { return &t.IgnoreCapacity }},
		{Name: "rejections", Field: func(t *Task) any { return &t.Rejections }},
		{Name: "watched", Field: func(t *Task) any { return &t.Watched }},
		{Name: "conversation_sid", Field: func(t *Task) any { return &t.Conversation }},
	},
}

// Reservations is the table of reservations.
var Reservations = &db.Table[Reservation]{
	Name: "taskrouter_reservation",
	Row:  func(r *Reservation) *db.Row { return &r.Row },
	Doc:  func(r *Reservation) any { return &r.ReservationDoc },
	Columns: []db.Column[Reservation]{
		{Name: "workspace_id", Field: func(r *Reservation) any { return &r.WorkspaceID }},
		{Name: "task_id", Field: func(r *Reservation) any { return &r.Task.ID }},
		{Name: "worker_id", Field: func(r *Reservation) any { return &r.Worker.ID }},
		{Name: "channel_id", Field: func(r *Reservation) any { return &r.ChannelID }},
		{Name: "status", Field: func(r *Reservation) any { return &r.Status }},
		{Name: "live", Field: func(r *Reservation) any { return &r.Live }},
		{Name: "expires_at", Field: func(r *Reservation) any { return &r.Expires }},
	},
}
