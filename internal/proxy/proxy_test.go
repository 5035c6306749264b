package proxy

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/proxy/geo"
	"usher/internal/sid"
)

// owned is what the accounts of a test own, by account and address.
type owned map[int64]map[string]Owned

func (o owned) OwnedTx(_ *db.Tx, acct int64, s sid.SID, address string) (Owned, error) {
	for _, n := range o[acct] {
		if s == n.SID || s == "" && address == n.Address {
			return n, nil
		}
	}
	return Owned{}, fmt.Errorf("number: %w", db.ErrNotFound)
}

func (o owned) MaskTx(_ *db.Tx, acct int64, number, _ sid.SID) error {
	for _, n := range o[acct] {
		if n.SID == number {
			return nil
		}
	}
	return fmt.Errorf("number: %w", db.ErrNotFound)
}

// world is an account and another one, and what they own.
type world struct {
	*Proxy
	t            *testing.T
	own          owned
	owner, other account.Actor
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t, own: owned{}}
		w.Proxy = New(Deps{DB: d, Numbers: w.own})
		for _, a := range []*account.Actor{&w.owner, &w.other} {
			w.do(func(tx *db.Tx) error {
				id, err := db.CreateKeyset(tx)
				*a = account.System(id, sid.New(sid.Account))
				return err
			})
		}
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// owns gives the owner a number.
func (w *world) owns(address string) Owned {
	prefix := sid.PhoneNumber
	if shortCode(address) {
		prefix = sid.ShortCode
	}
	n := Owned{SID: sid.New(prefix), Address: address, Capabilities: Capabilities{SMS: true}}
	if w.own[w.owner.Account] == nil {
		w.own[w.owner.Account] = map[string]Owned{}
	}
	w.own[w.owner.Account][address] = n
	return n
}

func (w *world) service(c ServiceChange) Service {
	w.t.Helper()
	if c.UniqueName == nil {
		c.UniqueName = new("pool " + string(sid.New(sid.ProxyService)))
	}
	s, err := w.CreateService(w.t.Context(), w.owner, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// pool makes a service with numbers.
func (w *world) pool(c ServiceChange, addresses ...string) Service {
	w.t.Helper()
	s := w.service(c)
	for _, a := range addresses {
		w.owns(a)
		if _, err := w.AddNumber(w.t.Context(), w.owner, string(s.SID), NewNumber{Address: a, Short: shortCode(a)}); err != nil {
			w.t.Fatal(err)
		}
	}
	return s
}

func (w *world) session(s Service, in NewSession) Session {
	w.t.Helper()
	v, err := w.CreateSession(w.t.Context(), w.owner, string(s.SID), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) join(v Session, in NewParticipant) (Participant, error) {
	return w.AddParticipant(w.t.Context(), w.owner, string(v.Service), string(v.SID), in)
}

// as is another actor of the owner's account.
func (w *world) as(role account.Role) account.Actor {
	return account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: role, Identity: string(role)}
}

func want(t *testing.T, what string, err error, code int) {
	t.Helper()
	if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

const (
	ann    = "+12125550101"
	bob    = "+12125550102"
	carol  = "+12125550103"
	first  = "+12125550901"
	second = "+12125550902"
	room   = "CH0123456789abcdef0123456789abcdef"
)

func TestService_rules(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.service(ServiceChange{UniqueName: new("Shop")})
		if s.GeoMatch != geo.Country || s.Selection != PreferSticky || s.DefaultTTL != 0 || s.AccountSID != w.owner.AccountSID {
			t.Errorf("defaults: %+v", s)
		}
		for _, row := range []struct {
			name string
			c    ServiceChange
			code int
		}{
			{"no name", ServiceChange{UniqueName: new(" ")}, 20001},
			{"a name that is a SID", ServiceChange{UniqueName: new(string(sid.New(sid.ProxyService)))}, 20001},
			{"a long name", ServiceChange{UniqueName: new(strings.Repeat("ü", 192))}, 20001},
			{"the longest name", ServiceChange{UniqueName: new(strings.Repeat("ü", 191))}, 0},
			{"a taken name", ServiceChange{UniqueName: new("Shop")}, 80602},
			{"a negative time", ServiceChange{UniqueName: new("a"), DefaultTTL: new(int64(-1))}, 20001},
			{"an endless time", ServiceChange{UniqueName: new("a"), DefaultTTL: new(int64(1 << 40))}, 20001},
			{"no address", ServiceChange{UniqueName: new("a"), Callback: new("ftp://example.com")}, 20001},
			{"no address", ServiceChange{UniqueName: new("a"), Intercept: new("example")}, 20001},
			{"a long address", ServiceChange{UniqueName: new("a"), OutOfSession: new("https://example.com/" + strings.Repeat("x", 4000))}, 20001},
			{"no level", ServiceChange{UniqueName: new("a"), GeoMatch: new(geo.Level("planet"))}, 20001},
			{"no selection", ServiceChange{UniqueName: new("a"), Selection: new(Selection("any"))}, 20001},
			{"no chat service", ServiceChange{UniqueName: new("a"), ChatService: new(sid.SID("ISx"))}, 20001},
			{"a chat service", ServiceChange{UniqueName: new("a"), ChatService: new(sid.SID("IS0123456789abcdef0123456789abcdef"))}, 0},
			{"its second", ServiceChange{UniqueName: new("b"), ChatService: new(sid.SID("IS0123456789abcdef0123456789abcdef"))}, 20001},
		} {
			_, err := w.CreateService(ctx, w.owner, row.c)
			want(t, row.name, err, row.code)
		}
		got, err := w.UpdateService(ctx, w.owner, "Shop", ServiceChange{DefaultTTL: new(int64(60)), Callback: new("https://example.com/x")})
		if err != nil || got.DefaultTTL != 60 || got.UniqueName != "Shop" || got.Callback == "" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err = w.Service(ctx, w.owner, string(s.SID)); err != nil || got.DefaultTTL != 60 {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = w.UpdateService(ctx, w.owner, "Shop", ServiceChange{UniqueName: new(strings.Repeat("ü", 191))})
		want(t, "renamed to a taken name", err, 80602)
		page, err := w.Services(ctx, w.owner, db.Page{Size: 10})
		if err != nil || len(page.Items) != 3 {
			t.Errorf("%d services, %v", len(page.Items), err)
		}
	})
}

func TestNumber_pool(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		name, other := string(s.SID), w.service(ServiceChange{})
		n := w.own[w.owner.Account][first].SID
		add := func(in NewNumber) error { _, err := w.AddNumber(ctx, w.owner, name, in); return err }
		want(t, "nothing", add(NewNumber{}), 20001)
		want(t, "a stranger's SID", add(NewNumber{SID: sid.New(sid.PhoneNumber)}), 80301)
		want(t, "a stranger's number", add(NewNumber{Address: "+4930123456"}), 80601)
		want(t, "a number twice", add(NewNumber{SID: n}), 80104)
		_, err := w.AddNumber(ctx, w.owner, string(other.SID), NewNumber{Address: first})
		want(t, "another service's number", err, 80104)
		code := w.owns("44444")
		want(t, "a short code as a number", add(NewNumber{SID: code.SID}), 80301)
		want(t, "a short code", add(NewNumber{SID: code.SID, Short: true}), 0)
		want(t, "a short code twice", add(NewNumber{SID: code.SID, Short: true}), 80105)
		want(t, "a number as a short code", add(NewNumber{SID: n, Short: true}), 80303)
		two := w.owns(second)
		want(t, "SID and another address", add(NewNumber{SID: two.SID, Address: first}), 80301)
		want(t, "by its SID", add(NewNumber{SID: two.SID, Reserved: true}), 0)

		page, err := w.Numbers(ctx, w.owner, name, false, db.Page{Size: 10})
		if err != nil || len(page.Items) != 2 || page.Items[0].Country != "US" || page.Items[0].SID != n || !page.Items[1].Reserved {
			t.Fatalf("%+v, %v", page.Items, err)
		}
		if page, err = w.Numbers(ctx, w.owner, name, true, db.Page{Size: 10}); err != nil || len(page.Items) != 1 || page.Items[0].Country != "" {
			t.Errorf("%+v, %v", page.Items, err)
		}
		_, err = w.Number(ctx, w.owner, name, true, n)
		want(t, "a number among the short codes", err, 20404)
		_, err = w.Number(ctx, w.owner, string(other.SID), false, n)
		want(t, "in another service", err, 20404)

		v := w.session(s, NewSession{Participants: []NewParticipant{{Identifier: ann}, {Identifier: bob}}})
		got, err := w.Number(ctx, w.owner, name, false, n)
		if err != nil || got.InUse != 1 {
			t.Errorf("in use %d, %v", got.InUse, err)
		}
		want(t, "removing a number in use", w.RemoveNumber(ctx, w.owner, name, false, n), 80611)
		if got, err = w.ReserveNumber(ctx, w.owner, name, false, n, new(true)); err != nil || !got.Reserved || got.InUse != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := w.UpdateSession(ctx, w.owner, name, string(v.SID), SessionChange{Status: Closed}); err != nil {
			t.Fatal(err)
		}
		want(t, "removing a number", w.RemoveNumber(ctx, w.owner, name, false, n), 0)
		want(t, "and again", w.RemoveNumber(ctx, w.owner, name, false, n), 20404)
		want(t, "adding it again", add(NewNumber{Address: first}), 0)
	})
}

func TestNumber_poolIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service(ServiceChange{})
		w.do(func(tx *db.Tx) error {
			for i := range freeMost {
				n := Number{Row: db.Row{SID: sid.New(sid.PhoneNumber), Account: s.Account}, service: s.ID, addressHash: fmt.Append(nil, i)}
				if err := numbers.Insert(tx, &n); err != nil {
					return err
				}
			}
			return nil
		})
		n := w.owns(first)
		_, err := w.AddNumber(t.Context(), w.owner, string(s.SID), NewNumber{SID: n.SID})
		want(t, "one too many", err, 80622)
		_, err = w.AddNumber(t.Context(), w.owner, string(s.SID), NewNumber{SID: n.SID, Reserved: true})
		want(t, "a reserved one", err, 0)
		_, err = w.ReserveNumber(t.Context(), w.owner, string(s.SID), false, n.SID, new(false))
		want(t, "no longer reserved", err, 80622)
	})
}

// Nobody sees or touches another account's things, and only those who may touch one's own.
func TestForeign(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{UniqueName: new("Shop")}, first)
		v := w.session(s, NewSession{UniqueName: "order", Mode: MessageOnly, Participants: []NewParticipant{{Identifier: ann}, {Identifier: bob}}})
		people, err := w.Participants(ctx, w.owner, "Shop", "order", db.Page{Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		who, number := people.Items[0].SID, w.own[w.owner.Account][first].SID
		var i Interaction
		w.do(func(tx *db.Tx) error {
			svc, ssn, p, err := w.TellTx(tx, w.owner.Account, "Shop", "order", who, "hi")
			if err != nil || svc.ID != s.ID {
				return err
			}
			i, err = w.RecordTx(tx, &ssn, NewInteraction{Body: "hi", Outbound: Side{Participant: who, Resource: "SM1"}, Told: &p})
			return err
		})
		type call struct {
			name string
			do   func(a account.Actor) error
		}
		service, session := string(s.SID), string(v.SID)
		none := func(_ any, err error) error { return err }
		reads := []call{
			{"service", func(a account.Actor) error { return none(w.Service(ctx, a, service)) }},
			{"service by name", func(a account.Actor) error { return none(w.Service(ctx, a, "Shop")) }},
			{"numbers", func(a account.Actor) error { return none(w.Numbers(ctx, a, service, false, db.Page{Size: 5})) }},
			{"number", func(a account.Actor) error { return none(w.Number(ctx, a, service, false, number)) }},
			{"sessions", func(a account.Actor) error { return none(w.Sessions(ctx, a, service, db.Page{Size: 5})) }},
			{"session", func(a account.Actor) error { return none(w.Session(ctx, a, service, session)) }},
			{"participants", func(a account.Actor) error { return none(w.Participants(ctx, a, service, session, db.Page{Size: 5})) }},
			{"participant", func(a account.Actor) error { return none(w.Participant(ctx, a, service, session, who)) }},
			{"interactions", func(a account.Actor) error { return none(w.Interactions(ctx, a, service, session, db.Page{Size: 5})) }},
			{"interaction", func(a account.Actor) error { return none(w.Interaction(ctx, a, service, session, i.SID)) }},
			{"message interactions", func(a account.Actor) error {
				return none(w.MessageInteractions(ctx, a, service, session, who, db.Page{Size: 5}))
			}},
			{"message interaction", func(a account.Actor) error { return none(w.MessageInteraction(ctx, a, service, session, who, i.SID)) }},
		}
		writes := []call{
			{"update service", func(a account.Actor) error { return none(w.UpdateService(ctx, a, service, ServiceChange{})) }},
			{"delete service", func(a account.Actor) error { return w.DeleteService(ctx, a, service) }},
			{"add number", func(a account.Actor) error { return none(w.AddNumber(ctx, a, service, NewNumber{SID: number})) }},
			{"reserve number", func(a account.Actor) error { return none(w.ReserveNumber(ctx, a, service, false, number, new(true))) }},
			{"remove number", func(a account.Actor) error { return w.RemoveNumber(ctx, a, service, false, number) }},
			{"create session", func(a account.Actor) error { return none(w.CreateSession(ctx, a, service, NewSession{})) }},
			{"update session", func(a account.Actor) error {
				return none(w.UpdateSession(ctx, a, service, session, SessionChange{Status: Closed}))
			}},
			{"delete session", func(a account.Actor) error { return w.DeleteSession(ctx, a, service, session) }},
			{"add participant", func(a account.Actor) error {
				return none(w.AddParticipant(ctx, a, service, session, NewParticipant{Identifier: carol}))
			}},
			{"remove participant", func(a account.Actor) error { return w.RemoveParticipant(ctx, a, service, session, who) }},
			{"delete interaction", func(a account.Actor) error { return w.DeleteInteraction(ctx, a, service, session, i.SID) }},
		}
		for _, c := range append(reads, writes...) {
			want(t, c.name+" of another account", c.do(w.other), 20404)
			want(t, c.name+" by an agent", c.do(w.as(account.RoleAgent)), 20403)
			want(t, c.name+" by a visitor", c.do(w.as(account.RoleVisitor)), 20403)
			want(t, c.name+" by nobody", c.do(account.Actor{}), 20403)
		}
		for _, c := range reads {
			want(t, c.name+" by an admin", c.do(w.as(account.RoleAdmin)), 0)
		}
		page, err := w.Services(ctx, w.other, db.Page{Size: 5})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("another account lists %d services, %v", len(page.Items), err)
		}
		_, err = w.CreateService(ctx, w.other, ServiceChange{UniqueName: new("Shop")})
		want(t, "the same name in another account", err, 0)
		// A service of the other account does not open this one's sessions.
		_, err = w.Session(ctx, w.other, "Shop", session)
		want(t, "another service's session", err, 20404)
		w.do(func(tx *db.Tx) error {
			if _, found, err := w.RouteTx(tx, w.other.Account, first, ann); err != nil || found {
				t.Errorf("another account's route: %v, %v", found, err)
			}
			if _, changed, err := w.FollowTx(tx, w.other.Account, "SM1", "sent"); err != nil || changed {
				t.Errorf("another account's receipt: %v, %v", changed, err)
			}
			return nil
		})
	})
}
