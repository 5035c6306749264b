package switchboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging/connection"
	"usher/internal/sid"
)

// Path begins the addresses that carriers call: the connection's SID follows, and whatever the carrier puts behind it.
const Path = "/carriers/"

const (
	// bodyMost bounds a request, in bytes.
	bodyMost = 4 << 20
	// callsMost is how many requests are read at a time.
	callsMost = 256
	// keepTimeout bounds the keeping of what a request brings.
	keepTimeout = 20 * time.Second
	// updatesMost bounds what one request brings.
	updatesMost = 1000
)

// Claims says whether a request is a carrier's.
func Claims(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, Path+connection.Prefix) }

// ServeHTTP takes what a carrier calls in: all of it is committed before the answer.
func (s *Switchboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.calls <- struct{}{}:
		defer func() { <-s.calls }()
	default:
		refuse(w, fault.Unavailable(time.Second, errors.New("too many requests of carriers at a time")))
		return
	}
	answer, err := s.take(w, r)
	if err != nil {
		if fault.Of(err).Status() >= 500 {
			s.Log.Error("a carrier's request was not taken", "error", err)
		}
		refuse(w, err)
		return
	}
	if answer.ContentType != "" {
		w.Header().Set("Content-Type", answer.ContentType)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if answer.Status == 0 {
		answer.Status = http.StatusOK
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

func (s *Switchboard) take(w http.ResponseWriter, r *http.Request) (none connector.Answer, err error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Path), "/")
	if !sid.Valid(name, connection.Prefix) {
		return none, fault.NotFound(r.URL.Path)
	}
	c, err := s.Connections.Find(r.Context(), sid.SID(name))
	if errors.Is(err, db.ErrNotFound) {
		return none, fault.NotFound(r.URL.Path)
	}
	if err != nil {
		return none, err
	}
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST")
		return none, fault.New(20004, "Method not allowed")
	}
	l, err := s.line(c)
	if err != nil {
		return none, fault.Unavailable(time.Minute, err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMost))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return none, fault.New(fault.CodeTooLarge, "The body is larger than %d bytes", bodyMost)
	}
	if err != nil {
		return none, fault.Invalid("The body was not read to its end")
	}
	answer, err := s.hear(r.Context(), l, connector.Request{
		Method: r.Method, URL: s.Origin(r) + r.URL.RequestURI(), Header: r.Header, Body: body, At: time.Now().UTC(),
	})
	var forged *connector.Forged
	var malformed *connector.Malformed
	switch {
	case errors.As(err, &forged):
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "audit", slog.String("action", "a carrier's request was refused"),
			slog.String("connection", string(c.SID)), slog.String("kind", c.Kind), slog.String("reason", forged.Reason), slog.String("address", s.Remote(r)))
		return none, fault.Forbidden("The request is not signed by the carrier")
	case errors.As(err, &malformed):
		return none, fault.Invalid("The request cannot be read: %s", malformed.Reason)
	}
	return answer, err
}

// hear lets a line's connector read a request and keeps what it brings.
func (s *Switchboard) hear(ctx context.Context, l *line, r connector.Request) (answer connector.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("a connector panicked", "connection", l.SID, "kind", l.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fault.Unavailable(time.Minute, errPanic)
		}
	}()
	if v, ok := l.carrier.(connector.Verifier); ok && r.Method == http.MethodGet {
		return v.Verify(ctx, r)
	}
	receiver, ok := l.carrier.(connector.Receiver)
	if !ok {
		return answer, fault.NotFound(Path + string(l.SID))
	}
	// Some carriers hang up after two seconds and do not call again (LINE, unless it was told to): what has come is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	u, err := receiver.Receive(ctx, r)
	switch {
	case err != nil:
		return answer, unread(err)
	case len(u.Messages)+len(u.Receipts) > updatesMost:
		return answer, fault.Invalid("One request brings at most %d messages and receipts", updatesMost)
	}
	if len(u.Messages)+len(u.Receipts) > 0 {
		if err := s.Inbox.Accept(ctx, connection.Line{Account: l.Account, Connection: l.SID}, u.Messages, u.Receipts); err != nil {
			return answer, again(err)
		}
	}
	return u.Answer, nil
}

// unread keeps a connector's own errors and makes of every other one that the carrier should try again.
func unread(err error) error {
	var forged *connector.Forged
	var malformed *connector.Malformed
	if errors.As(err, &forged) || errors.As(err, &malformed) {
		return err
	}
	return again(err)
}

// again is the error by which a carrier tries again, unless it is one of what it sent.
func again(err error) error {
	var known *fault.Error
	if errors.As(err, &known) && known.Status() < 500 {
		return err
	}
	return fault.Unavailable(time.Second, err)
}

// refuse answers an error in the shape of the APIs'.
func refuse(w http.ResponseWriter, err error) {
	f := fault.Of(err)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	body, _ := json.Marshal(map[string]any{"code": f.Code, "message": f.Message, "status": f.Status()})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status())
	_, _ = w.Write(body)
}
