package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"usher/internal/hook"
	"usher/test/rig"
)

// allowed lets flows call this machine, where the tests answer them.
var allowed = []string{"USHER_ALLOW_NETWORKS=127.0.0.0/8"}

// outside answers what the flows of the scripts ask: a shop, a bot that is a mapped function, a survey that speaks TwiML, and a
// language model. It tells the server about itself and returns its address.
func outside(t *testing.T, s *rig.Server) string {
	t.Helper()
	var mu sync.Mutex
	asked := map[string]int{}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		orders := []any{}
		if r.PathValue("number") == "42" {
			orders = append(orders, map[string]any{"item": "Tea", "state": "On its way"})
		}
		answer(w, map[string]any{"orders": orders})
	})
	mux.HandleFunc("/missed", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{}) })
	mux.HandleFunc("/keep", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{}) })
	mux.HandleFunc("/talk", func(w http.ResponseWriter, r *http.Request) {
		signed(t, s, r)
		session := r.PostForm.Get("session")
		if session == "" {
			session = rig.Hex(4)
		}
		mu.Lock()
		asked[session]++
		n := asked[session]
		mu.Unlock()
		text := "You said " + r.PostForm.Get("text")
		if r.PostForm.Get("text") == "bye" {
			text = "I transfer you"
		}
		answer(w, map[string]any{"text": text, "session": session, "context": fmt.Sprint(n, " questions")})
	})
	mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) {
		signed(t, s, r)
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Response><Message>How was it?</Message>`+
			`<Redirect>https://webhooks.twilio.com/v1/Accounts/%s/Flows/%s?FlowEvent=return&amp;score=5</Redirect></Response>`,
			r.PostForm.Get("AccountSid"), r.PostForm.Get("FlowSid"))
	})
	mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Messages []struct{ Role, Content string }
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || len(q.Messages) < 2 || r.Header.Get("Authorization") != "Bearer sk-test" {
			t.Errorf("the model was asked %+v, %v", q, err)
			return
		}
		answer(w, map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": "You said " + q.Messages[len(q.Messages)-1].Content}}}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c := s.Client()
	c.Post(t, "/usher/v1/Functions", "Match", "bot-1234.twil.io", "Url", server.URL)
	c.Post(t, "/usher/v1/Functions", "Match", "ZH00000000000000000000000000000001", "Url", server.URL+"/talk")
	c.Must(t, http.MethodPost, "/usher/v1/Assistant", "Url", server.URL+"/v1", "Key", "sk-test", "Model", "echo")
	return server.URL
}

// signed checks the signature of a call, with the account's token.
func signed(t *testing.T, s *rig.Server, r *http.Request) {
	t.Helper()
	if err := r.ParseForm(); err != nil {
		t.Error(err)
	}
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if got := r.Header.Get("X-Twilio-Signature"); got == "" || got != hook.Sign(u.String(), r.PostForm, s.AuthToken) {
		t.Errorf("%s came with the signature %q", r.URL.Path, got)
	}
}

// adapted puts what only a run knows into the text of a definition.
func adapted(text, outside, workflow, subflow string) string {
	return strings.NewReplacer(
		"https://shop.example.com", outside, "https://survey.example.com", outside, "https://bot.example.com", "https://bot-1234.twil.io",
		"WW00000000000000000000000000000001", workflow, "TC00000000000000000000000000000001", "chat", "FW00000000000000000000000000000002", subflow,
	).Replace(text)
}
