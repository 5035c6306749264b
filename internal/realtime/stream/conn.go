package stream

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
)

// inboxMax is how many frames of a connection may wait to be handled before it is read no further.
const inboxMax = 32

// conn is one connection. It hangs on the WebSocket as its session storage, which is not used otherwise.
type conn struct {
	gws.SessionStorage
	srv     *Server
	pipe    realtime.Pipe
	address string // counted under; "" = not counted

	heard  atomic.Int64 // when the client was last heard (Unix nanoseconds)
	opened int64

	mu      sync.Mutex
	inbox   []*gws.Message
	room    chan struct{} // made by the reader when the inbox is full
	busy    bool          // the pool handles the inbox
	closing bool          // no more frames are handled
	gone    bool          // the connection has ended
	endCode uint16        // close with this when the inbox is empty
	endWhy  string
	endAt   int64 // when closing began (Unix nanoseconds)
	actor   *account.Actor
	leaves  func() // ends the actor's presence
	warned  bool   // that the token expires
	watches map[string]*realtime.Watch

	// Only the goroutine that handles frames uses these.
	sends, requests socket.Bucket
	refused         int
}

// events are the callbacks of the WebSocket library. They run on the goroutine that reads the connection.
type events struct{}

func (events) OnOpen(*gws.Conn) {}

func (events) OnClose(ws *gws.Conn, _ error) { ws.Session().(*conn).closed() }

func (events) OnPing(ws *gws.Conn, payload []byte) {
	c := ws.Session().(*conn)
	c.heard.Store(time.Now().UnixNano())
	c.pipe.Write(socket.PongFrame(payload))
}

func (events) OnPong(ws *gws.Conn, _ []byte) {
	ws.Session().(*conn).heard.Store(time.Now().UnixNano())
}

func (events) OnMessage(ws *gws.Conn, m *gws.Message) {
	c := ws.Session().(*conn)
	c.heard.Store(time.Now().UnixNano())
	switch {
	case m.Data.Len() > maxFrame:
		c.end(closeTooLarge, "frame too large")
	case m.Opcode != gws.OpcodeText:
		c.end(closeProtocol, "frames are text")
	default:
		c.push(m)
		return
	}
	_ = m.Close()
}

func (c *conn) open(ws *gws.Conn) {
	c.pipe.Open(ws.NetConn())
	now := time.Now().UnixNano()
	c.opened = now
	c.heard.Store(now)
}

// push queues a frame for the pool; when too many wait, the client's sending is held up.
func (c *conn) push(m *gws.Message) {
	for {
		c.mu.Lock()
		if c.closing {
			c.mu.Unlock()
			_ = m.Close()
			return
		}
		if len(c.inbox) < inboxMax {
			break
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		<-room
	}
	c.inbox = append(c.inbox, m)
	start := !c.busy
	c.busy = true
	c.mu.Unlock()
	if start {
		c.srv.pool.Run(c)
	}
}

// handleAll handles what is in the inbox, in order.
func (c *conn) handleAll() {
	for {
		c.mu.Lock()
		c.wakeReader()
		if len(c.inbox) == 0 {
			c.inbox, c.busy = nil, false
			code, why := c.endCode, c.endWhy
			c.mu.Unlock()
			if code != 0 {
				c.pipe.Close(socket.CloseFrame(code, why), false)
			}
			return
		}
		m := c.inbox[0]
		c.inbox = c.inbox[1:]
		c.mu.Unlock()
		c.handle(m.Bytes())
		_ = m.Close()
	}
}

// end closes with a code. Frames that wait, in either direction, are dropped.
func (c *conn) end(code uint16, why string) {
	c.mu.Lock()
	stopped := c.stopped()
	c.dropInbox()
	c.mu.Unlock()
	if !stopped {
		c.pipe.Close(socket.CloseFrame(code, why), true)
	}
}

// endAfterWork closes with a code as soon as the frames that have arrived are handled and answered.
func (c *conn) endAfterWork(code uint16, why string) {
	c.mu.Lock()
	if c.stopped() {
		c.mu.Unlock()
		return
	}
	if c.busy {
		c.endCode, c.endWhy = code, why
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.pipe.Close(socket.CloseFrame(code, why), false)
}

// stopped marks the connection as closing and reports whether it was already. The lock is held.
func (c *conn) stopped() bool {
	if c.closing {
		return true
	}
	c.closing = true
	c.endAt = time.Now().UnixNano()
	c.wakeReader()
	return false
}

// wakeReader lets a reader that waits for room in the inbox look again. The lock is held.
func (c *conn) wakeReader() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// dropInbox forgets frames that wait to be handled. The lock is held.
func (c *conn) dropInbox() {
	for _, m := range c.inbox {
		_ = m.Close()
	}
	c.inbox = nil
}

// closed forgets the connection. The reading goroutine calls it last.
func (c *conn) closed() {
	c.mu.Lock()
	c.stopped()
	c.dropInbox()
	c.gone = true
	watches := c.watches
	c.watches = nil
	actor := c.actor
	c.mu.Unlock()
	c.pipe.Kill()
	for _, w := range watches {
		c.srv.o.Hub.Leave(w)
	}
	if actor != nil {
		c.srv.identities.Drop(identityKey(actor))
		c.leaves()
	}
	if c.address != "" {
		c.srv.addresses.Drop(c.address)
	}
	c.srv.sockets.drop(c)
}

func identityKey(a *account.Actor) string {
	return string(a.AccountSID) + "/" + cmp.Or(a.Identity, string(a.Worker))
}

// write queues a frame, or cuts a client that does not read.
func (c *conn) write(frame []byte) bool {
	if c.pipe.Write(frame) {
		return true
	}
	c.slow()
	return false
}

func (c *conn) slow() {
	c.mu.Lock()
	stopped := c.stopped()
	c.dropInbox()
	c.mu.Unlock()
	if !stopped {
		c.srv.stats.slow.Add(1)
		c.pipe.Close(socket.CloseFrame(closeSlow, "too slow, resume"), true)
	}
}

// Event implements realtime.Sink.
func (c *conn) Event(_ *realtime.Watch, b *realtime.Broadcast) bool {
	return c.write(b.Frame(realtime.WireStream, eventFrame))
}

// Typing implements realtime.Sink. Nobody is cut for it.
func (c *conn) Typing(_ *realtime.Watch, b *realtime.Broadcast) {
	c.pipe.Write(b.Frame(realtime.WireStream, typingFrame))
}

// Over implements realtime.Sink.
func (c *conn) Over(w *realtime.Watch, why *fault.Error) {
	name := string(w.Stream().SID)
	c.mu.Lock()
	if c.watches[name] == w {
		delete(c.watches, name)
	}
	c.mu.Unlock()
	if why == nil {
		c.slow()
		return
	}
	c.write(unsubscribedFrame(name, why))
}

// Room implements realtime.Sink.
func (c *conn) Room(ctx context.Context) error { return c.pipe.Room(ctx) }
