package flowrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

const (
	// subflowsDeep bounds how deep flows may call one another.
	subflowsDeep = 8
	// subflowsMost bounds how many subflows one reaction begins: each may begin others in a circle, within one transaction.
	subflowsMost = 100
	// noCarrier is the code of a message that no carrier takes. Source: "Unknown error" of the original's message codes.
	noCarrier = 30008
	// bot is the author of a flow's messages that name none.
	bot = "Bot"
)

// errand is what one reaction has come to.
type errand struct {
	// depth is how deep in subflows it is, begun how many it has begun.
	depth, begun int
	// flex and chat are the channel whose message is reacted to; nil where none is. What changes flex meanwhile changes it here.
	flex *flex.Channel
	chat *chat.Channel
	// unsaved says that flex differs from its row.
	unsaved bool
}

// channel is the Flex channel of that name and its chat channel, as they were read last.
func (r *FlowRun) channel(tx *db.Tx, acct int64, name sid.SID, on *errand) (*flex.Channel, *chat.Channel, error) {
	if on.flex != nil && on.flex.SID == name {
		return on.flex, on.chat, nil
	}
	c, err := r.Flex.ChannelTx(tx, acct, name)
	if err != nil {
		return nil, nil, err
	}
	ch, err := r.Chat.ChannelTx(tx, acct, name)
	return &c, &ch, err
}

// RunTx carries out what a step asks for. It implements studio.Runner.
func (r *FlowRun) RunTx(tx *db.Tx, x *studio.Execution, effects []engine.Effect) error {
	return r.run(tx, x, effects, &errand{})
}

// KeyTx is the data key of the contact whose chat channel the address is, 0 for other addresses. It implements studio.Runner.
func (r *FlowRun) KeyTx(tx *db.Tx, acct int64, contact string) (int64, error) {
	if !sid.Valid(contact, sid.Channel) {
		return 0, nil
	}
	c, err := r.Flex.ChannelTx(tx, acct, sid.SID(contact))
	switch {
	case fault.Is(err, fault.KindNotFound):
		return 0, nil // a chat channel without a customer
	case errors.Is(err, seal.ErrDestroyed):
		return 0, fault.NotFound("/Channels/" + contact)
	}
	return c.Key, err
}

// run carries effects out until none is left; what one of them answers at once may ask for more.
func (r *FlowRun) run(tx *db.Tx, x *studio.Execution, effects []engine.Effect, on *errand) error {
	for len(effects) > 0 {
		effect := effects[0]
		effects = effects[1:]
		in, err := r.carryOut(tx, x, effect, on)
		if err != nil {
			return err
		}
		if in == nil {
			continue
		}
		more, err := r.Studio.StepTx(tx, x, in)
		if err != nil {
			return err
		}
		effects = append(effects, more...)
	}
	return r.alarm(tx, x)
}

// carryOut does one thing. It returns the answer when there is one at once, nil when it comes later or never.
func (r *FlowRun) carryOut(tx *db.Tx, x *studio.Execution, effect engine.Effect, on *errand) (engine.Input, error) {
	switch e := effect.(type) {
	case engine.SendMessage:
		if x.IsTest() {
			return r.noteMessage(tx, x, e)
		}
		return r.send(tx, x, e)
	case engine.HTTPCall:
		return nil, r.later(tx, x, e.Token, call{Execution: x.SID, HTTPCall: e})
	case engine.CreateTask:
		if x.IsTest() {
			return nil, r.noteTask(tx, x, e)
		}
		return r.order(tx, x, e, on)
	case engine.RunSubflow:
		return r.subflow(tx, x, e, on)
	case engine.Redirect:
		return nil, r.later(tx, x, e.Token, call{Execution: x.SID, HTTPCall: engine.HTTPCall{Token: e.Token}, Redirect: &e})
	case engine.Consult:
		return nil, r.later(tx, x, e.Token, call{Execution: x.SID, HTTPCall: engine.HTTPCall{Token: e.Token}, Consult: &e})
	case engine.End:
		return nil, r.ended(tx, x, on)
	}
	return nil, fmt.Errorf("execution %s asks for an unknown %T", x.SID, effect)
}

// send writes a message into the conversation. Flows of other channels need a carrier, which is told as a failure of the widget.
func (r *FlowRun) send(tx *db.Tx, x *studio.Execution, e engine.SendMessage) (engine.Input, error) {
	if !sid.Valid(addressee(x, e), sid.Channel) {
		return engine.Sent{Token: e.Token, Code: noCarrier, Message: "no carrier is configured for this address"}, nil
	}
	if e.MediaURL != "" {
		return nil, r.sendLater(tx, x, e)
	}
	in, err := r.say(tx, x, e, "")
	return in, err
}

// addressee is the channel that a message goes to, or another kind of address.
func addressee(x *studio.Execution, e engine.SendMessage) string {
	if e.Channel != "" {
		return e.Channel
	}
	return x.State.Contact
}

// say writes a message, and a file that is kept for it, into the channel.
func (r *FlowRun) say(tx *db.Tx, x *studio.Execution, e engine.SendMessage, file sid.SID) (engine.Sent, error) {
	name := addressee(x, e)
	failed := func(code int, text string) (engine.Sent, error) {
		return engine.Sent{Token: e.Token, Code: code, Message: text}, nil
	}
	ch, err := r.Chat.ChannelTx(tx, x.Account, sid.SID(name))
	if fault.Is(err, fault.KindNotFound) {
		return failed(fault.Of(err).Code, "the channel is not there any more")
	}
	if err != nil {
		return engine.Sent{}, err
	}
	author := e.From
	// In the customer's own name the flow would talk to itself.
	if author == "" || sid.Valid(author, sid.ChatService) || author == text(x.State.Context.Trigger["message"], "From") {
		author = bot
	}
	parts := []chat.NewMessage{{Author: author, Body: e.Body, Attributes: e.Attributes, ClientID: e.Token}}
	if file != "" {
		if e.Body == "" {
			parts = nil
		}
		parts = append(parts, chat.NewMessage{Author: author, Attributes: e.Attributes, Media: file, ClientID: e.Token + ".file"})
	}
	sent := engine.Sent{Token: e.Token}
	for _, part := range parts {
		m, _, err := r.Chat.SendTx(tx, &ch, part)
		if fault.Is(err, fault.KindInvalid) || fault.Is(err, fault.KindTooLarge) {
			return failed(fault.Of(err).Code, fault.Of(err).Message)
		}
		if err != nil {
			return engine.Sent{}, err
		}
		sent.SID, sent.Data = string(m.SID), map[string]any{"Body": e.Body, "ChannelSid": name, "Index": m.Index}
		if m.Media != nil {
			sent.Data["MediaSid"] = string(m.Media.SID)
		}
	}
	return sent, nil
}

// order makes the task by which the conversation goes to an agent.
func (r *FlowRun) order(tx *db.Tx, x *studio.Execution, e engine.CreateTask, on *errand) (engine.Input, error) {
	lost := func(why string) (engine.Input, error) {
		return engine.TaskDone{Token: e.Token, Event: engine.FailedToEnqueue, Err: why}, nil
	}
	if !sid.Valid(x.State.Contact, sid.Channel) {
		return lost("the contact has no chat channel")
	}
	c, ch, err := r.channel(tx, x.Account, sid.SID(x.State.Contact), on)
	if fault.Is(err, fault.KindNotFound) || err == nil && !c.Open {
		return lost("the channel is closed")
	}
	if err != nil {
		return nil, err
	}
	attributes, err := attr.Parse(e.Attributes, 0)
	if err != nil {
		return lost("the attributes are not a JSON object")
	}
	o := flex.Order{Workflow: sid.SID(e.Workflow), TaskChannel: e.TaskChannel, Attributes: attributes, Execution: x.SID}
	if priority := int64(e.Priority); priority > 0 {
		o.Priority = &priority
	}
	if timeout := int64(e.Timeout); timeout > 0 {
		o.Timeout = &timeout
	}
	if began, ok := index(x.State.Context.Trigger["message"]); ok {
		o.FirstIndex, o.FirstText = &began, text(x.State.Context.Trigger["message"], "Body")
	}
	before := *c
	c.Execution, c.Token = x.SID, e.Token
	if _, err := r.Handoff.OrderTx(tx, c, ch, o); err != nil {
		*c = before
		if fault.Is(err, fault.KindInvalid) || fault.Is(err, fault.KindNotFound) {
			return lost(fault.Of(err).Message)
		}
		return nil, err
	}
	on.unsaved = false
	return nil, nil
}

// index is the place in its channel of a message that the engine keeps, whose whole numbers are int.
func index(message any) (int64, bool) {
	fields, _ := message.(map[string]any)
	n, ok := fields["Index"].(int)
	return int64(n), ok
}

func text(v any, key string) string {
	fields, _ := v.(map[string]any)
	s, _ := fields[key].(string)
	return s
}

// subflow runs another flow for the same contact. One that ends at once answers at once.
func (r *FlowRun) subflow(tx *db.Tx, x *studio.Execution, e engine.RunSubflow, on *errand) (engine.Input, error) {
	failed := func(why string) (engine.Input, error) {
		return engine.SubflowDone{Token: e.Token, Event: engine.Failed, Err: why}, nil
	}
	if on.depth >= subflowsDeep || on.begun >= subflowsMost {
		return failed("too many subflows in one another, or one after the other")
	}
	on.begun++
	child, effects, err := r.Studio.StartTx(tx, x.Account, studio.NewExecution{
		Flow: sid.SID(e.Flow), Revision: e.Revision, Contact: x.State.Contact, Channel: x.State.Channel, Key: x.Key,
		Start:  engine.Start{Trigger: engine.IncomingParent, Data: e.Parameters, Parent: e.Parent},
		Parent: x, ParentToken: e.Token,
	})
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.KindInvalid || f.Kind == fault.KindNotFound || f.Kind == fault.KindConflict {
			return failed(f.Message)
		}
		return nil, err
	}
	on.depth++
	err = r.run(tx, &child, effects, on)
	on.depth--
	if err != nil {
		return nil, err
	}
	if child.Active {
		return nil, nil
	}
	return outcome(&child), nil
}

// outcome is how a subflow ended, for the flow that waits for it.
func outcome(child *studio.Execution) engine.SubflowDone {
	done := engine.SubflowDone{Token: child.ParentToken, Event: engine.Completed, Context: child.State.Context}
	if child.State.Reason != "" {
		done.Event, done.Err = engine.Failed, child.State.Reason
	}
	return done
}

// ended tells the flow that waits for this one. Below a step of that flow the answer is given there.
func (r *FlowRun) ended(tx *db.Tx, x *studio.Execution, on *errand) error {
	slog.Debug("execution ended", "execution", x.SID, "flow", x.State.FlowSID, "reason", x.State.Reason)
	if x.Parent == "" || on.depth > 0 {
		return nil
	}
	parent, err := r.Studio.ExecutionTx(tx, x.Account, x.Parent)
	if fault.Is(err, fault.KindNotFound) || err == nil && !parent.Active {
		return nil
	}
	if err != nil {
		return err
	}
	return r.step(tx, &parent, outcome(x), on)
}

// alarm sets the job that ends the execution's wait by itself.
func (r *FlowRun) alarm(tx *db.Tx, x *studio.Execution) error {
	w := x.State.Wait
	if !x.Active || w == nil || w.Until.IsZero() {
		return nil
	}
	return r.Jobs.Enqueue(tx, job.Job{Queue: Timers, Unique: w.Token, Account: x.Account, Key: x.Key, RunAt: w.Until.Add(time.Microsecond)},
		timer{Execution: x.SID, Token: w.Token})
}

// timer names a wait that ends by itself.
type timer struct {
	Execution sid.SID `json:"execution"`
	Token     string  `json:"token"`
}

// call is what an execution asks outside and waits for: an HTTP call, or what of the others is not nil. The token is set in any case.
type call struct {
	Execution sid.SID `json:"execution"`
	engine.HTTPCall
	Redirect *engine.Redirect    `json:"redirect,omitempty"`
	Consult  *engine.Consult     `json:"consult,omitempty"`
	Send     *engine.SendMessage `json:"send,omitempty"`
}

// later sets the job that asks outside.
func (r *FlowRun) later(tx *db.Tx, x *studio.Execution, token string, c call) error {
	return r.Jobs.Enqueue(tx, job.Job{Queue: Calls, Unique: token, Account: x.Account, Key: x.Key}, c)
}

// decode reads a job's arguments; done is true when there is nobody left to react for.
func decode(j job.Job, to any) (done bool, err error) {
	if len(j.Args) == 0 {
		return true, nil
	}
	if err := json.Unmarshal(j.Args, to); err != nil {
		return false, fmt.Errorf("%s: %w", j.Queue, err)
	}
	return false, nil
}
