package iam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/account"
	"usher/internal/flex"
	"usher/internal/rest"
	"usher/internal/sid"
)

const testAccount = "AC00000000000000000000000000000001"

// fake mints tokens that read like claims.
type fake struct{ minted []account.TokenSpec }

func (f *fake) Mint(_ context.Context, spec account.TokenSpec) (string, time.Time, error) {
	f.minted = append(f.minted, spec)
	return "minted", time.Now().Add(time.Hour), nil
}

func (f *fake) Token(context.Context, string) (account.Actor, error) {
	return account.Actor{}, errors.New("not used")
}

func (f *fake) Lookup(_ context.Context, s sid.SID) (account.Account, error) {
	acc := account.Account{Status: account.Active}
	acc.ID, acc.SID = 1, s
	return acc, nil
}

func (f *fake) GetConfiguration(context.Context, account.Actor) (c flex.Configuration, _ error) {
	c.ChatService = "IS00000000000000000000000000000001"
	return c, nil
}

func (f *fake) GetFlow(context.Context, account.Actor, sid.SID) (flex.Flow, error) {
	return flex.Flow{}, nil
}

func (f *fake) Authenticate(context.Context, string, string) (account.Actor, error) {
	return account.Actor{}, errors.New("not used")
}

func serve(t *testing.T, f *fake, d Deps) http.Handler {
	t.Helper()
	d.Tokens, d.Flex = f, f
	s, err := rest.New(rest.Options{Products: []rest.Product{Product(d)}, Auth: f})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(s http.Handler, from, body string) (int, tokenWire, http.Header) {
	r := httptest.NewRequest("POST", "/iam/v1/Accounts/"+testAccount+"/Tokens", strings.NewReader(body))
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var out tokenWire
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w.Code, out, w.Header()
}

func TestVisitor_isRecognised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := serve(t, f, Deps{Key: []byte("key")})
		_, first, _ := ask(s, "192.0.2.1:1", `{"products":["flex"]}`)
		time.Sleep(30 * 24 * time.Hour)
		body := `{"visitor":"` + first.Visitor + `","identity":"somebody else"}`
		_, again, _ := ask(s, "192.0.2.1:1", body)
		if again.Identity != first.Identity || len(first.Identity) != 32 || again.Visitor == first.Visitor {
			t.Errorf("%+v, then %+v", first, again)
		}
		time.Sleep(visitorTTL)
		if _, late, _ := ask(s, "192.0.2.1:1", body); late.Identity == first.Identity {
			t.Error("a visitor is forgotten in the end")
		}
	})
}

func TestVisitor_cannotBeForged(t *testing.T) {
	t.Parallel()
	e := &endpoint{Deps: Deps{Key: []byte("key")}}
	now := time.Now()
	good := e.secret(testAccount, "ana", now)
	if got, ok := e.known(testAccount, good); got != "ana" || !ok {
		t.Fatalf("%q %v", got, ok)
	}
	if _, ok := e.known("AC00000000000000000000000000000002", good); ok {
		t.Error("good for another account")
	}
	if _, ok := (&endpoint{}).known(testAccount, (&endpoint{}).secret(testAccount, "ana", now)); ok {
		t.Error("good without a key")
	}
	raw := []byte(good)
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		if got, ok := e.known(testAccount, string(bad)); ok && got != "ana" {
			t.Errorf("byte %d: %q", i, got)
		}
	}
	for _, bad := range []string{"", "x", "AAAA", strings.Repeat("A", 2000)} {
		if _, ok := e.known(testAccount, bad); ok {
			t.Errorf("%q", bad)
		}
	}
}

func FuzzKnown(f *testing.F) {
	e := &endpoint{Deps: Deps{Key: []byte("key")}}
	f.Add(e.secret(testAccount, "ana", time.Now()))
	f.Fuzz(func(t *testing.T, secret string) {
		if identity, ok := e.known(testAccount, secret); ok && identity != "ana" {
			t.Errorf("%q gives %q", secret, identity)
		}
	})
}

func TestLimit_perAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := serve(t, f, Deps{Key: []byte("key"), PerMinute: 6, Burst: 3})
		for i := range 3 {
			if code, _, _ := ask(s, "192.0.2.1:1", "{}"); code != 201 {
				t.Fatalf("request %d: %d", i, code)
			}
		}
		code, _, h := ask(s, "192.0.2.1:2", "{}")
		if code != 429 || h.Get("Retry-After") != "10" {
			t.Errorf("%d after %s", code, h.Get("Retry-After"))
		}
		if code, _, _ := ask(s, "192.0.2.2:1", "{}"); code != 201 {
			t.Errorf("another address: %d", code)
		}
		time.Sleep(10 * time.Second)
		if code, _, _ := ask(s, "192.0.2.1:3", "{}"); code != 201 {
			t.Errorf("after waiting: %d", code)
		}
		for range 3 {
			ask(s, "[2001:db8:1:2::1]:1", "{}")
		}
		if code, _, _ := ask(s, "[2001:db8:1:2:3::9]:1", "{}"); code != 429 {
			t.Errorf("one IPv6 network: %d", code)
		}
	})
}
