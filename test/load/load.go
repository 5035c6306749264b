package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Room is a channel with the tokens of its members.
type Room struct {
	Channel string
	Tokens  []string
}

// Percentiles of a set of durations.
type Percentiles struct{ P50, P95, P99, Max time.Duration }

func percentiles(all []time.Duration) Percentiles {
	if len(all) == 0 {
		return Percentiles{}
	}
	slices.Sort(all)
	at := func(p float64) time.Duration { return all[min(len(all)-1, int(p*float64(len(all))))] }
	return Percentiles{at(0.50), at(0.95), at(0.99), all[len(all)-1]}
}

func (p Percentiles) String() string {
	ms := func(d time.Duration) string { return strconv.FormatFloat(float64(d)/1e6, 'f', 2, 64) }
	return ms(p.P50) + " / " + ms(p.P95) + " / " + ms(p.P99) + " ms"
}

// Result of a run.
type Result struct {
	Acked     int64
	Delivered int64 // to other members
	Rate      float64
	Ack       Percentiles // send to acknowledgment
	EndToEnd  Percentiles // send to the other member
}

// Traffic says what a run does. Every member of every room is a connection; each sends.
type Traffic struct {
	Rooms    []Room
	Body     int           // bytes of a message
	Window   int           // messages under way per sender, when there is no Rate (1)
	Rate     float64       // messages a second in all; 0 = as fast as they are acknowledged
	Warm     time.Duration // not counted
	Duration time.Duration
}

// member is one sender.
type member struct {
	conn    *Conn
	channel string
	sent    chan struct{} // one token per message that may be sent
	mu      sync.Mutex
	began   map[int64]time.Time
	ready   chan error
	acks    []time.Duration
	ends    []time.Duration
	run     *run
}

// run is what the members of a run share.
type run struct {
	Traffic
	from, to  atomic.Int64 // counted time, Unix nanoseconds
	acked     atomic.Int64
	delivered atomic.Int64
	failed    atomic.Pointer[string]
}

// Run connects everybody, lets them talk, and measures.
func Run(ctx context.Context, url string, t Traffic) (Result, error) {
	r := &run{Traffic: t}
	var members []*member
	defer func() {
		for _, m := range members {
			m.conn.Cut()
		}
	}()
	for _, room := range t.Rooms {
		for _, token := range room.Tokens {
			m, err := r.join(ctx, url, room.Channel, token)
			if err != nil {
				return Result{}, err
			}
			members = append(members, m)
		}
	}
	start := time.Now()
	r.from.Store(start.Add(t.Warm).UnixNano())
	r.to.Store(start.Add(t.Warm + t.Duration).UnixNano())
	ctx, cancel := context.WithTimeout(ctx, t.Warm+t.Duration)
	defer cancel()
	var wg sync.WaitGroup
	for i, m := range members {
		if t.Rate > 0 {
			wg.Go(func() { m.pace(ctx, i, len(members)) })
		} else {
			wg.Go(func() { m.push(ctx) })
		}
	}
	wg.Wait()
	time.Sleep(100 * time.Millisecond)
	if why := r.failed.Load(); why != nil {
		return Result{}, errors.New(*why)
	}
	var acks, ends []time.Duration
	for _, m := range members {
		m.mu.Lock()
		acks, ends = append(acks, m.acks...), append(ends, m.ends...)
		m.mu.Unlock()
	}
	return Result{
		Acked: r.acked.Load(), Delivered: r.delivered.Load(), Rate: float64(r.acked.Load()) / t.Duration.Seconds(),
		Ack: percentiles(acks), EndToEnd: percentiles(ends),
	}, nil
}

func (r *run) join(ctx context.Context, url, channel, token string) (*member, error) {
	m := &member{channel: channel, run: r, ready: make(chan error, 1), began: map[int64]time.Time{}, sent: make(chan struct{}, max(1, r.Window))}
	conn, err := Dial(url, "", m.frame)
	if err != nil {
		return nil, err
	}
	m.conn = conn
	err = errors.Join(conn.Write([]byte(`{"type":"hello","id":1,"token":`+strconv.Quote(token)+`}`)),
		conn.Write([]byte(`{"type":"subscribe","id":2,"streams":[{"stream":"`+channel+`"}]}`)))
	if err != nil {
		return nil, err
	}
	select {
	case err = <-m.ready:
	case <-conn.Done():
		err = fmt.Errorf("closed with %d %s", conn.code, conn.why)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return m, err
}

// frame takes one frame. It looks at no more of it than it must, for it shares the machine with the server.
func (m *member) frame(b []byte) {
	switch {
	case bytes.HasPrefix(b, []byte(`{"type":"sent","id":`)):
		id := number(b[len(`{"type":"sent","id":`):])
		now := time.Now()
		m.mu.Lock()
		began := m.began[id]
		delete(m.began, id)
		if m.run.counts(now) {
			m.acks = append(m.acks, now.Sub(began))
			m.run.acked.Add(1)
		}
		m.mu.Unlock()
		select {
		case m.sent <- struct{}{}:
		default:
		}
	case bytes.HasPrefix(b, []byte(`{"type":"event"`)):
		at := bytes.Index(b, []byte(`"body":"@`))
		if at < 0 {
			return
		}
		sent := number(b[at+len(`"body":"@`):])
		from := bytes.IndexByte(b[at+9:], '/')
		now := time.Now()
		if string(b[at+9+from+1:at+9+from+1+len(m.mark())]) == m.mark() || !m.run.counts(now) {
			return // our own
		}
		m.run.delivered.Add(1)
		m.mu.Lock()
		m.ends = append(m.ends, time.Duration(now.UnixNano()-sent))
		m.mu.Unlock()
	case bytes.HasPrefix(b, []byte(`{"type":"subscribed"`)):
		if bytes.Contains(b, []byte(`"error"`)) {
			m.ready <- fmt.Errorf("subscribe: %s", b)
			return
		}
		m.ready <- nil
	case bytes.HasPrefix(b, []byte(`{"type":"error"`)):
		why := string(b)
		m.run.failed.Store(&why)
	}
}

// mark tells a member's own messages: the address of its connection.
func (m *member) mark() string { return m.conn.local }

func (r *run) counts(t time.Time) bool {
	n := t.UnixNano()
	return n >= r.from.Load() && n < r.to.Load()
}

func number(b []byte) (n int64) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// push sends as fast as messages are acknowledged.
func (m *member) push(ctx context.Context) {
	for range cap(m.sent) {
		m.sent <- struct{}{}
	}
	for id := int64(10); ; id++ {
		select {
		case <-m.sent:
			if m.send(id) != nil {
				return
			}
		case <-ctx.Done():
			return
		case <-m.conn.Done():
			return
		}
	}
}

// pace sends at a fixed rate, whatever comes back.
func (m *member) pace(ctx context.Context, i, of int) {
	every := time.Duration(float64(of) / m.run.Rate * float64(time.Second))
	next := time.NewTimer(every * time.Duration(i) / time.Duration(of))
	defer next.Stop()
	due := time.Now().Add(every * time.Duration(i) / time.Duration(of))
	for id := int64(10); ; id++ {
		select {
		case <-next.C:
			if m.send(id) != nil {
				return
			}
			due = due.Add(every)
			next.Reset(time.Until(due))
		case <-ctx.Done():
			return
		case <-m.conn.Done():
			return
		}
	}
}

func (m *member) send(id int64) error {
	now := time.Now()
	body := "@" + strconv.FormatInt(now.UnixNano(), 10) + "/" + m.mark() + "/"
	body += strings.Repeat("x", max(0, m.run.Body-len(body)))
	m.mu.Lock()
	m.began[id] = now
	m.mu.Unlock()
	n := strconv.FormatInt(id, 10)
	return m.conn.Write([]byte(`{"type":"send","id":` + n + `,"channel":"` + m.channel + `","client_id":"` + m.mark() + "." + n + `","body":"` + body + `"}`))
}

// Idle opens n connections, signed in and subscribed to their rooms, and keeps them until close is called. 64 are opened
// at a time, from several local addresses, because one has only some 28,000 ports.
func Idle(ctx context.Context, url string, n int, room func(i int) (channel, token string)) (took time.Duration, closeAll func(), err error) {
	start := time.Now()
	conns := make([]*Conn, n)
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var wg sync.WaitGroup
	closeAll = func() {
		for _, c := range conns {
			if c != nil {
				c.Cut()
			}
		}
	}
	for range 64 {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < n && failure.Load() == nil; i = int(next.Add(1) - 1) {
				r := &run{}
				channel, token := room(i)
				m, err := r.join(ctx, url, channel, token)
				if err != nil {
					failure.Store(&err)
					return
				}
				conns[i] = m.conn
				m.began, m.sent, m.acks = nil, nil, nil
			}
		})
	}
	wg.Wait()
	if e := failure.Load(); e != nil {
		closeAll()
		return 0, nil, *e
	}
	return time.Since(start), closeAll, nil
}

// RSS is how much memory a process has resident, in bytes.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmRSS")
}
