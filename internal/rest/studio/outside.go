package studio

import (
	"context"
	"net/http"

	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/studio"
)

// Own returns what flows need and the original does not have: the addresses of functions, and the assistant.
func Own(d Deps) rest.Product {
	return rest.Product{
		Name: "usher", Hosts: []string{}, Version: "v1", Routes: []rest.Mount{functions(d), getAssistant(d), setAssistant(d)},
	}
}

type functionForm struct {
	Match rest.Opt[string] `form:"Match,required,max=300"`
	URL   rest.Opt[string] `form:"Url,required,max=2048"`
}

func (f functionForm) change() studio.FunctionChange {
	return studio.FunctionChange{Match: f.Match.Ptr(), URL: f.URL.Ptr()}
}

// functionWire is a mapping of functions on the wire.
type functionWire struct {
	SID         sid.SID `json:"sid"`
	AccountSID  sid.SID `json:"account_sid"`
	Match       string  `json:"match"`
	Address     string  `json:"function_url"` // what is called
	DateCreated *string `json:"date_created"`
	DateUpdated *string `json:"date_updated"`
	URL         string  `json:"url"`
}

func functions(d Deps) rest.Mount {
	return rest.Resource[studio.Function, functionForm]{
		Path: "/Functions", Key: "functions", Read: manager, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[studio.Function], error) {
			return d.Studio.Functions(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (studio.Function, error) {
			return d.Studio.Function(ctx, c.Actor, c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in functionForm) (studio.Function, error) {
			return d.Studio.CreateFunction(ctx, c.Actor, in.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in functionForm) (studio.Function, error) {
			return d.Studio.UpdateFunction(ctx, c.Actor, c.SID(varItem), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return d.Studio.DeleteFunction(ctx, c.Actor, c.SID(varItem))
		},
		View: func(c *rest.Call, v studio.Function) any {
			return functionWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, Match: v.Match, Address: v.URL, DateCreated: c.Date(v.CreatedAt),
				DateUpdated: c.Date(v.UpdatedAt), URL: c.URL("/Functions/", string(v.SID)),
			}
		},
	}
}

type assistantForm struct {
	URL          rest.Opt[string] `form:"Url,max=2048"`
	Key          rest.Opt[string] `form:"Key,max=4096"`
	Model        rest.Opt[string] `form:"Model,max=200"`
	Instructions rest.Opt[string] `form:"Instructions,max=16000"`
	Turns        rest.Opt[int64]  `form:"Turns"`
	Output       rest.Opt[int64]  `form:"Output"`
	Seconds      rest.Opt[int64]  `form:"Seconds"`
}

// assistantWire is the assistant on the wire. Its key is never shown.
type assistantWire struct {
	AccountSID   sid.SID `json:"account_sid"`
	Enabled      bool    `json:"enabled"`
	Address      string  `json:"assistant_url"` // what is called
	HasKey       bool    `json:"has_key"`
	Model        string  `json:"model"`
	Instructions string  `json:"instructions"`
	Turns        int     `json:"turns"`
	Output       int     `json:"output"`
	Seconds      int     `json:"seconds"`
	DateUpdated  *string `json:"date_updated"`
	URL          string  `json:"url"`
}

func viewAssistant(c *rest.Call, v studio.Assistant) assistantWire {
	w := assistantWire{
		AccountSID: c.Actor.AccountSID, Enabled: v.On(), Address: v.URL, HasKey: v.Secret != "", Model: v.Model, Instructions: v.Instructions,
		Turns: v.Turns, Output: v.Output, Seconds: v.Seconds, URL: c.URL("/Assistant"),
	}
	if v.ID != 0 {
		w.DateUpdated = c.Date(v.UpdatedAt)
	}
	return w
}

func getAssistant(d Deps) rest.Mount {
	return rest.Op[nothing, assistantWire]{
		Method: http.MethodGet, Path: "/Assistant", Grants: manager,
		Do: func(ctx context.Context, c *rest.Call, _ nothing) (assistantWire, error) {
			v, err := d.Studio.Assistant(ctx, c.Actor)
			return viewAssistant(c, v), err
		},
	}
}

func setAssistant(d Deps) rest.Mount {
	return rest.Op[assistantForm, assistantWire]{
		Method: http.MethodPost, Path: "/Assistant", Grants: manager,
		Do: func(ctx context.Context, c *rest.Call, in assistantForm) (assistantWire, error) {
			v, err := d.Studio.SetAssistant(ctx, c.Actor, studio.AssistantChange{
				URL: in.URL.Ptr(), Key: in.Key.Ptr(), Model: in.Model.Ptr(), Instructions: in.Instructions.Ptr(),
				Turns: in.Turns.Ptr(), Output: in.Output.Ptr(), Seconds: in.Seconds.Ptr(),
			})
			return viewAssistant(c, v), err
		},
	}
}
