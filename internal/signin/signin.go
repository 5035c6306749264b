package signin

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Sessions begins and ends sign-ins; *account.Accounts does.
type Sessions interface {
	SignIn(ctx context.Context, c account.Credentials) (account.Login, error)
	SignInOnce(ctx context.Context, secret string, addr netip.Addr) (account.Login, error)
	Resume(ctx context.Context, secret string) (account.Login, error)
	SetPassword(ctx context.Context, secret, current, password string, addr netip.Addr) (account.Login, error)
	SignOut(ctx context.Context, secret string) error
}

// People keeps who may sign in; *account.Accounts does.
type People interface {
	ListPeople(ctx context.Context, actor account.Actor, page db.Page) (db.PageOf[account.Person], error)
	GetPerson(ctx context.Context, actor account.Actor, s sid.SID) (account.Person, error)
	CreatePerson(ctx context.Context, actor account.Actor, n account.NewPerson) (account.Person, error)
	UpdatePerson(ctx context.Context, actor account.Actor, s sid.SID, ch account.PersonChange) (account.Person, error)
	NewLink(ctx context.Context, actor account.Actor, s sid.SID) (secret string, expires time.Time, err error)
	SignOutAll(ctx context.Context, actor account.Actor, s sid.SID) error
}

// Minter signs access tokens; *account.Accounts does.
type Minter interface {
	Mint(ctx context.Context, spec account.TokenSpec) (token string, expires time.Time, err error)
}

// Seat is where a person of the desk works. Empty SIDs are things that the account does not have.
type Seat struct {
	Workspace   sid.SID
	Worker      sid.SID
	ChatService sid.SID
}

// Seats finds a person's seat, and makes their worker at the first sign-in.
type Seats interface {
	Seat(ctx context.Context, p account.Person) (Seat, error)
}

// Deps are what New needs.
type Deps struct {
	Sessions Sessions
	People   People
	Minter   Minter
	Seats    Seats
	// Client, Secure and Origin say who asks and how, seen through the configured proxies: the client's address, whether its own
	// connection is TLS, and scheme and host as it addressed this server.
	Client func(r *http.Request) netip.Addr
	Secure func(r *http.Request) bool
	Origin func(r *http.Request) string
	// Plain allows signing in without TLS from other machines. The password then crosses the network readable.
	Plain bool
	// TokenTTL is how long an access token lasts before the desk asks for the next one; 0 = account.DefaultTokenTTL.
	TokenTTL time.Duration
	Log      *slog.Logger
}

// server holds the handlers.
type server struct {
	Deps
}

// New returns the handler of everything below /signin/.
func New(d Deps) http.Handler {
	s := &server{Deps: d}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signin/password", s.handle(s.password))
	mux.HandleFunc("POST /signin/once", s.handle(s.once))
	mux.HandleFunc("GET /signin/session", s.handle(s.session))
	mux.HandleFunc("POST /signin/out", s.handle(s.out))
	mux.HandleFunc("POST /signin/password/change", s.handle(s.change))
	mux.HandleFunc("GET /signin/people", s.handle(s.people))
	mux.HandleFunc("POST /signin/people", s.handle(s.invite))
	mux.HandleFunc("POST /signin/people/{sid}", s.handle(s.update))
	mux.HandleFunc("/signin/", s.handle(func(_ *call) (int, any, error) { return 0, nil, fault.NotFound("/signin") }))
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(s.handle(func(c *call) (int, any, error) {
		s.audit(c, "cross-origin request refused")
		return 0, nil, fault.Forbidden("Another site must not sign people in")
	}))
	return protection.Handler(mux)
}

// password signs in by e-mail address and password.
func (s *server) password(c *call) (int, any, error) {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	login, err := s.Sessions.SignIn(c.ctx, account.Credentials{Email: in.Email, Password: in.Password, Address: c.addr})
	return s.begin(c, login, err, "password")
}

// once signs in by a one-time link.
func (s *server) once(c *call) (int, any, error) {
	var in struct {
		Secret string `json:"secret"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	login, err := s.Sessions.SignInOnce(c.ctx, in.Secret, c.addr)
	return s.begin(c, login, err, "link")
}

// begin gives the browser its cookie. A session that the browser held before ends, so that nobody can plant one.
func (s *server) begin(c *call, login account.Login, err error, way string) (int, any, error) {
	if err != nil {
		s.audit(c, "sign-in refused", slog.String("way", way), slog.Int("status", fault.Of(err).Status()))
		return 0, nil, err
	}
	if old := c.secret(); old != "" {
		if err := s.Sessions.SignOut(c.ctx, old); err != nil {
			return 0, nil, err
		}
	}
	c.setCookie(login.Secret, login.Session.ExpiresAt)
	s.audit(c, "signed in", slog.String("way", way), who(login), slog.String("session", string(login.Session.SID)))
	return s.answer(c, login)
}

// session renews the access token.
func (s *server) session(c *call) (int, any, error) {
	login, err := s.login(c)
	if err != nil {
		return 0, nil, err
	}
	return s.answer(c, login)
}

// login returns the session of the request's cookie, and takes a dead cookie away.
func (s *server) login(c *call) (account.Login, error) {
	secret := c.secret()
	if secret == "" {
		return account.Login{}, fault.Unauthenticated()
	}
	login, err := s.Sessions.Resume(c.ctx, secret)
	if fault.Is(err, fault.KindUnauthenticated) {
		c.dropCookies()
	}
	return login, err
}

// out ends the session and clears what the desk kept in the browser. Cookies are taken away by name: Clear-Site-Data would take
// those of the whole domain.
func (s *server) out(c *call) (int, any, error) {
	c.dropCookies()
	c.w.Header().Set("Clear-Site-Data", `"storage"`)
	if secret := c.secret(); secret != "" {
		if err := s.Sessions.SignOut(c.ctx, secret); err != nil {
			return 0, nil, err
		}
		s.audit(c, "signed out")
	}
	return http.StatusNoContent, nil, nil
}

// change sets the password of whoever is signed in.
func (s *server) change(c *call) (int, any, error) {
	var in struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	secret := c.secret()
	if secret == "" {
		return 0, nil, fault.Unauthenticated()
	}
	login, err := s.Sessions.SetPassword(c.ctx, secret, in.Current, in.New, c.addr)
	if err != nil {
		s.audit(c, "password change refused", slog.Int("status", fault.Of(err).Status()))
		return 0, nil, err
	}
	s.audit(c, "password changed", who(login))
	return http.StatusNoContent, nil, nil
}

// audit writes one line about who did what from where.
func (s *server) audit(c *call, what string, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.String("event", what), slog.String("address", c.addr.String())}, attrs...)
	s.Log.LogAttrs(c.ctx, slog.LevelInfo, "audit", attrs...)
}

func who(login account.Login) slog.Attr {
	return slog.Group("", slog.String("account", string(login.AccountSID)), slog.String("person", string(login.Person.SID)))
}
