package account

import (
	"context"

	"usher/internal/db"
	"usher/internal/sid"
)

// KeyKind is what a key may be used for.
type KeyKind int

// The kinds. Own keys sign the access tokens that Usher mints; they are not
// shown and their secret leaves the process never.
const (
	KeyStandard KeyKind = iota
	KeyMain
	kindOwn
)

// Key is an API key: a name and secret for programs, and the signature key of
// access tokens.
type Key struct {
	db.Row
	Kind KeyKind
	KeyDetails
}

// KeyDetails is what is sealed of a key. The secret is kept because access
// tokens are signed with it (HMAC); it is shown once, when the key is made.
type KeyDetails struct {
	FriendlyName string
	Secret       string
}

func keyPath(account, key sid.SID) string {
	return "/2010-04-01/Accounts/" + string(account) + "/Keys/" + string(key) + ".json"
}

func newKey(account int64, kind KeyKind, name string) Key {
	return Key{
		Row:        db.Row{SID: sid.New(sid.Key), Account: account},
		Kind:       kind,
		KeyDetails: KeyDetails{FriendlyName: name, Secret: randomSecret()},
	}
}

// CreateKey makes a standard API key of the actor's account. The returned key
// holds its secret, which no other operation returns.
func (a *Accounts) CreateKey(ctx context.Context, actor Actor, friendlyName string) (Key, error) {
	if err := demand(actor, AccountManage); err != nil {
		return Key{}, err
	}
	if err := checkName(friendlyName); err != nil {
		return Key{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Key, error) {
		k := newKey(actor.Account, KeyStandard, friendlyName)
		return k, keys.Insert(tx, &k)
	})
}

// GetKey returns a key without its secret.
func (a *Accounts) GetKey(ctx context.Context, actor Actor, s sid.SID) (Key, error) {
	if err := demand(actor, AccountManage); err != nil {
		return Key{}, err
	}
	return read(ctx, a.db, func(tx *db.Tx) (Key, error) {
		k, err := shownKey(tx, actor, s, "")
		k.Secret = ""
		return k, err
	})
}

// shownKey reads a key that the account's owner may see.
func shownKey(tx *db.Tx, actor Actor, s sid.SID, lock string) (Key, error) {
	k, err := keys.One(tx, "sid = $1 and account_id = $2 and kind <> $3"+lock, string(s), actor.Account, int64(kindOwn))
	return k, missing(err, keyPath(actor.AccountSID, s))
}

// ListKeys returns the account's keys without their secrets, the oldest first.
func (a *Accounts) ListKeys(ctx context.Context, actor Actor, page db.Page) (db.PageOf[Key], error) {
	if err := demand(actor, AccountManage); err != nil {
		return db.PageOf[Key]{}, err
	}
	return read(ctx, a.db, func(tx *db.Tx) (db.PageOf[Key], error) {
		out, err := keys.Page(tx, page, "account_id = $1 and kind <> $2", actor.Account, int64(kindOwn))
		for i := range out.Items {
			out.Items[i].Secret = ""
		}
		return out, err
	})
}

// RenameKey changes a key's friendly name.
func (a *Accounts) RenameKey(ctx context.Context, actor Actor, s sid.SID, friendlyName string) (Key, error) {
	if err := demand(actor, AccountManage); err != nil {
		return Key{}, err
	}
	if err := checkName(friendlyName); err != nil {
		return Key{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Key, error) {
		k, err := shownKey(tx, actor, s, tx.LockSuffix())
		if err != nil {
			return Key{}, err
		}
		k.FriendlyName = friendlyName
		err = keys.Update(tx, &k)
		k.Secret = ""
		return k, err
	})
}

// DeleteKey revokes a key and every access token that it signed.
func (a *Accounts) DeleteKey(ctx context.Context, actor Actor, s sid.SID) error {
	if err := demand(actor, AccountManage); err != nil {
		return err
	}
	return a.db.Do(ctx, func(tx *db.Tx) error {
		k, err := shownKey(tx, actor, s, tx.LockSuffix())
		if err != nil {
			return err
		}
		a.changed(tx)
		return missing(keys.Delete(tx, &k), keyPath(actor.AccountSID, s))
	})
}
