package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/test/rig"
)

// frames sends what is no proper frame, before and after hello.
func frames(t *testing.T, s *siege) {
	token := s.Token("ann", s.world["chat/Services"], time.Hour)
	for _, tt := range []struct {
		name    string
		first   byte
		payload string
		code    []int
	}{
		{"not JSON", 0x80 | text, "hello", []int{4200}},
		{"nothing", 0x80 | text, "", []int{4200}},
		{"a list", 0x80 | text, "[]", []int{4200}},
		{"half an object", 0x80 | text, `{"type":"hello"`, []int{4200}},
		{"two objects", 0x80 | text, `{"type":"ping","id":1}{}`, []int{4200}},
		{"binary", 0x80 | binaryFrame, "\x00\x01", []int{4200}},
		{"bad UTF-8", 0x80 | text, "{\"type\":\"\xff\"}", []int{4200, 1007}},
		{"too deep", 0x80 | text, `{"type":"hello","x":` + deep(10_000) + `}`, []int{4200}},
		{"too large", 0x80 | text, `{"type":"hello","x":"` + strings.Repeat("x", 65<<10) + `"}`, []int{4202}},
		{"far too large", 0x80 | text, strings.Repeat("x", 1<<20), []int{1009, 4202, 0}},
		{"a reserved opcode", 0x80 | 3, "x", []int{1002, 4200, 0}},
		{"a reserved bit", 0xc0 | text, "x", []int{1002, 4200, 0}},
		{"a continuation of nothing", 0x80 | continuation, "x", []int{1002, 4200, 0}},
		{"a long ping", 0x80 | 9, strings.Repeat("x", 200), []int{1002, 4200, 0}},
		{"a close code that is not one", 0x80 | closing, "\x00\x01", []int{1000, 1002, 1}},
	} {
		for _, signedIn := range []bool{false, true} {
			k := s.open(t)
			if signedIn {
				_, k = s.hello(t, token)
			}
			_ = k.frame(tt.first, []byte(tt.payload)) // the server may end it before all is written
			if code := k.ended(t); !contains(tt.code, code) {
				t.Errorf("%s (signed in: %v) closes with %d, want %v", tt.name, signedIn, code, tt.code)
			}
		}
	}
	for _, first := range []string{
		`{"type":"ping","id":1}`, `{"type":"subscribe","id":1,"streams":[]}`, `{"id":1}`, `{"type":7}`, `{"type":"hello","token":7}`, `{"type":"HELLO"}`,
	} {
		k := s.open(t)
		k.text(t, first)
		if code := k.ended(t); code != 4200 {
			t.Errorf("%s first closes with %d, want 4200", first, code)
		}
	}
	_, k := s.hello(t, token)
	k.text(t, `{"type":"hello","id":2,"token":"`+token+`"}`)
	if code := k.ended(t); code != 4200 {
		t.Errorf("a second hello closes with %d, want 4200", code)
	}
	fields(t, s, token)
	handshakes(t, s)
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// fields sends frames whose fields are wrong; each is answered, and the connection goes on.
func fields(t *testing.T, s *siege, token string) {
	_, k := s.hello(t, token)
	_ = k.SetDeadline(time.Now().Add(20 * time.Second))
	ch := s.world["chat/Services/Channels"]
	for _, tt := range []struct {
		frame string
		code  float64
	}{
		{`{"type":"dance","id":9}`, 20001},
		{`{"type":"","id":9}`, 20001},
		{`{"type":null,"id":9}`, 20001},
		{`{"type":["ping"],"id":9}`, 20001},
		{`{"id":9}`, 20001},
		{`{"type":"send","id":9,"channel":7,"body":"x"}`, 20001},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":{},"client_id":"a"}`, 20001},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":"x","client_id":["a"]}`, 20001},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":"x","client_id":"a","attributes":"{}"}`, 20001},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":"x","client_id":"a","attributes":[]}`, 20001},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":"` + strings.Repeat("x", 33<<10) + `","client_id":"a"}`, 50504},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":"x","client_id":"a","attributes":{"a":"` + strings.Repeat("x", 17<<10) + `"}}`, 50303},
		{`{"type":"send","id":9,"channel":"` + ch + `","body":"x","client_id":"` + strings.Repeat("x", 200) + `"}`, 20001},
		{`{"type":"send","id":9,"channel":"../x","body":"x","client_id":"a"}`, 20404},
		{`{"type":"send","id":9,"channel":"` + strings.ToUpper(ch) + `","body":"x","client_id":"a"}`, 20404},
		{`{"type":"send","id":9,"body":"x"}`, 20404},
		{`{"type":"history","id":9,"channel":"` + ch + `","limit":-1}`, 20001},
		{`{"type":"history","id":9,"channel":"` + ch + `","limit":101}`, 20001},
		{`{"type":"history","id":9,"channel":"` + ch + `","limit":1.5}`, 20001},
		{`{"type":"history","id":9,"channel":"` + ch + `","limit":99999999999999999999}`, 20001},
		{`{"type":"history","id":9,"channel":"` + ch + `","before":"x"}`, 20001},
		{`{"type":"read","id":9,"channel":"` + ch + `"}`, 20001},
		{`{"type":"read","id":9,"channel":"` + ch + `","index":-2}`, 50406},
		{`{"type":"read","id":9,"channel":"` + ch + `","index":1e3}`, 20001},
		{`{"type":"read","id":9,"channel":"` + ch + `","index":9223372036854775808}`, 20001},
		{`{"type":"subscribe","id":9,"streams":"` + ch + `"}`, 20001},
		{`{"type":"subscribe","id":9,"streams":[7]}`, 20001},
		{`{"type":"subscribe","id":9,"streams":[{"stream":7}]}`, 20001},
		{`{"type":"subscribe","id":9,"streams":[{"stream":"` + ch + `","epoch":"x","offset":"7"}]}`, 20001},
		{`{"type":"subscribe","id":9,"streams":[` + strings.TrimSuffix(strings.Repeat(`"`+ch+`",`, 1000), ",") + `]}`, 20001},
		{`{"type":"token","id":9,"token":"x"}`, 20101},
		{`{"type":"token","id":9}`, 20101},
	} {
		k.text(t, tt.frame)
		f, code, err := k.next()
		if err != nil || code != 0 {
			t.Fatalf("%.100s closes with %d %v", tt.frame, code, err)
		}
		if f["type"] != "error" || f["code"] != tt.code || f["id"] != 9.0 || f["message"] == "" {
			t.Errorf("%.100s answers %v, want code %v", tt.frame, f, tt.code)
		}
	}
	// Ids and offsets at the ends of the range, and beyond what the log has.
	k.text(t, `{"type":"ping","id":-9223372036854775808}`)
	k.want(t, "pong")
	k.text(t, `{"type":"ping","id":9223372036854775807}`)
	k.want(t, "pong")
	for _, offset := range []string{"-1", "9223372036854775807", "-9223372036854775808"} {
		k.text(t, `{"type":"subscribe","id":10,"streams":[{"stream":"`+ch+`","epoch":"x","offset":`+offset+`}]}`)
		streams, _ := k.want(t, "subscribed")["streams"].([]any)
		if row, _ := streams[0].(map[string]any); row["resumed"] != false {
			t.Errorf("offset %s of another epoch: %v", offset, row)
		}
	}
	if code, _ := s.hello(t, token); code != 0 {
		t.Error("the stream takes nobody any more")
	}
}

// handshakes asks for a stream in ways that are no WebSocket.
func handshakes(t *testing.T, s *siege) {
	const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for _, request := range []string{
		"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", "POST /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + key + "\r\n",
		"GET /stream HTTP/1.1\r\nHost: x\r\n" + key + "\r\n", "GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" + key + "\r\n",
		"GET /stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Key: x\r\n\r\n",
		"GET /stream HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + key + "\r\n",
	} {
		if a := s.raw(t, request); a != nil && (a.Status == http.StatusSwitchingProtocols || a.Status/100 != 4) && !strings.Contains(request, "HTTP/1.0") {
			t.Errorf("%.60q answers %d", request, a.Status)
		}
	}
}

// floods sends far too much.
func floods(t *testing.T, s *siege) {
	channel := s.service() + "/Channels/" + s.admin.Post(t, s.service()+"/Channels", "Type", "private").SID()
	name := channel[strings.LastIndexByte(channel, '/')+1:]
	for _, identity := range []string{"flooder", "sleeper", "reader"} {
		s.admin.Post(t, channel+"/Members", "Identity", identity)
	}
	flooder := s.in(t, "flooder")
	for i := range 200 {
		flooder.text(t, fmt.Sprintf(`{"type":"send","id":%d,"channel":%q,"client_id":"c%d","body":%q}`, i+10, name, i, s.secret))
	}
	sent, refused := 0, 0
	for sent+refused < 200 {
		f, code, err := flooder.next()
		if err != nil || code != 0 {
			t.Fatalf("the flooder is closed with %d, %v after %d", code, err, sent+refused)
		}
		switch {
		case f["type"] == "sent":
			sent++
		case f["code"] == 20429.0:
			if after, ok := f["retry_after"].(float64); !ok || after < 1 || after > 60 {
				t.Fatalf("no time to come back in %v", f)
			}
			refused++
		}
	}
	if sent < 20 || refused < 50 {
		t.Errorf("of a flood of 200, %d were taken and %d refused", sent, refused)
	}
	restFlood(t, s)
	sleepers(t, s, channel, name)
	storm(t, s)
}

// restFlood fills a visitor's own channel by REST, past what the stream would take.
func restFlood(t *testing.T, s *siege) {
	g := s.guest(t, "127.0.0.23")
	sent, refused := 0, 0
	for range 200 {
		a := call(t, g.client, http.MethodPost, s.service()+"/Channels/"+g.channel+"/Messages", "Body", s.secret)
		switch a.Status {
		case http.StatusCreated:
			sent++
		case http.StatusTooManyRequests:
			if a.Header.Get("Retry-After") == "" {
				t.Fatalf("no time to come back in %s", a.Text)
			}
			refused++
		default:
			t.Fatalf("a flood by REST is answered %d %s", a.Status, a.Text)
		}
	}
	if sent < 20 || refused < 50 {
		t.Errorf("of a flood of 200 by REST, %d were taken and %d refused", sent, refused)
	}
}

// sleepers has one client stop reading while much is written; it is cut, and the other misses nothing.
func sleepers(t *testing.T, s *siege, channel, name string) {
	sleeper, reader := s.in(t, "sleeper"), s.in(t, "reader")
	if tcp, ok := sleeper.Conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(64 << 10)
	}
	for _, k := range []*socket{sleeper, reader} {
		k.text(t, fmt.Sprintf(`{"type":"subscribe","id":2,"streams":[%q]}`, name))
		k.want(t, "subscribed")
	}
	const messages = 350
	body := strings.Repeat(s.secret, 1+30_000/len(s.secret))
	seen := make(chan int, 1)
	go func() {
		n := 0
		for n < messages {
			f, code, err := reader.next()
			if err != nil || code != 0 {
				break
			}
			if f["kind"] == "message.added" {
				n++
			}
		}
		seen <- n
	}()
	_ = reader.SetDeadline(time.Now().Add(40 * time.Second))
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 4 {
		wg.Go(func() {
			for next.Add(1) <= messages {
				if a, err := s.admin.Call(t.Context(), http.MethodPost, channel+"/Messages", rig.Form("Body", body)); err != nil || a.Status != http.StatusCreated {
					t.Errorf("a message: %v %d %.200s", err, a.Status, a.Text)
				}
			}
		})
	}
	wg.Wait()
	if n := <-seen; n != messages {
		t.Errorf("beside a client that sleeps, another got %d of %d messages", n, messages)
	}
	if code := sleeper.ended(t); code != 4001 && code != 0 { // 0: cut before it has read the code
		t.Errorf("the client that sleeps is closed with %d, want 4001", code)
	}
	if a := send(t, http.DefaultClient, http.MethodGet, s.Metrics+"/metrics", ""); !strings.Contains(a.Text, "usher_stream_slow_total 1\n") {
		t.Error("the client that sleeps is not counted as slow")
	}
}

// storm connects 2,000 times at once, as after a restart.
func storm(t *testing.T, s *siege) {
	const clients, together = 2000, 100
	var ok, turned, failed atomic.Int64
	jobs := make(chan int, clients)
	for i := range clients {
		jobs <- i
	}
	close(jobs)
	var wg sync.WaitGroup
	for range together {
		wg.Go(func() {
			for i := range jobs {
				switch code, err := s.visit(t.Context(), i); {
				case err != nil:
					failed.Add(1)
					t.Logf("connection %d: %v", i, err)
				case code == 0:
					ok.Add(1)
				case code == 4003:
					turned.Add(1)
				default:
					failed.Add(1)
					t.Logf("connection %d: closed with %d", i, code)
				}
			}
		})
	}
	start := time.Now()
	wg.Wait()
	t.Logf("2,000 connections: %d welcome, %d told to wait, %d failed, in %v", ok.Load(), turned.Load(), failed.Load(), time.Since(start))
	if ok.Load()+turned.Load() != clients || ok.Load() < clients/2 {
		t.Errorf("of %d connections %d were welcome, %d told to wait, %d failed", clients, ok.Load(), turned.Load(), failed.Load())
	}
	s.alive(t)
}

// visit connects, says hello and goes away without a word.
func (s *siege) visit(ctx context.Context, i int) (int, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%8))}}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	k, err := upgrade(conn)
	if err != nil {
		return 0, err
	}
	token := s.Token(fmt.Sprintf("storm%d", i%100), s.world["chat/Services"], time.Minute)
	if err := k.frame(0x80|text, []byte(`{"type":"hello","id":1,"token":"`+token+`"}`)); err != nil {
		return 0, err
	}
	f, code, err := k.next()
	if err == nil && code == 0 && f["type"] != "welcome" {
		err = fmt.Errorf("hello answers %v", f)
	}
	return code, err
}

// slow holds connections open in every way that costs a client nothing, and wants each to be ended, and others served meanwhile.
func slow(t *testing.T, s *siege) {
	var all []net.Conn
	begin := func(n int, text string) {
		for range n {
			conn := s.connect(t)
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
		}
	}
	const headers = 200
	begin(headers, "GET /desk/ HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	begin(500, "")
	start := time.Now()
	bodies := len(all)
	begin(100, "POST "+s.channel()+"/Messages HTTP/1.1\r\nHost: x\r\nAuthorization: "+s.login()+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nBody=")
	mute := s.open(t) // says no hello
	defer func() {
		for _, conn := range all {
			conn.Close()
		}
	}()
	dripping, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-dripping.Done():
				tick.Stop()
				return
			case <-tick.C:
				for _, conn := range append(all[:headers:headers], all[bodies:]...) {
					_, _ = conn.Write([]byte("x")) // the server may have ended it
				}
			}
		}
	}()
	for range 20 {
		began := time.Now()
		s.admin.Get(t, s.channel())
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("beside %d slow connections a request takes %v", len(all), took)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if code := mute.ended(t); code != 4201 {
		t.Errorf("a socket without hello is closed with %d, want 4201", code)
	}
	// Headers and silence within their 10 s, bodies within their 60 s; the machine may be busy.
	for i, conn := range all {
		limit := 30 * time.Second
		if i >= bodies {
			limit = 80 * time.Second
		}
		_ = conn.SetReadDeadline(start.Add(limit))
		_, err := io.Copy(io.Discard, conn)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			t.Fatalf("connection %d of %d is still open after %v", i, len(all), limit)
		}
	}
	t.Logf("%d slow connections were ended after %v", len(all), time.Since(start).Round(time.Second))
}
