package chat

import (
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/sid"

	"github.com/google/go-cmp/cmp"
)

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service.SID
		u, err := w.CreateUser(ctx(), w.owner, s, NewUser{Identity: "ada@example.org", FriendlyName: "Ada", Attributes: `{"vip":true}`})
		want(t, err, 0)
		same(t, "role", u.RoleSID, w.service.ServiceRole)
		for _, ref := range []string{string(u.SID), "ada@example.org"} {
			got, err := w.GetUser(ctx(), w.owner, s, ref)
			want(t, err, 0)
			if diff := cmp.Diff(u, got, cmp.AllowUnexported(User{})); diff != "" {
				t.Error(diff)
			}
		}
		_, err = w.CreateUser(ctx(), w.owner, s, NewUser{Identity: "ada@example.org"})
		want(t, err, 50201)
		_, err = w.GetUser(ctx(), w.owner, s, "Ada@example.org")
		want(t, err, 20404)
		for _, tc := range []struct {
			name string
			n    NewUser
			code int
		}{
			{"no identity", NewUser{}, 50204},
			{"identity like a SID", NewUser{Identity: string(sid.New(sid.User))}, 50206},
			{"long identity", NewUser{Identity: strings.Repeat("x", 257)}, 50207},
			{"long name", NewUser{Identity: "x", FriendlyName: strings.Repeat("x", 257)}, 50003},
			{"attributes", NewUser{Identity: "x", Attributes: "{"}, 50304},
			{"role", NewUser{Identity: "x", RoleSID: w.service.ChannelRole}, 50102},
		} {
			t.Log(tc.name)
			_, err := w.CreateUser(ctx(), w.owner, s, tc.n)
			want(t, err, tc.code)
		}
		page, err := w.ListUsers(ctx(), w.owner, s, db.Page{Size: 10})
		want(t, err, 0)
		same(t, "users", len(page.Items), 1)

		u, err = w.UpdateUser(ctx(), w.owner, s, "ada@example.org", UserChange{FriendlyName: ptr("Countess"), Attributes: ptr(`[1]`)})
		want(t, err, 0)
		var data UserData
		same(t, "events", words(w.stream(event.User, u.Row, &data)...), event.UserUpdated)
		same(t, "name", *data.FriendlyName, "Countess")
		same(t, "attributes", string(data.Attributes), "[1]")
	})
}

func TestUsers_whoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service.SID
		w.channel("ada", "bob")
		w.channel("eve")
		ada := w.as(account.RoleVisitor, "ada")
		get := func(a account.Actor, ref string) error {
			_, err := w.GetUser(ctx(), a, s, ref)
			return err
		}
		want(t, get(ada, "ada"), 0)
		want(t, get(ada, "bob"), 0) // shares a channel
		want(t, get(ada, "eve"), 20404)
		want(t, get(w.as(account.RoleSupervisor, "sue"), "eve"), 0)
		want(t, get(w.as(account.RoleVisitor, "nobody"), "eve"), 20404)

		change := UserChange{FriendlyName: ptr("x")}
		_, err := w.UpdateUser(ctx(), ada, s, "ada", change)
		want(t, err, 0)
		_, err = w.UpdateUser(ctx(), ada, s, "bob", change)
		want(t, err, 50107)
		_, err = w.UpdateUser(ctx(), ada, s, "eve", change)
		want(t, err, 20404)
		_, err = w.UpdateUser(ctx(), ada, s, "ada", UserChange{RoleSID: &w.service.ServiceRole})
		want(t, err, 50205)
		_, err = w.CreateUser(ctx(), ada, s, NewUser{Identity: "new"})
		want(t, err, 50107)
		_, err = w.ListUsers(ctx(), ada, s, db.Page{Size: 1})
		want(t, err, 50107)
		want(t, w.DeleteUser(ctx(), ada, s, "ada"), 50107)
		_, err = w.ListUserChannels(ctx(), ada, s, "bob", db.Page{Size: 1})
		want(t, err, 20404)

		// A role in the service counts in every channel of its user.
		admin := adminRole(t, w)
		_, err = w.UpdateUser(ctx(), w.owner, s, "ada", UserChange{RoleSID: &admin})
		want(t, err, 0)
		_, err = w.UpdateUser(ctx(), ada, s, "bob", change)
		want(t, err, 0)
	})
}

func adminRole(t *testing.T, w *world) sid.SID {
	t.Helper()
	page, err := w.ListRoles(ctx(), w.owner, w.service.SID, db.Page{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items[0].SID
}

func TestDeleteUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, two := w.channel("ada", "bob"), w.channel("ada")
		m := w.say(one, "ada", "stays")
		u, err := w.GetUser(ctx(), w.owner, w.service.SID, "ada")
		want(t, err, 0)
		same(t, "channels", u.Channels, 2)
		want(t, w.DeleteUser(ctx(), w.owner, w.service.SID, "ada"), 0)
		same(t, "members", w.get(one).Members, 1)
		same(t, "members", w.get(two).Members, 0)
		var data MemberData
		kinds := w.stream(event.Channel, two.Row, &data)
		same(t, "events", words(kinds...), words(event.MemberAdded, event.MemberRemoved))
		if data.Identity != "ada" || data.DateRemoved == nil {
			t.Errorf("payload %+v", data)
		}
		got, err := w.GetMessage(ctx(), w.owner, w.place(one), m.SID)
		want(t, err, 0)
		same(t, "author", got.Author, "ada")
		want(t, w.DeleteUser(ctx(), w.owner, w.service.SID, "ada"), 20404)
		// The identity may come back, as somebody new with a stream of its own.
		again := w.channel("ada")
		v, err := w.GetUser(ctx(), w.owner, w.service.SID, "ada")
		want(t, err, 0)
		if v.SID == u.SID || v.ID == u.ID {
			t.Error("a new user has an old name")
		}
		same(t, "members", again.Members, 1)
	})
}

func TestEnsureUserTx(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(tx *db.Tx) error {
			a, created, err := w.EnsureUserTx(tx, w.service, NewUser{Identity: "ada", FriendlyName: "Ada", Key: w.key})
			if err != nil || !created || a.Key != w.key {
				t.Errorf("%+v %v %v", a, created, err)
			}
			b, created, err := w.EnsureUserTx(tx, w.service, NewUser{Identity: "ada", FriendlyName: "Other"})
			if err != nil || created || b.SID != a.SID || b.FriendlyName != "Ada" {
				t.Errorf("%+v %v %v", b, created, err)
			}
			return w.UpdateUserTx(tx, w.service, &b, UserChange{FriendlyName: ptr("Third")})
		})
		u, err := w.GetUser(ctx(), w.owner, w.service.SID, "ada")
		want(t, err, 0)
		same(t, "name", u.FriendlyName, "Third")
	})
}

func TestUserChannels(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, two := w.channel("ada"), w.channel("ada", "bob")
		s, ada := w.service.SID, w.as(account.RoleVisitor, "ada")
		for range 3 {
			w.say(one, "bob", "x")
		}
		page, err := w.ListUserChannels(ctx(), ada, s, "ada", db.Page{Size: 10})
		want(t, err, 0)
		if len(page.Items) != 2 || page.Items[0].Channel.SID != one.SID || page.Items[1].Channel.SID != two.SID {
			t.Fatalf("%+v", page)
		}
		uc := page.Items[0]
		same(t, "status", uc.Status, "joined")
		same(t, "level", uc.Notification(), "default")
		if uc.Unread() != nil {
			t.Error("unread without a horizon")
		}
		uc, err = w.UpdateUserChannel(ctx(), ada, s, "ada", string(one.SID), UserChannelChange{LastRead: ptr[int64](0), Notification: ptr("muted")})
		want(t, err, 0)
		same(t, "unread", *uc.Unread(), 2)
		same(t, "level", uc.Notification(), "muted")
		u, err := w.GetUser(ctx(), w.owner, s, "ada")
		want(t, err, 0)
		var data UserChannelData
		same(t, "events", words(w.stream(event.User, u.Row, &data)...),
			words(event.UserChannelAdded, event.UserChannelAdded, event.UserChannelUpdated))
		same(t, "unread in the event", *data.Unread, 2)
		same(t, "level in the event", data.Notification, "muted")

		_, err = w.UpdateUserChannel(ctx(), ada, s, "ada", string(one.SID), UserChannelChange{Notification: ptr("loud")})
		want(t, err, 50210)
		_, err = w.GetUserChannel(ctx(), w.owner, s, "bob", string(one.SID))
		want(t, err, 20404)
		_, err = w.GetUserChannel(ctx(), w.owner, s, "nobody", string(one.SID))
		want(t, err, 20404)
		want(t, w.LeaveUserChannel(ctx(), ada, s, "ada", string(one.SID)), 0)
		_, err = w.GetUserChannel(ctx(), w.owner, s, "ada", string(one.SID))
		want(t, err, 20404)
		same(t, "members", w.get(one).Members, 0)
		w.stream(event.User, u.Row, &data)
		if data.Status != "notParticipating" || data.DateRemoved == nil || data.ChannelSID != one.SID {
			t.Errorf("payload %+v", data)
		}
	})
}
