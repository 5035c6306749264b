package account

import "slices"

// Grant is a permission that an operation asks for.
type Grant string

// The grants. read is to see everything of the product in the account, write
// and manage is to change it; own, work and webchannel are limited to what
// belongs to the actor, which the product checks.
const (
	AccountManage       Grant = "account.manage" // subaccounts, tokens, keys
	ChatRead            Grant = "chat.read"
	ChatWrite           Grant = "chat.write"
	ChatOwn             Grant = "chat.own" // as a member, within the chat role's permissions
	FlexRead            Grant = "flex.read"
	FlexManage          Grant = "flex.manage"
	FlexWebChannel      Grant = "flex.webchannel" // open and end the actor's own web chat
	TaskRouterRead      Grant = "taskrouter.read"
	TaskRouterManage    Grant = "taskrouter.manage"
	TaskRouterSupervise Grant = "taskrouter.supervise" // others' activity, tasks and reservations
	TaskRouterWork      Grant = "taskrouter.work"      // own reservations, tasks and activity
	PeopleManage        Grant = "people.manage"
	MessagingRead       Grant = "messaging.read"   // messages by carriers, numbers, services
	MessagingSend       Grant = "messaging.send"   // and redact, cancel, delete
	MessagingManage     Grant = "messaging.manage" // numbers, applications, services
	// ProxyRead shows whose numbers stand behind masked ones, so it is not for everybody at the desk.
	ProxyRead   Grant = "proxy.read"
	ProxyManage Grant = "proxy.manage"
)

// grants is the whole policy: what is not listed is denied. Lists are short and
// read often, so they stay slices.
var grants = map[Role][]Grant{
	RoleOwner: {
		AccountManage, ChatRead, ChatWrite, ChatOwn, FlexRead, FlexManage, FlexWebChannel,
		TaskRouterRead, TaskRouterManage, TaskRouterSupervise, TaskRouterWork, PeopleManage,
		MessagingRead, MessagingSend, MessagingManage,
		ProxyRead, ProxyManage,
	},
	RoleAdmin: {
		ChatRead, ChatWrite, ChatOwn, FlexRead, FlexManage, FlexWebChannel,
		TaskRouterRead, TaskRouterManage, TaskRouterSupervise, TaskRouterWork, PeopleManage,
		MessagingRead, MessagingSend, MessagingManage,
		ProxyRead, ProxyManage,
	},
	RoleSupervisor: {ChatRead, ChatOwn, FlexRead, TaskRouterRead, TaskRouterSupervise, TaskRouterWork, MessagingRead},
	RoleAgent:      {ChatOwn, FlexRead, TaskRouterRead, TaskRouterWork},
	RoleVisitor:    {ChatOwn, FlexWebChannel},
}

// Can reports whether the actor holds a grant. An API key may do everything but
// manage the account, unless it is a main key: so a leaked key cannot make
// further keys.
func (a Actor) Can(g Grant) bool {
	if a.Account == 0 {
		return false
	}
	if g == AccountManage && a.Key != "" && !a.Main {
		return false
	}
	return slices.Contains(grants[a.Role], g)
}

// valid reports whether r is a role that an access token or a person may have.
// Nobody becomes owner by a token: owners hold the account's credentials.
func (r Role) valid() bool {
	_, ok := grants[r]
	return ok && r != RoleOwner
}

// staff reports whether r is a role of a person of the desk.
func (r Role) staff() bool { return r.valid() && r != RoleVisitor }
