package stream

import (
	"context"
	"sync"
	"time"

	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
)

// conn is one connection. It is a socket.Wire, and a realtime.Sink.
type conn struct {
	srv *Server
	raw *socket.Conn

	mu      sync.Mutex
	watches map[string]*realtime.Watch
}

// end closes with a code. Frames that wait, in either direction, are dropped.
func (c *conn) end(code uint16, why string) { c.raw.End(socket.CloseFrame(code, why), true) }

// Late implements socket.Wire.
func (c *conn) Late() { c.end(closeNoHello, "no hello in time") }

// Expiring implements socket.Wire.
func (c *conn) Expiring(left time.Duration) { c.raw.Write(expiringFrame(left)) }

// Expired implements socket.Wire.
func (c *conn) Expired() { c.end(closeExpired, "token expired") }

// Revoked implements socket.Wire.
func (c *conn) Revoked() { c.end(closeRevoked, "access revoked") }

// Gone implements socket.Wire.
func (c *conn) Gone() {
	c.mu.Lock()
	watches := c.watches
	c.watches = nil
	c.mu.Unlock()
	for _, w := range watches {
		c.srv.o.Hub.Leave(w)
	}
}

// Event implements realtime.Sink.
func (c *conn) Event(_ *realtime.Watch, b *realtime.Broadcast) bool {
	return c.raw.Send(b.Frame(realtime.WireStream, eventFrame))
}

// Typing implements realtime.Sink. Nobody is cut for it.
func (c *conn) Typing(_ *realtime.Watch, b *realtime.Broadcast) {
	c.raw.Write(b.Frame(realtime.WireStream, typingFrame))
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
		c.raw.Slow()
		return
	}
	c.raw.Send(unsubscribedFrame(name, why))
}

// Room implements realtime.Sink.
func (c *conn) Room(ctx context.Context) error { return c.raw.Pipe().Room(ctx) }
