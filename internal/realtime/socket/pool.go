package socket

import (
	"sync"
	"sync/atomic"
)

// Bounds of the pool: how many goroutines may handle frames at once, and how many stay when there is nothing to do.
const (
	poolMax  = 1024
	poolKeep = 64
)

// Pool runs connections of a kind that have frames to handle. Goroutines are kept for the next connection because handling a
// frame needs a deep stack; the goroutine that reads a connection never grows one.
type Pool[C any] struct {
	handle  func(C)
	work    chan C
	stop    chan struct{}
	once    sync.Once
	workers atomic.Int32
	idle    atomic.Int32
}

// NewPool makes a pool in which handle does what a connection has to do.
func NewPool[C any](handle func(C)) *Pool[C] {
	return &Pool[C]{handle: handle, work: make(chan C), stop: make(chan struct{})}
}

// Stop lets the goroutines that have nothing to do end. It may be called again.
func (p *Pool[C]) Stop() { p.once.Do(func() { close(p.stop) }) }

// Run has c handled. It blocks only when all goroutines of the pool are busy.
func (p *Pool[C]) Run(c C) {
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

func (p *Pool[C]) worker(c C) {
	defer p.workers.Add(-1)
	for {
		p.handle(c)
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
