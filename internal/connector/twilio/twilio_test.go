package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/connector"
	"usher/internal/connector/connectortest"
	"usher/internal/hook"
	"usher/internal/messaging/carry"
)

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "auth-token-0f-the-carrier"
)

func settings() map[string]string {
	return map[string]string{"account_sid": account, "auth_token": token}
}

// signed is a webhook of the carrier's to an address.
func signed(address string, body []byte) connector.Request {
	form, _ := url.ParseQuery(string(body))
	head := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	head.Set("X-Twilio-Signature", hook.Sign(address, form, token))
	return connector.Request{Method: "POST", URL: address, Header: head, Body: body, At: time.Unix(1789000010, 0)}
}

func sign(body []byte) connector.Request { return signed(connectortest.PublicURL, body) }

func form(pairs ...string) url.Values {
	v := url.Values{"AccountSid": {account}, "ApiVersion": {"2010-04-01"}, "From": {"+15550100300"}, "To": {"+15550100200"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func incoming(id, words string, more ...string) []byte {
	return []byte(form(append([]string{"MessageSid", id, "SmsSid", id, "SmsMessageSid", id, "SmsStatus", "received", "Body", words, "NumMedia", "0", "NumSegments", "1"}, more...)...).Encode())
}

func taken(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"sid":"SM00000000000000000000000000000009","status":"queued","error_code":null,"error_message":null,"num_segments":"1"}`)
}

func TestContract(t *testing.T) {
	for name, with := range map[string]map[string]string{"token": nil, "key": {"api_key": "SK0123456789abcdef0123456789abcdef", "api_key_secret": "5ecret-0f-the-key"}} {
		t.Run(name, func(t *testing.T) {
			s := settings()
			for name, value := range with {
				s[name] = value
			}
			connectortest.Run(t, connectortest.Trial{
				Kind: Kind, Settings: s, Bases: []string{"base_url"}, Sign: sign, Taken: taken,
				Text: func(id, words string) []byte { return incoming(id, words) },
				File: func(id, base string) []byte {
					return incoming(id, "", "NumMedia", "1", "MediaUrl0", base+"/2010-04-01/Accounts/"+account+"/Messages/MM1/Media/ME1", "MediaContentType0", "image/png")
				},
				About: func(_ http.ResponseWriter, r *http.Request, _ string) bool {
					if user, _, _ := r.BasicAuth(); user == "" {
						t.Error("a file is asked for without credentials")
					}
					return false
				},
				Outbound: carry.Outbound{SID: "SM00000000000000000000000000000001", From: "+15550100200", To: "+15550100300", Body: "canary-body"},
			})
		})
	}
}

func connection(t testing.TB, with map[string]string, handler http.HandlerFunc) *Connection {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := settings()
	s["base_url"] = server.URL + "/prefix"
	for name, value := range with {
		s[name] = value
	}
	c, err := Kind.Open(s, connector.Deps{Client: server.Client(), PublicURL: connectortest.PublicURL})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connection)
}

func TestSettings(t *testing.T) {
	for field, with := range map[string]map[string]string{
		"account_sid": {"account_sid": "AC1"}, "api_key": {"api_key": "SK1", "api_key_secret": "x"}, "api_key_secret": {"api_key": "SK0123456789abcdef0123456789abcdef"},
	} {
		s := settings()
		for name, value := range with {
			s[name] = value
		}
		if _, err := Kind.Open(s, connector.Deps{Client: http.DefaultClient}); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestMessages(t *testing.T) {
	c := connection(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != account || password != token {
			t.Errorf("asked as %s", user)
		}
		if strings.HasSuffix(r.URL.Path, "/ME2") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, "picture")
	})
	own := strings.TrimSuffix(c.base.String(), "/prefix")
	from, to := "+15550100300", "+15550100200"
	for name, tc := range map[string]struct {
		body []byte
		want carry.Inbound
	}{
		"text": {
			incoming("SM1", "hello + 100% \x00:", "NumSegments", "2", "FromCity", "PARIS", "FromCountry", "FR", "ToZip", "", "OptOutType", "STOP", "bad name", "x"),
			carry.Inbound{ID: "SM1", From: from, To: to, Body: "hello + 100% :", Segments: 2, Details: map[string]string{"FromCity": "PARIS", "FromCountry": "FR", "OptOutType": "STOP"}},
		},
		"files": {
			incoming("MM1", "", "NumMedia", "3", "MediaUrl0", own+"/ME1", "MediaContentType0", "image/png", "MediaUrl1", own+"/ME2", "MediaContentType1", "image/gif",
				"MediaUrl2", "https://elsewhere.example/a", "MediaContentType2", "audio/ogg"),
			carry.Inbound{ID: "MM1", From: from, To: to, Segments: 1, Media: []carry.Media{
				{Data: []byte("picture"), ContentType: "image/png"}, {URL: own + "/ME2", ContentType: "image/gif"}, {URL: "https://elsewhere.example/a", ContentType: "audio/ogg"},
			}},
		},
		"whatsapp": {
			incoming("SM2", "hi", "From", "whatsapp:+15550100300", "To", "whatsapp:+15550100200", "ProfileName", "Grace", "WaId", "15550100300", "ButtonText", "Yes"),
			carry.Inbound{ID: "SM2", From: "whatsapp:+15550100300", To: "whatsapp:+15550100200", Body: "hi", Segments: 1, ProfileName: "Grace", Details: map[string]string{"WaId": "15550100300", "ButtonText": "Yes"}},
		},
		"no files": {
			incoming("SM3", "hi", "NumMedia", "99999999999", "MediaUrl0", "javascript:1", "NumSegments", "-3"),
			carry.Inbound{ID: "SM3", From: from, To: to, Body: "hi"},
		},
		"older names": {
			[]byte(url.Values{"SmsSid": {"SM4"}, "From": {from}, "To": {to}, "Body": {"hi"}}.Encode()),
			carry.Inbound{ID: "SM4", From: from, To: to, Body: "hi"},
		},
	} {
		u, err := c.Receive(t.Context(), sign(tc.body))
		if err != nil || string(u.Answer.Body) != `<?xml version="1.0" encoding="UTF-8"?><Response></Response>` || !strings.HasPrefix(u.Answer.ContentType, "text/xml") {
			t.Errorf("%s: %v, answered %q", name, err, u.Answer.Body)
		}
		if diff := cmp.Diff([]carry.Inbound{tc.want}, u.Messages); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, body := range map[string][]byte{
		"no From": incoming("SM5", "hi", "From", ""), "no To": incoming("SM5", "hi", "To", ""), "no SID": incoming("", "hi"), "to itself": incoming("SM5", "hi", "From", to),
		"two channels": incoming("SM5", "hi", "From", "whatsapp:+15550100300"), "a bell": incoming("SM5", "hi", "From", "+1\a"), "nobody": incoming("SM5", "hi", "From", "whatsapp:", "To", "whatsapp:+1"),
	} {
		if malformed := (*connector.Malformed)(nil); !errors.As(second(c.Receive(t.Context(), sign(body))), &malformed) {
			t.Errorf("%s was taken", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestReceipts(t *testing.T) {
	c := connection(t, nil, nil)
	for name, tc := range map[string]struct {
		form url.Values
		want []carry.Receipt
	}{
		"delivered": {form("MessageSid", "SM1", "MessageStatus", "delivered", "SmsStatus", "delivered"), []carry.Receipt{{ID: "SM1", Status: carry.Delivered}}},
		"older":     {form("SmsSid", "SM1", "SmsStatus", "sent"), []carry.Receipt{{ID: "SM1", Status: carry.SentOut}}},
		"read":      {form("MessageSid", "SM1", "MessageStatus", "read"), []carry.Receipt{{ID: "SM1", Status: carry.Read}}},
		"failed": {
			form("MessageSid", "SM1", "MessageStatus", "undelivered", "ErrorCode", "30005", "ErrorMessage", "canary"),
			[]carry.Receipt{{ID: "SM1", Status: carry.Undelivered, Code: 30005, Reason: "30005 Unknown destination handset"}},
		},
		"unknown code": {form("MessageSid", "SM1", "MessageStatus", "failed", "ErrorCode", "99998"), []carry.Receipt{{ID: "SM1", Status: carry.Failed, Code: 99998, Reason: "99998"}}},
		"no code":      {form("MessageSid", "SM1", "MessageStatus", "failed", "ErrorCode", "-1"), []carry.Receipt{{ID: "SM1", Status: carry.Failed}}},
		"queued":       {form("MessageSid", "SM1", "MessageStatus", "queued"), nil},
		"new":          {form("MessageSid", "SM1", "MessageStatus", "partially_delivered"), nil},
		"nobody's":     {form("MessageStatus", "delivered"), nil},
	} {
		u, err := c.Receive(t.Context(), sign([]byte(tc.form.Encode())))
		if diff := cmp.Diff(tc.want, u.Receipts); err != nil || diff != "" || len(u.Messages) > 0 {
			t.Errorf("%s: %v, %d messages, %s", name, err, len(u.Messages), diff)
		}
	}
}

func TestSignedAddresses(t *testing.T) {
	c := connection(t, nil, nil)
	body := incoming("SM1", "hi")
	behind := strings.Replace(connectortest.PublicURL, "https://usher.example", "http://10.0.0.7:8080", 1)
	for _, by := range []string{connectortest.PublicURL, strings.Replace(connectortest.PublicURL, ".example", ".example:443", 1), behind} {
		r := signed(by, body)
		r.URL = behind // as a proxy in front passes it on
		if _, err := c.Receive(t.Context(), r); err != nil {
			t.Errorf("signed for %s: %v", by, err)
		}
	}
	r := signed("https://another.example/carriers/CX0123456789abcdef0123456789abcdef", body)
	r.URL = connectortest.PublicURL
	if forged := (*connector.Forged)(nil); !errors.As(second(c.Receive(t.Context(), r)), &forged) {
		t.Error("a signature for another address was taken")
	}
	get := connectortest.PublicURL + "?" + string(body)
	r = connector.Request{Method: "GET", URL: get, Header: http.Header{}}
	r.Header.Set("X-Twilio-Signature", hook.Sign(get, nil, token))
	if u, err := c.Receive(t.Context(), r); err != nil || len(u.Messages) != 1 {
		t.Errorf("GET: %v", err)
	}
	r.URL = strings.Replace(get, "Body=hi", "Body=ha", 1)
	if _, err := c.Receive(t.Context(), r); err == nil {
		t.Error("GET with another text was taken")
	}
}

func TestSend(t *testing.T) {
	for name, tc := range map[string]struct {
		out  carry.Outbound
		want url.Values
	}{
		"text":    {carry.Outbound{From: "+15550100200", Body: "hello"}, url.Values{"From": {"+15550100200"}, "Body": {"hello"}}},
		"service": {carry.Outbound{From: "MG1", Body: "hello", Validity: 90 * time.Minute}, url.Values{"MessagingServiceSid": {"MG1"}, "Body": {"hello"}, "ValidityPeriod": {"5400"}}},
		"files": {
			carry.Outbound{From: "+15550100200", Media: []carry.Media{{URL: "https://usher.example/1"}, {URL: "https://usher.example/2"}}},
			url.Values{"From": {"+15550100200"}, "MediaUrl": {"https://usher.example/1", "https://usher.example/2"}},
		},
		"template": {
			carry.Outbound{From: "whatsapp:+15550100200", Template: "HX1", Variables: map[string]string{"2": "b", "1": "a"}},
			url.Values{"From": {"whatsapp:+15550100200"}, "ContentSid": {"HX1"}, "ContentVariables": {`{"1":"a","2":"b"}`}},
		},
	} {
		var got url.Values
		c := connection(t, map[string]string{"api_key": "SK0123456789abcdef0123456789abcdef", "api_key_secret": "s"}, func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "SK0123456789abcdef0123456789abcdef" || password != "s" {
				t.Errorf("sent as %s", user)
			}
			if r.Method != "POST" || r.URL.Path != "/prefix/2010-04-01/Accounts/"+account+"/Messages.json" || r.ParseForm() != nil {
				t.Errorf("%s %s", r.Method, r.URL.Path)
			}
			got = r.PostForm
			taken(w, r)
		})
		tc.out.To = "+15550100300"
		tc.want["To"], tc.want["StatusCallback"] = []string{tc.out.To}, []string{connectortest.PublicURL}
		sent, err := c.Send(t.Context(), tc.out)
		if diff := cmp.Diff(carry.Sent{IDs: []string{"SM00000000000000000000000000000009"}, Status: carry.Queued}, sent); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	c := connection(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the carrier was asked") })
	for name, tc := range map[string]struct {
		out  carry.Outbound
		code int
	}{
		"nothing": {carry.Outbound{}, 21619},
		"files":   {carry.Outbound{Media: make([]carry.Media, 11)}, 21623},
		"bytes":   {carry.Outbound{Media: []carry.Media{{Data: []byte("a")}}}, 21620},
	} {
		tc.out.To = "+15550100300"
		_, err := c.Send(t.Context(), tc.out)
		if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != tc.code {
			t.Errorf("%s: %v, want code %d", name, err, tc.code)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, tc := range []struct {
		status, code int
		want         carry.Refusal
	}{
		{400, 21610, carry.Refusal{Code: 21610, Reason: "21610 Attempt to send to unsubscribed recipient"}},
		{401, 20003, carry.Refusal{Code: 20003, Reason: "20003 Permission Denied"}},
		{429, 20429, carry.Refusal{Code: 20429, Reason: "20429 Too Many Requests", Again: true}},
		{400, 21611, carry.Refusal{Code: 21611, Reason: "21611 This 'From' number has exceeded the maximum number of queued messages", Again: true}},
		{503, 20503, carry.Refusal{Code: 20503, Reason: "20503 Service unavailable", Again: true}},
		{400, 123456, carry.Refusal{Reason: "HTTP status 400"}},
	} {
		c := connection(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			fmt.Fprintf(w, `{"code":%d,"message":"no: +15550100300","more_info":"","status":%d}`, tc.code, tc.status)
		})
		_, err := c.Send(t.Context(), carry.Outbound{To: "+15550100300", Body: "hello"})
		refusal := (*carry.Refusal)(nil)
		if !errors.As(err, &refusal) {
			t.Fatalf("%d: %v", tc.code, err)
		}
		if diff := cmp.Diff(tc.want, *refusal); diff != "" {
			t.Errorf("%d: %s", tc.code, diff)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("POST", "", string(incoming("SM1", "hello", "NumMedia", "1", "MediaUrl0", "https://media.example/a")))
	f.Add("POST", "", form("MessageSid", "SM1", "MessageStatus", "failed", "ErrorCode", "30003").Encode())
	f.Add("GET", "?a=b", "")
	s := settings()
	opened, err := Kind.Open(s, connector.Deps{Client: &http.Client{Transport: nowhere{}}, PublicURL: connectortest.PublicURL})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, query, body string) {
		address := connectortest.PublicURL + query
		r := signed(address, []byte(body))
		if r.Method = method; method == http.MethodGet {
			r.Header.Set("X-Twilio-Signature", hook.Sign(address, nil, token))
		}
		u, err := opened.(*Connection).Receive(t.Context(), r)
		if err != nil {
			return
		}
		for _, m := range u.Messages {
			if m.ID == "" || len(m.ID) > 255 || m.From == m.To || m.To == "" {
				t.Errorf("a message that cannot be kept: %q %q %q", m.ID, m.From, m.To)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		}
	})
}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }

// TestHeard gives the connector what Usher's own webhooks send: another Usher's numbers can have this connection for their webhook.
func TestHeard(t *testing.T) {
	c := connection(t, nil, nil)
	var got connector.Update
	var failed error
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, failed = c.Receive(r.Context(), connector.Request{Method: r.Method, URL: "http://" + r.Host + r.URL.RequestURI(), Header: r.Header, Body: body})
		w.Header().Set("Content-Type", got.Answer.ContentType)
		_, _ = w.Write(got.Answer.Body)
	}))
	defer server.Close()
	client := hook.NewClient(http.DefaultTransport)
	for _, method := range []string{"POST", "GET"} {
		answer, err := client.Post(t.Context(), hook.Request{
			Method: method, URL: server.URL + "/carriers/CX1", AuthToken: token, Form: form("MessageSid", "SM1", "SmsStatus", "received", "Body", "héllo & wörld + 100%", "NumMedia", "0"),
		})
		if err != nil || failed != nil || len(got.Messages) != 1 || got.Messages[0].Body != "héllo & wörld + 100%" || !strings.Contains(string(answer.Body), "<Response>") {
			t.Errorf("%s: %v, %v, %+v", method, err, failed, got.Messages)
		}
		if _, err := client.Post(t.Context(), hook.Request{Method: method, URL: server.URL, AuthToken: token + "x", Form: form("MessageSid", "SM1")}); err != nil {
			t.Error(err)
		}
		if forged := (*connector.Forged)(nil); !errors.As(failed, &forged) {
			t.Errorf("%s: with another token: %v", method, failed)
		}
	}
}
