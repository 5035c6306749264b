package golang

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/twilio/twilio-go/client"
	chat "github.com/twilio/twilio-go/rest/chat/v2"
)

// TestChatRest has invites, credentials and bindings of push notifications read as the library reads them.
func TestChatRest(t *testing.T) {
	t.Parallel()
	api := connect(t).ChatV2
	service := *ok[*chat.ChatV2Service](t)(api.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Rest"))).Sid
	channel := *ok[*chat.ChatV2Channel](t)(api.CreateChannel(service, (&chat.CreateChannelParams{}).SetType("private"))).Sid

	_, err := api.CreateInvite(service, channel, (&chat.CreateInviteParams{}).SetIdentity("ann"))
	refused(t, err, 404, 20404)
	user := ok[*chat.ChatV2User](t)(api.CreateUser(service, (&chat.CreateUserParams{}).SetIdentity("ann")))
	invite := ok[*chat.ChatV2Invite](t)(api.CreateInvite(service, channel, (&chat.CreateInviteParams{}).SetIdentity("ann")))
	equal(t, "identity", invite.Identity, "ann")
	equal(t, "created_by", invite.CreatedBy, "system")
	_, err = api.CreateInvite(service, channel, (&chat.CreateInviteParams{}).SetIdentity("ann"))
	refused(t, err, 409, 50212)
	if list := ok[[]chat.ChatV2Invite](t)(api.ListInvite(service, channel, (&chat.ListInviteParams{}).SetIdentity([]string{"ann"}))); len(list) != 1 {
		t.Errorf("%d invites", len(list))
	}
	of := ok[*chat.ChatV2UserChannel](t)(api.FetchUserChannel(service, *user.Sid, channel))
	equal(t, "status", of.Status, "invited")
	ok[*chat.ChatV2Member](t)(api.CreateMember(service, channel, (&chat.CreateMemberParams{}).SetIdentity("ann")))
	_, err = api.FetchInvite(service, channel, *invite.Sid)
	refused(t, err, 404, 20404)

	credential := ok[*chat.ChatV2Credential](t)(api.CreateCredential((&chat.CreateCredentialParams{}).SetType("apn").SetFriendlyName("phones").
		SetCertificate("-----BEGIN CERTIFICATE-----").SetPrivateKey("-----BEGIN RSA PRIVATE KEY-----").SetSandbox(true)))
	equal(t, "sandbox", credential.Sandbox, "True")
	credential = ok[*chat.ChatV2Credential](t)(api.UpdateCredential(*credential.Sid, (&chat.UpdateCredentialParams{}).SetFriendlyName("tablets").SetSandbox(false)))
	equal(t, "friendly_name", credential.FriendlyName, "tablets")
	ok[*chat.ChatV2Credential](t)(api.FetchCredential(*credential.Sid))
	if list := ok[[]chat.ChatV2Credential](t)(api.ListCredential(&chat.ListCredentialParams{})); len(list) == 0 {
		t.Error("no credentials")
	}
	done(t, api.DeleteCredential(*credential.Sid))

	if list := ok[[]chat.ChatV2Binding](t)(api.ListBinding(service, (&chat.ListBindingParams{}).SetBindingType([]string{"apn", "fcm"}))); len(list) != 0 {
		t.Errorf("%d bindings", len(list))
	}
	if list := ok[[]chat.ChatV2UserBinding](t)(api.ListUserBinding(service, "ann", &chat.ListUserBindingParams{})); len(list) != 0 {
		t.Errorf("%d bindings of the user", len(list))
	}
	_, err = api.FetchBinding(service, "BS0123456789abcdef0123456789abcdef")
	refused(t, err, 404, 20404)
}

// told is what a receiver of webhooks has heard, as events and bodies.
type told struct {
	mu   sync.Mutex
	list []string
}

func (w *told) add(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, s)
}

func (w *told) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.list, ", ")
}

// TestChatWebhooks has the library's validator check what the webhooks of a service and of a channel are told, and in which order.
func TestChatWebhooks(t *testing.T) {
	t.Parallel()
	api := connect(t).ChatV2
	validator := client.NewRequestValidator(os.Getenv("USHER_AUTH_TOKEN"))
	address := ""
	heard := map[string]*told{"/service": {}, "/channel": {}, "/trigger": {}}
	down := 2 // the receiver is down for the first tries
	var mu sync.Mutex
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		params := map[string]string{}
		for name := range r.PostForm {
			params[name] = r.PostForm.Get(name)
		}
		if !validator.Validate(address+r.URL.Path, params, r.Header.Get("X-Twilio-Signature")) {
			t.Errorf("the signature of %v is not valid", params)
		}
		mu.Lock()
		defer mu.Unlock()
		if down > 0 && r.URL.Path == "/service" {
			down--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		heard[r.URL.Path].add(params["EventType"] + " " + params["Body"])
	}))
	t.Cleanup(receiver.Close)
	address = receiver.URL
	service := *ok[*chat.ChatV2Service](t)(api.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Hooks"))).Sid
	_, err := api.UpdateService(service, (&chat.UpdateServiceParams{}).SetPostWebhookUrl("ftp://example.org"))
	refused(t, err, 400, 50078)
	ok[*chat.ChatV2Service](t)(api.UpdateService(service, (&chat.UpdateServiceParams{}).SetPostWebhookUrl(address+"/service").SetPostWebhookRetryCount(3).
		SetWebhookFilters([]string{"onChannelAdded", "onMessageSent", "onChannelDestroyed"})))
	channel := *ok[*chat.ChatV2Channel](t)(api.CreateChannel(service, (&chat.CreateChannelParams{}).SetXTwilioWebhookEnabled("true"))).Sid
	_, err = api.CreateChannelWebhook(service, channel, (&chat.CreateChannelWebhookParams{}).SetType("webhook").SetConfigurationUrl(address))
	refused(t, err, 400, 50330)
	hook := ok[*chat.ChatV2ChannelWebhook](t)(api.CreateChannelWebhook(service, channel, (&chat.CreateChannelWebhookParams{}).SetType("webhook").
		SetConfigurationUrl(address+"/elsewhere").SetConfigurationFilters([]string{"onMessageSent"})))
	ok[*chat.ChatV2ChannelWebhook](t)(api.UpdateChannelWebhook(service, channel, *hook.Sid, (&chat.UpdateChannelWebhookParams{}).SetConfigurationUrl(address+"/channel")))
	trigger := ok[*chat.ChatV2ChannelWebhook](t)(api.CreateChannelWebhook(service, channel, (&chat.CreateChannelWebhookParams{}).SetType("trigger").
		SetConfigurationUrl(address+"/trigger").SetConfigurationTriggers([]string{"two", "help"})))
	equal(t, "type", trigger.Type, "trigger")
	if list := ok[[]chat.ChatV2ChannelWebhook](t)(api.ListChannelWebhook(service, channel, &chat.ListChannelWebhookParams{})); len(list) != 2 {
		t.Errorf("%d webhooks", len(list))
	}
	for _, body := range []string{"one", "two", "three"} {
		ok[*chat.ChatV2Message](t)(api.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetBody(body).SetXTwilioWebhookEnabled("true")))
	}
	ok[*chat.ChatV2Message](t)(api.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetBody("told to nobody")))
	eventually(t, "the trigger is told", func() bool { return heard["/trigger"].String() == "onMessageSent two" })
	done(t, api.DeleteChannel(service, channel, (&chat.DeleteChannelParams{}).SetXTwilioWebhookEnabled("true")))
	eventually(t, "the channel's webhook is told", func() bool {
		return heard["/channel"].String() == "onMessageSent one, onMessageSent two, onMessageSent three"
	})
	eventually(t, "the service's webhook is told everything in order", func() bool {
		return heard["/service"].String() == "onChannelAdded , onMessageSent one, onMessageSent two, onMessageSent three, onChannelDestroyed "
	})
}
