// Package settings holds what can be set of a chat service: its document, changes of it, and their checks.
package settings

import (
	"net/url"
	"slices"
	"unicode/utf8"

	"usher/internal/chat/check"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Limits of a service: what a new one has, and what either may be raised to.
const (
	DefaultChannelMembers = 100
	DefaultUserChannels   = 250
	MaxLimit              = 1000
)

// Service is the sealed part of a service.
type Service struct {
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

// Change is a change of a service; nil leaves a field alone.
type Change struct {
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

// Check validates everything that needs no row.
func (ch *Change) Check() error {
	if ch.FriendlyName != nil {
		if err := check.FriendlyName(*ch.FriendlyName, check.MaxUpdateName); err != nil {
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
		if u.v != nil && !WebhookURL(*u.v) {
			return fault.New(u.code, "")
		}
	}
	if ch.WebhookMethod != nil && !slices.Contains([]string{"", "GET", "POST"}, *ch.WebhookMethod) {
		return fault.New(50055, "")
	}
	for _, name := range ch.WebhookFilters {
		if !After(name) && !slices.Contains(before, name) {
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

// WebhookURL reports whether a webhook may have the address; "" is none.
func WebhookURL(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && len(s) <= check.MaxWebhookURL && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// Which of a service's webhooks are configured, and which push notifications it sends; the bits are stored.
const (
	HookBefore      = 1 << iota // one is asked before what clients do
	HookAfter                   // one is told of what was done
	HookPushMessage             // devices are told of new messages
	HookPushAdded               // of channels that their user was added to
	HookPushRemoved             // of channels that their user was removed from
	HookPushInvited             // of channels that their user is invited to

	HookPushes = HookPushMessage | HookPushAdded | HookPushRemoved | HookPushInvited
)

// Hooks says which webhooks and push notifications the service has. A webhook without events is none.
func (s *Service) Hooks() int64 {
	var bits int64
	if s.PreWebhookURL != "" && len(s.WebhookFilters) > 0 {
		bits |= HookBefore
	}
	if s.PostWebhookURL != "" && len(s.WebhookFilters) > 0 {
		bits |= HookAfter
	}
	for bit, rules := range map[int64]PushRules{
		HookPushMessage: s.NewMessage, HookPushAdded: s.AddedToChannel, HookPushRemoved: s.RemovedFromChannel, HookPushInvited: s.InvitedToChannel,
	} {
		if rules.Enabled {
			bits |= bit
		}
	}
	return bits
}

// Apply changes a service.
func (ch *Change) Apply(s *Service) {
	set(&s.FriendlyName, ch.FriendlyName)
	set(&s.ServiceRole, ch.ServiceRole)
	set(&s.ChannelRole, ch.ChannelRole)
	set(&s.CreatorRole, ch.CreatorRole)
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

// before and after are the names of events that a webhook may be asked about or told of; facts of the wire.
var (
	before = []string{
		"onMessageSend", "onMessageUpdate", "onMessageRemove", "onMediaMessageSend", "onChannelAdd", "onChannelUpdate", "onChannelDestroy",
		"onMemberAdd", "onMemberUpdate", "onMemberRemove", "onUserUpdate",
	}
	after = []string{
		"onMessageSent", "onMessageUpdated", "onMessageRemoved", "onMediaMessageSent", "onChannelAdded", "onChannelUpdated",
		"onChannelDestroyed", "onMemberAdded", "onMemberUpdated", "onMemberRemoved", "onUserAdded", "onUserUpdated",
	}
)

// After reports whether name is an event that webhooks are told of when it has happened.
func After(name string) bool { return slices.Contains(after, name) }
