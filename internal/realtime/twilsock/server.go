package twilsock

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/chat"
	"usher/internal/chat/look"
	"usher/internal/chat/push"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
)

// Limits bound what clients can do. Every request counts as one; messages count twice, as what they are, too.
type Limits = socket.Limits

// standard are the limits where nothing else is said. A client reads four things of each channel when it starts.
var standard = Limits{
	SendRate: 20, SendBurst: 40, RequestRate: 100, Burst: 2000, PerIdentity: 50, PerAddress: 500, Total: 100_000,
}

// Options of a Server. Hub, Chat, Look, Push and the Rules' Tokens are required.
type Options struct {
	Hub  *realtime.Hub
	Chat *chat.Chat
	Look *look.Looker
	Push *push.Push
	// Typing publishes that somebody writes, to all nodes. nil = this hub only.
	Typing func(realtime.Typing)
	// Origin is where the client of a request finds files: "https://usher.example.org". nil = the host of the request.
	Origin func(*http.Request) string
	// Memory is for how long the answers to commands of a lost connection are kept (5 min).
	Memory time.Duration
	socket.Rules
}

// Server serves the socket of the chat SDKs. It is an http.Handler, and a loop.Service: Run looks after deadlines, and drains
// when it ends.
type Server struct {
	o         Options
	set       *socket.Set
	ctx       context.Context
	cancel    context.CancelFunc
	documents documents
	sessions  sessions
}

// WebSocket close codes (RFC 6455, section 7.4.1). Clients come back after any of them.
const (
	closeGoingAway = 1001
	closeProtocol  = 1002
	closeNotBinary = 1003
	closeTooLarge  = 1009
	closeLater     = 1013
)

// New makes a server. Until Run, it serves but looks after no deadline.
func New(o Options) *Server {
	o.Standard(standard)
	o.Memory = cmp.Or(o.Memory, 5*time.Minute)
	if o.Typing == nil {
		o.Typing = o.Hub.Typing
	}
	if o.Origin == nil {
		o.Origin = func(r *http.Request) string { return "https://" + r.Host }
	}
	s := &Server{o: o}
	s.set = socket.NewSet(socket.Options{
		Name: "twilsock", Opcode: gws.OpcodeBinary, MaxMessage: maxFrame, Rules: o.Rules, Ping: true,
		Rechecked:   func(now time.Time) { s.sessions.forget(now.Add(-o.Memory)) },
		TooLarge:    socket.CloseFrame(closeTooLarge, "frame too large"),
		WrongOpcode: socket.CloseFrame(closeNotBinary, "frames are binary"),
		TooSlow:     socket.CloseFrame(closeLater, "too slow"),
		TooMany:     socket.CloseFrame(closeLater, "too many connections"),
	})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Stats counts.
func (s *Server) Stats() socket.Stats { return s.set.Stats() }

// ServeHTTP opens a connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := s.o.Origin(r)
	s.set.Open(w, r, func(raw *socket.Conn) socket.Wire { return &conn{srv: s, raw: raw, origin: origin} })
}

// Run looks after deadlines until ctx ends, and then sends everybody away to come back elsewhere, or later. It returns
// when all are gone, or after five seconds.
func (s *Server) Run(ctx context.Context) error {
	s.set.Sweep(ctx)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// No close frame of the protocol: after one, clients wait for three seconds before they come back.
	s.set.Drain(late, socket.CloseFrame(closeGoingAway, "going away"))
	s.cancel()
	return nil
}
