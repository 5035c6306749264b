package hostile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The opcodes of WebSocket frames (RFC 6455).
const (
	continuation = 0
	text         = 1
	binaryFrame  = 2
	closing      = 8
)

// socket is a WebSocket that sends what no library would.
type socket struct {
	net.Conn
	in *bufio.Reader
}

// open makes a connection to the stream that has said nothing yet.
func (s *siege) open(t *testing.T) *socket {
	t.Helper()
	conn := s.connect(t)
	t.Cleanup(func() { conn.Close() })
	k, err := upgrade(conn)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func upgrade(conn net.Conn) (*socket, error) { return upgradeAt(conn, "/stream") }

func upgradeAt(conn net.Conn, path string) (*socket, error) {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if err != nil {
		return nil, err
	}
	k := &socket{conn, bufio.NewReader(conn)}
	res, err := http.ReadResponse(k.in, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the upgrade answers %d", res.StatusCode)
	}
	return k, nil
}

// frame writes one frame; first is its first byte, final bit and opcode.
func (k *socket) frame(first byte, payload []byte) error {
	head := []byte{first}
	switch n := len(payload); {
	case n < 126:
		head = append(head, 0x80|byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 0x80|126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 0x80|127), uint64(n))
	}
	head = append(head, 0, 0, 0, 0) // a mask of zeros leaves the payload as it is
	_, err := k.Write(append(head, payload...))
	return err
}

func (k *socket) text(t *testing.T, frame string) {
	t.Helper()
	if err := k.frame(0x80|text, []byte(frame)); err != nil {
		t.Fatalf("%.80s: %v", frame, err)
	}
}

// read answers the next frame. The server does not mask.
func (k *socket) read() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(k.in, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(k.in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(k.in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil || n > 1<<22 {
		return 0, nil, fmt.Errorf("frame of %d bytes: %w", n, err)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(k.in, payload)
	return head[0] & 0xf, payload, err
}

// errEnd is a connection that ended without a close frame.
var errEnd = errors.New("ended without a close frame")

// next answers the next JSON frame, or the close code.
func (k *socket) next() (map[string]any, int, error) {
	for {
		opcode, payload, err := k.read()
		switch {
		case err != nil:
			return nil, 0, fmt.Errorf("%w: %w", errEnd, err)
		case opcode == closing && len(payload) >= 2:
			return nil, int(binary.BigEndian.Uint16(payload)), nil
		case opcode == text:
			return object(payload), 0, nil
		}
	}
}

// want reads up to a frame of a type.
func (k *socket) want(t *testing.T, kind string) map[string]any {
	t.Helper()
	_ = k.SetDeadline(time.Now().Add(20 * time.Second))
	for {
		f, code, err := k.next()
		if err != nil || code != 0 {
			t.Fatalf("no %s: closed with %d, %v", kind, code, err)
		}
		if f["type"] == kind {
			return f
		}
	}
}

// ended reads up to the end and answers the close code, 0 without one.
func (k *socket) ended(t *testing.T) int {
	t.Helper()
	_ = k.SetDeadline(time.Now().Add(20 * time.Second))
	for {
		_, code, err := k.next()
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			t.Error("the connection is not closed")
		}
		if err != nil || code != 0 {
			return code
		}
	}
}

// hello shows a token to a new connection: the close code, or an open connection.
func (s *siege) hello(t *testing.T, token string) (int, *socket) {
	t.Helper()
	k := s.open(t)
	k.text(t, fmt.Sprintf(`{"type":"hello","id":1,"token":%q}`, token))
	f, code, err := k.next()
	if err != nil || code == 0 && f["type"] != "welcome" {
		t.Errorf("hello: %v %v", f, err)
	}
	if code != 0 {
		k.Close()
	}
	return code, k
}

// in opens a connection for an identity.
func (s *siege) in(t *testing.T, identity string) *socket {
	t.Helper()
	code, k := s.hello(t, s.Token(identity, s.world["chat/Services"], time.Hour))
	if code != 0 {
		t.Fatalf("hello is refused with %d", code)
	}
	return k
}

// deep is n arrays in one another.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
