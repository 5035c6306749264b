package golang

import (
	"strings"
	"testing"

	chat "github.com/twilio/twilio-go/rest/chat/v2"
	flex "github.com/twilio/twilio-go/rest/flex/v1"
	router "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// TestConversation plays a whole conversation: a visitor's channel by a flow of its own, a task, an agent who accepts,
// words both ways, and the end that makes the channel inactive.
func TestConversation(t *testing.T) {
	t.Parallel()
	c := connect(t)
	f := newFloor(t, c, "Web chat")
	worker := f.worker(t, "mia@example.org", `{"skills":["sales"],"contact_uri":"client:mia_40example_2Eorg"}`)
	service := *ok[*chat.ChatV2Service](t)(c.ChatV2.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Web chat"))).Sid
	flow := ok[*flex.FlexV1FlexFlow](t)(c.FlexV1.CreateFlexFlow((&flex.CreateFlexFlowParams{}).SetFriendlyName("Shop").SetChatServiceSid(service).
		SetChannelType("web").SetIntegrationType("task").SetIntegrationWorkspaceSid(f.workspace).SetIntegrationWorkflowSid(f.workflow).
		SetIntegrationChannel("default").SetEnabled(true).SetJanitorEnabled(true)))
	equal(t, "channel_type", flow.ChannelType, "web")
	equal(t, "janitor_enabled", flow.JanitorEnabled, true)

	web := ok[*flex.FlexV1WebChannel](t)(c.FlexV1.CreateWebChannel((&flex.CreateWebChannelParams{}).SetFlexFlowSid(*flow.Sid).SetIdentity("visitor-1").
		SetCustomerFriendlyName("Noa").SetChatFriendlyName("Web chat").SetPreEngagementData(`{"question":"Where is my parcel?"}`)))
	channel := *web.Sid
	say := func(from, body string) {
		t.Helper()
		ok[*chat.ChatV2Message](t)(c.ChatV2.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetFrom(from).SetBody(body).
			SetXTwilioWebhookEnabled("true")))
	}
	say("visitor-1", "Where is my parcel?")

	offer := f.offered(t, worker)
	task := ok[*router.TaskrouterV1Task](t)(f.api.FetchTask(f.workspace, *offer.TaskSid))
	for _, want := range []string{channel, "web", "Where is my parcel?"} {
		if !strings.Contains(*task.Attributes, want) {
			t.Errorf("the task's attributes %s do not hold %q", *task.Attributes, want)
		}
	}
	ok[*router.TaskrouterV1TaskReservation](t)(f.api.UpdateTaskReservation(f.workspace, *task.Sid, *offer.Sid,
		(&router.UpdateTaskReservationParams{}).SetReservationStatus("accepted")))
	eventually(t, "the agent is a member of the channel", func() bool {
		return len(ok[[]chat.ChatV2Member](t)(c.ChatV2.ListMember(service, channel,
			(&chat.ListMemberParams{}).SetIdentity([]string{"mia_40example_2Eorg"})))) == 1
	})
	say("mia_40example_2Eorg", "It is on its way.")
	say("visitor-1", "Thank you")

	ok[*router.TaskrouterV1Task](t)(f.api.UpdateTask(f.workspace, *task.Sid, (&router.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("answered")))
	eventually(t, "the channel is inactive", func() bool {
		now := ok[*chat.ChatV2Channel](t)(c.ChatV2.FetchChannel(service, channel))
		return strings.Contains(strings.ReplaceAll(*now.Attributes, " ", ""), `"status":"INACTIVE"`)
	})
	if list := ok[[]chat.ChatV2Message](t)(c.ChatV2.ListMessage(service, channel, &chat.ListMessageParams{})); len(list) < 3 {
		t.Errorf("%d messages are kept, want at least the three that were said", len(list))
	}
	flows(t, c.FlexV1, *flow.Sid, channel)
}

func flows(t *testing.T, api *flex.ApiService, flow, channel string) {
	t.Helper()
	equal(t, "flex_flow_sid", ok[*flex.FlexV1WebChannel](t)(api.FetchWebChannel(channel)).FlexFlowSid, flow)
	found := false
	for _, c := range ok[[]flex.FlexV1WebChannel](t)(api.ListWebChannel((&flex.ListWebChannelParams{}).SetPageSize(1))) {
		found = found || *c.Sid == channel
	}
	if !found {
		t.Error("the list of web channels, one on a page, does not hold the channel")
	}
	changed := ok[*flex.FlexV1FlexFlow](t)(api.UpdateFlexFlow(flow, (&flex.UpdateFlexFlowParams{}).SetLongLived(true)))
	equal(t, "long_lived", changed.LongLived, true)
	if list := ok[[]flex.FlexV1FlexFlow](t)(api.ListFlexFlow((&flex.ListFlexFlowParams{}).SetFriendlyName("Shop"))); len(list) != 1 {
		t.Errorf("flows named Shop: %d", len(list))
	}
	done(t, api.DeleteFlexFlow(flow))
	_, err := api.FetchFlexFlow(flow)
	refused(t, err, 404, 20404)
	_, err = api.FetchConfiguration(&flex.FetchConfigurationParams{})
	done(t, err)
}
