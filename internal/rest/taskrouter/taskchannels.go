package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type taskChannelForm struct {
	FriendlyName rest.Opt[string] `form:"FriendlyName,required,max=64"`
	UniqueName   string           `form:"UniqueName,required,create"`
	Optimized    rest.Opt[bool]   `form:"ChannelOptimizedRouting"`
}

type taskChannelWire struct {
	AccountSID   sid.SID           `json:"account_sid"`
	Optimized    bool              `json:"channel_optimized_routing"`
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	FriendlyName string            `json:"friendly_name"`
	Links        map[string]string `json:"links"`
	SID          sid.SID           `json:"sid"`
	UniqueName   string            `json:"unique_name"`
	URL          string            `json:"url"`
	WorkspaceSID sid.SID           `json:"workspace_sid"`
}

// taskChannels finds an item by its SID or its unique name.
func taskChannels(t *taskrouter.TaskRouter) rest.Mount {
	return rest.Resource[taskrouter.TaskChannel, taskChannelForm]{
		Path: "/Workspaces/{WorkspaceSid}/TaskChannels", Key: "channels", Read: reader, Write: manager,
		Version: func(v taskrouter.TaskChannel) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[taskrouter.TaskChannel], error) {
			return t.TaskChannels(ctx, c.Actor, c.SID(varWorkspace), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.TaskChannel, error) {
			return t.TaskChannel(ctx, c.Actor, c.SID(varWorkspace), c.Var(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in taskChannelForm) (taskrouter.TaskChannel, error) {
			return t.CreateTaskChannel(ctx, c.Actor, c.SID(varWorkspace), taskrouter.NewTaskChannel{
				FriendlyName: in.FriendlyName.V, UniqueName: in.UniqueName, Optimized: in.Optimized.V,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in taskChannelForm) (taskrouter.TaskChannel, error) {
			return t.UpdateTaskChannel(ctx, c.Actor, c.SID(varWorkspace), c.Var(varItem), in.FriendlyName.Ptr(), in.Optimized.Ptr())
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return t.DeleteTaskChannel(ctx, c.Actor, c.SID(varWorkspace), c.Var(varItem))
		},
		View: func(c *rest.Call, v taskrouter.TaskChannel) any {
			ws := workspaceURL(c, v.Workspace.SID)
			return taskChannelWire{
				AccountSID: v.AccountSID, Optimized: v.Optimized, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				FriendlyName: v.FriendlyName, Links: map[string]string{"workspace": ws}, SID: v.SID, UniqueName: v.UniqueName,
				URL: ws + "/TaskChannels/" + string(v.SID), WorkspaceSID: v.Workspace.SID,
			}
		},
	}
}
