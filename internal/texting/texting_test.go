package texting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

const (
	own      = "+15550001000"
	customer = "+15550002000"
	primary  = "https://example.com/sms"
	second   = "https://example.com/fallback"
)

// server answers calls by their URL and remembers them.
type server struct {
	mu    sync.Mutex
	pages map[string]page
	calls []hook.Request
}

type page struct {
	kind, body string
	err        error
}

func (s *server) Post(_ context.Context, r hook.Request) (hook.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Form = copied(r.Form)
	s.calls = append(s.calls, r)
	p, ok := s.pages[r.URL]
	if !ok {
		return hook.Response{}, &hook.Error{Failure: hook.BadStatus, Status: 404}
	}
	return hook.Response{Status: 200, ContentType: p.kind, Body: []byte(p.body)}, p.err
}

func copied(v url.Values) url.Values {
	out := url.Values{}
	for name, values := range v {
		out[name] = slices.Clone(values)
	}
	return out
}

// took returns the calls since it was last asked.
func (s *server) took() []hook.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// world is an account whose number is answered by the server.
type world struct {
	*Texting
	*server
	t          *testing.T
	owner      account.Actor
	number     messaging.Number
	connection sid.SID
	names      int
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := bus.NewMemory()
		jobs := job.New(d, b)
		accounts := account.New(account.Deps{DB: d})
		setup, err := accounts.Bootstrap(t.Context(), account.Spec{AccountSID: sid.New(sid.Account), FriendlyName: "test"})
		if err != nil {
			t.Fatal(err)
		}
		subs := map[string][]event.Subscriber{
			event.SMSStatus: {{Queue: Status, Wants: Wants}}, event.SMSReceived: {{Queue: Inbound, Order: messaging.PairOf}},
		}
		w := &world{
			t: t, server: &server{pages: map[string]page{}}, connection: sid.New("CX"),
			owner: account.System(setup.Account.ID, setup.Account.SID),
		}
		messages := messaging.New(messaging.Deps{DB: d, Log: event.New(d, b, jobs, nil, subs), Jobs: jobs})
		w.Texting = New(Deps{
			Messages: messages, Hooks: hook.New(hook.Deps{DB: d, Jobs: jobs, Client: w.server, Accounts: accounts}), Caller: w.server, Accounts: accounts,
			Links: messaging.Links{Key: []byte("key"), Origin: "https://usher.example"},
		})
		w.number, err = messages.CreateNumber(t.Context(), w.owner, own, messaging.NumberChange{URL: ptr(primary), FallbackURL: ptr(second)})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, w)
	})
}

func ptr[T any](v T) *T { return &v }

// job is what the event log would hand to a reaction.
func (w *world) job(n messaging.Notice) job.Job {
	data, err := json.Marshal(n)
	if err != nil {
		w.t.Fatal(err)
	}
	args, err := json.Marshal(event.Args{Data: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return job.Job{Account: w.owner.Account, Args: args}
}

// comes brings a message of the customer's and has it answered.
func (w *world) comes(in carry.Inbound) messaging.Message {
	w.t.Helper()
	var msg messaging.Message
	w.names++
	in.ID, in.From, in.To = fmt.Sprint(w.names), customer, own
	err := w.db.Do(w.t.Context(), func(tx *db.Tx) (err error) {
		msg, _, err = w.Messages.AcceptTx(tx, w.owner.Account, w.connection, in)
		return err
	})
	if err == nil {
		err = w.OnInbound(w.t.Context(), w.job(messaging.Notice{Message: msg.SID}))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return msg
}

// said lists what was sent to an address, oldest first.
func (w *world) said(to string) (list []messaging.Message) {
	w.t.Helper()
	page, err := w.Messages.List(w.t.Context(), w.owner, messaging.Filter{To: to}, db.Page{Size: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(page.Items)
	return page.Items
}

func bodies(list []messaging.Message) string {
	var all []string
	for _, m := range list {
		all = append(all, m.Body)
	}
	return strings.Join(all, "|")
}

func TestInbound_asksAndSays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pages[primary] = page{kind: "text/xml", body: `<Response>
			<Message statusCallback="/status">Hello</Message>
			<Message to="+15550003000"><Body>For you</Body><Media>a.png</Media></Message>
			<Message from="+15559999999">not ours</Message>
			<Redirect method="GET">more?x=1</Redirect></Response>`}
		w.pages["https://example.com/more?x=1"] = page{body: `<Response><Sms action="https://example.com/act">And this</Sms></Response>`}
		msg := w.comes(carry.Inbound{Body: "Hi ☺", Segments: 2, Details: map[string]string{"FromCity": "BERLIN", "Body": "no"}})
		calls := w.took()
		if len(calls) != 2 || calls[1].Method != "GET" || calls[1].URL != "https://example.com/more?x=1" || calls[0].IdempotencyToken == calls[1].IdempotencyToken {
			t.Fatalf("%+v", calls)
		}
		s := string(msg.SID)
		for name, want := range map[string]string{
			"MessageSid": s, "SmsSid": s, "SmsMessageSid": s, "AccountSid": string(w.owner.AccountSID), "From": customer, "To": own, "Body": "Hi ☺",
			"NumMedia": "0", "NumSegments": "2", "SmsStatus": "received", "ApiVersion": "2010-04-01", "FromCity": "BERLIN", "ToZip": "",
		} {
			if values, ok := calls[0].Form[name]; !ok || values[0] != want {
				t.Errorf("%s is %q, want %q", name, values, want)
			}
		}
		if calls[0].AuthToken == "" {
			t.Error("the call is not signed")
		}
		sent := w.said(customer)
		if bodies(sent) != "Hello|And this" || sent[0].Direction != messaging.OutboundReply || sent[0].From != own ||
			sent[0].StatusCallback != "https://example.com/status" || sent[1].StatusCallback != "https://example.com/act" {
			t.Errorf("%+v", sent)
		}
		other := w.said("+15550003000")
		if bodies(other) != "For you" || len(other[0].Media) != 1 || other[0].Media[0].URL != "https://example.com/a.png" {
			t.Errorf("%+v", other)
		}
		// The job runs again: what was said stays said once, and nobody is asked.
		if err := w.OnInbound(t.Context(), w.job(messaging.Notice{Message: msg.SID})); err != nil || len(w.took()) != 0 || bodies(w.said(customer)) != "Hello|And this" {
			t.Errorf("again: %v", err)
		}
	})
}

func TestInbound_answers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asked := 0
		for name, c := range map[string]struct {
			page page
			want string // "" is silence
			code string // of the fallback's question
		}{
			"plain text":    {page{kind: "text/plain; charset=utf-8", body: " Just words\n"}, "Just words", ""},
			"empty text":    {page{kind: "text/plain"}, "", ""},
			"nothing":       {page{}, "", ""},
			"empty TwiML":   {page{kind: "application/xml", body: "<Response/>"}, "", ""},
			"html":          {page{kind: "text/html", body: "<Response><Message>x</Message></Response>"}, "x", ""},
			"a failure":     {page{err: &hook.Error{Failure: hook.TimedOut}}, "Later", "11200"},
			"unknown":       {page{err: errors.New("x")}, "Later", "11200"},
			"too large":     {page{err: &hook.Error{Failure: hook.TooLarge}}, "Later", "11750"},
			"no TwiML":      {page{kind: "text/xml", body: "<Response>"}, "Later", "12100"},
			"broken text":   {page{kind: "text/plain", body: "\xff"}, "Later", "12100"},
			"JSON":          {page{kind: "application/json", body: "{}"}, "Later", "12300"},
			"no type":       {page{kind: "/", body: "x"}, "Later", "12300"},
			"in circles":    {page{kind: "text/xml", body: "<Response><Redirect>" + primary + "</Redirect></Response>"}, "Later", "14106"},
			"in no address": {page{kind: "text/xml", body: "<Response><Redirect>http://[</Redirect></Response>"}, "Later", "11200"},
			"too many": {page{kind: "text/xml", body: "<Response>" + strings.Repeat("<Message>x</Message>", 9) + "<Redirect/>" +
				"<Redirect>" + primary + "</Redirect></Response>"}, "Later", "12100"},
			"too many in two": {page{kind: "text/xml", body: "<Response>" + strings.Repeat("<Message>x</Message>", 9) + "<Redirect>" + primary + "</Redirect></Response>"}, "Later", "14109"},
		} {
			w.pages[primary], w.pages[second] = c.page, page{kind: "text/plain", body: "Later"}
			before := len(w.said(customer))
			w.comes(carry.Inbound{Body: name})
			calls := w.took()
			last := calls[len(calls)-1]
			if got := last.Form.Get("ErrorCode"); got != c.code || (c.code != "") != (last.URL == second) || c.code != "" && last.Form.Get("ErrorUrl") != primary {
				t.Errorf("%s: %s is asked with the code %q, want %q", name, last.URL, got, c.code)
			}
			if got := bodies(w.said(customer)[before:]); got != c.want {
				t.Errorf("%s: said %q, want %q", name, got, c.want)
			}
			asked++
		}
		delete(w.pages, second)
		w.pages[primary] = page{err: &hook.Error{Failure: hook.Refused}}
		before := len(w.said(customer))
		w.comes(carry.Inbound{Body: "both fail"})
		if len(w.said(customer)) != before || len(w.took()) != 2 {
			t.Error("something was said")
		}
	})
}

func TestInbound_keywords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pages[primary] = page{kind: "text/plain", body: "You said something"}
		w.comes(carry.Inbound{Body: "STOP"})
		calls := w.took()
		if len(calls) != 1 || calls[0].Form.Get("OptOutType") != "STOP" {
			t.Errorf("%+v", calls)
		}
		said := w.said(customer)
		if len(said) != 1 || !strings.Contains(said[0].Body, "START") {
			t.Errorf("said %q: only the confirmation goes to who has opted out", bodies(said))
		}
		if _, err := w.Messages.UpdateNumber(t.Context(), w.owner, w.number.SID, messaging.KindPhone, messaging.NumberChange{URL: ptr(""), FallbackURL: ptr("")}); err != nil {
			t.Fatal(err)
		}
		w.comes(carry.Inbound{Body: "start"})
		if said := w.said(customer); len(said) != 2 || len(w.took()) != 0 {
			t.Errorf("without a handler: %q", bodies(said))
		}
		w.comes(carry.Inbound{Body: "hello"})
		if said := w.said(customer); len(said) != 2 {
			t.Errorf("nobody answers: %q", bodies(said))
		}
	})
}

func TestInbound_whoIsAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		last := func() string {
			w.comes(carry.Inbound{Body: "x"})
			if calls := w.took(); len(calls) > 0 {
				return calls[0].URL
			}
			return ""
		}
		app, err := w.Messages.CreateApplication(ctx, w.owner, messaging.ApplicationChange{URL: ptr("https://example.com/app")})
		if err != nil {
			t.Fatal(err)
		}
		change := func(c messaging.NumberChange) {
			if _, err := w.Messages.UpdateNumber(ctx, w.owner, w.number.SID, messaging.KindPhone, c); err != nil {
				t.Fatal(err)
			}
		}
		if got := last(); got != primary {
			t.Errorf("the number's own: %q", got)
		}
		change(messaging.NumberChange{Application: &app.SID})
		if got := last(); got != "https://example.com/app" {
			t.Errorf("the application's: %q", got)
		}
		s, err := w.Messages.CreateService(ctx, w.owner, messaging.ServiceChange{FriendlyName: ptr("S"), URL: ptr("https://example.com/service")})
		if err == nil {
			_, err = w.Messages.AddSender(ctx, w.owner, s.SID, w.number.SID, messaging.KindPhone)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := last(); got != "https://example.com/service" {
			t.Errorf("the service's: %q", got)
		}
		w.pages["https://example.com/service"] = page{kind: "text/plain", body: "From the service"}
		last()
		if said := w.said(customer); len(said) != 1 || said[0].Service != s.SID || said[0].Status != carry.Accepted {
			t.Errorf("%+v", said)
		}
		if _, err := w.Messages.UpdateService(ctx, w.owner, s.SID, messaging.ServiceChange{OnNumber: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		if got := last(); got != "https://example.com/app" {
			t.Errorf("the service leaves it to the number: %q", got)
		}
		w.Taken = func(*db.Tx, int64, string) (bool, error) { return true, nil }
		if got := last(); got != "" {
			t.Errorf("a flow has the number: %q", got)
		}
		w.Taken = nil
		if err := w.Messages.DeleteApplication(ctx, w.owner, app.SID); err != nil {
			t.Fatal(err)
		}
		if got := last(); got != "" {
			t.Errorf("an application that is gone: %q", got)
		}
		if err := w.Messages.DeleteNumber(ctx, w.owner, w.number.SID, messaging.KindPhone); err != nil {
			t.Fatal(err)
		}
		if got := last(); got != "" {
			t.Errorf("nobody's number: %q", got)
		}
	})
}

func TestInbound_loops(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pages[primary] = page{kind: "text/plain", body: "I am a machine"}
		for range 40 {
			w.comes(carry.Inbound{Body: "So am I"})
		}
		if n := len(w.said(customer)); n == 0 || n > 30 {
			t.Errorf("%d answers to a machine", n)
		}
	})
}

func TestInbound_channels(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		msg := messaging.Message{MessageDocument: messaging.MessageDocument{
			From: "whatsapp:" + customer, To: "whatsapp:" + own, ProfileName: "Ann", Details: map[string]string{"WaId": "15550002000"},
			Media: []messaging.Item{{SID: sid.New(sid.Media), ContentType: "image/png", Kept: true}, {SID: sid.New(sid.Media), URL: "https://carrier.example/b"}},
		}}
		msg.SID, msg.Service = sid.New(sid.MMS), sid.New(sid.MessageService)
		form := w.inboundForm(account.Account{}, &msg)
		for name, want := range map[string]string{"ProfileName": "Ann", "WaId": "15550002000", "NumMedia": "2", "MediaContentType0": "image/png", "MediaUrl1": "https://carrier.example/b", "MessagingServiceSid": string(msg.Service)} {
			if form.Get(name) != want {
				t.Errorf("%s is %q", name, form.Get(name))
			}
		}
		if !strings.HasPrefix(form.Get("MediaUrl0"), "https://usher.example/2010-04-01/Accounts/") || form.Has("FromCity") {
			t.Errorf("%v", form)
		}
	})
}

func TestStatus(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		msg, err := w.Messages.Create(t.Context(), w.owner, messaging.Draft{From: own, To: customer, Body: "x", StatusCallback: "https://example.com/status"})
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.Do(t.Context(), func(tx *db.Tx) error {
			_, err := w.Messages.RefusedTx(tx, w.owner.Account, msg.SID, 30005, "no such handset")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []carry.Status{carry.SentOut, carry.Failed, carry.Failed} {
			if err := w.OnStatus(t.Context(), w.job(messaging.Notice{Message: msg.SID, Status: status})); err != nil {
				t.Fatal(err)
			}
		}
		page, err := w.Hooks.List(t.Context(), w.owner, hook.Filter{Subject: msg.SID}, db.Page{Size: 9})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("%+v %v", page, err)
		}
		for i, want := range []map[string]string{
			{"MessageStatus": "sent", "SmsStatus": "sent", "MessageSid": string(msg.SID), "SmsSid": string(msg.SID), "AccountSid": string(w.owner.AccountSID), "From": own, "To": customer, "ApiVersion": "2010-04-01", "ErrorCode": ""},
			{"MessageStatus": "failed", "ErrorCode": "30005"},
		} {
			c, _, err := w.Hooks.Body(t.Context(), w.owner, page.Items[i].SID)
			if err != nil || c.URL != "https://example.com/status" {
				t.Fatal(c.URL, err)
			}
			for name, v := range want {
				if c.Form.Get(name) != v {
					t.Errorf("%s is %q, want %q", name, c.Form.Get(name), v)
				}
			}
		}
		if err := w.OnStatus(t.Context(), w.job(messaging.Notice{Message: sid.New(sid.SMS), Status: carry.Read})); err != nil {
			t.Error(err)
		}
		for _, do := range []func(context.Context, job.Job) error{w.OnStatus, w.OnInbound} {
			if do(t.Context(), job.Job{Args: []byte("{")}) == nil {
				t.Error("arguments that are none")
			}
		}
		data, _ := json.Marshal(messaging.Notice{Callback: true})
		if !Wants(event.Event{Data: data}) || Wants(event.Event{Data: []byte("{}")}) || Wants(event.Event{Data: []byte("x")}) {
			t.Error("who wants to know")
		}
	})
}

func TestStatusForm_channels(t *testing.T) {
	t.Parallel()
	msg := messaging.Message{MessageDocument: messaging.MessageDocument{From: "whatsapp:+1", To: "whatsapp:+2", Reason: "blocked", ErrorCode: 63016}}
	msg.Service = sid.New(sid.MessageService)
	read := statusForm("AC", &msg, carry.Read)
	if read.Get("ChannelPrefix") != "whatsapp" || read.Get("EventType") != "READ" || read.Has("ErrorCode") || read.Get("MessagingServiceSid") == "" {
		t.Errorf("%v", read)
	}
	if failed := statusForm("AC", &msg, carry.Undelivered); failed.Get("ChannelStatusMessage") != "blocked" || failed.Get("ErrorCode") != "63016" {
		t.Errorf("%v", failed)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("text/xml", []byte("<Response><Message to='a' statusCallback='b'>x<Media>c</Media></Message><Redirect>d</Redirect></Response>"))
	f.Add("text/plain", []byte("x"))
	f.Add("", []byte(""))
	if corpus, err := filepath.Glob("testdata/*.xml"); err == nil {
		for _, file := range corpus {
			if body, err := os.ReadFile(file); err == nil {
				f.Add("application/xml", body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		verbs, code := read(hook.Response{ContentType: kind, Body: body})
		if code != 0 && verbs != nil {
			t.Error("an answer that is wrong says something")
		}
		for _, v := range verbs {
			v = absolute(v, primary)
			if v.Redirect != "" {
				resolve(primary, v.Redirect)
			}
			draft(&messaging.Message{}, v)
		}
	})
}
