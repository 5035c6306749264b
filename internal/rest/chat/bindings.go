package chat

import (
	"context"
	"net/url"

	"usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type bindingFilter struct {
	BindingType []string `form:"BindingType,comma,enum=gcm|apn|fcm"`
	Identity    []string `form:"Identity,comma"`
}

type userBindingFilter struct {
	BindingType []string `form:"BindingType,comma,enum=gcm|apn|fcm"`
}

func kindsOf(names []string) []push.Kind {
	var list []push.Kind
	for _, n := range names {
		list = append(list, push.Kind(n))
	}
	return list
}

type bindingWire struct {
	SID          sid.SID           `json:"sid"`
	AccountSID   sid.SID           `json:"account_sid"`
	ServiceSID   sid.SID           `json:"service_sid"`
	UserSID      sid.SID           `json:"user_sid,omitempty"` // only below a user
	Identity     string            `json:"identity"`
	Endpoint     string            `json:"endpoint"`
	BindingType  push.Kind         `json:"binding_type"`
	Credential   *sid.SID          `json:"credential_sid"`
	MessageTypes []string          `json:"message_types"`
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	URL          string            `json:"url"`
	Links        map[string]string `json:"links,omitempty"` // only below the service
}

func bindingView(c *rest.Call, v push.Binding) bindingWire {
	w := bindingWire{
		SID: v.SID, AccountSID: c.Actor.AccountSID, ServiceSID: v.ServiceSID, Identity: v.Identity, Endpoint: v.Endpoint,
		BindingType: v.Kind, MessageTypes: v.MessageTypes, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
	}
	if v.Credential != "" {
		w.Credential = &v.Credential
	}
	return w
}

func bindings(s *push.Push) rest.Mount {
	return rest.Resource[push.Binding, struct{}]{
		Path: "/Services/{ServiceSid}/Bindings", Key: "bindings", Read: manager, Write: manager, Filter: bindingFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[push.Binding], error) {
			var f bindingFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[push.Binding]{}, err
			}
			return s.ListBindings(ctx, c.Actor, c.SID(varService), push.Filter{Kinds: kindsOf(f.BindingType), Identities: f.Identity}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (push.Binding, error) {
			return s.GetBinding(ctx, c.Actor, c.SID(varService), "", c.SID(varItem))
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteBinding(ctx, c.Actor, c.SID(varService), "", c.SID(varItem))
		},
		View: func(c *rest.Call, v push.Binding) any {
			w := bindingView(c, v)
			w.URL = c.URL(servicePath(v.ServiceSID), "/Bindings/", string(v.SID))
			w.Links = map[string]string{"user": c.URL(servicePath(v.ServiceSID), "/Users/", url.PathEscape(v.Identity))}
			return w
		},
	}
}

func userBindings(s *push.Push) rest.Mount {
	return rest.Resource[push.Binding, struct{}]{
		Path: "/Services/{ServiceSid}/Users/{UserSid}/Bindings", Key: "bindings", Read: anyone, Write: anyone, Filter: userBindingFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[push.Binding], error) {
			var f userBindingFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[push.Binding]{}, err
			}
			return s.ListUserBindings(ctx, c.Actor, c.SID(varService), c.Var(varUser), kindsOf(f.BindingType), p)
		},
		Get: func(ctx context.Context, c *rest.Call) (push.Binding, error) {
			return s.GetBinding(ctx, c.Actor, c.SID(varService), c.Var(varUser), c.SID(varItem))
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return s.DeleteBinding(ctx, c.Actor, c.SID(varService), c.Var(varUser), c.SID(varItem))
		},
		View: func(c *rest.Call, v push.Binding) any {
			w := bindingView(c, v)
			w.UserSID = v.UserSID
			w.URL = c.URL(userPath(v.ServiceSID, v.UserSID), "/Bindings/", string(v.SID))
			return w
		},
	}
}
