// Package pace bounds how often something may happen: a token bucket for each key.
package pace

import (
	"sync"
	"time"
)

// maxBuckets bounds what a limiter remembers. Beyond it the full buckets, which say nothing, are forgotten.
const maxBuckets = 50_000

// Limiter is a token bucket per key. It is safe for concurrent use.
type Limiter[K comparable] struct {
	every time.Duration // one more every so often
	burst float64
	mu    sync.Mutex
	at    map[K]bucket
}

type bucket struct {
	left float64
	when time.Time
}

// NewLimiter makes a limiter that allows perMinute events a minute for each key, and burst at once.
func NewLimiter[K comparable](perMinute, burst int) *Limiter[K] {
	return &Limiter[K]{every: time.Minute / time.Duration(max(perMinute, 1)), burst: float64(max(burst, 1)), at: map[K]bucket{}}
}

// Take uses one up and returns 0, or says how long to wait for it.
func (l *Limiter[K]) Take(key K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.at[key]
	if !ok {
		if len(l.at) >= maxBuckets {
			l.forget(now)
		}
		b = bucket{left: l.burst, when: now}
	}
	b.left = min(l.burst, b.left+float64(now.Sub(b.when))/float64(l.every))
	b.when = now
	if b.left < 1 {
		l.at[key] = b
		return time.Duration((1 - b.left) * float64(l.every))
	}
	b.left--
	l.at[key] = b
	return 0
}

// forget drops the buckets that have filled up; if all are in use, it drops all of them: memory is worth more than a limit.
func (l *Limiter[K]) forget(now time.Time) {
	for key, b := range l.at {
		if b.left+float64(now.Sub(b.when))/float64(l.every) >= l.burst {
			delete(l.at, key)
		}
	}
	if len(l.at) >= maxBuckets {
		clear(l.at)
	}
}
