package app

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A device that a client registers is told of what the visitor misses, by the credential that an operator made; one that its push
// service no longer knows is forgotten.
func TestPush(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		told := make(chan map[string]string, 10)
		google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(w, `{"access_token":"at","expires_in":3600}`)
				return
			}
			var in struct {
				Message struct{ Data map[string]string }
			}
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v1/projects/shop/messages:send" {
				t.Errorf("%s %v", r.URL.Path, err)
			}
			told <- in.Message.Data
			if strings.Contains(in.Message.Data["twi_body"], "last") {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"error":{"status":"NOT_FOUND","details":[{"errorCode":"UNREGISTERED"}]}}`)
			}
		}))
		defer google.Close()
		c.FCMURL, c.FCMTokenURL = google.URL, google.URL+"/token"
		s := start(t, c)
		user, password := string(s.setup.Account.SID), s.setup.Account.AuthToken
		token, _, channel := s.visitor()
		service := text(t, s.must(200, "GET", "/flex-api/v1/Configuration", user, password, nil), "chat_service_instance_sid")
		s.must(201, "POST", "/chat/v2/Credentials", user, password, url.Values{"Type": {"fcm"}, "Secret": {serviceAccount(t)}})
		s.must(200, "POST", "/chat/v2/Services/"+service, user, password, url.Values{
			"Notifications.NewMessage.Enabled": {"true"}, "Notifications.NewMessage.Template": {"${USER}: ${MESSAGE}"}, "Notifications.NewMessage.Sound": {"ring"},
		})
		register(t, s, token)
		for _, body := range []string{"hello", "my last"} {
			s.must(201, "POST", "/chat/v2/Services/"+service+"/Channels/"+channel+"/Messages", user, password, url.Values{"From": {"agent"}, "Body": {body}})
			select {
			case data := <-told:
				if data["twi_body"] != "agent: "+body || data["twi_sound"] != "ring" || data["channel_sid"] != channel || data["author"] != "agent" {
					t.Errorf("told %v", data)
				}
			case <-time.After(patience):
				t.Fatal("the device is not told")
			}
		}
		left := func() bool {
			list, _ := s.must(200, "GET", "/chat/v2/Services/"+service+"/Bindings", user, password, nil)["bindings"].([]any)
			return len(list) > 0
		}
		for end := time.Now().Add(patience); left(); <-time.After(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("a device that is gone is not forgotten")
			}
		}
	})
}

// serviceAccount is a key file of FCM.
func serviceAccount(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "shop", "client_email": "push@shop", "private_key": string(pem.EncodeToMemory(&pem.Block{
			Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key),
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// register makes a device of the token's identity, as client libraries do.
func register(t *testing.T, s *server, token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/ers/v1/registrations?productId=ip_messaging",
		strings.NewReader(`{"channel_type":"fcm","message_types":["twilio.channel.new_message"],"data":{"registration_id":"device:1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Twilio-Token", token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("registration: %d", answer.StatusCode)
	}
}
