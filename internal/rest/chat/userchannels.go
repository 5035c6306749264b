package chat

import (
	"context"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type userChannelForm struct {
	NotificationLevel rest.Opt[string]    `form:"NotificationLevel"`
	LastRead          rest.Opt[int64]     `form:"LastConsumedMessageIndex"`
	LastReadAt        rest.Opt[time.Time] `form:"LastConsumptionTimestamp"`
}

type userChannelWire struct {
	AccountSID   sid.SID            `json:"account_sid"`
	ServiceSID   sid.SID            `json:"service_sid"`
	ChannelSID   sid.SID            `json:"channel_sid"`
	UserSID      sid.SID            `json:"user_sid"`
	MemberSID    *sid.SID           `json:"member_sid"` // null while the user is only invited
	Status       string             `json:"status"`
	LastRead     *int64             `json:"last_consumed_message_index"`
	Unread       *int64             `json:"unread_messages_count"`
	Notification string             `json:"notification_level"`
	URL          string             `json:"url"`
	Links        map[string]*string `json:"links"`
}

func userChannels(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.UserChannel, userChannelForm]{
		Path: "/Services/{ServiceSid}/Users/{UserSid}/Channels", Item: varChannel, Key: "channels", Read: anyone, Write: anyone,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.UserChannel], error) {
			return s.ListUserChannels(ctx, c.Actor, c.SID(varService), c.Var(varUser), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.UserChannel, error) {
			return s.GetUserChannel(ctx, c.Actor, c.SID(varService), c.Var(varUser), c.Var(varChannel))
		},
		Update: func(ctx context.Context, c *rest.Call, in userChannelForm) (chat.UserChannel, error) {
			if err := horizon(in.LastRead); err != nil {
				return chat.UserChannel{}, err
			}
			return s.UpdateUserChannel(ctx, c.Actor, c.SID(varService), c.Var(varUser), c.Var(varChannel), chat.UserChannelChange{
				Notification: in.NotificationLevel.Ptr(), LastRead: in.LastRead.Ptr(), LastReadAt: in.LastReadAt.V,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.LeaveUserChannel(ctx, c.Actor, c.SID(varService), c.Var(varUser), c.Var(varChannel))
		},
		View: func(c *rest.Call, v chat.UserChannel) any {
			d := v.Data()
			channel := c.URL(channelPath(d.ServiceSID, d.ChannelSID))
			w := userChannelWire{
				AccountSID: c.Actor.AccountSID, ServiceSID: d.ServiceSID, ChannelSID: d.ChannelSID, UserSID: d.UserSID, MemberSID: d.MemberSID,
				Status: d.Status, LastRead: d.LastRead, Unread: d.Unread, Notification: d.Notification,
				URL:   c.URL(userPath(d.ServiceSID, d.UserSID), "/Channels/", string(d.ChannelSID)),
				Links: map[string]*string{"channel": &channel, "member": nil},
			}
			if d.MemberSID != nil {
				member := channel + "/Members/" + string(*d.MemberSID)
				w.Links["member"] = &member
			}
			return w
		},
	}
}
