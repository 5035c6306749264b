package socket

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

// Deadlines that nobody configures.
const (
	sweepEvery = 500 * time.Millisecond
	stuckAfter = 15 * time.Second // one write takes so long: the client does not read
	closeWait  = 5 * time.Second  // for a client to answer a close frame
)

// Options of a Set. All but Ping and Rechecked are required.
type Options struct {
	// Name is the wire's, in logs.
	Name string
	// Opcode is what messages of clients are: gws.OpcodeText or gws.OpcodeBinary.
	Opcode gws.Opcode
	// MaxMessage is the size of the largest message, in bytes.
	MaxMessage int
	// TooLarge and WrongOpcode are the last frames for clients that break these rules, TooSlow for one that does not read, and
	// TooMany for an address that has too many connections.
	TooLarge, WrongOpcode, TooSlow, TooMany []byte
	// Ping is whether clients are asked for a sign of life, because they give none by themselves.
	Ping bool
	// Rechecked is called after each look at everybody's access.
	Rechecked func(now time.Time)
	Rules
}

// Set is the connections of one wire.
type Set struct {
	o          Options
	upgrader   *gws.Upgrader
	pool       *Pool[*Conn]
	draining   atomic.Bool
	recheck    chan struct{}
	identities Counts
	addresses  Counts
	stats      struct{ opened, refused, slow, revoked, expired, limited atomic.Int64 }
	mu         sync.Mutex
	m          map[*Conn]struct{}
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
func (s *Set) Stats() Stats {
	return Stats{
		Open: int64(s.Len()), Opened: s.stats.opened.Load(), Refused: s.stats.refused.Load(), Slow: s.stats.slow.Load(),
		Revoked: s.stats.revoked.Load(), Expired: s.stats.expired.Load(), Limited: s.stats.limited.Load(),
	}
}

// NewSet makes an empty set. Until Sweep runs, no deadline is looked after.
func NewSet(o Options) *Set {
	s := &Set{o: o, pool: NewPool((*Conn).handleAll), m: make(map[*Conn]struct{}), recheck: make(chan struct{}, 1)}
	s.upgrader = gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadMaxPayloadSize:  2 * o.MaxMessage, // up to here we answer with our own close frame
		WriteMaxPayloadSize: 2 * o.MaxMessage, // unused: frames are written past gws
		ReadBufferSize:      512,
		ParallelGolimit:     1,
		NewSession:          func() gws.SessionStorage { return &Conn{set: s} },
		Logger:              quiet{},
	})
	return s
}

// quiet drops what the WebSocket library would print: broken clients are not news.
type quiet struct{}

func (quiet) Error(...any) {}

// Open upgrades a request. wire makes what the connection means; it is called before the first message is read. Without a
// connection the request has been answered.
func (s *Set) Open(w http.ResponseWriter, r *http.Request, wire func(*Conn) Wire) {
	if r.Header.Get("Sec-WebSocket-Key") == "" {
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "This address speaks WebSocket only")
		return
	}
	if s.draining.Load() || s.o.Limits.Total > 0 && s.Len() >= s.o.Limits.Total {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "The server takes no more connections at the moment")
		return
	}
	address := s.o.Address(r)
	ws, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	c := ws.Session().(*Conn)
	s.add(c, ws.NetConn(), wire)
	if s.addresses.Add(address, s.o.Limits.PerAddress) {
		c.address = address
	} else {
		c.End(s.o.TooMany, true)
	}
	go ws.ReadLoop()
}

// add begins a connection.
func (s *Set) add(c *Conn, to net.Conn, wire func(*Conn) Wire) {
	c.pipe.Open(to)
	c.opened = time.Now().UnixNano()
	c.heard.Store(c.opened)
	c.wire = wire(c)
	s.mu.Lock()
	s.m[c] = struct{}{}
	s.mu.Unlock()
	s.stats.opened.Add(1)
}

// Talk has a connection handle messages that come from no client, writes the answers to to, and ends it with a last frame. It is
// for tests of wires.
func (s *Set) Talk(to net.Conn, wire func(*Conn) Wire, messages [][]byte, last []byte) (gone func()) {
	c := &Conn{set: s}
	s.add(c, to, wire)
	for _, m := range messages {
		c.push(work{message: &gws.Message{Opcode: s.o.Opcode, Data: bytes.NewBuffer(m)}})
	}
	c.EndAfterWork(last)
	return c.closed
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%d,"message":%q,"status":%d}`+"\n", 20000+status, text, status)
}

func (s *Set) drop(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, c)
}

// Len is how many connections are open.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.m)
}

func (s *Set) all(buf []*Conn) []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf = buf[:0]
	for c := range s.m {
		buf = append(buf, c)
	}
	return buf
}

// Sweep looks at every connection twice a second until ctx ends, and at their access every Recheck or when told.
func (s *Set) Sweep(ctx context.Context) {
	var access sync.WaitGroup
	defer access.Wait()
	access.Go(func() { s.watchAccess(ctx) })
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var all []*Conn
	var storm storm
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			all = s.all(all)
			for _, c := range all {
				c.look(now)
			}
			clear(all)
			if storm.over(s.stats.opened.Load()) {
				go tidy()
			}
		}
	}
}

// tidy gives memory back to the system. Each collection halves stacks that are too large, hence two.
func tidy() {
	runtime.GC()
	debug.FreeOSMemory()
}

// storm notices that many connections have come and that no more do. Opening one takes several times the memory that it
// keeps; after a thousand it is worth giving back what is left over.
type storm struct{ tidied, last int64 }

const stormSize = 1000

// over takes the number of connections opened so far, twice a second.
func (m *storm) over(opened int64) bool {
	quiet := opened == m.last
	m.last = opened
	if !quiet || opened-m.tidied < stormSize {
		return false
	}
	m.tidied = opened
	return true
}

// Drain refuses new connections, lets messages that have arrived be handled, closes every connection with a last frame and
// waits until they are gone or ctx ends; then it cuts the rest.
func (s *Set) Drain(ctx context.Context, last []byte) {
	s.draining.Store(true)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.Len() > 0 && ctx.Err() == nil {
		for _, c := range s.all(nil) { // again each time: some were being opened
			c.EndAfterWork(last)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	for _, c := range s.all(nil) {
		c.Kill()
	}
	s.pool.Stop()
}
