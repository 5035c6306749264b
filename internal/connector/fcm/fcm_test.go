package fcm_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	devices "usher/internal/chat/push"
	"usher/internal/connector/fcm"
	"usher/internal/push"
)

// key is one for all tests: making it takes long.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func account(t *testing.T, change func(map[string]string)) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key())
	if err != nil {
		t.Fatal(err)
	}
	a := map[string]string{
		"type": "service_account", "project_id": "shop-1", "private_key_id": "key1", "client_email": "push@shop-1.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "http://169.254.169.254/token",
	}
	if change != nil {
		change(a)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// google stands where the service is, over HTTP/2 and TLS.
type google struct {
	*httptest.Server
	tokens, sent atomic.Int64
	last         atomic.Pointer[[]byte]
	answer       func(w http.ResponseWriter, r *http.Request)
	token        func(w http.ResponseWriter)
}

func serve(t *testing.T) *google {
	t.Helper()
	g := &google{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		n := g.tokens.Add(1)
		if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("grant type %q", r.FormValue("grant_type"))
		}
		checkAssertion(t, r.FormValue("assertion"), g.URL+"/token")
		if g.token != nil {
			g.token(w)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "at" + string(rune('0'+n)), "expires_in": 3599, "token_type": "Bearer"})
	})
	mux.HandleFunc("POST /v1/projects/shop-1/messages:send", func(w http.ResponseWriter, r *http.Request) {
		g.sent.Add(1)
		if r.ProtoMajor != 2 {
			t.Errorf("spoken: %s", r.Proto)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		g.last.Store(&body)
		if g.answer != nil {
			g.answer(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"name":"projects/shop-1/messages/1"}`)
	})
	g.Server = httptest.NewUnstartedServer(mux)
	g.EnableHTTP2 = true
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *google) client() *fcm.Client {
	return fcm.New(fcm.Options{HTTP: g.Server.Client(), URL: g.URL + "/", TokenURL: g.URL + "/token"})
}

func checkAssertion(t *testing.T, text, audience string) {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Errorf("assertion %q", text)
		return
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(&key().PublicKey, crypto.SHA256, sum[:], signature) != nil {
		t.Errorf("the signature is not valid: %v", err)
	}
	var header struct{ Alg, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	for i, to := range []any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, to) != nil {
			t.Errorf("part %d: %s", i, raw)
		}
	}
	if header.Alg != "RS256" || header.Kid != "key1" || claims.Iss != "push@shop-1.iam.gserviceaccount.com" || claims.Aud != audience ||
		claims.Scope != "https://www.googleapis.com/auth/firebase.messaging" || claims.Exp-claims.Iat != 3600 {
		t.Errorf("%+v %+v", header, claims)
	}
}

var (
	device  = devices.Binding{BindingDoc: devices.BindingDoc{Kind: devices.FCM, Address: "device:1"}}
	message = push.Message{
		ID: "RU0123456789abcdef0123456789abcdef", Type: "twilio.channel.new_message", Body: "Help;ada: hello", Sound: "ring",
		Data: map[string]string{"channel_sid": "CH1", "author": "ada"}, Expires: time.Now().Add(time.Hour),
	}
)

func credential(secret string) devices.Credential {
	return devices.Credential{CredentialDoc: devices.CredentialDoc{Kind: devices.FCM, Secrets: devices.Secrets{Secret: secret}}}
}

func TestSend(t *testing.T) {
	t.Parallel()
	g := serve(t)
	g.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer at1" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("header %v", r.Header)
		}
		_, _ = io.WriteString(w, `{"name":"projects/shop-1/messages/1"}`)
	}
	c := g.client()
	old := devices.Credential{CredentialDoc: devices.CredentialDoc{Kind: devices.GCM, Secrets: devices.Secrets{APIKey: account(t, nil)}}}
	for _, cr := range []devices.Credential{credential(account(t, nil)), old} {
		if err := c.Send(t.Context(), cr, device, message); err != nil {
			t.Fatal(err)
		}
	}
	if g.tokens.Load() != 1 || g.sent.Load() != 2 {
		t.Errorf("%d tokens for %d messages", g.tokens.Load(), g.sent.Load())
	}
	var got struct {
		Message struct {
			Token   string            `json:"token"`
			Data    map[string]string `json:"data"`
			Android struct{ Priority, TTL string }
			Webpush struct{ Headers map[string]string }
		} `json:"message"`
	}
	if err := json.Unmarshal(*g.last.Load(), &got); err != nil {
		t.Fatal(err)
	}
	m := got.Message
	want := map[string]string{
		"twi_message_type": "twilio.channel.new_message", "twi_message_id": string(message.ID), "twi_body": "Help;ada: hello", "twi_sound": "ring",
		"channel_sid": "CH1", "author": "ada",
	}
	for name, value := range want {
		if m.Data[name] != value {
			t.Errorf("%s is %q, want %q", name, m.Data[name], value)
		}
	}
	if len(m.Data) != len(want) || m.Token != "device:1" || m.Android.Priority != "high" || !strings.HasSuffix(m.Android.TTL, "s") || m.Webpush.Headers["Urgency"] != "high" {
		t.Errorf("%s", *g.last.Load())
	}
}

func TestSend_answers(t *testing.T) {
	t.Parallel()
	const details = `{"error":{"status":"%s","details":[{"errorCode":"%s"}]}}`
	answer := func(status, code string) string {
		return strings.Replace(strings.Replace(details, "%s", status, 1), "%s", code, 1)
	}
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		gone    bool
		refused string
	}{
		{"not there any more", 404, answer("NOT_FOUND", "UNREGISTERED"), true, ""},
		{"not found", 404, "", true, ""},
		{"of another sender", 403, answer("PERMISSION_DENIED", "SENDER_ID_MISMATCH"), false, "SENDER_ID_MISMATCH"},
		{"invalid", 400, answer("INVALID_ARGUMENT", ""), false, "INVALID_ARGUMENT"},
		{"a reason that is no word", 400, answer("device:1 hello", ""), false, "status 400"},
		{"too many", 429, answer("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), false, ""},
		{"down", 503, "<html>", false, ""},
		{"sent elsewhere", 302, "", false, "status 302"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := serve(t)
			g.answer = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", g.URL+"/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}
			err := g.client().Send(t.Context(), credential(account(t, nil)), device, message)
			var gone *push.Gone
			var refused *push.Refused
			switch {
			case err == nil || errors.As(err, &gone) != tt.gone || errors.As(err, &refused) != (tt.refused != ""):
				t.Errorf("%v", err)
			case tt.refused != "" && refused.Reason != tt.refused:
				t.Errorf("reason %q", refused.Reason)
			}
		})
	}
}

// A token that is taken back before its time is replaced, once.
func TestSend_token(t *testing.T) {
	t.Parallel()
	g := serve(t)
	g.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer at1" && g.sent.Load() > 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	c := g.client()
	for range 2 {
		if err := c.Send(t.Context(), credential(account(t, nil)), device, message); err != nil {
			t.Fatal(err)
		}
	}
	if g.tokens.Load() != 2 || g.sent.Load() != 3 {
		t.Errorf("%d tokens, %d messages", g.tokens.Load(), g.sent.Load())
	}
}

func TestSend_credentials(t *testing.T) {
	t.Parallel()
	g := serve(t)
	c := g.client()
	for name, secret := range map[string]string{
		"a server key of old":  "AAAAxyz:APA91b",
		"nothing":              "",
		"another kind of JSON": `{"type":"authorized_user"}`,
		"a path for a project": account(t, func(a map[string]string) { a["project_id"] = "../x" }),
		"no key":               account(t, func(a map[string]string) { delete(a, "private_key") }),
		"a key that is not one": account(t, func(a map[string]string) {
			a["private_key"] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
		}),
	} {
		var refused *push.Refused
		if err := c.Send(t.Context(), credential(secret), device, message); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.token = func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
	}
	var refused *push.Refused
	if err := c.Send(t.Context(), credential(account(t, nil)), device, message); !errors.As(err, &refused) || refused.Reason != "access token: invalid_grant" {
		t.Errorf("%v", err)
	}
	g.token = func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	if err := c.Send(t.Context(), credential(account(t, nil)), device, message); err == nil || errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	g.Close()
	err := c.Send(t.Context(), credential(account(t, nil)), device, message)
	if err == nil || strings.Contains(err.Error(), "shop-1") {
		t.Errorf("%v", err)
	}
}
