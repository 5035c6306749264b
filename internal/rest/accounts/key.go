package accounts

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type keyForm struct {
	FriendlyName string `form:"FriendlyName"`
}

// keyWire is an API key on the wire. The secret is there in the answer that makes the key, and never again.
type keyWire struct {
	SID          sid.SID `json:"sid"`
	FriendlyName string  `json:"friendly_name"`
	DateCreated  *string `json:"date_created"`
	DateUpdated  *string `json:"date_updated"`
	Secret       string  `json:"secret,omitempty"`
}

// keys mounts the account's API keys under one of their two names: signing keys are the older name of the same thing.
func keys(a Accounts, k Keys, name, key string) rest.Mount {
	as := func(ctx context.Context, c *rest.Call) (account.Actor, error) {
		return a.As(ctx, c.Actor, c.SID("AccountSid"))
	}
	return rest.Resource[account.Key, keyForm]{
		Path: "/Accounts/{AccountSid}/" + name, Key: key,
		Read:  []account.Grant{account.AccountManage},
		Write: []account.Grant{account.AccountManage},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[account.Key], err error) {
			actor, err := as(ctx, c)
			if err != nil {
				return page, err
			}
			return k.ListKeys(ctx, actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (account.Key, error) {
			actor, err := as(ctx, c)
			if err != nil {
				return account.Key{}, err
			}
			return k.GetKey(ctx, actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in keyForm) (account.Key, error) {
			actor, err := as(ctx, c)
			if err != nil {
				return account.Key{}, err
			}
			return k.CreateKey(ctx, actor, in.FriendlyName)
		},
		Update: func(ctx context.Context, c *rest.Call, in keyForm) (account.Key, error) {
			actor, err := as(ctx, c)
			if err != nil {
				return account.Key{}, err
			}
			return k.RenameKey(ctx, actor, c.SID("Sid"), in.FriendlyName)
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			actor, err := as(ctx, c)
			if err != nil {
				return err
			}
			return k.DeleteKey(ctx, actor, c.SID("Sid"))
		},
		View: func(c *rest.Call, v account.Key) any {
			return keyWire{
				SID: v.SID, FriendlyName: v.FriendlyName, Secret: v.Secret,
				DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
			}
		},
	}
}
