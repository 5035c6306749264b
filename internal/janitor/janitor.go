// Package janitor closes what a conversation leaves behind, so that no customer writes into a channel that nobody reads.
//
// When a task ends, its channel is judged (Judge): a channel of a long-lived flow is left open and its next message makes a new
// task; any other is closed, its status attribute set to INACTIVE. A channel is never touched for a task that is not,
// or no longer, its own: after a transfer or a new beginning the old task's end means nothing.
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
)

// Tasks is the queue of tasks that are wrapped up or have ended.
const Tasks = "janitor.task"

// inactive is the value of the channel attribute "status" that says that the conversation is over.
const inactive = "INACTIVE"

// Starter begins what a customer's message asks for: a task, or a flow. handoff and flowrun do it.
type Starter interface {
	// Begin makes the task that a message of a channel asks for, if the message is the customer's and the channel has no task.
	Begin(ctx context.Context, acct int64, channel sid.SID, m chat.MessageData) error
}

// Janitor closes channels.
type Janitor struct {
	db    *db.DB
	flex  *flex.Flex
	chat  *chat.Chat
	tasks Starter
}

// New makes the janitor from its products.
func New(f *flex.Flex, c *chat.Chat, tasks Starter) *Janitor {
	return &Janitor{db: f.DB(), flex: f, chat: c, tasks: tasks}
}

// Verdict is what happens to a channel when a task ends.
type Verdict int

// The verdicts.
const (
	// Keep leaves the channel as it is.
	Keep Verdict = iota
	// Free takes the task from the channel: the customer's next message makes a new one.
	Free
	// Close ends the conversation.
	Close
)

// String names the verdict in the log.
func (v Verdict) String() string { return [...]string{"keep", "free", "close"}[v] }

// Judge decides about a channel when task ends in the way that kind, an event's, says; why is for the log.
//
// An agent who wraps up or completes ends the conversation, whatever the janitor's setting, as desks of the original do. What
// ends in another way (canceled, timed out, deleted by a program) is the janitor's, if the flow has it on.
func Judge(c flex.Channel, janitorOn bool, task sid.SID, kind string) (v Verdict, why string) {
	byAgent := kind == event.TaskWrapup || kind == event.TaskCompleted
	switch {
	case !c.Open:
		return Keep, "the channel is closed already"
	case !c.HasTask(task):
		return Keep, "the channel belongs to another task"
	case c.LongLived:
		return Free, "the channel is long-lived"
	case byAgent:
		return Close, "the agent ended the conversation"
	case janitorOn:
		return Close, "the task ended without an agent"
	}
	return Free, "the flow's janitor is off, and nobody is left to answer"
}

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
	var verdict Verdict
	var why string
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
		verdict, why = Judge(c, flow.Janitor, data.Task.SID, e.Kind)
		return jn.apply(tx, &c, verdict)
	})
	if err != nil {
		return err
	}
	if verdict != Keep {
		slog.Info("channel judged", "channel", channel, "task", data.Task.SID, "verdict", verdict, "why", why)
	}
	if c.Open && c.LongLived && c.Task == nil && c.LastTask == data.Task.SID {
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

// apply carries a verdict out.
func (jn *Janitor) apply(tx *db.Tx, c *flex.Channel, v Verdict) error {
	if v == Keep {
		return nil
	}
	ch, err := jn.chat.ChannelTx(tx, c.Account, c.SID)
	if fault.Is(err, fault.KindNotFound) {
		return jn.flex.DeleteChannelTx(tx, c) // somebody has deleted the chat channel: nothing is left to close
	}
	if err != nil {
		return err
	}
	c.SetTask("")
	set := map[string]any{"task_sid": nil}
	if v == Close {
		c.Open = false
		// The last task stays named, as on the original's channels.
		set = map[string]any{"status": inactive}
	}
	if err := jn.flex.UpdateChannelTx(tx, c); err != nil {
		return err
	}
	return jn.chat.SettleTx(tx, &ch, v == Free, func(old json.RawMessage) (json.RawMessage, error) { return flex.Amend(old, set) })
}
