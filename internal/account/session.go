package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// How long a sign-in lasts.
const (
	SessionIdle = 12 * time.Hour      // without a sign of life
	SessionMax  = 30 * 24 * time.Hour // in any case
	LinkTTL     = time.Hour           // of a one-time link

	seenEvery = 5 * time.Minute // how exactly signs of life are written down
)

// Session is a sign-in to the desk. The browser holds its secret in a cookie;
// the database holds the secret's hash.
type Session struct {
	db.Row
	PersonID   int64
	ByLink     bool // began with a one-time link
	SeenAt     time.Time
	ExpiresAt  time.Time
	secretHash []byte
}

// alive reports whether the session is good at now.
func (s *Session) alive(now time.Time) bool {
	return now.Before(s.ExpiresAt) && now.Before(s.SeenAt.Add(SessionIdle))
}

// Login is a session with who it is for.
type Login struct {
	Secret     string // for the cookie; only a new session has one
	Session    Session
	Person     Person
	AccountSID sid.SID
}

// Credentials are what a person types in. Account may be empty: then the address
// is looked for in every account.
type Credentials struct {
	Account  sid.SID
	Email    string
	Password string
	Address  netip.Addr // of the browser, for the backoff
}

// link is a one-time link.
type link struct {
	db.Row
	personID   int64
	secretHash []byte
	expiresAt  time.Time
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// wrongCredentials is the one answer to every failed sign-in.
func wrongCredentials() error {
	return fault.New(fault.CodeUnauthenticated, "The e-mail address or the password is wrong")
}

// SignIn begins a session by e-mail address and password. Every failure is the
// same 401 and takes the same time, whether the person exists or not. After a
// few failures it is 429 with a time to wait.
func (a *Accounts) SignIn(ctx context.Context, c Credentials) (Login, error) {
	email := normalEmail(c.Email)
	try, wait := a.failures.begin(digest(string(c.Account), email), c.Address, time.Now())
	if wait > 0 {
		return Login{}, fault.TooMany(wait)
	}
	if len(c.Password) > MaxPassword {
		c.Password = "" // hash something of a bounded length
	}
	p, err := a.findForSignIn(ctx, c.Account, email)
	if err != nil {
		return Login{}, err
	}
	hash := p.PasswordHash
	if hash == "" || p.Disabled {
		hash = decoy
	}
	ok, stale, err := a.verifyPassword(ctx, c.Password, hash)
	if err != nil {
		return Login{}, err
	}
	if !ok || p.ID == 0 || p.Disabled {
		return Login{}, wrongCredentials()
	}
	renewed := ""
	if stale {
		if renewed, err = a.hashPassword(ctx, c.Password); err != nil {
			return Login{}, err
		}
	}
	login, err := write(ctx, a.db, func(tx *db.Tx) (Login, error) {
		p, err := people.ByIDForUpdate(tx, p.ID)
		if err != nil {
			return Login{}, err
		}
		if p.Disabled || p.PasswordHash != hash {
			return Login{}, wrongCredentials() // changed since it was checked
		}
		if renewed != "" {
			p.PasswordHash = renewed
			if err := people.Update(tx, &p); err != nil {
				return Login{}, err
			}
		}
		return beginSession(tx, p, false)
	})
	if err != nil {
		return Login{}, err
	}
	try.succeeded()
	return login, nil
}

// findForSignIn returns the person with an address, or the zero Person. Without
// an account the first one that knows the address wins.
func (a *Accounts) findForSignIn(ctx context.Context, account sid.SID, email string) (Person, error) {
	return read(ctx, a.db, func(tx *db.Tx) (Person, error) {
		ids, err := accountsWithPeople(tx, account)
		if err != nil {
			return Person{}, err
		}
		for _, id := range ids {
			p, err := personByEmail(tx, id, email)
			if errors.Is(err, db.ErrNotFound) {
				continue
			}
			return p, err
		}
		return Person{}, nil
	})
}

// accountsWithPeople returns the keys of the active accounts where somebody can
// sign in; account narrows it to one.
func accountsWithPeople(tx *db.Tx, account sid.SID) ([]int64, error) {
	rows, err := tx.Query("select id from account where status = $1 and (sid = $2 or $2 = '')"+
		" and exists (select 1 from account_person p where p.account_id = account.id) order by id limit 1000",
		string(Active), string(account))
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err = rows.Scan(&id); err != nil {
			break
		}
		ids = append(ids, id)
	}
	return ids, errors.Join(err, rows.Err(), rows.Close())
}

// beginSession makes a session with a new secret.
func beginSession(tx *db.Tx, p Person, byLink bool) (Login, error) {
	acc, err := accounts.ByID(tx, p.Account)
	if err != nil {
		return Login{}, err
	}
	if acc.Status != Active {
		return Login{}, wrongCredentials()
	}
	secret := randomSecret()
	s := Session{
		Row:        db.Row{SID: sid.New(sid.Session), Account: p.Account},
		PersonID:   p.ID,
		ByLink:     byLink,
		SeenAt:     tx.Now,
		ExpiresAt:  tx.Now.Add(SessionMax),
		secretHash: hashSecret(secret),
	}
	if err := sessions.Insert(tx, &s); err != nil {
		return Login{}, err
	}
	return Login{Secret: secret, Session: s, Person: p, AccountSID: acc.SID}, nil
}

// Resume returns the session of a secret: 401 where there is none, or it is
// over, or its person was disabled.
func (a *Accounts) Resume(ctx context.Context, secret string) (Login, error) {
	now := time.Time{}
	login, err := read(ctx, a.db, func(tx *db.Tx) (Login, error) {
		now = tx.Now
		return resume(tx, secret)
	})
	if err != nil {
		return Login{}, err
	}
	if now.Sub(login.Session.SeenAt) < seenEvery {
		return login, nil
	}
	login.Session.SeenAt = now
	err = a.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update account_session set seen_at = $1 where id = $2 and seen_at < $1", db.Micros(now), login.Session.ID)
		return err
	})
	if err != nil {
		return Login{}, fmt.Errorf("session %s: %w", login.Session.SID, err)
	}
	return login, nil
}

func resume(tx *db.Tx, secret string) (Login, error) {
	s, err := sessions.One(tx, "secret_hash = $1", hashSecret(secret))
	if errors.Is(err, db.ErrNotFound) || err == nil && !s.alive(tx.Now) {
		return Login{}, fault.Unauthenticated()
	}
	if err != nil {
		return Login{}, err
	}
	p, err := people.ByID(tx, s.PersonID)
	if err != nil {
		return Login{}, err
	}
	acc, err := accounts.ByID(tx, s.Account)
	if err != nil {
		return Login{}, err
	}
	if p.Disabled || acc.Status != Active {
		return Login{}, fault.Unauthenticated()
	}
	return Login{Session: s, Person: p, AccountSID: acc.SID}, nil
}

// SignOut ends a session. An unknown secret is no error.
func (a *Accounts) SignOut(ctx context.Context, secret string) error {
	return a.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("delete from account_session where secret_hash = $1", hashSecret(secret))
		return err
	})
}

// SignOutAll ends every session and every access token of a person.
func (a *Accounts) SignOutAll(ctx context.Context, actor Actor, s sid.SID) error {
	if actor.Person == "" || actor.Person != s {
		if err := demand(actor, PeopleManage); err != nil {
			return err
		}
	}
	return a.db.Do(ctx, func(tx *db.Tx) error {
		p, err := people.ForUpdate(tx, actor.Account, s)
		if err != nil {
			return missing(err, personPath(s))
		}
		p.TokenEpoch++
		if _, err := tx.Exec("delete from account_session where person_id = $1", p.ID); err != nil {
			return fmt.Errorf("sessions of %s: %w", p.SID, err)
		}
		a.changed(tx)
		return people.Update(tx, &p)
	})
}

// SetPassword changes the password of a session's person and ends their other
// sessions and their access tokens. current is needed unless there is no
// password yet or the session began with a one-time link within the last hour.
func (a *Accounts) SetPassword(ctx context.Context, secret, current, password string, addr netip.Addr) (Login, error) {
	login, err := a.Resume(ctx, secret)
	if err != nil {
		return Login{}, err
	}
	p := login.Person
	if err := checkPassword(password, p.Email); err != nil {
		return Login{}, err
	}
	fresh := login.Session.ByLink && time.Since(login.Session.CreatedAt) < LinkTTL
	if p.HasPassword() && !fresh {
		if err := a.confirm(ctx, &p, current, addr); err != nil {
			return Login{}, err
		}
	}
	hash, err := a.hashPassword(ctx, password)
	if err != nil {
		return Login{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Login, error) {
		now, err := people.ByIDForUpdate(tx, p.ID)
		if err != nil {
			return Login{}, err
		}
		if now.PasswordHash != p.PasswordHash || now.Disabled {
			return Login{}, fault.Conflict("The person was changed meanwhile")
		}
		now.PasswordHash = hash
		now.TokenEpoch++
		if err := people.Update(tx, &now); err != nil {
			return Login{}, err
		}
		if _, err := tx.Exec("delete from account_session where person_id = $1 and id <> $2", p.ID, login.Session.ID); err != nil {
			return Login{}, fmt.Errorf("sessions of %s: %w", p.SID, err)
		}
		a.changed(tx)
		return Login{Session: login.Session, Person: now, AccountSID: login.AccountSID}, nil
	})
}

// confirm checks a person's present password, with the backoff of signing in.
func (a *Accounts) confirm(ctx context.Context, p *Person, password string, addr netip.Addr) error {
	try, wait := a.failures.begin(digest("confirm", string(p.SID)), addr, time.Now())
	if wait > 0 {
		return fault.TooMany(wait)
	}
	if len(password) > MaxPassword {
		password = ""
	}
	ok, _, err := a.verifyPassword(ctx, password, p.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Forbidden("The current password is wrong")
	}
	try.succeeded()
	return nil
}

// NewLink makes a one-time link for a person and returns its secret. Links made
// for them before are void.
func (a *Accounts) NewLink(ctx context.Context, actor Actor, s sid.SID) (secret string, expires time.Time, err error) {
	if err := demand(actor, PeopleManage); err != nil {
		return "", time.Time{}, err
	}
	err = a.db.Do(ctx, func(tx *db.Tx) error {
		p, err := people.ForUpdate(tx, actor.Account, s)
		if err != nil {
			return missing(err, personPath(s))
		}
		if p.Disabled {
			return fault.Conflict("The person is disabled")
		}
		if _, err := tx.Exec("delete from account_link where person_id = $1", p.ID); err != nil {
			return fmt.Errorf("links of %s: %w", p.SID, err)
		}
		secret, expires = randomSecret(), tx.Now.Add(LinkTTL)
		return links.Insert(tx, &link{
			Row:        db.Row{SID: sid.New(sid.OneTimeLink), Account: actor.Account},
			personID:   p.ID,
			secretHash: hashSecret(secret),
			expiresAt:  expires,
		})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return secret, expires, nil
}

// SignInOnce begins a session by the secret of a one-time link, which is void
// from then on. The person can set a password without knowing the present one.
func (a *Accounts) SignInOnce(ctx context.Context, secret string, addr netip.Addr) (Login, error) {
	try, wait := a.failures.begin([32]byte{}, addr, time.Now())
	if wait > 0 {
		return Login{}, fault.TooMany(wait)
	}
	login, err := write(ctx, a.db, func(tx *db.Tx) (Login, error) {
		used := func(err error) error {
			if err == nil || errors.Is(err, db.ErrNotFound) {
				return fault.New(fault.CodeUnauthenticated, "The link has been used or is out of date")
			}
			return err
		}
		l, err := links.One(tx, "secret_hash = $1", hashSecret(secret))
		if err != nil || !tx.Now.Before(l.expiresAt) {
			return Login{}, used(err)
		}
		if err := links.Delete(tx, &l); err != nil {
			return Login{}, used(err)
		}
		p, err := people.ByID(tx, l.personID)
		if err != nil || p.Disabled {
			return Login{}, used(err)
		}
		return beginSession(tx, p, true)
	})
	if err != nil {
		return Login{}, err
	}
	try.succeeded()
	return login, nil
}

// Sweep removes sessions and links that are over and returns how many.
func (a *Accounts) Sweep(ctx context.Context) (int64, error) {
	return write(ctx, a.db, func(tx *db.Tx) (int64, error) {
		n, err := tx.Exec("delete from account_session where expires_at <= $1 or seen_at <= $2",
			db.Micros(tx.Now), db.Micros(tx.Now.Add(-SessionIdle)))
		if err != nil {
			return 0, fmt.Errorf("sessions: %w", err)
		}
		m, err := tx.Exec("delete from account_link where expires_at <= $1", db.Micros(tx.Now))
		if err != nil {
			return 0, fmt.Errorf("links: %w", err)
		}
		return n + m, nil
	})
}
