package chat

import (
	"errors"
	"time"

	"usher/internal/chat/check"
	"usher/internal/db"
)

var services = &db.Table[Service]{
	Name: "chat_service", Steady: true,
	Row: func(s *Service) *db.Row { return &s.Row },
	Doc: func(s *Service) any { return &s.ServiceDoc },
	Columns: []db.Column[Service]{
		{Name: "removed", Field: func(s *Service) any { return &s.Removed }},
		{Name: "read_status", Field: func(s *Service) any { return &s.ReadStatus }},
		{Name: "role_epoch", Field: func(s *Service) any { return &s.RoleEpoch }},
		{Name: "hooks", Field: func(s *Service) any { return &s.Webhooks }},
	},
}

var roleTable = &db.Table[Role]{
	Name: "chat_role", Steady: true,
	Row: func(r *Role) *db.Row { return &r.Row },
	Doc: func(r *Role) any { return &r.RoleDoc },
	Columns: []db.Column[Role]{
		{Name: "service_id", Field: func(r *Role) any { return &r.ServiceID }},
		{Name: "permissions", Field: func(r *Role) any { return &r.Permissions }},
	},
}

var users = &db.Table[User]{
	Name: "chat_user",
	Row:  func(u *User) *db.Row { return &u.Row },
	Doc:  func(u *User) any { return &u.UserDoc },
	Columns: []db.Column[User]{
		{Name: "service_id", Field: func(u *User) any { return &u.ServiceID }},
		{Name: "identity_hash", Field: func(u *User) any { return &u.hash }},
		{Name: "role_id", Field: func(u *User) any { return &u.RoleID }},
		{Name: "channel_count", Field: func(u *User) any { return &u.Channels }},
		{Name: "head", Field: func(u *User) any { return &u.Head }},
	},
}

var channels = &db.Table[Channel]{
	Name: "chat_channel",
	Row:  func(ch *Channel) *db.Row { return &ch.Row },
	Doc:  func(ch *Channel) any { return &ch.ChannelDoc },
	Columns: []db.Column[Channel]{
		{Name: "service_id", Field: func(ch *Channel) any { return &ch.ServiceID }},
		{Name: "unique_hash", Field: func(ch *Channel) any { return &ch.hash }},
		{Name: "private", Field: func(ch *Channel) any { return &ch.Private }},
		{Name: "removed", Field: func(ch *Channel) any { return &ch.Removed }},
		{Name: "watched", Field: func(ch *Channel) any { return &ch.Watched }},
		{Name: "carried", Field: func(ch *Channel) any { return &ch.Carried }},
		{Name: "head", Field: func(ch *Channel) any { return &ch.Head }},
		{Name: "last_index", Field: func(ch *Channel) any { return &ch.LastIndex }},
		{Name: "message_count", Field: func(ch *Channel) any { return &ch.Messages }},
		{Name: "member_count", Field: func(ch *Channel) any { return &ch.Members }},
		{Name: "member_epoch", Field: func(ch *Channel) any { return &ch.MemberEpoch }},
		{Name: "webhooks", Field: func(ch *Channel) any { return &ch.Webhooks }},
	},
}

var invites = &db.Table[Invite]{
	Name: "chat_invite",
	Row:  func(i *Invite) *db.Row { return &i.Row },
	Doc:  func(i *Invite) any { return &i.InviteDoc },
	Columns: []db.Column[Invite]{
		{Name: "channel_id", Field: func(i *Invite) any { return &i.ChannelID }},
		{Name: "user_id", Field: func(i *Invite) any { return &i.UserID }},
		{Name: "identity_hash", Field: func(i *Invite) any { return &i.hash }},
		{Name: "role_id", Field: func(i *Invite) any { return &i.RoleID }},
	},
}

var members = &db.Table[Member]{
	Name: "chat_member",
	Row:  func(m *Member) *db.Row { return &m.Row },
	Doc:  func(m *Member) any { return &m.MemberDoc },
	Columns: []db.Column[Member]{
		{Name: "channel_id", Field: func(m *Member) any { return &m.ChannelID }},
		{Name: "user_id", Field: func(m *Member) any { return &m.UserID }},
		{Name: "identity_hash", Field: func(m *Member) any { return &m.hash }},
		{Name: "role_id", Field: func(m *Member) any { return &m.RoleID }},
		{Name: "last_read", Field: func(m *Member) any { return &m.LastRead }},
		{Name: "last_read_at", Field: func(m *Member) any { return &m.LastReadAt }},
		{Name: "muted", Field: func(m *Member) any { return &m.Muted }},
	},
}

var messages = &db.Table[Message]{
	Name: "chat_message",
	Row:  func(m *Message) *db.Row { return &m.Row },
	Doc:  func(m *Message) any { return &m.MessageDoc },
	Columns: []db.Column[Message]{
		{Name: "channel_id", Field: func(m *Message) any { return &m.ChannelID }},
		{Name: "idx", Field: func(m *Message) any { return &m.Index }},
		{Name: "client_key", Field: func(m *Message) any { return &m.clientKey }},
	},
}

// Purposes of blind indexes. They are stored: never change them.
const (
	blindIdentity = "chat.identity"
	BlindUnique   = "chat.unique_name"
	blindClient   = "chat.client_id"
)

// IdentityHash is the blind index of an identity, by which users, members and invites are looked up.
func (c *Chat) IdentityHash(acct int64, identity string) ([]byte, error) {
	return c.ring.Blind(acct, blindIdentity, identity)
}

// uniqueHash is nil for no name.
func (c *Chat) uniqueHash(acct int64, name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	return c.ring.Blind(acct, BlindUnique, name)
}

func isMissing(err error) bool { return errors.Is(err, db.ErrNotFound) }

// roleHeld reports whether a user or member holds the role, or an invite gives it.
func roleHeld(tx *db.Tx, roleID int64) (bool, error) {
	var n int64
	err := tx.QueryRow(`select (select count(*) from (select 1 from chat_user where role_id = $1 limit 1) u)
		+ (select count(*) from (select 1 from chat_member where role_id = $1 limit 1) m)
		+ (select count(*) from (select 1 from chat_invite where role_id = $1 limit 1) i)`, roleID).Scan(&n)
	return n > 0, err
}

// retime sets a row's dates where an import gives them; the layer below has
// just set the date of change to the transaction's instant. Zero leaves one alone.
func retime(tx *db.Tx, table string, r *db.Row, created, updated time.Time) error {
	if created.IsZero() && updated.IsZero() {
		return nil
	}
	if !created.IsZero() {
		r.CreatedAt = check.Moment(created)
	}
	if !updated.IsZero() {
		r.UpdatedAt = check.Moment(updated)
	}
	_, err := tx.Exec(`update `+table+` set created_at = $1, updated_at = $2 where id = $3`,
		db.Micros(r.CreatedAt), db.Micros(r.UpdatedAt), r.ID)
	return err
}
