package socket

import "sync/atomic"

// Bounds of the pool: how many goroutines may handle frames at once, and how many stay when there is nothing to do.
const (
	poolMax  = 1024
	poolKeep = 64
)

// pool runs connections that have frames to handle. Goroutines are kept for the next connection because handling a
// frame needs a deep stack; the goroutine that reads a connection never grows one.
type pool struct {
	work    chan *Conn
	stop    chan struct{}
	workers atomic.Int32
	idle    atomic.Int32
}

func newPool() *pool {
	return &pool{work: make(chan *Conn), stop: make(chan struct{})}
}

// run has c handled. It blocks only when all goroutines of the pool are busy.
func (p *pool) run(c *Conn) {
	select {
	case p.work <- c:
		return
	default:
	}
	if p.workers.Add(1) <= poolMax {
		go p.worker(c)
		return
	}
	p.workers.Add(-1)
	select {
	case p.work <- c:
	case <-p.stop:
	}
}

func (p *pool) worker(c *Conn) {
	defer p.workers.Add(-1)
	for {
		c.handleAll()
		if p.idle.Add(1) > poolKeep {
			p.idle.Add(-1)
			return
		}
		select {
		case c = <-p.work:
			p.idle.Add(-1)
		case <-p.stop:
			p.idle.Add(-1)
			return
		}
	}
}
