package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/sid"
)

// The server delivers, signed with the account's token; one that is started over the rows of a server that has ended goes on.
func TestWebhooks(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.Allow = []string{"127.0.0.0/8"}
		type call struct{ path, signature, token, retries string }
		calls := make(chan call, 10)
		form := url.Values{"Body": {"hello"}, "RetryCount": {"0"}}
		down := true
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			if down {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			calls <- call{r.URL.Path, r.Header.Get("X-Twilio-Signature"), r.Header.Get("I-Twilio-Idempotency-Token"), r.PostForm.Get("RetryCount")}
		}))
		defer receiver.Close()
		s := start(t, c)
		notice := hook.Notice{
			Account: s.setup.Account.ID, AccountSID: s.setup.Account.SID, Kind: "test", Subject: sid.New(sid.Channel), Retries: 3,
			Content: hook.Content{URL: receiver.URL + "/flow", Form: form},
		}
		var d hook.Delivery
		if err := s.db.Do(t.Context(), func(tx *db.Tx) (err error) { d, err = s.hooks.EnqueueTx(tx, notice); return err }); err != nil {
			t.Fatal(err)
		}
		first := <-calls
		s.stop() // what runs is written down, what is to be tried again stays
		down = false
		start(t, c)
		second := <-calls
		for i, got := range []call{first, second} {
			form.Set("RetryCount", got.retries)
			if got.path != "/flow" || got.token != d.IdempotencyToken() || got.retries != []string{"0", "1"}[i] ||
				got.signature != hook.Sign(receiver.URL+"/flow", form, s.setup.Account.AuthToken) {
				t.Errorf("call %d: %+v", i, got)
			}
		}
	})
}

func TestTrim(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	err := trim(3, func(_ context.Context, before time.Time, limit int) (int64, error) {
		if age := time.Since(before); age < 70*time.Hour || age > 74*time.Hour {
			t.Errorf("rows older than %v", age)
		}
		calls++
		return int64(limit) * int64(2-calls), nil // one full batch, then nothing
	})(ctx)
	if err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	broken := errors.New("broken")
	calls = 0
	err = trim(3, func(_ context.Context, _ time.Time, limit int) (int64, error) {
		calls++
		return int64(limit), broken
	})(ctx)
	if calls != 1 || !errors.Is(err, broken) {
		t.Errorf("%d calls, %v", calls, err)
	}
	_ = trim(3, func(_ context.Context, _ time.Time, limit int) (int64, error) {
		cancel()
		return int64(limit), nil
	})(ctx) // returns: the process ends
}
