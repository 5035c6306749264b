package apns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	devices "usher/internal/chat/push"
	"usher/internal/push"
)

// apple stands where the service is: HTTP/2 over TLS, which asks clients for a certificate.
func apple(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func client(s *httptest.Server) *Client {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return New(Options{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		URL:       s.URL + "/", SandboxURL: s.URL + "/sandbox",
	})
}

// pair is a certificate of an app and its key, in PEM.
func pair(t *testing.T, app string) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject: pkix.Name{CommonName: "Apple Push Services: " + app, ExtraNames: []pkix.AttributeTypeAndValue{{Type: userID, Value: app}}},
	}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func credential(certificate, key string) devices.Credential {
	return devices.Credential{CredentialDoc: devices.CredentialDoc{Kind: devices.APN, Secrets: devices.Secrets{Certificate: certificate, PrivateKey: key}}}
}

var badge = int64(3)

func message() push.Message {
	return push.Message{
		ID: "RU0123456789abcdef0123456789abcdef", Type: "twilio.channel.new_message", Body: "Help;ada: hello", Sound: "ring", Badge: &badge,
		Data: map[string]string{"channel_sid": "CH1", "author": "ada"}, Expires: time.Unix(1_900_000_000, 0),
	}
}

func device(address string) devices.Binding {
	return devices.Binding{BindingDoc: devices.BindingDoc{Kind: devices.APN, Address: address}}
}

func TestSend(t *testing.T) {
	t.Parallel()
	paths := make(chan string, 4)
	s := apple(t, func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		if r.ProtoMajor != 2 || r.Method != http.MethodPost {
			t.Errorf("%s %s", r.Proto, r.Method)
		}
		if len(r.TLS.PeerCertificates) != 1 || r.TLS.PeerCertificates[0].Subject.CommonName != "Apple Push Services: com.example.shop" {
			t.Errorf("%d certificates", len(r.TLS.PeerCertificates))
		}
		for name, want := range map[string]string{
			"apns-topic": "com.example.shop", "apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1900000000",
			"apns-id": "01234567-89ab-cdef-0123-456789abcdef", "authorization": "",
			"apns-collapse-id": "0123456789abcdef0123456789abcdef",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		body, err := io.ReadAll(r.Body)
		want := `{"aps":{"alert":{"body":"Help;ada: hello"},"sound":"ring","badge":3},"author":"ada","channel_sid":"CH1",` +
			`"twi_message_id":"RU0123456789abcdef0123456789abcdef","twi_message_type":"twilio.channel.new_message"}`
		if err != nil || string(body) != want {
			t.Errorf("%s %v", body, err)
		}
	})
	c := client(s)
	certificate, key := pair(t, "com.example.shop")
	cr := credential(certificate, key)
	if err := c.Send(t.Context(), cr, device("00aaFF"), message()); err != nil {
		t.Fatal(err)
	}
	// As a form may bring it: in one line, and the device as old apps print it.
	cr = credential(strings.ReplaceAll(certificate, "\n", " "), strings.ReplaceAll(key, "\n", `\n`))
	cr.Sandbox = true
	if err := c.Send(t.Context(), cr, device("<00aa ff>"), message()); err != nil {
		t.Fatal(err)
	}
	if a, b := <-paths, <-paths; a != "/3/device/00aaFF" || b != "/sandbox/3/device/00aaff" {
		t.Errorf("%s %s", a, b)
	}
}

// A key that signs tokens speaks in place of a certificate; one token serves many notifications.
func TestSend_token(t *testing.T) {
	t.Parallel()
	_, key := pair(t, "x")
	block, _ := pem.Decode([]byte(key))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 2)
	s := apple(t, func(_ http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 0 || r.Header.Get("Apns-Topic") != "com.example.shop" {
			t.Errorf("%d certificates, topic %q", len(r.TLS.PeerCertificates), r.Header.Get("Apns-Topic"))
		}
		seen <- r.Header.Get("Authorization")
	})
	c := client(s)
	cr := credential(`{"key_id":"K1","team_id":"T1","topic":"com.example.shop"}`, key)
	for range 2 {
		if err := c.Send(t.Context(), cr, device("aa"), message()); err != nil {
			t.Fatal(err)
		}
	}
	token := <-seen
	if again := <-seen; token != again {
		t.Error("each notification has a token of its own")
	}
	parts := strings.Split(strings.TrimPrefix(token, "bearer "), ".")
	if len(parts) != 3 {
		t.Fatal(token)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		t.Fatalf("%d %v", len(signature), err)
	}
	r, v := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(&parsed.(*ecdsa.PrivateKey).PublicKey, sum[:], r, v) { //nolint:forcetypeassert // made above
		t.Error("the signature is not valid")
	}
	var header, claims map[string]any
	for i, to := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, to) != nil {
			t.Fatalf("part %d", i)
		}
	}
	if header["alg"] != "ES256" || header["kid"] != "K1" || claims["iss"] != "T1" {
		t.Errorf("%v %v", header, claims)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status  int
		answer  string
		gone    bool
		since   time.Time
		refused string
	}{
		{410, `{"reason":"Unregistered","timestamp":1500000000000}`, true, time.UnixMilli(1500000000000), ""},
		{410, ``, true, time.Time{}, ""},
		{400, `{"reason":"BadDeviceToken"}`, true, time.Time{}, ""},
		{400, `{"reason":"DeviceTokenNotForTopic"}`, false, time.Time{}, "DeviceTokenNotForTopic"},
		{400, `{"reason":"no word at all"}`, false, time.Time{}, "status 400"},
		{403, `{"reason":"BadCertificate"}`, false, time.Time{}, "BadCertificate"},
		{403, `{"reason":"ExpiredProviderToken"}`, false, time.Time{}, ""},
		{429, `{"reason":"TooManyRequests"}`, false, time.Time{}, ""},
		{503, `<html>`, false, time.Time{}, ""},
	} {
		err := outcome(tt.status, []byte(tt.answer))
		var gone *push.Gone
		var refused *push.Refused
		switch {
		case err == nil || errors.As(err, &gone) != tt.gone || errors.As(err, &refused) != (tt.refused != ""):
			t.Errorf("%d %s: %v", tt.status, tt.answer, err)
		case tt.gone && !gone.Since.Equal(tt.since) || tt.refused != "" && refused.Reason != tt.refused:
			t.Errorf("%d %s: %+v %+v", tt.status, tt.answer, gone, refused)
		}
	}
}

func TestSend_refused(t *testing.T) {
	t.Parallel()
	s := apple(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"reason":"InvalidProviderToken"}`)
	})
	c := client(s)
	certificate, key := pair(t, "app")
	_, other := pair(t, "app")
	var refused *push.Refused
	for name, cr := range map[string]devices.Credential{
		"nothing":               credential("", ""),
		"no PEM":                credential("certificate", "key"),
		"another's key":         credential(certificate, other),
		"settings without key":  credential(`{"key_id":"K1","team_id":"T1","topic":"app"}`, "key"),
		"no topic":              credential(`{"key_id":"K1","team_id":"T1"}`, key),
		"what the service says": credential(`{"key_id":"K1","team_id":"T1","topic":"app"}`, key),
	} {
		if err := c.Send(t.Context(), cr, device("aa"), message()); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var gone *push.Gone
	for _, address := range []string{"", "../../x", "zz", strings.Repeat("a", 500)} {
		if err := c.Send(t.Context(), credential(certificate, key), device(address), message()); !errors.As(err, &gone) {
			t.Errorf("%q: %v", address, err)
		}
	}
	large := message()
	large.Data = map[string]string{"x": strings.Repeat("x", 5000)}
	if err := c.Send(t.Context(), credential(certificate, key), device("aa"), large); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	s.Close()
	err := c.Send(t.Context(), credential(certificate, key), device("aabbcc"), message())
	if err == nil || errors.As(err, &gone) || strings.Contains(err.Error(), "aabbcc") {
		t.Errorf("%v", err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE----- AAAA BBBB -----END CERTIFICATE-----")
	f.Fuzz(func(_ *testing.T, text string) { lines(text) })
}
