// Package flex is the Flex API: Flex Flows, channels of customers, and the account's Flex configuration.
package flex

import (
	"context"
	"encoding/json"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Flows are the operations of Flex Flows; *flex.Flex has them.
type Flows interface {
	CreateFlow(ctx context.Context, actor account.Actor, change flex.FlowChange) (flex.Flow, error)
	GetFlow(ctx context.Context, actor account.Actor, s sid.SID) (flex.Flow, error)
	ListFlows(ctx context.Context, actor account.Actor, name string, p db.Page) (db.PageOf[flex.Flow], error)
	UpdateFlow(ctx context.Context, actor account.Actor, s sid.SID, change flex.FlowChange) (flex.Flow, error)
	DeleteFlow(ctx context.Context, actor account.Actor, s sid.SID) error
}

// Channels reads Flex channels; *flex.Flex does.
type Channels interface {
	GetChannel(ctx context.Context, actor account.Actor, s sid.SID, web bool) (flex.Channel, error)
	ListChannels(ctx context.Context, actor account.Actor, web bool, p db.Page) (db.PageOf[flex.Channel], error)
}

// Doors opens and closes Flex channels; *inbound.Inbound does.
type Doors interface {
	Open(ctx context.Context, actor account.Actor, o inbound.Opening) (flex.Channel, bool, error)
	End(ctx context.Context, actor account.Actor, s sid.SID, postEngagement string) (flex.Channel, error)
	Delete(ctx context.Context, actor account.Actor, s sid.SID, web bool) error
}

// Configurations are the operations of the account's Flex configuration; *flex.Flex has them.
type Configurations interface {
	GetConfiguration(ctx context.Context, actor account.Actor) (flex.Configuration, error)
	UpdateConfiguration(ctx context.Context, actor account.Actor, fields map[string]json.RawMessage) (flex.Configuration, error)
}

// Accounts finds the account of a public request; *account.Accounts does.
type Accounts interface {
	Lookup(ctx context.Context, s sid.SID) (account.Account, error)
}

// Seats lets people of the desk into a customer's channel.
type Seats interface {
	// Join makes identity a member of a Flex channel as admin, supervisor or agent, and returns the chat user. Who is a member
	// already is 45206 or 50404, status 409; an agent without a reservation for the channel's task is 403.
	Join(ctx context.Context, actor account.Actor, channel sid.SID, role account.Role, identity string) (user sid.SID, err error)
}

// Deps are what the product is made of.
type Deps struct {
	Flows          Flows
	Channels       Channels
	Doors          Doors
	Configurations Configurations
	Accounts       Accounts
	Seats          Seats // nil leaves the operation out
}

// Product returns the Flex API, version 1.
func Product(d Deps) rest.Product {
	routes := []rest.Mount{
		flows(d.Flows), channels(d), webChannels(d),
		getConfiguration(d.Configurations), setConfiguration(d.Configurations), publicConfiguration(d.Accounts, d.Configurations),
		provision(),
	}
	if d.Seats != nil {
		routes = append(routes, seat(d.Seats))
	}
	return rest.Product{Name: "flex-api", Version: "v1", Routes: routes}
}
