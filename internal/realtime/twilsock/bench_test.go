package twilsock

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"usher/internal/chat"
	"usher/internal/db/dbtest"
)

// bare is a client that costs almost nothing: no goroutine, and no buffer once it is idle.
type bare struct{ net.Conn }

func (c bare) send(b testing.TB, frame string) {
	b.Helper()
	head := []byte{0x82, 0x80 | 126, 0, 0, 0, 0, 0, 0} // masked with zeros
	binary.BigEndian.PutUint16(head[2:], uint16(len(frame)))
	if _, err := c.Write(append(head, frame...)); err != nil {
		b.Fatal(err)
	}
}

// until reads until something has come.
func (c bare) until(b testing.TB, r *bufio.Reader, what string) {
	b.Helper()
	for got := ""; !strings.Contains(got, what); {
		part := make([]byte, 4096)
		n, err := r.Read(part)
		if err != nil {
			b.Fatalf("%s: %v", what, err)
		}
		got += string(part[:n])
	}
}

// bare opens a connection.
func (h *house) bare(t testing.TB) (bare, *bufio.Reader) {
	t.Helper()
	raw, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(h.url, "ws://"), "/v3/wsconnect"))
	if err != nil {
		t.Fatal(err)
	}
	c, r := bare{raw}, bufio.NewReader(raw)
	_, _ = fmt.Fprint(raw, "GET /v3/wsconnect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	c.until(t, r, "\r\n\r\n")
	return c, r
}

// BenchmarkIdle is the memory that a signed-in client takes that follows one channel, its own channels and itself. The other
// end of the connection is counted, too.
func BenchmarkIdle(b *testing.B) {
	const n = 1000
	h := newHouse(b, dbtest.SQLite(b), func(o *Options) { o.Limits = Limits{PerAddress: -1, RequestRate: -1, PerIdentity: -1} })
	room := h.channel(chat.NewChannel{}, "ann")
	h.open("ann visitor 36000000").ok("GET", "/Client/v1/Configuration", nil, "")
	memory := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	var wishes []string
	for _, o := range []object{{document, room}, {messages, room}, {roster, room}} {
		wishes = append(wishes, fmt.Sprintf(`{"object_sid":%q,"object_type":%q}`, o.sid(), o.form()))
	}
	body := `{"action":"establish","correlation_id":1,"requests":[` + strings.Join(wishes, ",") + `]}`
	subscribe := frameOf(fmt.Sprintf(`{"method":"message","id":"2","payload_size":%d,"http_request":{"method":"POST","path":"/v4/Subscriptions"}}`, len(body)), body)
	for b.Loop() {
		before := memory()
		var all []bare
		for range n {
			c, r := h.bare(b)
			c.send(b, frameOf(`{"method":"init","id":"1","token":"ann visitor 36000000"}`, ""))
			c.until(b, r, "continuation_token")
			c.send(b, subscribe)
			c.until(b, r, object{roster, room}.sid())
			all = append(all, c)
		}
		<-time.After(time.Second) // what opening took is given back
		b.ReportMetric(float64(memory()-before)/n, "B/connection")
		for _, c := range all {
			_ = c.Close()
		}
		for h.server.Stats().Open > 1 {
			runtime.Gosched()
		}
	}
}
