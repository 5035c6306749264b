package chat

import (
	"context"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/chat/permission"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// RoleScope is where a role applies.
type RoleScope = permission.Scope

// The two scopes of the wire.
const (
	ScopeDeployment = permission.Deployment
	ScopeChannel    = permission.Channel
)

// Role is a named set of permissions.
type Role struct {
	db.Row
	RoleDoc
	ServiceID   int64
	Permissions permission.Set
	ServiceSID  sid.SID // not stored: the service that it was read through
}

// RoleDoc is the sealed part of a role.
type RoleDoc struct {
	FriendlyName string    `json:"name"`
	Scope        RoleScope `json:"scope"`
}

// NewRole is what a role is made from. Permissions are wire names, at least one.
type NewRole struct {
	FriendlyName string
	Scope        RoleScope
	Permissions  []string
}

// CreateRole makes a role. Grant chat.write.
func (c *Chat) CreateRole(ctx context.Context, actor account.Actor, service sid.SID, n NewRole) (Role, error) {
	if err := manage(actor); err != nil {
		return Role{}, err
	}
	var r Role
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		r, err = c.CreateRoleTx(tx, s, n)
		return err
	})
	return r, err
}

// CreateRoleTx is CreateRole inside a transaction, without a check of who asks.
func (c *Chat) CreateRoleTx(tx *db.Tx, s Service, n NewRole) (Role, error) {
	if n.FriendlyName == "" {
		return Role{}, fault.New(50000, "")
	}
	if err := check.FriendlyName(n.FriendlyName, check.MaxCreateName); err != nil {
		return Role{}, err
	}
	if n.Scope != ScopeDeployment && n.Scope != ScopeChannel {
		return Role{}, fault.New(50105, "")
	}
	set, err := permissions(n.Scope, n.Permissions)
	if err != nil {
		return Role{}, err
	}
	r := Role{
		Row:       db.Row{SID: sid.New(sid.Role), Account: s.Account},
		RoleDoc:   RoleDoc{FriendlyName: n.FriendlyName, Scope: n.Scope},
		ServiceID: s.ID, ServiceSID: s.SID, Permissions: set,
	}
	if err := roleTable.Insert(tx, &r); err != nil {
		return Role{}, fmt.Errorf("role: %w", err)
	}
	return r, nil
}

func permissions(scope RoleScope, names []string) (permission.Set, error) {
	if len(names) == 0 {
		return 0, fault.Invalid("Missing required parameter Permission in the post body")
	}
	return permission.Parse(scope, names)
}

// GetRole returns a role of a service.
func (c *Chat) GetRole(ctx context.Context, actor account.Actor, service, role sid.SID) (Role, error) {
	var r Role
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		r, err = findRole(tx, s, role)
		return err
	})
	return r, err
}

// ListRoles returns a page of a service's roles, oldest first.
func (c *Chat) ListRoles(ctx context.Context, actor account.Actor, service sid.SID, page db.Page) (db.PageOf[Role], error) {
	var out db.PageOf[Role]
	err := c.db.View(ctx, func(tx *db.Tx) error {
		s, err := c.serviceOf(tx, actor, service)
		if err != nil {
			return err
		}
		out, err = roleTable.Page(tx, page, `service_id = $1`, s.ID)
		for i := range out.Items {
			out.Items[i].ServiceSID = s.SID
		}
		return err
	})
	return out, err
}

// UpdateRole replaces a role's permissions; whoever holds it is bound by them
// from the commit on. Grant chat.write.
func (c *Chat) UpdateRole(ctx context.Context, actor account.Actor, service, role sid.SID, names []string) (Role, error) {
	if err := manage(actor); err != nil {
		return Role{}, err
	}
	var r Role
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceForUpdate(tx, actor, service)
		if err != nil {
			return err
		}
		if r, err = findRole(tx, s, role); err != nil {
			return err
		}
		if r.Permissions, err = permissions(r.Scope, names); err != nil {
			return err
		}
		if err := roleTable.Update(tx, &r); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		return bumpRoles(tx, s.ID)
	})
	return r, err
}

// DeleteRole removes a role. One that is a default of the service or that
// somebody holds stays: 20409. Grant chat.write.
func (c *Chat) DeleteRole(ctx context.Context, actor account.Actor, service, role sid.SID) error {
	if err := manage(actor); err != nil {
		return err
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		s, err := c.serviceForUpdate(tx, actor, service)
		if err != nil {
			return err
		}
		r, err := findRole(tx, s, role)
		if err != nil {
			return err
		}
		held := role == s.ServiceRole || role == s.ChannelRole || role == s.CreatorRole
		if !held {
			if held, err = roleHeld(tx, r.ID); err != nil {
				return err
			}
		}
		if held {
			return fault.Conflict("Role %s is in use", role)
		}
		if err := roleTable.Delete(tx, &r); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		return bumpRoles(tx, s.ID)
	})
}

// findRole returns a role that a path names.
func findRole(tx *db.Tx, s Service, role sid.SID) (Role, error) {
	r, err := roleTable.Get(tx, s.Account, role)
	if isMissing(err) || err == nil && r.ServiceID != s.ID {
		return Role{}, fault.NotFound("/Services/" + string(s.SID) + "/Roles/" + string(role))
	}
	if err != nil {
		return Role{}, fmt.Errorf("role %s: %w", role, err)
	}
	r.ServiceSID = s.SID
	return r, nil
}

// roleFor returns a role that a parameter names; one of another service or
// scope is 50101 or 50102.
func roleFor(tx *db.Tx, s Service, role sid.SID, scope RoleScope) (Role, error) {
	r, err := roleTable.Get(tx, s.Account, role)
	if isMissing(err) || err == nil && (r.ServiceID != s.ID || r.Scope != scope) {
		if scope == ScopeChannel {
			return Role{}, fault.New(50101, "")
		}
		return Role{}, fault.New(50102, "")
	}
	if err != nil {
		return Role{}, fmt.Errorf("role %s: %w", role, err)
	}
	return r, nil
}
