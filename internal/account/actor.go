package account

import (
	"time"

	"usher/internal/sid"
)

// Role is what an actor is to the account.
type Role string

// The roles. A person of the desk is admin, supervisor or agent; a visitor is a
// customer in a chat; the owner holds the account's own credentials. The names
// admin, supervisor and agent are those of the compatible desk's tokens.
const (
	RoleOwner      Role = "owner"
	RoleAdmin      Role = "admin"
	RoleSupervisor Role = "supervisor"
	RoleAgent      Role = "agent"
	RoleVisitor    Role = "visitor"
)

// Actor is an authenticated caller. The zero Actor may do nothing.
type Actor struct {
	Account    int64   // integer key of the account
	AccountSID sid.SID // AC…
	Role       Role

	// Key is the API key of the credentials: the one that was presented, or the
	// one that signed the access token. Empty for the auth token.
	Key sid.SID
	// Main says that Key, presented itself, may manage the account.
	Main bool

	// The rest is empty unless the caller presented an access token.
	Identity    string  // chat identity, unique within the chat service
	ChatService sid.SID // IS…: the chat service that the identity belongs to
	// PushCredential is CR…: what the devices of this identity are told by; "" is the account's newest of each kind.
	PushCredential sid.SID
	Workspace      sid.SID // WS…
	Worker         sid.SID // WK…
	Person         sid.SID // PE…: who signed in to the desk
	Flow           sid.SID // FO…: the flow through which a visitor came
	Epoch          int64   // the token's Person.TokenEpoch
	Expires        time.Time
}

// Owner reports whether the actor holds the account's own credentials.
func (a Actor) Owner() bool { return a.Role == RoleOwner }

// System returns the actor that Usher itself is within an account, for work
// that nobody asked for by a request, such as a janitor's.
func System(account int64, s sid.SID) Actor {
	return Actor{Account: account, AccountSID: s, Role: RoleOwner, Main: true}
}
