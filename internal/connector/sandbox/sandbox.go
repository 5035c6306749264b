// Package sandbox is a connector without a carrier: what is sent by it arrives at once, at phones that are only a number on a screen, and
// what somebody writes on such a phone comes in. An account begins with one, so that SMS can be tried before there is a carrier.
package sandbox

import (
	"context"
	"strings"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
)

// Endings of recipients that do not get what is sent to them, so that what desks and programs do then can be tried.
const (
	// Unreachable is the end of the numbers of phones that are switched off.
	Unreachable = "0003"
	// NoNumber is the end of numbers that do not exist.
	NoNumber = "0001"
)

// Kind is the kind of connector.
var Kind = connector.Kind{
	Name:     connection.Sandbox,
	Channels: []carry.Channel{carry.SMS, carry.WhatsApp, carry.Messenger, carry.LINE, carry.Custom},
	Open:     func(map[string]string, connector.Deps) (any, error) { return line{}, nil },
}

// line is a connection.
type line struct{}

// Send delivers a message at once. What was sent is in the messages' own rows, from which phones are shown.
func (line) Send(_ context.Context, m carry.Outbound) (carry.Sent, error) {
	switch {
	case strings.HasSuffix(m.To, NoNumber):
		return carry.Sent{}, &carry.Refusal{Code: 21211, Reason: "there is no such number"}
	case strings.HasSuffix(m.To, Unreachable):
		return carry.Sent{}, &carry.Refusal{Code: 30003, Reason: "the phone is switched off"}
	}
	return carry.Sent{IDs: []string{m.SID}, Status: carry.Delivered}, nil
}

// Repeats says that sending twice is sending once.
func (line) Repeats() bool { return true }
