package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/payload"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/sid"
)

// Message is one thing that was said in a channel.
type Message struct {
	db.Row
	MessageDoc
	ChannelID  int64
	Index      int64   // place in the channel, from 0
	ChannelSID sid.SID // not stored
	ServiceSID sid.SID // not stored

	uploader  string // whose file Media may be; "" is anybody's
	clientKey []byte // blind index of ClientID; nil when there is none
}

// MessageDoc is the sealed part of a message.
type MessageDoc struct {
	Author        string          `json:"author"`
	MemberSID     sid.SID         `json:"member,omitempty"` // of the author, if it was a member
	Body          string          `json:"body"`
	Attributes    json.RawMessage `json:"attributes"`
	LastUpdatedBy string          `json:"updated_by,omitempty"` // "" is null on the wire
	WasEdited     bool            `json:"edited,omitempty"`
	ClientID      string          `json:"client,omitempty"`
	Media         *payload.Media  `json:"media,omitempty"`
}

// Type is the kind of content: media where the message carries a file.
func (m *Message) Type() string {
	if m.Media != nil {
		return "media"
	}
	return "text"
}

// GetMessage returns a message by its SID.
func (c *Chat) GetMessage(ctx context.Context, actor account.Actor, p Place, message sid.SID) (Message, error) {
	var m Message
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatOf(tx, actor, p)
		if err != nil {
			return err
		}
		m, err = s.message(tx, p, message)
		return err
	})
	return m, err
}

// ListMessages returns a page of a channel's messages by index. The cursor of
// the page is an index, so a page costs the same wherever it stands.
func (c *Chat) ListMessages(ctx context.Context, actor account.Actor, p Place, page db.Page) (db.PageOf[Message], error) {
	var out db.PageOf[Message]
	after, err := strconv.ParseInt(page.After, 10, 64)
	if err != nil && page.After != "" {
		return out, fmt.Errorf("messages: page cursor: %w", err)
	}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatOf(tx, actor, p)
		if err != nil {
			return err
		}
		where, args := `channel_id = $1 `, []any{s.channelID, page.Size + 1}
		if page.After != "" {
			args = append(args, after)
			where += map[bool]string{true: `and idx < $3 `, false: `and idx > $3 `}[page.Desc]
		}
		where += map[bool]string{true: `order by idx desc limit $2`, false: `order by idx limit $2`}[page.Desc]
		out.Items, err = s.messages(tx, where, args...)
		if len(out.Items) > page.Size {
			out.Items = out.Items[:page.Size]
			out.Next = strconv.FormatInt(out.Items[page.Size-1].Index, 10)
		}
		return err
	})
	return out, err
}

// UpdateMessage changes a message: the author with editOwnMessage and
// editOwnMessageAttributes, others with editAnyMessage and
// editAnyMessageAttributes; who wrote it and when only the account itself.
// A new body sets was_edited.
func (c *Chat) UpdateMessage(ctx context.Context, actor account.Actor, p Place, message sid.SID, change MessageChange) (Message, error) {
	var m Message
	a, err := c.askIn(ctx, actor, p, "onMessageUpdate", func(tx *db.Tx, _ *Channel, s seat) (any, error) {
		m, err := s.message(tx, p, message)
		if err != nil {
			return nil, err
		}
		err = s.mayEditMessage(actor, &m, change)
		set(&m.Body, change.Body)
		if change.Attributes != nil {
			m.Attributes = check.Shown(*change.Attributes)
		}
		return m.Data(), err
	})
	if err != nil {
		return m, err
	}
	err = c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, s seat) (err error) {
		if m, err = s.message(tx, p, message); err != nil {
			return err
		}
		if err := s.mayEditMessage(actor, &m, change); err != nil {
			return err
		}
		change := change
		if !mayManage(actor) {
			change.LastUpdatedBy = &actor.Identity
		}
		given(&change.Body, a.Body)
		given(&change.Author, a.Author)
		given(&change.Attributes, a.Attributes)
		return c.updateMessage(tx, ch, &m, change)
	})
	return m, err
}

func (s seat) mayEditMessage(actor account.Actor, m *Message, change MessageChange) error {
	if change.Body != nil {
		if err := s.own(actor, m.Author, permission.EditOwnMessage, permission.EditAnyMessage); err != nil {
			return err
		}
	}
	if change.Attributes != nil {
		if err := s.own(actor, m.Author, permission.EditOwnMessageAttributes, permission.EditAnyMessageAttributes); err != nil {
			return err
		}
	}
	if !mayManage(actor) && (change.Author != nil || !change.DateCreated.IsZero() || !change.DateUpdated.IsZero()) {
		return denied()
	}
	return nil
}

func (c *Chat) updateMessage(tx *db.Tx, ch *Channel, m *Message, change MessageChange) error {
	if change.Body != nil && m.Media != nil && *change.Body != m.Body {
		return fault.New(50509, "")
	}
	if change.Body != nil {
		if err := check.Body(*change.Body); err != nil {
			return err
		}
		m.WasEdited = m.WasEdited || *change.Body != m.Body
		m.Body = *change.Body
	}
	if change.Attributes != nil {
		doc, err := check.Document(*change.Attributes, check.MaxMessageAttributes)
		if err != nil {
			return err
		}
		m.Attributes = doc
	}
	if change.Author != nil {
		if err := check.Author(*change.Author); err != nil {
			return err
		}
		m.Author = *change.Author
		if err := c.sitting(tx, ch.ID, m); err != nil {
			return err
		}
	}
	m.LastUpdatedBy = System
	if change.LastUpdatedBy != nil {
		if err := check.UpdatedBy(*change.LastUpdatedBy); err != nil {
			return err
		}
		m.LastUpdatedBy = *change.LastUpdatedBy
	}
	if err := messages.Update(tx, m); err != nil {
		return fmt.Errorf("message %s: %w", m.SID, err)
	}
	if err := retime(tx, "chat_message", &m.Row, change.DateCreated, change.DateUpdated); err != nil {
		return err
	}
	return c.emit(tx, ch, event.MessageUpdated, m.Data())
}

// DeleteMessage removes a message: the author with deleteOwnMessage, others
// with deleteAnyMessage. Its index is not given again.
func (c *Chat) DeleteMessage(ctx context.Context, actor account.Actor, p Place, message sid.SID) error {
	_, err := c.askIn(ctx, actor, p, "onMessageRemove", func(tx *db.Tx, _ *Channel, s seat) (any, error) {
		m, err := s.message(tx, p, message)
		if err != nil {
			return nil, err
		}
		return m.Data(), s.own(actor, m.Author, permission.DeleteOwnMessage, permission.DeleteAnyMessage)
	})
	if err != nil {
		return err
	}
	return c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, s seat) error {
		m, err := s.message(tx, p, message)
		if err != nil {
			return err
		}
		if err := s.own(actor, m.Author, permission.DeleteOwnMessage, permission.DeleteAnyMessage); err != nil {
			return err
		}
		if err := messages.Delete(tx, &m); err != nil {
			return fmt.Errorf("message %s: %w", m.SID, err)
		}
		if m.Media != nil {
			if err := media.Release(tx, m.Media.SID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`update chat_channel set message_count = message_count - 1 where id = $1`, ch.ID); err != nil {
			return fmt.Errorf("channel %s: %w", ch.SID, err)
		}
		data := m.Data()
		data.DateRemoved = payload.At(tx.Now)
		return c.emit(tx, ch, event.MessageRemoved, data)
	})
}

// message returns the message that a path names.
func (s seat) message(tx *db.Tx, p Place, message sid.SID) (Message, error) {
	m, err := messages.Get(tx, s.account, message)
	if isMissing(err) || err == nil && m.ChannelID != s.channelID {
		return Message{}, fault.NotFound(p.path() + "/Messages/" + string(message))
	}
	if err != nil {
		return Message{}, fmt.Errorf("message %s: %w", message, err)
	}
	m.ChannelSID, m.ServiceSID = s.channel, s.service
	return m, nil
}

// messages reads messages of the seat's channel.
func (s seat) messages(tx *db.Tx, where string, args ...any) ([]Message, error) {
	list, err := messages.Find(tx, where, args...)
	if err != nil {
		return nil, fmt.Errorf("channel %s messages: %w", s.channel, err)
	}
	for i := range list {
		list[i].ChannelSID, list[i].ServiceSID = s.channel, s.service
	}
	return list, nil
}

// last returns up to limit messages before an index (nil: the newest), oldest
// first.
func (s seat) last(tx *db.Tx, before *int64, limit int) ([]Message, error) {
	limit = min(max(limit, 1), MaxHistory)
	where, args := `channel_id = $1 order by idx desc limit $2`, []any{s.channelID, limit}
	if before != nil {
		where, args = `channel_id = $1 and idx < $3 order by idx desc limit $2`, append(args, *before)
	}
	list, err := s.messages(tx, where, args...)
	slices.Reverse(list)
	return list, err
}

// sitting sets the member SID of a message's author.
func (c *Chat) sitting(tx *db.Tx, channelID int64, m *Message) error {
	hash, err := c.IdentityHash(m.Account, m.Author)
	if err != nil {
		return err
	}
	var member string
	err = tx.QueryRow(`select sid from chat_member where channel_id = $1 and identity_hash = $2`, channelID, hash).Scan(&member)
	if err != nil && !isMissing(err) {
		return fmt.Errorf("author: %w", err)
	}
	m.MemberSID = sid.SID(member)
	return nil
}
