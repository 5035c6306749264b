package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/sid"
)

// house is an installation with one account, its owner and a key.
type house struct {
	*Accounts
	setup Setup
	owner Actor
}

func open(t *testing.T, d *db.DB) *house {
	t.Helper()
	a := New(Deps{DB: d})
	setup := must(a.Bootstrap(t.Context(), Spec{FriendlyName: "Main", KeySID: sid.New(sid.Key)}))(t)
	owner := must(a.Authenticate(t.Context(), string(setup.Account.SID), setup.Account.AuthToken))(t)
	return &house{a, setup, owner}
}

// each runs a test on fresh installations on both databases.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, open(t, d)) })
}

// must returns a value, and fails the test where there is an error.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// code fails the test unless err is a fault with this code.
func code(t testing.TB, err error, want int) {
	t.Helper()
	if !fault.HasCode(err, want) {
		t.Errorf("got error %v, want code %d", err, want)
	}
}

// person adds somebody with a password.
func (h *house) person(t *testing.T, email string, role Role) Person {
	t.Helper()
	p := must(h.CreatePerson(t.Context(), h.owner, NewPerson{Email: email, Role: role}))(t)
	secret, _, err := h.NewLink(t.Context(), h.owner, p.SID)
	if err != nil {
		t.Fatal(err)
	}
	login := must(h.SignInOnce(t.Context(), secret, noAddress))(t)
	login = must(h.SetPassword(t.Context(), login.Secret, "", password, noAddress))(t)
	return login.Person
}

const password = "correct horse battery"

// age moves a time column of all rows of a table into the past.
func (h *house) age(t *testing.T, table, column string, by time.Duration) {
	t.Helper()
	err := h.db.Do(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec("update "+table+" set "+column+" = "+column+" - $1", by.Microseconds())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// helperToken makes an access token the way that the helper libraries of the
// compatible service do, without any of our code.
func helperToken(t testing.TB, header, payload map[string]any, secret string) string {
	t.Helper()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := part(header) + "." + part(payload)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var goodHeader = map[string]any{"cty": "twilio-fpa;v=1", "typ": "JWT", "alg": "HS256"}
