package row

import (
	"encoding/json"

	"usher/internal/attr"
)

// Attributes that decide who is let into a conversation. Whoever acts for their own worker alone may not set them: an agent
// who could would get into any channel of the account, or put somebody else there.
const (
	ChannelAttribute  = "channelSid"  // of a task: the channel that whoever accepts it joins
	IdentityAttribute = "contact_uri" // of a worker: under which identity it joins
)

// Sets reports whether attributes give name another value than it had. To leave it out sets nothing.
func Sets(had json.RawMessage, attributes, name string) bool {
	v := attr.String(json.RawMessage(attributes), name)
	return v != "" && v != attr.String(had, name)
}
