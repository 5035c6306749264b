package stream

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
)

// Close codes. 40xx: connect again and resume. 41xx: get a new token first. 42xx: do not come back by yourself.
const (
	closeGoingAway = 4000
	closeSlow      = 4001
	closeTooMany   = 4003
	closeExpired   = 4100
	closeRefused   = 4101
	closeRevoked   = 4102
	closeProtocol  = 4200
	closeNoHello   = 4201
	closeTooLarge  = 4202
)

// eventFrame is the encoding of an event that all watchers share.
func eventFrame(b *realtime.Broadcast) []byte {
	e := &b.Event
	f := socket.Begin(len(e.Data) + 220)
	f = append(f, `{"type":"event","stream":`...)
	f = appendString(f, string(b.Stream().SID))
	f = append(f, `,"epoch":`...)
	f = appendString(f, b.Epoch)
	f = append(f, `,"offset":`...)
	f = strconv.AppendInt(f, e.Offset, 10)
	f = append(f, `,"kind":`...)
	f = appendString(f, e.Kind)
	f = append(f, `,"at":`...)
	f = appendTime(f, e.At)
	f = append(f, `,"data":`...)
	if len(e.Data) == 0 {
		f = append(f, "null"...)
	} else {
		f = append(f, e.Data...)
	}
	return socket.Finish(socket.Text, append(f, '}'))
}

func typingFrame(b *realtime.Broadcast) []byte {
	f := append(socket.Begin(160), `{"type":"typing","channel":`...)
	f = appendString(f, string(b.Stream().SID))
	f = append(f, `,"identity":`...)
	f = appendString(f, b.Typing.Identity)
	f = append(f, `,"name":`...)
	f = appendString(f, b.Typing.Name)
	return socket.Finish(socket.Text, append(f, '}'))
}

// answer starts the answer to a request: {"type":…,"id":…
func answer(kind string, id int64, size int) []byte {
	f := append(socket.Begin(size+40), `{"type":"`...)
	f = append(f, kind...)
	f = append(f, `","id":`...)
	return strconv.AppendInt(f, id, 10)
}

func okFrame(kind string, id int64) []byte {
	return socket.Finish(socket.Text, append(answer(kind, id, 8), '}'))
}

func welcomeFrame(id int64, identity, account, epoch string, expires time.Time, heartbeat time.Duration) []byte {
	f := append(answer("welcome", id, 200), `,"identity":`...)
	f = appendString(f, identity)
	f = append(f, `,"account_sid":`...)
	f = appendString(f, account)
	f = append(f, `,"epoch":`...)
	f = appendString(f, epoch)
	f = append(f, `,"expires":`...)
	f = appendTime(f, expires)
	f = append(f, `,"heartbeat":`...)
	f = strconv.AppendInt(f, int64(heartbeat/time.Second), 10)
	return socket.Finish(socket.Text, append(f, '}'))
}

func tokenFrame(id int64, expires time.Time) []byte {
	f := append(answer("ok", id, 60), `,"expires":`...)
	return socket.Finish(socket.Text, append(appendTime(f, expires), '}'))
}

func expiringFrame(left time.Duration) []byte {
	f := append(socket.Begin(40), `{"type":"expiring","seconds":`...)
	return socket.Finish(socket.Text, append(strconv.AppendInt(f, int64(left/time.Second), 10), '}'))
}

func sentFrame(id int64, message []byte, repeated bool) []byte {
	f := append(answer("sent", id, len(message)+40), `,"message":`...)
	f = append(f, message...)
	f = append(f, `,"repeated":`...)
	f = strconv.AppendBool(f, repeated)
	return socket.Finish(socket.Text, append(f, '}'))
}

func historyFrame(id int64, h History) []byte {
	size := len(h.Channel) + 120
	for _, m := range h.Members {
		size += len(m) + 1
	}
	for _, m := range h.Messages {
		size += len(m) + 1
	}
	f := append(answer("history", id, size), `,"channel":`...)
	f = append(f, h.Channel...)
	f = append(f, `,"members":`...)
	f = appendList(f, h.Members)
	f = append(f, `,"messages":`...)
	f = appendList(f, h.Messages)
	f = append(f, `,"epoch":`...)
	f = appendString(f, h.Epoch)
	f = append(f, `,"offset":`...)
	f = strconv.AppendInt(f, h.Offset, 10)
	return socket.Finish(socket.Text, append(f, '}'))
}

func appendList(f []byte, items []json.RawMessage) []byte {
	f = append(f, '[')
	for i, m := range items {
		if i > 0 {
			f = append(f, ',')
		}
		f = append(f, m...)
	}
	return append(f, ']')
}

// subscribed is the answer for one stream of a subscribe request.
type subscribed struct {
	name    string
	offset  int64
	resumed bool
	err     *fault.Error
}

func subscribedFrame(id int64, epoch string, streams []subscribed) []byte {
	f := append(answer("subscribed", id, len(streams)*130+40), `,"streams":[`...)
	for i, s := range streams {
		if i > 0 {
			f = append(f, ',')
		}
		f = append(f, `{"stream":`...)
		f = appendString(f, s.name)
		if s.err != nil {
			f = append(f, `,"error":{`...)
			f = appendFault(f, s.err)
			f = append(f, `}}`...)
			continue
		}
		f = append(f, `,"epoch":`...)
		f = appendString(f, epoch)
		f = append(f, `,"offset":`...)
		f = strconv.AppendInt(f, s.offset, 10)
		f = append(f, `,"resumed":`...)
		f = strconv.AppendBool(f, s.resumed)
		f = append(f, '}')
	}
	return socket.Finish(socket.Text, append(f, `]}`...))
}

func unsubscribedFrame(stream string, why *fault.Error) []byte {
	f := append(socket.Begin(200), `{"type":"unsubscribed","stream":`...)
	f = appendString(f, stream)
	f = append(f, `,"error":{`...)
	return socket.Finish(socket.Text, append(appendFault(f, why), `}}`...))
}

func errorFrame(id int64, e *fault.Error) []byte {
	f := append(socket.Begin(200), `{"type":"error",`...)
	if id != 0 {
		f = append(f, `"id":`...)
		f = strconv.AppendInt(f, id, 10)
		f = append(f, ',')
	}
	return socket.Finish(socket.Text, append(appendFault(f, e), '}'))
}

// appendFault writes the fields of an error; retry_after in whole seconds, rounded up.
func appendFault(f []byte, e *fault.Error) []byte {
	f = append(f, `"code":`...)
	f = strconv.AppendInt(f, int64(e.Code), 10)
	f = append(f, `,"status":`...)
	f = strconv.AppendInt(f, int64(e.Status()), 10)
	f = append(f, `,"message":`...)
	f = appendString(f, e.Message)
	if e.RetryAfter > 0 {
		f = append(f, `,"retry_after":`...)
		f = strconv.AppendInt(f, int64((e.RetryAfter+time.Second-1)/time.Second), 10)
	}
	return f
}

// appendTime writes ISO 8601 with milliseconds and Z; null for the zero time.
func appendTime(f []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(f, "null"...)
	}
	f = append(f, '"')
	f = t.UTC().AppendFormat(f, "2006-01-02T15:04:05.000Z")
	return append(f, '"')
}

// appendString writes a JSON string. Bytes that are not UTF-8 become U+FFFD, as a WebSocket text must be UTF-8.
func appendString(f []byte, s string) []byte {
	const hex = "0123456789abcdef"
	f = append(f, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				f = append(f, s[start:i]...)
				f = append(f, "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		f = append(f, s[start:i]...)
		switch c {
		case '"', '\\':
			f = append(f, '\\', c)
		case '\n':
			f = append(f, '\\', 'n')
		default:
			f = append(f, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	f = append(f, s[start:]...)
	return append(f, '"')
}
