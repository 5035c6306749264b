package socket

import (
	"context"
	"fmt"
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

// Options of a Set. All are required.
type Options struct {
	// Opcode is what messages of clients are: gws.OpcodeText or gws.OpcodeBinary.
	Opcode gws.Opcode
	// MaxMessage is the size of the largest message, in bytes.
	MaxMessage int
	// TooLarge and WrongOpcode are the last frames for clients that break these rules.
	TooLarge, WrongOpcode []byte
	// Silence is after how long without a sign of life a connection is cut.
	Silence time.Duration
	// Total is how many connections may be open; 0 is no limit.
	Total int
}

// Set is the connections of one wire.
type Set struct {
	o        Options
	upgrader *gws.Upgrader
	pool     *Pool[*Conn]
	draining atomic.Bool
	opened   atomic.Int64
	mu       sync.Mutex
	m        map[*Conn]struct{}
}

// NewSet makes an empty set. Until Sweep runs, no deadline is looked after.
func NewSet(o Options) *Set {
	s := &Set{o: o, pool: NewPool((*Conn).handleAll), m: make(map[*Conn]struct{})}
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
	if s.draining.Load() || s.o.Total > 0 && s.Len() >= s.o.Total {
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "The server takes no more connections at the moment")
		return
	}
	ws, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	c := ws.Session().(*Conn)
	c.pipe.Open(ws.NetConn())
	c.opened = time.Now().UnixNano()
	c.heard.Store(c.opened)
	c.wire = wire(c)
	s.mu.Lock()
	s.m[c] = struct{}{}
	s.mu.Unlock()
	s.opened.Add(1)
	go ws.ReadLoop()
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

// Opened is how many connections there have been.
func (s *Set) Opened() int64 { return s.opened.Load() }

func (s *Set) all(buf []*Conn) []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf = buf[:0]
	for c := range s.m {
		buf = append(buf, c)
	}
	return buf
}

// Each calls fn for every wire that is open now.
func (s *Set) Each(fn func(Wire)) {
	for _, c := range s.all(nil) {
		fn(c.wire)
	}
}

// Sweep looks at every connection twice a second until ctx ends.
func (s *Set) Sweep(ctx context.Context) {
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
				if c.overdue(now, s.o.Silence) {
					c.Kill()
				} else {
					c.wire.Look(now)
				}
			}
			clear(all)
			if storm.over(s.opened.Load()) {
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
