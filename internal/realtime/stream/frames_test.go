package stream

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
)

// payload takes the header of a frame off and checks it.
func payload(t *testing.T, frame []byte, op byte) string {
	t.Helper()
	if frame[0] != op {
		t.Fatalf("opcode %x, want %x", frame[0], op)
	}
	n, rest := int(frame[1]), frame[2:]
	switch n {
	case 126:
		n, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
	case 127:
		n, rest = int(binary.BigEndian.Uint64(rest)), rest[8:]
	}
	if n != len(rest) {
		t.Fatalf("the header says %d bytes, there are %d", n, len(rest))
	}
	return string(rest)
}

func TestFrames(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 1234567, time.FixedZone("", 3600))
	b := &realtime.Broadcast{
		Event:  event.Event{Offset: 13, Kind: "message.added", At: at, Data: []byte(`{"a":1}`)},
		Epoch:  "e1",
		Typing: realtime.Typing{Identity: "ann", Name: `A "n" n`},
	}
	empty := &realtime.Broadcast{Event: event.Event{Offset: 1, Kind: "channel.removed"}}
	slow := fault.TooMany(1500 * time.Millisecond)
	slow.Message = "Slow"
	for want, got := range map[string][]byte{
		`{"type":"event","stream":"","epoch":"e1","offset":13,"kind":"message.added","at":"2026-11-20T11:00:00.001Z","data":{"a":1}}`: eventFrame(b),
		`{"type":"event","stream":"","epoch":"","offset":1,"kind":"channel.removed","at":null,"data":null}`:                           eventFrame(empty),
		`{"type":"typing","channel":"","identity":"ann","name":"A \"n\" n"}`:                                                          typingFrame(b),
		`{"type":"welcome","id":1,"identity":"ann","account_sid":"AC1","epoch":"e1","expires":"2026-11-20T11:00:00.001Z","heartbeat":25}`: welcomeFrame(
			1, "ann", "AC1", "e1", at, 25*time.Second),
		`{"type":"pong","id":-8}`:                                                                   okFrame("pong", -8),
		`{"type":"ok","id":7,"expires":"2026-11-20T11:00:00.001Z"}`:                                 tokenFrame(7, at),
		`{"type":"expiring","seconds":59}`:                                                          expiringFrame(59900 * time.Millisecond),
		`{"type":"sent","id":4,"message":{"sid":"IM1"},"repeated":true}`:                            sentFrame(4, []byte(`{"sid":"IM1"}`), true),
		`{"type":"error","id":4,"code":20429,"status":429,"message":"Slow","retry_after":2}`:        errorFrame(4, slow),
		`{"type":"error","code":20001,"status":400,"message":"no"}`:                                 errorFrame(0, fault.Invalid("no")),
		`{"type":"subscribed","id":2,"streams":[]}`:                                                 subscribedFrame(2, "e1", nil),
		`{"type":"unsubscribed","stream":"CH1","error":{"code":20001,"status":400,"message":"no"}}`: unsubscribedFrame("CH1", fault.Invalid("no")),
		`{"type":"subscribed","id":2,"streams":[{"stream":"CH1","epoch":"e1","offset":12,"resumed":true},` +
			`{"stream":"\u0001","error":{"code":20001,"status":400,"message":"no"}}]}`: subscribedFrame(
			2, "e1", []subscribed{{name: "CH1", offset: 12, resumed: true}, {name: "\x01", err: fault.Invalid("no")}}),
		`{"type":"history","id":5,"channel":{},"members":[{},{}],"messages":[],"epoch":"e1","offset":9}`: historyFrame(5, History{
			Channel: json.RawMessage(`{}`), Members: []json.RawMessage{json.RawMessage(`{}`), json.RawMessage(`{}`)},
			Position: realtime.Position{Epoch: "e1", Offset: 9},
		}),
	} {
		text := payload(t, got, byte(socket.Text))
		if d := cmp.Diff(want, text); d != "" {
			t.Error(d)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("not JSON: %s", text)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c\n\t\x00\x1f", "é😀\u2028", "\xff\xc0", "a\xe2\x82"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := appendString(nil, s)
		if !utf8.Valid(quoted) {
			t.Fatalf("%q became %q: not UTF-8", s, quoted)
		}
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil {
			t.Fatalf("%q became %q: %v", s, quoted, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && back != want {
			t.Fatalf("%q came back as %q", s, back)
		}
	})
}
