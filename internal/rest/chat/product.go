package chat

import (
	"context"
	"strings"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/origin"
	"usher/internal/chat/push"
	"usher/internal/chat/webhook"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Deps are what the product is made of.
type Deps struct {
	Chat     *chat.Chat
	Webhooks *webhook.Webhooks
	Push     *push.Push
	MediaMB  int // size of the largest file that is taken, in MB
}

// Product lists what the chat API answers.
func Product(d Deps) rest.Product {
	s := d.Chat
	return rest.Product{
		Name: "chat", Aliases: []string{"ip-messaging"}, Version: "v2",
		Routes: []rest.Mount{
			services(s, d.MediaMB), roles(s), users(s), userChannels(s), channels(s), members(s), messages(s), invites(s),
			webhooks(d.Webhooks), credentials(d.Push), bindings(d.Push), userBindings(d.Push),
		},
		Context: func(ctx context.Context, c *rest.Call) context.Context {
			return origin.ByRequest(ctx, strings.EqualFold(c.Header("X-Twilio-Webhook-Enabled"), "true"))
		},
	}
}

// Who may call at all. What exactly an actor sees and may change is decided by
// package chat.
var (
	anyone  = []account.Grant{account.ChatRead, account.ChatWrite, account.ChatOwn}
	manager = []account.Grant{account.ChatWrite}
)

// Path variables.
const (
	varService = "ServiceSid"
	varChannel = "ChannelSid"
	varUser    = "UserSid"
	varItem    = "Sid"
)

// channelOf is the channel that the path of a request names.
func channelOf(c *rest.Call, variable string) chat.Place {
	return chat.Place{Service: c.SID(varService), Channel: c.Var(variable)}
}

// optional is null for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func servicePath(service sid.SID) string { return "/Services/" + string(service) }

func channelPath(service, channel sid.SID) string {
	return servicePath(service) + "/Channels/" + string(channel)
}

func userPath(service, user sid.SID) string { return servicePath(service) + "/Users/" + string(user) }
