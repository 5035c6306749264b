package inbound_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/flex"
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

// want fails unless err carries the code; 0 is success.
func want(t *testing.T, what string, err error, code int) {
	t.Helper()
	if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

// rows counts the rows that an opening makes.
func rows(t *testing.T, w *inboundtest.World) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range []string{"flex_contact", "flex_channel", "chat_channel", "chat_user", "chat_member", "data_key", "taskrouter_task"} {
		var n int
		err := w.DB.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("select count(*) from " + table).Scan(&n) })
		if err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

func TestOpen_makesEverythingUnderTheContactsKey(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		visitor := w.Visitor("ada")
		c, opened, err := w.Inbound.Open(t.Context(), visitor, inbound.Opening{
			Flow: flow.SID, Identity: "ada", CustomerName: "Ada L", ChannelName: "Ada's chat", PreEngagement: `{"q":"a b"}`, Web: true,
		})
		if err != nil || !opened {
			t.Fatalf("open: %v %v", opened, err)
		}
		if c.Key == 0 || c.Task != nil || !c.Open || !c.Web || c.Identity != "ada" || c.Flow != flow.SID || c.ChannelType != "web" {
			t.Errorf("channel %+v", c)
		}
		room := w.Room(c.SID)
		if room.Key != c.Key || !room.Private || !room.Watched || room.FriendlyName != "Ada's chat" {
			t.Errorf("chat channel %+v", room)
		}
		want := `{"channel_type":"web","from":"Ada L","long_lived":false,"pre_engagement_data":{"q":"a b"},"status":"ACTIVE","task_sid":null}`
		if got := string(room.Attributes); got != want {
			t.Errorf("attributes %s\nwant %s", got, want)
		}
		members, err := w.Chat.Members(t.Context(), w.Owner, c.SID)
		if err != nil || len(members) != 1 || members[0].Identity != "ada" || members[0].Kind != chat.Customer || members[0].Key != c.Key {
			t.Errorf("members %+v %v", members, err)
		}
		if _, _, err := w.Chat.Send(t.Context(), visitor, c.SID, chat.NewMessage{Body: "hello"}); err != nil {
			t.Errorf("the visitor cannot write: %v", err)
		}
	})
}

func TestOpen_attributes(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		web := w.Flow(nil)
		long := w.Flow(func(c *flex.FlowChange) { c.LongLived = new(true) })
		sms := w.Flow(func(c *flex.FlowChange) { c.ChannelType, c.ContactIdentity = new("sms"), new("+15005550100") })
		for i, row := range []struct {
			name string
			flow flex.Flow
			o    inbound.Opening
			want map[string]any
		}{
			{
				"web", web,
				inbound.Opening{CustomerName: "Ada", Web: true},
				map[string]any{"task_sid": nil, "from": "Ada", "channel_type": "web", "status": "ACTIVE", "long_lived": false},
			},
			{
				"without a name", web,
				inbound.Opening{Web: true},
				map[string]any{"task_sid": nil, "from": "visitor-1", "channel_type": "web", "status": "ACTIVE", "long_lived": false},
			},
			{
				"long-lived by its flow", long,
				inbound.Opening{CustomerName: "Ada", Web: true},
				map[string]any{"task_sid": nil, "from": "Ada", "channel_type": "web", "status": "ACTIVE", "long_lived": true},
			},
			{
				"long-lived by the opener", web,
				inbound.Opening{CustomerName: "Ada", LongLived: new(true)},
				map[string]any{"task_sid": nil, "from": "Ada", "channel_type": "web", "status": "ACTIVE", "long_lived": true},
			},
			{
				"not long-lived by the opener", long,
				inbound.Opening{CustomerName: "Ada", LongLived: new(false)},
				map[string]any{"task_sid": nil, "from": "Ada", "channel_type": "web", "status": "ACTIVE", "long_lived": false},
			},
			{
				"text message", sms,
				inbound.Opening{CustomerName: "+15005550111", Target: "+15005550111"},
				map[string]any{
					"task_sid": nil, "from": "+15005550111", "channel_type": "sms", "status": "ACTIVE", "long_lived": false,
					"twilioNumber": "+15005550100",
				},
			},
		} {
			row.o.Flow, row.o.Identity = row.flow.SID, fmt.Sprintf("visitor-%d", i)
			c, _, err := w.Inbound.Open(t.Context(), w.Owner, row.o)
			if err != nil {
				t.Fatalf("%s: %v", row.name, err)
			}
			if diff := cmp.Diff(row.want, w.Attributes(c.SID)); diff != "" {
				t.Errorf("%s:\n%s", row.name, diff)
			}
		}
	})
}

func TestOpen_findsWhatIsOpen(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow, other := w.Flow(nil), w.Flow(nil)
		first := w.Open(flow, "ada", nil)
		again, opened, err := w.Inbound.Open(t.Context(), w.Visitor("ada"), inbound.Opening{Flow: flow.SID, Identity: "ada", CustomerName: "Ada L", Web: true})
		if err != nil || opened || again.SID != first.SID {
			t.Errorf("a second opening: %s %v %v, want %s", again.SID, opened, err, first.SID)
		}
		elsewhere := w.Open(other, "ada", nil)
		if elsewhere.SID == first.SID || elsewhere.Key != first.Key {
			t.Errorf("another flow: channel %s, key %d; want another channel of the same contact (key %d)", elsewhere.SID, elsewhere.Key, first.Key)
		}
		// Chat tells identities apart letter by letter; a contact must not give one visitor another one's channel.
		if somebody := w.Open(flow, "Ada", nil); somebody.SID == first.SID || somebody.Key == first.Key {
			t.Error("identities that differ in case share a contact")
		}
		if _, err := w.Inbound.End(t.Context(), w.Owner, first.SID, ""); err != nil {
			t.Fatal(err)
		}
		fresh := w.Open(flow, "ada", nil)
		if fresh.SID == first.SID || fresh.Key != first.Key {
			t.Errorf("after the end: channel %s, key %d; want a new channel of the same contact", fresh.SID, fresh.Key)
		}
		// A chat channel that was deleted by itself must not lock the customer out.
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(fresh.SID)}); err != nil {
			t.Fatal(err)
		}
		if next := w.Open(flow, "ada", nil); next.SID == fresh.SID {
			t.Error("a channel without its chat channel was found")
		}
	})
}

func TestOpen_hundredAtOnceMakeOne(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(func(c *flex.FlowChange) { c.Integration.CreationOnMessage = new(false) })
		before := rows(t, w)
		var all sync.WaitGroup
		var mu sync.Mutex
		found := map[sid.SID]int{}
		openings := 0
		for range 100 {
			all.Go(func() {
				c, opened, err := w.Inbound.Open(context.Background(), w.Visitor("ada"), inbound.Opening{Flow: flow.SID, Identity: "ada", CustomerName: "Ada", Web: true})
				if err != nil {
					t.Errorf("open: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				found[c.SID]++
				if opened {
					openings++
				}
			})
		}
		all.Wait()
		if len(found) != 1 || openings != 1 {
			t.Errorf("%d channels, %d of the answers say opened", len(found), openings)
		}
		for table, n := range rows(t, w) {
			if n != before[table]+1 {
				t.Errorf("%s has %d rows more, want 1", table, n-before[table])
			}
		}
	})
}

func TestOpen_oneContactByTwoFlowsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flows := []flex.Flow{w.Flow(nil), w.Flow(nil), w.Flow(nil)}
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				_, _, err := w.Inbound.Open(context.Background(), w.Owner, inbound.Opening{Flow: flows[i%3].SID, Identity: "ada", CustomerName: "Ada", Web: true})
				if err != nil {
					t.Errorf("open: %v", err)
				}
			})
		}
		all.Wait()
		got := rows(t, w)
		if got["flex_contact"] != 1 || got["flex_channel"] != 3 || got["data_key"] != 1 {
			t.Errorf("rows %v", got)
		}
	})
}

func TestOpen_refusals(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		off := w.Flow(func(c *flex.FlowChange) { c.Enabled = new(false) })
		sms := w.Flow(func(c *flex.FlowChange) { c.ChannelType = new("sms") })
		studio := w.Flow(func(c *flex.FlowChange) {
			c.IntegrationType, c.Integration = new(flex.Studio), flex.IntegrationChange{FlowSID: new(sid.New("FW"))}
		})
		bound := w.Visitor("ada")
		bound.Flow = sid.New(sid.FlexFlow)
		agent := w.Visitor("ada")
		agent.Role = account.RoleAgent
		stranger := w.Account()
		foreign := w.Visitor("ada")
		foreign.Account = stranger.Account
		before := rows(t, w)
		for _, row := range []struct {
			name  string
			actor account.Actor
			o     inbound.Opening
			code  int
		}{
			{"another identity", w.Visitor("bob"), inbound.Opening{Flow: flow.SID, Identity: "ada", Web: true}, 20403},
			{"a token for another flow", bound, inbound.Opening{Flow: flow.SID, Identity: "ada", Web: true}, 20403},
			{"a visitor and no web channel", w.Visitor("ada"), inbound.Opening{Flow: flow.SID, Identity: "ada"}, 20403},
			{"an agent", agent, inbound.Opening{Flow: flow.SID, Identity: "ada", Web: true}, 20403},
			{"nobody", account.Actor{}, inbound.Opening{Flow: flow.SID, Identity: "ada", Web: true}, 20403},
			{"another account's visitor", foreign, inbound.Opening{Flow: flow.SID, Identity: "ada", Web: true}, 45205},
			{"another account", stranger, inbound.Opening{Flow: flow.SID, Identity: "ada", Web: true}, 45205},
			{"no such flow", w.Owner, inbound.Opening{Flow: sid.New(sid.FlexFlow), Identity: "ada"}, 45205},
			{"a flow that is off", w.Visitor("ada"), inbound.Opening{Flow: off.SID, Identity: "ada", Web: true}, 20403},
			{"a flow that is not for the web", w.Owner, inbound.Opening{Flow: sms.SID, Identity: "ada", Web: true}, 20001},
			{"no identity", w.Owner, inbound.Opening{Flow: flow.SID}, 20001},
			{"pre-engagement data that is no object", w.Owner, inbound.Opening{Flow: flow.SID, Identity: "ada", PreEngagement: `[1]`}, 45733},
			{"pre-engagement data that is no JSON", w.Owner, inbound.Opening{Flow: flow.SID, Identity: "ada", PreEngagement: `{`}, 45733},
			{
				"pre-engagement data that is too long", w.Owner,
				inbound.Opening{Flow: flow.SID, Identity: "ada", PreEngagement: `{"a":"` + strings.Repeat("x", 9000) + `"}`},
				45733,
			},
			{"task attributes that are no object", w.Owner, inbound.Opening{Flow: flow.SID, Identity: "ada", TaskAttributes: `"x"`}, 20001},
			{
				"task attributes that no task can have", w.Owner,
				inbound.Opening{Flow: flow.SID, Identity: "ada", TaskAttributes: `{"a":"` + strings.Repeat("x", 4090) + `"}`},
				20001,
			},
			{"a task that is none", w.Owner, inbound.Opening{Flow: flow.SID, Identity: "ada", Task: "WTx"}, 20001},
			{"a task that does not exist", w.Owner, inbound.Opening{Flow: flow.SID, Identity: "ada", Task: sid.New(sid.Task)}, 20001},
			{"a task for a studio flow", w.Owner, inbound.Opening{Flow: studio.SID, Identity: "ada", Task: sid.New(sid.Task)}, 20001},
			{"an identity that is too long", w.Owner, inbound.Opening{Flow: flow.SID, Identity: strings.Repeat("x", 257)}, 50207},
		} {
			_, opened, err := w.Inbound.Open(t.Context(), row.actor, row.o)
			want(t, row.name, err, row.code)
			if opened {
				t.Errorf("%s: opened", row.name)
			}
		}
		if diff := cmp.Diff(before, rows(t, w)); diff != "" {
			t.Errorf("a refusal left rows behind:\n%s", diff)
		}
		// A program of the account's own may use a flow that is off.
		if _, _, err := w.Inbound.Open(t.Context(), w.Owner, inbound.Opening{Flow: off.SID, Identity: "ada"}); err != nil {
			t.Errorf("an outbound flow: %v", err)
		}
	})
}

func TestEnd(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		c := w.Open(flow, "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		task := w.AllTasks()[0]

		_, err := w.Inbound.End(t.Context(), w.Visitor("bob"), c.SID, "")
		want(t, "another visitor", err, 20404)
		_, err = w.Inbound.End(t.Context(), w.Account(), c.SID, "")
		want(t, "another account", err, 20404)
		agent := w.Visitor("ada")
		agent.Role = account.RoleAgent
		_, err = w.Inbound.End(t.Context(), agent, c.SID, "")
		want(t, "an agent", err, 20404)
		_, err = w.Inbound.End(t.Context(), w.Owner, sid.New(sid.Channel), "")
		want(t, "no channel", err, 20404)
		_, err = w.Inbound.End(t.Context(), w.Owner, c.SID, "[]")
		want(t, "post-engagement data that is no object", err, 20001)
		if !w.Channel(c.SID).Open {
			t.Fatal("a refusal ended the channel")
		}

		for range 2 {
			ended, err := w.Inbound.End(t.Context(), w.Visitor("ada"), c.SID, `{"stars":5}`)
			if err != nil || ended.Open {
				t.Fatalf("end: %v %v", ended.Open, err)
			}
		}
		attributes := w.Attributes(c.SID)
		if attributes["status"] != inbound.Inactive || attributes["task_sid"] != string(task.SID) {
			t.Errorf("attributes %v", attributes)
		}
		if diff := cmp.Diff(map[string]any{"stars": 5.0}, attributes["post_engagement_data"]); diff != "" {
			t.Errorf("post-engagement data:\n%s", diff)
		}
		if got := w.AllTasks()[0]; got.Status != taskrouter.TaskCanceled || got.Reason == "" {
			t.Errorf("the waiting task is %s (%s)", got.Status, got.Reason)
		}
		w.Say(c.SID, "ada", "anybody?")
		w.Again()
		if n := len(w.AllTasks()); n != 1 {
			t.Errorf("%d tasks, want 1: an ended channel makes none", n)
		}
	})
}

func TestEnd_whateverTheAttributesAre(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		c := w.Open(flow, "ada", nil)
		if w.Room(c.SID).Watched != true {
			t.Error("an open channel without a task must be watched")
		}
		_, err := w.Chat.UpdateChannel(t.Context(), w.Owner, chat.Place{Channel: string(c.SID)}, chat.ChannelChange{Attributes: new(`"text"`)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Inbound.End(t.Context(), w.Visitor("ada"), c.SID, ""); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"status": "INACTIVE"}, w.Attributes(c.SID)); diff != "" {
			t.Errorf("attributes:\n%s", diff)
		}
		if w.Room(c.SID).Watched {
			t.Error("nobody waits for messages of an ended channel")
		}
		gone := w.Open(flow, "bob", nil)
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(gone.SID)}); err != nil {
			t.Fatal(err)
		}
		if c, err := w.Inbound.End(t.Context(), w.Visitor("bob"), gone.SID, ""); err != nil || c.Open {
			t.Errorf("a channel whose chat channel is gone: %v %v", c.Open, err)
		}
	})
}

func TestEnd_leavesAnAcceptedTaskToItsAgent(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		w.Route()
		bert := w.Agent("bert")
		c := w.Open(w.Flow(nil), "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		task := w.AllTasks()[0].SID
		w.Accept(bert, task)
		w.Pump()
		if _, err := w.Inbound.End(t.Context(), w.Visitor("ada"), c.SID, ""); err != nil {
			t.Fatal(err)
		}
		w.Pump()
		if got := w.AllTasks()[0].Status; got != taskrouter.TaskAssigned {
			t.Errorf("the task is %s, want assigned", got)
		}
		w.SetTask(task, taskrouter.TaskCompleted)
		w.Pump()
		if diff := cmp.Diff([]string{"ada"}, w.Members(c.SID)); diff != "" {
			t.Errorf("members:\n%s", diff)
		}
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		c := w.Open(flow, "ada", nil)
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		want(t, "a visitor", w.Inbound.Delete(t.Context(), w.Visitor("ada"), c.SID, true), 20403)
		want(t, "the other kind", w.Inbound.Delete(t.Context(), w.Owner, c.SID, false), 20404)
		want(t, "another account", w.Inbound.Delete(t.Context(), w.Account(), c.SID, true), 20404)
		if err := w.Inbound.Delete(t.Context(), w.Owner, c.SID, true); err != nil {
			t.Fatal(err)
		}
		w.Again() // reactions to what is gone find nothing to do
		want(t, "again", w.Inbound.Delete(t.Context(), w.Owner, c.SID, true), 20404)
		if got := rows(t, w); got["flex_channel"] != 0 || got["chat_channel"] != 0 || got["flex_contact"] != 1 {
			t.Errorf("rows %v", got)
		}
		if got := w.AllTasks(); len(got) != 1 || got[0].Status != taskrouter.TaskCanceled {
			t.Errorf("tasks %v", got)
		}
		gone := w.Open(flow, "ada", nil)
		if err := w.Chat.DeleteChannel(t.Context(), w.Owner, chat.Place{Channel: string(gone.SID)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Inbound.Delete(t.Context(), w.Owner, gone.SID, true); err != nil {
			t.Errorf("a channel whose chat channel is gone: %v", err)
		}
	})
}

func TestOpen_givenTask(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		flow := w.Flow(nil)
		task, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{TaskChannel: "chat", Attributes: `{"a":1}`})
		if err != nil {
			t.Fatal(err)
		}
		c := w.Open(flow, "ada", func(o *inbound.Opening) { o.Task, o.Web = task.SID, false })
		if !c.HasTask(task.SID) || w.Attributes(c.SID)["task_sid"] != string(task.SID) || w.Room(c.SID).Watched {
			t.Errorf("channel %+v, attributes %v", c, w.Attributes(c.SID))
		}
		w.Say(c.SID, "ada", "hello")
		w.Pump()
		got := w.AllTasks()
		if len(got) != 1 || !json.Valid(got[0].Attributes) || string(got[0].Attributes) != `{"a":1}` {
			t.Errorf("tasks %+v", got)
		}
	})
}
