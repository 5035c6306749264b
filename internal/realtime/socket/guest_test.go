package socket

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/realtime"
)

// keys understands "identity milliseconds", and lets tests revoke identities.
type keys struct {
	mu      sync.Mutex
	revoked string
	down    bool
}

func (k *keys) Token(_ context.Context, jwt string) (account.Actor, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ms, ok := strings.Cut(jwt, " ")
	switch {
	case k.down:
		return account.Actor{}, db.ErrUnavailable
	case !ok:
		return account.Actor{}, fault.New(20101, "")
	}
	n, _ := strconv.Atoi(ms)
	return account.Actor{AccountSID: "AC1", Identity: who, Role: account.Role(who), Expires: time.Now().Add(time.Duration(n) * time.Millisecond)}, nil
}

func (k *keys) Recheck(_ context.Context, a account.Actor) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.down:
		return db.ErrUnavailable
	case string(a.Role) == k.revoked:
		return fault.New(20103, "")
	}
	return nil
}

func (k *keys) set(revoked string, down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked, k.down = revoked, down
}

// asks sends a text and expects an answer that begins so.
func (p *peer) asks(t *testing.T, text, want string) {
	t.Helper()
	p.say(t, text)
	select {
	case got := <-p.got:
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q is answered %q, want %q", text, got, want)
		}
	case <-time.After(time.Minute):
		t.Errorf("%q is not answered", text)
	}
}

func TestGuest_signsInRenewsAndGoes(t *testing.T) {
	t.Parallel()
	k, presence := &keys{}, &realtime.Presence{}
	s, url, wires := serve(t, func(o *Options) { o.Tokens, o.Presence, o.Limits.PerIdentity = k, presence, 1 }, nil)
	p := dial(t, url, false)
	p.asks(t, "hello", "hello 20101")
	k.set("", true)
	p.asks(t, "hello ann 60000", "hello "+db.ErrUnavailable.Error())
	k.set("", false)
	p.asks(t, "hello ann 60000", "hello <nil>")
	w := <-wires
	if a := w.c.Actor(); a == nil || a.Identity != "ann" || !presence.Online(0, "", "ann") {
		t.Errorf("signed in is %+v", a)
	}
	p.asks(t, "renew ann 90000", "renew <nil>")
	p.asks(t, "renew bob 90000", "renew 20403")
	p.asks(t, "renew", "renew 20101")
	second := dial(t, url, false)
	second.asks(t, "hello ann 60000", "hello "+ErrTooMany.Error())
	_ = p.ws.NetConn().Close()
	<-w.gone
	for s.Len() > 1 {
		runtime.Gosched()
	}
	second.asks(t, "hello ann 60000", "hello <nil>") // the place is free
	if st := s.Stats(); st.Refused != 2 || st.Opened != 2 || st.Open != 1 || presence.Online(0, "", "bob") {
		t.Errorf("%+v", st)
	}
}

func TestGuest_tokensExpireAndAccessIsLost(t *testing.T) {
	t.Parallel()
	k := &keys{}
	s, url, wires := serve(t, func(o *Options) { o.Tokens, o.SignIn, o.Notice = k, 2*time.Second, 10*time.Minute }, nil)
	late, short, revoked, kept := dial(t, url, false), dial(t, url, false), dial(t, url, false), dial(t, url, false)
	short.asks(t, "hello ann 1500", "hello <nil>")
	revoked.asks(t, "hello bob 3600000", "hello <nil>")
	kept.asks(t, "hello cid 3600000", "hello <nil>")
	k.set("bob", true) // nobody is sent away for what cannot be known
	s.Recheck()
	k.set("bob", false)
	s.Recheck()
	revoked.closed(t, 4003)
	short.closed(t, 4002)
	late.closed(t, 4001)
	kept.asks(t, "x", "x")
	var notes []string
	for range 4 {
		notes = append(notes, strings.Join((<-wires).notes(), ", "))
	}
	all := strings.Join(notes, "; ")
	for _, want := range []string{"hello ann 1500, expiring, expired", "hello bob 3600000, revoked", "late", "hello cid 3600000, x"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q lacks %q", all, want)
		}
	}
	if st := s.Stats(); st.Expired != 1 || st.Revoked != 1 {
		t.Errorf("%+v", st)
	}
}

func TestGuest_limits(t *testing.T) {
	t.Parallel()
	s, url, _ := serve(t, func(o *Options) {
		o.Limits = Limits{SendRate: 0.001, SendBurst: 1, RequestRate: 0.001, Burst: 2, PerAddress: 1}
	}, nil)
	p := dial(t, url, false)
	for _, want := range []string{"wait 0s", "wait 0s", "wait 16m"} {
		p.asks(t, "fast", want)
	}
	p.asks(t, "fast send", "wait 0s")
	dial(t, url, false).closed(t, 4004)
	for range 2 * abuse {
		if p.ws.WriteString("fast send") != nil {
			break // closed already
		}
	}
	p.closed(t, 4005)
	if st := s.Stats(); st.Limited < abuse || st.Slow != 0 {
		t.Errorf("%+v", st)
	}
}

func TestRules_standard(t *testing.T) {
	t.Parallel()
	r := Rules{Limits: Limits{SendRate: -1, Total: 7}}
	r.Standard(Limits{SendRate: 20, SendBurst: 40, Total: 9})
	if r.Limits != (Limits{SendBurst: 40, Total: 7}) || r.Heartbeat != 25*time.Second || r.Logger == nil {
		t.Errorf("%+v", r)
	}
	for remote, want := range map[string]string{"[::1]:80": "::1", "192.0.2.7:1": "192.0.2.7", "pipe": "pipe"} {
		if got := r.Address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}

func TestFault_isWhatClientsSee(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		db.ErrFull: 20503, db.ErrNotFound: 20404, errors.New("secret"): 20500, fault.Invalid("wrong"): 20001,
	} {
		if e := Fault(err); e.Code != want || strings.Contains(e.Message, "secret") || Ours(e) != (want >= 20500) {
			t.Errorf("%v is %+v, want %d", err, e, want)
		}
	}
}
