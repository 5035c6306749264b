// Package connector holds what carries messages to customers and back, a folder each, and the contract that they keep.
//
// A kind of connector is a value of Kind in the wiring's list (internal/app/carriers.go). A connection is one that somebody has configured: its settings
// are sealed, and Open makes of them something that can do one or more of Sender, Receiver, Runner and Verifier. Connectors know their
// carrier's wire and the types of messaging/carry, and nothing of channels, tasks or rows: who configured them decides what
// becomes of what they bring. connectortest.Run holds every one of them to this.
package connector

import (
	"context"
	"net"
	"net/http"
	"time"

	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Kind is a sort of connector.
type Kind struct {
	// Name is what the API calls it: twilio, kannel, smpp, whatsapp, messenger, line, custom, sandbox.
	Name string
	// Channels are the ways it can carry.
	Channels []carry.Channel
	// Fields are its settings, in the order of a form.
	Fields []Field
	// Open checks settings and makes a connection of them. It does not dial: an error is one of the settings, in plain words, and
	// names the field but never its value.
	Open func(settings map[string]string, d Deps) (any, error)
}

// Field is one setting of a kind.
type Field struct {
	Name     string // as the API and the form name it: snake_case
	Label    string // English
	Help     string // English, one sentence; may be ""
	Secret   bool   // never shown again once it was set
	Required bool
	Default  string
	Choices  []string // empty for free text
}

// Deps is what connections are given.
type Deps struct {
	// Client calls out, guarded against calls into the own network unless the operator allowed them.
	Client *http.Client
	// PublicURL is where the carrier reaches this connection: …/carriers/{SID}.
	PublicURL string
	// Dial opens connections for carriers that are not reached over HTTP, guarded as Client is; nil is a plain dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Account and Connection say whose it is, for connectors that keep rows of their own; zero while settings are only checked.
	Account    int64
	Connection sid.SID
}

// Sender is a connection that can send. Send returns once the carrier has taken the message. A *carry.Refusal says that it has not;
// after any other error that is not known.
type Sender interface {
	Send(ctx context.Context, m carry.Outbound) (carry.Sent, error)
}

// Repeater is a Sender that can be asked again when it is not known what became of a message: its carrier knows our SID, and sends
// the message once however often it is asked.
type Repeater interface {
	Repeats() bool
}

// Receiver is a connection that a carrier calls over HTTP. Receive checks the signature over the raw bytes, reads the request and
// answers what it brings; nothing is accepted yet. The caller keeps all of it in one go, and only then sends Answer. A *Forged error is
// answered 403, a *Malformed one 400, any other 503, so that the carrier tries again.
type Receiver interface {
	Receive(ctx context.Context, r Request) (Update, error)
}

// Verifier is a Receiver whose carrier asks with GET whether the address is ours.
type Verifier interface {
	Verify(ctx context.Context, r Request) (Answer, error)
}

// Runner is a connection that keeps a link of its own: Run dials, dials again after a cut, and returns when ctx is done. What it
// hears goes to the sink, and is answered to the carrier only when the sink has returned nil.
type Runner interface {
	Run(ctx context.Context, s Sink) error
}

// Reporter is a connection that knows how it stands; others are judged by their last calls.
type Reporter interface {
	Health() carry.Health
}

// Sink keeps what came. Each call is one commit; an error means that nothing was kept and the carrier should try again.
type Sink interface {
	Accept(ctx context.Context, m carry.Inbound) error
	Receipt(ctx context.Context, r carry.Receipt) error
}

// Request is an HTTP request of a carrier. Its body is read and bounded already.
type Request struct {
	Method string
	URL    string // as the carrier called it, with scheme, host and query
	Header http.Header
	Body   []byte // at most 4 MiB
	At     time.Time
}

// Update is what one request of a carrier brings, in the order in which it is to be kept.
type Update struct {
	Messages []carry.Inbound
	Receipts []carry.Receipt
	Answer   Answer // sent after all of it was kept; the zero Answer is 200 without a body
}

// Answer is what the carrier is told.
type Answer struct {
	Status      int // 0 is 200
	ContentType string
	Body        []byte
}

// Forged is the error of a Receiver for a request whose signature is wrong or missing: it is answered 403 and logged.
type Forged struct{ Reason string }

// Error says what is wrong with the signature, without a value of the request.
func (f *Forged) Error() string { return "the request is not signed by the carrier: " + f.Reason }
