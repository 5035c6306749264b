package account

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

var noAddress netip.Addr

func TestPeople(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := must(h.CreatePerson(ctx, h.owner, NewPerson{Email: " Ada@Example.COM ", Role: RoleAdmin, Worker: worker}))(t)
		if p.Email != "ada@example.com" || p.Name != p.Email || p.HasPassword() || p.Worker != worker {
			t.Errorf("%+v", p)
		}
		_, err := h.CreatePerson(ctx, h.owner, NewPerson{Email: "ADA@example.com", Role: RoleAgent})
		code(t, err, 20409)
		for _, bad := range []NewPerson{
			{Email: "", Role: RoleAgent},
			{Email: "x", Role: RoleAgent},
			{Email: "Ada <a@b.c>", Role: RoleAgent},
			{Email: strings.Repeat("a", 250) + "@b.cd", Role: RoleAgent},
			{Email: "a@b.c"},
			{Email: "a@b.c", Role: RoleOwner},
			{Email: "a@b.c", Role: RoleVisitor},
			{Email: "a@b.c", Role: RoleAgent, Worker: "WK1"},
			{Email: "a@b.c", Role: RoleAgent, Name: strings.Repeat("x", 257)},
		} {
			_, err := h.CreatePerson(ctx, h.owner, bad)
			code(t, err, 20001)
		}
		found, ok, err := h.FindPerson(ctx, h.owner.Account, "ADA@example.com")
		if err != nil || !ok || found.SID != p.SID {
			t.Errorf("%+v, %v, %v", found, ok, err)
		}
		if _, ok, err := h.FindPerson(ctx, h.owner.Account, "nobody@example.com"); ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		name := "Ada"
		got := must(h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Name: &name}))(t)
		if got.Name != "Ada" || got.Role != RoleAdmin || got.TokenEpoch != p.TokenEpoch {
			t.Errorf("%+v", got)
		}
		me := Actor{Account: h.owner.Account, Role: RoleAgent, Person: p.SID}
		if got := must(h.GetPerson(ctx, me, p.SID))(t); got.Name != "Ada" {
			t.Errorf("%+v", got)
		}
		_, err = h.UpdatePerson(ctx, h.owner, sid.New(sid.Person), PersonChange{})
		code(t, err, 20404)
		bad := Role("king")
		_, err = h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Role: &bad})
		code(t, err, 20001)
		// The same address is free in another account, whose people are not seen here.
		sub := must(h.Create(ctx, h.owner, ""))(t)
		as := must(h.As(ctx, h.owner, sub.SID))(t)
		other := must(h.CreatePerson(ctx, as, NewPerson{Email: p.Email, Role: RoleAgent}))(t)
		_, err = h.GetPerson(ctx, h.owner, other.SID)
		code(t, err, 20404)
		page := must(h.ListPeople(ctx, h.owner, db.Page{Size: 10}))(t)
		if len(page.Items) != 1 || page.Items[0].SID != p.SID {
			t.Errorf("%+v", page)
		}
	})
}

func TestLastAdmin(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		admin := RoleAdmin
		agent, yes, no := RoleAgent, true, false
		a := must(h.CreatePerson(ctx, h.owner, NewPerson{Email: "a@example.com", Role: admin}))(t)
		b := must(h.CreatePerson(ctx, h.owner, NewPerson{Email: "b@example.com", Role: agent}))(t)
		_, err := h.UpdatePerson(ctx, h.owner, a.SID, PersonChange{Role: &agent})
		code(t, err, 20409)
		_, err = h.UpdatePerson(ctx, h.owner, a.SID, PersonChange{Disabled: &yes})
		code(t, err, 20409)
		must(h.UpdatePerson(ctx, h.owner, b.SID, PersonChange{Role: &admin}))(t)
		// Both at once: one of them has to stay.
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, s := range []sid.SID{a.SID, b.SID} {
			wg.Go(func() { _, errs[i] = h.UpdatePerson(context.Background(), h.owner, s, PersonChange{Disabled: &yes}) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("%v, %v", errs[0], errs[1])
		}
		for _, s := range []sid.SID{a.SID, b.SID} {
			must(h.UpdatePerson(ctx, h.owner, s, PersonChange{Disabled: &no}))(t)
		}
	})
}

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.person(t, "boss@example.com", RoleAdmin)
		p := h.person(t, "ada@example.com", RoleAgent)
		fresh := must(h.CreatePerson(ctx, h.owner, NewPerson{Email: "new@example.com", Role: RoleAgent}))(t)
		login := must(h.SignIn(ctx, Credentials{Email: " ADA@example.com", Password: password}))(t)
		if login.Person.SID != p.SID || login.AccountSID != h.owner.AccountSID || len(login.Secret) != 52 || login.Session.ByLink {
			t.Errorf("%+v", login)
		}
		second := must(h.SignIn(ctx, Credentials{Account: h.owner.AccountSID, Email: p.Email, Password: password}))(t)
		if second.Secret == login.Secret || second.Session.SID == login.Session.SID {
			t.Error("a sign-in must make a new session")
		}
		resumed := must(h.Resume(ctx, login.Secret))(t)
		resumed.Secret = login.Secret
		if diff := cmp.Diff(login, resumed, cmp.AllowUnexported(Session{}, Person{})); diff != "" {
			t.Error(diff)
		}
		want := "20003 The e-mail address or the password is wrong"
		for name, c := range map[string]Credentials{
			"wrong password":  {Email: p.Email, Password: "wrong"},
			"no password":     {Email: p.Email},
			"unknown person":  {Email: "nobody@example.com", Password: password},
			"no e-mail":       {Password: password},
			"not set yet":     {Email: fresh.Email, Password: ""},
			"other account":   {Account: sid.New(sid.Account), Email: p.Email, Password: password},
			"endless":         {Email: p.Email, Password: strings.Repeat("x", 1<<20)},
			"hash of a decoy": {Email: "nobody@example.com", Password: string(make([]byte, 32))},
		} {
			if _, err := h.SignIn(ctx, c); err == nil || err.Error() != want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := h.SignOut(ctx, login.Secret); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{login.Secret, "", "x"} {
			_, err := h.Resume(ctx, secret)
			code(t, err, 20003)
		}
		must(h.Resume(ctx, second.Secret))(t)
		disabled := true
		must(h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Disabled: &disabled}))(t)
		_, err := h.Resume(ctx, second.Secret)
		code(t, err, 20003)
		if _, err := h.SignIn(ctx, Credentials{Email: p.Email, Password: password}); err == nil || err.Error() != want {
			t.Errorf("disabled: %v", err)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := h.person(t, "ada@example.com", RoleAdmin)
		signIn := func() Login {
			t.Helper()
			return must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
		}
		// A sign of life moves the end of the idle time, but is not written every time.
		login := signIn()
		h.age(t, "account_session", "seen_at", 11*time.Hour)
		must(h.Resume(ctx, login.Secret))(t)
		h.age(t, "account_session", "seen_at", 11*time.Hour)
		seen := must(h.Resume(ctx, login.Secret))(t).Session.SeenAt
		if again := must(h.Resume(ctx, login.Secret))(t).Session.SeenAt; !again.Equal(seen) {
			t.Errorf("written again after %v", again.Sub(seen))
		}
		h.age(t, "account_session", "seen_at", SessionIdle)
		_, err := h.Resume(ctx, login.Secret)
		code(t, err, 20003)
		// The absolute end.
		login = signIn()
		h.age(t, "account_session", "expires_at", SessionMax)
		_, err = h.Resume(ctx, login.Secret)
		code(t, err, 20003)
		kept := signIn()
		if _, _, err := h.NewLink(ctx, h.owner, p.SID); err != nil {
			t.Fatal(err)
		}
		h.age(t, "account_link", "expires_at", LinkTTL)
		if n := must(h.Sweep(ctx))(t); n != 4 { // three sessions, one of them by the first link, and one link
			t.Errorf("swept %d rows", n)
		}
		must(h.Resume(ctx, kept.Secret))(t)
		if n := must(h.Sweep(ctx))(t); n != 0 {
			t.Errorf("swept %d rows again", n)
		}
	})
}

func TestLinks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.person(t, "boss@example.com", RoleAdmin)
		p := must(h.CreatePerson(ctx, h.owner, NewPerson{Email: "ada@example.com", Role: RoleAgent}))(t)
		link := func() string {
			t.Helper()
			secret, expires, err := h.NewLink(ctx, h.owner, p.SID)
			if err != nil || time.Until(expires) > LinkTTL {
				t.Fatal(expires, err)
			}
			return secret
		}
		refused := func(secret string) {
			t.Helper()
			_, err := h.SignInOnce(ctx, secret, noAddress)
			code(t, err, 20003)
		}
		first, second := link(), link()
		refused(first)
		login := must(h.SignInOnce(ctx, second, noAddress))(t)
		if !login.Session.ByLink || login.Person.SID != p.SID {
			t.Errorf("%+v", login)
		}
		refused(second)
		refused("")
		late := link()
		h.age(t, "account_link", "expires_at", LinkTTL)
		refused(late)
		// One of many wins.
		secret := link()
		var wg sync.WaitGroup
		wins := make([]bool, 6)
		for i := range wins {
			wg.Go(func() {
				_, err := h.SignInOnce(context.Background(), secret, noAddress)
				wins[i] = err == nil
			})
		}
		wg.Wait()
		n := 0
		for _, won := range wins {
			if won {
				n++
			}
		}
		if n != 1 {
			t.Errorf("a link was used %d times", n)
		}
		// Being disabled voids links.
		secret = link()
		yes := true
		must(h.UpdatePerson(ctx, h.owner, p.SID, PersonChange{Disabled: &yes}))(t)
		refused(secret)
		_, _, err := h.NewLink(ctx, h.owner, p.SID)
		code(t, err, 20409)
		_, _, err = h.NewLink(ctx, h.owner, sid.New(sid.Person))
		code(t, err, 20404)
	})
}

func TestSetPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := h.person(t, "ada@example.com", RoleAdmin)
		login := must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
		other := must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
		for _, bad := range []string{"", "short", strings.Repeat("x", 257)} {
			_, err := h.SetPassword(ctx, login.Secret, password, bad, noAddress)
			code(t, err, 20001)
		}
		_, err := h.SetPassword(ctx, login.Secret, "wrong", "a new password", noAddress)
		code(t, err, 20403)
		_, err = h.SetPassword(ctx, login.Secret, strings.Repeat("x", 300), "a new password", noAddress)
		code(t, err, 20403)
		_, err = h.SetPassword(ctx, "no session", password, "a new password", noAddress)
		code(t, err, 20003)
		got := must(h.SetPassword(ctx, login.Secret, password, "a new password", noAddress))(t)
		if got.Person.TokenEpoch == p.TokenEpoch {
			t.Error("access tokens live on")
		}
		must(h.Resume(ctx, login.Secret))(t)
		_, err = h.Resume(ctx, other.Secret)
		code(t, err, 20003)
		_, err = h.SignIn(ctx, Credentials{Email: p.Email, Password: password})
		code(t, err, 20003)
		must(h.SignIn(ctx, Credentials{Email: p.Email, Password: "a new password"}))(t)
		// A link lets set a new one without the old one, for an hour.
		secret, _, err := h.NewLink(ctx, h.owner, p.SID)
		if err != nil {
			t.Fatal(err)
		}
		forgot := must(h.SignInOnce(ctx, secret, noAddress))(t)
		must(h.SetPassword(ctx, forgot.Secret, "", "the third password", noAddress))(t)
		h.age(t, "account_session", "created_at", LinkTTL)
		_, err = h.SetPassword(ctx, forgot.Secret, "", "the fourth password", noAddress)
		code(t, err, 20403)
	})
}

func TestSignOutAll(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := h.person(t, "ada@example.com", RoleAdmin)
		login := must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
		if err := h.SignOutAll(ctx, h.owner, p.SID); err != nil {
			t.Fatal(err)
		}
		_, err := h.Resume(ctx, login.Secret)
		code(t, err, 20003)
		code(t, h.SignOutAll(ctx, h.owner, sid.New(sid.Person)), 20404)
	})
}

func TestSignInBacksOff(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := h.person(t, "ada@example.com", RoleAdmin)
		var err error
		for range freePerPerson + 1 {
			_, err = h.SignIn(ctx, Credentials{Email: p.Email, Password: "wrong"})
			code(t, err, 20003)
		}
		_, err = h.SignIn(ctx, Credentials{Email: p.Email, Password: password})
		code(t, err, 20429)
		if after := fault.Of(err).RetryAfter; after <= 0 || after > time.Minute {
			t.Errorf("wait %v", after)
		}
		must(h.CreatePerson(ctx, h.owner, NewPerson{Email: "b@example.com", Role: RoleAgent}))(t)
		_, err = h.SignIn(ctx, Credentials{Email: "b@example.com", Password: "wrong"})
		code(t, err, 20003) // others are not held up
	})
}

func TestStaleHashIsRenewed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := h.person(t, "ada@example.com", RoleAdmin)
		cheap := cost{memory: 64, passes: 1, threads: 1}
		salt := make([]byte, saltLength)
		sum := must(h.derive(ctx, password, salt, cheap, hashLength))(t)
		err := h.db.Do(ctx, func(tx *db.Tx) error {
			p, err := people.ByID(tx, p.ID)
			if err != nil {
				return err
			}
			p.PasswordHash = cheap.format(salt, sum)
			return people.Update(tx, &p)
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			login := must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
			if !strings.HasPrefix(login.Person.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("hash %s", login.Person.PasswordHash)
			}
		}
	})
}
