package hook_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/sid"
)

const token = "3f1c4c1e6b0d4f56a1b2c3d4e5f60718"

// house is an account with its deliveries.
type house struct {
	*hook.Hooks
	t        *testing.T
	db       *db.DB
	accounts *account.Accounts
	owner    account.Actor
}

func open(t *testing.T, d *db.DB, client hook.Poster) *house {
	t.Helper()
	accounts := account.New(account.Deps{DB: d})
	setup, err := accounts.Bootstrap(t.Context(), account.Spec{AuthToken: token})
	if err != nil {
		t.Fatal(err)
	}
	h := hook.New(hook.Deps{DB: d, Jobs: job.New(d, bus.NewMemory()), Client: client, Accounts: accounts})
	return &house{h, t, d, accounts, account.System(setup.Account.ID, setup.Account.SID)}
}

// run runs the worker until the test ends.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Worker().Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
}

func (h *house) enqueue(n hook.Notice) (d hook.Delivery) {
	h.t.Helper()
	n.Account, n.AccountSID = h.owner.Account, h.owner.AccountSID
	err := h.db.Do(h.t.Context(), func(tx *db.Tx) (err error) {
		d, err = h.EnqueueTx(tx, n)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

func (h *house) get(s sid.SID) hook.Delivery {
	h.t.Helper()
	d, err := h.Get(h.t.Context(), h.owner, s)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// until waits for a delivery to leave the state pending.
func (h *house) until(s sid.SID) hook.Delivery {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if d := h.get(s); d.State != hook.Pending {
			return d
		}
	}
	h.t.Fatalf("%s is still pending", s)
	return hook.Delivery{}
}

// receiver answers calls with what answer says of the number of the call, from 1, and keeps them.
type receiver struct {
	mu     sync.Mutex
	calls  []hook.Request
	at     []time.Time
	answer func(n int, r hook.Request) error
}

func (r *receiver) Post(_ context.Context, q hook.Request) (hook.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls, r.at = append(r.calls, q), append(r.at, time.Now())
	err := r.answer(len(r.calls), q)
	var e *hook.Error
	if errors.As(err, &e) {
		return hook.Response{Status: e.Status, Took: time.Second}, e
	}
	return hook.Response{Status: 200, Took: time.Second}, err
}

func status(n int) error {
	return &hook.Error{Failure: hook.BadStatus, Status: n, Reason: http.StatusText(n)}
}

func form(body string) hook.Content {
	return hook.Content{URL: "https://shop.example/canary-path?q=1", Form: url.Values{"Body": {body}, "RetryCount": {"0"}}}
}

func TestDeliver_postsSignedOverHTTP(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		got := make(chan *http.Request, 1)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(bytes.Repeat([]byte("thanks "), 1<<18)) // far more than anybody reads
			got <- r
		}))
		defer s.Close()
		transport := hook.NewTransport(hook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
		defer transport.CloseIdleConnections()
		h := open(t, d, hook.NewClient(transport))
		h.run()
		subject := sid.New(sid.Channel)
		made := h.enqueue(hook.Notice{Kind: "onMessageSent", Subject: subject, Retries: 3, Content: hook.Content{
			URL: s.URL + "/flex?a=1", Form: url.Values{"Body": {"hello"}, "RetryCount": {"0"}},
		}})
		r := <-got
		if want := hook.Sign(s.URL+"/flex?a=1", r.PostForm, token); r.Header.Get("X-Twilio-Signature") != want {
			t.Errorf("signature %s, want %s", r.Header.Get("X-Twilio-Signature"), want)
		}
		if r.Header.Get("I-Twilio-Idempotency-Token") != made.IdempotencyToken() || len(made.IdempotencyToken()) != 36 || r.PostForm.Get("Body") != "hello" {
			t.Errorf("%v %v", r.Header, r.PostForm)
		}
		end := h.until(made.SID)
		if end.State != hook.Delivered || end.Status != 200 || end.Attempts != 1 || end.TookMicros <= 0 || end.AttemptedAt.IsZero() ||
			end.Subject != subject || end.Kind != "onMessageSent" || end.Target != s.URL || end.Failure != "" {
			t.Errorf("%+v", end)
		}
		sent, answer, err := h.Body(t.Context(), h.owner, made.SID)
		if err != nil || sent.Form.Get("Body") != "hello" || answer == nil || answer.ContentType != "text/plain" || len(answer.Body) != hook.AnswerMost {
			t.Errorf("%+v %+v %v", sent, answer, err)
		}
	})
}

func TestDeliver_defaultPolicyBlocks(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t), hook.NewClient(hook.NewTransport(hook.Policy{})))
	h.run()
	for _, address := range []string{"http://127.0.0.1/", "http://169.254.169.254/latest", "http://0x7f.1/", "file:///etc/passwd", "no address"} {
		d := h.until(h.enqueue(hook.Notice{Retries: 3, Content: hook.Content{URL: address}}).SID)
		if d.State != hook.Blocked || d.Attempts != 1 || d.Failure != hook.Refused || !strings.HasPrefix(d.Reason, "refused: ") {
			t.Errorf("%s: %+v", address, d)
		}
	}
}

func TestDeliver_retriesWithOneTokenAndACount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		retries int
		answers []error // the last repeats
		state   hook.State
		calls   int
	}{
		{"success", 3, []error{nil}, hook.Delivered, 1},
		{"success after 503", 3, []error{status(503), status(429), nil}, hook.Delivered, 3},
		{"504 for ever", 3, []error{status(504)}, hook.Failed, 4},
		{"timeouts", 2, []error{&hook.Error{Failure: hook.TimedOut}}, hook.Failed, 3},
		{"unreachable, no retries", 0, []error{&hook.Error{Failure: hook.Unreachable}}, hook.Failed, 1},
		{"500", 3, []error{status(500)}, hook.Failed, 1},
		{"404 after 503", 3, []error{status(503), status(404)}, hook.Failed, 2},
		{"refused", 3, []error{&hook.Error{Failure: hook.Refused}}, hook.Blocked, 1},
		{"a mistake inside", 3, []error{errors.New("not of the call"), nil}, hook.Delivered, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answer: func(n int, _ hook.Request) error { return tt.answers[min(n, len(tt.answers))-1] }}
				h := open(t, dbtest.Open(t, dir+"/usher.db"), r)
				h.run()
				made := h.enqueue(hook.Notice{Retries: tt.retries, Content: form("hello")})
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if d := h.get(made.SID); d.State != tt.state || d.Status == 200 != (tt.state == hook.Delivered) {
					t.Errorf("%+v", d)
				}
				if len(r.calls) != tt.calls {
					t.Fatalf("%d calls, want %d", len(r.calls), tt.calls)
				}
				retries := 0
				for i, q := range r.calls {
					if i > 0 && r.at[i].Sub(r.at[i-1]) < 800*time.Millisecond {
						t.Error("tried again at once")
					}
					var e *hook.Error
					if i > 0 && errors.As(tt.answers[min(i, len(tt.answers))-1], &e) {
						retries++
					}
					if q.IdempotencyToken != made.IdempotencyToken() || q.AuthToken != token || q.Form.Get("RetryCount") != strconv.Itoa(retries) ||
						q.Form.Get("Body") != "hello" || q.Timeout != hook.WebhookTimeout {
						t.Errorf("call %d: %+v", i, q)
					}
				}
			})
		})
	}
}

func TestDeliver_keepsTheOrderOfAKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		r := &receiver{answer: func(_ int, q hook.Request) error {
			got = append(got, q.Form.Get("Body"))
			if q.Form.Get("Body") == "a1" && q.Form.Get("RetryCount") != "2" {
				return status(503)
			}
			return nil
		}}
		h := open(t, dbtest.Open(t, dir+"/usher.db"), r)
		for _, body := range []string{"a1", "a2", "a3"} {
			h.enqueue(hook.Notice{Order: "a", Retries: 3, Content: form(body)})
		}
		h.enqueue(hook.Notice{Order: "b", Retries: 3, Content: form("b1")})
		h.run()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		b := slices.Index(got, "b1")
		if b < 0 || b > 1 {
			t.Errorf("another key waited: %v", got)
		}
		if want := []string{"a1", "a1", "a1", "a2", "a3"}; !slices.Equal(slices.DeleteFunc(got, func(s string) bool { return s == "b1" }), want) {
			t.Errorf("order %v, want %v", got, want)
		}
	})
}

func TestEnqueue_once(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := &receiver{answer: func(int, hook.Request) error { return nil }}
		h := open(t, d, r)
		first := h.enqueue(hook.Notice{Unique: "EV1", Content: form("hello")})
		second := h.enqueue(hook.Notice{Unique: "EV1", Content: form("again")})
		other := h.enqueue(hook.Notice{Unique: "EV2", Content: form("other")})
		if second.SID != first.SID || other.SID == first.SID {
			t.Errorf("%s, %s, %s", first.SID, second.SID, other.SID)
		}
		h.run()
		h.until(first.SID)
		h.until(other.SID)
		if len(r.calls) != 2 {
			t.Errorf("%d calls", len(r.calls))
		}
		for name, n := range map[string]hook.Notice{
			"retries": {Retries: 4}, "negative": {Retries: -1}, "unique": {Unique: strings.Repeat("x", 201)}, "order": {Order: "é"},
		} {
			n.Account, n.AccountSID = h.owner.Account, h.owner.AccountSID
			if err := d.Do(t.Context(), func(tx *db.Tx) error { _, err := h.EnqueueTx(tx, n); return err }); err == nil {
				t.Errorf("%s is let through", name)
			}
		}
	})
}

func TestReplay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := &receiver{answer: func(n int, _ hook.Request) error {
			if n == 1 {
				return status(500)
			}
			return nil
		}}
		h := open(t, d, r)
		made := h.enqueue(hook.Notice{Retries: 3, Content: form("hello")})
		// A replay before the first try is the same as none.
		if _, err := h.Replay(t.Context(), h.owner, made.SID); err != nil {
			t.Fatal(err)
		}
		h.run()
		if d := h.until(made.SID); d.State != hook.Failed || d.Failure != hook.BadStatus || d.Reason != "Internal Server Error" || d.Status != 500 {
			t.Errorf("%+v", d)
		}
		again, err := h.Replay(t.Context(), h.owner, made.SID)
		if err != nil || again.State != hook.Pending || again.Attempts != 0 {
			t.Fatalf("%+v %v", again, err)
		}
		if d := h.until(made.SID); d.State != hook.Delivered || d.Attempts != 1 || d.Failure != "" || d.Round != 2 {
			t.Errorf("%+v", d)
		}
		if len(r.calls) != 2 || r.calls[0].IdempotencyToken != r.calls[1].IdempotencyToken {
			t.Errorf("%d calls", len(r.calls))
		}
		for _, s := range []sid.SID{sid.New(hook.Prefix), ""} {
			if _, err := h.Replay(t.Context(), h.owner, s); !fault.Is(err, fault.KindNotFound) {
				t.Errorf("%s: %v", s, err)
			}
		}
	})
}

func TestDeliver_whatAnEarlierRoundLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var h *house
		var made hook.Delivery
		r := &receiver{}
		r.answer = func(n int, _ hook.Request) error {
			if n == 1 { // the operator replays while the first try is under way
				if _, err := h.Replay(context.Background(), h.owner, made.SID); err != nil {
					t.Error(err)
				}
				return status(503)
			}
			return nil
		}
		h = open(t, dbtest.Open(t, dir+"/usher.db"), r)
		made = h.enqueue(hook.Notice{Retries: 3, Content: form("hello")})
		h.run()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if d := h.get(made.SID); d.State != hook.Delivered || d.Attempts != 1 || len(r.calls) != 2 {
			t.Errorf("%+v, %d calls", d, len(r.calls))
		}
	})
}

// TestDeliver_againAfterAnOutcomeThatWasNotWritten is a process that dies between the answer and its writing down.
func TestDeliver_againAfterAnOutcomeThatWasNotWritten(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: func(n int, _ hook.Request) error {
		if n == 1 {
			panic("the process dies")
		}
		return nil
	}}
	h := open(t, dbtest.SQLite(t), r)
	made := h.enqueue(hook.Notice{Content: form("hello")})
	j := job.Job{Account: h.owner.Account, Args: []byte(`{"Delivery":"` + made.SID + `","Round":0}`)}
	func() {
		defer func() { _ = recover() }()
		_ = h.Deliver(t.Context(), j)
	}()
	if d := h.get(made.SID); d.State != hook.Pending {
		t.Fatalf("%+v", d)
	}
	for range 2 { // the second finds it done
		if err := h.Deliver(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	if d := h.get(made.SID); d.State != hook.Delivered || len(r.calls) != 2 || r.calls[0].IdempotencyToken != r.calls[1].IdempotencyToken {
		t.Errorf("%+v, %d calls", d, len(r.calls))
	}
	for _, j := range []job.Job{
		{Account: h.owner.Account, Args: []byte(`{"Delivery":"` + sid.New(hook.Prefix) + `"}`)}, // trimmed
		{Account: h.owner.Account + 1, Args: j.Args},                                            // another account's
	} {
		if err := h.Deliver(t.Context(), j); err != nil {
			t.Error(err)
		}
	}
	if err := h.Deliver(t.Context(), job.Job{Args: []byte("?")}); err == nil {
		t.Error("a job without arguments ended well")
	}
}

func TestDeliver_erasedContact(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := &receiver{answer: func(int, hook.Request) error { return nil }}
		h := open(t, d, r)
		var key int64
		do := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Do(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		do(func(tx *db.Tx) (err error) { key, err = db.CreateDataKey(tx, h.owner.Account); return err })
		made := h.enqueue(hook.Notice{Key: key, Kind: "onMessageSent", Content: form("canary-body")})
		if c, _, err := h.Body(t.Context(), h.owner, made.SID); err != nil || c.Form.Get("Body") != "canary-body" {
			t.Fatal(c, err)
		}
		do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, h.owner.Account, key) })
		h.run()
		if got := h.until(made.SID); got.State != hook.Erased || got.Attempts != 0 || len(r.calls) != 0 {
			t.Errorf("%+v, %d calls", got, len(r.calls))
		}
		c, answer, err := h.Body(t.Context(), h.owner, made.SID)
		if got := h.get(made.SID); err != nil || answer != nil || got.Kind != "onMessageSent" || got.Target != "https://shop.example" || c.URL != "" || c.Form != nil {
			t.Errorf("%+v %+v %v", got, c, err)
		}
		if page, err := h.List(t.Context(), h.owner, hook.Filter{}, db.Page{Size: 10}); err != nil || len(page.Items) != 1 {
			t.Errorf("%+v %v", page, err)
		}
		if _, err := h.Replay(t.Context(), h.owner, made.SID); !fault.Is(err, fault.KindConflict) {
			t.Error(err)
		}
	})
}

func TestDeliver_notForASuspendedAccount(t *testing.T) {
	t.Parallel()
	r := &receiver{answer: func(int, hook.Request) error { return nil }}
	h := open(t, dbtest.SQLite(t), r)
	sub, err := h.accounts.Create(t.Context(), h.owner, "Branch")
	if err != nil {
		t.Fatal(err)
	}
	suspended := account.Suspended
	if _, err := h.accounts.Update(t.Context(), h.owner, sub.SID, account.Change{Status: &suspended}); err != nil {
		t.Fatal(err)
	}
	h.owner = account.System(sub.ID, sub.SID)
	made := h.enqueue(hook.Notice{Content: form("hello")})
	h.run()
	if d := h.until(made.SID); d.State != hook.Blocked || d.Reason != "the account is not active" || len(r.calls) != 0 {
		t.Errorf("%+v", d)
	}
}

func TestList_belongsToTheAccountAndItsOwner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := &receiver{answer: func(_ int, q hook.Request) error {
			if q.Form.Get("Body") == "bad" {
				return status(400)
			}
			return nil
		}}
		h := open(t, d, r)
		subject := sid.New(sid.Channel)
		bad := h.enqueue(hook.Notice{Subject: subject, Content: form("bad")})
		good := h.enqueue(hook.Notice{Subject: sid.New(sid.Channel), Content: form("good")})
		h.run()
		h.until(bad.SID)
		h.until(good.SID)
		for _, tt := range []struct {
			filter hook.Filter
			want   []sid.SID
		}{
			{hook.Filter{}, []sid.SID{bad.SID, good.SID}},
			{hook.Filter{State: hook.Failed}, []sid.SID{bad.SID}},
			{hook.Filter{Subject: subject}, []sid.SID{bad.SID}},
			{hook.Filter{Subject: subject, State: hook.Delivered}, nil},
		} {
			page, err := h.List(t.Context(), h.owner, tt.filter, db.Page{Size: 10})
			var got []sid.SID
			for _, d := range page.Items {
				got = append(got, d.SID)
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%+v: %v, %v", tt.filter, got, err)
			}
		}
		sub, err := h.accounts.Create(t.Context(), h.owner, "Branch")
		if err != nil {
			t.Fatal(err)
		}
		other := account.System(sub.ID, sub.SID)
		if page, err := h.List(t.Context(), other, hook.Filter{}, db.Page{Size: 10}); err != nil || len(page.Items) != 0 {
			t.Errorf("another account: %+v %v", page, err)
		}
		agent := h.owner
		agent.Role = account.RoleAgent
		for _, tt := range []struct {
			actor account.Actor
			kind  fault.Kind
		}{{other, fault.KindNotFound}, {agent, fault.KindForbidden}} {
			if _, err := h.Get(t.Context(), tt.actor, bad.SID); !fault.Is(err, tt.kind) {
				t.Error(err)
			}
			if _, _, err := h.Body(t.Context(), tt.actor, bad.SID); !fault.Is(err, tt.kind) {
				t.Error(err)
			}
			if _, err := h.Replay(t.Context(), tt.actor, bad.SID); !fault.Is(err, tt.kind) {
				t.Error(err)
			}
		}
		if _, err := h.List(t.Context(), agent, hook.Filter{}, db.Page{Size: 10}); !fault.Is(err, fault.KindForbidden) {
			t.Error(err)
		}
	})
}

func TestTrim(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d, &receiver{answer: func(int, hook.Request) error { return nil }})
		for range 3 {
			h.enqueue(hook.Notice{Content: form("hello")})
		}
		for _, tt := range []struct {
			before time.Time
			limit  int
			want   int64
		}{{time.Now().Add(-time.Hour), 10, 0}, {time.Now().Add(time.Hour), 2, 2}, {time.Now().Add(time.Hour), 2, 1}} {
			if n, err := h.Trim(t.Context(), tt.before, tt.limit); err != nil || n != tt.want {
				t.Errorf("%d were deleted, want %d: %v", n, tt.want, err)
			}
		}
		var left int64
		err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("select count(*) from hook_body").Scan(&left) })
		if err != nil || left != 0 {
			t.Errorf("%d bodies are left: %v", left, err)
		}
		// Their jobs find nothing and end.
		h.run()
	})
}

// TestNothingInTheClear looks for what was sent in the log and in the rows.
func TestNothingInTheClear(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	dir := t.TempDir()
	var rows strings.Builder
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, dir+"/usher.db")
		h := open(t, d, &receiver{answer: func(int, hook.Request) error { return status(503) }})
		h.run()
		h.enqueue(hook.Notice{Kind: "onMessageSent", Subject: sid.New(sid.Channel), Retries: 1, Content: form("canary-body")})
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		// The job waits for its second try now, and its failure stands in the clear.
		err := d.View(t.Context(), func(tx *db.Tx) error {
			var failure string
			var doc, body, args []byte
			err := tx.QueryRow("select j.failure, j.doc, d.doc, b.doc from job j, hook_delivery d, hook_body b").Scan(&failure, &args, &doc, &body)
			rows.WriteString(failure + string(args) + string(doc) + string(body))
			return err
		})
		if err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
	for _, canary := range []string{"canary", "shop.example", token, "secret"} {
		if strings.Contains(log.String(), canary) || strings.Contains(rows.String(), canary) {
			t.Errorf("%q stands in the clear:\n%s%q", canary, log.String(), rows.String())
		}
	}
	if !strings.Contains(log.String(), "state=failed") || !strings.Contains(rows.String(), "status 503") {
		t.Errorf("nothing was logged:\n%s%q", log.String(), rows.String())
	}
}
