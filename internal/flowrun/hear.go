package flowrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// HearTx gives a message of a channel to a flow that a webhook of the channel names: to its execution for the channel, or to a new
// one. trigger holds the fields of the webhook, attempt counts from 1: an execution that is at something else is waited for, and
// at last ended. Errors: 20404 for a flow that is not there, 20001 for one that cannot run.
func (r *FlowRun) HearTx(tx *db.Tx, flow sid.SID, ch *chat.Channel, m chat.MessageData, trigger map[string]string, attempt int) error {
	data := make(map[string]any, len(trigger)+1)
	for name, value := range trigger {
		data[name] = value
	}
	var attributes any
	if len(ch.Attributes) > 0 {
		if err := json.Unmarshal(ch.Attributes, &attributes); err != nil {
			return fmt.Errorf("channel %s attributes: %w", ch.SID, err)
		}
	}
	data["Index"], data["ChannelAttributes"] = m.Index, attributes
	r.fileFields(data, ch.ServiceSID, m)
	on := &errand{}
	begin := func() error {
		x, effects, err := r.Studio.StartTx(tx, ch.Account, studio.NewExecution{
			Flow: flow, Contact: string(ch.SID), Channel: string(ch.ServiceSID), Key: ch.Key, Identity: m.Author,
			Start: engine.Start{Trigger: engine.IncomingMessage, Data: data},
		})
		if err != nil {
			return err
		}
		return r.run(tx, &x, effects, on)
	}
	root, err := r.Studio.ActiveTx(tx, ch.Account, flow, string(ch.SID))
	if errors.Is(err, db.ErrNotFound) {
		return begin()
	}
	if err != nil {
		return err
	}
	x, err := r.innermost(tx, root)
	if err != nil {
		return err
	}
	switch w := x.State.Wait; {
	case w != nil && w.For == engine.ForTask:
		return nil // an agent reads it
	case engine.Takes(x.State, engine.Message{Data: data}, tx.Now):
		return r.step(tx, &x, engine.Message{Data: data}, on)
	case attempt < busyMost:
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
	return begin()
}
