package clamd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"usher/internal/media"
)

// daemon answers scans as clamd does: what holds "EICAR" is found. reply, when not empty, is answered to everything.
func daemon(t *testing.T, network, address, reply string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn, reply)
		}
	}()
	return l.Addr().String()
}

func answer(conn net.Conn, reply string) {
	defer conn.Close()
	command := make([]byte, len("zINSTREAM\x00"))
	if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zINSTREAM\x00" {
		return
	}
	var seen bytes.Buffer
	for {
		var size uint32
		if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
			return
		}
		if size == 0 {
			break
		}
		if _, err := io.CopyN(&seen, conn, int64(size)); err != nil {
			return
		}
	}
	switch {
	case reply == "hang up":
		return
	case reply != "":
	case strings.Contains(seen.String(), "EICAR"):
		reply = "stream: Eicar-Test-Signature FOUND\x00"
	default:
		reply = "stream: OK\x00"
	}
	_, _ = conn.Write([]byte(reply))
}

func verdict(c *Client, chunks ...string) error {
	s, err := c.Begin(context.Background())
	if err != nil {
		return err
	}
	defer s.Close()
	for _, chunk := range chunks {
		if _, err := s.Write([]byte(chunk)); err != nil {
			return err
		}
	}
	return s.Verdict()
}

func TestClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*Client{
		"tcp":  New(daemon(t, "tcp", "127.0.0.1:0", "")),
		"unix": New(daemon(t, "unix", filepath.Join(t.TempDir(), "clamd.sock"), "")),
	} {
		if err := verdict(c, "harmless", "", strings.Repeat("x", 100_000)); err != nil {
			t.Errorf("%s: a harmless file: %v", name, err)
		}
		if err := verdict(c, "EI", "CAR"); !errors.Is(err, media.ErrInfected) {
			t.Errorf("%s: an infected file: %v", name, err)
		}
	}
}

func TestClient_failsClosed(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		"INSTREAM size limit exceeded. ERROR\x00", "stream: ERROR\x00", "hang up", "\x00", "OK\x00", "stream: OK", strings.Repeat("x", 2*maxReply),
		"stream: OK but\x00",
	} {
		if err := verdict(New(daemon(t, "tcp", "127.0.0.1:0", reply)), "file"); err == nil || errors.Is(err, media.ErrInfected) {
			t.Errorf("%.40q is taken for a verdict: %v", reply, err)
		}
	}
	if err := verdict(New("127.0.0.1:1"), "file"); err == nil {
		t.Error("nobody answers, and the file passes")
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New(daemon(t, "tcp", "127.0.0.1:0", "")).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cancel()
	if _, err := io.Copy(s, &endless{}); err == nil {
		t.Error("a scan goes on after its end")
	}
}

// endless gives bytes forever.
type endless struct{}

func (*endless) Read(p []byte) (int, error) { return len(p), nil }
