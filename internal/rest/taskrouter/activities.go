package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// activityForm ignores Available on update: the compatible API answers 200 and keeps the old value.
type activityForm struct {
	FriendlyName rest.Opt[string] `form:"FriendlyName,required,max=64"`
	Available    string           `form:"Available,create"`
}

type activityFilter struct {
	FriendlyName string           `form:"FriendlyName"`
	Available    rest.Opt[string] `form:"Available"`
}

type activityWire struct {
	AccountSID   sid.SID           `json:"account_sid"`
	Available    bool              `json:"available"`
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	FriendlyName string            `json:"friendly_name"`
	Links        map[string]string `json:"links"`
	SID          sid.SID           `json:"sid"`
	URL          string            `json:"url"`
	WorkspaceSID sid.SID           `json:"workspace_sid"`
}

func activities(t *taskrouter.TaskRouter) rest.Mount {
	return rest.Resource[taskrouter.Activity, activityForm]{
		Path: "/Workspaces/{WorkspaceSid}/Activities", Key: "activities", Read: reader, Write: manager, Filter: activityFilter{},
		Version: func(v taskrouter.Activity) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Activity], err error) {
			var f activityFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			return t.Activities(ctx, c.Actor, c.SID(varWorkspace), taskrouter.ActivityFilter{
				FriendlyName: f.FriendlyName, Available: flag(f.Available),
			}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.Activity, error) {
			return t.Activity(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in activityForm) (taskrouter.Activity, error) {
			return t.CreateActivity(ctx, c.Actor, c.SID(varWorkspace), taskrouter.NewActivity{
				FriendlyName: in.FriendlyName.V, Available: truthy(in.Available),
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in activityForm) (taskrouter.Activity, error) {
			return t.UpdateActivity(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), in.FriendlyName.Ptr())
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return t.DeleteActivity(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		View: func(c *rest.Call, v taskrouter.Activity) any {
			ws := workspaceURL(c, v.Workspace.SID)
			return activityWire{
				AccountSID: v.AccountSID, Available: v.Available, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				FriendlyName: v.FriendlyName, Links: map[string]string{"workspace": ws}, SID: v.SID,
				URL: ws + "/Activities/" + string(v.SID), WorkspaceSID: v.Workspace.SID,
			}
		},
	}
}
