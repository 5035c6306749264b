package account

import (
	"container/list"
	"sync"
	"time"
)

// staleAfter is how long this process goes on with what it has read of
// credentials before it looks again: the time within which a revocation made
// on another node takes effect here.
const staleAfter = 30 * time.Second

// memo remembers up to max values until their time is over or the generation
// has moved on; the least recently used one makes room. It is safe for
// concurrent use.
type memo[K comparable, V any] struct {
	mu    sync.Mutex
	max   int
	order *list.List // front: most recently used
	at    map[K]*list.Element
}

type remembered[K comparable, V any] struct {
	key        K
	value      V
	until      time.Time
	generation uint64
}

func newMemo[K comparable, V any](limit int) *memo[K, V] {
	return &memo[K, V]{max: limit, order: list.New(), at: make(map[K]*list.Element)}
}

// get returns a value that is still good at now and of this generation.
func (m *memo[K, V]) get(key K, now time.Time, generation uint64) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	el, ok := m.at[key]
	if !ok {
		var none V
		return none, false
	}
	r := el.Value.(*remembered[K, V])
	if !now.Before(r.until) || r.generation != generation {
		m.drop(el)
		var none V
		return none, false
	}
	m.order.MoveToFront(el)
	return r.value, true
}

// put remembers a value. generation is the one from before the value was read,
// so that a change in between makes it worthless.
func (m *memo[K, V]) put(key K, value V, until time.Time, generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if el, ok := m.at[key]; ok {
		m.drop(el)
	}
	m.at[key] = m.order.PushFront(&remembered[K, V]{key, value, until, generation})
	for m.order.Len() > m.max {
		m.drop(m.order.Back())
	}
}

func (m *memo[K, V]) drop(el *list.Element) {
	m.order.Remove(el)
	delete(m.at, el.Value.(*remembered[K, V]).key)
}
