// Package ers lets chat clients register their devices for push notifications, as they ask for it: with their access token in a
// header of its own.
package ers

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"usher/internal/account"
	"usher/internal/chat/push"
	"usher/internal/fault"
	"usher/internal/pace"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Tokens checks access tokens; *account.Accounts does.
type Tokens interface {
	Token(ctx context.Context, token string) (account.Actor, error)
}

// Registrations keeps devices; *push.Push does.
type Registrations interface {
	Register(ctx context.Context, actor account.Actor, n push.NewBinding) (push.Binding, error)
	DeleteBinding(ctx context.Context, actor account.Actor, service sid.SID, user string, binding sid.SID) error
}

// What one client address may register in a minute, and at once.
const perMinute, burst = 120, 30

type registration struct {
	Platform string   `json:"endpoint_platform"`
	Kind     string   `json:"channel_type"`
	Types    []string `json:"message_types"`
	Data     struct {
		ID string `json:"registration_id"`
	} `json:"data"`
}

type registered struct {
	ID sid.SID `json:"id"`
}

type endpoint struct {
	tokens  Tokens
	devices Registrations
	limit   *pace.Limiter[netip.Prefix]
}

// Product returns the registrations, version 1.
func Product(t Tokens, r Registrations) rest.Product {
	e := &endpoint{t, r, pace.NewLimiter[netip.Prefix](perMinute, burst)}
	return rest.Product{Name: "ers", Version: "v1", Routes: []rest.Mount{e.create(), e.remove()}}
}

func (e *endpoint) create() rest.Mount {
	return rest.Op[registration, registered]{
		Method: http.MethodPost, Path: "/registrations", Public: true, JSON: true, Status: http.StatusCreated,
		Do: func(ctx context.Context, c *rest.Call, in registration) (registered, error) {
			actor, err := e.actor(ctx, c)
			if err != nil {
				return registered{}, err
			}
			b, err := e.devices.Register(ctx, actor, push.NewBinding{
				Kind: push.Kind(in.Kind), Address: in.Data.ID, Endpoint: in.Platform, MessageTypes: in.Types,
			})
			return registered{b.SID}, err
		},
	}
}

func (e *endpoint) remove() rest.Mount {
	return rest.Op[struct{}, struct{}]{
		Method: http.MethodDelete, Path: "/registrations/{Sid}", Public: true, Status: http.StatusNoContent,
		Do: func(ctx context.Context, c *rest.Call, _ struct{}) (struct{}, error) {
			actor, err := e.actor(ctx, c)
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, e.devices.DeleteBinding(ctx, actor, actor.ChatService, actor.Identity, c.SID("Sid"))
		},
	}
}

// actor is who the token of a request speaks for.
func (e *endpoint) actor(ctx context.Context, c *rest.Call) (account.Actor, error) {
	if wait := e.limit.Take(rest.Network(c.Remote), time.Now()); wait > 0 {
		return account.Actor{}, fault.TooMany(wait)
	}
	token := c.Header("X-Twilio-Token")
	if token == "" || len(token) > 16<<10 {
		return account.Actor{}, fault.Unauthenticated()
	}
	actor, err := e.tokens.Token(ctx, token)
	if err == nil && (!actor.Can(account.ChatOwn) || actor.Identity == "") {
		err = fault.Unauthenticated()
	}
	return actor, err
}
