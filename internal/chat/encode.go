package chat

import (
	"strconv"

	"usher/internal/chat/payload"
)

// A message's payload is written by hand: it is encoded once for every message
// of the product, on the one writer that SQLite has. What does not depend on
// the place of the message is made before the writer is asked (fixedPart).

// fixedPart is the middle of a message's payload: what is known before the
// message has a channel, an index and dates.
func (m *Message) fixedPart() []byte {
	b := make([]byte, 0, len(m.Author)+len(m.Body)+len(m.Attributes)+len(m.ClientID)+len(m.LastUpdatedBy)+160)
	b = payload.AppendString(append(b, `,"author":`...), m.Author)
	b = payload.AppendString(append(b, `,"body":`...), m.Body)
	b = append(append(b, `,"attributes":`...), m.Attributes...)
	b = append(b, `,"type":"text","media":null,"last_updated_by":`...)
	if m.LastUpdatedBy == "" {
		b = append(b, "null"...)
	} else {
		b = payload.AppendString(b, m.LastUpdatedBy)
	}
	b = strconv.AppendBool(append(b, `,"was_edited":`...), m.WasEdited)
	if m.ClientID != "" {
		b = payload.AppendString(append(b, `,"client_id":`...), m.ClientID)
	}
	return b
}

// Payload is the message as its events carry it: json.Marshal(m.Data()), at a
// fraction of the price.
func (m *Message) Payload() []byte { return m.payload(m.fixedPart()) }

// payload puts the parts together; the order of keys is not that of MessageData.
func (m *Message) payload(fixed []byte) []byte {
	b := make([]byte, 0, len(fixed)+300)
	b = payload.AppendSID(append(b, `{"sid":`...), m.SID)
	b = payload.AppendSID(append(b, `,"channel_sid":`...), m.ChannelSID)
	b = strconv.AppendInt(append(b, `,"index":`...), m.Index, 10)
	b = append(b, `,"member_sid":`...)
	if m.MemberSID == "" {
		b = append(b, "null"...)
	} else {
		b = payload.AppendSID(b, m.MemberSID)
	}
	b = append(b, fixed...)
	b = payload.AppendDate(append(b, `,"date_created":`...), m.CreatedAt)
	b = payload.AppendDate(append(b, `,"date_updated":`...), m.UpdatedAt)
	return append(b, '}')
}
