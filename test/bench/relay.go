package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/test/load"
)

// Shapes of the load: rooms of two members who both send, 500-byte texts.
const (
	sendRooms    = 50
	latencyRooms = 250
	latencyRate  = 500 // messages a second in all
	restClients  = 64
	textSize     = 500
)

// line is one member's connection to a relay, ours or the bound.
type line struct {
	conn  *load.Conn
	name  string
	frame func(n int64, text string) []byte
	acked chan struct{}
	fail  atomic.Value
}

// send writes a text and waits until it is acknowledged.
func (l *line) send(n int64, text string) error {
	if err := l.conn.Write(l.frame(n, text)); err != nil {
		return err
	}
	select {
	case <-l.acked:
		if err := l.fail.Load(); err != nil {
			return err.(error)
		}
		return nil
	case <-l.conn.Done():
		return fmt.Errorf("%s was cut", l.name)
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s got no answer", l.name)
	}
}

var (
	bodyKey  = []byte(`"body":"`)
	sentKey  = []byte(`{"type":"sent"`)
	errorKey = []byte(`{"type":"error"`)
)

// watch returns the reader of a connection. heard, when not nil, gets the body of each message of another member.
func (l *line) watch(heard func(body []byte)) func([]byte) {
	return func(frame []byte) {
		switch {
		case bytes.HasPrefix(frame, []byte("A|")), bytes.HasPrefix(frame, sentKey):
			l.acked <- struct{}{}
			return
		case bytes.HasPrefix(frame, errorKey):
			l.fail.Store(fmt.Errorf("refused: %s", frame))
			l.acked <- struct{}{}
			return
		}
		if heard == nil {
			return
		}
		if at := bytes.Index(frame, bodyKey); at >= 0 {
			heard(frame[at+len(bodyKey):])
		}
	}
}

// relay opens two lines per room.
type relay func(ctx context.Context, rooms int, heard func(body []byte, l *line)) (lines []*line, stop func(), err error)

func (b *bench) miniRelay(ctx context.Context, rooms int, heard func([]byte, *line)) ([]*line, func(), error) {
	p, err := b.mini(ctx)
	if err != nil {
		return nil, nil, err
	}
	var lines []*line
	for i := range 2 * rooms {
		l := &line{name: fmt.Sprintf("l%d", i), acked: make(chan struct{}, 64), frame: func(_ int64, text string) []byte { return []byte(text) }}
		if err := l.open("ws://"+p.addr+"/?room="+strconv.Itoa(i/2), heard); err != nil {
			p.stop()
			return nil, nil, err
		}
		lines = append(lines, l)
	}
	return lines, p.stop, nil
}

func (l *line) open(url string, heard func([]byte, *line)) (err error) {
	var on func([]byte)
	if heard != nil {
		on = func(body []byte) { heard(body, l) }
	}
	l.conn, err = load.Dial(url, "", l.watch(on))
	return err
}

func (b *bench) usherRelay(ctx context.Context, rooms int, heard func([]byte, *line)) ([]*line, func(), error) {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return nil, nil, err
	}
	p, err := b.usher(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	service, channels, err := p.rooms(ctx, rooms)
	if err != nil {
		p.stop()
		return nil, nil, err
	}
	lines := make([]*line, 2*rooms)
	err = parallel(16, len(lines), func(i int) error {
		var err error
		lines[i], err = p.join(channels[i/2], who(i/2, i%2), service, heard)
		return err
	})
	if err != nil {
		p.stop()
		return nil, nil, err
	}
	return lines, p.stop, nil
}

// join opens a signed-in line that watches one channel.
func (p *process) join(channel, identity, service string, heard func([]byte, *line)) (*line, error) {
	l := &line{name: identity, acked: make(chan struct{}, 64)}
	l.frame = func(n int64, text string) []byte {
		return fmt.Appendf(nil, `{"type":"send","id":%d,"channel":%q,"client_id":"%s-%d","body":%q}`, n, channel, identity, n, text)
	}
	ready := make(chan []byte, 4)
	started := atomic.Bool{}
	var on func([]byte)
	if heard != nil {
		on = func(body []byte) { heard(body, l) }
	}
	run := l.watch(on)
	conn, err := load.Dial("ws://"+p.addr+"/stream", "", func(frame []byte) {
		if started.Load() {
			run(frame)
			return
		}
		ready <- bytes.Clone(frame)
	})
	if err != nil {
		return nil, err
	}
	l.conn = conn
	for _, ask := range []string{
		`{"type":"hello","id":1,"token":"` + token(identity, service) + `"}`,
		`{"type":"subscribe","id":2,"streams":[{"stream":"` + channel + `"}]}`,
	} {
		if err := conn.Write([]byte(ask)); err != nil {
			return nil, err
		}
		select {
		case frame := <-ready:
			if bytes.Contains(frame, []byte(`"code":`)) {
				return nil, fmt.Errorf("%s: %s", identity, frame)
			}
		case <-time.After(20 * time.Second):
			return nil, fmt.Errorf("%s: no answer to %s", identity, ask[:20])
		}
	}
	started.Store(true)
	return l, nil
}

// saturate lets every line send one text after the other and returns acknowledged texts per second.
func (b *bench) saturate(ctx context.Context, open relay) (float64, error) {
	lines, stop, err := open(ctx, sendRooms, nil)
	if err != nil {
		return 0, err
	}
	defer stop()
	text := strings.Repeat("x", textSize)
	var n atomic.Int64
	deadline := time.Now().Add(b.length)
	err = parallel(len(lines), len(lines), func(i int) error {
		for k := int64(10); time.Now().Before(deadline); k++ {
			if err := lines[i].send(k, text); err != nil {
				return err
			}
			n.Add(1)
		}
		return nil
	})
	return float64(n.Load()) / b.length.Seconds(), err
}

func (b *bench) messages(ctx context.Context) error {
	ours, bound, err := b.interleave(
		func() (float64, error) { return b.saturate(ctx, b.usherRelay) },
		func() (float64, error) { return b.saturate(ctx, b.miniRelay) })
	if err != nil {
		return err
	}
	b.add("durable messages/s, 100 senders, 50 rooms, 500 bytes", f0(ours), f0(bound), f2(ours/bound), "≥ 0.30", ours/bound >= 0.30)
	return nil
}

// pace sends at a fixed rate and returns the 99th percentile of the time from writing a text to the other member's hearing it.
func (b *bench) pace(ctx context.Context, open relay) (float64, error) {
	var mu sync.Mutex
	var took []time.Duration
	lines, stop, err := open(ctx, latencyRooms, func(body []byte, l *line) {
		now := time.Now().UnixNano()
		stamp, rest, _ := bytes.Cut(body, []byte(" "))
		sender, _, _ := bytes.Cut(rest, []byte(" "))
		at, err := strconv.ParseInt(string(stamp), 10, 64)
		if err != nil || string(sender) == l.name {
			return
		}
		mu.Lock()
		took = append(took, time.Duration(now-at))
		mu.Unlock()
	})
	if err != nil {
		return 0, err
	}
	defer stop()
	fill := strings.Repeat("x", textSize-40)
	err = parallel(len(lines), len(lines), func(i int) error {
		every := time.Duration(len(lines)) * time.Second / latencyRate
		next := time.Now().Add(time.Duration(i) * every / time.Duration(len(lines)))
		for k := int64(10); k < 10+int64(b.length/every); k++ {
			time.Sleep(time.Until(next))
			next = next.Add(every)
			if err := lines[i].send(k, fmt.Sprintf("%d %s %s", time.Now().UnixNano(), lines[i].name, fill)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	time.Sleep(100 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	return quantile(took, 0.99), nil
}

func (b *bench) latency(ctx context.Context) error {
	ours, bound, err := b.interleave(
		func() (float64, error) { return b.pace(ctx, b.usherRelay) },
		func() (float64, error) { return b.pace(ctx, b.miniRelay) })
	if err != nil {
		return err
	}
	b.add("end-to-end p99 at 500 msg/s, 500 connections", f2(ours)+" ms", f2(bound)+" ms", f2(ours/bound), "≤ 4", ours/bound <= 4)
	return nil
}

// post lets 64 clients create messages one after the other and returns how many a second.
func (b *bench) post(ctx context.Context, request func(i int) (*http.Request, error)) (float64, error) {
	var n atomic.Int64
	deadline := time.Now().Add(b.length)
	err := parallel(restClients, restClients, func(i int) error {
		for time.Now().Before(deadline) {
			req, err := request(i)
			if err != nil {
				return err
			}
			res, err := client.Do(req.WithContext(ctx))
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				return err
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusCreated {
				return fmt.Errorf("status %s", res.Status)
			}
			n.Add(1)
		}
		return nil
	})
	return float64(n.Load()) / b.length.Seconds(), err
}

func (b *bench) rest(ctx context.Context) error {
	text := strings.Repeat("x", textSize)
	ours := func() (float64, error) {
		dir, err := os.MkdirTemp(b.dir, "usher-")
		if err != nil {
			return 0, err
		}
		p, err := b.usher(ctx, dir)
		if err != nil {
			return 0, err
		}
		defer p.stop()
		service, channels, err := p.rooms(ctx, sendRooms)
		if err != nil {
			return 0, err
		}
		for i, c := range channels {
			if _, err := p.join(c, who(i, 1), service, nil); err != nil {
				return 0, err
			}
		}
		auth := "Basic " + base64.StdEncoding.EncodeToString([]byte(accountSID+":"+authToken))
		return b.post(ctx, func(i int) (*http.Request, error) {
			form := url.Values{"Body": {text}, "From": {who(i%sendRooms, 0)}}.Encode()
			req, err := http.NewRequest("POST", "http://"+p.addr+"/chat/v2/Services/"+service+"/Channels/"+channels[i%sendRooms]+"/Messages", strings.NewReader(form))
			if err == nil {
				req.Header.Set("Authorization", auth)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			return req, err
		})
	}
	bound := func() (float64, error) {
		lines, stop, err := b.miniRelay(ctx, sendRooms, nil)
		if err != nil {
			return 0, err
		}
		defer stop()
		addr := lines[0].conn.Net().RemoteAddr().String()
		return b.post(ctx, func(i int) (*http.Request, error) {
			return http.NewRequest("POST", "http://"+addr+"/?room="+strconv.Itoa(i%sendRooms), strings.NewReader(text))
		})
	}
	o, m, err := b.interleave(ours, bound)
	if err != nil {
		return err
	}
	b.add("REST create message/s, 64 clients", f0(o), f0(m), f2(o/m), "≥ 0.30", o/m >= 0.30)
	return nil
}

func f0(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
func f2(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
