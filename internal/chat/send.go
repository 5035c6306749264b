package chat

import (
	"context"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/origin"
	"usher/internal/chat/payload"
	"usher/internal/chat/permission"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// sendTries is how often Send looks again when members or roles changed under
// it. Each look is made inside the transaction, so a second is rare.
const sendTries = 8

// Send adds a message to the channel. It needs sendMessage; the author is the
// actor's identity, which the account itself may replace. repeated tells that
// the author has a message with the same client id in the channel: it is
// returned, nothing is written.
//
// This is the busiest path of the product: one statement takes the index, one
// writes the message, one the event. What the sender may do is remembered; the
// first statement refuses when it is no longer true.
func (c *Chat) Send(ctx context.Context, actor account.Actor, channel sid.SID, n NewMessage) (m Message, repeated bool, err error) {
	return c.SendTo(ctx, actor, Place{Channel: string(channel)}, n)
}

// SendTo is Send by a path.
func (c *Chat) SendTo(ctx context.Context, actor account.Actor, p Place, n NewMessage) (m Message, repeated bool, err error) {
	draft, err := c.draft(actor, n)
	if err != nil {
		return Message{}, false, err
	}
	if err := c.paced(actor, p); err != nil {
		return Message{}, false, err
	}
	key := seatKey{actor.Account, p, actor.Identity}
	if actor.Identity == "" {
		key.identity = draft.Author
	}
	s, known := c.seats.Get(key)
	if !known || s.maySend(actor, p, n.Media) != nil { // what is remembered may be used to allow, never to refuse
		err = c.db.View(ctx, func(tx *db.Tx) (err error) {
			s, err = c.readSeat(tx, key.account, p, key.identity)
			return err
		})
		if err != nil {
			return Message{}, false, p.unless(err)
		}
		known = false
	}
	if s.hooks&settings.HookBefore != 0 {
		if draft, err = c.amended(ctx, actor, p, n, draft); err != nil {
			return Message{}, false, err
		}
	}
	fixed := draft.fixedPart()
	by, _ := origin.Of(ctx, actor.Identity, s.service)
	for try := range sendTries {
		stale := false
		err = c.db.Do(ctx, func(tx *db.Tx) (err error) {
			if try > 0 {
				if s, err = c.readSeat(tx, key.account, p, key.identity); err != nil {
					return err
				}
			}
			if err = s.maySend(actor, p, n.Media); err != nil {
				return err
			}
			m = draft
			if m.Author == key.identity {
				m.MemberSID = s.member
			} else if err = c.sitting(tx, s.channelID, &m); err != nil {
				return err
			}
			stale, err = c.send(tx, s, &m, fixed, by)
			return err
		})
		switch {
		case err == nil && stale:
			c.seats.Drop(key)
			known = false
			continue
		case err == nil:
			if !known {
				c.seats.Put(key, s)
			}
			return m, false, nil
		case draft.clientKey != nil && (isConflict(err) || fault.Of(err).Code == 50508): // the file went with the first one
			if m, repeated, missed := c.first(ctx, actor, p, draft); !isMissing(missed) {
				return m, repeated, missed
			}
		}
		return Message{}, false, p.unless(err)
	}
	return Message{}, false, fault.Unavailable(time.Second, fmt.Errorf("channel %s: members change faster than one can look", p.Channel))
}

// amended asks the service's webhook about a message and answers what it makes
// of it.
func (c *Chat) amended(ctx context.Context, actor account.Actor, p Place, n NewMessage, draft Message) (Message, error) {
	a, err := c.askIn(ctx, actor, p, sendEvent(n), func(_ *db.Tx, ch *Channel, s seat) (any, error) {
		m := draft
		m.SID, m.ChannelSID = "", ch.SID
		return m.Data(), s.maySend(actor, p, n.Media)
	})
	if err != nil || a == (Amendment{}) {
		return draft, err
	}
	n.Author = draft.Author
	set(&n.Body, a.Body)
	set(&n.Author, a.Author)
	set(&n.Attributes, a.Attributes)
	m, err := c.compose(actor.Account, n)
	m.clientKey, m.uploader = draft.clientKey, draft.uploader // whom it is from changes neither which it is nor whose file
	return m, err
}

// sendEvent is the webhooks' name of what is asked for.
func sendEvent(n NewMessage) string {
	if n.Media != "" {
		return "onMediaMessageSend"
	}
	return "onMessageSend"
}

// maySend checks what the seat is worth for sending.
func (s seat) maySend(actor account.Actor, p Place, media sid.SID) error {
	if !s.visible(actor) {
		return p.missing()
	}
	if media != "" {
		return s.allow(actor, permission.SendMediaMessage)
	}
	return s.allow(actor, permission.SendMessage)
}

// draft makes the parts of a message that need no channel.
func (c *Chat) draft(actor account.Actor, n NewMessage) (Message, error) {
	if actor.Identity != "" && n.Author == "" {
		n.Author = actor.Identity
	}
	if !mayManage(actor) && (n.Author != actor.Identity || n.LastUpdatedBy != "" || !n.DateCreated.IsZero() || !n.DateUpdated.IsZero()) {
		return Message{}, denied()
	}
	m, err := c.compose(actor.Account, n)
	if !mayManage(actor) {
		m.uploader = actor.Identity
	}
	return m, err
}

func (c *Chat) compose(acct int64, n NewMessage) (Message, error) {
	if n.Author == "" {
		n.Author = System
	}
	if err := check.Author(n.Author); err != nil {
		return Message{}, err
	}
	if err := check.Body(n.Body); err != nil {
		return Message{}, err
	}
	if err := check.UpdatedBy(n.LastUpdatedBy); err != nil {
		return Message{}, err
	}
	attributes, err := check.Document(n.Attributes, check.MaxMessageAttributes)
	if err != nil {
		return Message{}, err
	}
	if len(n.ClientID) > check.MaxClientID {
		return Message{}, fault.Invalid("client_id is too long: at most %d bytes are allowed", check.MaxClientID)
	}
	if err := check.Text("client_id", n.ClientID); err != nil {
		return Message{}, err
	}
	if n.Media != "" && !sid.Valid(string(n.Media), sid.Media) {
		return Message{}, fault.New(50510, "")
	}
	m := Message{
		Row: db.Row{
			SID: sid.New(sid.Message), Account: acct, CreatedAt: check.Moment(n.DateCreated), UpdatedAt: check.Moment(n.DateUpdated),
		},
		MessageDoc: MessageDoc{
			Author: n.Author, Body: n.Body, Attributes: attributes, LastUpdatedBy: n.LastUpdatedBy, ClientID: n.ClientID,
		},
	}
	if n.Media != "" {
		m.Media = &payload.Media{SID: n.Media} // the rest is known once it is attached
	}
	if n.ClientID != "" {
		// With the author, so that two members whose clients count from 1 do not silence each other.
		m.clientKey, err = c.ring.Blind(acct, blindClient, n.Author+"\x00"+n.ClientID)
	}
	return m, err
}

const takeIndex = `update chat_channel set last_index = last_index + 1, head = head + 1, message_count = message_count + 1
where id = $1 and removed = 0 and member_epoch = $2
  and exists (select 1 from chat_service where id = $3 and role_epoch = $4)
returning last_index, head, watched, carried, webhooks`

// send writes the message and its event. stale tells that the seat is no
// longer true; then nothing was written.
func (c *Chat) send(tx *db.Tx, s seat, m *Message, fixed []byte, by *event.Origin) (stale bool, err error) {
	var head, watched, carried, webhooks int64
	err = tx.Returning(takeIndex, []any{s.channelID, s.memberEpoch, s.serviceID, s.roleEpoch}, &m.Index, &head, &watched, &carried, &webhooks)
	if isMissing(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("channel %s: %w", s.channel, err)
	}
	m.ChannelID, m.ChannelSID, m.ServiceSID, m.Key = s.channelID, s.channel, s.service, s.key
	return false, c.write(tx, m, fixed, head, watched != 0, carried != 0, origin.Told(by, s.service, s.hooks, webhooks))
}

// write inserts a message that has its index and appends its event.
func (c *Chat) write(tx *db.Tx, m *Message, fixed []byte, head int64, watched, carried bool, by *event.Origin) error {
	if m.Media != nil {
		if err := c.attach(tx, m); err != nil {
			return err
		}
		fixed = m.fixedPart()
	}
	if err := messages.Insert(tx, m); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	return c.log.Append(tx, event.Event{
		Account: m.Account, Stream: event.Stream{Kind: event.Channel, ID: m.ChannelID, SID: m.ChannelSID}, Offset: head,
		Kind: event.MessageAdded, Key: m.Key, Data: m.encode(fixed), Watched: watched, Carried: carried, Origin: by,
	})
}

// first returns the message that a repeated send repeats.
func (c *Chat) first(ctx context.Context, actor account.Actor, p Place, draft Message) (Message, bool, error) {
	var m Message
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatOf(tx, actor, p)
		if err != nil {
			return err
		}
		m, err = s.byClient(tx, draft.clientKey)
		return err
	})
	return m, err == nil, err
}

// byClient returns the message with a client id; ErrNotFound when there is none.
func (s seat) byClient(tx *db.Tx, clientKey []byte) (Message, error) {
	list, err := s.messages(tx, `channel_id = $1 and client_key = $2`, s.channelID, clientKey)
	if err == nil && len(list) == 0 {
		return Message{}, fmt.Errorf("message: %w", db.ErrNotFound)
	}
	if err != nil {
		return Message{}, err
	}
	return list[0], nil
}

// SendTx adds a message inside a transaction, without a check of who asks, and
// brings the counters of *ch up to date. repeated tells that the author has a
// message with the same client id: it is returned, nothing is written.
func (c *Chat) SendTx(tx *db.Tx, ch *Channel, n NewMessage) (m Message, repeated bool, err error) {
	m, err = c.compose(ch.Account, n)
	if err != nil {
		return Message{}, false, err
	}
	s := seat{account: ch.Account, channelID: ch.ID, channel: ch.SID, service: ch.ServiceSID, key: ch.Key}
	if m.clientKey != nil {
		// The lock first: a conflict would end the transaction on PostgreSQL.
		if err := relock(tx, ch); err != nil {
			return Message{}, false, err
		}
		if old, err := s.byClient(tx, m.clientKey); err == nil || !isMissing(err) {
			return old, err == nil, err
		}
	}
	if err := c.sitting(tx, ch.ID, &m); err != nil {
		return Message{}, false, err
	}
	var head, watched, carried int64
	err = tx.Returning(`update chat_channel set last_index = last_index + 1, head = head + 1, message_count = message_count + 1
		where id = $1 and removed = 0 returning last_index, head, message_count, watched, carried`,
		[]any{ch.ID}, &ch.LastIndex, &head, &ch.Messages, &watched, &carried)
	if isMissing(err) {
		return Message{}, false, Place{Channel: string(ch.SID)}.missing()
	}
	if err != nil {
		return Message{}, false, fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	ch.Head, ch.Watched = head, watched != 0
	m.ChannelID, m.ChannelSID, m.ServiceSID, m.Key, m.Index = ch.ID, ch.SID, ch.ServiceSID, ch.Key, ch.LastIndex
	return m, false, c.write(tx, &m, m.fixedPart(), head, ch.Watched, carried != 0 && !n.Brought, ch.origin)
}
