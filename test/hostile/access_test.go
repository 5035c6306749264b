package hostile

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/test/ops"
	"usher/test/rig"
)

// paths asks for what is not there, in ways that a careless server takes for something else.
func paths(t *testing.T, s *siege) {
	channel := s.world["chat/Services/Channels"]
	sids := s.service() + "/Channels/"
	for _, path := range []string{
		"/chat", "/chat/", "/chat/v2", "/chat/v2/", "/chat/v3/Services", "/chat/v2/services", "/chat/v2/Services/", "/chat/v2//Services", "//chat/v2/Services",
		sids + strings.ToUpper(channel), sids + channel + ".", sids + channel + "/", sids + channel + "%20", sids + "%00", sids + channel + "%00", sids + channel + ";a=b",
		sids + channel + "%2fMessages", sids + channel + "/Messages/..", sids + "%2e%2e/Users", sids + "../Users", sids + "..%2f..%2f..%2fetc%2fpasswd", sids + channel + "/%2e/Messages",
		sids + "CH" + strings.Repeat("0", 5000), sids + "ch" + channel[2:], sids + channel[:33], sids + channel + "0", sids + "%ff%fe", sids + "%", sids + "'%20or%201=1--",
		sids + channel + "/Messages/-1", sids + channel + "/Messages/99999999999999999999", sids + channel + "/Messages.json", "/2010-04-01", "/2010-04-01/Accounts", "/api/2010-04-01/Accounts/" + s.AccountSID,
		"/api/2010-04-01/Accounts/" + s.AccountSID + ".JSON", "/taskrouter/v1/Workspaces/%2e%2e/%2e%2e/chat/v2/Services", "/chat.twilio.com.evil/v2/Services", "/v2/Services/x/y/z/a/b/c/d/e/f/g",
	} {
		a := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: usher.example\r\nAuthorization: "+s.login()+"\r\nConnection: close\r\n\r\n")
		if a == nil || a.Status/100 == 3 && strings.HasPrefix(a.Header.Get("Location"), "/") && !strings.HasPrefix(a.Header.Get("Location"), "//") {
			continue // cut off as no HTTP, or sent to the clean path of this server
		}
		if a.Status != http.StatusNotFound && a.Status != http.StatusBadRequest {
			t.Errorf("GET %.100s answers %d %.200s", path, a.Status, a.Text)
		}
		if strings.Contains(a.Text, "root:") || strings.Contains(a.Text, "goroutine") {
			t.Errorf("GET %.100s answers %.200s", path, a.Text)
		}
	}
	for _, method := range []string{"PUT", "PATCH", "TRACE", "DELETE", "PROPFIND", "get", "X", "LOCK"} {
		a := s.raw(t, method+" "+s.service()+"/Channels HTTP/1.1\r\nHost: x\r\nAuthorization: "+s.login()+"\r\nConnection: close\r\n\r\n")
		if a == nil {
			t.Errorf("%s has no answer", method)
			continue
		}
		coded(t, method, *a, http.StatusMethodNotAllowed, 20004)
		if a.Header.Get("Allow") != "GET, POST, OPTIONS" {
			t.Errorf("%s: Allow is %q", method, a.Header.Get("Allow"))
		}
	}
	// Pages must not leave their folder, nor send anybody to another site.
	for _, path := range []string{
		"/desk/../../etc/passwd", "/desk/..%2f..%2fgo.mod", "/desk/%2e%2e/%2e%2e/root.key", "//evil.example", "//evil.example/..", "/\\evil.example", "/desk//evil.example", "///evil.example/%2e%2e",
		"/%5cevil.example", "/desk/.git/config", "/.env", "/root.key", "/usher.db", "/credentials.env", "/metrics", "/debug/pprof/", "/desk/index.html.gz", "/widget/..;/desk/", "/signin/..%2fsession",
	} {
		a := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: usher.example\r\nConnection: close\r\n\r\n")
		if a == nil {
			continue
		}
		to := a.Header.Get("Location")
		if strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") || strings.Contains(to, "://") {
			t.Errorf("GET %s sends to %q", path, to)
		}
		if a.Status == http.StatusOK && !strings.Contains(a.Text, "<!doctype html>") && !strings.Contains(a.Text, "<!DOCTYPE html>") {
			t.Errorf("GET %s answers %.100q", path, a.Text)
		}
	}
}

// login is the Authorization header of the account.
func (s *siege) login() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.AccountSID+":"+s.AuthToken))
}

// forge signs any header and claims with HS256, or with nothing where there is no secret.
func forge(secret string, header, claims map[string]any) string {
	part := func(v any) string {
		text, _ := json.Marshal(v) // maps of plain values: never fails
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(header) + "." + part(claims)
	if secret == "" {
		return signed + "."
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

type claims = map[string]any

// tokenCase is an access token that must be refused with a code.
type tokenCase struct {
	name   string
	code   int
	token  string
	socket bool // shown to the stream as well
	status int  // 401 when it is left out
}

// forgeries are tokens that nobody may get in with.
func forgeries(s *siege, other tenant) []tokenCase {
	now := time.Now().Unix()
	grants := claims{"identity": "ann", "chat": claims{"service_sid": s.world["chat/Services"]}}
	header := func(changes ...any) claims {
		h := claims{"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}
		for i := 0; i+1 < len(changes); i += 2 {
			h[changes[i].(string)] = changes[i+1]
		}
		return h
	}
	body := func(changes ...any) claims {
		c := claims{"jti": "x", "iss": s.KeySID, "sub": s.AccountSID, "exp": now + 600, "grants": grants}
		for i := 0; i+1 < len(changes); i += 2 {
			c[changes[i].(string)] = changes[i+1]
		}
		return c
	}
	good := forge(s.KeySecret, header(), body())
	parts := strings.Split(good, ".")
	role := func(role string) claims { return claims{"identity": "ann", "usher": claims{"role": role}} }
	return []tokenCase{
		{"alg none", 20102, forge("", header("alg", "none"), body()), true, 0},
		{"alg None", 20102, forge("", header("alg", "None"), body()), true, 0},
		{"alg none, signed", 20102, forge(s.KeySecret, header("alg", "none"), body()), true, 0},
		{"RS256 with the secret", 20102, forge(s.KeySecret, header("alg", "RS256"), body()), true, 0},
		{"HS512", 20102, forge(s.KeySecret, header("alg", "HS512"), body()), true, 0},
		{"unknown alg", 20102, forge(s.KeySecret, header("alg", "XS1"), body()), false, 0},
		{"alg of a wrong type", 0, forge(s.KeySecret, header("alg", 7), body()), false, 0},
		{"wrong cty", 20102, forge(s.KeySecret, header("cty", "twilio-fpa;v=2"), body()), true, 0},
		{"no cty", 20102, forge(s.KeySecret, header("cty", nil), body()), true, 0},
		{"no signature", 20107, parts[0] + "." + parts[1] + ".", true, 0},
		{"signed by nothing known", 20107, forge("secret", header(), body()), true, 0},
		{"signed with the auth token", 20107, forge(s.AuthToken, header(), body()), true, 0},
		{"other claims under a good signature", 20107, parts[0] + "." + strings.Split(forge("x", header(), body("exp", now+601)), ".")[1] + "." + parts[2], true, 0},
		{"another account's key", 20103, forge(other.secret, header(), body("iss", other.key)), true, 0},
		{"another account's subject", 20103, forge(s.KeySecret, header(), body("sub", other.account)), true, 0},
		{"a key that does not exist", 20103, forge(s.KeySecret, header(), body("iss", ops.Nobody("SK"))), true, 0},
		{"no issuer", 20103, forge(s.KeySecret, header(), body("iss", "")), false, 0},
		{"the account as issuer", 20103, forge(s.AuthToken, header(), body("iss", s.AccountSID)), true, 0},
		{"expired", 20104, forge(s.KeySecret, header(), body("exp", now-1)), true, 0},
		{"no end", 20104, forge(s.KeySecret, header(), body("exp", nil)), true, 0},
		{"end at zero", 20104, forge(s.KeySecret, header(), body("exp", 0)), false, 0},
		{"not yet", 20105, forge(s.KeySecret, header(), body("nbf", now+300)), true, 0},
		{"25 hours", 20157, forge(s.KeySecret, header(), body("exp", now+25*3600)), true, 0},
		{"25 hours since it was made", 20157, forge(s.KeySecret, header(), body("iat", now-24*3600, "exp", now+3600)), true, 0},
		{"the end of time", 0, forge(s.KeySecret, header(), body("exp", 9.2e18)), true, 0},
		{"beyond the end of time", 0, forge(s.KeySecret, header(), body("exp", 1e300)), true, 0},
		{"a text as end", 0, forge(s.KeySecret, header(), body("exp", "tomorrow")), false, 0},
		{"no grants", 20106, forge(s.KeySecret, header(), body("grants", nil)), true, 0},
		{"grants of a wrong type", 20106, forge(s.KeySecret, header(), body("grants", "all")), false, 0},
		{"no identity", 20106, forge(s.KeySecret, header(), body("grants", claims{})), true, 0},
		{"owner", 20106, forge(s.KeySecret, header(), body("grants", role("owner"))), true, 0},
		{"an unknown role", 20106, forge(s.KeySecret, header(), body("grants", role("root"))), true, 0},
		{"a person that does not exist", 0, forge(s.KeySecret, header(), body("grants", claims{
			"identity": "ann", "usher": claims{"role": "admin", "person_sid": ops.Nobody("PE")},
		})), true, 403},
		{"a service that is no SID", 20106, forge(s.KeySecret, header(), body("grants", claims{"identity": "ann", "chat": claims{"service_sid": "' or 1=1"}})), false, 0},
		{"not a token", 20101, "x", true, 0},
		{"two dots", 20101, "..", true, 0},
		{"not base64", 20101, "!." + parts[1] + "." + parts[2], false, 0},
		{"deep claims", 0, parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("[", 5000))) + "." + parts[2], false, 0},
		{"padding", 0, good + "==", false, 0},
		{"8 KB", 20101, forge(s.KeySecret, header(), body("x", strings.Repeat("x", 8<<10))), true, 0},
	}
}

// credentials tries to get in.
func credentials(t *testing.T, s *siege, other tenant) {
	path := s.channel()
	for _, tt := range []struct{ name, user, password string }{
		{"wrong token", s.AccountSID, s.KeySecret},
		{"empty token", s.AccountSID, ""},
		{"another's token", s.AccountSID, other.client.Password},
		{"token with a space", s.AccountSID, s.AuthToken + " "},
		{"upper case", s.AccountSID, strings.ToUpper(s.AuthToken) + "x"},
		{"half a token", s.AccountSID, s.AuthToken[:31]},
		{"unknown account", ops.Nobody("AC"), s.AuthToken},
		{"unknown key", ops.Nobody("SK"), s.KeySecret},
		{"key with the account's token", s.KeySID, s.AuthToken},
		{"no SID", "root", s.AuthToken},
		{"SQL", "' or '1'='1", "x"},
		{"lower case SID", strings.ToLower(s.AccountSID), s.AuthToken},
		{"NUL", s.AccountSID, s.AuthToken + "\x00"},
		{"bad UTF-8", "\xff\xfe", "\xff"},
		{"long user", strings.Repeat("A", 10_000), "x"},
		{"long password", s.AccountSID, strings.Repeat("x", 20_000)},
		{"e-mail", "admin@localhost", "admin"},
	} {
		a := call(t, s.As(tt.user, tt.password), http.MethodGet, path)
		coded(t, tt.name, a, 401, 20003)
		if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: no challenge", tt.name)
		}
	}
	for _, header := range []string{"", "Basic", "Basic !!!", "Basic " + base64.StdEncoding.EncodeToString([]byte("nocolon")), "Bearer " + s.AuthToken, "Digest username=x", "Basic " + strings.Repeat("QUFB", 10_000)} {
		coded(t, fmt.Sprintf("Authorization: %.20q", header), send(t, http.DefaultClient, http.MethodGet, s.URL+path, "", "Authorization", header), 401, 20003)
	}
	for _, f := range forgeries(s, other) {
		a := call(t, s.As("token", f.token), http.MethodGet, path)
		status := cmp.Or(f.status, 401)
		coded(t, f.name, a, status, f.code)
		if f.socket {
			code, _ := s.hello(t, f.token)
			if code != 4101 {
				t.Errorf("the stream closes with %d for a token with %s, want 4101", code, f.name)
			}
		}
		// The public endpoints that take a token refuse the same.
		body, _ := json.Marshal(map[string]string{"token": f.token})
		for _, way := range []string{"refresh", "validate"} {
			a := send(t, from("127.0.0.3"+fmt.Sprint(len(f.name)%8)), http.MethodPost, s.URL+"/iam/v1/Accounts/"+s.AccountSID+"/Tokens/"+way, string(body))
			if a.Status != status && a.Status != 429 && !(f.token == "" && a.Status == 400) {
				t.Errorf("%s: %s answers %d %s", f.name, way, a.Status, a.Text)
			}
		}
	}
	timing(t, s)
}

// timing says how long a known and an unknown account take to be refused. Nothing is asserted: the machine decides.
func timing(t *testing.T, s *siege) {
	const rounds = 150
	var known, unknown time.Duration
	c := s.As(s.AccountSID, "")
	for range rounds {
		c.User, c.Password = s.AccountSID, rig.Hex(16)
		start := time.Now()
		call(t, c, http.MethodGet, s.channel())
		known += time.Since(start)
		c.User = ops.Nobody("AC")
		start = time.Now()
		call(t, c, http.MethodGet, s.channel())
		unknown += time.Since(start)
	}
	t.Logf("refused on average in %v (known account, wrong token) and %v (unknown account)", known/rounds, unknown/rounds)
}

// revoked takes a key away while its tokens are in use.
func revoked(t *testing.T, s *siege) {
	keys := "/api/2010-04-01/Accounts/" + s.AccountSID + "/Keys"
	made := s.admin.Post(t, keys+".json", "FriendlyName", s.secret)
	signed := rig.SignToken(made.String("secret"), claims{
		"iss": made.SID(), "sub": s.AccountSID, "exp": time.Now().Add(time.Hour).Unix(),
		"grants": claims{"identity": "ann", "chat": claims{"service_sid": s.world["chat/Services"]}},
	})
	short := s.Token("short", s.world["chat/Services"], 3*time.Second)
	sockets := []*socket{s.open(t), s.open(t)}
	for i, token := range []string{signed, short} {
		sockets[i].text(t, fmt.Sprintf(`{"type":"hello","id":1,"token":%q}`, token))
		sockets[i].want(t, "welcome")
	}
	call(t, s.As("token", signed), http.MethodGet, s.channel())
	s.admin.Must(t, http.MethodDelete, keys+"/"+made.SID()+".json")
	since := time.Now()
	coded(t, "a token of a key that is gone", call(t, s.As("token", signed), http.MethodGet, s.channel()), 401, 20103)
	coded(t, "a key that is gone", call(t, s.As(made.SID(), made.String("secret")), http.MethodGet, s.channel()), 401, 20003)
	if code := sockets[0].ended(t); code != 4102 || time.Since(since) > 5*time.Second {
		t.Errorf("the socket of a key that is gone closes with %d after %v, want 4102 within 5 s", code, time.Since(since))
	}
	if code := sockets[1].ended(t); code != 4100 {
		t.Errorf("the socket closes with %d when its token is over, want 4100", code)
	}
}
