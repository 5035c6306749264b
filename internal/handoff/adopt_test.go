package handoff_test

import (
	"testing"

	"usher/internal/chat"
	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/inbound/inboundtest"
	"usher/internal/job"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// named makes a task that names a channel, as a program does by REST.
func named(w *inboundtest.World, channel sid.SID) sid.SID {
	w.T.Helper()
	made, err := w.Tasks.CreateTask(w.T.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{
		Workflow: w.IDs.Workflow, TaskChannel: "chat", Attributes: `{"channelSid":"` + string(channel) + `"}`,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return made.SID
}

// A channel without a task takes the one that a program makes for it: the customer's next message makes no second one.
func TestOnTask_adopts(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Open(w.Flow(nil), "ada", nil)
		first := named(w, c.SID)
		w.Pump()
		if !w.Channel(c.SID).HasTask(first) || w.Room(c.SID).Watched || w.Attributes(c.SID)["task_sid"] != string(first) {
			t.Error("the channel did not take the task")
		}
		w.Say(c.SID, "ada", "hello")
		second := named(w, c.SID) // the channel has a task: it goes with this one when an agent accepts it
		w.Pump()
		w.Again()
		if !w.Channel(c.SID).HasTask(first) || len(w.AllTasks()) != 2 {
			t.Errorf("%d tasks, tied to %v", len(w.AllTasks()), *w.Channel(c.SID).Task)
		}
		w.SetTask(second, taskrouter.TaskCanceled)
		w.Pump()
		if got := w.Channel(c.SID); !got.Open || !got.HasTask(first) {
			t.Error("the end of a task that nobody accepted ended the conversation of another one")
		}
		w.SetTask(first, taskrouter.TaskCanceled)
		w.Pump()
		w.Again()
		if got := w.Channel(c.SID); got.Open || got.Task != nil {
			t.Errorf("the end of its task did not end the conversation: %+v", got)
		}
	})
}

// The reaction may come late: to a task that has ended, is gone, or to a channel that has gone on.
func TestOnTask_late(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) { c.LongLived = new(true) })
		c := w.Open(flow, "ada", nil)
		run := func(all []inboundtest.Reaction) {
			for _, r := range all {
				if r.Kind == event.TaskCreated {
					w.Run(r)
				}
			}
		}
		canceled := named(w, c.SID)
		w.SetTask(canceled, taskrouter.TaskCanceled)
		run(w.Take())
		deleted := named(w, c.SID)
		created := w.Take()
		if err := w.Tasks.DeleteTask(t.Context(), w.Owner, w.IDs.Workspace, deleted, 0); err != nil {
			t.Fatal(err)
		}
		run(created)
		if got := w.Channel(c.SID); got.Task != nil || !w.Room(c.SID).Watched {
			t.Errorf("the channel took a task that has ended: %+v", got.Task)
		}
		old := named(w, c.SID)
		created = w.Take()
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		own := w.AllTasks()[len(w.AllTasks())-1].SID
		run(created)
		if !w.Channel(c.SID).HasTask(own) {
			t.Error("an older task took the channel")
		}
		w.SetTask(own, taskrouter.TaskCanceled)
		w.Pump()
		run(created)
		if got := w.Channel(c.SID); got.Task != nil {
			t.Errorf("task %s, which is older than the last one, took the channel", old)
		}
		last := named(w, c.SID)
		created = w.Take()
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)}); err != nil {
			t.Fatal(err)
		}
		run(created)
		if got := w.Channel(c.SID); got.HasTask(last) {
			t.Error("a channel that was deleted took a task")
		}
	})
}

func TestOnTask_strange(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		closed := w.Open(w.Flow(nil), "ada", nil)
		if _, err := w.Inbound.End(t.Context(), w.Owner, closed.SID, ""); err != nil {
			t.Fatal(err)
		}
		named(w, closed.SID)
		named(w, sid.New(sid.Channel))
		named(w, "no SID")
		w.Pump()
		if w.Channel(closed.SID).Task != nil {
			t.Error("a closed channel took a task")
		}
		if err := w.Handoff.OnTask(t.Context(), job.Job{}); err != nil {
			t.Errorf("an erased customer: %v", err)
		}
		for _, args := range []string{"{", `{"Data":7}`, `{"data":7}`} {
			if err := w.Handoff.OnTask(t.Context(), job.Job{Args: []byte(args)}); err == nil {
				t.Errorf("%s counts as done", args)
			}
		}
		// A task that came with its channel is the channel's already.
		given := named(w, closed.SID)
		c := w.Open(w.Flow(nil), "bea", func(o *inbound.Opening) { o.Task = given })
		w.Pump()
		if !w.Channel(c.SID).HasTask(given) {
			t.Error("the given task was lost")
		}
	})
}
