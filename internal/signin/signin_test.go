package signin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
)

const (
	adminEmail = "canary@example.com"
	password   = "correct horse battery"
)

// bench is a desk with one admin, who has not signed in yet.
type bench struct {
	accounts *account.Accounts
	owner    account.Actor
	admin    account.Person
	link     string // the admin's first link
	handler  http.Handler
	log      bytes.Buffer
	seatErr  error
}

func (b *bench) Seat(_ context.Context, p account.Person) (Seat, error) {
	return Seat{Workspace: "WS00000000000000000000000000000001", Worker: "WK00000000000000000000000000000001", ChatService: "IS00000000000000000000000000000001"}, b.seatErr
}

func newBench(t *testing.T, d *db.DB) *bench {
	t.Helper()
	ctx := t.Context()
	b := &bench{accounts: account.New(account.Deps{DB: d})}
	setup, err := b.accounts.Bootstrap(ctx, account.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	b.owner = account.System(setup.Account.ID, setup.Account.SID)
	if b.admin, err = b.accounts.CreatePerson(ctx, b.owner, account.NewPerson{Email: adminEmail, Name: "Canary", Role: account.RoleAdmin}); err != nil {
		t.Fatal(err)
	}
	if b.link, _, err = b.accounts.NewLink(ctx, b.owner, b.admin.SID); err != nil {
		t.Fatal(err)
	}
	b.handler = New(Deps{
		Sessions: b.accounts, People: b.accounts, Minter: b.accounts, Seats: b,
		Client: func(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() },
		Secure: func(r *http.Request) bool { return r.TLS != nil },
		Origin: func(r *http.Request) string { return "https://" + r.Host },
		Log:    slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	return b
}

// browser keeps a cookie.
type browser struct {
	b      *bench
	cookie *http.Cookie
	plain  bool   // no TLS
	from   string // address and port
}

func (br *browser) do(method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "usher.example"
	if !br.plain {
		r.TLS = &tls.ConnectionState{}
	}
	if r.RemoteAddr = br.from; br.from == "" {
		r.RemoteAddr = "192.0.2.1:9"
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if br.cookie != nil {
		r.AddCookie(br.cookie)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	br.b.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if br.cookie = c; c.MaxAge < 0 {
			br.cookie = nil
		}
	}
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	return v
}

type none = map[string]any

// signedIn is a browser in which the admin has used the link and set a password.
func signedIn(t *testing.T, b *bench) *browser {
	t.Helper()
	br := &browser{b: b}
	decode[sessionWire](t, br.do("POST", "/signin/once", `{"secret":"`+b.link+`"}`), 200)
	decode[none](t, br.do("POST", "/signin/password/change", `{"new":"`+password+`"}`), 204)
	return br
}

func TestSignin_wholeLife(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		br := &browser{b: b}
		s := decode[sessionWire](t, br.do("POST", "/signin/once", `{"secret":"`+b.link+`"}`), 200)
		if s.Person.SID != b.admin.SID || s.Person.HasPassword || s.Identity != "canary_40example_2Ecom" || s.WorkerSID == "" || s.AccountSID != b.owner.AccountSID {
			t.Errorf("session %+v", s)
		}
		actor, err := b.accounts.Authenticate(t.Context(), "token", s.Token)
		if err != nil || actor.Role != account.RoleAdmin || actor.Person != b.admin.SID || actor.Worker != s.WorkerSID {
			t.Errorf("the token speaks for %+v: %v", actor, err)
		}
		if c := br.cookie; c.Name != "__Host-usher" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %+v", br.cookie)
		}
		if w := (&browser{b: b}).do("POST", "/signin/once", `{"secret":"`+b.link+`"}`); w.Code != 401 {
			t.Errorf("a link works once: %d", w.Code)
		}
		decode[none](t, br.do("POST", "/signin/password/change", `{"new":"`+password+`"}`), 204)
		if s := decode[sessionWire](t, br.do("GET", "/signin/session", ""), 200); !s.Person.HasPassword {
			t.Errorf("session after a password was set: %+v", s)
		}
		first := br.cookie.Value
		decode[sessionWire](t, br.do("POST", "/signin/password", `{"email":"CANARY@example.com","password":"`+password+`"}`), 200)
		if br.cookie.Value == first {
			t.Error("a sign-in makes a new session")
		}
		old := &browser{b: b, cookie: &http.Cookie{Name: secureCookie, Value: first}}
		if w := old.do("GET", "/signin/session", ""); w.Code != 401 || old.cookie != nil {
			t.Errorf("the session before it is dead and its cookie gone: %d %v", w.Code, old.cookie)
		}
		last := *br.cookie
		w := br.do("POST", "/signin/out", "")
		if decode[none](t, w, 204); br.cookie != nil || w.Header().Get("Clear-Site-Data") != `"storage"` {
			t.Errorf("out: %v", w.Header())
		}
		if w := (&browser{b: b, cookie: &last}).do("GET", "/signin/session", ""); w.Code != 401 {
			t.Errorf("after signing out: %d", w.Code)
		}
		for _, secret := range []string{adminEmail, "canary", "Canary", password, b.link, s.Token, last.Value} {
			if strings.Contains(b.log.String(), secret) {
				t.Errorf("%q is in the log: %s", secret, &b.log)
			}
		}
		for _, event := range []string{"signed in", "sign-in refused", "password changed", "signed out"} {
			if !strings.Contains(b.log.String(), `event="`+event+`"`) {
				t.Errorf("no line about %s: %s", event, &b.log)
			}
		}
	})
}

func TestSignin_oneAnswerForEveryMistake(t *testing.T) {
	t.Parallel()
	b := newBench(t, dbtest.SQLite(t))
	signedIn(t, b)
	var bodies []string
	for i, body := range []string{
		`{"email":"canary@example.com","password":"wrong"}`, `{"email":"nobody@example.com","password":"wrong"}`,
		`{"email":"not an address","password":""}`, `{}`,
	} {
		w := (&browser{b: b, from: "192.0.2." + string(rune('1'+i)) + ":9"}).do("POST", "/signin/password", body)
		if w.Code != 401 || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %v", body, w.Code, w.Header())
		}
		bodies = append(bodies, w.Body.String())
	}
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("%s and %s", bodies[0], body)
		}
	}
}

func TestSignin_slowsGuessing(t *testing.T) {
	t.Parallel()
	b := newBench(t, dbtest.SQLite(t))
	signedIn(t, b)
	for range 50 {
		w := (&browser{b: b}).do("POST", "/signin/password", `{"email":"canary@example.com","password":"wrong"}`)
		if w.Code == 429 {
			if w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
	}
	t.Error("fifty guesses were let through")
}

func TestSignin_refuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, dbtest.SQLite(t))
	good := `{"email":"canary@example.com","password":"x"}`
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tt := range map[string]struct {
		br           browser
		method, path string
		body         string
		change       func(*http.Request)
		want         int
	}{
		"another site":             {browser{}, "POST", "/signin/password", good, with("Sec-Fetch-Site", "cross-site"), 403},
		"another origin":           {browser{}, "POST", "/signin/out", "", func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }, 403},
		"a form":                   {browser{}, "POST", "/signin/password", good, with("Content-Type", "text/plain"), 400},
		"no JSON":                  {browser{}, "POST", "/signin/password", `{"email":`, nil, 400},
		"a large body":             {browser{}, "POST", "/signin/password", `{"email":"` + strings.Repeat("a", maxBody) + `"}`, nil, 413},
		"plain from elsewhere":     {browser{plain: true}, "POST", "/signin/password", good, nil, 403},
		"plain on this machine":    {browser{plain: true, from: "127.0.0.1:9"}, "POST", "/signin/password", good, nil, 401},
		"plain on this machine, 6": {browser{plain: true, from: "[::1]:9"}, "GET", "/signin/session", "", nil, 401},
		"plain cookie under TLS":   {browser{cookie: &http.Cookie{Name: plainCookie, Value: "x"}}, "GET", "/signin/session", "", nil, 401},
		"nobody's people":          {browser{}, "GET", "/signin/people", "", nil, 401},
		"nobody's invitation":      {browser{}, "POST", "/signin/people", `{}`, nil, 401},
		"nobody's change":          {browser{}, "POST", "/signin/people/PE1", `{}`, nil, 401},
		"nobody's password":        {browser{}, "POST", "/signin/password/change", `{"new":"x"}`, nil, 401},
		"elsewhere":                {browser{}, "GET", "/signin/elsewhere", "", nil, 404},
		"wrong link":               {browser{}, "POST", "/signin/once", `{"secret":"x"}`, nil, 401},
	} {
		br := tt.br
		br.b = b
		if tt.change == nil {
			tt.change = func(*http.Request) {}
		}
		if w := br.do(tt.method, tt.path, tt.body, tt.change); w.Code != tt.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, tt.want, w.Body)
		}
	}
}

func TestSignin_plainOnThisMachine(t *testing.T) {
	t.Parallel()
	b := newBench(t, dbtest.SQLite(t))
	br := &browser{b: b, plain: true, from: "127.0.0.1:9"}
	decode[sessionWire](t, br.do("POST", "/signin/once", `{"secret":"`+b.link+`"}`), 200)
	if br.cookie.Name != "usher" || br.cookie.Secure || !br.cookie.HttpOnly {
		t.Errorf("cookie %+v", br.cookie)
	}
	decode[sessionWire](t, br.do("GET", "/signin/session", ""), 200)
}

func TestSignin_people(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		br := signedIn(t, b)
		type invited struct {
			Person personWire
			Link   string
		}
		in := decode[invited](t, br.do("POST", "/signin/people", `{"email":"Bo@Example.com","name":"Bo","role":"agent"}`), 201)
		secret, ok := strings.CutPrefix(in.Link, "https://usher.example/desk/signin#once=")
		if !ok || in.Person.Email != "bo@example.com" || in.Person.Role != account.RoleAgent {
			t.Fatalf("%+v", in)
		}
		for body, want := range map[string]int{
			`{"email":"bo@example.com","role":"agent"}`: 409, `{"email":"x","role":"agent"}`: 400, `{"email":"c@example.com","role":"owner"}`: 400, `{"email":"d@example.com"}`: 400,
		} {
			if w := br.do("POST", "/signin/people", body); w.Code != want {
				t.Errorf("%s: %d, want %d: %s", body, w.Code, want, w.Body)
			}
		}
		agent := &browser{b: b}
		decode[sessionWire](t, agent.do("POST", "/signin/once", `{"secret":"`+secret+`"}`), 200)
		for _, w := range []*httptest.ResponseRecorder{
			agent.do("GET", "/signin/people", ""), agent.do("POST", "/signin/people", `{"email":"e@example.com","role":"admin"}`),
			agent.do("POST", "/signin/people/"+string(in.Person.SID), `{"role":"admin"}`),
		} {
			if w.Code != 403 {
				t.Errorf("an agent: %d %s", w.Code, w.Body)
			}
		}
		if all := decode[struct{ People []personWire }](t, br.do("GET", "/signin/people", ""), 200); len(all.People) != 2 {
			t.Errorf("%+v", all)
		}
		path := "/signin/people/" + string(in.Person.SID)
		out := decode[invited](t, br.do("POST", path, `{"name":"Bob","role":"supervisor","invite":true}`), 200)
		if out.Person.Name != "Bob" || out.Person.Role != account.RoleSupervisor || out.Link == "" || out.Link == in.Link {
			t.Errorf("%+v", out)
		}
		decode[invited](t, br.do("POST", path, `{"sign_out":true}`), 200)
		if w := agent.do("GET", "/signin/session", ""); w.Code != 401 {
			t.Errorf("after being signed out: %d", w.Code)
		}
		if out := decode[invited](t, br.do("POST", path, `{"disabled":true}`), 200); !out.Person.Disabled {
			t.Errorf("%+v", out)
		}
		if w := br.do("POST", "/signin/people/"+string(b.admin.SID), `{"disabled":true}`); w.Code != 409 {
			t.Errorf("the last admin: %d %s", w.Code, w.Body)
		}
		if w := br.do("POST", "/signin/people/PE00000000000000000000000000000009", `{}`); w.Code != 404 {
			t.Errorf("nobody: %d %s", w.Code, w.Body)
		}
	})
}

// broken fails the way a database can.
type broken struct{ Sessions }

var errBroken = errors.New("canary")

func (broken) Resume(_ context.Context, secret string) (account.Login, error) {
	switch secret {
	case "full":
		return account.Login{}, db.ErrFull
	case "panic":
		panic("canary")
	}
	return account.Login{}, errBroken
}

func TestSignin_failsQuietly(t *testing.T) {
	t.Parallel()
	b := &bench{}
	b.handler = New(Deps{
		Sessions: broken{}, Seats: b,
		Client: func(*http.Request) netip.Addr { return netip.IPv6Loopback() },
		Secure: func(*http.Request) bool { return false },
	})
	for secret, want := range map[string]int{"full": 503, "panic": 500, "other": 500} {
		w := (&browser{b: b, plain: true, cookie: &http.Cookie{Name: plainCookie, Value: secret}}).do("GET", "/signin/session", "")
		if w.Code != want || strings.Contains(w.Body.String(), "canary") || (want == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: %d %s", secret, w.Code, w.Body)
		}
	}
}
