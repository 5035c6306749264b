// Package golang drives a running server with twilio-go. Nothing but the base address is changed: a transport sends every
// request to the server and leaves the Host header as the library wrote it, so the server tells the products apart by it.
//
// The server's address and credentials come from the environment; test/sdk starts it.
package golang

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	twilio "github.com/twilio/twilio-go"
	"github.com/twilio/twilio-go/client"
)

type redirect struct{ to *url.URL }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Host = req.URL.Host
	out.URL.Scheme, out.URL.Host = r.to.Scheme, r.to.Host
	return http.DefaultTransport.RoundTrip(out)
}

// connect answers a client with the account's SID and token, or another user and password.
func connect(t *testing.T, credentials ...string) *twilio.RestClient {
	t.Helper()
	base := os.Getenv("USHER_URL")
	if base == "" {
		t.Skip("USHER_URL is not set; go test ./test/sdk in the root of the tree starts a server")
	}
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	user, password := account(), os.Getenv("USHER_AUTH_TOKEN")
	if len(credentials) == 2 {
		user, password = credentials[0], credentials[1]
	}
	c := &client.Client{
		Credentials: client.NewCredentials(user, password),
		HTTPClient:  &http.Client{Transport: redirect{to}, Timeout: 20 * time.Second},
	}
	c.SetAccountSid(account())
	return twilio.NewRestClientWithParams(twilio.ClientParams{Client: c})
}

func account() string { return os.Getenv("USHER_ACCOUNT_SID") }

// ok answers the value of a call that must not fail.
func ok[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks the status and the code of an error.
func refused(t *testing.T, err error, status, code int) {
	t.Helper()
	var e *client.TwilioRestError
	if !errors.As(err, &e) {
		t.Errorf("error %v, want status %d with code %d", err, status, code)
		return
	}
	if e.Status != status || e.Code != code || e.Message == "" {
		t.Errorf("status %d, code %d, %q; want %d, %d and a message", e.Status, e.Code, e.Message, status, code)
	}
}

func equal[T comparable](t *testing.T, what string, got *T, want T) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is missing, want %v", what, want)
	} else if *got != want {
		t.Errorf("%s is %v, want %v", what, *got, want)
	}
}

// eventually waits for something that happens after an answer.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}
