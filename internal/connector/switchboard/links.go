package switchboard

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/retry"
	"usher/internal/sid"
)

// lookEvery is how often connections are looked at: for changes of another process, for leases and for their health.
const lookEvery = 5 * time.Second

// redial is how long a link rests that has ended by itself. Runners dial again by themselves; this is for those that break.
var redial = retry.Policy{Min: time.Second, Max: time.Minute, Factor: 2, Jitter: 0.2}

// link is a running link.
type link struct {
	id      int64
	version int64
	cancel  context.CancelFunc
	done    chan struct{}
	leased  time.Time // when the lease was renewed last
}

// Run keeps the links of all connections that need one, until ctx is done. It is a loop.Service.
func (s *Switchboard) Run(ctx context.Context) error {
	links := map[sid.SID]*link{}
	defer s.drop(links)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.look(ctx, links); err != nil && ctx.Err() == nil {
			s.Log.Error("connections cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// look compares the links with the connections.
func (s *Switchboard) look(ctx context.Context, links map[sid.SID]*link) error {
	kinds := make([]string, len(s.Kinds))
	for i, k := range s.Kinds {
		kinds[i] = k.Name
	}
	list, err := s.Connections.Enabled(ctx, kinds)
	if err != nil {
		s.expire(links)
		return err
	}
	keep := make(map[sid.SID]bool, len(list))
	for _, c := range list {
		keep[c.SID] = true
	}
	s.forget(keep)
	for name, k := range links {
		if !keep[name] {
			s.end(ctx, k)
			delete(links, name)
		}
	}
	for _, c := range list {
		l, err := s.line(c)
		if err != nil {
			s.Log.Error("a connection cannot be opened", "connection", c.SID, "kind", c.Kind, "error", err)
			continue
		}
		if runner, ok := l.carrier.(connector.Runner); ok {
			s.tend(ctx, links, l, runner)
		}
		reporter, reports := l.carrier.(connector.Reporter)
		_, runs := l.carrier.(connector.Runner)
		if reports && (!runs || links[c.SID] != nil) {
			s.report(ctx, l, reporter.Health())
		}
	}
	return nil
}

// tend starts a line's link, keeps its lease, or starts it anew where its settings have changed.
func (s *Switchboard) tend(ctx context.Context, links map[sid.SID]*link, l *line, runner connector.Runner) {
	k := links[l.SID]
	if k != nil && k.version != l.Version {
		s.stop(k)
		delete(links, l.SID)
		k = nil
	}
	mine, err := s.Connections.Claim(ctx, l.ID, s.owner)
	switch {
	case err != nil:
		s.Log.Error("the lease of a link cannot be kept", "connection", l.SID, "error", err)
		if k != nil && time.Since(k.leased) >= connection.LeaseFor-lookEvery {
			s.stop(k)
			delete(links, l.SID)
		}
	case !mine && k != nil:
		s.stop(k)
		delete(links, l.SID)
	case mine && k == nil:
		inner, cancel := context.WithCancel(ctx)
		k = &link{id: l.ID, version: l.Version, cancel: cancel, done: make(chan struct{}), leased: time.Now()}
		links[l.SID] = k
		go func() {
			defer close(k.done)
			s.keep(inner, l, runner)
		}()
	case mine:
		k.leased = time.Now()
	}
}

// keep runs a link until ctx is done, again and again.
func (s *Switchboard) keep(ctx context.Context, l *line, runner connector.Runner) {
	for failures := 1; ctx.Err() == nil; failures++ {
		began := time.Now()
		err := s.run(ctx, l, runner)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			failures = 1
		}
		wait := redial.Delay(failures, nil)
		s.Log.Warn("a link ended and is begun anew", "connection", l.SID, "kind", l.Kind, "wait", wait, "failed", err != nil)
		s.judge(ctx, l, &carry.Refusal{Reason: "the link broke", Again: true})
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

func (s *Switchboard) run(ctx context.Context, l *line, runner connector.Runner) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("a connector panicked", "connection", l.SID, "kind", l.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return runner.Run(ctx, sink{s, connection.Line{Account: l.Account, Connection: l.SID}})
}

// expire ends links whose leases may have gone to another process.
func (s *Switchboard) expire(links map[sid.SID]*link) {
	for name, k := range links {
		if time.Since(k.leased) >= connection.LeaseFor-lookEvery {
			s.stop(k)
			delete(links, name)
		}
	}
}

func (s *Switchboard) stop(k *link) {
	k.cancel()
	<-k.done
}

// end stops a link and gives its lease back.
func (s *Switchboard) end(ctx context.Context, k *link) {
	s.stop(k)
	if err := s.Connections.Release(context.WithoutCancel(ctx), k.id, s.owner); err != nil {
		s.Log.Warn("the lease of a link was not given back and ends by itself", "error", err)
	}
}

// drop ends all links, side by side.
func (s *Switchboard) drop(links map[sid.SID]*link) {
	var all sync.WaitGroup
	for _, k := range links {
		all.Go(func() { s.end(context.Background(), k) })
	}
	all.Wait()
}

// sink keeps what a link hears.
type sink struct {
	s    *Switchboard
	line connection.Line
}

// Accept keeps a message.
func (k sink) Accept(ctx context.Context, m carry.Inbound) error {
	return k.s.Inbox.Accept(ctx, k.line, []carry.Inbound{m}, nil)
}

// Receipt keeps a receipt.
func (k sink) Receipt(ctx context.Context, r carry.Receipt) error {
	return k.s.Inbox.Accept(ctx, k.line, nil, []carry.Receipt{r})
}
