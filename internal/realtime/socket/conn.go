package socket

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/realtime"
)

// What a connection may have waiting to be handled before it is read no further.
const (
	inboxMax   = 32
	inboxBytes = 512 << 10
)

// Wire is what one connection means to its protocol. Handle and Gone are never called at the same time as themselves.
type Wire interface {
	// Handle takes one message of the client, on the pool, in the order of arrival. The bytes are the callee's until it returns.
	Handle(message []byte)
	// Late ends the connection of a client that has not signed in in time.
	Late()
	// Expiring tells a client that its token will expire, and Expired ends its connection.
	Expiring(left time.Duration)
	Expired()
	// Revoked ends the connection of a client that has lost access.
	Revoked()
	// Gone is called once, when the connection has ended.
	Gone()
}

// Conn is one connection. Its methods are safe for concurrent use.
type Conn struct {
	gws.SessionStorage // never used: the place where the library keeps a connection's state
	set                *Set
	wire               Wire
	pipe               realtime.Pipe
	address            string // counted under; "" = not counted

	heard  atomic.Int64 // when the client was last heard (Unix nanoseconds)
	pinged atomic.Int64 // when it was last asked
	opened int64

	mu      sync.Mutex
	inbox   []work
	bytes   int
	room    chan struct{} // made by the reader when the inbox is full
	busy    bool          // the pool handles the inbox
	closing bool          // nothing more is handled
	gone    bool          // the connection has ended
	last    []byte        // send this and close when the inbox is empty
	endAt   int64         // when closing began (Unix nanoseconds)
	actor   *account.Actor
	leaves  func() // ends the actor's presence
	warned  bool   // that the token expires

	// Only the goroutine that handles messages uses these.
	sends, requests Bucket
	refusals        int
}

// work is a message of the client, or something that is done in between.
type work struct {
	message *gws.Message
	do      func()
}

func (w work) close() {
	if w.message != nil {
		_ = w.message.Close()
	}
}

func (w work) size() int {
	if w.message == nil {
		return 0
	}
	return w.message.Data.Len()
}

// events are the callbacks of the WebSocket library. They run on the goroutine that reads the connection.
type events struct{}

func (events) OnOpen(*gws.Conn) {}

func (events) OnClose(socket *gws.Conn, _ error) { socket.Session().(*Conn).closed() }

func (events) OnPing(socket *gws.Conn, payload []byte) {
	c := socket.Session().(*Conn)
	c.heard.Store(time.Now().UnixNano())
	c.pipe.Write(PongFrame(payload))
}

func (events) OnPong(socket *gws.Conn, _ []byte) {
	socket.Session().(*Conn).heard.Store(time.Now().UnixNano())
}

func (events) OnMessage(socket *gws.Conn, m *gws.Message) {
	c := socket.Session().(*Conn)
	c.heard.Store(time.Now().UnixNano())
	o := &c.set.o
	switch {
	case m.Data.Len() > o.MaxMessage:
		c.End(o.TooLarge, true)
	case m.Opcode != o.Opcode:
		c.End(o.WrongOpcode, true)
	default:
		c.push(work{message: m})
		return
	}
	_ = m.Close()
}

// push queues work for the pool; when too much waits, the client's sending is held up.
func (c *Conn) push(w work) {
	for {
		c.mu.Lock()
		if c.closing {
			c.mu.Unlock()
			w.close()
			return
		}
		if len(c.inbox) < inboxMax && (len(c.inbox) == 0 || c.bytes+w.size() <= inboxBytes) {
			break
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		<-room
	}
	c.add(w)
}

// add queues work and has the pool look at it. The lock is held, and is not when it returns.
func (c *Conn) add(w work) {
	c.inbox = append(c.inbox, w)
	c.bytes += w.size()
	start := !c.busy
	c.busy = true
	c.mu.Unlock()
	if start {
		c.set.pool.Run(c)
	}
}

// Do runs fn on the pool after what has arrived so far, unless the connection ends before. It never blocks for long, and
// may be called with locks held that fn takes.
func (c *Conn) Do(fn func()) {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return
	}
	if c.busy {
		c.inbox = append(c.inbox, work{do: fn})
		c.mu.Unlock()
		return
	}
	c.inbox = append(c.inbox, work{do: fn})
	c.busy = true
	c.mu.Unlock()
	go c.set.pool.Run(c)
}

// handleAll handles what is in the inbox, in order.
func (c *Conn) handleAll() {
	for {
		c.mu.Lock()
		c.wakeReader()
		if len(c.inbox) == 0 {
			c.inbox, c.busy = nil, false
			last := c.last
			c.mu.Unlock()
			if last != nil {
				c.pipe.Close(last, false)
			}
			return
		}
		w := c.inbox[0]
		c.inbox = c.inbox[1:]
		c.bytes -= w.size()
		c.mu.Unlock()
		if w.do != nil {
			w.do()
		} else {
			c.wire.Handle(w.message.Bytes())
		}
		w.close()
	}
}

// Write queues a frame. It never blocks. False means that it was not taken, because the connection closes or the client does not read.
func (c *Conn) Write(frame []byte) bool { return c.pipe.Write(frame) }

// Send is Write, and cuts a client that does not read.
func (c *Conn) Send(frame []byte) bool {
	if c.pipe.Write(frame) {
		return true
	}
	c.Slow()
	return false
}

// Slow cuts a client that cannot be given what it should get; it comes back and resumes.
func (c *Conn) Slow() {
	if c.End(c.set.o.TooSlow, true) {
		c.set.stats.slow.Add(1)
	}
}

// End closes with a last frame. What has arrived is not handled any more; with drop, frames that wait to leave are discarded.
// It reports whether the connection was open until now.
func (c *Conn) End(last []byte, drop bool) bool {
	c.mu.Lock()
	stopped := c.stopped()
	c.dropInbox()
	c.mu.Unlock()
	if !stopped {
		c.pipe.Close(last, drop)
	}
	return !stopped
}

// EndAfterWork closes with a last frame as soon as what has arrived is handled and answered.
func (c *Conn) EndAfterWork(last []byte) {
	c.mu.Lock()
	if c.stopped() {
		c.mu.Unlock()
		return
	}
	if c.busy {
		c.last = last
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.pipe.Close(last, false)
}

// Kill cuts the connection.
func (c *Conn) Kill() { c.pipe.Kill() }

// Closing reports whether nothing more can be sent.
func (c *Conn) Closing() bool { return c.pipe.Closing() }

// Pipe is the sending side: for realtime.Sink, which waits for room in it.
func (c *Conn) Pipe() *realtime.Pipe { return &c.pipe }

// Gone reports whether the connection has ended; nothing that is registered now would be looked after.
func (c *Conn) Gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// ask sends a ping to a client that was not heard for so long, once in that time.
func (c *Conn) ask(now time.Time, every time.Duration) {
	n := now.UnixNano()
	if n-c.heard.Load() >= int64(every) && n-c.pinged.Load() >= int64(every) {
		c.pinged.Store(n)
		c.pipe.Write(pingFrame())
	}
}

// stopped marks the connection as closing and reports whether it was already. The lock is held.
func (c *Conn) stopped() bool {
	if c.closing {
		return true
	}
	c.closing = true
	c.endAt = time.Now().UnixNano()
	c.wakeReader()
	return false
}

// wakeReader lets a reader that waits for room in the inbox look again. The lock is held.
func (c *Conn) wakeReader() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// dropInbox forgets what waits to be handled. The lock is held.
func (c *Conn) dropInbox() {
	for _, w := range c.inbox {
		w.close()
	}
	c.inbox, c.bytes = nil, 0
}

// closed forgets the connection. The reading goroutine calls it last.
func (c *Conn) closed() {
	c.mu.Lock()
	c.stopped()
	c.dropInbox()
	c.gone = true
	c.mu.Unlock()
	c.pipe.Kill()
	c.wire.Gone()
	c.left()
	c.set.drop(c)
}

// overdue reports whether the connection has to be cut: a close frame without an answer, a write that does not end, or
// silence for too long.
func (c *Conn) overdue(now time.Time, silence time.Duration) bool {
	c.mu.Lock()
	closing, endAt := c.closing, c.endAt
	c.mu.Unlock()
	if closing {
		return now.UnixNano()-endAt > int64(closeWait)
	}
	return c.pipe.Stuck(now.Add(-stuckAfter)) || now.UnixNano()-c.heard.Load() > int64(silence)
}
