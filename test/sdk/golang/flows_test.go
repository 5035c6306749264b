package golang

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	chat "github.com/twilio/twilio-go/rest/chat/v2"
	flex "github.com/twilio/twilio-go/rest/flex/v1"
	studio "github.com/twilio/twilio-go/rest/studio/v2"
	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"

	twilio "github.com/twilio/twilio-go"
)

// script is a conversation with a flow and what is to be read afterwards: see ../flows_test.go, which plays them over the stream.
type script struct {
	Flow, Subflow string
	Request       map[string]any
	Talk          []string
	Task          map[string]any
	Variables     map[string]any
	Steps         []string
	Error         *struct {
		From string
		Code float64
	}
}

// player makes flows and plays them.
type player struct {
	*twilio.RestClient
	own     *flex.FlexV1Configuration
	outside string
}

// TestFlows creates, publishes and plays the flows of the scripts, and reads what they did.
func TestFlows(t *testing.T) {
	t.Parallel()
	p := player{RestClient: connect(t), outside: os.Getenv("USHER_OUTSIDE")}
	if p.outside == "" {
		t.Skip("USHER_OUTSIDE is not set")
	}
	p.own = ok[*flex.FlexV1Configuration](t)(p.FlexV1.FetchConfiguration(&flex.FetchConfigurationParams{}))
	raw := ok[[]byte](t)(os.ReadFile("../flows/scripts.json"))
	var scripts []script
	done(t, json.Unmarshal(raw, &scripts))
	for _, sc := range scripts {
		t.Run(sc.Flow, func(t *testing.T) { p.play(t, sc) })
	}
}

func (p player) definition(t *testing.T, name, subflow string) (definition map[string]any) {
	t.Helper()
	raw, err := os.ReadFile("../flows/" + name + ".json")
	if errors.Is(err, os.ErrNotExist) {
		raw, err = os.ReadFile("../../../internal/studio/engine/testdata/" + name + ".json")
	}
	done(t, err)
	text := strings.NewReplacer(
		"https://shop.example.com", p.outside, "https://survey.example.com", p.outside, "https://bot.example.com", "https://bot-1234.twil.io",
		"WW00000000000000000000000000000001", *p.own.TaskrouterTargetWorkflowSid, "TC00000000000000000000000000000001", "chat",
		"FW00000000000000000000000000000002", subflow,
	).Replace(string(raw))
	done(t, json.Unmarshal([]byte(text), &definition))
	return definition
}

// flow makes a draft and publishes it.
func (p player) flow(t *testing.T, name, subflow string) string {
	t.Helper()
	definition := p.definition(t, name, subflow)
	draft := ok[*studio.StudioV2Flow](t)(p.StudioV2.CreateFlow((&studio.CreateFlowParams{}).SetFriendlyName(name).SetStatus("draft").SetDefinition(definition)))
	flow := ok[*studio.StudioV2Flow](t)(p.StudioV2.UpdateFlow(*draft.Sid, (&studio.UpdateFlowParams{}).SetStatus("published")))
	equal(t, "status", flow.Status, "published")
	equal(t, "valid", flow.Valid, true)
	return *flow.Sid
}

func (p player) play(t *testing.T, sc script) {
	subflow := ""
	if sc.Subflow != "" {
		subflow = p.flow(t, sc.Subflow, "")
	}
	flow, service, who := p.flow(t, sc.Flow, subflow), *p.own.ChatServiceInstanceSid, "go-"+sc.Flow
	front := ok[*flex.FlexV1FlexFlow](t)(p.FlexV1.CreateFlexFlow((&flex.CreateFlexFlowParams{}).SetFriendlyName(who).SetChatServiceSid(service).
		SetChannelType("web").SetIntegrationType("studio").SetIntegrationFlowSid(flow).SetEnabled(true)))
	channel := *ok[*flex.FlexV1WebChannel](t)(p.FlexV1.CreateWebChannel((&flex.CreateWebChannelParams{}).SetFlexFlowSid(*front.Sid).SetIdentity(who).
		SetCustomerFriendlyName("Noa").SetChatFriendlyName("Web"))).Sid
	if sc.Request != nil {
		ok[*studio.StudioV2Execution](t)(p.StudioV2.CreateExecution(flow, (&studio.CreateExecutionParams{}).SetTo(channel).SetFrom(service).SetParameters(sc.Request)))
	}
	said := func() []chat.ChatV2Message {
		return ok[[]chat.ChatV2Message](t)(p.ChatV2.ListMessage(service, channel, &chat.ListMessageParams{}))
	}
	for i, line := range sc.Talk {
		if strings.HasPrefix(line, "> ") {
			ok[*chat.ChatV2Message](t)(p.ChatV2.CreateMessage(service, channel, (&chat.CreateMessageParams{}).SetFrom(who).SetBody(line[2:])))
		}
		eventually(t, line, func() bool { return len(said()) > i })
		equal(t, "what was said", said()[i].Body, line[2:])
	}
	p.end(t, sc, channel)
	p.check(t, sc, flow)
}

// end waits for the conversation's task and cancels it.
func (p player) end(t *testing.T, sc script, channel string) {
	t.Helper()
	if sc.Task == nil {
		return
	}
	var attributes map[string]any
	workspace, task := *p.own.TaskrouterWorkspaceSid, ""
	eventually(t, "the task", func() bool {
		for _, v := range ok[[]taskrouter.TaskrouterV1Task](t)(p.TaskrouterV1.ListTask(workspace, &taskrouter.ListTaskParams{})) {
			if json.Unmarshal([]byte(*v.Attributes), &attributes) == nil && attributes["channelSid"] == channel {
				task = *v.Sid
			}
		}
		return task != ""
	})
	for name, want := range sc.Task {
		if attributes[name] != want {
			t.Errorf("the task's %s is %v, want %v", name, attributes[name], want)
		}
	}
	ok[*taskrouter.TaskrouterV1Task](t)(p.TaskrouterV1.UpdateTask(workspace, task, (&taskrouter.UpdateTaskParams{}).SetAssignmentStatus("canceled").SetReason("done")))
}

// check reads the execution with its steps and contexts.
func (p player) check(t *testing.T, sc script, flow string) {
	t.Helper()
	run := ""
	eventually(t, "the end of the execution", func() bool {
		list := ok[[]studio.StudioV2Execution](t)(p.StudioV2.ListExecution(flow, &studio.ListExecutionParams{}))
		if len(list) == 1 {
			run = *list[0].Sid
		}
		return len(list) == 1 && *list[0].Status == "ended"
	})
	var steps []string
	failed := false
	for i, step := range ok[[]studio.StudioV2ExecutionStep](t)(p.StudioV2.ListExecutionStep(flow, run, &studio.ListExecutionStepParams{})) {
		steps = append(steps, *step.TransitionedFrom+"."+*step.Name)
		if i > 20 {
			continue
		}
		about := ok[*studio.StudioV2ExecutionStepContext](t)(p.StudioV2.FetchExecutionStepContext(flow, run, *step.Sid))
		failed = failed || hasError(sc, *step.TransitionedFrom, about.Context)
	}
	if len(steps) > 20 { // one that never waited: its last step says so
		last := ok[[]studio.StudioV2ExecutionStep](t)(p.StudioV2.ListExecutionStep(flow, run, (&studio.ListExecutionStepParams{}).SetPageSize(1000)))
		failed = failed || hasError(sc, *last[len(last)-1].TransitionedFrom, last[len(last)-1].Context)
	}
	if failed != (sc.Error != nil) {
		t.Errorf("a step has failed: %v", failed)
	}
	if sc.Steps != nil && !slices.Equal(steps, sc.Steps) {
		t.Errorf("steps %q\nwant  %q", steps, sc.Steps)
	}
	about := ok[*studio.StudioV2ExecutionContext](t)(p.StudioV2.FetchExecutionContext(flow, run))
	variables := within(within((*about.Context), "flow"), "variables")
	for name, want := range sc.Variables {
		if got, _ := variables.(map[string]any); got[name] != want {
			t.Errorf("the variable %s is %v, want %v", name, got[name], want)
		}
	}
}

// hasError says whether a step's context holds the error that the script foresees.
func hasError(sc script, from string, context *any) bool {
	if context == nil || sc.Error == nil {
		return false
	}
	e, _ := within(*context, "error").(map[string]any)
	return e != nil && (sc.Error.From == "" || sc.Error.From == from) && e["code"] == sc.Error.Code
}

func within(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}
