package rest

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/fault"
)

// Authenticator turns the user and password of HTTP Basic into an actor: account SID and auth token, API key SID and secret, or
// "token" and an access token (JWT). What it refuses is a *fault.Error of status 401. It is called for every request and is
// expected to remember what it has verified.
type Authenticator interface {
	Authenticate(ctx context.Context, user, password string) (account.Actor, error)
}

// credentials returns what a request proves itself with: HTTP Basic, or the header by which chat clients send their token.
func credentials(c *Call) (user, password string, ok bool) {
	user, password, ok = c.req.BasicAuth()
	if token := c.req.Header.Get("X-Twilio-Token"); !ok && token != "" && c.place.product.TokenHeader {
		return "token", token, true
	}
	return user, password, ok
}

// authenticate fills c.Actor. A 401 carries the challenge; for tokens, which only programs hold, it is not Basic, so that no
// browser opens its password box over a page whose token has run out.
func (s *Server) authenticate(ctx context.Context, c *Call) error {
	user, password, ok := credentials(c)
	challenge := `Basic realm="Usher API"`
	if user == "token" {
		challenge = `Bearer realm="Usher API"`
	}
	if !ok || user == "" || len(user) > 64 || len(password) > 16<<10 {
		c.header.Set("WWW-Authenticate", challenge)
		return fault.Unauthenticated()
	}
	actor, err := s.auth.Authenticate(ctx, user, password)
	if err != nil {
		if fault.Of(err).Kind.Status() == http.StatusUnauthorized {
			c.header.Set("WWW-Authenticate", challenge)
		}
		return err
	}
	c.Actor = actor
	return nil
}

// What a visitor may ask for by REST, and all visitors behind one address together: a conversation needs a handful of
// requests, and anybody gets a visitor's token.
const (
	visitorPerMinute, visitorBurst = 300, 60
	networkPerMinute, networkBurst = 3000, 600
)

// visitor is one visitor of one account.
type visitor struct {
	account  int64
	identity string
}

// admit refuses visitors who ask too fast.
func (s *Server) admit(c *Call) error {
	if c.Actor.Role != account.RoleVisitor {
		return nil
	}
	now := time.Now()
	wait := s.visitors.Take(visitor{c.Actor.Account, c.Actor.Identity}, now)
	if wait == 0 {
		wait = s.networks.Take(Network(c.Remote), now)
	}
	if wait > 0 {
		return fault.TooMany(wait)
	}
	return nil
}

// recognize fills c.Actor on a route that asks for no credentials, where the caller brought good ones all the same.
func (s *Server) recognize(ctx context.Context, c *Call) {
	if _, _, ok := credentials(c); !ok {
		return
	}
	if err := s.authenticate(ctx, c); err != nil {
		c.header.Del("WWW-Authenticate")
	}
}

// authorize checks that the actor holds one of the route's grants.
func authorize(c *Call) error {
	for _, g := range c.route.grants {
		if c.Actor.Can(g) {
			return nil
		}
	}
	return fault.Forbidden("The credentials do not allow this operation")
}

// origin returns how the caller addressed this server, scheme and host and a proxy's prefix, and the caller's address. What
// X-Forwarded-* say counts only from a configured proxy.
func (s *Server) origin(r *http.Request) (string, netip.Addr) {
	scheme, host, prefix := "http", r.Host, ""
	if r.TLS != nil {
		scheme = "https"
	}
	peer := Peer(r)
	if !s.trusted(peer) {
		return scheme + "://" + host, peer
	}
	if v := r.Header.Get("X-Forwarded-Proto"); v == "https" || v == "http" {
		scheme = v
	}
	if v := r.Header.Get("X-Forwarded-Host"); v != "" && len(v) < 256 && !strings.ContainsAny(v, " /\\?#@\"<>") {
		host = v
	}
	if v := r.Header.Get("X-Forwarded-Prefix"); strings.HasPrefix(v, "/") && len(v) < 256 && !strings.ContainsAny(v, " \\?#\"<>") {
		prefix = strings.TrimRight(v, "/")
	}
	// The right-most address that is not a proxy of ours is the one that the nearest trusted proxy saw.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(peer); i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = addr.Unmap()
	}
	return scheme + "://" + host + prefix, peer
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Peer returns the address at the other end of the connection, without port. The zero Addr stands for one that cannot be read.
func Peer(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap()
	}
	return netip.Addr{}
}

// Network is what counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is what one customer of a
// provider has. Addresses that cannot be read are all one.
func Network(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
