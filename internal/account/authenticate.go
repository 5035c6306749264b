package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// credential is what is remembered of an account (by AC…) or a key (by SK…).
type credential struct {
	account    int64
	accountSID sid.SID
	key        sid.SID // empty for an account
	main       bool
	own        bool   // Usher's own key: signs tokens, is no password
	active     bool   // the account and its parent are
	secret     string // key: signs access tokens
	sums       [][32]byte
	loaded     time.Time
}

// matches compares a password with every secret that is valid, in a time that
// depends on neither.
func (c *credential) matches(password string) bool {
	got, ok := sha256.Sum256([]byte(password)), 0
	for i := range c.sums {
		ok |= subtle.ConstantTimeCompare(got[:], c.sums[i][:])
	}
	return ok == 1
}

// Authenticate turns the user and password of HTTP Basic into an actor: account
// SID and auth token (either one), API key SID and secret, or "token" and an
// access token. Wrong credentials are 401 with code 20003, an access token that
// is no good 401 with one of 20101 to 20107 and 20157, and right credentials of
// an account that is not active 403 with code 20005.
func (a *Accounts) Authenticate(ctx context.Context, user, password string) (Actor, error) {
	if user == "token" {
		return a.Token(ctx, password)
	}
	if !sid.Valid(user, sid.Account) && !sid.Valid(user, sid.Key) {
		return Actor{}, fault.Unauthenticated()
	}
	now, generation := time.Now(), a.generation.Load()
	sum := digest(user, password)
	if actor, ok := a.actors.get(sum, now, generation); ok {
		return actor, nil
	}
	c, err := a.credential(ctx, sid.SID(user), now)
	if err != nil {
		return Actor{}, err
	}
	if !c.matches(password) && now.Sub(c.loaded) > time.Second {
		// A token may have been made on another node since.
		c, err = a.loadCredential(ctx, sid.SID(user), now)
		if err != nil {
			return Actor{}, err
		}
	}
	switch {
	case c.own || !c.matches(password):
		return Actor{}, fault.Unauthenticated()
	case !c.active:
		return Actor{}, fault.New(20005, "")
	}
	actor := Actor{Account: c.account, AccountSID: c.accountSID, Role: RoleOwner, Key: c.key, Main: c.main}
	a.actors.put(sum, actor, now.Add(staleAfter), generation)
	return actor, nil
}

// digest is the name under which a verified pair is remembered.
func digest(user, password string) [32]byte {
	h := sha256.New()
	h.Write([]byte(user))
	h.Write([]byte{0})
	h.Write([]byte(password))
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// credential returns what is known of an account or a key; the zero credential,
// which matches nothing, where there is none.
func (a *Accounts) credential(ctx context.Context, name sid.SID, now time.Time) (credential, error) {
	if c, ok := a.credentials.get(name, now, a.generation.Load()); ok {
		return c, nil
	}
	return a.loadCredential(ctx, name, now)
}

func (a *Accounts) loadCredential(ctx context.Context, name sid.SID, now time.Time) (credential, error) {
	generation := a.generation.Load()
	c, err := read(ctx, a.db, func(tx *db.Tx) (credential, error) { return readCredential(tx, name) })
	if errors.Is(err, db.ErrNotFound) {
		return credential{}, nil // not remembered: others could fill the memory with names
	}
	if err != nil {
		return credential{}, fmt.Errorf("credential %s: %w", name, err)
	}
	c.loaded = now
	a.credentials.put(name, c, now.Add(staleAfter), generation)
	return c, nil
}

func readCredential(tx *db.Tx, name sid.SID) (credential, error) {
	var c credential
	var acc Account
	var err error
	if sid.Prefix(string(name)) == sid.Key {
		var k Key
		if k, err = keys.One(tx, "sid = $1", string(name)); err != nil {
			return c, err
		}
		c.key, c.main, c.own, c.secret = k.SID, k.Kind == KeyMain, k.Kind == kindOwn, k.Secret
		c.sums = append(c.sums, sha256.Sum256([]byte(k.Secret)))
		acc, err = accounts.ByID(tx, k.Account)
	} else {
		acc, err = accounts.One(tx, "sid = $1", string(name))
		for _, token := range []string{acc.AuthToken, acc.SecondaryAuthToken} {
			if token != "" {
				c.sums = append(c.sums, sha256.Sum256([]byte(token)))
			}
		}
	}
	if err != nil {
		return c, err
	}
	c.account, c.accountSID, c.active = acc.ID, acc.SID, acc.Status == Active
	if c.active && !acc.Main() {
		parent, err := accounts.ByID(tx, acc.OwnerID)
		if err != nil {
			return c, err
		}
		c.active = parent.Status == Active
	}
	return c, nil
}
