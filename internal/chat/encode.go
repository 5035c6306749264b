package chat

import (
	"strconv"
	"time"
	"unicode/utf8"

	"usher/internal/sid"
)

// A message's payload is written by hand: it is encoded once for every message
// of the product, on the one writer that SQLite has. What does not depend on
// the place of the message is made before the writer is asked (fixedPart).

// fixedPart is the middle of a message's payload: what is known before the
// message has a channel, an index and dates.
func (m *Message) fixedPart() []byte {
	b := make([]byte, 0, len(m.Author)+len(m.Body)+len(m.Attributes)+len(m.ClientID)+len(m.LastUpdatedBy)+160)
	b = appendString(append(b, `,"author":`...), m.Author)
	b = appendString(append(b, `,"body":`...), m.Body)
	b = append(append(b, `,"attributes":`...), m.Attributes...)
	b = append(b, `,"type":"text","media":null,"last_updated_by":`...)
	if m.LastUpdatedBy == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, m.LastUpdatedBy)
	}
	b = strconv.AppendBool(append(b, `,"was_edited":`...), m.WasEdited)
	if m.ClientID != "" {
		b = appendString(append(b, `,"client_id":`...), m.ClientID)
	}
	return b
}

// Payload is the message as its events carry it: json.Marshal(m.Data()), at a
// fraction of the price.
func (m *Message) Payload() []byte { return m.payload(m.fixedPart()) }

// payload puts the parts together; the order of keys is not that of MessageData.
func (m *Message) payload(fixed []byte) []byte {
	b := make([]byte, 0, len(fixed)+300)
	b = appendSID(append(b, `{"sid":`...), m.SID)
	b = appendSID(append(b, `,"channel_sid":`...), m.ChannelSID)
	b = strconv.AppendInt(append(b, `,"index":`...), m.Index, 10)
	b = append(b, `,"member_sid":`...)
	if m.MemberSID == "" {
		b = append(b, "null"...)
	} else {
		b = appendSID(b, m.MemberSID)
	}
	b = append(b, fixed...)
	b = appendDate(append(b, `,"date_created":`...), m.CreatedAt)
	b = appendDate(append(b, `,"date_updated":`...), m.UpdatedAt)
	return append(b, '}')
}

func appendSID(b []byte, s sid.SID) []byte {
	return append(append(append(b, '"'), s...), '"')
}

func appendDate(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, `"`+dateFormat+`"`)
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string. s must be valid UTF-8. U+2028 and U+2029
// are written as escapes, as encoding/json does.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[r&0xf])
			i += size
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
