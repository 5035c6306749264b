package realtime

import (
	"sync"

	"usher/internal/account"
	"usher/internal/sid"
)

// Presence counts the live connections of each identity of a chat service, on this process, whatever protocol they speak. It is
// safe for concurrent use; the zero value is ready.
type Presence struct {
	mu sync.RWMutex
	n  map[present]int
}

type present struct {
	account  int64
	service  sid.SID
	identity string
}

// Enter counts a connection of the actor and returns what its end calls, once. An actor without identity is not counted.
func (p *Presence) Enter(actor account.Actor) (leave func()) {
	if p == nil || actor.Identity == "" {
		return func() {}
	}
	key := present{actor.Account, actor.ChatService, actor.Identity}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == nil {
		p.n = map[present]int{}
	}
	p.n[key]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.n[key]--; p.n[key] <= 0 {
			delete(p.n, key)
		}
	})
}

// Online reports whether an identity of a service has a live connection.
func (p *Presence) Online(account int64, service sid.SID, identity string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.n[present{account, service, identity}] > 0
}
