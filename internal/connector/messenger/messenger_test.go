package messenger

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/connector"
	"usher/internal/connector/connectortest"
	"usher/internal/messaging/carry"
)

const (
	secret = "5ecret-0f-the-app"
	page   = "100000000000002"
	psid   = "1000000000000001"
)

func settings() map[string]string {
	return map[string]string{"page_id": page, "page_access_token": "EAAtoken-of-the-page", "app_secret": secret, "verify_token": "words-of-our-choice"}
}

func sign(body []byte) connector.Request {
	head := http.Header{"Content-Type": {"application/json"}}
	head.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(connector.Mac(secret, body)))
	return connector.Request{Method: "POST", URL: connectortest.PublicURL, Header: head, Body: body, At: time.Unix(1789000010, 0)}
}

func webhook(message string) []byte {
	return fmt.Appendf(nil, `{"object":"page","entry":[{"id":%q,"time":1789000000000,"messaging":[{"sender":{"id":%q},"recipient":{"id":%q},"timestamp":1789000000000,%s}]}]}`, page, psid, page, message)
}

// profile answers what is asked of a customer.
func profile(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	_, _ = io.WriteString(w, `{"first_name":"Grace","last_name":"Hopper","id":"1000000000000001"}`)
	return true
}

func taken(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, `{"recipient_id":"1000000000000001","message_id":"m_sent"}`)
}

func TestContract(t *testing.T) {
	connectortest.Run(t, connectortest.Trial{
		Kind: Kind, Settings: settings(), Bases: []string{"base_url"}, Sign: sign, Prompt: profile, Taken: taken,
		Text: func(id, words string) []byte {
			return webhook(fmt.Sprintf(`"message":{"mid":%q,"text":%q}`, id, words))
		},
		File: func(id, base string) []byte {
			return webhook(fmt.Sprintf(`"message":{"mid":%q,"attachments":[{"type":"image","payload":{"url":%q}}]}`, id, base+"/bytes"))
		},
		About:    func(w http.ResponseWriter, r *http.Request, _ string) bool { return profile(w, r) },
		Outbound: carry.Outbound{SID: "SM1", From: "messenger:" + page, To: "messenger:" + psid, Body: "canary-body"},
	})
}

func connection(t *testing.T, with map[string]string, handler http.HandlerFunc) *Connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := settings()
	s["base_url"] = server.URL
	for name, value := range with {
		s[name] = value
	}
	c, err := Kind.Open(s, connector.Deps{Client: server.Client(), PublicURL: connectortest.PublicURL})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connection)
}

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestEvents(t *testing.T) {
	asked := 0
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/v25.0/"+psid || r.URL.Query().Get("fields") == "" || r.Header.Get("Authorization") != "Bearer EAAtoken-of-the-page" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		profile(w, r)
	})
	u, err := c.Receive(t.Context(), sign(recorded(t, "events.json")))
	if err != nil || asked != 1 {
		t.Fatalf("asked %d times, %v", asked, err)
	}
	from, to, name := "messenger:"+psid, "messenger:"+page, "Grace Hopper"
	at := func(ms int64) time.Time { return time.UnixMilli(1789000000000 + ms).UTC() }
	want := []carry.Inbound{
		{ID: "m_one", From: from, To: to, Body: "hello", ProfileName: name, SentAt: at(0)},
		{
			ID: "m_two", From: from, To: to, ProfileName: name, SentAt: at(2), Media: []carry.Media{{URL: "https://cdn.example/a.jpg"}, {URL: "https://cdn.example/b.mp4"}},
			Details: map[string]string{"MediaError": "the carrier names no file"},
		},
		{ID: "m_three", From: from, To: to, Body: "yes", ProfileName: name, SentAt: at(3), Details: map[string]string{"ButtonText": "yes", "ButtonPayload": "YES", "RepliedMessageId": "m_zero"}},
		{ID: "m_four", From: from, To: to, Body: "Get started", ProfileName: name, SentAt: at(4), Details: map[string]string{"ButtonText": "Get started", "ButtonPayload": "START"}},
		{From: from, To: to, Body: "❤️", ProfileName: name, SentAt: at(5), Details: map[string]string{"ReactionEmoji": "❤️", "ReactionMessageId": "m_zero"}},
		{ID: "m_five", From: from, To: to, Body: "Shop\n52.5,13.25", ProfileName: name, SentAt: at(7), Details: map[string]string{"Latitude": "52.5", "Longitude": "13.25", "Label": "Shop"}},
		{ID: "m_six", From: from, To: to, Body: "see\nA page\nhttps://example.com/a", ProfileName: name, SentAt: at(8)},
	}
	if len(u.Messages) == len(want) {
		if !strings.HasPrefix(u.Messages[4].ID, "sha256.") {
			t.Errorf("a reaction is called %q", u.Messages[4].ID)
		}
		u.Messages[4].ID = ""
	}
	if diff := cmp.Diff(want, u.Messages); diff != "" {
		t.Error(diff)
	}
	if len(u.Receipts) > 0 {
		t.Errorf("%d receipts", len(u.Receipts))
	}
}

func TestReceipts(t *testing.T) {
	c := connection(t, nil, nil)
	at := time.UnixMilli(1789000000000).UTC()
	c.sent.add(psid, "m_b", at.Add(-time.Minute))
	c.sent.add("2", "m_other", at.Add(-time.Minute))
	c.sent.add(psid, "m_c", at)
	c.sent.add(psid, "m_later", at.Add(time.Millisecond))
	for i, want := range [][]carry.Receipt{
		{
			{ID: "m_a", Status: carry.Delivered, At: at},
			{ID: "m_b", Status: carry.Delivered, At: at},
			{ID: "m_b", Status: carry.Read, At: at},
			{ID: "m_c", Status: carry.Read, At: at},
		},
		{{ID: "m_a", Status: carry.Delivered, At: at}, {ID: "m_b", Status: carry.Delivered, At: at}}, // read is said once
	} {
		u, err := c.Receive(t.Context(), sign(recorded(t, "receipts.json")))
		if diff := cmp.Diff(want, u.Receipts); err != nil || diff != "" {
			t.Errorf("%d: %v %s", i, err, diff)
		}
	}
	// a delivery that names nobody
	body := webhook(`"delivery":{"watermark":1789000000001}`)
	for i, want := range []int{1, 0} {
		if u, err := c.Receive(t.Context(), sign(body)); err != nil || len(u.Receipts) != want {
			t.Errorf("%d: %v, %v", i, u.Receipts, err)
		}
	}
	for i := range 10_000 {
		c.sent.add("3", fmt.Sprint(i), at)
	}
	if ids := c.sent.until("3", at, true); len(ids) != len(c.sent.ring) || ids[0] != "5904" || ids[len(ids)-1] != "9999" {
		t.Errorf("%d are kept, from %s", len(ids), ids[0])
	}
}

func TestSend(t *testing.T) {
	picture := carry.Media{URL: "https://usher.example/m/1", ContentType: "image/png"}
	for name, tc := range map[string]struct {
		tag  string
		out  carry.Outbound
		want []string
	}{
		"text": {"none", carry.Outbound{Body: "hello"}, []string{`{"recipient":{"id":"1000000000000001"},"messaging_type":"RESPONSE","message":{"text":"hello"}}`}},
		"tag":  {"HUMAN_AGENT", carry.Outbound{Body: "hello"}, []string{`{"recipient":{"id":"1000000000000001"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","message":{"text":"hello"}}`}},
		"files and text": {"none", carry.Outbound{Body: "look", Media: []carry.Media{picture, {URL: "https://usher.example/m/2"}}}, []string{
			`{"recipient":{"id":"1000000000000001"},"messaging_type":"RESPONSE","message":{"attachment":{"type":"image","payload":{"url":"https://usher.example/m/1"}}}}`,
			`{"recipient":{"id":"1000000000000001"},"messaging_type":"RESPONSE","message":{"attachment":{"type":"file","payload":{"url":"https://usher.example/m/2"}}}}`,
			`{"recipient":{"id":"1000000000000001"},"messaging_type":"RESPONSE","message":{"text":"look"}}`,
		}},
		"upload": {"HUMAN_AGENT", carry.Outbound{Media: []carry.Media{{Data: []byte("sound"), ContentType: "audio/mpeg", Name: "ä\".mp3"}}}, []string{
			`{"id":"1000000000000001"}|MESSAGE_TAG|HUMAN_AGENT|{"attachment":{"type":"audio","payload":{}}}|__.mp3|sound`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			c := connection(t, map[string]string{"tag": tc.tag}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v25.0/"+page+"/messages" || r.Header.Get("Authorization") != "Bearer EAAtoken-of-the-page" {
					t.Errorf("called %s", r.URL.Path)
				}
				if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
					file, head, err := r.FormFile("filedata")
					if err != nil {
						t.Error(err)
						return
					}
					data, _ := io.ReadAll(file)
					got = append(got, strings.Join([]string{r.FormValue("recipient"), r.FormValue("messaging_type"), r.FormValue("tag"), r.FormValue("message"), head.Filename, string(data)}, "|"))
				} else {
					body, _ := io.ReadAll(r.Body)
					got = append(got, string(body))
				}
				fmt.Fprintf(w, `{"recipient_id":"1000000000000001","message_id":"m_%d"}`, len(got))
			})
			tc.out.To = "messenger:" + psid
			sent, err := c.Send(t.Context(), tc.out)
			if err != nil || len(sent.IDs) != len(tc.want) {
				t.Errorf("%+v, %v", sent, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	c := connection(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the carrier was asked") })
	for name, tc := range map[string]struct {
		out  carry.Outbound
		code int
	}{
		"nothing":  {carry.Outbound{}, 21619},
		"long":     {carry.Outbound{Body: strings.Repeat("ä", 2001)}, 21617},
		"files":    {carry.Outbound{Media: make([]carry.Media, 11)}, 21623},
		"template": {carry.Outbound{Template: "a"}, 63030},
		"letters":  {carry.Outbound{To: "messenger:me", Body: "a"}, 21211},
	} {
		if tc.out.To == "" {
			tc.out.To = "messenger:" + psid
		}
		_, err := c.Send(t.Context(), tc.out)
		if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != tc.code || refusal.Again {
			t.Errorf("%s: %v, want code %d", name, err, tc.code)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, tc := range []struct {
		status, code, subcode int
		want                  carry.Refusal
	}{
		{403, 10, 2018278, carry.Refusal{Code: 63016, Reason: "10/2018278 more than 24 hours since the customer wrote"}},
		{403, 10, 0, carry.Refusal{Code: 63001, Reason: "10 the app lacks a permission"}},
		{400, 551, 1545041, carry.Refusal{Code: 63014, Reason: "551/1545041 the customer does not receive messages of the page"}},
		{400, 100, 2018001, carry.Refusal{Code: 63003, Reason: "100/2018001 there is no such customer of this page"}},
		{400, 613, 0, carry.Refusal{Code: 63018, Reason: "613 too many calls", Again: true}},
		{400, 613, 1893016, carry.Refusal{Code: 63039, Reason: "613/1893016 customers may find the page's messages bothersome"}},
		{500, 1200, 0, carry.Refusal{Code: 63012, Reason: "1200 temporary failure", Again: true}},
		{400, 230, 0, carry.Refusal{Code: 63001, Reason: "230 the access token lacks a permission"}},
		{400, 77777, 0, carry.Refusal{Code: 63023, Reason: "77777 an error of Messenger's"}},
	} {
		c := connection(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			fmt.Fprintf(w, `{"error":{"message":"no: hello","type":"OAuthException","code":%d,"error_subcode":%d,"fbtrace_id":"A"}}`, tc.code, tc.subcode)
		})
		_, err := c.Send(t.Context(), carry.Outbound{To: "messenger:" + psid, Body: "hello"})
		refusal := (*carry.Refusal)(nil)
		if !errors.As(err, &refusal) {
			t.Fatalf("%d: %v", tc.code, err)
		}
		if diff := cmp.Diff(tc.want, *refusal); diff != "" {
			t.Errorf("%d: %s", tc.code, diff)
		}
	}
}

// TestHalf says that a message of which one part was taken is not called refused.
func TestHalf(t *testing.T) {
	calls := 0
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			taken(w, r)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	_, err := c.Send(t.Context(), carry.Outbound{To: "messenger:" + psid, Body: "look", Media: []carry.Media{{URL: "https://usher.example/m/1"}}})
	if refusal := (*carry.Refusal)(nil); err == nil || errors.As(err, &refusal) || !strings.Contains(err.Error(), "part 2 of 2") {
		t.Errorf("%v", err)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(string(recorded(f, "events.json")))
	f.Add(string(recorded(f, "receipts.json")))
	s := settings()
	s["base_url"] = "http://127.0.0.1:1"
	c, err := Kind.Open(s, connector.Deps{Client: &http.Client{Transport: nowhere{}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		u, err := c.(*Connection).Receive(t.Context(), sign([]byte(body)))
		if err != nil {
			return
		}
		for _, m := range u.Messages {
			if m.ID == "" || len(m.ID) > 255 || !strings.HasPrefix(m.From, prefix) {
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
