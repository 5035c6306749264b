package proxy

import (
	"strings"
	"unicode/utf8"

	"usher/internal/fault"
	"usher/internal/proxy/geo"
	"usher/internal/sid"
)

// prefixes are the ways of addresses that are no telephone numbers of SMS.
var prefixes = []string{"whatsapp", "messenger", "line", "custom"}

// wayOf is the way that an address takes: one of prefixes, "sms", or "chat" for a channel, which goes with every way; "" when it is
// no address.
func wayOf(address string) string {
	switch prefix, rest, found := strings.Cut(address, ":"); {
	case sid.Valid(address, sid.Channel):
		return "chat"
	case !found && geo.Valid(address):
		return "sms"
	case !found || rest == "" || rest != strings.TrimSpace(rest) || strings.ContainsAny(rest, "\r\n\x00"):
		return ""
	case prefix == "whatsapp" && !geo.Valid(rest):
		return ""
	default:
		for _, p := range prefixes {
			if p == prefix {
				return p
			}
		}
	}
	return ""
}

// bare is the telephone number in an address, or the address.
func bare(address string) string {
	if _, rest, found := strings.Cut(address, ":"); found {
		return rest
	}
	return address
}

// shortCode says whether an address of a pool is a short code, which goes with SMS.
func shortCode(address string) bool {
	if len(address) < 3 || len(address) > 8 {
		return false
	}
	return strings.Trim(address, "0123456789") == ""
}

// fits says whether somebody with this identifier can be reached from an address of the pool.
func fits(identifier, address string) bool {
	way, other := wayOf(identifier), wayOf(address)
	if other == "" && shortCode(address) {
		other = "sms"
	}
	return way == "chat" || way != "" && way == other
}

// checkIdentifier refuses what is no identifier (80404), and one that the session's mode cannot reach (80616).
func checkIdentifier(identifier string, mode Mode) error {
	way := wayOf(identifier)
	switch {
	case identifier == "":
		return fault.Invalid("Missing required parameter Identifier in the post body")
	case way == "" || utf8.RuneCountInString(identifier) > nameMost:
		return fault.New(80404, "Participant Identifier Invalid: it must be a telephone number in E.164 form, an address with its channel, or the SID of a chat channel")
	case way != "sms" && mode != MessageOnly:
		return fault.New(80616, "")
	}
	return nil
}

// ModeFor is a mode in which both can be reached.
func ModeFor(identifiers ...string) Mode {
	for _, s := range identifiers {
		if wayOf(s) != "sms" {
			return MessageOnly
		}
	}
	return VoiceAndMessage
}
