package flowrun_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
	"usher/internal/taskrouter"
)

// webchat is the flow that the original gives every new account: whoever writes gets an agent.
func (w *world) webchat(next ...string) sid.SID {
	return w.studioFlow(begin("agent"), w.toAgent("agent",
		`{"name":"{{trigger.message.ChannelAttributes.from}}","channelSid":"elsewhere","executionSid":"FN0","said":{{trigger.message.Body | to_json}},"big":"`+
			strings.Repeat("x", 900)+`"}`, next...))
}

func TestWebchat_makesOneTask(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.webchat()
		c := w.talk(flow)
		w.hears(c, `"Hello"`)
		w.Again()
		w.Restart()
		w.Again()
		x := w.last(flow)
		if n := len(w.AllTasks()); n != 1 || len(w.executions(flow)) != 1 || !x.Active || x.State.Wait.For != engine.ForTask || x.Key != c.Key {
			t.Fatalf("%d tasks, execution %+v", n, x)
		}
		got := w.task(0)
		for name, want := range map[string]any{
			"name": "Ada", "channelSid": string(c.SID), "said": `"Hello"`, "initialText": `"Hello"`, "firstMessageIndex": 0.0,
			"channelType": "web", "executionSid": string(x.SID), "customerIdentity": "ada",
		} {
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		made := w.AllTasks()[0]
		if !w.Channel(c.SID).HasTask(made.SID) || w.Attributes(c.SID)["task_sid"] != string(made.SID) {
			t.Error("the channel does not know its task")
		}
		w.hears(c, "anybody?")
		if n := len(w.AllTasks()); n != 1 {
			t.Errorf("%d tasks after a second message", n)
		}
	})
}

func TestTask_endsTheWait(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(t *testing.T, w *world, task sid.SID)
		want string
	}{
		{"completed", func(_ *testing.T, w *world, task sid.SID) {
			w.SetTask(task, taskrouter.TaskWrapping)
			w.Pump()
			w.SetTask(task, taskrouter.TaskCompleted)
		}, "thanks"},
		{"deleted", func(t *testing.T, w *world, task sid.SID) {
			if err := w.Tasks.DeleteTask(t.Context(), w.Owner, w.IDs.Workspace, task, 0); err != nil {
				t.Error(err)
			}
		}, "lost"},
	} {
		t.Run(row.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Route()
				bert := w.Agent("bert")
				flow := w.studioFlow(begin("agent"), w.toAgent("agent", "", "callComplete", "thanks", "callFailure", "lost"),
					widget("thanks", "set-variables", props{"variables": []props{{"key": "end", "value": "thanks"}}}),
					widget("lost", "set-variables", props{"variables": []props{{"key": "end", "value": "lost"}}}))
				c := w.talk(flow)
				w.hears(c, "hello")
				made := w.AllTasks()[0].SID
				if row.name == "completed" {
					w.Accept(bert, made)
					w.Pump()
				}
				w.Restart()
				row.end(t, w, made)
				w.Pump()
				w.Again()
				x := w.last(flow)
				if x.Active || x.State.Context.Variables["end"] != row.want || len(w.executions(flow)) != 1 {
					t.Errorf("execution %+v", x.State)
				}
			})
		})
	}
}

func TestTask_ofADeletedChannel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.webchat()
		c := w.talk(flow)
		w.hears(c, "hello")
		if err := w.Inbound.Delete(t.Context(), w.Owner, c.SID, true); err != nil {
			t.Fatal(err)
		}
		w.Pump()
		w.Again()
		if x := w.last(flow); x.Active {
			t.Errorf("the execution waits for a task that nobody tells of: %+v", x.State.Wait)
		}
	})
}

// menu asks what it is about, looks the customer up, and hands over.
func (w *world) menu() sid.SID {
	below := w.studioFlow(begin("which"), ask("which", "Which order?", "600", "incomingMessage", "keep"),
		widget("keep", "set-variables", props{"variables": []props{{"key": "order", "value": "{{widgets.which.inbound.Body}}"}}}))
	choose := widget("choose", "split-based-on", props{"input": "{{widgets.menu.inbound.Body}}"}, "noMatch", "again")
	choose["transitions"] = append(choose["transitions"].([]map[string]any), map[string]any{
		"event": "match", "next": "look", "conditions": []props{{
			"friendly_name": "2", "arguments": []string{"{{widgets.menu.inbound.Body}}"}, "type": "equal_to", "value": "2",
		}},
	})
	return w.studioFlow(begin("menu"), ask("menu", "1 or 2?", "600", "incomingMessage", "choose"), choose,
		say("again", "Please answer with 1 or 2.", "sent", "menu"),
		call("look", "success", "name", "failed", "agent"),
		widget("name", "set-variables", props{"variables": []props{{"key": "customer", "value": "{{widgets.look.parsed.name}}"}}}, "next", "below"),
		widget("below", "run-subflow", props{"flow_sid": below, "flow_revision": "LatestPublished"}, "completed", "agent", "failed", "agent"),
		w.toAgent("agent", `{"customer":"{{flow.variables.customer}}","order":"{{widgets.below.order}}"}`))
}

func found(w *world, n *int) {
	w.Answer = func(r hook.Request) (hook.Response, error) {
		*n++
		if r.Method != "POST" || r.IdempotencyToken == "" || string(r.Body) != `{"said":"hi"}` {
			w.T.Errorf("called with %s %s", r.Method, r.Body)
		}
		return hook.Response{Status: 200, ContentType: "application/json", Body: []byte(`{"name":"Ada Lovelace"}`)}, nil
	}
}

func TestMenu(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		calls := 0
		found(w, &calls)
		flow := w.menu()
		c := w.talk(flow)
		for _, body := range []string{"hi", "7", "2"} {
			w.hears(c, body)
			w.Again() // every message comes twice, also after the execution has gone on
			w.Restart()
		}
		if n := w.run(flowrun.Calls); n != 1 || calls != 1 {
			t.Errorf("%d jobs, %d calls", n, calls)
		}
		w.Again()
		w.Restart()
		w.hears(c, "A-17")
		w.Again()
		want := []string{
			"ada: hi", "Helper: 1 or 2?", "ada: 7", "Bot: Please answer with 1 or 2.", "Helper: 1 or 2?", "ada: 2", "Helper: Which order?", "ada: A-17",
		}
		if diff := cmp.Diff(want, w.said(c)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
		if got := w.task(0); got["customer"] != "Ada Lovelace" || got["order"] != "A-17" || got["firstMessageIndex"] != 0.0 || got["initialText"] != "hi" {
			t.Errorf("task %v", got)
		}
		if n := len(w.AllTasks()); n != 1 || len(w.executions(flow)) != 1 {
			t.Errorf("%d tasks, %d executions", n, len(w.executions(flow)))
		}
	})
}

func TestMessages_concurrently(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("menu"), ask("menu", "1 or 2?", "600", "incomingMessage", "agent"), w.toAgent("agent", ""))
		c := w.talk(flow)
		for range 2 {
			w.Say(c.SID, "ada", "hello")
			r := w.Take()[0]
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for try := 0; ; try++ {
						err := r.Do(context.Background(), r.Job)
						if err == nil || !errors.Is(err, db.ErrConflict) || try == 10 {
							if err != nil {
								t.Error(err)
							}
							return
						}
					}
				})
			}
			all.Wait()
			w.Pump()
		}
		if diff := cmp.Diff([]string{"ada: hello", "Helper: 1 or 2?", "ada: hello"}, w.said(c)); diff != "" || len(w.AllTasks()) != 1 {
			t.Errorf("%d tasks, said:\n%s", len(w.AllTasks()), diff)
		}
	})
}

func TestMessage_waitsWhileACallIsUnderWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		calls := 0
		found(w, &calls)
		flow := w.studioFlow(begin("look"), call("look", "success", "menu"), ask("menu", "Yes?", "600", "incomingMessage", "agent"), w.toAgent("agent", ""))
		c := w.talk(flow)
		w.hears(c, "hi")
		w.Say(c.SID, "ada", "are you there?")
		r := w.Take()[0]
		for range 2 {
			if err := r.Do(t.Context(), r.Job); err == nil {
				t.Fatal("a message was taken while a call is under way")
			}
		}
		w.run(flowrun.Calls)
		r.Job.Attempt = 3
		w.Run(r)
		w.Run(r)
		w.Pump()
		if n := len(w.AllTasks()); n != 1 || len(w.executions(flow)) != 1 {
			t.Errorf("%d tasks, %d executions", n, len(w.executions(flow)))
		}
	})
}

// The answer to a call and messages of the customer come at the same moment, from several processes.
func TestMessage_andAnAnswerAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Answer = func(hook.Request) (hook.Response, error) { return hook.Response{Status: 200}, nil }
		flow := w.studioFlow(begin("look"), call("look", "success", "menu"), ask("menu", "Yes?", "600", "incomingMessage", "agent"), w.toAgent("agent", ""))
		c := w.talk(flow)
		w.hears(c, "hi")
		called := w.Due(flowrun.Calls)[0]
		w.Say(c.SID, "ada", "are you there?")
		r := w.Take()[0]
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				var err error
				for range 1000 {
					if i%2 == 0 {
						err = w.Flowrun.OnCall(context.Background(), called)
					} else {
						err = r.Do(context.Background(), r.Job)
					}
					if err == nil {
						return
					}
				}
				t.Error(err)
			})
		}
		all.Wait()
		if diff := cmp.Diff([]string{"ada: hi", "ada: are you there?", "Helper: Yes?"}, w.said(c)); diff != "" || len(w.AllTasks()) != 1 {
			t.Errorf("%d tasks, said:\n%s", len(w.AllTasks()), diff)
		}
	})
}

func TestMessage_endsAStuckExecution(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("look"), call("look", "success", "agent", "failed", "agent"), w.toAgent("agent", ""))
		c := w.talk(flow)
		w.hears(c, "hi")
		lost := w.Due(flowrun.Calls)[0]
		w.Say(c.SID, "ada", "hi")
		r := w.Take()[0]
		r.Job.Attempt = 5
		w.Run(r)
		w.Run(r)
		all := w.executions(flow)
		if len(all) != 2 || all[0].Active || !strings.HasPrefix(all[0].State.Reason, "stuck") || !all[1].Active || all[1].State.Wait.For != engine.ForHTTP {
			t.Fatalf("executions %+v", all)
		}
		if err := w.Flowrun.OnCall(t.Context(), lost); err != nil || len(w.AllTasks()) != 0 {
			t.Errorf("the lost call: %v, %d tasks", err, len(w.AllTasks()))
		}
		w.run(flowrun.Calls)
		if n := len(w.AllTasks()); n != 1 || w.task(0)["firstMessageIndex"] != 1.0 {
			t.Errorf("%d tasks, %v", n, w.task(0))
		}
	})
}

func TestFlow_thatCannotBegin(t *testing.T) {
	for _, name := range []string{"missing", "draft", "invalid for a test user"} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				flow := sid.New(sid.StudioFlow)
				if name != "missing" {
					definition := `{"description":"x","initial_state":"nowhere","states":[]}`
					made, err := w.Studio.CreateFlow(t.Context(), w.Owner, studio.NewFlow{FriendlyName: "x", Status: studio.Draft, Definition: definition})
					if err != nil {
						t.Fatal(err)
					}
					flow = made.SID
				}
				c := w.talk(flow)
				if name == "invalid for a test user" {
					if _, err := w.Studio.SetTestUsers(t.Context(), w.Owner, flow, []string{string(c.SID)}); err != nil {
						t.Fatal(err)
					}
				}
				w.hears(c, "hello")
				w.Again()
				if n := len(w.AllTasks()); n != 1 || w.task(0)["initialText"] != "hello" {
					t.Errorf("%d tasks: the customer was lost", n)
				}
			})
		})
	}
}

// broken is a carrier of tasks that fails.
type broken struct{ flowrun.Handoff }

func (broken) OrderTx(*db.Tx, *flex.Channel, *chat.Channel, flex.Order) (sid.SID, error) {
	return "", errors.New("a mistake")
}

func TestFlow_thatFailsAgainAndAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.talk(w.webchat())
		w.Flowrun.Handoff = broken{w.Handoff}
		w.Say(c.SID, "ada", "hello")
		r := w.Take()[0]
		if err := r.Do(t.Context(), r.Job); err == nil {
			t.Fatal("no error")
		}
		r.Job.Attempt = 8
		w.Run(r)
		w.Run(r)
		if n := len(w.AllTasks()); n != 1 {
			t.Errorf("%d tasks: the customer was lost", n)
		}
	})
}

func TestMessages_ofOthersBeginNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("hello"), say("hello", "Welcome"))
		c := w.talk(flow)
		w.Say(c.SID, "Bot", "an announcement")
		w.Pump()
		if n := len(w.executions(flow)); n != 0 {
			t.Fatalf("%d executions", n)
		}
		// A flow without any wait runs to its end by each message of the customer, and not by its own.
		w.hears(c, "one")
		w.hears(c, "two")
		w.Again()
		if n := len(w.executions(flow)); n != 2 || w.last(flow).Active {
			t.Errorf("%d executions", n)
		}
		if diff := cmp.Diff([]string{"Bot: an announcement", "ada: one", "Bot: Welcome", "ada: two", "Bot: Welcome"}, w.said(c)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
	})
}

// A flow that writes in its customer's name would hear itself.
func TestMessage_inTheCustomersName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("hello"), widget("hello", "send-message", props{"from": "{{trigger.message.From}}", "to": "{{contact.channel.address}}", "body": "echo"}))
		c := w.talk(flow)
		w.hears(c, "one")
		if diff := cmp.Diff([]string{"ada: one", "Bot: echo"}, w.said(c)); diff != "" {
			t.Errorf("said:\n%s", diff)
		}
	})
}

func TestLongLived(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Route()
		bert := w.Agent("bert")
		flow := w.webchat()
		c := w.Open(w.flexFlow(flow, true), "ada", nil)
		for i := range 3 {
			w.hears(c, "hello")
			if n := len(w.AllTasks()); n != i+1 || len(w.executions(flow)) != i+1 {
				t.Fatalf("%d tasks, %d executions, want %d", n, len(w.executions(flow)), i+1)
			}
			made := w.AllTasks()[i].SID
			w.Accept(bert, made)
			w.Pump()
			w.SetTask(made, taskrouter.TaskWrapping)
			if i == 1 {
				w.Say(c.SID, "ada", "nobody watches yet") // the janitor lets the flow begin with it
			}
			w.Pump()
			if i == 0 {
				w.SetTask(made, taskrouter.TaskCompleted)
				w.Pump()
			}
			w.Again()
			if i == 1 {
				break
			}
		}
		if n := len(w.AllTasks()); n != 3 || len(w.executions(flow)) != 3 || w.task(2)["initialText"] != "nobody watches yet" {
			t.Errorf("%d tasks, %d executions", n, len(w.executions(flow)))
		}
		for i, x := range w.executions(flow) {
			if x.Active != (i == 2) {
				t.Errorf("execution %d: active %v", i, x.Active)
			}
		}
	})
}

// After the end of a task the flow may ask one more question, whoever hears of the end first: the flow or the janitor.
func TestLongLived_asksAfterwards(t *testing.T) {
	for _, name := range []string{"janitor first", "flow first"} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Route()
				bert := w.Agent("bert")
				flow := w.studioFlow(begin("agent"), w.toAgent("agent", "", "callComplete", "survey"),
					ask("survey", "How was it?", "600", "incomingMessage", "thanks"), say("thanks", "Thanks for {{widgets.survey.inbound.Body}}"))
				c := w.Open(w.flexFlow(flow, true), "ada", nil)
				w.hears(c, "hello")
				made := w.AllTasks()[0].SID
				w.Accept(bert, made)
				w.Pump()
				w.SetTask(made, taskrouter.TaskCompleted)
				all := w.Take()
				if name == "flow first" {
					slices.Reverse(all)
				}
				for _, r := range all {
					w.Run(r)
				}
				w.Pump()
				w.hears(c, "five")
				w.Again()
				want := []string{"ada: hello", "Helper: How was it?", "ada: five", "Bot: Thanks for five"}
				if diff := cmp.Diff(want, w.said(c)); diff != "" || len(w.AllTasks()) != 1 {
					t.Errorf("%d tasks, said:\n%s", len(w.AllTasks()), diff)
				}
			})
		})
	}
}

// The conversation goes to another agent by a new task: only its end is the end for the flow.
func TestTask_transfer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Route()
		bert := w.Agent("bert")
		flow := w.webchat()
		c := w.talk(flow)
		w.hears(c, "hello")
		first := w.AllTasks()[0]
		w.Accept(bert, first.SID)
		w.Pump()
		w.Move(bert, w.IDs.Unavailable)
		cleo := w.Agent("cleo")
		second, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{
			Workflow: w.IDs.Workflow, TaskChannel: "chat", Attributes: string(first.Attributes),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Accept(cleo, second.SID)
		w.Pump()
		w.SetTask(first.SID, taskrouter.TaskCompleted)
		w.Pump()
		if !w.last(flow).Active {
			t.Error("the flow ended with the task that was transferred")
		}
		w.SetTask(second.SID, taskrouter.TaskCompleted)
		w.Pump()
		w.Again()
		if w.last(flow).Active {
			t.Error("the flow did not end with the new task")
		}
	})
}

func TestReactions_endForAnErasedCustomer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.studioFlow(begin("look"), call("look", "failed", "agent"), w.toAgent("agent", ""))
		c := w.talk(flow)
		w.hears(c, "hi")
		w.Say(c.SID, "ada", "hello?")
		message := w.Take()[0]
		calls, timers := w.Due(flowrun.Calls), w.Due(flowrun.Timers)
		if len(calls) != 1 || len(timers) != 1 {
			t.Fatalf("%d calls, %d timers", len(calls), len(timers))
		}
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.Owner.Account, c.Key) })
		for _, args := range []json.RawMessage{nil, message.Job.Args} {
			message.Job.Args = args
			w.Run(message)
		}
		for range 2 { // first with arguments that were read before
			if err := w.Flowrun.OnCall(t.Context(), calls[0]); err != nil {
				t.Error(err)
			}
			if err := w.Flowrun.OnTimer(t.Context(), timers[0]); err != nil {
				t.Error(err)
			}
			calls[0].Args, timers[0].Args = nil, nil
		}
	})
}
