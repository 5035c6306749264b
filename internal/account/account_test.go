package account

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/sid"
)

func benchHouse(tb testing.TB) *house {
	tb.Helper()
	var t *testing.T
	switch tb := tb.(type) {
	case *testing.T:
		t = tb
	default:
		// dbtest wants a *testing.T; benchmarks and fuzzers get a database of their own.
		d, err := openForBench(tb)
		if err != nil {
			tb.Fatal(err)
		}
		a := New(Deps{DB: d})
		setup := must(a.Bootstrap(context.Background(), Spec{KeySID: sid.New(sid.Key)}))(tb)
		return &house{a, setup, System(setup.Account.ID, setup.Account.SID)}
	}
	return open(t, dbtest.SQLite(t))
}

func TestBootstrap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		a := New(Deps{DB: d})
		if _, err := a.MainAccount(ctx); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("main account before the first run: %v", err)
		}
		first := must(a.Bootstrap(ctx, Spec{}))(t)
		if !first.Created || len(first.Account.AuthToken) != 32 || !first.Account.Main() || first.Key.SID != "" {
			t.Errorf("%+v", first)
		}
		again := must(a.Bootstrap(ctx, Spec{}))(t)
		if again.Created || again.Account.SID != first.Account.SID || again.Account.AuthToken != first.Account.AuthToken {
			t.Errorf("%+v", again)
		}
		if m := must(a.MainAccount(ctx))(t); m.SID != first.Account.SID {
			t.Errorf("main account %s", m.SID)
		}
		// Given values win, whenever they are given.
		spec := Spec{
			AccountSID: first.Account.SID, AuthToken: strings.Repeat("a", 32), FriendlyName: "Shop",
			KeySID: sid.New(sid.Key), KeySecret: strings.Repeat("b", 32),
		}
		for range 2 {
			got := must(a.Bootstrap(ctx, spec))(t)
			if got.Created || got.Account.AuthToken != spec.AuthToken || got.Account.FriendlyName != "Shop" ||
				got.Key.SID != spec.KeySID || got.Key.Secret != spec.KeySecret {
				t.Errorf("%+v", got)
			}
			must(a.Authenticate(ctx, string(spec.AccountSID), spec.AuthToken))(t)
			must(a.Authenticate(ctx, string(spec.KeySID), spec.KeySecret))(t)
		}
		old := spec.KeySecret
		spec.KeySecret = strings.Repeat("c", 32)
		must(a.Bootstrap(ctx, spec))(t)
		_, err := a.Authenticate(ctx, string(spec.KeySID), old)
		code(t, err, 20003)
		must(a.Authenticate(ctx, string(spec.KeySID), spec.KeySecret))(t)
		// A second account by name; the main one stays.
		other := must(a.Bootstrap(ctx, Spec{AccountSID: sid.New(sid.Account)}))(t)
		if !other.Created || other.Account.ID == first.Account.ID {
			t.Errorf("%+v", other)
		}
		if m := must(a.MainAccount(ctx))(t); m.SID != first.Account.SID {
			t.Errorf("main account %s", m.SID)
		}
		if _, err := a.Bootstrap(ctx, Spec{AccountSID: other.Account.SID, KeySID: spec.KeySID}); err == nil {
			t.Error("a key of another account went through")
		}
	})
}

func TestBootstrapOfSeveralNodes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		out := make([]Setup, 4)
		for i := range out {
			wg.Go(func() {
				var err error
				if out[i], err = New(Deps{DB: d}).Bootstrap(context.Background(), Spec{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		created := 0
		for _, s := range out {
			if s.Created {
				created++
			}
			if s.Account.SID != out[0].Account.SID {
				t.Errorf("accounts %s and %s", s.Account.SID, out[0].Account.SID)
			}
		}
		if created != 1 {
			t.Errorf("%d accounts were made", created)
		}
	})
}

func TestBootstrapRefuses(t *testing.T) {
	t.Parallel()
	a := New(Deps{})
	for name, s := range map[string]Spec{
		"account": {AccountSID: "AC1"}, "key": {KeySID: "SK1"}, "short token": {AuthToken: "short"},
		"short secret": {KeySID: sid.New(sid.Key), KeySecret: "x"}, "secret alone": {KeySecret: strings.Repeat("x", 32)},
		"long name": {FriendlyName: strings.Repeat("x", 65)},
	} {
		if _, err := a.Bootstrap(t.Context(), s); err == nil {
			t.Errorf("%s went through", name)
		}
	}
}

func TestSubaccounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		sub := must(h.Create(ctx, h.owner, ""))(t)
		named := must(h.Create(ctx, h.owner, "Branch"))(t)
		if !strings.HasPrefix(sub.FriendlyName, "SubAccount Created at 2") || sub.OwnerSID != h.owner.AccountSID || sub.Main() {
			t.Errorf("%+v", sub)
		}
		subOwner := must(h.Authenticate(ctx, string(sub.SID), sub.AuthToken))(t)
		list := func(actor Actor, f Filter, size int) (names []string) {
			t.Helper()
			page := db.Page{Size: size}
			for {
				got := must(h.List(ctx, actor, f, page))(t)
				for _, acc := range got.Items {
					names = append(names, string(acc.SID))
				}
				if page.After = got.Next; got.Next == "" {
					return names
				}
			}
		}
		main := string(h.owner.AccountSID)
		for _, tt := range []struct {
			actor Actor
			f     Filter
			want  []string
		}{
			{h.owner, Filter{}, []string{main, string(sub.SID), string(named.SID)}},
			{h.owner, Filter{FriendlyName: "Branch"}, []string{string(named.SID)}},
			{h.owner, Filter{Status: Closed}, nil},
			{h.owner, Filter{Status: Active, FriendlyName: "Main"}, []string{main}},
			{subOwner, Filter{}, []string{string(sub.SID)}},
		} {
			for _, size := range []int{1, 50} {
				if diff := cmp.Diff(tt.want, list(tt.actor, tt.f, size)); diff != "" {
					t.Errorf("%+v: %s", tt.f, diff)
				}
			}
		}
		// Parents see their subaccounts; nobody sees up or sideways.
		if got := must(h.Get(ctx, h.owner, sub.SID))(t); got.AuthToken != sub.AuthToken {
			t.Error("the parent reads another token")
		}
		for _, s := range []sid.SID{h.owner.AccountSID, named.SID, sid.New(sid.Account)} {
			_, err := h.Get(ctx, subOwner, s)
			code(t, err, 20404)
			_, err = h.As(ctx, subOwner, s)
			code(t, err, 20404)
		}
		_, err := h.Create(ctx, subOwner, "")
		code(t, err, 20403)
		as := must(h.As(ctx, h.owner, sub.SID))(t)
		if as.Account != sub.ID || as.AccountSID != sub.SID || !as.Can(AccountManage) {
			t.Errorf("%+v", as)
		}
		if same := must(h.As(ctx, h.owner, h.owner.AccountSID))(t); same != h.owner {
			t.Errorf("%+v", same)
		}
		_, err = h.As(ctx, Actor{Account: h.owner.Account, AccountSID: h.owner.AccountSID, Role: RoleAdmin}, sub.SID)
		code(t, err, 20404)
	})
}

func TestUpdateAccount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		sub := must(h.Create(ctx, h.owner, "Sub"))(t)
		subOwner := must(h.Authenticate(ctx, string(sub.SID), sub.AuthToken))(t)
		name, long := "Renamed", strings.Repeat("ü", 65)
		got := must(h.Update(ctx, h.owner, h.owner.AccountSID, Change{FriendlyName: &name}))(t)
		if got.FriendlyName != name || must(h.Lookup(ctx, got.SID))(t).FriendlyName != name || must(h.ByID(ctx, got.ID))(t).SID != got.SID {
			t.Errorf("%+v", got)
		}
		_, err := h.Update(ctx, h.owner, h.owner.AccountSID, Change{FriendlyName: &long})
		code(t, err, 20002)
		_, err = h.Create(ctx, h.owner, long)
		code(t, err, 20002)
		status := func(actor Actor, s sid.SID, to Status, want int) {
			t.Helper()
			got, err := h.Update(ctx, actor, s, Change{Status: &to})
			switch {
			case want != 0:
				code(t, err, want)
			case err != nil || got.Status != to:
				t.Errorf("to %s: %+v, %v", to, got, err)
			}
		}
		status(h.owner, h.owner.AccountSID, Suspended, 21477)
		status(h.owner, h.owner.AccountSID, Active, 0) // no change
		status(subOwner, sub.SID, Closed, 21477)
		status(h.owner, sub.SID, "odd", 21475)
		status(h.owner, sub.SID, Suspended, 0)
		status(h.owner, sub.SID, Active, 0)
		status(h.owner, sub.SID, Closed, 0)
		status(h.owner, sub.SID, Active, 21479)
		_, err = h.Lookup(ctx, sid.New(sid.Account))
		code(t, err, 20404)
		if _, err = h.ByID(ctx, 99999); !errors.Is(err, db.ErrNotFound) {
			t.Error(err)
		}
	})
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		key := must(h.CreateKey(ctx, h.owner, "program"))(t)
		if len(key.Secret) != 52 || !sid.Valid(string(key.SID), sid.Key) {
			t.Errorf("%+v", key)
		}
		got := must(h.GetKey(ctx, h.owner, key.SID))(t)
		if got.Secret != "" || got.FriendlyName != "program" {
			t.Errorf("%+v", got)
		}
		got = must(h.RenameKey(ctx, h.owner, key.SID, "other"))(t)
		if got.Secret != "" || got.FriendlyName != "other" {
			t.Errorf("%+v", got)
		}
		must(h.Authenticate(ctx, string(key.SID), key.Secret))(t) // renaming kept the secret
		page := must(h.ListKeys(ctx, h.owner, db.Page{Size: 50}))(t)
		var names []string
		for _, k := range page.Items {
			names = append(names, k.FriendlyName)
			if k.Secret != "" {
				t.Error("a list shows a secret")
			}
		}
		if diff := cmp.Diff([]string{"Main key", "other"}, names); diff != "" {
			t.Error(diff)
		}
		// Another account's keys are not there.
		sub := must(h.Create(ctx, h.owner, ""))(t)
		as := must(h.As(ctx, h.owner, sub.SID))(t)
		_, err := h.GetKey(ctx, as, key.SID)
		code(t, err, 20404)
		_, err = h.RenameKey(ctx, as, key.SID, "x")
		code(t, err, 20404)
		code(t, h.DeleteKey(ctx, as, key.SID), 20404)
		if page := must(h.ListKeys(ctx, as, db.Page{Size: 50}))(t); len(page.Items) != 0 {
			t.Errorf("%+v", page)
		}
		long := strings.Repeat("x", 65)
		_, err = h.CreateKey(ctx, h.owner, long)
		code(t, err, 20002)
		_, err = h.RenameKey(ctx, h.owner, key.SID, long)
		code(t, err, 20002)
	})
}

func TestEverythingAsksForItsGrant(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.owner.AccountSID
		admin := h.owner
		admin.Role = RoleAdmin
		agent := h.owner
		agent.Role, agent.Person = RoleAgent, sid.New(sid.Person)
		forbidden := func(name string, err error) {
			t.Helper()
			if code(t, err, 20403); t.Failed() {
				t.Fatal(name)
			}
		}
		second := func(_ any, err error) error { return err }
		for name, err := range map[string]error{
			"Create":        second(h.Create(ctx, admin, "")),
			"Get":           second(h.Get(ctx, admin, s)),
			"List":          second(h.List(ctx, admin, Filter{}, db.Page{Size: 1})),
			"Update":        second(h.Update(ctx, admin, s, Change{})),
			"Secondary":     second(h.CreateSecondaryToken(ctx, admin, s)),
			"CreateKey":     second(h.CreateKey(ctx, admin, "")),
			"GetKey":        second(h.GetKey(ctx, admin, h.setup.Key.SID)),
			"ListKeys":      second(h.ListKeys(ctx, admin, db.Page{Size: 1})),
			"RenameKey":     second(h.RenameKey(ctx, admin, h.setup.Key.SID, "")),
			"DeleteKey":     h.DeleteKey(ctx, admin, h.setup.Key.SID),
			"CreatePerson":  second(h.CreatePerson(ctx, agent, NewPerson{})),
			"GetPerson":     second(h.GetPerson(ctx, agent, sid.New(sid.Person))),
			"ListPeople":    second(h.ListPeople(ctx, agent, db.Page{Size: 1})),
			"UpdatePerson":  second(h.UpdatePerson(ctx, agent, agent.Person, PersonChange{})),
			"SignOutAll":    h.SignOutAll(ctx, agent, sid.New(sid.Person)),
			"zero actor":    second(h.Get(ctx, Actor{}, s)),
			"unknown role":  second(h.Get(ctx, Actor{Account: 1, Role: "x"}, s)),
			"standard key ": second(h.Get(ctx, Actor{Account: 1, Role: RoleOwner, Key: "SK"}, s)),
		} {
			forbidden(name, err)
		}
		_, _, err := h.NewLink(ctx, agent, agent.Person)
		forbidden("NewLink", err)
	})
}

func TestGrants(t *testing.T) {
	t.Parallel()
	all := grants[RoleOwner]
	want := map[Role]string{
		RoleOwner:      "xxxxxxxxxxxxxxxxx",
		RoleAdmin:      ".xxxxxxxxxxxxxxxx",
		RoleSupervisor: ".x.xx..x.xx.x....",
		RoleAgent:      "...xx..x..x......",
		RoleVisitor:    "...x..x..........",
	}
	for role, marks := range want {
		var got strings.Builder
		for _, g := range all {
			mark := "."
			if (Actor{Account: 1, Role: role}).Can(g) {
				mark = "x"
			}
			got.WriteString(mark)
		}
		if got.String() != marks {
			t.Errorf("%s: %s, want %s", role, got.String(), marks)
		}
	}
	if len(want) != len(grants) || (Actor{Role: RoleOwner}).Can(ChatRead) || !System(1, "AC").Can(AccountManage) || !System(1, "AC").Owner() {
		t.Error("grants")
	}
}

// TestSealed makes sure that what must not be read in the database cannot be.
func TestSealed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		p := h.person(t, "canary@example.com", RoleAgent)
		login := must(h.SignIn(ctx, Credentials{Email: p.Email, Password: password}))(t)
		secret, _, err := h.NewLink(ctx, h.owner, p.SID)
		if err != nil {
			t.Fatal(err)
		}
		canaries := []string{
			h.setup.Account.AuthToken, h.setup.Key.Secret, "canary", password, "argon2id", login.Secret, secret, "Main",
		}
		err = h.db.View(ctx, func(tx *db.Tx) error {
			for _, query := range []string{
				"select doc, sid, status, doc from account", "select doc, sid, sid, doc from account_key",
				"select doc, sid, worker_sid, email_hash from account_person", "select doc, sid, sid, secret_hash from account_session",
				"select doc, sid, sid, secret_hash from account_link",
			} {
				rows, err := tx.Query(query)
				if err != nil {
					return err
				}
				n := 0
				for ; rows.Next(); n++ {
					var doc, extra []byte
					var a, b string
					if err := rows.Scan(&doc, &a, &b, &extra); err != nil {
						return err
					}
					for _, c := range canaries {
						if strings.Contains(string(doc)+a+b+string(extra), c) {
							t.Errorf("%s holds %q", query, c)
						}
					}
				}
				if err := errors.Join(rows.Err(), rows.Close()); err != nil || n == 0 {
					t.Errorf("%s: %d rows, %v", query, n, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
