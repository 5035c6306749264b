// Package switchboard holds the lines to carriers: it opens what operators have configured, sends by it, takes what carriers call in
// over HTTP, keeps the links of those that need one, and knows how each stands.
//
// A line is opened when it is first needed and again when its settings have changed. A link of its own (SMPP) is kept by one process:
// the one that has its lease. What comes in is committed before its carrier is answered.
package switchboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"usher/internal/connector"
	"usher/internal/db"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/pace"
	"usher/internal/sid"
)

// Limits.
const (
	// sendsMost is how many messages are under way on one line at a time: what is more waits in its rows.
	sendsMost = 64
	// sendTimeout bounds one sending, from the call to the carrier's answer.
	sendTimeout = 60 * time.Second
	// waitMost is how long a sending waits for its turn before it goes back to its row.
	waitMost = time.Second
)

// Inbox keeps what carriers bring: all of it or nothing.
type Inbox interface {
	Accept(ctx context.Context, line connection.Line, messages []carry.Inbound, receipts []carry.Receipt) error
}

// Deps are what New needs.
type Deps struct {
	Connections *connection.Connections
	Kinds       []connector.Kind
	// Client calls out, behind the guard.
	Client *http.Client
	// Dial opens links that are not HTTP's, behind the guard.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// PublicURL is the address of this server, without a slash at its end, for carriers that are told where to call.
	PublicURL func() string
	// Origin is the same as the caller of a request has addressed it.
	Origin func(*http.Request) string
	// Remote names who calls, for the log.
	Remote func(*http.Request) string
	Inbox  Inbox
	Log    *slog.Logger
}

// Switchboard holds the lines. It is safe for concurrent use.
type Switchboard struct {
	Deps
	owner string
	wake  chan struct{}
	calls chan struct{} // one for each request under way

	mu    sync.Mutex
	lines map[sid.SID]*line
}

// line is an opened connection.
type line struct {
	connection.Connection
	carrier any
	slots   chan struct{}
	pace    *pace.Limiter[int64] // nil without a rate

	mu       sync.Mutex
	health   carry.Health
	reported time.Time
}

// New makes a switchboard without lines.
func New(d Deps) *Switchboard {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	return &Switchboard{
		Deps: d, owner: string(sid.New(connection.Prefix)), wake: make(chan struct{}, 1), calls: make(chan struct{}, callsMost),
		lines: map[sid.SID]*line{},
	}
}

// Wake lets links be looked at now: connections have changed.
func (s *Switchboard) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Kinds describes the kinds of connectors for package connection.
func Kinds(list []connector.Kind) []connection.Kind {
	kinds := make([]connection.Kind, len(list))
	for i, k := range list {
		kinds[i] = connection.Kind{Name: k.Name, Channels: k.Channels, Check: func(settings map[string]string) error {
			_, err := k.Open(settings, connector.Deps{Client: http.DefaultClient, PublicURL: "https://usher.invalid/carriers/" + connection.Prefix})
			return err
		}}
		for _, f := range k.Fields {
			kinds[i].Fields = append(kinds[i].Fields, connection.Field(f))
		}
	}
	return kinds
}

// line returns an opened connection. One whose settings have changed is opened anew.
func (s *Switchboard) line(c connection.Connection) (*line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lines[c.SID]; l != nil && l.Version >= c.Version {
		return l, nil
	}
	i := slices.IndexFunc(s.Kinds, func(k connector.Kind) bool { return k.Name == c.Kind })
	kind, known := s.Connections.Kind(c.Kind)
	if i < 0 || !known {
		return nil, fmt.Errorf("connection %s: this program does not know its kind", c.SID)
	}
	carrier, err := s.Kinds[i].Open(c.Complete(kind), connector.Deps{
		Client: s.Client, Dial: s.Dial, PublicURL: s.PublicURL() + Path + string(c.SID), Account: c.Account, Connection: c.SID,
	})
	if err != nil {
		return nil, fmt.Errorf("connection %s cannot be opened: %w", c.SID, err)
	}
	l := &line{Connection: c, carrier: carrier, slots: make(chan struct{}, sendsMost)}
	if c.Rate > 0 {
		l.pace = pace.NewLimiter[int64](int(c.Rate)*60, int(c.Rate))
	}
	s.lines[c.SID] = l
	return l, nil
}

// forget drops the lines of connections that are no longer there.
func (s *Switchboard) forget(keep map[sid.SID]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.lines {
		if !keep[name] {
			delete(s.lines, name)
		}
	}
}

// busy refuses for now: the line has as much under way as it may.
func busy(after time.Duration) error {
	return &carry.Refusal{Reason: "the line is busy", Again: true, After: after}
}

// Send sends a message by a connection and returns once the carrier has taken it. A *carry.Refusal says that it has not, or not yet;
// after any other error that is not known.
func (s *Switchboard) Send(ctx context.Context, c connection.Connection, m carry.Outbound) (sent carry.Sent, err error) {
	l, err := s.line(c)
	if err != nil {
		return sent, &carry.Refusal{Reason: "the connection cannot be opened", Again: true, After: time.Minute}
	}
	sender, ok := l.carrier.(connector.Sender)
	if !ok {
		return sent, &carry.Refusal{Code: 21606, Reason: "the connection does not send"}
	}
	release, err := l.turn(ctx)
	if err != nil {
		return sent, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("a connector panicked", "connection", c.SID, "kind", c.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	sent, err = sender.Send(ctx, m)
	s.judge(ctx, l, err)
	return sent, err
}

// errPanic is what becomes of a panic.
var errPanic = errors.New("the connector broke")

// Repeats says that a connection's carrier knows a message that it is given twice.
func (s *Switchboard) Repeats(c connection.Connection) bool {
	l, err := s.line(c)
	if err != nil {
		return false
	}
	r, ok := l.carrier.(interface{ Repeats() bool })
	return ok && r.Repeats()
}

// turn waits for the line's rate and for one of its slots.
func (l *line) turn(ctx context.Context) (release func(), err error) {
	wait := time.NewTimer(waitMost)
	defer wait.Stop()
	select {
	case l.slots <- struct{}{}:
	case <-wait.C:
		return nil, busy(waitMost / 4)
	case <-ctx.Done():
		return nil, busy(0)
	}
	release = func() { <-l.slots }
	for l.pace != nil {
		after := l.pace.Take(l.ID, time.Now())
		if after == 0 {
			break
		}
		if after > waitMost {
			release()
			return nil, busy(after)
		}
		pause := time.NewTimer(after)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			release()
			return nil, busy(0)
		}
	}
	return release, nil
}

// judge learns from an attempt how a line stands, unless the line itself says. A message that was refused for what it is says
// nothing about the line.
func (s *Switchboard) judge(ctx context.Context, l *line, err error) {
	if _, ok := l.carrier.(connector.Reporter); ok {
		return
	}
	var refused *carry.Refusal
	switch {
	case err == nil || errors.As(err, &refused) && !refused.Again:
		s.report(ctx, l, carry.Health{Up: true})
	case refused != nil:
		s.report(ctx, l, carry.Health{Problem: refused.Reason})
	default:
		s.report(ctx, l, carry.Health{Problem: "the carrier was not reached, or did not answer"})
	}
}

// report keeps how a line stands where that has changed, and now and then.
func (s *Switchboard) report(ctx context.Context, l *line, h carry.Health) {
	l.mu.Lock()
	stale := time.Since(l.reported) >= time.Minute && h.Problem != l.health.Problem
	changed := l.reported.IsZero() || h.Up != l.health.Up || stale
	if changed {
		l.health, l.reported = h, time.Now()
	}
	l.mu.Unlock()
	if !changed {
		return
	}
	if err := s.Connections.Report(context.WithoutCancel(ctx), l.ID, h); err != nil && !errors.Is(err, db.ErrUnavailable) {
		s.Log.Warn("how a connection stands was not kept", "connection", l.SID, "error", err)
	}
	if !h.Up {
		s.Log.Warn("a connection is down", "connection", l.SID, "kind", l.Kind, "problem", h.Problem)
	} else {
		s.Log.Info("a connection is up", "connection", l.SID, "kind", l.Kind)
	}
}
