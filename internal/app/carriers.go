package app

import (
	"log/slog"
	"net/http"
	"time"

	"usher/internal/chat/delivery"
	"usher/internal/connector"
	"usher/internal/connector/custom"
	"usher/internal/connector/line"
	"usher/internal/connector/messenger"
	"usher/internal/connector/smpp"
	"usher/internal/connector/switchboard"
	"usher/internal/connector/twilio"
	"usher/internal/connector/whatsapp"
	"usher/internal/messaging/connection"
	"usher/internal/sid"
)

// connectors are the kinds of connections to carriers, in the order in which they are shown.
func (p *parts) connectors() []connector.Kind {
	return []connector.Kind{twilio.Kind, smpp.Kind, whatsapp.Kind, messenger.Kind, line.Kind, custom.Kind}
}

// callTimeout bounds one call to a carrier, with its answer.
const callTimeout = 30 * time.Second

// openCarriers makes what carries messages.
func (p *parts) openCarriers(transport http.RoundTripper) {
	kinds := p.connectors()
	p.carriers = connection.New(connection.Deps{DB: p.db, Kinds: switchboard.Kinds(kinds), Changed: func() { p.board.Wake() }})
	p.arrivals = delivery.New(p.db, p.log, p.chat)
	p.board = switchboard.New(switchboard.Deps{
		Connections: p.carriers, Kinds: kinds, PublicURL: func() string { return p.addressed(p.config.Listen) }, Origin: p.origin, Log: slog.Default(),
		Remote: func(r *http.Request) string { return p.rest.Client(r).String() },
		Client: &http.Client{
			Transport: transport, Timeout: callTimeout,
			// A carrier's API does not move: where it seems to, credentials must not follow.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
}

// entrance is the address that a connection's carrier calls.
func entrance(origin string, s sid.SID) string { return origin + switchboard.Path + string(s) }
