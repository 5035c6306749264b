package chat

import (
	"context"

	"usher/internal/chat/webhook"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type webhookForm struct {
	Type          string            `form:"Type,create"`
	Configuration configurationForm `form:"Configuration"`
}

type configurationForm struct {
	URL        rest.Opt[string]  `form:"Url"`
	Method     rest.Opt[string]  `form:"Method"`
	Filters    []string          `form:"Filters"`
	Triggers   []string          `form:"Triggers"`
	FlowSID    rest.Opt[sid.SID] `form:"FlowSid"`
	RetryCount rest.Opt[int]     `form:"RetryCount"`
}

func (f configurationForm) change() webhook.Change {
	return webhook.Change{
		URL: f.URL.Ptr(), Method: f.Method.Ptr(), Filters: f.Filters, Triggers: f.Triggers, FlowSID: f.FlowSID.Ptr(), Retries: f.RetryCount.Ptr(),
	}
}

type webhookWire struct {
	SID           sid.SID        `json:"sid"`
	AccountSID    sid.SID        `json:"account_sid"`
	ServiceSID    sid.SID        `json:"service_sid"`
	ChannelSID    sid.SID        `json:"channel_sid"`
	Type          webhook.Kind   `json:"type"`
	Configuration map[string]any `json:"configuration"`
	DateCreated   *string        `json:"date_created"`
	DateUpdated   *string        `json:"date_updated"`
	URL           string         `json:"url"`
}

// configured is a webhook's configuration on the wire. The texts of a trigger stand there twice: the wire calls them filters in
// its answers and triggers in its forms.
func configured(c webhook.Configuration) map[string]any {
	if c.Kind == webhook.Studio {
		return map[string]any{"flow_sid": c.FlowSID}
	}
	m := map[string]any{"url": c.URL, "method": c.Method, "filters": c.Filters, "retry_count": c.Retries}
	if c.Kind == webhook.Trigger {
		m["filters"], m["triggers"] = c.Triggers, c.Triggers
	}
	return m
}

func webhooks(s *webhook.Webhooks) rest.Mount {
	return rest.Resource[webhook.Webhook, webhookForm]{
		Path: "/Services/{ServiceSid}/Channels/{ChannelSid}/Webhooks", Key: "webhooks", Read: manager, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[webhook.Webhook], error) {
			return s.List(ctx, c.Actor, channelOf(c, varChannel), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (webhook.Webhook, error) {
			return s.Get(ctx, c.Actor, channelOf(c, varChannel), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in webhookForm) (webhook.Webhook, error) {
			return s.Create(ctx, c.Actor, channelOf(c, varChannel), webhook.Kind(in.Type), in.Configuration.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in webhookForm) (webhook.Webhook, error) {
			return s.Update(ctx, c.Actor, channelOf(c, varChannel), c.SID(varItem), in.Configuration.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.Delete(ctx, c.Actor, channelOf(c, varChannel), c.SID(varItem))
		},
		View: func(c *rest.Call, v webhook.Webhook) any {
			return webhookWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, ChannelSID: v.ChannelSID, Type: v.Kind,
				Configuration: configured(v.Configuration), DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				URL: c.URL(channelPath(v.ServiceSID, v.ChannelSID), "/Webhooks/", string(v.SID)),
			}
		},
	}
}
