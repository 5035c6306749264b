package socket

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
)

// recorder is a wire that notes what it is told. It answers "end" by ending after what has arrived, and repeats the rest.
type recorder struct {
	c     *Conn
	delay chan struct{} // nil = none
	mu    sync.Mutex
	got   []string
	gone  chan struct{}
}

func (r *recorder) Handle(message []byte) {
	if r.delay != nil {
		<-r.delay
	}
	r.note(string(message))
	words := strings.Fields(string(message))
	switch words[0] {
	case "hello":
		_, err := r.c.SignIn(context.Background(), strings.Join(words[1:], " "))
		r.say(fmt.Sprint("hello ", err))
	case "renew":
		_, err := r.c.Renew(context.Background(), strings.Join(words[1:], " "))
		r.say(fmt.Sprint("renew ", err))
	case "fast":
		r.say(fmt.Sprint("wait ", r.c.TooFast(len(words) > 1, CloseFrame(4005, ""))))
	case "do":
		r.c.Do(func() { r.note("done") })
	case "end":
		r.c.EndAfterWork(CloseFrame(4000, "as you wish"))
	default:
		r.say(string(message))
	}
}

func (r *recorder) say(text string) { r.c.Send(Finish(Text, append(Begin(0), text...))) }

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, text)
}

func (r *recorder) notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *recorder) Late() {
	r.note("late")
	r.c.End(CloseFrame(4001, ""), true)
}

func (r *recorder) Expiring(time.Duration) { r.note("expiring") }

func (r *recorder) Expired() {
	r.note("expired")
	r.c.End(CloseFrame(4002, ""), true)
}

func (r *recorder) Revoked() {
	r.note("revoked")
	r.c.End(CloseFrame(4003, ""), true)
}

func (r *recorder) Gone() { close(r.gone) }

// serve makes a set, and answers the address and the wires that come.
func serve(t *testing.T, change func(*Options), delay chan struct{}) (*Set, string, chan *recorder) {
	t.Helper()
	o := Options{
		Name: "test", Opcode: gws.OpcodeText, MaxMessage: 1000,
		TooLarge: CloseFrame(4202, "too large"), WrongOpcode: CloseFrame(4200, "text"), TooMany: CloseFrame(4004, "many"), TooSlow: CloseFrame(4001, "slow"),
		Rules: Rules{Tokens: &keys{}, Recheck: 10 * time.Millisecond, SignIn: time.Hour, Logger: slog.New(slog.DiscardHandler)},
	}
	o.Standard(Limits{})
	if change != nil {
		change(&o)
	}
	s := NewSet(o)
	wires := make(chan *recorder, 100)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Open(w, r, func(c *Conn) Wire {
			one := &recorder{c: c, delay: delay, gone: make(chan struct{})}
			wires <- one
			return one
		})
	}))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Sweep(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		late, cancel := context.WithCancel(context.Background())
		cancel()
		s.Drain(late, nil)
		web.Close()
	})
	return s, web.URL, wires
}

// peer is the other end.
type peer struct {
	gws.BuiltinEventHandler
	ws    *gws.Conn
	got   chan string
	pings chan struct{}
	code  chan uint16
	mute  bool
}

func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	p.got <- m.Data.String()
	_ = m.Close()
}

func (p *peer) OnPing(c *gws.Conn, payload []byte) {
	select {
	case p.pings <- struct{}{}:
	default:
	}
	if !p.mute {
		_ = c.WritePong(payload)
	}
}

func (p *peer) OnClose(_ *gws.Conn, err error) {
	code := uint16(0)
	if e, ok := err.(*gws.CloseError); ok { //nolint:errorlint // that is what the library gives
		code = e.Code
	}
	p.code <- code
}

func dial(t *testing.T, url string, mute bool) *peer {
	t.Helper()
	p := &peer{got: make(chan string, 1000), pings: make(chan struct{}, 1), code: make(chan uint16, 1), mute: mute}
	ws, _, err := gws.NewClient(p, &gws.ClientOption{Addr: "ws" + strings.TrimPrefix(url, "http")})
	if err != nil {
		t.Fatal(err)
	}
	p.ws = ws
	go ws.ReadLoop()
	t.Cleanup(func() { _ = ws.NetConn().Close() })
	return p
}

func (p *peer) say(t *testing.T, text string) {
	t.Helper()
	if err := p.ws.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) closed(t *testing.T, want uint16) {
	t.Helper()
	select {
	case code := <-p.code:
		if code != want {
			t.Errorf("closed with %d, want %d", code, want)
		}
	case <-time.After(time.Minute):
		t.Error("not closed")
	}
}

func TestConn_handlesInOrderAndEndsAfterWork(t *testing.T) {
	t.Parallel()
	s, url, wires := serve(t, nil, nil)
	p := dial(t, url, false)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint("message ", i))
		p.say(t, want[i])
	}
	p.say(t, "end")
	p.closed(t, 4000)
	w := <-wires
	<-w.gone
	if got := w.notes(); !slices.Equal(got, append(want, "end")) {
		t.Errorf("got %v", got)
	}
	for i := range 100 {
		if got := <-p.got; got != want[i] {
			t.Errorf("answer %d is %q", i, got)
		}
	}
	if s.Stats().Opened != 1 || !w.c.Gone() || !w.c.Closing() || w.c.End(nil, true) {
		t.Error("the connection does not know that it has ended")
	}
	w.c.Do(func() { t.Error("done after the end") })
}

func TestConn_doStandsInLine(t *testing.T) {
	t.Parallel()
	delay := make(chan struct{})
	_, url, wires := serve(t, nil, delay)
	p := dial(t, url, false)
	for range 2 * inboxMax { // more than the inbox holds: the client waits
		p.say(t, "x")
	}
	p.say(t, "do")
	close(delay)
	p.say(t, "last")
	for got := ""; got != "last"; {
		got = <-p.got
	}
	w := <-wires
	w.c.Do(func() { p.code <- 7 })
	p.closed(t, 7)
	got := w.notes()
	if len(got) != 2*inboxMax+3 || !slices.Contains(got, "done") || slices.Index(got, "do") > slices.Index(got, "done") {
		t.Errorf("got %v", got)
	}
}

func TestConn_refusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	_, url, _ := serve(t, nil, nil)
	p := dial(t, url, false)
	p.say(t, strings.Repeat("x", 1001))
	p.closed(t, 4202)
	p = dial(t, url, false)
	if err := p.ws.WriteMessage(gws.OpcodeBinary, []byte("x")); err != nil {
		t.Fatal(err)
	}
	p.closed(t, 4200)
}

func TestSet_refusesRequests(t *testing.T) {
	t.Parallel()
	s, url, _ := serve(t, func(o *Options) { o.Limits.Total = 1 }, nil)
	answer := func(upgrade bool) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if upgrade {
			req.Header.Set("Sec-WebSocket-Key", "x")
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if got := answer(false); got != http.StatusUpgradeRequired {
		t.Errorf("a plain request: %d", got)
	}
	p := dial(t, url, false)
	p.say(t, "x")
	<-p.got
	if got := answer(true); got != http.StatusServiceUnavailable || s.Len() != 1 {
		t.Errorf("one too many: %d with %d open", got, s.Len())
	}
}

func TestSweep_asksAndCutsTheSilent(t *testing.T) {
	t.Parallel()
	_, url, wires := serve(t, func(o *Options) { o.Ping, o.Heartbeat = true, 400*time.Millisecond }, nil)
	alive, silent := dial(t, url, false), dial(t, url, true)
	<-alive.pings
	silent.closed(t, 0)
	<-alive.pings
	first, second := <-wires, <-wires
	<-second.gone
	if first.c.Gone() || !second.c.Gone() {
		t.Error("the wrong one was cut")
	}
}

func TestDrain_sendsEverybodyAway(t *testing.T) {
	t.Parallel()
	s, url, _ := serve(t, nil, nil)
	p := dial(t, url, false)
	p.say(t, "x")
	<-p.got
	s.Drain(t.Context(), CloseFrame(4000, "going away"))
	p.closed(t, 4000)
	if s.Len() != 0 {
		t.Errorf("%d are open", s.Len())
	}
}

func TestBucket_rateAndBurst(t *testing.T) {
	t.Parallel()
	var b Bucket
	at := time.Unix(1000, 0)
	for i := range 3 {
		if wait := b.Take(at, 2, 3); wait != 0 {
			t.Errorf("%d of the burst waits %s", i, wait)
		}
	}
	if wait := b.Take(at, 2, 3); wait != 500*time.Millisecond {
		t.Errorf("after the burst: %s", wait)
	}
	if wait := b.Take(at.Add(time.Second), 2, 3); wait != 0 {
		t.Errorf("a second later: %s", wait)
	}
	if wait := b.Take(at, 0, 0); wait != 0 {
		t.Errorf("without a limit: %s", wait)
	}
}

func TestCounts_limit(t *testing.T) {
	t.Parallel()
	var c Counts
	for i, tt := range []struct {
		of    string
		limit int
		want  bool
	}{{"a", 2, true}, {"a", 2, true}, {"a", 2, false}, {"b", 2, true}, {"a", 0, true}} {
		if got := c.Add(tt.of, tt.limit); got != tt.want {
			t.Errorf("%d: add %q to at most %d: %t", i, tt.of, tt.limit, got)
		}
	}
	for range 3 {
		c.Drop("a")
	}
	c.Drop("b")
	c.Drop("b")
	if len(c.n) != 0 {
		t.Errorf("left over: %v", c.n)
	}
}

func TestFinish_headersOfEveryLength(t *testing.T) {
	t.Parallel()
	for n, head := range map[int]int{0: 2, 125: 2, 126: 4, 65535: 4, 65536: 10} {
		f := Finish(Binary, append(Begin(n), make([]byte, n)...))
		if len(f) != head+n || f[0] != byte(Binary) {
			t.Errorf("%d bytes: a frame of %d that begins %x", n, len(f), f[:2])
		}
	}
	if f := CloseFrame(4001, "slow"); string(f) != "\x88\x06\x0f\xa1slow" {
		t.Errorf("%q", f)
	}
	if f := PongFrame([]byte("hi")); string(f) != "\x8a\x02hi" {
		t.Errorf("%q", f)
	}
}

func TestStorm_isOverWhenNobodyComes(t *testing.T) {
	t.Parallel()
	var m storm
	var over []int
	for i, opened := range []int64{0, 500, 999, 999, 999, 1500, 3000, 3000, 3000, 3500, 3500, 4100, 4100} {
		if m.over(opened) {
			over = append(over, i)
		}
	}
	if !slices.Equal(over, []int{7, 12}) {
		t.Errorf("over at %v", over)
	}
}
