package handoff_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/handoff"
	"usher/internal/inbound"
	"usher/internal/inbound/inboundtest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

func each(t *testing.T, fn func(t *testing.T, w *inboundtest.World)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, inboundtest.New(t, d)) })
}

// task returns the only task, and fails when there is another number.
func task(t *testing.T, w *inboundtest.World) taskrouter.Task {
	t.Helper()
	all := w.AllTasks()
	if len(all) != 1 {
		t.Fatalf("%d tasks, want 1", len(all))
	}
	return all[0]
}

func attributes(t *testing.T, task taskrouter.Task) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(task.Attributes, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestStart_whenTheFlowSays(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		for i, row := range []struct {
			name      string
			onMessage *bool
			change    func(c *flex.FlowChange)
			now       bool
		}{
			{"on message", new(true), nil, false},
			{"at once", new(false), nil, true},
			{"not said", nil, nil, true},
			{"studio", nil, func(c *flex.FlowChange) {
				c.IntegrationType, c.Integration = new(flex.Studio), flex.IntegrationChange{FlowSID: new(sid.New("FW"))}
			}, false},
			{"external, without a URL yet", nil, func(c *flex.FlowChange) {
				c.IntegrationType, c.Integration, c.Enabled = new(flex.External), flex.IntegrationChange{}, new(false)
			}, false},
		} {
			flow := w.Flow(func(c *flex.FlowChange) {
				c.Integration.CreationOnMessage = row.onMessage
				if row.change != nil {
					row.change(c)
				}
			})
			c := w.Open(flow, "ada", nil)
			w.Pump()
			if got := len(w.AllTasks()) == i+1; got != row.now {
				t.Errorf("%s: a task before the first message: %v, want %v", row.name, got, row.now)
			}
			if room := w.Room(c.SID); room.Watched == row.now {
				t.Errorf("%s: watched %v", row.name, room.Watched)
			}
			w.Say(c.SID, "ada", "hello")
			w.Pump()
			all := w.AllTasks()
			if len(all) != i+1 {
				t.Fatalf("%s: %d tasks after the first message, want %d", row.name, len(all), i+1)
			}
			if made := all[i]; made.Workflow.SID != w.IDs.Workflow || made.Channel.Name != "chat" || made.Key != c.Key {
				t.Errorf("%s: workflow %s, task channel %s, key %d", row.name, made.Workflow.SID, made.Channel.Name, made.Key)
			}
			if c := w.Channel(c.SID); !c.HasTask(all[i].SID) || w.Attributes(c.SID)["task_sid"] != string(all[i].SID) || w.Room(c.SID).Watched {
				t.Errorf("%s: the channel is not tied to its task", row.name)
			}
		}
	})
}

func TestStart_brokenFlowsFallBack(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		for i, change := range []func(c *flex.FlowChange){
			func(c *flex.FlowChange) { c.Integration.Workspace = new(sid.New(sid.Workspace)) },
			func(c *flex.FlowChange) { c.Integration.Workflow = new(sid.New(sid.Workflow)) },
			func(c *flex.FlowChange) { c.Integration.Channel = new("pigeon") },
		} {
			for j, onMessage := range []bool{true, false} {
				flow := w.Flow(func(c *flex.FlowChange) {
					change(c)
					c.Integration.CreationOnMessage = &onMessage
				})
				c := w.Open(flow, "ada", nil)
				w.Say(c.SID, "ada", "hello")
				w.Pump()
				if all := w.AllTasks(); len(all) != 2*i+j+1 || all[2*i+j].Workflow.SID != w.IDs.Workflow {
					t.Errorf("flow %d: tasks %v", i, all)
				}
			}
		}
	})
}

func TestStart_flowsOwnSettings(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) {
			c.Integration.Channel, c.Integration.Timeout, c.Integration.Priority = nil, new(int64(60)), new(int64(7))
		})
		c := w.Open(flow, "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		if got := task(t, w); got.Channel.Name != "default" || got.Timeout() != 60 || got.Priority != 7 {
			t.Errorf("task channel %s, timeout %d, priority %d", got.Channel.Name, got.Timeout(), got.Priority)
		}
	})
}

func TestOnMessage_survivesItsFlow(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		c := w.Open(flow, "ada", nil)
		if err := w.Flex.DeleteFlow(t.Context(), w.Owner, flow.SID); err != nil {
			t.Fatal(err)
		}
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		if got := attributes(t, task(t, w)); got["channelType"] != "web" || got["flexFlowSid"] != string(flow.SID) {
			t.Errorf("attributes %v", got)
		}
	})
}

func TestOnMessage_makesOneTask(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "bert", "an agent writes first")
		w.Pump()
		if n := len(w.AllTasks()); n != 0 {
			t.Fatalf("an agent's message made %d tasks", n)
		}
		w.Say(c.SID, "ada", "one")
		w.Say(c.SID, "ada", "two")
		// Both reactions and their repetitions run at the same time.
		var all sync.WaitGroup
		reactions := w.Take()
		if len(reactions) != 2 {
			t.Fatalf("%d reactions, want 2", len(reactions))
		}
		for i := range 20 {
			all.Go(func() { w.Run(reactions[i%2]) })
		}
		all.Wait()
		w.Again()
		made := task(t, w)
		if !w.Channel(c.SID).HasTask(made.SID) {
			t.Error("the channel is tied to no task")
		}
		w.Say(c.SID, "ada", "three")
		if left := w.Take(); len(left) != 0 {
			t.Errorf("a message of a channel with a task made %d jobs", len(left))
		}
	})
}

func TestOnMessage_otherChannels(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		ch, err := w.Chat.CreateChannel(t.Context(), w.Owner, w.Service.SID, chat.NewChannel{FriendlyName: "team", Watched: true})
		if err != nil {
			t.Fatal(err)
		}
		w.Say(ch.SID, "ada", "hello")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)}); err != nil {
			t.Fatal(err)
		}
		w.Pump()
		if n := len(w.AllTasks()); n != 0 {
			t.Errorf("%d tasks for channels that are not a customer's or gone", n)
		}
	})
}

func TestTaskAttributes(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		c := w.Open(flow, "ada", func(o *inbound.Opening) {
			o.Web, o.PreEngagement = false, `{"question":"why?","big":12345678901234567890}`
			o.TaskAttributes = `{"name":"Ms. Lovelace","vip":true,"number":12345678901234567890,"channelSid":"CH00000000000000000000000000000000"}`
		})
		w.Say(c.SID, "bert", "welcome")
		w.Say(c.SID, "ada", strings.Repeat("é", 200))
		w.Pump()
		got := string(task(t, w).Attributes)
		want := `{"channelSid":"` + string(c.SID) + `","channelType":"web","customerIdentity":"ada","firstMessageIndex":1,"flexFlowSid":"` +
			string(flow.SID) + `","initialText":"` + strings.Repeat("é", 159) + `…","name":"Ms. Lovelace",` +
			`"pre_engagement_data":{"question":"why?","big":12345678901234567890},"number":12345678901234567890,"vip":true}`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attributes:\n%s", diff)
		}
	})
}

// Whatever an opener gives, the task is made, and with what an agent needs to find the conversation.
func TestTaskAttributes_alwaysFit(t *testing.T) {
	long := strings.Repeat("x", 3900)
	hard := strings.Repeat(`\u0001`, 256)
	var name string
	if err := json.Unmarshal([]byte(`"`+hard+`"`), &name); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name, pre, given, customer, text string
		has, not                         []string
	}{
		{"long answers are cut", `{"a":"` + long + `","b":"` + long + `","n":1}`, "", "Ada", "hi", []string{"pre_engagement_data", "initialText"}, nil},
		{"a form of many answers goes", `{"a":["` + long + `","` + long + `"]}`, "", "Ada", "hi", []string{"initialText"}, []string{"pre_engagement_data"}},
		{
			"first words go", `{"a":"b"}`, `{"given":"` + long[:3730] + `"}`, "Ada", strings.Repeat("w", 200),
			[]string{"given"},
			[]string{"pre_engagement_data", "initialText"},
		},
		{"the last keys that were given go", "", `{"a":1,"z":"` + long + `"}`, name, hard, []string{"a"}, []string{"z"}},
		{"a name of control characters", `{"a":"` + hard + `"}`, "", name, "hi", []string{"name"}, nil},
		{"multi-byte text counts as characters", "", `{"given":"` + strings.Repeat("字", 2500) + `"}`, "Ada", "hi", []string{"given", "initialText"}, nil},
	}
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		for i, row := range rows {
			c := w.Open(flow, row.name, func(o *inbound.Opening) {
				o.Web, o.PreEngagement, o.TaskAttributes, o.CustomerName = false, row.pre, row.given, row.customer
			})
			w.Say(c.SID, row.name, row.text)
			w.Pump()
			all := w.AllTasks()
			if len(all) != i+1 {
				t.Fatalf("%s: %d tasks, want %d", row.name, len(all), i+1)
			}
			got := attributes(t, all[i])
			if n := utf8.RuneCount(all[i].Attributes); n > 4096 || got["channelSid"] != string(c.SID) || got["channelType"] != "web" {
				t.Errorf("%s: %d characters, %v", row.name, n, got)
			}
			for _, key := range row.has {
				if got[key] == nil {
					t.Errorf("%s: %s is not there", row.name, key)
				}
			}
			for _, key := range row.not {
				if got[key] != nil {
					t.Errorf("%s: %s is there", row.name, key)
				}
			}
		}
	})
}

func TestOnReservation_joinsAndLeaves(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		made := task(t, w).SID
		w.Accept(bert, made)
		w.Pump()
		w.Again()
		members, err := w.Chat.Members(t.Context(), w.Owner, c.SID)
		if err != nil || len(members) != 2 || members[1].Identity != "bert" || members[1].Kind != chat.Agent || members[1].FriendlyName != "bert" {
			t.Errorf("members %+v %v", members, err)
		}
		w.SetTask(made, taskrouter.TaskWrapping)
		w.Pump()
		if diff := cmp.Diff([]string{"ada", "bert"}, w.Members(c.SID)); diff != "" {
			t.Errorf("members while wrapping up:\n%s", diff)
		}
		w.SetTask(made, taskrouter.TaskCompleted)
		w.Pump()
		w.Again()
		if diff := cmp.Diff([]string{"ada"}, w.Members(c.SID)); diff != "" {
			t.Errorf("members after the end:\n%s", diff)
		}
	})
}

func TestOnReservation_outOfOrder(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		made := task(t, w).SID
		w.Accept(bert, made)
		accepted := w.Take()
		w.SetTask(made, taskrouter.TaskCompleted)
		w.Pump()
		for _, r := range accepted {
			w.Run(r)
		}
		if diff := cmp.Diff([]string{"ada"}, w.Members(c.SID)); diff != "" {
			t.Errorf("members: a late acceptance let the agent in:\n%s", diff)
		}
	})
}

// Who was only asked has no say about who is in the channel.
func TestOnReservation_askedInVain(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(func(c *flex.FlowChange) { c.LongLived = new(true) }), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		first := task(t, w).SID
		w.Accept(bert, first)
		w.SetTask(first, taskrouter.TaskWrapping)
		w.Pump()
		w.Say(c.SID, "ada", "one more thing")
		w.Pump()
		second := w.AllTasks()[1].SID
		if _, err := w.Inbound.End(t.Context(), w.Owner, c.SID, ""); err != nil { // cancels the second task and its reservation
			t.Fatal(err)
		}
		w.Pump()
		if got := w.AllTasks()[1]; got.SID != second || got.Status != taskrouter.TaskCanceled {
			t.Errorf("second task %s", got.Status)
		}
		if diff := cmp.Diff([]string{"ada", "bert"}, w.Members(c.SID)); diff != "" {
			t.Errorf("members while bert still wraps up:\n%s", diff)
		}
	})
}

// A transfer is a new task for the same channel. The channel goes with it: the old task's end closes nothing, the new one's does.
func TestOnReservation_transfer(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		first := task(t, w)
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
		if c := w.Channel(c.SID); !c.HasTask(second.SID) || w.Attributes(c.SID)["task_sid"] != string(second.SID) {
			t.Errorf("the channel did not go with the task: %+v", c.Task)
		}
		w.Again() // the first acceptance comes late: it must not take the channel back
		if !w.Channel(c.SID).HasTask(second.SID) {
			t.Error("the older task took the channel back")
		}
		w.SetTask(first.SID, taskrouter.TaskCompleted)
		w.Pump()
		if diff := cmp.Diff([]string{"ada", "cleo"}, w.Members(c.SID)); diff != "" || !w.Channel(c.SID).Open {
			t.Errorf("after the first task: open %v, members:\n%s", w.Channel(c.SID).Open, diff)
		}
		w.SetTask(second.SID, taskrouter.TaskCompleted)
		w.Pump()
		if diff := cmp.Diff([]string{"ada"}, w.Members(c.SID)); diff != "" || w.Channel(c.SID).Open {
			t.Errorf("after the second task: open %v, members:\n%s", w.Channel(c.SID).Open, diff)
		}
	})
}

func TestOnReservation_strangeTasks(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		for _, attributes := range []string{
			`{"channelSid":"CH00000000000000000000000000000000"}`, `{"channelSid":7}`, `{"other":"channelSid"}`, `{"channelSid":""}`,
		} {
			made, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{TaskChannel: "chat", Attributes: attributes})
			if err != nil {
				t.Fatal(err)
			}
			w.Accept(bert, made.SID)
			w.SetTask(made.SID, taskrouter.TaskCompleted)
			w.Pump()
		}
	})
}

// Three conversations on one long-lived channel: three agents, one history.
func TestLongLived_threeConversations(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		c := w.Open(w.Flow(func(c *flex.FlowChange) { c.LongLived = new(true) }), "ada", nil)
		for i, name := range []string{"bert", "cleo", "dora"} {
			agent := w.Agent(name)
			w.Say(c.SID, "ada", "question for "+name)
			w.Pump()
			all := w.AllTasks()
			if len(all) != i+1 {
				t.Fatalf("%d tasks, want %d", len(all), i+1)
			}
			made := all[i]
			if got := attributes(t, made); got["firstMessageIndex"] != float64(2*i) || got["initialText"] != "question for "+name {
				t.Errorf("conversation %d begins with %v: %v", i, got["firstMessageIndex"], got["initialText"])
			}
			w.Accept(agent, made.SID)
			w.Pump()
			if diff := cmp.Diff([]string{"ada", name}, w.Members(c.SID)); diff != "" {
				t.Errorf("members:\n%s", diff)
			}
			w.Say(c.SID, name, "answer of "+name)
			w.SetTask(made.SID, taskrouter.TaskWrapping)
			w.Pump()
			w.SetTask(made.SID, taskrouter.TaskCompleted)
			w.Pump()
			w.Move(agent, w.IDs.Unavailable)
			room, channel := w.Attributes(c.SID), w.Channel(c.SID)
			if room["status"] != "ACTIVE" || room["task_sid"] != nil || !channel.Open || channel.Task != nil || !w.Room(c.SID).Watched {
				t.Errorf("between tasks: %v %+v", room, channel)
			}
		}
		w.Again()
		if n := len(w.AllTasks()); n != 3 {
			t.Errorf("%d tasks after every reaction ran twice, want 3", n)
		}
		history, err := w.Chat.History(t.Context(), w.Owner, c.SID, nil, 100)
		if err != nil || len(history) != 6 {
			t.Errorf("%d messages, want 6: %v", len(history), err)
		}
	})
}

func TestLongLived_messagesWhileWrappingUp(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(func(c *flex.FlowChange) { c.LongLived = new(true) }), "ada", nil)
		w.Say(c.SID, "ada", "one")
		w.Pump()
		first := task(t, w).SID
		w.Accept(bert, first)
		w.Pump()
		w.SetTask(first, taskrouter.TaskWrapping)
		// Nobody watches the channel yet: the janitor comes later.
		w.Say(c.SID, "bert", "good-bye")
		w.Say(c.SID, "ada", "wait!")
		w.Say(c.SID, "ada", "hello?")
		w.Pump()
		all := w.AllTasks()
		if len(all) != 2 {
			t.Fatalf("%d tasks, want 2: a message after the wrap-up began was lost", len(all))
		}
		if got := attributes(t, all[1]); got["initialText"] != "wait!" || got["firstMessageIndex"] != 2.0 {
			t.Errorf("the new task begins with %v", got)
		}
		if !w.Channel(c.SID).HasTask(all[1].SID) {
			t.Error("the channel is not tied to the new task")
		}
		w.SetTask(first, taskrouter.TaskCompleted)
		w.Pump()
		w.Again()
		if n := len(w.AllTasks()); n != 2 || !w.Channel(c.SID).HasTask(all[1].SID) {
			t.Errorf("%d tasks at the end, want 2", n)
		}
	})
}

func TestReactions_endForAnErasedCustomer(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		message := w.Take()
		w.Run(message[0])
		made := task(t, w).SID
		w.Accept(bert, made)
		reactions := append(message, w.Take()...)
		w.SetTask(made, taskrouter.TaskWrapping)
		reactions = append(reactions, w.Take()...)
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.Owner.Account, c.Key) })
		for _, r := range reactions {
			w.Run(r) // the arguments were read before the key was destroyed
			r.Job.Args = nil
			w.Run(r) // they could not be read any more
		}
	})
}

func TestReactions_refuseGarbage(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		r := w.Take()[0]
		for _, args := range []string{`{`, `{"data":"x"}`, `{"data":[]}`} {
			r.Job.Args = json.RawMessage(args)
			if w.Flowrun.OnMessage(context.Background(), r.Job) == nil || w.Handoff.OnReservation(context.Background(), r.Job) == nil ||
				w.Janitor.OnTask(context.Background(), r.Job) == nil {
				t.Errorf("%s: no error", args)
			}
		}
	})
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for attributes, want := range map[string]string{
		`{"contact_uri":"client:bert_40example_2Ecom"}`: "bert_40example_2Ecom",
		`{"contact_uri":"client:"}`:                     "bert_40example_2Ecom",
		`{"contact_uri":"sip:bert"}`:                    "bert_40example_2Ecom",
		`{}`:                                            "bert_40example_2Ecom",
	} {
		w := taskrouter.Worker{}
		w.FriendlyName, w.Attributes = "bert@example.com", json.RawMessage(attributes)
		if got := handoff.Identity(w); got != want {
			t.Errorf("%s: %q, want %q", attributes, got, want)
		}
	}
}

func TestJoin(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		made := task(t, w).SID
		agent := w.Visitor("bert")
		agent.Role, agent.Worker = "agent", bert.SID
		join := func(what string, role string, identity string, code int) {
			t.Helper()
			actor := agent
			if role != "agent" {
				actor = w.Owner
			}
			_, err := w.Handoff.Join(t.Context(), actor, c.SID, "agent", identity)
			if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
				t.Errorf("%s: %v, want code %d", what, err, code)
			}
		}
		join("before the agent holds the task", "agent", "bert", 20403)
		w.Accept(bert, made)
		join("the agent's own", "agent", "bert", 0)
		join("again", "agent", "bert", 45206)
		join("for somebody else", "agent", "cleo", 20403)
		join("an owner lets anybody in", "owner", "cleo", 0)
		if _, err := w.Handoff.Join(t.Context(), w.Visitor("bert"), c.SID, "agent", "bert"); !fault.HasCode(err, 20403) {
			t.Errorf("a visitor: %v", err)
		}
		if _, err := w.Handoff.Join(t.Context(), w.Owner, sid.New(sid.Channel), "agent", "bert"); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("no channel: %v", err)
		}
		w.Pump() // the agent is in already
		if n := len(w.Members(c.SID)); n != 3 {
			t.Errorf("%d members, want 3", n)
		}
		dora := w.Visitor("dora")
		dora.Role = "supervisor"
		if _, err := w.Handoff.Join(t.Context(), dora, c.SID, "agent", "eve"); !fault.HasCode(err, 20403) {
			t.Errorf("a supervisor lets somebody else in: %v", err)
		}
		if _, err := w.Handoff.Join(t.Context(), dora, c.SID, "agent", "dora"); err != nil {
			t.Errorf("a supervisor joins: %v", err)
		}
	})
}
