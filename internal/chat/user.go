package chat

import (
	"context"
	"encoding/json"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/origin"
	"usher/internal/chat/permission"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// User is an identity of a service. It owns a stream of events.
type User struct {
	db.Row
	UserDoc
	ServiceID  int64
	RoleID     int64   // of the role that RoleSID names
	Channels   int64   // in how many channels it is a member
	Head       int64   // offset of the stream's newest event
	ServiceSID sid.SID // not stored

	Reach *Reach // not stored; nil while the service keeps no reachability

	hash   []byte
	origin *event.Origin // of what is done to it; nil when webhooks are not told
}

// Reach is how a user can be reached at the moment.
type Reach struct {
	Online     bool // it has a live connection
	Notifiable bool // it has a device that takes push notifications
}

// UserDoc is the sealed part of a user.
type UserDoc struct {
	Identity     string          `json:"identity"`
	FriendlyName string          `json:"name,omitempty"` // "" is null on the wire
	Attributes   json.RawMessage `json:"attributes"`
	RoleSID      sid.SID         `json:"role"`
}

// CreateUser makes a user; 50201 when the identity exists. Grant chat.write.
func (c *Chat) CreateUser(ctx context.Context, actor account.Actor, service sid.SID, n NewUser) (User, error) {
	if err := manage(actor); err != nil {
		return User{}, err
	}
	var u User
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		if s.Webhooks&settings.HookAfter != 0 {
			n.Origin, _ = origin.Of(ctx, actor.Identity, s.SID)
		}
		if u, err = c.CreateUserTx(tx, s, n); err != nil {
			return err
		}
		return c.reach(tx, s, &u)
	})
	return u, err
}

// CreateUserTx is CreateUser inside a transaction.
func (c *Chat) CreateUserTx(tx *db.Tx, s Service, n NewUser) (User, error) {
	u, created, err := c.EnsureUserTx(tx, s, n)
	if err == nil && !created {
		return User{}, fault.New(50201, "")
	}
	return u, err
}

// EnsureUserTx returns the user with the identity, and makes it when there is
// none. The other fields of n count only for a new one. created tells which.
func (c *Chat) EnsureUserTx(tx *db.Tx, s Service, n NewUser) (u User, created bool, err error) {
	if err := check.Identity(n.Identity); err != nil {
		return User{}, false, err
	}
	hash, err := c.IdentityHash(s.Account, n.Identity)
	if err != nil {
		return User{}, false, err
	}
	if u, err = userByHash(tx, s.ID, hash); err == nil || !isMissing(err) {
		u.ServiceSID = s.SID
		return u, false, err
	}
	// Two transactions that look for the same new identity meet here.
	if err := lockService(tx, s.ID); err != nil {
		return User{}, false, err
	}
	if u, err = userByHash(tx, s.ID, hash); err == nil || !isMissing(err) {
		u.ServiceSID = s.SID
		return u, false, err
	}
	if err := check.FriendlyName(n.FriendlyName, check.MaxUpdateName); err != nil {
		return User{}, false, err
	}
	attributes, err := check.Document(n.Attributes, check.MaxUserAttributes)
	if err != nil {
		return User{}, false, err
	}
	if n.RoleSID == "" {
		n.RoleSID = s.ServiceRole
	}
	role, err := roleFor(tx, s, n.RoleSID, ScopeDeployment)
	if err != nil {
		return User{}, false, err
	}
	u = User{
		Row:       db.Row{SID: sid.New(sid.User), Account: s.Account, Key: n.Key},
		UserDoc:   UserDoc{Identity: n.Identity, FriendlyName: n.FriendlyName, Attributes: attributes, RoleSID: role.SID},
		ServiceID: s.ID, ServiceSID: s.SID, RoleID: role.ID, hash: hash,
	}
	if err := users.Insert(tx, &u); err != nil {
		return User{}, false, fmt.Errorf("user: %w", err)
	}
	return u, true, c.tell(tx, n.Origin, event.Event{
		Account: u.Account, Stream: event.Stream{Kind: event.User, ID: u.ID, SID: u.SID}, Kind: event.UserAdded, Key: u.Key,
	}, u.Data())
}

func userByHash(tx *db.Tx, serviceID int64, hash []byte) (User, error) {
	return users.One(tx, `service_id = $1 and identity_hash = $2`, serviceID, hash)
}

// lockService keeps other transactions from making users of the service. On
// SQLite writers are alone anyway.
func lockService(tx *db.Tx, serviceID int64) error {
	if tx.LockSuffix() == "" {
		return nil
	}
	var id int64
	return tx.QueryRow(`select id from chat_service where id = $1`+tx.LockSuffix(), serviceID).Scan(&id)
}

// GetUser returns a user by SID or identity. An actor without chat.read sees
// itself and those with whom it shares a channel; others are 20404.
func (c *Chat) GetUser(ctx context.Context, actor account.Actor, service sid.SID, ref string) (User, error) {
	var u User
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		if u, err = c.userOf(tx, actor, s, ref); err != nil {
			return err
		}
		return c.reach(tx, s, &u)
	})
	return u, err
}

// reach sets how a user can be reached, where its service keeps that.
func (c *Chat) reach(tx *db.Tx, s Service, u *User) error {
	if !s.Reachability {
		return nil
	}
	var devices int64
	err := tx.QueryRow(`select count(*) from (select 1 from chat_binding where user_id = $1 limit 1) b`, u.ID).Scan(&devices)
	u.Reach = &Reach{Online: c.presence != nil && c.presence.Online(s.Account, s.SID, u.Identity), Notifiable: devices > 0}
	return err
}

// TellReach tells those who follow a user how it can be reached now, and webhooks, where its service keeps that.
func (c *Chat) TellReach(ctx context.Context, acct int64, service sid.SID, identity string) error {
	hash, err := c.IdentityHash(acct, identity)
	if err != nil {
		return err
	}
	var u User
	err = c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.ServiceTx(tx, acct, service)
		if err == nil && s.Reachability {
			u, err = userByHash(tx, s.ID, hash)
		}
		return err
	})
	if isMissing(err) || fault.Is(err, fault.KindNotFound) || err == nil && u.ID == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("user of service %s: %w", service, err)
	}
	return c.db.Do(ctx, func(tx *db.Tx) error { return c.TellReachTx(tx, u.ID) })
}

// TellReachTx is TellReach inside a transaction, by the user's key.
func (c *Chat) TellReachTx(tx *db.Tx, userID int64) error {
	u, err := users.ByIDForUpdate(tx, userID)
	if err != nil {
		return fmt.Errorf("user: %w", err)
	}
	s, err := services.ByID(tx, u.ServiceID)
	if err != nil || !s.Reachability || s.Removed {
		return err
	}
	u.ServiceSID = s.SID
	u.origin = origin.Told(&event.Origin{Source: origin.SDK, Identity: u.Identity, Service: s.SID}, s.SID, s.Webhooks, 0)
	if err := c.reach(tx, s, &u); err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	return c.emitUser(tx, &u, event.UserUpdated, u.Data())
}

// ListUsers returns a page of a service's users, oldest first. Grant chat.read.
func (c *Chat) ListUsers(ctx context.Context, actor account.Actor, service sid.SID, page db.Page) (db.PageOf[User], error) {
	if !mayReadAll(actor) {
		return db.PageOf[User]{}, denied()
	}
	var out db.PageOf[User]
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		out, err = users.Page(tx, page, `service_id = $1`, s.ID)
		for i := range out.Items {
			out.Items[i].ServiceSID = s.SID
			if err := c.reach(tx, s, &out.Items[i]); err != nil {
				return err
			}
		}
		return err
	})
	return out, err
}

// UpdateUser changes a user: its own with editOwnUserInfo, another's with
// editAnyUserInfo; the role only the account itself (50205).
func (c *Chat) UpdateUser(ctx context.Context, actor account.Actor, service sid.SID, ref string, ch UserChange) (User, error) {
	var u User
	_, err := c.ask(ctx, actor, "onUserUpdate", func(tx *db.Tx, q *Proposal) (bool, error) {
		var err error
		if q.Service, err = c.serviceOf(tx, actor, service); err != nil || q.Service.Webhooks&settings.HookBefore == 0 {
			return false, err
		}
		u, err := c.userOf(tx, actor, q.Service, ref)
		if err != nil {
			return false, err
		}
		set(&u.FriendlyName, ch.FriendlyName)
		if ch.Attributes != nil {
			u.Attributes = check.Shown(*ch.Attributes)
		}
		q.Data = u.Data()
		return c.mayEditUser(tx, actor, q.Service, u, ch) == nil, nil
	})
	if err != nil {
		return u, err
	}
	err = c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		if u, err = c.userOf(tx, actor, s, ref); err != nil {
			return err
		}
		if u, err = users.ByIDForUpdate(tx, u.ID); err != nil {
			return fmt.Errorf("user %s: %w", u.SID, err)
		}
		u.ServiceSID = s.SID
		if err := c.mayEditUser(tx, actor, s, u, ch); err != nil {
			return err
		}
		if s.Webhooks&settings.HookAfter != 0 {
			u.origin, _ = origin.Of(ctx, actor.Identity, s.SID)
		}
		return c.updateUser(tx, s, &u, ch)
	})
	return u, err
}

// UpdateUserTx is UpdateUser inside a transaction, without a check of who asks.
func (c *Chat) UpdateUserTx(tx *db.Tx, s Service, u *User, ch UserChange) error {
	fresh, err := users.ByIDForUpdate(tx, u.ID)
	if err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	fresh.ServiceSID = s.SID
	*u = fresh
	return c.updateUser(tx, s, u, ch)
}

func (c *Chat) updateUser(tx *db.Tx, s Service, u *User, ch UserChange) error {
	if ch.FriendlyName != nil {
		if err := check.FriendlyName(*ch.FriendlyName, check.MaxUpdateName); err != nil {
			return err
		}
		u.FriendlyName = *ch.FriendlyName
	}
	if ch.Attributes != nil {
		m, err := check.Document(*ch.Attributes, check.MaxUserAttributes)
		if err != nil {
			return err
		}
		u.Attributes = m
	}
	if ch.RoleSID != nil && *ch.RoleSID != u.RoleSID {
		role, err := roleFor(tx, s, *ch.RoleSID, ScopeDeployment)
		if err != nil {
			return err
		}
		u.RoleID, u.RoleSID = role.ID, role.SID
		if err := bumpRoles(tx, s.ID); err != nil {
			return err
		}
	}
	if err := users.Update(tx, u); err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	if err := c.reach(tx, s, u); err != nil {
		return fmt.Errorf("user %s: %w", u.SID, err)
	}
	return c.emitUser(tx, u, event.UserUpdated, u.Data())
}

func (c *Chat) mayEditUser(tx *db.Tx, actor account.Actor, s Service, u User, ch UserChange) error {
	if mayManage(actor) {
		return nil
	}
	if ch.RoleSID != nil {
		return fault.New(50205, "")
	}
	p, err := c.servicePermissions(tx, actor, s)
	if err != nil {
		return err
	}
	want := permission.EditAnyUserInfo
	if u.Identity == actor.Identity {
		want |= permission.EditOwnUserInfo
	}
	if !p.Any(want) {
		return denied()
	}
	return nil
}

// servicePermissions returns what the actor's role in the service allows. An
// identity that is not yet a user has what a new user would get.
func (c *Chat) servicePermissions(tx *db.Tx, actor account.Actor, s Service) (permission.Set, error) {
	hash, err := c.IdentityHash(s.Account, actor.Identity)
	if err != nil {
		return 0, err
	}
	var p permission.Set
	err = tx.QueryRow(`select r.permissions from chat_user u join chat_role r on r.id = u.role_id
		where u.service_id = $1 and u.identity_hash = $2`, s.ID, hash).Scan(&p)
	if !isMissing(err) {
		return p, err
	}
	role, err := roleFor(tx, s, s.ServiceRole, ScopeDeployment)
	return role.Permissions, err
}

// DeleteUser removes a user and its memberships; its messages stay. Grant
// chat.write.
func (c *Chat) DeleteUser(ctx context.Context, actor account.Actor, service sid.SID, ref string) error {
	if err := manage(actor); err != nil {
		return err
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		u, err := c.userOf(tx, actor, s, ref)
		if err != nil {
			return err
		}
		if u, err = users.ByIDForUpdate(tx, u.ID); err != nil { // nobody adds it to a channel meanwhile
			return fmt.Errorf("user %s: %w", ref, err)
		}
		u.ServiceSID = s.SID
		seats, err := members.Find(tx, `user_id = $1 order by channel_id`, u.ID)
		if err != nil {
			return err
		}
		for i := range seats {
			ch, err := channels.ByIDForUpdate(tx, seats[i].ChannelID)
			if err != nil {
				return fmt.Errorf("user %s: %w", u.SID, err)
			}
			ch.ServiceSID = s.SID
			if err := c.removeMember(tx, &ch, &seats[i], &u); err != nil {
				return err
			}
		}
		for _, statement := range []string{`delete from chat_invite where user_id = $1`, `delete from chat_binding where user_id = $1`} {
			if _, err := tx.Exec(statement, u.ID); err != nil {
				return fmt.Errorf("user %s: %w", u.SID, err)
			}
		}
		if err := users.Delete(tx, &u); err != nil {
			return fmt.Errorf("user %s: %w", u.SID, err)
		}
		return bumpRoles(tx, s.ID) // seats remember the user
	})
}

// userOf returns the user that a path names, hiding those whom the actor may
// not see.
func (c *Chat) userOf(tx *db.Tx, actor account.Actor, s Service, ref string) (User, error) {
	missing := fault.NotFound("/Services/" + string(s.SID) + "/Users/" + ref)
	var u User
	var err error
	if sid.Valid(ref, sid.User) {
		if u, err = users.Get(tx, s.Account, sid.SID(ref)); err == nil && u.ServiceID != s.ID {
			err = db.ErrNotFound
		}
	} else {
		var hash []byte
		if hash, err = c.IdentityHash(s.Account, ref); err == nil {
			u, err = userByHash(tx, s.ID, hash)
		}
	}
	if isMissing(err) {
		return User{}, missing
	}
	if err != nil {
		return User{}, fmt.Errorf("user: %w", err)
	}
	u.ServiceSID = s.SID
	if mayReadAll(actor) || actor.Identity != "" && u.Identity == actor.Identity {
		return u, nil
	}
	hash, err := c.IdentityHash(s.Account, actor.Identity)
	if err != nil {
		return User{}, err
	}
	var one int64
	err = tx.QueryRow(`select 1 from chat_user u
		join chat_member a on a.user_id = u.id join chat_member b on b.channel_id = a.channel_id
		where u.service_id = $1 and u.identity_hash = $2 and b.user_id = $3 limit 1`, s.ID, hash, u.ID).Scan(&one)
	if isMissing(err) {
		return User{}, missing
	}
	return u, err
}
