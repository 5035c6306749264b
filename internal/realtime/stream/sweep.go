package stream

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Deadlines that nobody configures.
const (
	sweepEvery = 500 * time.Millisecond
	stuckAfter = 15 * time.Second // one write takes so long: the client does not read
	closeWait  = 5 * time.Second  // for a client to answer a close frame
)

// sweep looks at every connection twice a second, and at their access every Recheck or when told.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	access := time.NewTicker(s.o.Recheck)
	defer access.Stop()
	var all []*conn
	var storm storm
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			all = s.sockets.all(all)
			for _, c := range all {
				c.look(now)
			}
			clear(all)
			if storm.over(s.stats.opened.Load()) {
				go tidy()
			}
			continue
		case <-access.C:
		case <-s.recheck:
		}
		s.checkAccess(ctx)
	}
}

// tidy gives memory back to the system. Each collection halves stacks that are too large, hence two.
func tidy() {
	runtime.GC()
	debug.FreeOSMemory()
}

// storm notices that many connections have come and that no more do. Opening one takes several times the memory that it
// keeps; after a thousand it is worth giving back what is left over.
type storm struct{ tidied, last int64 }

const stormSize = 1000

// over takes the number of connections opened so far, twice a second.
func (m *storm) over(opened int64) bool {
	quiet := opened == m.last
	m.last = opened
	if !quiet || opened-m.tidied < stormSize {
		return false
	}
	m.tidied = opened
	return true
}

// look does what is due on a connection.
func (c *conn) look(now time.Time) {
	o := &c.srv.o
	c.mu.Lock()
	closing, endAt, actor := c.closing, c.endAt, c.actor
	warn := false
	if actor != nil && !actor.Expires.IsZero() && !c.warned && !now.Before(actor.Expires.Add(-o.Notice)) {
		c.warned, warn = true, true
	}
	c.mu.Unlock()
	switch {
	case closing:
		if now.UnixNano()-endAt > int64(closeWait) {
			c.pipe.Kill()
		}
	case c.pipe.Stuck(now.Add(-stuckAfter)), now.UnixNano()-c.heard.Load() > int64(4*o.Heartbeat):
		c.pipe.Kill()
	case actor == nil:
		if now.UnixNano()-c.opened > int64(o.HelloWait) {
			c.end(closeNoHello, "no hello in time")
		}
	case !actor.Expires.IsZero() && !now.Before(actor.Expires):
		c.srv.stats.expired.Add(1)
		c.end(closeExpired, "token expired")
	case warn:
		c.pipe.Write(expiringFrame(max(0, actor.Expires.Sub(now))))
	}
}

// accessKey is what access hangs on. Visitors of one account share it.
type accessKey struct {
	account     int64
	key, person sid.SID
	role        account.Role
	epoch       int64
}

// checkAccess closes connections whose key, person or account has lost access.
func (s *Server) checkAccess(ctx context.Context) {
	good := make(map[accessKey]bool)
	for _, c := range s.sockets.all(nil) {
		actor := c.signedIn()
		if actor == nil {
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
			c.end(closeRevoked, "access revoked")
		}
	}
}

// hasAccess asks again. When it cannot be known, nobody is sent away.
func (s *Server) hasAccess(ctx context.Context, actor account.Actor) bool {
	actor.Expires = time.Time{} // is looked after for each connection
	err := s.o.Tokens.Recheck(ctx, actor)
	if err == nil {
		return true
	}
	if e := faultOf(err); e.Kind == fault.KindInternal || e.Kind == fault.KindUnavailable {
		if ctx.Err() == nil {
			s.o.Logger.Warn("stream: checking access", "error", err)
		}
		return true
	}
	return false
}
