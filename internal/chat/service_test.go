package chat

import (
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"

	"github.com/google/go-cmp/cmp"
)

func TestService_defaults(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, err := w.CreateService(ctx(), w.owner, NewService{FriendlyName: "Second"})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "members", s.ChannelMembers, 100)
		same(t, "channels", s.UserChannels, 250)
		same(t, "read status", s.ReadStatus, true)
		same(t, "typing", s.TypingTimeout, 5)
		page, err := w.ListRoles(ctx(), w.owner, s.SID, db.Page{Size: 10})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		bySID := map[sid.SID]string{}
		for _, r := range page.Items {
			got[r.FriendlyName] = string(r.Scope)
			bySID[r.SID] = r.FriendlyName
			same(t, "service", r.ServiceSID, s.SID)
		}
		if diff := cmp.Diff(map[string]string{
			"service admin": "deployment", "service user": "deployment", "channel admin": "channel", "channel user": "channel",
		}, got); diff != "" {
			t.Error(diff)
		}
		same(t, "service role", bySID[s.ServiceRole], "service user")
		same(t, "channel role", bySID[s.ChannelRole], "channel user")
		same(t, "creator role", bySID[s.CreatorRole], "channel admin")

		all, err := w.ListServices(ctx(), w.owner, db.Page{Size: 1})
		if err != nil || len(all.Items) != 1 || all.Next == "" || all.Items[0].SID != w.service.SID {
			t.Errorf("first page %+v %v", all, err)
		}
		all, err = w.ListServices(ctx(), w.owner, db.Page{Size: 1, After: all.Next})
		if err != nil || len(all.Items) != 1 || all.Next != "" || all.Items[0].SID != s.SID {
			t.Errorf("second page %+v %v", all, err)
		}
	})
}

func TestUpdateService(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		role, err := w.CreateRole(ctx(), w.owner, w.service.SID, NewRole{"guest", ScopeChannel, []string{"sendMessage"}})
		want(t, err, 0)
		s, err := w.UpdateService(ctx(), w.owner, w.service.SID, ServiceChange{
			FriendlyName: ptr("New"), ChannelRole: &role.SID, ReadStatus: ptr(false), TypingTimeout: ptr(9), ChannelMembers: ptr(1000),
			PreWebhookURL: ptr("https://example.org/hook"), WebhookMethod: ptr("GET"), WebhookFilters: []string{"onMessageSent"},
			PostRetries: ptr(3), NewMessage: PushChange{Enabled: ptr(true), Template: ptr("new"), Sound: ptr("ping"), Badge: ptr(true)},
		})
		want(t, err, 0)
		got, err := w.GetService(ctx(), w.owner, w.service.SID)
		want(t, err, 0)
		if diff := cmp.Diff(s, got); diff != "" {
			t.Error(diff)
		}
		same(t, "untouched", got.UserChannels, 250)
		same(t, "push", got.NewMessage, PushRules{Enabled: true, Template: "new", Sound: "ping", Badge: true})

		for _, tc := range []struct {
			name   string
			change ServiceChange
			code   int
		}{
			{"empty name", ServiceChange{FriendlyName: ptr("")}, 50000},
			{"long name", ServiceChange{FriendlyName: ptr(strings.Repeat("é", 257))}, 50003},
			{"role of the other scope", ServiceChange{ServiceRole: &role.SID}, 50102},
			{"role that is none", ServiceChange{ChannelRole: ptr(sid.New(sid.Role))}, 50101},
			{"too many members", ServiceChange{ChannelMembers: ptr(1001)}, 50061},
			{"no channels", ServiceChange{UserChannels: ptr(0)}, 50060},
			{"typing", ServiceChange{TypingTimeout: ptr(0)}, 50053},
			{"consumption", ServiceChange{ConsumptionReports: ptr(-1)}, 50052},
			{"retries", ServiceChange{PreRetries: ptr(4)}, 50065},
			{"pre URL", ServiceChange{PreWebhookURL: ptr("ftp://x")}, 50077},
			{"post URL", ServiceChange{PostWebhookURL: ptr("https://" + strings.Repeat("x", 512))}, 50078},
			{"method", ServiceChange{WebhookMethod: ptr("PUT")}, 50055},
			{"filter", ServiceChange{WebhookFilters: []string{"onNothing"}}, 50054},
			{"template", ServiceChange{AddedToChannel: PushChange{Template: ptr(strings.Repeat("x", 3000))}}, 50058},
			{"sound", ServiceChange{InvitedToChannel: PushChange{Sound: ptr(strings.Repeat("x", 300))}}, 50059},
		} {
			if _, err := w.UpdateService(ctx(), w.owner, w.service.SID, tc.change); true {
				t.Log(tc.name)
				want(t, err, tc.code)
			}
		}
		after, err := w.GetService(ctx(), w.owner, w.service.SID)
		want(t, err, 0)
		if diff := cmp.Diff(got, after); diff != "" {
			t.Errorf("a refused change left %s", diff)
		}
		_, err = w.CreateService(ctx(), w.owner, NewService{})
		want(t, err, 50000)
	})
}

func TestService_whoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		agent, elsewhere := w.as(account.RoleAgent, "bob"), w.as(account.RoleAgent, "bob")
		elsewhere.ChatService = sid.New(sid.ChatService)
		stranger := w.owner
		w.do(func(tx *db.Tx) (err error) {
			stranger.Account, err = db.CreateKeyset(tx)
			return err
		})
		_, err := w.GetService(ctx(), agent, w.service.SID)
		want(t, err, 0)
		_, err = w.GetService(ctx(), elsewhere, w.service.SID)
		want(t, err, 20404)
		_, err = w.GetService(ctx(), stranger, w.service.SID)
		want(t, err, 20404)
		_, err = w.UpdateService(ctx(), stranger, w.service.SID, ServiceChange{})
		want(t, err, 20404)
		want(t, w.DeleteService(ctx(), stranger, w.service.SID), 20404)
		_, err = w.UpdateService(ctx(), agent, w.service.SID, ServiceChange{})
		want(t, err, 50107)
		_, err = w.CreateService(ctx(), agent, NewService{FriendlyName: "x"})
		want(t, err, 50107)
		_, err = w.ListServices(ctx(), agent, db.Page{Size: 1})
		want(t, err, 50107)
		want(t, w.DeleteService(ctx(), agent, w.service.SID), 50107)
	})
}

func TestDeleteService_purges(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada", "bob")
		for range 3 {
			w.say(ch, "ada", "x")
		}
		want(t, w.DeleteService(ctx(), w.owner, w.service.SID), 0)
		_, err := w.GetService(ctx(), w.owner, w.service.SID)
		want(t, err, 20404)
		_, err = w.Get(ctx(), w.owner, ch.SID)
		want(t, err, 20404)
		purgeAll(t, w)
		for _, table := range []string{"chat_service", "chat_role", "chat_user", "chat_channel", "chat_member", "chat_message"} {
			same(t, table, count(t, w, table), 0)
		}
	})
}

func purgeAll(t *testing.T, w *world) {
	t.Helper()
	for range 100 {
		more, err := w.Purge(ctx())
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
	t.Fatal("purging does not end")
}

func count(t *testing.T, w *world, table string) int64 {
	t.Helper()
	var n int64
	if err := w.db.View(ctx(), func(tx *db.Tx) error {
		return tx.QueryRow(`select count(*) from ` + table).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRoles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service.SID
		r, err := w.CreateRole(ctx(), w.owner, s, NewRole{"clerk", ScopeChannel, []string{"sendMessage", "leaveChannel", "sendMessage"}})
		want(t, err, 0)
		same(t, "permissions", words(r.Permissions.Names()...), "leaveChannel sendMessage")
		r, err = w.UpdateRole(ctx(), w.owner, s, r.SID, []string{"editOwnMessage"})
		want(t, err, 0)
		got, err := w.GetRole(ctx(), w.owner, s, r.SID)
		want(t, err, 0)
		same(t, "replaced", words(got.Permissions.Names()...), "editOwnMessage")
		same(t, "name", got.FriendlyName, "clerk")

		for _, tc := range []struct {
			name string
			n    NewRole
			code int
		}{
			{"no name", NewRole{"", ScopeChannel, []string{"sendMessage"}}, 50000},
			{"long name", NewRole{strings.Repeat("x", 65), ScopeChannel, []string{"sendMessage"}}, 50003},
			{"no scope", NewRole{"x", "", []string{"sendMessage"}}, 50105},
			{"no permission", NewRole{"x", ScopeChannel, nil}, 20001},
			{"unknown permission", NewRole{"x", ScopeChannel, []string{"fly"}}, 50104},
			{"permission of the other scope", NewRole{"x", ScopeDeployment, []string{"sendMessage"}}, 50104},
		} {
			t.Log(tc.name)
			_, err := w.CreateRole(ctx(), w.owner, s, tc.n)
			want(t, err, tc.code)
		}
		_, err = w.UpdateRole(ctx(), w.owner, s, r.SID, nil)
		want(t, err, 20001)
		agent := w.as(account.RoleAgent, "bob")
		_, err = w.CreateRole(ctx(), agent, s, NewRole{})
		want(t, err, 50107)
		_, err = w.UpdateRole(ctx(), agent, s, r.SID, nil)
		want(t, err, 50107)
		want(t, w.DeleteRole(ctx(), agent, s, r.SID), 50107)

		want(t, w.DeleteRole(ctx(), w.owner, s, w.service.ChannelRole), 20409)
		ch := w.channel()
		_, err = w.AddMember(ctx(), w.owner, w.place(ch), NewMember{Identity: "ada", RoleSID: r.SID})
		want(t, err, 0)
		want(t, w.DeleteRole(ctx(), w.owner, s, r.SID), 20409)
		want(t, w.RemoveMember(ctx(), w.owner, w.place(ch), "ada"), 0)
		want(t, w.DeleteRole(ctx(), w.owner, s, r.SID), 0)
		_, err = w.GetRole(ctx(), w.owner, s, r.SID)
		want(t, err, 20404)
		other, err := w.CreateService(ctx(), w.owner, NewService{FriendlyName: "other"})
		want(t, err, 0)
		_, err = w.GetRole(ctx(), w.owner, other.SID, w.service.ChannelRole)
		want(t, err, 20404)
	})
}
