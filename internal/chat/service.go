package chat

import (
	"context"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/permission"
	"usher/internal/chat/purge"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Service is a separate world of users, roles and channels.
type Service struct {
	db.Row
	ServiceDoc
	Removed    bool  // deleted; its rows are being purged
	ReadStatus bool  // read horizons are kept
	RoleEpoch  int64 // grows when a role, or who holds which, or what seats remember of the service changes
	Webhooks   int64 // which webhooks it has: settings.HookBefore, HookAfter
}

// What can be set of a service.
type (
	ServiceDoc    = settings.Service
	PushRules     = settings.PushRules
	ServiceChange = settings.Change
	PushChange    = settings.PushChange
)

// NewService is what a service is made from.
type NewService struct {
	FriendlyName string
}

// CreateService makes a service with the four default roles. Grant chat.write.
func (c *Chat) CreateService(ctx context.Context, actor account.Actor, n NewService) (Service, error) {
	if err := manage(actor); err != nil {
		return Service{}, err
	}
	var s Service
	err := c.db.Do(ctx, func(tx *db.Tx) (err error) {
		s, err = c.CreateServiceTx(tx, actor.Account, n)
		return err
	})
	return s, err
}

// CreateServiceTx is CreateService inside a transaction, without a check of
// who asks.
func (c *Chat) CreateServiceTx(tx *db.Tx, acct int64, n NewService) (Service, error) {
	if n.FriendlyName == "" {
		return Service{}, fault.New(50000, "")
	}
	if err := check.FriendlyName(n.FriendlyName, check.MaxUpdateName); err != nil {
		return Service{}, err
	}
	s := Service{
		Row:        db.Row{SID: sid.New(sid.ChatService), Account: acct},
		ReadStatus: true,
		ServiceDoc: ServiceDoc{
			FriendlyName: n.FriendlyName, TypingTimeout: 5, ConsumptionReports: 10,
			ChannelMembers: settings.DefaultChannelMembers, UserChannels: settings.DefaultUserChannels,
		},
	}
	roles := make([]Role, len(permission.Defaults))
	for i := range roles {
		roles[i].SID = sid.New(sid.Role)
	}
	s.ServiceRole, s.CreatorRole, s.ChannelRole = roles[1].SID, roles[2].SID, roles[3].SID
	if err := services.Insert(tx, &s); err != nil {
		return Service{}, fmt.Errorf("chat service: %w", err)
	}
	for i, d := range permission.Defaults {
		r := &roles[i]
		r.Account, r.ServiceID, r.Permissions = acct, s.ID, d.Set
		r.RoleDoc = RoleDoc{FriendlyName: d.Name, Scope: d.Scope}
		if err := roleTable.Insert(tx, r); err != nil {
			return Service{}, fmt.Errorf("role %s: %w", d.Name, err)
		}
	}
	return s, nil
}

// GetService returns a service. An actor of another service gets 20404.
func (c *Chat) GetService(ctx context.Context, actor account.Actor, service sid.SID) (Service, error) {
	var s Service
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		s, err = c.serviceOf(tx, actor, service)
		return err
	})
	return s, err
}

// ListServices returns a page of the account's services, oldest first. Grant
// chat.read.
func (c *Chat) ListServices(ctx context.Context, actor account.Actor, page db.Page) (db.PageOf[Service], error) {
	if !mayReadAll(actor) {
		return db.PageOf[Service]{}, denied()
	}
	var out db.PageOf[Service]
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		out, err = services.Page(tx, page, `account_id = $1 and removed = 0`, actor.Account)
		return err
	})
	return out, err
}

// UpdateService changes a service. Grant chat.write. Role SIDs must name roles
// of this service with the right scope (50101, 50102); limits are 1 to 1000
// (50060, 50061).
func (c *Chat) UpdateService(ctx context.Context, actor account.Actor, service sid.SID, ch ServiceChange) (Service, error) {
	if err := manage(actor); err != nil {
		return Service{}, err
	}
	if err := ch.Check(); err != nil {
		return Service{}, err
	}
	var s Service
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		if s, err = c.serviceForUpdate(tx, actor, service); err != nil {
			return err
		}
		for _, r := range []struct {
			want  *sid.SID
			scope RoleScope
		}{{ch.ServiceRole, ScopeDeployment}, {ch.ChannelRole, ScopeChannel}, {ch.CreatorRole, ScopeChannel}} {
			if r.want == nil {
				continue
			}
			if _, err := roleFor(tx, s, *r.want, r.scope); err != nil {
				return err
			}
		}
		ch.Apply(&s.ServiceDoc)
		set(&s.ReadStatus, ch.ReadStatus)
		s.Webhooks = s.Hooks()
		s.RoleEpoch++ // what was set is part of remembered seats
		return services.Update(tx, &s)
	})
	return s, err
}

// DeleteService removes a service with everything in it. Grant chat.write. It
// is invisible at once; its rows go in batches (Purge).
func (c *Chat) DeleteService(ctx context.Context, actor account.Actor, service sid.SID) error {
	if err := manage(actor); err != nil {
		return err
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceForUpdate(tx, actor, service)
		if err != nil {
			return err
		}
		s.Removed = true
		s.RoleEpoch++ // whoever remembers a seat in one of its channels must look again
		return services.Update(tx, &s)
	})
}

// ServiceTx returns a service inside a transaction; foreign and removed ones
// are 20404.
func (c *Chat) ServiceTx(tx *db.Tx, acct int64, service sid.SID) (Service, error) {
	s, err := services.Get(tx, acct, service)
	return liveService(s, service, err)
}

func (c *Chat) serviceOf(tx *db.Tx, actor account.Actor, service sid.SID) (Service, error) {
	if foreignService(actor, service) {
		return Service{}, missingService(service)
	}
	return c.ServiceTx(tx, actor.Account, service)
}

func (c *Chat) serviceForUpdate(tx *db.Tx, actor account.Actor, service sid.SID) (Service, error) {
	if foreignService(actor, service) {
		return Service{}, missingService(service)
	}
	s, err := services.ForUpdate(tx, actor.Account, service)
	return liveService(s, service, err)
}

func liveService(s Service, service sid.SID, err error) (Service, error) {
	switch {
	case isMissing(err) || err == nil && s.Removed:
		return Service{}, missingService(service)
	case err != nil:
		return Service{}, fmt.Errorf("service %s: %w", service, err)
	}
	return s, nil
}

func missingService(service sid.SID) error {
	return fault.NotFound("/Services/" + string(service))
}

// bumpRoles makes every remembered seat of the service stale.
func bumpRoles(tx *db.Tx, serviceID int64) error {
	_, err := tx.Exec(`update chat_service set role_epoch = role_epoch + 1 where id = $1`, serviceID)
	return err
}

// given replaces *field where v is given.
func given[T any](field **T, v *T) {
	if v != nil {
		*field = v
	}
}

// set stores *v where v is given.
func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

// Purge deletes one batch of what removed channels and services left behind,
// and reports whether there may be more. A sweep calls it until there is not.
func (c *Chat) Purge(ctx context.Context) (more bool, err error) {
	err = c.db.Do(ctx, func(tx *db.Tx) (err error) {
		more, err = purge.Batch(tx)
		return err
	})
	return more, err
}
