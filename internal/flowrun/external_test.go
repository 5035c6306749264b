package flowrun_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/inbound"
	"usher/internal/job"
	"usher/internal/taskrouter"
)

const botURL = "https://bot.example.com/hear?tenant=7"

// bot is who listens at botURL.
type bot struct {
	mu    sync.Mutex
	heard []hook.Request
	// answer fails the call; nil takes everything.
	answer func(n int, r hook.Request) error
}

// externalFlow leads a web page's visitors to a bot.
func (w *world) externalFlow(change func(c *flex.FlowChange)) (flex.Flow, *bot) {
	w.T.Helper()
	b := &bot{}
	w.Answer = func(r hook.Request) (hook.Response, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.heard = append(b.heard, r)
		if b.answer != nil {
			if err := b.answer(len(b.heard), r); err != nil {
				return hook.Response{}, err
			}
		}
		return hook.Response{Status: 200}, nil
	}
	return w.Flow(func(c *flex.FlowChange) {
		c.IntegrationType, c.Integration = new(flex.External), flex.IntegrationChange{URL: new(botURL)}
		if change != nil {
			change(c)
		}
	}), b
}

// said lists what the bot was told: body and number of tries before.
func (b *bot) said() (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.heard {
		list = append(list, r.Form.Get("Body")+" "+r.Form.Get("RetryCount"))
	}
	return list
}

// deliver does the due deliveries in their order, and what follows from those that fail. Every job runs once more after it was done, and
// every process ends after one job.
func (w *world) deliver() {
	w.T.Helper()
	attempts := map[int64]int{}
	for range 100 {
		jobs := w.Due(hook.Queue)
		if len(jobs) == 0 {
			return
		}
		j := jobs[0]
		attempts[j.ID]++
		j.Attempt = attempts[j.ID]
		if err := w.Hooks.Deliver(context.Background(), j); err == nil {
			if err := w.Hooks.Deliver(context.Background(), j); err != nil {
				w.T.Fatal(err)
			}
			w.Finish(j)
		}
		w.Restart()
		w.undelivered()
	}
	w.T.Fatal("deliveries never end")
}

// undelivered does what follows from deliveries that have failed.
func (w *world) undelivered() {
	w.T.Helper()
	for _, j := range w.Due(flowrun.Undelivered) {
		for range 2 {
			if err := w.Flowrun.OnUndelivered(context.Background(), j); err != nil {
				w.T.Fatal(err)
			}
			w.Restart()
		}
		w.Finish(j)
	}
}

// states lists what became of the deliveries about a channel.
func (w *world) states(c flex.Channel) (list []hook.State) {
	w.T.Helper()
	page, err := w.Hooks.List(context.Background(), w.Owner, hook.Filter{Subject: c.SID}, db.Page{Size: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, d := range page.Items {
		list = append(list, d.State)
	}
	return list
}

func failing(failure hook.Failure, status int) func(int, hook.Request) error {
	return func(int, hook.Request) error { return &hook.Error{Failure: failure, Status: status} }
}

func TestExternal_postsEachMessageOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		c := w.Open(flow, "ada", nil)
		first, _, err := w.Chat.Send(t.Context(), w.Owner, c.SID, chat.NewMessage{Author: "ada", Body: "Grüße & = +", Attributes: `{"a":"b"}`})
		if err != nil {
			t.Fatal(err)
		}
		w.Pump()
		w.Again()
		w.deliver()
		w.Say(c.SID, "Bot", "What can I do for you?")
		w.hears(c, "")
		w.hears(c, "Orders")
		w.Again()
		w.deliver()
		want := url.Values{
			"EventType": {"onMessageSent"}, "Source": {"SDK"}, "AccountSid": {string(w.Owner.AccountSID)}, "InstanceSid": {string(w.Service.SID)},
			"ChannelSid": {string(c.SID)}, "MessageSid": {string(first.SID)}, "Index": {"0"}, "Body": {"Grüße & = +"}, "From": {"ada"},
			"ClientIdentity": {"ada"}, "Attributes": {`{"a":"b"}`}, "DateCreated": {first.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z")},
			"RetryCount": {"0"},
		}
		if len(b.heard) == 0 {
			t.Fatal("nothing was posted")
		}
		got := b.heard[0]
		if diff := cmp.Diff(want, got.Form); diff != "" || got.URL != botURL || got.Method != "" || got.AuthToken == "" || len(got.IdempotencyToken) != 36 {
			t.Errorf("%s %s:\n%s", got.Method, got.URL, diff)
		}
		if diff := cmp.Diff([]string{"Grüße & = + 0", " 0", "Orders 0"}, b.said()); diff != "" {
			t.Errorf("posted:\n%s", diff)
		}
		if heard := w.Channel(c.SID).Heard; heard == nil || *heard != 3 {
			t.Errorf("heard %v", heard)
		}
		if len(w.AllTasks()) != 0 || !w.Room(c.SID).Watched {
			t.Error("a bot that listens got an agent at its side")
		}
	})
}

// Whatever the URL does, the customer gets an agent, and one.
func TestExternal_failureMakesOneTask(t *testing.T) {
	for _, row := range []struct {
		name    string
		retries *int64
		answer  func(int, hook.Request) error
		calls   int
		state   hook.State
	}{
		{"not said, never there", nil, failing(hook.Unreachable, 0), 4, hook.Failed},
		{"no retries", new(int64(0)), failing(hook.TimedOut, 0), 1, hook.Failed},
		{"one retry", new(int64(1)), failing(hook.BadStatus, 503), 2, hook.Failed},
		{"three retries", new(int64(3)), failing(hook.BadStatus, 429), 4, hook.Failed},
		{"a mistake of the bot", nil, failing(hook.BadStatus, 500), 1, hook.Failed},
		{"a private address", nil, failing(hook.Refused, 0), 1, hook.Blocked},
		{"a mistake inside", nil, func(int, hook.Request) error { return errors.New("no call can be made") }, 12, hook.Failed},
	} {
		t.Run(row.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				flow, b := w.externalFlow(func(c *flex.FlowChange) { c.Integration.RetryCount = row.retries })
				b.answer = row.answer
				c := w.Open(flow, "ada", nil)
				for _, body := range []string{"one", "two", "three"} {
					w.hears(c, body)
				}
				w.deliver()
				w.Again()
				w.hears(c, "four")
				w.deliver()
				if n := len(b.heard); n != row.calls {
					t.Errorf("%d calls: %v, want %d", n, b.said(), row.calls)
				}
				if i := slices.IndexFunc(b.heard, func(r hook.Request) bool { return r.IdempotencyToken != b.heard[0].IdempotencyToken }); i >= 0 {
					t.Errorf("call %d has another token", i)
				}
				if diff := cmp.Diff([]hook.State{row.state, hook.Canceled, hook.Canceled}, w.states(c)); diff != "" {
					t.Errorf("deliveries:\n%s", diff)
				}
				if n := len(w.AllTasks()); n != 1 {
					t.Fatalf("%d tasks", n)
				}
				if got := w.task(0); got["initialText"] != "one" || got["firstMessageIndex"] != 0.0 || got["channelSid"] != string(c.SID) {
					t.Errorf("task %v", got)
				}
				if made := w.AllTasks()[0]; made.Workflow.SID != w.IDs.Workflow || !w.Channel(c.SID).HasTask(made.SID) || w.Room(c.SID).Watched {
					t.Errorf("the task goes to %s, tied %v", made.Workflow.SID, w.Channel(c.SID).HasTask(made.SID))
				}
			})
		})
	}
}

// A restart in the middle of the tries goes on with the next one.
func TestExternal_arrivesAfterRetries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		b.answer = func(n int, r hook.Request) error {
			if n <= 3 {
				return &hook.Error{Failure: hook.BadStatus, Status: 503}
			}
			return nil
		}
		c := w.Open(flow, "ada", nil)
		w.hears(c, "one")
		w.hears(c, "two")
		w.deliver()
		if diff := cmp.Diff([]string{"one 0", "one 1", "one 2", "one 3", "two 0"}, b.said()); diff != "" || len(w.AllTasks()) != 0 {
			t.Errorf("%d tasks, posted:\n%s", len(w.AllTasks()), diff)
		}
	})
}

func TestExternal_failuresConcurrently(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		b.answer = failing(hook.BadStatus, 404)
		c := w.Open(flow, "ada", nil)
		w.hears(c, "one")
		posted := w.Due(hook.Queue)[0]
		run := func(do func(context.Context, job.Job) error, j job.Job) {
			var all sync.WaitGroup
			for range 6 {
				all.Go(func() {
					for {
						if err := do(context.Background(), j); !errors.Is(err, db.ErrConflict) {
							if err != nil {
								t.Error(err)
							}
							return
						}
					}
				})
			}
			all.Wait()
		}
		run(w.Hooks.Deliver, posted)
		lost := w.Due(flowrun.Undelivered)
		if len(lost) != 1 {
			t.Fatalf("%d jobs after a failure", len(lost))
		}
		run(w.Flowrun.OnUndelivered, lost[0])
		if n := len(w.AllTasks()); n != 1 {
			t.Errorf("%d tasks", n)
		}
	})
}

// What an operator replays later is the operator's to watch: no task comes of it.
func TestExternal_replay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		c := w.Open(flow, "ada", nil)
		w.hears(c, "one")
		w.deliver()
		page, err := w.Hooks.List(t.Context(), w.Owner, hook.Filter{}, db.Page{Size: 2})
		if err != nil || len(page.Items) != 1 {
			t.Fatal(page, err)
		}
		b.answer = failing(hook.BadStatus, 500)
		if _, err := w.Hooks.Replay(t.Context(), w.Owner, page.Items[0].SID); err != nil {
			t.Fatal(err)
		}
		w.deliver()
		if n := len(w.AllTasks()); n != 0 || len(b.heard) != 2 {
			t.Errorf("%d tasks, %d calls", n, len(b.heard))
		}
	})
}

// The bot hands over as the original's samples do: by a task of its own that names the channel.
func TestExternal_handsOver(t *testing.T) {
	for _, longLived := range []bool{false, true} {
		t.Run("long-lived "+strconv.FormatBool(longLived), func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Route()
				bert := w.Agent("bert")
				flow, b := w.externalFlow(func(c *flex.FlowChange) { c.LongLived = &longLived })
				c := w.Open(flow, "ada", nil)
				w.hears(c, "an agent, please")
				w.deliver()
				w.Say(c.SID, "Bot", "One moment")
				made, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{
					Workflow: w.IDs.Workflow, TaskChannel: "chat", Attributes: `{"channelSid":"` + string(c.SID) + `","channelType":"web","name":"Ada","intent":"order"}`,
				})
				if err != nil {
					t.Fatal(err)
				}
				w.Pump()
				w.hears(c, "are you there?") // the task waits: the bot is out of it
				if !w.Channel(c.SID).HasTask(made.SID) || w.Attributes(c.SID)["task_sid"] != string(made.SID) {
					t.Error("the channel did not take the task")
				}
				w.Accept(bert, made.SID)
				w.Pump()
				w.hears(c, "hello bert")
				w.deliver()
				w.Again()
				if diff := cmp.Diff([]string{"ada", "bert"}, w.Members(c.SID)); diff != "" || len(b.heard) != 1 {
					t.Errorf("posted %v, members:\n%s", b.said(), diff)
				}
				w.SetTask(made.SID, taskrouter.TaskWrapping)
				if longLived {
					w.Say(c.SID, "ada", "while bert wraps up") // nobody watches yet: the janitor gives it to the bot
					w.Say(c.SID, "Bot", "an announcement")
					w.Say(c.SID, "ada", "and this")
				}
				w.Pump()
				w.SetTask(made.SID, taskrouter.TaskCompleted)
				w.Pump()
				w.deliver()
				if got := w.Channel(c.SID); got.Open != longLived || got.Task != nil {
					t.Errorf("after the end: open %v, task %v", got.Open, got.Task)
				}
				if diff := cmp.Diff([]string{"ada"}, w.Members(c.SID)); diff != "" {
					t.Errorf("members after the end:\n%s", diff)
				}
				w.hears(c, "one more thing")
				w.Again()
				w.deliver()
				want := []string{"an agent, please 0"}
				if longLived {
					want = append(want, "while bert wraps up 0", "and this 0", "one more thing 0")
				}
				if diff := cmp.Diff(want, b.said()); diff != "" || len(w.AllTasks()) != 1 {
					t.Errorf("%d tasks, posted:\n%s", len(w.AllTasks()), diff)
				}
			})
		})
	}
}

// A message whose delivery fails after the bot has handed over makes no second task.
func TestExternal_failsAfterHandingOver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		b.answer = failing(hook.BadStatus, 500)
		c := w.Open(flow, "ada", nil)
		w.hears(c, "one")
		w.hears(c, "two")
		if _, err := w.Tasks.CreateTask(t.Context(), w.Owner, w.IDs.Workspace, taskrouter.NewTask{
			Workflow: w.IDs.Workflow, TaskChannel: "chat", Attributes: `{"channelSid":"` + string(c.SID) + `"}`,
		}); err != nil {
			t.Fatal(err)
		}
		w.Pump()
		w.deliver()
		if diff := cmp.Diff([]hook.State{hook.Failed, hook.Canceled}, w.states(c)); diff != "" || len(w.AllTasks()) != 1 {
			t.Errorf("%d tasks, deliveries:\n%s", len(w.AllTasks()), diff)
		}
	})
}

func TestExternal_notAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		closed := w.Open(flow, "ada", nil)
		w.Say(closed.SID, "ada", "bye")
		said := w.Take()
		if _, err := w.Inbound.End(t.Context(), w.Owner, closed.SID, ""); err != nil {
			t.Fatal(err)
		}
		for _, r := range said {
			w.Run(r) // comes after the end
		}
		w.deliver()
		// Off: it opens no channel for a visitor, but one that the account itself opens talks to it.
		if _, err := w.Flex.UpdateFlow(t.Context(), w.Owner, flow.SID, flex.FlowChange{Enabled: new(false)}); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Inbound.Open(t.Context(), w.Visitor("bea"), inbound.Opening{Flow: flow.SID, Identity: "bea", Web: true})
		if err == nil {
			t.Error("a visitor came in by a flow that is off")
		}
		c := w.Open(flow, "cid", nil)
		w.Say(c.SID, "cid", "hello")
		w.Pump()
		w.deliver()
		if diff := cmp.Diff([]string{"hello 0"}, b.said()); diff != "" || len(w.AllTasks()) != 0 {
			t.Errorf("%d tasks, posted:\n%s", len(w.AllTasks()), diff)
		}
		// Deleted: nobody is left to listen.
		if err := w.Flex.DeleteFlow(t.Context(), w.Owner, flow.SID); err != nil {
			t.Fatal(err)
		}
		w.Say(c.SID, "cid", "still there?")
		w.Pump()
		if n := len(w.AllTasks()); n != 1 || w.task(0)["initialText"] != "still there?" {
			t.Errorf("%d tasks", n)
		}
	})
}

func TestExternal_endsForAnErasedCustomer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		b.answer = failing(hook.BadStatus, 500)
		c := w.Open(flow, "ada", nil)
		w.hears(c, "one")
		posted := w.Due(hook.Queue)[0]
		if err := w.Hooks.Deliver(t.Context(), posted); err != nil {
			t.Fatal(err)
		}
		w.Finish(posted)
		w.hears(c, "two")
		lost := w.Due(flowrun.Undelivered)[0]
		w.Do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.Owner.Account, c.Key) })
		for _, args := range [][]byte{lost.Args, nil} {
			lost.Args = args
			if err := w.Flowrun.OnUndelivered(t.Context(), lost); err != nil {
				t.Error(err)
			}
		}
		w.Finish(lost)
		w.deliver()
		if diff := cmp.Diff([]hook.State{hook.Failed, hook.Erased}, w.states(c)); diff != "" || len(w.Due(flowrun.Undelivered)) != 0 {
			t.Errorf("deliveries:\n%s", diff)
		}
	})
}

// The longest message that chat takes and what its attributes may hold go out whole.
func TestExternal_longMessages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, b := w.externalFlow(nil)
		c := w.Open(flow, "ada", nil)
		body := strings.Repeat("字", chat.MaxBody/3)
		w.hears(c, body)
		w.deliver()
		if len(b.heard) != 1 || b.heard[0].Form.Get("Body") != body {
			t.Errorf("%d calls", len(b.heard))
		}
		if w.Flowrun.OnUndelivered(t.Context(), job.Job{Args: []byte("{"), Account: w.Owner.Account}) == nil {
			t.Error("a job that cannot be read counts as done")
		}
	})
}
