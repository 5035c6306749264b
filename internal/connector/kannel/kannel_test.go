package kannel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/connectortest"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

const secret = "a-secret-of-callbacks_1"

func settings() map[string]string {
	return map[string]string{"url": "http://kannel.test/cgi-bin/sendsms", "username": "usher", "password": "hidden-word", "secret": secret}
}

func request(query string) connector.Request {
	return connector.Request{Method: http.MethodGet, URL: connectortest.PublicURL + "?secret=" + secret + "&" + query, At: time.Now()}
}

func TestContract(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, connectortest.Trial{
		Kind: Kind, Settings: settings(), Bases: []string{"url"}, Shown: "secret",
		Sign: func(body []byte) connector.Request { return request(string(body)) },
		Text: func(id, text string) []byte {
			return []byte(url.Values{"id": {id}, "from": {"+15550002"}, "to": {"+15550001"}, "text": {text}, "coding": {"0"}, "charset": {"UTF-8"}}.Encode())
		},
		Outbound: carry.Outbound{SID: "SM1", From: "+15550001", To: "+15550002", Body: "canary-of-an-agent"},
		Taken: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "0: Accepted for delivery")
		},
	})
}

// box is an smsbox that answers what it is told and remembers what it was asked.
type box struct {
	asked  []url.Values
	status int
	body   string
}

func (b *box) open(t *testing.T, more map[string]string) *Connection {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked = append(b.asked, r.URL.Query())
		w.WriteHeader(b.status)
		_, _ = io.WriteString(w, b.body)
	}))
	t.Cleanup(server.Close)
	s := settings()
	s["url"] = server.URL + "/cgi-bin/sendsms"
	for name, value := range more {
		s[name] = value
	}
	c, err := Kind.Open(s, connector.Deps{Client: server.Client(), PublicURL: connectortest.PublicURL})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connection)
}

func TestSend(t *testing.T) {
	t.Parallel()
	b := &box{status: 202, body: "0: Accepted for delivery"}
	c := b.open(t, map[string]string{"smsc": "west"})
	sent, err := c.Send(t.Context(), carry.Outbound{SID: "SM1", From: "+15550001", To: "+15550002", Body: "Grüße 1€ & +", Validity: time.Hour})
	if err != nil || len(sent.IDs) != 1 || sent.Status != carry.Queued {
		t.Fatalf("%+v, %v", sent, err)
	}
	q := b.asked[0]
	for name, want := range map[string]string{
		"username": "usher", "password": "hidden-word", "from": "+15550001", "to": "+15550002", "text": "Grüße 1€ & +", "coding": "0", "charset": "UTF-8",
		"smsc": "west", "validity": "60", "dlr-mask": "31", "udh": "",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	// What Kannel makes of the address of the receipt comes back as one of this message.
	called := strings.NewReplacer("%d", "1", "%A", "id%3A1+stat%3ADELIVRD+err%3A000").Replace(q.Get("dlr-url"))
	u, err := c.Receive(t.Context(), connector.Request{Method: http.MethodGet, URL: called})
	if err != nil || len(u.Receipts) != 1 || u.Receipts[0].ID != sent.IDs[0] || u.Receipts[0].Status != carry.Delivered {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestSend_long(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("ご注文の品は発送されました😀。", 20)
	b := &box{status: 202, body: "0: Accepted for delivery"}
	sent, err := b.open(t, nil).Send(t.Context(), carry.Outbound{SID: "SM1", From: "+15550001", To: "+15550002", Body: text})
	n := segment.Measure(text).Segments
	if err != nil || len(sent.IDs) != n || len(b.asked) != n {
		t.Fatalf("%+v, %v, asked %d times", sent, err, len(b.asked))
	}
	whole := ""
	for i, q := range b.asked {
		_, c, err := segment.Cut([]byte(q.Get("udh")))
		if err != nil || int(c.Part) != i+1 || int(c.Total) != n || q.Get("coding") != "2" {
			t.Errorf("part %d: %+v, %v", i, c, err)
		}
		whole += q.Get("text")
	}
	if whole != text {
		t.Error("the parts do not make the text")
	}
	b = &box{status: 202, body: "3: Queued for later delivery"}
	sent, err = b.open(t, map[string]string{"long": "kannel", "receipts": "no"}).Send(t.Context(), carry.Outbound{SID: "SM1", From: "1", To: "2", Body: text})
	if err != nil || len(b.asked) != 1 || b.asked[0].Has("udh") || b.asked[0].Has("dlr-url") || sent.Status != carry.SentOut {
		t.Errorf("%+v, %v", sent, err)
	}
}

func TestSend_refused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status         int
		body           string
		refused, again bool
	}{
		{403, "Authorization failed for sendsms", true, false},
		{503, "Temporal failure, try again later.", true, true},
		{400, "Missing receiver number, rejected", true, false},
		{202, "<html>hello", false, false},
		{500, "", false, false},
	} {
		b := &box{status: tt.status, body: tt.body}
		_, err := b.open(t, nil).Send(t.Context(), carry.Outbound{SID: "SM1", From: "1", To: "2", Body: "x"})
		refusal := new(carry.Refusal)
		if got := errors.As(err, &refusal); err == nil || got != tt.refused || refusal.Again != tt.again {
			t.Errorf("%d: %v", tt.status, err)
		}
	}
	b := &box{status: 202, body: "0:"}
	c := b.open(t, nil)
	for _, m := range []carry.Outbound{
		{SID: "SM1", From: "1", To: "2 3", Body: "x"},
		{SID: "SM1", From: "1", To: "2", Media: []carry.Media{{URL: "https://x"}}},
		{SID: "SM1", From: "1", To: "2", Body: strings.Repeat("あ", 67*256)},
	} {
		refusal := new(carry.Refusal)
		if _, err := c.Send(t.Context(), m); !errors.As(err, &refusal) || refusal.Again || refusal.Code == 0 || len(b.asked) > 0 {
			t.Errorf("%v", err)
		}
	}
}

// The addresses are those that Kannel 1.4.5 calls.
func TestReceive(t *testing.T) {
	t.Parallel()
	c := (&box{}).open(t, nil)
	for query, want := range map[string]carry.Inbound{
		"id=ec65c07c-9694-4479-b93d-92040b56fd96&from=%2B15550002&to=%2B15550001&text=Gr%C3%BC%C3%9Fe+1%E2%82%AC+%40+%2B%26%3D&coding=0&charset=UTF-8&udh=&time=1795195248": {
			ID: "ec65c07c-9694-4479-b93d-92040b56fd96", From: "+15550002", To: "+15550001", Body: "Grüße 1€ @ +&=", Segments: 1, SentAt: time.Unix(1795195248, 0).UTC(),
		},
		"id=7299d917&from=0015550002&to=12345&text=e%E5g%2C%D8%3D%DE%00&coding=2&charset=UTF-16BE": {
			ID: "7299d917", From: "+15550002", To: "12345", Body: "日本😀", Segments: 1,
		},
		"id=1&from=Shop&to=%2B15550001&text=%E9&charset=ISO-8859-1":  {ID: "1", From: "Shop", To: "+15550001", Body: "é", Segments: 1},
		"id=2&from=1&to=2&text=&coding=0":                            {ID: "2", From: "1", To: "2", Body: "[message]", Segments: 1},
		"id=3&from=1&to=2&text=a%00%FF":                              {ID: "3", From: "1", To: "2", Body: "a\uFFFD", Segments: 1},
		"id=4&from=1&to=2&text=" + strings.Repeat("a", 161) + "&x=y": {ID: "4", From: "1", To: "2", Body: strings.Repeat("a", 161), Segments: 2},
	} {
		u, err := c.Receive(t.Context(), request(query))
		if err != nil || len(u.Messages) != 1 || len(u.Answer.Body) != 0 {
			t.Errorf("%s: %+v, %v", query, u, err)
			continue
		}
		m := u.Messages[0]
		if m.ID != want.ID || m.From != want.From || m.To != want.To || m.Body != want.Body || m.Segments != want.Segments || !m.SentAt.Equal(want.SentAt) {
			t.Errorf("%s\n%+v\nwant %+v", query, m, want)
		}
	}
	post := request("id=5&from=1&to=2")
	post.Method, post.Body = http.MethodPost, []byte("text=posted&secret=other")
	if u, err := c.Receive(t.Context(), post); err != nil || len(u.Messages) != 1 || u.Messages[0].Body != "posted" {
		t.Errorf("posted: %+v, %v", u, err)
	}
	for _, query := range []string{"id=1&from=1&to=2", "id=1&from=1&text=x", "id=1&to=1&text=x", "id=1&from=1&to=1&text=x", "id=1&from=1&to=2&text=x&coding=1", "%zz", "from=%FF&to=1&text=x"} {
		malformed := (*connector.Malformed)(nil)
		if _, err := c.Receive(t.Context(), request(query)); !errors.As(err, &malformed) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestReceive_receipts(t *testing.T) {
	t.Parallel()
	c := (&box{}).open(t, nil)
	for query, want := range map[string]carry.Receipt{
		"status=8&answer=ACK%2F":                              {Status: carry.SentOut},
		"status=4&answer=":                                    {Status: carry.SentOut},
		"status=1&answer=id%3A1+stat%3ADELIVRD+err%3A000":     {Status: carry.Delivered},
		"status=2&answer=id:1+stat:UNDELIV+err:001+text:err:": {Status: carry.Undelivered, Code: 30008, Reason: "UNDELIV, error 001"},
		"status=2&answer=id:1+stat:REJECTD+err:%2B15550002":   {Status: carry.Undelivered, Code: 30007, Reason: "REJECTD"},
		"status=34&answer=stat:EXPIRED":                       {Status: carry.Undelivered, Code: 30003, Reason: "EXPIRED"},
		"status=66&answer=":                                   {Status: carry.Undelivered, Code: 30008, Reason: "not delivered"},
		"status=16&answer=NACK/0x0000000b/Invalid":            {Status: carry.Failed, Code: 30005, Reason: "status 0x0000000b"},
		"status=16&answer=NACK/11/Invalid":                    {Status: carry.Failed, Code: 30005, Reason: "status 11"},
		"status=16&answer=%2B15550002":                        {Status: carry.Failed, Code: 30008, Reason: "the carrier refuses it"},
		"status=2&answer=text:stat:REJECTD+err:1":             {Status: carry.Undelivered, Code: 30008, Reason: "not delivered"},
	} {
		want.ID = "SM1-1"
		u, err := c.Receive(t.Context(), request("receipt=SM1-1&"+query))
		if err != nil || len(u.Receipts) != 1 || u.Receipts[0] != want {
			t.Errorf("%s: %+v, %v\nwant %+v", query, u, err, want)
		}
	}
	for _, query := range []string{"receipt=&status=1", "receipt=SM1-1", "receipt=SM1-1&status=0", "receipt=SM1-1&status=256", "receipt=a%20b&status=1"} {
		malformed := (*connector.Malformed)(nil)
		if _, err := c.Receive(t.Context(), request(query)); !errors.As(err, &malformed) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestOpen_secret(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"short", strings.Repeat("a", 129), "with%percent-and-more", "with space in the middle"} {
		s := settings()
		s["secret"] = bad
		if _, err := Kind.Open(s, connector.Deps{}); err == nil || !strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("id=1&from=1&to=2&text=x&coding=2&charset=UTF-16BE", "")
	f.Add("receipt=SM1-1&status=16&answer=NACK/11/", "text=1")
	c, err := Kind.Open(settings(), connector.Deps{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		r := request(query)
		r.Method, r.Body = http.MethodPost, []byte(body)
		u, err := c.(*Connection).Receive(context.Background(), r)
		if err != nil && len(u.Messages)+len(u.Receipts) > 0 || err == nil && len(u.Messages)+len(u.Receipts) != 1 {
			t.Fatalf("%+v, %v", u, err)
		}
		for _, m := range u.Messages {
			if m.ID == "" || m.From == "" || m.To == "" || strings.Contains(m.Body, "\x00") {
				t.Fatalf("%+v", m)
			}
		}
	})
}
