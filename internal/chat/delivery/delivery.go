// Package delivery keeps what became of chat messages that go out by a carrier: whether they were sent, have arrived, were read, or why
// not. A long message goes out as several; it is as far as the one that is least so, and has failed when one of them has.
package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/payload"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Delivery is what became of one chat message. Its SID is the message's.
type Delivery struct {
	db.Row
	ChannelID int64
	Index     int64 // of the message in its channel
	Document
}

// Document is the sealed part of a delivery.
type Document struct {
	Channel sid.SID `json:"channel"`
	Parts   []Part  `json:"parts,omitempty"`
	// Code and Reason say why it failed: the original's error code, and the carrier's word.
	Code   int    `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Part is one message of those that it went out as.
type Part struct {
	Message sid.SID `json:"message"` // SM… or MM…; "" when none could be made
	Status  Status  `json:"status"`
}

// Status is how far a message is, in the words of messages by carriers.
type Status string

// Failed is the status of what cannot be sent.
const Failed Status = "failed"

// order is how far statuses are, the end that a whole message comes to first at the front.
var order = []Status{Failed, "undelivered", "canceled", "scheduled", "accepted", "queued", "sending", "sent", "delivered", "read"}

// Status is how far the message is: as far as the least of its parts.
func (d *Delivery) Status() Status {
	if len(d.Parts) == 0 {
		return Failed
	}
	least := d.Parts[0].Status
	for _, p := range d.Parts {
		if slices.Index(order, p.Status) < slices.Index(order, least) {
			least = p.Status
		}
	}
	return least
}

// Data is a delivery as readers of the channel's stream see it.
type Data struct {
	MessageSID  sid.SID      `json:"message_sid"`
	ChannelSID  sid.SID      `json:"channel_sid"`
	Index       int64        `json:"index"`
	Status      Status       `json:"status"`
	ErrorCode   *int         `json:"error_code"`
	Reason      *string      `json:"reason"`
	Messages    []sid.SID    `json:"messages"` // what it went out as
	DateUpdated payload.Date `json:"date_updated"`
}

// Data is the delivery's payload.
func (d *Delivery) Data() Data {
	data := Data{
		MessageSID: d.SID, ChannelSID: d.Channel, Index: d.Index, Status: d.Status(), Messages: []sid.SID{}, DateUpdated: payload.Date(d.UpdatedAt),
	}
	for _, p := range d.Parts {
		if p.Message != "" {
			data.Messages = append(data.Messages, p.Message)
		}
	}
	if d.Code != 0 {
		data.ErrorCode = &d.Code
	}
	if d.Reason != "" {
		data.Reason = &d.Reason
	}
	return data
}

// Deliveries is the product.
type Deliveries struct {
	db   *db.DB
	log  *event.Log
	chat *chat.Chat
}

// New makes the product.
func New(d *db.DB, log *event.Log, c *chat.Chat) *Deliveries {
	return &Deliveries{db: d, log: log, chat: c}
}

// GetTx reads the delivery of a chat message; db.ErrNotFound when there is none.
func (v *Deliveries) GetTx(tx *db.Tx, acct int64, message sid.SID) (Delivery, error) {
	return deliveries.Get(tx, acct, message)
}

// KnownTx says whether a chat message has a delivery.
func (v *Deliveries) KnownTx(tx *db.Tx, acct int64, message sid.SID) (bool, error) {
	_, err := deliveries.Get(tx, acct, message)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// NoteTx records that a chat message goes out, and tells so.
func (v *Deliveries) NoteTx(tx *db.Tx, ch *chat.Channel, message sid.SID, index int64, doc Document) error {
	doc.Channel = ch.SID
	d := Delivery{Row: db.Row{SID: message, Account: ch.Account, Key: ch.Key}, ChannelID: ch.ID, Index: index, Document: doc}
	if err := deliveries.Insert(tx, &d); err != nil {
		return err
	}
	return v.tell(tx, ch, &d)
}

// MoveTx brings one of the messages that a chat message went out as further. It does nothing where the chat message is gone, or the
// status says nothing new.
func (v *Deliveries) MoveTx(tx *db.Tx, acct int64, message sid.SID, part Part, code int, reason string) error {
	d, err := deliveries.ForUpdate(tx, acct, message)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(d.Parts, func(p Part) bool { return p.Message == part.Message })
	if i < 0 || d.Parts[i].Status == part.Status {
		return nil
	}
	before := d.Status()
	d.Parts[i] = part
	if part.Status == Failed || part.Status == "undelivered" {
		d.Code, d.Reason = code, reason
	}
	if err := deliveries.Update(tx, &d); err != nil {
		return err
	}
	if d.Status() == before {
		return nil
	}
	ch, err := v.chat.ChannelTx(tx, acct, d.Channel)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return v.tell(tx, &ch, &d)
}

// tell tells the readers of the channel's stream.
func (v *Deliveries) tell(tx *db.Tx, ch *chat.Channel, d *Delivery) error {
	data, err := json.Marshal(d.Data())
	if err != nil {
		return fmt.Errorf("delivery %s: %w", d.SID, err)
	}
	offset, err := event.Advance(tx, "chat_channel", ch.ID)
	if err != nil {
		return err
	}
	return v.log.Append(tx, event.Event{
		Account: ch.Account, Stream: event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, Offset: offset,
		Kind: event.MessageDelivery, Key: ch.Key, Data: data,
	})
}

// List lists what became of a channel's messages, the newest first. Whoever sees the channel sees it.
func (v *Deliveries) List(ctx context.Context, actor account.Actor, channel sid.SID, p db.Page) (page db.PageOf[Delivery], err error) {
	ch, err := v.chat.Get(ctx, actor, channel)
	if err != nil {
		return page, err
	}
	p.Desc = true
	err = v.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = deliveries.Page(tx, p, "channel_id = $1", ch.ID)
		return err
	})
	return page, err
}
