// Package payload holds what the events of chat carry, in the shape in which readers of a stream see it
// (docs/realtime.md). Names are those of REST, dates are ISO 8601 with milliseconds, attributes are JSON values. A payload is
// the whole thing after the change, never a patch; that of a removal is what it was, with date_removed.
package payload

import (
	"encoding/json"
	"time"

	"usher/internal/sid"
)

// Kind tells readers of a conversation on which side a member stands: customer, agent or system.
type Kind string

// Channel is a channel as readers of its stream see it.
type Channel struct {
	SID          sid.SID         `json:"sid"`
	ServiceSID   sid.SID         `json:"service_sid"`
	FriendlyName *string         `json:"friendly_name"`
	UniqueName   *string         `json:"unique_name"`
	Type         string          `json:"type"` // public, private
	Attributes   json.RawMessage `json:"attributes"`
	CreatedBy    string          `json:"created_by"`
	DateCreated  Date            `json:"date_created"`
	DateUpdated  Date            `json:"date_updated"`
	Members      int64           `json:"members_count"`
	Messages     int64           `json:"messages_count"`
	LastIndex    int64           `json:"last_index"` // -1 when nothing was ever written
	DateRemoved  *Date           `json:"date_removed,omitempty"`
}

// Member is a member. Kind is customer, agent or system.
type Member struct {
	SID          sid.SID         `json:"sid"`
	ChannelSID   sid.SID         `json:"channel_sid"`
	UserSID      sid.SID         `json:"user_sid"`
	Identity     string          `json:"identity"`
	FriendlyName *string         `json:"friendly_name"` // of the user
	RoleSID      sid.SID         `json:"role_sid"`
	Attributes   json.RawMessage `json:"attributes"`
	LastRead     *int64          `json:"last_consumed_message_index"`
	LastReadAt   *Date           `json:"last_consumption_timestamp"`
	DateCreated  Date            `json:"date_created"`
	DateUpdated  Date            `json:"date_updated"`
	Kind         Kind            `json:"kind"`
	DateRemoved  *Date           `json:"date_removed,omitempty"`
}

// Message is a message.
type Message struct {
	SID           sid.SID         `json:"sid"`
	ChannelSID    sid.SID         `json:"channel_sid"`
	Index         int64           `json:"index"`
	Author        string          `json:"author"`
	MemberSID     *sid.SID        `json:"member_sid"` // null when the author was not a member
	Body          string          `json:"body"`
	Attributes    json.RawMessage `json:"attributes"`
	Type          string          `json:"type"` // text, media
	Media         *Media          `json:"media"`
	DateCreated   Date            `json:"date_created"`
	DateUpdated   Date            `json:"date_updated"`
	LastUpdatedBy *string         `json:"last_updated_by"`
	WasEdited     bool            `json:"was_edited"`
	ClientID      string          `json:"client_id,omitempty"`
	DateRemoved   *Date           `json:"date_removed,omitempty"`
}

// Media is the file that a message carries.
type Media struct {
	SID         sid.SID `json:"sid"`
	Filename    *string `json:"filename"`
	ContentType string  `json:"content_type"`
	Size        int64   `json:"size"` // bytes
}

// User is a user.
type User struct {
	SID          sid.SID         `json:"sid"`
	ServiceSID   sid.SID         `json:"service_sid"`
	Identity     string          `json:"identity"`
	FriendlyName *string         `json:"friendly_name"`
	RoleSID      sid.SID         `json:"role_sid"`
	Attributes   json.RawMessage `json:"attributes"`
	Online       *bool           `json:"is_online,omitempty"` // only where the service keeps reachability
	Notifiable   *bool           `json:"is_notifiable,omitempty"`
	DateCreated  Date            `json:"date_created"`
	DateUpdated  Date            `json:"date_updated"`
}

// UserChannel is a channel as its member sees it in the list of its own.
type UserChannel struct {
	ChannelSID   sid.SID  `json:"channel_sid"`
	ServiceSID   sid.SID  `json:"service_sid"`
	UserSID      sid.SID  `json:"user_sid"`
	MemberSID    *sid.SID `json:"member_sid"` // null while the user is only invited
	Status       string   `json:"status"`     // joined, invited, notParticipating
	LastRead     *int64   `json:"last_consumed_message_index"`
	LastReadAt   *Date    `json:"last_consumption_timestamp"`
	Unread       *int64   `json:"unread_messages_count"`
	Notification string   `json:"notification_level"` // default, muted
	DateRemoved  *Date    `json:"date_removed,omitempty"`
}

// Date is a time that is written as ISO 8601, UTC, with milliseconds.
type Date time.Time

const dateFormat = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements json.Marshaler.
func (d Date) MarshalJSON() ([]byte, error) {
	return time.Time(d).UTC().AppendFormat(make([]byte, 0, len(dateFormat)+2), `"`+dateFormat+`"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Date) UnmarshalJSON(b []byte) error { return (*time.Time)(d).UnmarshalJSON(b) }

// At is a pointer to a Date, nil for the zero time.
func At(t time.Time) *Date {
	if t.IsZero() {
		return nil
	}
	d := Date(t)
	return &d
}
