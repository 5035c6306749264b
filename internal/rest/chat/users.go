package chat

import (
	"context"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type userForm struct {
	Identity     string            `form:"Identity,required,create"`
	RoleSID      rest.Opt[sid.SID] `form:"RoleSid"`
	Attributes   rest.Opt[string]  `form:"Attributes"`
	FriendlyName rest.Opt[string]  `form:"FriendlyName"`
}

type userWire struct {
	SID                 sid.SID           `json:"sid"`
	AccountSID          sid.SID           `json:"account_sid"`
	ServiceSID          sid.SID           `json:"service_sid"`
	Identity            string            `json:"identity"`
	FriendlyName        *string           `json:"friendly_name"`
	RoleSID             sid.SID           `json:"role_sid"`
	Attributes          string            `json:"attributes"`
	IsOnline            *bool             `json:"is_online"` // null while the service keeps no reachability
	IsNotifiable        *bool             `json:"is_notifiable"`
	JoinedChannelsCount int64             `json:"joined_channels_count"`
	DateCreated         *string           `json:"date_created"`
	DateUpdated         *string           `json:"date_updated"`
	URL                 string            `json:"url"`
	Links               map[string]string `json:"links"`
}

func users(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.User, userForm]{
		Path: "/Services/{ServiceSid}/Users", Key: "users", Read: anyone, Write: anyone,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.User], error) {
			return s.ListUsers(ctx, c.Actor, c.SID(varService), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.User, error) {
			return s.GetUser(ctx, c.Actor, c.SID(varService), c.Var(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in userForm) (chat.User, error) {
			return s.CreateUser(ctx, c.Actor, c.SID(varService), chat.NewUser{
				Identity: in.Identity, FriendlyName: in.FriendlyName.V, Attributes: in.Attributes.V, RoleSID: in.RoleSID.V,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in userForm) (chat.User, error) {
			return s.UpdateUser(ctx, c.Actor, c.SID(varService), c.Var(varItem), chat.UserChange{
				FriendlyName: in.FriendlyName.Ptr(), Attributes: in.Attributes.Ptr(), RoleSID: in.RoleSID.Ptr(),
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteUser(ctx, c.Actor, c.SID(varService), c.Var(varItem))
		},
		View: func(c *rest.Call, v chat.User) any {
			url := c.URL(userPath(v.ServiceSID, v.SID))
			w := userWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, Identity: v.Identity,
				FriendlyName: optional(v.FriendlyName), RoleSID: v.RoleSID, Attributes: string(v.Attributes),
				JoinedChannelsCount: v.Channels, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), URL: url,
				Links: map[string]string{"user_channels": url + "/Channels", "user_bindings": url + "/Bindings"},
			}
			if v.Reach != nil {
				w.IsOnline, w.IsNotifiable = &v.Reach.Online, &v.Reach.Notifiable
			}
			return w
		},
	}
}
