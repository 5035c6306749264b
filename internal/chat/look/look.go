// Package look reads channels and users in batches, as somebody may see them who is not in all of them. It is the reading side
// of package chat for sockets: a client that comes asks about everything that it follows at once.
package look

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Most is how many channels or users one look may name.
const Most = 500

// Looker looks. It is safe for concurrent use.
type Looker struct {
	// Rooms are asked for services and make users.
	Rooms *chat.Chat
	DB    *db.DB
	Ring  *seal.Ring // the database's
	// Presence says who has a connection; nil = nobody.
	Presence chat.Presence
}

// The rows of package chat, as they are read here; nothing is written.
var (
	channels = &db.Table[chat.Channel]{
		Name: "chat_channel",
		Row:  func(ch *chat.Channel) *db.Row { return &ch.Row },
		Doc:  func(ch *chat.Channel) any { return &ch.ChannelDoc },
		Columns: []db.Column[chat.Channel]{
			{Name: "service_id", Field: func(ch *chat.Channel) any { return &ch.ServiceID }},
			{Name: "private", Field: func(ch *chat.Channel) any { return &ch.Private }},
			{Name: "head", Field: func(ch *chat.Channel) any { return &ch.Head }},
			{Name: "last_index", Field: func(ch *chat.Channel) any { return &ch.LastIndex }},
			{Name: "message_count", Field: func(ch *chat.Channel) any { return &ch.Messages }},
			{Name: "member_count", Field: func(ch *chat.Channel) any { return &ch.Members }},
		},
	}
	members = &db.Table[chat.Member]{
		Name: "chat_member",
		Row:  func(m *chat.Member) *db.Row { return &m.Row },
		Doc:  func(m *chat.Member) any { return &m.MemberDoc },
		Columns: []db.Column[chat.Member]{
			{Name: "channel_id", Field: func(m *chat.Member) any { return &m.ChannelID }},
			{Name: "user_id", Field: func(m *chat.Member) any { return &m.UserID }},
			{Name: "last_read", Field: func(m *chat.Member) any { return &m.LastRead }},
			{Name: "last_read_at", Field: func(m *chat.Member) any { return &m.LastReadAt }},
			{Name: "muted", Field: func(m *chat.Member) any { return &m.Muted }},
		},
	}
	users = &db.Table[chat.User]{
		Name: "chat_user",
		Row:  func(u *chat.User) *db.Row { return &u.Row },
		Doc:  func(u *chat.User) any { return &u.UserDoc },
		Columns: []db.Column[chat.User]{
			{Name: "service_id", Field: func(u *chat.User) any { return &u.ServiceID }},
			{Name: "role_id", Field: func(u *chat.User) any { return &u.RoleID }},
			{Name: "head", Field: func(u *chat.User) any { return &u.Head }},
		},
	}
)

func mayReadAll(actor account.Actor) bool {
	return actor.Can(account.ChatRead) || actor.Can(account.ChatWrite)
}

// padded makes parameters of SIDs, as db.Pad does.
func padded(named []sid.SID) []any {
	args := make([]any, len(named))
	for i, name := range named {
		args[i] = string(name)
	}
	return db.Pad(args)
}

// service is the service to which the actor's token belongs.
func (l *Looker) service(tx *db.Tx, actor account.Actor) (chat.Service, error) {
	return l.Rooms.ServiceTx(tx, actor.Account, actor.ChatService)
}

// Sight is a channel as somebody finds it who may not be in it.
type Sight struct {
	chat.Channel
	Mine    *chat.Member // the actor's own member; nil when it is none
	Invited bool         // the actor is invited
	LastAt  time.Time    // when the newest message was written; zero when there is none
}

// Inside reports whether the actor may also see members and messages.
func (s *Sight) Inside(actor account.Actor) bool { return s.Mine != nil || mayReadAll(actor) }

// Channels returns those of the channels that the actor may know of, by SID: the ones in which it is a member, those that it made or
// is invited to, the public ones of its service if it could join them, and all with chat.read. Others are left out. It costs five queries however many are named, at most Most.
func (l *Looker) Channels(ctx context.Context, actor account.Actor, named []sid.SID) (map[sid.SID]*Sight, error) {
	found := make(map[sid.SID]*Sight, len(named))
	if len(named) == 0 || len(named) > Most {
		return found, nil
	}
	err := l.DB.View(ctx, func(tx *db.Tx) error {
		s, err := l.service(tx, actor)
		if err != nil {
			return err
		}
		names := padded(named)
		list, err := channels.Find(tx, `service_id = $1 and removed = 0 and sid in (`+db.In(2, len(names))+`)`, append([]any{s.ID}, names...)...)
		if err != nil {
			return fmt.Errorf("look: %w", err)
		}
		return l.sights(tx, actor, s, list, found)
	})
	return found, err
}

// Named is Channels for one channel by its unique name; nil when there is none that the actor may know of.
func (l *Looker) Named(ctx context.Context, actor account.Actor, name string) (*Sight, error) {
	found := make(map[sid.SID]*Sight, 1)
	err := l.DB.View(ctx, func(tx *db.Tx) error {
		s, err := l.service(tx, actor)
		if err != nil {
			return err
		}
		hash, err := l.Ring.Blind(s.Account, chat.BlindUnique, name)
		if err != nil {
			return err
		}
		list, err := channels.Find(tx, `service_id = $1 and removed = 0 and unique_hash = $2`, s.ID, hash)
		if err != nil {
			return fmt.Errorf("look: %w", err)
		}
		return l.sights(tx, actor, s, list, found)
	})
	for _, s := range found {
		return s, err
	}
	return nil, err
}

// Public returns a page of the public channels of the actor's service, oldest first.
func (l *Looker) Public(ctx context.Context, actor account.Actor, page db.Page) ([]Sight, string, error) {
	var out []Sight
	var next string
	err := l.DB.View(ctx, func(tx *db.Tx) error {
		s, err := l.service(tx, actor)
		if err != nil {
			return err
		}
		list, err := channels.Page(tx, page, `service_id = $1 and removed = 0 and private = 0`, s.ID)
		if err != nil {
			return err
		}
		found := make(map[sid.SID]*Sight, len(list.Items))
		if err := l.sights(tx, actor, s, list.Items, found); err != nil {
			return err
		}
		next = list.Next
		for i := range list.Items {
			if sight := found[list.Items[i].SID]; sight != nil {
				out = append(out, *sight)
			}
		}
		return nil
	})
	return out, next, err
}

// sights adds what the actor may know of a list of channels of one service.
func (l *Looker) sights(tx *db.Tx, actor account.Actor, s chat.Service, list []chat.Channel, found map[sid.SID]*Sight) error {
	if len(list) == 0 {
		return nil
	}
	byID := make(map[int64]*Sight, len(list))
	ids := make([]any, len(list))
	for i := range list {
		list[i].ServiceSID = s.SID
		byID[list[i].ID], ids[i] = &Sight{Channel: list[i]}, list[i].ID
	}
	ids = db.Pad(ids)
	if err := l.mySeats(tx, actor, byID, ids); err != nil {
		return err
	}
	rows, err := tx.Query(`select m.channel_id, m.created_at from chat_message m join chat_channel c on c.id = m.channel_id and c.last_index = m.idx
		where c.id in (`+db.In(1, len(ids))+`)`, ids...)
	if err != nil {
		return fmt.Errorf("newest messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, at int64
		if err := rows.Scan(&id, &at); err != nil {
			return fmt.Errorf("newest messages: %w", err)
		}
		byID[id].LastAt = db.FromMicros(at)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("newest messages: %w", err)
	}
	joins, err := l.mayJoin(tx, actor, s)
	for _, sight := range byID {
		if sight.Inside(actor) || sight.Invited || sight.CreatedBy == actor.Identity || !sight.Private && joins {
			found[sight.SID] = sight
		}
	}
	return err
}

// mayJoin reports whether the actor's role lets it join public channels, and so know of them. One that is no user yet may not.
func (l *Looker) mayJoin(tx *db.Tx, actor account.Actor, s chat.Service) (bool, error) {
	hash, err := l.Rooms.IdentityHash(s.Account, actor.Identity)
	if err != nil {
		return false, err
	}
	var p permission.Set
	err = tx.QueryRow(`select r.permissions from chat_user u join chat_role r on r.id = u.role_id
		where u.service_id = $1 and u.identity_hash = $2`, s.ID, hash).Scan(&p)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return p.Has(permission.JoinChannel), err
}

// reach sets how users can be reached, where their service keeps that.
func (l *Looker) reach(tx *db.Tx, s chat.Service, list []chat.User) error {
	if !s.Reachability || len(list) == 0 {
		return nil
	}
	ids := make([]any, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	ids = db.Pad(ids)
	rows, err := tx.Query(`select distinct user_id from chat_binding where user_id in (`+db.In(1, len(ids))+`)`, ids...)
	if err != nil {
		return fmt.Errorf("devices: %w", err)
	}
	defer rows.Close()
	notifiable := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("devices: %w", err)
		}
		notifiable[id] = true
	}
	for i := range list {
		online := l.Presence != nil && l.Presence.Online(s.Account, s.SID, list[i].Identity)
		list[i].Reach = &chat.Reach{Online: online, Notifiable: notifiable[list[i].ID]}
	}
	return rows.Err()
}

// mySeats sets the actor's own members.
func (l *Looker) mySeats(tx *db.Tx, actor account.Actor, byID map[int64]*Sight, ids []any) error {
	if actor.Identity == "" {
		return nil
	}
	hash, err := l.Rooms.IdentityHash(actor.Account, actor.Identity)
	if err != nil {
		return err
	}
	args := append([]any{hash}, ids...)
	mine, err := members.Find(tx, `identity_hash = $1 and channel_id in (`+db.In(2, len(ids))+`)`, args...)
	if err != nil {
		return fmt.Errorf("own members: %w", err)
	}
	for i := range mine {
		sight := byID[mine[i].ChannelID]
		mine[i].ChannelSID, mine[i].ServiceSID = sight.SID, sight.ServiceSID
		sight.Mine = &mine[i]
	}
	rows, err := tx.Query(`select channel_id from chat_invite where identity_hash = $1 and channel_id in (`+db.In(2, len(ids))+`)`, args...)
	if err != nil {
		return fmt.Errorf("own invites: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("own invites: %w", err)
		}
		byID[id].Invited = true
	}
	return rows.Err()
}

// Users returns those of the users whom the actor may see, by SID: itself, those with whom it shares a channel, and all
// of its service with chat.read. Others are left out. At most Most may be named.
func (l *Looker) Users(ctx context.Context, actor account.Actor, named []sid.SID) (map[sid.SID]*chat.User, error) {
	found := make(map[sid.SID]*chat.User, len(named))
	if len(named) == 0 || len(named) > Most {
		return found, nil
	}
	err := l.DB.View(ctx, func(tx *db.Tx) error {
		s, err := l.service(tx, actor)
		if err != nil {
			return err
		}
		names := padded(named)
		where, args := `service_id = $1 and sid in (`+db.In(2, len(names))+`)`, append([]any{s.ID}, names...)
		if !mayReadAll(actor) {
			hash, err := l.Rooms.IdentityHash(s.Account, actor.Identity)
			if err != nil {
				return err
			}
			args = append(args, hash)
			me := fmt.Sprint("$", len(args))
			where += ` and (identity_hash = ` + me + ` or id in (select b.user_id from chat_user u join chat_member a on a.user_id = u.id
				join chat_member b on b.channel_id = a.channel_id where u.service_id = $1 and u.identity_hash = ` + me + `))`
		}
		list, err := users.Find(tx, where, args...)
		if err == nil {
			err = l.reach(tx, s, list)
		}
		for i := range list {
			list[i].ServiceSID = s.SID
			found[list[i].SID] = &list[i]
		}
		return err
	})
	return found, err
}

// Enter returns the actor's own user, and makes it when the identity is new to the service. An actor without an identity or
// a service has none: 20404.
func (l *Looker) Enter(ctx context.Context, actor account.Actor) (chat.User, error) {
	if actor.Identity == "" {
		return chat.User{}, fault.NotFound("/Services/" + string(actor.ChatService) + "/Users/")
	}
	u, err := l.Rooms.GetUser(ctx, actor, actor.ChatService, actor.Identity)
	if err == nil || !fault.Is(err, fault.KindNotFound) {
		return u, err
	}
	err = l.DB.Do(ctx, func(tx *db.Tx) error {
		s, err := l.service(tx, actor)
		if err != nil {
			return err
		}
		u, _, err = l.Rooms.EnsureUserTx(tx, s, chat.NewUser{Identity: actor.Identity})
		return err
	})
	return u, err
}
