package studio

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// paths says what executions are called: version 1 knows them by an older name too.
type paths struct {
	plural  string // last segment of the collection's path
	key     string // of the array in a page
	owner   string // name of an execution's SID in what belongs to it
	context string // name of the link to the context
	update  bool
}

var (
	executionPaths  = paths{"Executions", "executions", "execution_sid", "execution_context", true}
	engagementPaths = paths{"Engagements", "engagements", "engagement_sid", "engagement_context", false}
)

// maxParameters bounds what an execution is given, in bytes.
const maxParameters = 64 << 10

type executionForm struct {
	To         string `form:"To,required,create"`
	From       string `form:"From,required,create"`
	Parameters string `form:"Parameters,create"` // a JSON object
	Status     string `form:"Status,update,enum=active|ended"`
}

type executionFilter struct {
	Status string    `form:"Status,enum=active|ended"`
	Lower  string    `form:"status,enum=active|ended"` // as one specification writes it
	From   time.Time `form:"DateCreatedFrom"`
	To     time.Time `form:"DateCreatedTo"`
}

// executionWire is an execution on the wire. (Shape: the original's published examples.)
type executionWire struct {
	AccountSID  sid.SID           `json:"account_sid"`
	Address     string            `json:"contact_channel_address"`
	ContactSID  string            `json:"contact_sid"` // one for all executions of the same address
	Context     map[string]any    `json:"context"`
	DateCreated *string           `json:"date_created"`
	DateUpdated *string           `json:"date_updated"`
	FlowSID     sid.SID           `json:"flow_sid"`
	Links       map[string]string `json:"links"`
	SID         sid.SID           `json:"sid"`
	Status      string            `json:"status"`
	URL         string            `json:"url"`
	// Usher holds what the original has no place for. Only who asks for it gets it (rest.Call.Details).
	Usher *standing `json:"usher,omitempty"`
}

// standing says where an execution stands.
type standing struct {
	Revision  int64       `json:"revision"`
	Widget    string      `json:"widget"`     // the one that it stands at, or ended at
	WaitsFor  engine.Kind `json:"waits_for"`  // what engine.Kind names: message, http, task, …; "" after the end
	WaitUntil *string     `json:"wait_until"` // null for no end
	Stuck     bool        `json:"stuck"`      // its wait should have ended
	Reason    string      `json:"reason"`     // why it ended, "" at the end of its flow
	DateEnded *string     `json:"date_ended"`
	ParentSID *sid.SID    `json:"parent_sid"` // the execution that it is a subflow of
	// Problem is what went wrong last; null when nothing has.
	Problem *studio.Problem `json:"problem"`
}

func stand(c *rest.Call, v *studio.Execution) *standing {
	if !c.Details() {
		return nil
	}
	s := &standing{Revision: v.Revision, Widget: v.State.Widget, Stuck: v.Stuck, Reason: v.State.Reason, DateEnded: c.Date(v.EndedAt), Problem: v.Problem}
	if w := v.State.Wait; v.Active && w != nil {
		s.WaitsFor, s.WaitUntil = w.For, c.Date(w.Until)
	}
	if v.Parent != "" {
		s.ParentSID = &v.Parent
	}
	return s
}

// runs mounts executions, their contexts and their steps under one of their names.
func runs(d Deps, p paths) []rest.Mount {
	return []rest.Mount{executions(d, p), executionContext(d, p), steps(d, p), stepContext(d, p)}
}

func (p paths) url(c *rest.Call, flow, s sid.SID) string {
	return flowURL(c, flow) + "/" + p.plural + "/" + string(s)
}

func executions(d Deps, p paths) rest.Mount {
	r := rest.Resource[studio.Execution, executionForm]{
		Path: "/Flows/{FlowSid}/" + p.plural, Key: p.key, Read: reader, Write: manager, Filter: executionFilter{},
		List: func(ctx context.Context, c *rest.Call, page db.Page) (none db.PageOf[studio.Execution], err error) {
			var f executionFilter
			if err := c.Filter(&f); err != nil {
				return none, err
			}
			if f.Status == "" {
				f.Status = f.Lower
			}
			return d.Studio.Executions(ctx, c.Actor, c.SID(varFlow), studio.ExecutionFilter{Status: f.Status, From: f.From, To: f.To}, page)
		},
		Get: func(ctx context.Context, c *rest.Call) (studio.Execution, error) {
			return d.Studio.Execution(ctx, c.Actor, c.SID(varFlow), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in executionForm) (studio.Execution, error) {
			data, err := parameters(in.Parameters)
			if err != nil {
				return studio.Execution{}, err
			}
			return d.Studio.CreateExecution(ctx, c.Actor, d.Runner, studio.NewExecution{
				Flow: c.SID(varFlow), Contact: in.To, Channel: in.From, Start: engine.Start{Trigger: engine.IncomingRequest, Data: data},
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return d.Studio.DeleteExecution(ctx, c.Actor, d.Runner, c.SID(varFlow), c.SID(varItem))
		},
		View: func(c *rest.Call, v studio.Execution) any {
			url := p.url(c, v.State.FlowSID, v.SID)
			return executionWire{
				AccountSID: c.Actor.AccountSID, Address: v.State.Contact, ContactSID: "FC" + hex.EncodeToString(v.ContactHash()),
				Context: v.Values(), DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), FlowSID: v.State.FlowSID,
				Links: map[string]string{"steps": url + "/Steps", p.context: url + "/Context"}, SID: v.SID, Status: v.Status(), URL: url,
				Usher: stand(c, &v),
			}
		},
	}
	if p.update {
		r.Update = func(ctx context.Context, c *rest.Call, in executionForm) (studio.Execution, error) {
			if in.Status != "ended" {
				return studio.Execution{}, fault.Invalid("Status must be ended")
			}
			return d.Studio.EndExecution(ctx, c.Actor, d.Runner, c.SID(varFlow), c.SID(varItem))
		}
	}
	return r
}

// parameters reads the data of an execution; numbers stay as they were written.
func parameters(text string) (data map[string]any, err error) {
	raw, err := attr.Parse(text, maxParameters)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		err = dec.Decode(&data)
	}
	if err != nil {
		return nil, fault.Invalid("Parameters must be a JSON object of at most %d bytes", maxParameters).With(err)
	}
	return data, nil
}

// owned names what belongs to an execution. The name of the execution's SID differs between its two names.
func (p paths) owned(c *rest.Call, flow, execution sid.SID, fields map[string]any) map[string]any {
	fields["account_sid"], fields["flow_sid"], fields[p.owner] = c.Actor.AccountSID, flow, execution
	return fields
}

func executionContext(d Deps, p paths) rest.Mount {
	return rest.Op[nothing, map[string]any]{
		Method: http.MethodGet, Path: "/Flows/{FlowSid}/" + p.plural + "/{ExecutionSid}/Context", Grants: reader,
		Do: func(ctx context.Context, c *rest.Call, _ nothing) (map[string]any, error) {
			flow, s := c.SID(varFlow), c.SID(varExecution)
			v, err := d.Studio.Execution(ctx, c.Actor, flow, s)
			if err != nil {
				return nil, err
			}
			return p.owned(c, flow, s, map[string]any{"context": v.Values(), "url": p.url(c, flow, s) + "/Context"}), nil
		},
	}
}
