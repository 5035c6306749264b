package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// abused closes the connection of a client that does not care for what it is told.
var abused = socket.CloseFrame(closeProtocol, "too many requests")

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

// Handle implements socket.Wire: it answers one frame. It never panics: what goes wrong is answered with a code or closes the connection.
func (c *conn) Handle(frame []byte) {
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
	case c.raw.Actor() == nil:
		c.hello(&r, err)
		return
	case r.kind == "hello":
		c.end(closeProtocol, "hello comes once")
		return
	}
	if wait := c.raw.TooFast(r.kind == "send", abused); wait > 0 {
		c.fail(&r, fault.TooMany(wait))
		return
	}
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

// fail answers a request with an error. Typing has no answers.
func (c *conn) fail(r *request, err error) {
	e := socket.Fault(err)
	if e.Kind == fault.KindInternal {
		c.srv.o.Logger.Error("stream: request failed", "type", r.kind, "error", err)
	}
	if r.kind != "typing" {
		c.raw.Send(errorFrame(r.id, e))
	}
}

func (c *conn) hello(r *request, err error) {
	if r.kind != "hello" || err != nil {
		c.end(closeProtocol, "hello comes first")
		return
	}
	actor, err := c.raw.SignIn(c.srv.ctx, r.token)
	switch {
	case errors.Is(err, socket.ErrTooMany):
		c.raw.End(tooMany, true)
	case err != nil && socket.Ours(socket.Fault(err)):
		c.end(closeGoingAway, "come back within 5 s")
	case err != nil:
		c.end(closeRefused, fmt.Sprintf("token refused (%d)", socket.Fault(err).Code))
	default:
		o := &c.srv.o
		c.raw.Send(welcomeFrame(r.id, actor.Identity, string(actor.AccountSID), o.Hub.Epoch(), actor.Expires, o.Heartbeat))
	}
}

// token replaces the token of an open connection by one for the same identity.
func (c *conn) token(ctx context.Context, r *request) error {
	actor, err := c.raw.Renew(ctx, r.token)
	if err == nil {
		c.raw.Send(tokenFrame(r.id, actor.Expires))
	}
	return err
}

func (c *conn) ping(_ context.Context, r *request) error {
	c.raw.Send(okFrame("pong", r.id))
	return nil
}

func (c *conn) subscribe(ctx context.Context, r *request) error {
	actor := *c.raw.Actor()
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
			a.err = socket.Fault(err)
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
	c.raw.Send(subscribedFrame(r.id, c.srv.o.Hub.Epoch(), answers))
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
	old, gone := c.watches[name], c.raw.Gone()
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
	if err := c.srv.o.Hub.CatchUp(ctx, w, after); err != nil && !c.raw.Closing() {
		if !errors.Is(err, realtime.ErrTrimmed) {
			c.srv.o.Logger.Error("stream: replay", "stream", name, "error", err)
		}
		c.raw.Slow()
	}
}

func (c *conn) unsubscribe(_ context.Context, r *request) error {
	c.leave(r.streams)
	c.raw.Send(okFrame("ok", r.id))
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
	message, repeated, err := c.srv.o.Chat.Send(ctx, *c.raw.Actor(), sid.SID(r.channel),
		Outgoing{ClientID: r.clientID, Body: r.body, Attributes: r.attributes, Media: sid.SID(r.media)})
	if err != nil {
		return err
	}
	c.raw.Send(sentFrame(r.id, message, repeated))
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
	h, err := c.srv.o.Chat.History(ctx, *c.raw.Actor(), sid.SID(r.channel), r.before, int(r.limit))
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
	if err := c.raw.Pipe().Room(ctx); err != nil {
		return nil //nolint:nilerr // the connection is closing: there is nobody to answer
	}
	c.raw.Send(historyFrame(r.id, h))
	return nil
}

func (c *conn) read(ctx context.Context, r *request) error {
	if !r.hasIndex {
		return fault.Invalid("index is missing")
	}
	if err := c.srv.o.Chat.Read(ctx, *c.raw.Actor(), sid.SID(r.channel), r.index); err != nil {
		return err
	}
	c.raw.Send(okFrame("ok", r.id))
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
		if g, err = c.srv.o.Streams.Grant(ctx, *c.raw.Actor(), sid.SID(r.channel)); err != nil || g.Name == "" {
			return nil
		}
	}
	c.srv.o.Typing(realtime.Typing{Stream: g.Stream, Identity: g.Identity, Name: g.Name})
	return nil
}
