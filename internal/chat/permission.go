package chat

import (
	"strings"

	"usher/internal/fault"
)

// Permission is a set of things that a role allows. The bits are stored:
// append, never reorder.
type Permission int64

// The permissions of the wire, by their names there.
const (
	AddMember Permission = 1 << iota
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

// permissionNames is in the order of the bits.
var permissionNames = [...]string{
	"addMember", "createChannel", "deleteAnyMessage", "deleteOwnMessage", "destroyChannel",
	"editAnyMessage", "editAnyMessageAttributes", "editAnyUserInfo", "editChannelAttributes", "editChannelName",
	"editOwnMessage", "editOwnMessageAttributes", "editOwnUserInfo", "inviteMember", "joinChannel",
	"leaveChannel", "removeMember", "sendMediaMessage", "sendMessage",
	"editAnyMemberAttributes", "editOwnMemberAttributes", "editNotificationLevel",
}

// What a role of either scope may hold; facts of the wire.
const (
	deploymentPermissions = AddMember | CreateChannel | DeleteAnyMessage | DestroyChannel | EditAnyMessage |
		EditAnyMessageAttributes | EditAnyUserInfo | EditChannelAttributes | EditChannelName | EditOwnMessage |
		EditOwnMessageAttributes | EditOwnUserInfo | InviteMember | JoinChannel | RemoveMember | EditAnyMemberAttributes
	channelPermissions = AddMember | DeleteAnyMessage | DeleteOwnMessage | DestroyChannel | EditAnyMessage |
		EditAnyMessageAttributes | EditAnyUserInfo | EditChannelAttributes | EditChannelName | EditOwnMessage |
		EditOwnMessageAttributes | EditOwnUserInfo | InviteMember | LeaveChannel | RemoveMember | SendMediaMessage |
		SendMessage | EditAnyMemberAttributes | EditOwnMemberAttributes | EditNotificationLevel
)

// Has reports whether p holds all of want.
func (p Permission) Has(want Permission) bool { return p&want == want }

// Any reports whether p holds at least one of want.
func (p Permission) Any(want Permission) bool { return p&want != 0 }

// Names returns the wire names of the permissions in p, in a fixed order.
func (p Permission) Names() []string {
	out := make([]string, 0, len(permissionNames))
	for i, name := range permissionNames {
		if p&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// String returns the names with commas between, for messages of tests.
func (p Permission) String() string { return strings.Join(p.Names(), ",") }

// ParsePermissions reads wire names. A name that is unknown, or that a role of
// this scope cannot hold, is 50104 with status 400.
func ParsePermissions(scope RoleScope, names []string) (Permission, error) {
	allowed := channelPermissions
	if scope == ScopeDeployment {
		allowed = deploymentPermissions
	}
	var p Permission
	for _, name := range names {
		bit := permissionBit(name)
		if bit == 0 || !allowed.Has(bit) {
			return 0, invalid(50104, "Permission not found: %.64q is not a permission of a %s role", name, scope)
		}
		p |= bit
	}
	return p, nil
}

func permissionBit(name string) Permission {
	for i, known := range permissionNames {
		if known == name {
			return 1 << i
		}
	}
	return 0
}

// invalid is a fault with the catalogue's code and status 400: for codes whose
// catalogue status (404) is meant for SDK paths, not for a bad parameter.
func invalid(code int, format string, args ...any) error {
	e := fault.New(code, format, args...)
	e.Kind = fault.KindInvalid
	return e
}

// defaultRoles are the roles that every new service gets, with the names and
// sets of the original service. The first four are the service's defaults in
// the order admin, user, channel admin, channel user.
var defaultRoles = [...]struct {
	name  string
	scope RoleScope
	set   Permission
}{
	{"service admin", ScopeDeployment, AddMember | CreateChannel | DeleteAnyMessage | DestroyChannel | EditAnyMessage |
		EditAnyMessageAttributes | EditAnyUserInfo | EditChannelAttributes | EditChannelName | InviteMember | JoinChannel |
		RemoveMember | EditAnyMemberAttributes},
	{"service user", ScopeDeployment, CreateChannel | EditOwnUserInfo | JoinChannel},
	{"channel admin", ScopeChannel, SendMessage | SendMediaMessage | LeaveChannel | EditNotificationLevel | DestroyChannel |
		InviteMember | RemoveMember | EditChannelName | EditChannelAttributes | AddMember | EditAnyMemberAttributes |
		EditAnyMessage | EditAnyMessageAttributes | DeleteAnyMessage},
	{"channel user", ScopeChannel, SendMessage | SendMediaMessage | LeaveChannel | EditNotificationLevel |
		EditOwnMemberAttributes | EditOwnMessage | EditOwnMessageAttributes | DeleteOwnMessage},
}
