package golang

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/twilio/twilio-go/client"
	chat "github.com/twilio/twilio-go/rest/chat/v2"
	flex "github.com/twilio/twilio-go/rest/flex/v1"
)

// TestExternalFlow has the library's validator check what an external flow is told, and answers by REST.
func TestExternalFlow(t *testing.T) {
	t.Parallel()
	c := connect(t)
	service := *ok[*chat.ChatV2Service](t)(c.ChatV2.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Bot"))).Sid
	validator := client.NewRequestValidator(os.Getenv("USHER_AUTH_TOKEN"))
	address := ""
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		params := map[string]string{}
		for name := range r.PostForm {
			params[name] = r.PostForm.Get(name)
		}
		signature := r.Header.Get("X-Twilio-Signature")
		if !validator.Validate(address, params, signature) {
			t.Errorf("the signature of %v is not valid", params)
		}
		_, err := c.ChatV2.CreateMessage(params["InstanceSid"], params["ChannelSid"], (&chat.CreateMessageParams{}).SetFrom("Bot").SetBody("You said "+params["Body"]))
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusInternalServerError)
		}
		params["Body"] += "!"
		if validator.Validate(address, params, signature) {
			t.Error("the signature is valid for another request")
		}
	}))
	t.Cleanup(bot.Close)
	address = bot.URL + "/hear?shop=7"
	flow := ok[*flex.FlexV1FlexFlow](t)(c.FlexV1.CreateFlexFlow((&flex.CreateFlexFlowParams{}).SetFriendlyName("Own bot").SetChatServiceSid(service).
		SetChannelType("web").SetIntegrationType("external").SetIntegrationUrl(address).SetIntegrationRetryCount(0)))
	web := ok[*flex.FlexV1WebChannel](t)(c.FlexV1.CreateWebChannel((&flex.CreateWebChannelParams{}).SetFlexFlowSid(*flow.Sid).SetIdentity("go-visitor").
		SetCustomerFriendlyName("Noa").SetChatFriendlyName("Web chat")))
	ok[*chat.ChatV2Message](t)(c.ChatV2.CreateMessage(service, *web.Sid, (&chat.CreateMessageParams{}).SetFrom("go-visitor").SetBody("hello + good bye")))
	eventually(t, "the bot answers", func() bool {
		list := ok[[]chat.ChatV2Message](t)(c.ChatV2.ListMessage(service, *web.Sid, &chat.ListMessageParams{}))
		return len(list) == 2 && *list[1].From == "Bot" && *list[1].Body == "You said hello + good bye"
	})
}
