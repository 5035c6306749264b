package chat

import (
	"context"

	"usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type credentialForm struct {
	Type         string           `form:"Type,required,create,enum=gcm|apn|fcm"`
	FriendlyName rest.Opt[string] `form:"FriendlyName"`
	Certificate  rest.Opt[string] `form:"Certificate"`
	PrivateKey   rest.Opt[string] `form:"PrivateKey"`
	Sandbox      rest.Opt[bool]   `form:"Sandbox"`
	APIKey       rest.Opt[string] `form:"ApiKey"`
	Secret       rest.Opt[string] `form:"Secret"`
}

func (f credentialForm) change() push.CredentialChange {
	return push.CredentialChange{
		FriendlyName: f.FriendlyName.Ptr(), Sandbox: f.Sandbox.Ptr(), Certificate: f.Certificate.Ptr(), PrivateKey: f.PrivateKey.Ptr(),
		APIKey: f.APIKey.Ptr(), Secret: f.Secret.Ptr(),
	}
}

type credentialWire struct {
	SID          sid.SID   `json:"sid"`
	AccountSID   sid.SID   `json:"account_sid"`
	FriendlyName *string   `json:"friendly_name"`
	Type         push.Kind `json:"type"`
	Sandbox      string    `json:"sandbox"` // True or False
	DateCreated  *string   `json:"date_created"`
	DateUpdated  *string   `json:"date_updated"`
	URL          string    `json:"url"`
}

func credentials(s *push.Push) rest.Mount {
	return rest.Resource[push.Credential, credentialForm]{
		Path: "/Credentials", Key: "credentials", Read: manager, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[push.Credential], error) {
			return s.ListCredentials(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (push.Credential, error) {
			return s.GetCredential(ctx, c.Actor, c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in credentialForm) (push.Credential, error) {
			return s.CreateCredential(ctx, c.Actor, push.Kind(in.Type), in.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in credentialForm) (push.Credential, error) {
			return s.UpdateCredential(ctx, c.Actor, c.SID(varItem), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return s.DeleteCredential(ctx, c.Actor, c.SID(varItem)) },
		View: func(c *rest.Call, v push.Credential) any {
			w := credentialWire{
				SID: v.SID, AccountSID: c.Actor.AccountSID, FriendlyName: optional(v.FriendlyName), Type: v.Kind, Sandbox: "False",
				DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), URL: c.URL("/Credentials/", string(v.SID)),
			}
			if v.Sandbox {
				w.Sandbox = "True"
			}
			return w
		},
	}
}
