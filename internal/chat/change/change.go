// Package change holds what channels, members, messages, users and invites of chat are made from, and how they are changed.
package change

import (
	"time"

	"usher/internal/chat/payload"
	"usher/internal/event"
	"usher/internal/sid"
)

// NewChannel is what a channel is made from.
type NewChannel struct {
	FriendlyName string
	UniqueName   string
	Attributes   string // JSON text; "" is {}
	Private      bool
	CreatedBy    string    // an identity; "" is system
	DateCreated  time.Time // of an import; zero is now
	DateUpdated  time.Time
	Key          int64 // data key of the contact whose conversation this is; 0 is the account's own
	Watched      bool
	Carried      bool // what is said in it goes out by a carrier
}

// Channel is a change of a channel; nil and zero leave a field alone. An
// empty unique name takes it away.
type Channel struct {
	FriendlyName *string
	UniqueName   *string
	Attributes   *string
	CreatedBy    *string
	DateCreated  time.Time
	DateUpdated  time.Time
}

// NewMember is what a member is made from.
type NewMember struct {
	Identity     string
	FriendlyName string       // of the user, when it is made on the way
	RoleSID      sid.SID      // "" is the service's default for members, or for the channel's creator
	Kind         payload.Kind // "" is customer
	Attributes   string       // JSON text; "" is {}
	UserKey      int64        // data key of the user, when it is made on the way; 0 is the account's own
	LastRead     *int64       // of an import; nil is none
	LastReadAt   time.Time
	DateCreated  time.Time
	DateUpdated  time.Time
}

// Member is a change of a member; nil and zero leave a field alone.
type Member struct {
	RoleSID     *sid.SID
	Attributes  *string
	LastRead    *int64 // -1 for none
	LastReadAt  time.Time
	Muted       *bool
	DateCreated time.Time
	DateUpdated time.Time
}

// NewMessage is what a message is made from.
type NewMessage struct {
	Author        string // "" is the actor's identity, or system
	Body          string
	Attributes    string // JSON text; "" is {}
	ClientID      string // made by the sender; sending it again answers with the first message
	LastUpdatedBy string
	Media         sid.SID   // of the file to carry, "" for none
	Brought       bool      // by a carrier: it does not go out by one
	DateCreated   time.Time // of an import; zero is now
	DateUpdated   time.Time
}

// Message is a change of a message; nil and zero leave a field alone.
type Message struct {
	Body          *string
	Attributes    *string
	Author        *string
	LastUpdatedBy *string
	DateCreated   time.Time
	DateUpdated   time.Time
}

// NewUser is what a user is made from.
type NewUser struct {
	Identity     string
	FriendlyName string
	Attributes   string  // JSON text; "" is {}
	RoleSID      sid.SID // "" is the service's default
	Key          int64   // data key of the contact whose user this is; 0 is the account's own

	Origin *event.Origin // nil when webhooks are not told
}

// User is a change of a user; nil leaves a field alone.
type User struct {
	FriendlyName *string
	Attributes   *string
	RoleSID      *sid.SID
}

// UserChannel is a change of a user's side of a channel; nil and zero
// leave a field alone.
type UserChannel struct {
	Notification *string
	LastRead     *int64
	LastReadAt   time.Time
}

// NewInvite is what an invite is made from.
type NewInvite struct {
	Identity string
	RoleSID  sid.SID // "" is the service's default for members
}

// Imports reports whether the change sets dates, which only imports do.
func (m *Member) Imports() bool { return !m.DateCreated.IsZero() || !m.DateUpdated.IsZero() }
