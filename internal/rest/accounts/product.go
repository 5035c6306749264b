// Package accounts is the account part of the 2010 API: accounts, API keys and signing keys.
package accounts

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Accounts are the operations that the 2010 API's account resources stand on; *account.Accounts has them.
type Accounts interface {
	Create(ctx context.Context, actor account.Actor, friendlyName string) (account.Account, error)
	Get(ctx context.Context, actor account.Actor, s sid.SID) (account.Account, error)
	List(ctx context.Context, actor account.Actor, f account.Filter, page db.Page) (db.PageOf[account.Account], error)
	Update(ctx context.Context, actor account.Actor, s sid.SID, ch account.Change) (account.Account, error)
	// As returns the actor's equal in another account that it may act for: a subaccount.
	As(ctx context.Context, actor account.Actor, s sid.SID) (account.Actor, error)
}

// Keys are the operations of API keys; *account.Accounts has them.
type Keys interface {
	CreateKey(ctx context.Context, actor account.Actor, friendlyName string) (account.Key, error)
	GetKey(ctx context.Context, actor account.Actor, s sid.SID) (account.Key, error)
	ListKeys(ctx context.Context, actor account.Actor, page db.Page) (db.PageOf[account.Key], error)
	RenameKey(ctx context.Context, actor account.Actor, s sid.SID, friendlyName string) (account.Key, error)
	DeleteKey(ctx context.Context, actor account.Actor, s sid.SID) error
}

// Product returns the 2010 API's accounts and keys. It answers without a prefix too, because its version cannot be mistaken.
func Product(a Accounts, k Keys, more ...rest.Mount) rest.Product {
	return rest.Product{
		Name: "api", Version: "2010-04-01", Classic: true, Bare: true,
		Routes: append([]rest.Mount{accounts(a), keys(a, k, "Keys", "keys"), keys(a, k, "SigningKeys", "signing_keys")}, more...),
	}
}
