// Package permission holds what a role of chat allows: the names of the wire, the sets that either kind of role may hold and
// those of the roles that every new service gets.
package permission

import (
	"strings"

	"usher/internal/fault"
)

// Scope is where a role applies.
type Scope string

// The two scopes of the wire.
const (
	Deployment Scope = "deployment" // held by a user, counts everywhere in the service
	Channel    Scope = "channel"    // held by a member, counts in its channel
)

// Set is a set of things that a role allows. The bits are stored:
// append, never reorder.
type Set int64

// The permissions of the wire, by their names there.
const (
	AddMember Set = 1 << iota
	CreateChannel
	DeleteAnyMessage
	DeleteOwnMessage
	DestroyChannel
	EditAnyMessage
	EditAnyMessageAttributes
	EditAnyUserInfo
	EditChannelAttributes
	EditChannelName
	EditOwnMessage
	EditOwnMessageAttributes
	EditOwnUserInfo
	InviteMember
	JoinChannel
	LeaveChannel
	RemoveMember
	SendMediaMessage
	SendMessage
	EditAnyMemberAttributes
	EditOwnMemberAttributes
	EditNotificationLevel
)

// words is in the order of the bits.
var words = [...]string{
	"addMember", "createChannel", "deleteAnyMessage", "deleteOwnMessage", "destroyChannel",
	"editAnyMessage", "editAnyMessageAttributes", "editAnyUserInfo", "editChannelAttributes", "editChannelName",
	"editOwnMessage", "editOwnMessageAttributes", "editOwnUserInfo", "inviteMember", "joinChannel",
	"leaveChannel", "removeMember", "sendMediaMessage", "sendMessage",
	"editAnyMemberAttributes", "editOwnMemberAttributes", "editNotificationLevel",
}

// What a role of either scope may hold; facts of the wire.
const (
	deployment = AddMember | CreateChannel | DeleteAnyMessage | DestroyChannel | EditAnyMessage |
		EditAnyMessageAttributes | EditAnyUserInfo | EditChannelAttributes | EditChannelName | EditOwnMessage |
		EditOwnMessageAttributes | EditOwnUserInfo | InviteMember | JoinChannel | RemoveMember | EditAnyMemberAttributes
	channel = AddMember | DeleteAnyMessage | DeleteOwnMessage | DestroyChannel | EditAnyMessage |
		EditAnyMessageAttributes | EditAnyUserInfo | EditChannelAttributes | EditChannelName | EditOwnMessage |
		EditOwnMessageAttributes | EditOwnUserInfo | InviteMember | LeaveChannel | RemoveMember | SendMediaMessage |
		SendMessage | EditAnyMemberAttributes | EditOwnMemberAttributes | EditNotificationLevel
)

// Has reports whether p holds all of want.
func (p Set) Has(want Set) bool { return p&want == want }

// Any reports whether p holds at least one of want.
func (p Set) Any(want Set) bool { return p&want != 0 }

// Names returns the wire names of the permissions in p, in a fixed order.
func (p Set) Names() []string {
	out := make([]string, 0, len(words))
	for i, name := range words {
		if p&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// String returns the names with commas between, for messages of tests.
func (p Set) String() string { return strings.Join(p.Names(), ",") }

// Parse reads wire names. A name that is unknown, or that a role of
// this scope cannot hold, is 50104 with status 400.
func Parse(scope Scope, names []string) (Set, error) {
	allowed := channel
	if scope == Deployment {
		allowed = deployment
	}
	var p Set
	for _, name := range names {
		bit := bitOf(name)
		if bit == 0 || !allowed.Has(bit) {
			e := fault.New(50104, "Permission not found: %.64q is not a permission of a %s role", name, scope)
			e.Kind = fault.KindInvalid // the catalogue's status is meant for paths
			return 0, e
		}
		p |= bit
	}
	return p, nil
}

func bitOf(name string) Set {
	for i, known := range words {
		if known == name {
			return 1 << i
		}
	}
	return 0
}

// Default is a role of every new service.
type Default struct {
	Name  string
	Scope Scope
	Set   Set
}

// Defaults are the roles that every new service gets, with the names and
// sets of the original service. The first four are the service's defaults in
// the order admin, user, channel admin, channel user.
var Defaults = [...]Default{
	{"service admin", Deployment, AddMember | CreateChannel | DeleteAnyMessage | DestroyChannel | EditAnyMessage |
		EditAnyMessageAttributes | EditAnyUserInfo | EditChannelAttributes | EditChannelName | InviteMember | JoinChannel |
		RemoveMember | EditAnyMemberAttributes},
	{"service user", Deployment, CreateChannel | EditOwnUserInfo | JoinChannel},
	{"channel admin", Channel, SendMessage | SendMediaMessage | LeaveChannel | EditNotificationLevel | DestroyChannel |
		InviteMember | RemoveMember | EditChannelName | EditChannelAttributes | AddMember | EditAnyMemberAttributes |
		EditAnyMessage | EditAnyMessageAttributes | DeleteAnyMessage},
	{"channel user", Channel, SendMessage | SendMediaMessage | LeaveChannel | EditNotificationLevel |
		EditOwnMemberAttributes | EditOwnMessage | EditOwnMessageAttributes | DeleteOwnMessage},
}
