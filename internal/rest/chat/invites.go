package chat

import (
	"context"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type inviteForm struct {
	Identity string  `form:"Identity,required,create"`
	RoleSID  sid.SID `form:"RoleSid,create"`
}

type inviteWire struct {
	SID         sid.SID `json:"sid"`
	AccountSID  sid.SID `json:"account_sid"`
	ServiceSID  sid.SID `json:"service_sid"`
	ChannelSID  sid.SID `json:"channel_sid"`
	Identity    string  `json:"identity"`
	RoleSID     sid.SID `json:"role_sid"`
	CreatedBy   string  `json:"created_by"`
	DateCreated *string `json:"date_created"`
	DateUpdated *string `json:"date_updated"`
	URL         string  `json:"url"`
}

func invites(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.Invite, inviteForm]{
		Path: "/Services/{ServiceSid}/Channels/{ChannelSid}/Invites", Key: "invites", Read: anyone, Write: anyone, Filter: memberFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Invite], error) {
			var f memberFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[chat.Invite]{}, err
			}
			return s.ListInvites(ctx, c.Actor, channelOf(c, varChannel), f.Identity, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.Invite, error) {
			return s.GetInvite(ctx, c.Actor, channelOf(c, varChannel), c.Var(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in inviteForm) (chat.Invite, error) {
			return s.CreateInvite(ctx, c.Actor, channelOf(c, varChannel), chat.NewInvite{Identity: in.Identity, RoleSID: in.RoleSID})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteInvite(ctx, c.Actor, channelOf(c, varChannel), c.Var(varItem))
		},
		View: func(c *rest.Call, v chat.Invite) any {
			return inviteWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, ChannelSID: v.ChannelSID, Identity: v.Identity,
				RoleSID: v.RoleSID, CreatedBy: v.CreatedBy, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				URL: c.URL(channelPath(v.ServiceSID, v.ChannelSID), "/Invites/", string(v.SID)),
			}
		},
	}
}
