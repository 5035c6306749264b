package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
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

// Whatever the operator's URL does, the server goes on, and a customer whose message it did not take gets one task.
func TestExternalFlow_hostile(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.Allow = []string{"127.0.0.1/32"}
		var mu sync.Mutex
		calls := map[string]int{}
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			calls[r.URL.Path]++
			mu.Unlock()
			switch r.URL.Path {
			case "/slow":
				<-r.Context().Done()
			case "/endless":
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			case "/broken":
				w.WriteHeader(http.StatusInternalServerError)
			case "/private":
				http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
			case "/neighbor":
				http.Redirect(w, r, "http://127.0.0.2:"+r.URL.Port()+"/", http.StatusTemporaryRedirect)
			case "/circle":
				http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
			case "/file":
				w.Header().Set("Location", "file:///etc/passwd")
				w.WriteHeader(http.StatusTemporaryRedirect)
			case "/hang-up":
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					_ = conn.Close()
				}
			case "/nonsense":
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					_, _ = conn.Write([]byte("\x00\xff 220 mail.example\r\n\r\n"))
					_ = conn.Close()
				}
			}
		}))
		defer receiver.Close()
		s := start(t, c)
		user, password := string(s.setup.Account.SID), s.setup.Account.AuthToken
		service := s.must(200, "GET", "/chat/v2/Services", user, password, nil)["services"].([]any)[0].(map[string]any)["sid"].(string)
		rows := []struct {
			path  string
			state hook.State
			calls int
		}{
			{"/slow", hook.Failed, 1},
			{"/endless", hook.Delivered, 1},
			{"/broken", hook.Failed, 1},
			{"/private", hook.Blocked, 1},
			{"/neighbor", hook.Blocked, 1},
			{"/circle", hook.Blocked, 4},
			{"/file", hook.Blocked, 1},
			{"/hang-up", hook.Failed, 1},
			{"/nonsense", hook.Failed, 1},
			{"/good", hook.Delivered, 1},
		}
		channels := map[string]string{}
		for _, row := range rows {
			flow := s.must(201, "POST", "/flex-api/v1/FlexFlows", user, password, url.Values{
				"FriendlyName": {row.path}, "ChatServiceSid": {service}, "ChannelType": {"web"}, "IntegrationType": {"external"},
				"Integration.Url": {receiver.URL + row.path}, "Integration.RetryCount": {"0"},
			})
			channel := s.must(201, "POST", "/flex-api/v1/WebChannels", user, password, url.Values{
				"FlexFlowSid": {text(t, flow, "sid")}, "Identity": {"ada"}, "CustomerFriendlyName": {"Ada"}, "ChatFriendlyName": {"Chat"},
			})
			channels[row.path] = text(t, channel, "sid")
			s.must(201, "POST", "/chat/v2/Services/"+service+"/Channels/"+channels[row.path]+"/Messages", user, password, url.Values{"From": {"ada"}, "Body": {"hello"}})
		}
		page := func(path, key string) []map[string]any {
			var rows []map[string]any
			for _, row := range s.must(200, "GET", path, user, password, nil)[key].([]any) {
				rows = append(rows, row.(map[string]any))
			}
			return rows
		}
		workspace := text(t, page("/taskrouter/v1/Workspaces", "workspaces")[0], "sid")
		tasks := func(channel string) (n int) {
			for _, task := range page("/taskrouter/v1/Workspaces/"+workspace+"/Tasks?PageSize=100", "tasks") {
				if strings.Contains(task["attributes"].(string), channel) {
					n++
				}
			}
			return n
		}
		for _, row := range rows {
			channel, want := channels[row.path], 0
			if row.state != hook.Delivered {
				want = 1
			}
			state := ""
			for end := time.Now().Add(patience); time.Now().Before(end) && (state != string(row.state) || tasks(channel) != want); <-time.After(20 * time.Millisecond) {
				state = text(t, page("/hooks/v1/Deliveries?SubjectSid="+channel, "deliveries")[0], "state")
			}
			if state != string(row.state) || tasks(channel) != want {
				t.Errorf("%s: %s, %d tasks, want %s, %d", row.path, state, tasks(channel), row.state, want)
			}
			mu.Lock()
			if calls[row.path] != row.calls {
				t.Errorf("%s: %d calls, want %d", row.path, calls[row.path], row.calls)
			}
			mu.Unlock()
		}
	})
}
