package twilsock

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/chat"
	"usher/internal/db/dbtest"
	"usher/internal/realtime/socket"
)

// printed is a log that tests can read.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// talk lets a connection handle frames, and answers the messages that it wrote.
func (h *house) talk(t *testing.T, frames [][]byte) (messages []string) {
	server, client := net.Pipe()
	var out bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = out.ReadFrom(client)
	}()
	gone := h.server.set.Talk(server, func(raw *socket.Conn) socket.Wire { return &conn{srv: h.server, raw: raw, origin: "https://x"} },
		frames, socket.CloseFrame(closeGoingAway, ""))
	<-read
	gone()
	for b := out.Bytes(); len(b) > 2; {
		n, head := int(b[1]), 2
		switch n {
		case 126:
			n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		case 127:
			n, head = int(binary.BigEndian.Uint64(b[2:])), 10
		}
		messages = append(messages, string(b[head:head+n]))
		b = b[head+n:]
	}
	return messages
}

const hello = `{"method":"init","id":"i","token":"ann visitor 60000"}`

// request is a frame that asks as if by HTTP.
func request(id, method, path, body string) string {
	return frameOf(fmt.Sprintf(`{"method":"message","id":%q,"payload_size":%d,"http_request":{"method":%q,"path":%q}}`, id, len(body), method, path), body)
}

// FuzzTalk sends whole conversations, frames apart by a zero byte: none may make the handler panic, block, answer that it is
// broken, or leave a watch.
func FuzzTalk(f *testing.F) {
	var log printed
	h := newHouse(f, dbtest.SQLite(f), func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Limits.PerIdentity, o.Recheck = -1, time.Hour
	})
	room := h.channel(chat.NewChannel{Private: true}, "ann")
	h.post(room, "x")
	list := object{messages, room}.sid()
	wish := func(fields string) string {
		return request("s", "POST", "/v4/Subscriptions", `{"action":"establish","correlation_id":1,"requests":[{"object_sid":"`+list+`",`+fields+`}]}`)
	}
	init := frameOf(hello, "")
	for _, frames := range [][]string{
		{""},
		{init},
		{init, init},
		{init, wish(`"last_event_id":0`), wish(`"last_event_id":1`)},
		{init, request("s", "POST", "/v4/Subscriptions", `{"action":"cancel","requests":[{"object_sid":"`+list+`"}]}`)},
		{init, wish(`"last_event_id":9223372036854775807`)},
		{init, wish(`"last_event_id":-9223372036854775808`)},
		{init, request("l", "POST", "/v3/Lists", "{}"), request("l", "POST", "/v3/Lists/ES1/Items", `{"data":{"commandId":"x","request":{"action":"sendMessage","channelSid":"`+string(room)+`","text":"x"}}}`)},
		{init, frameOf(`{"method":"update","id":"u","token":"ann visitor 60000"}`, ""), frameOf(`{"method":"close","id":"c"}`, ""), init},
		{init, frameOf(`{"method":"put_notification_ctx","id":"n"}`, ""), frameOf(`{"method":"reply","id":"i"}`, ""), frameOf(`{"method":"telemetry.v1"}`, "")},
	} {
		f.Add([]byte(strings.Join(frames, "\x00")))
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		before := h.hub.Stats().Watches
		for _, m := range h.talk(t, bytes.Split(frames, []byte{0})) {
			if strings.Contains(m, `"http_status":{"code":500`) || strings.Contains(m, `"status":{"code":500`) {
				t.Errorf("answered %.500q", m)
			}
		}
		if n := h.hub.Stats().Watches; n != before {
			t.Errorf("%d watches are left", n-before)
		}
		if strings.Contains(log.String(), "panic") {
			t.Fatal(log.String())
		}
	})
}

// TestNumbers_atTheEnds subscribes from numbers that no client has seen.
func TestNumbers_atTheEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := h.channel(chat.NewChannel{Private: true}, "ann")
	h.post(room, "x")
	for _, last := range []int64{math.MaxInt64, math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1, 3, -3} {
		for k := range kindsCount {
			o := object{k, room}
			if kinds[k].owner == "US" {
				u, err := h.rooms.GetUser(context.Background(), h.actor("ann"), h.service.SID, "ann")
				if err != nil {
					t.Fatal(err)
				}
				o.owner = u.SID
			}
			out := strings.Join(h.talk(t, [][]byte{[]byte(frameOf(hello, "")), []byte(request("s", "POST", "/v4/Subscriptions",
				fmt.Sprintf(`{"action":"establish","correlation_id":1,"requests":[{"object_sid":%q,"last_event_id":%d}]}`, o.sid(), last)))}), "\n")
			if !strings.Contains(out, `"method":"close"`) && !strings.Contains(out, "subscription_established") || strings.Contains(out, "_item_added") {
				t.Errorf("%s after %d: %s", o.sid(), last, out)
			}
		}
	}
	if n := h.hub.Stats().Watches; n != 0 {
		t.Errorf("%d watches are left", n)
	}
}

// TestReplays sends old frames again: what was done is not done twice.
func TestReplays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := h.channel(chat.NewChannel{Private: true}, "ann")
	send := frameOf(fmt.Sprintf(`{"method":"message","id":"m","payload_size":15,"http_request":{"method":"POST",
		"path":"/Client/v1/Conversations/%s/Messages","headers":{"x-twilio-mutation-id":"one"}}}`, room), `{"body":"once"}`)
	frames := [][]byte{[]byte(frameOf(hello, ""))}
	for range 5 {
		frames = append(frames, []byte(send))
	}
	for range 2 { // on the same connection, and on another
		for _, m := range h.talk(t, frames)[1:] {
			if strings.Contains(m, "http_status") && !strings.Contains(m, `"index":0,`) {
				t.Errorf("answered %q", m)
			}
		}
	}
	kept, err := h.rooms.History(context.Background(), h.actor("ann"), room, nil, 10)
	if err != nil || len(kept) != 1 {
		t.Errorf("%d messages are kept, %v", len(kept), err)
	}
}
