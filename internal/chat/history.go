package chat

import (
	"context"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// MaxHistory is how many messages one answer of History holds at most.
const MaxHistory = 100

// Snapshot is a channel at one moment. Whoever follows its stream from
// Channel.Head misses nothing and sees nothing twice.
type Snapshot struct {
	Channel  Channel
	Members  []Member
	Messages []Message // ascending by index
}

// Get returns a channel by its SID.
func (c *Chat) Get(ctx context.Context, actor account.Actor, channel sid.SID) (Channel, error) {
	return c.GetChannel(ctx, actor, Place{Channel: string(channel)})
}

// History returns up to limit messages before an index (nil: the newest),
// ascending. limit is cut to 1 … MaxHistory. It costs the same however many
// messages the channel has.
func (c *Chat) History(ctx context.Context, actor account.Actor, channel sid.SID, before *int64, limit int) ([]Message, error) {
	var list []Message
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatOf(tx, actor, Place{Channel: string(channel)})
		if err != nil {
			return err
		}
		list, err = s.last(tx, before, limit)
		return err
	})
	return list, err
}

// Members returns all members of a channel, in the order in which they joined.
func (c *Chat) Members(ctx context.Context, actor account.Actor, channel sid.SID) ([]Member, error) {
	page, err := c.ListMembers(ctx, actor, Place{Channel: string(channel)}, nil, db.Page{Size: settings.MaxLimit})
	return page.Items, err
}

// Snapshot returns a channel, its members and a part of its history as they
// were at one moment.
func (c *Chat) Snapshot(ctx context.Context, actor account.Actor, channel sid.SID, before *int64, limit int) (Snapshot, error) {
	var out Snapshot
	err := c.db.View(ctx, func(tx *db.Tx) error {
		var s seat
		var err error
		if out.Channel, s, err = c.open(tx, actor, Place{Channel: string(channel)}, seat.visible); err != nil {
			return err
		}
		if out.Members, err = members.Find(tx, `channel_id = $1 order by id`, s.channelID); err != nil {
			return fmt.Errorf("channel %s members: %w", channel, err)
		}
		if err := nameAll(tx, &out.Channel, out.Members); err != nil {
			return err
		}
		out.Messages, err = s.last(tx, before, limit)
		return err
	})
	return out, err
}

// Read moves the actor's own read horizon forward to a message's index. It
// never moves it back, and does nothing when the service keeps no horizons. An
// actor that is not a member gets 50400, an index below 0 is 50406.
func (c *Chat) Read(ctx context.Context, actor account.Actor, channel sid.SID, index int64) error {
	p := Place{Channel: string(channel)}
	if index < 0 {
		return fault.New(50406, "")
	}
	var news bool
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatOf(tx, actor, p)
		if err != nil {
			return err
		}
		if s.memberID == 0 {
			return fault.New(50400, "")
		}
		var at int64
		err = tx.QueryRow(`select last_read from chat_member where id = $1`, s.memberID).Scan(&at)
		news = err == nil && at < index && s.readStatus
		return err
	})
	if err != nil || !news {
		return err
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		ch, s, err := c.lockIf(tx, actor, p, seat.visible)
		if err != nil {
			return err
		}
		ch.by(ctx, actor, s)
		m, err := members.ByID(tx, s.memberID)
		if isMissing(err) {
			return fault.New(50400, "")
		}
		if err != nil {
			return fmt.Errorf("member %s: %w", s.member, err)
		}
		m.ChannelSID, m.ServiceSID = ch.SID, ch.ServiceSID
		to := min(index, ch.LastIndex)
		if to <= m.LastRead {
			return nil
		}
		return c.updateMember(tx, &ch, &m, MemberChange{LastRead: &to})
	})
}
