package app

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"usher/internal/connector"
	"usher/internal/connector/twilio"
	"usher/internal/messaging/carry"
)

// The connector that speaks the Messages API has another Usher for a carrier: its messages are taken there, under their codes refused.
func TestAnotherUsher(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		account, token := string(s.setup.Account.SID), s.setup.Account.AuthToken
		path := "/2010-04-01/Accounts/" + account
		s.must(201, "POST", path+"/IncomingPhoneNumbers.json", account, token, url.Values{"PhoneNumber": {"+15550100200"}})
		key := s.must(201, "POST", path+"/Keys.json", account, token, url.Values{})
		for name, settings := range map[string]map[string]string{
			"token": {"account_sid": account, "auth_token": token},
			"key":   {"account_sid": account, "auth_token": token, "api_key": text(t, key, "sid"), "api_key_secret": text(t, key, "secret")},
		} {
			settings["base_url"] = s.url
			opened, err := twilio.Kind.Open(settings, connector.Deps{Client: http.DefaultClient, PublicURL: "https://first.example/carriers/CX1"})
			if err != nil {
				t.Fatal(err)
			}
			carrier := opened.(connector.Sender)
			sent, err := carrier.Send(t.Context(), carry.Outbound{SID: "SM1", From: "+15550100200", To: "+15550100300", Body: "hello from " + name})
			if err != nil || len(sent.IDs) != 1 {
				t.Fatalf("%s: %+v, %v", name, sent, err)
			}
			kept := s.must(200, "GET", path+"/Messages/"+sent.IDs[0]+".json", account, token, nil)
			if text(t, kept, "body") != "hello from "+name || text(t, kept, "to") != "+15550100300" || text(t, kept, "direction") != "outbound-api" {
				t.Errorf("%s: the other has %v", name, kept)
			}
			for code, m := range map[int]carry.Outbound{
				21211: {From: "+15550100200", To: "nonsense-that-is-long", Body: "hello"}, 21606: {From: "+15550100999", To: "+15550100300", Body: "hello"},
				21617: {From: "+15550100200", To: "+15550100300", Body: strings.Repeat("a", 1601)},
			} {
				_, err := carrier.Send(t.Context(), m)
				if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != code || refusal.Again {
					t.Errorf("%s: %+v, want code %d", name, err, code)
				}
			}
		}
		opened, err := twilio.Kind.Open(map[string]string{"account_sid": account, "auth_token": "another", "base_url": s.url}, connector.Deps{Client: http.DefaultClient})
		if err != nil {
			t.Fatal(err)
		}
		_, err = opened.(connector.Sender).Send(t.Context(), carry.Outbound{From: "+15550100200", To: "+15550100300", Body: "hello"})
		if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || refusal.Again {
			t.Errorf("with a wrong token: %v", err)
		}
	})
}

// A connection is made by the API, its secrets are not told, and its address knows its carrier.
func TestConnectionToWhatsApp(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		account, token := string(s.setup.Account.SID), s.setup.Account.AuthToken
		kinds := map[string]bool{}
		for _, k := range s.must(200, "GET", "/carriers/v1/Kinds", account, token, nil)["kinds"].([]any) {
			kinds[text(t, k.(map[string]any), "name")] = true
		}
		for _, name := range []string{"twilio", "whatsapp", "messenger", "line", "custom"} {
			if !kinds[name] {
				t.Errorf("there is no kind %s", name)
			}
		}
		settings, _ := json.Marshal(map[string]string{
			"number": "+15550100200", "phone_number_id": "100000000000001", "access_token": "canary-token", "app_secret": "canary-secret", "verify_token": "canary-words",
		})
		made := s.must(201, "POST", "/carriers/v1/Connections", account, token, url.Values{
			"Kind": {"whatsapp"}, "FriendlyName": {"Shop"}, "Settings": {string(settings)}, "Addresses": {`["whatsapp:+15550100200"]`},
		})
		if all, _ := json.Marshal(made); strings.Contains(string(all), "canary") {
			t.Errorf("secrets are told: %s", all)
		}
		entrance := text(t, made, "entrance")
		ask := func(method, query, body, signature string) (int, string) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, entrance+query, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if signature != "" {
				req.Header.Set("X-Hub-Signature-256", "sha256="+signature)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, _ := io.ReadAll(res.Body)
			return res.StatusCode, string(got)
		}
		sum := func(body string) string { return hex.EncodeToString(connector.Mac("canary-secret", []byte(body))) }
		for name, tc := range map[string]struct {
			method, query, body, signature string
			status                         int
			answer                         string
		}{
			"handshake":       {"GET", "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=canary-words", "", "", 200, "1158201444"},
			"wrong handshake": {"GET", "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=wrong", "", "", 403, ""},
			"nothing new":     {"POST", "", `{"object":"whatsapp_business_account","entry":[]}`, sum(`{"object":"whatsapp_business_account","entry":[]}`), 200, ""},
			"not signed":      {"POST", "", `{"object":"whatsapp_business_account","entry":[]}`, "", 403, ""},
			"forged":          {"POST", "", `{"object":"whatsapp_business_account","entry":[]}`, sum("{}"), 403, ""},
			"not JSON":        {"POST", "", `{`, sum(`{`), 400, ""},
		} {
			status, answer := ask(tc.method, tc.query, tc.body, tc.signature)
			if status != tc.status || tc.status == 200 && answer != tc.answer || strings.Contains(answer, "canary") {
				t.Errorf("%s: %d %q", name, status, answer)
			}
		}
	})
}
