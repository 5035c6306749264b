package flex

import (
	"context"
	"net/http"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/rest"
	"usher/internal/sid"
)

type channelForm struct {
	FlexFlowSID          sid.SID        `form:"FlexFlowSid,required"`
	Identity             string         `form:"Identity,required,max=256"`
	ChatUserFriendlyName string         `form:"ChatUserFriendlyName,required,max=256"`
	ChatFriendlyName     string         `form:"ChatFriendlyName,required,max=256"`
	Target               string         `form:"Target,max=256"`
	ChatUniqueName       string         `form:"ChatUniqueName,max=256"`
	PreEngagementData    string         `form:"PreEngagementData"`
	TaskSID              sid.SID        `form:"TaskSid"`
	TaskAttributes       string         `form:"TaskAttributes"`
	LongLived            rest.Opt[bool] `form:"LongLived"`
}

// channelWire is a Flex channel on the wire; webChannelWire has neither task nor user. (Shapes: the original's published examples.)
type channelWire struct {
	webChannelWire
	UserSID sid.SID  `json:"user_sid"`
	TaskSID *sid.SID `json:"task_sid"`
}

type webChannelWire struct {
	AccountSID  sid.SID `json:"account_sid"`
	FlexFlowSID sid.SID `json:"flex_flow_sid"`
	SID         sid.SID `json:"sid"`
	DateCreated *string `json:"date_created"`
	DateUpdated *string `json:"date_updated"`
	URL         string  `json:"url"`
}

func channels(d Deps) rest.Mount {
	return rest.Resource[flex.Channel, channelForm]{
		Path: "/Channels", Key: "flex_chat_channels",
		Read:  []account.Grant{account.FlexRead},
		Write: []account.Grant{account.FlexManage},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[flex.Channel], error) {
			return d.Channels.ListChannels(ctx, c.Actor, false, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (flex.Channel, error) {
			return d.Channels.GetChannel(ctx, c.Actor, c.SID("Sid"), false)
		},
		Create: func(ctx context.Context, c *rest.Call, in channelForm) (flex.Channel, error) {
			ch, _, err := d.Doors.Open(ctx, c.Actor, inbound.Opening{
				Flow: in.FlexFlowSID, Identity: in.Identity, CustomerName: in.ChatUserFriendlyName, ChannelName: in.ChatFriendlyName,
				UniqueName: in.ChatUniqueName, PreEngagement: in.PreEngagementData, Target: in.Target, Task: in.TaskSID,
				TaskAttributes: in.TaskAttributes, LongLived: in.LongLived.Ptr(),
			})
			return ch, err
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return d.Doors.Delete(ctx, c.Actor, c.SID("Sid"), false)
		},
		View: func(c *rest.Call, v flex.Channel) any {
			w := channelWire{webChannelWire: viewChannel(c, v, "/Channels/"), UserSID: v.User}
			switch {
			case v.Task != nil:
				task := sid.SID(*v.Task)
				w.TaskSID = &task
			case v.LastTask != "":
				w.TaskSID = &v.LastTask
			}
			return w
		},
	}
}

// webChannelForm serves both verbs: a channel is opened with the first fields and ended with the last two.
type webChannelForm struct {
	FlexFlowSID          sid.SID `form:"FlexFlowSid,required,create"`
	Identity             string  `form:"Identity,required,create,max=256"`
	CustomerFriendlyName string  `form:"CustomerFriendlyName,required,create,max=256"`
	ChatFriendlyName     string  `form:"ChatFriendlyName,required,create,max=256"`
	ChatUniqueName       string  `form:"ChatUniqueName,create,max=256"`
	PreEngagementData    string  `form:"PreEngagementData,create"`
	ChatStatus           string  `form:"ChatStatus,update,enum=inactive"`
	PostEngagementData   string  `form:"PostEngagementData,update"`
}

// webChannels serves the account and the visitors themselves, who come with an access token.
func webChannels(d Deps) rest.Mount {
	get := func(ctx context.Context, c *rest.Call) (flex.Channel, error) {
		return d.Channels.GetChannel(ctx, c.Actor, c.SID("Sid"), true)
	}
	return rest.Resource[flex.Channel, webChannelForm]{
		Path: "/WebChannels", Key: "flex_chat_channels",
		Read:  []account.Grant{account.FlexRead, account.FlexWebChannel},
		Write: []account.Grant{account.FlexManage, account.FlexWebChannel},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[flex.Channel], error) {
			return d.Channels.ListChannels(ctx, c.Actor, true, p)
		},
		Get: get,
		Create: func(ctx context.Context, c *rest.Call, in webChannelForm) (flex.Channel, error) {
			ch, _, err := d.Doors.Open(ctx, c.Actor, inbound.Opening{
				Flow: in.FlexFlowSID, Identity: in.Identity, CustomerName: in.CustomerFriendlyName, ChannelName: in.ChatFriendlyName,
				UniqueName: in.ChatUniqueName, PreEngagement: in.PreEngagementData, Web: true,
			})
			return ch, err
		},
		Update: func(ctx context.Context, c *rest.Call, in webChannelForm) (flex.Channel, error) {
			if in.ChatStatus == "" {
				return get(ctx, c)
			}
			return d.Doors.End(ctx, c.Actor, c.SID("Sid"), in.PostEngagementData)
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return d.Doors.Delete(ctx, c.Actor, c.SID("Sid"), true) },
		View:   func(c *rest.Call, v flex.Channel) any { return viewChannel(c, v, "/WebChannels/") },
	}
}

func viewChannel(c *rest.Call, v flex.Channel, path string) webChannelWire {
	return webChannelWire{
		AccountSID: c.Actor.AccountSID, FlexFlowSID: v.Flow, SID: v.SID, URL: c.URL(path, string(v.SID)),
		DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
	}
}

type seatForm struct {
	Identity string `form:"Identity,required,max=256"`
}

// seat is how a desk lets its agent into a customer's channel. It is in no document of the original, but its desktop calls it; 409
// tells it that the agent is in already. (Source: the desktop's published bundle.)
func seat(s Seats) rest.Mount {
	return rest.Op[seatForm, map[string]any]{
		Method: http.MethodPost, Path: "/Channels/{ChannelSid}/Roles/{Role}/Users", Status: http.StatusCreated,
		Grants: []account.Grant{account.FlexRead},
		Do: func(ctx context.Context, c *rest.Call, in seatForm) (map[string]any, error) {
			role := account.Role(c.Var("Role"))
			switch role {
			case account.RoleAdmin, account.RoleSupervisor, account.RoleAgent:
			default:
				return nil, c.NotFound()
			}
			user, err := s.Join(ctx, c.Actor, c.SID("ChannelSid"), role, in.Identity)
			if fault.HasCode(err, 50404) {
				return nil, fault.New(45206, "").With(err)
			}
			return map[string]any{
				"account_sid": c.Actor.AccountSID, "channel_sid": c.SID("ChannelSid"), "user_sid": user, "identity": in.Identity, "role": role,
			}, err
		},
	}
}
