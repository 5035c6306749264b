package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type workerForm struct {
	FriendlyName  rest.Opt[string]  `form:"FriendlyName,required,max=64"`
	Activity      rest.Opt[sid.SID] `form:"ActivitySid"`
	Attributes    rest.Opt[string]  `form:"Attributes"`
	RejectPending bool              `form:"RejectPendingReservations,update"`
}

type workerFilter struct {
	ActivityName string           `form:"ActivityName"`
	Activity     sid.SID          `form:"ActivitySid"`
	Available    rest.Opt[string] `form:"Available"`
	FriendlyName string           `form:"FriendlyName"`
	Expression   string           `form:"TargetWorkersExpression"`
	QueueName    string           `form:"TaskQueueName"`
	Queue        sid.SID          `form:"TaskQueueSid"`
	Ordering     string           `form:"Ordering"`
}

type workerWire struct {
	AccountSID   sid.SID            `json:"account_sid"`
	ActivityName *string            `json:"activity_name"`
	ActivitySID  *sid.SID           `json:"activity_sid"`
	Attributes   string             `json:"attributes"` // JSON text
	Available    bool               `json:"available"`
	DateCreated  *string            `json:"date_created"`
	DateStatus   *string            `json:"date_status_changed"`
	DateUpdated  *string            `json:"date_updated"`
	FriendlyName string             `json:"friendly_name"`
	Links        map[string]*string `json:"links"`
	SID          sid.SID            `json:"sid"`
	URL          string             `json:"url"`
	WorkspaceSID sid.SID            `json:"workspace_sid"`
}

// workers is mounted in two parts: who works may change their own worker, but only a manager makes and removes workers.
func workers(t *taskrouter.TaskRouter) []rest.Mount {
	const path = "/Workspaces/{WorkspaceSid}/Workers"
	return []rest.Mount{rest.Resource[taskrouter.Worker, workerForm]{
		Path: path, Key: "workers", Read: reader, Write: worker, Filter: workerFilter{},
		Version: workerVersion,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Worker], err error) {
			var f workerFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			desc, err := descending(f.Ordering)
			if err != nil {
				return page, err
			}
			return t.Workers(ctx, c.Actor, c.SID(varWorkspace), taskrouter.WorkerFilter{
				FriendlyName: f.FriendlyName, ActivityName: f.ActivityName, QueueName: f.QueueName, Activity: f.Activity, Queue: f.Queue,
				Available: flag(f.Available), Expression: f.Expression, Desc: desc,
			}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.Worker, error) {
			return t.Worker(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		Update: func(ctx context.Context, c *rest.Call, in workerForm) (taskrouter.Worker, error) {
			return t.UpdateWorker(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), taskrouter.WorkerUpdate{
				FriendlyName: in.FriendlyName.Ptr(), Attributes: in.Attributes.Ptr(), Activity: in.Activity.Ptr(),
				RejectPending: in.RejectPending, IfVersion: c.IfVersion,
			})
		},
		View: workerView,
	}, rest.Resource[taskrouter.Worker, workerForm]{
		Path: path, Key: "workers", Write: manager, Version: workerVersion,
		Create: func(ctx context.Context, c *rest.Call, in workerForm) (taskrouter.Worker, error) {
			return t.CreateWorker(ctx, c.Actor, c.SID(varWorkspace), taskrouter.NewWorker{
				FriendlyName: in.FriendlyName.V, Attributes: in.Attributes.V, Activity: in.Activity.V,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return t.DeleteWorker(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), c.IfVersion)
		},
		View: workerView,
	}}
}

func workerVersion(v taskrouter.Worker) int64 { return v.Version }

func workerView(c *rest.Call, v taskrouter.Worker) any {
	ws := workspaceURL(c, v.Workspace.SID)
	all := ws + "/Workers"
	url := all + "/" + string(v.SID)
	link := func(s string) *string { return &s }
	return workerWire{
		AccountSID: v.AccountSID, ActivityName: optional(v.Activity.Name), ActivitySID: optional(v.Activity.SID),
		Attributes: string(v.Attributes), Available: v.Available, DateCreated: c.Date(v.CreatedAt), DateStatus: c.Date(v.StatusAt),
		DateUpdated: c.Date(v.UpdatedAt), FriendlyName: v.FriendlyName, SID: v.SID, URL: url, WorkspaceSID: v.Workspace.SID,
		Links: map[string]*string{
			"channels": link(url + "/Channels"), "activity": linkTo(ws+"/Activities/", v.Activity.SID), "workspace": &ws,
			"statistics": link(all + "/Statistics"), "real_time_statistics": link(all + "/RealTimeStatistics"),
			"cumulative_statistics": link(all + "/CumulativeStatistics"), "worker_statistics": link(url + "/Statistics"),
			"worker_channels": link(url + "/Channels"), "reservations": link(url + "/Reservations"),
		},
	}
}
