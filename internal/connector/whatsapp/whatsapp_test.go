package whatsapp

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

const secret = "5ecret-0f-the-app"

func settings() map[string]string {
	return map[string]string{
		"number": "+15550100200", "phone_number_id": "100000000000001", "access_token": "EAAtoken-of-the-number", "app_secret": secret, "verify_token": "words-of-our-choice",
	}
}

func sign(body []byte) connector.Request {
	head := http.Header{"Content-Type": {"application/json"}}
	head.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(connector.Mac(secret, body)))
	return connector.Request{Method: "POST", URL: connectortest.PublicURL, Header: head, Body: body, At: time.Unix(1789000010, 0)}
}

// webhook is a body with these messages.
func webhook(messages string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"3","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",
		"metadata":{"display_phone_number":"15550100200","phone_number_id":"100000000000001"},"contacts":[{"profile":{"name":"Grace"},"wa_id":"15550100300"}],"messages":[%s]}}]}]}`, messages)
}

func text1(id, words string) []byte {
	return webhook(fmt.Sprintf(`{"from":"15550100300","id":%q,"timestamp":"1789000000","type":"text","text":{"body":%q}}`, id, words))
}

func taken(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"messaging_product":"whatsapp","contacts":[{"input":"+15550100300","wa_id":"15550100300"}],"messages":[{"id":"wamid.sent","message_status":"accepted"}]}`)
}

func TestContract(t *testing.T) {
	connectortest.Run(t, connectortest.Trial{
		Kind: Kind, Settings: settings(), Bases: []string{"base_url"}, Sign: sign, Text: text1,
		File: func(id, _ string) []byte {
			return webhook(fmt.Sprintf(`{"from":"15550100300","id":%q,"timestamp":"1789000000","type":"image","image":{"id":"77","mime_type":"image/png","caption":"look"}}`, id))
		},
		About: func(w http.ResponseWriter, r *http.Request, base string) bool {
			if r.Header.Get("Authorization") != "Bearer EAAtoken-of-the-number" {
				t.Error("a file is asked for without the token")
			}
			if r.URL.Path != "/v25.0/77" {
				return false
			}
			fmt.Fprintf(w, `{"url":%q,"mime_type":"image/png","sha256":"00","file_size":10,"id":"77","messaging_product":"whatsapp"}`, base+"/bytes")
			return true
		},
		Outbound: carry.Outbound{SID: "SM00000000000000000000000000000001", From: "whatsapp:+15550100200", To: "whatsapp:+15550100300", Body: "canary-body"},
		Taken:    taken,
	})
}

func connection(t *testing.T, handler http.HandlerFunc) *Connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := settings()
	s["base_url"] = server.URL
	c, err := Kind.Open(s, connector.Deps{Client: server.Client(), PublicURL: connectortest.PublicURL})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connection)
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestOrder(t *testing.T) {
	c := connection(t, nil)
	u, err := c.Receive(t.Context(), sign(recorded(t, "text.json")))
	if err != nil {
		t.Fatal(err)
	}
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	from, to := "whatsapp:+15550100300", "whatsapp:+15550100200"
	want := []carry.Inbound{
		{ID: "wamid.one", From: from, To: to, Body: "first", ProfileName: "Grace Hopper", SentAt: at(1789000000), Details: map[string]string{"WaId": "15550100300", "MessageType": "text"}},
		{
			ID: "wamid.two", From: from, To: to, Body: "second", ProfileName: "Grace Hopper", SentAt: at(1789000001),
			Details: map[string]string{"WaId": "15550100300", "MessageType": "text", "RepliedMessageId": "wamid.zero", "Forwarded": "true"},
		},
		{
			ID: "wamid.three", From: from, To: to, Body: "from an advertisement", ProfileName: "Grace Hopper", SentAt: at(1789000002),
			Details: map[string]string{
				"WaId": "15550100300", "MessageType": "text", "ReferralBody": "All of them", "ReferralHeadline": "Lamps", "ReferralSourceId": "42",
				"ReferralSourceType": "ad", "ReferralSourceUrl": "https://example.com/ad",
			},
		},
	}
	if diff := cmp.Diff(want, u.Messages); diff != "" {
		t.Error(diff)
	}
}

func TestKinds(t *testing.T) {
	c := connection(t, func(w http.ResponseWriter, r *http.Request) {
		if id, found := strings.CutPrefix(r.URL.Path, "/v25.0/"); found {
			fmt.Fprintf(w, `{"url":"http://%s/bytes/%s","mime_type":"application/octet-stream"}`, r.Host, id)
			return
		}
		_, _ = io.WriteString(w, "bytes of "+r.URL.Path)
	})
	u, err := c.Receive(t.Context(), sign(recorded(t, "kinds.json")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range u.Messages {
		delete(m.Details, "WaId")
		line := m.ID + "|" + m.From + "|" + m.ProfileName + "|" + m.Body
		for _, f := range m.Media {
			line += "|" + f.Name + " " + f.ContentType + " " + string(f.Data)
		}
		details, _ := json.Marshal(m.Details)
		got = append(got, line+"|"+string(details))
	}
	one := "|whatsapp:+15550100300|Grace Hopper|"
	want := []string{
		"wamid.image" + one + `look| image/png bytes of /bytes/77|{"MessageType":"image"}`,
		"wamid.document" + one + `|Menü.pdf application/pdf bytes of /bytes/78|{"MessageType":"document"}`,
		"wamid.voice" + one + `| audio/ogg; codecs=opus bytes of /bytes/79|{"MessageType":"audio"}`,
		"wamid.sticker" + one + `| image/webp bytes of /bytes/80|{"MessageType":"sticker"}`,
		"wamid.place" + one + "Shop\nLong Street 1\n52.52,13.405" + `|{"Address":"Long Street 1","Label":"Shop","Latitude":"52.52","Longitude":"13.405","MessageType":"location"}`,
		"wamid.card" + one + "|contact.vcf text/vcard BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lovelace;Ada;;;\r\nFN:Ada\\; Lovelace\r\nTEL:+1 555 0100\r\nEND:VCARD\r\n|contact.vcf text/vcard BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n" + `|{"MessageType":"contacts"}`,
		"wamid.button" + one + `Yes|{"ButtonPayload":"yes-1","ButtonText":"Yes","MessageType":"button"}`,
		"wamid.reply" + one + `Call me|{"ButtonPayload":"b1","ButtonText":"Call me","MessageType":"interactive"}`,
		"wamid.list" + one + `Tuesday|{"ListDescription":"at noon","ListId":"r1","ListTitle":"Tuesday","MessageType":"interactive"}`,
		"wamid.form" + one + `Sent|{"InteractiveData":"{\"size\":\"L\"}","MessageType":"interactive"}`,
		"wamid.heart" + one + `👍|{"MessageType":"reaction","ReactionEmoji":"👍","ReactionMessageId":"wamid.zero"}`,
		"wamid.what" + one + `[unsupported]|{"MessageType":"unsupported"}`,
		"wamid.hidden|whatsapp:US.9000000000000001|hidden.one|no number|" + `{"MessageType":"text","UserId":"US.9000000000000001"}`,
		"sha256." + one + `no name|{"MessageType":"text"}`,
	}
	if len(got) == len(want) {
		last := len(got) - 1
		digest, rest, _ := strings.Cut(got[last], "|")
		if len(digest) != len("sha256.")+64 {
			t.Errorf("a message without ID is called %q", digest)
		}
		got[last] = "sha256.|" + rest
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatuses(t *testing.T) {
	u, err := connection(t, nil).Receive(t.Context(), sign(recorded(t, "statuses.json")))
	if err != nil {
		t.Fatal(err)
	}
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	want := []carry.Receipt{
		{ID: "wamid.a", Status: carry.SentOut, At: at(1789000000)},
		{ID: "wamid.a", Status: carry.Delivered, At: at(1789000001)},
		{ID: "wamid.a", Status: carry.Read, At: at(1789000002)},
		{ID: "wamid.b", Status: carry.Failed, Code: 63016, Reason: "131047 more than 24 hours since the customer wrote", At: at(1789000003)},
		{ID: "wamid.c", Status: carry.Undelivered, Code: 63024, Reason: "131026 the recipient cannot be reached", At: at(1789000003)},
		{ID: "wamid.d", Status: carry.Failed, Code: 63023, At: at(1789000003)},
	}
	if diff := cmp.Diff(want, u.Receipts); diff != "" {
		t.Error(diff)
	}
}

func TestOthersNumber(t *testing.T) {
	c := connection(t, nil)
	for _, body := range []string{
		strings.ReplaceAll(string(text1("a", "b")), "100000000000001", "100000000000002"),
		strings.ReplaceAll(string(text1("a", "b")), `"messages","value"`, `"account_update","value"`),
		strings.ReplaceAll(string(text1("a", "b")), "whatsapp_business_account", "page"),
		strings.ReplaceAll(string(text1("a", "b")), "15550100300", "15550100200"), // our own words
	} {
		if u, err := c.Receive(t.Context(), sign([]byte(body))); err != nil || len(u.Messages) != 0 {
			t.Errorf("%d messages, %v", len(u.Messages), err)
		}
	}
}

func TestFileLater(t *testing.T) {
	c := connection(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	r := sign(recorded(t, "kinds.json"))
	if u, err := c.Receive(t.Context(), r); err == nil || len(u.Messages) > 0 {
		t.Errorf("a file that is not there yet: %d messages, %v", len(u.Messages), err)
	}
	r.At = r.At.Add(2 * time.Hour)
	u, err := c.Receive(t.Context(), r)
	if err != nil || len(u.Messages) == 0 || u.Messages[0].Details["MediaError"] == "" || u.Messages[0].Body != "look" {
		t.Errorf("a file that does not come: %d messages, %v", len(u.Messages), err)
	}
}

func TestVerify(t *testing.T) {
	c := connection(t, nil)
	ask := func(query string) (connector.Answer, error) {
		return c.Verify(t.Context(), connector.Request{Method: "GET", URL: connectortest.PublicURL + "?" + query})
	}
	a, err := ask("hub.mode=subscribe&hub.verify_token=words-of-our-choice&hub.challenge=1158201444")
	if err != nil || string(a.Body) != "1158201444" || strings.Contains(a.ContentType, "html") {
		t.Errorf("answered %q as %s, %v", a.Body, a.ContentType, err)
	}
	forged, malformed := (*connector.Forged)(nil), (*connector.Malformed)(nil)
	for _, query := range []string{"hub.mode=subscribe&hub.challenge=1", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong"} {
		if _, err := ask(query); !errors.As(err, &forged) {
			t.Errorf("%s: %v", query, err)
		}
	}
	for _, query := range []string{"", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=words-of-our-choice", "hub.mode=subscribe&hub.verify_token=words-of-our-choice", "%zz"} {
		if _, err := ask(query); !errors.As(err, &malformed) {
			t.Errorf("%s: %v", query, err)
		}
	}
}
