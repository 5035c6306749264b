package stream

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// Tokens checks access tokens.
type Tokens interface {
	// Token answers who a token speaks for; a *fault.Error says why it is refused.
	Token(ctx context.Context, jwt string) (account.Actor, error)
	// Recheck answers nil while the key, the person and the account of an actor still have access.
	Recheck(ctx context.Context, actor account.Actor) error
}

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

// Limits bound what clients can do. 0 takes the default, negative is no limit.
type Limits struct {
	SendRate    float32 // messages a second on one connection (20)
	SendBurst   float32 // (40)
	RequestRate float32 // other frames (50)
	Burst       float32 // (200)
	PerIdentity int     // connections (50)
	PerAddress  int     // connections (500)
	Total       int     // connections (100,000)
}

// Options of a Server. The four first are required.
type Options struct {
	Hub     *realtime.Hub
	Tokens  Tokens
	Streams Streams
	Chat    Chat
	// Typing publishes that somebody writes, to all nodes. nil = this hub only.
	Typing func(realtime.Typing)
	// Presence counts who is connected; nil = nobody asks.
	Presence *realtime.Presence
	// Address names the client of a request for the limit per address. nil = the peer's IP address.
	Address func(*http.Request) string
	Limits  Limits
	// Heartbeat is how often clients make sure that somebody is there (25 s). Silent ones are dropped after four.
	Heartbeat time.Duration
	// HelloWait is how long a connection may stay without a token (10 s).
	HelloWait time.Duration
	// Notice is how long before its token expires a client is told (60 s).
	Notice time.Duration
	// Recheck is how often access is looked at again (2 s).
	Recheck time.Duration
	Logger  *slog.Logger
}

func (o *Options) defaults() {
	limit := func(n, standard float32) float32 {
		return max(0, cmp.Or(n, standard))
	}
	count := func(n, standard int) int { return max(0, cmp.Or(n, standard)) }
	o.Limits = Limits{
		SendRate: limit(o.Limits.SendRate, 20), SendBurst: limit(o.Limits.SendBurst, 40),
		RequestRate: limit(o.Limits.RequestRate, 50), Burst: limit(o.Limits.Burst, 200),
		PerIdentity: count(o.Limits.PerIdentity, 50), PerAddress: count(o.Limits.PerAddress, 500),
		Total: count(o.Limits.Total, 100_000),
	}
	o.Heartbeat = cmp.Or(o.Heartbeat, 25*time.Second)
	o.HelloWait = cmp.Or(o.HelloWait, 10*time.Second)
	o.Notice = cmp.Or(o.Notice, 60*time.Second)
	o.Recheck = cmp.Or(o.Recheck, 2*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Typing == nil {
		o.Typing = o.Hub.Typing
	}
	if o.Address == nil {
		o.Address = peerAddress
	}
}

func peerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Server serves the stream. It is an http.Handler for GET /stream, and a loop.Service: Run looks after deadlines, and
// drains when it ends.
type Server struct {
	o          Options
	upgrader   *gws.Upgrader
	pool       *socket.Pool[*conn]
	ctx        context.Context
	cancel     context.CancelFunc
	draining   atomic.Bool
	sockets    registry
	identities socket.Counts
	addresses  socket.Counts
	recheck    chan struct{}
	stats      struct{ opened, refused, slow, revoked, expired, limited atomic.Int64 }
}

// registry is the set of open connections.
type registry struct {
	mu sync.Mutex
	m  map[*conn]struct{}
}

func (r *registry) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[c] = struct{}{}
}

func (r *registry) drop(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.m, c)
}

// all copies the set into buf.
func (r *registry) all(buf []*conn) []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	buf = buf[:0]
	for c := range r.m {
		buf = append(buf, c)
	}
	return buf
}

func (r *registry) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.m)
}

// New makes a server. Until Run, it serves but looks after no deadline.
func New(o Options) *Server {
	o.defaults()
	s := &Server{o: o, pool: socket.NewPool((*conn).handleAll), recheck: make(chan struct{}, 1)}
	s.sockets.m = make(map[*conn]struct{})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.upgrader = gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadMaxPayloadSize:  2 * maxFrame, // up to here we answer with our own close code
		WriteMaxPayloadSize: 2 * maxFrame, // unused: frames are written past gws
		ReadBufferSize:      512,
		ParallelGolimit:     1,
		NewSession:          func() gws.SessionStorage { return &conn{srv: s} },
		Logger:              quiet{},
	})
	return s
}

// quiet drops what the WebSocket library would print: broken clients are not news.
type quiet struct{}

func (quiet) Error(...any) {}

// Stats are counters for the metrics page.
type Stats struct {
	// Open is how many connections there are now, Opened how many there have been.
	Open, Opened int64
	// Refused hellos, clients cut for slowness, connections closed for lost access and for expired tokens, and requests
	// refused for their rate.
	Refused, Slow, Revoked, Expired, Limited int64
}

// Stats counts.
func (s *Server) Stats() Stats {
	return Stats{
		Open: int64(s.sockets.len()), Opened: s.stats.opened.Load(), Refused: s.stats.refused.Load(), Slow: s.stats.slow.Load(),
		Revoked: s.stats.revoked.Load(), Expired: s.stats.expired.Load(), Limited: s.stats.limited.Load(),
	}
}

// ServeHTTP opens a connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-WebSocket-Key") == "" {
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "This address speaks WebSocket only")
		return
	}
	if s.draining.Load() || s.o.Limits.Total > 0 && s.sockets.len() >= s.o.Limits.Total {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "The server takes no more connections at the moment")
		return
	}
	address := s.o.Address(r)
	ws, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	c := ws.Session().(*conn)
	c.open(ws)
	s.sockets.add(c)
	if s.addresses.Add(address, s.o.Limits.PerAddress) {
		c.address = address
	} else {
		c.end(closeTooMany, "too many connections, wait 30 s")
	}
	s.stats.opened.Add(1)
	go ws.ReadLoop()
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%d,"message":%q,"status":%d}`+"\n", 20000+status, text, status)
}

// Run looks after deadlines until ctx ends, and then sends everybody away to come back elsewhere, or later. It returns
// when all are gone, or after five seconds.
func (s *Server) Run(ctx context.Context) error {
	s.sweep(ctx)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.Drain(late)
}

// Drain refuses new connections, lets frames that have arrived be handled, closes every connection with 4000 and waits
// until they are gone or ctx ends; then it cuts the rest.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	reason := fmt.Sprintf("going away, come back within %d s", 1+s.sockets.len()/500)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.sockets.len() > 0 && ctx.Err() == nil {
		for _, c := range s.sockets.all(nil) { // again each time: some were being opened
			c.endAfterWork(closeGoingAway, reason)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	for _, c := range s.sockets.all(nil) {
		c.pipe.Kill()
	}
	s.cancel()
	s.pool.Stop()
	return nil
}

// Recheck looks at once whether everybody who is connected still has access. It does not wait for the result.
func (s *Server) Recheck() {
	select {
	case s.recheck <- struct{}{}:
	default:
	}
}
