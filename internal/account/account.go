package account

import (
	"context"
	"fmt"
	"unicode/utf8"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Status is the state of an account; the values are those of the wire.
type Status string

// The statuses.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Closed    Status = "closed"
)

// maxFriendlyName is the longest name of an account or a key, in characters: 64
// by the OpenAPI document of the 2010-04-01 API.
const maxFriendlyName = 64

// Account owns everything else. Its Row.ID is its integer key: the value of
// Row.Account in all of its rows, its own included.
type Account struct {
	db.Row
	OwnerID  int64   // key of the parent; its own for a main account
	OwnerSID sid.SID // the same as a SID: owner_account_sid of the wire
	Status   Status
	Details
}

// Details is what is sealed of an account.
type Details struct {
	FriendlyName string
	// AuthToken is the primary token. SecondaryAuthToken is valid beside it
	// while clients are moved over; it is empty most of the time.
	AuthToken          string
	SecondaryAuthToken string
}

// Main reports whether the account has no parent.
func (a *Account) Main() bool { return a.OwnerID == a.ID }

// Change is a change to an account; nil leaves a field as it is.
type Change struct {
	FriendlyName *string
	Status       *Status
}

// Filter narrows a list of accounts; empty fields do not.
type Filter struct {
	FriendlyName string // exact
	Status       Status
}

func accountPath(s sid.SID) string { return "/2010-04-01/Accounts/" + string(s) + ".json" }

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n > maxFriendlyName {
		return fault.New(20002, "FriendlyName has %d characters, at most %d are allowed", n, maxFriendlyName)
	}
	return nil
}

// Create makes a subaccount of the actor's account. An empty name becomes the
// one that the compatible API gives: "SubAccount Created at …".
func (a *Accounts) Create(ctx context.Context, actor Actor, friendlyName string) (Account, error) {
	if err := demand(actor, AccountManage); err != nil {
		return Account{}, err
	}
	if err := checkName(friendlyName); err != nil {
		return Account{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Account, error) {
		parent, err := accounts.ByID(tx, actor.Account)
		if err != nil {
			return Account{}, fmt.Errorf("account %s: %w", actor.AccountSID, err)
		}
		if !parent.Main() {
			return Account{}, fault.Forbidden("A subaccount cannot have subaccounts")
		}
		name := friendlyName
		if name == "" {
			name = "SubAccount Created at " + tx.Now.Format("2006-01-02 03:04 pm")
		}
		return insertAccount(tx, &parent, sid.New(sid.Account), randomHex(), name)
	})
}

// insertAccount makes an account with its keys for sealing and for signing
// tokens. parent nil makes a main account.
func insertAccount(tx *db.Tx, parent *Account, s sid.SID, token, name string) (Account, error) {
	id, err := db.CreateKeyset(tx)
	if err != nil {
		return Account{}, fmt.Errorf("account %s: %w", s, err)
	}
	acc := Account{
		Row:      db.Row{ID: id, SID: s, Account: id},
		OwnerID:  id,
		OwnerSID: s,
		Status:   Active,
		Details:  Details{FriendlyName: name, AuthToken: token},
	}
	if parent != nil {
		acc.OwnerID, acc.OwnerSID = parent.ID, parent.SID
	}
	if err := accounts.Insert(tx, &acc); err != nil {
		return Account{}, err
	}
	signing := newKey(id, kindOwn, "Usher's own access tokens")
	return acc, keys.Insert(tx, &signing)
}

// Get returns the actor's account or one of its subaccounts. A subaccount does
// not see its parent.
func (a *Accounts) Get(ctx context.Context, actor Actor, s sid.SID) (Account, error) {
	if err := demand(actor, AccountManage); err != nil {
		return Account{}, err
	}
	return read(ctx, a.db, func(tx *db.Tx) (Account, error) { return visible(tx, actor, s, "") })
}

// visible reads an account that the actor may see; lock is Tx.LockSuffix to
// write it.
func visible(tx *db.Tx, actor Actor, s sid.SID, lock string) (Account, error) {
	acc, err := accounts.One(tx, "sid = $1 and (id = $2 or owner_id = $2)"+lock, string(s), actor.Account)
	return acc, missing(err, accountPath(s))
}

// List returns the actor's account and its subaccounts, the oldest first.
func (a *Accounts) List(ctx context.Context, actor Actor, f Filter, page db.Page) (db.PageOf[Account], error) {
	if err := demand(actor, AccountManage); err != nil {
		return db.PageOf[Account]{}, err
	}
	keep := func(acc *Account) bool { return f.FriendlyName == "" || acc.FriendlyName == f.FriendlyName }
	return read(ctx, a.db, func(tx *db.Tx) (db.PageOf[Account], error) {
		if f.Status == "" {
			return accounts.PageWhere(tx, page, keep, "id = $1 or owner_id = $1", actor.Account)
		}
		return accounts.PageWhere(tx, page, keep, "(id = $1 or owner_id = $1) and status = $2", actor.Account, string(f.Status))
	})
}

// Update renames an account or changes the status of a subaccount, which only
// the parent can do. A closed account stays closed.
func (a *Accounts) Update(ctx context.Context, actor Actor, s sid.SID, ch Change) (Account, error) {
	return a.edit(ctx, actor, s, func(acc *Account) error {
		if ch.FriendlyName != nil {
			if err := checkName(*ch.FriendlyName); err != nil {
				return err
			}
			acc.FriendlyName = *ch.FriendlyName
		}
		if ch.Status == nil || *ch.Status == acc.Status {
			return nil
		}
		switch {
		case acc.Main() || acc.ID == actor.Account:
			return fault.New(21477, "")
		case acc.Status == Closed:
			return fault.New(21479, "")
		case *ch.Status != Active && *ch.Status != Suspended && *ch.Status != Closed:
			return fault.New(21475, "")
		}
		acc.Status = *ch.Status
		return nil
	})
}

// CreateSecondaryToken gives the account a second auth token, valid beside the
// first; one that exists already is replaced.
func (a *Accounts) CreateSecondaryToken(ctx context.Context, actor Actor, s sid.SID) (Account, error) {
	return a.edit(ctx, actor, s, func(acc *Account) error {
		acc.SecondaryAuthToken = randomHex()
		return nil
	})
}

// DeleteSecondaryToken takes the second auth token away.
func (a *Accounts) DeleteSecondaryToken(ctx context.Context, actor Actor, s sid.SID) error {
	_, err := a.edit(ctx, actor, s, func(acc *Account) error {
		if acc.SecondaryAuthToken == "" {
			return fault.NotFound("/v1/AuthTokens/Secondary")
		}
		acc.SecondaryAuthToken = ""
		return nil
	})
	return err
}

// PromoteSecondaryToken makes the second auth token the first one; the first
// one is gone.
func (a *Accounts) PromoteSecondaryToken(ctx context.Context, actor Actor, s sid.SID) (Account, error) {
	return a.edit(ctx, actor, s, func(acc *Account) error {
		if acc.SecondaryAuthToken == "" {
			return fault.Conflict("The account has no secondary auth token")
		}
		acc.AuthToken, acc.SecondaryAuthToken = acc.SecondaryAuthToken, ""
		return nil
	})
}

// edit changes an account that the actor may manage.
func (a *Accounts) edit(ctx context.Context, actor Actor, s sid.SID, fn func(*Account) error) (Account, error) {
	if err := demand(actor, AccountManage); err != nil {
		return Account{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Account, error) {
		acc, err := visible(tx, actor, s, tx.LockSuffix())
		if err != nil {
			return Account{}, err
		}
		if err := fn(&acc); err != nil {
			return Account{}, err
		}
		a.changed(tx)
		return acc, accounts.Update(tx, &acc)
	})
}

// As returns an actor for the account s: the actor itself where s is its own
// account, and the owner of a subaccount for the parent's credentials. Anything
// else is not found.
func (a *Accounts) As(ctx context.Context, actor Actor, s sid.SID) (Actor, error) {
	if s == actor.AccountSID {
		return actor, nil
	}
	if !actor.Owner() {
		return Actor{}, fault.NotFound(accountPath(s))
	}
	acc, err := read(ctx, a.db, func(tx *db.Tx) (Account, error) { return visible(tx, actor, s, "") })
	if err != nil {
		return Actor{}, err
	}
	actor.Account, actor.AccountSID = acc.ID, acc.SID
	return actor, nil
}

// Lookup returns an account by its SID, for Usher's own needs: signing its
// webhooks, answering a widget's page. It asks nobody's permission.
func (a *Accounts) Lookup(ctx context.Context, s sid.SID) (Account, error) {
	return read(ctx, a.db, func(tx *db.Tx) (Account, error) {
		acc, err := accounts.One(tx, "sid = $1", string(s))
		return acc, missing(err, accountPath(s))
	})
}

// ByID is Lookup by the integer key.
func (a *Accounts) ByID(ctx context.Context, id int64) (Account, error) {
	return read(ctx, a.db, func(tx *db.Tx) (Account, error) { return a.ByIDTx(tx, id) })
}

// ByIDTx is ByID within a transaction.
func (a *Accounts) ByIDTx(tx *db.Tx, id int64) (Account, error) {
	acc, err := accounts.ByID(tx, id)
	if err != nil {
		return Account{}, fmt.Errorf("account %d: %w", id, err)
	}
	return acc, nil
}
