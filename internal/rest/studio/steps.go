package studio

import (
	"context"
	"net/http"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/studio"
)

func steps(d Deps, p paths) rest.Mount {
	return rest.Resource[studio.Step, nothing]{
		Path: "/Flows/{FlowSid}/" + p.plural + "/{ExecutionSid}/Steps", Key: "steps", Read: reader,
		List: func(ctx context.Context, c *rest.Call, page db.Page) (db.PageOf[studio.Step], error) {
			return d.Studio.Steps(ctx, c.Actor, c.SID(varFlow), c.SID(varExecution), page)
		},
		Get: func(ctx context.Context, c *rest.Call) (studio.Step, error) {
			return d.Studio.Step(ctx, c.Actor, c.SID(varFlow), c.SID(varExecution), c.SID(varItem))
		},
		View: func(c *rest.Call, v studio.Step) any {
			flow, execution := c.SID(varFlow), c.SID(varExecution)
			url := p.url(c, flow, execution) + "/Steps/" + string(v.SID)
			return p.owned(c, flow, execution, map[string]any{
				"context": stepValues(v), "date_created": c.Date(v.CreatedAt), "date_updated": c.Date(v.UpdatedAt),
				"links": map[string]string{"step_context": url + "/Context"}, "name": v.Name, "parent_step_sid": nil, "sid": v.SID,
				"transitioned_from": v.From, "transitioned_to": v.To, "url": url,
			})
		},
	}
}

func stepContext(d Deps, p paths) rest.Mount {
	return rest.Op[nothing, map[string]any]{
		Method: http.MethodGet, Path: "/Flows/{FlowSid}/" + p.plural + "/{ExecutionSid}/Steps/{StepSid}/Context", Grants: reader,
		Do: func(ctx context.Context, c *rest.Call, _ nothing) (map[string]any, error) {
			flow, execution := c.SID(varFlow), c.SID(varExecution)
			v, err := d.Studio.Step(ctx, c.Actor, flow, execution, c.SID("StepSid"))
			if err != nil {
				return nil, err
			}
			url := p.url(c, flow, execution) + "/Steps/" + string(v.SID) + "/Context"
			return p.owned(c, flow, execution, map[string]any{"context": stepValues(v), "step_sid": v.SID, "url": url}), nil
		},
	}
}

// stepValues is what the widget that was left has put into the context, at its place there, and what went wrong in it.
func stepValues(v studio.Step) map[string]any {
	values := map[string]any{}
	if len(v.Context) > 0 {
		values["widgets"] = map[string]any{v.From: v.Context}
	}
	if v.Error != "" || v.Code != 0 {
		values["error"] = map[string]any{"code": v.Code, "message": v.Error}
	}
	return values
}
