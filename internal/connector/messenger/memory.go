package messenger

import (
	"sync"
	"time"
)

// memory holds what was sent last, for receipts that tell a time and no message. The zero value is ready.
type memory struct {
	mu   sync.Mutex
	ring [4096]mark
	next int
}

// mark is a message that was taken. at is from before it was sent, so that Meta's time of it is not earlier.
type mark struct {
	to, id string
	at     time.Time
	seen   bool // delivered
}

func (m *memory) add(to, id string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ring[m.next%len(m.ring)] = mark{to: to, id: id, at: at}
	m.next++
}

// until returns what was sent to somebody up to a time and is not said to be read yet, or, else, delivered, oldest first.
func (m *memory) until(to string, at time.Time, read bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for i := range m.ring {
		e := &m.ring[(m.next+i)%len(m.ring)]
		if e.id == "" || e.to != to || e.at.After(at) || e.seen && !read {
			continue
		}
		ids = append(ids, e.id)
		if e.seen = true; read {
			*e = mark{}
		}
	}
	return ids
}
