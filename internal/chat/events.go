package chat

import (
	"encoding/json"
	"fmt"
	"time"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/sid"
)

// What the events of this package carry (kinds: package event, catalog.go):
//
//	stream of a channel   channel.updated, channel.removed                    ChannelData
//	                      message.added, message.updated, message.removed     MessageData
//	                      member.added, member.updated, member.removed        MemberData
//	stream of a user      user.updated                                        UserData
//	                      userchannel.added, .updated, .removed               UserChannelData
//
// Names are those of REST, dates are ISO 8601 with milliseconds, attributes are
// JSON values. A payload is the whole thing after the change, never a patch;
// that of a removal is what it was, with date_removed.

// ChannelData is a channel as readers of its stream see it.
type ChannelData struct {
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

// MemberData is a member. Kind is customer, agent or system.
type MemberData struct {
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

// MessageData is a message.
type MessageData struct {
	SID           sid.SID         `json:"sid"`
	ChannelSID    sid.SID         `json:"channel_sid"`
	Index         int64           `json:"index"`
	Author        string          `json:"author"`
	MemberSID     *sid.SID        `json:"member_sid"` // null when the author was not a member
	Body          string          `json:"body"`
	Attributes    json.RawMessage `json:"attributes"`
	Type          string          `json:"type"` // text
	Media         *struct{}       `json:"media"`
	DateCreated   Date            `json:"date_created"`
	DateUpdated   Date            `json:"date_updated"`
	LastUpdatedBy *string         `json:"last_updated_by"`
	WasEdited     bool            `json:"was_edited"`
	ClientID      string          `json:"client_id,omitempty"`
	DateRemoved   *Date           `json:"date_removed,omitempty"`
}

// UserData is a user.
type UserData struct {
	SID          sid.SID         `json:"sid"`
	ServiceSID   sid.SID         `json:"service_sid"`
	Identity     string          `json:"identity"`
	FriendlyName *string         `json:"friendly_name"`
	RoleSID      sid.SID         `json:"role_sid"`
	Attributes   json.RawMessage `json:"attributes"`
	DateCreated  Date            `json:"date_created"`
	DateUpdated  Date            `json:"date_updated"`
}

// UserChannelData is a channel as its member sees it in the list of its own.
type UserChannelData struct {
	ChannelSID   sid.SID `json:"channel_sid"`
	ServiceSID   sid.SID `json:"service_sid"`
	UserSID      sid.SID `json:"user_sid"`
	MemberSID    sid.SID `json:"member_sid"`
	Status       string  `json:"status"` // joined, notParticipating
	LastRead     *int64  `json:"last_consumed_message_index"`
	LastReadAt   *Date   `json:"last_consumption_timestamp"`
	Unread       *int64  `json:"unread_messages_count"`
	Notification string  `json:"notification_level"` // default, muted
	DateRemoved  *Date   `json:"date_removed,omitempty"`
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

// date is a pointer to a Date, nil for the zero time.
func date(t time.Time) *Date {
	if t.IsZero() {
		return nil
	}
	d := Date(t)
	return &d
}

// Data is the channel's payload.
func (ch *Channel) Data() ChannelData {
	return ChannelData{
		SID: ch.SID, ServiceSID: ch.ServiceSID, FriendlyName: optional(ch.FriendlyName), UniqueName: optional(ch.UniqueName),
		Type: ch.Type(), Attributes: ch.Attributes, CreatedBy: ch.CreatedBy,
		DateCreated: Date(ch.CreatedAt), DateUpdated: Date(ch.UpdatedAt),
		Members: ch.Members, Messages: ch.Messages, LastIndex: ch.LastIndex,
	}
}

// Data is the member's payload.
func (m *Member) Data() MemberData {
	return MemberData{
		SID: m.SID, ChannelSID: m.ChannelSID, UserSID: m.UserSID, Identity: m.Identity, FriendlyName: optional(m.FriendlyName),
		RoleSID: m.RoleSID, Attributes: m.Attributes, LastRead: m.read(), LastReadAt: date(m.LastReadAt),
		DateCreated: Date(m.CreatedAt), DateUpdated: Date(m.UpdatedAt), Kind: m.Kind,
	}
}

// Data is the message's payload.
func (m *Message) Data() MessageData {
	d := MessageData{
		SID: m.SID, ChannelSID: m.ChannelSID, Index: m.Index, Author: m.Author, Body: m.Body, Attributes: m.Attributes,
		Type: m.Type(), DateCreated: Date(m.CreatedAt), DateUpdated: Date(m.UpdatedAt),
		LastUpdatedBy: optional(m.LastUpdatedBy), WasEdited: m.WasEdited, ClientID: m.ClientID,
	}
	if m.MemberSID != "" {
		d.MemberSID = &m.MemberSID
	}
	return d
}

// Data is the user's payload.
func (u *User) Data() UserData {
	return UserData{
		SID: u.SID, ServiceSID: u.ServiceSID, Identity: u.Identity, FriendlyName: optional(u.FriendlyName), RoleSID: u.RoleSID,
		Attributes: u.Attributes, DateCreated: Date(u.CreatedAt), DateUpdated: Date(u.UpdatedAt),
	}
}

// Data is the user channel's payload.
func (uc *UserChannel) Data() UserChannelData {
	return UserChannelData{
		ChannelSID: uc.Channel.SID, ServiceSID: uc.Channel.ServiceSID, UserSID: uc.Member.UserSID, MemberSID: uc.Member.SID,
		Status: uc.Status, LastRead: uc.Member.read(), LastReadAt: date(uc.Member.LastReadAt), Unread: uc.Unread(),
		Notification: uc.Notification(),
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// emit appends an event to the channel's stream and advances ch.Head.
func (c *Chat) emit(tx *db.Tx, ch *Channel, kind string, payload any) error {
	offset, err := event.Advance(tx, "chat_channel", ch.ID)
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	ch.Head = offset
	return c.append(tx, event.Event{
		Account: ch.Account, Stream: event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, Offset: offset,
		Kind: kind, At: tx.Now, Key: ch.Key, Watched: ch.Watched,
	}, payload)
}

// emitUser appends an event to a user's stream.
func (c *Chat) emitUser(tx *db.Tx, u *User, kind string, payload any) error {
	offset, err := event.Advance(tx, "chat_user", u.ID)
	if err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	u.Head = offset
	return c.append(tx, event.Event{
		Account: u.Account, Stream: event.Stream{Kind: event.User, ID: u.ID, SID: u.SID}, Offset: offset,
		Kind: kind, At: tx.Now, Key: u.Key,
	}, payload)
}

func (c *Chat) append(tx *db.Tx, e event.Event, payload any) error {
	data, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Kind, err)
	}
	e.Data = data
	return c.log.Append(tx, e)
}
