package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// Streams decides who may watch what.
type Streams interface {
	// Grant answers the right to watch a stream, named by its owner's SID. An unknown and a foreign stream get the same
	// error, 20404.
	Grant(ctx context.Context, actor account.Actor, stream sid.SID) (realtime.Grant, error)
}

// Chat is what the stream does in channels. Messages, members and channels come in the public JSON of docs/realtime.md.
type Chat interface {
	// Send keeps a message. One that this author has sent before, by its client id, is answered as repeated.
	Send(ctx context.Context, actor account.Actor, channel sid.SID, m Outgoing) (message json.RawMessage, repeated bool, err error)
	// History answers at most limit messages that end before an index (nil = the newest).
	History(ctx context.Context, actor account.Actor, channel sid.SID, before *int64, limit int) (History, error)
	// Read moves the actor's read horizon.
	Read(ctx context.Context, actor account.Actor, channel sid.SID, index int64) error
}

// Outgoing is a message that somebody sends.
type Outgoing struct {
	ClientID   string
	Body       string
	Attributes json.RawMessage // an object, or nil
	Media      sid.SID         // of an uploaded file, or ""
}

// History is a page of a channel's past, and the position at which it was true.
type History struct {
	Channel  json.RawMessage
	Members  []json.RawMessage
	Messages []json.RawMessage // ascending
	realtime.Position
}

// Limits bound what clients can do.
type Limits = socket.Limits

// standard are the limits where nothing else is said.
var standard = Limits{
	SendRate: 20, SendBurst: 40, RequestRate: 50, Burst: 200, PerIdentity: 50, PerAddress: 500, Total: 100_000,
}

// Options of a Server. Hub, Streams, Chat and the Rules' Tokens are required.
type Options struct {
	Hub     *realtime.Hub
	Streams Streams
	Chat    Chat
	// Typing publishes that somebody writes, to all nodes. nil = this hub only.
	Typing func(realtime.Typing)
	socket.Rules
}

// Server serves the stream. It is an http.Handler for GET /stream, and a loop.Service: Run looks after deadlines, and
// drains when it ends.
type Server struct {
	o      Options
	set    *socket.Set
	ctx    context.Context
	cancel context.CancelFunc
}

// New makes a server. Until Run, it serves but looks after no deadline.
func New(o Options) *Server {
	o.Standard(standard)
	if o.Typing == nil {
		o.Typing = o.Hub.Typing
	}
	s := &Server{o: o, set: socket.NewSet(socket.Options{
		Name: "stream", Opcode: gws.OpcodeText, MaxMessage: maxFrame, Rules: o.Rules,
		TooLarge:    socket.CloseFrame(closeTooLarge, "frame too large"),
		WrongOpcode: socket.CloseFrame(closeProtocol, "frames are text"),
		TooSlow:     socket.CloseFrame(closeSlow, "too slow, resume"),
		TooMany:     tooMany,
	})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// tooMany ends the connection of a client that has more than it may.
var tooMany = socket.CloseFrame(closeTooMany, "too many connections, wait 30 s")

// Stats counts.
func (s *Server) Stats() socket.Stats { return s.set.Stats() }

// ServeHTTP opens a connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.set.Open(w, r, s.wire) }

func (s *Server) wire(raw *socket.Conn) socket.Wire { return &conn{srv: s, raw: raw} }

// Run looks after deadlines until ctx ends, and then sends everybody away to come back elsewhere, or later. It returns
// when all are gone, or after five seconds.
func (s *Server) Run(ctx context.Context) error {
	s.set.Sweep(ctx)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s.set.Drain(late, socket.CloseFrame(closeGoingAway, fmt.Sprintf("going away, come back within %d s", 1+s.set.Len()/500)))
	s.cancel()
	return nil
}

// Recheck looks at once whether everybody who is connected still has access. It does not wait for the result.
func (s *Server) Recheck() { s.set.Recheck() }
