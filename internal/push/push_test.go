package push_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/origin"
	devices "usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/push"
	"usher/internal/sid"
)

// world is a chat service whose devices are told by carrier.
type world struct {
	t       *testing.T
	db      *db.DB
	chat    *chat.Chat
	devices *devices.Push
	push    *push.Push
	jobs    *job.Queue
	owner   account.Actor
	service sid.SID
	answer  func(device string) error

	mu   sync.Mutex
	sent []sent
	kept []job.Job // jobs of events, as they were
}

type sent struct {
	device, credential string
	message            push.Message
}

// Send stands where push services are.
func (w *world) Send(_ context.Context, c devices.Credential, device devices.Binding, m push.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, sent{device.Address, c.Secret + c.Certificate, m})
	if w.answer != nil {
		return w.answer(device.Address)
	}
	return nil
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := bus.NewMemory()
		w := &world{t: t, db: d, jobs: job.New(d, b)}
		subscribers := map[string][]event.Subscriber{}
		for _, kind := range push.Kinds() {
			subscribers[kind] = []event.Subscriber{{Queue: push.Events, Wants: push.Wants}}
		}
		owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
		w.chat = chat.New(chat.Deps{DB: d, Log: event.New(d, b, w.jobs, owners, subscribers), Ring: d.Ring()})
		w.devices = devices.New(d, w.chat)
		w.push = push.New(push.Deps{
			DB: d, Chat: w.chat, Devices: w.devices, Jobs: w.jobs, Carriers: map[devices.Kind]push.Carrier{devices.APN: w, devices.FCM: w},
		})
		w.owner = account.Actor{AccountSID: sid.New(sid.Account), Role: account.RoleOwner}
		w.do(func(tx *db.Tx) (err error) {
			w.owner.Account, err = db.CreateKeyset(tx)
			return err
		})
		s, err := w.chat.CreateService(t.Context(), w.owner, chat.NewService{FriendlyName: "Support"})
		w.must(err)
		w.service = s.SID
		ctx, stop := context.WithCancel(context.Background())
		var wait sync.WaitGroup
		for _, worker := range []*job.Worker{
			w.jobs.Worker(job.Worker{Queue: push.Events, Do: func(ctx context.Context, j job.Job) error {
				w.mu.Lock()
				w.kept = append(w.kept, j)
				w.mu.Unlock()
				return w.push.OnEvent(ctx, j)
			}}),
			w.jobs.Worker(job.Worker{Queue: push.Sends, Do: w.push.OnSend, Backoff: push.Backoff}),
		} {
			wait.Go(func() { _ = worker.Run(ctx) })
		}
		t.Cleanup(func() { stop(); wait.Wait() })
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) { w.t.Helper(); w.must(w.db.Do(w.t.Context(), fn)) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// person is an identity with a device that takes every type of message.
func (w *world) person(identity string, kind devices.Kind) account.Actor {
	w.t.Helper()
	a := account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: account.RoleVisitor, Identity: identity, ChatService: w.service}
	_, err := w.devices.Register(w.t.Context(), a, devices.NewBinding{
		Kind: kind, Address: identity + "'s", MessageTypes: []string{"twilio.channel.new_message", "added_to_channel", "invited_to_channel", "removed_from_channel"},
	})
	w.must(err)
	return a
}

// set turns kinds of notifications on.
func (w *world) set(ch chat.ServiceChange) {
	w.t.Helper()
	_, err := w.chat.UpdateService(w.t.Context(), w.owner, w.service, ch)
	w.must(err)
}

func (w *world) credentials() {
	w.t.Helper()
	for kind, ch := range map[devices.Kind]devices.CredentialChange{devices.FCM: {Secret: ptr("google")}, devices.APN: {Certificate: ptr("apple")}} {
		_, err := w.devices.CreateCredential(w.t.Context(), w.owner, kind, ch)
		w.must(err)
	}
}

func (w *world) channel(name string, members ...string) chat.Channel {
	w.t.Helper()
	ch, err := w.chat.CreateChannel(w.t.Context(), w.owner, w.service, chat.NewChannel{UniqueName: name, FriendlyName: strings.ToUpper(name), Private: true})
	w.must(err)
	for _, identity := range members {
		_, err := w.chat.AddMember(w.t.Context(), w.owner, w.place(ch), chat.NewMember{Identity: identity})
		w.must(err)
	}
	return ch
}

func (w *world) place(ch chat.Channel) chat.Place {
	return chat.Place{Service: w.service, Channel: string(ch.SID)}
}

// settled waits until no job is left.
func (w *world) settled() {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		var n int64
		w.do(func(tx *db.Tx) error { return tx.QueryRow("select count(*) from job").Scan(&n) })
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d jobs are left", n)
		}
	}
}

// told returns what was sent since the last time, by device.
func (w *world) told() []sent {
	w.t.Helper()
	w.settled()
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.sent
	w.sent = nil
	slices.SortFunc(list, func(a, b sent) int { return strings.Compare(a.device+a.message.Body, b.device+b.message.Body) })
	return list
}

func (w *world) expect(what string, want ...string) []sent {
	w.t.Helper()
	list := w.told()
	got := make([]string, len(list))
	for i, s := range list {
		got[i] = s.device + " " + strings.TrimPrefix(s.message.Type, "twilio.channel.") + " " + s.message.Body
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: told %q, want %q", what, got, want)
	}
	return list
}

func ptr[T any](v T) *T { return &v }

func TestMessages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.credentials()
		ada, _, cid := w.person("ada", devices.FCM), w.person("bob", devices.APN), w.person("cid", devices.FCM)
		ch := w.channel("help", "ada", "bob", "cid")
		say := func(body string) chat.Message {
			m, _, err := w.chat.SendTo(ctx, ada, w.place(ch), chat.NewMessage{Body: body})
			w.must(err)
			return m
		}
		say("nobody is told while it is off")
		w.expect("off")
		w.set(chat.ServiceChange{NewMessage: chat.PushChange{Enabled: ptr(true), Sound: ptr("ring"), Badge: ptr(true)}})
		m := say("hello")
		list := w.expect("on", "bob's new_message help;ada: hello", "cid's new_message help;ada: hello")
		data := list[0].message.Data
		for name, want := range map[string]string{
			"channel_sid": string(ch.SID), "channel_id": string(ch.SID), "channel_title": "HELP", "author": "ada", "message_sid": string(m.SID),
			"message_id": string(m.SID), "message_index": "1",
		} {
			if data[name] != want {
				t.Errorf("%s is %q, want %q", name, data[name], want)
			}
		}
		bob, other := list[0], list[1]
		if bob.credential != "apple" || other.credential != "google" || bob.message.Sound != "ring" || bob.message.ID == other.message.ID {
			t.Errorf("%+v\n%+v", bob, other)
		}
		if other.message.Badge != nil || bob.message.Badge == nil || *bob.message.Badge != 0 { // three are no conversation of two
			t.Errorf("badges %v %v", bob.message.Badge, other.message.Badge)
		}
		// A member who muted the channel, and whoever has no member any more.
		_, err := w.chat.UpdateUserChannel(ctx, cid, w.service, "cid", string(ch.SID), chat.UserChannelChange{Notification: ptr("muted")})
		w.must(err)
		two := w.channel("two", "ada", "bob")
		_, _, err = w.chat.SendTo(ctx, w.owner, w.place(two), chat.NewMessage{Body: "from a request", Author: "ada"})
		w.must(err)
		say("quiet")
		list = w.expect("muted", "bob's new_message help;ada: quiet", "bob's new_message two;ada: from a request")
		if *list[0].message.Badge != 1 {
			t.Errorf("badge %d, want 1", *list[0].message.Badge)
		}
		// Flows and agents speak inside transactions.
		w.do(func(tx *db.Tx) error {
			in, err := w.chat.ChannelTx(tx, w.owner.Account, two.SID)
			if err == nil {
				_, _, err = w.chat.SendTx(tx, &in, chat.NewMessage{Body: "bot", Author: "Bot"})
			}
			return err
		})
		w.expect("from a flow", "ada's new_message two;Bot: bot", "bob's new_message two;Bot: bot")
	})
}

func TestTemplates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.credentials()
		ada := w.person("ada", devices.FCM)
		w.person("bob", devices.FCM)
		_, err := w.chat.UpdateUser(t.Context(), w.owner, w.service, "ada", chat.UserChange{FriendlyName: ptr("Ada ${MESSAGE}")})
		w.must(err)
		ch := w.channel("help", "ada", "bob")
		u, err := w.chat.GetUser(t.Context(), w.owner, w.service, "ada")
		w.must(err)
		for template, want := range map[string]string{
			"${USER}|${USER_FRIENDLY_NAME}|${USER_IDENTITY}|${USER_SID}":                "Ada ${MESSAGE}|Ada ${MESSAGE}|ada|" + string(u.SID),
			"${CHANNEL}|${CHANNEL_UNIQUE_NAME}|${CHANNEL_FRIENDLY_NAME}|${CHANNEL_SID}": "help|help|HELP|" + string(ch.SID),
			"${MESSAGE} ${MESSAGE} ${OTHER} $":                                          "hé hé ${OTHER} $",
			strings.Repeat("é", 200):                                                    strings.Repeat("é", 178),
		} {
			w.set(chat.ServiceChange{NewMessage: chat.PushChange{Enabled: ptr(true), Template: &template}})
			_, _, err := w.chat.SendTo(t.Context(), ada, w.place(ch), chat.NewMessage{Body: "hé"})
			w.must(err)
			w.expect(template, "bob's new_message "+want)
		}
	})
}

func TestMembership(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.credentials()
		on := chat.PushChange{Enabled: ptr(true)}
		w.set(chat.ServiceChange{AddedToChannel: on, RemovedFromChannel: on, InvitedToChannel: on})
		ada, bob := w.person("ada", devices.FCM), w.person("bob", devices.FCM)
		ch := w.channel("help", "ada")
		w.expect("by a request", "ada's added_to_channel You have been added to channel help by system")
		role := w.admin()
		_, err := w.chat.UpdateUser(ctx, w.owner, w.service, "ada", chat.UserChange{RoleSID: &role})
		w.must(err)
		_, err = w.chat.CreateInvite(ctx, ada, w.place(ch), chat.NewInvite{Identity: "bob"})
		w.must(err)
		w.expect("invited", "bob's invited_to_channel ada has invited you to join the channel help")
		_, err = w.chat.AddMember(ctx, bob, w.place(ch), chat.NewMember{Identity: "bob"})
		w.must(err)
		w.expect("joined by itself")
		w.must(w.chat.RemoveMember(ctx, ada, w.place(ch), "bob"))
		w.expect("removed", "bob's removed_from_channel ada has removed you from channel help")
		_, err = w.chat.AddMember(origin.ByRequest(ctx, false), ada, w.place(ch), chat.NewMember{Identity: "bob"})
		w.must(err)
		w.expect("added", "bob's added_to_channel You have been added to channel help by system")
		w.must(w.chat.RemoveMember(ctx, bob, w.place(ch), "bob"))
		w.expect("left by itself")
		w.must(w.chat.DeleteChannel(ctx, w.owner, w.place(ch)))
		w.expect("a channel that is gone")
	})
}

// admin is the role of service admins.
func (w *world) admin() sid.SID {
	w.t.Helper()
	page, err := w.chat.ListRoles(w.t.Context(), w.owner, w.service, db.Page{Size: 10})
	w.must(err)
	return page.Items[0].SID
}

func TestAnswers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.credentials()
		w.set(chat.ServiceChange{NewMessage: chat.PushChange{Enabled: ptr(true)}, LogNotifications: ptr(true)})
		ada := w.person("ada", devices.FCM)
		for _, identity := range []string{"gone", "again", "refused"} {
			w.person(identity, devices.FCM)
		}
		w.person("pager", devices.GCM) // nobody carries it
		ch := w.channel("help", "ada", "gone", "again", "refused", "pager")
		w.answer = func(device string) error {
			switch device {
			case "gone's":
				return fmt.Errorf("carrier: %w", &push.Gone{})
			case "again's":
				return &push.Gone{Since: time.Now().Add(-time.Hour)}
			case "refused's":
				return &push.Refused{Reason: "NO"}
			}
			return nil
		}
		for range 2 {
			_, _, err := w.chat.SendTo(ctx, ada, w.place(ch), chat.NewMessage{Body: "hello"})
			w.must(err)
			w.settled()
		}
		first := w.expect("each once, and who is gone not again",
			"again's new_message help;ada: hello", "again's new_message help;ada: hello", "gone's new_message help;ada: hello",
			"refused's new_message help;ada: hello", "refused's new_message help;ada: hello")
		page, err := w.devices.ListBindings(ctx, w.owner, w.service, devices.Filter{Identities: []string{"gone", "again"}}, db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].Identity != "again" {
			t.Errorf("%d bindings %v", len(page.Items), err)
		}
		// A job that runs again because its process died makes the same notifications.
		w.mu.Lock()
		again := w.kept[0]
		w.mu.Unlock()
		w.must(w.push.OnEvent(ctx, again))
		for _, s := range w.told() {
			if !slices.ContainsFunc(first, func(f sent) bool { return f.message.ID == s.message.ID }) {
				t.Errorf("%s is told under another id", s.device)
			}
		}
		again.Args = nil
		w.must(w.push.OnEvent(ctx, again))
		w.must(w.push.OnSend(ctx, again))
		w.expect("of an erased customer")
		again.Args = []byte(`{`)
		if w.push.OnEvent(ctx, again) == nil || w.push.OnSend(ctx, again) == nil {
			t.Error("a job that cannot be read ends well")
		}
	})
}

// Failures that may pass are tried again; the last one drops the notification, and nothing is left behind.
func TestOnSend_retry(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.credentials()
		w.person("ada", devices.FCM)
		page, err := w.devices.ListBindings(t.Context(), w.owner, w.service, devices.Filter{}, db.Page{Size: 1})
		w.must(err)
		w.answer = func(string) error { return errors.New("down") }
		run := func(attempt int, expires time.Time) error {
			args := fmt.Sprintf(`{"binding":%q,"message":{"id":"RU1","expires":%q}}`, page.Items[0].SID, expires.Format(time.RFC3339))
			return w.push.OnSend(t.Context(), job.Job{Account: w.owner.Account, Attempt: attempt, Args: []byte(args)})
		}
		if run(1, time.Now().Add(time.Hour)) == nil {
			t.Error("it is not tried again")
		}
		if err := run(push.Backoff.Attempts, time.Now().Add(time.Hour)); err != nil {
			t.Errorf("the last try: %v", err)
		}
		w.told()
		if err := run(1, time.Now().Add(-time.Hour)); err != nil || len(w.told()) != 0 {
			t.Errorf("one that came too late is sent: %v", err)
		}
	})
}

// The credential is the one of the token, else the newest, else none.
func TestCredentials(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.set(chat.ServiceChange{NewMessage: chat.PushChange{Enabled: ptr(true)}})
		w.person("ada", devices.FCM)
		ch := w.channel("help", "ada")
		say := func() []sent {
			_, _, err := w.chat.SendTo(ctx, w.owner, w.place(ch), chat.NewMessage{Body: "hello"})
			w.must(err)
			return w.told()
		}
		if list := say(); len(list) != 0 {
			t.Errorf("told %d without a credential", len(list))
		}
		first, err := w.devices.CreateCredential(ctx, w.owner, devices.FCM, devices.CredentialChange{Secret: ptr("first")})
		w.must(err)
		_, err = w.devices.CreateCredential(ctx, w.owner, devices.FCM, devices.CredentialChange{Secret: ptr("second")})
		w.must(err)
		if list := say(); len(list) != 1 || list[0].credential != "second" {
			t.Errorf("%+v", list)
		}
		ada := account.Actor{
			Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: account.RoleVisitor, Identity: "ada", ChatService: w.service, PushCredential: first.SID,
		}
		_, err = w.devices.Register(ctx, ada, devices.NewBinding{Kind: devices.FCM, Address: "ada's", MessageTypes: []string{"new_message"}})
		w.must(err)
		if list := say(); len(list) != 1 || list[0].credential != "first" {
			t.Errorf("%+v", list)
		}
		w.must(w.devices.DeleteCredential(ctx, w.owner, first.SID))
		if list := say(); len(list) != 1 || list[0].credential != "second" {
			t.Errorf("%+v", list)
		}
	})
}

func TestWants(t *testing.T) {
	t.Parallel()
	if push.Wants(event.Event{Kind: event.MessageAdded}) || push.Wants(event.Event{Kind: event.MessageAdded, Origin: &event.Origin{}}) {
		t.Error("an event without an origin that sends notifications is wanted")
	}
}
