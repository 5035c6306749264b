package studio

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/definition"
)

type flowForm struct {
	FriendlyName  rest.Opt[string] `form:"FriendlyName,required"`
	Status        string           `form:"Status,always,enum=draft|published"`
	Definition    rest.Opt[string] `form:"Definition,required,max=1048576"` // JSON
	CommitMessage rest.Opt[string] `form:"CommitMessage"`
}

func (f flowForm) flow() studio.NewFlow {
	return studio.NewFlow{FriendlyName: f.FriendlyName.V, Status: f.Status, Definition: f.Definition.V, CommitMessage: f.CommitMessage.Ptr()}
}

// contentWire is what a flow and a revision have in common. Lists leave the five fields behind FriendlyName null.
// (Shape: the original's published examples.)
type contentWire struct {
	AccountSID    sid.SID         `json:"account_sid"`
	DateCreated   *string         `json:"date_created"`
	DateUpdated   *string         `json:"date_updated"`
	FriendlyName  string          `json:"friendly_name"`
	Definition    json.RawMessage `json:"definition"` // an object
	CommitMessage *string         `json:"commit_message"`
	Valid         *bool           `json:"valid"`
	Errors        []problemWire   `json:"errors"`
	SID           sid.SID         `json:"sid"` // of the flow
	Revision      int64           `json:"revision"`
	Status        string          `json:"status"`
	URL           string          `json:"url"`
}

type flowWire struct {
	contentWire
	Warnings   []problemWire     `json:"warnings"`
	WebhookURL string            `json:"webhook_url"`
	Links      map[string]string `json:"links"`
}

// problemWire is a mistake in a definition.
type problemWire struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Path    string `json:"property_path"` // a JSON pointer: #/states/3/name
}

// reveal fills the fields that lists leave out.
func (w *contentWire) reveal(r studio.Revision) {
	w.Definition, w.CommitMessage, w.Valid, w.Errors = r.Definition, r.CommitMessage, &r.Valid, problems(r.Errors)
}

func problems(list []definition.Problem) []problemWire {
	out := make([]problemWire, len(list))
	for i, p := range list {
		out[i] = problemWire{Code: p.Code, Message: p.Message, Path: studio.Pointer(p)}
	}
	return out
}

func flowURL(c *rest.Call, s sid.SID) string { return c.URL("/Flows/", string(s)) }

func flows(d Deps) rest.Mount {
	return rest.Resource[studio.Flow, flowForm]{
		Path: "/Flows", Key: "flows", Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[studio.Flow], error) {
			return d.Studio.Flows(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (studio.Flow, error) {
			return d.Studio.Flow(ctx, c.Actor, c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in flowForm) (studio.Flow, error) {
			return d.Studio.CreateFlow(ctx, c.Actor, in.flow())
		},
		Update: func(ctx context.Context, c *rest.Call, in flowForm) (studio.Flow, error) {
			return d.Studio.UpdateFlow(ctx, c.Actor, c.SID(varItem), studio.FlowChange{
				FriendlyName: in.FriendlyName.Ptr(), Definition: in.Definition.Ptr(), CommitMessage: in.CommitMessage.Ptr(), Status: in.Status,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return d.Studio.DeleteFlow(ctx, c.Actor, c.SID(varItem))
		},
		View: viewFlow,
	}
}

func viewFlow(c *rest.Call, v studio.Flow) any {
	url := flowURL(c, v.SID)
	w := flowWire{
		contentWire: contentWire{
			AccountSID: c.Actor.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), FriendlyName: v.FriendlyName,
			SID: v.SID, Revision: v.Latest, Status: v.Status, URL: url,
		},
		WebhookURL: c.Origin() + "/webhooks/v1/Accounts/" + string(c.Actor.AccountSID) + "/Flows/" + string(v.SID),
		Links:      map[string]string{"test_users": url + "/TestUsers", "revisions": url + "/Revisions", "executions": url + "/Executions"},
	}
	if v.Revision.Number != 0 {
		w.reveal(v.Revision)
		w.Warnings = []problemWire{}
	}
	return w
}

type validWire struct {
	Valid bool `json:"valid"`
}

func validate(d Deps) rest.Mount {
	return rest.Op[flowForm, validWire]{
		Method: http.MethodPost, Path: "/Flows/Validate", Grants: manager,
		Do: func(_ context.Context, c *rest.Call, in flowForm) (validWire, error) {
			return validWire{Valid: true}, d.Studio.Validate(c.Actor, in.flow())
		},
	}
}

// nothing is the form of what cannot be written.
type nothing struct{}

func revisions(d Deps) rest.Mount {
	return rest.Resource[studio.Revision, nothing]{
		Path: "/Flows/{Sid}/Revisions", Item: "Revision", Key: "revisions", Read: reader,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[studio.Revision], error) {
			page, err := d.Studio.Revisions(ctx, c.Actor, c.SID(varItem), p)
			for i := range page.Items {
				page.Items[i].Definition = nil
			}
			return page, err
		},
		Get: func(ctx context.Context, c *rest.Call) (studio.Revision, error) {
			return d.Studio.RevisionOf(ctx, c.Actor, c.SID(varItem), c.Var("Revision"))
		},
		View: func(c *rest.Call, v studio.Revision) any {
			w := contentWire{
				AccountSID: c.Actor.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), FriendlyName: v.FriendlyName,
				SID: c.SID(varItem), Revision: v.Number, Status: v.Status(), URL: revisionURL(c, v.Number),
			}
			if v.Definition != nil {
				w.reveal(v)
			}
			return w
		},
	}
}

func revisionURL(c *rest.Call, number int64) string {
	return flowURL(c, c.SID(varItem)) + "/Revisions/" + strconv.FormatInt(number, 10)
}

type testUsersForm struct {
	TestUsers []string `form:"TestUsers"`
}

type testUsersWire struct {
	SID       sid.SID  `json:"sid"`
	TestUsers []string `json:"test_users"`
	URL       string   `json:"url"`
}

const testUsersPath = "/Flows/{Sid}/TestUsers"

func viewTestUsers(c *rest.Call, v studio.Flow) testUsersWire {
	return testUsersWire{SID: v.SID, TestUsers: append([]string{}, v.TestUsers...), URL: flowURL(c, v.SID) + "/TestUsers"}
}

func getTestUsers(d Deps) rest.Mount {
	return rest.Op[nothing, testUsersWire]{
		Method: http.MethodGet, Path: testUsersPath, Grants: reader,
		Do: func(ctx context.Context, c *rest.Call, _ nothing) (testUsersWire, error) {
			v, err := d.Studio.Flow(ctx, c.Actor, c.SID(varItem))
			return viewTestUsers(c, v), err
		},
	}
}

func setTestUsers(d Deps) rest.Mount {
	return rest.Op[testUsersForm, testUsersWire]{
		Method: http.MethodPost, Path: testUsersPath, Grants: manager,
		Do: func(ctx context.Context, c *rest.Call, in testUsersForm) (testUsersWire, error) {
			v, err := d.Studio.SetTestUsers(ctx, c.Actor, c.SID(varItem), in.TestUsers)
			return viewTestUsers(c, v), err
		},
	}
}

// oldFlows is the flows of version 1, which could not be written.
func oldFlows(d Deps) rest.Mount {
	return rest.Resource[studio.Flow, nothing]{
		Path: "/Flows", Key: "flows", Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[studio.Flow], error) {
			return d.Studio.Flows(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (studio.Flow, error) {
			return d.Studio.Flow(ctx, c.Actor, c.SID(varItem))
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return d.Studio.DeleteFlow(ctx, c.Actor, c.SID(varItem))
		},
		View: func(c *rest.Call, v studio.Flow) any {
			url := flowURL(c, v.SID)
			return oldFlowWire{
				AccountSID: c.Actor.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), FriendlyName: v.FriendlyName,
				SID: v.SID, Status: v.Status, Version: v.Latest, URL: url,
				Links: map[string]string{"engagements": url + "/Engagements", "executions": url + "/Executions"},
			}
		},
	}
}

type oldFlowWire struct {
	AccountSID   sid.SID           `json:"account_sid"`
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	FriendlyName string            `json:"friendly_name"`
	Links        map[string]string `json:"links"`
	SID          sid.SID           `json:"sid"`
	Status       string            `json:"status"`
	URL          string            `json:"url"`
	Version      int64             `json:"version"`
}
