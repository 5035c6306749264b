package janitor_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/inbound/inboundtest"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
	"usher/internal/taskrouter"
)

// count counts the rows of a table.
func count(w *inboundtest.World, table string) (n int64) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error { return tx.QueryRow("select count(*) from " + table).Scan(&n) })
	return n
}

func TestRetention_conversations(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		week := w.Flow(func(c *flex.FlowChange) { c.KeepDays = new(int64(7)) })
		ever := w.Flow(nil)
		for _, flow := range []flex.Flow{week, ever} {
			for _, who := range []string{"ada", "bob", "eve"} {
				_, task := talk(t, w, flow, who)
				w.SetTask(task, taskrouter.TaskCanceled)
			}
		}
		w.Pump()
		live, _ := talk(t, w, week, "live")
		w.Sweep()
		w.Age(6*day + 23*time.Hour)
		w.Sweep()
		if n := count(w, "flex_channel"); n != 7 {
			t.Errorf("%d channels after less than a week", n)
		}
		w.Age(2 * time.Hour)
		w.Sweep()
		for more := true; more; {
			var err error
			if more, err = w.Chat.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(w, "flex_channel"); n != 4 {
			t.Errorf("%d channels after a week", n)
		}
		for table, want := range map[string]int64{"chat_channel": 4, "chat_message": 4, "chat_member": 4} {
			if n := count(w, table); n != want {
				t.Errorf("%d rows of %s, want %d", n, table, want)
			}
		}
		if got := stateOf(w, live.SID); !got.Open || !got.Task {
			t.Errorf("the live one: %+v", got)
		}
		w.Age(3650 * day)
		w.Sweep()
		if n := count(w, "chat_message"); n != 4 {
			t.Errorf("%d messages; what is kept for ever is gone, or what lives", n)
		}
	})
}

// bot is a Studio flow that asks and waits without an end.
const bot = `{"description":"Ask","initial_state":"Trigger","states":[
	{"name":"Trigger","type":"trigger","properties":{},"transitions":[{"event":"incomingMessage","next":"ask"}]},
	{"name":"ask","type":"send-and-wait-for-reply","properties":{"service":"{{trigger.message.InstanceSid}}","channel":"{{trigger.message.ChannelSid}}",
		"from":"Bot","body":"What is it about?","timeout":"86400"},"transitions":[{"event":"incomingMessage","next":"ask"}]}]}`

// asks makes a Flex Flow whose Studio flow waits for the customer.
func asks(t *testing.T, w *inboundtest.World, long bool) (flex.Flow, sid.SID) {
	t.Helper()
	made, err := w.Studio.CreateFlow(t.Context(), w.Owner, studio.NewFlow{FriendlyName: "Bot", Status: studio.Published, Definition: bot})
	if err != nil {
		t.Fatal(err)
	}
	return w.Flow(func(c *flex.FlowChange) {
		c.IntegrationType, c.Integration, c.LongLived = new(flex.Studio), flex.IntegrationChange{FlowSID: &made.SID}, &long
	}), made.SID
}

func executions(w *inboundtest.World, flow sid.SID, status string) []studio.Execution {
	w.T.Helper()
	page, err := w.Studio.Executions(context.Background(), w.Owner, flow, studio.ExecutionFilter{Status: status}, db.Page{Size: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	return page.Items
}

func hears(w *inboundtest.World, flow flex.Flow, who string) flex.Channel {
	w.T.Helper()
	c := w.Open(flow, who, nil)
	w.Say(c.SID, who, "hello")
	w.Pump()
	return c
}

func TestSweep_strayExecutions(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow, run := asks(t, w, false)
		asked := hears(w, flow, "asked")
		closed, gone := hears(w, flow, "closed"), hears(w, flow, "gone")
		if _, err := w.Inbound.End(t.Context(), w.Owner, closed.SID, ""); err != nil {
			t.Fatal(err)
		}
		if err := w.Inbound.Delete(t.Context(), w.Owner, gone.SID, true); err != nil {
			t.Fatal(err)
		}
		api, err := w.Studio.CreateExecution(t.Context(), w.Owner, w.Flowrun, studio.NewExecution{
			Flow: run, Contact: "+15005550006", Channel: "+15005550007", Start: engine.Start{Trigger: engine.IncomingMessage},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !api.Active {
			t.Log("an execution without a channel does not wait")
		}
		w.Sweep()
		if n := len(executions(w, run, "active")); n < 3 {
			t.Fatalf("%d executions are active", n)
		}
		w.Age(11 * time.Minute)
		w.Sweep()
		if v := w.Verdicts(closed.SID); !slices.Equal(v, []string{"end channel_closed"}) {
			t.Errorf("the execution of a closed channel: %q", v)
		}
		w.Age(time.Hour)
		w.Sweep()
		if v := w.Verdicts(gone.SID); !slices.Equal(v, []string{"end chat_gone"}) {
			t.Errorf("the execution of a deleted channel: %q", v)
		}
		// A flow at work keeps its channel open.
		w.Age(20 * day)
		w.Sweep()
		if got := stateOf(w, asked.SID); !got.Open {
			t.Error("a channel was closed under its flow")
		}
		w.Age(15 * day)
		w.Sweep()
		if v := w.Verdicts(asked.SID); len(v) == 0 || v[0] != "end stopped_moving" {
			t.Errorf("an execution that stood still for 35 days: %q", v)
		}
		for _, x := range executions(w, run, "ended") {
			if x.State.Reason == "" {
				t.Errorf("%s ended without a reason", x.SID)
			}
		}
		if n := len(executions(w, run, "active")); n != 0 {
			t.Errorf("%d executions are active", n)
		}
		// The next message begins the flow anew.
		w.Say(asked.SID, "asked", "hello again")
		w.Pump()
		if n := len(executions(w, run, "active")); n != 1 && stateOf(w, asked.SID).Open {
			t.Errorf("%d executions after the next message", n)
		}
	})
}

func TestSweep_looksAtAllExecutionsInTurn(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow, run := asks(t, w, false)
		const n = 150
		for i := range n {
			hears(w, flow, "ada"+string(rune('a'+i/26))+string(rune('a'+i%26)))
		}
		w.Do(func(tx *db.Tx) error {
			_, err := tx.Exec("delete from flex_channel")
			if err == nil {
				_, err = tx.Exec("update chat_channel set removed = 1")
			}
			return err
		})
		w.Age(2 * time.Hour)
		for range 4 {
			w.Sweep()
		}
		if left := len(executions(w, run, "active")); left != 0 {
			t.Errorf("%d of %d are active", left, n)
		}
	})
}

func TestRetention_executions(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow, run := asks(t, w, false)
		for _, who := range []string{"ada", "bob"} {
			c := hears(w, flow, who)
			if _, err := w.Janitor.End(t.Context(), w.Owner, c.SID); err != nil {
				t.Fatal(err)
			}
		}
		erased := hears(w, flow, "eve")
		if _, err := w.Janitor.End(t.Context(), w.Owner, erased.SID); err != nil {
			t.Fatal(err)
		}
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, erased.Account, erased.Key) })
		w.Age(100 * day)
		w.Sweep()
		if n := count(w, "studio_execution"); n != 3 {
			t.Errorf("%d executions; kept for ever is the default", n)
		}
		w.ExecutionDays = 30
		w.Restart()
		w.Sweep()
		if n := count(w, "studio_execution") + count(w, "studio_step"); n != 0 {
			t.Errorf("%d rows of old executions are left", n)
		}
		hears(w, flow, "live")
		w.Age(29 * day)
		w.Sweep()
		if n := len(executions(w, run, "")); n != 1 {
			t.Errorf("%d executions; a live one went", n)
		}
	})
}

func TestRetention_log(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Open(w.Flow(nil), "ada", nil)
		w.Age(2 * day)
		w.Sweep()
		w.Age(89 * day)
		w.Sweep()
		if n := len(w.Verdicts("")); n != 1 {
			t.Errorf("%d entries after 89 days", n)
		}
		w.Age(2 * day)
		w.Sweep()
		if n := len(w.Verdicts("")); n != 0 {
			t.Errorf("%d entries after 91 days", n)
		}
	})
}

// Three conversations with three agents, months apart, in one channel with all its history.
func TestLongLived_threeConversationsThreeAgents(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		flow := w.Flow(settings(true, true))
		c := w.Open(flow, "ada", nil)
		var tasks []sid.SID
		for i, name := range []string{"bert", "cora", "dora"} {
			agent := w.Agent(name)
			again := w.Open(flow, "ada", nil)
			if again.SID != c.SID {
				t.Fatalf("conversation %d is in another channel", i+1)
			}
			w.Say(c.SID, "ada", "question to "+name)
			w.Pump()
			task := last(t, w)
			tasks = append(tasks, task.SID)
			w.Accept(agent, task.SID)
			w.Pump()
			if got := w.Members(c.SID); !slices.Equal(got, []string{"ada", name}) {
				t.Errorf("conversation %d has members %v", i+1, got)
			}
			var attributes map[string]any
			if err := json.Unmarshal(task.Attributes, &attributes); err != nil || attributes["channelSid"] != string(c.SID) {
				t.Errorf("conversation %d: task of %v, %v", i+1, attributes["channelSid"], err)
			}
			w.Say(c.SID, name, "answer by "+name)
			w.SetTask(task.SID, taskrouter.TaskCompleted)
			w.Pump()
			w.Move(agent, w.IDs.Offline)
			for range 4 {
				w.Age(30 * day)
				w.Sweep()
			}
			if got := stateOf(w, c.SID); !got.Open || got.Task || !got.Watched || got.Status != "ACTIVE" {
				t.Errorf("months after conversation %d: %+v", i+1, got)
			}
		}
		if slices.Sort(tasks); len(slices.Compact(tasks)) != 3 {
			t.Errorf("tasks %v", tasks)
		}
		var said []string
		history, err := w.Chat.History(t.Context(), w.Owner, c.SID, nil, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range history {
			said = append(said, m.Author+": "+m.Body)
		}
		want := []string{
			"ada: question to bert", "bert: answer by bert", "ada: question to cora", "cora: answer by cora",
			"ada: question to dora", "dora: answer by dora",
		}
		if !slices.Equal(said, want) {
			t.Errorf("history %q", said)
		}
		if _, err := w.Janitor.End(t.Context(), w.Owner, c.SID); err != nil {
			t.Fatal(err)
		}
		if next := w.Open(flow, "ada", nil); next.SID == c.SID {
			t.Error("an ended channel goes on")
		}
	})
}
