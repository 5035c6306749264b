package chat

import (
	"context"
	"encoding/json"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/origin"
	"usher/internal/chat/payload"
	"usher/internal/chat/permission"
	"usher/internal/chat/purge"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Channel is a conversation. It owns a stream of events and the counter that
// numbers its messages.
type Channel struct {
	db.Row
	ChannelDoc
	ServiceID   int64
	Private     bool
	Removed     bool  // deleted; its messages are being purged
	Watched     bool  // its events have durable subscribers
	Carried     bool  // its messages go out by a carrier
	Head        int64 // offset of the stream's newest event; 0 when there is none
	LastIndex   int64 // of the newest message ever written; -1 when there is none
	Messages    int64 // how many exist
	Members     int64
	MemberEpoch int64   // grows when somebody joins, leaves or changes role
	Webhooks    int64   // how many of its own it has
	ServiceSID  sid.SID // not stored
	LastMessage sid.SID // not stored: the newest message, where an operation for paths sets it

	hash   []byte
	origin *event.Origin // of what is done to it; nil when nobody outside is told
}

// ChannelDoc is the sealed part of a channel.
type ChannelDoc struct {
	FriendlyName string          `json:"name,omitempty"`   // "" is null on the wire
	UniqueName   string          `json:"unique,omitempty"` // "" is null on the wire
	Attributes   json.RawMessage `json:"attributes"`
	CreatedBy    string          `json:"created_by"`
}

// Type is public or private.
func (ch *Channel) Type() string {
	if ch.Private {
		return "private"
	}
	return "public"
}

// CreateChannel makes a channel without members. An actor that is not the
// account itself needs createChannel and becomes created_by; it sees the
// channel once it has joined. 50307 when the unique name is taken.
func (c *Chat) CreateChannel(ctx context.Context, actor account.Actor, service sid.SID, n NewChannel) (Channel, error) {
	var ch Channel
	a, err := c.ask(ctx, actor, "onChannelAdd", func(tx *db.Tx, q *Proposal) (bool, error) {
		var err error
		q.Service, err = c.serviceOf(tx, actor, service)
		draft := Channel{ChannelDoc: ChannelDoc{n.FriendlyName, n.UniqueName, check.Shown(n.Attributes), actor.Identity}, Private: n.Private}
		q.Data = draft.Data()
		if err != nil || q.Service.Webhooks&settings.HookBefore == 0 {
			return false, err
		}
		allowed, err := c.servicePermissions(tx, actor, q.Service)
		return allowed.Has(permission.CreateChannel), err
	})
	if err != nil {
		return ch, err
	}
	set(&n.FriendlyName, a.FriendlyName)
	set(&n.Attributes, a.Attributes)
	err = c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		if !mayManage(actor) {
			p, err := c.servicePermissions(tx, actor, s)
			if err != nil {
				return err
			}
			if !p.Has(permission.CreateChannel) || !n.DateCreated.IsZero() || !n.DateUpdated.IsZero() {
				return denied()
			}
			n.CreatedBy = actor.Identity
		}
		if err := check.ChannelNames(n.FriendlyName, n.UniqueName, check.MaxCreateName); err != nil {
			return err
		}
		if ch, err = c.CreateChannelTx(tx, s, n); err != nil || s.Webhooks&settings.HookAfter == 0 {
			return err
		}
		by, _ := origin.Of(ctx, actor.Identity, s.SID)
		return c.tell(tx, by, event.Event{
			Account: ch.Account, Stream: event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, Kind: event.ChannelAdded, Key: ch.Key,
		}, ch.Data())
	})
	return ch, err
}

// CreateChannelTx is CreateChannel inside a transaction, without a check of
// who asks. Names may be as long as those of an update.
func (c *Chat) CreateChannelTx(tx *db.Tx, s Service, n NewChannel) (Channel, error) {
	if err := check.ChannelNames(n.FriendlyName, n.UniqueName, check.MaxUpdateName); err != nil {
		return Channel{}, err
	}
	attributes, err := check.Document(n.Attributes, check.MaxChannelAttributes)
	if err != nil {
		return Channel{}, err
	}
	if n.CreatedBy == "" {
		n.CreatedBy = System
	}
	if err := check.Author(n.CreatedBy); err != nil {
		return Channel{}, err
	}
	hash, err := c.uniqueHash(s.Account, n.UniqueName)
	if err != nil {
		return Channel{}, err
	}
	ch := Channel{
		Row: db.Row{
			SID: sid.New(sid.Channel), Account: s.Account, Key: n.Key,
			CreatedAt: check.Moment(n.DateCreated), UpdatedAt: check.Moment(n.DateUpdated),
		},
		ChannelDoc: ChannelDoc{FriendlyName: n.FriendlyName, UniqueName: n.UniqueName, Attributes: attributes, CreatedBy: n.CreatedBy},
		ServiceID:  s.ID, ServiceSID: s.SID, Private: n.Private, Watched: n.Watched, Carried: n.Carried, LastIndex: -1,
		hash: hash, origin: origin.Told(nil, s.SID, s.Webhooks, 0),
	}
	if err := nameFree(tx, &ch); err != nil {
		return Channel{}, err
	}
	if err := channels.Insert(tx, &ch); err != nil {
		return Channel{}, takenName(err, &ch)
	}
	return ch, nil
}

// nameFree asks before it writes, because a conflict ends a transaction on
// PostgreSQL and costs a repetition on SQLite.
func nameFree(tx *db.Tx, ch *Channel) error {
	if ch.hash == nil {
		return nil
	}
	var id int64
	err := tx.QueryRow(`select id from chat_channel where service_id = $1 and unique_hash = $2`, ch.ServiceID, ch.hash).Scan(&id)
	switch {
	case isMissing(err) || err == nil && id == ch.ID:
		return nil
	case err != nil:
		return fmt.Errorf("unique name: %w", err)
	}
	return fault.New(50307, "")
}

// takenName names the conflict of a race that nameFree could not see.
func takenName(err error, ch *Channel) error {
	if isConflict(err) && ch.hash != nil {
		return fault.New(50307, "").With(err)
	}
	return fmt.Errorf("channel %s: %w", ch.SID, err)
}

// GetChannel returns a channel that a path names: also a public one that the
// actor could join, and one into which it is invited.
func (c *Chat) GetChannel(ctx context.Context, actor account.Actor, p Place) (Channel, error) {
	var ch Channel
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if ch, _, err = c.open(tx, actor, p, seat.known); err != nil {
			return err
		}
		return lastMessage(tx, &ch)
	})
	return ch, err
}

// lastMessage sets a channel's newest message.
func lastMessage(tx *db.Tx, ch *Channel) error {
	if ch.Messages == 0 {
		return nil
	}
	var s string
	err := tx.QueryRow(`select sid from chat_message where channel_id = $1 order by idx desc limit 1`, ch.ID).Scan(&s)
	if err != nil && !isMissing(err) {
		return fmt.Errorf("channel %s newest message: %w", ch.SID, err)
	}
	ch.LastMessage = sid.SID(s)
	return nil
}

// ListChannels returns a page of a service's channels, oldest first; of a token
// without chat.read only those in which it is a member. types holds public and
// private; none means both.
func (c *Chat) ListChannels(ctx context.Context, actor account.Actor, service sid.SID, types []string, page db.Page) (db.PageOf[Channel], error) {
	var out db.PageOf[Channel]
	ofType := ""
	public, private := len(types) == 0, len(types) == 0
	for _, t := range types {
		switch t {
		case "public":
			public = true
		case "private":
			private = true
		default:
			return out, fault.Invalid("Invalid value for parameter Type: %.64q is not a channel type", t)
		}
	}
	switch {
	case !public:
		ofType = ` and private = 1`
	case !private:
		ofType = ` and private = 0`
	}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		where, args := `service_id = $1 and removed = 0`+ofType, []any{s.ID}
		if !mayReadAll(actor) {
			where += ` and id in (select m.channel_id from chat_member m join chat_user u on u.id = m.user_id
				where u.service_id = $1 and u.identity_hash = $2)`
			hash, err := c.IdentityHash(s.Account, actor.Identity)
			if err != nil {
				return err
			}
			args = append(args, hash)
		}
		if out, err = channels.Page(tx, page, where, args...); err != nil {
			return err
		}
		for i := range out.Items {
			out.Items[i].ServiceSID = s.SID
			if err := lastMessage(tx, &out.Items[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// UpdateChannel changes a channel. Names need editChannelName, attributes
// editChannelAttributes, the rest is the account's own.
func (c *Chat) UpdateChannel(ctx context.Context, actor account.Actor, p Place, change ChannelChange) (Channel, error) {
	var ch Channel
	a, err := c.askIn(ctx, actor, p, "onChannelUpdate", func(_ *db.Tx, ch *Channel, _ seat) (any, error) {
		set(&ch.FriendlyName, change.FriendlyName)
		set(&ch.UniqueName, change.UniqueName)
		if change.Attributes != nil {
			ch.Attributes = check.Shown(*change.Attributes)
		}
		return ch.Data(), nil
	})
	if err != nil {
		return ch, err
	}
	err = c.change(ctx, actor, p, func(tx *db.Tx, locked *Channel, s seat) error {
		ch = *locked
		if change.FriendlyName != nil || change.UniqueName != nil {
			if err := s.allow(actor, permission.EditChannelName); err != nil {
				return err
			}
		}
		if change.Attributes != nil {
			if err := s.allow(actor, permission.EditChannelAttributes); err != nil {
				return err
			}
		}
		if (change.CreatedBy != nil || !change.DateCreated.IsZero() || !change.DateUpdated.IsZero()) && !mayManage(actor) {
			return denied()
		}
		change := change
		given(&change.FriendlyName, a.FriendlyName)
		given(&change.Attributes, a.Attributes)
		if err := c.updateChannel(tx, &ch, change); err != nil {
			return err
		}
		return lastMessage(tx, &ch)
	})
	return ch, err
}

func (c *Chat) updateChannel(tx *db.Tx, ch *Channel, change ChannelChange) error {
	if change.FriendlyName != nil {
		if err := check.FriendlyName(*change.FriendlyName, check.MaxUpdateName); err != nil {
			return err
		}
		ch.FriendlyName = *change.FriendlyName
	}
	if change.UniqueName != nil && *change.UniqueName != ch.UniqueName {
		if err := check.UniqueName(*change.UniqueName, check.MaxUpdateName); err != nil {
			return err
		}
		ch.UniqueName = *change.UniqueName
		var err error
		if ch.hash, err = c.uniqueHash(ch.Account, ch.UniqueName); err != nil {
			return err
		}
		if err := nameFree(tx, ch); err != nil {
			return err
		}
		ch.MemberEpoch++ // seats are remembered by unique name, too
	}
	if change.Attributes != nil {
		m, err := check.Document(*change.Attributes, check.MaxChannelAttributes)
		if err != nil {
			return err
		}
		ch.Attributes = m
	}
	if change.CreatedBy != nil {
		if err := check.Author(*change.CreatedBy); err != nil {
			return err
		}
		ch.CreatedBy = *change.CreatedBy
	}
	if err := channels.Update(tx, ch); err != nil {
		return takenName(err, ch)
	}
	if err := retime(tx, "chat_channel", &ch.Row, change.DateCreated, change.DateUpdated); err != nil {
		return err
	}
	return c.emit(tx, ch, event.ChannelUpdated, ch.Data())
}

// SettleTx says whether the channel's events have durable subscribers from now on, and replaces its attributes with what fn makes
// of them: one write and at most one event, because many conversations may end at once. Where fn changes nothing, nobody is told.
// However long the attributes are, they never keep a conversation from ending. Webhooks are told:
// desks of the original make these changes.
func (c *Chat) SettleTx(tx *db.Tx, ch *Channel, watched bool, fn func(old json.RawMessage) (json.RawMessage, error)) error {
	if err := relock(tx, ch); err != nil {
		return err
	}
	m, err := fn(ch.Attributes)
	if err != nil {
		return fmt.Errorf("channel %s attributes: %w", ch.SID, err)
	}
	was := ch.Watched
	ch.Watched = watched
	if string(m) != string(ch.Attributes) {
		s, err := services.ByID(tx, ch.ServiceID)
		if err != nil {
			return fmt.Errorf("service of channel %s: %w", ch.SID, err)
		}
		if s.Webhooks&settings.HookAfter != 0 || ch.Webhooks > 0 {
			ch.origin = &event.Origin{Source: origin.API, Service: s.SID}
		}
		ch.Attributes = m
		ch.Head++
		if err := channels.Update(tx, ch); err != nil {
			return fmt.Errorf("channel %s: %w", ch.SID, err)
		}
		return c.append(tx, event.Event{
			Account: ch.Account, Stream: event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, Offset: ch.Head,
			Kind: event.ChannelUpdated, At: tx.Now, Key: ch.Key, Watched: ch.Watched, Origin: ch.origin,
		}, ch.Data())
	}
	if watched == was {
		return nil
	}
	if _, err := tx.Exec(`update chat_channel set watched = $1 where id = $2`, bit(watched), ch.ID); err != nil {
		return fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	return nil
}

// bit is how a column keeps a truth.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// DeleteChannel removes a channel with its members and messages; it needs
// destroyChannel. What is left of a long history goes with Purge.
func (c *Chat) DeleteChannel(ctx context.Context, actor account.Actor, p Place) error {
	_, err := c.askIn(ctx, actor, p, "onChannelDestroy", func(_ *db.Tx, ch *Channel, s seat) (any, error) {
		return ch.Data(), s.allow(actor, permission.DestroyChannel)
	})
	if err != nil {
		return err
	}
	return c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, s seat) error {
		if err := s.allow(actor, permission.DestroyChannel); err != nil {
			return err
		}
		return c.deleteChannel(tx, ch)
	})
}

// DeleteChannelTx is DeleteChannel inside a transaction, without a check of
// who asks.
func (c *Chat) DeleteChannelTx(tx *db.Tx, ch *Channel) error {
	if err := relock(tx, ch); err != nil {
		return err
	}
	return c.deleteChannel(tx, ch)
}

func (c *Chat) deleteChannel(tx *db.Tx, ch *Channel) error {
	all, err := members.Find(tx, `channel_id = $1 order by user_id`, ch.ID)
	if err != nil {
		return fmt.Errorf("channel %s members: %w", ch.SID, err)
	}
	data := ch.Data()
	data.DateRemoved = payload.At(tx.Now)
	if err := c.emit(tx, ch, event.ChannelRemoved, data); err != nil {
		return err
	}
	for i := range all {
		u, err := users.ByID(tx, all[i].UserID)
		if err != nil {
			return fmt.Errorf("member %s: %w", all[i].SID, err)
		}
		if err := c.leave(tx, ch, &all[i], &u); err != nil {
			return err
		}
	}
	asked, err := invites.Find(tx, `channel_id = $1 order by user_id`, ch.ID)
	if err != nil {
		return fmt.Errorf("channel %s invites: %w", ch.SID, err)
	}
	for i := range asked {
		if err := c.uninvite(tx, ch, &asked[i]); err != nil {
			return err
		}
	}
	if ch.Webhooks > 0 {
		if _, err := tx.Exec(`update chat_webhook set removed = $1 where channel_id = $2`, db.Micros(tx.Now), ch.ID); err != nil {
			return fmt.Errorf("channel %s webhooks: %w", ch.SID, err)
		}
	}
	ch.Removed, ch.hash, ch.Members = true, nil, 0
	ch.MemberEpoch++
	if err := channels.Update(tx, ch); err != nil {
		return fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	_, err = purge.Channel(tx, ch.ID, purge.AtOnce)
	return err
}

// ChannelTx returns a channel of the account by its SID; 20404 when there is
// none.
func (c *Chat) ChannelTx(tx *db.Tx, acct int64, channel sid.SID) (Channel, error) {
	p := Place{Channel: string(channel)}
	ch, err := channels.Get(tx, acct, channel)
	if isMissing(err) || err == nil && ch.Removed {
		return Channel{}, p.missing()
	}
	if err != nil {
		return Channel{}, fmt.Errorf("channel %s: %w", channel, err)
	}
	service, err := services.ByID(tx, ch.ServiceID)
	if isMissing(err) || err == nil && service.Removed {
		return Channel{}, p.missing()
	}
	ch.ServiceSID, ch.origin = service.SID, origin.Told(nil, service.SID, service.Webhooks, 0)
	return ch, err
}

// open reads a channel and the actor's seat in it.
func (c *Chat) open(tx *db.Tx, actor account.Actor, p Place, may func(seat, account.Actor) bool) (Channel, seat, error) {
	s, err := c.seatIf(tx, actor, p, may)
	if err != nil {
		return Channel{}, s, err
	}
	ch, err := channels.ByID(tx, s.channelID)
	if err != nil {
		return Channel{}, s, fmt.Errorf("channel %s: %w", s.channel, err)
	}
	ch.ServiceSID = s.service
	return ch, s, nil
}

// lockIf is open for a change: nobody else changes the channel, its members or
// its messages until the transaction ends.
func (c *Chat) lockIf(tx *db.Tx, actor account.Actor, p Place, may func(seat, account.Actor) bool) (Channel, seat, error) {
	s, err := c.seatIf(tx, actor, p, may)
	if err != nil {
		return Channel{}, s, err
	}
	ch, err := channels.ByIDForUpdate(tx, s.channelID)
	if isMissing(err) || err == nil && ch.Removed {
		return Channel{}, s, p.missing()
	}
	if err != nil {
		return Channel{}, s, fmt.Errorf("channel %s: %w", s.channel, err)
	}
	ch.ServiceSID = s.service
	if ch.MemberEpoch != s.memberEpoch { // somebody was faster to the lock
		if s, err = c.seatIf(tx, actor, p, may); err != nil {
			return Channel{}, s, err
		}
	}
	return ch, s, nil
}

// relock brings a channel that the caller read before up to date and locks it.
func relock(tx *db.Tx, ch *Channel) error {
	fresh, err := channels.ByIDForUpdate(tx, ch.ID)
	if isMissing(err) || err == nil && fresh.Removed {
		return Place{Channel: string(ch.SID)}.missing()
	}
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	fresh.ServiceSID, fresh.origin = ch.ServiceSID, ch.origin
	*ch = fresh
	return nil
}
