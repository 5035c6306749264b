package twilsock

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"usher/internal/realtime/socket"
)

// A frame is the protocol's name and the length of the header in bytes, the header (JSON), and a payload of the length that
// the header says; CR LF ends the first two. It is one binary WebSocket message.
const (
	preamble  = "TWILSOCK V3.0 "
	lineEnd   = "\r\n"
	maxHeader = 16 << 10
	// maxFrame bounds a client's frame: a body and attributes as long as they may be, each character escaped.
	maxFrame = 256 << 10
)

// What can be wrong with a frame. The connection is closed then: nothing that follows could be trusted.
var (
	errPreamble = errors.New("not a frame of V3.0")
	errLength   = errors.New("lengths of header and payload do not fit the frame")
	errHeader   = errors.New("the header is not a JSON object with a method")
)

// header is what clients say in a header, of all methods together.
type header struct {
	Method       string       `json:"method"`
	ID           string       `json:"id"`
	Token        string       `json:"token"`
	Continuation string       `json:"continuation_token"`
	PayloadSize  int          `json:"payload_size"`
	HTTPRequest  *httpRequest `json:"http_request"`
}

// httpRequest is a request in a frame. The host is only a name: where a request goes, its path decides.
type httpRequest struct {
	Host    string                     `json:"host"`
	Path    string                     `json:"path"`
	Method  string                     `json:"method"`
	Params  map[string]json.RawMessage `json:"params"`
	Headers map[string]any             `json:"headers"`
}

// header looks a header up without regard to case.
func (r *httpRequest) header(name string) string {
	for k, v := range r.Headers {
		if s, ok := v.(string); ok && strings.EqualFold(k, name) {
			return s
		}
	}
	return ""
}

// parse reads a frame. What follows the payload is ignored, as the original does. The payload is a part of frame.
func parse(frame []byte) (h header, payload []byte, err error) {
	rest, ok := bytes.CutPrefix(frame, []byte(preamble))
	if !ok {
		return h, nil, errPreamble
	}
	digits, rest, ok := bytes.Cut(rest, []byte(lineEnd))
	if !ok || len(digits) == 0 || len(digits) > 6 {
		return h, nil, errLength
	}
	size := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return h, nil, errLength
		}
		size = 10*size + int(d-'0')
	}
	if size > maxHeader || size+len(lineEnd) > len(rest) || string(rest[size:size+len(lineEnd)]) != lineEnd {
		return h, nil, errLength
	}
	if json.Unmarshal(rest[:size], &h) != nil || h.Method == "" {
		return h, nil, errHeader
	}
	rest = rest[size+len(lineEnd):]
	if h.PayloadSize < 0 || h.PayloadSize > len(rest) {
		return h, nil, errLength
	}
	return h, rest[:h.PayloadSize], nil
}

// status is how a transport or a request went.
type status struct {
	Code        int    `json:"code"`
	Status      string `json:"status"`
	Description string `json:"description,omitempty"`
	ErrorCode   int    `json:"errorCode,omitempty"`
}

var good = status{Code: 200, Status: "OK"}

// answer is a header that the server sends.
type answer struct {
	Method             string             `json:"method"`
	ID                 string             `json:"id"`
	PayloadSize        int                `json:"payload_size"`
	PayloadType        string             `json:"payload_type,omitempty"`
	Status             *status            `json:"status,omitempty"`
	HTTPStatus         *status            `json:"http_status,omitempty"`
	HTTPHeaders        *map[string]string `json:"http_headers,omitempty"`
	MessageType        string             `json:"message_type,omitempty"`
	ContextID          *string            `json:"notification_ctx_id,omitempty"`
	UpdateType         string             `json:"client_update_type,omitempty"`
	Capabilities       *[]string          `json:"capabilities,omitempty"`
	Continuation       string             `json:"continuation_token,omitempty"`
	ContinuationStatus *reissued          `json:"continuation_token_status,omitempty"`
	Registrations      *[]string          `json:"init_registrations,omitempty"`
}

type reissued struct {
	Reissued bool   `json:"reissued"`
	Reason   string `json:"reissue_reason,omitempty"`
	Message  string `json:"reissue_message,omitempty"`
}

const jsonType = "application/json"

// encode makes a frame, ready for the socket. payload is JSON, or nil.
func encode(h answer, payload []byte) []byte {
	h.PayloadSize = len(payload)
	if payload != nil {
		h.PayloadType = jsonType
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil // not with these types
	}
	f := append(socket.Begin(len(head)+len(payload)+40), preamble...)
	f = strconv.AppendInt(f, int64(len(head)), 10)
	f = append(f, lineEnd...)
	f = append(f, head...)
	f = append(f, lineEnd...)
	return socket.Finish(socket.Binary, append(f, payload...))
}

// notification is an event for clients. The same frame goes to many of them, so its name must only be unlike that of every other.
func notification(id, kind string, payload any) []byte {
	body, err := json.Marshal(payload)
	if err != nil {
		return nil // not with these types
	}
	none := ""
	return encode(answer{Method: "notification", ID: id, MessageType: kind, ContextID: &none}, body)
}
