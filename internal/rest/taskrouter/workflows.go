package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

type workflowForm struct {
	FriendlyName          rest.Opt[string] `form:"FriendlyName,required"`
	Configuration         rest.Opt[string] `form:"Configuration,required,max=1048576"`
	AssignmentCallbackURL rest.Opt[string] `form:"AssignmentCallbackUrl"`
	FallbackURL           rest.Opt[string] `form:"FallbackAssignmentCallbackUrl"`
	ReservationTimeout    rest.Opt[int64]  `form:"TaskReservationTimeout,min=1,max=86400"`
	ReEvaluate            string           `form:"ReEvaluateTasks,update"`
}

type workflowFilter struct {
	FriendlyName string `form:"FriendlyName"`
}

type workflowWire struct {
	AccountSID            sid.SID           `json:"account_sid"`
	AssignmentCallbackURL *string           `json:"assignment_callback_url"`
	Configuration         string            `json:"configuration"` // JSON text, as it was sent
	DateCreated           *string           `json:"date_created"`
	DateUpdated           *string           `json:"date_updated"`
	ContentType           string            `json:"document_content_type"`
	FallbackURL           *string           `json:"fallback_assignment_callback_url"`
	FriendlyName          string            `json:"friendly_name"`
	Links                 map[string]string `json:"links"`
	SID                   sid.SID           `json:"sid"`
	ReservationTimeout    int64             `json:"task_reservation_timeout"`
	URL                   string            `json:"url"`
	WorkspaceSID          sid.SID           `json:"workspace_sid"`
}

func workflows(t *taskrouter.TaskRouter) rest.Mount {
	return rest.Resource[taskrouter.Workflow, workflowForm]{
		Path: "/Workspaces/{WorkspaceSid}/Workflows", Key: "workflows", Read: reader, Write: manager, Filter: workflowFilter{},
		Version: func(v taskrouter.Workflow) int64 { return v.Version },
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Workflow], err error) {
			var f workflowFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			return t.Workflows(ctx, c.Actor, c.SID(varWorkspace), f.FriendlyName, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.Workflow, error) {
			return t.Workflow(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in workflowForm) (taskrouter.Workflow, error) {
			return t.CreateWorkflow(ctx, c.Actor, c.SID(varWorkspace), taskrouter.NewWorkflow{
				FriendlyName: in.FriendlyName.V, Configuration: in.Configuration.V, AssignmentCallbackURL: in.AssignmentCallbackURL.V,
				FallbackURL: in.FallbackURL.V, ReservationTimeout: in.ReservationTimeout.V,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in workflowForm) (taskrouter.Workflow, error) {
			return t.UpdateWorkflow(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem), taskrouter.WorkflowUpdate{
				FriendlyName: in.FriendlyName.Ptr(), Configuration: in.Configuration.Ptr(), AssignmentCallbackURL: in.AssignmentCallbackURL.Ptr(),
				FallbackURL: in.FallbackURL.Ptr(), ReservationTimeout: in.ReservationTimeout.Ptr(), ReEvaluate: truthy(in.ReEvaluate),
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return t.DeleteWorkflow(ctx, c.Actor, c.SID(varWorkspace), c.SID(varItem))
		},
		View: workflowView,
	}
}

func workflowView(c *rest.Call, v taskrouter.Workflow) any {
	url := workspaceURL(c, v.Workspace.SID) + "/Workflows/" + string(v.SID)
	return workflowWire{
		AccountSID: v.AccountSID, AssignmentCallbackURL: optional(v.AssignmentCallbackURL), Configuration: v.Configuration,
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), ContentType: "application/json",
		FallbackURL: optional(v.FallbackURL), FriendlyName: v.FriendlyName, SID: v.SID, ReservationTimeout: v.ReservationTimeout,
		URL: url, WorkspaceSID: v.Workspace.SID,
		Links: map[string]string{
			"statistics": url + "/Statistics", "real_time_statistics": url + "/RealTimeStatistics",
			"cumulative_statistics": url + "/CumulativeStatistics",
		},
	}
}
