package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/media"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/realtime/stream"
	"usher/internal/sid"
	"usher/test/load"
)

// house is a stream server on a real database, with a bus that tests can disturb.
type house struct {
	t       *testing.T
	db      *db.DB
	account int64
	log     *event.Log
	rooms   *chat.Chat
	files   *media.Store
	service chat.Service
	hub     *realtime.Hub
	server  *stream.Server
	tokens  *tokens
	url     string
	bus     *bus.Memory
	// pass decides what the hub gets of an event; nil = everything, once.
	pass func(event.Event) []event.Event
	stop context.CancelFunc
	done chan struct{}
}

// tokens understands "identity role seconds", and lets tests revoke keys.
type tokens struct {
	mu      sync.Mutex
	revoked map[sid.SID]bool
	service sid.SID
	account int64
	down    bool
}

const accountSID sid.SID = "AC0123456789abcdef0123456789abcdef"

func (k *tokens) Token(_ context.Context, jwt string) (account.Actor, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := strings.Fields(jwt)
	if k.down {
		return account.Actor{}, db.ErrUnavailable
	}
	if len(f) < 3 {
		return account.Actor{}, fault.New(20101, "")
	}
	ms, _ := strconv.Atoi(f[2])
	a := account.Actor{
		Account: k.account, AccountSID: accountSID, Role: account.Role(f[1]), Identity: f[0], ChatService: k.service,
		Expires: time.Now().Add(time.Duration(ms) * time.Millisecond),
	}
	if len(f) > 3 {
		a.Key = sid.SID(f[3])
	}
	if k.revoked[a.Key] {
		return account.Actor{}, fault.New(20103, "")
	}
	return a, nil
}

func (k *tokens) Recheck(_ context.Context, a account.Actor) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.revoked[a.Key] {
		return fault.New(20103, "")
	}
	return nil
}

func newHouse(t *testing.T, d *db.DB, change func(*stream.Options)) *house {
	t.Helper()
	h := &house{t: t, db: d, bus: bus.NewMemory(), tokens: &tokens{revoked: map[sid.SID]bool{}}, done: make(chan struct{})}
	h.log = event.New(d, h.bus, job.New(d, h.bus), map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}, nil)
	blobs, err := blob.Open(blob.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h.files = media.New(media.Deps{DB: d, Blobs: blobs, Rules: media.Rules{MaxBytes: 1 << 10, VisitorBytes: 1 << 10}})
	h.rooms = chat.New(chat.Deps{DB: d, Log: h.log, Ring: d.Ring(), Media: h.files})
	h.do(func(tx *db.Tx) (err error) {
		if h.account, err = db.CreateKeyset(tx); err != nil {
			return err
		}
		h.service, err = h.rooms.CreateServiceTx(tx, h.account, chat.NewService{FriendlyName: "test"})
		return err
	})
	h.tokens.service, h.tokens.account = h.service.SID, h.account
	h.hub = realtime.New(realtime.Options{Log: realtime.SQLLog{DB: d, Log: h.log}, Shards: 4, Batch: 7, GapWait: 2 * time.Millisecond})
	h.bus.Subscribe(bus.Events, func(v any) {
		e := v.(event.Event)
		if h.pass == nil {
			h.hub.Event(e)
			return
		}
		for _, e := range h.pass(e) {
			h.hub.Event(e)
		}
	})
	products := stream.Products{DB: d, Log: h.log, Rooms: h.rooms}
	o := stream.Options{
		Hub: h.hub, Streams: products, Chat: products, Rules: socket.Rules{
			Tokens: h.tokens, Recheck: 20 * time.Millisecond, Limits: stream.Limits{SendRate: -1, RequestRate: -1},
			Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		},
	}
	if change != nil {
		change(&o)
	}
	h.server = stream.New(o)
	web := httptest.NewServer(h.server)
	h.url = "ws" + strings.TrimPrefix(web.URL, "http") + "/stream"
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go func() {
		defer close(h.done)
		_ = h.server.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-h.done
		h.hub.Close()
		web.Close()
	})
	return h
}

func (h *house) do(fn func(tx *db.Tx) error) {
	h.t.Helper()
	if err := h.db.Do(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// channel makes a private channel with members.
func (h *house) channel(members ...string) string {
	h.t.Helper()
	var ch chat.Channel
	h.do(func(tx *db.Tx) (err error) {
		if ch, err = h.rooms.CreateChannelTx(tx, h.service, chat.NewChannel{Private: true}); err != nil {
			return err
		}
		for _, m := range members {
			if _, err = h.rooms.AddMemberTx(tx, &ch, chat.NewMember{Identity: m, FriendlyName: strings.ToUpper(m)}); err != nil {
				return err
			}
		}
		return nil
	})
	return string(ch.SID)
}

// post writes a message from inside.
func (h *house) post(channel, body string) {
	h.t.Helper()
	h.do(func(tx *db.Tx) error {
		ch, err := h.rooms.ChannelTx(tx, h.account, sid.SID(channel))
		if err != nil {
			return err
		}
		_, _, err = h.rooms.SendTx(tx, &ch, chat.NewMessage{Author: "system", Body: body})
		return err
	})
}

func (h *house) remove(channel, identity string) {
	h.t.Helper()
	h.do(func(tx *db.Tx) error {
		ch, err := h.rooms.ChannelTx(tx, h.account, sid.SID(channel))
		if err != nil {
			return err
		}
		_, err = h.rooms.RemoveMemberTx(tx, &ch, identity)
		return err
	})
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	h.t.Cleanup(cancel)
	return ctx
}

// open signs in as a visitor.
func (h *house) open(identity string) *load.Client { return h.openAs(identity + " visitor 3600000") }

func (h *house) openAs(token string) *load.Client {
	h.t.Helper()
	c, err := load.Open(h.ctx(), h.url, token)
	if err != nil {
		h.t.Fatal(err)
	}
	if c.Welcome.Type != "welcome" {
		h.t.Fatalf("hello: %+v", c.Welcome)
	}
	h.t.Cleanup(c.Cut)
	return c
}

// raw opens a connection that has not said hello.
func (h *house) raw() (*load.Conn, chan load.Frame) {
	h.t.Helper()
	frames := make(chan load.Frame, 1000)
	c, err := load.Dial(h.url, "", func(b []byte) {
		var f load.Frame
		if err := json.Unmarshal(b, &f); err != nil {
			f.Type = "garbage"
		}
		frames <- f
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Cut)
	return c, frames
}

func (h *house) wantClosed(c *load.Conn, want uint16) string {
	h.t.Helper()
	code, why, err := c.Closed(h.ctx())
	if err != nil || code != want {
		h.t.Errorf("closed with %d %q (%v), want %d", code, why, err, want)
	}
	return why
}

func (h *house) request(c *load.Client, format string, args ...any) load.Frame {
	h.t.Helper()
	f, err := c.Request(h.ctx(), fmt.Sprintf(format, args...))
	if err != nil {
		h.t.Fatalf(format+": %v", append(args, err)...)
	}
	return f
}

func (h *house) subscribe(c *load.Client, channel, epoch string, offset int64) load.Subscribed {
	h.t.Helper()
	s, err := c.Subscribe(h.ctx(), channel, epoch, offset)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// wait waits until something is so.
func (h *house) wait(so func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := h.ctx(); !so(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.t.Fatal("it did not happen")
		}
	}
}

// next answers the next frame that is no answer.
func (h *house) next(c *load.Client) load.Frame {
	h.t.Helper()
	f, err := c.Next(h.ctx())
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func (h *house) send(c *load.Client, channel, id, body string) (load.Message, bool) {
	h.t.Helper()
	m, repeated, err := c.Send(h.ctx(), channel, id, body)
	if err != nil {
		h.t.Fatal(err)
	}
	return m, repeated
}

func sqlite(t *testing.T) *db.DB { return dbtest.SQLite(t) }
