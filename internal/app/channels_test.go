package app

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"usher/internal/connector"
	"usher/internal/hook"
)

// provider is a carrier, as one of the kinds has it, and what it is told.
type provider struct {
	kind, flow, own, customer, name string
	settings                        map[string]string
	bases                           []string
	// heard and receipt are webhooks' bodies: of a message, and of what became of one.
	heard   func(id, words string) string
	receipt func(id string) string
	picture func(id string) string // of a message with a picture that is to be fetched
	sign    func(address, body string, head http.Header)
	// took reads what was sent and says what it is answered; no text is another call.
	took func(r *http.Request, body string) (words, answer string)
	end  string // how far a message comes

	mu   sync.Mutex
	said []string
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	words, answer := p.took(r, string(body))
	if words != "" {
		p.mu.Lock()
		p.said = append(p.said, words)
		p.mu.Unlock()
	}
	_, _ = io.WriteString(w, answer)
}

func field(body string, path ...string) string {
	var at any
	if json.Unmarshal([]byte(body), &at) != nil {
		return ""
	}
	for _, name := range path {
		switch v := at.(type) {
		case map[string]any:
			at = v[name]
		case []any:
			at = v[0].(map[string]any)[name]
		}
	}
	text, _ := at.(string)
	return text
}

func hubSigned(_, body string, head http.Header) {
	head.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(connector.Mac("secret-of-the-app", []byte(body))))
}

func providers() []*provider {
	const carrierAccount, carrierToken = "AC0123456789abcdef0123456789abcdef", "token-of-the-carrier"
	american := map[string]string{"account_sid": carrierAccount, "auth_token": carrierToken}
	return []*provider{
		{
			kind: "whatsapp", flow: "whatsapp", own: "whatsapp:+15550100200", customer: "whatsapp:+15550100300", name: "Grace", end: "delivered", bases: []string{"base_url"}, sign: hubSigned,
			settings: map[string]string{"number": "+15550100200", "phone_number_id": "1001", "access_token": "t", "app_secret": "secret-of-the-app", "verify_token": "words-of-ours"},
			heard: func(id, words string) string {
				return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"1001"},"contacts":[{"profile":{"name":"Grace"},"wa_id":"15550100300"}],
					"messages":[{"from":"15550100300","id":%q,"timestamp":"1789000000","type":"text","text":{"body":%q}}]}}]}]}`, id, words)
			},
			receipt: func(id string) string {
				return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"1001"},"statuses":[{"id":%q,"status":"delivered","timestamp":"1789000009","recipient_id":"15550100300"}]}}]}]}`, id)
			},
			picture: func(id string) string {
				return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"1001"},
					"messages":[{"from":"15550100300","id":%q,"timestamp":"1789000000","type":"image","image":{"id":"77","mime_type":"image/png"}}]}}]}]}`, id)
			},
			took: func(r *http.Request, body string) (string, string) {
				switch {
				case r.Method == http.MethodGet && r.Header.Get("Authorization") != "Bearer t":
					return "", ""
				case r.URL.Path == "/v25.0/77":
					return "", `{"url":"http://` + r.Host + `/bytes","mime_type":"image/png"}`
				case r.URL.Path == "/bytes":
					return "", onePixel
				}
				return field(body, "text", "body"), `{"messages":[{"id":"wamid.sent"}]}`
			},
		},
		{
			kind: "messenger", flow: "facebook", own: "messenger:2002", customer: "messenger:3003", name: "Grace Hopper", end: "delivered", bases: []string{"base_url"}, sign: hubSigned,
			settings: map[string]string{"page_id": "2002", "page_access_token": "t", "app_secret": "secret-of-the-app", "verify_token": "words-of-ours"},
			heard: func(id, words string) string {
				return fmt.Sprintf(`{"object":"page","entry":[{"id":"2002","messaging":[{"sender":{"id":"3003"},"recipient":{"id":"2002"},"timestamp":1789000000000,"message":{"mid":%q,"text":%q}}]}]}`, id, words)
			},
			receipt: func(id string) string {
				return fmt.Sprintf(`{"object":"page","entry":[{"id":"2002","messaging":[{"sender":{"id":"3003"},"recipient":{"id":"2002"},"delivery":{"mids":[%q],"watermark":1789000000000}}]}]}`, id)
			},
			took: func(r *http.Request, body string) (string, string) {
				if r.Method == http.MethodGet {
					return "", `{"first_name":"Grace","last_name":"Hopper"}`
				}
				return field(body, "message", "text"), `{"recipient_id":"3003","message_id":"m_sent"}`
			},
		},
		{
			kind: "line", flow: "line", own: "line:U00000000000000000000000000000abc", customer: "line:U00000000000000000000000000000001", name: "Grace", end: "sent", bases: []string{"base_url", "data_url"},
			settings: map[string]string{"bot_user_id": "U00000000000000000000000000000abc", "channel_secret": "secret-of-the-app", "channel_access_token": "t"},
			sign: func(_, body string, head http.Header) {
				head.Set("X-Line-Signature", base64.StdEncoding.EncodeToString(connector.Mac("secret-of-the-app", []byte(body))))
			},
			heard: func(id, words string) string {
				return fmt.Sprintf(`{"destination":"U00000000000000000000000000000abc","events":[{"type":"message","mode":"active","timestamp":1789000000000,"webhookEventId":"01H","source":{"type":"user","userId":"U00000000000000000000000000000001"},"message":{"id":%q,"type":"text","text":%q}}]}`, id, words)
			},
			picture: func(string) string {
				return `{"destination":"U00000000000000000000000000000abc","events":[{"type":"message","mode":"active","timestamp":1789000000000,"webhookEventId":"01H","source":{"type":"user","userId":"U00000000000000000000000000000001"},"message":{"id":"77","type":"image","contentProvider":{"type":"line"}}}]}`
			},
			took: func(r *http.Request, body string) (string, string) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/77/content"):
					return "", onePixel
				case r.Method == http.MethodGet:
					return "", `{"displayName":"Grace"}`
				}
				return field(body, "messages", "text"), `{"sentMessages":[{"id":"9"}]}`
			},
		},
		{
			kind: "custom", flow: "custom", own: "custom:shop", customer: "custom:ada", name: "Ada", end: "delivered", bases: []string{"url"},
			settings: map[string]string{"secret": "secret-of-the-program", "token": "token-of-the-program", "address": "custom:shop"},
			sign:     func(_, _ string, head http.Header) { head.Set("Authorization", "Bearer token-of-the-program") },
			heard: func(id, words string) string {
				return fmt.Sprintf(`{"id":%q,"from":"ada","name":"Ada","body":%q}`, id, words)
			},
			receipt: func(id string) string { return fmt.Sprintf(`{"receipt":%q,"status":"delivered"}`, id) },
			took: func(_ *http.Request, body string) (string, string) {
				return field(body, "body"), `{"id":"own-1"}`
			},
		},
		{
			kind: "twilio", flow: "sms", own: "+15550100200", customer: "+15550100300", name: "+15550100300", end: "delivered", bases: []string{"base_url"},
			settings: american,
			sign: func(address, body string, head http.Header) {
				form, _ := url.ParseQuery(body)
				head.Set("Content-Type", "application/x-www-form-urlencoded")
				head.Set("X-Twilio-Signature", hook.Sign(address, form, carrierToken))
			},
			heard: func(id, words string) string {
				return url.Values{"MessageSid": {id}, "SmsStatus": {"received"}, "From": {"+15550100300"}, "To": {"+15550100200"}, "Body": {words}, "NumMedia": {"0"}}.Encode()
			},
			receipt: func(id string) string { return url.Values{"MessageSid": {id}, "MessageStatus": {"delivered"}}.Encode() },
			picture: func(id string) string {
				return url.Values{
					"MessageSid": {id}, "SmsStatus": {"received"}, "From": {"+15550100300"}, "To": {"+15550100200"}, "Body": {""},
					"NumMedia": {"1"}, "MediaUrl0": {american["base_url"] + "/picture.png"}, "MediaContentType0": {"image/png"},
				}.Encode()
			},
			took: func(r *http.Request, body string) (string, string) {
				if r.Method == http.MethodGet {
					return "", onePixel
				}
				form, _ := url.ParseQuery(body)
				return form.Get("Body"), `{"sid":"SM00000000000000000000000000000009","status":"queued"}`
			},
		},
	}
}

// onePixel is a PNG.
var onePixel = func() string {
	var b strings.Builder
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err)
	}
	return b.String()
}()

// Each kind carries a conversation: a customer's message, which its provider brings five times at once, is one message and one task; the agent's
// answer goes out once, and what the provider says of it stands under it.
func TestCarriers_everyKind(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.Allow = []string{"127.0.0.0/8"}
		s := start(t, c)
		session := s.signIn()
		jwt, worker, workspace := text(t, session, "token"), text(t, session, "worker_sid"), text(t, session, "workspace_sid")
		house := "/taskrouter/v1/Workspaces/" + workspace
		activities := s.must(200, "GET", house+"/Activities?FriendlyName=Available", "token", jwt, nil)
		s.must(200, "POST", house+"/Workers/"+worker, "token", jwt, url.Values{"ActivitySid": {text(t, activities["activities"].([]any)[0].(map[string]any), "sid")}})
		for _, p := range providers() {
			s.carries(t, p, jwt, worker, house)
		}
		s.stop()
	})
}

func (s *server) carries(t *testing.T, p *provider, jwt, worker, house string) {
	t.Helper()
	carrier := httptest.NewServer(p)
	defer carrier.Close()
	for _, name := range p.bases {
		p.settings[name] = carrier.URL
	}
	settings, _ := json.Marshal(p.settings)
	addresses, _ := json.Marshal([]string{p.own})
	made := s.must(201, "POST", "/carriers/v1/Connections", "token", jwt, url.Values{"Kind": {p.kind}, "Settings": {string(settings)}, "Addresses": {string(addresses)}})
	entrance := text(t, made, "entrance")
	account, token := string(s.setup.Account.SID), s.setup.Account.AuthToken
	service := s.must(200, "GET", "/chat/v2/Services", account, token, nil)["services"].([]any)[0].(map[string]any)["sid"].(string)
	workflow := s.must(200, "GET", house+"/Workflows", account, token, nil)["workflows"].([]any)[0].(map[string]any)["sid"].(string)
	s.must(201, "POST", "/flex-api/v1/FlexFlows", account, token, url.Values{
		"FriendlyName": {p.kind}, "ChatServiceSid": {service}, "ChannelType": {p.flow}, "ContactIdentity": {p.own}, "IntegrationType": {"task"}, "Enabled": {"true"},
		"Integration.WorkspaceSid": {house[len("/taskrouter/v1/Workspaces/"):]}, "Integration.WorkflowSid": {workflow}, "Integration.Channel": {"chat"},
	})
	agent := s.stream(jwt)
	subscribe(t, agent, worker)

	call := func(body string, signed bool) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, entrance, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Content-Type", "application/json")
		if signed {
			p.sign(entrance, body, req.Header)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	if status := call(p.heard("in-0", "forged"), false); status != 403 {
		t.Errorf("%s: what nobody signed is answered %d", p.kind, status)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if status := call(p.heard("in-1", "is anybody there?"), true); status != 200 {
				t.Errorf("%s: a message is answered %d", p.kind, status)
			}
		})
	}
	all.Wait()
	offer := until(t, agent, "reservation.created", nil)
	reservation, task := offer["reservation"].(map[string]any), offer["task"].(map[string]any)
	attributes := task["attributes"].(map[string]any)
	channel := text(t, attributes, "channelSid")
	if attributes["name"] != p.name {
		t.Errorf("%s: task attributes %v, want the name %s", p.kind, attributes, p.name)
	}
	s.must(200, "POST", house+"/Tasks/"+text(t, task, "sid")+"/Reservations/"+text(t, reservation, "sid"), "token", jwt, url.Values{"ReservationStatus": {"accepted"}})
	subscribe(t, agent, channel)
	if _, _, err := agent.Send(t.Context(), channel, p.kind, "how can I help?"); err != nil {
		t.Fatal(err)
	}
	until(t, agent, "message.delivery", func(m map[string]any) bool {
		return m["status"] == "sent" || m["status"] == "queued" && p.receipt != nil
	})
	if p.receipt != nil {
		id := map[string]string{"whatsapp": "wamid.sent", "messenger": "m_sent", "custom": "own-1", "twilio": "SM00000000000000000000000000000009"}[p.kind]
		if status := call(p.receipt(id), true); status != 200 {
			t.Errorf("%s: a receipt is answered %d", p.kind, status)
		}
		until(t, agent, "message.delivery", func(m map[string]any) bool { return m["status"] == p.end })
	}
	call(p.heard("in-2", "my order"), true)
	until(t, agent, "message.added", func(m map[string]any) bool { return m["body"] == "my order" })
	rows := s.must(200, "GET", "/chat/v2/Services/"+service+"/Channels/"+channel+"/Messages", account, token, nil)["messages"].([]any)
	var said []string
	for _, m := range rows {
		said = append(said, m.(map[string]any)["body"].(string))
	}
	if got := strings.Join(said, "|"); got != "is anybody there?|how can I help?|my order" {
		t.Errorf("%s: the channel holds %s", p.kind, got)
	}
	if p.picture != nil {
		if status := call(p.picture("in-3"), true); status != 200 {
			t.Errorf("%s: a picture is answered %d", p.kind, status)
		}
		seen := until(t, agent, "message.added", func(m map[string]any) bool { return m["media"] != nil })
		if file := seen["media"].(map[string]any); file["content_type"] != "image/png" || file["size"] != float64(len(onePixel)) {
			t.Errorf("%s: the picture is %v", p.kind, file)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.said, "|"); got != "how can I help?" {
		t.Errorf("%s: the carrier was given %s", p.kind, got)
	}
	s.must(200, "POST", house+"/Tasks/"+text(t, task, "sid"), "token", jwt, url.Values{"AssignmentStatus": {"completed"}, "Reason": {"done"}})
	agent.Cut()
}
