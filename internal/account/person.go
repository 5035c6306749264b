package account

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Person is someone who signs in to the desk.
type Person struct {
	db.Row
	Worker sid.SID // WK…: who the person is to TaskRouter; may be empty
	// TokenEpoch is written into the person's access tokens; counting it up
	// makes those that exist worthless.
	TokenEpoch int64
	emailHash  []byte
	PersonDetails
}

// PersonDetails is what is sealed of a person.
type PersonDetails struct {
	Email        string // lower case
	Name         string
	Role         Role // admin, supervisor or agent
	PasswordHash string
	Disabled     bool
}

// HasPassword reports whether the person can sign in by password.
func (p *Person) HasPassword() bool { return p.PasswordHash != "" }

// Identity returns the person's chat identity.
func (p *Person) Identity() string { return IdentityOf(p.Email) }

// IdentityOf returns the chat identity of an e-mail address: every byte that is
// not an ASCII letter or digit becomes an underscore and two hexadecimal digits
// in upper case, as in the contact_uri of recorded workers ("." is "_2E").
func IdentityOf(email string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(email) {
		c := email[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('_')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// NewPerson is what a person is made of.
type NewPerson struct {
	Email  string
	Name   string // empty: the e-mail address
	Role   Role
	Worker sid.SID
}

// PersonChange is a change to a person; nil leaves a field as it is.
type PersonChange struct {
	Name     *string
	Role     *Role
	Worker   *sid.SID
	Disabled *bool
}

func personPath(s sid.SID) string { return "/People/" + string(s) }

// Bounds of a person's fields, in bytes and characters.
const (
	maxEmail = 254 // RFC 5321
	maxName  = 256
)

// normalEmail returns the one form of an address, or "" where it is none.
func normalEmail(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > maxEmail {
		return ""
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || parsed.Name != "" {
		return ""
	}
	return s
}

func (p *Person) check() error {
	switch {
	case p.Email == "":
		return fault.Invalid("The e-mail address is not valid")
	case utf8.RuneCountInString(p.Name) > maxName || !utf8.ValidString(p.Name):
		return fault.Invalid("The name is longer than %d characters", maxName)
	case !p.Role.staff():
		return fault.Invalid("The role must be admin, supervisor or agent")
	case p.Worker != "" && !sid.Valid(string(p.Worker), sid.Worker):
		return fault.Invalid("The worker is not a worker SID")
	}
	return nil
}

// CreatePerson adds a person to the actor's account. Nobody can sign in as them
// before a one-time link was made (NewLink). An address that is taken is 409.
func (a *Accounts) CreatePerson(ctx context.Context, actor Actor, n NewPerson) (Person, error) {
	if err := demand(actor, PeopleManage); err != nil {
		return Person{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Person, error) { return a.CreatePersonTx(tx, actor.Account, n) })
}

// CreatePersonTx is CreatePerson within a transaction, without a grant.
func (a *Accounts) CreatePersonTx(tx *db.Tx, account int64, n NewPerson) (Person, error) {
	email := normalEmail(n.Email)
	p := Person{
		Row:           db.Row{SID: sid.New(sid.Person), Account: account},
		Worker:        n.Worker,
		PersonDetails: PersonDetails{Email: email, Name: strings.TrimSpace(n.Name), Role: n.Role},
	}
	if p.Name == "" {
		p.Name = email
	}
	if err := p.check(); err != nil {
		return Person{}, err
	}
	var err error
	if p.emailHash, err = emailHash(tx, account, email); err != nil {
		return Person{}, err
	}
	_, err = people.One(tx, "account_id = $1 and email_hash = $2", account, p.emailHash)
	if !errors.Is(err, db.ErrNotFound) {
		if err == nil {
			err = fault.Conflict("A person with this e-mail address exists already")
		}
		return Person{}, err
	}
	if err := people.Insert(tx, &p); err != nil {
		if errors.Is(err, db.ErrConflict) {
			err = fault.Conflict("A person with this e-mail address exists already").With(err)
		}
		return Person{}, err
	}
	return p, nil
}

func emailHash(tx *db.Tx, account int64, email string) ([]byte, error) {
	return tx.DB().Ring().Blind(account, "person e-mail", email)
}

// GetPerson returns a person of the actor's account. Everybody may read
// themselves; the others take people.manage.
func (a *Accounts) GetPerson(ctx context.Context, actor Actor, s sid.SID) (Person, error) {
	if actor.Person == "" || actor.Person != s {
		if err := demand(actor, PeopleManage); err != nil {
			return Person{}, err
		}
	}
	return read(ctx, a.db, func(tx *db.Tx) (Person, error) {
		p, err := people.Get(tx, actor.Account, s)
		return p, missing(err, personPath(s))
	})
}

// FindPerson returns the person of an account with an e-mail address, in any
// case; ok is false where there is none.
func (a *Accounts) FindPerson(ctx context.Context, account int64, email string) (p Person, ok bool, err error) {
	p, err = read(ctx, a.db, func(tx *db.Tx) (Person, error) { return personByEmail(tx, account, normalEmail(email)) })
	if errors.Is(err, db.ErrNotFound) {
		return Person{}, false, nil
	}
	return p, err == nil, err
}

func personByEmail(tx *db.Tx, account int64, email string) (Person, error) {
	hash, err := emailHash(tx, account, email)
	if err != nil {
		return Person{}, err
	}
	return people.One(tx, "account_id = $1 and email_hash = $2", account, hash)
}

// ListPeople returns the people of the actor's account, the oldest first.
func (a *Accounts) ListPeople(ctx context.Context, actor Actor, page db.Page) (db.PageOf[Person], error) {
	if err := demand(actor, PeopleManage); err != nil {
		return db.PageOf[Person]{}, err
	}
	return read(ctx, a.db, func(tx *db.Tx) (db.PageOf[Person], error) {
		return people.Page(tx, page, "account_id = $1", actor.Account)
	})
}

// UpdatePerson changes a person. Their access tokens end where the role changes
// or the person is disabled, their sessions too in the latter case. The last
// admin who can sign in stays one: 409.
func (a *Accounts) UpdatePerson(ctx context.Context, actor Actor, s sid.SID, ch PersonChange) (Person, error) {
	if err := demand(actor, PeopleManage); err != nil {
		return Person{}, err
	}
	return write(ctx, a.db, func(tx *db.Tx) (Person, error) { return a.UpdatePersonTx(tx, actor.Account, s, ch) })
}

// UpdatePersonTx is UpdatePerson within a transaction, without a grant.
func (a *Accounts) UpdatePersonTx(tx *db.Tx, account int64, s sid.SID, ch PersonChange) (Person, error) {
	// Changes of one account's people wait for each other, for the sake of the last admin.
	if _, err := accounts.ByIDForUpdate(tx, account); err != nil {
		return Person{}, err
	}
	p, err := people.ForUpdate(tx, account, s)
	if err != nil {
		return Person{}, missing(err, personPath(s))
	}
	before := p.PersonDetails
	set(&p.Name, ch.Name)
	set(&p.Role, ch.Role)
	set(&p.Worker, ch.Worker)
	set(&p.Disabled, ch.Disabled)
	if err := p.check(); err != nil {
		return Person{}, err
	}
	if before.admin() && !p.admin() {
		if err := another(tx, &p); err != nil {
			return Person{}, err
		}
	}
	if p.Role != before.Role || p.Disabled != before.Disabled {
		p.TokenEpoch++
	}
	if p.Disabled {
		if _, err := tx.Exec("delete from account_session where person_id = $1", p.ID); err != nil {
			return Person{}, fmt.Errorf("sessions of %s: %w", p.SID, err)
		}
		if _, err := tx.Exec("delete from account_link where person_id = $1", p.ID); err != nil {
			return Person{}, fmt.Errorf("links of %s: %w", p.SID, err)
		}
	}
	a.changed(tx)
	return p, people.Update(tx, &p)
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

func (d *PersonDetails) admin() bool { return d.Role == RoleAdmin && !d.Disabled }

// another makes sure that there is an admin beside p.
func another(tx *db.Tx, p *Person) error {
	all, err := people.Find(tx, "account_id = $1", p.Account)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID != p.ID && all[i].admin() {
			return nil
		}
	}
	return fault.Conflict("This is the last admin who can sign in")
}

// standing is what access tokens of a person are measured against.
type standing struct {
	role   Role
	worker sid.SID
	epoch  int64
	out    bool // disabled, or there is no such person
}

func (a *Accounts) standing(ctx context.Context, account int64, s sid.SID, now time.Time) (standing, error) {
	generation := a.generation.Load()
	if st, ok := a.standings.get(s, now, generation); ok {
		return st, nil
	}
	p, err := read(ctx, a.db, func(tx *db.Tx) (Person, error) { return people.Get(tx, account, s) })
	if errors.Is(err, db.ErrNotFound) {
		return standing{out: true}, nil
	}
	if err != nil {
		return standing{}, err
	}
	st := standing{role: p.Role, worker: p.Worker, epoch: p.TokenEpoch, out: p.Disabled}
	a.standings.put(s, st, now.Add(staleAfter), generation)
	return st, nil
}

// stand fits a person's actor to what the person is now.
func (a *Accounts) stand(ctx context.Context, actor Actor, now time.Time) (Actor, error) {
	st, err := a.standing(ctx, actor.Account, actor.Person, now)
	switch {
	case err != nil:
		return Actor{}, err
	case st.out:
		return Actor{}, fault.New(20006, "")
	case st.epoch != actor.Epoch:
		return Actor{}, fault.New(codeTokenExpired, "")
	}
	actor.Role = st.role
	if st.worker != "" {
		actor.Worker = st.worker
	}
	return actor, nil
}

// Recheck reports whether the access token or key that the actor authenticated
// with is still good, for connections that outlive a request: nil, or the error
// that authenticating again would give. It sees changes made on other nodes
// within staleAfter.
func (a *Accounts) Recheck(ctx context.Context, actor Actor) error {
	now := time.Now()
	if !actor.Expires.IsZero() && !now.Before(actor.Expires) {
		return fault.New(codeTokenExpired, "")
	}
	name := actor.Key
	if name == "" {
		name = actor.AccountSID
	}
	c, err := a.credential(ctx, name, now)
	switch {
	case err != nil:
		return err
	case c.account == 0:
		return fault.New(codeTokenIssuer, "")
	case !c.active:
		return fault.New(20005, "")
	case actor.Person == "":
		return nil
	}
	_, err = a.stand(ctx, actor, now)
	return err
}
