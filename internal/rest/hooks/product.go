// Package hooks is an API of Usher's own: the deliveries of webhooks, for administrators. They look at what was sent to
// which address and what came of it, send it again, and send a test.
package hooks

import (
	"context"
	"net/http"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Deliveries are the operations of deliveries; *hook.Hooks has them.
type Deliveries interface {
	List(ctx context.Context, actor account.Actor, f hook.Filter, page db.Page) (db.PageOf[hook.Delivery], error)
	Get(ctx context.Context, actor account.Actor, s sid.SID) (hook.Delivery, error)
	Body(ctx context.Context, actor account.Actor, s sid.SID) (hook.Content, *hook.Answer, error)
	Replay(ctx context.Context, actor account.Actor, s sid.SID) (hook.Delivery, error)
}

// Tester sends a test to the URL of an external Flex Flow; *flowrun.FlowRun does.
type Tester interface {
	SendTest(ctx context.Context, actor account.Actor, flow sid.SID) (hook.Delivery, error)
}

// grants is what every operation asks for: what was sent holds what customers wrote.
var grants = []account.Grant{account.FlexManage}

// Product returns the API, version 1.
func Product(d Deliveries, t Tester) rest.Product {
	return rest.Product{Name: "hooks", Hosts: []string{}, Version: "v1", Routes: []rest.Mount{deliveries(d, t), body(d), replay(d)}}
}

type form struct {
	FlexFlowSID sid.SID `form:"FlexFlowSid,required"` // an external flow, whose URL gets a test
}

type filter struct {
	SubjectSID sid.SID    `form:"SubjectSid"`
	State      hook.State `form:"State,enum=pending|delivered|failed|refused|canceled|erased"`
}

// deliveryWire is a delivery on the wire.
type deliveryWire struct {
	AccountSID    sid.SID           `json:"account_sid"`
	Attempts      int64             `json:"attempts"` // since it was made or last replayed
	DateAttempted *string           `json:"date_attempted"`
	DateCreated   *string           `json:"date_created"`
	DateUpdated   *string           `json:"date_updated"`
	Failure       *hook.Failure     `json:"failure"` // refused, timeout, status, too-large or unreachable
	Kind          string            `json:"kind"`
	Links         map[string]string `json:"links"`
	Method        string            `json:"method"`
	Reason        *string           `json:"reason"`
	Replays       int               `json:"replays"`
	Retries       int               `json:"retries"`
	SID           sid.SID           `json:"sid"`
	State         hook.State        `json:"state"`
	Status        *int64            `json:"status"`
	SubjectSID    sid.SID           `json:"subject_sid"`
	Target        string            `json:"target"` // without path and query, which may speak of the contact
	TookMS        *float64          `json:"took_ms"`
	URL           string            `json:"url"`
}

func deliveries(d Deliveries, t Tester) rest.Mount {
	return rest.Resource[hook.Delivery, form]{
		Path: "/Deliveries", Key: "deliveries", Read: grants, Write: grants, Filter: filter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (none db.PageOf[hook.Delivery], err error) {
			var f filter
			if err := c.Filter(&f); err != nil {
				return none, err
			}
			p.Desc = true
			return d.List(ctx, c.Actor, hook.Filter{Subject: f.SubjectSID, State: f.State}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (hook.Delivery, error) {
			return d.Get(ctx, c.Actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in form) (hook.Delivery, error) {
			return t.SendTest(ctx, c.Actor, in.FlexFlowSID)
		},
		View: view,
	}
}

func view(c *rest.Call, v hook.Delivery) any {
	w := deliveryWire{
		AccountSID: v.AccountSID, Attempts: v.Attempts, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
		Failure: optional(v.Failure), Kind: v.Kind, Method: v.Method, Reason: optional(v.Reason), Replays: v.Round, Retries: v.Retries,
		SID: v.SID, State: v.State, Status: optional(v.Status), SubjectSID: v.Subject, Target: v.Target, URL: c.URL("/Deliveries/", string(v.SID)),
	}
	w.Links = map[string]string{"body": w.URL + "/Body", "replays": w.URL + "/Replays"}
	if w.Method == "" {
		w.Method = http.MethodPost
	}
	if !v.AttemptedAt.IsZero() {
		took := float64(v.TookMicros) / 1000
		w.DateAttempted, w.TookMS = c.Date(v.AttemptedAt), &took
	}
	return w
}

// optional is null on the wire for what there is not.
func optional[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

type none struct{}

// bodyWire is what a delivery sent, and what was answered. Everything is null when it was erased with its contact.
type bodyWire struct {
	DeliverySID sid.SID             `json:"delivery_sid"`
	URL         *string             `json:"address"`
	Form        map[string][]string `json:"form"`
	Body        *string             `json:"body"`
	ContentType *string             `json:"content_type"`
	Answer      *answerWire         `json:"answer"`
}

// answerWire is the beginning of an answer.
type answerWire struct {
	Body        string `json:"body"`
	ContentType string `json:"content_type"`
}

func body(d Deliveries) rest.Mount {
	return rest.Op[none, bodyWire]{
		Method: http.MethodGet, Path: "/Deliveries/{Sid}/Body", Grants: grants,
		Do: func(ctx context.Context, c *rest.Call, _ none) (bodyWire, error) {
			content, answer, err := d.Body(ctx, c.Actor, c.SID("Sid"))
			w := bodyWire{
				DeliverySID: c.SID("Sid"), URL: optional(content.URL), Form: content.Form, Body: optional(string(content.Body)),
				ContentType: optional(content.ContentType),
			}
			if answer != nil {
				w.Answer = &answerWire{string(answer.Body), answer.ContentType}
			}
			return w, err
		},
	}
}

func replay(d Deliveries) rest.Mount {
	return rest.Op[none, any]{
		Method: http.MethodPost, Path: "/Deliveries/{Sid}/Replays", Status: http.StatusCreated, Grants: grants,
		Do: func(ctx context.Context, c *rest.Call, _ none) (any, error) {
			v, err := d.Replay(ctx, c.Actor, c.SID("Sid"))
			if err != nil {
				return nil, err
			}
			return view(c, v), nil
		},
	}
}
