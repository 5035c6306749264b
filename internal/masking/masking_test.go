package masking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/proxy"
	"usher/internal/sid"
)

const (
	ann    = "+12125550101"
	bob    = "+12125550102"
	carol  = "+12125550103"
	number = "+12125550901"
	second = "+12125550902"
	token  = "3f1c4c1e6b0d4f56a1b2c3d4e5f60718"
)

// world is an account whose customers have telephones: what is sent to them lands in sent.
type world struct {
	*Masking
	t          *testing.T
	owner      account.Actor
	connection sid.SID
	n          int
	// answer is what callbacks answer; asked is what they were asked.
	answer func(hook.Request) (hook.Response, error)
	asked  []hook.Request

	mu     sync.Mutex
	events []event.Event
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t, connection: sid.New("CX")}
		b := bus.NewMemory()
		jobs := job.New(d, b)
		owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
		hear := []event.Subscriber{{Wants: func(e event.Event) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
			return false
		}}}
		log := event.New(d, b, jobs, owners, map[string][]event.Subscriber{event.SMSReceived: hear, event.SMSQueued: hear, event.SMSStatus: hear, event.MessageAdded: hear})
		own := &Numbers{}
		rooms, f := chat.New(chat.Deps{DB: d, Log: log, Ring: d.Ring()}), flex.New(d)
		p := proxy.New(proxy.Deps{DB: d, Numbers: own, Rooms: Rooms{}})
		own.Messages = messaging.New(messaging.Deps{DB: d, Log: log, Jobs: jobs, Masks: Claims{Proxy: p, Flex: f}})
		w.Masking = New(Deps{
			Proxy: p, Messages: own.Messages, Chat: rooms, Flex: f, Caller: w, Accounts: w,
			Sign: func(acct, message, file sid.SID, _ time.Time) string {
				return "https://files.example.com/" + string(acct+"/"+message+"/"+file)
			},
			Hooks: hook.New(hook.Deps{DB: d, Jobs: jobs, Client: w, Accounts: w}),
		})
		w.do(func(tx *db.Tx) error {
			id, err := db.CreateKeyset(tx)
			w.owner = account.System(id, sid.New(sid.Account))
			return err
		})
		fn(t, w)
	})
}

// ByID and Get find the world's account.
func (w *world) ByID(_ context.Context, id int64) (a account.Account, err error) {
	if id != w.owner.Account {
		return a, db.ErrNotFound
	}
	a.ID, a.SID, a.Status, a.AuthToken = id, w.owner.AccountSID, account.Active, token
	return a, nil
}

func (w *world) Get(ctx context.Context, a account.Actor, _ sid.SID) (account.Account, error) {
	return w.ByID(ctx, a.Account)
}

func (w *world) Post(_ context.Context, r hook.Request) (hook.Response, error) {
	w.asked = append(w.asked, r)
	if w.answer == nil {
		return hook.Response{}, &hook.Error{Failure: hook.Refused}
	}
	return w.answer(r)
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// pool makes a service with numbers.
func (w *world) pool(c proxy.ServiceChange, addresses ...string) proxy.Service {
	w.t.Helper()
	if c.UniqueName == nil {
		c.UniqueName = new(string(sid.New(sid.Request)))
	}
	s, err := w.Proxy.CreateService(w.t.Context(), w.owner, c)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range addresses {
		n, err := w.Messages.CreateNumber(w.t.Context(), w.owner, a, messaging.NumberChange{Connection: &w.connection})
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.Proxy.AddNumber(w.t.Context(), w.owner, string(s.SID), proxy.NewNumber{SID: n.SID}); err != nil {
			w.t.Fatal(err)
		}
	}
	return s
}

func (w *world) session(s proxy.Service, in proxy.NewSession, people ...string) proxy.Session {
	w.t.Helper()
	for _, p := range people {
		in.Participants = append(in.Participants, proxy.NewParticipant{Identifier: p})
	}
	v, err := w.Proxy.CreateSession(w.t.Context(), w.owner, string(s.SID), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// write brings a customer's message.
func (w *world) write(from, to, body string, change ...func(*carry.Inbound)) (msg messaging.Message) {
	w.t.Helper()
	w.n++
	in := carry.Inbound{ID: fmt.Sprint(w.n), From: from, To: to, Body: body}
	for _, c := range change {
		c(&in)
	}
	w.do(func(tx *db.Tx) (err error) {
		msg, _, err = w.Messages.AcceptTx(tx, w.owner.Account, w.connection, in)
		return err
	})
	return msg
}

// heard returns what has happened since, and forgets it.
func (w *world) heard() []event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.events
	w.events = nil
	return all
}

// work reacts to one event as the program does; ok tells whether anybody wanted it.
func (w *world) work(e event.Event) (ok bool, err error) {
	args, err := json.Marshal(event.Args{Kind: e.Kind, Stream: e.Stream.SID, ID: e.Stream.ID, Of: e.Stream.Kind, Data: e.Data})
	if err != nil {
		return false, err
	}
	j := job.Job{Account: e.Account, Key: e.Key, Args: args, Attempt: 1}
	switch {
	case e.Kind == event.SMSReceived && Masked(e):
		return true, w.OnReceived(w.t.Context(), j)
	case e.Kind == event.MessageAdded && e.Carried:
		return true, w.OnWord(w.t.Context(), j)
	case e.Kind == event.SMSStatus && Follows(e):
		return true, w.OnStatus(w.t.Context(), j)
	}
	return false, nil
}

// pump reacts to all that has happened, twice, as jobs may run again; it returns the messages that go out.
func (w *world) pump() (out []messaging.Message) {
	w.t.Helper()
	for events := w.heard(); len(events) > 0; events = w.heard() {
		for _, e := range events {
			for range 2 {
				if _, err := w.work(e); err != nil {
					w.t.Fatalf("%s: %v", e.Kind, err)
				}
			}
			if e.Kind != event.SMSQueued {
				continue
			}
			n, err := messaging.NoticeOf(e.Data)
			if err != nil {
				w.t.Fatal(err)
			}
			w.do(func(tx *db.Tx) error {
				msg, err := w.Messages.MessageTx(tx, w.owner.Account, n.Message)
				if errors.Is(err, db.ErrNotFound) {
					return nil // of a transaction that was run again
				}
				out = append(out, msg)
				return err
			})
		}
	}
	return out
}

// went compares the messages that go out with "from>to: body" lines.
func (w *world) went(what string, out []messaging.Message, want ...string) {
	w.t.Helper()
	var got []string
	for _, m := range out {
		got = append(got, m.From+">"+m.To+": "+m.Body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s:\n%s", what, diff)
	}
}

func (w *world) interactions(v proxy.Session) []proxy.Interaction {
	w.t.Helper()
	page, err := w.Proxy.Interactions(w.t.Context(), w.owner, string(v.Service), string(v.SID), db.Page{Size: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Items
}

// told are the forms that the status callback is to be told.
func (w *world) told(v proxy.Session) (forms []url.Values) {
	w.t.Helper()
	page, err := w.Hooks.List(w.t.Context(), w.owner, hook.Filter{Subject: v.SID}, db.Page{Size: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range page.Items {
		c, _, err := w.Hooks.Body(w.t.Context(), w.owner, d.SID)
		if err != nil {
			w.t.Fatal(err)
		}
		forms = append(forms, c.Form)
	}
	return forms
}

func TestPass_bothWays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{Callback: new("https://example.com/told")}, number)
		v := w.session(s, proxy.NewSession{}, ann, bob)
		asks := w.write(ann, number, "are you there?")
		w.went("one way", w.pump(), number+">"+bob+": are you there?")
		w.write(bob, number, "yes, at the gate")
		w.went("the other way", w.pump(), number+">"+ann+": yes, at the gate")

		list := w.interactions(v)
		if len(list) != 2 {
			t.Fatalf("%d interactions", len(list))
		}
		first := list[0]
		if first.Data != `{"body":"are you there?"}` || first.Inbound.Resource != asks.SID || first.Inbound.Status != "received" ||
			first.Outbound.Status != "queued" || sid.Prefix(string(first.Outbound.Resource)) != sid.SMS || first.Key == 0 || first.SID != interactionOf(asks.SID) {
			t.Errorf("%+v", first)
		}
		v, err := w.Proxy.Session(t.Context(), w.owner, string(s.SID), string(v.SID))
		if err != nil || v.Status != proxy.InProgress {
			t.Errorf("%+v, %v", v, err)
		}

		// What becomes of the message moves the interaction, and is told.
		w.do(func(tx *db.Tx) error {
			if _, _, err := w.Messages.SendingTx(tx, w.owner.Account, first.Outbound.Resource, w.connection); err != nil {
				return err
			}
			_, err := w.Messages.SentTx(tx, w.owner.Account, first.Outbound.Resource, w.connection, carry.Sent{IDs: []string{"x"}})
			return err
		})
		w.do(func(tx *db.Tx) error {
			_, err := w.Messages.ReceiptTx(tx, w.owner.Account, w.connection, carry.Receipt{ID: "x", Status: carry.Delivered})
			return err
		})
		w.pump()
		if got := w.interactions(v)[0].Outbound.Status; got != "delivered" {
			t.Errorf("the interaction is %s", got)
		}
		var statuses []string
		forms := w.told(v)
		for _, f := range forms {
			if f.Get("interactionSid") == string(first.SID) {
				statuses = append(statuses, f.Get("outboundResourceStatus"))
			}
		}
		if diff := cmp.Diff([]string{"queued", "sending", "sent", "delivered"}, statuses); diff != "" {
			t.Errorf("the callback is told:\n%s", diff)
		}
		api := "https://api.twilio.com/2010-04-01/Accounts/" + string(w.owner.AccountSID) + "/Messages/"
		want := url.Values{
			"interactionSid": {string(first.SID)}, "interactionType": {"Message"}, "interactionData": {first.Data},
			"interactionAccountSid": {string(w.owner.AccountSID)}, "interactionServiceSid": {string(s.SID)}, "interactionSessionSid": {string(v.SID)},
			"interactionDateCreated": {date(first.CreatedAt)}, "interactionDateUpdated": {date(first.CreatedAt)},
			"inboundParticipantSid": {string(first.Inbound.Participant)}, "inboundResourceSid": {string(asks.SID)}, "inboundResourceStatus": {"received"},
			"inboundResourceType": {"message"}, "inboundResourceUrl": {api + string(asks.SID) + ".json"},
			"outboundParticipantSid": {string(first.Outbound.Participant)}, "outboundResourceSid": {string(first.Outbound.Resource)},
			"outboundResourceStatus": {"queued"}, "outboundResourceType": {"message"}, "outboundResourceUrl": {api + string(first.Outbound.Resource) + ".json"},
		}
		if diff := cmp.Diff(want, forms[0]); diff != "" {
			t.Errorf("the callback:\n%s", diff)
		}
	})
}

// One number serves two sessions: who writes decides which.
func TestPass_oneNumberTwoSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{}, number, second)
		a := w.session(s, proxy.NewSession{}, ann, bob)
		b := w.session(s, proxy.NewSession{}, carol, ann)
		w.write(carol, number, "to ann")
		w.went("by the second number", w.pump(), second+">"+ann+": to ann")
		w.write(ann, second, "to carol")
		w.went("back", w.pump(), number+">"+carol+": to carol")
		w.write(ann, number, "to bob")
		w.went("in the first, whose two have different numbers", w.pump(), second+">"+bob+": to bob")
		if n, m := len(w.interactions(a)), len(w.interactions(b)); n != 1 || m != 2 {
			t.Errorf("%d and %d interactions", n, m)
		}
	})
}

func TestPass_notAtAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{}, number, second)
		v := w.session(s, proxy.NewSession{Mode: proxy.MessageOnly}, ann, bob)
		w.write(ann, number, " Stop ")
		w.went("a stop word", w.pump())
		alone := w.session(s, proxy.NewSession{}, carol)
		w.write(carol, number, "hello?")
		w.went("to nobody", w.pump())
		if len(w.interactions(v))+len(w.interactions(alone)) != 0 {
			t.Error("what did not pass is among the interactions")
		}
		if _, err := w.Proxy.UpdateSession(t.Context(), w.owner, string(s.SID), string(v.SID), proxy.SessionChange{Status: proxy.Closed}); err != nil {
			t.Fatal(err)
		}
		w.write(bob, number, "too late")
		w.went("in a closed session, without a callback for it", w.pump())
		gone := w.write(bob, number, "and gone")
		w.do(func(tx *db.Tx) error { return w.Messages.ForgetTx(tx, w.owner.Account, bob) })
		w.went("erased with its customer", w.pump())
		_ = gone
	})
}

// Who has opted out of the number gets nothing; the interaction says that it failed.
func TestPass_refused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{Callback: new("https://example.com/told")}, number)
		v := w.session(s, proxy.NewSession{}, ann, bob)
		w.write(bob, number, "STOP")
		w.pump()
		w.write(ann, number, "hello?")
		w.went("to somebody who has opted out", w.pump())
		list := w.interactions(v)
		if len(list) != 1 || list[0].Outbound.Status != "failed" || list[0].Outbound.Resource != "" || list[0].Outbound.Participant == "" {
			t.Errorf("%+v", list)
		}
		if forms := w.told(v); len(forms) != 1 || forms[0].Get("outboundResourceStatus") != "failed" || forms[0].Has("outboundResourceSid") {
			t.Errorf("%v", forms)
		}
	})
}

func TestIntercept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{Intercept: new("https://example.com/asked?x=1")}, number)
		v := w.session(s, proxy.NewSession{}, ann, bob)
		passes := number + ">" + bob + ": hello"
		for _, row := range []struct {
			name   string
			err    error
			passes bool
		}{
			{"yes", nil, true},
			{"403", &hook.Error{Failure: hook.BadStatus, Status: 403}, false},
			{"500", &hook.Error{Failure: hook.BadStatus, Status: 500}, true},
			{"404", &hook.Error{Failure: hook.BadStatus, Status: 404}, true},
			{"no answer in time", &hook.Error{Failure: hook.TimedOut}, true},
			{"nobody there", &hook.Error{Failure: hook.Unreachable}, true},
			{"refused by the guard", &hook.Error{Failure: hook.Refused}, true},
		} {
			w.answer = func(hook.Request) (hook.Response, error) { return hook.Response{}, row.err }
			w.write(ann, number, "hello")
			var want []string
			if row.passes {
				want = []string{passes}
			}
			w.went(row.name, w.pump(), want...)
		}
		if n := len(w.interactions(v)); n != 6 {
			t.Errorf("%d interactions", n)
		}
		r := w.asked[0]
		if r.URL != "https://example.com/asked?x=1" || r.AuthToken != token || r.Timeout == 0 || r.Timeout > askTime || r.IdempotencyToken == "" {
			t.Errorf("%+v", r)
		}
		if r.Form.Get("interactionData") != `{"body":"hello"}` || r.Form.Get("inboundResourceType") != "message" || r.Form.Get("inboundParticipantSid") == "" ||
			r.Form.Has("outboundParticipantSid") || r.Form.Get("interactionSid") != string(w.interactions(v)[0].SID) {
			t.Errorf("%v", r.Form)
		}
	})
}

// A session that is closed while the intercept callback thinks passes nothing.
func TestIntercept_closedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{Intercept: new("https://example.com/asked")}, number)
		v := w.session(s, proxy.NewSession{}, ann, bob)
		w.answer = func(hook.Request) (hook.Response, error) {
			_, err := w.Proxy.UpdateSession(t.Context(), w.owner, string(s.SID), string(v.SID), proxy.SessionChange{Status: proxy.Closed})
			if err != nil && !fault.HasCode(err, 80607) {
				t.Error(err)
			}
			return hook.Response{}, nil
		}
		w.write(ann, number, "hello")
		w.went("after the end", w.pump())
	})
}

func TestTell(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{Callback: new("https://example.com/told")}, number)
		v := w.session(s, proxy.NewSession{}, ann, bob)
		people, err := w.Proxy.Participants(t.Context(), w.owner, string(s.SID), string(v.SID), db.Page{Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		who := people.Items[1].SID
		i, err := w.Tell(t.Context(), w.owner, string(s.SID), string(v.SID), who, "your order is on its way")
		if err != nil || i.Outbound.Participant != who || i.Outbound.Status != "queued" || i.Inbound != (proxy.Side{}) {
			t.Fatalf("%+v, %v", i, err)
		}
		w.went("told", w.pump(), number+">"+bob+": your order is on its way")
		if list := w.interactions(v); len(list) != 1 || list[0].SID != i.SID {
			t.Errorf("%+v", list)
		}
		if forms := w.told(v); len(forms) != 1 || forms[0].Has("inboundResourceSid") {
			t.Errorf("%v", forms)
		}
		for _, row := range []struct {
			name  string
			actor account.Actor
			who   sid.SID
			body  string
			code  int
		}{
			{"nothing", w.owner, who, "", 20001},
			{"nobody", w.owner, sid.New(sid.Participant), "x", 20404},
			{"an agent", account.Actor{Account: w.owner.Account, Role: account.RoleAgent}, who, "x", 20403},
			{"another account", account.System(w.owner.Account+7, sid.New(sid.Account)), who, "x", 20404},
		} {
			if _, err := w.Tell(t.Context(), row.actor, string(s.SID), string(v.SID), row.who, row.body); !fault.HasCode(err, row.code) {
				t.Errorf("%s: %v", row.name, err)
			}
		}
		w.went("what was refused", w.pump())
	})
}

func TestClaims(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pool(proxy.ServiceChange{}, number)
		flex := w.pool(proxy.ServiceChange{UniqueName: new(proxy.FlexService)}, second)
		if _, err := w.Messages.CreateNumber(t.Context(), w.owner, "+12125550903", messaging.NumberChange{}); err != nil {
			t.Fatal(err)
		}
		w.session(flex, proxy.NewSession{}, bob)
		for _, row := range []struct {
			name, from, to string
			want           bool
		}{
			{"outside of every session", ann, number, true},
			{"at the contact center's number", ann, second, false},
			{"there, in a session", bob, second, true},
			{"at a number of no pool", ann, "+12125550903", false},
			{"at nobody's number", ann, "+12125550999", false},
		} {
			if msg := w.write(row.from, row.to, "x"); msg.Masked != row.want {
				t.Errorf("%s: %v", row.name, msg.Masked)
			}
		}
	})
}

// An erased customer's words are in no interaction any more.
func TestErase(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(proxy.ServiceChange{}, number)
		v := w.session(s, proxy.NewSession{}, ann, bob)
		w.write(ann, number, "hello")
		w.write(bob, number, "hi")
		w.pump()
		w.do(func(tx *db.Tx) error { return w.Messages.ForgetTx(tx, w.owner.Account, ann) })
		if list := w.interactions(v); len(list) != 1 || list[0].Data != `{"body":"hi"}` {
			t.Errorf("%+v", list)
		}
	})
}

func wantCode(t *testing.T, what string, err error, code int) {
	t.Helper()
	if !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}
