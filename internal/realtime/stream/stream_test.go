package stream_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/media"
	"usher/internal/realtime/stream"
	"usher/internal/sid"
	"usher/test/load"
)

func TestConversation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		ch := h.channel("ann", "bob")
		ann, bob := h.open("ann"), h.open("bob")
		if w := ann.Welcome; w.Identity != "ann" || w.Account != string(accountSID) || w.Epoch != d.Epoch() || w.Expires == nil {
			t.Errorf("welcome %+v", w)
		}
		hist := h.request(ann, `"type":"history","channel":%q,"before":null,"limit":50`, ch)
		if hist.Type != "history" || len(hist.Members) != 2 || len(hist.Messages) != 0 || hist.Epoch != d.Epoch() {
			t.Fatalf("history %+v", hist)
		}
		h.subscribe(ann, ch, hist.Epoch, hist.Offset)
		s := h.subscribe(bob, ch, "", 0)
		if !s.Resumed || s.Offset != hist.Offset {
			t.Errorf("subscribed %+v, want offset %d", s, hist.Offset)
		}

		m, repeated := h.send(ann, ch, "c1", "hello \"bob\"\n😀")
		if m.Index != 0 || repeated || m.Author != "ann" || m.ClientID != "c1" {
			t.Errorf("sent %+v %v", m, repeated)
		}
		again, repeated := h.send(ann, ch, "c1", "hello?")
		if again != m || !repeated {
			t.Errorf("sent again: %+v %v, want %+v", again, repeated, m)
		}
		for _, c := range []*load.Client{ann, bob} {
			f := h.next(c)
			var got load.Message
			if err := json.Unmarshal(f.Data, &got); err != nil {
				t.Fatal(err)
			}
			if f.Type != "event" || f.Kind != "message.added" || f.Stream != ch || f.Offset != hist.Offset+1 || got != m || f.At == "" {
				t.Errorf("event %+v, message %+v", f, got)
			}
		}

		if err := bob.Write([]byte(`{"type":"typing","channel":"` + ch + `"}`)); err != nil {
			t.Fatal(err)
		}
		if f := h.next(ann); f.Type != "typing" || f.Identity != "bob" || f.Name != "BOB" || string(f.Channel) != `"`+ch+`"` {
			t.Errorf("typing %+v", f)
		}
		if f := h.request(bob, `"type":"read","channel":%q,"index":0`, ch); f.Type != "ok" {
			t.Errorf("read: %+v", f)
		}
		for _, c := range []*load.Client{ann, bob} {
			if f := h.next(c); f.Kind != "member.updated" || !strings.Contains(string(f.Data), `"last_consumed_message_index":0`) {
				t.Errorf("event %+v", f)
			}
		}
		if f := h.request(bob, `"type":"unsubscribe","streams":[%q]`, ch); f.Type != "ok" {
			t.Errorf("unsubscribe: %+v", f)
		}
		h.send(ann, ch, "c2", "there?")
		h.next(ann)
		if f := h.request(bob, `"type":"ping"`); f.Type != "pong" || len(bob.Events) != 0 {
			t.Errorf("after unsubscribe: %+v, %d events", f, len(bob.Events))
		}
		page := h.request(bob, `"type":"history","channel":%q,"before":1,"limit":5`, ch)
		if len(page.Messages) != 1 || page.Messages[0] != m {
			t.Errorf("page %+v", page.Messages)
		}
	})
}

// TestFiles proves that a file goes with one message, once, whatever is repeated, and with nobody else's.
func TestFiles(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		ch := h.channel("ann", "bob")
		ann, bob := h.open("ann"), h.open("bob")
		h.subscribe(bob, ch, "", 0)
		actor, err := h.tokens.Token(h.ctx(), "ann visitor 3600000")
		if err != nil {
			t.Fatal(err)
		}
		upload := func() string {
			m, err := h.files.Upload(h.ctx(), actor, h.service.SID, media.NewMedia{Filename: "a.txt", ContentType: "text/plain", Size: 5}, strings.NewReader("words"))
			if err != nil {
				t.Fatal(err)
			}
			return string(m.SID)
		}
		file := upload()
		with := func(c *load.Client, client, file string) load.Frame {
			return h.request(c, `"type":"send","channel":%q,"client_id":%q,"body":"","media":%q`, ch, client, file)
		}
		if f := with(bob, "b1", file); f.Type != "error" || f.Code != 50507 {
			t.Errorf("bob sends ann's file: %+v", f)
		}
		first := with(ann, "a1", file)
		want := `"media":{"sid":"` + file + `","filename":"a.txt","content_type":"text/plain","size":5}`
		if first.Type != "sent" || !strings.Contains(string(first.Message), want) || !strings.Contains(string(first.Message), `"type":"media"`) {
			t.Fatalf("sent %s", first.Message)
		}
		if again := with(ann, "a1", file); again.Type != "sent" || string(again.Message) != string(first.Message) {
			t.Errorf("sent again: %+v", again)
		}
		if f := h.next(bob); f.Kind != "message.added" || !strings.Contains(string(f.Data), want) {
			t.Errorf("bob gets %s", f.Data)
		}
		for _, row := range []struct {
			client, file string
			code         int
		}{{"a2", file, 50508}, {"a3", string(sid.New(sid.Media)), 50507}, {"a4", "ME1", 50510}} {
			if f := with(ann, row.client, row.file); f.Type != "error" || f.Code != row.code {
				t.Errorf("%s with %s: %+v, want %d", row.client, row.file, f, row.code)
			}
		}
		if f := with(ann, "a5", upload()); f.Type != "sent" {
			t.Errorf("another file: %+v", f)
		}
	})
}

func TestStrangersSeeNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann")
	eve := h.open("eve")
	unknown := "CH" + strings.Repeat("0", 32)
	for _, name := range []string{ch, unknown, "WK" + strings.Repeat("0", 32), "WS" + strings.Repeat("0", 32), "US" + strings.Repeat("0", 32), "CH", "", "ZZ1", "x\"y"} {
		s := h.subscribe(eve, name, "", 0)
		if s.Error == nil || s.Error.Code != 20404 || s.Error.Status != 404 || s.Stream != name {
			t.Errorf("%q: %+v", name, s)
		}
	}
	for _, name := range []string{ch, unknown} {
		for _, fields := range []string{
			`"type":"send","channel":%q,"client_id":"x","body":"hi"`, `"type":"history","channel":%q`, `"type":"read","channel":%q,"index":0`,
		} {
			if f := h.request(eve, fields, name); f.Type != "error" || f.Code != 20404 || f.Status != 404 {
				t.Errorf(fields+": %+v", name, f)
			}
		}
	}
	// Someone who oversees the account sees it without being a member, and does not show up typing.
	boss := h.openAs("boss admin 3600000")
	if s := h.subscribe(boss, ch, "", 0); s.Error != nil {
		t.Errorf("admin: %+v", s.Error)
	}
	ann := h.open("ann")
	h.subscribe(ann, ch, "", 0)
	if err := boss.Write([]byte(`{"type":"typing","channel":"` + ch + `"}`)); err != nil {
		t.Fatal(err)
	}
	h.request(boss, `"type":"ping"`)
	h.request(ann, `"type":"ping"`)
	if len(ann.Events) != 0 {
		t.Errorf("ann saw %+v", h.next(ann))
	}
}

func TestFramesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), func(o *stream.Options) { o.SignIn = time.Second })
	big := `{"type":"ping","x":"` + strings.Repeat("x", 65<<10) + `"}`
	for name, test := range map[string]struct {
		hello  bool
		frame  string
		binary bool
		want   uint16
	}{
		"no hello":       {frame: "", want: 4201},
		"ping first":     {frame: `{"type":"ping","id":1}`, want: 4200},
		"bad hello":      {frame: `{"type":"hello","id":1,"token":5}`, want: 4200},
		"refused token":  {frame: `{"type":"hello","id":1,"token":"x"}`, want: 4101},
		"hello again":    {hello: true, frame: `{"type":"hello","id":1,"token":"ann visitor 3600000"}`, want: 4200},
		"not JSON":       {hello: true, frame: `hello`, want: 4200},
		"an array":       {hello: true, frame: `[1]`, want: 4200},
		"bad UTF-8":      {hello: true, frame: "{\"type\":\"ping\",\"x\":\"\xff\"}", want: 4200},
		"binary":         {hello: true, frame: `{"type":"ping","id":1}`, binary: true, want: 4200},
		"too large":      {hello: true, frame: big, want: 4202},
		"too large, raw": {frame: big, want: 4202},
		"far too large":  {hello: true, frame: strings.Repeat("x", 300<<10), want: 1009},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c *load.Conn
			if test.hello {
				c = h.open("ann").Conn
			} else {
				c, _ = h.raw()
			}
			if test.binary {
				_ = c.WriteBinary([]byte(test.frame))
			} else if test.frame != "" {
				_ = c.Write([]byte(test.frame))
			}
			h.wantClosed(c, test.want)
		})
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann")
	ann := h.open("ann")
	for fields, code := range map[string]int{
		`"type":"dance"`:                       20001,
		`"type":""`:                            20001,
		`"kind":"ping"`:                        20001,
		`"type":7`:                             20001,
		`"type":"read","channel":"` + ch + `"`: 20001,
		`"type":"read","channel":"` + ch + `","index":"1"`:                      20001,
		`"type":"history","channel":"` + ch + `","limit":101`:                   20001,
		`"type":"history","channel":"` + ch + `","limit":-1`:                    20001,
		`"type":"send","channel":"` + ch + `","body":7`:                         20001,
		`"type":"send","channel":"` + ch + `","body":"x","attributes":"{}"`:     20001,
		`"type":"subscribe","streams":"` + ch + `"`:                             20001,
		`"type":"token","token":"x"`:                                            20101,
		`"type":"token","token":"bob visitor 3600000"`:                          20403,
		`"type":"token","token":"ann admin 3600000"`:                            20403,
		`"type":"subscribe","streams":[` + strings.Repeat(`"x",`, 200) + `"x"]`: 20001,
	} {
		if f := h.request(ann, "%s", fields); f.Type != "error" || f.Code != code || f.ID == 0 || len(f.Message) == 0 {
			t.Errorf("%.80s: %+v, want %d", fields, f, code)
		}
	}
	if f := h.request(ann, `"type":"send","channel":%q,"client_id":"big","body":%q`, ch, strings.Repeat("x", 33<<10)); f.Status != 400 {
		t.Errorf("too long a body: %+v", f)
	}
	if m, _ := h.send(ann, ch, "ok", "still here"); m.Index != 0 {
		t.Errorf("index %d: a refused message left a trace", m.Index)
	}
}

func TestMembershipEndsTheWatch(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann", "bob")
	ann, bob := h.open("ann"), h.open("bob")
	h.subscribe(ann, ch, "", 0)
	h.subscribe(bob, ch, "", 0)
	h.remove(ch, "bob")
	h.post(ch, "bob must not see this")
	if f := h.next(bob); f.Kind != "member.removed" {
		t.Errorf("first %+v", f)
	}
	if f := h.next(bob); f.Type != "unsubscribed" || f.Stream != ch || f.Error == nil || f.Error.Code != 20404 {
		t.Errorf("then %+v", f)
	}
	h.request(bob, `"type":"ping"`)
	if len(bob.Events) != 0 {
		t.Errorf("and then %+v", h.next(bob))
	}
	if f := h.next(ann); f.Kind != "member.removed" {
		t.Errorf("ann: %+v", f)
	}
	if f := h.next(ann); f.Kind != "message.added" {
		t.Errorf("ann: %+v", f)
	}
	if s := h.subscribe(bob, ch, "", 0); s.Error == nil {
		t.Error("bob is back")
	}
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), func(o *stream.Options) { o.Notice = 60 * time.Second })
	short, renewed := h.openAs("ann visitor 1500"), h.openAs("ann visitor 1500")
	for _, c := range []*load.Client{short, renewed} {
		if f := h.next(c); f.Type != "expiring" || f.Seconds > 1 {
			t.Errorf("%+v", f)
		}
	}
	f := h.request(renewed, `"type":"token","token":"ann visitor 3600000"`)
	if f.Type != "ok" || f.Expires == nil || time.Until(*f.Expires) < time.Minute {
		t.Errorf("%+v", f)
	}
	h.wantClosed(short.Conn, 4100)
	h.wantClosed(h.openAs("ann visitor 1").Conn, 4100) // a sweep later
	if f := h.request(renewed, `"type":"ping"`); f.Type != "pong" {
		t.Errorf("%+v", f)
	}
}

func TestRevokedKeyClosesItsConnections(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	one, two := h.openAs("ann visitor 3600000 SK1"), h.openAs("bob visitor 3600000 SK2")
	h.tokens.mu.Lock()
	h.tokens.revoked["SK1"] = true
	h.tokens.mu.Unlock()
	h.server.Recheck()
	h.wantClosed(one.Conn, 4102)
	if f := h.request(two, `"type":"ping"`); f.Type != "pong" {
		t.Errorf("%+v", f)
	}
}

func TestDatabaseTroubleIsNoFaultOfTheToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	h.tokens.down = true
	c, _ := h.raw()
	_ = c.Write([]byte(`{"type":"hello","id":1,"token":"ann visitor 3600000"}`))
	h.wantClosed(c, 4000)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), func(o *stream.Options) {
		o.Limits = stream.Limits{SendRate: 0.01, SendBurst: 3, RequestRate: 0.01, Burst: 8, PerIdentity: 2, PerAddress: 4}
	})
	ch := h.channel("ann")
	ann := h.open("ann")
	for i := range 5 {
		_, _, err := ann.Send(h.ctx(), ch, fmt.Sprint(i), "x")
		if limited := err != nil && strings.Contains(err.Error(), "20429"); limited != (i >= 3) {
			t.Errorf("send %d: %v", i, err)
		}
	}
	for i := range 10 {
		f := h.request(ann, `"type":"ping"`)
		if (f.Code == 20429 && f.RetryAfter > 0 && f.Status == 429) != (i >= 8) {
			t.Errorf("ping %d: %+v", i, f)
		}
	}
	h.open("ann")
	third, _ := h.raw()
	_ = third.Write([]byte(`{"type":"hello","id":1,"token":"ann visitor 3600000"}`))
	if why := h.wantClosed(third, 4003); !strings.Contains(why, "30") {
		t.Errorf("reason %q", why)
	}
	h.open("bob")
	h.open("cid")
	fifth, _ := h.raw()
	h.wantClosed(fifth, 4003)
	ann.Cut()
	h.wait(func() bool { return h.server.Stats().Open <= 3 })
	h.open("ann") // there is room again
}

func TestTwoHundredStreams(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ann := h.open("ann")
	var names []string
	for range 201 {
		names = append(names, fmt.Sprintf("%q", h.channel("ann")))
	}
	f := h.request(ann, `"type":"subscribe","streams":[%s]`, strings.Join(names[:200], ","))
	if len(f.Streams) != 200 || slices.ContainsFunc(f.Streams, func(s load.Subscribed) bool { return s.Error != nil }) {
		t.Fatalf("%+v", f)
	}
	f = h.request(ann, `"type":"subscribe","streams":[%s]`, names[200])
	if f.Streams[0].Error == nil || f.Streams[0].Error.Code != 20001 {
		t.Errorf("%+v", f)
	}
	f = h.request(ann, `"type":"subscribe","streams":[%s]`, names[7])
	if f.Streams[0].Error != nil {
		t.Errorf("again: %+v", f)
	}
}

func TestResumeAfterTrim(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann")
	ann := h.open("ann")
	at := h.subscribe(ann, ch, "", 0)
	for i := range 5 {
		h.post(ch, fmt.Sprint(i))
	}
	if n, err := h.log.Trim(t.Context(), time.Now().Add(time.Hour), int(at.Offset)+2); err != nil || n == 0 {
		t.Fatalf("trim: %d, %v", n, err)
	}
	for _, test := range []struct {
		epoch   string
		offset  int64
		resumed bool
	}{
		{h.db.Epoch(), at.Offset, false},
		{h.db.Epoch(), at.Offset + 100, false},
		{"other", at.Offset + 5, false},
		{h.db.Epoch(), -3, false},
		{h.db.Epoch(), at.Offset + 5, true},
	} {
		s := h.subscribe(h.open("ann"), ch, test.epoch, test.offset)
		if s.Resumed != test.resumed || s.Offset != at.Offset+5 || s.Epoch != h.db.Epoch() {
			t.Errorf("%+v: %+v", test, s)
		}
	}
}

func TestSlowReaderIsCutAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann", "bob")
	quick := h.open("ann")
	h.subscribe(quick, ch, "", 0)
	block := make(chan struct{})
	slow, err := load.Dial(h.url, "", func(b []byte) {
		if strings.Contains(string(b), `"subscribed"`) {
			<-block
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.Cut)
	_ = slow.Net().(interface{ SetReadBuffer(int) error }).SetReadBuffer(256 << 10)
	_ = slow.Write([]byte(`{"type":"hello","id":1,"token":"bob visitor 3600000"}`))
	_ = slow.Write([]byte(`{"type":"subscribe","id":2,"streams":["` + ch + `"]}`))
	body := strings.Repeat("x", 30<<10)
	cut := false
	for i := 0; i < 400 && !cut; i++ {
		h.send(quick, ch, fmt.Sprint(i), body)
		if f := h.next(quick); f.Kind != "message.added" {
			t.Fatalf("%+v", f)
		}
		cut = h.server.Stats().Slow > 0
	}
	if !cut {
		t.Fatal("the slow client was not cut")
	}
	close(block)
	if code, _, err := slow.Closed(h.ctx()); err != nil || code != 4001 {
		t.Errorf("closed with %d, %v", code, err)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann")
	ann := h.open("ann")
	h.subscribe(ann, ch, "", 0)
	answered := make(chan error, 1)
	go func() {
		_, _, err := ann.Send(h.ctx(), ch, "last", "bye")
		answered <- err
	}()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	h.stop()
	if why := h.wantClosed(ann.Conn, 4000); !strings.Contains(why, "within 1 s") {
		t.Errorf("reason %q", why)
	}
	<-h.done
	resp, err := http.Get("http" + strings.TrimPrefix(h.url, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("GET without an upgrade: %s", resp.Status)
	}
	if _, err := load.Dial(h.url, "", func([]byte) {}); err == nil {
		t.Error("a drained server takes connections")
	}
}

func TestSendsOfOneConnectionStayInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite(t), nil)
	ch := h.channel("ann")
	var order []string
	done := make(chan struct{})
	const n = 300
	c, err := load.Dial(h.url, "", func(b []byte) {
		var f load.Frame
		var m load.Message
		if json.Unmarshal(b, &f) == nil && f.Type == "sent" && json.Unmarshal(f.Message, &m) == nil {
			if order = append(order, m.Body); len(order) == n {
				close(done)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Cut)
	_ = c.Write([]byte(`{"type":"hello","id":1,"token":"ann visitor 3600000"}`))
	for i := range n {
		_ = c.Write([]byte(fmt.Sprintf(`{"type":"send","id":%d,"channel":%q,"client_id":"%d","body":"%d"}`, i+2, ch, i, i)))
	}
	select {
	case <-done:
	case <-h.ctx().Done():
		t.Fatalf("%d answers", len(order))
	}
	for i, body := range order {
		if body != fmt.Sprint(i) {
			t.Fatalf("answer %d is for %s", i, body)
		}
	}
}
