package twilsock

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/look"
	"usher/internal/chat/push"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
)

// Tokens checks access tokens.
type Tokens interface {
	// Token answers who a token speaks for; a *fault.Error says why it is refused.
	Token(ctx context.Context, jwt string) (account.Actor, error)
	// Recheck answers nil while the key, the person and the account of an actor still have access.
	Recheck(ctx context.Context, actor account.Actor) error
}

// Limits bound what clients can do. 0 takes the default, negative is no limit.
type Limits struct {
	SendRate    float32 // messages a second on one connection (20)
	SendBurst   float32 // (40)
	RequestRate float32 // other requests (100)
	Burst       float32 // (2,000: a client reads four things of each channel when it starts)
	PerIdentity int     // connections (50)
	PerAddress  int     // connections (500)
	Total       int     // connections (100,000)
}

// Options of a Server. The five first are required.
type Options struct {
	Hub    *realtime.Hub
	Tokens Tokens
	Chat   *chat.Chat
	Look   *look.Looker
	Push   *push.Push
	// Presence counts who is connected; nil = nobody asks.
	Presence *realtime.Presence
	// Typing publishes that somebody writes, to all nodes. nil = this hub only.
	Typing func(realtime.Typing)
	// Address names the client of a request for the limit per address. nil = the peer's IP address.
	Address func(*http.Request) string
	// Origin is where the client of a request finds files: "https://usher.example.org". nil = the host of the request.
	Origin func(*http.Request) string
	Limits Limits
	// Ping is how often silent clients are asked whether they are there (25 s). They are cut after four.
	Ping time.Duration
	// InitWait is how long a connection may stay without a token (10 s).
	InitWait time.Duration
	// Notice is how long before its token expires a client is told (60 s).
	Notice time.Duration
	// Recheck is how often access is looked at again (2 s).
	Recheck time.Duration
	// Memory is for how long the answers to commands of a lost connection are kept (5 min).
	Memory time.Duration
	Logger *slog.Logger
}

func (o *Options) defaults() {
	limit := func(n, standard float32) float32 { return max(0, cmp.Or(n, standard)) }
	count := func(n, standard int) int { return max(0, cmp.Or(n, standard)) }
	o.Limits = Limits{
		SendRate: limit(o.Limits.SendRate, 20), SendBurst: limit(o.Limits.SendBurst, 40),
		RequestRate: limit(o.Limits.RequestRate, 100), Burst: limit(o.Limits.Burst, 2000),
		PerIdentity: count(o.Limits.PerIdentity, 50), PerAddress: count(o.Limits.PerAddress, 500),
		Total: count(o.Limits.Total, 100_000),
	}
	o.Ping = cmp.Or(o.Ping, 25*time.Second)
	o.InitWait = cmp.Or(o.InitWait, 10*time.Second)
	o.Notice = cmp.Or(o.Notice, 60*time.Second)
	o.Recheck = cmp.Or(o.Recheck, 2*time.Second)
	o.Memory = cmp.Or(o.Memory, 5*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Typing == nil {
		o.Typing = o.Hub.Typing
	}
	if o.Origin == nil {
		o.Origin = func(r *http.Request) string { return "https://" + r.Host }
	}
	if o.Address == nil {
		o.Address = func(r *http.Request) string {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				return r.RemoteAddr
			}
			return host
		}
	}
}

// Server serves the socket of the chat SDKs. It is an http.Handler, and a loop.Service: Run looks after deadlines, and drains
// when it ends.
type Server struct {
	o          Options
	set        *socket.Set
	ctx        context.Context
	cancel     context.CancelFunc
	identities socket.Counts
	addresses  socket.Counts
	documents  documents
	sessions   sessions
	stats      struct{ refused, slow, revoked, expired, limited atomic.Int64 }
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
	o.defaults()
	s := &Server{o: o, set: socket.NewSet(socket.Options{
		Opcode: gws.OpcodeBinary, MaxMessage: maxFrame, Silence: 4 * o.Ping, Total: o.Limits.Total,
		TooLarge:    socket.CloseFrame(closeTooLarge, "frame too large"),
		WrongOpcode: socket.CloseFrame(closeNotBinary, "frames are binary"),
	})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Stats are counters for the metrics page.
type Stats struct {
	// Open is how many connections there are now, Opened how many there have been.
	Open, Opened int64
	// Refused tokens, clients cut for slowness, connections closed for lost access and for expired tokens, and requests
	// refused for their rate.
	Refused, Slow, Revoked, Expired, Limited int64
}

// Stats counts.
func (s *Server) Stats() Stats {
	return Stats{
		Open: int64(s.set.Len()), Opened: s.set.Opened(), Refused: s.stats.refused.Load(), Slow: s.stats.slow.Load(),
		Revoked: s.stats.revoked.Load(), Expired: s.stats.expired.Load(), Limited: s.stats.limited.Load(),
	}
}

// ServeHTTP opens a connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address, origin := s.o.Address(r), s.o.Origin(r)
	s.set.Open(w, r, func(raw *socket.Conn) socket.Wire {
		c := &conn{srv: s, raw: raw, origin: origin}
		if s.addresses.Add(address, s.o.Limits.PerAddress) {
			c.address = address
		} else {
			raw.End(socket.CloseFrame(closeLater, "too many connections"), true)
		}
		return c
	})
}

// Run looks after deadlines until ctx ends, and then sends everybody away to come back elsewhere, or later. It returns
// when all are gone, or after five seconds.
func (s *Server) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.watchAccess(ctx)
	}()
	s.set.Sweep(ctx)
	<-done
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// No close frame of the protocol: after one, clients wait for three seconds before they come back.
	s.set.Drain(late, socket.CloseFrame(closeGoingAway, "going away"))
	s.cancel()
	return nil
}

// watchAccess closes connections whose key, person or account has lost access, and forgets old sessions.
func (s *Server) watchAccess(ctx context.Context) {
	tick := time.NewTicker(s.o.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.checkAccess(ctx)
			s.sessions.forget(now.Add(-s.o.Memory))
		}
	}
}
