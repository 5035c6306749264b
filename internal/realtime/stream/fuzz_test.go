package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// anything answers every question, sometimes with an error.
type anything struct{}

func (anything) Token(_ context.Context, jwt string) (account.Actor, error) {
	if jwt == "" {
		return account.Actor{}, fault.New(20101, "")
	}
	return account.Actor{Account: 1, Identity: "ann", Expires: time.Now().Add(time.Hour)}, nil
}

func (anything) Recheck(context.Context, account.Actor) error { return nil }

func (anything) Grant(_ context.Context, _ account.Actor, s sid.SID) (realtime.Grant, error) {
	if len(s)%2 == 0 {
		return realtime.Grant{}, fault.NotFound(string(s))
	}
	return realtime.Grant{Stream: event.Stream{Kind: 1, ID: int64(len(s)), SID: s}, Account: 1, Head: 3, Identity: "ann", Name: "Ann"}, nil
}

func (anything) Send(_ context.Context, _ account.Actor, _ sid.SID, m Outgoing) (json.RawMessage, bool, error) {
	if m.Body == "" {
		return nil, false, errors.New("broken")
	}
	return json.RawMessage(`{}`), m.ClientID == "", nil
}

func (anything) History(context.Context, account.Actor, sid.SID, *int64, int) (History, error) {
	return History{Channel: json.RawMessage(`{}`), Messages: []json.RawMessage{json.RawMessage(`{}`)}}, nil
}

func (anything) Read(_ context.Context, _ account.Actor, _ sid.SID, index int64) error {
	if index == 13 {
		panic("unlucky")
	}
	return nil
}

// Epoch and ReadLog make a log of three events.
type threeEvents struct{}

func (threeEvents) Epoch() string { return "e" }

func (threeEvents) Read(_ context.Context, _ int64, _ event.Stream, after int64, limit int) ([]event.Event, bool, error) {
	var list []event.Event
	for o := after + 1; o <= 3 && len(list) < limit; o++ {
		list = append(list, event.Event{Offset: o, Kind: "x", Data: []byte("{}")})
	}
	return list, after <= 3 && after >= 0, nil
}

func (threeEvents) ReadMany(context.Context, int64, []event.Place, int) ([]event.Event, error) {
	return nil, errors.New("not asked for")
}

// buffer is a log that tests can read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// talk lets a connection handle frames, one a line, and answers what it wrote.
func talk(t *testing.T, log *buffer, lines []byte) []byte {
	hub := realtime.New(realtime.Options{Log: threeEvents{}, Shards: 1})
	defer hub.Close()
	s := New(Options{Hub: hub, Streams: anything{}, Chat: anything{}, Rules: socket.Rules{
		Tokens: anything{}, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}})
	server, client := net.Pipe()
	var out bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = out.ReadFrom(client)
	}()
	gone := s.set.Talk(server, s.wire, bytes.Split(lines, []byte("\n")), socket.CloseFrame(closeGoingAway, ""))
	<-read
	gone()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	s.set.Drain(ended, nil)
	if hub.Stats().Watches != 0 {
		t.Errorf("%d watches are left", hub.Stats().Watches)
	}
	return out.Bytes()
}

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	var log buffer
	out := string(talk(t, &log, []byte(`{"type":"hello","id":1,"token":"x"}`+"\n"+`{"type":"read","id":2,"index":13}`+"\n"+`{"type":"ping","id":3}`)))
	if !strings.Contains(out, `"code":20500`) || !strings.Contains(out, "pong") || !strings.Contains(log.String(), "unlucky") {
		t.Errorf("%q, log %s", out, log.String())
	}
}

// FuzzTalk sends whole conversations: no frame may make the handler panic, block, or leave a watch.
func FuzzTalk(f *testing.F) {
	hello := `{"type":"hello","id":1,"token":"x"}` + "\n"
	for _, s := range []string{
		"", "{}", hello, hello + hello,
		hello + `{"type":"subscribe","id":2,"streams":[{"stream":"CH1","epoch":"e","offset":0},{"stream":"CH"},"CH1","CH12345"]}` + "\n" +
			`{"type":"typing","channel":"CH1"}` + "\n" + `{"type":"unsubscribe","id":3,"streams":["CH1"]}`,
		hello + `{"type":"send","id":4,"channel":"c","client_id":"u","body":"b","attributes":{}}` + "\n" + `{"type":"send","id":5}`,
		hello + `{"type":"history","id":5,"before":1,"limit":100}` + "\n" + `{"type":"read","id":6,"index":1}` + "\n" + `{"type":"token","id":7,"token":"y"}`,
		`{"type":"hello","id":1,"token":""}`, hello + `{"type":"subscribe","streams":[{"stream":"CH1","epoch":"e","offset":-9}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		var log buffer
		talk(t, &log, lines)
		if strings.Contains(log.String(), "panic") && !strings.Contains(log.String(), "unlucky") {
			t.Fatal(log.String())
		}
	})
}
