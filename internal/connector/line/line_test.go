package line

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/connector"
	"usher/internal/connector/connectortest"
	"usher/internal/messaging/carry"
)

const (
	secret   = "5ecret-0f-the-channel"
	bot      = "U00000000000000000000000000000abc"
	customer = "U00000000000000000000000000000001"
)

func settings() map[string]string {
	return map[string]string{"bot_user_id": bot, "channel_secret": secret, "channel_access_token": "token-of-the-channel=="}
}

func sign(body []byte) connector.Request {
	head := http.Header{"Content-Type": {"application/json"}}
	head.Set("X-Line-Signature", base64.StdEncoding.EncodeToString(connector.Mac(secret, body)))
	return connector.Request{Method: "POST", URL: connectortest.PublicURL, Header: head, Body: body, At: time.Now()}
}

func heard(message string) []byte {
	return fmt.Appendf(nil, `{"destination":%q,"events":[{"type":"message","mode":"active","timestamp":1789000000000,"webhookEventId":"01H","replyToken":"reply-token","source":{"type":"user","userId":%q},"message":%s}]}`, bot, customer, message)
}

func text(id, words string) []byte {
	return heard(fmt.Sprintf(`{"id":%q,"type":"text","text":%q}`, id, words))
}

// profile answers what is asked of a customer.
func profile(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/v2/bot/profile/") {
		return false
	}
	fmt.Fprintf(w, `{"displayName":"Grace Hopper","userId":%q,"language":"en"}`, customer)
	return true
}

func taken(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, `{"sentMessages":[{"id":"461230966842064897","quoteToken":"IStG5h1Tz7b"}]}`)
}

func TestContract(t *testing.T) {
	connectortest.Run(t, connectortest.Trial{
		Kind: Kind, Settings: settings(), Bases: []string{"base_url", "data_url"}, Sign: sign, Text: text, Prompt: profile, Taken: taken,
		File: func(id, _ string) []byte {
			return heard(`{"id":"77","type":"image","contentProvider":{"type":"line"}}`)
		},
		About:    func(w http.ResponseWriter, r *http.Request, _ string) bool { return profile(w, r) },
		Outbound: carry.Outbound{SID: "SM0190a1b2c3d4e5f60718293a4b5c6d7e", From: "line:" + bot, To: "line:" + customer, Body: "canary-body"},
	})
}

func connection(t *testing.T, with map[string]string, handler http.HandlerFunc) *Connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := settings()
	s["base_url"], s["data_url"] = server.URL, server.URL
	for name, value := range with {
		s[name] = value
	}
	c, err := Kind.Open(s, connector.Deps{Client: server.Client(), PublicURL: connectortest.PublicURL})
	if err != nil {
		t.Fatal(err)
	}
	c.(*Connection).pauses = []time.Duration{0, 0}
	return c.(*Connection)
}

func recorded(t testing.TB) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestEvents(t *testing.T) {
	tries, asked := 0, 0
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-of-the-channel==" {
			t.Errorf("%s without the token", r.URL.Path)
		}
		switch r.URL.Path {
		case "/v2/bot/profile/" + customer:
			asked++
			profile(w, r)
		case "/v2/bot/message/500000000000000003/content":
			if tries++; tries < 3 {
				w.WriteHeader(http.StatusAccepted) // not ready yet
				return
			}
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = io.WriteString(w, "picture")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	u, err := c.Receive(t.Context(), sign(recorded(t)))
	if err != nil || asked != 1 {
		t.Fatalf("asked %d times, %v", asked, err)
	}
	at := func(ms int64) time.Time { return time.UnixMilli(1789000000000 + ms).UTC() }
	from, to, name := "line:"+customer, "line:"+bot, "Grace Hopper"
	want := []carry.Inbound{
		{ID: "500000000000000001", From: from, To: to, Body: "hello", ProfileName: name, SentAt: at(0), Details: map[string]string{"MessageType": "text", "RepliedMessageId": "499999999999999999"}},
		{ID: "500000000000000003", From: from, To: to, ProfileName: name, SentAt: at(2), Media: []carry.Media{{Data: []byte("picture"), ContentType: "image/jpeg"}}, Details: map[string]string{"MessageType": "image"}},
		{ID: "500000000000000004", From: from, To: to, Body: "[file]", ProfileName: name, SentAt: at(3), Details: map[string]string{"MessageType": "file", "MediaError": "the file cannot be had"}},
		{ID: "500000000000000005", From: from, To: to, ProfileName: name, SentAt: at(4), Media: []carry.Media{{URL: "https://example.com/film.mp4"}}, Details: map[string]string{"MessageType": "video"}},
		{ID: "500000000000000006", From: from, To: to, Body: "[happy, smile]", ProfileName: name, SentAt: at(5), Details: map[string]string{"MessageType": "sticker", "StickerPackageId": "446", "StickerId": "1988"}},
		{
			ID: "500000000000000007", From: from, To: to, Body: "Shop\n1-3 Kioicho\n35.67966,139.73669", ProfileName: name, SentAt: at(6),
			Details: map[string]string{"MessageType": "location", "Label": "Shop", "Address": "1-3 Kioicho", "Latitude": "35.67966", "Longitude": "139.73669"},
		},
		{ID: "01HEVENT000000000000000008", From: from, To: to, Body: "order=7", ProfileName: name, SentAt: at(7), Details: map[string]string{"ButtonPayload": "order=7", "PostbackDate": "2026-11-30"}},
	}
	if diff := cmp.Diff(want, u.Messages); diff != "" {
		t.Error(diff)
	}
	if u, err := c.Receive(t.Context(), sign([]byte(strings.Replace(string(recorded(t)), bot, customer, 1)))); err != nil || len(u.Messages) > 0 {
		t.Errorf("another bot's: %d messages, %v", len(u.Messages), err)
	}
	if u, err := c.Receive(t.Context(), sign([]byte(`{"destination":"`+bot+`","events":[]}`))); err != nil || len(u.Messages) > 0 {
		t.Errorf("the console's try: %v", err)
	}
}

func TestSend(t *testing.T) {
	for name, tc := range map[string]struct {
		out  carry.Outbound
		want string
	}{
		"text": {carry.Outbound{Body: "hello"}, `{"type":"text","text":"hello"}`},
		"picture": {
			carry.Outbound{Body: "look", Media: []carry.Media{{URL: "https://usher.example/m/1", ContentType: "image/png"}}},
			`{"type":"text","text":"look"},{"type":"image","originalContentUrl":"https://usher.example/m/1","previewImageUrl":"https://usher.example/m/1"}`,
		},
		"file": {carry.Outbound{Media: []carry.Media{{URL: "https://usher.example/m/1", ContentType: "application/pdf", Name: "a.pdf"}}}, `{"type":"text","text":"a.pdf\nhttps://usher.example/m/1"}`},
	} {
		var got, key string
		c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got, key = r.Method+" "+r.URL.Path+" "+string(body), r.Header.Get("X-Line-Retry-Key")
			if r.Header.Get("Content-Type") != "application/json" || r.Header["X-Idempotency-Key"] != nil {
				t.Errorf("headers %v", r.Header)
			}
			taken(w, r)
		})
		tc.out.To, tc.out.SID = "line:"+customer, "SM0190a1b2c3d4e5f60718293a4b5c6d7e"
		sent, err := c.Send(t.Context(), tc.out)
		if diff := cmp.Diff(carry.Sent{IDs: []string{"461230966842064897"}, Status: carry.SentOut}, sent); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if want := `POST /v2/bot/message/push {"to":"` + customer + `","messages":[` + tc.want + `]}`; got != want || key != "0190a1b2-c3d4-e5f6-0718-293a4b5c6d7e" {
			t.Errorf("%s: sent\n%s, want\n%s\nkey %s", name, got, want, key)
		}
	}
	if a, b := retryKey("CHx"), retryKey(""); len(a) != 36 || len(b) != 36 || a == b {
		t.Errorf("keys %s %s", a, b)
	}
}

// TestOnce says that a push which LINE has taken before counts as taken.
func TestOnce(t *testing.T) {
	seen := map[string]bool{}
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Line-Accepted-Request-Id", "accepted-1")
		if key := r.Header.Get("X-Line-Retry-Key"); seen[key] {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"message":"The retry key is already accepted","sentMessages":[{"id":"1"}]}`)
			return
		}
		seen[r.Header.Get("X-Line-Retry-Key")] = true
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler) // taken, and the answer is lost
	})
	if !connector.Repeater.Repeats(c) {
		t.Error("a push can be repeated")
	}
	m := carry.Outbound{SID: "SM0190a1b2c3d4e5f60718293a4b5c6d7e", To: "line:" + customer, Body: "hello"}
	if _, err := c.Send(t.Context(), m); err == nil {
		t.Error("an answer that was lost")
	}
	sent, err := c.Send(t.Context(), m)
	if err != nil || sent.IDs[0] != "1" || len(seen) != 1 {
		t.Errorf("again: %+v, %v", sent, err)
	}
}

func TestReplyTokens(t *testing.T) {
	var paths []string
	refuse := false
	c := connection(t, map[string]string{"reply_tokens": "yes"}, func(w http.ResponseWriter, r *http.Request) {
		if profile(w, r) {
			return
		}
		paths = append(paths, r.URL.Path)
		if body, _ := io.ReadAll(r.Body); strings.HasSuffix(r.URL.Path, "/reply") && !strings.HasPrefix(string(body), `{"replyToken":"reply-token","messages":[`) {
			t.Errorf("replied %s", body)
		}
		if refuse && strings.HasSuffix(r.URL.Path, "/reply") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"Invalid reply token"}`)
			return
		}
		taken(w, r)
	})
	if c.Repeats() {
		t.Error("an answer with a token cannot be repeated")
	}
	send := func() {
		t.Helper()
		if _, err := c.Send(t.Context(), carry.Outbound{SID: "SM1", To: "line:" + customer, Body: "hello"}); err != nil {
			t.Error(err)
		}
	}
	hear := func() {
		t.Helper()
		if _, err := c.Receive(t.Context(), sign(text("1", "hello"))); err != nil {
			t.Error(err)
		}
	}
	send()
	hear()
	send()
	send()
	hear()
	refuse = true
	send()
	old := sign(text("2", "hello"))
	old.At = time.Now().Add(-time.Minute)
	if _, err := c.Receive(t.Context(), old); err != nil {
		t.Error(err)
	}
	send()
	push, reply := "/v2/bot/message/push", "/v2/bot/message/reply"
	if diff := cmp.Diff([]string{push, reply, push, reply, push, push}, paths); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	c := connection(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the carrier was asked") })
	picture := carry.Media{URL: "https://usher.example/m/1", ContentType: "image/png"}
	for name, tc := range map[string]struct {
		out  carry.Outbound
		code int
	}{
		"nothing":  {carry.Outbound{}, 21619},
		"long":     {carry.Outbound{Body: strings.Repeat("😀", 2501)}, 21617},
		"files":    {carry.Outbound{Body: "a", Media: []carry.Media{picture, picture, picture, picture, picture}}, 21623},
		"bytes":    {carry.Outbound{Media: []carry.Media{{Data: []byte("a"), ContentType: "image/png"}}}, 63019},
		"http":     {carry.Outbound{Media: []carry.Media{{URL: "http://usher.example/m/1"}}}, 63019},
		"template": {carry.Outbound{Template: "a"}, 63030},
		"group":    {carry.Outbound{To: "line:C0000000000000000000000000000001", Body: "a"}, 21211},
	} {
		if tc.out.To == "" {
			tc.out.To = "line:" + customer
		}
		_, err := c.Send(t.Context(), tc.out)
		if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != tc.code || refusal.Again {
			t.Errorf("%s: %v, want code %d", name, err, tc.code)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, tc := range []struct {
		status int
		text   string
		code   int
		again  bool
	}{
		{400, `{"message":"The property, 'to', in the request body is invalid (line: -, column: -)"}`, 63003, false},
		{400, `{"message":"The request body has 1 error(s)","details":[{"message":"May not be empty","property":"messages[0].text"}]}`, 63005, false},
		{401, `{"message":"Authentication failed due to the following reason: invalid token. Confirm that the access token in the authorization header is valid."}`, 63001, false},
		{403, `{"message":"Access to this API is not available for your account"}`, 63008, false},
		{429, `{"message":"You have reached your monthly limit."}`, 63038, false},
		{429, `{"message":"The API rate limit has been exceeded. Try again later."}`, 63018, true},
		{503, `{}`, 63012, true},
	} {
		c := connection(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.text)
		})
		_, err := c.Send(t.Context(), carry.Outbound{SID: "SM1", To: "line:" + customer, Body: "hello"})
		if r := (*carry.Refusal)(nil); !errors.As(err, &r) || r.Code != tc.code || r.Again != tc.again {
			t.Errorf("%d: %+v", tc.status, err)
		}
	}
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k tokens
		k.keep("a", "1", time.Now())
		k.keep("a", "2", time.Now())
		k.keep("b", "", time.Now())
		if k.take("a") != "2" || k.take("a") != "" || k.take("b") != "" {
			t.Error("a token is for one answer")
		}
		k.keep("a", "3", time.Now())
		time.Sleep(tokenLasts + 1)
		if k.take("a") != "" {
			t.Error("a token was kept too long")
		}
		for i := range maxTokens + 1 {
			k.keep(fmt.Sprint(i), "x", time.Now())
		}
		if len(k.last) > maxTokens {
			t.Errorf("%d are kept", len(k.last))
		}
	})
}

func FuzzReceive(f *testing.F) {
	f.Add(string(recorded(f)))
	s := settings()
	s["base_url"], s["data_url"] = "http://127.0.0.1:1", "http://127.0.0.1:1"
	opened, err := Kind.Open(s, connector.Deps{Client: &http.Client{Transport: nowhere{}}})
	if err != nil {
		f.Fatal(err)
	}
	c := opened.(*Connection)
	c.pauses = nil
	f.Fuzz(func(t *testing.T, body string) {
		u, err := c.Receive(t.Context(), sign([]byte(body)))
		if err != nil {
			return
		}
		for _, m := range u.Messages {
			if m.ID == "" || len(m.ID) > 255 || m.From == m.To {
				t.Errorf("a message that cannot be kept: %q %q", m.ID, m.From)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		}
	})
}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }
