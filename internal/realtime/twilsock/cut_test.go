package twilsock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/sid"
	"usher/test/load"
)

// follower is a client that does what the libraries do: it comes back after every cut with its continuation token, follows what
// it followed from the last numbers that it has seen, confirms what it hears, and asks again, under the same name, for what was
// not answered.
type follower struct {
	h        *house
	t        *testing.T
	url      string
	room     sid.SID
	commands bool // as 3 and 4 do; otherwise as 5 and 6

	continuation string
	session      string           // of 3 and 4
	last         map[string]int64 // numbers of events, by the SID of the object
	seen         []int64          // indexes of messages, in the order in which they came
	joined       []string
	unsent       []string
	sent         func() // is called after each
	n            int
	cuts         int
}

var errCut = errors.New("the connection was cut")

// run follows until everything is sent, all messages up to an index have come, and somebody has joined.
func (f *follower) run(ctx context.Context, until int64) {
	for ; ctx.Err() == nil && !f.has(until); f.cuts++ {
		if err := f.connection(ctx, until); err != nil && !errors.Is(err, errCut) {
			f.t.Error(err)
			return
		}
	}
}

func (f *follower) has(until int64) bool {
	return len(f.unsent) == 0 && len(f.joined) > 0 && len(f.seen) > 0 && f.seen[len(f.seen)-1] >= until
}

func (f *follower) connection(ctx context.Context, until int64) error {
	c, err := f.h.dialAt(f.url)
	if err != nil {
		return errCut
	}
	defer c.cut()
	first, err := f.request(ctx, c, map[string]any{"method": "init", "token": "ann visitor 3600000", "continuation_token": f.continuation}, "")
	if err != nil {
		return err
	}
	if first.Status.Code != 200 || f.continuation != "" && first.ContinuationStatus.Reissued {
		return fmt.Errorf("init: %+v %+v", first.Status, first.ContinuationStatus)
	}
	f.continuation = first.Continuation
	if f.commands && f.session == "" {
		made, err := f.call(ctx, c, "/v3/Lists", `{}`, nil)
		if err != nil {
			return err
		}
		f.session = made.body["sid"].(string)
		f.last[f.session] = 0
	}
	if err := f.subscribe(ctx, c); err != nil {
		return err
	}
	for len(f.unsent) > 0 {
		if err := f.send(ctx, c, f.unsent[0]); err != nil {
			return err
		}
		f.unsent = f.unsent[1:]
		f.sent()
	}
	return f.await(ctx, c, func(frame) bool { return f.has(until) })
}

// subscribe follows everything, and waits until all of it is established.
func (f *follower) subscribe(ctx context.Context, c *client) error {
	var wishes []map[string]any
	for name, last := range f.last {
		wishes = append(wishes, map[string]any{"object_sid": name, "object_type": "list", "last_event_id": last})
	}
	body, err := json.Marshal(map[string]any{"action": "establish", "correlation_id": 1, "requests": wishes})
	if err != nil {
		return err
	}
	if _, err := f.call(ctx, c, "/v4/Subscriptions", string(body), nil); err != nil {
		return err
	}
	waiting := len(wishes)
	return f.await(ctx, c, func(got frame) bool {
		if got.body["event_type"] == "subscription_established" {
			waiting--
		}
		return waiting == 0
	})
}

// send writes a message and waits until it is known to be written. Its text is also its name.
func (f *follower) send(ctx context.Context, c *client, text string) error {
	if !f.commands {
		_, err := f.call(ctx, c, "/Client/v1/Conversations/"+string(f.room)+"/Messages", fmt.Sprintf(`{"body":%q}`, text), map[string]any{"X-Twilio-Mutation-Id": text})
		return err
	}
	answered := false
	response := func(got frame) bool {
		e, _ := got.body["event"].(map[string]any)
		data, _ := e["item_data"].(map[string]any)
		if data["commandId"] == text {
			answered = true
			if r := data["response"].(map[string]any); r["status"] != 200.0 {
				f.t.Errorf("%s: %v", text, r)
			}
		}
		return answered
	}
	command := fmt.Sprintf(`{"data":{"commandId":%q,"request":{"action":"sendMessage","channelSid":%q,"text":%q}}}`, text, f.room, text)

	if _, err := f.call(ctx, c, "/v3/Lists/"+f.session+"/Items", command, nil); err != nil {
		return err
	}
	return f.await(ctx, c, response)
}

func (f *follower) call(ctx context.Context, c *client, path, body string, headers map[string]any) (frame, error) {
	got, err := f.request(ctx, c, map[string]any{
		"method": "message", "payload_size": len(body), "http_request": map[string]any{"path": path, "method": "POST", "headers": headers},
	}, body)
	if err == nil && got.HTTPStatus.Code/100 != 2 {
		err = fmt.Errorf("%s %s: %+v", path, body, got.HTTPStatus)
	}
	return got, err
}

// request sends a frame and waits for its reply.
func (f *follower) request(ctx context.Context, c *client, head map[string]any, body string) (frame, error) {
	f.n++
	id := fmt.Sprint("TM", f.n)
	head["id"] = id
	text, err := json.Marshal(head)
	if err != nil {
		return frame{}, err
	}
	f.write(c, frameOf(string(text), body))
	var reply frame
	err = f.await(ctx, c, func(got frame) bool {
		if got.Method == "reply" && got.ID == id {
			reply = got
			return true
		}
		return false
	})
	return reply, err
}

// write sends a frame. Whether it was cut shows when an answer is waited for.
func (f *follower) write(c *client, frame string) {
	_ = c.ws.WriteMessage(gws.OpcodeBinary, []byte(frame))
}

// await takes what comes, until there is what is waited for.
func (f *follower) await(ctx context.Context, c *client, enough func(frame) bool) error {
	if enough(frame{}) {
		return nil
	}
	for {
		select {
		case got := <-c.frames:
			f.apply(c, got)
			if enough(got) {
				return nil
			}
		case <-c.done:
			for len(c.frames) > 0 {
				f.apply(c, <-c.frames)
			}
			return errCut
		case <-ctx.Done():
			return fmt.Errorf("what was waited for did not come; %d messages were seen, %d are unsent: %w", len(f.seen), len(f.unsent), ctx.Err())
		}
	}
}

// apply takes an event: each object's numbers go up, or something came twice.
func (f *follower) apply(c *client, got frame) {
	if got.Method != "notification" {
		return
	}
	f.write(c, frameOf(fmt.Sprintf(`{"method":"reply","id":%q,"status":{"code":200,"status":"OK"}}`, got.ID), ""))
	e := got.body["event"].(map[string]any)
	kind := got.body["event_type"].(string)
	if kind == "subscription_established" {
		name := e["object_sid"].(string)
		f.last[name] = max(f.last[name], int64(e["last_event_id"].(float64)))
		return
	}
	form, _, _ := strings.Cut(kind, "_")
	name, _ := e[form+"_sid"].(string)
	id := int64(e["id"].(float64))
	if last, known := f.last[name]; !known || id <= last {
		f.t.Errorf("%s %d of %q after %d", kind, id, name, last)
	}
	f.last[name] = id
	switch kind {
	case "list_item_added":
		f.seen = append(f.seen, int64(e["item_index"].(float64)))
	case "map_item_added":
		f.joined = append(f.joined, e["item_data"].(map[string]any)["identity"].(string))
	}
}

// TestCutAtEveryFrame cuts one connection after each frame of a session, in both directions, for both generations of the library.
// Nothing is lost and nothing comes twice.
func TestCutAtEveryFrame(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), func(o *Options) {
		o.Limits = Limits{SendRate: -1, RequestRate: -1, PerIdentity: -1, PerAddress: -1}
	})
	h.channel(chat.NewChannel{}, "ann", "bob", "cid") // they are users
	for _, commands := range []bool{true, false} {
		t.Run(map[bool]string{true: "commands", false: "calls"}[commands], func(t *testing.T) {
			t.Parallel()
			whole, _ := h.follow(t, commands, load.Cut{})
			frames := whole.Seen()
			if frames.Up < 20 || frames.Down < 20 {
				t.Fatalf("a whole session has %+v frames", frames)
			}
			var wg sync.WaitGroup
			together := make(chan struct{}, 16)
			cut := func(c load.Cut) {
				wg.Go(func() {
					together <- struct{}{}
					defer func() { <-together }()
					if proxy, f := h.follow(t, commands, c); f.cuts > 1 != (proxy.Connections() > 1) {
						t.Errorf("%+v: %d connections, %d cuts", c, proxy.Connections(), f.cuts)
					}
				})
			}
			for n := 1; n <= frames.Up; n++ {
				cut(load.Cut{Up: n})
			}
			for n := 1; n <= frames.Down; n++ {
				cut(load.Cut{Down: n})
			}
			wg.Wait()
			t.Logf("%+v frames", frames)
		})
	}
}

// follow plays a session whose first connection is cut, and checks what has come of it.
func (h *house) follow(t *testing.T, commands bool, cut load.Cut) (*load.Cutter, *follower) {
	room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
	proxy := load.NewCutter(t, h.url, func(n int) load.Cut {
		if n > 0 {
			return load.Cut{}
		}
		return cut
	})
	f := &follower{h: h, t: t, url: proxy.URL(), room: room, commands: commands, last: map[string]int64{}}
	for _, k := range []kind{document, messages, roster} {
		f.last[object{k, room}.sid()] = 2 // two have joined
	}
	const each = 4
	var want []string
	for i := range each {
		f.unsent = append(f.unsent, fmt.Sprintf("mine %d of %s", i, room))
		want = append(want, f.unsent[i], fmt.Sprint("theirs ", i))
	}
	theirs := 0
	f.sent = func() {
		h.post(room, fmt.Sprint("theirs ", theirs))
		if theirs++; theirs == each/2 {
			h.in(room, func(tx *db.Tx, ch *chat.Channel) error {
				_, err := h.rooms.AddMemberTx(tx, ch, chat.NewMember{Identity: "cid"})
				return err
			})
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.run(ctx, 2*each-1)
	kept, err := h.rooms.History(ctx, account.System(h.account, accountSID), room, nil, 100)
	if err != nil {
		t.Error(err)
	}
	var bodies []string
	var indexes []int64
	for i := range kept {
		bodies, indexes = append(bodies, kept[i].Body), append(indexes, kept[i].Index)
	}
	if !slices.Equal(bodies, want) || !slices.Equal(f.seen, indexes) || !slices.Equal(f.joined, []string{"cid"}) {
		t.Errorf("%+v: kept is %q, seen %v of %v, joined %v", cut, bodies, f.seen, indexes, f.joined)
	}
	return proxy, f
}

// TestSlowReader has one client stop reading while much is written. It is cut, nobody else notices, and when it comes back it
// misses nothing.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
	list := object{messages, room}
	sleeper, r := h.bare(t)
	defer sleeper.Close()
	_ = sleeper.Conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	sleeper.send(t, frameOf(`{"method":"init","id":"1","token":"ann visitor 36000000"}`, ""))
	sleeper.until(t, r, "continuation_token")
	body := fmt.Sprintf(`{"action":"establish","correlation_id":1,"requests":[{"object_sid":%q,"object_type":"list"}]}`, list.sid())
	sleeper.send(t, frameOf(fmt.Sprintf(`{"method":"message","id":"2","payload_size":%d,"http_request":{"method":"POST","path":"/v4/Subscriptions"}}`, len(body)), body))
	sleeper.until(t, r, "subscription_established")
	reader := h.open("bob visitor 36000000")
	reader.subscribe(wish{object: list})
	long := strings.Repeat("long ", 6_000)
	n := 0
	for ; h.server.Stats().Slow == 0 && n < 2000; n++ {
		h.post(room, fmt.Sprint(n, " ", long))
		reader.hears("list_item_added", func(e map[string]any) bool { return e["item_index"] == float64(n) })
	}
	if n == 2000 {
		t.Fatal("the client that does not read was not cut")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.server.Stats().Open > 1 { // its connection is cut although it never answers
		<-tick.C
	}
	h.post(room, "after")
	reader.hears("list_item_added", says("after"))
	back := h.open("ann visitor 36000000")
	back.subscribe(wish{object: list, Last: at(2)})
	for i := range n + 1 {
		if e := back.hears("list_item_added", nil); e["item_index"] != float64(i) {
			t.Fatalf("message %v in place of %d", e["item_index"], i)
		}
	}
	t.Logf("cut after %d messages of 30 KB", n)
}
