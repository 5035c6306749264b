package flowrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// OnCall asks outside what an execution waits for, and gives it the answer. A call carries its token, by which the receiver can
// tell a repeated one.
func (r *FlowRun) OnCall(ctx context.Context, j job.Job) error {
	var c call
	if done, err := decode(j, &c); done || err != nil {
		return err
	}
	if c.Send != nil { // also when the customer was faster than the file
		return forgive(r.sendFile(ctx, j, c.Execution, *c.Send))
	}
	x, err := r.waits(ctx, j.Account, c.Execution, c.Token)
	if err != nil || x == nil {
		return forgive(err)
	}
	switch {
	case c.Redirect != nil && x.State.Wait.For != engine.ForTwiML: // it was asked, and waits for the return by the same token
	case c.Redirect != nil:
		err = r.redirect(ctx, x, *c.Redirect)
	case c.Consult != nil:
		err = r.consult(ctx, x, *c.Consult)
	default:
		err = r.call(ctx, x, c.HTTPCall)
	}
	return forgive(err)
}

// call makes an HTTP call.
func (r *FlowRun) call(ctx context.Context, x *studio.Execution, c engine.HTTPCall) error {
	in := engine.HTTPDone{Token: c.Token}
	q := hook.Request{
		Method: c.Method, URL: c.URL, Body: []byte(c.Body), ContentType: c.ContentType, IdempotencyToken: c.Token,
		Timeout: time.Duration(c.TimeoutSeconds) * time.Second, MaxResponse: hook.DefaultResponse,
	}
	if c.Function {
		why, err := r.function(ctx, x.Account, c, &q)
		if err != nil {
			return err
		}
		if why != "" {
			in.Err = why
			return r.answer(ctx, x.Account, x.SID, in)
		}
	}
	res, err := r.Caller.Post(ctx, q)
	in.Status, in.Body, in.ContentType = res.Status, string(res.Body), res.ContentType
	var failed *hook.Error
	if errors.As(err, &failed) {
		if failed.Failure != hook.BadStatus { // of an answer with a status the widget judges itself
			in.Err = explain(failed)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return r.answer(ctx, x.Account, x.SID, in)
}

// explain says how a call failed, to whoever made the flow.
func explain(failed *hook.Error) string {
	if failed.Reason == "" {
		return string(failed.Failure)
	}
	return string(failed.Failure) + " (" + failed.Reason + ")"
}

// waits returns the execution if it still waits with that token, nil otherwise.
func (r *FlowRun) waits(ctx context.Context, acct int64, execution sid.SID, token string) (waiting *studio.Execution, err error) {
	err = r.db.Do(ctx, func(tx *db.Tx) error {
		waiting = nil
		x, err := r.Studio.ExecutionTx(tx, acct, execution)
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err == nil && x.Active && x.State.Wait != nil && x.State.Wait.Token == token {
			waiting = &x
		}
		return err
	})
	return waiting, err
}

// answer gives an input to an execution. One that is gone needs none.
func (r *FlowRun) answer(ctx context.Context, acct int64, execution sid.SID, in engine.Input) error {
	return r.db.Do(ctx, func(tx *db.Tx) error {
		x, err := r.Studio.ExecutionTx(tx, acct, execution)
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return r.step(tx, &x, in, &errand{})
	})
}

// OnTimer ends a wait whose time is over.
func (r *FlowRun) OnTimer(ctx context.Context, j job.Job) error {
	var t timer
	if done, err := decode(j, &t); done || err != nil {
		return err
	}
	return forgive(r.db.Do(ctx, func(tx *db.Tx) error {
		x, err := r.Studio.ExecutionTx(tx, j.Account, t.Execution)
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil || !x.Active || x.State.Wait == nil || x.State.Wait.Token != t.Token {
			return err
		}
		if !engine.Takes(x.State, engine.Timeout{}, tx.Now) {
			// Clocks of two processes differ: done now, the job would be gone and the wait go on for ever.
			return fmt.Errorf("execution %s: %w", t.Execution, errEarly)
		}
		return r.step(tx, &x, engine.Timeout{}, &errand{})
	}))
}

// errEarly says that a wait is not over yet.
var errEarly = errors.New("the wait is not over")

// OnTask tells a flow that its task has ended.
func (r *FlowRun) OnTask(ctx context.Context, j job.Job) error {
	var e event.Args
	if done, err := decode(j, &e); done || err != nil {
		return err
	}
	var data struct {
		Task json.RawMessage `json:"task"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("task event: %w", err)
	}
	channel, task := attr.String(data.Task, "attributes", "channelSid"), attr.String(data.Task, "sid")
	if !sid.Valid(channel, sid.Channel) {
		return nil
	}
	done := engine.CallComplete
	if e.Kind == event.TaskDeleted {
		done = engine.CallFailure
	}
	return forgive(r.db.Do(ctx, func(tx *db.Tx) error {
		c, err := r.Flex.ChannelTx(tx, j.Account, sid.SID(channel))
		if fault.Is(err, fault.KindNotFound) {
			return r.abandon(tx, j.Account, sid.SID(attr.String(data.Task, "attributes", "executionSid")), channel)
		}
		if err == nil && (c.Execution == "" || string(c.LastTask) != task) {
			return nil
		}
		if err != nil {
			return err
		}
		x, err := r.Studio.ExecutionTx(tx, j.Account, c.Execution)
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return r.step(tx, &x, engine.TaskDone{Token: c.Token, Event: done, Task: attr.Map(data.Task)}, &errand{})
	}))
}

// abandon tells an execution that waits for a task that its channel was deleted meanwhile.
func (r *FlowRun) abandon(tx *db.Tx, acct int64, execution sid.SID, channel string) error {
	x, err := r.Studio.ExecutionTx(tx, acct, execution)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if w := x.State.Wait; err != nil || x.State.Contact != channel || w == nil || w.For != engine.ForTask {
		return err
	}
	return r.step(tx, &x, engine.TaskDone{Token: x.State.Wait.Token, Event: engine.CallFailure, Err: "the channel was deleted"}, &errand{})
}

// forgive ends a reaction that meets rows of a customer who was erased.
func forgive(err error) error {
	if errors.Is(err, seal.ErrDestroyed) {
		return nil
	}
	return err
}
