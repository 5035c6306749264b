package chat

import (
	"context"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type channelForm struct {
	FriendlyName rest.Opt[string]    `form:"FriendlyName"`
	UniqueName   rest.Opt[string]    `form:"UniqueName"`
	Attributes   rest.Opt[string]    `form:"Attributes"`
	Type         string              `form:"Type,create,enum=public|private"`
	DateCreated  rest.Opt[time.Time] `form:"DateCreated"`
	DateUpdated  rest.Opt[time.Time] `form:"DateUpdated"`
	CreatedBy    rest.Opt[string]    `form:"CreatedBy"`
}

type channelFilter struct {
	Type []string `form:"Type,comma,enum=public|private"`
}

type channelWire struct {
	SID           sid.SID            `json:"sid"`
	AccountSID    sid.SID            `json:"account_sid"`
	ServiceSID    sid.SID            `json:"service_sid"`
	FriendlyName  *string            `json:"friendly_name"`
	UniqueName    *string            `json:"unique_name"`
	Attributes    string             `json:"attributes"`
	Type          string             `json:"type"`
	DateCreated   *string            `json:"date_created"`
	DateUpdated   *string            `json:"date_updated"`
	CreatedBy     string             `json:"created_by"`
	MembersCount  int64              `json:"members_count"`
	MessagesCount int64              `json:"messages_count"`
	URL           string             `json:"url"`
	Links         map[string]*string `json:"links"` // last_message is null when there is none
}

func channels(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.Channel, channelForm]{
		Path: "/Services/{ServiceSid}/Channels", Key: "channels", Read: anyone, Write: anyone, Filter: channelFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Channel], error) {
			var f channelFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[chat.Channel]{}, err
			}
			return s.ListChannels(ctx, c.Actor, c.SID(varService), f.Type, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.Channel, error) {
			return s.GetChannel(ctx, c.Actor, channelOf(c, varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in channelForm) (chat.Channel, error) {
			return s.CreateChannel(ctx, c.Actor, c.SID(varService), chat.NewChannel{
				FriendlyName: in.FriendlyName.V, UniqueName: in.UniqueName.V, Attributes: in.Attributes.V, Private: in.Type == "private",
				CreatedBy: in.CreatedBy.V, DateCreated: in.DateCreated.V, DateUpdated: in.DateUpdated.V,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in channelForm) (chat.Channel, error) {
			return s.UpdateChannel(ctx, c.Actor, channelOf(c, varItem), chat.ChannelChange{
				FriendlyName: in.FriendlyName.Ptr(), UniqueName: in.UniqueName.Ptr(), Attributes: in.Attributes.Ptr(),
				CreatedBy: in.CreatedBy.Ptr(), DateCreated: in.DateCreated.V, DateUpdated: in.DateUpdated.V,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteChannel(ctx, c.Actor, channelOf(c, varItem))
		},
		View: channelView,
	}
}

func channelView(c *rest.Call, v chat.Channel) any {
	url := c.URL(channelPath(v.ServiceSID, v.SID))
	link := func(part string) *string {
		s := url + part
		return &s
	}
	w := channelWire{
		SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, FriendlyName: optional(v.FriendlyName),
		UniqueName: optional(v.UniqueName), Attributes: string(v.Attributes), Type: v.Type(),
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), CreatedBy: v.CreatedBy,
		MembersCount: v.Members, MessagesCount: v.Messages, URL: url,
		Links: map[string]*string{
			"members": link("/Members"), "messages": link("/Messages"), "invites": link("/Invites"), "webhooks": link("/Webhooks"),
			"last_message": nil,
		},
	}
	if v.LastMessage != "" {
		w.Links["last_message"] = link("/Messages/" + string(v.LastMessage))
	}
	return w
}
