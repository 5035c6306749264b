package messaging

import (
	"strings"

	"usher/internal/messaging/carry"
)

// Kinds of the account's own addresses.
const (
	KindPhone = "phone" // E.164, or the address of another channel
	KindShort = "short" // a short code
	KindAlpha = "alpha" // an alphanumeric sender, which nobody can answer
)

// addressMost bounds an address, in bytes.
const addressMost = 256

// normal brings an address into the form in which it is kept and compared, and tells its kind. ok is false for what can be none.
// Phone numbers may be written with spaces, dots, dashes and parentheses; the plus sign and the country are required.
func normal(address string) (clean, kind string, ok bool) {
	address = strings.TrimSpace(address)
	if address == "" || len(address) > addressMost {
		return "", "", false
	}
	prefix, rest, _ := strings.Cut(address, ":")
	switch carry.ChannelOf(address) {
	case carry.SMS:
	case carry.WhatsApp:
		number, ok := phone(strings.TrimSpace(rest))
		if !ok {
			// A customer who shows a name instead of a number is known by an id of the provider's.
			return address, KindPhone, plainID(rest)
		}
		return prefix + ":" + number, KindPhone, true
	default:
		return address, KindPhone, plainID(rest)
	}
	if number, ok := phone(address); ok {
		return number, KindPhone, true
	}
	if len(address) >= 3 && len(address) <= 8 && strings.Trim(address, "0123456789") == "" {
		return address, KindShort, true
	}
	if alpha(address) {
		return address, KindAlpha, true
	}
	return "", "", false
}

// ValidAddress says that a text can be an address.
func ValidAddress(address string) bool {
	_, _, ok := normal(address)
	return ok
}

// phone reads an E.164 number: a plus sign, then 7 to 15 digits of which the first is not 0.
func phone(s string) (string, bool) {
	if !strings.HasPrefix(s, "+") {
		return "", false
	}
	var b strings.Builder
	b.WriteByte('+')
	for _, c := range []byte(s[1:]) {
		switch {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		case c == ' ', c == '-', c == '.', c == '(', c == ')':
		default:
			return "", false
		}
	}
	digits := b.Len() - 1
	return b.String(), digits >= 7 && digits <= 15 && b.String()[1] != '0'
}

// alpha says that a text can be an alphanumeric sender: at most 11 letters, digits, spaces and a few signs, and a letter among
// them. Source: the original's page on alphanumeric senders.
func alpha(s string) bool {
	letter := false
	for _, c := range []byte(s) {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letter = true
		case c >= '0' && c <= '9', c == ' ', c == '+', c == '-', c == '_', c == '&':
		default:
			return false
		}
	}
	return letter && len(s) <= 11
}

// plainID says that a text can be somebody's name on a channel: printable ASCII without spaces.
func plainID(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != ""
}
