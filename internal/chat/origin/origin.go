// Package origin says who did something in a chat service, for those outside who are told: webhooks, and devices that take push
// notifications.
package origin

import (
	"context"

	"usher/internal/chat/settings"
	"usher/internal/event"
	"usher/internal/sid"
)

// Ways by which an action comes, on the wire.
const (
	SDK = "SDK" // a client's connection
	API = "API" // a request
)

type requestKey struct{}

// ByRequest marks what is done with ctx as done by a request. Webhooks are told of it only where the caller asked for that, and
// never asked before. What carries no mark and has an identity comes from a client: webhooks are asked and told.
func ByRequest(ctx context.Context, told bool) context.Context {
	return context.WithValue(ctx, requestKey{}, told)
}

// Of is what webhooks are told of who did something in a service; nil when they are not. client says that it comes from a client's
// connection.
func Of(ctx context.Context, identity string, service sid.SID) (o *event.Origin, client bool) {
	told, request := ctx.Value(requestKey{}).(bool)
	switch {
	case told:
		return &event.Origin{Source: API, Service: service}, false
	case request || identity == "":
		return nil, false
	}
	return &event.Origin{Source: SDK, Identity: identity, Service: service}, true
}

// Told is what an event carries of by, which Of made or nobody: nothing where nobody outside is to hear of it. hooks are those of the
// service, own counts the channel's own webhooks. Devices hear of what webhooks are not told, too.
func Told(by *event.Origin, service sid.SID, hooks, own int64) *event.Origin {
	quiet := by == nil || hooks&settings.HookAfter == 0 && own == 0
	pushes := hooks & settings.HookPushes
	switch {
	case pushes == 0 && quiet:
		return nil
	case pushes == 0:
		return by
	}
	o := event.Origin{Service: service}
	if by != nil {
		o = *by
	}
	o.Quiet, o.Pushes = quiet, pushes
	return &o
}
