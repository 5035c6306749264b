package socket

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"usher/internal/account"
	"usher/internal/realtime"
)

// Tokens checks access tokens.
type Tokens interface {
	// Token answers who a token speaks for; a *fault.Error says why it is refused.
	Token(ctx context.Context, jwt string) (account.Actor, error)
	// Recheck answers nil while the key, the person and the account of an actor still have access.
	Recheck(ctx context.Context, actor account.Actor) error
}

// Limits bound what clients can do. 0 takes the wire's standard, negative is no limit.
type Limits struct {
	SendRate    float32 // messages a second on one connection
	SendBurst   float32
	RequestRate float32 // requests a second on one connection
	Burst       float32
	PerIdentity int // connections
	PerAddress  int // connections
	Total       int // connections
}

// or answers the limits that hold, with 0 for none.
func (l Limits) or(s Limits) Limits {
	rate := func(n, standard float32) float32 { return max(0, cmp.Or(n, standard)) }
	count := func(n, standard int) int { return max(0, cmp.Or(n, standard)) }
	return Limits{
		SendRate: rate(l.SendRate, s.SendRate), SendBurst: rate(l.SendBurst, s.SendBurst),
		RequestRate: rate(l.RequestRate, s.RequestRate), Burst: rate(l.Burst, s.Burst),
		PerIdentity: count(l.PerIdentity, s.PerIdentity), PerAddress: count(l.PerAddress, s.PerAddress), Total: count(l.Total, s.Total),
	}
}

// Rules are who may come in, for how long, and how much they may do. Only Tokens is required.
type Rules struct {
	Tokens Tokens
	// Presence counts who is connected; nil = nobody asks.
	Presence *realtime.Presence
	// Address names the client of a request for the limit per address. nil = the peer's IP address.
	Address func(*http.Request) string
	Limits  Limits
	// Heartbeat is how often there should be a sign of life (25 s). Who gives none for four of them is cut.
	Heartbeat time.Duration
	// SignIn is how long a connection may stay without a token (10 s).
	SignIn time.Duration
	// Notice is how long before its token expires a client is told (60 s).
	Notice time.Duration
	// Recheck is how often access is looked at again (2 s).
	Recheck time.Duration
	Logger  *slog.Logger
}

// Standard fills in what was left open.
func (r *Rules) Standard(l Limits) {
	r.Limits = r.Limits.or(l)
	r.Heartbeat = cmp.Or(r.Heartbeat, 25*time.Second)
	r.SignIn = cmp.Or(r.SignIn, 10*time.Second)
	r.Notice = cmp.Or(r.Notice, 60*time.Second)
	r.Recheck = cmp.Or(r.Recheck, 2*time.Second)
	if r.Logger == nil {
		r.Logger = slog.Default()
	}
	if r.Address == nil {
		r.Address = peerAddress
	}
}

func peerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
