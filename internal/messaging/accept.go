package messaging

import (
	"errors"
	"fmt"
	"strings"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Bounds of what a carrier may bring.
const (
	inboundBodyMost = 16 << 10 // bytes; what is longer is cut
	detailsMost     = 64
	// inboundMediaMost bounds the files of a message that the carrier keeps.
	inboundMediaMost = 32
	detailMost       = 4 << 10 // bytes
	carrierIDMost    = 255     // bytes
)

// The purposes of the blind indexes of carriers' names.
const (
	blindCame = "messaging came"
	blindWent = "messaging went"
)

// AcceptTx keeps a message that a carrier brings on a connection; files name what media.Store.Keep has kept of in.Media, in their
// order. The same in.ID of the same connection again changes nothing: the first message is returned and fresh is false.
// An address that can be none is 21212 or 21211. Where two transactions accept the first message of a customer at the same
// time, the later one fails with db.ErrConflict and must be run again.
func (m *Messaging) AcceptTx(tx *db.Tx, acct int64, connection sid.SID, in carry.Inbound, files ...sid.SID) (msg Message, fresh bool, err error) {
	if in.ID == "" || len(in.ID) > carrierIDMost {
		return Message{}, false, fault.Invalid("The carrier's name for the message must have 1 to %d bytes", carrierIDMost)
	}
	from, _, ok := normal(in.From)
	if !ok {
		return Message{}, false, fault.New(21212, "The carrier's 'From' address is none")
	}
	to, _, ok := normal(in.To)
	if !ok {
		return Message{}, false, fault.New(21211, "The carrier's 'To' address is none")
	}
	msg = Message{
		Row: db.Row{SID: sid.New(sid.SMS), Account: acct}, Status: carry.Received, Inbound: true, Connection: connection, SentAt: tx.Now,
		MessageDocument: MessageDocument{
			Direction: Inbound, From: from, To: to, Body: bounded(in.Body, inboundBodyMost), Segments: max(in.Segments, 1),
			ProfileName: bounded(in.ProfileName, detailMost), Details: details(in.Details),
		},
	}
	for _, file := range files {
		msg.Media = append(msg.Media, Item{SID: file, Kept: true})
	}
	for _, file := range in.Media {
		if file.URL != "" && webURL(file.URL) && len(msg.Media) < inboundMediaMost {
			msg.Media = append(msg.Media, Item{
				SID: sid.New(sid.Media), URL: file.URL, ContentType: bounded(file.ContentType, 255), Name: bounded(file.Name, 255), CreatedAt: tx.Now,
			})
		}
	}
	if len(msg.Media) > 0 {
		msg.SID = sid.New(sid.MMS)
	}
	first, err := m.claimTx(tx, acct, connection, blindCame, in.ID, msg.SID, 0)
	if err != nil {
		return Message{}, false, err
	}
	if first != "" {
		msg, err = messages.Get(tx, acct, first)
		if errors.Is(err, db.ErrNotFound) { // deleted since
			return Message{Row: db.Row{SID: first, Account: acct}}, false, nil
		}
		return msg, false, err
	}
	return msg, true, m.receive(tx, &msg)
}

// receive writes an incoming message that was not there before.
func (m *Messaging) receive(tx *db.Tx, msg *Message) error {
	if err := m.sealTo(tx, msg, msg.From); err != nil {
		return err
	}
	number, err := m.NumberTx(tx, msg.Account, msg.To)
	switch {
	case err == nil:
		msg.Service = number.Service
		if msg.Masked, err = m.maskedTx(tx, &number, msg); err != nil {
			return err
		}
		if err := m.hearKeyword(tx, msg, &number); err != nil {
			return err
		}
	case !errors.Is(err, db.ErrNotFound):
		return err
	}
	for i := range msg.Media {
		item := &msg.Media[i]
		if !item.Kept {
			continue
		}
		file, err := m.media.Attach(tx, media.Attachment{Account: msg.Account, Media: item.SID, Message: msg.SID, Key: msg.Key})
		if err != nil {
			return err
		}
		item.ContentType, item.Size, item.Name, item.CreatedAt = file.ContentType, file.Size, file.Filename, file.CreatedAt
	}
	if err := messages.Insert(tx, msg); err != nil {
		return err
	}
	return m.tell(tx, event.SMSReceived, msg)
}

// AnswerTx says that an incoming message is answered now. first is false when it was before, or is no longer there: then nothing
// must be said again.
func (m *Messaging) AnswerTx(tx *db.Tx, acct int64, s sid.SID) (first bool, err error) {
	msg, err := messages.ForUpdate(tx, acct, s)
	if errors.Is(err, db.ErrNotFound) || err == nil && msg.Answered {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	msg.Answered = true
	return true, messages.Update(tx, &msg)
}

// HandlerTx returns who is asked what is to become of a message that came to a number: its service's handler, unless that leaves
// it to the number, its application's, or its own. A handler without a URL is nobody.
func (m *Messaging) HandlerTx(tx *db.Tx, n *Number) (Handler, error) {
	if n.Service != "" {
		s, err := services.Get(tx, n.Account, n.Service)
		if err == nil && !s.OnNumber {
			return s.Handler, nil
		}
		if err != nil && !errors.Is(err, db.ErrNotFound) {
			return Handler{}, err
		}
	}
	if n.Application == "" {
		return n.Handler, nil
	}
	a, err := applications.Get(tx, n.Account, n.Application)
	if errors.Is(err, db.ErrNotFound) {
		return Handler{}, nil
	}
	return a.Handler, err
}

// sealTo gives a message the data key of its customer, and its blind indexes.
func (m *Messaging) sealTo(tx *db.Tx, msg *Message, customer string) error {
	p, err := m.partyTx(tx, msg.Account, customer)
	if err != nil {
		return err
	}
	msg.Key, msg.partyID = p.Key, p.ID
	if msg.fromHash, err = m.hash(msg.Account, msg.From); err != nil {
		return err
	}
	msg.toHash, err = m.hash(msg.Account, msg.To)
	return err
}

// claimTx ties a carrier's name to a message. Where it is tied already, the message that it names is returned.
func (m *Messaging) claimTx(tx *db.Tx, acct int64, connection sid.SID, purpose, id string, to sid.SID, part int) (sid.SID, error) {
	hash, err := m.db.Ring().Blind(acct, purpose, id)
	if err != nil {
		return "", err
	}
	n, err := tx.Exec(`insert into messaging_carrier_id (connection_sid, id_hash, message_sid, part, created_at) values ($1, $2, $3, $4, $5)
		on conflict do nothing`, string(connection), hash, string(to), part, db.Micros(tx.Now))
	if err != nil {
		return "", fmt.Errorf("message %s: %w", to, err)
	}
	if n > 0 {
		return "", nil
	}
	first, _, err := m.namedTx(tx, connection, hash)
	return first, err
}

// namedTx finds the message, and its part, that a carrier's name stands for.
func (m *Messaging) namedTx(tx *db.Tx, connection sid.SID, hash []byte) (sid.SID, int, error) {
	var text string
	var part int64
	err := tx.QueryRow("select message_sid, part from messaging_carrier_id where connection_sid = $1 and id_hash = $2", string(connection), hash).
		Scan(&text, &part)
	return sid.SID(text), int(part), err
}

// bounded cuts a text and takes out of it what no row can hold.
func bounded(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

// details keeps what a carrier tells beyond the message, as far as it can be names and values of a form.
func details(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, min(len(in), detailsMost))
	for name, value := range in {
		if len(out) == detailsMost || name == "" || len(name) > 64 || !plainID(name) {
			continue
		}
		out[name] = bounded(value, detailMost)
	}
	return out
}
