package chat

import (
	"context"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Invite asks a user into a channel. It ends when the user joins, declines or
// is uninvited.
type Invite struct {
	db.Row
	InviteDoc
	ChannelID  int64
	UserID     int64
	RoleID     int64   // of the role that RoleSID names
	ChannelSID sid.SID // not stored
	ServiceSID sid.SID // not stored

	hash []byte
}

// InviteDoc is the sealed part of an invite.
type InviteDoc struct {
	Identity  string  `json:"identity"`
	UserSID   sid.SID `json:"user"`
	RoleSID   sid.SID `json:"role"` // what the user gets on joining
	CreatedBy string  `json:"created_by"`
}

// CreateInvite invites a user of the service into a channel; it needs
// inviteMember. An identity that is no user is 20404, a member 50404, one that
// is invited 50212; 50403 when the channel has as many invites as members can be.
func (c *Chat) CreateInvite(ctx context.Context, actor account.Actor, p Place, n NewInvite) (Invite, error) {
	if err := check.Identity(n.Identity); err != nil {
		return Invite{}, err
	}
	var i Invite
	err := c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, s seat) error {
		if err := s.allow(actor, permission.InviteMember); err != nil {
			return err
		}
		if n.RoleSID != "" && !mayManage(actor) {
			return denied()
		}
		service, err := services.ByID(tx, ch.ServiceID)
		if err != nil {
			return fmt.Errorf("service of channel %s: %w", ch.SID, err)
		}
		hash, err := c.IdentityHash(ch.Account, n.Identity)
		if err != nil {
			return err
		}
		u, err := userByHash(tx, service.ID, hash)
		if isMissing(err) {
			return fault.NotFound("/Services/" + string(service.SID) + "/Users/" + n.Identity)
		}
		if err != nil {
			return fmt.Errorf("user: %w", err)
		}
		u.ServiceSID = service.SID
		if err := uninvited(tx, service, ch, &u); err != nil {
			return err
		}
		if n.RoleSID == "" {
			n.RoleSID = service.ChannelRole
		}
		role, err := roleFor(tx, service, n.RoleSID, ScopeChannel)
		if err != nil {
			return err
		}
		i = Invite{
			Row:       db.Row{SID: sid.New(sid.Invite), Account: ch.Account, Key: ch.Key},
			InviteDoc: InviteDoc{Identity: n.Identity, UserSID: u.SID, RoleSID: role.SID, CreatedBy: System},
			ChannelID: ch.ID, ChannelSID: ch.SID, ServiceSID: service.SID, UserID: u.ID, RoleID: role.ID, hash: hash,
		}
		if actor.Identity != "" {
			i.CreatedBy = actor.Identity
		}
		if err := invites.Insert(tx, &i); err != nil {
			return fmt.Errorf("invite: %w", err)
		}
		u.origin = ch.origin
		uc := invitedTo(*ch, &i)
		return c.emitUser(tx, &u, event.UserChannelAdded, uc.Data())
	})
	return i, err
}

// uninvited checks that a user can be invited into a locked channel.
func uninvited(tx *db.Tx, s Service, ch *Channel, u *User) error {
	var joined, invited, all int64
	err := tx.QueryRow(`select (select count(*) from chat_member where channel_id = $1 and identity_hash = $2),
		(select count(*) from chat_invite where channel_id = $1 and identity_hash = $2),
		(select count(*) from chat_invite where channel_id = $1)`, ch.ID, u.hash).Scan(&joined, &invited, &all)
	switch {
	case err != nil:
		return fmt.Errorf("channel %s invites: %w", ch.SID, err)
	case joined > 0:
		return fault.New(50404, "")
	case invited > 0:
		return fault.New(50212, "")
	case all >= int64(s.ChannelMembers):
		return fault.New(50403, "")
	}
	return nil
}

// invitedTo is the channel as an invited user sees it.
func invitedTo(ch Channel, i *Invite) UserChannel {
	return UserChannel{
		Channel: ch, Status: StatusInvited,
		Member: Member{MemberDoc: MemberDoc{Identity: i.Identity, UserSID: i.UserSID}, LastRead: -1},
	}
}

// GetInvite returns an invite by its SID or the invited identity: those of a
// channel to its members, its own to the one who is invited.
func (c *Chat) GetInvite(ctx context.Context, actor account.Actor, p Place, ref string) (Invite, error) {
	var i Invite
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatIf(tx, actor, p, seat.known)
		if err != nil {
			return err
		}
		i, err = c.inviteOf(tx, actor, s, p, ref)
		return err
	})
	return i, err
}

// inviteOf returns the invite that a path names and the actor may see.
func (c *Chat) inviteOf(tx *db.Tx, actor account.Actor, s seat, p Place, ref string) (Invite, error) {
	var i Invite
	var err error
	if sid.Valid(ref, sid.Invite) {
		i, err = invites.Get(tx, s.account, sid.SID(ref))
	} else {
		var hash []byte
		if hash, err = c.IdentityHash(s.account, ref); err == nil {
			i, err = invites.One(tx, `channel_id = $1 and identity_hash = $2`, s.channelID, hash)
		}
	}
	if isMissing(err) || err == nil && (i.ChannelID != s.channelID || !s.visible(actor) && i.ID != s.inviteID) {
		return Invite{}, fault.NotFound(p.path() + "/Invites/" + ref)
	}
	if err != nil {
		return Invite{}, fmt.Errorf("channel %s invite: %w", s.channel, err)
	}
	i.ChannelSID, i.ServiceSID = s.channel, s.service
	return i, nil
}

// ListInvites returns a page of a channel's invites, in the order in which they
// were made; with identities only theirs. It is for members.
func (c *Chat) ListInvites(ctx context.Context, actor account.Actor, p Place, identities []string, page db.Page) (db.PageOf[Invite], error) {
	var out db.PageOf[Invite]
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.seatOf(tx, actor, p)
		if err != nil {
			return err
		}
		where, args, err := c.ofIdentities(s.account, s.channelID, identities)
		if err != nil {
			return err
		}
		out, err = invites.Page(tx, page, where, args...)
		for i := range out.Items {
			out.Items[i].ChannelSID, out.Items[i].ServiceSID = s.channel, s.service
		}
		return err
	})
	return out, err
}

// DeleteInvite takes an invite back, which needs inviteMember, or declines it,
// which only the invited does. One that is a member has nothing to decline: 50602.
func (c *Chat) DeleteInvite(ctx context.Context, actor account.Actor, p Place, ref string) error {
	return c.changeIf(ctx, actor, p, seat.known, func(tx *db.Tx, ch *Channel, s seat) error {
		i, err := c.inviteOf(tx, actor, s, p, ref)
		if err != nil {
			if s.memberID != 0 && ref == actor.Identity {
				return fault.New(50602, "")
			}
			return err
		}
		if i.ID != s.inviteID {
			if err := s.allow(actor, permission.InviteMember); err != nil {
				return err
			}
		}
		return c.uninvite(tx, ch, &i)
	})
}

// uninvite deletes an invite and tells its user.
func (c *Chat) uninvite(tx *db.Tx, ch *Channel, i *Invite) error {
	if err := invites.Delete(tx, i); err != nil {
		return fmt.Errorf("invite %s: %w", i.SID, err)
	}
	u, err := users.ByID(tx, i.UserID)
	if err != nil {
		return fmt.Errorf("invite %s: %w", i.SID, err)
	}
	uc := invitedTo(*ch, i)
	uc.Status = StatusNotParticipating
	return c.emitUser(tx, &u, event.UserChannelRemoved, uc.Data())
}

// takeInvite ends the invite of a user who becomes a member. nil when there is
// none.
func takeInvite(tx *db.Tx, ch *Channel, u *User) (*Invite, error) {
	i, err := invites.One(tx, `channel_id = $1 and identity_hash = $2`, ch.ID, u.hash)
	if isMissing(err) {
		return nil, nil
	}
	if err == nil {
		err = invites.Delete(tx, &i)
	}
	if err != nil {
		return nil, fmt.Errorf("channel %s invites: %w", ch.SID, err)
	}
	return &i, nil
}
