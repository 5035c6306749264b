package messaging

import (
	"errors"
	"fmt"
	"slices"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// partsMost bounds the names that a carrier may give one message.
const partsMost = 32

// MessageTx reads a message. db.ErrNotFound when there is none.
func (m *Messaging) MessageTx(tx *db.Tx, acct int64, s sid.SID) (Message, error) {
	return messages.Get(tx, acct, s)
}

// SendingTx says that a message is about to be handed to the connection's carrier. send is false when it must not be: it was
// canceled, has failed, or was sent already.
func (m *Messaging) SendingTx(tx *db.Tx, acct int64, s, connection sid.SID) (msg Message, send bool, err error) {
	if msg, err = messages.ForUpdate(tx, acct, s); err != nil {
		return msg, false, err
	}
	if msg.Status == carry.Sending { // tried before
		return msg, true, nil
	}
	if !mayMove(msg.Status, carry.Sending) {
		return msg, false, nil
	}
	msg.Status, msg.Connection = carry.Sending, connection
	return msg, true, m.advance(tx, &msg)
}

// SentTx says that a connection's carrier has taken a message, and by which names receipts will call it.
func (m *Messaging) SentTx(tx *db.Tx, acct int64, s, connection sid.SID, sent carry.Sent) (Message, error) {
	msg, err := messages.ForUpdate(tx, acct, s)
	if err != nil {
		return msg, err
	}
	if len(sent.IDs) > partsMost {
		sent.IDs = sent.IDs[:partsMost]
	}
	status := carry.SentOut
	if sent.Status == carry.Delivered {
		status = carry.Delivered
	}
	for i, id := range sent.IDs {
		if id == "" || len(id) > carrierIDMost {
			continue
		}
		first, err := m.claimTx(tx, acct, connection, blindWent, id, msg.SID, i)
		if err != nil {
			return msg, err
		}
		if first != "" && first != msg.SID {
			// Carriers count their names from the beginning at times. The newer message has them.
			if err := m.reclaimTx(tx, acct, connection, id, msg.SID, i); err != nil {
				return msg, err
			}
		}
	}
	if !mayMove(msg.Status, status) {
		return msg, nil
	}
	msg.Status, msg.Connection, msg.SentAt = status, connection, tx.Now
	msg.Parts = make([]carry.Status, max(len(sent.IDs), 1))
	for i := range msg.Parts {
		msg.Parts[i] = status
	}
	return msg, m.advance(tx, &msg)
}

// reclaimTx moves a carrier's name to another message.
func (m *Messaging) reclaimTx(tx *db.Tx, acct int64, connection sid.SID, id string, to sid.SID, part int) error {
	hash, err := m.db.Ring().Blind(acct, blindWent, id)
	if err != nil {
		return err
	}
	_, err = tx.Exec("update messaging_carrier_id set message_sid = $3, part = $4, created_at = $5 where connection_sid = $1 and id_hash = $2",
		string(connection), hash, string(to), part, db.Micros(tx.Now))
	return err
}

// RefusedTx says that a message was not taken and will not be tried again: it has failed. code is the original's error code, 0
// becomes 30008; reason is the carrier's word without an address or text.
func (m *Messaging) RefusedTx(tx *db.Tx, acct int64, s sid.SID, code int, reason string) (Message, error) {
	msg, err := messages.ForUpdate(tx, acct, s)
	if err != nil || !mayMove(msg.Status, carry.Failed) {
		return msg, err
	}
	msg.fail(carry.Failed, code, reason)
	return msg, m.advance(tx, &msg)
}

func (msg *Message) fail(status carry.Status, code int, reason string) {
	if code == 0 {
		code = 30008
	}
	msg.Status, msg.ErrorCode, msg.Reason = status, code, bounded(reason, 255)
}

// ReceiptTx keeps a carrier's receipt. found is false when the connection has no message of that name, which may be because the
// receipt came before SentTx: the carrier should bring it again. A receipt that tells nothing new changes nothing.
func (m *Messaging) ReceiptTx(tx *db.Tx, acct int64, connection sid.SID, r carry.Receipt) (found bool, err error) {
	hash, err := m.db.Ring().Blind(acct, blindWent, r.ID)
	if err != nil {
		return false, err
	}
	s, part, err := m.namedTx(tx, connection, hash)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("receipt: %w", err)
	}
	msg, err := messages.ForUpdate(tx, acct, s)
	if errors.Is(err, db.ErrNotFound) { // deleted since
		return true, nil
	}
	if err != nil {
		return false, err
	}
	before := msg.Status
	switch {
	case !msg.receipt(part, r):
		return true, nil
	case msg.Status == before: // a part has come further, the whole not yet
		return true, messages.Update(tx, &msg)
	}
	return true, m.advance(tx, &msg)
}

// receipt applies a receipt to a part of the message and says whether that changed anything.
func (msg *Message) receipt(part int, r carry.Receipt) bool {
	switch r.Status { //nolint:exhaustive // the others are no receipts
	case carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read:
	default:
		return false
	}
	for len(msg.Parts) <= min(part, partsMost-1) {
		msg.Parts = append(msg.Parts, carry.SentOut)
	}
	if part >= len(msg.Parts) || !mayMove(msg.Parts[part], r.Status) {
		return false
	}
	msg.Parts[part] = r.Status
	status := whole(msg.Parts)
	if !mayMove(msg.Status, status) {
		return true
	}
	if status == carry.Failed || status == carry.Undelivered {
		msg.fail(status, r.Code, r.Reason)
		return true
	}
	msg.Status = status
	return true
}

// whole is how far a message is whose parts are so far: one that is lost loses it, and it has arrived when all have.
func whole(parts []carry.Status) carry.Status {
	for _, s := range []carry.Status{carry.Failed, carry.Undelivered} {
		if slices.Contains(parts, s) {
			return s
		}
	}
	if slices.Contains(parts, carry.SentOut) {
		return carry.SentOut
	}
	if slices.Contains(parts, carry.Delivered) {
		return carry.Delivered
	}
	return carry.Read
}

// advance writes a message that has come further and tells so.
func (m *Messaging) advance(tx *db.Tx, msg *Message) error {
	if err := messages.Update(tx, msg); err != nil {
		return err
	}
	return m.tell(tx, event.SMSStatus, msg)
}
