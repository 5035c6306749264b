package taskrouter

import (
	"encoding/json"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/fault"
)

// Attributes that decide who is let into a conversation. Whoever acts for their own worker alone may not set them: an agent
// who could would get into any channel of the account, or put somebody else there.
const (
	channelAttribute  = "channelSid"  // of a task: the channel that whoever accepts it joins
	identityAttribute = "contact_uri" // of a worker: under which identity it joins
)

// keeps refuses attributes in which somebody who acts for themselves sets name to another value than it had.
func keeps(a account.Actor, name string, had json.RawMessage, attributes *string) error {
	if attributes == nil || supervises(a) {
		return nil
	}
	if v := attr.String(json.RawMessage(*attributes), name); v != "" && v != attr.String(had, name) {
		return fault.Forbidden("Worker %s may not set the attribute %s", a.Worker, name)
	}
	return nil
}
