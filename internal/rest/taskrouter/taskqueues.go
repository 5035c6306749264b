package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type taskQueueForm struct {
	FriendlyName        rest.Opt[string]  `form:"FriendlyName,required"`
	TargetWorkers       rest.Opt[string]  `form:"TargetWorkers"`
	MaxReserved         rest.Opt[int64]   `form:"MaxReservedWorkers,min=1,max=50"`
	Order               rest.Opt[string]  `form:"TaskOrder,enum=FIFO|LIFO"`
	ReservationActivity rest.Opt[sid.SID] `form:"ReservationActivitySid"`
	AssignmentActivity  rest.Opt[sid.SID] `form:"AssignmentActivitySid"`
}

type taskQueueFilter struct {
	FriendlyName string  `form:"FriendlyName"`
	Attributes   string  `form:"EvaluateWorkerAttributes"`
	Worker       sid.SID `form:"WorkerSid"`
	Ordering     string  `form:"Ordering"`
}

type taskQueueWire struct {
	AccountSID      sid.SID            `json:"account_sid"`
	AssignmentName  *string            `json:"assignment_activity_name"`
	AssignmentSID   *sid.SID           `json:"assignment_activity_sid"`
	DateCreated     *string            `json:"date_created"`
	DateUpdated     *string            `json:"date_updated"`
	FriendlyName    string             `json:"friendly_name"`
	Links           map[string]*string `json:"links"` // an activity's is null where the queue names none
	MaxReserved     int64              `json:"max_reserved_workers"`
	ReservationName *string            `json:"reservation_activity_name"`
	ReservationSID  *sid.SID           `json:"reservation_activity_sid"`
	SID             sid.SID            `json:"sid"`
	TargetWorkers   *string            `json:"target_workers"`
	Order           string             `json:"task_order"`
	URL             string             `json:"url"`
	WorkspaceSID    sid.SID            `json:"workspace_sid"`
}

func taskQueues(t *taskrouter.TaskRouter) rest.Mount {
	return rest.Resource[taskrouter.TaskQueue, taskQueueForm]{
		Path: "/Workspaces/{WorkspaceSid}/TaskQueues", Key: "task_queues", Read: reader, Write: manager, Filter: taskQueueFilter{},
		Version: func(v taskrouter.TaskQueue) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.TaskQueue], err error) {
			var f taskQueueFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			desc, err := descending(f.Ordering)
			if err != nil {
				return page, err
			}
			return t.TaskQueues(ctx, c.Actor, c.SID(varWorkspace), taskrouter.TaskQueueFilter{
				FriendlyName: f.FriendlyName, Worker: f.Worker, Attributes: f.Attributes, Desc: desc,
			}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.TaskQueue, error) {
			return t.TaskQueue(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in taskQueueForm) (taskrouter.TaskQueue, error) {
			return t.CreateTaskQueue(ctx, c.Actor, c.SID(varWorkspace), taskrouter.NewTaskQueue{
				FriendlyName: in.FriendlyName.V, TargetWorkers: in.TargetWorkers.Ptr(), LIFO: in.Order.V == lifo, MaxReserved: in.MaxReserved.V,
				ReservationActivity: in.ReservationActivity.V, AssignmentActivity: in.AssignmentActivity.V,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in taskQueueForm) (taskrouter.TaskQueue, error) {
			return t.UpdateTaskQueue(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), taskrouter.TaskQueueUpdate{
				FriendlyName: in.FriendlyName.Ptr(), TargetWorkers: in.TargetWorkers.Ptr(), LIFO: lastFirst(in.Order),
				MaxReserved: in.MaxReserved.Ptr(), ReservationActivity: in.ReservationActivity.Ptr(), AssignmentActivity: in.AssignmentActivity.Ptr(),
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return t.DeleteTaskQueue(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		View: taskQueueView,
	}
}

func taskQueueView(c *rest.Call, v taskrouter.TaskQueue) any {
	ws := workspaceURL(c, v.Workspace.SID)
	all := ws + "/TaskQueues"
	url := all + "/" + string(v.SID)
	link := func(s string) *string { return &s }
	return taskQueueWire{
		AccountSID: v.AccountSID, AssignmentName: optional(v.AssignmentActivity.Name), AssignmentSID: optional(v.AssignmentActivity.SID),
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), FriendlyName: v.FriendlyName, MaxReserved: v.MaxReserved,
		ReservationName: optional(v.ReservationActivity.Name), ReservationSID: optional(v.ReservationActivity.SID), SID: v.SID,
		TargetWorkers: optional(v.TargetWorkers), Order: order(v.LIFO), URL: url, WorkspaceSID: v.Workspace.SID,
		Links: map[string]*string{
			"assignment_activity":  linkTo(ws+"/Activities/", v.AssignmentActivity.SID),
			"reservation_activity": linkTo(ws+"/Activities/", v.ReservationActivity.SID), "workspace": &ws,
			"statistics": link(url + "/Statistics"), "real_time_statistics": link(url + "/RealTimeStatistics"),
			"cumulative_statistics": link(url + "/CumulativeStatistics"), "list_statistics": link(all + "/Statistics"),
		},
	}
}
