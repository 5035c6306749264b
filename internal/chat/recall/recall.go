// Package recall remembers what was looked up. It needs no invalidation: whoever uses a memory passes what it was true of to the
// statement that writes, which refuses when that is old.
package recall

import "sync"

// Cache remembers up to a number of values. When full it forgets half of what it holds, in no order. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	most int
	mu   sync.RWMutex
	m    map[K]V
}

// New makes a cache for at most so many values.
func New[K comparable, V any](most int) *Cache[K, V] {
	return &Cache[K, V]{most: most, m: make(map[K]V)}
}

// Get returns what is remembered of k.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.m[k]
	return v, ok
}

// Put remembers v.
func (c *Cache[K, V]) Put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= c.most {
		for old := range c.m {
			if len(c.m) <= c.most/2 {
				break
			}
			delete(c.m, old)
		}
	}
	c.m[k] = v
}

// Drop forgets k.
func (c *Cache[K, V]) Drop(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, k)
}
