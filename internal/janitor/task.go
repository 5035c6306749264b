package janitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// Tasks is the queue of tasks that are wrapped up or have ended.
const Tasks = "janitor.task"

// inactive is the value of the channel attribute "status" that says that the conversation is over.
const inactive = "INACTIVE"

// OnTask reacts to a task that is wrapped up, completed, canceled or deleted.
func (jn *Janitor) OnTask(ctx context.Context, j job.Job) error {
	err := jn.onTask(ctx, j)
	if errors.Is(err, seal.ErrDestroyed) {
		return nil // the customer was erased: another run would meet the same
	}
	return err
}

func (jn *Janitor) onTask(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil // the customer was erased after the job was made
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("task event: %w", err)
	}
	var data struct {
		Task struct {
			SID        sid.SID         `json:"sid"`
			Attributes json.RawMessage `json:"attributes"`
		} `json:"task"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("task event: %w", err)
	}
	channel := attr.String(data.Task.Attributes, "channelSid")
	if !sid.Valid(channel, sid.Channel) {
		return nil // no conversation, or one that was taken out of the task so that it stays open
	}
	verdict, why := Keep, ClosedAlready
	var c flex.Channel
	err := jn.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		c, err = jn.flex.ChannelTx(tx, j.Account, sid.SID(channel))
		if fault.Is(err, fault.KindNotFound) {
			c, verdict = flex.Channel{}, Keep
			return nil
		}
		if err != nil {
			return err
		}
		flow, err := jn.flex.FlowOf(tx, c)
		if err != nil {
			return fmt.Errorf("flow of %s: %w", c.SID, err)
		}
		other, err := taskrouter.LiveTalks(tx, []sid.SID{c.SID})
		if err != nil {
			return fmt.Errorf("tasks of %s: %w", c.SID, err)
		}
		transfer := of(other[c.SID], c)
		verdict, why = Judge(c, flow.Janitor, data.Task.SID, e.Kind, transfer)
		return jn.apply(tx, &c, verdict, why, transfer)
	})
	if err != nil {
		return err
	}
	if verdict != Keep {
		slog.Info("channel judged", "channel", channel, "task", data.Task.SID, "verdict", verdict, "why", why.Explain())
	}
	if c.Open && c.Task == nil && c.LastTask == data.Task.SID {
		return jn.resume(ctx, c, e.At)
	}
	return nil
}

// resume begins anew for what the customer has written since the task ended and before the channel was freed: nobody watched
// those messages. It may run again, and find that the task is made already.
func (jn *Janitor) resume(ctx context.Context, c flex.Channel, since time.Time) error {
	recent, err := jn.chat.History(ctx, account.System(c.Account, ""), c.SID, nil, chat.MaxHistory)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range recent {
		if m := &recent[i]; m.Author == c.Identity && !m.CreatedAt.Before(since) {
			return jn.tasks.Begin(ctx, c.Account, c.SID, m.Data())
		}
	}
	return nil
}

// of is the task that a talk names, if it is of the channel's account; "" otherwise.
func of(t taskrouter.Talk, c flex.Channel) sid.SID {
	if t.Account != c.Account {
		return ""
	}
	return t.SID
}

// apply carries a verdict out and keeps an entry of it. transfer is the task that takes the channel over.
func (jn *Janitor) apply(tx *db.Tx, c *flex.Channel, v Verdict, why Reason, transfer sid.SID) error {
	if v == Keep {
		return nil
	}
	ch, err := jn.chat.ChannelTx(tx, c.Account, c.SID)
	if fault.Is(err, fault.KindNotFound) {
		if err := jn.flex.DeleteChannelTx(tx, c); err != nil { // somebody has deleted the chat channel: nothing is left to close
			return err
		}
		if err := jn.endSessions(tx, c.Account, c.SID); err != nil {
			return err
		}
		return entry(c, Forget, ChatGone).write(tx)
	}
	if err != nil {
		return err
	}
	e := entry(c, v, why)
	if err := jn.change(tx, c, &ch, v, transfer); err != nil {
		return err
	}
	return e.write(tx)
}

// entry begins a line of the log about a channel, as it is before the verdict is carried out.
func entry(c *flex.Channel, v Verdict, why Reason) Entry {
	e := Entry{Account: c.Account, Channel: c.SID, Flow: c.Flow, Task: c.LastTask, Verdict: v, Reason: why}
	if c.Task != nil {
		e.Task = sid.SID(*c.Task)
	}
	return e
}

// change writes the Flex channel and the chat channel that a verdict changes.
func (jn *Janitor) change(tx *db.Tx, c *flex.Channel, ch *chat.Channel, v Verdict, transfer sid.SID) error {
	if v != Pass && v != Close {
		transfer = ""
	}
	c.SetTask(transfer)
	set := map[string]any{"task_sid": nil}
	switch v {
	case Close:
		c.Open = false
		// The last task stays named, as on the original's channels.
		set = map[string]any{"status": inactive}
	case Pass:
		set = map[string]any{"task_sid": transfer}
	}
	if err := jn.flex.UpdateChannelTx(tx, c); err != nil {
		return err
	}
	if v == Close {
		if err := jn.endSessions(tx, c.Account, c.SID); err != nil {
			return err
		}
	}
	watched := v == Free || v == Begin
	return jn.chat.SettleTx(tx, ch, watched, func(old json.RawMessage) (json.RawMessage, error) { return flex.Amend(old, set) })
}
