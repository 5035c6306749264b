package iam

import (
	"net/netip"
	"sync"
	"time"
)

// maxBuckets bounds what the limiter remembers. Beyond it the full buckets, which say nothing, are forgotten.
const maxBuckets = 50_000

// limiter is a token bucket per client address; an IPv6 client counts by its /64, which is what one customer of a provider has.
type limiter struct {
	every time.Duration // one more every so often
	burst float64
	mu    sync.Mutex
	at    map[netip.Prefix]bucket
}

type bucket struct {
	left float64
	when time.Time
}

func newLimiter(perMinute, burst int) *limiter {
	return &limiter{every: time.Minute / time.Duration(max(perMinute, 1)), burst: float64(max(burst, 1)), at: map[netip.Prefix]bucket{}}
}

// take uses one up, or says how long to wait for it.
func (l *limiter) take(addr netip.Addr, now time.Time) time.Duration {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key, err := addr.Prefix(bits)
	if err != nil {
		key = netip.Prefix{} // an address that cannot be read shares one bucket
	}
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
func (l *limiter) forget(now time.Time) {
	for key, b := range l.at {
		if b.left+float64(now.Sub(b.when))/float64(l.every) >= l.burst {
			delete(l.at, key)
		}
	}
	if len(l.at) >= maxBuckets {
		clear(l.at)
	}
}
