package chat

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/chat/permission"
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
	RoleEpoch  int64 // grows when a role, or who holds which, changes
}

// ServiceDoc is the sealed part of a service.
type ServiceDoc struct {
	FriendlyName       string    `json:"name"`
	ServiceRole        sid.SID   `json:"service_role"` // what a new user gets
	ChannelRole        sid.SID   `json:"channel_role"` // what a new member gets
	CreatorRole        sid.SID   `json:"creator_role"` // what the creator gets on joining its own channel
	Reachability       bool      `json:"reachability,omitempty"`
	TypingTimeout      int       `json:"typing"`      // seconds
	ConsumptionReports int       `json:"consumption"` // seconds between reports; kept for old clients
	ChannelMembers     int       `json:"max_members"`
	UserChannels       int       `json:"max_channels"`
	PreWebhookURL      string    `json:"pre_url,omitempty"`
	PostWebhookURL     string    `json:"post_url,omitempty"`
	WebhookMethod      string    `json:"method,omitempty"`
	WebhookFilters     []string  `json:"filters,omitempty"`
	PreRetries         int       `json:"pre_retries,omitempty"`
	PostRetries        int       `json:"post_retries,omitempty"`
	MediaMessage       string    `json:"media_message,omitempty"`
	LogNotifications   bool      `json:"log_notifications,omitempty"`
	NewMessage         PushRules `json:"push_message"`
	AddedToChannel     PushRules `json:"push_added"`
	RemovedFromChannel PushRules `json:"push_removed"`
	InvitedToChannel   PushRules `json:"push_invited"`
}

// PushRules says whether and how one kind of push notification is made.
type PushRules struct {
	Enabled  bool   `json:"on,omitempty"`
	Template string `json:"template,omitempty"`
	Sound    string `json:"sound,omitempty"`
	Badge    bool   `json:"badge,omitempty"` // of new messages only
}

// NewService is what a service is made from.
type NewService struct {
	FriendlyName string
}

// ServiceChange is a change of a service; nil leaves a field alone.
type ServiceChange struct {
	FriendlyName       *string
	ServiceRole        *sid.SID
	ChannelRole        *sid.SID
	CreatorRole        *sid.SID
	ReadStatus         *bool
	Reachability       *bool
	TypingTimeout      *int // seconds
	ConsumptionReports *int // seconds
	ChannelMembers     *int
	UserChannels       *int
	PreWebhookURL      *string
	PostWebhookURL     *string
	WebhookMethod      *string
	WebhookFilters     []string // nil leaves it alone
	PreRetries         *int
	PostRetries        *int
	MediaMessage       *string
	LogNotifications   *bool
	NewMessage         PushChange
	AddedToChannel     PushChange
	RemovedFromChannel PushChange
	InvitedToChannel   PushChange
}

// PushChange is a change of PushRules; nil leaves a field alone.
type PushChange struct {
	Enabled  *bool
	Template *string
	Sound    *string
	Badge    *bool
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
	if err := friendlyName(n.FriendlyName, MaxUpdateName); err != nil {
		return Service{}, err
	}
	s := Service{
		Row:        db.Row{SID: sid.New(sid.ChatService), Account: acct},
		ReadStatus: true,
		ServiceDoc: ServiceDoc{
			FriendlyName: n.FriendlyName, TypingTimeout: 5, ConsumptionReports: 10,
			ChannelMembers: DefaultChannelMembers, UserChannels: DefaultUserChannels,
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
	if err := ch.check(); err != nil {
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
		ch.apply(&s)
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

// check validates everything that needs no row.
func (ch *ServiceChange) check() error {
	if ch.FriendlyName != nil {
		if err := friendlyName(*ch.FriendlyName, MaxUpdateName); err != nil {
			return err
		}
		if *ch.FriendlyName == "" {
			return fault.New(50000, "")
		}
	}
	for _, r := range []struct {
		v        *int
		min, max int
		code     int
	}{
		{ch.TypingTimeout, 1, 3600, 50053},
		{ch.ConsumptionReports, 0, 3600, 50052},
		{ch.UserChannels, 1, MaxLimit, 50060},
		{ch.ChannelMembers, 1, MaxLimit, 50061},
		{ch.PreRetries, 0, 3, 50065},
		{ch.PostRetries, 0, 3, 50065},
	} {
		if r.v != nil && (*r.v < r.min || *r.v > r.max) {
			return fault.New(r.code, "")
		}
	}
	for _, u := range []struct {
		v    *string
		code int
	}{{ch.PreWebhookURL, 50077}, {ch.PostWebhookURL, 50078}} {
		if u.v != nil && !webhookURL(*u.v) {
			return fault.New(u.code, "")
		}
	}
	if ch.WebhookMethod != nil && !slices.Contains([]string{"", "GET", "POST"}, *ch.WebhookMethod) {
		return fault.New(50055, "")
	}
	for _, name := range ch.WebhookFilters {
		if !slices.Contains(webhookEvents, name) {
			return fault.New(50054, "Invalid webhook format: %.64q is not an event", name)
		}
	}
	for _, p := range []PushChange{ch.NewMessage, ch.AddedToChannel, ch.RemovedFromChannel, ch.InvitedToChannel} {
		if p.Template != nil && utf8.RuneCountInString(*p.Template) > 2048 {
			return fault.New(50058, "")
		}
		if p.Sound != nil && utf8.RuneCountInString(*p.Sound) > 256 {
			return fault.New(50059, "")
		}
	}
	return nil
}

func webhookURL(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && len(s) <= MaxWebhookURL && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (ch *ServiceChange) apply(s *Service) {
	set(&s.FriendlyName, ch.FriendlyName)
	set(&s.ServiceRole, ch.ServiceRole)
	set(&s.ChannelRole, ch.ChannelRole)
	set(&s.CreatorRole, ch.CreatorRole)
	set(&s.ReadStatus, ch.ReadStatus)
	set(&s.Reachability, ch.Reachability)
	set(&s.TypingTimeout, ch.TypingTimeout)
	set(&s.ConsumptionReports, ch.ConsumptionReports)
	set(&s.ChannelMembers, ch.ChannelMembers)
	set(&s.UserChannels, ch.UserChannels)
	set(&s.PreWebhookURL, ch.PreWebhookURL)
	set(&s.PostWebhookURL, ch.PostWebhookURL)
	set(&s.WebhookMethod, ch.WebhookMethod)
	if ch.WebhookFilters != nil {
		s.WebhookFilters = slices.Clone(ch.WebhookFilters)
	}
	set(&s.PreRetries, ch.PreRetries)
	set(&s.PostRetries, ch.PostRetries)
	set(&s.MediaMessage, ch.MediaMessage)
	set(&s.LogNotifications, ch.LogNotifications)
	ch.NewMessage.apply(&s.NewMessage)
	ch.AddedToChannel.apply(&s.AddedToChannel)
	ch.RemovedFromChannel.apply(&s.RemovedFromChannel)
	ch.InvitedToChannel.apply(&s.InvitedToChannel)
	s.RoleEpoch++ // read_status is part of a remembered seat
}

func (p PushChange) apply(r *PushRules) {
	set(&r.Enabled, p.Enabled)
	set(&r.Template, p.Template)
	set(&r.Sound, p.Sound)
	set(&r.Badge, p.Badge)
}

// set stores *v where v is given.
func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

// webhookEvents are the 23 names that a webhook filter may hold; facts of the
// wire.
var webhookEvents = []string{
	"onMessageSend", "onMessageUpdate", "onMessageRemove", "onMediaMessageSend",
	"onChannelAdd", "onChannelUpdate", "onChannelDestroy",
	"onMemberAdd", "onMemberUpdate", "onMemberRemove", "onUserUpdate",
	"onMessageSent", "onMessageUpdated", "onMessageRemoved", "onMediaMessageSent",
	"onChannelAdded", "onChannelUpdated", "onChannelDestroyed",
	"onMemberAdded", "onMemberUpdated", "onMemberRemoved", "onUserAdded", "onUserUpdated",
}
