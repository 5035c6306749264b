package chat

import (
	"context"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type roleForm struct {
	FriendlyName string         `form:"FriendlyName,required,create"`
	Type         chat.RoleScope `form:"Type,required,create,enum=channel|deployment"`
	Permission   []string       `form:"Permission,always"`
}

type roleWire struct {
	SID          sid.SID        `json:"sid"`
	AccountSID   sid.SID        `json:"account_sid"`
	ServiceSID   sid.SID        `json:"service_sid"`
	FriendlyName string         `json:"friendly_name"`
	Type         chat.RoleScope `json:"type"`
	Permissions  []string       `json:"permissions"`
	DateCreated  *string        `json:"date_created"`
	DateUpdated  *string        `json:"date_updated"`
	URL          string         `json:"url"`
}

func roles(s *chat.Chat) rest.Mount {
	return rest.Resource[chat.Role, roleForm]{
		Path: "/Services/{ServiceSid}/Roles", Key: "roles", Read: anyone, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Role], error) {
			return s.ListRoles(ctx, c.Actor, c.SID(varService), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.Role, error) {
			return s.GetRole(ctx, c.Actor, c.SID(varService), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in roleForm) (chat.Role, error) {
			return s.CreateRole(ctx, c.Actor, c.SID(varService), chat.NewRole{
				FriendlyName: in.FriendlyName, Scope: in.Type, Permissions: in.Permission,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in roleForm) (chat.Role, error) {
			return s.UpdateRole(ctx, c.Actor, c.SID(varService), c.SID(varItem), in.Permission)
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteRole(ctx, c.Actor, c.SID(varService), c.SID(varItem))
		},
		View: func(c *rest.Call, v chat.Role) any {
			return roleWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, FriendlyName: v.FriendlyName, Type: v.Scope,
				Permissions: v.Permissions.Names(), DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				URL: c.URL(servicePath(v.ServiceSID), "/Roles/", string(v.SID)),
			}
		},
	}
}
