package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/test/load"
)

// follower is a client that keeps to the rules of docs/realtime.md: it comes back after every cut, resumes, and sends
// again what was not acknowledged.
type follower struct {
	t       *testing.T
	url     string
	token   string
	channel string
	dial    func(url string) string // picks the address of the next connection

	epoch  string
	offset int64
	seen   []int64 // indexes of messages, in the order in which they were applied
	unsent []string
	sent   int
	cuts   int
	resets int
}

// run follows until it has seen the index last and sent everything. Any break of the rules fails the test.
func (f *follower) run(ctx context.Context, last int64) {
	for ctx.Err() == nil && (len(f.unsent) > 0 || len(f.seen) == 0 || f.seen[len(f.seen)-1] < last) {
		f.connection(ctx, last)
		f.cuts++
	}
}

// connection is one connection, from its hello to its end.
func (f *follower) connection(ctx context.Context, last int64) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := load.Open(ctx, f.dial(f.url), f.token)
	if err != nil {
		return
	}
	defer c.Cut()
	s, err := c.Subscribe(ctx, f.channel, f.epoch, f.offset)
	if err != nil {
		return
	}
	if s.Error != nil {
		f.t.Errorf("subscribe: %+v", s.Error)
		return
	}
	if !s.Resumed || f.epoch == "" {
		f.resets++
		f.epoch, f.offset = s.Epoch, s.Offset
	} else if s.Offset != f.offset {
		f.t.Errorf("resumed at %d, asked for %d", s.Offset, f.offset)
	}
	acked := make(chan error, 1)
	sending := false
	for len(f.unsent) > 0 || len(f.seen) == 0 || f.seen[len(f.seen)-1] < last {
		if !sending && len(f.unsent) > 0 {
			sending = true
			id := f.unsent[0]
			go func() {
				_, _, err := c.Send(ctx, f.channel, id, id)
				acked <- err
			}()
		}
		select {
		case fr := <-c.Events:
			f.apply(fr)
		case err := <-acked:
			if err != nil {
				return
			}
			sending = false
			f.unsent = f.unsent[1:]
			f.sent++
		case <-c.Done():
			for {
				select {
				case fr := <-c.Events:
					f.apply(fr)
				default:
					return
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

func (f *follower) apply(fr load.Frame) {
	if fr.Type != "event" {
		return
	}
	if fr.Offset != f.offset+1 || fr.Epoch != f.epoch {
		f.t.Errorf("event %s at %d after %d", fr.Kind, fr.Offset, f.offset)
	}
	f.offset = fr.Offset
	if fr.Kind == event.MessageAdded {
		var m load.Message
		if err := json.Unmarshal(fr.Data, &m); err != nil {
			f.t.Error(err)
		}
		f.seen = append(f.seen, m.Index)
	}
}

// check wants each index from the first seen one exactly once, in order.
func (f *follower) check(who string, first, last int64) {
	f.t.Helper()
	if len(f.seen) == 0 || f.seen[0] != first || f.seen[len(f.seen)-1] != last {
		f.t.Errorf("%s: saw %v, want %d to %d", who, f.seen, first, last)
		return
	}
	for i, index := range f.seen {
		if index != first+int64(i) {
			f.t.Errorf("%s: index %d at place %d: %v", who, index, i, f.seen)
			return
		}
	}
}

// cutter passes connections on to a server and cuts each after a number of bytes from the server.
type cutter struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	budget   func() int // bytes that the next connection may carry; negative = no end
}

func newCutter(t *testing.T, to string, budget func() int) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, to: strings.TrimPrefix(strings.TrimSuffix(to, "/stream"), "ws://"), budget: budget}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(in)
		}
	}()
	return c
}

func (c *cutter) url() string { return "ws://" + c.listener.Addr().String() + "/stream" }

func (c *cutter) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer out.Close()
	c.mu.Lock()
	n := c.budget()
	c.mu.Unlock()
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	if n < 0 {
		_, _ = io.Copy(in, out)
		return
	}
	_, _ = io.CopyN(in, out, int64(n))
}

// TestCutAtEveryByte cuts the connections of one side after ever more bytes, so that every frame of the protocol is cut
// before it, in it and after it, while the other side writes. Both see every message once and in order.
func TestCutAtEveryByte(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		ch := h.channel("ann", "bob")
		const handshake, step = 150, 23
		bytes, whole := handshake, false
		proxy := newCutter(t, h.url, func() int {
			if whole {
				return -1
			}
			if bytes += step; bytes > 3000 {
				bytes = handshake
			}
			return bytes
		})
		const each = 40
		start := h.open("ann")
		s := h.subscribe(start, ch, "", 0)
		shaky := &follower{t: t, url: proxy.url(), token: "ann visitor 3600000", channel: ch, dial: same, epoch: s.Epoch, offset: s.Offset}
		steady := &follower{t: t, url: h.url, token: "bob visitor 3600000", channel: ch, dial: same, epoch: s.Epoch, offset: s.Offset}
		for i := range each {
			shaky.unsent = append(shaky.unsent, fmt.Sprintf("ann-%d", i))
			steady.unsent = append(steady.unsent, fmt.Sprintf("bob-%d", i))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { steady.run(ctx, 2*each-1) })
		wg.Go(func() { shaky.run(ctx, 2*each-1) })
		wg.Wait()
		shaky.check("shaky", 0, 2*each-1)
		steady.check("steady", 0, 2*each-1)
		h.wantOrder(ch, "ann", each)
		h.wantOrder(ch, "bob", each)
		if shaky.cuts < 20 || shaky.resets > 0 {
			t.Errorf("%d cuts, %d resets", shaky.cuts, shaky.resets)
		}
	})
}

func same(url string) string { return url }

// TestCutAtEveryFrame cuts one connection after each frame of a session, in both directions: of hello, subscribe, sends, their
// acknowledgments and events. Nothing is lost and nothing comes twice, on either side.
func TestCutAtEveryFrame(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	const each = 5
	session := func(t *testing.T, cut load.Cut) (*load.Cutter, *follower) {
		ch := h.channel("ann", "bob")
		start := h.open("ann")
		defer start.Cut()
		s := h.subscribe(start, ch, "", 0)
		proxy := load.NewCutter(t, h.url, func(n int) load.Cut {
			if n > 0 {
				return load.Cut{}
			}
			return cut
		})
		ann := &follower{t: t, url: proxy.URL(), token: "ann visitor 3600000", channel: ch, dial: same, epoch: s.Epoch, offset: s.Offset}
		bob := &follower{t: t, url: h.url, token: "bob visitor 3600000", channel: ch, dial: same, epoch: s.Epoch, offset: s.Offset}
		for i := range each {
			ann.unsent = append(ann.unsent, fmt.Sprintf("ann-%d", i))
			bob.unsent = append(bob.unsent, fmt.Sprintf("bob-%d", i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { bob.run(ctx, 2*each-1) })
		wg.Go(func() { ann.run(ctx, 2*each-1) })
		wg.Wait()
		ann.check("ann", 0, 2*each-1)
		bob.check("bob", 0, 2*each-1)
		h.wantOrder(ch, "ann", each)
		h.wantOrder(ch, "bob", each)
		if ann.resets > 0 {
			t.Errorf("%d resets", ann.resets)
		}
		return proxy, ann
	}
	whole, _ := session(t, load.Cut{})
	frames := whole.Seen()
	if frames.Up < 2+each || frames.Down < 2+3*each {
		t.Fatalf("a whole session has %+v frames", frames)
	}
	var wg sync.WaitGroup
	cut := func(c load.Cut) {
		wg.Go(func() {
			proxy, ann := session(t, c)
			if proxy.Connections() < 2 || ann.cuts < 2 {
				t.Errorf("%+v: it was not cut", c)
			}
		})
	}
	for n := 1; n <= frames.Up; n++ {
		cut(load.Cut{Up: n})
	}
	for n := 1; n < frames.Down; n++ { // after the last, nobody comes back
		cut(load.Cut{Down: n})
	}
	wg.Wait()
}

// wantOrder wants the messages of one author once each, in the order in which they were written.
func (h *house) wantOrder(channel, author string, n int) {
	h.t.Helper()
	c := h.openAs("boss admin 3600000")
	var bodies []string
	before := "null"
	for {
		f := h.request(c, `"type":"history","channel":%q,"before":%s,"limit":100`, channel, before)
		var page []string
		for _, m := range f.Messages {
			if m.Author == author {
				page = append(page, m.Body)
			}
		}
		bodies = append(page, bodies...)
		if len(f.Messages) == 0 || f.Messages[0].Index == 0 {
			break
		}
		before = fmt.Sprint(f.Messages[0].Index)
	}
	if len(bodies) != n {
		h.t.Errorf("%s: %d messages are kept, want %d", author, len(bodies), n)
		return
	}
	for i, b := range bodies {
		if b != fmt.Sprintf("%s-%d", author, i) {
			h.t.Errorf("%s: message %d is %q", author, i, b)
			return
		}
	}
}

// TestResumeAtEveryOffset subscribes from every offset of a history, while it grows.
func TestResumeAtEveryOffset(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann")
	ann := h.open("ann")
	at := h.subscribe(ann, ch, "", 0)
	const n = 40
	for i := range n {
		h.post(ch, fmt.Sprint(i))
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			f := &follower{t: t, url: h.url, token: "ann visitor 3600000", channel: ch, dial: same, epoch: at.Epoch, offset: at.Offset + int64(i)}
			f.run(h.ctx(), 2*n-1)
			f.check(fmt.Sprint("from ", i), int64(i), 2*n-1)
		})
	}
	for i := range n {
		h.post(ch, fmt.Sprint(n+i))
	}
	wg.Wait()
}

// TestBusThatLosesAndReorders puts a bad bus between the log and the hub.
func TestBusThatLosesAndReorders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann", "bob")
	r := rand.New(rand.NewPCG(1, 2))
	var late []event.Event
	var mu sync.Mutex
	h.pass = func(e event.Event) []event.Event {
		mu.Lock()
		defer mu.Unlock()
		out := []event.Event{e}
		switch r.IntN(5) {
		case 0:
			return nil
		case 1:
			late = append(late, e)
			return nil
		case 2:
			out = append(out, e)
		}
		out = append(out, late...)
		late = nil
		return out
	}
	ann, bob := h.open("ann"), h.open("bob")
	at := h.subscribe(ann, ch, "", 0)
	h.subscribe(bob, ch, "", 0)
	for i := range 200 {
		h.send(bob, ch, fmt.Sprint(i), "x")
	}
	h.pass = nil
	h.send(bob, ch, "last", "x")
	for i := range int64(201) {
		if f := h.next(ann); f.Offset != at.Offset+1+i {
			t.Fatalf("offset %d, want %d", f.Offset, at.Offset+1+i)
		}
	}
	if h.hub.Stats().Fills == 0 {
		t.Error("nothing was read from the log")
	}
}
