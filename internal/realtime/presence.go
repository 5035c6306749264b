package realtime

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"usher/internal/account"
	"usher/internal/sid"
)

// Presence counts the live connections of each identity of a chat service, on this process, whatever protocol they speak. It is
// safe for concurrent use; the zero value is ready.
type Presence struct {
	mu sync.RWMutex
	n  map[present]int
	// changed holds who has come or gone since it was told of, and from when on that counts; told, who was told to be there. Both
	// stay empty until somebody listens.
	changed   map[present]time.Time
	told      map[present]bool
	listening bool
}

type present struct {
	account  int64
	service  sid.SID
	identity string
}

// absence is how long somebody is away before it is told: a connection that breaks comes back within seconds.
const absence = 5 * time.Second

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
	if p.n[key]++; p.n[key] == 1 {
		p.note(key, time.Now())
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.n[key]--; p.n[key] <= 0 {
			delete(p.n, key)
			p.note(key, time.Now().Add(absence))
		}
	})
}

// note remembers that somebody has come or gone. The lock is held.
func (p *Presence) note(key present, from time.Time) {
	if p.listening {
		p.changed[key] = from
	}
}

// Online reports whether an identity of a service has a live connection.
func (p *Presence) Online(account int64, service sid.SID, identity string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.n[present{account, service, identity}] > 0
}

// Listen makes Tell have something to tell. It is called once, before the first connection.
func (p *Presence) Listen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed, p.told, p.listening = map[present]time.Time{}, map[present]bool{}, true
}

// Tell calls tell for everybody who has come since the last time, and for who has been away for a while. It is called every second
// or so. What fails is told the next time.
func (p *Presence) Tell(ctx context.Context, tell func(ctx context.Context, account int64, service sid.SID, identity string) error) error {
	for _, key := range p.due(time.Now()) {
		if ctx.Err() != nil {
			return nil
		}
		online := p.Online(key.account, key.service, key.identity)
		if err := tell(ctx, key.account, key.service, key.identity); err != nil {
			slog.Warn("who is there could not be told", "service", key.service, "error", err)
			p.mu.Lock()
			p.note(key, time.Now())
			p.mu.Unlock()
			continue
		}
		p.mu.Lock()
		if p.told[key] = online; !online {
			delete(p.told, key)
		}
		p.mu.Unlock()
	}
	return nil
}

// due takes those whose coming or going counts by now and was not told yet.
func (p *Presence) due(now time.Time) (list []present) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, from := range p.changed {
		if now.Before(from) {
			continue
		}
		delete(p.changed, key)
		if p.n[key] == 0 || !p.told[key] { // who goes is told also after a visit that nobody was told of: somebody may have seen it
			list = append(list, key)
		}
	}
	return list
}
