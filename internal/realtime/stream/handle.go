package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/sid"
)

// abuse is how many requests in a row may be refused for their rate before the connection is closed.
const abuse = 1000

// handler answers one type of request.
type handler func(c *conn, ctx context.Context, r *request) error

// handlers are the requests of a signed-in client.
var handlers = map[string]handler{
	"subscribe":   (*conn).subscribe,
	"unsubscribe": (*conn).unsubscribe,
	"send":        (*conn).send,
	"history":     (*conn).history,
	"typing":      (*conn).typing,
	"read":        (*conn).read,
	"token":       (*conn).token,
	"ping":        (*conn).ping,
}

// handle answers one frame. It never panics: what goes wrong is answered with a code or closes the connection.
func (c *conn) handle(frame []byte) {
	var r request
	defer func() {
		if p := recover(); p != nil {
			c.srv.o.Logger.Error("stream: panic", "type", r.kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.fail(&r, fault.New(fault.CodeInternal, "Internal Server Error"))
		}
	}()
	r, err := parse(frame)
	switch {
	case errors.Is(err, errNotJSON):
		c.end(closeProtocol, "frames are JSON objects")
		return
	case c.signedIn() == nil:
		c.hello(&r, err)
		return
	case r.kind == "hello":
		c.end(closeProtocol, "hello comes once")
		return
	}
	if wait := c.tooFast(r.kind); wait > 0 {
		c.srv.stats.limited.Add(1)
		if c.refused++; c.refused > abuse {
			c.end(closeProtocol, "too many requests")
		} else if r.kind != "typing" {
			c.fail(&r, fault.TooMany(wait))
		}
		return
	}
	c.refused = 0
	run := handlers[r.kind]
	switch {
	case run == nil:
		err = fault.Invalid("Unknown frame type")
	case err != nil:
		err = fault.Invalid("%s", err)
	default:
		err = run(c, c.srv.ctx, &r)
	}
	if err != nil {
		c.fail(&r, err)
	}
}

func (c *conn) tooFast(kind string) time.Duration {
	l := &c.srv.o.Limits
	if kind == "send" {
		return c.sends.Take(time.Now(), l.SendRate, l.SendBurst)
	}
	return c.requests.Take(time.Now(), l.RequestRate, l.Burst)
}

// fail answers a request with an error. Typing has no answers.
func (c *conn) fail(r *request, err error) {
	e := faultOf(err)
	if e.Kind == fault.KindInternal {
		c.srv.o.Logger.Error("stream: request failed", "type", r.kind, "error", err)
	}
	if r.kind != "typing" {
		c.write(errorFrame(r.id, e))
	}
}

// faultOf says what the client sees of an error.
func faultOf(err error) *fault.Error {
	if errors.Is(err, db.ErrFull) || errors.Is(err, db.ErrUnavailable) {
		return fault.Unavailable(5*time.Second, err)
	}
	return fault.Of(err)
}

// signedIn answers who the client is, nil before its hello.
func (c *conn) signedIn() *account.Actor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actor
}

func (c *conn) hello(r *request, err error) {
	if r.kind != "hello" || err != nil {
		c.end(closeProtocol, "hello comes first")
		return
	}
	actor, err := c.srv.o.Tokens.Token(c.srv.ctx, r.token)
	if err != nil {
		c.refuse(err)
		return
	}
	if !c.srv.identities.Add(identityKey(&actor), c.srv.o.Limits.PerIdentity) {
		c.end(closeTooMany, "too many connections, wait 30 s")
		return
	}
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		c.srv.identities.Drop(identityKey(&actor))
		return
	}
	c.actor, c.leaves = &actor, c.srv.o.Presence.Enter(actor)
	c.mu.Unlock()
	o := &c.srv.o
	c.write(welcomeFrame(r.id, actor.Identity, string(actor.AccountSID), o.Hub.Epoch(), actor.Expires, o.Heartbeat))
}

// refuse closes a connection whose token is no good. Trouble of our own is no fault of the token.
func (c *conn) refuse(err error) {
	e := faultOf(err)
	switch e.Kind {
	case fault.KindInternal, fault.KindUnavailable:
		c.srv.o.Logger.Error("stream: token", "error", err)
		c.end(closeGoingAway, "come back within 5 s")
	default:
		c.srv.stats.refused.Add(1)
		c.end(closeRefused, fmt.Sprintf("token refused (%d)", e.Code))
	}
}

// token replaces the token of an open connection by one for the same identity.
func (c *conn) token(ctx context.Context, r *request) error {
	actor, err := c.srv.o.Tokens.Token(ctx, r.token)
	if err != nil {
		return err
	}
	old := c.signedIn()
	if actor.Account != old.Account || identityKey(&actor) != identityKey(old) || actor.Role != old.Role {
		return fault.Forbidden("The token is for somebody else")
	}
	c.mu.Lock()
	c.actor, c.warned = &actor, false
	c.mu.Unlock()
	c.write(tokenFrame(r.id, actor.Expires))
	return nil
}

func (c *conn) ping(_ context.Context, r *request) error {
	c.write(okFrame("pong", r.id))
	return nil
}

func (c *conn) subscribe(ctx context.Context, r *request) error {
	actor := *c.signedIn()
	answers := make([]subscribed, len(r.streams))
	grants := make([]realtime.Grant, len(r.streams))
	for i, ref := range r.streams {
		a := &answers[i]
		a.name = ref.name
		if a.err = c.roomFor(ref.name, i); a.err != nil {
			continue
		}
		grant, resumed, err := c.allow(ctx, actor, ref)
		if err != nil {
			a.err = faultOf(err)
			if a.err.Kind == fault.KindInternal {
				c.srv.o.Logger.Error("stream: subscribe", "error", err)
			}
			continue
		}
		grants[i], a.resumed, a.offset = grant, resumed, grant.Head
		if resumed && ref.resume {
			a.offset = ref.offset
		}
	}
	c.leave(r.streams) // nothing of an earlier watch may come after the answer
	c.write(subscribedFrame(r.id, c.srv.o.Hub.Epoch(), answers))
	for i, a := range answers {
		if a.err == nil {
			c.watch(ctx, grants[i], a.offset)
		}
	}
	return nil
}

// roomFor reports whether one more stream may be watched; more is how many of the same request come before it.
func (c *conn) roomFor(name string, more int) *fault.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, again := c.watches[name]; !again && len(c.watches)+more >= maxStreams {
		return fault.Invalid("A connection can watch %d streams", maxStreams)
	}
	return nil
}

func (c *conn) allow(ctx context.Context, actor account.Actor, ref streamRef) (g realtime.Grant, resumed bool, err error) {
	g, err = c.srv.o.Streams.Grant(ctx, actor, sid.SID(ref.name))
	if err != nil || !ref.resume {
		return g, true, err
	}
	resumed, err = c.srv.o.Hub.Resumable(ctx, g, realtime.Position{Epoch: ref.epoch, Offset: ref.offset})
	return g, resumed, err
}

// watch gives the client a stream after an offset.
func (c *conn) watch(ctx context.Context, g realtime.Grant, after int64) {
	w := c.srv.o.Hub.Join(c, g)
	name := string(w.Stream().SID)
	c.mu.Lock()
	old, gone := c.watches[name], c.gone
	if !gone {
		if c.watches == nil {
			c.watches = make(map[string]*realtime.Watch)
		}
		c.watches[name] = w
	}
	c.mu.Unlock()
	if old != nil {
		c.srv.o.Hub.Leave(old)
	}
	if gone {
		c.srv.o.Hub.Leave(w)
		return
	}
	if err := c.srv.o.Hub.CatchUp(ctx, w, after); err != nil && !c.pipe.Closing() {
		if !errors.Is(err, realtime.ErrTrimmed) {
			c.srv.o.Logger.Error("stream: replay", "stream", name, "error", err)
		}
		c.slow()
	}
}

func (c *conn) unsubscribe(_ context.Context, r *request) error {
	c.leave(r.streams)
	c.write(okFrame("ok", r.id))
	return nil
}

func (c *conn) leave(streams []streamRef) {
	for _, ref := range streams {
		c.mu.Lock()
		w := c.watches[ref.name]
		delete(c.watches, ref.name)
		c.mu.Unlock()
		if w != nil {
			c.srv.o.Hub.Leave(w)
		}
	}
}

func (c *conn) send(ctx context.Context, r *request) error {
	message, repeated, err := c.srv.o.Chat.Send(ctx, *c.signedIn(), sid.SID(r.channel),
		Outgoing{ClientID: r.clientID, Body: r.body, Attributes: r.attributes, Media: sid.SID(r.media)})
	if err != nil {
		return err
	}
	c.write(sentFrame(r.id, message, repeated))
	return nil
}

// Bounds of a page of history. A page of long messages has fewer of them.
const (
	historyStandard = 50
	historyMax      = 100
	historyBytes    = 256 << 10
)

func (c *conn) history(ctx context.Context, r *request) error {
	if r.limit < 0 || r.limit > historyMax {
		return fault.Invalid("limit must be between 1 and %d", historyMax)
	}
	if r.limit == 0 {
		r.limit = historyStandard
	}
	h, err := c.srv.o.Chat.History(ctx, *c.signedIn(), sid.SID(r.channel), r.before, int(r.limit))
	if err != nil {
		return err
	}
	size := 0
	for i := len(h.Messages) - 1; i >= 0; i-- {
		if size += len(h.Messages[i]); size > historyBytes {
			h.Messages = h.Messages[min(i+1, len(h.Messages)-1):]
			break
		}
	}
	if err := c.pipe.Room(ctx); err != nil {
		return nil //nolint:nilerr // the connection is closing: there is nobody to answer
	}
	c.write(historyFrame(r.id, h))
	return nil
}

func (c *conn) read(ctx context.Context, r *request) error {
	if !r.hasIndex {
		return fault.Invalid("index is missing")
	}
	if err := c.srv.o.Chat.Read(ctx, *c.signedIn(), sid.SID(r.channel), r.index); err != nil {
		return err
	}
	c.write(okFrame("ok", r.id))
	return nil
}

// typing needs no look at the database as long as the watcher was a member when the watch began. Who oversees all channels
// may have become one since.
func (c *conn) typing(ctx context.Context, r *request) error {
	c.mu.Lock()
	w := c.watches[r.channel]
	c.mu.Unlock()
	if w == nil {
		return nil
	}
	g := w.Grant()
	if g.Name == "" {
		var err error
		if g, err = c.srv.o.Streams.Grant(ctx, *c.signedIn(), sid.SID(r.channel)); err != nil || g.Name == "" {
			return nil
		}
	}
	c.srv.o.Typing(realtime.Typing{Stream: g.Stream, Identity: g.Identity, Name: g.Name})
	return nil
}
