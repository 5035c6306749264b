package socket

import (
	"sync"
	"time"
)

// Bucket is a token bucket: so many a second on average, and a burst. The zero Bucket is full. It is for one goroutine.
type Bucket struct {
	left float32
	at   int64 // Unix nanoseconds of the last look; 0 = full
}

// Take takes one token, or answers how long to wait for it. A rate of 0 is no limit.
func (b *Bucket) Take(now time.Time, rate, burst float32) time.Duration {
	if rate <= 0 {
		return 0
	}
	n := now.UnixNano()
	if b.at == 0 {
		b.left = burst
	} else {
		b.left = min(burst, b.left+float32(float64(n-b.at)/float64(time.Second))*rate)
	}
	b.at = n
	if b.left >= 1 {
		b.left--
		return 0
	}
	return time.Duration(float32(time.Second) * (1 - b.left) / rate)
}

// Counts counts connections by a name. The zero Counts is empty; it is safe for concurrent use.
type Counts struct {
	mu sync.Mutex
	n  map[string]int
}

// Add counts one more, unless there are limit already. A limit of 0 is none.
func (c *Counts) Add(name string, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit > 0 && c.n[name] >= limit {
		return false
	}
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[name]++
	return true
}

// Drop counts one less.
func (c *Counts) Drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[name]--; c.n[name] <= 0 {
		delete(c.n, name)
	}
}
