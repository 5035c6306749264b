package push_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/sid"
)

// world is a service of an account, and its user ada.
type world struct {
	*push.Push
	chat    *chat.Chat
	owner   account.Actor
	ada     account.Actor
	service sid.SID
}

func newWorld(t *testing.T, d *db.DB) world {
	t.Helper()
	b := bus.NewMemory()
	owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
	c := chat.New(chat.Deps{DB: d, Log: event.New(d, b, job.New(d, b), owners, nil), Ring: d.Ring()})
	w := world{Push: push.New(d, c), chat: c}
	if err := d.Do(t.Context(), func(tx *db.Tx) (err error) {
		w.owner = account.Actor{AccountSID: sid.New(sid.Account), Role: account.RoleOwner}
		w.owner.Account, err = db.CreateKeyset(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s, err := c.CreateService(t.Context(), w.owner, chat.NewService{FriendlyName: "Support"})
	if err != nil {
		t.Fatal(err)
	}
	w.service = s.SID
	w.ada = account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: account.RoleVisitor, Identity: "ada", ChatService: s.SID}
	return w
}

func code(err error) int {
	if err == nil {
		return 0
	}
	return fault.Of(err).Code
}

func TestRegister(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := newWorld(t, d), context.Background()
		secret := "x"
		credential, err := w.CreateCredential(ctx, w.owner, push.FCM, push.CredentialChange{Secret: &secret})
		if err != nil {
			t.Fatal(err)
		}
		n := push.NewBinding{Kind: push.FCM, Address: "device-1", Endpoint: "browser", MessageTypes: []string{"twilio.channel.new_message", "new_message", "nonsense"}}
		first, err := w.Register(ctx, w.ada, n)
		if err != nil || first.Credential != credential.SID || strings.Join(first.MessageTypes, " ") != "new_message" {
			t.Fatalf("%+v %v", first, err)
		}
		again, err := w.Register(ctx, w.ada, n)
		if err != nil || again.SID != first.SID {
			t.Errorf("the device is bound twice: %v %v", again.SID, err)
		}
		for _, tt := range []struct {
			name  string
			actor account.Actor
			n     push.NewBinding
			code  int
		}{
			{"no push service", w.ada, push.NewBinding{Kind: "pigeon", Address: "x"}, 50209},
			{"no address", w.ada, push.NewBinding{Kind: push.APN}, 20001},
			{"a long address", w.ada, push.NewBinding{Kind: push.APN, Address: strings.Repeat("x", 5000)}, 20001},
			{"a long endpoint", w.ada, push.NewBinding{Kind: push.APN, Address: "x", Endpoint: strings.Repeat("x", 300)}, 20001},
			{"nobody in particular", w.owner, n, 50107},
		} {
			if _, err := w.Register(ctx, tt.actor, tt.n); code(err) != tt.code {
				t.Errorf("%s: %v, want %d", tt.name, err, tt.code)
			}
		}
		for i := range 25 {
			if _, err := w.Register(ctx, w.ada, push.NewBinding{Kind: push.GCM, Address: fmt.Sprint("device", i)}); err != nil {
				t.Fatal(err)
			}
		}
		page, err := w.ListUserBindings(ctx, w.ada, w.service, "ada", nil, db.Page{Size: 50})
		if err != nil || len(page.Items) != 20 {
			t.Errorf("%d bindings of one user, %v", len(page.Items), err)
		}
		if _, err := w.GetBinding(ctx, w.owner, w.service, "", first.SID); code(err) == 0 {
			t.Error("the oldest binding is still there")
		}
	})
}

func TestBindings_whose(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := newWorld(t, d), context.Background()
		b, err := w.Register(ctx, w.ada, push.NewBinding{Kind: push.APN, Address: "phone"})
		if err != nil {
			t.Fatal(err)
		}
		bob := w.ada
		bob.Identity = "bob"
		if _, err := w.Register(ctx, bob, push.NewBinding{Kind: push.FCM, Address: "phone"}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name  string
			actor account.Actor
			user  string
			code  int
		}{
			{"the account", w.owner, "", 0},
			{"the account, below the user", w.owner, "ada", 0},
			{"below another user", w.owner, "bob", 20404},
			{"its own", w.ada, "ada", 0},
			{"the service's, by a client", w.ada, "", 50107},
			{"another's", bob, "ada", 20404},
			{"another's below its own", bob, "bob", 20404},
		} {
			_, err := w.GetBinding(ctx, tt.actor, w.service, tt.user, b.SID)
			if err != nil && tt.code == 20404 {
				err = fault.NotFound("") // the engine's answer to a missing row
			}
			if code(err) != tt.code {
				t.Errorf("%s: %v, want %d", tt.name, err, tt.code)
			}
		}
		for _, tt := range []struct {
			f    push.Filter
			want int
		}{
			{push.Filter{}, 2},
			{push.Filter{Kinds: []push.Kind{push.APN}}, 1},
			{push.Filter{Identities: []string{"bob", "eve"}}, 1},
			{push.Filter{Kinds: []push.Kind{push.APN}, Identities: []string{"bob"}}, 0},
		} {
			page, err := w.ListBindings(ctx, w.owner, w.service, tt.f, db.Page{Size: 10})
			if err != nil || len(page.Items) != tt.want {
				t.Errorf("%+v: %d bindings, %v", tt.f, len(page.Items), err)
			}
		}
		on := true
		if _, err := w.chat.UpdateService(ctx, w.owner, w.service, chat.ServiceChange{Reachability: &on}); err != nil {
			t.Fatal(err)
		}
		if u, err := w.chat.GetUser(ctx, w.owner, w.service, "ada"); err != nil || !u.Reach.Notifiable || u.Reach.Online {
			t.Errorf("%+v %v", u.Reach, err)
		}
		if err := w.DeleteBinding(ctx, w.ada, w.service, "ada", b.SID); err != nil {
			t.Fatal(err)
		}
		if err := w.chat.DeleteUser(ctx, w.owner, w.service, "bob"); err != nil {
			t.Fatal(err)
		}
		page, err := w.ListBindings(ctx, w.owner, w.service, push.Filter{}, db.Page{Size: 10})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("%d bindings are left, %v", len(page.Items), err)
		}
	})
}

// Taking notifications, and no more, is told to those who follow the user: with the first device and the last one.
func TestReach_isTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := newWorld(t, d), context.Background()
		events := func() (n int) {
			t.Helper()
			if err := d.View(ctx, func(tx *db.Tx) error {
				return tx.QueryRow(`select count(*) from event where kind = $1`, event.UserUpdated).Scan(&n)
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		register := func(address string) push.Binding {
			t.Helper()
			b, err := w.Register(ctx, w.ada, push.NewBinding{Kind: push.FCM, Address: address})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		first := register("a")
		if n := events(); n != 0 {
			t.Errorf("%d events of a service that keeps no reachability", n)
		}
		on := true
		if _, err := w.chat.UpdateService(ctx, w.owner, w.service, chat.ServiceChange{Reachability: &on}); err != nil {
			t.Fatal(err)
		}
		second := register("b")
		for i, tt := range []struct {
			do   func() error
			want int
		}{
			{func() error { return w.DeleteBinding(ctx, w.ada, w.service, "ada", first.SID) }, 0},
			{func() error {
				return d.Do(ctx, func(tx *db.Tx) error { return w.ForgetTx(tx, w.owner.Account, second.SID, time.Time{}) })
			}, 1},
			{func() error { register("c"); return nil }, 2},
			{func() error { return w.chat.TellReach(ctx, w.owner.Account, w.service, "ada") }, 3},
			{func() error { return w.chat.TellReach(ctx, w.owner.Account, w.service, "nobody") }, 3},
			{func() error { return w.chat.TellReach(ctx, w.owner.Account, sid.New(sid.ChatService), "ada") }, 3},
		} {
			if err := tt.do(); err != nil || events() != tt.want {
				t.Errorf("%d: %d events, want %d: %v", i, events(), tt.want, err)
			}
		}
	})
}
