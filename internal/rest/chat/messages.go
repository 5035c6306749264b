package chat

import (
	"context"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type messageForm struct {
	From          rest.Opt[string]    `form:"From"`
	Body          rest.Opt[string]    `form:"Body"`
	Attributes    rest.Opt[string]    `form:"Attributes"`
	DateCreated   rest.Opt[time.Time] `form:"DateCreated"`
	DateUpdated   rest.Opt[time.Time] `form:"DateUpdated"`
	LastUpdatedBy rest.Opt[string]    `form:"LastUpdatedBy"`
	MediaSID      sid.SID             `form:"MediaSid,create"`
}

type messageFilter struct {
	Order string `form:"Order,enum=asc|desc"`
}

type messageWire struct {
	SID           sid.SID    `json:"sid"`
	AccountSID    sid.SID    `json:"account_sid"`
	ServiceSID    sid.SID    `json:"service_sid"`
	ChannelSID    sid.SID    `json:"channel_sid"`
	To            sid.SID    `json:"to"` // the channel
	From          string     `json:"from"`
	Body          string     `json:"body"`
	Attributes    string     `json:"attributes"`
	Index         int64      `json:"index"`
	Type          string     `json:"type"`
	Media         *mediaWire `json:"media"`
	WasEdited     bool       `json:"was_edited"`
	LastUpdatedBy *string    `json:"last_updated_by"`
	DateCreated   *string    `json:"date_created"`
	DateUpdated   *string    `json:"date_updated"`
	URL           string     `json:"url"`
}

type mediaWire struct {
	SID         sid.SID `json:"sid"`
	Size        int64   `json:"size"`
	ContentType string  `json:"content_type"`
	Filename    *string `json:"filename"`
}

func mediaOf(m *chat.Media) *mediaWire {
	if m == nil {
		return nil
	}
	return &mediaWire{SID: m.SID, Size: m.Size, ContentType: m.ContentType, Filename: m.Filename}
}

func messages(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.Message, messageForm]{
		Path: "/Services/{ServiceSid}/Channels/{ChannelSid}/Messages", Key: "messages", Read: anyone, Write: anyone, Filter: messageFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Message], error) {
			var f messageFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[chat.Message]{}, err
			}
			p.Desc = f.Order == "desc"
			return s.ListMessages(ctx, c.Actor, channelOf(c, varChannel), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.Message, error) {
			return s.GetMessage(ctx, c.Actor, channelOf(c, varChannel), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in messageForm) (chat.Message, error) {
			m, _, err := s.SendTo(ctx, c.Actor, channelOf(c, varChannel), chat.NewMessage{
				Author: in.From.V, Body: in.Body.V, Attributes: in.Attributes.V, LastUpdatedBy: in.LastUpdatedBy.V,
				DateCreated: in.DateCreated.V, DateUpdated: in.DateUpdated.V, Media: in.MediaSID,
			})
			return m, err
		},
		Update: func(ctx context.Context, c *rest.Call, in messageForm) (chat.Message, error) {
			return s.UpdateMessage(ctx, c.Actor, channelOf(c, varChannel), c.SID(varItem), chat.MessageChange{
				Body: in.Body.Ptr(), Attributes: in.Attributes.Ptr(), Author: in.From.Ptr(), LastUpdatedBy: in.LastUpdatedBy.Ptr(),
				DateCreated: in.DateCreated.V, DateUpdated: in.DateUpdated.V,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteMessage(ctx, c.Actor, channelOf(c, varChannel), c.SID(varItem))
		},
		View: func(c *rest.Call, v chat.Message) any {
			return messageWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, ChannelSID: v.ChannelSID, To: v.ChannelSID,
				From: v.Author, Body: v.Body, Attributes: string(v.Attributes), Index: v.Index, Type: v.Type(), Media: mediaOf(v.Media), WasEdited: v.WasEdited,
				LastUpdatedBy: optional(v.LastUpdatedBy), DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				URL: c.URL(channelPath(v.ServiceSID, v.ChannelSID), "/Messages/", string(v.SID)),
			}
		},
	}
}
