package chat

import (
	"encoding/json"
	"fmt"

	"usher/internal/chat/payload"
	"usher/internal/db"
	"usher/internal/event"
)

// What the events of this package carry (kinds: package event, catalog.go):
//
//	stream of a channel   channel.updated, channel.removed                    ChannelData
//	                      message.added, message.updated, message.removed     MessageData
//	                      member.added, member.updated, member.removed        MemberData
//	stream of a user      user.updated                                        UserData
//	                      userchannel.added, .updated, .removed               UserChannelData
//
// The payloads.
type (
	ChannelData     = payload.Channel
	MemberData      = payload.Member
	MessageData     = payload.Message
	Media           = payload.Media
	UserData        = payload.User
	UserChannelData = payload.UserChannel
)

// Data is the channel's payload.
func (ch *Channel) Data() ChannelData {
	return ChannelData{
		SID: ch.SID, ServiceSID: ch.ServiceSID, FriendlyName: optional(ch.FriendlyName), UniqueName: optional(ch.UniqueName),
		Type: ch.Type(), Attributes: ch.Attributes, CreatedBy: ch.CreatedBy,
		DateCreated: payload.Date(ch.CreatedAt), DateUpdated: payload.Date(ch.UpdatedAt),
		Members: ch.Members, Messages: ch.Messages, LastIndex: ch.LastIndex,
	}
}

// Data is the member's payload.
func (m *Member) Data() MemberData {
	return MemberData{
		SID: m.SID, ChannelSID: m.ChannelSID, UserSID: m.UserSID, Identity: m.Identity, FriendlyName: optional(m.FriendlyName),
		RoleSID: m.RoleSID, Attributes: m.Attributes, LastRead: m.read(), LastReadAt: payload.At(m.LastReadAt),
		DateCreated: payload.Date(m.CreatedAt), DateUpdated: payload.Date(m.UpdatedAt), Kind: m.Kind,
	}
}

// Data is the message's payload.
func (m *Message) Data() MessageData {
	d := MessageData{
		SID: m.SID, ChannelSID: m.ChannelSID, Index: m.Index, Author: m.Author, Body: m.Body, Attributes: m.Attributes,
		Type: m.Type(), DateCreated: payload.Date(m.CreatedAt), DateUpdated: payload.Date(m.UpdatedAt),
		LastUpdatedBy: optional(m.LastUpdatedBy), WasEdited: m.WasEdited, ClientID: m.ClientID, Media: m.Media,
	}
	if m.MemberSID != "" {
		d.MemberSID = &m.MemberSID
	}
	return d
}

// Payload is the message as its events carry it: json.Marshal of its Data.
func (m *Message) Payload() []byte { return m.encode(m.fixedPart()) }

// fixedPart is what encode needs and can be made before the message has its place.
func (m *Message) fixedPart() []byte {
	d := m.Data()
	return d.Fixed()
}

func (m *Message) encode(fixed []byte) []byte {
	d := m.Data()
	return d.Encode(fixed)
}

// Data is the user's payload.
func (u *User) Data() UserData {
	d := UserData{
		SID: u.SID, ServiceSID: u.ServiceSID, Identity: u.Identity, FriendlyName: optional(u.FriendlyName), RoleSID: u.RoleSID,
		Attributes: u.Attributes, DateCreated: payload.Date(u.CreatedAt), DateUpdated: payload.Date(u.UpdatedAt),
	}
	if u.Reach != nil {
		d.Online, d.Notifiable = &u.Reach.Online, &u.Reach.Notifiable
	}
	return d
}

// Data is the user channel's payload.
func (uc *UserChannel) Data() UserChannelData {
	d := UserChannelData{
		ChannelSID: uc.Channel.SID, ServiceSID: uc.Channel.ServiceSID, UserSID: uc.Member.UserSID,
		Status: uc.Status, LastRead: uc.Member.read(), LastReadAt: payload.At(uc.Member.LastReadAt), Unread: uc.Unread(),
		Notification: uc.Notification(),
	}
	if uc.Member.SID != "" {
		d.MemberSID = &uc.Member.SID
	}
	return d
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
		Account: ch.Account, Stream: event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, Offset: ch.Head,
		Kind: kind, At: tx.Now, Key: ch.Key, Watched: ch.Watched, Origin: ch.origin,
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
		Kind: kind, At: tx.Now, Key: u.Key, Origin: u.origin,
	}, payload)
}

// tell tells webhooks of what begins a stream; by is nil when they are not told.
func (c *Chat) tell(tx *db.Tx, by *event.Origin, e event.Event, payload any) error {
	if by == nil {
		return nil
	}
	data, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Kind, err)
	}
	e.Data, e.Origin = data, by
	return c.log.Tell(tx, e)
}

func (c *Chat) append(tx *db.Tx, e event.Event, payload any) error {
	data, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Kind, err)
	}
	e.Data = data
	return c.log.Append(tx, e)
}
