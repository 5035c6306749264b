// Package bus carries signals between the parts of one process, and, with a bus that spans processes, between nodes.
//
// A bus fans out and wakes up; it keeps nothing. A message reaches each subscriber at most once, and in the order in
// which one publisher sent it. Losing one may cost latency, never data: whoever listens can always read the rows.
package bus

import (
	"context"
	"slices"
	"sync"
)

// Bus is the contract that the memory bus meets, and that a bus between nodes has to meet (see bustest).
type Bus interface {
	// Publish hands v to every subscriber of subject, in the order of the calls of one goroutine. It does not wait for
	// subscribers to act. v must not be changed afterwards.
	Publish(ctx context.Context, subject string, v any) error
	// Subscribe calls fn for each message of subject until cancel is called. fn must not block: it runs on the
	// publisher's goroutine or on one that serves many subscribers.
	Subscribe(subject string, fn func(v any)) (cancel func())
	// Shared says that subscribers in other processes may listen, so that what was committed but not yet published when
	// a process died must still be published.
	Shared() bool
}

// Subjects that are in use.
const (
	// Events carries every committed event (event.Event).
	Events = "event"
	// Signals carries typing and presence, which have no row (realtime's own type).
	Signals = "signal"
	// Jobs says that a queue has work (the queue's name).
	Jobs = "job"
	// Access says that a key, a person or a member lost access (account's own type).
	Access = "access"
)

// Memory is a bus inside one process. The zero value is ready.
type Memory struct {
	mu   sync.RWMutex
	next uint64
	subs map[string][]subscription
}

type subscription struct {
	id uint64
	fn func(any)
}

// NewMemory makes a bus inside one process.
func NewMemory() *Memory { return &Memory{} }

// Publish calls the subscribers one after the other.
func (m *Memory) Publish(_ context.Context, subject string, v any) error {
	m.mu.RLock()
	subs := m.subs[subject]
	m.mu.RUnlock()
	for _, s := range subs {
		s.fn(v)
	}
	return nil
}

// Subscribe adds a subscriber. cancel may be called more than once.
func (m *Memory) Subscribe(subject string, fn func(any)) (cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.subs == nil {
		m.subs = map[string][]subscription{}
	}
	m.next++
	id := m.next
	// The slice is copied, not changed: Publish reads it without the lock.
	m.subs[subject] = append(slices.Clone(m.subs[subject]), subscription{id, fn})
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.subs[subject] = slices.DeleteFunc(slices.Clone(m.subs[subject]), func(s subscription) bool { return s.id == id })
	}
}

// Shared is false: everybody who listens dies with this process.
func (m *Memory) Shared() bool { return false }
