package load

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// Cut says after how many WebSocket frames a connection breaks; 0 is never. The opening handshake is no frame.
type Cut struct {
	Up   int // of the client
	Down int // of the server
}

// Cutter passes connections on to a server and breaks them, without a word to either side.
type Cutter struct {
	listener net.Listener
	to       string
	path     string
	cut      func(connection int) Cut
	count    atomic.Int64

	up, down atomic.Int64 // the most frames that one connection has carried
}

// NewCutter stands before the server at a WebSocket address. cut is asked for every connection, which are numbered from 0. It
// ends with the test.
func NewCutter(t testing.TB, to string, cut func(connection int) Cut) *Cutter {
	t.Helper()
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cutter{listener: l, to: at.Host, path: at.Path, cut: cut}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(in, int(c.count.Add(1)-1))
		}
	}()
	return c
}

// URL is the address of the way through the cutter.
func (c *Cutter) URL() string { return "ws://" + c.listener.Addr().String() + c.path }

// Connections is how many there have been.
func (c *Cutter) Connections() int { return int(c.count.Load()) }

// Seen is the most frames that one connection has carried in each direction.
func (c *Cutter) Seen() Cut { return Cut{int(c.up.Load()), int(c.down.Load())} }

func (c *Cutter) pass(in net.Conn, n int) {
	defer in.Close()
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer out.Close()
	cut := c.cut(n)
	ended := make(chan struct{}, 2)
	way := func(to io.Writer, from io.Reader, most int, seen *atomic.Int64) {
		frames(to, from, most, seen)
		ended <- struct{}{}
	}
	go way(out, in, cut.Up, &c.up)
	go way(in, out, cut.Down, &c.down)
	<-ended
}

// frames passes a handshake and most frames on, 0 for all.
func frames(to io.Writer, from io.Reader, most int, seen *atomic.Int64) {
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(to, line); err != nil {
			return
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	for n := 1; most == 0 || n <= most; n++ {
		if frame(to, r) != nil {
			return
		}
		for old := seen.Load(); int64(n) > old && !seen.CompareAndSwap(old, int64(n)); old = seen.Load() {
		}
	}
}

// frame passes one frame on (RFC 6455, section 5.2).
func frame(to io.Writer, r *bufio.Reader) error {
	head := make([]byte, 2, 14)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	extra := map[byte]int{126: 2, 127: 8}[head[1]&0x7F]
	masked := head[1]&0x80 != 0
	if masked {
		extra += 4
	}
	head = head[:2+extra]
	if _, err := io.ReadFull(r, head[2:]); err != nil {
		return err
	}
	size := int64(head[1] & 0x7F)
	switch size {
	case 126:
		size = int64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		size = int64(binary.BigEndian.Uint64(head[2:]) & (1<<32 - 1))
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	_, err := to.Write(append(head, body...))
	return err
}
