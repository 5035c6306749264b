// Package loop runs what works in the background: services that block until
// they are told to stop, started and stopped together.
//
// There are two shapes of background work in Usher. One is Every, here; the
// other is a worker of package job. Both are Services of one Group.
package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"usher/internal/retry"
)

// Service is one piece of background work.
type Service interface {
	// Run works until ctx is done and then returns. Returning nil before that
	// means that there is nothing more to do; an error means that it broke
	// and should be started again.
	Run(ctx context.Context) error
}

// Func is a function as a Service.
type Func func(ctx context.Context) error

// Run calls the function.
func (f Func) Run(ctx context.Context) error { return f(ctx) }

// restart is how long a broken service rests: soon at first, since most
// breakage is a connection that will be back, and never longer than a minute.
var restart = retry.Policy{Min: 100 * time.Millisecond, Max: time.Minute, Factor: 2, Jitter: 0.2}

// steady is how long a service has to run for its next failure to count as the
// first one again.
const steady = 5 * time.Minute

// Group starts services and stops them in reverse order. The zero Group logs to
// slog's default. Add comes before Start; Start and Stop are called once each.
type Group struct {
	Log *slog.Logger

	mu       sync.Mutex
	services []*running
	started  bool
	stop     sync.Once
	stopped  chan struct{}
}

type running struct {
	name    string
	service Service
	cancel  context.CancelFunc
	done    chan struct{}
}

// Add appends a service. What others need comes first: it stops last.
func (g *Group) Add(name string, s Service) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.services = append(g.services, &running{name: name, service: s, done: make(chan struct{})})
}

// Start runs every service in a goroutine of its own and returns. When ctx is
// done the group stops in order, as with Stop; values of ctx are passed on.
func (g *Group) Start(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.started {
		return
	}
	g.started = true
	g.stopped = make(chan struct{})
	base := context.WithoutCancel(ctx) // else all would stop at once
	for _, r := range g.services {
		var own context.Context
		own, r.cancel = context.WithCancel(base)
		go g.keep(own, r)
	}
	context.AfterFunc(ctx, g.halt)
}

// Stop ends the services one after the other, the last added first, and waits
// for each. When ctx is done first, all that still run are told to stop and the
// error names them.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	started := g.started
	g.mu.Unlock()
	if !started {
		return nil
	}
	go g.halt()
	select {
	case <-g.stopped:
		return nil
	case <-ctx.Done():
	}
	var late []error
	for _, r := range g.services {
		r.cancel()
		select {
		case <-r.done:
		default:
			late = append(late, fmt.Errorf("service %s: still running", r.name))
		}
	}
	if len(late) == 0 {
		return nil
	}
	return errors.Join(append([]error{fmt.Errorf("stop services: %w", ctx.Err())}, late...)...)
}

// halt stops the services in reverse order, once.
func (g *Group) halt() {
	g.stop.Do(func() {
		for _, r := range slices.Backward(g.services) {
			r.cancel()
			<-r.done
		}
		close(g.stopped)
	})
}

// keep runs one service and starts it again when it breaks.
func (g *Group) keep(ctx context.Context, r *running) {
	defer close(r.done)
	log := g.Log
	if log == nil {
		log = slog.Default()
	}
	log = log.With("service", r.name)
	ctx = context.WithValue(ctx, logKey{}, log)
	failures := 0
	for {
		began := time.Now()
		err := guard(ctx, r.service, log)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			log.Info("service has finished")
			return
		}
		if time.Since(began) >= steady {
			failures = 0
		}
		failures++
		wait := restart.Delay(failures, nil)
		log.Error("service broke and will be started again", "error", err, "failures", failures, "wait", wait)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// guard runs the service and turns a panic into an error.
func guard(ctx context.Context, s Service, log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("service panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.Run(ctx)
}

// sleep waits and reports whether the whole time went by.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// logKey is the context key of the logger that a group gives its services.
type logKey struct{}

// Log returns the logger of the running service, which carries its name, or
// slog's default outside of a group.
func Log(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(logKey{}).(*slog.Logger); ok {
		return log
	}
	return slog.Default()
}

// Every calls runOnce at once and then at each interval until the service is
// stopped. Calls do not overlap: a slow one swallows the ticks that it missed.
// An error is logged and does not end the service; the next tick is its retry.
func Every(interval time.Duration, runOnce func(ctx context.Context) error) Service {
	return Func(func(ctx context.Context) error {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			if err := runOnce(ctx); err != nil && ctx.Err() == nil {
				Log(ctx).Error("periodic work failed", "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
}
