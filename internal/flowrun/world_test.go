package flowrun_test

import (
	"context"
	"encoding/json"
	"testing"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/inbound/inboundtest"
	"usher/internal/job"
	"usher/internal/sid"
	"usher/internal/studio"
)

// world is a contact center with flows.
type world struct{ *inboundtest.World }

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, &world{inboundtest.New(t, d)}) })
}

// props are the properties of a widget.
type props map[string]any

// widget is a state; next names event and target in turn, and split adds conditions.
func widget(name, kind string, p props, next ...string) map[string]any {
	transitions := []map[string]any{}
	for i := 0; i < len(next); i += 2 {
		transitions = append(transitions, map[string]any{"event": next[i], "next": next[i+1]})
	}
	if p == nil {
		p = props{}
	}
	return map[string]any{"name": name, "type": kind, "properties": p, "transitions": transitions}
}

// begin is a trigger for all that flows here begin with.
func begin(next string) map[string]any {
	return widget("Trigger", "trigger", nil, "incomingMessage", next, "incomingRequest", next, "incomingParent", next)
}

func say(name, body string, next ...string) map[string]any {
	return widget(name, "send-message", props{
		"service": "{{trigger.message.InstanceSid}}", "channel": "{{trigger.message.ChannelSid}}", "from": "{{flow.channel.address}}",
		"to": "{{contact.channel.address}}", "body": body,
	}, next...)
}

func ask(name, body, timeout string, next ...string) map[string]any {
	return widget(name, "send-and-wait-for-reply", props{
		"service": "{{trigger.message.InstanceSid}}", "channel": "{{trigger.message.ChannelSid}}", "from": "Helper", "body": body, "timeout": timeout,
	}, next...)
}

// call asks the outside.
func call(name string, next ...string) map[string]any {
	return widget(name, "make-http-request", props{
		"method": "POST", "url": "https://crm.example.com/find", "content_type": "application/json", "body": `{"said":{{trigger.message.Body | to_json}}}`,
	}, next...)
}

func (w *world) toAgent(name, attributes string, next ...string) map[string]any {
	return widget(name, "send-to-flex", props{"workflow": w.IDs.Workflow, "channel": "chat", "attributes": attributes}, next...)
}

// studioFlow publishes a flow.
func (w *world) studioFlow(states ...map[string]any) sid.SID {
	w.T.Helper()
	text, err := json.Marshal(map[string]any{"description": "Test", "initial_state": "Trigger", "states": states})
	if err != nil {
		w.T.Fatal(err)
	}
	flow, err := w.Studio.CreateFlow(context.Background(), w.Owner, studio.NewFlow{FriendlyName: "Bot", Status: studio.Published, Definition: string(text)})
	if err != nil {
		w.T.Fatal(err)
	}
	return flow.SID
}

// flexFlow leads a web page's visitors to a Studio flow.
func (w *world) flexFlow(flow sid.SID, longLived bool) flex.Flow {
	w.T.Helper()
	return w.Flow(func(c *flex.FlowChange) {
		c.IntegrationType, c.Integration = new(flex.Studio), flex.IntegrationChange{FlowSID: &flow}
		c.LongLived = &longLived
	})
}

// talk opens a channel of a flow for ada.
func (w *world) talk(flow sid.SID) flex.Channel {
	w.T.Helper()
	return w.Open(w.flexFlow(flow, false), "ada", nil)
}

// hears makes ada say something and runs what follows.
func (w *world) hears(c flex.Channel, body string) {
	w.T.Helper()
	w.Say(c.SID, "ada", body)
	w.Pump()
}

// said lists what was written in a channel, with its authors.
func (w *world) said(c flex.Channel) (list []string) {
	w.T.Helper()
	all, err := w.Chat.History(context.Background(), w.Owner, c.SID, nil, chat.MaxHistory)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, m := range all {
		list = append(list, m.Author+": "+m.Body)
	}
	return list
}

// executions lists a flow's executions, the oldest first.
func (w *world) executions(flow sid.SID) []studio.Execution {
	w.T.Helper()
	page, err := w.Studio.Executions(context.Background(), w.Owner, flow, studio.ExecutionFilter{}, db.Page{Size: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	list := page.Items
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// last is the flow's newest execution.
func (w *world) last(flow sid.SID) studio.Execution {
	w.T.Helper()
	all := w.executions(flow)
	if len(all) == 0 {
		w.T.Fatal("no execution")
	}
	return all[len(all)-1]
}

// execution reads an execution anew.
func (w *world) execution(x studio.Execution) studio.Execution {
	w.T.Helper()
	found, err := w.Studio.Execution(context.Background(), w.Owner, x.State.FlowSID, x.SID)
	if err != nil {
		w.T.Fatal(err)
	}
	return found
}

// steps lists the steps of the flow's newest execution.
func (w *world) steps(flow sid.SID) []studio.Step {
	w.T.Helper()
	page, err := w.Studio.Steps(context.Background(), w.Owner, flow, w.last(flow).SID, db.Page{Size: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	return page.Items
}

// run does the jobs of a queue, twice each, and removes them.
func (w *world) run(queue string) int {
	w.T.Helper()
	do := map[string]func(context.Context, job.Job) error{flowrun.Calls: w.Flowrun.OnCall, flowrun.Timers: w.Flowrun.OnTimer}[queue]
	jobs := w.Due(queue)
	for _, j := range jobs {
		for range 2 {
			if err := do(context.Background(), j); err != nil {
				w.T.Fatalf("%s: %v", queue, err)
			}
		}
		w.Finish(j)
	}
	return len(jobs)
}

// task decodes the attributes of a task.
func (w *world) task(i int) map[string]any {
	w.T.Helper()
	all := w.AllTasks()
	if len(all) <= i {
		w.T.Fatalf("%d tasks, want more than %d", len(all), i)
	}
	var m map[string]any
	if err := json.Unmarshal(all[i].Attributes, &m); err != nil {
		w.T.Fatal(err)
	}
	return m
}
