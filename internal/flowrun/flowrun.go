// Package flowrun runs Flex Flows that put something before the agent. For Studio flows it starts an execution when a customer writes on a channel whose Flex Flow says so, gives it what
// happens, and carries out what it asks for.
//
// What an execution asks for is carried out in the transaction of its step where it only needs rows (a message, a task, a
// subflow), and by a job where it needs the world outside (an HTTP call) or time (a timeout). Every wait of an execution has a
// token of its own; an answer that comes twice, or late, carries a token that nobody waits for and changes nothing. So a restart
// in the middle of anything goes on exactly once.
//
// For external flows it posts each message of the customer to the operator's URL, as long as no task has the channel.
//
// A customer is never lost for a flow: when there is none to run, it cannot begin, or its URL does not take a message, the
// message makes a task.
package flowrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// Queues of the durable reactions.
const (
	// Calls holds what executions ask outside and wait for: HTTP calls, TwiML, assistants.
	Calls = "flowrun.call"
	// Timers holds waits that end by themselves.
	Timers = "flowrun.timer"
	// Tasks holds tasks that have ended.
	Tasks = "flowrun.task"
)

// busyMost is how often a message is held back while its execution is at something else. An execution that is still at it then is
// ended, and the message begins anew: a stuck flow never swallows what a customer says.
const busyMost = 5

// failMost is how often a message is tried on a flow whose carrying out fails, before handoff takes over.
const failMost = 8

// Handoff is what happens without a flow, and makes tasks for flows.
type Handoff interface {
	Begin(ctx context.Context, acct int64, channel sid.SID, m chat.MessageData) error
	OrderTx(tx *db.Tx, c *flex.Channel, ch *chat.Channel, o flex.Order) (sid.SID, error)
}

// Caller makes HTTP calls; *hook.Client does, behind its guard.
type Caller interface {
	Post(ctx context.Context, r hook.Request) (hook.Response, error)
}

// Accounts finds accounts by their integer keys; *account.Accounts does.
type Accounts interface {
	ByIDTx(tx *db.Tx, id int64) (account.Account, error)
}

// Deps are what New needs.
type Deps struct {
	Studio   *studio.Studio
	Flex     *flex.Flex
	Chat     *chat.Chat
	Jobs     *job.Queue
	Handoff  Handoff
	Caller   Caller
	Hooks    Deliveries
	Accounts Accounts
	Fetcher  Fetcher
	Files    Files
	// Origin is where this server is reached, for the addresses of files, such as https://usher.example.org.
	Origin string
}

// FlowRun is the sentence between Studio and everything that a flow touches. It is a studio.Runner.
type FlowRun struct {
	Deps
	db *db.DB
}

// New makes the sentence from its products.
func New(d Deps) *FlowRun { return &FlowRun{Deps: d, db: d.Flex.DB()} }

// errBusy says that the execution takes no message at the moment.
var errBusy = errors.New("the execution is at something else")

// OnMessage reacts to a message in a watched channel: the flow of the channel hears it or begins with it. Where there is no flow to
// run, handoff makes a task.
func (r *FlowRun) OnMessage(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil // the customer was erased
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	var m chat.MessageData
	if err := json.Unmarshal(e.Data, &m); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	err := r.listen(ctx, j.Account, e.Stream, m, j.Attempt)
	if err != nil && j.Attempt >= failMost {
		slog.Error("a flow fails again and again; its customer gets a task", "channel", e.Stream, "error", err)
		return r.Handoff.Begin(ctx, j.Account, e.Stream, m)
	}
	return err
}

// Begin reacts to a customer's message that nobody watched for. It stands where Handoff.Begin stands without flows.
func (r *FlowRun) Begin(ctx context.Context, acct int64, channel sid.SID, m chat.MessageData) error {
	if err := r.listen(ctx, acct, channel, m, 1); err != nil {
		return err
	}
	return forgive(r.catchUp(ctx, acct, channel, m.Index))
}

// listen gives a message to the channel's flow or, where there is none to run, to handoff.
func (r *FlowRun) listen(ctx context.Context, acct int64, channel sid.SID, m chat.MessageData, attempt int) error {
	mine := false
	err := r.db.Do(ctx, func(tx *db.Tx) (err error) {
		mine, err = r.hear(tx, acct, channel, m, attempt)
		return err
	})
	switch {
	case errors.Is(err, seal.ErrDestroyed):
		return nil
	case fault.Is(err, fault.KindNotFound), fault.Is(err, fault.KindInvalid):
		slog.Warn("a flow cannot begin; its customer gets a task", "channel", channel, "code", fault.Of(err).Code)
	case err != nil:
		return err
	case mine:
		return nil
	}
	return forgive(r.Handoff.Begin(ctx, acct, channel, m))
}

// hear gives a message to the channel's flow. mine is false when the channel has none.
func (r *FlowRun) hear(tx *db.Tx, acct int64, channel sid.SID, m chat.MessageData, attempt int) (mine bool, err error) {
	c, err := r.Flex.ChannelTx(tx, acct, channel)
	if fault.Is(err, fault.KindNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	flow, err := r.Flex.FlowOf(tx, c)
	outside := external(flow)
	if err != nil || !outside && (flow.IntegrationType != flex.Studio || flow.Integration.FlowSID == "") {
		return false, err
	}
	if !c.Open || c.Task != nil || m.Author != c.Identity || before(m, c.Began) {
		return true, nil
	}
	if outside {
		return true, r.post(tx, flow, &c, m) // the delivery of each message is unique
	}
	if before(m, c.Heard) {
		return true, nil
	}
	ch, err := r.Chat.ChannelTx(tx, acct, channel)
	if err != nil {
		return true, err
	}
	data, err := r.triggerData(c, &ch, m)
	if err != nil {
		return true, err
	}
	// By this the message is taken once, however often its job runs.
	c.Heard = &m.Index
	on := errand{flex: &c, chat: &ch, unsaved: true}
	if err := r.give(tx, flow, &on, data, attempt); err != nil || !on.unsaved {
		return true, err
	}
	return true, r.Flex.UpdateChannelTx(tx, &c)
}

// before says that a message is the one of that index, or an earlier one.
func before(m chat.MessageData, index *int64) bool { return index != nil && m.Index <= *index }

// give lets the channel's execution, or a new one, have a message. The channel has no task.
func (r *FlowRun) give(tx *db.Tx, flow flex.Flow, on *errand, data map[string]any, attempt int) error {
	c := on.flex
	root, err := r.Studio.ActiveTx(tx, c.Account, flow.Integration.FlowSID, string(c.SID))
	if errors.Is(err, db.ErrNotFound) {
		return r.begin(tx, flow, on, data)
	}
	if err != nil {
		return err
	}
	x, err := r.innermost(tx, root)
	if err != nil {
		return err
	}
	if w := x.State.Wait; w != nil && w.For == engine.ForTask {
		// The conversation is over and its agent only wraps up: for the flow, the task has ended. What the task itself says of its
		// end later finds nobody waiting.
		if err := r.step(tx, &x, engine.TaskDone{Token: w.Token, Event: engine.CallComplete}, on); err != nil || c.Task != nil {
			return err // the flow has made another task, whose agent reads the message
		}
		return r.give(tx, flow, on, data, attempt)
	}
	if engine.Takes(x.State, engine.Message{Data: data}, tx.Now) {
		return r.step(tx, &x, engine.Message{Data: data}, on)
	}
	if attempt < busyMost {
		return fmt.Errorf("execution %s: %w", x.SID, errBusy)
	}
	slog.Warn("an execution stood in the way of a message and was ended", "execution", x.SID)
	effects, err := r.Studio.EndTx(tx, &root, "stuck: a message could not be taken")
	if err != nil {
		return err
	}
	if err := r.run(tx, &root, effects, on); err != nil {
		return err
	}
	return r.begin(tx, flow, on, data)
}

// innermost is the execution that acts for another one: its subflow's subflow, as far as they go.
func (r *FlowRun) innermost(tx *db.Tx, x studio.Execution) (studio.Execution, error) {
	for x.State.Wait != nil && x.State.Wait.For == engine.ForSubflow {
		below, err := r.Studio.SubflowTx(tx, &x)
		if errors.Is(err, db.ErrNotFound) {
			break
		}
		if err != nil {
			return x, err
		}
		x = below
	}
	return x, nil
}

// begin starts the flow with a message. The channel has no execution in it.
func (r *FlowRun) begin(tx *db.Tx, flow flex.Flow, on *errand, data map[string]any) error {
	x, effects, err := r.Studio.StartTx(tx, on.flex.Account, studio.NewExecution{
		Flow: flow.Integration.FlowSID, Contact: string(on.flex.SID), Channel: string(flow.ChatService), Key: on.flex.Key,
		Identity: on.flex.Identity, Start: engine.Start{Trigger: engine.IncomingMessage, Data: data}, Free: true,
	})
	if err != nil {
		return err
	}
	return r.run(tx, &x, effects, on)
}

// step gives an input to an execution and carries out what follows. A wait that has ended takes its timer with it.
func (r *FlowRun) step(tx *db.Tx, x *studio.Execution, in engine.Input, on *errand) error {
	before := x.State.Wait
	effects, err := r.Studio.StepTx(tx, x, in)
	if err != nil {
		return err
	}
	if before != nil && !before.Until.IsZero() && (x.State.Wait == nil || x.State.Wait.Token != before.Token) {
		if err := r.Jobs.Cancel(tx, Timers, before.Token); err != nil {
			return err
		}
	}
	return r.run(tx, x, effects, on)
}

// triggerData is a message as flows see it: the fields of the original's webhook for a message that was sent.
func (r *FlowRun) triggerData(c flex.Channel, ch *chat.Channel, m chat.MessageData) (map[string]any, error) {
	var attributes any
	if len(ch.Attributes) > 0 {
		if err := json.Unmarshal(ch.Attributes, &attributes); err != nil {
			return nil, fmt.Errorf("channel %s attributes: %w", ch.SID, err)
		}
	}
	data := map[string]any{
		"EventType": messageSent, "Source": "SDK", "InstanceSid": string(c.Service), "ChannelSid": string(c.SID), "MessageSid": string(m.SID),
		"Index": m.Index, "Body": m.Body, "From": m.Author, "ClientIdentity": m.Author, "Attributes": string(m.Attributes),
		"ChannelAttributes": attributes,
	}
	r.fileFields(data, c.Service, m)
	return data, nil
}
