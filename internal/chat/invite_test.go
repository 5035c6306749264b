package chat

import (
	"slices"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

func TestInvite_toJoin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		bob := w.as(account.RoleAgent, "bob")
		_, err := w.CreateInvite(ctx(), w.owner, w.place(ch), NewInvite{Identity: "bob"})
		want(t, err, 20404) // nobody's identity
		_, err = w.CreateUser(ctx(), w.owner, w.service.SID, NewUser{Identity: "bob"})
		want(t, err, 0)
		_, err = w.AddMember(ctx(), bob, w.place(ch), NewMember{Identity: "bob"})
		want(t, err, 20404)

		i, err := w.CreateInvite(ctx(), w.owner, w.place(ch), NewInvite{Identity: "bob", RoleSID: w.service.CreatorRole})
		want(t, err, 0)
		if i.CreatedBy != System || i.RoleSID != w.service.CreatorRole || i.ChannelSID != ch.SID || i.ServiceSID != w.service.SID {
			t.Errorf("%+v", i)
		}
		for _, tc := range []struct {
			name string
			n    NewInvite
			code int
		}{
			{"again", NewInvite{Identity: "bob"}, 50212},
			{"a member", NewInvite{Identity: "ada"}, 50404},
			{"nobody", NewInvite{}, 50204},
			{"a role of the service", NewInvite{Identity: "eve", RoleSID: w.service.ServiceRole}, 20404},
		} {
			t.Log(tc.name)
			_, err := w.CreateInvite(ctx(), w.owner, w.place(ch), tc.n)
			want(t, err, tc.code)
		}

		// An invited user knows the channel, and nothing of what is in it.
		_, err = w.GetChannel(ctx(), bob, w.place(ch))
		want(t, err, 0)
		_, err = w.History(ctx(), bob, ch.SID, nil, 10)
		want(t, err, 20404)
		_, err = w.Members(ctx(), bob, ch.SID)
		want(t, err, 20404)
		_, err = w.GetInvite(ctx(), bob, w.place(ch), "bob")
		want(t, err, 0)
		_, err = w.ListInvites(ctx(), bob, w.place(ch), nil, db.Page{Size: 5})
		want(t, err, 20404)
		page, err := w.ListInvites(ctx(), w.owner, w.place(ch), []string{"bob", "eve"}, db.Page{Size: 5})
		want(t, err, 0)
		same(t, "invites", len(page.Items), 1)

		uc, err := w.GetUserChannel(ctx(), bob, w.service.SID, "bob", string(ch.SID))
		want(t, err, 0)
		d := uc.Data()
		if d.Status != StatusInvited || d.MemberSID != nil || d.Unread != nil || d.Notification != NotifyDefault {
			t.Errorf("%+v", d)
		}
		_, err = w.UpdateUserChannel(ctx(), bob, w.service.SID, "bob", string(ch.SID), UserChannelChange{LastRead: ptr[int64](0)})
		want(t, err, 50400)
		want(t, w.DeleteRole(ctx(), w.owner, w.service.SID, w.service.CreatorRole), 20409)

		m, err := w.AddMember(ctx(), bob, w.place(ch), NewMember{Identity: "bob"})
		want(t, err, 0)
		same(t, "role", m.RoleSID, w.service.CreatorRole)
		same(t, "rows", count(t, w, "chat_invite"), 0)
		want(t, w.DeleteInvite(ctx(), bob, w.place(ch), "bob"), 50602)
		u, err := w.GetUser(ctx(), w.owner, w.service.SID, "bob")
		want(t, err, 0)
		same(t, "kinds", kinds(w, u.ID), event.UserChannelAdded+" "+event.UserChannelUpdated)
	})
}

// kinds are the events of a user's stream.
func kinds(w *world, user int64) string {
	var list []string
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Stream.Kind == event.User && e.Stream.ID == user {
			list = append(list, e.Kind)
		}
	}
	return strings.Join(list, " ")
}

func TestInvite_ends(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, identity := range []string{"bob", "eve"} {
			_, err := w.CreateUser(ctx(), w.owner, w.service.SID, NewUser{Identity: identity})
			want(t, err, 0)
		}
		ch := w.channel("ada")
		invite := func(identity string) {
			t.Helper()
			_, err := w.CreateInvite(ctx(), w.owner, w.place(ch), NewInvite{Identity: identity})
			want(t, err, 0)
		}
		bob, ada := w.as(account.RoleAgent, "bob"), w.as(account.RoleVisitor, "ada")
		invite("bob")
		invite("eve")
		want(t, w.DeleteInvite(ctx(), bob, w.place(ch), "eve"), 20404) // another's is not there for the invited
		want(t, w.DeleteInvite(ctx(), ada, w.place(ch), "eve"), 50107)
		want(t, w.DeleteInvite(ctx(), bob, w.place(ch), "bob"), 0)
		_, err := w.GetChannel(ctx(), bob, w.place(ch))
		want(t, err, 20404)
		want(t, w.DeleteInvite(ctx(), w.owner, w.place(ch), "bob"), 20404)
		invite("bob")
		want(t, w.LeaveUserChannel(ctx(), bob, w.service.SID, "bob", string(ch.SID)), 0)
		invite("bob")
		want(t, w.DeleteUser(ctx(), w.owner, w.service.SID, "bob"), 0)
		same(t, "of a user that is gone", count(t, w, "chat_invite"), 1)
		want(t, w.DeleteChannel(ctx(), w.owner, w.place(ch)), 0)
		same(t, "of a channel that is gone", count(t, w, "chat_invite"), 0)
		u, err := w.GetUser(ctx(), w.owner, w.service.SID, "eve")
		want(t, err, 0)
		same(t, "eve hears of it", kinds(w, u.ID), event.UserChannelAdded+" "+event.UserChannelRemoved)
	})
}

func TestListUserChannels_joinedThenInvited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var all []string
		for range 3 {
			all = append(all, string(w.channel("ada").SID))
		}
		for range 3 {
			ch := w.channel()
			_, err := w.CreateInvite(ctx(), w.owner, w.place(ch), NewInvite{Identity: "ada"})
			want(t, err, 0)
			all = append(all, string(ch.SID))
		}
		for size := 1; size <= 7; size++ {
			var got []string
			page := db.Page{Size: size}
			for {
				list, err := w.ListUserChannels(ctx(), w.owner, w.service.SID, "ada", page)
				want(t, err, 0)
				if len(list.Items) > size {
					t.Fatalf("%d items on a page of %d", len(list.Items), size)
				}
				for _, uc := range list.Items {
					got = append(got, string(uc.Channel.SID))
				}
				if list.Next == "" {
					break
				}
				page.After = list.Next
			}
			if !slices.Equal(got, all) {
				t.Errorf("pages of %d: %v, want %v", size, got, all)
			}
		}
	})
}

func TestPublicChannels_areKnown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		public, err := w.CreateChannel(ctx(), w.owner, w.service.SID, NewChannel{})
		want(t, err, 0)
		_, err = w.CreateUser(ctx(), w.owner, w.service.SID, NewUser{Identity: "bob"})
		want(t, err, 0)
		bob := w.as(account.RoleAgent, "bob")
		_, err = w.GetChannel(ctx(), bob, w.place(public))
		want(t, err, 0)
		_, err = w.History(ctx(), bob, public.SID, nil, 1)
		want(t, err, 20404)
		bob.ChatService = "IS00000000000000000000000000000000"
		_, err = w.GetChannel(ctx(), bob, w.place(public))
		want(t, err, 20404)
	})
}

type online map[string]bool

func (o online) Online(_ int64, _ sid.SID, identity string) bool { return o[identity] }

func TestReach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.presence = online{"ada": true}
		w.channel("ada", "bob")
		for _, identity := range []string{"ada", "bob"} {
			u, err := w.GetUser(ctx(), w.owner, w.service.SID, identity)
			want(t, err, 0)
			if u.Reach != nil {
				t.Errorf("%+v while the service keeps no reachability", u.Reach)
			}
		}
		_, err := w.UpdateService(ctx(), w.owner, w.service.SID, ServiceChange{Reachability: ptr(true)})
		want(t, err, 0)
		page, err := w.ListUsers(ctx(), w.owner, w.service.SID, db.Page{Size: 5})
		want(t, err, 0)
		for _, u := range page.Items {
			same(t, u.Identity, *u.Reach, Reach{Online: u.Identity == "ada"})
		}
	})
}

func TestActionsPerSecond(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := New(Deps{DB: w.db, Log: w.log, Ring: w.ring, ActionsPerSecond: 3})
		ch, other := w.channel("ada"), w.channel("ada")
		sent := 0
		var err error
		for sent < 100 && err == nil { // slower than three a second nobody is
			_, _, err = c.Send(ctx(), w.owner, ch.SID, NewMessage{Body: "x"})
			sent++
		}
		want(t, err, 50063)
		if sent < 4 || fault.Of(err).RetryAfter == 0 {
			t.Errorf("%d messages, %v", sent, err)
		}
		_, err = c.UpdateMember(ctx(), w.owner, w.place(other), "ada", MemberChange{Attributes: ptr("{}")})
		want(t, err, 0)
		for range 5 {
			_, err = c.GetChannel(ctx(), w.owner, w.place(other)) // reading is not counted
			want(t, err, 0)
		}
	})
}
