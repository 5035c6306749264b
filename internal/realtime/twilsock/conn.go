package twilsock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// abuse is how many requests in a row may be refused for their rate before the connection is closed.
const abuse = 1000

// conn is one connection.
type conn struct {
	srv     *Server
	raw     *socket.Conn
	address string // counted under; "" = not counted
	origin  string // of files: https://host

	mu            sync.Mutex
	actor         *account.Actor
	leaves        func() // ends the actor's presence
	gone          bool
	warned        bool // that the token expires
	subscriptions map[object]*subscription
	resting       map[object]int64 // subscriptions without a right at present, and the offset that they have reached
	sessions      []*session

	// Only the goroutine that handles frames uses these.
	stale           bool // what the client has is of another history
	sends, requests socket.Bucket
	refused         int
}

// Handle implements socket.Wire. It never panics: what goes wrong is answered with a code or closes the connection.
func (c *conn) Handle(message []byte) {
	h, payload, err := parse(message)
	if err != nil {
		c.raw.End(socket.CloseFrame(closeProtocol, err.Error()), true)
		return
	}
	defer func() {
		if p := recover(); p != nil {
			c.srv.o.Logger.Error("twilsock: panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.reply(h.ID, &status{Code: 500, Status: "Internal Server Error"})
		}
	}()
	actor := c.signedIn()
	switch {
	case h.Method == "init":
		c.init(&h)
	case h.Method == "reply":
		// An acknowledgement of something that we said.
	case h.Method == "close":
		c.raw.EndAfterWork(socket.CloseFrame(1000, ""))
	case actor == nil:
		c.reply(h.ID, &status{Code: 401, Status: "UNAUTHORIZED", Description: "init comes first"})
	case c.tooFast(&h):
	case h.Method == "update":
		c.update(&h)
	case h.Method == "message":
		c.message(actor, &h, payload)
	case h.Method == "put_notification_ctx", h.Method == "delete_notification_ctx":
		// Everybody gets the events of what it has subscribed to; there is nothing to keep.
		c.reply(h.ID, &good)
	case h.Method == "telemetry.v1":
	default:
		c.reply(h.ID, &status{Code: 400, Status: "BAD_REQUEST", Description: "unknown method"})
	}
}

// tooFast refuses a request when there are too many.
func (c *conn) tooFast(h *header) bool {
	l := &c.srv.o.Limits
	wait := c.requests.Take(time.Now(), l.RequestRate, l.Burst)
	if wait == 0 {
		c.refused = 0
		return false
	}
	c.srv.stats.limited.Add(1)
	if c.refused++; c.refused > abuse {
		c.raw.End(socket.CloseFrame(closeProtocol, "too many requests"), true)
	} else if h.Method == "message" {
		c.fail(h.ID, fault.TooMany(wait))
	}
	return true
}

// signedIn answers who the client is, nil before its init.
func (c *conn) signedIn() *account.Actor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actor
}

// write queues a frame, or cuts a client that does not read.
func (c *conn) write(frame []byte) bool {
	if c.raw.Write(frame) {
		return true
	}
	c.slow()
	return false
}

// slow cuts a client; it comes back and resumes.
func (c *conn) slow() {
	if c.raw.End(socket.CloseFrame(closeLater, "too slow"), true) {
		c.srv.stats.slow.Add(1)
	}
}

func (c *conn) reply(id string, s *status) {
	c.write(encode(answer{Method: "reply", ID: id, Status: s}, nil))
}

// init signs a client in.
func (c *conn) init(h *header) {
	if c.signedIn() != nil {
		c.raw.End(socket.CloseFrame(closeProtocol, "init comes once"), true)
		return
	}
	actor, err := c.srv.o.Tokens.Token(c.srv.ctx, h.Token)
	if err != nil {
		c.refuse(h.ID, err)
		return
	}
	if !c.srv.identities.Add(identityKey(&actor), c.srv.o.Limits.PerIdentity) {
		body, _ := json.Marshal(map[string]any{"backoff_policy": map[string]int{"reconnect_min_ms": 30_000}}) // cannot fail
		c.write(encode(answer{Method: "reply", ID: h.ID, Status: &status{Code: 429, Status: "TOO_MANY_REQUESTS", Description: "too many connections"}}, body))
		return
	}
	c.mu.Lock()
	gone := c.gone
	if !gone {
		c.actor, c.leaves = &actor, c.srv.o.Presence.Enter(actor)
	}
	c.mu.Unlock()
	if gone {
		c.srv.identities.Drop(identityKey(&actor))
		return
	}
	epoch := c.srv.o.Hub.Epoch()
	again := &reissued{Reissued: h.Continuation != epoch}
	if again.Reissued {
		again.Reason, again.Message = "MISSING", "Continuation token is missing"
		if h.Continuation != "" && h.Continuation != "undefined" {
			again.Reason, again.Message = "EXPIRED", "Continuation token is of another history"
			c.stale = true
		}
	}
	c.write(encode(answer{
		Method: "reply", ID: h.ID, Status: &good, Capabilities: &[]string{}, Continuation: epoch,
		ContinuationStatus: again, Registrations: &[]string{},
	}, nil))
}

// refuse says that a token is no good. Trouble of our own is no fault of the token: clients come back after it.
func (c *conn) refuse(id string, err error) {
	e := faultOf(err)
	switch e.Kind {
	case fault.KindInternal, fault.KindUnavailable:
		c.srv.o.Logger.Error("twilsock: token", "error", err)
		c.reply(id, &status{Code: 503, Status: "SERVICE_UNAVAILABLE"})
	case fault.KindForbidden:
		c.srv.stats.refused.Add(1)
		c.reply(id, &status{Code: 403, Status: "FORBIDDEN", Description: e.Message, ErrorCode: e.Code})
	default:
		c.srv.stats.refused.Add(1)
		c.reply(id, &status{Code: 401, Status: "UNAUTHORIZED", Description: e.Message, ErrorCode: e.Code})
	}
}

// update replaces the token of an open connection by one for the same identity.
func (c *conn) update(h *header) {
	actor, err := c.srv.o.Tokens.Token(c.srv.ctx, h.Token)
	if err != nil {
		c.refuse(h.ID, err)
		return
	}
	old := c.signedIn()
	if actor.Account != old.Account || identityKey(&actor) != identityKey(old) || actor.Role != old.Role || actor.ChatService != old.ChatService {
		c.reply(h.ID, &status{Code: 403, Status: "FORBIDDEN", Description: "The token is for somebody else", ErrorCode: fault.CodeForbidden})
		return
	}
	c.mu.Lock()
	c.actor, c.warned = &actor, false
	c.mu.Unlock()
	c.reply(h.ID, &good)
}

func identityKey(a *account.Actor) string {
	return string(a.AccountSID) + "/" + cmp.Or(a.Identity, string(a.Worker))
}

// faultOf says what the client sees of an error.
func faultOf(err error) *fault.Error {
	switch {
	case errors.Is(err, db.ErrFull), errors.Is(err, db.ErrUnavailable):
		return fault.Unavailable(5*time.Second, err)
	case errors.Is(err, db.ErrNotFound) && fault.Of(err).Kind == fault.KindInternal:
		return fault.New(fault.CodeNotFound, "")
	}
	return fault.Of(err)
}

// end closes with a frame of the protocol, which says what the client should think of it.
func (c *conn) end(s status) bool {
	if !c.raw.Write(encode(answer{Method: "close", ID: "close", Status: &s}, nil)) {
		return c.raw.End(socket.CloseFrame(closeLater, ""), true)
	}
	return c.raw.End(socket.CloseFrame(1000, ""), false)
}

// Look implements socket.Wire.
func (c *conn) Look(now time.Time) {
	o := &c.srv.o
	c.mu.Lock()
	actor := c.actor
	warn := false
	if actor != nil && !actor.Expires.IsZero() && !c.warned && !now.Before(actor.Expires.Add(-o.Notice)) {
		c.warned, warn = true, true
	}
	c.mu.Unlock()
	switch {
	case actor == nil:
		if now.Sub(c.raw.Opened()) > o.InitWait {
			c.raw.End(socket.CloseFrame(closeProtocol, "no init in time"), true)
		}
		return
	case !actor.Expires.IsZero() && !now.Before(actor.Expires):
		if c.end(status{Code: 410, Status: "GONE", Description: "Token expired", ErrorCode: 20104}) {
			c.srv.stats.expired.Add(1)
		}
		return
	case warn:
		c.raw.Write(encode(answer{Method: "client_update", ID: "expiring", UpdateType: "token_about_to_expire"}, nil))
	}
	c.raw.Ask(now, o.Ping)
}

// Gone implements socket.Wire.
func (c *conn) Gone() {
	c.mu.Lock()
	c.gone = true
	all, held, actor := c.subscriptions, c.sessions, c.actor
	c.subscriptions, c.resting, c.sessions = nil, nil, nil
	c.mu.Unlock()
	for _, s := range all {
		s.leave()
	}
	for _, s := range held {
		s.left(c, time.Now())
	}
	if actor != nil {
		c.leaves()
		c.srv.identities.Drop(identityKey(actor))
	}
	if c.address != "" {
		c.srv.addresses.Drop(c.address)
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
	s.set.Each(func(w socket.Wire) {
		c := w.(*conn)
		actor := c.signedIn()
		if actor == nil {
			return
		}
		k := accessKey{actor.Account, actor.Key, actor.Person, actor.Role, actor.Epoch}
		ok, known := good[k]
		if !known {
			ok = s.hasAccess(ctx, *actor)
			good[k] = ok
		}
		if !ok && c.end(status{Code: 401, Status: "UNAUTHORIZED", Description: "Access revoked"}) {
			s.stats.revoked.Add(1)
		}
	})
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
			s.o.Logger.Warn("twilsock: checking access", "error", err)
		}
		return true
	}
	return false
}
