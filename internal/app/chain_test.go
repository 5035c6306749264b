package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// One Usher is the carrier of another: what a customer writes to the far one is a task at the near one, the agent's answer goes back the same way, and
// what became of it comes back once more. Every step is signed and checked.
func TestCarriers_oneUsherIsAnothersCarrier(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.Allow = []string{"127.0.0.0/8"}
		// The near one is behind a front, so that its address is known before it runs.
		var inside atomic.Pointer[url.URL]
		front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(inside.Load())
			r.Out.Host = r.In.Host
		}})
		defer front.Close()
		c.URL = front.URL
		near := start(t, c)
		address, err := url.Parse(near.url)
		if err != nil {
			t.Fatal(err)
		}
		inside.Store(address)
		other := config(t, "")
		other.Allow = c.Allow
		far := start(t, other)

		// The far one has a channel of its own, with a program that hears what is to be said.
		heard := make(chan string, 10)
		program := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			heard <- string(body)
		}))
		defer program.Close()
		farAccount, farToken := string(far.setup.Account.SID), far.setup.Account.AuthToken
		made := far.must(201, "POST", "/carriers/v1/Connections", farAccount, farToken, url.Values{
			"Kind": {"custom"}, "Addresses": {`["custom:shop"]`},
			"Settings": {asJSON(map[string]string{"url": program.URL, "secret": "secret-of-the-program", "token": "token-of-the-program", "address": "custom:shop"})},
		})
		customers := text(t, made, "entrance")

		// The near one has the far one for a carrier.
		session := near.signIn()
		jwt, worker, workspace := text(t, session, "token"), text(t, session, "worker_sid"), text(t, session, "workspace_sid")
		house := "/taskrouter/v1/Workspaces/" + workspace
		activities := near.must(200, "GET", house+"/Activities?FriendlyName=Available", "token", jwt, nil)
		near.must(200, "POST", house+"/Workers/"+worker, "token", jwt, url.Values{"ActivitySid": {text(t, activities["activities"].([]any)[0].(map[string]any), "sid")}})
		made = near.must(201, "POST", "/carriers/v1/Connections", "token", jwt, url.Values{
			"Kind": {"twilio"}, "Addresses": {`["custom:shop"]`}, "Settings": {asJSON(map[string]string{"account_sid": farAccount, "auth_token": farToken, "base_url": far.url})},
		})
		entrance := front.URL + "/carriers/" + text(t, made, "sid")
		account, token := string(near.setup.Account.SID), near.setup.Account.AuthToken
		service := text(t, near.must(200, "GET", "/chat/v2/Services", account, token, nil)["services"].([]any)[0].(map[string]any), "sid")
		workflow := text(t, near.must(200, "GET", house+"/Workflows", account, token, nil)["workflows"].([]any)[0].(map[string]any), "sid")
		near.must(201, "POST", "/flex-api/v1/FlexFlows", account, token, url.Values{
			"FriendlyName": {"shop"}, "ChatServiceSid": {service}, "ChannelType": {"custom"}, "ContactIdentity": {"custom:shop"}, "IntegrationType": {"task"}, "Enabled": {"true"},
			"Integration.WorkspaceSid": {workspace}, "Integration.WorkflowSid": {workflow}, "Integration.Channel": {"chat"},
		})
		numbers := "/2010-04-01/Accounts/" + farAccount + "/IncomingPhoneNumbers"
		number := far.must(200, "GET", numbers+".json?PhoneNumber=shop", farAccount, farToken, nil)["incoming_phone_numbers"].([]any)[0].(map[string]any)
		far.must(200, "POST", numbers+"/"+text(t, number, "sid")+".json", farAccount, farToken, url.Values{"SmsUrl": {entrance}})

		agent := near.stream(jwt)
		subscribe(t, agent, worker)
		tell := func(body string) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, customers, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer token-of-the-program")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 200 {
				answer, _ := io.ReadAll(res.Body)
				t.Fatalf("the far one answers %d %s", res.StatusCode, answer)
			}
		}
		tell(`{"id":"1","from":"ada","name":"Ada","body":"is my lamp ready?"}`)
		offer := until(t, agent, "reservation.created", nil)
		reservation, task := offer["reservation"].(map[string]any), offer["task"].(map[string]any)
		channel := text(t, task["attributes"].(map[string]any), "channelSid")
		near.must(200, "POST", house+"/Tasks/"+text(t, task, "sid")+"/Reservations/"+text(t, reservation, "sid"), "token", jwt, url.Values{"ReservationStatus": {"accepted"}})
		subscribe(t, agent, channel)
		if _, _, err := agent.Send(t.Context(), channel, "a", "tomorrow"); err != nil {
			t.Fatal(err)
		}
		said := <-heard
		if field(said, "to") != "ada" || field(said, "body") != "tomorrow" {
			t.Errorf("the program hears %s", said)
		}
		tell(asJSON(map[string]string{"receipt": field(said, "sid"), "status": "delivered"}))
		until(t, agent, "message.delivery", func(m map[string]any) bool { return m["status"] == "delivered" })
		near.stop()
		far.stop()
	})
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
