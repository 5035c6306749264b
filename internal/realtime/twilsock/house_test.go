package twilsock

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

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/look"
	"usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// house is a server on a real database.
type house struct {
	t       testing.TB
	db      *db.DB
	account int64
	log     *event.Log
	rooms   *chat.Chat
	service chat.Service
	hub     *realtime.Hub
	server  *Server
	tokens  *tokens
	url     string
}

// tokens understands "identity role milliseconds [key]", and lets tests revoke keys.
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
	switch {
	case k.down:
		return account.Actor{}, db.ErrUnavailable
	case len(f) < 3:
		return account.Actor{}, fault.New(20101, "")
	case f[2] == "0":
		return account.Actor{}, fault.New(20104, "")
	case f[2] == "-":
		return account.Actor{}, fault.New(20005, "")
	}
	ms, _ := strconv.Atoi(f[2])
	a := account.Actor{
		Account: k.account, AccountSID: accountSID, Role: account.Role(f[1]), Identity: f[0], ChatService: k.service,
		Expires: time.Now().Add(time.Duration(ms) * time.Millisecond),
	}
	if len(f) > 3 {
		a.Key = sid.SID(f[3])
	}
	if len(f) > 4 {
		a.ChatService = sid.SID(f[4])
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

func newHouse(t testing.TB, d *db.DB, change func(*Options)) *house {
	t.Helper()
	b := bus.NewMemory()
	h := &house{t: t, db: d, tokens: &tokens{revoked: map[sid.SID]bool{}}}
	h.log = event.New(d, b, job.New(d, b), map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}, nil)
	presence := &realtime.Presence{}
	h.rooms = chat.New(chat.Deps{DB: d, Log: h.log, Ring: d.Ring(), Presence: presence})
	h.do(func(tx *db.Tx) (err error) {
		if h.account, err = db.CreateKeyset(tx); err != nil {
			return err
		}
		h.service, err = h.rooms.CreateServiceTx(tx, h.account, chat.NewService{FriendlyName: "test"})
		return err
	})
	h.tokens.service, h.tokens.account = h.service.SID, h.account
	h.hub = realtime.New(realtime.Options{Log: realtime.SQLLog{DB: d, Log: h.log}, Shards: 4, Batch: 7, GapWait: 2 * time.Millisecond})
	b.Subscribe(bus.Events, func(v any) { h.hub.Event(v.(event.Event)) })
	o := Options{
		Hub: h.hub, Chat: h.rooms, Push: push.New(d, h.rooms),
		Look: &look.Looker{Rooms: h.rooms, DB: d, Ring: d.Ring(), Presence: presence},
		Rules: socket.Rules{
			Tokens: h.tokens, Presence: presence, Recheck: 20 * time.Millisecond, Limits: Limits{SendRate: -1, RequestRate: -1},
			Logger: slog.New(slog.DiscardHandler),
		},
	}
	if change != nil {
		change(&o)
	}
	h.server = New(o)
	web := httptest.NewServer(h.server)
	h.url = "ws" + strings.TrimPrefix(web.URL, "http") + "/v3/wsconnect"
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.server.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
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

// channel makes a channel with members.
func (h *house) channel(n chat.NewChannel, members ...string) sid.SID {
	h.t.Helper()
	var ch chat.Channel
	h.do(func(tx *db.Tx) (err error) {
		if ch, err = h.rooms.CreateChannelTx(tx, h.service, n); err != nil {
			return err
		}
		for _, m := range members {
			if _, err = h.rooms.AddMemberTx(tx, &ch, chat.NewMember{Identity: m, FriendlyName: strings.ToUpper(m)}); err != nil {
				return err
			}
		}
		return nil
	})
	return ch.SID
}

// in does something with a channel from inside.
func (h *house) in(channel sid.SID, fn func(tx *db.Tx, ch *chat.Channel) error) {
	h.t.Helper()
	h.do(func(tx *db.Tx) error {
		ch, err := h.rooms.ChannelTx(tx, h.account, channel)
		if err != nil {
			return err
		}
		ch.ServiceSID = h.service.SID
		return fn(tx, &ch)
	})
}

func (h *house) post(channel sid.SID, body string) {
	h.t.Helper()
	h.in(channel, func(tx *db.Tx, ch *chat.Channel) error {
		_, _, err := h.rooms.SendTx(tx, ch, chat.NewMessage{Author: "system", Body: body})
		return err
	})
}

func (h *house) remove(channel sid.SID, identity string) {
	h.t.Helper()
	h.in(channel, func(tx *db.Tx, ch *chat.Channel) error {
		_, err := h.rooms.RemoveMemberTx(tx, ch, identity)
		return err
	})
}

// client is the other end of a connection.
type client struct {
	t      testing.TB
	ws     *gws.Conn
	frames chan frame
	done   chan struct{}
	code   uint16
	n      int
	early  []frame // came while something else was waited for
}

// frame is what the server sent.
type frame struct {
	answer
	body map[string]any
}

type clientEvents struct {
	gws.BuiltinEventHandler
	c *client
}

func (e *clientEvents) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	raw := m.Bytes()
	_, payload, err := parse(raw)
	if err != nil || m.Opcode != gws.OpcodeBinary {
		e.c.t.Errorf("the server sent %q: %v", raw, err)
		return
	}
	var f frame
	head := raw[strings.Index(string(raw), "\r\n")+2:]
	head = head[:strings.LastIndex(string(head[:len(head)-len(payload)]), "\r\n")]
	if err := json.Unmarshal(head, &f.answer); err != nil {
		e.c.t.Errorf("the header %q: %v", head, err)
	}
	if len(payload) > 0 && payload[0] == '{' {
		if err := json.Unmarshal(payload, &f.body); err != nil {
			e.c.t.Errorf("the payload %q: %v", payload, err)
		}
	}
	e.c.frames <- f
}

func (e *clientEvents) OnClose(_ *gws.Conn, err error) {
	if c, ok := err.(*gws.CloseError); ok { //nolint:errorlint // that is what the library gives
		e.c.code = c.Code
	}
	close(e.c.done)
}

func (h *house) dial() *client {
	h.t.Helper()
	c, err := h.dialAt(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) dialAt(url string) (*client, error) {
	c := &client{t: h.t, frames: make(chan frame, 10_000), done: make(chan struct{})}
	ws, _, err := gws.NewClient(&clientEvents{c: c}, &gws.ClientOption{Addr: url})
	if err != nil {
		return nil, err
	}
	c.ws = ws
	go ws.ReadLoop()
	h.t.Cleanup(c.cut)
	return c, nil
}

func (c *client) cut() { _ = c.ws.NetConn().Close() }

// open signs in.
func (h *house) open(token string) *client {
	h.t.Helper()
	c := h.dial()
	if f := c.ask(fmt.Sprintf(`{"method":"init","id":"init","token":%q}`, token), ""); f.Status.Code != 200 {
		h.t.Fatalf("init: %+v", f.Status)
	}
	return c
}

func (c *client) raw(frame string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(gws.OpcodeBinary, []byte(frame)); err != nil {
		c.t.Logf("write: %v", err)
	}
}

// next answers the next frame that fits, and keeps the others.
func (c *client) next(what string, fits func(frame) bool) frame {
	c.t.Helper()
	for i, f := range c.early {
		if fits(f) {
			c.early = append(c.early[:i:i], c.early[i+1:]...)
			return f
		}
	}
	timeout := time.After(time.Minute)
	for {
		select {
		case f := <-c.frames:
			if fits(f) {
				return f
			}
			c.early = append(c.early, f)
		case <-c.done:
			if len(c.frames) > 0 {
				continue // what came before the end
			}
			c.t.Fatalf("%s: the connection ended with %d", what, c.code)
		case <-timeout:
			c.t.Fatalf("%s did not come", what)
		}
	}
}

// ask sends a frame and answers its reply.
func (c *client) ask(head, payload string) frame {
	c.t.Helper()
	var h struct{ ID string }
	if err := json.Unmarshal([]byte(head), &h); err != nil {
		c.t.Fatal(err)
	}
	c.raw(frameOf(head, payload))
	return c.next("reply to "+h.ID, func(f frame) bool { return f.Method == "reply" && f.ID == h.ID })
}

// call asks as if by HTTP.
func (c *client) call(method, path string, params map[string]string, body string) frame {
	c.t.Helper()
	c.n++
	head, err := json.Marshal(map[string]any{
		"method": "message", "id": fmt.Sprint("TM", c.n), "payload_size": len(body), "active_grant": "ip_messaging",
		"http_request": map[string]any{"host": "aim.us1.twilio.com", "path": path, "method": method, "params": params},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	f := c.ask(string(head), body)
	if f.HTTPStatus == nil {
		c.t.Fatalf("%s %s: %+v", method, path, f)
	}
	return f
}

// ok is call, and expects success.
func (c *client) ok(method, path string, params map[string]string, body string) map[string]any {
	c.t.Helper()
	f := c.call(method, path, params, body)
	if f.HTTPStatus.Code/100 != 2 {
		c.t.Fatalf("%s %s: %+v", method, path, f.HTTPStatus)
	}
	return f.body
}

// refused is call, and expects a code.
func (c *client) refused(code int, method, path string, params map[string]string, body string) {
	c.t.Helper()
	f := c.call(method, path, params, body)
	if got, _ := f.body["code"].(float64); int(got) != code || f.HTTPStatus.Code/100 == 2 || f.HTTPStatus.Status == "" {
		c.t.Errorf("%s %s: %+v %v, want %d", method, path, f.HTTPStatus, f.body, code)
	}
}

// subscribe asks for objects, and answers what became of each, in order.
func (c *client) subscribe(wishes ...wish) []frame {
	c.t.Helper()
	c.n++
	correlation := int64(c.n)
	for i := range wishes {
		if wishes[i].SID == "" {
			wishes[i].SID, wishes[i].Form = wishes[i].object.sid(), wishes[i].object.form()
		}
	}
	body, err := json.Marshal(map[string]any{"event_protocol_version": 3, "action": "establish", "correlation_id": correlation, "requests": wishes})
	if err != nil {
		c.t.Fatal(err)
	}
	c.ok("POST", "/v4/Subscriptions", nil, string(body))
	var out []frame
	for range wishes {
		out = append(out, c.next("subscription", func(f frame) bool {
			return f.body["correlation_id"] == float64(correlation) && strings.HasPrefix(f.body["event_type"].(string), "subscription_")
		}))
	}
	return out
}

// hears waits for an event.
func (c *client) hears(kind string, fits func(event map[string]any) bool) map[string]any {
	c.t.Helper()
	f := c.next(kind, func(f frame) bool {
		if f.Method != "notification" || f.body["event_type"] != kind {
			return false
		}
		return fits == nil || fits(f.body["event"].(map[string]any))
	})
	return f.body["event"].(map[string]any)
}

// heard takes what came so far, and answers the events.
func (c *client) heard() []string {
	c.call("GET", "/v2/MyChannels", nil, "") // everything before its answer has come with it
	var kinds []string
	for _, f := range c.early {
		if f.Method == "notification" {
			kinds = append(kinds, fmt.Sprint(f.body["event_type"]))
		}
	}
	c.early = nil
	return kinds
}

// ends waits for the end of a connection.
func (c *client) ends(code uint16) {
	c.t.Helper()
	select {
	case <-c.done:
		if c.code != code {
			c.t.Errorf("closed with %d, want %d", c.code, code)
		}
	case <-time.After(time.Minute):
		c.t.Error("the connection did not end")
	}
}

// actor is somebody with a token.
func (h *house) actor(identity string) account.Actor {
	a, err := h.tokens.Token(context.Background(), identity+" visitor 60000")
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}
