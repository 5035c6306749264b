package realtime

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what waits for one client; one that lags by this much is better off with a resume. A single frame may be
// larger.
const (
	pipeMaxBytes  = 512 << 10
	pipeMaxFrames = 1024
	pipeRoomBytes = 128 << 10 // a replay waits while more than this is queued
	pipeBatch     = 32 << 10  // small frames leave in one write of up to this size
)

// Pipe is the bounded queue of frames to one connection. Frames are complete (header and payload), may be shared
// between connections and are never changed. An idle pipe owns neither a goroutine nor a buffer: the first frame
// starts a goroutine that ends when the queue is empty.
type Pipe struct {
	conn    net.Conn
	mu      sync.Mutex
	queue   [][]byte
	bytes   int
	busy    bool          // a goroutine writes
	last    []byte        // final frame; set once
	closing bool          // nothing more may be queued
	room    chan struct{} // made by a waiter, closed when the queue has room or the pipe closes
	since   atomic.Int64  // when the current write began (Unix nanoseconds); 0 = none
}

// Open gives the pipe its connection. Before that, nothing may be written.
func (p *Pipe) Open(c net.Conn) { p.conn = c }

// Write queues a frame. It never blocks. False means that the frame was not taken: the pipe is closing, or the
// client is too slow, in which case the caller should Close with the code that makes it resume.
func (p *Pipe) Write(frame []byte) bool {
	p.mu.Lock()
	if p.closing || len(p.queue) > 0 && p.bytes+len(frame) > pipeMaxBytes || len(p.queue) >= pipeMaxFrames {
		p.mu.Unlock()
		return false
	}
	p.queue = append(p.queue, frame)
	p.bytes += len(frame)
	start := !p.busy
	p.busy = true
	p.mu.Unlock()
	if start {
		go p.flush()
	}
	return true
}

// Close queues a last frame (nil = none) and ends the sending side after it. With drop, frames that are not yet on
// their way are discarded first. The reading side sees the end when the client answers or Kill is called.
func (p *Pipe) Close(last []byte, drop bool) {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return
	}
	p.closing = true
	p.last = last
	if drop {
		p.queue, p.bytes = nil, 0
	}
	p.wake()
	start := !p.busy
	p.busy = true
	p.mu.Unlock()
	if start {
		go p.flush()
	}
}

// Kill closes the connection at once.
func (p *Pipe) Kill() {
	p.mu.Lock()
	p.closing = true
	p.queue, p.bytes = nil, 0
	p.wake()
	p.mu.Unlock()
	if p.conn != nil {
		_ = p.conn.Close()
	}
}

// Closing reports whether the pipe takes no more frames.
func (p *Pipe) Closing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closing
}

// Stuck reports whether one write has been going on since before t: the client does not read.
func (p *Pipe) Stuck(t time.Time) bool {
	since := p.since.Load()
	return since != 0 && since < t.UnixNano()
}

// Room waits until a replay may queue its next frame. It fails when the pipe closes or ctx ends.
func (p *Pipe) Room(ctx context.Context) error {
	for {
		p.mu.Lock()
		switch {
		case p.closing:
			p.mu.Unlock()
			return net.ErrClosed
		case p.bytes < pipeRoomBytes && len(p.queue) < pipeMaxFrames/4:
			p.mu.Unlock()
			return nil
		}
		if p.room == nil {
			p.room = make(chan struct{})
		}
		room := p.room
		p.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wake lets the waiters of Room look again. The lock is held.
func (p *Pipe) wake() {
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// flush writes until the queue is empty. Frames that piled up while the previous write went on leave together.
func (p *Pipe) flush() {
	for {
		runtime.Gosched() // what is about to be written to this client, such as an answer after an event, leaves in the same write
		p.mu.Lock()
		batch := p.queue
		p.queue, p.bytes = nil, 0
		last := p.last
		p.last = nil
		p.wake()
		if len(batch) == 0 && last == nil {
			p.busy = false
			closing := p.closing
			p.mu.Unlock()
			if closing {
				p.closeWrite()
			}
			return
		}
		p.mu.Unlock()
		if last != nil {
			batch = append(batch, last)
		}
		p.since.Store(time.Now().UnixNano())
		err := writeAll(p.conn, batch)
		p.since.Store(0)
		if err != nil {
			p.Kill()
			p.mu.Lock()
			p.busy = false
			p.mu.Unlock()
			return
		}
	}
}

// closeWrite ends our direction and leaves the other open, so that the last frame is not lost to a reset.
func (p *Pipe) closeWrite() {
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = p.conn.Close()
}

// writeAll writes frames in order, joining small ones.
func writeAll(c net.Conn, frames [][]byte) error {
	for len(frames) > 0 {
		n, size := 1, len(frames[0])
		for n < len(frames) && size+len(frames[n]) <= pipeBatch {
			size += len(frames[n])
			n++
		}
		if n == 1 {
			if _, err := c.Write(frames[0]); err != nil {
				return err
			}
		} else {
			joined := make([]byte, 0, size)
			for _, f := range frames[:n] {
				joined = append(joined, f...)
			}
			if _, err := c.Write(joined); err != nil {
				return err
			}
		}
		frames = frames[n:]
	}
	return nil
}
