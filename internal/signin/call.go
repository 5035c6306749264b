package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// maxBody bounds a request's body in bytes.
const maxBody = 16 << 10

// Names of the cookie. Browsers bind one that begins with __Host- to the host and to TLS.
const (
	secureCookie = "__Host-usher"
	plainCookie  = "usher"
)

// call is one request.
type call struct {
	ctx    context.Context
	w      http.ResponseWriter
	r      *http.Request
	addr   netip.Addr
	secure bool
}

// sessionWire is a session on the wire.
type sessionWire struct {
	Token          string     `json:"token"`
	Expires        string     `json:"expires"`
	Person         personWire `json:"person"`
	Identity       string     `json:"identity"`
	AccountSID     sid.SID    `json:"account_sid"`
	WorkspaceSID   sid.SID    `json:"workspace_sid"`
	WorkerSID      sid.SID    `json:"worker_sid"`
	ChatServiceSID sid.SID    `json:"chat_service_sid"`
}

// answer mints the person's access token and writes the session.
func (s *server) answer(c *call, login account.Login) (int, any, error) {
	p := login.Person
	seat, err := s.Seats.Seat(c.ctx, p)
	if err != nil {
		return 0, nil, fmt.Errorf("seat of %s: %w", p.SID, err)
	}
	if seat.Worker != "" {
		p.Worker = seat.Worker
	}
	token, expires, err := s.Minter.Mint(c.ctx, account.TokenSpec{
		Account: p.Account, Identity: p.Identity(), Role: p.Role, Person: p.SID, ChatService: seat.ChatService,
		Workspace: seat.Workspace, Worker: seat.Worker, TTL: s.TokenTTL,
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, sessionWire{
		Token: token, Expires: iso(expires), Person: viewPerson(p), Identity: p.Identity(), AccountSID: login.AccountSID,
		WorkspaceSID: seat.Workspace, WorkerSID: seat.Worker, ChatServiceSID: seat.ChatService,
	}, nil
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// handle turns an operation into a handler: who asks, where from, JSON out.
func (s *server) handle(op func(*call) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{ctx: r.Context(), w: w, r: r, addr: s.Client(r), secure: s.Secure(r)}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if c.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		status, body, err := s.run(c, op)
		if err != nil {
			s.fail(c, err)
			return
		}
		if status == http.StatusNoContent {
			w.WriteHeader(status)
			return
		}
		write(w, status, body)
	}
}

func (s *server) run(c *call, op func(*call) (int, any, error)) (status int, body any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if !c.secure && !c.addr.IsLoopback() && !s.Plain {
		return 0, nil, fault.Forbidden("Signing in needs HTTPS, or a browser on the machine that Usher runs on")
	}
	return op(c)
}

// fail writes an error. A path in a 404 says nothing that the caller does not know.
func (s *server) fail(c *call, err error) {
	f := fault.Of(err)
	switch {
	case errors.Is(err, db.ErrFull), errors.Is(err, db.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		f = fault.Unavailable(5*time.Second, err)
	}
	if f.RetryAfter > 0 {
		c.w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	if f.Status() >= http.StatusInternalServerError {
		s.Log.LogAttrs(c.ctx, slog.LevelError, "sign-in", slog.String("error", err.Error()))
	}
	write(c.w, f.Status(), map[string]any{"code": f.Code, "message": f.Message, "more_info": f.MoreInfo(), "status": f.Status()})
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"status":500}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // where the client is gone, nothing depends on it
}

// read decodes the JSON body.
func (c *call) read(dst any) error {
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return fault.Invalid("The body must be application/json")
	}
	err := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, maxBody)).Decode(dst)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.CodeTooLarge, "")
	case err != nil:
		return fault.Invalid("The body is not a JSON document of the expected shape")
	}
	return nil
}

// secret returns the session secret of the request's cookie. Under TLS only the bound cookie counts: a plain one could have been
// set by a neighbor.
func (c *call) secret() string {
	name := plainCookie
	if c.secure {
		name = secureCookie
	}
	if cookie, err := c.r.Cookie(name); err == nil && len(cookie.Value) < 256 {
		return cookie.Value
	}
	return ""
}

func (c *call) setCookie(secret string, expires time.Time) {
	cookie := &http.Cookie{Name: plainCookie, Value: secret, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if c.secure {
		cookie.Name, cookie.Secure = secureCookie, true
	}
	http.SetCookie(c.w, cookie)
}

func (c *call) dropCookies() {
	name := plainCookie
	if c.secure {
		name = secureCookie
	}
	http.SetCookie(c.w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure})
}
