// Package handoff ties conversations to the agents who answer them: it makes the task of a customer's channel, lets the agent who
// accepts it into the channel and out again when the work is done.
//
// The reactions here run from jobs of the event log (Queues): at least once, in the order of each stream. So each of
// them first looks whether it is still needed.
package handoff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

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

// Queues of the durable reactions.
const (
	// Messages holds a watched channel's new messages.
	Messages = "handoff.message"
	// Reservations holds reservations that were accepted or have ended.
	Reservations = "handoff.reservation"
	// Tasks holds tasks that others have made for a conversation.
	Tasks = "handoff.task"
)

// defaultTaskChannel is the task channel of tasks whose flow names none. Source: the original's Flex Flow, Integration.Channel.
const defaultTaskChannel = "default"

// fallbackTaskChannel is that of tasks that go to the account's own workflow.
const fallbackTaskChannel = "chat"

// initialTextMost is how much of the first message goes into the task's attributes, in characters: desks show it while the task rings.
const initialTextMost = 160

// Handoff is the sentence between channels and tasks.
type Handoff struct {
	db    *db.DB
	flex  *flex.Flex
	chat  *chat.Chat
	tasks *taskrouter.TaskRouter
}

// New makes the sentence from its products.
func New(f *flex.Flex, c *chat.Chat, t *taskrouter.TaskRouter) *Handoff {
	return &Handoff{db: f.DB(), flex: f, chat: c, tasks: t}
}

// StartTx makes a new channel's task now, or leaves the channel watched, so that the customer's first message makes it. The
// flow decides: integration.creation_on_message. A task that was given with the channel is only tied to it.
func (h *Handoff) StartTx(tx *db.Tx, flow flex.Flow, c *flex.Channel, ch *chat.Channel) error {
	if c.Task != nil {
		if _, err := h.tasks.TaskTx(tx, c.Account, sid.SID(*c.Task)); err != nil {
			return fault.Invalid("TaskSid %s is not the SID of a task", *c.Task).With(err)
		}
		return h.tie(tx, c, ch)
	}
	onMessage := flow.Integration.CreationOnMessage
	if flow.IntegrationType != flex.Task || onMessage != nil && *onMessage {
		return nil
	}
	return h.createTask(tx, flow, c, ch, nil)
}

// AbandonTx cancels the channel's task if no agent has accepted it.
func (h *Handoff) AbandonTx(tx *db.Tx, c *flex.Channel, reason string) error {
	if c.Task == nil {
		return nil
	}
	task := sid.SID(*c.Task)
	err := h.tasks.CancelWaitingTx(tx, c.Account, task, reason)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return fmt.Errorf("task %s: %w", task, err)
	}
	return nil
}

// Begin makes the task that a message of a channel asks for, if the message is the customer's and the channel has no task.
func (h *Handoff) Begin(ctx context.Context, acct int64, channel sid.SID, m chat.MessageData) error {
	return h.db.Do(ctx, func(tx *db.Tx) error {
		c, err := h.flex.ChannelTx(tx, acct, channel)
		if fault.Is(err, fault.KindNotFound) {
			return nil // a chat channel that is not a customer's
		}
		if err != nil {
			return err
		}
		if !c.Open || c.Task != nil || m.Author != c.Identity || c.Began != nil && m.Index <= *c.Began {
			return nil
		}
		flow, err := h.flex.FlowOf(tx, c)
		if err != nil {
			return fmt.Errorf("flow of %s: %w", c.SID, err)
		}
		ch, err := h.chat.ChannelTx(tx, acct, c.SID)
		if fault.Is(err, fault.KindNotFound) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return h.createTask(tx, flow, &c, &ch, &m)
	})
}

// erased says that the customer's data key was destroyed after the job was made: there is nobody left to react for.
func erased(j job.Job) bool { return len(j.Args) == 0 }

// forgive ends a reaction that meets rows of a customer who was erased. Another run would meet them as well.
func forgive(err error) error {
	if errors.Is(err, seal.ErrDestroyed) {
		return nil
	}
	return err
}

// createTask makes the channel's task and writes it into the channel. first is the message that asks for it, if one does.
func (h *Handoff) createTask(tx *db.Tx, flow flex.Flow, c *flex.Channel, ch *chat.Channel, first *chat.MessageData) error {
	attributes, err := taskAttributes(flow, c, first, "")
	if err != nil {
		return fmt.Errorf("task of %s: %w", c.SID, err)
	}
	_, err = h.give(tx, flow, c, ch, attributes, first)
	return err
}

// give makes a task with these attributes and ties the channel to it.
func (h *Handoff) give(tx *db.Tx, flow flex.Flow, c *flex.Channel, ch *chat.Channel, attributes string, first *chat.MessageData) (sid.SID, error) {
	task, err := h.makeTask(tx, flow, taskrouter.NewTask{Attributes: attributes, Key: c.Key, Watched: true})
	if err != nil {
		return "", fmt.Errorf("task of %s: %w", c.SID, err)
	}
	c.SetTask(task.SID)
	if first != nil {
		c.Began = &first.Index
	}
	return task.SID, h.tie(tx, c, ch)
}

// makeTask makes a task where the flow's tasks go. A flow whose integration cannot run, because it is of another type or
// names what is not there, falls back to the account's own workflow: a customer is never lost for a mistake in a flow.
func (h *Handoff) makeTask(tx *db.Tx, flow flex.Flow, n taskrouter.NewTask) (taskrouter.Task, error) {
	i := flow.Integration
	if flow.IntegrationType == flex.Task && i.Workspace != "" && i.Workflow != "" {
		asked := n
		asked.Workflow, asked.TaskChannel, asked.Timeout, asked.Priority = i.Workflow, i.Channel, i.Timeout, i.Priority
		if asked.TaskChannel == "" {
			asked.TaskChannel = defaultTaskChannel
		}
		task, err := h.tasks.CreateTaskTx(tx, flow.Account, i.Workspace, asked)
		if !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindInvalid) {
			return task, err
		}
		slog.Warn("the flow's integration cannot run; its task goes to the account's workflow", "flow", flow.SID, "code", fault.Of(err).Code)
	}
	own, err := h.flex.ConfigurationTx(tx, flow.Account)
	if err != nil {
		return taskrouter.Task{}, fmt.Errorf("%s has no workflow: %w", flow.Describe(), err)
	}
	n.Workflow, n.TaskChannel = own.Workflow, fallbackTaskChannel
	return h.tasks.CreateTaskTx(tx, flow.Account, own.Workspace, n)
}

// tie writes the channel's task into the Flex channel and the chat channel's attributes, and stops watching.
func (h *Handoff) tie(tx *db.Tx, c *flex.Channel, ch *chat.Channel) error {
	if err := h.flex.UpdateChannelTx(tx, c); err != nil {
		return err
	}
	return h.chat.SettleTx(tx, ch, false, func(old json.RawMessage) (json.RawMessage, error) {
		return flex.Amend(old, map[string]any{"task_sid": *c.Task})
	})
}

// OnReservation reacts to a reservation that was accepted (the agent joins the channel) or has ended (the agent leaves).
func (h *Handoff) OnReservation(ctx context.Context, j job.Job) error {
	if erased(j) {
		return nil
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("reservation event: %w", err)
	}
	var data struct {
		Reservation struct {
			Worker sid.SID `json:"worker_sid"`
		} `json:"reservation"`
		Task struct {
			SID        sid.SID         `json:"sid"`
			Attributes json.RawMessage `json:"attributes"`
		} `json:"task"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("reservation event: %w", err)
	}
	channel := attr.String(data.Task.Attributes, "channelSid")
	if !sid.Valid(channel, sid.Channel) {
		return nil // a task without a conversation
	}
	return forgive(h.db.Do(ctx, func(tx *db.Tx) error {
		worker, err := h.tasks.WorkerTx(tx, j.Account, data.Reservation.Worker)
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		ch, err := h.chat.ChannelTx(tx, j.Account, sid.SID(channel))
		if fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e.Kind {
		case event.ReservationAccepted:
			return h.join(tx, &ch, worker, data.Task.SID)
		case event.ReservationCompleted:
			return h.leave(tx, &ch, worker)
		}
		return nil // who was only asked never joined
	}))
}

// join makes the agent a member, unless the work ended before this reaction came to run.
func (h *Handoff) join(tx *db.Tx, ch *chat.Channel, worker taskrouter.Worker, task sid.SID) error {
	held, err := h.tasks.HoldsTx(tx, worker, task)
	if err != nil || !held {
		return err
	}
	if err := h.adopt(tx, ch, task); err != nil {
		return err
	}
	_, err = h.chat.AddMemberTx(tx, ch, chat.NewMember{
		Identity: Identity(worker), FriendlyName: agentName(worker), Kind: chat.Agent,
	})
	if fault.HasCode(err, memberExists) {
		return nil
	}
	return err
}

// adopt makes an accepted task the channel's own if it is newer than the one that the channel has: so a conversation that was
// transferred goes with its new task, and the end of the old one leaves it open. SIDs of tasks tell their age.
func (h *Handoff) adopt(tx *db.Tx, ch *chat.Channel, task sid.SID) error {
	c, err := h.flex.ChannelTx(tx, ch.Account, ch.SID)
	if fault.Is(err, fault.KindNotFound) || err == nil && (!c.Open || c.HasTask(task) || task <= c.LastTask) {
		return nil
	}
	if err != nil {
		return err
	}
	c.SetTask(task)
	return h.tie(tx, &c, ch)
}

// memberExists is the code of somebody who is a member already.
const memberExists = 50404

// leave takes the agent out of the channel, unless another task of the agent's goes on in it.
func (h *Handoff) leave(tx *db.Tx, ch *chat.Channel, worker taskrouter.Worker) error {
	c, err := h.flex.ChannelTx(tx, ch.Account, ch.SID)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	if err == nil && c.Task != nil {
		held, err := h.tasks.HoldsTx(tx, worker, sid.SID(*c.Task))
		if err != nil || held {
			return err
		}
	}
	_, err = h.chat.RemoveMemberTx(tx, ch, Identity(worker))
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

// Identity is the chat identity of a worker: its attribute contact_uri without the scheme, or its escaped name.
// Source: the original makes contact_uri "client:<identity>" at a worker's first sign-in.
func Identity(w taskrouter.Worker) string {
	if uri, ok := strings.CutPrefix(attr.String(w.Attributes, "contact_uri"), "client:"); ok && uri != "" {
		return uri
	}
	return account.IdentityOf(w.FriendlyName)
}

func agentName(w taskrouter.Worker) string {
	if name := attr.String(w.Attributes, "full_name"); name != "" {
		return name
	}
	return w.FriendlyName
}
