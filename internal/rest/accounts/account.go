package accounts

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type accountForm struct {
	FriendlyName rest.Opt[string]         `form:"FriendlyName"`
	Status       rest.Opt[account.Status] `form:"Status,update"`
}

type accountFilter struct {
	FriendlyName string         `form:"FriendlyName"`
	Status       account.Status `form:"Status,enum=active|suspended|closed"`
}

// accountWire is an account on the wire. (Shape: the original's published examples.)
type accountWire struct {
	SID             sid.SID           `json:"sid"`
	FriendlyName    string            `json:"friendly_name"`
	Status          account.Status    `json:"status"`
	Type            string            `json:"type"`
	AuthToken       string            `json:"auth_token"`
	DateCreated     *string           `json:"date_created"`
	DateUpdated     *string           `json:"date_updated"`
	OwnerAccountSID sid.SID           `json:"owner_account_sid"`
	URI             string            `json:"uri"`
	SubresourceURIs map[string]string `json:"subresource_uris"`
}

func accounts(a Accounts) rest.Mount {
	return rest.Resource[account.Account, accountForm]{
		Path: "/Accounts", Key: "accounts", Filter: accountFilter{},
		Read:  []account.Grant{account.AccountManage},
		Write: []account.Grant{account.AccountManage},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[account.Account], err error) {
			var f accountFilter
			if err := c.Filter(&f); err != nil {
				return page, err
			}
			return a.List(ctx, c.Actor, account.Filter{FriendlyName: f.FriendlyName, Status: f.Status}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (account.Account, error) {
			return a.Get(ctx, c.Actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in accountForm) (account.Account, error) {
			return a.Create(ctx, c.Actor, in.FriendlyName.V)
		},
		Update: func(ctx context.Context, c *rest.Call, in accountForm) (account.Account, error) {
			return a.Update(ctx, c.Actor, c.SID("Sid"), account.Change{FriendlyName: in.FriendlyName.Ptr(), Status: in.Status.Ptr()})
		},
		View: viewAccount,
	}
}

func viewAccount(c *rest.Call, v account.Account) any {
	uri := "/2010-04-01/Accounts/" + string(v.SID)
	return accountWire{
		SID: v.SID, FriendlyName: v.FriendlyName, Status: v.Status, Type: "Full", AuthToken: v.AuthToken,
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), OwnerAccountSID: v.OwnerSID, URI: uri + ".json",
		SubresourceURIs: map[string]string{"keys": uri + "/Keys.json", "signing_keys": uri + "/SigningKeys.json"},
	}
}
