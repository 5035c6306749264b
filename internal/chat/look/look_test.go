package look

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/sid"
)

// world is a service, and somebody who looks into it.
type world struct {
	*Looker
	t       *testing.T
	owner   account.Actor
	service chat.Service
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := bus.NewMemory()
		owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
		rooms := chat.New(chat.Deps{DB: d, Log: event.New(d, b, job.New(d, b), owners, nil), Ring: d.Ring()})
		w := &world{Looker: &Looker{Rooms: rooms, DB: d, Ring: d.Ring()}, t: t}
		w.do(func(tx *db.Tx) error {
			acct, err := db.CreateKeyset(tx)
			if err != nil {
				return err
			}
			w.owner = account.System(acct, sid.New(sid.Account))
			w.service, err = rooms.CreateServiceTx(tx, acct, chat.NewService{FriendlyName: "Support"})
			return err
		})
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.DB.Do(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// as is an actor with a token.
func (w *world) as(role account.Role, identity string) account.Actor {
	return account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: role, Identity: identity, ChatService: w.service.SID}
}

// channel makes a private channel with members.
func (w *world) channel(members ...string) chat.Channel {
	w.t.Helper()
	var ch chat.Channel
	w.do(func(tx *db.Tx) (err error) {
		if ch, err = w.Rooms.CreateChannelTx(tx, w.service, chat.NewChannel{Private: true}); err != nil {
			return err
		}
		for _, m := range members {
			if _, err := w.Rooms.AddMemberTx(tx, &ch, chat.NewMember{Identity: m}); err != nil {
				return err
			}
		}
		return nil
	})
	return ch
}

func ctx() context.Context { return context.Background() }

// want fails unless err carries the code.
func want(t *testing.T, err error, code int) {
	t.Helper()
	if (code != 0 || err != nil) && !fault.HasCode(err, code) {
		t.Errorf("error %v, want code %d", err, code)
	}
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestChannels_byRightAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, bob, eve := w.as(account.RoleVisitor, "ann"), w.as(account.RoleVisitor, "bob"), w.as(account.RoleVisitor, "eve")
		for _, a := range []account.Actor{ann, bob, eve} {
			_, err := w.Enter(ctx(), a)
			want(t, err, 0)
		}
		private, public := w.channel("ann"), chat.Channel{}
		made, err := w.Rooms.CreateChannel(ctx(), ann, w.service.SID, chat.NewChannel{Private: true, UniqueName: "made"})
		want(t, err, 0)
		w.do(func(tx *db.Tx) (err error) {
			public, err = w.Rooms.CreateChannelTx(tx, w.service, chat.NewChannel{UniqueName: "open"})
			return err
		})
		_, err = w.Rooms.CreateInvite(ctx(), w.owner, chat.Place{Channel: string(private.SID)}, chat.NewInvite{Identity: "bob"})
		want(t, err, 0)
		_, _, err = w.Rooms.Send(ctx(), w.owner, private.SID, chat.NewMessage{Author: "ann", Body: "hello"})
		want(t, err, 0)
		boss := w.as(account.RoleSupervisor, "boss")
		stranger := w.as(account.RoleVisitor, "ann")
		stranger.ChatService = sid.New(sid.ChatService)
		all := []sid.SID{private.SID, public.SID, made.SID, sid.New(sid.Channel)}
		for _, tc := range []struct {
			who    account.Actor
			seen   []sid.SID
			inside []sid.SID
		}{
			{ann, []sid.SID{private.SID, public.SID, made.SID}, []sid.SID{private.SID}},
			{bob, []sid.SID{private.SID, public.SID}, nil},
			{eve, []sid.SID{public.SID}, nil},
			{boss, []sid.SID{private.SID, public.SID, made.SID}, []sid.SID{private.SID, public.SID, made.SID}},
		} {
			found, err := w.Channels(ctx(), tc.who, all)
			want(t, err, 0)
			same(t, tc.who.Identity+" sees", len(found), len(tc.seen))
			for _, s := range tc.seen {
				if found[s] == nil || found[s].SID != s || found[s].Inside(tc.who) != slices.Contains(tc.inside, s) {
					t.Errorf("%s: %s is %+v", tc.who.Identity, s, found[s])
				}
			}
			open, err := w.Named(ctx(), tc.who, "open")
			want(t, err, 0)
			hidden, err := w.Named(ctx(), tc.who, "made")
			want(t, err, 0)
			if open == nil || (hidden != nil) != slices.Contains(tc.seen, made.SID) {
				t.Errorf("%s by name: %v, %v", tc.who.Identity, open, hidden)
			}
		}
		found, err := w.Channels(ctx(), ann, all)
		want(t, err, 0)
		if s := found[private.SID]; s.LastAt.IsZero() || s.Head == 0 || s.Mine.Identity != "ann" || s.ServiceSID != w.service.SID {
			t.Errorf("%+v", s)
		}
		if s := found[public.SID]; !s.LastAt.IsZero() || s.Invited {
			t.Errorf("%+v", s)
		}
		_, err = w.Channels(ctx(), stranger, all)
		want(t, err, 20404)
		none, err := w.Named(ctx(), ann, "none")
		if err != nil || none != nil {
			t.Errorf("no name: %v, %v", none, err)
		}
	})
}

func TestChannels_isBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if found, err := w.Channels(ctx(), w.as(account.RoleSupervisor, "boss"), make([]sid.SID, Most+1)); err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
		if found, err := w.Users(ctx(), w.as(account.RoleSupervisor, "boss"), make([]sid.SID, Most+1)); err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
	})
}

func TestPublic_pages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.channel("ann")
		var want5 []sid.SID
		w.do(func(tx *db.Tx) error {
			want5 = nil
			for i := range 5 {
				ch, err := w.Rooms.CreateChannelTx(tx, w.service, chat.NewChannel{UniqueName: fmt.Sprint("open ", i)})
				if err != nil {
					return err
				}
				want5 = append(want5, ch.SID)
			}
			return nil
		})
		var got []sid.SID
		for after := ""; ; {
			list, next, err := w.Public(ctx(), w.as(account.RoleVisitor, "ann"), db.Page{Size: 2, After: after})
			want(t, err, 0)
			for i := range list {
				got = append(got, list[i].SID)
			}
			if after = next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want5) {
			t.Errorf("%v, want %v", got, want5)
		}
	})
}

func TestUsers_sharedChannelsOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.channel("ann", "bob")
		w.channel("eve")
		users := map[string]chat.User{}
		for _, name := range []string{"ann", "bob", "eve"} {
			u, err := w.Rooms.GetUser(ctx(), w.owner, w.service.SID, name)
			want(t, err, 0)
			users[name] = u
		}
		all := []sid.SID{users["ann"].SID, users["bob"].SID, users["eve"].SID, sid.New(sid.User)}
		for who, seen := range map[string][]string{"ann": {"ann", "bob"}, "eve": {"eve"}, "nobody": nil} {
			found, err := w.Users(ctx(), w.as(account.RoleVisitor, who), all)
			want(t, err, 0)
			same(t, who+" sees", len(found), len(seen))
			for _, name := range seen {
				if u := found[users[name].SID]; u == nil || u.Identity != name {
					t.Errorf("%s: %s is %+v", who, name, u)
				}
			}
		}
		found, err := w.Users(ctx(), w.as(account.RoleSupervisor, "boss"), all)
		want(t, err, 0)
		same(t, "boss sees", len(found), 3)
	})
}

func TestEnter_makesTheUserOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, err := w.Enter(ctx(), w.as(account.RoleVisitor, "new"))
		want(t, err, 0)
		again, err := w.Enter(ctx(), w.as(account.RoleVisitor, "new"))
		want(t, err, 0)
		same(t, "user", again.SID, first.SID)
		nobody := w.as(account.RoleVisitor, "")
		_, err = w.Enter(ctx(), nobody)
		want(t, err, 20404)
		foreign := w.as(account.RoleVisitor, "new")
		foreign.ChatService = sid.New(sid.ChatService)
		_, err = w.Enter(ctx(), foreign)
		want(t, err, 20404)
	})
}
