package messaging

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Filter narrows a list of messages; empty fields do not.
type Filter struct {
	From, To string
	// Sent not before and before these times; zero is without end. Messages that were not sent yet are left out by either.
	Since, Until time.Time
}

// Get reads a message. Grant messaging.read.
func (m *Messaging) Get(ctx context.Context, actor account.Actor, s sid.SID) (msg Message, err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return msg, err
	}
	err = m.db.View(ctx, func(tx *db.Tx) error {
		msg, err = messages.Get(tx, actor.Account, s)
		return missing(err, "Messages", s)
	})
	return msg, err
}

// List lists the account's messages, the newest first. An address that can be none lists nothing. Grant messaging.read.
func (m *Messaging) List(ctx context.Context, actor account.Actor, f Filter, p db.Page) (page db.PageOf[Message], err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return page, err
	}
	where, args := "account_id = $1", []any{actor.Account}
	and := func(clause string, v any) {
		args = append(args, v)
		where += " and " + clause + "$" + string(rune('0'+len(args)))
	}
	for _, c := range []struct{ column, address string }{{"from_hash = ", f.From}, {"to_hash = ", f.To}} {
		if c.address == "" {
			continue
		}
		clean, _, ok := normal(c.address)
		if !ok {
			return page, nil
		}
		hash, err := m.hash(actor.Account, clean)
		if err != nil {
			return page, err
		}
		and(c.column, hash)
	}
	if !f.Since.IsZero() {
		and("sent_at >= ", db.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		and("sent_at <> 0 and sent_at < ", db.Micros(f.Until))
	}
	p.Desc = true
	err = m.db.View(ctx, func(tx *db.Tx) error {
		page, err = messages.Page(tx, p, where, args...)
		return err
	})
	return page, err
}

// change runs fn on a message of the actor's account. Grant messaging.send.
func (m *Messaging) change(ctx context.Context, actor account.Actor, s sid.SID, fn func(tx *db.Tx, msg *Message) error) (msg Message, err error) {
	if err := allow(actor, account.MessagingSend); err != nil {
		return msg, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		if msg, err = messages.ForUpdate(tx, actor.Account, s); err != nil {
			return missing(err, "Messages", s)
		}
		return fn(tx, &msg)
	})
	return msg, err
}

// underWay says that a message is still to be sent, so that what it says is still needed.
func (msg *Message) underWay() bool {
	switch msg.Status { //nolint:exhaustive // the others have been sent, or never will be
	case carry.Accepted, carry.Scheduled, carry.Queued, carry.Sending, carry.Receiving:
		return true
	}
	return false
}

// Redact takes the text out of a message for good. A message that is still to be sent is 20009. Grant messaging.send.
func (m *Messaging) Redact(ctx context.Context, actor account.Actor, s sid.SID) (Message, error) {
	return m.change(ctx, actor, s, func(tx *db.Tx, msg *Message) error {
		if msg.underWay() {
			return fault.New(20009, "A message that is still to be sent cannot be redacted")
		}
		msg.Body, msg.Variables, msg.Details = "", nil, nil
		return messages.Update(tx, msg)
	})
}

// Cancel calls a scheduled message off; any other is 30409. Grant messaging.send.
func (m *Messaging) Cancel(ctx context.Context, actor account.Actor, s sid.SID) (Message, error) {
	return m.change(ctx, actor, s, func(tx *db.Tx, msg *Message) error {
		if !mayMove(msg.Status, carry.Canceled) {
			return fault.New(30409, "This message cannot be canceled: its status is %s", msg.Status)
		}
		msg.Status = carry.Canceled
		if err := m.jobs.Cancel(tx, Due, string(msg.SID)); err != nil {
			return err
		}
		return m.advance(tx, msg)
	})
}

// Delete deletes a message and its files. One that is still to be sent is 20009. Grant messaging.send.
func (m *Messaging) Delete(ctx context.Context, actor account.Actor, s sid.SID) error {
	_, err := m.change(ctx, actor, s, func(tx *db.Tx, msg *Message) error {
		if msg.underWay() {
			return fault.New(20009, "A message that is still to be sent cannot be deleted")
		}
		for _, item := range msg.Media {
			if err := item.release(tx); err != nil {
				return err
			}
		}
		return messages.Delete(tx, msg)
	})
	return err
}

// release lets go of a file's bytes, where they are the message's own.
func (i Item) release(tx *db.Tx) error {
	if !i.Kept || i.Lent {
		return nil
	}
	return media.Release(tx, i.SID)
}

// DeleteMedia deletes one file of a message. Grant messaging.send.
func (m *Messaging) DeleteMedia(ctx context.Context, actor account.Actor, s, file sid.SID) error {
	_, err := m.change(ctx, actor, s, func(tx *db.Tx, msg *Message) error {
		for i, item := range msg.Media {
			if item.SID != file {
				continue
			}
			if msg.underWay() {
				return fault.New(20009, "A file of a message that is still to be sent cannot be deleted")
			}
			if err := item.release(tx); err != nil {
				return err
			}
			msg.Media = append(msg.Media[:i], msg.Media[i+1:]...)
			return messages.Update(tx, msg)
		}
		return missing(db.ErrNotFound, "Messages/"+string(s)+"/Media", file)
	})
	return err
}

// Outcomes of a message, as somebody on the customer's side tells them.
const (
	Confirmed   = "confirmed"
	Unconfirmed = "unconfirmed"
)

// Feedback notes whether a message did what it was sent for. Of an incoming message it is 20001. Grant messaging.send.
func (m *Messaging) Feedback(ctx context.Context, actor account.Actor, s sid.SID, outcome string) (Message, error) {
	return m.change(ctx, actor, s, func(tx *db.Tx, msg *Message) error {
		if msg.Inbound {
			return fault.Invalid("Feedback is given for outgoing messages")
		}
		if msg.Feedback == "" {
			msg.FeedbackAt = tx.Now
		}
		msg.Feedback = outcome
		return messages.Update(tx, msg)
	})
}
