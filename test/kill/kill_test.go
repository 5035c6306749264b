// Package kill proves that a crash loses nothing that was acknowledged: it ends the program with SIGKILL again and again
// while messages are sent over REST and over the stream and tasks are routed, starts it again, and then reads everything.
//
//	go test ./test/kill -kills 30
package kill

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"usher/test/rig"
)

var kills = flag.Int("kills", 3, "how often the program is killed, on each database")

// ledger is what the clients were told. It is what must be true afterwards.
type ledger struct {
	mu       sync.Mutex
	messages []message
	tasks    []string          // created
	accepted map[string]string // task → reservation
	done     map[string]bool   // tasks told completed
}

// message is an acknowledged message.
type message struct {
	channel, sid, body string
	index              int
}

func (l *ledger) note(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

func TestKill(t *testing.T) {
	rig.EachDatabase(t, rig.Options{}, func(t *testing.T, s *rig.Server) {
		l := &ledger{accepted: map[string]string{}, done: map[string]bool{}}
		chat := newChat(t, s, 4)
		floor := newFloor(t, s, 4)
		ctx, stop := context.WithCancel(t.Context())
		var senders, agents sync.WaitGroup
		for i := range 6 {
			senders.Go(func() { chat.sendOverREST(ctx, t, l, i) })
		}
		for i := range 4 {
			senders.Go(func() { chat.sendOverStream(ctx, t, l, i) })
		}
		for i := range 2 {
			senders.Go(func() { floor.create(ctx, t, l, i) })
		}
		working, home := context.WithCancel(t.Context())
		for _, worker := range floor.workers {
			agents.Go(func() { floor.work(working, t, l, worker) })
		}

		slowest := time.Duration(0)
		for n := range *kills {
			time.Sleep(time.Duration(300+rand.IntN(600)) * time.Millisecond)
			_ = s.Kill()
			start := time.Now()
			if err := s.Run(t.Context()); err != nil {
				t.Fatalf("start after kill %d: %v", n+1, err)
			}
			slowest = max(slowest, time.Since(start))
		}
		time.Sleep(300 * time.Millisecond)
		stop()
		senders.Wait()
		floor.drain(t, l)
		home()
		agents.Wait()
		_ = s.Kill() // what is read now comes from the disk
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d kills, slowest start %v: %d messages and %d tasks acknowledged, %d reservations accepted, %d tasks completed",
			*kills, slowest.Round(time.Millisecond), len(l.messages), len(l.tasks), len(l.accepted), len(l.done))
		if len(l.messages) == 0 || len(l.tasks) == 0 || len(l.accepted) == 0 {
			t.Error("there was no load")
		}
		chat.check(t, l)
		floor.check(t, l)
		checkFile(t, s)
	})
}

// pause waits a moment, or until the load ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
