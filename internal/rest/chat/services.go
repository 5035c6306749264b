package chat

import (
	"context"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
)

type serviceForm struct {
	FriendlyName              rest.Opt[string]  `form:"FriendlyName,required"`
	DefaultServiceRole        rest.Opt[sid.SID] `form:"DefaultServiceRoleSid,update"`
	DefaultChannelRole        rest.Opt[sid.SID] `form:"DefaultChannelRoleSid,update"`
	DefaultChannelCreatorRole rest.Opt[sid.SID] `form:"DefaultChannelCreatorRoleSid,update"`
	ReadStatusEnabled         rest.Opt[bool]    `form:"ReadStatusEnabled,update"`
	ReachabilityEnabled       rest.Opt[bool]    `form:"ReachabilityEnabled,update"`
	TypingIndicatorTimeout    rest.Opt[int]     `form:"TypingIndicatorTimeout,update"`
	ConsumptionReportInterval rest.Opt[int]     `form:"ConsumptionReportInterval,update"`
	PreWebhookURL             rest.Opt[string]  `form:"PreWebhookUrl,update"`
	PostWebhookURL            rest.Opt[string]  `form:"PostWebhookUrl,update"`
	WebhookMethod             rest.Opt[string]  `form:"WebhookMethod,update"`
	WebhookFilters            []string          `form:"WebhookFilters,update"`
	PreWebhookRetryCount      rest.Opt[int]     `form:"PreWebhookRetryCount,update"`
	PostWebhookRetryCount     rest.Opt[int]     `form:"PostWebhookRetryCount,update"`
	CompatibilityMessage      rest.Opt[string]  `form:"Media.CompatibilityMessage,update"`
	ChannelMembers            rest.Opt[int]     `form:"Limits.ChannelMembers,update"`
	UserChannels              rest.Opt[int]     `form:"Limits.UserChannels,update"`
	LogEnabled                rest.Opt[bool]    `form:"Notifications.LogEnabled,update"`
	NewMessage                pushForm          `form:"Notifications.NewMessage"`
	AddedToChannel            pushForm          `form:"Notifications.AddedToChannel"`
	RemovedFromChannel        pushForm          `form:"Notifications.RemovedFromChannel"`
	InvitedToChannel          pushForm          `form:"Notifications.InvitedToChannel"`
}

type pushForm struct {
	Enabled           rest.Opt[bool]   `form:"Enabled,update"`
	Template          rest.Opt[string] `form:"Template,update"`
	Sound             rest.Opt[string] `form:"Sound,update"`
	BadgeCountEnabled rest.Opt[bool]   `form:"BadgeCountEnabled,update"`
}

func (f pushForm) change() chat.PushChange {
	return chat.PushChange{Enabled: f.Enabled.Ptr(), Template: f.Template.Ptr(), Sound: f.Sound.Ptr(), Badge: f.BadgeCountEnabled.Ptr()}
}

type serviceWire struct {
	SID                       sid.SID           `json:"sid"`
	AccountSID                sid.SID           `json:"account_sid"`
	FriendlyName              string            `json:"friendly_name"`
	DateCreated               *string           `json:"date_created"`
	DateUpdated               *string           `json:"date_updated"`
	DefaultServiceRole        sid.SID           `json:"default_service_role_sid"`
	DefaultChannelRole        sid.SID           `json:"default_channel_role_sid"`
	DefaultChannelCreatorRole sid.SID           `json:"default_channel_creator_role_sid"`
	ReadStatusEnabled         bool              `json:"read_status_enabled"`
	ReachabilityEnabled       bool              `json:"reachability_enabled"`
	TypingIndicatorTimeout    int               `json:"typing_indicator_timeout"`
	ConsumptionReportInterval int               `json:"consumption_report_interval"`
	Limits                    limitsWire        `json:"limits"`
	PreWebhookURL             *string           `json:"pre_webhook_url"`
	PostWebhookURL            *string           `json:"post_webhook_url"`
	WebhookMethod             *string           `json:"webhook_method"`
	WebhookFilters            []string          `json:"webhook_filters"` // null when none
	PreWebhookRetryCount      int               `json:"pre_webhook_retry_count"`
	PostWebhookRetryCount     int               `json:"post_webhook_retry_count"`
	Notifications             notificationsWire `json:"notifications"`
	Media                     mediaRulesWire    `json:"media"`
	URL                       string            `json:"url"`
	Links                     map[string]string `json:"links"`
}

type limitsWire struct {
	ChannelMembers int `json:"channel_members"`
	UserChannels   int `json:"user_channels"`
}

type mediaRulesWire struct {
	SizeLimitMB          int     `json:"size_limit_mb"`
	CompatibilityMessage *string `json:"compatibility_message"`
}

type notificationsWire struct {
	LogEnabled         bool     `json:"log_enabled"`
	NewMessage         pushWire `json:"new_message"`
	AddedToChannel     pushWire `json:"added_to_channel"`
	RemovedFromChannel pushWire `json:"removed_from_channel"`
	InvitedToChannel   pushWire `json:"invited_to_channel"`
}

type pushWire struct {
	Enabled           bool   `json:"enabled"`
	Template          string `json:"template,omitempty"`
	Sound             string `json:"sound,omitempty"`
	BadgeCountEnabled *bool  `json:"badge_count_enabled,omitempty"` // of new messages only
}

func notice(r chat.PushRules) pushWire {
	return pushWire{Enabled: r.Enabled, Template: r.Template, Sound: r.Sound}
}

// services lists the services, which say that files have at most mediaMB.
func services(s *chat.Chat, mediaMB int) rest.Mount {
	return rest.Resource[chat.Service, serviceForm]{
		Path: "/Services", Key: "services", Read: anyone, Write: manager,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Service], error) {
			return s.ListServices(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (chat.Service, error) {
			return s.GetService(ctx, c.Actor, c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in serviceForm) (chat.Service, error) {
			return s.CreateService(ctx, c.Actor, chat.NewService{FriendlyName: in.FriendlyName.V})
		},
		Update: func(ctx context.Context, c *rest.Call, in serviceForm) (chat.Service, error) {
			return s.UpdateService(ctx, c.Actor, c.SID(varItem), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return s.DeleteService(ctx, c.Actor, c.SID(varItem)) },
		View:   func(c *rest.Call, v chat.Service) any { return serviceView(c, v, mediaMB) },
	}
}

func (f serviceForm) change() chat.ServiceChange {
	return chat.ServiceChange{
		FriendlyName: f.FriendlyName.Ptr(), ServiceRole: f.DefaultServiceRole.Ptr(), ChannelRole: f.DefaultChannelRole.Ptr(),
		CreatorRole: f.DefaultChannelCreatorRole.Ptr(), ReadStatus: f.ReadStatusEnabled.Ptr(), Reachability: f.ReachabilityEnabled.Ptr(),
		TypingTimeout: f.TypingIndicatorTimeout.Ptr(), ConsumptionReports: f.ConsumptionReportInterval.Ptr(),
		ChannelMembers: f.ChannelMembers.Ptr(), UserChannels: f.UserChannels.Ptr(),
		PreWebhookURL: f.PreWebhookURL.Ptr(), PostWebhookURL: f.PostWebhookURL.Ptr(), WebhookMethod: f.WebhookMethod.Ptr(),
		WebhookFilters: f.WebhookFilters, PreRetries: f.PreWebhookRetryCount.Ptr(), PostRetries: f.PostWebhookRetryCount.Ptr(),
		MediaMessage: f.CompatibilityMessage.Ptr(), LogNotifications: f.LogEnabled.Ptr(),
		NewMessage: f.NewMessage.change(), AddedToChannel: f.AddedToChannel.change(),
		RemovedFromChannel: f.RemovedFromChannel.change(), InvitedToChannel: f.InvitedToChannel.change(),
	}
}

func serviceView(c *rest.Call, v chat.Service, mediaMB int) any {
	url := c.URL(servicePath(v.SID))
	w := serviceWire{
		SID: v.SID, AccountSID: c.Actor.AccountSID, FriendlyName: v.FriendlyName,
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
		DefaultServiceRole: v.ServiceRole, DefaultChannelRole: v.ChannelRole, DefaultChannelCreatorRole: v.CreatorRole,
		ReadStatusEnabled: v.ReadStatus, ReachabilityEnabled: v.Reachability,
		TypingIndicatorTimeout: v.TypingTimeout, ConsumptionReportInterval: v.ConsumptionReports,
		Limits:        limitsWire{v.ChannelMembers, v.UserChannels},
		PreWebhookURL: optional(v.PreWebhookURL), PostWebhookURL: optional(v.PostWebhookURL), WebhookMethod: optional(v.WebhookMethod),
		WebhookFilters: v.WebhookFilters, PreWebhookRetryCount: v.PreRetries, PostWebhookRetryCount: v.PostRetries,
		Notifications: notificationsWire{
			v.LogNotifications, notice(v.NewMessage), notice(v.AddedToChannel), notice(v.RemovedFromChannel), notice(v.InvitedToChannel),
		},
		Media: mediaRulesWire{mediaMB, optional(v.MediaMessage)},
		URL:   url,
		Links: map[string]string{
			"channels": url + "/Channels", "users": url + "/Users", "roles": url + "/Roles", "bindings": url + "/Bindings",
		},
	}
	w.Notifications.NewMessage.BadgeCountEnabled = &v.NewMessage.Badge
	return w
}
