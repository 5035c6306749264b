package messaging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Due is the queue of messages that are to be sent later.
const Due = "messaging.due"

type dueArgs struct {
	Message sid.SID `json:"message"`
}

// OnDue sends a scheduled message on its way: its time has come. A customer who has opted out meanwhile does not get it.
func (m *Messaging) OnDue(ctx context.Context, j job.Job) error {
	var a dueArgs
	if err := json.Unmarshal(j.Args, &a); err != nil {
		return fmt.Errorf("scheduled message: %w", err)
	}
	return m.db.Do(ctx, func(tx *db.Tx) error {
		msg, err := messages.ForUpdate(tx, j.Account, a.Message)
		if errors.Is(err, db.ErrNotFound) || err == nil && msg.Status != carry.Scheduled {
			return nil
		}
		if err != nil {
			return err
		}
		number, err := m.NumberTx(tx, msg.Account, msg.From)
		switch {
		case errors.Is(err, db.ErrNotFound):
			msg.fail(carry.Failed, 21606, "the sender is no longer the account's")
			return m.advance(tx, &msg)
		case err != nil:
			return err
		}
		out, err := m.optedOut(tx, &number, msg.To)
		if err != nil {
			return err
		}
		if out {
			msg.fail(carry.Failed, 21610, "the recipient has opted out")
			return m.advance(tx, &msg)
		}
		msg.Status = carry.Accepted
		if err := m.advance(tx, &msg); err != nil {
			return err
		}
		return m.tell(tx, event.SMSQueued, &msg)
	})
}
