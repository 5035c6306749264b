package chat

import (
	"context"
	"fmt"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// What a user is to a channel, on the wire.
const (
	StatusJoined           = "joined"
	StatusInvited          = "invited"
	StatusNotParticipating = "notParticipating"
)

// Levels of notification, on the wire.
const (
	NotifyDefault = "default"
	NotifyMuted   = "muted"
)

// UserChannel is a channel as one of its users sees it. It is a view of the
// channel and the member, not a row.
type UserChannel struct {
	Channel Channel
	Member  Member
	Status  string
}

// Unread is how many messages were written after the read horizon; nil when
// there is no horizon. Deleted messages count: the horizon is a place in the
// sequence, and so is the end.
func (uc *UserChannel) Unread() *int64 {
	if uc.Member.LastRead < 0 {
		return nil
	}
	n := max(uc.Channel.LastIndex-uc.Member.LastRead, 0)
	return &n
}

// Notification is the notification level.
func (uc *UserChannel) Notification() string {
	if uc.Member.Muted {
		return NotifyMuted
	}
	return NotifyDefault
}

// afterInvite begins the cursors of the second part of a user's channels.
const afterInvite = "invite"

// ListUserChannels returns a page of the channels of a user: those in which it
// is a member, in the order in which it joined, then those into which it is
// invited.
func (c *Chat) ListUserChannels(ctx context.Context, actor account.Actor, service sid.SID, user string, page db.Page) (db.PageOf[UserChannel], error) {
	var out db.PageOf[UserChannel]
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, u, err := c.ownerOf(tx, actor, service, user)
		if err != nil {
			return err
		}
		out = db.PageOf[UserChannel]{}
		cursor, second := strings.CutPrefix(page.After, afterInvite)
		if !second {
			seats, err := members.Page(tx, page, `user_id = $1`, u.ID)
			if err != nil {
				return err
			}
			out.Next = seats.Next
			for i := range seats.Items {
				uc, err := userChannel(tx, s, u, seats.Items[i])
				if err != nil {
					return err
				}
				out.Items = append(out.Items, uc)
			}
			cursor = ""
		}
		if out.Next != "" {
			return nil
		}
		return invited(tx, s, u, db.Page{Size: page.Size, After: cursor}, &out)
	})
	return out, err
}

// invited adds the channels into which a user is invited to a page that has
// room, or says that they follow.
func invited(tx *db.Tx, s Service, u User, page db.Page, out *db.PageOf[UserChannel]) error {
	if page.Size -= len(out.Items); page.Size == 0 {
		var one int64
		err := tx.QueryRow(`select 1 from chat_invite where user_id = $1 limit 1`, u.ID).Scan(&one)
		if err == nil {
			out.Next = afterInvite
		}
		if isMissing(err) {
			return nil
		}
		return err
	}
	asked, err := invites.Page(tx, page, `user_id = $1`, u.ID)
	if err != nil {
		return err
	}
	if asked.Next != "" {
		out.Next = afterInvite + asked.Next
	}
	for i := range asked.Items {
		ch, err := channels.ByID(tx, asked.Items[i].ChannelID)
		if err != nil {
			return fmt.Errorf("invite %s: %w", asked.Items[i].SID, err)
		}
		ch.ServiceSID = s.SID
		out.Items = append(out.Items, invitedTo(ch, &asked.Items[i]))
	}
	return nil
}

// GetUserChannel returns one of the channels of a user; 20404 when it is
// neither a member there nor invited.
func (c *Chat) GetUserChannel(ctx context.Context, actor account.Actor, service sid.SID, user, channel string) (UserChannel, error) {
	var uc UserChannel
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		uc, err = c.userChannelOf(tx, actor, service, user, channel)
		return err
	})
	return uc, err
}

// UpdateUserChannel moves the read horizon or changes the notification level
// (50210 when it is neither default nor muted).
func (c *Chat) UpdateUserChannel(ctx context.Context, actor account.Actor, service sid.SID, user, channel string, change UserChannelChange) (UserChannel, error) {
	m := MemberChange{LastRead: change.LastRead, LastReadAt: change.LastReadAt}
	if change.Notification != nil {
		if *change.Notification != NotifyDefault && *change.Notification != NotifyMuted {
			return UserChannel{}, fault.New(50210, "")
		}
		muted := *change.Notification == NotifyMuted
		m.Muted = &muted
	}
	var uc UserChannel
	if err := c.paced(actor, Place{service, channel}); err != nil {
		return uc, err
	}
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		if uc, err = c.userChannelOf(tx, actor, service, user, channel); err != nil {
			return err
		}
		if uc.Status == StatusInvited {
			return fault.New(50400, "")
		}
		ch, s, err := c.lockIf(tx, actor, Place{service, string(uc.Channel.SID)}, seat.visible)
		if err != nil {
			return err
		}
		ch.by(ctx, actor, s)
		if uc.Member, err = c.memberByIdentity(tx, &ch, uc.Member.Identity); err != nil {
			return fmt.Errorf("channel %s member: %w", ch.SID, err)
		}
		if err := s.mayEditMember(actor, &uc.Member, m); err != nil {
			return err
		}
		err = c.updateMember(tx, &ch, &uc.Member, m)
		uc.Channel = ch
		return err
	})
	return uc, err
}

// LeaveUserChannel takes a user out of a channel, as RemoveMember does, or ends
// its invite.
func (c *Chat) LeaveUserChannel(ctx context.Context, actor account.Actor, service sid.SID, user, channel string) error {
	uc, err := c.GetUserChannel(ctx, actor, service, user, channel)
	if err != nil {
		return err
	}
	if uc.Status == StatusInvited {
		return c.DeleteInvite(ctx, actor, Place{service, string(uc.Channel.SID)}, uc.Member.Identity)
	}
	return c.RemoveMember(ctx, actor, Place{service, string(uc.Channel.SID)}, string(uc.Member.SID))
}

// ownerOf returns the user whose channels are asked for: the actor itself, or
// anybody's of those who see everything.
func (c *Chat) ownerOf(tx *db.Tx, actor account.Actor, service sid.SID, user string) (Service, User, error) {
	s, err := c.serviceOf(tx, actor, service)
	if err != nil {
		return Service{}, User{}, err
	}
	u, err := c.userOf(tx, actor, s, user)
	if err == nil && !mayReadAll(actor) && u.Identity != actor.Identity {
		err = fault.NotFound("/Services/" + string(service) + "/Users/" + user)
	}
	return s, u, err
}

func (c *Chat) userChannelOf(tx *db.Tx, actor account.Actor, service sid.SID, user, channel string) (UserChannel, error) {
	s, u, err := c.ownerOf(tx, actor, service, user)
	if err != nil {
		return UserChannel{}, err
	}
	missing := fault.NotFound("/Services/" + string(service) + "/Users/" + user + "/Channels/" + channel)
	at, err := c.readSeat(tx, actor.Account, Place{service, channel}, u.Identity)
	if isMissing(err) || err == nil && at.memberID == 0 && at.inviteID == 0 {
		return UserChannel{}, missing
	}
	if err != nil {
		return UserChannel{}, fmt.Errorf("channel %s: %w", channel, err)
	}
	if at.memberID == 0 {
		i, err := invites.ByID(tx, at.inviteID)
		if err != nil {
			return UserChannel{}, fmt.Errorf("channel %s invite: %w", channel, err)
		}
		ch, err := channels.ByID(tx, i.ChannelID)
		ch.ServiceSID = s.SID
		return invitedTo(ch, &i), err
	}
	m, err := members.ByID(tx, at.memberID)
	if isMissing(err) {
		return UserChannel{}, missing
	}
	if err != nil {
		return UserChannel{}, fmt.Errorf("member %s: %w", at.member, err)
	}
	return userChannel(tx, s, u, m)
}

func userChannel(tx *db.Tx, s Service, u User, m Member) (UserChannel, error) {
	ch, err := channels.ByID(tx, m.ChannelID)
	if err != nil {
		return UserChannel{}, fmt.Errorf("member %s: %w", m.SID, err)
	}
	ch.ServiceSID = s.SID
	m.ChannelSID, m.ServiceSID, m.FriendlyName = ch.SID, s.SID, u.FriendlyName
	return UserChannel{Channel: ch, Member: m, Status: StatusJoined}, nil
}
