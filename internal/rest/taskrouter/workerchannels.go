package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type workerChannelForm struct {
	Capacity  rest.Opt[int64] `form:"Capacity"`
	Available rest.Opt[bool]  `form:"Available"`
}

type workerChannelWire struct {
	AccountSID   sid.SID `json:"account_sid"`
	Assigned     int64   `json:"assigned_tasks"`
	Available    bool    `json:"available"`
	Percentage   int64   `json:"available_capacity_percentage"`
	Capacity     int64   `json:"configured_capacity"`
	DateCreated  *string `json:"date_created"`
	DateUpdated  *string `json:"date_updated"`
	SID          sid.SID `json:"sid"`
	ChannelSID   sid.SID `json:"task_channel_sid"`
	ChannelName  string  `json:"task_channel_unique_name"`
	URL          string  `json:"url"`
	WorkerSID    sid.SID `json:"worker_sid"`
	WorkspaceSID sid.SID `json:"workspace_sid"`
}

// workerChannels is a worker's channels, at the given name below the worker. An item is found by its SID, by the SID of the
// task channel or by its unique name.
func workerChannels(t *taskrouter.TaskRouter, name string) rest.Mount {
	return rest.Resource[taskrouter.WorkerChannel, workerChannelForm]{
		Path: "/Workspaces/{WorkspaceSid}/Workers/{WorkerSid}/" + name, Key: "channels", Read: reader, Write: supervisor,
		Version: func(v taskrouter.WorkerChannel) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[taskrouter.WorkerChannel], error) {
			return t.WorkerChannels(ctx, c.Actor, c.SID(varWorkspace), c.SID(varWorker), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.WorkerChannel, error) {
			return t.WorkerChannel(ctx, c.Actor, c.SID(varWorkspace), c.SID(varWorker), c.Var(varItem))
		},
		Update: func(ctx context.Context, c *rest.Call, in workerChannelForm) (taskrouter.WorkerChannel, error) {
			return t.UpdateWorkerChannel(ctx, c.Actor, c.SID(varWorkspace), c.SID(varWorker), c.Var(varItem), in.Capacity.Ptr(), in.Available.Ptr())
		},
		View: func(c *rest.Call, v taskrouter.WorkerChannel) any {
			return workerChannelWire{
				AccountSID: v.AccountSID, Assigned: v.Assigned, Available: v.Available, Percentage: v.Percentage(), Capacity: v.Capacity,
				DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), SID: v.SID, ChannelSID: v.Channel.SID,
				ChannelName: v.Channel.Name, WorkerSID: v.Worker.SID, WorkspaceSID: v.Workspace.SID,
				URL: workspaceURL(c, v.Workspace.SID) + "/Workers/" + string(v.Worker.SID) + "/Channels/" + string(v.SID),
			}
		},
	}
}
