package flowrun_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/inbound"
	"usher/internal/job"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// after waits until an instant has passed.
func (w *world) after(at time.Time) {
	<-time.After(time.Until(at) + time.Millisecond)
}

func TestTimer_endsAWaitOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("ask"), ask("ask", "Still there?", "1", "incomingMessage", "bye", "timeout", "again"),
			ask("again", "Hello?", "600", "incomingMessage", "bye", "timeout", "bye"), say("bye", "Bye"))
		c := w.talk(flow)
		w.hears(c, "hi")
		timers := w.Due(flowrun.Timers)
		if len(timers) != 1 || !timers[0].RunAt.After(w.last(flow).WakeAt) || timers[0].Unique != w.last(flow).State.Wait.Token {
			t.Fatalf("timers %+v", timers)
		}
		if err := w.Flowrun.OnTimer(t.Context(), timers[0]); err == nil {
			t.Error("a job that comes too early, by a clock that is ahead, counts as done")
		}
		// The alarm that is set already is not set twice.
		w.Do(func(tx *db.Tx) error {
			x, err := w.Studio.ExecutionTx(tx, w.Owner.Account, w.last(flow).SID)
			if err != nil {
				return err
			}
			return w.Flowrun.RunTx(tx, &x, nil)
		})
		if n := len(w.Due(flowrun.Timers)); n != 1 {
			t.Errorf("%d timers", n)
		}
		w.after(timers[0].RunAt)
		w.Restart()
		for range 2 {
			if err := w.Flowrun.OnTimer(t.Context(), timers[0]); err != nil {
				t.Error(err)
			}
			w.Restart()
		}
		want := []string{"ada: hi", "Helper: Still there?", "Helper: Hello?"}
		if diff := cmp.Diff(want, w.said(c)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
		late := w.Due(flowrun.Timers)
		if len(late) != 1 || late[0].Unique == timers[0].Unique { // the next wait has its own
			t.Errorf("timers %+v", late)
		}
		w.hears(c, "yes")
		if n := len(w.Due(flowrun.Timers)); n != 0 { // an answer takes the timer of its wait with it
			t.Errorf("%d timers are left", n)
		}
		for _, j := range append(late, timers...) { // late ones find nobody
			if err := w.Flowrun.OnTimer(t.Context(), j); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(append(want, "ada: yes", "Bot: Bye"), w.said(c)); diff != "" || w.last(flow).Active {
			t.Errorf("said:\n%s", diff)
		}
	})
}

func TestTimer_ofADeletedExecution(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("look"), call("look"))
		w.hears(w.talk(flow), "hi")
		if err := w.Studio.DeleteExecution(t.Context(), w.Owner, w.Flowrun, flow, w.last(flow).SID); err != nil {
			t.Fatal(err)
		}
		if w.run(flowrun.Calls) != 1 || w.run(flowrun.Timers) != 1 {
			t.Error("no call, no timer")
		}
	})
}

// work runs a queue as the server does, until stop is called.
func (w *world) work(queue string, do func(context.Context, job.Job) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Jobs.Worker(job.Worker{Queue: queue, Do: do}).Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.T.Error(err)
		}
	}
}

// A process dies in the middle of a call and in the middle of a timeout; the next one goes on, once.
func TestWorkers_goOnAfterARestart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		calls := 0
		found(w, &calls)
		flow := w.studioFlow(begin("look"), call("look", "success", "ask"), ask("ask", "Yes?", "1", "timeout", "bye"), say("bye", "Bye"))
		c := w.talk(flow)
		w.hears(c, "hi")
		die := func(queue string) {
			w.Do(func(tx *db.Tx) error {
				_, err := tx.Exec("update job set state = 1, attempts = 1, lease_until = $1 where queue = $2", db.Micros(tx.Now.Add(time.Hour)), queue)
				return err
			})
			w.Restart()
			if err := w.Jobs.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		die(flowrun.Calls)
		stop := w.work(flowrun.Calls, w.Flowrun.OnCall)
		w.Until("the flow asks", func() bool { return len(w.said(c)) == 2 })
		stop()
		die(flowrun.Timers)
		stop = w.work(flowrun.Timers, w.Flowrun.OnTimer)
		w.Until("the flow says good-bye", func() bool { return !w.last(flow).Active })
		stop()
		if diff := cmp.Diff([]string{"ada: hi", "Helper: Yes?", "Bot: Bye"}, w.said(c)); diff != "" || calls != 1 {
			t.Errorf("%d calls, said:\n%s", calls, diff)
		}
	})
}

// What the outside answers decides which way a flow goes.
func TestCall(t *testing.T) {
	for name, row := range map[string]struct {
		answer hook.Response
		err    error
		want   string
	}{
		"answered":  {hook.Response{Status: 200, ContentType: "application/json", Body: []byte(`{"name":"Ada"}`)}, nil, "success Ada"},
		"refused":   {hook.Response{}, &hook.Error{Failure: hook.Refused}, "failed"},
		"an error":  {hook.Response{Status: 500}, &hook.Error{Failure: hook.BadStatus, Status: 500}, "failed"},
		"too large": {hook.Response{Status: 200, Body: []byte("x")}, &hook.Error{Failure: hook.TooLarge, Status: 200}, "failed"},
		"cut off":   {hook.Response{Status: 200, Body: []byte("x")}, &hook.Error{Failure: hook.TimedOut, Status: 200}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Answer = func(hook.Request) (hook.Response, error) { return row.answer, row.err }
				flow := w.studioFlow(begin("look"), call("look", "success", "good", "failed", "bad"),
					say("good", "success {{widgets.look.parsed.name}}"), say("bad", "failed"))
				c := w.talk(flow)
				w.hears(c, "hi")
				w.Restart()
				w.run(flowrun.Calls) // each job twice
				if diff := cmp.Diff([]string{"ada: hi", "Bot: " + row.want}, w.said(c)); diff != "" {
					t.Errorf("said:\n%s", diff)
				}
			})
		})
	}
}

func (w *world) create(flow sid.SID, contact string) studio.Execution {
	w.T.Helper()
	x, err := w.Studio.CreateExecution(w.T.Context(), w.Owner, w.Flowrun, studio.NewExecution{
		Flow: flow, Contact: contact, Channel: string(w.Service.SID), Start: engine.Start{Trigger: engine.IncomingRequest, Data: map[string]any{"n": 1}},
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return x
}

func TestRunTx_byRequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("hello"), say("hello", "You asked for {{flow.data.n}}", "sent", "agent", "failed", "note"), w.toAgent("agent", ""),
			widget("note", "set-variables", props{"variables": []props{{"key": "code", "value": "{{widgets.hello.outbound.ErrorCode}}"}}}))
		if x := w.create(flow, "+15550100"); x.Active || x.State.Context.Variables["code"] != "30008" {
			t.Errorf("a contact without a chat: %+v", x.State)
		}
		if x := w.create(flow, string(sid.New(sid.Channel))); x.Active || x.State.Context.Variables["code"] == "" {
			t.Errorf("a channel that is not there: %+v", x.State)
		}
		c := w.talk(flow)
		x := w.create(flow, string(c.SID))
		if !x.Active || x.State.Wait.For != engine.ForTask {
			t.Errorf("execution %+v", x.State)
		}
		if got := w.task(0); got["executionSid"] != string(x.SID) || got["firstMessageIndex"] != nil || got["initialText"] != nil {
			t.Errorf("task %v", got)
		}
		if diff := cmp.Diff([]string{"Bot: You asked for 1"}, w.said(c)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
	})
}

// What an execution that was asked for by request keeps of a customer goes with the customer.
func TestRunTx_byRequest_underTheContactsKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("hello"), say("hello", "Secret {{flow.data.n}}", "sent", "ask"), ask("ask", "Yes?", "3600"))
		c := w.talk(flow)
		x := w.create(flow, string(c.SID))
		steps, err := w.Studio.Steps(t.Context(), w.Owner, flow, x.SID, db.Page{Size: 10})
		if err != nil || len(steps.Items) != 2 || x.Key != c.Key || steps.Items[0].Key != c.Key {
			t.Fatalf("steps %+v %v; key %d, want %d", steps.Items, err, x.Key, c.Key)
		}
		if stranger := w.create(flow, "+15550100"); stranger.Key != 0 {
			t.Errorf("a stranger's key is %d", stranger.Key)
		}
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.Owner.Account, c.Key) })
		if _, err := w.Studio.Execution(t.Context(), w.Owner, flow, x.SID); err == nil {
			t.Error("the execution of an erased contact can be read")
		}
		_, err = w.Studio.CreateExecution(t.Context(), w.Owner, w.Flowrun, studio.NewExecution{
			Flow: flow, Contact: string(c.SID), Channel: string(w.Service.SID), Start: engine.Start{Trigger: engine.IncomingRequest},
		})
		if !fault.Is(err, fault.KindNotFound) {
			t.Errorf("an execution for an erased contact: %v", err)
		}
	})
}

func TestOrder_thatCannotBeMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("agent"), w.toAgent("agent", "{{flow.data.attributes}}", "failedToEnqueue", "note"),
			widget("note", "set-variables", props{"variables": []props{{"key": "lost", "value": "yes"}}}))
		closed := w.Open(w.flexFlow(flow, false), "cy", nil)
		if _, err := w.Inbound.End(t.Context(), w.Owner, closed.SID, ""); err != nil {
			t.Fatal(err)
		}
		for _, contact := range []string{"+15550100", string(sid.New(sid.Channel)), string(closed.SID)} {
			if x := w.create(flow, contact); x.Active || x.State.Context.Variables["lost"] != "yes" {
				t.Errorf("%s: %+v", contact, x.State)
			}
		}
		if n := len(w.AllTasks()); n != 0 {
			t.Errorf("%d tasks", n)
		}
	})
}

// What chat does not take fails in its widget, not in the reaction.
func TestSend_whatChatRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, p := range map[string]props{
			"long":       {"from": "Bot", "body": strings.Repeat("x", 40_000)},
			"attributes": {"from": "Bot", "body": "x", "attributes": `{"a":"` + strings.Repeat("x", 40_000) + `"}`},
			"author":     {"from": strings.Repeat("b", 2000), "body": "x"},
			"nul":        {"from": "Bot\x00", "body": "x\x00"},
		} {
			p["to"] = "{{contact.channel.address}}"
			flow := w.studioFlow(begin("hello"), widget("hello", "send-message", p, "sent", "agent", "failed", "agent"), w.toAgent("agent", ""))
			c := w.Open(w.flexFlow(flow, false), "ada", nil)
			w.hears(c, "hi")
			x := w.last(flow)
			if !x.Active || x.State.Wait.For != engine.ForTask {
				t.Errorf("%s: %+v", name, x.State)
			}
			if n := len(w.said(c)); n != 1 && name != "nul" {
				t.Errorf("%s: %d messages", name, n)
			}
		}
	})
}

func TestSubflow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		at := func(flow sid.SID) map[string]any {
			return widget("below", "run-subflow", props{"flow_sid": flow, "flow_revision": "LatestPublished"}, "completed", "good", "failed", "bad")
		}
		atOnce := w.studioFlow(begin("set"), widget("set", "set-variables", props{"variables": []props{{"key": "n", "value": "7"}}}))
		waits := w.studioFlow(begin("ask"), ask("ask", "Which?", "600", "incomingMessage", "set"),
			widget("set", "set-variables", props{"variables": []props{{"key": "n", "value": "{{widgets.ask.inbound.Body}}"}}}))
		parent := func(flow sid.SID) sid.SID {
			return w.studioFlow(begin("below"), at(flow), say("good", "got {{widgets.below.n}}"), say("bad", "failed"))
		}
		for name, row := range map[string]struct {
			flow sid.SID
			want string
		}{
			"one that ends at once": {parent(atOnce), "got 7"}, "one that waits": {parent(waits), "got 8"},
			"one that is not there": {parent(sid.New(sid.StudioFlow)), "failed"},
		} {
			c := w.Open(w.flexFlow(row.flow, false), name, nil)
			for _, body := range []string{"hi", "8"} {
				if len(w.executions(row.flow)) == 0 || w.last(row.flow).Active {
					w.Say(c.SID, name, body)
				}
				w.Pump()
				w.Again()
				w.Restart()
			}
			all := w.said(c)
			if last := all[len(all)-1]; last != "Bot: "+row.want || w.last(row.flow).Active || len(w.executions(row.flow)) != 1 {
				t.Errorf("%s: %q, %+v", name, all, w.last(row.flow).State)
			}
		}
		// Somebody ends a subflow: its parent goes on.
		flow := parent(waits)
		c := w.Open(w.flexFlow(flow, false), "ada", nil)
		w.hears(c, "hi")
		if _, err := w.Studio.EndExecution(t.Context(), w.Owner, w.Flowrun, waits, w.last(waits).SID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"ada: hi", "Helper: Which?", "Bot: failed"}, w.said(c)); diff != "" || w.last(flow).Active {
			t.Errorf("said:\n%s", diff)
		}
	})
}

func TestSubflow_tooDeep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("set"), widget("set", "set-variables", props{"variables": []props{{"key": "n", "value": "bottom"}}}))
		for range 10 {
			flow = w.studioFlow(begin("below"),
				widget("below", "run-subflow", props{"flow_sid": flow, "flow_revision": "LatestPublished"}, "completed", "set", "failed", "deep"),
				widget("set", "set-variables", props{"variables": []props{{"key": "n", "value": "{{widgets.below.n}}"}}}),
				widget("deep", "set-variables", props{"variables": []props{{"key": "n", "value": "too deep"}}}))
		}
		if x := w.create(flow, "+15550100"); x.Active || x.State.Context.Variables["n"] != "too deep" {
			t.Errorf("execution %+v", x.State)
		}
	})
}

func TestSubflow_tooManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		below := w.studioFlow(begin("set"), widget("set", "set-variables", props{"variables": []props{{"key": "n", "value": "1"}}}))
		flow := w.studioFlow(begin("below"),
			widget("below", "run-subflow", props{"flow_sid": below, "flow_revision": "LatestPublished"}, "completed", "below"))
		if x := w.create(flow, "+15550100"); x.Active || x.State.Reason == "" || len(w.executions(below)) != 100 {
			t.Errorf("%d subflows, execution %+v", len(w.executions(below)), x.State)
		}
	})
}

func TestReactions_refuseGarbage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, args := range []string{`{`, `7`, `{"data":"x"}`, `{"data":[]}`, `{"execution":7}`} {
			j := job.Job{Account: w.Owner.Account, Args: json.RawMessage(args)}
			bad := 0
			for _, err := range []error{
				w.Flowrun.OnMessage(t.Context(), j), w.Flowrun.OnTask(t.Context(), j), w.Flowrun.OnCall(t.Context(), j), w.Flowrun.OnTimer(t.Context(), j),
			} {
				if err != nil {
					bad++
				}
			}
			if bad == 0 {
				t.Errorf("%s: no error", args)
			}
		}
	})
}

func TestTask_thatIsNobodys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.webchat()
		c := w.talk(flow)
		w.hears(c, "hi")
		x := w.last(flow)
		for _, attributes := range []string{
			`{}`, `{"channelSid":7}`, `{"channelSid":"` + string(c.SID) + `"}`, `{"channelSid":"` + string(sid.New(sid.Channel)) + `","executionSid":"` + string(x.SID) + `"}`,
			`{"channelSid":"` + string(sid.New(sid.Channel)) + `","executionSid":"FN0"}`,
		} {
			args := `{"kind":"task.completed","data":{"task":{"sid":"` + string(sid.New(sid.Task)) + `","attributes":` + attributes + `}}}`
			if err := w.Flowrun.OnTask(t.Context(), job.Job{Account: w.Owner.Account, Args: json.RawMessage(args)}); err != nil {
				t.Errorf("%s: %v", attributes, err)
			}
		}
		if !w.last(flow).Active {
			t.Error("another task's end ended the execution")
		}
	})
}

// What a flow gives its task may be too much; the way back to the flow is kept.
func TestOrder_keepsTheWayBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("agent"), w.toAgent("agent", `{"a":"`+strings.Repeat("x", 2000)+`","b":"`+strings.Repeat("y", 3000)+`"}`))
		c := w.Open(w.flexFlow(flow, false), "ada", func(o *inbound.Opening) { o.PreEngagement = `{"q":"` + strings.Repeat("z", 2000) + `"}` })
		w.hears(c, "hi")
		if got := w.task(0); got["executionSid"] != string(w.last(flow).SID) || got["a"] == nil || got["b"] != nil || got["channelSid"] != string(c.SID) {
			t.Errorf("task %v", got)
		}
	})
}
