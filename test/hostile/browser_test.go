package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// cookieOf answers the session cookie that an answer sets, or nil.
func cookieOf(header http.Header) *http.Cookie {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if strings.HasSuffix(c.Name, "usher") && c.Value != "" {
			return c
		}
	}
	return nil
}

// signIn tries to get into the desk.
func signIn(t *testing.T, s *siege) {
	if s.once == "" {
		t.Fatal("no one-time link was printed")
	}
	const json = "application/json"
	url := s.URL + "/signin/"
	victim := from("127.0.0.41")
	// From another site nothing happens, also with a good secret; the link stays good.
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		a := send(t, victim, http.MethodPost, url+"once", `{"secret":"`+s.once+`"}`, append(header, "Content-Type", json)...)
		coded(t, fmt.Sprintf("sign-in with %q", header), a, 403, 0)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"} {
		coded(t, "sign-in as "+kind, send(t, victim, http.MethodPost, url+"once", `{"secret":"`+s.once+`"}`, "Content-Type", kind), 400, 20001)
	}
	// Fixation: whatever cookie comes along, the session is a new one.
	a := send(t, victim, http.MethodPost, url+"once", `{"secret":"`+s.once+`"}`, "Content-Type", json, "Cookie", "usher=planted; __Host-usher=planted")
	cookie := cookieOf(a.Header)
	if a.Status != http.StatusOK || cookie == nil || cookie.Value == "planted" {
		t.Fatalf("the one-time link answers %d %s", a.Status, a.Text)
	}
	if cookie.Name != "usher" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("the cookie on loopback is %s", cookie)
	}
	coded(t, "the one-time link a second time", send(t, victim, http.MethodPost, url+"once", `{"secret":"`+s.once+`"}`, "Content-Type", json), 401, 20003)
	coded(t, "a planted session", send(t, victim, http.MethodGet, url+"session", "", "Cookie", "usher=planted"), 401, 20003)
	people(t, s, cookie)
	password(t, s, cookie)
	brute(t, s)
}

// people invites somebody, who must not become more than that, and takes the access away again.
func people(t *testing.T, s *siege, admin *http.Cookie) {
	const kind = "application/json"
	url, c := s.URL+"/signin/", from("127.0.0.42")
	as := func(cookie *http.Cookie, method, path, body string) (a struct {
		Status int
		Text   string
		Body   map[string]any
		Header http.Header
	},
	) {
		got := send(t, c, method, url+path, body, "Content-Type", kind, "Cookie", cookie.Name+"="+cookie.Value)
		a.Status, a.Text, a.Body, a.Header = got.Status, got.Text, got.Body, got.Header
		return a
	}
	for _, body := range []string{
		``, `{`, `[]`, `7`, `{"email":7}`, `{"email":"x"}`, `{"email":"a@b","role":"owner"}`, `{"email":"a@b","role":"visitor"}`, `{"email":"` + strings.Repeat("x", 500) + `@b","role":"agent"}`,
		`{"email":"a@b","name":"` + strings.Repeat("x", 500) + `","role":"agent"}`, strings.Repeat("[", 10_000), `{"email":"a\u0000@b","role":"agent"}`, `{"email":"a@b\r\nBcc: c@d","role":"agent"}`,
	} {
		if a := as(admin, http.MethodPost, "people", body); a.Status != 400 {
			t.Errorf("an invitation %.60q answers %d %s", body, a.Status, a.Text)
		}
	}
	if a := as(admin, http.MethodPost, "people", `{"email":"`+strings.Repeat("x", 20<<10)+`"}`); a.Status != 413 {
		t.Errorf("a large invitation answers %d %s", a.Status, a.Text)
	}
	made := as(admin, http.MethodPost, "people", `{"email":"`+s.secret+`@example.org","name":"`+s.secret+`","role":"agent"}`)
	link, _ := made.Body["link"].(string)
	person, _ := made.Body["person"].(map[string]any)
	_, secret, found := strings.Cut(link, "#once=")
	if made.Status != http.StatusCreated || !found {
		t.Fatalf("the invitation: %d %s", made.Status, made.Text)
	}
	// Seen through the proxy the connection is TLS, and the cookie one for this host alone.
	tls := send(t, from(proxy), http.MethodPost, url+"once", `{"secret":"`+secret+`"}`, "Content-Type", kind, "X-Forwarded-Proto", "https")
	over := cookieOf(tls.Header)
	if over == nil || over.Name != "__Host-usher" || !over.Secure || !over.HttpOnly || over.SameSite != http.SameSiteStrictMode || over.Path != "/" || over.Domain != "" {
		t.Fatalf("the cookie over TLS is %v: %d %s", over, tls.Status, tls.Text)
	}
	token := tls.String("token")
	agent := &http.Cookie{Name: "usher", Value: over.Value}
	for _, try := range []struct{ method, path, body string }{
		{"GET", "people", ""},
		{"POST", "people", `{"email":"eve@example.org","role":"admin"}`},
		{"POST", "people/" + fmt.Sprint(person["sid"]), `{"role":"admin"}`},
		{"POST", "people/" + fmt.Sprint(person["sid"]), `{"invite":true}`},
	} {
		if a := as(agent, try.method, try.path, try.body); a.Status != 403 {
			t.Errorf("an agent's %s %s answers %d %s", try.method, try.path, a.Status, a.Text)
		}
	}
	code, k := s.hello(t, token)
	if code != 0 {
		t.Fatalf("the agent's token is refused with %d", code)
	}
	if a := as(admin, http.MethodPost, "people/"+fmt.Sprint(person["sid"]), `{"disabled":true}`); a.Status != http.StatusOK {
		t.Fatalf("disabling: %d %s", a.Status, a.Text)
	}
	if code := k.ended(t); code != 4102 {
		t.Errorf("the socket of a disabled person closes with %d, want 4102", code)
	}
	if a := as(agent, http.MethodGet, "session", ""); a.Status != 401 {
		t.Errorf("the session of a disabled person answers %d", a.Status)
	}
	coded(t, "the token of a disabled person", call(t, s.As("token", token), http.MethodGet, "/taskrouter/v1/Workspaces"), 403, 20006)
	if a := as(admin, http.MethodPost, "people/../session", `{}`); a.Status/100 == 2 {
		t.Errorf("people/.. answers %d", a.Status)
	}
}

// password sets one and signs in with it: the session is another, and signing out ends it.
func password(t *testing.T, s *siege, cookie *http.Cookie) {
	const kind = "application/json"
	url, c := s.URL+"/signin/", from("127.0.0.43")
	me := cookie.Name + "=" + cookie.Value
	for _, weak := range []string{"", "short", "admin@localhost", strings.Repeat("x", 100_000)} {
		body, _ := json.Marshal(map[string]string{"new": weak})
		if a := send(t, c, http.MethodPost, url+"password/change", string(body), "Content-Type", kind, "Cookie", me); a.Status != 400 && a.Status != 413 {
			t.Errorf("the password %.20q answers %d %s", weak, a.Status, a.Text)
		}
	}
	secret := "Tr0ubador-" + s.secret
	if a := send(t, c, http.MethodPost, url+"password/change", `{"new":"`+secret+`"}`, "Content-Type", kind, "Cookie", me); a.Status != http.StatusNoContent {
		t.Fatalf("setting a password: %d %s", a.Status, a.Text)
	}
	a := send(t, c, http.MethodPost, url+"password", `{"email":"admin@localhost","password":"`+secret+`"}`, "Content-Type", kind, "Cookie", me)
	next := cookieOf(a.Header)
	if a.Status != http.StatusOK || next == nil || next.Value == cookie.Value {
		t.Fatalf("signing in: %d %s", a.Status, a.Text)
	}
	coded(t, "the session from before", send(t, c, http.MethodGet, url+"session", "", "Cookie", me), 401, 20003)
	me = "usher=" + next.Value
	coded(t, "signing out from another site", send(t, c, http.MethodPost, url+"out", "", "Cookie", me, "Sec-Fetch-Site", "cross-site"), 403, 0)
	if a := send(t, c, http.MethodPost, url+"out", "", "Cookie", me); a.Status != http.StatusNoContent || a.Header.Get("Clear-Site-Data") == "" {
		t.Errorf("signing out: %d %v", a.Status, a.Header)
	}
	coded(t, "the session after signing out", send(t, c, http.MethodGet, url+"session", "", "Cookie", me), 401, 20003)
}

// brute guesses passwords, from one address for one person, and from one address for many.
func brute(t *testing.T, s *siege) {
	guess := func(c *http.Client, email string) (int, string, int) {
		a := send(t, c, http.MethodPost, s.URL+"/signin/password", `{"email":"`+email+`","password":"`+s.secret+`"}`, "Content-Type", "application/json")
		after, _ := strconv.Atoi(a.Header.Get("Retry-After"))
		return a.Status, a.String("message"), after
	}
	texts := map[string]bool{}
	for i, email := range []string{"admin@localhost", "nobody@localhost"} {
		c := from(fmt.Sprintf("127.0.0.5%d", i+1))
		limited := 0
		for try := range 12 {
			status, message, after := guess(c, email)
			switch {
			case status == 429 && after >= 1:
				limited++
			case status == 401:
				texts[message] = true
			default:
				t.Errorf("guess %d for %s answers %d with Retry-After %d", try, email, status, after)
			}
		}
		if limited < 6 {
			t.Errorf("of 12 guesses for %s only %d were held up", email, limited)
		}
	}
	if len(texts) != 1 {
		t.Errorf("known and unknown people are told apart: %v", texts)
	}
	sprayer, held := from("127.0.0.53"), false
	for i := range 40 {
		status, _, _ := guess(sprayer, fmt.Sprintf("user%d@localhost", i))
		held = held || status == 429
	}
	if !held {
		t.Error("one address may guess 40 people's passwords")
	}
	// Somebody who pretends to come from elsewhere is still held up.
	a := send(t, sprayer, http.MethodPost, s.URL+"/signin/password", `{"email":"x@localhost","password":"x"}`, "Content-Type", "application/json", "X-Forwarded-For", "10.9.8.7")
	if a.Status != 429 {
		t.Errorf("a forged X-Forwarded-For gets %d", a.Status)
	}
}

var (
	inlineScript  = regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>\s*[^<\s]`)
	inlineHandler = regexp.MustCompile(`(?i)<[a-z][^>]*\s(?:on[a-z]+|style)\s*=`)
	elsewhere     = regexp.MustCompile(`(?i)(?:src|href)="(?:https?:)?//`)
)

// pages looks at the headers and the text of every page.
func pages(t *testing.T, s *siege) {
	flow := s.world["flex-api/FlexFlows"]
	for path, ancestors := range map[string]string{
		"/desk/": "'none'", "/desk/signin": "'none'", "/desk/a/b/c": "'none'", "/demo/": "'none'", "/widget/": "*", "/widget/?flow=" + flow: "*",
		"/widget/?flow=%3Cscript%3E": "*", "/desk/?x=%3Cscript%3Ealert(1)%3C/script%3E": "'none'",
	} {
		a := send(t, from("127.0.0.61"), http.MethodGet, s.URL+path, "")
		if a.Status != http.StatusOK {
			t.Errorf("%s answers %d", path, a.Status)
			continue
		}
		policy := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors " + ancestors, "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" {
			t.Errorf("%s has the headers %v", path, a.Header)
		}
		if inlineScript.MatchString(a.Text) || inlineHandler.MatchString(a.Text) || elsewhere.MatchString(a.Text) || strings.Contains(a.Text, "alert(1)") {
			t.Errorf("%s has an inline script or style, or loads from elsewhere:\n%s", path, a.Text)
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/widget/config", "/widget.js", "/robots.txt", "/nothing", "/desk/nothing.js", "/chat/v2/Services", "/signin/session", "/stream"} {
		a := send(t, from("127.0.0.61"), http.MethodGet, s.URL+path, "")
		if a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s (%d) may be sniffed", path, a.Status)
		}
		if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") && a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s (%d) is HTML without a policy", path, a.Status)
		}
	}
	for _, flow := range []string{"FO", "x", "' or 1=1", "%00", "FO" + strings.Repeat("0", 5000)} {
		a := send(t, from("127.0.0.61"), http.MethodGet, s.URL+"/widget/config?flow="+strings.ReplaceAll(flow, " ", "+"), "")
		coded(t, "the widget of the flow "+flow[:2%len(flow)], a, 404, 20404)
	}
	if a := send(t, from("127.0.0.61"), http.MethodGet, s.URL+"/metrics", ""); a.Status == http.StatusOK && strings.Contains(a.Text, "usher_") {
		t.Error("the metrics are on the public listener")
	}
}
