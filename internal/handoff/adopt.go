package handoff

import (
	"context"
	"encoding/json"
	"fmt"

	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/sid"
)

// OnTask reacts to a task that somebody else has made and that names a channel, as external flows hand over to an agent: a
// channel without a task takes it for its own, so that flows hear no more of the conversation and the task's end ends it. A
// channel that has a task goes with another one only when an agent accepts it: see adopt.
func (h *Handoff) OnTask(ctx context.Context, j job.Job) error {
	if erased(j) {
		return nil
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
	channel, task := attr.String(data.Task.Attributes, "channelSid"), data.Task.SID
	if !sid.Valid(channel, sid.Channel) {
		return nil
	}
	return forgive(h.db.Do(ctx, func(tx *db.Tx) error {
		c, err := h.flex.ChannelTx(tx, j.Account, sid.SID(channel))
		if fault.Is(err, fault.KindNotFound) || err == nil && (!c.Open || c.Task != nil || task <= c.LastTask) {
			return nil
		}
		if err != nil {
			return err
		}
		// A task that has ended meanwhile would keep the channel for ever.
		live, err := h.tasks.LiveTx(tx, j.Account, task)
		if err != nil || !live {
			return err
		}
		var ch chat.Channel
		if ch, err = h.chat.ChannelTx(tx, j.Account, c.SID); fault.Is(err, fault.KindNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c.SetTask(task)
		return h.tie(tx, &c, &ch)
	}))
}
