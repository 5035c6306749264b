package connector

import (
	"sync"
	"time"
)

// Names keeps what customers call themselves where a carrier tells it only when it is asked, so that it is asked once a day for each.
// A name is a kindness: whoever cannot be asked quickly is not asked for a while, and a message never waits for more than one try.
// The zero value is ready.
type Names struct {
	mu    sync.Mutex
	known map[string]known
	pause time.Time // nobody is asked before
}

type known struct {
	name  string
	until time.Time
}

// Limits of what is kept.
const (
	maxNames  = 10_000
	nameLasts = 24 * time.Hour
	namePause = time.Minute
)

// Of returns the name under a key, which ask gets when it is not known; "" when it cannot be had.
func (n *Names) Of(key string, ask func() (string, error)) string {
	now := time.Now()
	n.mu.Lock()
	k, found := n.known[key]
	resting := now.Before(n.pause)
	n.mu.Unlock()
	if found && now.Before(k.until) || resting {
		return k.name
	}
	name, err := ask()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		n.pause = now.Add(namePause)
		return k.name
	}
	if n.known == nil || len(n.known) >= maxNames {
		n.known = map[string]known{}
	}
	n.known[key] = known{name, now.Add(nameLasts)}
	return name
}
