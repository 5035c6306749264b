package app

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/hook"
)

// A service's webhooks hear a visitor's messages on the stream, signed: the one before changes and refuses, the one after is told
// what became of it, in order.
func TestChatWebhooks(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.Allow = []string{"127.0.0.0/8"}
		s := start(t, c)
		user, password := string(s.setup.Account.SID), s.setup.Account.AuthToken
		var mu sync.Mutex
		var told []string
		var address string
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			if r.Header.Get("X-Twilio-Signature") != hook.Sign(address+r.URL.Path, r.PostForm, password) {
				t.Errorf("the signature of %v is not valid", r.PostForm)
			}
			switch body := r.PostForm.Get("Body"); {
			case r.URL.Path == "/after":
				mu.Lock()
				told = append(told, r.PostForm.Get("EventType")+" "+body)
				mu.Unlock()
			case strings.Contains(body, "secret"):
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"body":"***"}`))
			case strings.Contains(body, "forbidden"):
				w.WriteHeader(http.StatusForbidden)
			}
		}))
		defer receiver.Close()
		address = receiver.URL
		token, _, channel := s.visitor()
		service := text(t, s.must(200, "GET", "/flex-api/v1/Configuration", user, password, nil), "chat_service_instance_sid")
		s.must(200, "POST", "/chat/v2/Services/"+service, user, password, url.Values{
			"PreWebhookUrl": {address + "/before"}, "PostWebhookUrl": {address + "/after"}, "WebhookFilters": {"onMessageSend", "onMessageSent"},
		})
		visitor := s.stream(token)
		subscribe(t, visitor, channel)
		for i, tt := range []struct{ body, kept string }{{"hello", "hello"}, {"my secret", "***"}, {"forbidden", ""}, {"good bye", "good bye"}} {
			m, _, err := visitor.Send(t.Context(), channel, string(rune('a'+i)), tt.body)
			switch {
			case tt.kept == "" && (err == nil || !strings.Contains(err.Error(), "50056")):
				t.Errorf("%s is not refused: %v", tt.body, err)
			case tt.kept != "" && (err != nil || m.Body != tt.kept):
				t.Errorf("%s is kept as %q, %v", tt.body, m.Body, err)
			}
		}
		want := []string{"onMessageSent hello", "onMessageSent ***", "onMessageSent good bye"}
		got := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(told)
		}
		for end := time.Now().Add(patience); time.Now().Before(end) && !slices.Equal(got(), want); <-time.After(20 * time.Millisecond) {
		}
		if list := got(); !slices.Equal(list, want) {
			t.Errorf("told %q, want %q", list, want)
		}
	})
}
