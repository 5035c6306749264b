package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type workspaceForm struct {
	FriendlyName     rest.Opt[string]  `form:"FriendlyName,required,max=64"`
	EventCallbackURL rest.Opt[string]  `form:"EventCallbackUrl"`
	EventsFilter     rest.Opt[string]  `form:"EventsFilter"`
	MultiTask        rest.Opt[bool]    `form:"MultiTaskEnabled"`
	QueueOrder       rest.Opt[string]  `form:"PrioritizeQueueOrder,enum=FIFO|LIFO"`
	Template         string            `form:"Template,create,enum=NONE|FIFO"`
	DefaultActivity  rest.Opt[sid.SID] `form:"DefaultActivitySid,update"`
	TimeoutActivity  rest.Opt[sid.SID] `form:"TimeoutActivitySid,update"`
}

type workspaceFilter struct {
	FriendlyName string `form:"FriendlyName"`
}

type workspaceWire struct {
	AccountSID       sid.SID           `json:"account_sid"`
	DateCreated      *string           `json:"date_created"`
	DateUpdated      *string           `json:"date_updated"`
	DefaultName      *string           `json:"default_activity_name"`
	DefaultSID       *sid.SID          `json:"default_activity_sid"`
	EventCallbackURL string            `json:"event_callback_url"`
	EventsFilter     *string           `json:"events_filter"`
	FriendlyName     string            `json:"friendly_name"`
	Links            map[string]string `json:"links"`
	MultiTask        bool              `json:"multi_task_enabled"`
	QueueOrder       string            `json:"prioritize_queue_order"`
	SID              sid.SID           `json:"sid"`
	TimeoutName      *string           `json:"timeout_activity_name"`
	TimeoutSID       *sid.SID          `json:"timeout_activity_sid"`
	URL              string            `json:"url"`
}

func workspaces(t *taskrouter.TaskRouter) rest.Mount {
	return rest.Resource[taskrouter.Workspace, workspaceForm]{
		Path: "/Workspaces", Key: "workspaces", Read: reader, Write: manager, Filter: workspaceFilter{},
		Version: func(v taskrouter.Workspace) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Workspace], err error) {
			var f workspaceFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			return t.Workspaces(ctx, c.Actor, f.FriendlyName, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.Workspace, error) {
			return t.Workspace(ctx, c.Actor, c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in workspaceForm) (taskrouter.Workspace, error) {
			return t.CreateWorkspace(ctx, c.Actor, taskrouter.NewWorkspace{
				FriendlyName: in.FriendlyName.V, EventCallbackURL: in.EventCallbackURL.V, EventsFilter: in.EventsFilter.V,
				MultiTask: in.MultiTask.Ptr(), LIFOFirst: in.QueueOrder.V == lifo, Template: taskrouter.Template(in.Template),
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in workspaceForm) (taskrouter.Workspace, error) {
			return t.UpdateWorkspace(ctx, c.Actor, c.SID(varItem), taskrouter.WorkspaceUpdate{
				FriendlyName: in.FriendlyName.Ptr(), EventCallbackURL: in.EventCallbackURL.Ptr(), EventsFilter: in.EventsFilter.Ptr(),
				DefaultActivity: in.DefaultActivity.Ptr(), TimeoutActivity: in.TimeoutActivity.Ptr(), MultiTask: in.MultiTask.Ptr(),
				LIFOFirst: lastFirst(in.QueueOrder),
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return t.DeleteWorkspace(ctx, c.Actor, c.SID(varItem)) },
		View:   workspaceView,
	}
}

func workspaceView(c *rest.Call, v taskrouter.Workspace) any {
	url := workspaceURL(c, v.SID)
	return workspaceWire{
		AccountSID: v.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
		DefaultName: optional(v.DefaultActivity.Name), DefaultSID: optional(v.DefaultActivity.SID),
		EventCallbackURL: v.EventCallbackURL, EventsFilter: optional(v.EventsFilter), FriendlyName: v.FriendlyName,
		MultiTask: v.MultiTask, QueueOrder: order(v.LIFOFirst), SID: v.SID,
		TimeoutName: optional(v.TimeoutActivity.Name), TimeoutSID: optional(v.TimeoutActivity.SID), URL: url,
		Links: map[string]string{
			"activities": url + "/Activities", "statistics": url + "/Statistics", "real_time_statistics": url + "/RealTimeStatistics",
			"cumulative_statistics": url + "/CumulativeStatistics", "task_queues": url + "/TaskQueues", "tasks": url + "/Tasks",
			"workers": url + "/Workers", "workflows": url + "/Workflows", "task_channels": url + "/TaskChannels", "events": url + "/Events",
		},
	}
}
