package connector

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/attr"
	"usher/internal/messaging/carry"
)

// Malformed is the error of a Receiver for a request that is signed but cannot be read: it is answered 400, and trying again
// would not help.
type Malformed struct{ Reason string }

// Error says what is wrong with the request, without a value of it.
func (m *Malformed) Error() string { return "the request cannot be read: " + m.Reason }

// ReadJSON reads a carrier's JSON, which is UTF-8 and not nested deeper than attr.MaxDepth. The error is a *Malformed.
func ReadJSON(body []byte, into any) error {
	if len(body) == 0 {
		return &Malformed{"it has no body"}
	}
	if _, err := attr.ParseValue(string(body), 0); err != nil {
		return &Malformed{"not JSON, or nested too deep"}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &Malformed{"not JSON of the carrier's shape"}
	}
	return nil
}

// Loose is a string or a number of a carrier's JSON, as text. Some carriers write the same field either way; whatever else stands
// there is read as nothing.
type Loose string

// UnmarshalJSON reads the text; it never fails.
func (l *Loose) UnmarshalJSON(raw []byte) error {
	*l = ""
	var text string
	switch {
	case len(raw) == 0:
	case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
		*l = Loose(text)
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		*l = Loose(raw)
	}
	return nil
}

// Seconds is the time that a number of seconds since 1970 means; zero when it is none.
func (l Loose) Seconds() time.Time { return l.since(time.Second) }

// Milliseconds is the time that a number of milliseconds since 1970 means; zero when it is none.
func (l Loose) Milliseconds() time.Time { return l.since(time.Millisecond) }

// since reads a time between 2000 and 2100; a carrier that says another says nothing.
func (l Loose) since(unit time.Duration) time.Time {
	n, err := strconv.ParseInt(string(l), 10, 64)
	if err != nil || n < 946684800*int64(time.Second/unit) || n > 4102444800*int64(time.Second/unit) {
		return time.Time{}
	}
	if unit == time.Second {
		return time.Unix(n, 0).UTC()
	}
	return time.UnixMilli(n).UTC()
}

// maxName bounds what a carrier calls a message, in bytes.
const maxName = 255

// NameOf is the name of a message: the carrier's own, or where it gave none, or one that is too long, one that is made of all that it
// said of the message, so that the same message has the same name again.
func NameOf(id string, raw []byte) string {
	if id != "" && len(id) <= maxName && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl) {
		return id
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) == nil {
		raw = compact.Bytes()
	}
	sum := sha256.Sum256(append([]byte(id+"\n"), raw...))
	return "sha256." + hex.EncodeToString(sum[:])
}

// Details collects further parameters of a message; empty ones and those that are too long are left out.
type Details map[string]string

// Limits of details.
const (
	maxDetails = 64
	maxDetail  = 4096
)

// Set adds one, at most maxDetails.
func (d Details) Set(name, value string) {
	if value != "" && len(value) <= maxDetail && len(d) < maxDetails && utf8.ValidString(value) {
		d[name] = value
	}
}

// Or returns them, nil when there are none.
func (d Details) Or() map[string]string {
	if len(d) == 0 {
		return nil
	}
	return d
}

// Limits of what a message says.
const (
	maxBody    = 64 << 10
	maxProfile = 255
)

// Tidy bounds an inbound message and takes out what no store can keep: NUL, and bytes that are not UTF-8.
func Tidy(m *carry.Inbound) {
	m.Body = cut(m.Body, maxBody)
	m.ProfileName = cut(m.ProfileName, maxProfile)
	for i := range m.Media {
		m.Media[i].Name = cut(m.Media[i].Name, maxProfile)
		m.Media[i].ContentType = cut(m.Media[i].ContentType, maxProfile)
	}
	for name, value := range m.Details {
		m.Details[name] = cut(value, maxDetail)
	}
}

// Named gives a message that has neither words nor files the kind of what came, in brackets, for whoever reads it to see that something
// came.
func Named(m *carry.Inbound, kind string) {
	if m.Body != "" || len(m.Media) > 0 {
		return
	}
	letter := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }
	if kind == "" || len(kind) > 32 || strings.ContainsFunc(kind, letter) {
		kind = "message"
	}
	m.Body = "[" + kind + "]"
}

// cut is the text without NUL and without what is not UTF-8, at most so many bytes and not through a character.
func cut(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Mac is HMAC-SHA256.
func Mac(secret string, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}
