package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"usher/test/load"
)

// Shapes of the measurements of the chat libraries' socket.
const (
	idleChats  = 5_000
	chatStarts = 200
)

// chat opens a connection as the chat libraries do, and follows a channel.
func (p *process) chat(ctx context.Context, channel, identity, service string, heard func([]byte)) (*load.Chat, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := load.OpenChat(ctx, "ws://"+p.addr+"/v3/wsconnect", "", token(identity, service), heard)
	if err != nil {
		return nil, err
	}
	if err := c.Begin(ctx); err != nil {
		return nil, err
	}
	if channel == "" {
		return c, nil
	}
	return c, c.FollowChannel(ctx, channel)
}

// prepared is a fresh process that has rooms, and has not made them.
func (b *bench) prepared(ctx context.Context, rooms int) (p *process, service string, channels []string, err error) {
	dir, err := os.MkdirTemp(b.dir, "usher-")
	if err != nil {
		return nil, "", nil, err
	}
	if p, err = b.usher(ctx, dir); err != nil {
		return nil, "", nil, err
	}
	service, channels, err = p.rooms(ctx, rooms)
	p.stop()
	if err != nil {
		return nil, "", nil, err
	}
	p, err = b.usher(ctx, dir)
	return p, service, channels, err
}

// idleChat measures what one more connection of a chat library costs that follows its channel, its channels and itself.
func (b *bench) idleChat(ctx context.Context) error {
	p, service, channels, err := b.prepared(ctx, idleChats/2)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.chat(ctx, channels[0], who(0, 0), service, nil); err != nil {
		return err
	}
	before, err := p.settled()
	if err != nil {
		return err
	}
	chats := make([]*load.Chat, idleChats)
	begin := time.Now()
	err = parallel(32, idleChats, func(i int) error {
		var err error
		chats[i], err = p.chat(ctx, channels[i/2], who(i/2, i%2), service, nil)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d chat clients came in %s\n", idleChats, time.Since(begin).Round(time.Millisecond))
	after, err := p.settled()
	if err != nil {
		return err
	}
	each := float64(after-before) / idleChats / 1024
	b.add("idle chat-SDK connection at 5,000, following its channel, resident", f2(each)+" KB", "", "", "≤ 40 KB", each <= 40)
	for _, c := range chats {
		c.Cut()
	}
	return nil
}

// beginChat measures the time from dialling until a client has all that it begins with. The bound is Usher's own stream.
func (b *bench) beginChat(ctx context.Context) error {
	p, service, channels, err := b.prepared(ctx, 10)
	if err != nil {
		return err
	}
	defer p.stop()
	var ours, bound []time.Duration
	for i := range chatStarts {
		begin := time.Now()
		c, err := p.chat(ctx, "", who(i%10, 0), service, nil)
		if err != nil {
			return err
		}
		ours = append(ours, time.Since(begin))
		c.Cut()
		begin = time.Now()
		l, err := p.join(channels[i%10], who(i%10, 0), service, nil)
		if err != nil {
			return err
		}
		bound = append(bound, time.Since(begin))
		l.conn.Cut()
	}
	slices.Sort(ours)
	slices.Sort(bound)
	o, m := quantile(ours, 0.99), quantile(bound, 0.99)
	b.add("chat SDK, dial to initialized, p99 of 200 (bound: the stream, dial to subscribed)", f2(o)+" ms", f2(m)+" ms", f2(o/m), "≤ 150 ms", o <= 150)
	return nil
}

// postPaced creates messages by REST at a fixed rate and answers the 99th percentile of the time from asking until a client of the
// room has heard it. join opens that client.
func (b *bench) postPaced(ctx context.Context, join func(p *process, room int, channel, service string, heard func([]byte)) error) (float64, error) {
	p, service, channels, err := b.prepared(ctx, latencyRooms)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	var mu sync.Mutex
	var took []time.Duration
	heard := func(text []byte) {
		now := time.Now().UnixNano()
		stamp, _, _ := bytes.Cut(text, []byte(" "))
		at, err := strconv.ParseInt(string(stamp), 10, 64)
		if err != nil {
			return
		}
		mu.Lock()
		took = append(took, time.Duration(now-at))
		mu.Unlock()
	}
	err = parallel(16, latencyRooms, func(i int) error { return join(p, i, channels[i], service, heard) })
	if err != nil {
		return 0, err
	}
	fill := strings.Repeat("x", textSize-20)
	every := latencyRooms * time.Second / latencyRate
	each := int(b.length / every)
	err = parallel(latencyRooms, latencyRooms, func(i int) error {
		next := time.Now().Add(time.Duration(i) * every / latencyRooms)
		for range each {
			time.Sleep(time.Until(next))
			next = next.Add(every)
			form := url.Values{"From": {"system"}, "Body": {strconv.FormatInt(time.Now().UnixNano(), 10) + " " + fill}}
			if _, err := p.api(ctx, "POST", "/chat/v2/Services/"+service+"/Channels/"+channels[i]+"/Messages", form); err != nil {
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
	if len(took) != each*latencyRooms {
		return 0, fmt.Errorf("%d of %d messages were heard", len(took), each*latencyRooms)
	}
	slices.Sort(took)
	return quantile(took, 0.99), nil
}

var textKey = []byte(`"text":"`)

func (b *bench) hearChat(ctx context.Context) error {
	ours, bound, err := b.interleave(
		func() (float64, error) {
			return b.postPaced(ctx, func(p *process, room int, channel, service string, heard func([]byte)) error {
				_, err := p.chat(ctx, channel, who(room, 0), service, func(payload []byte) {
					if at := bytes.Index(payload, textKey); at >= 0 {
						heard(payload[at+len(textKey):])
					}
				})
				return err
			})
		},
		func() (float64, error) {
			return b.postPaced(ctx, func(p *process, room int, channel, service string, heard func([]byte)) error {
				_, err := p.join(channel, who(room, 0), service, func(body []byte, _ *line) { heard(body) })
				return err
			})
		})
	if err != nil {
		return err
	}
	b.add("REST to a chat SDK, p99 at 500 msg/s (bound: to the stream)", f2(ours)+" ms", f2(bound)+" ms", f2(ours/bound), "≤ 2", ours/bound <= 2)
	return nil
}
