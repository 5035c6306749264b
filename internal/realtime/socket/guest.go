package socket

import (
	"cmp"
	"context"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// ErrTooMany says that an identity has as many connections as it may.
var ErrTooMany = errors.New("too many connections")

// abuse is how many requests in a row may be refused for their rate before the connection is closed.
const abuse = 1000

// Fault says what a client sees of an error.
func Fault(err error) *fault.Error {
	switch {
	case errors.Is(err, db.ErrFull), errors.Is(err, db.ErrUnavailable):
		return fault.Unavailable(5*time.Second, err)
	case errors.Is(err, db.ErrNotFound) && fault.Of(err).Kind == fault.KindInternal:
		return fault.New(fault.CodeNotFound, "")
	}
	return fault.Of(err)
}

// Ours reports whether something failed for which the client can do nothing: it should come back.
func Ours(e *fault.Error) bool {
	return e.Kind == fault.KindInternal || e.Kind == fault.KindUnavailable
}

// IdentityKey names who an actor is, whichever token says so.
func IdentityKey(a *account.Actor) string {
	return string(a.AccountSID) + "/" + cmp.Or(a.Identity, string(a.Worker))
}

// Actor answers who the client is, nil before it has signed in.
func (c *Conn) Actor() *account.Actor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actor
}

// SignIn lets a client in. The error is ErrTooMany, or why the token is refused.
func (c *Conn) SignIn(ctx context.Context, token string) (*account.Actor, error) {
	s := c.set
	actor, err := s.o.Tokens.Token(ctx, token)
	if err != nil {
		return nil, c.refused(err)
	}
	if !s.identities.Add(IdentityKey(&actor), s.o.Limits.PerIdentity) {
		return nil, ErrTooMany
	}
	c.mu.Lock()
	gone := c.gone
	if !gone {
		c.actor, c.leaves = &actor, s.o.Presence.Enter(actor)
	}
	c.mu.Unlock()
	if gone {
		s.identities.Drop(IdentityKey(&actor))
	}
	return &actor, nil
}

// Renew replaces the token of a client that has signed in by one for the same identity.
func (c *Conn) Renew(ctx context.Context, token string) (*account.Actor, error) {
	actor, err := c.set.o.Tokens.Token(ctx, token)
	if err != nil {
		return nil, c.refused(err)
	}
	old := c.Actor()
	if actor.Account != old.Account || IdentityKey(&actor) != IdentityKey(old) || actor.Role != old.Role || actor.ChatService != old.ChatService {
		return nil, fault.Forbidden("The token is for somebody else")
	}
	c.mu.Lock()
	c.actor, c.warned = &actor, false
	c.mu.Unlock()
	return &actor, nil
}

// refused counts and logs why somebody was not let in.
func (c *Conn) refused(err error) error {
	if Ours(Fault(err)) {
		c.set.o.Logger.Error(c.set.o.Name+": token", "error", err)
	} else {
		c.set.stats.refused.Add(1)
	}
	return err
}

// left undoes what was counted for a connection that has ended.
func (c *Conn) left() {
	if actor := c.Actor(); actor != nil {
		c.set.identities.Drop(IdentityKey(actor))
		c.leaves()
	}
	if c.address != "" {
		c.set.addresses.Drop(c.address)
	}
}

// TooFast reports for how long a client should wait before it sends a message, or asks for something else; 0 is not at all.
// Only for use inside Handle. Who does not care for it is closed with last.
func (c *Conn) TooFast(send bool, last []byte) time.Duration {
	l, bucket := &c.set.o.Limits, &c.requests
	rate, burst := l.RequestRate, l.Burst
	if send {
		rate, burst, bucket = l.SendRate, l.SendBurst, &c.sends
	}
	wait := bucket.Take(time.Now(), rate, burst)
	if wait == 0 {
		c.refusals = 0
		return 0
	}
	c.set.stats.limited.Add(1)
	if c.refusals++; c.refusals > abuse {
		c.End(last, true)
	}
	return wait
}

// look does what is due on a connection.
func (c *Conn) look(now time.Time) {
	o := &c.set.o
	if c.overdue(now, 4*o.Heartbeat) {
		c.Kill()
		return
	}
	c.mu.Lock()
	closing, actor := c.closing, c.actor
	warn := false
	if actor != nil && !actor.Expires.IsZero() && !c.warned && !now.Before(actor.Expires.Add(-o.Notice)) {
		c.warned, warn = true, true
	}
	c.mu.Unlock()
	switch {
	case closing:
		return
	case actor == nil:
		if now.UnixNano()-c.opened > int64(o.SignIn) {
			c.wire.Late()
			return
		}
	case !actor.Expires.IsZero() && !now.Before(actor.Expires):
		c.set.stats.expired.Add(1)
		c.wire.Expired()
		return
	case warn:
		c.wire.Expiring(max(0, actor.Expires.Sub(now)))
	}
	if o.Ping {
		c.ask(now, o.Heartbeat)
	}
}

// accessKey is what access hangs on. Visitors of one account share it.
type accessKey struct {
	account     int64
	key, person sid.SID
	role        account.Role
	epoch       int64
}

// watchAccess ends connections whose key, person or account has lost access.
func (s *Set) watchAccess(ctx context.Context) {
	tick := time.NewTicker(s.o.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.recheck:
		}
		s.checkAccess(ctx)
		if s.o.Rechecked != nil {
			s.o.Rechecked(time.Now())
		}
	}
}

func (s *Set) checkAccess(ctx context.Context) {
	good := make(map[accessKey]bool)
	for _, c := range s.all(nil) {
		actor := c.Actor()
		if actor == nil || c.Closing() {
			continue
		}
		k := accessKey{actor.Account, actor.Key, actor.Person, actor.Role, actor.Epoch}
		ok, known := good[k]
		if !known {
			ok = s.hasAccess(ctx, *actor)
			good[k] = ok
		}
		if !ok {
			s.stats.revoked.Add(1)
			c.wire.Revoked()
		}
	}
}

// hasAccess asks again. When it cannot be known, nobody is sent away.
func (s *Set) hasAccess(ctx context.Context, actor account.Actor) bool {
	actor.Expires = time.Time{} // is looked after for each connection
	err := s.o.Tokens.Recheck(ctx, actor)
	if err == nil {
		return true
	}
	if !Ours(Fault(err)) {
		return false
	}
	if ctx.Err() == nil {
		s.o.Logger.Warn(s.o.Name+": checking access", "error", err)
	}
	return true
}

// Recheck looks at once whether everybody who is connected still has access. It does not wait for the result.
func (s *Set) Recheck() {
	select {
	case s.recheck <- struct{}{}:
	default:
	}
}
