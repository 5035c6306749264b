package janitor_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/flex"
	"usher/internal/inbound/inboundtest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

func each(t *testing.T, fn func(t *testing.T, w *inboundtest.World)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { fn(t, inboundtest.New(t, d)) })
}

// state is what the janitor decides about.
type state struct {
	Open, Task, Watched bool
	Status              any
	NamesTask           bool // the attribute task_sid
}

func stateOf(w *inboundtest.World, s sid.SID) state {
	w.T.Helper()
	c, attributes := w.Channel(s), w.Attributes(s)
	return state{c.Open, c.Task != nil, w.Room(s).Watched, attributes["status"], attributes["task_sid"] != nil}
}

// last returns the newest task.
func last(t *testing.T, w *inboundtest.World) taskrouter.Task {
	t.Helper()
	all := w.AllTasks()
	if len(all) == 0 {
		t.Fatal("there is no task")
	}
	return all[len(all)-1]
}

// The ways in which a task ends; each begins with a pending task.
var endings = map[string]func(t *testing.T, w *inboundtest.World, agent taskrouter.Worker, task sid.SID){
	"completed": func(_ *testing.T, w *inboundtest.World, agent taskrouter.Worker, task sid.SID) {
		w.Accept(agent, task)
		w.SetTask(task, taskrouter.TaskCompleted)
	},
	"wrapping": func(_ *testing.T, w *inboundtest.World, agent taskrouter.Worker, task sid.SID) {
		w.Accept(agent, task)
		w.SetTask(task, taskrouter.TaskWrapping)
	},
	"canceled": func(_ *testing.T, w *inboundtest.World, _ taskrouter.Worker, task sid.SID) {
		w.SetTask(task, taskrouter.TaskCanceled)
	},
	"deleted": func(t *testing.T, w *inboundtest.World, _ taskrouter.Worker, task sid.SID) {
		if err := w.Tasks.DeleteTask(t.Context(), w.Owner, w.IDs.Workspace, task, 0); err != nil {
			t.Fatal(err)
		}
	},
	"deleted while assigned": func(t *testing.T, w *inboundtest.World, agent taskrouter.Worker, task sid.SID) {
		w.Accept(agent, task)
		if err := w.Tasks.DeleteTask(t.Context(), w.Owner, w.IDs.Workspace, task, 0); err != nil {
			t.Fatal(err)
		}
	},
}

func TestOnTask_decides(t *testing.T) {
	closed := state{Status: "INACTIVE", NamesTask: true}
	freed := state{Open: true, Watched: true, Status: "ACTIVE"}
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		agent := w.Agent("bert")
		if _, err := w.Tasks.UpdateWorkerChannel(t.Context(), w.Owner, w.IDs.Workspace, agent.SID, "chat", new(int64(50)), nil); err != nil {
			t.Fatal(err)
		}
		flows := map[[2]bool]flex.Flow{}
		for _, janitor := range []bool{true, false} {
			for _, long := range []bool{true, false} {
				flows[[2]bool{janitor, long}] = w.Flow(func(c *flex.FlowChange) { c.Janitor, c.LongLived = &janitor, &long })
			}
		}
		for name, end := range endings {
			for key, flow := range flows {
				c := w.Open(flow, name, nil)
				w.Say(c.SID, name, "hello")
				w.Pump()
				end(t, w, agent, last(t, w).SID)
				w.Pump()
				byAgent := name == "completed" || name == "wrapping"
				want := closed
				if key[1] || !key[0] && !byAgent {
					want = freed
				}
				if diff := cmp.Diff(want, stateOf(w, c.SID)); diff != "" {
					t.Errorf("%s, janitor %v, long-lived %v:\n%s", name, key[0], key[1], diff)
				}
				if got := w.Channel(c.SID).LastTask; got == "" {
					t.Errorf("%s: the channel forgot its last task", name)
				}
			}
		}
		before := map[sid.SID]state{}
		all, err := w.Flex.ListChannels(t.Context(), w.Owner, true, db.Page{Size: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all.Items {
			before[c.SID] = stateOf(w, c.SID)
		}
		tasks := len(w.AllTasks())
		w.Again()
		for s, was := range before {
			if diff := cmp.Diff(was, stateOf(w, s)); diff != "" {
				t.Errorf("the second run of every reaction changed %s:\n%s", s, diff)
			}
		}
		if n := len(w.AllTasks()); n != tasks {
			t.Errorf("the second run made %d tasks", n-tasks)
		}
	})
}

// A program that takes channelSid out of a task before it completes it keeps the conversation open.
func TestOnTask_channelTakenOut(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		agent := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		task := last(t, w)
		w.Accept(agent, task.SID)
		w.Pump()
		without, err := attr.Without(task.Attributes, "channelSid")
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Tasks.UpdateTask(t.Context(), w.Owner, w.IDs.Workspace, task.SID, taskrouter.TaskUpdate{Attributes: new(string(without))})
		if err != nil {
			t.Fatal(err)
		}
		w.SetTask(task.SID, taskrouter.TaskCompleted)
		if kinds := w.Pump(); len(kinds) != 0 {
			t.Errorf("reactions %v, want none", kinds)
		}
		want := state{Open: true, Task: true, Status: "ACTIVE", NamesTask: true}
		if diff := cmp.Diff(want, stateOf(w, c.SID)); diff != "" {
			t.Errorf("the channel:\n%s", diff)
		}
	})
}

func TestOnTask_anotherTasksEnd(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		before := stateOf(w, c.SID)
		other, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{
			TaskChannel: "chat", Attributes: `{"channelSid":"` + string(c.SID) + `"}`,
		})
		if err != nil {
			t.Fatal(err)
		}
		w.SetTask(other.SID, taskrouter.TaskCanceled)
		w.Pump()
		if diff := cmp.Diff(before, stateOf(w, c.SID)); diff != "" {
			t.Errorf("the end of a task that was never the channel's changed it:\n%s", diff)
		}
	})
}

func TestOnTask_whatIsGone(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) { c.Janitor = new(false) })
		c := w.Open(flow, "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		// The flow: its channels are closed by any end.
		if err := w.Flex.DeleteFlow(t.Context(), w.Owner, flow.SID); err != nil {
			t.Fatal(err)
		}
		w.SetTask(last(t, w).SID, taskrouter.TaskCanceled)
		w.Pump()
		if diff := cmp.Diff(state{Status: "INACTIVE", NamesTask: true}, stateOf(w, c.SID)); diff != "" {
			t.Errorf("a channel without its flow:\n%s", diff)
		}
		// The chat channel: nothing is left to close.
		gone := w.Open(w.Flow(nil), "ada", nil)
		w.Say(gone.SID, "ada", "hello")
		w.Pump()
		task := last(t, w).SID
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(gone.SID)}); err != nil {
			t.Fatal(err)
		}
		w.SetTask(task, taskrouter.TaskCanceled)
		w.Pump()
		if _, err := w.Flex.GetChannel(t.Context(), w.Owner, gone.SID, true); err == nil {
			t.Error("the Flex channel of a deleted chat channel is still there")
		}
	})
}

// Attributes are the account's to write; they keep nothing from ending.
func TestOnTask_strangeAttributes(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		_, err := w.Chat.UpdateChannel(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)}, chat.ChannelChange{Attributes: new(`[1,2]`)})
		if err != nil {
			t.Fatal(err)
		}
		w.SetTask(last(t, w).SID, taskrouter.TaskCanceled)
		w.Pump()
		if diff := cmp.Diff(state{Status: "INACTIVE"}, stateOf(w, c.SID)); diff != "" {
			t.Errorf("the channel:\n%s", diff)
		}
	})
}

func TestOnTask_timeout(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) { c.Integration.Timeout = new(int64(1)) })
		c := w.Open(flow, "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		w.Route()
		w.Until("the task times out and the channel is closed", func() bool {
			w.Pump()
			return !w.Channel(c.SID).Open
		})
		if got := last(t, w); got.Status != taskrouter.TaskCanceled {
			t.Errorf("the task is %s", got.Status)
		}
	})
}
