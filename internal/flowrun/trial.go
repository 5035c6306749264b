package flowrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// Bounds of a test conversation's beginning.
const (
	trialName = 64      // characters of the customer's name
	trialForm = 8 << 10 // bytes of what the customer filled in
	trialMost = 50      // test conversations of an account at a time
)

// trialIdle is how long a test conversation is kept after its operator last did something in it.
const trialIdle = 15 * time.Minute

// stuckMost is how long after the end of its wait an execution is ended as stuck: by then its timer has been tried many times.
const stuckMost = 15 * time.Minute

// sweepBatch bounds what one look at the rows ends or removes.
const sweepBatch = 100

// NewTrial is what a test conversation begins with.
type NewTrial struct {
	Flow sid.SID
	// Revision is a number, LatestPublished or LatestRevision; "" is LatestRevision: what was saved last, published or not.
	Revision string
	// ChannelType is what the channel's attributes say; "" is web.
	ChannelType string
	// Name is what the customer is called, PreEngagement what the customer filled in before: a JSON object or "".
	Name, PreEngagement string
	// Body is the first message.
	Body string
}

// TrialInput is one thing that the operator of a test conversation does: a message as the customer, or what would have happened.
type TrialInput struct {
	Body string
	// Event is timeout (the customer did not answer in time), callComplete, failedToEnqueue or callFailure (how the task ended).
	Event string
}

// EventTimeout is the TrialInput by which a wait ends at once.
const EventTimeout = "timeout"

// StartTrial begins a test conversation: the flow runs, its HTTP calls are made, but what it sends and the tasks that it makes are
// only noted. No channel, no contact, no task and no member of the desk has anything to do with it. Fault 20001 for bad fields,
// 20404 where there is no such flow or revision, 81022 for a definition that is not valid, 20429 when the account has too many.
func (r *FlowRun) StartTrial(ctx context.Context, actor account.Actor, in NewTrial) (studio.Trial, error) {
	if !actor.Can(account.FlexManage) {
		return studio.Trial{}, fault.Forbidden("")
	}
	form, err := in.check()
	if err != nil {
		return studio.Trial{}, err
	}
	var begun sid.SID
	err = r.db.Do(ctx, func(tx *db.Tx) error {
		if n, err := r.Studio.TrialsTx(tx, actor.Account); err != nil {
			return err
		} else if n >= trialMost {
			return fault.TooMany(trialIdle)
		}
		own, err := r.Flex.ConfigurationTx(tx, actor.Account)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		// An address that nobody has: this execution meets no other one.
		contact := sid.New(sid.Channel)
		data := trialMessage(contact, in.Body, 0)
		data["InstanceSid"] = string(own.ChatService)
		data["ChannelAttributes"] = in.channel(form)
		x, effects, err := r.Studio.StartTx(tx, actor.Account, studio.NewExecution{
			Flow: in.Flow, Revision: in.Revision, Contact: string(contact), Channel: string(own.ChatService), Test: true,
			Start: engine.Start{Trigger: engine.IncomingMessage, Data: data},
		})
		if err != nil {
			return err
		}
		begun = x.SID
		if _, err := r.Studio.NoteTx(tx, &x, studio.LineDocument{Kind: studio.LineCustomer, Body: in.Body}); err != nil {
			return err
		}
		return r.RunTx(tx, &x, effects)
	})
	if err != nil {
		return studio.Trial{}, err
	}
	return r.Studio.Trial(ctx, actor, in.Flow, begun)
}

// check fills in what was left out and refuses what is too long. It returns what the customer filled in.
func (in *NewTrial) check() (form json.RawMessage, err error) {
	if in.Revision == "" {
		in.Revision = studio.LatestRevision
	}
	if in.ChannelType == "" {
		in.ChannelType = flex.ChannelTypes[0]
	}
	if in.Name == "" {
		in.Name = "Test"
	}
	switch {
	case !slices.Contains(flex.ChannelTypes, in.ChannelType):
		return nil, fault.Invalid("ChannelType must be one of %v", flex.ChannelTypes)
	case utf8.RuneCountInString(in.Name) > trialName:
		return nil, fault.Invalid("Name is longer than %d characters", trialName)
	case in.PreEngagement == "":
	default:
		if form, err = attr.Parse(in.PreEngagement, trialForm); err != nil {
			return nil, fault.Invalid("PreEngagementData must be a JSON object of at most %d bytes", trialForm).With(err)
		}
	}
	return form, checkBody(in.Body)
}

func checkBody(body string) error {
	if body == "" || len(body) > chat.MaxBody {
		return fault.Invalid("Body must have 1 to %d bytes", chat.MaxBody)
	}
	return nil
}

// channel is what flows see as the channel's attributes: those that a customer's channel begins with.
func (in *NewTrial) channel(form json.RawMessage) map[string]any {
	attributes := map[string]any{
		"task_sid": nil, "from": in.Name, "channel_type": in.ChannelType, "status": "ACTIVE", "long_lived": false,
	}
	if len(form) > 0 {
		attributes["pre_engagement_data"] = attr.Map(form)
	}
	return attributes
}

// trialMessage is a message of a test conversation as flows see it; see triggerData.
func trialMessage(channel sid.SID, body string, index int64) map[string]any {
	return map[string]any{
		"EventType": "onMessageSent", "Source": "SDK", "ChannelSid": string(channel), "MessageSid": string(sid.New(sid.Message)),
		"Index": index, "Body": body, "From": "test", "ClientIdentity": "test", "Attributes": attr.Empty, "NumMedia": "0",
	}
}

// ContinueTrial does one thing in a test conversation. Fault 20409 when the flow does not wait for it.
func (r *FlowRun) ContinueTrial(ctx context.Context, actor account.Actor, flow, execution sid.SID, in TrialInput) (studio.Trial, error) {
	if !actor.Can(account.FlexManage) {
		return studio.Trial{}, fault.Forbidden("")
	}
	if in.Event == "" {
		if err := checkBody(in.Body); err != nil {
			return studio.Trial{}, err
		}
	}
	err := r.db.Do(ctx, func(tx *db.Tx) error {
		root, err := r.Studio.TrialTx(tx, actor.Account, flow, execution)
		if err != nil {
			return err
		}
		x, err := r.innermost(tx, root)
		if err != nil {
			return err
		}
		input, err := r.trialInput(tx, &x, in)
		if err != nil {
			return err
		}
		return r.step(tx, &x, input, &errand{})
	})
	if err != nil {
		return studio.Trial{}, err
	}
	return r.Studio.Trial(ctx, actor, flow, execution)
}

// trialInput makes of what the operator does what the execution takes.
func (r *FlowRun) trialInput(tx *db.Tx, x *studio.Execution, in TrialInput) (engine.Input, error) {
	w := x.State.Wait
	if !x.Active || w == nil {
		return nil, fault.Conflict("The test conversation has ended")
	}
	var input engine.Input
	switch in.Event {
	case "":
		if !engine.Takes(x.State, engine.Message{}, tx.Now) {
			return nil, fault.Conflict("The flow does not wait for a message, but for: %s", w.For)
		}
		index, err := r.Studio.NoteTx(tx, x, studio.LineDocument{Kind: studio.LineCustomer, Body: in.Body})
		if err != nil {
			return nil, err
		}
		input = engine.Message{Data: trialMessage(sid.SID(x.State.Contact), in.Body, index)}
	case EventTimeout:
		if w.For != engine.ForMessage && w.For != engine.ForReturn || w.Until.IsZero() {
			return nil, fault.Conflict("The flow waits for something that does not time out")
		}
		over := *w
		over.Until = tx.Now
		x.State.Wait, input = &over, engine.Timeout{}
	case engine.CallComplete, engine.FailedToEnqueue, engine.CallFailure:
		if w.For != engine.ForTask {
			return nil, fault.Conflict("The flow does not wait for a task, but for: %s", w.For)
		}
		done := engine.TaskDone{Token: w.Token, Event: in.Event, Err: "as the operator of the test said"}
		if in.Event == engine.CallComplete {
			done.Task = map[string]any{"sid": string(sid.New(sid.Task)), "assignment_status": "completed"}
		}
		input = done
	default:
		return nil, fault.Invalid("Event must be timeout, callComplete, failedToEnqueue or callFailure")
	}
	return input, nil
}

// noteMessage is send of a test conversation.
func (r *FlowRun) noteMessage(tx *db.Tx, x *studio.Execution, e engine.SendMessage) (engine.Input, error) {
	if len(e.Body) > chat.MaxBody {
		return engine.Sent{Token: e.Token, Code: noCarrier, Message: "the message is too long"}, nil
	}
	line := studio.LineDocument{Kind: studio.LineFlow, Author: bot, Body: e.Body, Media: e.MediaURL, Widget: x.State.Widget}
	if e.From != "" && !sid.Valid(e.From, sid.ChatService) && e.From != text(x.State.Context.Trigger["message"], "From") {
		line.Author = e.From
	}
	if e.Channel == "" && e.To != x.State.Contact {
		line.To = e.To
	}
	index, err := r.Studio.NoteTx(tx, x, line)
	if err != nil {
		return nil, err
	}
	return engine.Sent{
		Token: e.Token, SID: string(sid.New(sid.Message)), Data: map[string]any{"Body": e.Body, "ChannelSid": x.State.Contact, "Index": index},
	}, nil
}

// noteTask is order of a test conversation: the flow goes on when the operator says how the task has ended.
func (r *FlowRun) noteTask(tx *db.Tx, x *studio.Execution, e engine.CreateTask) error {
	_, err := r.Studio.NoteTx(tx, x, studio.LineDocument{Kind: studio.LineTask, Widget: x.State.Widget, Task: &studio.TrialTask{
		Workflow: e.Workflow, TaskChannel: e.TaskChannel, Attributes: e.Attributes, Priority: e.Priority, Timeout: e.Timeout,
	}})
	return err
}

// EndTrial removes a test conversation with everything that it has left. Fault 20404 where there is none.
func (r *FlowRun) EndTrial(ctx context.Context, actor account.Actor, flow, execution sid.SID) error {
	if !actor.Can(account.FlexManage) {
		return fault.Forbidden("")
	}
	return r.db.Do(ctx, func(tx *db.Tx) error {
		x, err := r.Studio.TrialTx(tx, actor.Account, flow, execution)
		if err != nil {
			return err
		}
		return r.closeTrial(tx, &x)
	})
}

// closeTrial removes a test conversation and its timers.
func (r *FlowRun) closeTrial(tx *db.Tx, x *studio.Execution) error {
	tokens, err := r.Studio.CloseTrialTx(tx, x)
	for i := 0; err == nil && i < len(tokens); i++ {
		err = r.Jobs.Cancel(tx, Timers, tokens[i])
	}
	return err
}

// Sweep ends executions that are stuck, whose customers then begin anew with their next message, and removes test conversations
// that nobody looks after any more.
func (r *FlowRun) Sweep(ctx context.Context) error {
	for _, part := range []func(context.Context) (int, error){r.endStuck, r.closeIdle} {
		for n := sweepBatch; n == sweepBatch && ctx.Err() == nil; {
			var err error
			if n, err = part(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeIdle removes test conversations that were left, at most sweepBatch of them, and says how many.
func (r *FlowRun) closeIdle(ctx context.Context) (n int, err error) {
	err = r.db.Do(ctx, func(tx *db.Tx) error {
		idle, err := r.Studio.IdleTrialsTx(tx, tx.Now.Add(-trialIdle), sweepBatch)
		n = len(idle)
		for i := 0; err == nil && i < n; i++ {
			err = r.closeTrial(tx, &idle[i])
		}
		return err
	})
	return n, err
}

// endStuck ends executions whose wait has been over for longer than stuckMost, at most sweepBatch of them, and says how many.
func (r *FlowRun) endStuck(ctx context.Context) (n int, err error) {
	list, err := r.Studio.Next(ctx, sweepBatch)
	if err != nil {
		return 0, fmt.Errorf("waiting executions: %w", err)
	}
	for _, w := range list {
		if time.Since(w.WakeAt) < stuckMost {
			break // the list begins with those that have waited longest
		}
		n++
		if err := r.endOverdue(ctx, w); err != nil {
			return n, fmt.Errorf("execution %s: %w", w.SID, err)
		}
	}
	return n, nil
}

func (r *FlowRun) endOverdue(ctx context.Context, w studio.Waiting) error {
	err := r.db.Do(ctx, func(tx *db.Tx) error {
		x, err := r.Studio.ExecutionTx(tx, w.Account, w.SID)
		if fault.Is(err, fault.KindNotFound) || err == nil && (!x.Active || !x.WakeAt.Equal(w.WakeAt)) {
			return nil
		}
		if err != nil {
			return err
		}
		effects, err := r.Studio.EndTx(tx, &x, "stuck: its wait never ended")
		if err != nil {
			return err
		}
		slog.Warn("an execution was stuck and was ended", "execution", w.SID)
		return r.RunTx(tx, &x, effects)
	})
	if errors.Is(err, seal.ErrDestroyed) {
		return r.db.Do(ctx, func(tx *db.Tx) error { return r.Studio.AbandonTx(tx, w.Account, w.SID) })
	}
	return err
}
