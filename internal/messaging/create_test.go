package messaging

import (
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/job"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

func TestCreate_refuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.own("whatsapp:"+own, NumberChange{})
		soon := time.Now().Add(time.Hour)
		many := make([]string, 11)
		for i := range many {
			many[i] = "https://example.com/a.png"
		}
		for name, c := range map[string]struct {
			n    Draft
			code int
		}{
			"no recipient":           {Draft{From: own, Body: "x"}, 21604},
			"no number":              {Draft{From: own, To: "12", Body: "x"}, 21211},
			"a word":                 {Draft{From: own, To: "ACME", Body: "x"}, 21211},
			"a national number":      {Draft{From: own, To: "(415) 555-2345", Body: "x"}, 21211},
			"no sender":              {Draft{To: customer, Body: "x"}, 21603},
			"a sender that is none":  {Draft{From: "+1 two?", To: customer, Body: "x"}, 21212},
			"a foreign sender":       {Draft{From: "+15559999999", To: customer, Body: "x"}, 21606},
			"no such channel sender": {Draft{From: "line:U1", To: "line:U2", Body: "x"}, 63007},
			"two channels":           {Draft{From: own, To: "whatsapp:" + customer, Body: "x"}, 21910},
			"to itself":              {Draft{From: own, To: own, Body: "x"}, 21266},
			"nothing to say":         {Draft{From: own, To: customer}, 21619},
			"too long":               {Draft{From: own, To: customer, Body: strings.Repeat("é", 1601)}, 21617},
			"too many files":         {Draft{From: own, To: customer, Media: many}, 21623},
			"a file from nowhere":    {Draft{From: own, To: customer, Media: []string{"file:///etc/passwd"}}, 21620},
			"a callback to nowhere":  {Draft{From: own, To: customer, Body: "x", StatusCallback: "x"}, 21609},
			"validity":               {Draft{From: own, To: customer, Body: "x", Validity: 36_001}, 21624},
			"no such service":        {Draft{Service: sid.New(sid.MessageService), To: customer, Body: "x"}, 21701},
			"no such application":    {Draft{From: own, To: customer, Body: "x", Application: sid.New(sid.Application)}, 21420},
			"later without service":  {Draft{From: own, To: customer, Body: "x", SendAt: soon}, 35118},
		} {
			_, err := w.Create(t.Context(), w.owner, c.n)
			want(t, name, err, c.code)
		}
		agent := account.Actor{Account: w.owner.Account, Role: account.RoleAgent}
		_, err := w.Create(t.Context(), agent, text("x"))
		want(t, "an agent", err, 20403)
		_, err = w.Create(t.Context(), w.other, text("x"))
		want(t, "another account's number", err, 21606)
		if got := w.heard(); got != nil {
			t.Errorf("told: %v", got)
		}
	})
}

func TestCreate_keeps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		long := w.send(Draft{From: " +1 (555) 000-1000 ", To: "+1.555.000.2000", Body: strings.Repeat("a", 161), Validity: 60})
		if long.From != own || long.To != customer || long.Segments != 2 || long.Own() != own || long.Customer() != customer {
			t.Errorf("%+v", long)
		}
		if at := long.Deadline(); !at.Equal(long.CreatedAt.Add(time.Minute)) {
			t.Errorf("deadline %s", at)
		}
		if o := long.Outbound(); o.SID != string(long.SID) || o.Validity != time.Minute || o.To != customer {
			t.Errorf("%+v", o)
		}
		media := w.send(Draft{From: own, To: customer, Media: []string{"https://example.com/a.png"}})
		if sid.Prefix(string(media.SID)) != sid.MMS || len(media.Media) != 1 || !media.Deadline().IsZero() {
			t.Errorf("%+v", media)
		}
		app, err := w.CreateApplication(t.Context(), w.owner, ApplicationChange{MessageStatusCallback: ptr("https://example.com/app")})
		if err != nil {
			t.Fatal(err)
		}
		if msg := w.send(Draft{From: own, To: customer, Body: "x", Application: app.SID}); msg.StatusCallback != "https://example.com/app" {
			t.Errorf("%+v", msg)
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestGuard(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := text("automatic")
		n.Automatic = true
		for i := range guardReplies {
			if _, err := w.Create(t.Context(), w.owner, n); err != nil {
				t.Fatalf("reply %d: %v", i, err)
			}
		}
		_, err := w.Create(t.Context(), w.owner, n)
		want(t, "one more", err, 30039)
		_, err = w.Create(t.Context(), w.owner, text("by hand"))
		want(t, "by hand", err, 0)
		w.do(func(tx *db.Tx) error {
			_, err := tx.Exec("update messaging_party set window_at = window_at - $1", guardWindow.Microseconds())
			return err
		})
		_, err = w.Create(t.Context(), w.owner, n)
		want(t, "in the next window", err, 0)
		w.own("+15550003000", NumberChange{})
		n.To = "+15550003000"
		_, err = w.Create(t.Context(), w.owner, n)
		want(t, "to a number of one's own", err, 30039)
	})
}

func TestOptOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		say := func(body string) (Message, string) {
			msg, _ := w.accept(string(sid.New("XX")), body)
			var reply string
			w.do(func(tx *db.Tx) (err error) {
				reply, err = w.KeywordReplyTx(tx, &msg)
				return err
			})
			return msg, reply
		}
		for _, c := range []struct {
			body, kind, reply string
			out               bool
		}{
			{"stop please", "", "", false},
			{"yes", "", "", false},
			{"Info", Help, helpReply, false},
			{" stop\n", Stop, stopReply, true},
			{"hello", "", "", true},
			{"START", Start, startReply, false},
			{"Unsubscribe", Stop, stopReply, true},
			{"QUIT", Stop, stopReply, true},
			{"unstop", Start, startReply, false},
		} {
			msg, reply := say(c.body)
			if msg.OptOut != c.kind || reply != c.reply {
				t.Errorf("%q: %q %q", c.body, msg.OptOut, reply)
			}
			_, err := w.Create(t.Context(), w.owner, text("news"))
			code := 0
			if c.out {
				code = 21610
			}
			want(t, "after "+c.body, err, code)
			w.do(func(tx *db.Tx) error {
				out, err := w.OptedOutTx(tx, w.owner.Account, own, customer)
				if out != c.out {
					t.Errorf("after %q: opted out %v", c.body, out)
				}
				return err
			})
		}
		say("STOP")
		n := text("confirmed")
		n.Confirming = true
		_, err := w.Create(t.Context(), w.owner, n)
		want(t, "the confirmation", err, 0)
		w.do(func(tx *db.Tx) error {
			out, err := w.OptedOutTx(tx, w.owner.Account, "+15559990000", customer)
			if out {
				t.Error("of a foreign number")
			}
			return err
		})
	})
}

func TestSchedule(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service(own)
		n := Draft{Service: s.SID, To: customer, Body: "later", SendAt: time.Now().Add(time.Hour)}
		for name, at := range map[string]time.Duration{"too soon": 14 * time.Minute, "too late": 36 * 24 * time.Hour} {
			bad := n
			bad.SendAt = time.Now().Add(at)
			_, err := w.Create(t.Context(), w.owner, bad)
			want(t, name, err, 35114)
		}
		msg, stopped := w.send(n), w.send(n)
		if msg.Status != carry.Scheduled || w.heard() != nil {
			t.Fatalf("%+v", msg)
		}
		due := func(s sid.SID) {
			if err := w.OnDue(t.Context(), job.Job{Account: w.owner.Account, Args: []byte(`{"message":"` + string(s) + `"}`)}); err != nil {
				t.Fatal(err)
			}
		}
		due(msg.SID)
		due(msg.SID)
		if got := w.get(msg.SID); got.Status != carry.Accepted || got.From != own {
			t.Errorf("%+v", got)
		}
		if got := w.heard(); len(got) != 2 || got[1] != "message.queued accepted" {
			t.Errorf("told: %v", got)
		}
		w.accept("stop", "STOP")
		due(stopped.SID)
		if got := w.get(stopped.SID); got.Status != carry.Failed || got.ErrorCode != 21610 {
			t.Errorf("%+v", got)
		}
		due(sid.New(sid.SMS))
		if err := w.OnDue(t.Context(), job.Job{Args: []byte("{")}); err == nil {
			t.Error("arguments that are none")
		}
	})
}

// service makes a service with these senders.
func (w *world) service(addresses ...string) Service {
	w.t.Helper()
	s := Service{Row: db.Row{SID: sid.New(sid.MessageService), Account: w.owner.Account}}
	s.Sticky = true
	w.do(func(tx *db.Tx) error {
		if err := services.Insert(tx, &s); err != nil {
			return err
		}
		for _, a := range addresses {
			n, err := w.NumberTx(tx, w.owner.Account, a)
			if err != nil {
				return err
			}
			n.Service = s.SID
			if err := numbers.Update(tx, &n); err != nil {
				return err
			}
		}
		_, err := w.ServiceTx(tx, w.owner.Account, s.SID)
		return err
	})
	return s
}

func TestService_chooses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		empty := w.service()
		_, err := w.Create(t.Context(), w.owner, Draft{Service: empty.SID, To: customer, Body: "x"})
		want(t, "an empty pool", err, 21704)
		w.own("+447700900000", NumberChange{})
		w.own("whatsapp:+447700900000", NumberChange{})
		s := w.service(own, "+447700900000", "whatsapp:+447700900000")
		n := Draft{Service: s.SID, Body: "x"}
		for _, to := range []string{customer, "+447700900123", "whatsapp:+447700900123"} {
			n.To = to
			first := w.send(n)
			if again := w.send(n); again.From != first.From || !first.Pooled || first.Status != carry.Accepted {
				t.Errorf("%s: %s, then %s", to, first.From, again.From)
			}
		}
		n.To = "line:U1"
		_, err = w.Create(t.Context(), w.owner, n)
		want(t, "nobody for the channel", err, 21703)
		n.To, n.From = customer, "+447700900000"
		if msg := w.send(n); msg.From != n.From || msg.Pooled {
			t.Errorf("%+v", msg)
		}
		w.own("+15550004000", NumberChange{})
		n.From = "+15550004000"
		_, err = w.Create(t.Context(), w.owner, n)
		want(t, "a sender of no service", err, 21711)
		w.accept("stop", "STOP")
		n.From = ""
		_, err = w.Create(t.Context(), w.owner, n)
		want(t, "opted out of the service", err, 21610)
		if _, err := w.Create(t.Context(), w.owner, Draft{From: "+15550004000", To: customer, Body: "x"}); err != nil {
			t.Errorf("another number: %v", err)
		}
	})
}

func TestForget(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		msg, _ := w.accept("a", "secret")
		for range 2 {
			w.do(func(tx *db.Tx) error { return w.ForgetTx(tx, w.owner.Account, customer) })
		}
		w.do(func(tx *db.Tx) error { return w.ForgetTx(tx, w.owner.Account, "?") })
		if err := w.db.View(t.Context(), func(tx *db.Tx) error { _, err := w.MessageTx(tx, w.owner.Account, msg.SID); return err }); err == nil {
			t.Error("it is still there")
		}
		if again, fresh := w.accept("a", "secret"); fresh || again.Body != "" {
			t.Errorf("brought again: %v %+v", fresh, again)
		}
		if _, fresh := w.accept("b", "new"); !fresh {
			t.Error("the customer cannot write any more")
		}
	})
}
