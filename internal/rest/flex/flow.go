package flex

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/rest"
	"usher/internal/sid"
)

type flowForm struct {
	FriendlyName    rest.Opt[string]  `form:"FriendlyName,required"`
	ChatServiceSID  rest.Opt[sid.SID] `form:"ChatServiceSid,required"`
	ChannelType     rest.Opt[string]  `form:"ChannelType,required,enum=web|sms|facebook|whatsapp|line|custom"`
	ContactIdentity rest.Opt[string]  `form:"ContactIdentity"`
	Enabled         rest.Opt[bool]    `form:"Enabled"`
	IntegrationType rest.Opt[string]  `form:"IntegrationType,enum=studio|external|task"`
	Integration     integrationForm   `form:"Integration"`
	LongLived       rest.Opt[bool]    `form:"LongLived"`
	JanitorEnabled  rest.Opt[bool]    `form:"JanitorEnabled"`
}

type integrationForm struct {
	FlowSID           rest.Opt[sid.SID] `form:"FlowSid"`
	URL               rest.Opt[string]  `form:"Url"`
	WorkspaceSID      rest.Opt[sid.SID] `form:"WorkspaceSid"`
	WorkflowSID       rest.Opt[sid.SID] `form:"WorkflowSid"`
	Channel           rest.Opt[string]  `form:"Channel,max=64"`
	Timeout           rest.Opt[int64]   `form:"Timeout"`
	Priority          rest.Opt[int64]   `form:"Priority"`
	CreationOnMessage rest.Opt[bool]    `form:"CreationOnMessage"`
	RetryCount        rest.Opt[int64]   `form:"RetryCount"`
}

func (f flowForm) change() flex.FlowChange {
	i := f.Integration
	return flex.FlowChange{
		FriendlyName: f.FriendlyName.Ptr(), ChatService: f.ChatServiceSID.Ptr(), ChannelType: f.ChannelType.Ptr(),
		ContactIdentity: f.ContactIdentity.Ptr(), Enabled: f.Enabled.Ptr(), IntegrationType: f.IntegrationType.Ptr(),
		LongLived: f.LongLived.Ptr(), Janitor: f.JanitorEnabled.Ptr(),
		Integration: flex.IntegrationChange{
			FlowSID: i.FlowSID.Ptr(), URL: i.URL.Ptr(), Workspace: i.WorkspaceSID.Ptr(), Workflow: i.WorkflowSID.Ptr(),
			Channel: i.Channel.Ptr(), Timeout: i.Timeout.Ptr(), Priority: i.Priority.Ptr(),
			CreationOnMessage: i.CreationOnMessage.Ptr(), RetryCount: i.RetryCount.Ptr(),
		},
	}
}

type flowFilter struct {
	FriendlyName string `form:"FriendlyName"`
}

// flowWire is a Flex Flow on the wire. (Shape: the original's published examples.)
type flowWire struct {
	AccountSID      sid.SID         `json:"account_sid"`
	DateCreated     *string         `json:"date_created"`
	DateUpdated     *string         `json:"date_updated"`
	SID             sid.SID         `json:"sid"`
	FriendlyName    string          `json:"friendly_name"`
	ChatServiceSID  sid.SID         `json:"chat_service_sid"`
	ChannelType     string          `json:"channel_type"`
	ContactIdentity *string         `json:"contact_identity"`
	Enabled         bool            `json:"enabled"`
	IntegrationType string          `json:"integration_type"`
	Integration     integrationWire `json:"integration"`
	LongLived       bool            `json:"long_lived"`
	JanitorEnabled  bool            `json:"janitor_enabled"`
	URL             string          `json:"url"`
}

// integrationWire is an object and holds only what is set.
type integrationWire struct {
	FlowSID           sid.SID `json:"flow_sid,omitempty"`
	URL               string  `json:"url,omitempty"`
	WorkspaceSID      sid.SID `json:"workspace_sid,omitempty"`
	WorkflowSID       sid.SID `json:"workflow_sid,omitempty"`
	Channel           string  `json:"channel,omitempty"`
	Timeout           *int64  `json:"timeout,omitempty"`
	Priority          *int64  `json:"priority,omitempty"`
	CreationOnMessage *bool   `json:"creation_on_message,omitempty"`
	RetryCount        *int64  `json:"retry_count,omitempty"`
}

func flows(s Flows) rest.Mount {
	return rest.Resource[flex.Flow, flowForm]{
		Path: "/FlexFlows", Key: "flex_flows", Filter: flowFilter{},
		Read:  []account.Grant{account.FlexRead},
		Write: []account.Grant{account.FlexManage},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[flex.Flow], err error) {
			var f flowFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			return s.ListFlows(ctx, c.Actor, f.FriendlyName, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (flex.Flow, error) {
			return s.GetFlow(ctx, c.Actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in flowForm) (flex.Flow, error) {
			return s.CreateFlow(ctx, c.Actor, in.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in flowForm) (flex.Flow, error) {
			return s.UpdateFlow(ctx, c.Actor, c.SID("Sid"), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return s.DeleteFlow(ctx, c.Actor, c.SID("Sid")) },
		View:   viewFlow,
	}
}

func viewFlow(c *rest.Call, v flex.Flow) any {
	i := v.Integration
	w := flowWire{
		AccountSID: c.Actor.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), SID: v.SID,
		FriendlyName: v.FriendlyName, ChatServiceSID: v.ChatService, ChannelType: v.ChannelType, Enabled: v.Enabled,
		IntegrationType: v.IntegrationType, LongLived: v.LongLived, JanitorEnabled: v.Janitor, URL: c.URL("/FlexFlows/", string(v.SID)),
		Integration: integrationWire{
			FlowSID: i.FlowSID, URL: i.URL, WorkspaceSID: i.Workspace, WorkflowSID: i.Workflow, Channel: i.Channel,
			Timeout: i.Timeout, Priority: i.Priority, CreationOnMessage: i.CreationOnMessage, RetryCount: i.RetryCount,
		},
	}
	if v.ContactIdentity != "" {
		w.ContactIdentity = &v.ContactIdentity
	}
	return w
}
