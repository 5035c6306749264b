package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/test/rig"
)

// script is what a customer and a flow say to each other, and what is to be read afterwards. The libraries play the same ones.
type script struct {
	Flow    string         // name of the definition
	Subflow string         // of the one that it calls, or ""
	Request map[string]any // parameters of an execution by REST; nil is that a message begins it
	Talk    []string       // "> " is the customer, "< " the flow
	// Task is what the attributes of the task hold that the conversation ends with; nil is that there is none.
	Task      map[string]any
	Variables map[string]any // that the execution has kept
	Steps     []string       // widget.event
	Error     *struct {
		From string // the widget, "" for any
		Code float64
	}
}

// folders hold the definitions: those of the engine's own tests, and those that need more.
var folders = []string{"flows/", "../../internal/studio/engine/testdata/"}

func definition(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range folders {
		raw, err := os.ReadFile(folder + name + ".json")
		if err == nil {
			return string(raw)
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("no definition %s", name)
	return ""
}

// stage is a server with what flows need.
type stage struct {
	*rig.Client
	server                                *rig.Server
	outside, service, workspace, workflow string
}

// TestFlows plays the scripts as the widget does: the customer speaks and hears over the stream.
func TestFlows(t *testing.T) {
	raw, err := os.ReadFile("flows/scripts.json")
	if err != nil {
		t.Fatal(err)
	}
	var scripts []script
	if err := json.Unmarshal(raw, &scripts); err != nil {
		t.Fatal(err)
	}
	rig.EachDatabase(t, rig.Options{Env: allowed}, func(t *testing.T, s *rig.Server) {
		g := stage{Client: s.Client(), server: s, outside: outside(t, s)}
		own := g.Get(t, "/flex-api/v1/Configuration")
		g.service, g.workspace, g.workflow = own.String("chat_service_instance_sid"), own.String("taskrouter_workspace_sid"), own.String("taskrouter_target_workflow_sid")
		for _, sc := range scripts {
			t.Run(sc.Flow, func(t *testing.T) { g.play(t, sc) })
		}
	})
}

func (g stage) flow(t *testing.T, name, subflow string) string {
	t.Helper()
	return g.Post(t, "/studio/v2/Flows", "FriendlyName", name, "Status", "published", "Definition", adapted(definition(t, name), g.outside, g.workflow, subflow)).SID()
}

func (g stage) play(t *testing.T, sc script) {
	subflow := ""
	if sc.Subflow != "" {
		subflow = g.flow(t, sc.Subflow, "")
	}
	flow := "/studio/v2/Flows/" + g.flow(t, sc.Flow, subflow)
	front := g.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", sc.Flow, "ChatServiceSid", g.service, "ChannelType", "web",
		"IntegrationType", "studio", "Integration.FlowSid", flow[len("/studio/v2/Flows/"):], "Enabled", "true").SID()
	who := "noa-" + sc.Flow
	channel := g.Post(t, "/flex-api/v1/WebChannels", "FlexFlowSid", front, "Identity", who, "CustomerFriendlyName", "Noa", "ChatFriendlyName", "Web").SID()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	st, err := g.server.Dial(ctx, g.server.Token(who, g.service, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Ask(ctx, rig.Frame{"type": "subscribe", "streams": []any{rig.Frame{"stream": channel}}}); err != nil {
		t.Fatal(err)
	}
	if sc.Request != nil {
		parameters, err := json.Marshal(sc.Request)
		if err != nil {
			t.Fatal(err)
		}
		g.Post(t, flow+"/Executions", "To", channel, "From", g.service, "Parameters", string(parameters))
	}
	for i, line := range sc.Talk {
		body := line[2:]
		if strings.HasPrefix(line, "> ") {
			if _, err := st.Ask(ctx, rig.Frame{"type": "send", "channel": channel, "client_id": rig.Hex(8), "body": body, "attributes": rig.Frame{}}); err != nil {
				t.Fatalf("line %d: %v", i, err)
			}
		}
		rig.Eventually(t, line, func() bool { return len(said(st)) > i })
		if got := said(st)[i]; got != body {
			t.Fatalf("line %d is %q, want %q", i, got, body)
		}
	}
	g.end(t, sc, channel)
	g.check(t, sc, flow)
	if all := said(st); len(all) != len(sc.Talk) {
		t.Errorf("said %q", all)
	}
}

// said are the messages that came over the stream.
func said(st *rig.Stream) (bodies []string) {
	for _, f := range st.Events() {
		if data, ok := f["data"].(map[string]any); ok && f["kind"] == "message.added" {
			bodies = append(bodies, rig.Text(data, "body"))
		}
	}
	return bodies
}

// end waits for the task of a conversation, compares its attributes, and cancels it, by which it has ended for its flow.
func (g stage) end(t *testing.T, sc script, channel string) {
	t.Helper()
	if sc.Task == nil {
		return
	}
	var attributes map[string]any
	var task string
	rig.Eventually(t, "the task", func() bool {
		rows, err := g.All(t.Context(), "/taskrouter/v1/Workspaces/"+g.workspace+"/Tasks?PageSize=100", "tasks")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if json.Unmarshal([]byte(rig.Text(row, "attributes")), &attributes) == nil && attributes["channelSid"] == channel {
				task = rig.Text(row, "sid")
			}
		}
		return task != ""
	})
	for name, want := range sc.Task {
		if attributes[name] != want {
			t.Errorf("the task's %s is %v, want %v", name, attributes[name], want)
		}
	}
	g.Must(t, http.MethodPost, "/taskrouter/v1/Workspaces/"+g.workspace+"/Tasks/"+task, "AssignmentStatus", "canceled", "Reason", "done")
}

// check reads the execution with its steps and contexts.
func (g stage) check(t *testing.T, sc script, flow string) {
	t.Helper()
	var run string
	rig.Eventually(t, "the end of the execution", func() bool {
		rows, err := g.All(t.Context(), flow+"/Executions", "executions")
		if err != nil || len(rows) > 1 {
			t.Fatal(len(rows), err)
		}
		if len(rows) == 1 {
			run = flow + "/Executions/" + rig.Text(rows[0], "sid")
		}
		return len(rows) == 1 && rows[0]["status"] == "ended"
	})
	rows, err := g.All(t.Context(), run+"/Steps?PageSize=1000", "steps")
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	failed := false
	for _, row := range rows {
		steps = append(steps, rig.Text(row, "transitioned_from")+"."+rig.Text(row, "name"))
		about, _ := row["context"].(map[string]any)
		if e, ok := about["error"].(map[string]any); ok {
			wanted := sc.Error != nil && e["code"] == sc.Error.Code && (sc.Error.From == "" || sc.Error.From == row["transitioned_from"])
			failed = failed || wanted
			if !wanted || e["message"] == "" {
				t.Errorf("step %s: %v", steps[len(steps)-1], e)
			}
		}
	}
	if sc.Error != nil && !failed {
		t.Errorf("no step has the error %v", sc.Error.Code)
	}
	if sc.Steps != nil && !slices.Equal(steps, sc.Steps) {
		t.Errorf("steps %q\nwant  %q", steps, sc.Steps)
	}
	about, _ := g.Get(t, run+"/Context").Body["context"].(map[string]any)
	kept, _ := about["flow"].(map[string]any)
	variables, _ := kept["variables"].(map[string]any)
	for name, want := range sc.Variables {
		if variables[name] != want {
			t.Errorf("the variable %s is %v, want %v", name, variables[name], want)
		}
	}
}
