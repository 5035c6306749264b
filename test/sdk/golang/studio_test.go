package golang

import (
	"testing"

	chat "github.com/twilio/twilio-go/rest/chat/v2"
	flex "github.com/twilio/twilio-go/rest/flex/v1"
	studio "github.com/twilio/twilio-go/rest/studio/v2"
)

// menu asks for a number, and asks again until it is 1.
var menu = map[string]any{
	"description": "Menu", "initial_state": "Trigger", "flags": map[string]any{"allow_concurrent_calls": true},
	"states": []any{
		map[string]any{"name": "Trigger", "type": "trigger", "properties": map[string]any{"offset": map[string]any{"x": 0, "y": 0}}, "transitions": []any{
			map[string]any{"event": "incomingMessage", "next": "ask"}, map[string]any{"event": "incomingCall"}, map[string]any{"event": "incomingRequest", "next": "keep"},
		}},
		map[string]any{"name": "ask", "type": "send-and-wait-for-reply", "transitions": []any{
			map[string]any{"event": "incomingMessage", "next": "choose"}, map[string]any{"event": "timeout"}, map[string]any{"event": "deliveryFailure"},
		}, "properties": map[string]any{
			"from": "Shop", "to": "{{contact.channel.address}}", "body": "1 for orders", "timeout": "3600",
			"service": "{{trigger.message.InstanceSid}}", "channel": "{{trigger.message.ChannelSid}}",
		}},
		map[string]any{"name": "choose", "type": "split-based-on", "properties": map[string]any{"input": "{{widgets.ask.inbound.Body}}"}, "transitions": []any{
			map[string]any{"event": "noMatch", "next": "ask"},
			map[string]any{"event": "match", "next": "keep", "conditions": []any{map[string]any{
				"friendly_name": "1", "type": "equal_to", "arguments": []any{"{{widgets.ask.inbound.Body}}"}, "value": "1",
			}}},
		}},
		map[string]any{"name": "keep", "type": "set-variables", "transitions": []any{map[string]any{"event": "next"}}, "properties": map[string]any{
			"variables": []any{map[string]any{"key": "choice", "value": "orders"}},
		}},
	},
}

// TestStudio publishes a flow, lets a visitor go through it, and reads what it did.
func TestStudio(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ok[*studio.StudioV2FlowValidate](t)(c.StudioV2.UpdateFlowValidate((&studio.UpdateFlowValidateParams{}).
		SetFriendlyName("Menu").SetStatus("published").SetDefinition(menu)))
	flow := ok[*studio.StudioV2Flow](t)(c.StudioV2.CreateFlow((&studio.CreateFlowParams{}).
		SetFriendlyName("Menu").SetStatus("draft").SetDefinition(menu).SetCommitMessage("first")))
	flow = ok[*studio.StudioV2Flow](t)(c.StudioV2.UpdateFlow(*flow.Sid, (&studio.UpdateFlowParams{}).SetStatus("published").SetCommitMessage("second")))
	equal(t, "status", flow.Status, "published")
	equal(t, "revision", &flow.Revision, 2)
	equal(t, "revisions", new(len(ok[[]studio.StudioV2FlowRevision](t)(c.StudioV2.ListFlowRevision(*flow.Sid, &studio.ListFlowRevisionParams{})))), 2)

	service := *ok[*chat.ChatV2Service](t)(c.ChatV2.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Bot"))).Sid
	front := ok[*flex.FlexV1FlexFlow](t)(c.FlexV1.CreateFlexFlow((&flex.CreateFlexFlowParams{}).SetFriendlyName("Bot").SetChatServiceSid(service).
		SetChannelType("web").SetIntegrationType("studio").SetIntegrationFlowSid(*flow.Sid).SetEnabled(true)))
	web := ok[*flex.FlexV1WebChannel](t)(c.FlexV1.CreateWebChannel((&flex.CreateWebChannelParams{}).SetFlexFlowSid(*front.Sid).SetIdentity("bot-visitor").
		SetCustomerFriendlyName("Noa").SetChatFriendlyName("Web chat")))
	said := func() []chat.ChatV2Message {
		return ok[[]chat.ChatV2Message](t)(c.ChatV2.ListMessage(service, *web.Sid, &chat.ListMessageParams{}))
	}
	for i, body := range []string{"hello", "7", "1"} {
		ok[*chat.ChatV2Message](t)(c.ChatV2.CreateMessage(service, *web.Sid, (&chat.CreateMessageParams{}).SetFrom("bot-visitor").SetBody(body)))
		if i < 2 {
			eventually(t, "the flow answers", func() bool { return len(said()) == 2*(i+1) })
		}
	}
	var run studio.StudioV2Execution
	eventually(t, "the execution has ended", func() bool {
		list := ok[[]studio.StudioV2Execution](t)(c.StudioV2.ListExecution(*flow.Sid, &studio.ListExecutionParams{}))
		if len(list) != 1 {
			t.Fatalf("%d executions", len(list))
		}
		run = list[0]
		return *run.Status == "ended"
	})
	steps := ok[[]studio.StudioV2ExecutionStep](t)(c.StudioV2.ListExecutionStep(*flow.Sid, *run.Sid, &studio.ListExecutionStepParams{}))
	equal(t, "steps", new(len(steps)), 6)
	ok[*studio.StudioV2ExecutionStepContext](t)(c.StudioV2.FetchExecutionStepContext(*flow.Sid, *run.Sid, *steps[0].Sid))
	about := ok[*studio.StudioV2ExecutionContext](t)(c.StudioV2.FetchExecutionContext(*flow.Sid, *run.Sid))
	if about.Context == nil {
		t.Error("the execution has no context")
	}
	byRequest := ok[*studio.StudioV2Execution](t)(c.StudioV2.CreateExecution(*flow.Sid, (&studio.CreateExecutionParams{}).
		SetTo("+15005550101").SetFrom("+15005550100").SetParameters(map[string]any{"order": 7})))
	equal(t, "status of one that ends at once", byRequest.Status, "ended")
}
