// Package iam hands out the access tokens that visitors' widgets chat with.
//
// Nobody signs in here, so a token made from nothing speaks for a new identity that nobody else has: a caller cannot choose whom
// it speaks for. Who has spoken before proves it, with the token that is still valid (refresh) or, after days, with the visitor
// secret that came with the first token.
package iam

import (
	"context"
	"net/netip"
	"time"

	"usher/internal/account"
	"usher/internal/flex"
	"usher/internal/pace"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Tokens makes and checks access tokens, and finds accounts; *account.Accounts does.
type Tokens interface {
	Mint(ctx context.Context, spec account.TokenSpec) (token string, expires time.Time, err error)
	Token(ctx context.Context, token string) (account.Actor, error)
	Lookup(ctx context.Context, s sid.SID) (account.Account, error)
}

// Flex knows the account's chat service and its web flows; *flex.Flex does.
type Flex interface {
	GetConfiguration(ctx context.Context, actor account.Actor) (flex.Configuration, error)
	GetFlow(ctx context.Context, actor account.Actor, s sid.SID) (flex.Flow, error)
}

// Deps are what the product is made of.
type Deps struct {
	Tokens Tokens
	Flex   Flex
	// Key proves visitor secrets; the same on every node and after every start.
	Key []byte
	// TTL of visitors' tokens; 0 = a day, so that a conversation outlasts a night of sleep.
	TTL time.Duration
	// PerMinute and Burst bound the tokens that one client address gets; 0 = 60 and 60.
	PerMinute, Burst int
	// Origin refuses a site that must not show the account's widget (flow is "" where the widget does not name it); nil = every
	// site may.
	Origin func(ctx context.Context, account, flow sid.SID, origin string) error
}

// Product returns the token endpoints, version 1.
func Product(d Deps) rest.Product {
	if d.PerMinute == 0 {
		d.PerMinute, d.Burst = 60, 60
	}
	if d.TTL == 0 {
		d.TTL = account.MaxTokenTTL
	}
	e := &endpoint{Deps: d, limit: pace.NewLimiter[netip.Prefix](d.PerMinute, d.Burst)}
	return rest.Product{Name: "iam", Version: "v1", Routes: []rest.Mount{e.create(), e.refresh(), e.validate()}}
}
