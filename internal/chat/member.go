package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/payload"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Kind tells readers of a conversation on which side a member stands.
type Kind = payload.Kind

// The kinds of members.
const (
	Customer Kind = "customer"
	Agent    Kind = "agent"
	Machine  Kind = "system"
)

// Member is a user in a channel.
type Member struct {
	db.Row
	MemberDoc
	ChannelID    int64
	UserID       int64
	RoleID       int64     // of the role that RoleSID names
	LastRead     int64     // index of the last message that was read; -1 when none
	LastReadAt   time.Time // zero when never
	Muted        bool      // notification level muted
	ChannelSID   sid.SID   // not stored
	ServiceSID   sid.SID   // not stored
	FriendlyName string    // not stored: the user's

	hash []byte
}

// MemberDoc is the sealed part of a member.
type MemberDoc struct {
	Identity   string          `json:"identity"`
	UserSID    sid.SID         `json:"user"`
	RoleSID    sid.SID         `json:"role"`
	Kind       Kind            `json:"kind"`
	Attributes json.RawMessage `json:"attributes"`
}

// read is the read horizon on the wire: null when there is none.
func (m *Member) read() *int64 {
	if m.LastRead < 0 {
		return nil
	}
	return &m.LastRead
}

// AddMember puts a user into a channel, making the user when the identity is
// new. An actor joins a public channel itself with joinChannel and adds others
// with addMember. 50404 when it is a member, 50403 and 50208 when a limit of
// the service is reached.
func (c *Chat) AddMember(ctx context.Context, actor account.Actor, p Place, n NewMember) (Member, error) {
	if err := check.Identity(n.Identity); err != nil {
		return Member{}, err
	}
	if n.Kind == "" && n.Identity == actor.Identity {
		n.Kind = kindOf(actor)
	}
	joins := !mayManage(actor) && actor.Identity == n.Identity
	var m Member
	_, err := c.askIn(ctx, actor, p, "onMemberAdd", func(_ *db.Tx, ch *Channel, s seat) (any, error) {
		draft := Member{ChannelSID: ch.SID, MemberDoc: MemberDoc{Identity: n.Identity, RoleSID: n.RoleSID, Attributes: check.Shown(n.Attributes)}, LastRead: -1}
		if joins {
			return draft.Data(), nil
		}
		return draft.Data(), s.allow(actor, permission.AddMember)
	})
	if err != nil {
		return m, err
	}
	may := seat.visible
	if joins {
		may = seat.joins
	}
	err = c.changeIf(ctx, actor, p, may, func(tx *db.Tx, ch *Channel, s seat) error {
		if joins {
			if err := c.joinable(tx, actor, p, ch, s); err != nil {
				return err
			}
			n.RoleSID, n.LastRead, n.DateCreated, n.DateUpdated = "", nil, time.Time{}, time.Time{}
			var err error
			m, err = c.AddMemberTx(tx, ch, n)
			return err
		}
		if err := s.allow(actor, permission.AddMember); err != nil {
			return err
		}
		if !mayManage(actor) && (n.RoleSID != "" || n.LastRead != nil || !n.DateCreated.IsZero() || !n.DateUpdated.IsZero()) {
			return denied()
		}
		var err error
		m, err = c.AddMemberTx(tx, ch, n)
		return err
	})
	return m, err
}

// joins reports whether the actor may ask to join the channel; joinable decides.
func (s seat) joins(actor account.Actor) bool { return !foreignService(actor, s.service) }

// joinable checks that the actor may join the channel by itself: by an invite, one that it made, or a public one, with
// joinChannel. A private one is not there for those who are not asked in.
func (c *Chat) joinable(tx *db.Tx, actor account.Actor, p Place, ch *Channel, s seat) error {
	if s.inviteID != 0 {
		return nil
	}
	stranger := s.private && s.memberID == 0 && ch.CreatedBy != actor.Identity
	if stranger && !mayReadAll(actor) {
		return p.missing()
	}
	service, err := services.ByID(tx, ch.ServiceID)
	if err != nil {
		return fmt.Errorf("service %s: %w", s.service, err)
	}
	allowed, err := c.servicePermissions(tx, actor, service)
	if err != nil {
		return err
	}
	if stranger || !allowed.Has(permission.JoinChannel) {
		return denied()
	}
	return nil
}

// kindOf is the side of an actor that joins by itself.
func kindOf(actor account.Actor) Kind {
	if actor.Role == account.RoleVisitor {
		return Customer
	}
	return Agent
}

// AddMemberTx is AddMember inside a transaction, without a check of who asks.
// It locks the channel and brings *ch up to date.
func (c *Chat) AddMemberTx(tx *db.Tx, ch *Channel, n NewMember) (Member, error) {
	if err := relock(tx, ch); err != nil {
		return Member{}, err
	}
	s, err := services.ByID(tx, ch.ServiceID)
	if err != nil {
		return Member{}, fmt.Errorf("service of channel %s: %w", ch.SID, err)
	}
	ch.ServiceSID = s.SID
	u, _, err := c.EnsureUserTx(tx, s, NewUser{Identity: n.Identity, FriendlyName: n.FriendlyName, Key: n.UserKey, Origin: ch.origin})
	if err != nil {
		return Member{}, err
	}
	if err := roomFor(tx, s, ch, &u); err != nil {
		return Member{}, err
	}
	invite, err := takeInvite(tx, ch, &u)
	if err != nil {
		return Member{}, err
	}
	if n.RoleSID == "" && invite != nil {
		n.RoleSID = invite.RoleSID
	}
	if n.RoleSID == "" {
		n.RoleSID = s.ChannelRole
		if n.Identity == ch.CreatedBy {
			n.RoleSID = s.CreatorRole
		}
	}
	role, err := roleFor(tx, s, n.RoleSID, ScopeChannel)
	if err != nil {
		return Member{}, err
	}
	attributes, err := check.Document(n.Attributes, check.MaxMemberAttributes)
	if err != nil {
		return Member{}, err
	}
	if n.Kind == "" {
		n.Kind = Customer
	}
	m := Member{
		Row: db.Row{
			SID: sid.New(sid.Member), Account: ch.Account, Key: ch.Key,
			CreatedAt: check.Moment(n.DateCreated), UpdatedAt: check.Moment(n.DateUpdated),
		},
		MemberDoc: MemberDoc{Identity: n.Identity, UserSID: u.SID, RoleSID: role.SID, Kind: n.Kind, Attributes: attributes},
		ChannelID: ch.ID, ChannelSID: ch.SID, ServiceSID: s.SID, UserID: u.ID, RoleID: role.ID, FriendlyName: u.FriendlyName,
		LastRead: -1, LastReadAt: check.Moment(n.LastReadAt), hash: u.hash,
	}
	if n.LastRead != nil {
		if err := m.setRead(*n.LastRead, m.LastReadAt, tx.Now); err != nil {
			return Member{}, err
		}
	}
	if err := members.Insert(tx, &m); err != nil {
		return Member{}, fmt.Errorf("member: %w", err)
	}
	return m, c.joined(tx, ch, &m, &u, invite != nil)
}

// roomFor checks that the user can become a member.
func roomFor(tx *db.Tx, s Service, ch *Channel, u *User) error {
	var id int64
	err := tx.QueryRow(`select id from chat_member where channel_id = $1 and identity_hash = $2`, ch.ID, u.hash).Scan(&id)
	switch {
	case err == nil:
		return fault.New(50404, "")
	case !isMissing(err):
		return fmt.Errorf("channel %s members: %w", ch.SID, err)
	case ch.Members >= int64(s.ChannelMembers):
		return fault.New(50403, "")
	case u.Channels >= int64(s.UserChannels) && !ownConversation(ch, u):
		return fault.New(50208, "")
	}
	return nil
}

// ownConversation says that the channel was opened for this very contact. Conversations that have ended keep their member, and a
// customer may come back any number of times.
func ownConversation(ch *Channel, u *User) bool { return ch.Key != 0 && ch.Key == u.Key }

// joined counts a new member in and tells both streams. A user that was invited
// has the channel in its list already.
func (c *Chat) joined(tx *db.Tx, ch *Channel, m *Member, u *User, invited bool) error {
	err := tx.Returning(`update chat_channel set member_count = member_count + 1, member_epoch = member_epoch + 1
		where id = $1 returning member_count, member_epoch`, []any{ch.ID}, &ch.Members, &ch.MemberEpoch)
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	err = tx.Returning(`update chat_user set channel_count = channel_count + 1 where id = $1 returning channel_count`,
		[]any{u.ID}, &u.Channels)
	if isMissing(err) { // it was deleted after it was found
		return fault.New(50213, "")
	}
	if err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	if err := c.emit(tx, ch, event.MemberAdded, m.Data()); err != nil {
		return err
	}
	u.origin = ch.origin
	uc := UserChannel{Channel: *ch, Member: *m, Status: StatusJoined}
	if invited {
		return c.emitUser(tx, u, event.UserChannelUpdated, uc.Data())
	}
	return c.emitUser(tx, u, event.UserChannelAdded, uc.Data())
}

// setRead moves the read horizon; at is zero for now.
func (m *Member) setRead(index int64, at, now time.Time) error {
	if index < -1 {
		return fault.New(50406, "")
	}
	m.LastRead, m.LastReadAt = index, check.Moment(at)
	switch {
	case index < 0:
		m.LastReadAt = time.Time{}
	case at.IsZero():
		m.LastReadAt = now
	}
	return nil
}

// GetMember returns a member by SID or identity.
func (c *Chat) GetMember(ctx context.Context, actor account.Actor, p Place, ref string) (Member, error) {
	var m Member
	err := c.db.View(ctx, func(tx *db.Tx) error {
		ch, _, err := c.open(tx, actor, p, seat.visible)
		if err != nil {
			return err
		}
		if m, err = c.memberOf(tx, &ch, p, ref); err != nil {
			return err
		}
		return named(tx, &m)
	})
	return m, err
}

// ListMembers returns a page of a channel's members, in the order in which
// they joined; with identities only those.
func (c *Chat) ListMembers(ctx context.Context, actor account.Actor, p Place, identities []string, page db.Page) (db.PageOf[Member], error) {
	var out db.PageOf[Member]
	err := c.db.View(ctx, func(tx *db.Tx) error {
		ch, _, err := c.open(tx, actor, p, seat.visible)
		if err != nil {
			return err
		}
		where, args, err := c.ofIdentities(ch.Account, ch.ID, identities)
		if err != nil {
			return err
		}
		if out, err = members.Page(tx, page, where, args...); err != nil {
			return err
		}
		return nameAll(tx, &ch, out.Items)
	})
	return out, err
}

// ofIdentities is the condition for a channel's rows; with identities only
// theirs, at most 100.
func (c *Chat) ofIdentities(acct, channelID int64, identities []string) (where string, args []any, err error) {
	if len(identities) > 100 {
		return "", nil, fault.Invalid("Invalid value for parameter Identity: at most 100 are allowed")
	}
	where, args = `channel_id = $1`, []any{channelID}
	if len(identities) > 0 {
		where += ` and identity_hash in (` + db.In(2, len(identities)) + `)`
	}
	for _, name := range identities {
		hash, err := c.IdentityHash(acct, name)
		if err != nil {
			return "", nil, err
		}
		args = append(args, hash)
	}
	return where, args, nil
}

// UpdateMember changes a member. Its role only the account itself may change;
// attributes need editOwnMemberAttributes or editAnyMemberAttributes; the read
// horizon and the notification level are the member's own.
func (c *Chat) UpdateMember(ctx context.Context, actor account.Actor, p Place, ref string, change MemberChange) (Member, error) {
	var m Member
	_, err := c.askIn(ctx, actor, p, "onMemberUpdate", func(tx *db.Tx, ch *Channel, s seat) (any, error) {
		m, err := c.memberOf(tx, ch, p, ref)
		if err != nil {
			return nil, err
		}
		if change.Attributes != nil {
			m.Attributes = check.Shown(*change.Attributes)
		}
		set(&m.LastRead, change.LastRead)
		return m.Data(), s.mayEditMember(actor, &m, change)
	})
	if err != nil {
		return m, err
	}
	err = c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, s seat) (err error) {
		if m, err = c.memberOf(tx, ch, p, ref); err != nil {
			return err
		}
		if err := s.mayEditMember(actor, &m, change); err != nil {
			return err
		}
		return c.updateMember(tx, ch, &m, change)
	})
	return m, err
}

func (s seat) mayEditMember(actor account.Actor, m *Member, change MemberChange) error {
	if mayManage(actor) {
		return nil
	}
	if change.RoleSID != nil {
		return fault.New(50205, "")
	}
	if change.Imports() || (change.LastRead != nil || change.Muted != nil) && m.Identity != actor.Identity {
		return denied()
	}
	if change.Muted != nil {
		if err := s.allow(actor, permission.EditNotificationLevel); err != nil {
			return err
		}
	}
	if change.Attributes != nil {
		return s.own(actor, m.Identity, permission.EditOwnMemberAttributes, permission.EditAnyMemberAttributes)
	}
	return nil
}

func (c *Chat) updateMember(tx *db.Tx, ch *Channel, m *Member, change MemberChange) error {
	if change.Attributes != nil {
		doc, err := check.Document(*change.Attributes, check.MaxMemberAttributes)
		if err != nil {
			return err
		}
		m.Attributes = doc
	}
	if change.RoleSID != nil && *change.RoleSID != m.RoleSID {
		s, err := services.ByID(tx, ch.ServiceID)
		if err != nil {
			return fmt.Errorf("service of channel %s: %w", ch.SID, err)
		}
		role, err := roleFor(tx, s, *change.RoleSID, ScopeChannel)
		if err != nil {
			return err
		}
		m.RoleID, m.RoleSID = role.ID, role.SID
		if _, err := tx.Exec(`update chat_channel set member_epoch = member_epoch + 1 where id = $1`, ch.ID); err != nil {
			return fmt.Errorf("channel %s: %w", ch.SID, err)
		}
		ch.MemberEpoch++
	}
	if change.LastRead != nil {
		if err := m.setRead(*change.LastRead, change.LastReadAt, tx.Now); err != nil {
			return err
		}
	} else if !change.LastReadAt.IsZero() {
		m.LastReadAt = check.Moment(change.LastReadAt)
	}
	set(&m.Muted, change.Muted)
	if err := members.Update(tx, m); err != nil {
		return fmt.Errorf("member %s: %w", m.SID, err)
	}
	if err := retime(tx, "chat_member", &m.Row, change.DateCreated, change.DateUpdated); err != nil {
		return err
	}
	u, err := users.ByID(tx, m.UserID)
	if err != nil {
		return fmt.Errorf("member %s: %w", m.SID, err)
	}
	m.FriendlyName = u.FriendlyName
	if err := c.emit(tx, ch, event.MemberUpdated, m.Data()); err != nil {
		return err
	}
	if change.LastRead == nil && change.LastReadAt.IsZero() && change.Muted == nil {
		return nil
	}
	u.ServiceSID = ch.ServiceSID
	uc := UserChannel{Channel: *ch, Member: *m, Status: StatusJoined}
	return c.emitUser(tx, &u, event.UserChannelUpdated, uc.Data())
}

// RemoveMember takes a member out: the actor itself with leaveChannel, others
// with removeMember.
func (c *Chat) RemoveMember(ctx context.Context, actor account.Actor, p Place, ref string) error {
	_, err := c.askIn(ctx, actor, p, "onMemberRemove", func(tx *db.Tx, ch *Channel, s seat) (any, error) {
		m, err := c.memberOf(tx, ch, p, ref)
		if err != nil {
			return nil, err
		}
		return m.Data(), s.own(actor, m.Identity, permission.LeaveChannel, permission.RemoveMember)
	})
	if err != nil {
		return err
	}
	return c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, s seat) error {
		m, err := c.memberOf(tx, ch, p, ref)
		if err != nil {
			return err
		}
		if err := s.own(actor, m.Identity, permission.LeaveChannel, permission.RemoveMember); err != nil {
			return err
		}
		u, err := users.ByID(tx, m.UserID)
		if err != nil {
			return fmt.Errorf("member %s: %w", m.SID, err)
		}
		return c.removeMember(tx, ch, &m, &u)
	})
}

// RemoveMemberTx takes the identity out of the channel and reports whether it
// was in. It locks the channel and brings *ch up to date.
func (c *Chat) RemoveMemberTx(tx *db.Tx, ch *Channel, identity string) (bool, error) {
	if err := relock(tx, ch); err != nil {
		return false, err
	}
	m, err := c.memberByIdentity(tx, ch, identity)
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("channel %s members: %w", ch.SID, err)
	}
	u, err := users.ByID(tx, m.UserID)
	if err != nil {
		return false, fmt.Errorf("member %s: %w", m.SID, err)
	}
	return true, c.removeMember(tx, ch, &m, &u)
}

// removeMember takes a member out of a locked channel.
func (c *Chat) removeMember(tx *db.Tx, ch *Channel, m *Member, u *User) error {
	m.ChannelSID, m.ServiceSID, m.FriendlyName = ch.SID, ch.ServiceSID, u.FriendlyName
	err := tx.Returning(`update chat_channel set member_count = member_count - 1, member_epoch = member_epoch + 1
		where id = $1 returning member_count, member_epoch`, []any{ch.ID}, &ch.Members, &ch.MemberEpoch)
	if err != nil {
		return fmt.Errorf("channel %s: %w", ch.SID, err)
	}
	data := m.Data()
	data.DateRemoved = payload.At(tx.Now)
	if err := c.emit(tx, ch, event.MemberRemoved, data); err != nil {
		return err
	}
	return c.leave(tx, ch, m, u)
}

// leave deletes a member's row and tells its user.
func (c *Chat) leave(tx *db.Tx, ch *Channel, m *Member, u *User) error {
	if err := members.Delete(tx, m); err != nil {
		return fmt.Errorf("member %s: %w", m.SID, err)
	}
	err := tx.Returning(`update chat_user set channel_count = channel_count - 1 where id = $1 returning channel_count`,
		[]any{u.ID}, &u.Channels)
	if err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	u.origin = ch.origin
	uc := UserChannel{Channel: *ch, Member: *m, Status: StatusNotParticipating}
	data := uc.Data()
	data.DateRemoved = payload.At(tx.Now)
	return c.emitUser(tx, u, event.UserChannelRemoved, data)
}

// memberOf returns the member that a path names by SID or identity.
func (c *Chat) memberOf(tx *db.Tx, ch *Channel, p Place, ref string) (Member, error) {
	var m Member
	var err error
	if sid.Valid(ref, sid.Member) {
		if m, err = members.Get(tx, ch.Account, sid.SID(ref)); err == nil && m.ChannelID != ch.ID {
			err = db.ErrNotFound
		}
		m.ChannelSID, m.ServiceSID = ch.SID, ch.ServiceSID
	} else {
		m, err = c.memberByIdentity(tx, ch, ref)
	}
	if isMissing(err) {
		return Member{}, fault.NotFound(p.path() + "/Members/" + ref)
	}
	if err != nil {
		return Member{}, fmt.Errorf("channel %s member: %w", ch.SID, err)
	}
	return m, nil
}

func (c *Chat) memberByIdentity(tx *db.Tx, ch *Channel, identity string) (Member, error) {
	hash, err := c.IdentityHash(ch.Account, identity)
	if err != nil {
		return Member{}, err
	}
	m, err := members.One(tx, `channel_id = $1 and identity_hash = $2`, ch.ID, hash)
	m.ChannelSID, m.ServiceSID = ch.SID, ch.ServiceSID
	return m, err
}

// named sets a member's friendly name, which is its user's.
func named(tx *db.Tx, m *Member) error {
	u, err := users.ByID(tx, m.UserID)
	if err != nil {
		return fmt.Errorf("member %s: %w", m.SID, err)
	}
	m.FriendlyName = u.FriendlyName
	return nil
}

// nameAll sets what members of one channel do not store themselves.
func nameAll(tx *db.Tx, ch *Channel, list []Member) error {
	if len(list) == 0 {
		return nil
	}
	all, err := users.Find(tx, `id in (select user_id from chat_member where channel_id = $1)`, ch.ID)
	if err != nil {
		return fmt.Errorf("channel %s members: %w", ch.SID, err)
	}
	names := make(map[int64]string, len(all))
	for i := range all {
		names[all[i].ID] = all[i].FriendlyName
	}
	for i := range list {
		list[i].ChannelSID, list[i].ServiceSID, list[i].FriendlyName = ch.SID, ch.ServiceSID, names[list[i].UserID]
	}
	return nil
}
