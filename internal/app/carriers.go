package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"usher/internal/chat/delivery"
	"usher/internal/connector"
	"usher/internal/connector/custom"
	"usher/internal/connector/kannel"
	"usher/internal/connector/line"
	"usher/internal/connector/messenger"
	"usher/internal/connector/sandbox"
	"usher/internal/connector/smpp"
	"usher/internal/connector/switchboard"
	"usher/internal/connector/twilio"
	"usher/internal/connector/whatsapp"
	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/inbound"
	"usher/internal/messaging"
	"usher/internal/messaging/connection"
	"usher/internal/outbound"
	restmcs "usher/internal/rest/mcs"
	"usher/internal/sid"
)

// connectors are the kinds of connections to carriers, in the order in which they are shown.
var connectors = []connector.Kind{
	sandbox.Kind, twilio.Kind, smpp.Kind, kannel.Kind, whatsapp.Kind, messenger.Kind, line.Kind, custom.Kind,
}

// callTimeout bounds one call to a carrier, with its answer.
const callTimeout = 30 * time.Second

// openCarriers makes what carries messages. Calls go out behind the guard of webhooks; links of other kinds may go to every port of the
// addresses that it lets through.
func (p *parts) openCarriers(transport http.RoundTripper, allow []netip.Prefix) {
	everywhere := make([]uint16, 0, 1<<16-1)
	for port := range uint16(1<<16 - 1) {
		everywhere = append(everywhere, port+1)
	}
	p.carriers = connection.New(connection.Deps{
		DB: p.db, Kinds: switchboard.Kinds(connectors), Own: p.own, Changed: func() { p.board.Wake() },
	})
	p.arrivals = delivery.New(p.db, p.log, p.chat)
	p.mail = inbound.NewMail(p.inbound, p.messages, p.jobs, p.media, hook.NewClient(transport))
	p.board = switchboard.New(switchboard.Deps{
		Connections: p.carriers, Kinds: connectors, PublicURL: func() string { return p.addressed(p.config.Listen) }, Origin: p.origin,
		Remote: func(r *http.Request) string { return p.rest.Client(r).String() }, Inbox: p.mail, Log: slog.Default(),
		Client: &http.Client{
			Transport: transport, Timeout: callTimeout,
			// A carrier's API does not move: where it seems to, credentials must not follow.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Dial: hook.NewTransport(hook.Policy{Allow: allow, Ports: everywhere}).DialContext,
	})
	p.outbound = outbound.New(outbound.Deps{
		Messages: p.messages, Connections: p.carriers, Carriers: p.board, Flex: p.flex, Chat: p.chat, Deliveries: p.arrivals,
		FileURL: p.fileURL,
	})
}

// mediaKeyOf is the purpose of the key that signs addresses of chat's files.
const mediaKeyOf = "signed addresses of files"

// fileURL is an address under which a carrier can fetch a file of a message.
func (p *parts) fileURL(acct int64, service, message, file sid.SID, until time.Time) (string, error) {
	if service != "" {
		key, err := p.edgeKey(mediaKeyOf)
		return restmcs.Address(restmcs.Deps{Key: key, Origin: p.links.Origin}, service, file, until), err
	}
	a, err := p.accounts.ByID(context.Background(), acct)
	return p.links.Sign(a.SID, message, file, until), err
}

// own writes an address down as the account's own, unless it is there.
func (p *parts) own(tx *db.Tx, acct int64, address string) error {
	_, err := p.messages.NumberTx(tx, acct, address)
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	_, err = p.messages.CreateNumberTx(tx, acct, address, messaging.NumberChange{})
	return err
}

// entrance is the address that a connection's carrier calls.
func entrance(origin string, s sid.SID) string { return origin + switchboard.Path + string(s) }

// phones are those of the sandbox.
func (p *parts) phones() *inbound.Phones {
	return &inbound.Phones{Connections: p.carriers, Messages: p.messages, Mail: p.mail}
}
