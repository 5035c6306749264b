package janitor_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/inbound/inboundtest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

const day = 24 * time.Hour

var (
	overState = state{Status: "INACTIVE"}
	freeState = state{Open: true, Watched: true, Status: "ACTIVE"}
)

// expect compares a channel and what was decided about it.
func expect(t *testing.T, w *inboundtest.World, name string, c flex.Channel, want state, verdicts ...string) {
	t.Helper()
	if diff := cmp.Diff(want, stateOf(w, c.SID)); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
	if got := w.Verdicts(c.SID); !slices.Equal(got, verdicts) {
		t.Errorf("%s: verdicts %q, want %q", name, got, verdicts)
	}
}

// talk opens a channel whose customer has written, and returns its task.
func talk(t *testing.T, w *inboundtest.World, flow flex.Flow, who string) (flex.Channel, sid.SID) {
	t.Helper()
	c := w.Open(flow, who, nil)
	w.Say(c.SID, who, "hello")
	w.Pump()
	return c, last(t, w).SID
}

func settings(janitor, long bool) func(c *flex.FlowChange) {
	return func(c *flex.FlowChange) { c.Janitor, c.LongLived = &janitor, &long }
}

func TestSweep_quietChannels(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		short := w.Flow(func(c *flex.FlowChange) { c.QuietHours = new(int64(2)) })
		silent := w.Open(flow, "silent", nil)
		greeted := w.Open(flow, "greeted", nil)
		w.Say(greeted.SID, "Bot", "Welcome")
		off := w.Open(w.Flow(settings(false, false)), "off", nil)
		long := w.Open(w.Flow(settings(true, true)), "long", nil)
		quick := w.Open(short, "quick", nil)
		busy, _ := talk(t, w, flow, "busy")
		w.Sweep()
		w.Age(3 * time.Hour)
		w.Say(greeted.SID, "Bot", "Are you there?")
		w.Sweep()
		expect(t, w, "two hours", quick, overState, "close quiet")
		w.Age(22 * time.Hour)
		w.Sweep()
		expect(t, w, "nothing was ever written", silent, overState, "close quiet")
		expect(t, w, "somebody has written 22 hours ago", greeted, freeState)
		w.Age(3 * time.Hour)
		w.Sweep()
		expect(t, w, "somebody has written 25 hours ago", greeted, overState, "close quiet")
		w.Age(400 * day)
		w.Sweep()
		expect(t, w, "janitor off", off, freeState)
		expect(t, w, "long-lived", long, freeState)
		expect(t, w, "a live task", busy, state{Open: true, Task: true, Status: "ACTIVE", NamesTask: true})
		// The next conversation is another channel.
		if again := w.Open(flow, "greeted", nil); again.SID == greeted.SID {
			t.Error("a closed channel was opened again")
		}
	})
}

func TestSweep_tasksThatNobodyHeardOf(t *testing.T) {
	named := overState
	named.NamesTask = true
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		agent := w.Agent("bert")
		if _, err := w.Tasks.UpdateWorkerChannel(t.Context(), w.Owner, w.IDs.Workspace, agent.SID, "chat", new(int64(50)), nil); err != nil {
			t.Fatal(err)
		}
		on, off, long := w.Flow(nil), w.Flow(settings(false, false)), w.Flow(settings(true, true))
		complete := func(task sid.SID) {
			w.Accept(agent, task)
			w.Pump()
			w.SetTask(task, taskrouter.TaskCompleted)
		}
		cancel := func(task sid.SID) { w.SetTask(task, taskrouter.TaskCanceled) }
		rows := []struct {
			name  string
			flow  flex.Flow
			end   func(sid.SID)
			want  state
			wants []string
		}{
			{"completed", on, complete, named, []string{"close agent_ended"}},
			{"completed, janitor off", off, complete, named, []string{"close agent_ended"}},
			{"canceled", on, cancel, named, []string{"close task_ended"}},
			{"canceled, janitor off", off, cancel, freeState, []string{"free janitor_off"}},
			{"canceled, long-lived", long, cancel, freeState, []string{"free long_lived"}},
			{"vanished", on, w.Vanish, named, []string{"close task_vanished"}},
			{"vanished, janitor off", off, w.Vanish, freeState, []string{"free janitor_off"}},
			{"vanished, long-lived", long, w.Vanish, freeState, []string{"free long_lived"}},
		}
		channels := make([]flex.Channel, len(rows))
		for i, row := range rows {
			c, task := talk(t, w, row.flow, row.name)
			w.Say(c.SID, "bert", "How can I help?") // the customer waits for nobody
			row.end(task)
			w.Take() // the event is lost
			channels[i] = c
		}
		w.Age(30 * time.Minute)
		w.Sweep()
		for i, row := range rows {
			if got := w.Verdicts(channels[i].SID); len(got) != 0 {
				t.Errorf("%s: judged before its time: %q", row.name, got)
			}
		}
		w.Age(2 * day)
		w.Sweep()
		w.Sweep()
		for i, row := range rows {
			expect(t, w, row.name, channels[i], row.want, row.wants...)
		}
	})
}

func TestSweep_workspaceDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c, _ := talk(t, w, w.Flow(nil), "ada")
		if err := w.Tasks.DeleteWorkspace(t.Context(), w.Owner, w.IDs.Workspace); err != nil {
			t.Fatal(err)
		}
		w.Age(2 * day)
		w.Say(c.SID, "bert", "hm")
		w.Sweep()
		expect(t, w, "somebody has just written", c, freeState, "free recent_message")
		w.Age(2 * day)
		w.Sweep()
		expect(t, w, "quiet", c, overState, "free recent_message", "close quiet")
	})
}

// What a customer wrote and nobody heard begins anew, whatever became of the job or the task.
func TestSweep_unheard(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		lost := w.Open(flow, "lost", nil)
		w.Say(lost.SID, "lost", "is there anybody?")
		w.Take() // the job was buried
		gone, task := talk(t, w, flow, "gone")
		w.Vanish(task)
		w.Say(gone.SID, "gone", "hello??")
		done, task := talk(t, w, w.Flow(settings(true, true)), "done")
		w.SetTask(task, taskrouter.TaskCanceled)
		w.Take()
		w.Age(time.Minute)
		w.Say(done.SID, "done", "one more thing")
		w.Age(90 * time.Minute)
		w.Sweep()
		busy := state{Open: true, Task: true, Status: "ACTIVE", NamesTask: true}
		expect(t, w, "its job was lost", lost, busy, "begin unheard")
		expect(t, w, "its task vanished", gone, busy, "begin unheard")
		expect(t, w, "written after the end of its task", done, busy, "begin unheard")
		before := len(w.AllTasks())
		w.Again()
		w.Age(2 * time.Hour)
		w.Sweep()
		if n := len(w.AllTasks()); n != before {
			t.Errorf("%d tasks more", n-before)
		}
	})
}

// A flow that posts its messages elsewhere has nobody here who hears them: they are never begun anew.
func TestSweep_externalFlowsKeepTheirMessages(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) {
			c.IntegrationType, c.Integration = new(flex.External), flex.IntegrationChange{URL: new("https://bot.example.com/")}
		})
		c := w.Open(flow, "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Take()
		w.Age(3 * time.Hour)
		w.Sweep()
		expect(t, w, "an external flow", c, freeState)
		if n := len(w.AllTasks()); n != 0 {
			t.Errorf("%d tasks", n)
		}
	})
}

// A transfer is a second task that names the channel. It lives through the end of the first, told or not.
func TestTransfer_livesThroughTheEndOfTheFirstTask(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(map[bool]string{true: "told", false: "missed"}[told], func(t *testing.T) {
			each(t, func(t *testing.T, w *inboundtest.World) {
				w.Route()
				bert := w.Agent("bert")
				c, first := talk(t, w, w.Flow(nil), "ada")
				w.Accept(bert, first)
				w.Pump()
				w.Move(bert, w.IDs.Offline)
				second, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{
					TaskChannel: "chat", Attributes: `{"channelSid":"` + string(c.SID) + `"}`,
				})
				if err != nil {
					t.Fatal(err)
				}
				w.SetTask(first, taskrouter.TaskCompleted)
				if told {
					w.Pump()
				} else {
					w.Take()
					w.Age(2 * day)
					w.Sweep()
				}
				live := state{Open: true, Task: true, Status: "ACTIVE", NamesTask: true}
				expect(t, w, "a transfer waits", c, live, "pass transfer_waits")
				if got := w.Attributes(c.SID)["task_sid"]; got != string(second.SID) {
					t.Errorf("the channel names %v", got)
				}
				cora := w.Agent("cora")
				w.Accept(cora, second.SID)
				w.Pump()
				w.Age(30 * day)
				w.Sweep()
				expect(t, w, "cora has it", c, live, "pass transfer_waits")
				w.SetTask(second.SID, taskrouter.TaskCompleted)
				w.Pump()
				over := overState
				over.NamesTask = true
				expect(t, w, "cora is done", c, over, "pass transfer_waits", "close agent_ended")
			})
		})
	}
}

// A program that takes channelSid out of a task before it completes it means to go on, for instance with a survey.
func TestSweep_takenOut(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		agent := w.Agent("bert")
		c, task := talk(t, w, w.Flow(nil), "ada")
		w.Accept(agent, task)
		w.Pump()
		_, err := w.Tasks.UpdateTask(t.Context(), w.Owner, w.IDs.Workspace, task, taskrouter.TaskUpdate{Attributes: new(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		w.SetTask(task, taskrouter.TaskCompleted)
		w.Pump()
		w.Age(20 * time.Hour)
		w.Say(c.SID, "ada", "5 stars")
		w.Sweep()
		w.Age(6 * time.Hour)
		w.Sweep()
		expect(t, w, "the survey goes on", c, state{Open: true, Task: true, Status: "ACTIVE", NamesTask: true})
		w.Age(20 * time.Hour)
		w.Sweep()
		over := overState
		over.NamesTask = true
		expect(t, w, "the survey is over", c, over, "close quiet")
	})
}

// Operators' scripts end long-lived channels by their attributes.
func TestSweep_setInactive(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(settings(true, true))
		c := w.Open(flow, "ada", nil)
		_, err := w.Chat.UpdateChannel(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)},
			chat.ChannelChange{Attributes: new(`{"status":"INACTIVE","long_lived":false}`)})
		if err != nil {
			t.Fatal(err)
		}
		w.Age(2 * time.Hour)
		w.Sweep()
		expect(t, w, "set inactive", c, state{Status: "INACTIVE"}, "close set_inactive")
	})
}

func TestSweep_chatChannelGone(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c := w.Open(w.Flow(settings(false, true)), "ada", nil)
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)}); err != nil {
			t.Fatal(err)
		}
		w.Age(2 * time.Hour)
		w.Sweep()
		if _, err := w.Flex.GetChannel(t.Context(), w.Owner, c.SID, true); !fault.Is(err, fault.KindNotFound) {
			t.Errorf("the record of a deleted channel: %v", err)
		}
		if got := w.Verdicts(c.SID); !slices.Equal(got, []string{"forget chat_gone"}) {
			t.Errorf("verdicts %q", got)
		}
	})
}

func TestSweep_waitsWhenTheClockJumps(t *testing.T) {
	for name, d := range map[string]time.Duration{"forward": 30 * day, "back": -30 * day} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *inboundtest.World) {
				c := w.Open(w.Flow(nil), "ada", nil)
				w.Sweep()
				w.Age(20 * time.Hour)
				w.Jump(d)
				for range 3 {
					w.Sweep()
				}
				expect(t, w, "after the jump", c, freeState)
				if d < 0 {
					w.Age(-d) // until its time comes again
				}
				w.Age(3 * time.Hour)
				w.Sweep()
				expect(t, w, "23 hours of life", c, freeState)
				w.Age(2 * time.Hour)
				w.Sweep()
				expect(t, w, "25 hours of life", c, overState, "close quiet")
			})
		})
	}
}

func TestSweep_erasedCustomers(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) { c.KeepDays = new(int64(1)) })
		erased, other := w.Open(flow, "ada", nil), w.Open(flow, "bob", nil)
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, erased.Account, erased.Key) })
		w.Age(2 * day)
		w.Sweep()
		expect(t, w, "another customer", other, overState, "close quiet")
		w.Age(2 * day)
		w.Sweep()
		w.Do(func(tx *db.Tx) error {
			var n int64
			if err := tx.QueryRow("select count(*) from flex_channel").Scan(&n); err != nil || n != 0 {
				t.Errorf("%d channels are left, %v", n, err)
			}
			return nil
		})
	})
}

func TestPreview_changesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		quiet := w.Open(flow, "quiet", nil)
		gone, task := talk(t, w, flow, "gone")
		w.Say(gone.SID, "bert", "hm")
		w.Vanish(task)
		talk(t, w, flow, "busy")
		w.Sweep()
		w.Age(2 * day)
		before := []state{stateOf(w, quiet.SID), stateOf(w, gone.SID)}
		p, err := w.Janitor.Preview(t.Context(), w.Owner)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, planned := range p.Planned {
			name := map[sid.SID]string{quiet.SID: "quiet", gone.SID: "gone"}[planned.Channel]
			got = append(got, name+" "+string(planned.Verdict)+" "+string(planned.Reason))
		}
		slices.Sort(got)
		if want := []string{"gone close task_vanished", "quiet close quiet"}; !slices.Equal(got, want) || p.Channels != 3 || p.ClockJumped {
			t.Errorf("%q of %+v", got, p)
		}
		if diff := cmp.Diff(before, []state{stateOf(w, quiet.SID), stateOf(w, gone.SID)}); diff != "" || len(w.Verdicts("")) != 0 {
			t.Errorf("a dry run has changed something:\n%s", diff)
		}
		w.Sweep()
		if n := len(w.Verdicts("")); n != 2 {
			t.Errorf("the sweep came to %d verdicts", n)
		}
		other := w.Account()
		if p, err := w.Janitor.Preview(t.Context(), other); err != nil || p.Channels != 0 || len(p.Planned) != 0 {
			t.Errorf("another account sees %+v, %v", p, err)
		}
		visitor := w.Visitor("quiet")
		if _, err := w.Janitor.Preview(t.Context(), visitor); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a visitor: %v", err)
		}
		if _, err := w.Janitor.Log(t.Context(), visitor, "", db.Page{Size: 1}); !fault.Is(err, fault.KindForbidden) {
			t.Errorf("a visitor reads the log: %v", err)
		}
	})
}

func TestEnd_byAnOperator(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		c, task := talk(t, w, w.Flow(settings(true, true)), "ada")
		for _, actor := range []account.Actor{w.Visitor("ada"), w.Account()} {
			if _, err := w.Janitor.End(t.Context(), actor, c.SID); err == nil {
				t.Error("somebody else ended the conversation")
			}
		}
		for range 2 {
			if _, err := w.Janitor.End(t.Context(), w.Owner, c.SID); err != nil {
				t.Fatal(err)
			}
		}
		w.Pump()
		got := stateOf(w, c.SID)
		if got.Open || got.Status != "INACTIVE" || got.Watched {
			t.Errorf("%+v", got)
		}
		if v := w.Verdicts(c.SID); !slices.Equal(v, []string{"close ended_by_operator"}) {
			t.Errorf("verdicts %q", v)
		}
		if got := last(t, w); got.SID != task || got.Status != taskrouter.TaskCanceled {
			t.Errorf("task %s is %s", got.SID, got.Status)
		}
		page, err := w.Flex.ListOpen(t.Context(), w.Owner, db.Page{Size: 10})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("%d are open, %v", len(page.Items), err)
		}
	})
}
