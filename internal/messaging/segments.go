package messaging

import (
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// counted returns a body as it is sent to an address and in how many segments. Only SMS has segments; smart replaces signs there
// that would make it cost more.
func counted(body, to string, smart bool) (string, int) {
	if carry.ChannelOf(to) != carry.SMS {
		return body, 1
	}
	if smart {
		body = segment.Smart(body)
	}
	return body, segment.Measure(body).Segments
}
