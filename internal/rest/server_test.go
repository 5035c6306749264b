package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

const (
	testAccount = "AC00000000000000000000000000000001"
	testToken   = "secret"
)

// keeper knows one account by its token and one visitor by a JWT.
type keeper struct{}

func (keeper) Authenticate(_ context.Context, user, password string) (account.Actor, error) {
	switch {
	case user == testAccount && password == testToken:
		return account.Actor{Account: 1, AccountSID: testAccount, Role: account.RoleOwner}, nil
	case user == "token" && password == "jwt":
		return account.Actor{Account: 1, AccountSID: testAccount, Role: account.RoleVisitor}, nil
	}
	return account.Actor{}, fault.Unauthenticated()
}

// thing is the resource of these tests: a list in memory.
type thing struct {
	id      int
	name    string
	version int64
}

type thingForm struct {
	Name  Opt[string] `form:"FriendlyName,required,max=10"`
	Fixed string      `form:"Fixed,create"`
	Count Opt[int]    `form:"Count,min=0,max=9"`
	Deep  struct {
		Flow Opt[string] `form:"FlowSid"`
	} `form:"Integration"`
}

type thingFilter struct {
	Status []string `form:"Status,comma,enum=a|b"`
}

type thingWire struct {
	SID     string  `json:"sid"`
	Name    string  `json:"friendly_name"`
	Flow    string  `json:"flow"`
	Created *string `json:"date_created"`
	URL     string  `json:"url"`
}

func testProducts() []Product {
	things := make([]thing, 0, 8)
	for i := range 5 {
		things = append(things, thing{id: i, name: fmt.Sprintf("t%d", i), version: int64(i + 1)})
	}
	find := func(c *Call) (thing, error) {
		for _, t := range things {
			if c.Var("Sid") == fmt.Sprintf("TH%d", t.id) {
				return t, nil
			}
		}
		return thing{}, fmt.Errorf("thing: %w", db.ErrNotFound)
	}
	res := Resource[thing, thingForm]{
		Path: "/Things", Key: "things", Filter: thingFilter{},
		Read: []account.Grant{account.ChatRead}, Write: []account.Grant{account.ChatWrite},
		List: func(_ context.Context, c *Call, p db.Page) (db.PageOf[thing], error) {
			var f thingFilter
			if err := c.Filter(&f); err != nil {
				return db.PageOf[thing]{}, err
			}
			from := 0
			if p.After != "" {
				fmt.Sscan(p.After, &from)
			}
			to := min(from+p.Size, len(things))
			page := db.PageOf[thing]{Items: things[from:to]}
			if to < len(things) {
				page.Next = fmt.Sprint(to)
			}
			return page, nil
		},
		Get: func(_ context.Context, c *Call) (thing, error) { return find(c) },
		Create: func(_ context.Context, _ *Call, in thingForm) (thing, error) {
			return thing{id: 9, name: in.Name.V + in.Fixed + in.Deep.Flow.V, version: 1}, nil
		},
		Update: func(_ context.Context, c *Call, in thingForm) (thing, error) {
			t, err := find(c)
			in.Name.To(&t.name)
			t.name += in.Fixed
			t.version++
			return t, err
		},
		Delete:  func(_ context.Context, c *Call) error { _, err := find(c); return err },
		Version: func(t thing) int64 { return t.version },
		View: func(c *Call, t thing) any {
			id := fmt.Sprintf("TH%d", t.id)
			return thingWire{SID: id, Name: t.name, Created: c.Date(time.Unix(1e9, 5e8)), URL: c.URL("/Things/", id)}
		},
	}
	failing := func(path string, err error) Mount {
		return Op[struct{}, any]{Method: "GET", Path: path, Grants: []account.Grant{account.ChatRead}, Do: func(context.Context, *Call, struct{}) (any, error) {
			return nil, err
		}}
	}
	odd := []Mount{
		Op[struct{}, any]{Method: "GET", Path: "/Things/Statistics", Public: true, Do: func(context.Context, *Call, struct{}) (any, error) {
			return map[string]int{"n": 1}, nil
		}},
		Op[map[string]any, any]{Method: "POST", Path: "/Document", Public: true, JSON: true, Do: func(_ context.Context, _ *Call, in map[string]any) (any, error) {
			return in, nil
		}},
		Op[struct{}, any]{Method: "GET", Path: "/Panic", Public: true, Do: func(context.Context, *Call, struct{}) (any, error) { panic("boom <canary>") }},
		Op[struct{}, any]{Method: "GET", Path: "/Users/{Sid}", Public: true, Do: func(_ context.Context, c *Call, _ struct{}) (any, error) { return c.Var("Sid"), nil }},
		failing("/Full", fmt.Errorf("write: %w", db.ErrFull)),
		failing("/Taken", db.ErrConflict),
		failing("/Broken", errors.New("a secret cause")),
		failing("/Slow", fault.TooMany(1500*time.Millisecond)),
		failing("/Other", fault.NotFound("/something/else")),
	}
	return []Product{
		{Name: "chat", Aliases: []string{"ip-messaging"}, Version: "v2", Routes: append([]Mount{res}, odd...)},
		{Name: "taskrouter", Version: "v1", Cursors: true, Routes: []Mount{res}},
		{Name: "api", Version: "2010-04-01", Classic: true, Bare: true, Routes: []Mount{res}},
	}
}

func newTestServer(t testing.TB, change func(*Options)) *Server {
	t.Helper()
	o := Options{Products: testProducts(), Auth: keeper{}, Key: []byte("key"), Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// call sends one request as the owner, unless the request has credentials or wants none.
func call(s http.Handler, method, target, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.SetBasicAuth(testAccount, testToken)
	if body != "" {
		r.Header.Set("Content-Type", formType)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestServer_findsTheProduct(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	tests := []struct {
		host, path string
		status     int
		url        string // of the item, when found
	}{
		{"usher.example", "/chat/v2/Things/TH1", 200, "http://usher.example/chat/v2/Things/TH1"},
		{"usher.example", "/ip-messaging/v2/Things/TH1", 200, "http://usher.example/ip-messaging/v2/Things/TH1"},
		{"usher.example", "/chat.twilio.com/v2/Things/TH1", 200, "http://usher.example/chat.twilio.com/v2/Things/TH1"},
		{"chat.example.org:8080", "/v2/Things/TH1", 200, "http://chat.example.org:8080/v2/Things/TH1"},
		{"CHAT.twilio.com", "/v2/Things/TH1", 200, "http://CHAT.twilio.com/v2/Things/TH1"},
		{"chat.example.org", "/taskrouter/v1/Things/TH1", 200, "http://chat.example.org/taskrouter/v1/Things/TH1"},
		{"127.0.0.1:8080", "/2010-04-01/Things/TH1.json", 200, "http://127.0.0.1:8080/2010-04-01/Things/TH1"},
		{"127.0.0.1:8080", "/api/2010-04-01/Things/TH1.json", 200, "http://127.0.0.1:8080/api/2010-04-01/Things/TH1"},
		{"127.0.0.1:8080", "/2010-04-01/Things/TH1", 404, ""},
		{"127.0.0.1:8080", "/v2/Things/TH1", 404, ""},
		{"usher.example", "/chat/v1/Things/TH1", 404, ""},
		{"usher.example", "/chat/v2/things/TH1", 404, ""}, // paths are case-sensitive
		{"usher.example", "/chat/v2/Things/", 404, ""},
		{"usher.example", "/chat/v2//Things", 404, ""},
		{"usher.example", "/chat/v2", 404, ""},
		{"usher.example", "/", 404, ""},
	}
	for _, tt := range tests {
		w := call(s, "GET", tt.path, "", func(r *http.Request) { r.Host = tt.host })
		if w.Code != tt.status {
			t.Errorf("%s%s: status %d, want %d: %s", tt.host, tt.path, w.Code, tt.status, w.Body)
			continue
		}
		var got thingWire
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.URL != tt.url {
			t.Errorf("%s%s: url %q, want %q (%v)", tt.host, tt.path, got.URL, tt.url, err)
		}
	}
	if body := call(s, "GET", "/v2/Things", "").Body.String(); !strings.Contains(body, "/chat/v2, /ip-messaging/v2, /taskrouter/v1") {
		t.Errorf("a 404 without a product must list the products: %s", body)
	}
}

func TestServer_claims(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	for path, want := range map[string]bool{
		"/chat/v2/Things": true, "/chat": true, "/v1/Services": true, "/2010-04-01/Accounts.json": true, "/chat.twilio.com/v2/x": true,
		"/": false, "/desk/": false, "/widget.js": false, "/version": false, "/vx/": false, "/healthz": false,
	} {
		if got := s.Claims(httptest.NewRequest("GET", path, nil)); got != want {
			t.Errorf("claims %s: %v, want %v", path, got, want)
		}
	}
}

func TestServer_errors(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	as := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	none := func(r *http.Request) { r.Header.Del("Authorization") }
	tests := []struct {
		name, method, path, body string
		change                   func(*http.Request)
		want                     string // status and body
		header                   string // "Name: value" that must be there
	}{
		{"no credentials", "GET", "/Things", "", none, `401 {"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`, `Www-Authenticate: Basic realm="Usher API"`},
		{"wrong token", "GET", "/Things", "", as(testAccount, "x"), `401 {"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`, `Www-Authenticate: Basic realm="Usher API"`},
		{"wrong JWT opens no password box", "GET", "/Things", "", as("token", "x"), `401 {"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`, `Www-Authenticate: Bearer realm="Usher API"`},
		{"no grant", "GET", "/Things", "", as("token", "jwt"), `403 {"code":20403,"message":"The credentials do not allow this operation","more_info":"https://www.twilio.com/docs/errors/20403","status":403}`, ""},
		{"missing item", "GET", "/Things/TH77", "", nil, `404 {"code":20404,"message":"The requested resource /Things/TH77 was not found","more_info":"https://www.twilio.com/docs/errors/20404","status":404}`, ""},
		{"every 404 has the request's own path", "GET", "/Other", "", nil, `404 {"code":20404,"message":"The requested resource /Other was not found","more_info":"https://www.twilio.com/docs/errors/20404","status":404}`, ""},
		{"missing parameter", "POST", "/Things", "Count=1", nil, `400 {"code":20001,"message":"Missing required parameter FriendlyName in the post body","more_info":"https://www.twilio.com/docs/errors/20001","status":400}`, ""},
		{"wrong method", "DELETE", "/Things", "", nil, `405 {"code":20004,"message":"Method not allowed","more_info":"https://www.twilio.com/docs/errors/20004","status":405}`, "Allow: GET, POST, OPTIONS"},
		{"conflict", "GET", "/Taken", "", nil, `409 {"code":20409,"message":"Conflict","more_info":"https://www.twilio.com/docs/errors/20409","status":409}`, ""},
		{"disk full", "GET", "/Full", "", nil, `503 {"code":20503,"message":"Service unavailable","more_info":"https://www.twilio.com/docs/errors/20503","status":503}`, "Retry-After: 5"},
		{"too many", "GET", "/Slow", "", nil, `429 {"code":20429,"message":"Too Many Requests","more_info":"https://www.twilio.com/docs/errors/20429","status":429}`, "Retry-After: 2"},
		{"internal", "GET", "/Broken", "", nil, `500 {"code":20500,"message":"Internal Server Error","more_info":"https://www.twilio.com/docs/errors/20500","status":500}`, ""},
		{"panic", "GET", "/Panic", "", nil, `500 {"code":20500,"message":"Internal Server Error","more_info":"https://www.twilio.com/docs/errors/20500","status":500}`, ""},
		{"not a form", "POST", "/Things", "{}", header("Content-Type", "application/json"), `400 {"code":20001,"message":"Send parameters as application/x-www-form-urlencoded","more_info":"https://www.twilio.com/docs/errors/20001","status":400}`, ""},
		{"bad JSON", "POST", "/Document", `{"a":`, nil, `400 {"code":20001,"message":"The request body is not JSON at character 5","more_info":"https://www.twilio.com/docs/errors/20001","status":400}`, ""},
		{"too large", "POST", "/Things", strings.Repeat("a", maxBody+1), nil, `413 {"code":20413,"message":"The request body is larger than 1048576 bytes","more_info":"https://www.twilio.com/docs/errors/20413","status":413}`, ""},
		{"too large, length unknown", "POST", "/Things", strings.Repeat("a", maxBody+1), func(r *http.Request) { r.ContentLength = -1 }, `413 {"code":20413,"message":"The request body is larger than 1048576 bytes","more_info":"https://www.twilio.com/docs/errors/20413","status":413}`, ""},
		{"NUL in a path", "GET", "/Things/TH%001", "", nil, `404 {"code":20404,"message":"The requested resource /Things/TH%001 was not found","more_info":"https://www.twilio.com/docs/errors/20404","status":404}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*http.Request) {}
			}
			w := call(s, tt.method, "/chat/v2"+tt.path, tt.body, tt.change)
			got := fmt.Sprint(w.Code, " ", w.Body)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok && w.Header().Get(name) != value {
				t.Errorf("header %s: %q, want %q", name, w.Header().Get(name), value)
			}
		})
	}
}

func TestServer_writes(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	w := call(s, "POST", "/chat/v2/Things", "FriendlyName=a%26b&Fixed=+x&Integration.FlowSid=FW&Sid=ignored")
	want := `{"sid":"TH9","friendly_name":"a&b xFW","flow":"","date_created":"2001-09-09T01:46:40Z","url":"http://example.com/chat/v2/Things/TH9"}`
	if w.Code != 201 || w.Body.String() != want {
		t.Errorf("create: %d %s", w.Code, w.Body)
	}
	w = call(s, "POST", "/chat/v2/Things/TH1", "FriendlyName=&Fixed=no")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"friendly_name":""`) {
		t.Errorf("an update takes an empty text and ignores what only create reads: %d %s", w.Code, w.Body)
	}
	if w = call(s, "DELETE", "/chat/v2/Things/TH1", ""); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
	if w = call(s, "GET", "/2010-04-01/Things/TH1.json", ""); !strings.Contains(w.Body.String(), `"date_created":"Sun, 09 Sep 2001 01:46:40 +0000"`) {
		t.Errorf("the 2010 API writes RFC 2822: %s", w.Body)
	}
	if w = call(s, "POST", "/chat/v2/Document", `{"a":[1]}`, header("Content-Type", "application/json")); w.Body.String() != `{"a":[1]}` {
		t.Errorf("JSON: %s", w.Body)
	}
	if w = call(s, "GET", "/chat/v2/Users/a%2Fb%40c", ""); w.Body.String() != `"a/b@c"` {
		t.Errorf("an escaped slash stays in its segment: %s", w.Body)
	}
	if w = call(s, "GET", "/chat/v2/Things/Statistics", ""); w.Body.String() != `{"n":1}` {
		t.Errorf("a fixed segment wins over a variable: %s", w.Body)
	}
	if w = call(s, "HEAD", "/chat/v2/Things/TH1", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}

func TestServer_versions(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	if got := call(s, "GET", "/chat/v2/Things/TH1", "").Header().Get("ETag"); got != `"2"` {
		t.Errorf("ETag %s", got)
	}
	for tag, want := range map[string]int{`"2"`: 200, `W/"2"`: 200, "2": 200, "*": 200, `"1"`: 412, "x": 412, `"-1"`: 412} {
		if w := call(s, "POST", "/chat/v2/Things/TH1", "FriendlyName=n", header("If-Match", tag)); w.Code != want {
			t.Errorf("update if %s: %d, want %d", tag, w.Code, want)
		}
		if want == 200 {
			want = 204
		}
		if w := call(s, "DELETE", "/chat/v2/Things/TH1", "", header("If-Match", tag)); w.Code != want {
			t.Errorf("delete if %s: %d, want %d", tag, w.Code, want)
		}
	}
}

func TestServer_headers(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	for _, w := range []*httptest.ResponseRecorder{
		call(s, "GET", "/chat/v2/Things", ""),
		call(s, "OPTIONS", "/chat/v2/Things", "", func(r *http.Request) { r.Header.Del("Authorization") }),
		call(s, "GET", "/chat/v2/Nothing", ""),
	} {
		h := w.Header()
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
			"X-Content-Type-Options":       "nosniff",
			"Cache-Control":                "no-store",
			"Twilio-Concurrent-Requests":   "1",
		} {
			if h.Get(name) != want {
				t.Errorf("%d: %s = %q, want %q", w.Code, name, h.Get(name), want)
			}
		}
		if !sid.Valid(h.Get("Twilio-Request-Id"), sid.Request) || len(h.Get("Twilio-Request-Duration")) < 5 {
			t.Errorf("%d: %v", w.Code, h)
		}
	}
	if w := call(s, "OPTIONS", "/chat/v2/Things", ""); w.Code != 204 || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization, Content-Type, If-Match") {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
}

func TestServer_forwarded(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	forward := func(from string) func(*http.Request) {
		return func(r *http.Request) {
			r.RemoteAddr = from
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("X-Forwarded-Host", "cc.example.org")
			r.Header.Set("X-Forwarded-Prefix", "/usher/")
			r.Header.Set("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.1.1")
		}
	}
	w := call(s, "GET", "/chat/v2/Things/TH1", "", forward("10.0.0.1:99"))
	if !strings.Contains(w.Body.String(), `"url":"https://cc.example.org/usher/chat/v2/Things/TH1"`) || w.Header().Get("Strict-Transport-Security") == "" {
		t.Errorf("from a proxy: %s", w.Body)
	}
	w = call(s, "GET", "/chat/v2/Things/TH1", "", forward("192.0.2.1:99"))
	if !strings.Contains(w.Body.String(), `"url":"http://example.com/chat/v2/Things/TH1"`) {
		t.Errorf("from anybody: %s", w.Body)
	}
	for from, want := range map[string]string{"10.0.0.1:99": "203.0.113.9", "192.0.2.1:99": "192.0.2.1", "[::ffff:192.0.2.1]:99": "192.0.2.1"} {
		r := httptest.NewRequest("GET", "/", nil)
		forward(from)(r)
		if got := s.Client(r).String(); got != want {
			t.Errorf("client of %s: %s, want %s", from, got, want)
		}
		if s.Secure(r) != (from == "10.0.0.1:99") {
			t.Errorf("secure of %s: %v", from, s.Secure(r))
		}
	}
}

func TestServer_logsNothingThatACallerSent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var seen []Observation
	s := newTestServer(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Observe = func(x Observation) { x.Took = 0; seen = append(seen, x) }
	})
	call(s, "POST", "/chat/v2/Things?q=canary", "FriendlyName=canary-and-too-long", header("X-Canary", "canary"))
	call(s, "GET", "/chat/v2/Users/canary", "")
	call(s, "CANARY", "/chat/v2/Things", "")
	call(s, "GET", "/chat/v2/canary", "", func(r *http.Request) { r.SetBasicAuth("canary", "canary") })
	if strings.Contains(strings.ToLower(out.String()), "canary") || strings.Contains(out.String(), testToken) {
		t.Errorf("log: %s", &out)
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines, want one per request", n)
	}
	if want := (Observation{Product: "chat", Route: "/Things", Method: "POST", Status: 400}); seen[0] != want {
		t.Errorf("observed %+v, want %+v", seen[0], want)
	}
	out.Reset()
	call(s, "GET", "/chat/v2/Panic", "")
	if n := strings.Count(out.String(), "level=ERROR"); n != 1 || !strings.Contains(out.String(), "panic: boom") {
		t.Errorf("a panic is logged once: %s", &out)
	}
}

func TestNew_refusesMistakes(t *testing.T) {
	t.Parallel()
	op := Op[struct{}, any]{Method: "GET", Path: "/A", Public: true}
	type badTag struct {
		A string `form:"A,biggest=3"`
	}
	type badType struct {
		A chan int `form:"A"`
	}
	for name, routes := range map[string][]Mount{
		"no grant":     {Op[struct{}, any]{Method: "GET", Path: "/A"}},
		"twice":        {op, op},
		"bad tag":      {Op[badTag, any]{Method: "POST", Path: "/A", Public: true}},
		"bad type":     {Op[badType, any]{Method: "POST", Path: "/A", Public: true}},
		"no struct":    {Op[int, any]{Method: "POST", Path: "/A", Public: true}},
		"bad filter":   {Resource[int, struct{}]{Path: "/A", Read: []account.Grant{"r"}, Filter: badTag{}, List: func(context.Context, *Call, db.Page) (p db.PageOf[int], _ error) { return p, nil }}},
		"too deep":     {Op[struct{}, any]{Method: "GET", Path: "/{a}/{b}/{c}/{d}/{e}/{f}/{g}", Public: true}},
		"no write":     {Resource[int, struct{}]{Path: "/A", Read: []account.Grant{"r"}, Delete: func(context.Context, *Call) error { return nil }}},
		"update twice": {Resource[int, struct{}]{Path: "/A", Write: []account.Grant{"r"}, Delete: func(context.Context, *Call) error { return nil }}, Op[struct{}, any]{Method: "DELETE", Path: "/A/{x}", Public: true}},
	} {
		if _, err := New(Options{Products: []Product{{Name: "p", Version: "v1", Routes: routes}}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	got, err := Listing(testProducts()[2])
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(got) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"/2010-04-01/Things.json GET chat.read Status(a|b)",
		"/2010-04-01/Things.json POST chat.write FriendlyName* Fixed Count Integration.FlowSid",
		"/2010-04-01/Things/{Sid}.json DELETE chat.write",
		"/2010-04-01/Things/{Sid}.json GET chat.read",
		"/2010-04-01/Things/{Sid}.json POST chat.write FriendlyName Count Integration.FlowSid",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

func FuzzServer(f *testing.F) {
	s := newTestServer(f, nil)
	f.Add("GET", "chat.example", "/v2/Things", "a=b")
	f.Add("POST", "x", "/chat/v2/Things/TH1", "FriendlyName=%zz&&=")
	f.Add("POST", "x", "/2010-04-01//%2e%2e/.json", "Count=-1")
	f.Fuzz(func(t *testing.T, method, host, path, body string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.Host, r.URL.Path, r.URL.RawQuery = method, host, path, body
		r.Header.Set("Content-Type", formType)
		r.SetBasicAuth(testAccount, testToken)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code == 500 && !strings.Contains(path, "Panic") && !strings.Contains(path, "Broken") {
			t.Errorf("%s %s%s: %s", method, host, path, w.Body)
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	s := newTestServer(b, nil)
	body := "FriendlyName=hello&Count=3&Fixed=" + strings.Repeat("x", 500)
	r := httptest.NewRequest("POST", "/chat/v2/Things", nil)
	r.SetBasicAuth(testAccount, testToken)
	r.Header.Set("Content-Type", formType)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		s.ServeHTTP(discard{}, r)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
