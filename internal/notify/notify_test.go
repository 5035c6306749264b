package notify_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/origin"
	"usher/internal/chat/webhook"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/notify"
	"usher/internal/sid"
)

// world is a chat service whose webhooks speak to receive.
type world struct {
	t        *testing.T
	db       *db.DB
	chat     *chat.Chat
	webhooks *webhook.Webhooks
	notify   *notify.Notify
	jobs     *job.Queue
	owner    account.Actor
	ada      account.Actor
	service  sid.SID
	answer   func(hook.Request) (hook.Response, error)

	mu    sync.Mutex
	kept  []job.Job // jobs of events, as they were
	calls []hook.Request
	heard []string
}

// Post stands where the network is.
func (w *world) Post(_ context.Context, r hook.Request) (hook.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	form := url.Values{}
	for name, values := range r.Form {
		form[name] = slices.Clone(values)
	}
	r.Form = form
	w.calls = append(w.calls, r)
	if w.answer != nil {
		return w.answer(r)
	}
	return hook.Response{Status: http.StatusOK}, nil
}

// ByIDTx, ByID and Get stand where accounts are kept.
func (w *world) ByIDTx(*db.Tx, int64) (account.Account, error) { return w.account(), nil }

func (w *world) ByID(context.Context, int64) (account.Account, error) {
	return w.account(), nil
}

func (w *world) Get(context.Context, account.Actor, sid.SID) (account.Account, error) {
	return w.account(), nil
}

func (w *world) account() account.Account {
	a := account.Account{Row: db.Row{SID: w.owner.AccountSID, ID: w.owner.Account}}
	a.Status, a.AuthToken = account.Active, "secret"
	return a
}

// HearTx stands where flows run.
func (w *world) HearTx(_ *db.Tx, flow sid.SID, ch *chat.Channel, m chat.MessageData, trigger map[string]string, _ int) error {
	if m.Body == "no such flow" {
		return fault.NotFound("/Flows/" + string(flow))
	}
	w.heard = append(w.heard, string(flow)+" "+string(ch.SID)+" "+m.Body+" "+trigger["WebhookType"])
	return nil
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := bus.NewMemory()
		w := &world{t: t, db: d, jobs: job.New(d, b)}
		subscribers := map[string][]event.Subscriber{}
		for _, kind := range notify.Kinds() {
			subscribers[kind] = []event.Subscriber{{Queue: notify.Events, Wants: func(e event.Event) bool { return e.Origin != nil }}}
		}
		owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
		w.chat = chat.New(chat.Deps{DB: d, Log: event.New(d, b, w.jobs, owners, subscribers), Ring: d.Ring(), Gate: notify.NewGate(w, w)})
		w.webhooks = webhook.New(d, w.chat)
		hooks := hook.New(hook.Deps{DB: d, Jobs: w.jobs, Client: w, Accounts: w})
		w.notify = notify.New(notify.Deps{DB: d, Chat: w.chat, Webhooks: w.webhooks, Hooks: hooks, Accounts: w, Flows: w})
		w.owner = account.Actor{AccountSID: sid.New(sid.Account), Role: account.RoleOwner}
		w.do(func(tx *db.Tx) (err error) {
			w.owner.Account, err = db.CreateKeyset(tx)
			return err
		})
		s, err := w.chat.CreateService(t.Context(), w.owner, chat.NewService{FriendlyName: "Support"})
		w.must(err)
		w.service = s.SID
		w.ada = account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: account.RoleVisitor, Identity: "ada", ChatService: s.SID}
		ctx, stop := context.WithCancel(context.Background())
		var wait sync.WaitGroup
		for _, worker := range []*job.Worker{hooks.Worker(), w.jobs.Worker(job.Worker{Queue: notify.Events, Do: func(ctx context.Context, j job.Job) error {
			w.mu.Lock()
			w.kept = append(w.kept, j)
			w.mu.Unlock()
			return w.notify.OnEvent(ctx, j)
		}})} {
			wait.Go(func() { _ = worker.Run(ctx) })
		}
		t.Cleanup(func() { stop(); wait.Wait() })
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	w.must(w.db.Do(context.Background(), fn))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle waits until nothing is left to do and returns the calls that were made since.
func (w *world) settle() []hook.Request {
	w.t.Helper()
	for {
		var left int64
		w.must(w.db.View(context.Background(), func(tx *db.Tx) error {
			return tx.QueryRow(`select count(*) from job where state <> 2`).Scan(&left)
		}))
		if left == 0 {
			break
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatal("jobs are left")
		case <-time.After(5 * time.Millisecond):
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *world) place(ch chat.Channel) chat.Place {
	return chat.Place{Service: w.service, Channel: string(ch.SID)}
}

func (w *world) hooked(change chat.ServiceChange) {
	w.t.Helper()
	_, err := w.chat.UpdateService(context.Background(), w.owner, w.service, change)
	w.must(err)
}

func ptr[T any](v T) *T { return &v }

var after = []string{
	"onMessageSent", "onMessageUpdated", "onMessageRemoved", "onChannelAdded", "onChannelUpdated", "onChannelDestroyed", "onMemberAdded",
	"onMemberUpdated", "onMemberRemoved", "onUserAdded", "onUserUpdated",
}

// events names the calls' events.
func events(calls []hook.Request) string {
	var list []string
	for _, c := range calls {
		list = append(list, c.Form.Get("EventType"))
	}
	return strings.Join(list, " ")
}

// keys names the fields of a form.
func keys(form url.Values) string {
	var list []string
	for name := range form {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestService_isTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.hooked(chat.ServiceChange{PostWebhookURL: ptr("https://example.org/post"), WebhookFilters: after})
		ch, err := w.chat.CreateChannel(ctx, w.ada, w.service, chat.NewChannel{FriendlyName: "Room", UniqueName: "room"})
		w.must(err)
		_, err = w.chat.AddMember(ctx, w.ada, w.place(ch), chat.NewMember{Identity: "ada"})
		w.must(err)
		m, _, err := w.chat.Send(ctx, w.ada, ch.SID, chat.NewMessage{Body: "hello", Attributes: `{"a":1}`})
		w.must(err)
		_, err = w.chat.UpdateMessage(ctx, w.ada, w.place(ch), m.SID, chat.MessageChange{Body: ptr("hallo")})
		w.must(err)
		w.must(w.chat.Read(ctx, w.ada, ch.SID, 0))
		w.must(w.chat.DeleteMessage(ctx, w.ada, w.place(ch), m.SID))
		_, err = w.chat.UpdateChannel(ctx, w.ada, w.place(ch), chat.ChannelChange{Attributes: ptr(`{"status":"INACTIVE"}`)})
		w.must(err)
		w.must(w.chat.RemoveMember(ctx, w.ada, w.place(ch), "ada"))
		told := w.settle()
		want := map[string]string{
			"onChannelAdded":   "AccountSid Attributes ChannelSid ChannelType ClientIdentity CreatedBy DateCreated EventType FriendlyName InstanceSid RetryCount Source UniqueName",
			"onUserAdded":      "AccountSid Attributes ClientIdentity DateCreated EventType Identity InstanceSid RetryCount RoleSid Source UserSid",
			"onMemberAdded":    "AccountSid Attributes ChannelSid ClientIdentity DateCreated EventType Identity InstanceSid MemberSid RetryCount RoleSid Source",
			"onMessageSent":    "AccountSid Attributes Body ChannelSid ClientIdentity DateCreated EventType From Index InstanceSid MessageSid RetryCount Source",
			"onMessageUpdated": "AccountSid Attributes Body ChannelSid ClientIdentity DateCreated DateUpdated EventType From Index InstanceSid MessageSid RetryCount Source",
			"onMemberUpdated":  "AccountSid Attributes ChannelSid ClientIdentity DateCreated DateUpdated EventType Identity InstanceSid LastConsumedMessageIndex MemberSid RetryCount RoleSid Source",
			"onMessageRemoved": "AccountSid Attributes Body ChannelSid ClientIdentity DateCreated DateRemoved DateUpdated EventType From Index InstanceSid MessageSid RetryCount Source",
			"onChannelUpdated": "AccountSid Attributes ChannelSid ChannelType ClientIdentity CreatedBy DateCreated DateUpdated EventType FriendlyName InstanceSid RetryCount Source UniqueName",
			"onMemberRemoved":  "AccountSid Attributes ChannelSid ClientIdentity DateCreated DateRemoved DateUpdated EventType Identity InstanceSid LastConsumedMessageIndex MemberSid RetryCount RoleSid Source",
		}
		got := map[string]string{}
		var ofChannel []hook.Request
		for _, c := range told {
			name := c.Form.Get("EventType")
			got[name] = keys(c.Form)
			if name != "onUserAdded" { // of another stream: its place among the others is not fixed
				ofChannel = append(ofChannel, c)
			}
			if c.URL != "https://example.org/post" || c.AuthToken != "secret" || c.IdempotencyToken == "" || c.Form.Get("Source") != "SDK" ||
				c.Form.Get("ClientIdentity") != "ada" || c.Form.Get("InstanceSid") != string(w.service) {
				t.Errorf("%+v", c)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		order := "onChannelAdded onMemberAdded onMessageSent onMessageUpdated onMemberUpdated onMessageRemoved onChannelUpdated onMemberRemoved"
		if got := events(ofChannel); got != order {
			t.Errorf("in the order %s", got)
		}
		w.twice()
	})
}

// twice runs every job of an event again, as after a crash.
func (w *world) twice() {
	w.t.Helper()
	w.mu.Lock()
	kept := slices.Clone(w.kept)
	w.mu.Unlock()
	for _, j := range kept {
		w.must(w.notify.OnEvent(context.Background(), j))
	}
	if again := w.settle(); len(again) != 0 {
		w.t.Errorf("told again: %s", events(again))
	}
}

func TestRequests_areToldOnlyWhenAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.hooked(chat.ServiceChange{
			PostWebhookURL: ptr("https://example.org/post"), PreWebhookURL: ptr("https://example.org/pre"),
			WebhookFilters: []string{"onMessageSend", "onMessageSent", "onUserUpdated"},
		})
		ctx := context.Background()
		ch, err := w.chat.CreateChannel(ctx, w.owner, w.service, chat.NewChannel{})
		w.must(err)
		for _, told := range []bool{false, true} {
			_, _, err = w.chat.SendTo(origin.ByRequest(ctx, told), w.owner, w.place(ch), chat.NewMessage{Body: "hello"})
			w.must(err)
			calls := w.settle()
			if !told && len(calls) != 0 || told && (events(calls) != "onMessageSent" || calls[0].Form.Get("Source") != "API" || calls[0].Form.Has("ClientIdentity")) {
				t.Errorf("told %v: %+v", told, calls)
			}
		}
		if _, _, err := w.chat.Send(ctx, w.owner, ch.SID, chat.NewMessage{Body: "by the program itself"}); err != nil || len(w.settle()) != 0 {
			t.Error("what the program says itself is told", err)
		}
		_, err = w.chat.CreateUser(origin.ByRequest(ctx, true), w.owner, w.service, chat.NewUser{Identity: "bob"})
		w.must(err)
		_, err = w.chat.UpdateUser(origin.ByRequest(ctx, true), w.owner, w.service, "bob", chat.UserChange{FriendlyName: ptr("Bob")})
		w.must(err)
		if got := events(w.settle()); got != "onUserUpdated" {
			t.Errorf("filters: %s", got)
		}
		// Who comes and goes is told as a client's doing, where the service keeps that.
		w.hooked(chat.ServiceChange{Reachability: ptr(true)})
		w.must(w.chat.TellReach(ctx, w.owner.Account, w.service, "bob"))
		calls := w.settle()
		if events(calls) != "onUserUpdated" || calls[0].Form.Get("IsOnline") != "false" || calls[0].Form.Get("IsNotifiable") != "false" || calls[0].Form.Get("ClientIdentity") != "bob" {
			t.Errorf("reachability: %+v", calls)
		}
	})
}

func TestChannelWebhooks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		ch, err := w.chat.CreateChannel(ctx, w.owner, w.service, chat.NewChannel{})
		w.must(err)
		_, err = w.chat.AddMember(ctx, w.owner, w.place(ch), chat.NewMember{Identity: "ada"})
		w.must(err)
		flow := sid.New(sid.StudioFlow)
		made := map[webhook.Kind]webhook.Webhook{}
		for kind, change := range map[webhook.Kind]webhook.Change{
			webhook.URL:     {URL: ptr("https://example.org/hook"), Method: ptr("GET"), Filters: []string{"onMessageSent", "onChannelDestroyed"}},
			webhook.Trigger: {URL: ptr("https://example.org/word"), Triggers: []string{"agent", "help"}},
			webhook.Studio:  {FlowSID: &flow},
		} {
			made[kind], err = w.webhooks.Create(ctx, w.owner, w.place(ch), kind, change)
			w.must(err)
		}
		for _, body := range []string{"no such flow", "I need help"} {
			_, _, err = w.chat.Send(ctx, w.ada, ch.SID, chat.NewMessage{Body: body})
			w.must(err)
		}
		w.must(w.chat.DeleteChannel(origin.ByRequest(ctx, true), w.owner, w.place(ch)))
		var got []string
		for _, c := range w.settle() {
			got = append(got, c.URL+" "+c.Method+" "+c.Form.Get("EventType")+" "+c.Form.Get("Body")+" "+c.Form.Get("WebhookType"))
			kind := webhook.Kind(c.Form.Get("WebhookType"))
			if c.Form.Get("WebhookSid") != string(made[kind].SID) {
				t.Errorf("%v", c.Form)
			}
		}
		slices.Sort(got)
		want := []string{
			"https://example.org/hook GET onChannelDestroyed  webhook",
			"https://example.org/hook GET onMessageSent I need help webhook",
			"https://example.org/hook GET onMessageSent no such flow webhook",
			"https://example.org/word POST onMessageSent I need help trigger",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.twice()
		if len(w.heard) > 1 || len(w.heard) == 1 && w.heard[0] != string(flow)+" "+string(ch.SID)+" I need help studio" {
			t.Errorf("the flow heard %q", w.heard)
		}
	})
}

func TestStudioWebhook_hearsEachMessageOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		ch, err := w.chat.CreateChannel(ctx, w.owner, w.service, chat.NewChannel{})
		w.must(err)
		_, err = w.chat.AddMember(ctx, w.owner, w.place(ch), chat.NewMember{Identity: "ada"})
		w.must(err)
		_, err = w.webhooks.Create(ctx, w.owner, w.place(ch), webhook.Studio, webhook.Change{FlowSID: ptr(sid.New(sid.StudioFlow))})
		w.must(err)
		for _, body := range []string{"one", "two"} {
			_, _, err = w.chat.Send(ctx, w.ada, ch.SID, chat.NewMessage{Body: body})
			w.must(err)
		}
		w.settle()
		w.twice()
		if len(w.heard) != 2 || !strings.Contains(w.heard[0], " one ") || !strings.Contains(w.heard[1], " two ") {
			t.Errorf("%q", w.heard)
		}
	})
}

func TestGate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		before := []string{
			"onMessageSend", "onMessageUpdate", "onMessageRemove", "onChannelAdd", "onChannelUpdate", "onChannelDestroy",
			"onMemberAdd", "onMemberUpdate", "onMemberRemove", "onUserUpdate",
		}
		w.hooked(chat.ServiceChange{PreWebhookURL: ptr("https://example.org/pre"), WebhookFilters: before, PreRetries: ptr(1)})
		ch, err := w.chat.CreateChannel(ctx, w.owner, w.service, chat.NewChannel{})
		w.must(err)
		role, err := w.chat.CreateRole(ctx, w.owner, w.service, chat.NewRole{FriendlyName: "all", Scope: chat.ScopeChannel, Permissions: []string{
			"sendMessage", "editOwnMessage", "deleteOwnMessage", "destroyChannel", "editChannelAttributes", "editOwnMemberAttributes", "leaveChannel", "editOwnUserInfo",
		}})
		w.must(err)
		_, err = w.chat.AddMember(ctx, w.owner, w.place(ch), chat.NewMember{Identity: "ada", RoleSID: role.SID})
		w.must(err)
		status := func(list ...int) func(hook.Request) (hook.Response, error) {
			return func(hook.Request) (hook.Response, error) {
				s := list[0]
				list = list[min(1, len(list)-1):]
				if s == http.StatusOK {
					return hook.Response{Status: s}, nil
				}
				return hook.Response{Status: s}, &hook.Error{Failure: hook.BadStatus, Status: s}
			}
		}
		says := func(body string) func(hook.Request) (hook.Response, error) {
			return func(hook.Request) (hook.Response, error) {
				return hook.Response{Status: http.StatusOK, Body: []byte(body)}, nil
			}
		}
		fails := func(f hook.Failure) func(hook.Request) (hook.Response, error) {
			return func(hook.Request) (hook.Response, error) { return hook.Response{}, &hook.Error{Failure: f} }
		}
		for _, tt := range []struct {
			name         string
			answer       func(hook.Request) (hook.Response, error)
			code, asked  int
			body, author string
		}{
			{"yes", status(200), 0, 1, "hello", "ada"},
			{"yes, in words", says("fine"), 0, 1, "hello", "ada"},
			{"an empty object", says("{}"), 0, 1, "hello", "ada"},
			{"changed", says(`{"body":"h***o","author":"censor","attributes":"{\"a\":1}"}`), 0, 1, "h***o", "censor"},
			{"changed by the other name", says(`{"from":"censor","attributes":{"a":1}}`), 0, 1, "hello", "censor"},
			{"changed to nothing good", says(`{"body":"` + strings.Repeat("x", 40_000) + `"}`), 50504, 1, "", ""},
			{"attributes that are none", says(`{"attributes":"{"}`), 50304, 1, "", ""},
			{"no", status(403), 50056, 1, "", ""},
			{"broken", status(500), 50056, 1, "", ""},
			{"busy, then yes", status(503, 200), 0, 2, "hello", "ada"},
			{"busy for long", status(503), 50056, 2, "", ""},
			{"silent", fails(hook.TimedOut), 0, 2, "hello", "ada"},
			{"not there", fails(hook.Unreachable), 0, 2, "hello", "ada"},
			{"forbidden", fails(hook.Refused), 0, 1, "hello", "ada"},
		} {
			w.answer = tt.answer
			m, _, err := w.chat.Send(ctx, w.ada, ch.SID, chat.NewMessage{Body: "hello", ClientID: tt.name})
			if code(err) != tt.code || m.Body != tt.body || m.Author != tt.author {
				t.Errorf("%s: %v, %s by %s", tt.name, err, m.Body, m.Author)
			}
			calls := w.settle()
			if len(calls) != tt.asked || keys(calls[0].Form) != "AccountSid Attributes Body ChannelSid ClientIdentity EventType From InstanceSid RetryCount Source" {
				t.Errorf("%s: %d calls, %v", tt.name, len(calls), calls)
			}
			if again, repeated, err := w.chat.Send(ctx, w.ada, ch.SID, chat.NewMessage{Body: "hello", ClientID: tt.name}); tt.code == 0 && (!repeated || again.SID != m.SID) {
				t.Errorf("%s again: %v %v", tt.name, repeated, err)
			}
			w.settle()
		}
		w.gated(ch)
	})
}

func code(err error) int {
	if err == nil {
		return 0
	}
	return fault.Of(err).Code
}

// gated refuses everything that a client does, and lets it pass.
func (w *world) gated(ch chat.Channel) {
	w.t.Helper()
	ctx := context.Background()
	w.answer = nil
	m, _, err := w.chat.Send(ctx, w.ada, ch.SID, chat.NewMessage{Body: "hello"})
	w.must(err)
	w.settle()
	// Who may not do a thing is refused without asking anybody.
	bob := w.ada
	bob.Identity = "bob"
	if err := w.chat.DeleteMessage(ctx, bob, w.place(ch), m.SID); code(err) != 20404 {
		w.t.Error(err)
	}
	if _, err := w.chat.UpdateUser(ctx, bob, w.service, "ada", chat.UserChange{FriendlyName: ptr("x")}); code(err) != 20404 {
		w.t.Error(err)
	}
	if err := w.chat.RemoveMember(ctx, w.ada, w.place(ch), "nobody"); code(err) != 20404 {
		w.t.Error(err)
	}
	if calls := w.settle(); len(calls) != 0 {
		w.t.Errorf("asked about what cannot be: %s", events(calls))
	}
	for _, tt := range []struct {
		event string
		do    func() error
	}{
		{"onMessageUpdate", func() error {
			_, err := w.chat.UpdateMessage(ctx, w.ada, w.place(ch), m.SID, chat.MessageChange{Body: ptr("x")})
			return err
		}},
		{"onMessageRemove", func() error { return w.chat.DeleteMessage(ctx, w.ada, w.place(ch), m.SID) }},
		{"onChannelAdd", func() error {
			_, err := w.chat.CreateChannel(ctx, w.ada, w.service, chat.NewChannel{})
			return err
		}},
		{"onChannelUpdate", func() error {
			_, err := w.chat.UpdateChannel(ctx, w.ada, w.place(ch), chat.ChannelChange{Attributes: ptr(`{"x":1}`)})
			return err
		}},
		{"onMemberUpdate", func() error {
			_, err := w.chat.UpdateMember(ctx, w.ada, w.place(ch), "ada", chat.MemberChange{Attributes: ptr(`{"x":1}`)})
			return err
		}},
		{"onUserUpdate", func() error {
			_, err := w.chat.UpdateUser(ctx, w.ada, w.service, "ada", chat.UserChange{FriendlyName: ptr("Ada")})
			return err
		}},
		{"onMemberRemove", func() error { return w.chat.RemoveMember(ctx, w.ada, w.place(ch), "ada") }},
		{"onMemberAdd", func() error {
			_, err := w.chat.AddMember(ctx, w.ada, w.place(ch), chat.NewMember{Identity: "ada"})
			return err
		}},
	} {
		w.answer = func(hook.Request) (hook.Response, error) {
			return hook.Response{}, &hook.Error{Failure: hook.BadStatus, Status: http.StatusForbidden}
		}
		if err := tt.do(); code(err) != 50056 {
			w.t.Errorf("%s refused: %v", tt.event, err)
		}
		if got := events(w.settle()); got != tt.event {
			w.t.Errorf("%s asks %q", tt.event, got)
		}
		w.answer = nil
		if err := tt.do(); err != nil {
			w.t.Errorf("%s: %v", tt.event, err)
		}
		w.settle()
	}
}

func TestOnEvent_ofAnErasedCustomer(t *testing.T) {
	each(t, func(_ *testing.T, w *world) {
		w.must(w.notify.OnEvent(context.Background(), job.Job{}))
		args, err := json.Marshal(event.Args{Kind: event.MessageAdded})
		w.must(err)
		w.must(w.notify.OnEvent(context.Background(), job.Job{Args: args})) // nobody is to be told
	})
}

func TestSettling_isTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.hooked(chat.ServiceChange{PostWebhookURL: ptr("https://example.org/post"), WebhookFilters: after})
		ch, err := w.chat.CreateChannel(context.Background(), w.owner, w.service, chat.NewChannel{})
		w.must(err)
		w.do(func(tx *db.Tx) error {
			return w.chat.SettleTx(tx, &ch, false, func(json.RawMessage) (json.RawMessage, error) {
				return json.RawMessage(`{"status":"INACTIVE"}`), nil
			})
		})
		calls := w.settle()
		if events(calls) != "onChannelUpdated" || calls[0].Form.Get("Attributes") != `{"status":"INACTIVE"}` || calls[0].Form.Get("Source") != "API" {
			t.Errorf("%+v", calls)
		}
	})
}
