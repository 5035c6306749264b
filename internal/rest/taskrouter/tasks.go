package taskrouter

import (
	"context"
	"time"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type taskForm struct {
	Attributes     rest.Opt[string]      `form:"Attributes"`
	Priority       rest.Opt[int64]       `form:"Priority"`
	TaskChannel    rest.Opt[string]      `form:"TaskChannel"`
	VirtualStart   time.Time             `form:"VirtualStartTime"`
	Timeout        rest.Opt[int64]       `form:"Timeout,create"`
	Workflow       sid.SID               `form:"WorkflowSid,create"`
	Queue          sid.SID               `form:"TaskQueueSid,create"`
	RoutingTarget  string                `form:"RoutingTarget,create"`
	IgnoreCapacity string                `form:"IgnoreCapacity,create"`
	Status         taskrouter.TaskStatus `form:"AssignmentStatus,update"`
	Reason         rest.Opt[string]      `form:"Reason,update"`
}

type taskFilter struct {
	Priority      rest.Opt[int64]         `form:"Priority"`
	Statuses      []taskrouter.TaskStatus `form:"AssignmentStatus,comma"`
	Workflow      sid.SID                 `form:"WorkflowSid"`
	WorkflowName  string                  `form:"WorkflowName"`
	Queue         sid.SID                 `form:"TaskQueueSid"`
	QueueName     string                  `form:"TaskQueueName"`
	Expression    string                  `form:"EvaluateTaskAttributes"`
	RoutingTarget string                  `form:"RoutingTarget"`
	Ordering      string                  `form:"Ordering"`
	HasAddons     rest.Opt[bool]          `form:"HasAddons"`
}

type taskWire struct {
	AccountSID     sid.SID               `json:"account_sid"`
	Addons         string                `json:"addons"`
	Age            int64                 `json:"age"` // seconds
	Status         taskrouter.TaskStatus `json:"assignment_status"`
	Attributes     string                `json:"attributes"` // JSON text
	DateCreated    *string               `json:"date_created"`
	DateUpdated    *string               `json:"date_updated"`
	IgnoreCapacity bool                  `json:"ignore_capacity"`
	Links          map[string]*string    `json:"links"` // workflow is null where the task was sent straight to a queue
	Priority       int64                 `json:"priority"`
	Reason         *string               `json:"reason"`
	RoutingTarget  *string               `json:"routing_target"`
	SID            sid.SID               `json:"sid"`
	ChannelSID     *sid.SID              `json:"task_channel_sid"`
	ChannelName    *string               `json:"task_channel_unique_name"`
	QueueEntered   *string               `json:"task_queue_entered_date"`
	QueueName      *string               `json:"task_queue_friendly_name"`
	QueueSID       *sid.SID              `json:"task_queue_sid"`
	Timeout        int64                 `json:"timeout"` // seconds
	URL            string                `json:"url"`
	VirtualStart   *string               `json:"virtual_start_time"`
	WorkflowName   *string               `json:"workflow_friendly_name"`
	WorkflowSID    *sid.SID              `json:"workflow_sid"`
	WorkspaceSID   sid.SID               `json:"workspace_sid"`
}

// tasks is mounted in two parts: who works makes tasks for themselves and changes those that they hold, but only a supervisor
// removes tasks.
func tasks(t *taskrouter.TaskRouter) []rest.Mount {
	const path = "/Workspaces/{WorkspaceSid}/Tasks"
	return []rest.Mount{rest.Resource[taskrouter.Task, taskForm]{
		Path: path, Key: "tasks", Read: reader, Write: worker, Filter: taskFilter{},
		Version: func(v taskrouter.Task) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Task], err error) {
			var f taskFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			desc, err := descending(f.Ordering)
			if err != nil {
				return page, err
			}
			return t.Tasks(ctx, c.Actor, c.SID(varWorkspace), taskrouter.TaskFilter{
				Priority: f.Priority.Ptr(), Statuses: f.Statuses, Workflow: f.Workflow, Queue: f.Queue, WorkflowName: f.WorkflowName,
				QueueName: f.QueueName, Expression: f.Expression, RoutingTarget: f.RoutingTarget, HasAddons: f.HasAddons.Ptr(), Desc: desc,
			}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.Task, error) {
			return t.Task(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in taskForm) (taskrouter.Task, error) {
			return t.CreateTask(ctx, c.Actor, c.SID(varWorkspace), taskrouter.NewTask{
				Workflow: in.Workflow, Queue: in.Queue, TaskChannel: in.TaskChannel.V, Attributes: in.Attributes.V, Timeout: in.Timeout.Ptr(),
				Priority: in.Priority.Ptr(), VirtualStart: in.VirtualStart, RoutingTarget: in.RoutingTarget, IgnoreCapacity: truthy(in.IgnoreCapacity),
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in taskForm) (taskrouter.Task, error) {
			return t.UpdateTask(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), taskrouter.TaskUpdate{
				Attributes: in.Attributes.Ptr(), Priority: in.Priority.Ptr(), TaskChannel: in.TaskChannel.Ptr(), VirtualStart: in.VirtualStart,
				Status: in.Status, Reason: in.Reason.Ptr(), IfVersion: c.IfVersion,
			})
		},
		View: taskView,
	}, rest.Resource[taskrouter.Task, taskForm]{
		Path: path, Key: "tasks", Write: supervisor,
		Delete: func(ctx context.Context, c *rest.Call) error {
			return t.DeleteTask(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), c.IfVersion)
		},
		View: taskView,
	}}
}

func taskView(c *rest.Call, v taskrouter.Task) any {
	ws := workspaceURL(c, v.Workspace.SID)
	url := ws + "/Tasks/" + string(v.SID)
	reservations := url + "/Reservations"
	return taskWire{
		AccountSID: v.AccountSID, Addons: "{}", Age: v.Age(time.Now()), Status: v.Status, Attributes: string(v.Attributes),
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), IgnoreCapacity: v.IgnoreCapacity, Priority: v.Priority,
		Reason: optional(v.Reason), RoutingTarget: optional(v.RoutingTarget), SID: v.SID, ChannelSID: optional(v.Channel.SID),
		ChannelName: optional(v.Channel.Name), QueueEntered: c.Date(v.QueueEntered), QueueName: optional(v.Queue.Name),
		QueueSID: optional(v.Queue.SID), Timeout: v.Timeout(), URL: url, VirtualStart: c.Date(v.VirtualStart),
		WorkflowName: optional(v.Workflow.Name), WorkflowSID: optional(v.Workflow.SID), WorkspaceSID: v.Workspace.SID,
		Links: map[string]*string{
			"task_queue": linkTo(ws+"/TaskQueues/", v.Queue.SID), "workflow": linkTo(ws+"/Workflows/", v.Workflow.SID),
			"workspace": &ws, "reservations": &reservations,
		},
	}
}
