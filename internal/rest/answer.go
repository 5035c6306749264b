package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
)

// Header values are shared by all answers: net/http only reads them.
var (
	jsonType      = []string{"application/json"}
	corsOrigin    = []string{"*"}
	corsHeaders   = []string{"Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, Idempotency-Key, Range, X-Twilio-Token, X-Twilio-Webhook-Enabled"}
	corsMethods   = []string{"GET, POST, DELETE, OPTIONS"}
	corsExpose    = []string{"Accept-Ranges, Content-Disposition, Content-Range, ETag, Retry-After, Twilio-Request-Id"}
	corsCredit    = []string{"true"}
	corsMaxAge    = []string{"86400"}
	noStore       = []string{"no-store"}
	noSniff       = []string{"nosniff"}
	errServerBusy = 5 * time.Second // Retry-After where the cause does not say when
)

// standard sets the headers of every answer. Every origin may call: credentials are sent by the caller's program, never by a
// browser on its own. (The list is that of the compatible API, recorded; cache and sniffing headers are Usher's.)
func standard(h http.Header) {
	h["Access-Control-Allow-Origin"] = corsOrigin
	h["Access-Control-Allow-Headers"] = corsHeaders
	h["Access-Control-Allow-Methods"] = corsMethods
	h["Access-Control-Expose-Headers"] = corsExpose
	h["Access-Control-Allow-Credentials"] = corsCredit
	h["Access-Control-Max-Age"] = corsMaxAge
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
}

// write encodes the answer's body.
func (a *answer) write(c *Call, buf *bytes.Buffer) error {
	if a.list != nil {
		return a.list.write(c, buf)
	}
	return encode(buf, a.body)
}

// encode writes JSON the way the compatible API does: no HTML escapes, no line break.
func encode(buf *bytes.Buffer, v any) error {
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	buf.Truncate(buf.Len() - 1)
	return nil
}

// faultWire is the body of every error.
type faultWire struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
	Details  any    `json:"details,omitempty"`
}

// detailed is an error's cause that has more to say on the wire, such as the mistakes in a flow with their places.
type detailed interface{ Details() any }

// fail writes an error's body and returns its status and, where the server is at fault, the cause for the log.
func (s *Server) fail(c *Call, err error, buf *bytes.Buffer) (int, error) {
	f := c.fault(err)
	status := f.Status()
	if f.Code == 20404 && c.route != nil {
		// One text for all, so that nobody learns whether a SID exists in another account.
		f.Message = fault.NotFound(c.missingPath()).Message
	}
	if f.RetryAfter > 0 {
		c.header.Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	body := faultWire{Code: f.Code, Message: f.Message, MoreInfo: f.MoreInfo(), Status: status}
	var more detailed
	if status < http.StatusInternalServerError && errors.As(err, &more) {
		body.Details = more.Details()
	}
	if encode(buf, body) != nil {
		buf.Reset() // cannot happen: what is said in detail is plain texts
	}
	if status >= http.StatusInternalServerError {
		return status, err
	}
	return status, nil
}

// fault finds the error's fault; what the database says becomes one here, because no product need know HTTP.
func (c *Call) fault(err error) fault.Error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return *f
	case errors.Is(err, db.ErrNotFound):
		return *fault.NotFound(c.missingPath())
	case errors.Is(err, db.ErrConflict) && c.IfVersion != 0:
		return *fault.PreconditionFailed("")
	case errors.Is(err, db.ErrConflict):
		return *fault.Conflict("")
	case errors.Is(err, db.ErrFull), errors.Is(err, db.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return *fault.Unavailable(errServerBusy, err)
	}
	return *fault.Of(err)
}

// report writes the request's log line and hands it to the metrics. Neither holds a path, a query, a body or a credential:
// paths carry unique names and identities.
func (s *Server) report(c *Call, status int, took time.Duration, cause error) {
	o := Observation{Method: c.req.Method, Status: status, Took: took}
	if c.place.product != nil {
		o.Product = c.place.product.Name
	}
	if c.route != nil {
		o.Route = c.route.path
	}
	if s.observe != nil {
		s.observe(o)
	}
	level := slog.LevelDebug
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelInfo
	}
	ctx := c.req.Context()
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request", c.RequestID), slog.String("product", o.Product), slog.String("method", knownMethod(o.Method)),
		slog.String("route", o.Route), slog.Int("status", status), slog.Duration("took", took),
		slog.String("account", string(c.Actor.AccountSID)),
	}
	if cause != nil {
		attrs = append(attrs, slog.String("error", cause.Error()))
	}
	s.log.LogAttrs(ctx, level, "request", attrs...)
}

// knownMethod keeps what a caller makes up out of the log and of metric labels.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodHead, http.MethodOptions, http.MethodPatch:
		return m
	}
	return "other"
}
