package account

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/db"
	"usher/internal/sid"
)

// Spec is what the first run is given; empty fields are made up.
type Spec struct {
	AccountSID   sid.SID
	AuthToken    string
	FriendlyName string
	KeySID       sid.SID // a main API key; without it no key is made
	KeySecret    string
}

// Setup is what Bootstrap found or made. AuthToken is in Account; KeySecret is
// filled in whenever there is a key, for the configuration that asked for it.
type Setup struct {
	Account Account
	Created bool // the account was made by this call
	Key     Key
}

// minToken is the shortest auth token or secret that Bootstrap takes.
const minToken = 16

// Bootstrap makes sure that the installation has its main account. Called again
// it changes nothing, but for an auth token, a name or a secret that is given
// and differs: the configuration wins. With an account SID that is not there
// yet, that account is made; without one, the account that the installation
// began with is used.
func (a *Accounts) Bootstrap(ctx context.Context, s Spec) (Setup, error) {
	if err := s.check(); err != nil {
		return Setup{}, fmt.Errorf("bootstrap: %w", err)
	}
	for try := 0; ; try++ {
		out, err := write(ctx, a.db, func(tx *db.Tx) (Setup, error) { return a.bootstrap(tx, s) })
		if err == nil || !errors.Is(err, db.ErrConflict) || try == 3 {
			return out, err
		}
		// Another node was faster: find what it made.
	}
}

func (s *Spec) check() error {
	switch {
	case s.AccountSID != "" && !sid.Valid(string(s.AccountSID), sid.Account):
		return errors.New("the account SID must be AC and 32 lower-case hexadecimal digits")
	case s.KeySID != "" && !sid.Valid(string(s.KeySID), sid.Key):
		return errors.New("the key SID must be SK and 32 lower-case hexadecimal digits")
	case s.AuthToken != "" && len(s.AuthToken) < minToken, s.KeySecret != "" && len(s.KeySecret) < minToken:
		return fmt.Errorf("a token or secret must have %d characters or more", minToken)
	case s.KeySecret != "" && s.KeySID == "":
		return errors.New("a key secret needs a key SID")
	}
	return checkName(s.FriendlyName)
}

func (a *Accounts) bootstrap(tx *db.Tx, s Spec) (Setup, error) {
	var out Setup
	acc, err := mainAccount(tx, s.AccountSID)
	if errors.Is(err, db.ErrNotFound) {
		out.Created = true
		acc, err = a.firstAccount(tx, s)
	}
	if err != nil {
		return out, err
	}
	before := acc.Details
	if s.AuthToken != "" {
		acc.AuthToken = s.AuthToken
	}
	if s.FriendlyName != "" {
		acc.FriendlyName = s.FriendlyName
	}
	if acc.Details != before {
		a.changed(tx)
		if err := accounts.Update(tx, &acc); err != nil {
			return out, err
		}
	}
	out.Account = acc
	if s.KeySID != "" {
		out.Key, err = a.ensureKey(tx, &acc, s)
	}
	return out, err
}

// mainAccount reads the account with this SID, or the one that the installation
// began with.
func mainAccount(tx *db.Tx, s sid.SID) (Account, error) {
	if s != "" {
		return accounts.One(tx, "sid = $1"+tx.LockSuffix(), string(s))
	}
	var id int64
	if err := tx.QueryRow("select account_id from account_main where name = 'main'").Scan(&id); err != nil {
		return Account{}, err
	}
	return accounts.ByIDForUpdate(tx, id)
}

// firstAccount makes a main account and, where there is none yet, marks it as
// the one that the installation began with.
func (a *Accounts) firstAccount(tx *db.Tx, s Spec) (Account, error) {
	name, token := s.AccountSID, s.AuthToken
	if name == "" {
		name = sid.New(sid.Account)
	}
	if token == "" {
		token = randomHex()
	}
	acc, err := insertAccount(tx, nil, name, token, s.FriendlyName)
	if err != nil {
		return Account{}, err
	}
	a.changed(tx)
	conflict := ""
	if s.AccountSID != "" {
		conflict = " on conflict (name) do nothing" // else two nodes would both begin the installation
	}
	_, err = tx.Exec("insert into account_main (name, account_id) values ('main', $1)"+conflict, acc.ID)
	return acc, err
}

// ensureKey makes the given main key, or gives it the given secret.
func (a *Accounts) ensureKey(tx *db.Tx, acc *Account, s Spec) (Key, error) {
	k, err := keys.One(tx, "sid = $1"+tx.LockSuffix(), string(s.KeySID))
	switch {
	case errors.Is(err, db.ErrNotFound):
		k = newKey(acc.ID, KeyMain, "Main key")
		k.SID = s.KeySID
		if s.KeySecret != "" {
			k.Secret = s.KeySecret
		}
		a.changed(tx)
		return k, keys.Insert(tx, &k)
	case err != nil:
		return Key{}, err
	case k.Account != acc.ID:
		return Key{}, fmt.Errorf("key %s belongs to another account", k.SID)
	case s.KeySecret == "" || s.KeySecret == k.Secret:
		return k, nil
	}
	k.Secret = s.KeySecret
	a.changed(tx)
	return k, keys.Update(tx, &k)
}

// MainAccount returns the account that the installation began with; an error
// that wraps db.ErrNotFound before Bootstrap.
func (a *Accounts) MainAccount(ctx context.Context) (Account, error) {
	return read(ctx, a.db, func(tx *db.Tx) (Account, error) {
		acc, err := mainAccount(tx, "")
		if err != nil {
			return Account{}, fmt.Errorf("main account: %w", err)
		}
		return acc, nil
	})
}
