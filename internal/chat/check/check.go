// Package check holds the limits of the wire and checks what comes over it: names, identities, bodies and attributes, each with
// the code of its error.
package check

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/attr"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Limits of the wire. Names are counted in characters, documents in bytes.
// Sizes of attributes are those of the successor product: no number of the
// original is known.
const (
	MaxBody              = 32 << 10 // bytes of a message body; more is 50504
	MaxChannelAttributes = 16 << 10
	MaxUserAttributes    = 16 << 10
	MaxMessageAttributes = 16 << 10
	MaxMemberAttributes  = 4 << 10
	MaxIdentity          = 256
	MaxClientID          = 128 // bytes of a client-made message id
	MaxCreateName        = 64  // friendly and unique name when a channel or role is created
	MaxUpdateName        = 256 // the same when it is changed, and names of users and services
	MaxWebhookURL        = 512
)

// Document checks attributes: any JSON value, 50303 when too long, 50304 when
// it is not JSON. Empty text is an empty object.
func Document(text string, limit int) (json.RawMessage, error) {
	m, err := attr.ParseValue(text, limit)
	switch {
	case err == nil:
		return m, nil
	case errors.Is(err, attr.ErrTooLong):
		return nil, fault.New(50303, "Attributes too long: at most %d bytes are allowed", limit).With(err)
	default:
		_, where, _ := strings.Cut(err.Error(), ": ")
		return nil, fault.New(50304, "Attributes not valid JSON: %s", where).With(err)
	}
}

// Shown is attributes as a webhook is shown them before they are checked.
func Shown(attributes string) json.RawMessage {
	doc, err := Document(attributes, MaxChannelAttributes)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return doc
}

// FriendlyName checks a display name: at most limit characters, 50003.
func FriendlyName(name string, limit int) error {
	if utf8.RuneCountInString(name) > limit {
		return fault.New(50003, "Friendly name too long: at most %d characters are allowed", limit)
	}
	return Text("FriendlyName", name)
}

// UniqueName checks a channel's unique name: at most limit characters (50004)
// and not of the form of a channel SID (50306).
func UniqueName(name string, limit int) error {
	switch {
	case utf8.RuneCountInString(name) > limit:
		return fault.New(50004, "Unique Name too long: at most %d characters are allowed", limit)
	case sid.Valid(name, sid.Channel):
		return fault.New(50306, "")
	}
	return Text("UniqueName", name)
}

// ChannelNames checks both names of a channel.
func ChannelNames(friendly, unique string, limit int) error {
	if err := FriendlyName(friendly, limit); err != nil {
		return err
	}
	return UniqueName(unique, limit)
}

// Identity checks a user's identity: 50204 when empty, 50206 when it looks like
// a user SID, 50207 when longer than MaxIdentity characters.
func Identity(name string) error {
	switch {
	case name == "":
		return fault.New(50204, "")
	case sid.Valid(name, sid.User):
		return fault.New(50206, "")
	case utf8.RuneCountInString(name) > MaxIdentity:
		return fault.New(50207, "Identity too long: at most %d characters are allowed", MaxIdentity)
	}
	return Text("Identity", name)
}

// Author checks the author of a message: 50310 when too long.
func Author(name string) error {
	if utf8.RuneCountInString(name) > MaxIdentity {
		return fault.New(50310, "")
	}
	return Text("From", name)
}

// UpdatedBy checks who last changed a message: 50505 when too long.
func UpdatedBy(name string) error {
	if Author(name) != nil {
		return fault.New(50505, "")
	}
	return nil
}

// Body checks a message's text: 50504 when longer than MaxBody bytes.
func Body(s string) error {
	if len(s) > MaxBody {
		return fault.New(50504, "Message body parameter is too long: %d bytes, at most %d are allowed", len(s), MaxBody)
	}
	return Text("Body", s)
}

// Text refuses what JSON cannot carry unchanged.
func Text(name, s string) error {
	if !utf8.ValidString(s) {
		return fault.Invalid("%s is not valid UTF-8", name)
	}
	return nil
}

// Moment cuts a time to what a column holds: microseconds, UTC. Zero stays zero.
func Moment(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}
