package flowrun_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/sid"
	"usher/internal/studio"
)

// split leads an answer of the widget "which" on.
func split(name, input, value, match, other string) map[string]any {
	return map[string]any{
		"name": name, "type": "split-based-on", "properties": props{"input": input},
		"transitions": []map[string]any{
			{"event": "noMatch", "next": other},
			{"event": "match", "next": match, "conditions": []map[string]any{
				{"friendly_name": value, "arguments": []string{input}, "type": "equal_to", "value": value},
			}},
		},
	}
}

// orders is a flow that asks, splits, looks up and hands over.
func (w *world) orders() sid.SID {
	return w.studioFlow(
		begin("which"),
		ask("which", "Order or repair?", "60", "incomingMessage", "topic", "timeout", "late"),
		split("topic", "{{widgets.which.inbound.Body}}", "order", "find", "sorry"),
		call("find", "success", "note", "failed", "sorry"),
		widget("note", "set-variables", props{"variables": []props{{"key": "number", "value": "{{widgets.find.parsed.number}}"}}}, "next", "agent"),
		w.toAgent("agent", `{"topic":"{{widgets.which.inbound.Body}}","number":"{{flow.variables.number}}","mail":"{{trigger.message.ChannelAttributes.pre_engagement_data.email}}"}`,
			"callComplete", "bye", "failedToEnqueue", "sorry"),
		say("bye", "Goodbye.", "sent", "", "failed", ""),
		say("sorry", "Sorry.", "sent", "", "failed", ""),
		say("late", "Still there?", "sent", "", "failed", ""),
	)
}

func (w *world) start(flow sid.SID, change func(in *flowrun.NewTrial)) studio.Trial {
	w.T.Helper()
	in := flowrun.NewTrial{Flow: flow, Body: "Hello", Name: "Ana", PreEngagement: `{"email":"ana@shop.example"}`}
	if change != nil {
		change(&in)
	}
	trial, err := w.Flowrun.StartTrial(context.Background(), w.Owner, in)
	if err != nil {
		w.T.Fatal(err)
	}
	return trial
}

func (w *world) next(t studio.Trial, in flowrun.TrialInput) studio.Trial {
	w.T.Helper()
	trial, err := w.Flowrun.ContinueTrial(context.Background(), w.Owner, t.State.FlowSID, t.SID, in)
	if err != nil {
		w.T.Fatal(err)
	}
	return trial
}

func (w *world) trial(t studio.Trial) studio.Trial {
	w.T.Helper()
	trial, err := w.Studio.Trial(context.Background(), w.Owner, t.State.FlowSID, t.SID)
	if err != nil {
		w.T.Fatal(err)
	}
	return trial
}

// told is what a test conversation shows.
func told(t studio.Trial) (list []string) {
	for i := range t.Lines {
		l := &t.Lines[i]
		switch l.Kind {
		case studio.LineTask:
			list = append(list, "task "+l.Task.Attributes)
		default:
			list = append(list, strings.TrimSpace(l.Kind+" "+l.Body+" "+l.To))
		}
	}
	return list
}

func passed(t studio.Trial) (list []string) {
	for i := range t.Steps {
		list = append(list, t.Steps[i].From+"."+t.Steps[i].Name)
	}
	return list
}

// rows counts what lies in tables that a test conversation may not touch, or must leave.
func (w *world) rows(tables ...string) (n int) {
	w.T.Helper()
	for _, table := range tables {
		w.Do(func(tx *db.Tx) error {
			var more int
			err := tx.QueryRow("select count(*) from " + table).Scan(&more)
			n += more
			return err
		})
	}
	return n
}

var customers = []string{"chat_channel", "chat_user", "chat_member", "chat_message", "flex_contact", "flex_channel", "taskrouter_task"}

func TestTrial(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		before := w.rows(customers...)
		w.Answer = func(r hook.Request) (hook.Response, error) {
			return hook.Response{Status: 200, ContentType: "application/json", Body: []byte(`{"number":"SL-20418"}`)}, nil
		}
		trial := w.start(flow, nil)
		trial = w.next(trial, flowrun.TrialInput{Body: "order"})
		if wait := trial.At.State.Wait; wait == nil || wait.Widget != "find" {
			t.Fatalf("waits %+v, want find", wait)
		}
		if _, err := w.Flowrun.ContinueTrial(context.Background(), w.Owner, flow, trial.SID, flowrun.TrialInput{Body: "more"}); !fault.Is(err, fault.KindConflict) {
			t.Errorf("a message while the flow works: %v", err)
		}
		w.run(flowrun.Calls)
		trial = w.trial(trial)
		want := []string{"customer Hello", "flow Order or repair?", "customer order", `task {"topic":"order","number":"SL-20418","mail":"ana@shop.example"}`}
		if diff := cmp.Diff(want, told(trial)); diff != "" {
			t.Error(diff)
		}
		if got := trial.State.Context.Variables["number"]; got != "SL-20418" {
			t.Errorf("number %v", got)
		}
		trial = w.next(trial, flowrun.TrialInput{Event: "callComplete"})
		if trial.Active || trial.State.Reason != "" || told(trial)[4] != "flow Goodbye." {
			t.Errorf("active %v, reason %q, %q", trial.Active, trial.State.Reason, told(trial))
		}
		path := []string{"Trigger.incomingMessage", "which.incomingMessage", "topic.match", "find.success", "note.next", "agent.callComplete", "bye.sent"}
		if diff := cmp.Diff(path, passed(trial)); diff != "" {
			t.Error(diff)
		}
		if _, err := w.Flowrun.ContinueTrial(context.Background(), w.Owner, flow, trial.SID, flowrun.TrialInput{Body: "more"}); !fault.Is(err, fault.KindConflict) {
			t.Errorf("a message after the end: %v", err)
		}
		w.Pump()
		if after := w.rows(customers...); after != before {
			t.Errorf("%d rows of customers, %d before", after, before)
		}
		if all := w.executions(flow); len(all) != 0 {
			t.Errorf("%d executions listed, want none: tests are not customers'", len(all))
		}
	})
}

// What the operator says has happened instead of a customer, an agent or the clock.
func TestTrial_events(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		trial := w.next(w.start(flow, nil), flowrun.TrialInput{Event: flowrun.EventTimeout})
		if got := told(trial); trial.Active || got[len(got)-1] != "flow Still there?" {
			t.Errorf("after the timeout: %q", got)
		}
		direct := w.studioFlow(begin("agent"), w.toAgent("agent", "{}", "callComplete", "", "failedToEnqueue", "sorry", "callFailure", "lost"),
			say("sorry", "Sorry.", "sent", "", "failed", ""), say("lost", "Lost.", "sent", "", "failed", ""))
		for event, want := range map[string]string{"callComplete": "task {}", "failedToEnqueue": "flow Sorry.", "callFailure": "flow Lost."} {
			trial := w.start(direct, nil)
			if _, err := w.Flowrun.ContinueTrial(context.Background(), w.Owner, direct, trial.SID, flowrun.TrialInput{Event: flowrun.EventTimeout}); !fault.Is(err, fault.KindConflict) {
				t.Errorf("a task that times out: %v", err)
			}
			trial = w.next(trial, flowrun.TrialInput{Event: event})
			if got := told(trial); trial.Active || got[len(got)-1] != want {
				t.Errorf("%s: %q, want %q", event, got, want)
			}
		}
		if n := w.rows("taskrouter_task"); n != 0 {
			t.Errorf("%d tasks", n)
		}
	})
}

// What goes wrong stays with the execution, also when the flow goes on.
func TestProblem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		c := w.talk(flow)
		w.hears(c, "Hi")
		if p := w.last(flow).Problem; p != nil {
			t.Errorf("nothing has gone wrong, but %+v", p)
		}
		w.hears(c, "order")
		w.run(flowrun.Calls) // refused, as w.Answer is nil
		x := w.last(flow)
		if p := x.Problem; p == nil || p.Widget != "find" || p.Code != 81016 || p.Message == "" {
			t.Errorf("%+v", p)
		}
		if x.Active || x.State.Reason != "" {
			t.Errorf("active %v, %q: the flow has said sorry and come to its end", x.Active, x.State.Reason)
		}
	})
}

// Subflows of a test conversation are part of it, however deep.
func TestTrial_subflow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		inner := w.studioFlow(begin("name"), ask("name", "Your name?", "60", "incomingMessage", "thanks", "timeout", ""),
			say("thanks", "Thanks, {{widgets.name.inbound.Body}}.", "sent", "", "failed", ""))
		outer := w.studioFlow(begin("sub"), widget("sub", "run-subflow", props{"flow_sid": inner, "flow_revision": "LatestPublished"}, "completed", "agent", "failed", ""),
			w.toAgent("agent", `{}`, "callComplete", ""))
		trial := w.start(outer, nil)
		if trial.At.State.FlowSID != inner {
			t.Errorf("acts: %s", trial.At.State.FlowSID)
		}
		trial = w.next(trial, flowrun.TrialInput{Body: "Bo"})
		want := []string{"customer Hello", "flow Your name?", "customer Bo", "flow Thanks, Bo.", "task {}"}
		if diff := cmp.Diff(want, told(trial)); diff != "" {
			t.Error(diff)
		}
		if all := w.executions(inner); len(all) != 0 {
			t.Errorf("%d executions of the subflow listed", len(all))
		}
		if err := w.Flowrun.EndTrial(context.Background(), w.Owner, outer, trial.SID); err != nil {
			t.Fatal(err)
		}
		if n := w.rows("studio_execution", "studio_step", "studio_test_line", "job"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A draft runs, the published revision when it is asked for, and a draft with mistakes says what they are.
func TestTrial_revisions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("old"), say("old", "Published.", "sent", "", "failed", ""))
		draft := `{"description":"d","initial_state":"Trigger","states":[` +
			`{"name":"Trigger","type":"trigger","properties":{},"transitions":[{"event":"incomingMessage","next":"new"}]},` +
			`{"name":"new","type":"send-message","properties":{"service":"{{trigger.message.InstanceSid}}","channel":"{{trigger.message.ChannelSid}}","from":"Bot","to":"x","body":"Draft."},"transitions":[]}]}`
		change := func(definition string) {
			t.Helper()
			if _, err := w.Studio.UpdateFlow(context.Background(), w.Owner, flow, studio.FlowChange{Definition: &definition, Status: studio.Draft}); err != nil {
				t.Fatal(err)
			}
		}
		change(draft)
		if got := told(w.start(flow, nil)); got[1] != "flow Draft." {
			t.Errorf("%q", got)
		}
		if got := told(w.start(flow, func(in *flowrun.NewTrial) { in.Revision = studio.LatestPublished })); got[1] != "flow Published." {
			t.Errorf("%q", got)
		}
		change(`{"states":[]}`)
		if _, err := w.Flowrun.StartTrial(context.Background(), w.Owner, flowrun.NewTrial{Flow: flow, Body: "x"}); !fault.HasCode(err, 81022) {
			t.Errorf("a draft with mistakes: %v", err)
		}
	})
}

// A test user of the original's kind is known by the chat identity, and meets the draft as a customer does.
func TestTestUsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("old"), say("old", "Published.", "sent", "", "failed", ""))
		draft := strings.ReplaceAll(string(w.definition(flow)), "Published.", "Draft.")
		if _, err := w.Studio.UpdateFlow(t.Context(), w.Owner, flow, studio.FlowChange{Definition: &draft, Status: studio.Draft}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Studio.SetTestUsers(t.Context(), w.Owner, flow, []string{"ada"}); err != nil {
			t.Fatal(err)
		}
		tester, customer := w.talk(flow), w.Open(w.flexFlow(flow, false), "bob", nil)
		w.hears(tester, "Hi")
		w.Say(customer.SID, "bob", "Hi")
		w.Pump()
		if said := w.said(tester); said[1] != "Bot: Draft." {
			t.Errorf("the test user meets %q", said)
		}
		if said := w.said(customer); said[1] != "Bot: Published." {
			t.Errorf("a customer meets %q", said)
		}
	})
}

func (w *world) definition(flow sid.SID) []byte {
	w.T.Helper()
	f, err := w.Studio.Flow(context.Background(), w.Owner, flow)
	if err != nil {
		w.T.Fatal(err)
	}
	return f.Revision.Definition
}

func TestTrial_badInput(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		for name, tt := range map[string]struct {
			change func(in *flowrun.NewTrial)
			kind   fault.Kind
		}{
			"no text":         {func(in *flowrun.NewTrial) { in.Body = "" }, fault.KindInvalid},
			"a long text":     {func(in *flowrun.NewTrial) { in.Body = strings.Repeat("x", 33<<10) }, fault.KindInvalid},
			"a long name":     {func(in *flowrun.NewTrial) { in.Name = strings.Repeat("x", 65) }, fault.KindInvalid},
			"no object":       {func(in *flowrun.NewTrial) { in.PreEngagement = "[1]" }, fault.KindInvalid},
			"unknown channel": {func(in *flowrun.NewTrial) { in.ChannelType = "pigeon" }, fault.KindInvalid},
			"unknown flow":    {func(in *flowrun.NewTrial) { in.Flow = sid.New(sid.StudioFlow) }, fault.KindNotFound},
			"bad revision":    {func(in *flowrun.NewTrial) { in.Revision = "newest" }, fault.KindInvalid},
		} {
			in := flowrun.NewTrial{Flow: flow, Body: "x"}
			tt.change(&in)
			if _, err := w.Flowrun.StartTrial(context.Background(), w.Owner, in); !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
		trial := w.start(flow, nil)
		real := w.talk(flow)
		w.hears(real, "Hi")
		for name, tt := range map[string]struct {
			actor     account.Actor
			execution sid.SID
			in        flowrun.TrialInput
			kind      fault.Kind
		}{
			"another account":        {w.Account(), trial.SID, flowrun.TrialInput{Body: "x"}, fault.KindNotFound},
			"a visitor":              {w.Visitor("ada"), trial.SID, flowrun.TrialInput{Body: "x"}, fault.KindForbidden},
			"a customer's execution": {w.Owner, w.last(flow).SID, flowrun.TrialInput{Body: "x"}, fault.KindNotFound},
			"no text":                {w.Owner, trial.SID, flowrun.TrialInput{}, fault.KindInvalid},
			"an unknown event":       {w.Owner, trial.SID, flowrun.TrialInput{Event: "x"}, fault.KindInvalid},
			"no task there":          {w.Owner, trial.SID, flowrun.TrialInput{Event: "callComplete"}, fault.KindConflict},
		} {
			if _, err := w.Flowrun.ContinueTrial(context.Background(), tt.actor, flow, tt.execution, tt.in); !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, actor := range map[string]account.Actor{"another account": w.Account(), "a visitor": w.Visitor("ada")} {
			if err := w.Flowrun.EndTrial(context.Background(), actor, flow, trial.SID); err == nil {
				t.Errorf("%s ends it", name)
			}
		}
		if err := w.Flowrun.EndTrial(context.Background(), w.Owner, flow, w.last(flow).SID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("end of a customer's execution: %v", err)
		}
		if got := w.trial(trial); len(got.Lines) != 2 || len(got.Steps) != 1 {
			t.Errorf("%q, %d steps", told(got), len(got.Steps))
		}
	})
}

// An account has only so many test conversations at a time, and each other account as many.
func TestTrial_tooMany(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		one := w.start(flow, nil)
		for range 49 {
			w.start(flow, nil)
		}
		_, err := w.Flowrun.StartTrial(context.Background(), w.Owner, flowrun.NewTrial{Flow: flow, Body: "x"})
		if !fault.Is(err, fault.KindTooMany) {
			t.Errorf("the 51st: %v", err)
		}
		if err := w.Flowrun.EndTrial(context.Background(), w.Owner, flow, one.SID); err != nil {
			t.Fatal(err)
		}
		w.start(flow, nil)
	})
}

// Sweep removes what nobody looks after, and ends what is stuck; what works stays.
func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		idle, kept := w.start(flow, nil), w.start(flow, nil)
		stuck, waits := w.talk(flow), w.Open(w.flexFlow(flow, false), "bob", nil)
		w.hears(stuck, "Hi")
		w.Say(waits.SID, "bob", "Hi")
		w.Pump()
		all := w.executions(flow)
		long := db.Micros(time.Now().Add(-time.Hour))
		w.Do(func(tx *db.Tx) error {
			_, err := tx.Exec("update studio_execution set test_at = $1 where sid = $2", long, string(idle.SID))
			return err
		})
		w.overdue(all[0].SID)
		if shown := w.executions(flow); !shown[0].Stuck || shown[1].Stuck {
			t.Errorf("shown as stuck: %v %v", shown[0].Stuck, shown[1].Stuck)
		}
		if err := w.Flowrun.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Studio.Trial(context.Background(), w.Owner, flow, idle.SID); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("the one that was left: %v", err)
		}
		if !w.trial(kept).Active {
			t.Error("the other test has ended")
		}
		all = w.executions(flow)
		if all[0].Active || !strings.HasPrefix(all[0].State.Reason, "stuck") || !all[1].Active {
			t.Errorf("stuck: %v %q, waits: %v", all[0].Active, all[0].State.Reason, all[1].Active)
		}
		w.hears(stuck, "Hello?")
		if n := len(w.executions(flow)); n != 3 {
			t.Errorf("%d executions: a message after a stuck one begins anew", n)
		}
		if said := w.said(stuck); slices.Index(said, "ada: Hello?") != len(said)-2 {
			t.Errorf("%q", said)
		}
	})
}

// What waits for a customer who was erased cannot be read, and does not stand in the way of the others for ever.
func TestSweep_erased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.orders()
		c := w.talk(flow)
		w.hears(c, "Hi")
		w.overdue(w.last(flow).SID)
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.Owner.Account, c.Key) })
		for range 2 {
			if err := w.Flowrun.Sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if list, err := w.Studio.Next(context.Background(), 10); err != nil || len(list) != 0 {
			t.Errorf("%d still wait, %v", len(list), err)
		}
	})
}

// overdue makes the wait of an execution end long ago, as if its timer had been lost.
func (w *world) overdue(execution sid.SID) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error {
		x, err := w.Studio.ExecutionTx(tx, w.Owner.Account, execution)
		if err != nil {
			return err
		}
		_, err = tx.Exec("update studio_execution set wake_at = $1 where id = $2", db.Micros(tx.Now.Add(-time.Hour)), x.ID)
		return err
	})
}

// An assistant and TwiML talk in a test conversation as they would to a customer, and nothing leaves it.
func TestTrial_outside(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.assistant(func(p prompt, _ hook.Request) (hook.Response, error) {
			last := p.Messages[len(p.Messages)-1]
			if last.Role != "user" || last.Content != "Hello" && last.Content != "more" {
				t.Errorf("asked %+v", p.Messages)
			}
			return completion("You said " + last.Content), nil
		})
		flow := w.assistantFlow()
		trial := w.start(flow, nil)
		w.run(flowrun.Calls)
		trial = w.next(trial, flowrun.TrialInput{Body: "more"})
		w.run(flowrun.Calls)
		if got := strings.Join(told(w.trial(trial)), "|"); got != "customer Hello|flow You said Hello|customer more|flow You said more" {
			t.Errorf("said %s", got)
		}
		w.answers(map[string]hook.Response{"app.example.com/": document("<Message>Your turn</Message>")})
		flow = w.redirectFlow(props{"url": "https://app.example.com/"})
		trial = w.start(flow, nil)
		w.run(flowrun.Calls)
		trial = w.next(trial, flowrun.TrialInput{Body: "mine"})
		if got := strings.Join(told(w.trial(trial)), "|"); got != "customer Hello|flow Your turn|customer mine|flow back mine" {
			t.Errorf("said %s", got)
		}
	})
}
