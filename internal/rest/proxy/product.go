// Package proxy is the Proxy API, version 1: services with their pools of numbers, sessions, participants and what passed between them.
//
// Shapes are facts of the wire that Usher is compatible with; the rules are package internal/proxy's. Short codes are no longer in the
// original's OpenAPI document, but clients that know them are answered.
package proxy

import (
	"context"

	"usher/internal/account"
	"usher/internal/proxy"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Teller sends a message to one participant from the number that the participant knows.
type Teller interface {
	Tell(ctx context.Context, actor account.Actor, service, session string, who sid.SID, body string) (proxy.Interaction, error)
}

// Deps are what the product is made of.
type Deps struct {
	Proxy  *proxy.Proxy
	Teller Teller
}

// Product returns the Proxy API.
func Product(d Deps) rest.Product {
	return rest.Product{Name: "proxy", Version: "v1", Routes: []rest.Mount{
		services(d.Proxy), phoneNumbers(d.Proxy), shortCodes(d.Proxy), sessions(d.Proxy), participants(d.Proxy), interactions(d.Proxy),
		messageInteractions(d),
	}}
}

// Who may call at all.
var (
	reader  = []account.Grant{account.ProxyRead}
	manager = []account.Grant{account.ProxyManage}
)

// Path variables.
const (
	varService     = "ServiceSid"
	varSession     = "SessionSid"
	varParticipant = "ParticipantSid"
	varItem        = "Sid"
)

// URLs name things by their SIDs, however the caller named them.
func serviceURL(c *rest.Call, s sid.SID) string { return c.URL("/Services/", string(s)) }

func sessionURL(c *rest.Call, service, session sid.SID) string {
	return serviceURL(c, service) + "/Sessions/" + string(session)
}

func participantURL(c *rest.Call, service, session, who sid.SID) string {
	return sessionURL(c, service, session) + "/Participants/" + string(who)
}

// optional is null for an empty value.
func optional[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}
