// Package sid makes and checks string identifiers: a two-letter prefix that
// names the kind of resource, then 32 lower-case hexadecimal digits.
//
// The shape is a fact of the wire that Usher is compatible with: every path
// parameter of its OpenAPI documents carries the pattern ^XX[0-9a-fA-F]{32}$
// with a length of 34. What the 32 digits mean is free, so Usher writes a
// version 7 UUID (RFC 9562): identifiers then sort by the time of creation,
// and a database index over them is appended to instead of scattered into.
package sid

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"
)

// SID is one identifier, for example "CH" and 32 digits: 34 characters.
// The empty SID means none.
type SID string

// Len is the length of every SID in characters.
const Len = 34

// Prefixes of the resources that Usher keeps. Those of the compatible wire are
// the patterns of its OpenAPI documents; the last group is Usher's own and is
// never seen by a client library.
const (
	Account        = "AC"
	Key            = "SK"
	Address        = "AD"
	Application    = "AP"
	PhoneNumber    = "PN"
	ShortCode      = "SC"
	ChatService    = "IS"
	Channel        = "CH"
	Message        = "IM"
	Member         = "MB"
	User           = "US"
	Role           = "RL"
	Invite         = "IN"
	Binding        = "BS"
	Credential     = "CR"
	Media          = "ME"
	Webhook        = "WH"
	FlexFlow       = "FO"
	Workspace      = "WS"
	Activity       = "WA"
	Worker         = "WK"
	TaskQueue      = "WQ"
	Workflow       = "WW"
	Task           = "WT"
	Reservation    = "WR"
	TaskChannel    = "TC"
	WorkerChannel  = "WC"
	Transfer       = "TT"
	Event          = "EV"
	StudioFlow     = "FW"
	Execution      = "FN"
	Step           = "FT"
	ProxyService   = "KS"
	ProxySession   = "KC"
	Participant    = "KP"
	Interaction    = "KI"
	MessageService = "MG"
	SMS            = "SM"
	MMS            = "MM"
	Request        = "RQ"

	Person      = "PE"
	Session     = "SE"
	OneTimeLink = "OL"
	Contact     = "CT"
	Epoch       = "EP"
)

// last is the newest time stamp handed out: milliseconds in the upper bits and
// a 12-bit fraction below. It is what makes identifiers of one process strictly
// increasing, so it has to be shared by all callers.
var last atomic.Uint64

// New returns a fresh SID. Within one process each is greater than the one
// before, in the order of the calls; between processes the order is that of
// their clocks. 62 bits are random, so a SID cannot be guessed from another,
// but it is a name, not a secret.
func New(prefix string) SID {
	t := stamp(time.Now())
	var u [16]byte
	binary.BigEndian.PutUint64(u[:8], t>>12<<16|0x7000|t&0xfff)
	rand.Read(u[8:]) // never fails: crypto/rand ends the process instead
	u[8] = u[8]&0x3f | 0x80
	out := make([]byte, len(prefix), len(prefix)+32)
	copy(out, prefix)
	return SID(hex.AppendEncode(out, u[:]))
}

// stamp returns now as milliseconds and a 12-bit fraction, or one more than the
// stamp before where the clock has not moved on.
func stamp(now time.Time) uint64 {
	ns := uint64(now.UnixNano())
	t := ns/1e6<<12 | ns%1e6<<12/1e6
	for {
		old := last.Load()
		if t <= old {
			t = old + 1
		}
		if last.CompareAndSwap(old, t) {
			return t
		}
	}
}

// Valid reports whether s is a SID with exactly this prefix: 32 hexadecimal
// digits in lower case follow it. Upper-case digits, which the pattern of the
// compatible wire lets through, match nothing that was ever handed out.
func Valid(s, prefix string) bool {
	if len(prefix) != 2 || len(s) != Len || s[:2] != prefix {
		return false
	}
	for i := 2; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Prefix returns the two letters that a well-formed SID begins with, or "".
func Prefix(s string) string {
	if len(s) != Len || !Valid(s, s[:2]) {
		return ""
	}
	for i := range 2 {
		if s[i] < 'A' || s[i] > 'Z' {
			return ""
		}
	}
	return s[:2]
}

// String returns the SID as text.
func (s SID) String() string { return string(s) }
