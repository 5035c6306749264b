package chat

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

func TestMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel()
		p := w.place(ch)
		at := time.Date(2016, 1, 2, 3, 4, 5, 0, time.UTC)
		w.say(ch, "", "x")
		m, err := w.AddMember(ctx(), w.owner, p, NewMember{
			Identity: "ada", FriendlyName: "Ada", Attributes: `{"member_type":"guest"}`, LastRead: ptr[int64](0), LastReadAt: at, DateCreated: at,
		})
		want(t, err, 0)
		same(t, "role", m.RoleSID, w.service.ChannelRole)
		same(t, "kind", m.Kind, Customer)
		same(t, "key", m.Key, w.key)
		same(t, "read at", m.LastReadAt, at)
		same(t, "created", m.CreatedAt, at)
		for _, ref := range []string{string(m.SID), "ada"} {
			got, err := w.GetMember(ctx(), w.owner, p, ref)
			want(t, err, 0)
			same(t, "identity", got.Identity, "ada")
			same(t, "name", got.FriendlyName, "Ada")
			same(t, "read", got.LastRead, 0)
		}
		var data MemberData
		kinds := w.stream(event.Channel, ch.Row, &data)
		same(t, "events", words(kinds...), words(event.MessageAdded, event.MemberAdded))
		u, err := w.GetUser(ctx(), w.owner, w.service.SID, "ada")
		want(t, err, 0)
		if data.SID != m.SID || data.UserSID != u.SID || *data.FriendlyName != "Ada" || *data.LastRead != 0 || data.Kind != Customer {
			t.Errorf("payload %+v", data)
		}
		_, err = w.AddMember(ctx(), w.owner, p, NewMember{Identity: "bob", Kind: Agent})
		want(t, err, 0)
		for _, tc := range []struct {
			name string
			n    NewMember
			code int
		}{
			{"again", NewMember{Identity: "ada"}, 50404},
			{"no identity", NewMember{}, 50204},
			{"identity like a SID", NewMember{Identity: string(sid.New(sid.User))}, 50206},
			{"role of the service", NewMember{Identity: "x", RoleSID: w.service.ServiceRole}, 50101},
			{"attributes", NewMember{Identity: "x", Attributes: `"` + strings.Repeat("x", check.MaxMemberAttributes) + `"`}, 50303},
			{"index", NewMember{Identity: "x", LastRead: ptr[int64](-2)}, 50406},
		} {
			t.Log(tc.name)
			_, err := w.AddMember(ctx(), w.owner, p, tc.n)
			want(t, err, tc.code)
		}
		same(t, "members", w.get(ch).Members, 2)

		page, err := w.ListMembers(ctx(), w.owner, p, nil, db.Page{Size: 1})
		if err != nil || len(page.Items) != 1 || page.Items[0].Identity != "ada" || page.Next == "" {
			t.Errorf("%+v %v", page, err)
		}
		page, err = w.ListMembers(ctx(), w.owner, p, []string{"bob", "nobody"}, db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].Identity != "bob" || page.Items[0].ChannelSID != ch.SID {
			t.Errorf("%+v %v", page, err)
		}
		_, err = w.ListMembers(ctx(), w.owner, p, make([]string, 101), db.Page{Size: 10})
		want(t, err, 20001)
		want(t, w.RemoveMember(ctx(), w.owner, p, string(m.SID)), 0)
		want(t, w.RemoveMember(ctx(), w.owner, p, "ada"), 20404)
		_, err = w.GetMember(ctx(), w.owner, p, "ada")
		want(t, err, 20404)
		same(t, "members", w.get(ch).Members, 1)
	})
}

func TestMembers_limits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.UpdateService(ctx(), w.owner, w.service.SID, ServiceChange{ChannelMembers: ptr(2), UserChannels: ptr(1)})
		want(t, err, 0)
		ch := w.channel()
		var wait sync.WaitGroup
		var mu sync.Mutex
		joined := 0
		for i := range 6 {
			wait.Go(func() {
				_, err := w.AddMember(ctx(), w.owner, w.place(ch), NewMember{Identity: fmt.Sprint("user", i)})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					joined++
				} else if !fault.HasCode(err, 50403) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		same(t, "joined", joined, 2)
		same(t, "members", w.get(ch).Members, 2)
		page, err := w.ListMembers(ctx(), w.owner, w.place(ch), nil, db.Page{Size: 1})
		want(t, err, 0)
		_, err = w.AddMember(ctx(), w.owner, w.place(w.channel()), NewMember{Identity: page.Items[0].Identity})
		want(t, err, 50208)
	})
}

func TestMembers_whoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		private := w.channel("ada")
		public, err := w.CreateChannel(ctx(), w.owner, w.service.SID, NewChannel{})
		want(t, err, 0)
		add := func(a account.Actor, ch Channel, n NewMember) error {
			_, err := w.AddMember(ctx(), a, w.place(ch), n)
			return err
		}
		ada, bob := w.as(account.RoleVisitor, "ada"), w.as(account.RoleAgent, "bob")
		want(t, add(bob, private, NewMember{Identity: "bob"}), 20404)
		want(t, add(bob, public, NewMember{Identity: "eve"}), 20404)
		want(t, add(bob, public, NewMember{Identity: "bob"}), 0)
		want(t, add(bob, public, NewMember{Identity: "bob"}), 50404)
		got, err := w.GetMember(ctx(), w.owner, w.place(public), "bob")
		want(t, err, 0)
		same(t, "kind", got.Kind, Agent)
		want(t, add(bob, public, NewMember{Identity: "eve"}), 50107)
		want(t, add(w.as(account.RoleSupervisor, "sue"), private, NewMember{Identity: "sue"}), 50107)
		want(t, add(ada, public, NewMember{Identity: "ada"}), 0)

		change := func(a account.Actor, ref string, c MemberChange) error {
			_, err := w.UpdateMember(ctx(), a, w.place(public), ref, c)
			return err
		}
		want(t, change(ada, "ada", MemberChange{Attributes: ptr("{}")}), 0)
		want(t, change(ada, "ada", MemberChange{LastRead: ptr[int64](0)}), 0)
		want(t, change(ada, "ada", MemberChange{Muted: ptr(true)}), 0)
		want(t, change(ada, "bob", MemberChange{Attributes: ptr("{}")}), 50107)
		want(t, change(ada, "bob", MemberChange{LastRead: ptr[int64](0)}), 50107)
		want(t, change(ada, "ada", MemberChange{RoleSID: &w.service.CreatorRole}), 50205)
		want(t, change(ada, "ada", MemberChange{DateCreated: time.Unix(1, 0)}), 50107)
		want(t, change(w.owner, "ada", MemberChange{RoleSID: &w.service.CreatorRole}), 0)
		want(t, change(ada, "bob", MemberChange{Attributes: ptr("{}")}), 0)
		want(t, add(ada, public, NewMember{Identity: "eve", RoleSID: w.service.CreatorRole}), 50107)
		want(t, add(ada, public, NewMember{Identity: "eve"}), 0)

		remove := func(a account.Actor, ref string) error { return w.RemoveMember(ctx(), a, w.place(public), ref) }
		want(t, remove(bob, "eve"), 50107)
		want(t, remove(bob, "bob"), 0)
		want(t, remove(ada, "eve"), 0)
		want(t, remove(bob, "bob"), 20404)
		_, err = w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ServiceRole, []string{"createChannel"})
		want(t, err, 0)
		want(t, add(bob, public, NewMember{Identity: "bob"}), 50107)
	})
}

func TestUpdateMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		at := time.Date(2016, 1, 2, 3, 4, 5, 0, time.UTC)
		m, err := w.UpdateMember(ctx(), w.owner, w.place(ch), "ada", MemberChange{
			Attributes: ptr(`{"a":1}`), LastRead: ptr[int64](3), LastReadAt: at, DateCreated: at, DateUpdated: at.Add(time.Hour),
		})
		want(t, err, 0)
		same(t, "created", m.CreatedAt, at)
		same(t, "read at", m.LastReadAt, at)
		m, err = w.UpdateMember(ctx(), w.owner, w.place(ch), "ada", MemberChange{LastReadAt: at.Add(time.Minute)})
		want(t, err, 0)
		same(t, "read at", m.LastReadAt, at.Add(time.Minute))
		m, err = w.UpdateMember(ctx(), w.owner, w.place(ch), "ada", MemberChange{LastRead: ptr[int64](-1)})
		want(t, err, 0)
		if m.read() != nil || !m.LastReadAt.IsZero() {
			t.Errorf("no horizon: %+v", m)
		}
		_, err = w.UpdateMember(ctx(), w.owner, w.place(ch), "ada", MemberChange{RoleSID: &w.service.ServiceRole})
		want(t, err, 50101)
		got, err := w.GetMember(ctx(), w.owner, w.place(ch), "ada")
		want(t, err, 0)
		same(t, "attributes", string(got.Attributes), `{"a":1}`)
	})
}

func TestRemoveMemberTx(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		w.do(func(tx *db.Tx) error {
			for i := range 2 {
				was, err := w.RemoveMemberTx(tx, &ch, "ada")
				if err != nil {
					return err
				}
				same(t, "was a member", was, i == 0)
				same(t, "members", ch.Members, 0)
			}
			return nil
		})
	})
}

func TestJoin_thePrivateChannelThatOneMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann, eve := w.as(account.RoleVisitor, "ann"), w.as(account.RoleVisitor, "eve")
		ch, err := w.CreateChannel(ctx(), ann, w.service.SID, NewChannel{Private: true})
		want(t, err, 0)
		_, err = w.AddMember(ctx(), eve, w.place(ch), NewMember{Identity: "eve"})
		want(t, err, 20404)
		_, err = w.AddMember(ctx(), w.as(account.RoleSupervisor, "boss"), w.place(ch), NewMember{Identity: "boss"})
		want(t, err, 50107)
		m, err := w.AddMember(ctx(), ann, w.place(ch), NewMember{Identity: "ann"})
		want(t, err, 0)
		same(t, "role", m.RoleSID, w.service.CreatorRole)
	})
}
