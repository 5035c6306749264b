// Package janitor is an API of Usher's own, for administrators: what the janitor decided and why, what it would do now, the open
// conversations and their end, and how long a Flex Flow's conversations may be quiet and are kept.
package janitor

import (
	"context"
	"net/http"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/janitor"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Janitor decides and keeps a log; *janitor.Janitor does.
type Janitor interface {
	Log(ctx context.Context, actor account.Actor, channel sid.SID, p db.Page) (db.PageOf[janitor.Entry], error)
	Preview(ctx context.Context, actor account.Actor) (janitor.Preview, error)
	End(ctx context.Context, actor account.Actor, channel sid.SID) (flex.Channel, error)
}

// Flex has the open conversations and the settings of flows; *flex.Flex has.
type Flex interface {
	ListOpen(ctx context.Context, actor account.Actor, p db.Page) (db.PageOf[flex.Channel], error)
	GetFlow(ctx context.Context, actor account.Actor, s sid.SID) (flex.Flow, error)
	UpdateFlow(ctx context.Context, actor account.Actor, s sid.SID, change flex.FlowChange) (flex.Flow, error)
}

// grants is what every operation asks for.
var grants = []account.Grant{account.FlexManage}

// Product returns the API, version 1.
func Product(j Janitor, f Flex) rest.Product {
	return rest.Product{Name: "janitor", Hosts: []string{}, Version: "v1", Routes: []rest.Mount{verdicts(j), dryRun(j), conversations(j, f), rules(f)}}
}

type none struct{}

type verdictFilter struct {
	ChannelSID sid.SID `form:"ChannelSid"`
}

// verdictWire is a line of the log; SIDs that do not apply are null.
type verdictWire struct {
	AccountSID   sid.SID         `json:"account_sid"`
	ChannelSID   *sid.SID        `json:"channel_sid"`
	Date         *string         `json:"date"`
	ExecutionSID *sid.SID        `json:"execution_sid"`
	Explanation  string          `json:"explanation"`
	FlexFlowSID  *sid.SID        `json:"flex_flow_sid"`
	Reason       janitor.Reason  `json:"reason"`
	TaskSID      *sid.SID        `json:"task_sid"`
	Verdict      janitor.Verdict `json:"verdict"`
}

func view(c *rest.Call, e janitor.Entry) verdictWire {
	return verdictWire{
		AccountSID: c.Actor.AccountSID, ChannelSID: optional(e.Channel), Date: c.Date(e.At), ExecutionSID: optional(e.Execution),
		Explanation: e.Reason.Explain(), FlexFlowSID: optional(e.Flow), Reason: e.Reason, TaskSID: optional(e.Task), Verdict: e.Verdict,
	}
}

func optional(s sid.SID) *sid.SID {
	if s == "" {
		return nil
	}
	return &s
}

func verdicts(j Janitor) rest.Mount {
	return rest.Resource[janitor.Entry, none]{
		Path: "/Verdicts", Key: "verdicts", Read: grants, Write: grants, Filter: verdictFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[janitor.Entry], err error) {
			var f verdictFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			return j.Log(ctx, c.Actor, f.ChannelSID, p)
		},
		View: func(c *rest.Call, e janitor.Entry) any { return view(c, e) },
	}
}

// dryRunWire is what the janitor would do.
type dryRunWire struct {
	AccountSID  sid.SID       `json:"account_sid"`
	Channels    int           `json:"channels"`     // that were looked at
	Executions  int           `json:"executions"`   // that were looked at
	ClockJumped bool          `json:"clock_jumped"` // the next sweep waits
	More        bool          `json:"more"`         // there is more than a dry run looks at
	Planned     []plannedWire `json:"planned"`
}

type plannedWire struct {
	verdictWire
	DateDue *string `json:"date_due"`
}

func dryRun(j Janitor) rest.Mount {
	return rest.Op[none, dryRunWire]{
		Method: http.MethodGet, Path: "/DryRun", Grants: grants,
		Do: func(ctx context.Context, c *rest.Call, _ none) (dryRunWire, error) {
			p, err := j.Preview(ctx, c.Actor)
			w := dryRunWire{
				AccountSID: c.Actor.AccountSID, Channels: p.Channels, Executions: p.Executions, ClockJumped: p.ClockJumped, More: p.More,
				Planned: make([]plannedWire, 0, len(p.Planned)),
			}
			for _, planned := range p.Planned {
				w.Planned = append(w.Planned, plannedWire{view(c, planned.Entry), c.Date(planned.Due)})
			}
			return w, err
		},
	}
}

type conversationForm struct {
	Status string `form:"Status,enum=inactive"`
}

// conversationWire is an open conversation, without what its customer is called.
type conversationWire struct {
	AccountSID  sid.SID  `json:"account_sid"`
	ChannelType string   `json:"channel_type"`
	DateCreated *string  `json:"date_created"`
	DateUpdated *string  `json:"date_updated"`
	FlexFlowSID sid.SID  `json:"flex_flow_sid"`
	LongLived   bool     `json:"long_lived"`
	SID         sid.SID  `json:"sid"`
	Status      string   `json:"status"`
	TaskSID     *sid.SID `json:"task_sid"`
	URL         string   `json:"url"`
}

func conversations(j Janitor, f Flex) rest.Mount {
	return rest.Resource[flex.Channel, conversationForm]{
		Path: "/Conversations", Key: "conversations", Read: grants, Write: grants,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[flex.Channel], error) {
			return f.ListOpen(ctx, c.Actor, p)
		},
		Update: func(ctx context.Context, c *rest.Call, in conversationForm) (flex.Channel, error) {
			if in.Status == "" {
				return flex.Channel{}, fault.Invalid("Missing required parameter Status in the post body")
			}
			return j.End(ctx, c.Actor, c.SID("Sid"))
		},
		View: func(c *rest.Call, v flex.Channel) any {
			w := conversationWire{
				AccountSID: c.Actor.AccountSID, ChannelType: v.ChannelType, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				FlexFlowSID: v.Flow, LongLived: v.LongLived, SID: v.SID, Status: "inactive", URL: c.URL("/Conversations/", string(v.SID)),
			}
			if v.Open {
				w.Status = "active"
			}
			if v.Task != nil {
				w.TaskSID = optional(sid.SID(*v.Task))
			}
			return w
		},
	}
}

type rulesForm struct {
	QuietHours rest.Opt[int64] `form:"QuietHours"` // 0 is the default of 24
	KeepDays   rest.Opt[int64] `form:"KeepDays"`   // 0 is for ever
}

// rulesWire is what the janitor goes by in a Flex Flow.
type rulesWire struct {
	AccountSID  sid.SID `json:"account_sid"`
	DateUpdated *string `json:"date_updated"`
	FlexFlowSID sid.SID `json:"flex_flow_sid"`
	KeepDays    int64   `json:"keep_days"`
	QuietHours  int64   `json:"quiet_hours"`
	URL         string  `json:"url"`
}

// rules are fields of a Flex Flow that the original does not have, so they stand here and not in its Flex API.
func rules(f Flex) rest.Mount {
	return rest.Resource[flex.Flow, rulesForm]{
		Path: "/FlexFlows", Read: grants, Write: grants,
		Get: func(ctx context.Context, c *rest.Call) (flex.Flow, error) {
			return f.GetFlow(ctx, c.Actor, c.SID("Sid"))
		},
		Update: func(ctx context.Context, c *rest.Call, in rulesForm) (flex.Flow, error) {
			return f.UpdateFlow(ctx, c.Actor, c.SID("Sid"), flex.FlowChange{QuietHours: in.QuietHours.Ptr(), KeepDays: in.KeepDays.Ptr()})
		},
		View: func(c *rest.Call, v flex.Flow) any {
			return rulesWire{
				AccountSID: c.Actor.AccountSID, DateUpdated: c.Date(v.UpdatedAt), FlexFlowSID: v.SID, KeepDays: v.KeepDays, QuietHours: v.QuietHours,
				URL: c.URL("/FlexFlows/", string(v.SID)),
			}
		},
	}
}
