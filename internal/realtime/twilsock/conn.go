package twilsock

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"usher/internal/fault"
	"usher/internal/realtime/socket"
)

// abused closes the connection of a client that does not care for what it is told.
var abused = socket.CloseFrame(closeProtocol, "too many requests")

// conn is one connection. It is a socket.Wire.
type conn struct {
	srv    *Server
	raw    *socket.Conn
	origin string // of files: https://host

	mu            sync.Mutex
	subscriptions map[object]*subscription
	resting       map[object]int64 // subscriptions without a right at present, and the offset that they have reached
	sessions      []*session

	stale bool // what the client has is of another history; only for the goroutine that handles frames
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
	actor := c.raw.Actor()
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
	wait := c.raw.TooFast(false, abused)
	if wait > 0 && h.Method == "message" {
		c.fail(h.ID, fault.TooMany(wait))
	}
	return wait > 0
}

func (c *conn) reply(id string, s *status) {
	c.raw.Send(encode(answer{Method: "reply", ID: id, Status: s}, nil))
}

// init signs a client in.
func (c *conn) init(h *header) {
	if c.raw.Actor() != nil {
		c.raw.End(socket.CloseFrame(closeProtocol, "init comes once"), true)
		return
	}
	_, err := c.raw.SignIn(c.srv.ctx, h.Token)
	switch {
	case errors.Is(err, socket.ErrTooMany):
		body, _ := json.Marshal(map[string]any{"backoff_policy": map[string]int{"reconnect_min_ms": 30_000}}) // cannot fail
		c.raw.Send(encode(answer{Method: "reply", ID: h.ID, Status: &status{Code: 429, Status: "TOO_MANY_REQUESTS", Description: "too many connections"}}, body))
		return
	case err != nil:
		c.refuse(h.ID, err)
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
	c.raw.Send(encode(answer{
		Method: "reply", ID: h.ID, Status: &good, Capabilities: &[]string{}, Continuation: epoch,
		ContinuationStatus: again, Registrations: &[]string{},
	}, nil))
}

// refuse says that a token is no good. Trouble of our own is no fault of the token: clients come back after it.
func (c *conn) refuse(id string, err error) {
	e := socket.Fault(err)
	switch {
	case socket.Ours(e):
		c.reply(id, &status{Code: 503, Status: "SERVICE_UNAVAILABLE"})
	case e.Kind == fault.KindForbidden:
		c.reply(id, &status{Code: 403, Status: "FORBIDDEN", Description: e.Message, ErrorCode: e.Code})
	default:
		c.reply(id, &status{Code: 401, Status: "UNAUTHORIZED", Description: e.Message, ErrorCode: e.Code})
	}
}

// update replaces the token of an open connection by one for the same identity.
func (c *conn) update(h *header) {
	if _, err := c.raw.Renew(c.srv.ctx, h.Token); err != nil {
		c.refuse(h.ID, err)
		return
	}
	c.reply(h.ID, &good)
}

// end closes with a frame of the protocol, which says what the client should think of it.
func (c *conn) end(s status) {
	if c.raw.Write(encode(answer{Method: "close", ID: "close", Status: &s}, nil)) {
		c.raw.End(socket.CloseFrame(1000, ""), false)
	} else {
		c.raw.End(socket.CloseFrame(closeLater, ""), true)
	}
}

// Late implements socket.Wire.
func (c *conn) Late() { c.raw.End(socket.CloseFrame(closeProtocol, "no init in time"), true) }

// Expiring implements socket.Wire.
func (c *conn) Expiring(time.Duration) {
	c.raw.Write(encode(answer{Method: "client_update", ID: "expiring", UpdateType: "token_about_to_expire"}, nil))
}

// Expired implements socket.Wire.
func (c *conn) Expired() {
	c.end(status{Code: 410, Status: "GONE", Description: "Token expired", ErrorCode: 20104})
}

// Revoked implements socket.Wire.
func (c *conn) Revoked() {
	c.end(status{Code: 401, Status: "UNAUTHORIZED", Description: "Access revoked"})
}

// Gone implements socket.Wire.
func (c *conn) Gone() {
	c.mu.Lock()
	all, held := c.subscriptions, c.sessions
	c.subscriptions, c.resting, c.sessions = nil, nil, nil
	c.mu.Unlock()
	for _, s := range all {
		s.leave()
	}
	for _, s := range held {
		s.left(c, time.Now())
	}
}
