package switchboard_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/account"
	"usher/internal/connector"
	"usher/internal/connector/switchboard"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/sid"
)

// carrier is a connector whose every part is given by the test.
type carrier struct {
	send    func(ctx context.Context, m carry.Outbound) (carry.Sent, error)
	receive func(ctx context.Context, r connector.Request) (connector.Update, error)
}

func (c *carrier) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	return c.send(ctx, m)
}

func (c *carrier) Receive(ctx context.Context, r connector.Request) (connector.Update, error) {
	return c.receive(ctx, r)
}

// asked is a carrier that asks whether the address is ours.
type asked struct{ carrier }

func (a *asked) Verify(_ context.Context, r connector.Request) (connector.Answer, error) {
	return connector.Answer{ContentType: "text/plain", Body: []byte(r.URL)}, nil
}

// runner keeps a link.
type runner struct {
	run func(ctx context.Context, s connector.Sink) error
	up  atomic.Bool
}

func (r *runner) Run(ctx context.Context, s connector.Sink) error { return r.run(ctx, s) }

func (r *runner) Health() carry.Health { return carry.Health{Up: r.up.Load()} }

// inbox notes what is kept.
type inbox struct {
	mu       sync.Mutex
	messages []carry.Inbound
	receipts []carry.Receipt
	err      error
}

func (b *inbox) Accept(_ context.Context, _ connection.Line, messages []carry.Inbound, receipts []carry.Receipt) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.messages, b.receipts = append(b.messages, messages...), append(b.receipts, receipts...)
	return nil
}

// house is a switchboard with one kind.
type house struct {
	*switchboard.Switchboard
	t       *testing.T
	db      *db.DB
	rows    *connection.Connections
	inbox   *inbox
	log     *bytes.Buffer
	owner   account.Actor
	opened  []connector.Deps
	carrier any
}

func newHouse(t *testing.T, d *db.DB, c any) *house {
	h := &house{t: t, db: d, inbox: &inbox{}, log: &bytes.Buffer{}, carrier: c}
	kinds := []connector.Kind{{
		Name: "test", Channels: []carry.Channel{carry.SMS}, Fields: []connector.Field{{Name: "key", Secret: true}},
		Open: func(settings map[string]string, deps connector.Deps) (any, error) {
			if settings["key"] == "bad" {
				return nil, errors.New("key is not a key")
			}
			h.opened = append(h.opened, deps)
			return h.carrier, nil
		},
	}}
	h.rows = connection.New(connection.Deps{DB: d, Kinds: switchboard.Kinds(kinds), Changed: func() { h.Wake() }})
	h.Switchboard = h.board(kinds)
	if err := d.Do(context.WithoutCancel(t.Context()), func(tx *db.Tx) error {
		id, err := db.CreateKeyset(tx)
		h.owner = account.System(id, sid.New(sid.Account))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// board is another process's switchboard over the same rows.
func (h *house) board(kinds []connector.Kind) *switchboard.Switchboard {
	return switchboard.New(switchboard.Deps{
		Connections: h.rows, Kinds: kinds, PublicURL: func() string { return "https://usher.example" },
		Origin: func(*http.Request) string { return "https://seen.example" }, Remote: func(*http.Request) string { return "192.0.2.1" },
		Inbox: h.inbox, Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
}

func (h *house) connection(change connection.Change) connection.Connection {
	h.t.Helper()
	change.Kind = new("test")
	c, err := h.rows.Create(context.WithoutCancel(h.t.Context()), h.owner, change)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) call(method, path, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestEntrance(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &carrier{}
		h := newHouse(t, d, c)
		at := switchboard.Path + string(h.connection(connection.Change{}).SID)
		off := switchboard.Path + string(h.connection(connection.Change{Enabled: new(false)}).SID)
		c.receive = func(_ context.Context, r connector.Request) (connector.Update, error) {
			switch body := string(r.Body); body {
			case "forged":
				return connector.Update{}, &connector.Forged{Reason: "no signature"}
			case "malformed":
				return connector.Update{}, &connector.Malformed{Reason: "no JSON"}
			case "broken":
				panic("a mistake")
			case "later":
				return connector.Update{}, errors.New("secret")
			case "quiet":
				return connector.Update{}, nil
			case "flood":
				return connector.Update{Messages: make([]carry.Inbound, 1001)}, nil
			}
			return connector.Update{
				Messages: []carry.Inbound{{ID: "1", Body: string(r.Body)}}, Receipts: []carry.Receipt{{ID: r.URL}},
				Answer: connector.Answer{Status: http.StatusAccepted, ContentType: "text/xml", Body: []byte("<ok/>")},
			}, nil
		}
		for _, row := range []struct {
			method, path, body string
			status             int
		}{
			{"POST", at + "/more?x=1", "hello", 202},
			{"GET", at, "", 202},
			{"POST", at, "quiet", 200},
			{"POST", at, "forged", 403},
			{"POST", at, "malformed", 400},
			{"POST", at, "broken", 503},
			{"POST", at, "later", 503},
			{"POST", at, "flood", 400},
			{"PUT", at, "hello", 405},
			{"POST", at, strings.Repeat("x", 4<<20+1), 413},
			{"POST", off, "hello", 404},
			{"POST", switchboard.Path + string(sid.New(connection.Prefix)), "hello", 404},
			{"POST", switchboard.Path + "XC1", "hello", 404},
		} {
			w := h.call(row.method, row.path, row.body)
			if w.Code != row.status {
				t.Errorf("%s %.60s %.20q answers %d, want %d: %s", row.method, row.path, row.body, w.Code, row.status, w.Body)
			}
			if row.status == 503 && w.Header().Get("Retry-After") == "" {
				t.Errorf("%q: no Retry-After", row.body)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%q: the answer tells %s", row.body, w.Body)
			}
		}
		if len(h.inbox.messages) != 2 || len(h.inbox.receipts) != 2 || h.inbox.receipts[0].ID != "https://seen.example"+at+"/more?x=1" {
			t.Errorf("kept %+v", h.inbox)
		}
		for _, want := range []string{"msg=audit", "a carrier's request was refused", "no signature", "192.0.2.1"} {
			if !strings.Contains(h.log.String(), want) {
				t.Errorf("the log lacks %q: %s", want, h.log)
			}
		}
		h.inbox.err = db.ErrUnavailable
		if w := h.call("POST", at, "hello"); w.Code != 503 {
			t.Errorf("what cannot be kept is answered %d", w.Code)
		}
		if got := h.opened[len(h.opened)-1]; got.PublicURL != "https://usher.example"+at || got.Account != h.owner.Account || string(got.Connection) != at[len(switchboard.Path):] {
			t.Errorf("opened with %+v", got)
		}
	})
}

// A carrier that hangs up while we are at it has said what it has said.
func TestEntrance_hungUp(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, hangUp := context.WithCancel(t.Context())
		c := &carrier{}
		c.receive = func(ctx context.Context, _ connector.Request) (connector.Update, error) {
			hangUp()
			return connector.Update{Messages: []carry.Inbound{{ID: "1"}}}, ctx.Err()
		}
		h := newHouse(t, d, c)
		at := switchboard.Path + string(h.connection(connection.Change{}).SID)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader("hello")))
		if len(h.inbox.messages) != 1 {
			t.Error("a message was forgotten")
		}
	})
}

func TestEntrance_verifies(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), &asked{})
	at := switchboard.Path + string(h.connection(connection.Change{}).SID)
	if w := h.call("GET", at+"?challenge=7", ""); w.Code != 200 || w.Body.String() != "https://seen.example"+at+"?challenge=7" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !switchboard.Claims(httptest.NewRequest("GET", at, nil)) || switchboard.Claims(httptest.NewRequest("GET", "/carriers/v1/Connections", nil)) {
		t.Error("a carrier's address is taken for an operation's, or the other way around")
	}
}

func TestEntrance_nothingThatListens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), struct{}{})
	c := h.connection(connection.Change{})
	if w := h.call("POST", switchboard.Path+string(c.SID), "hello"); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	var refused *carry.Refusal
	if _, err := h.Send(t.Context(), c, carry.Outbound{}); !errors.As(err, &refused) || refused.Again {
		t.Errorf("a connection that does not send: %v", err)
	}
}

func TestSend_newSettingsOpenItAnew(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, &carrier{send: func(context.Context, carry.Outbound) (carry.Sent, error) { return carry.Sent{IDs: []string{"7"}}, nil }})
		c := h.connection(connection.Change{})
		before := len(h.opened)
		for range 3 {
			if sent, err := h.Send(t.Context(), c, carry.Outbound{SID: "SM1"}); err != nil || sent.IDs[0] != "7" {
				t.Fatal(err)
			}
		}
		if n := len(h.opened) - before; n != 1 {
			t.Errorf("opened %d times", n)
		}
		if health, err := h.rows.Health(t.Context(), h.owner, c.SID); err != nil || !health.Up {
			t.Errorf("health %+v %v", health, err)
		}
		c, err := h.rows.Update(t.Context(), h.owner, c.SID, connection.Change{Settings: map[string]string{"key": "new"}})
		if err != nil {
			t.Fatal(err)
		}
		before = len(h.opened)
		if _, err := h.Send(t.Context(), c, carry.Outbound{}); err != nil || len(h.opened) != before+1 {
			t.Errorf("opened %d times more, %v", len(h.opened)-before, err)
		}
		if h.Repeats(c) {
			t.Error("a carrier that says nothing of keys is asked again")
		}
		if _, err := h.rows.Create(t.Context(), h.owner, connection.Change{Kind: new("test"), Settings: map[string]string{"key": "bad"}}); err == nil || strings.Contains(err.Error(), "bad") {
			t.Errorf("bad settings: %v", err)
		}
	})
}

func TestSend_failures(t *testing.T) {
	t.Parallel()
	c := &carrier{}
	h := newHouse(t, dbtest.SQLite(t), c)
	v := h.connection(connection.Change{})
	health := func() carry.Health {
		got, err := h.rows.Health(t.Context(), h.owner, v.SID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, row := range []struct {
		name string
		err  error
		up   bool
	}{
		{"a message that is refused for itself", &carry.Refusal{Code: 21211, Reason: "no such number"}, true},
		{"a carrier that is out", &carry.Refusal{Reason: "no bind", Again: true}, false},
		{"a good one", nil, true},
		{"a cut", io.ErrUnexpectedEOF, false},
	} {
		c.send = func(context.Context, carry.Outbound) (carry.Sent, error) { return carry.Sent{}, row.err }
		if _, err := h.Send(t.Context(), v, carry.Outbound{}); !errors.Is(err, row.err) {
			t.Errorf("%s: %v", row.name, err)
		}
		if got := health(); got.Up != row.up {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
	c.send = func(context.Context, carry.Outbound) (carry.Sent, error) { panic("a mistake") }
	if _, err := h.Send(t.Context(), v, carry.Outbound{}); err == nil {
		t.Error("a panic is no success")
	}
}

func TestSend_rateAndSlots(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	synctest.Test(t, func(t *testing.T) {
		c := &carrier{}
		h := newHouse(t, dbtest.Open(t, path), c)
		v := h.connection(connection.Change{Rate: new(int64(10))})
		sent := 0
		c.send = func(context.Context, carry.Outbound) (carry.Sent, error) { sent++; return carry.Sent{}, nil }
		began := time.Now()
		for range 40 {
			if _, err := h.Send(t.Context(), v, carry.Outbound{}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 2900*time.Millisecond || took > 4*time.Second {
			t.Errorf("40 messages at 10 a second took %s", took)
		}
		slow := h.connection(connection.Change{})
		release := make(chan struct{})
		c.send = func(ctx context.Context, _ carry.Outbound) (carry.Sent, error) { <-release; return carry.Sent{}, nil }
		var all sync.WaitGroup
		var busy atomic.Int32
		for range 100 {
			all.Go(func() {
				var refused *carry.Refusal
				if _, err := h.Send(context.Background(), slow, carry.Outbound{}); errors.As(err, &refused) && refused.Again {
					busy.Add(1)
				}
			})
		}
		time.Sleep(5 * time.Second)
		close(release)
		all.Wait()
		if n := busy.Load(); n != 36 {
			t.Errorf("%d of 100 went back to their rows, want those beyond 64", n)
		}
	})
}

// One process keeps a link; new settings begin it anew, and another process takes it over.
func TestLinks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	synctest.Test(t, func(t *testing.T) {
		var running, begun atomic.Int32
		r := &runner{}
		r.run = func(ctx context.Context, s connector.Sink) error {
			if n := running.Add(1); n != 1 {
				t.Errorf("%d links at a time", n)
			}
			defer running.Add(-1)
			if begun.Add(1) == 2 {
				return errors.New("cut")
			}
			r.up.Store(true)
			if err := s.Accept(ctx, carry.Inbound{ID: "1"}); err != nil {
				t.Error(err)
			}
			if err := s.Receipt(ctx, carry.Receipt{ID: "2"}); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			return nil
		}
		h := newHouse(t, dbtest.Open(t, path), r)
		ctx, stop := context.WithCancel(context.Background())
		other, stopOther := context.WithCancel(context.Background())
		var all sync.WaitGroup
		all.Go(func() { _ = h.Run(ctx) })
		v := h.connection(connection.Change{})
		time.Sleep(time.Second)
		if begun.Load() != 1 || running.Load() != 1 {
			t.Fatalf("begun %d times", begun.Load())
		}
		second := h.board(h.Switchboard.Kinds)
		all.Go(func() { _ = second.Run(other) })
		time.Sleep(time.Minute)
		if begun.Load() != 1 {
			t.Fatalf("two processes began it %d times", begun.Load())
		}
		if health, err := h.rows.Health(context.Background(), h.owner, v.SID); err != nil || !health.Up {
			t.Errorf("health %+v %v", health, err)
		}
		if _, err := h.rows.Update(context.Background(), h.owner, v.SID, connection.Change{Settings: map[string]string{"key": "new"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // the second begin breaks and is begun again
		if n := begun.Load(); n != 3 || running.Load() != 1 {
			t.Errorf("begun %d times, %d running", n, running.Load())
		}
		stop()
		time.Sleep(10 * time.Second)
		if n := begun.Load(); n != 4 || running.Load() != 1 {
			t.Errorf("after the first process's end: begun %d times, %d running", n, running.Load())
		}
		if err := h.rows.Delete(context.Background(), h.owner, v.SID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if running.Load() != 0 {
			t.Error("a link outlives its connection")
		}
		stopOther()
		all.Wait()
		if len(h.inbox.messages) != 3 || len(h.inbox.receipts) != 3 {
			t.Errorf("kept %d messages and %d receipts", len(h.inbox.messages), len(h.inbox.receipts))
		}
	})
}
