package custom

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/connector"
	"usher/internal/connector/connectortest"
	"usher/internal/messaging/carry"
)

const (
	secret = "5ecret-of-the-program"
	token  = "token-of-the-program"
)

func settings() map[string]string {
	return map[string]string{"secret": secret, "token": token, "address": "custom:shop"}
}

func sign(body []byte) connector.Request {
	head := http.Header{"Content-Type": {"application/json"}}
	head.Set("Authorization", "Bearer "+token)
	return connector.Request{Method: "POST", URL: connectortest.PublicURL, Header: head, Body: body, At: time.Unix(1789000010, 0).UTC()}
}

func TestContract(t *testing.T) {
	connectortest.Run(t, connectortest.Trial{
		Kind: Kind, Settings: settings(), Bases: []string{"url"}, Sign: sign, AnyAnswer: true,
		Text: func(id, words string) []byte { return fmt.Appendf(nil, `{"id":%q,"from":"ada","body":%q}`, id, words) },
		File: func(id, base string) []byte {
			return fmt.Appendf(nil, `[{"id":%q,"from":"ada","media":[{"url":%q,"content_type":"image/png"}]}]`, id, base+"/bytes")
		},
		About:    func(http.ResponseWriter, *http.Request, string) bool { return false },
		Outbound: carry.Outbound{SID: "SM0190a1b2c3d4e5f60718293a4b5c6d7e", From: "custom:shop", To: "custom:customer-ada", Body: "canary-body"},
		Taken:    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	})
}

func connection(t testing.TB, handler http.HandlerFunc) *Connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := settings()
	s["url"] = server.URL + "/hook/"
	c, err := Kind.Open(s, connector.Deps{Client: server.Client(), PublicURL: connectortest.PublicURL})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connection)
}

func TestSettings(t *testing.T) {
	for _, with := range [][2]string{{"secret", "short"}, {"token", "short"}, {"token", "sixteen letters and spaces"}, {"address", "custom: shop"}, {"address", "custom:a\u00a0b"}} {
		s := settings()
		s["url"] = "https://program.example"
		s[with[0]] = with[1]
		if _, err := Kind.Open(s, connector.Deps{Client: http.DefaultClient}); err == nil || !strings.Contains(err.Error(), with[0]) || strings.Contains(err.Error(), with[1]) {
			t.Errorf("%s: %v", with[0], err)
		}
	}
}

func TestReceive(t *testing.T) {
	c := connection(t, nil)
	at := time.Unix(1789000010, 0).UTC()
	for name, tc := range map[string]struct {
		body     string
		messages []carry.Inbound
		receipts []carry.Receipt
		taken    int
	}{
		"one": {
			`{"id":7,"from":"custom:ada","to":"shop","body":"hello","name":"Ada L.","sent_at":"2026-11-20T17:00:00+01:00","details":{"ShopPage":"lamps","Count":3}}`,
			[]carry.Inbound{{
				ID: "7", From: "custom:ada", To: "custom:shop", Body: "hello", ProfileName: "Ada L.", SentAt: time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC),
				Details: map[string]string{"ShopPage": "lamps", "Count": "3"},
			}},
			nil, 1,
		},
		"list": {
			` [{"id":"a","from":"ada","media":[{"data":"aGVsbG8=","content_type":"text/plain","name":"a.txt"},{"url":"https://files.example/b"}],"sent_at":1789000000},
				{"receipt":"SM1","status":"delivered"},{"receipt":"SM2","status":"undelivered","code":30003}]`,
			[]carry.Inbound{{
				ID: "a", From: "custom:ada", To: "custom:shop", SentAt: time.Unix(1789000000, 0).UTC(),
				Media: []carry.Media{{Data: []byte("hello"), ContentType: "text/plain", Name: "a.txt"}, {URL: "https://files.example/b"}},
			}},
			[]carry.Receipt{{ID: "SM1", Status: carry.Delivered, At: at}, {ID: "SM2", Status: carry.Undelivered, Code: 30003, At: at}},
			3,
		},
	} {
		u, err := c.Receive(t.Context(), sign([]byte(tc.body)))
		want := connector.Update{Messages: tc.messages, Receipts: tc.receipts, Answer: connector.Answer{ContentType: "application/json", Body: fmt.Appendf(nil, `{"taken":%d}`, tc.taken)}}
		if diff := cmp.Diff(want, u); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestWrongItems(t *testing.T) {
	c := connection(t, nil)
	for body, wrong := range map[string]string{
		`[]`:                                     "one item, or a list of 1 to 100",
		`[` + strings.Repeat("{},", 100) + `{}]`: "one item, or a list of 1 to 100",
		`{}`:                                     "item 1: id is missing",
		`{"id":"a"}`:                             "item 1: from is 1 to 200 bytes without spaces",
		`{"id":"a","from":"a b","body":"x"}`:     "item 1: from is 1 to 200 bytes without spaces",
		`{"id":"a","from":"shop","body":"x"}`:    "item 1: from is this connection's own address",
		`{"id":"a","from":"ada"}`:                "item 1: there is neither body nor media",
		`{"id":"a","from":"ada","body":"x","to":"bar"}`:                                    "item 1: to is another address than this connection's",
		`{"id":"a","from":"ada","media":[{}]}`:                                             "item 1: a file has either url or data",
		`{"id":"a","from":"ada","media":[{"url":"file:///etc/passwd"}]}`:                   "item 1: the url of a file is none",
		`{"id":"a","from":"ada","body":"x","sent_at":"yesterday"}`:                         "item 1: sent_at is a time such as 2026-11-20T16:00:00Z, or seconds since 1970",
		`{"id":"a","from":"ada","body":"x","details":{"a b":"c"}}`:                         "item 1: the name of a detail is letters and digits",
		`{"id":"a","from":"ada","body":3}`:                                                 "item 1: it is not of the documented shape",
		`[{"id":"a","from":"ada","body":"x"},{"receipt":"a"}]`:                             "item 2: status is sent, delivered, undelivered, failed or read",
		`[{"id":"a","from":"ada","body":"x"},{"receipt":"a","code":-1,"status":"failed"}]`: "item 2: receipt or code is too long",
	} {
		u, err := c.Receive(t.Context(), sign([]byte(body)))
		malformed := (*connector.Malformed)(nil)
		if !errors.As(err, &malformed) || malformed.Reason != wrong || len(u.Messages) > 0 {
			t.Errorf("%.80s: %v, want %s", body, err, wrong)
		}
	}
}

func TestSend(t *testing.T) {
	var answer, got string
	status := 200
	c := connection(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.Path + " " + string(body)
		at := r.Header.Get("Usher-Timestamp")
		if r.Header.Get("Usher-Signature") != hex.EncodeToString(connector.Mac(secret, []byte(at+"."), body)) || len(at) != 10 || r.Header["X-Idempotency-Key"] != nil {
			t.Errorf("headers %v", r.Header)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	})
	m := carry.Outbound{
		SID: "SM1", From: "custom:shop", To: "custom:ada", Body: "look", Media: []carry.Media{{URL: "https://usher.example/m/1", ContentType: "image/png", Name: "a.png"}},
		Template: "t", Language: "de", Variables: map[string]string{"1": "a"},
	}
	for said, want := range map[string]carry.Sent{
		"": {IDs: []string{"SM1"}, Status: carry.SentOut}, `{"id":"own-7","status":"queued"}`: {IDs: []string{"own-7"}, Status: carry.Queued},
		`{"status":"delivered"}`: {IDs: []string{"SM1"}, Status: carry.Delivered}, `{"status":"nonsense"}`: {IDs: []string{"SM1"}, Status: carry.SentOut}, "OK": {IDs: []string{"SM1"}, Status: carry.SentOut},
	} {
		answer = said
		sent, err := c.Send(t.Context(), m)
		if diff := cmp.Diff(want, sent); err != nil || diff != "" {
			t.Errorf("%s: %v %s", said, err, diff)
		}
	}
	want := `POST /hook/ {"sid":"SM1","from":"shop","to":"ada","body":"look","media":[{"url":"https://usher.example/m/1","content_type":"image/png","name":"a.png"}],"template":"t","language":"de","variables":{"1":"a"}}`
	if got != want {
		t.Errorf("sent\n%s, want\n%s", got, want)
	}
	status, answer = 422, `{"code":63016,"reason":"look"}`
	_, err := c.Send(t.Context(), m)
	if diff := cmp.Diff(&carry.Refusal{Code: 63016, Reason: "HTTP status 422"}, err); diff != "" {
		t.Error(diff)
	}
	if !connector.Repeater.Repeats(c) {
		t.Error("a program shows a SID once")
	}
	m.To = "+15550100300"
	if refusal := (*carry.Refusal)(nil); !errors.As(second(c.Send(t.Context(), m)), &refusal) || refusal.Code != 21211 {
		t.Error("a number is no address of this channel")
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzReceive(f *testing.F) {
	f.Add(`{"id":"7","from":"ada","body":"hello","details":{"a":"b"},"media":[{"data":"aGVsbG8="}]}`)
	f.Add(`[{"receipt":"SM1","status":"failed","code":30003}]`)
	c := connection(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		u, err := c.Receive(t.Context(), sign([]byte(body)))
		if err != nil {
			return
		}
		for _, m := range u.Messages {
			if m.ID == "" || len(m.ID) > 255 || m.From == m.To || m.From == prefix {
				t.Errorf("a message that cannot be kept: %q %q", m.ID, m.From)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		}
	})
}
