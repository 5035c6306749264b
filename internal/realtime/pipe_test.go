package realtime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeTo makes a pipe whose other end the test reads.
func pipeTo(t *testing.T) (*Pipe, net.Conn) {
	t.Helper()
	server, client := net.Pipe()
	t.Cleanup(func() {
		_ = server.Close()
		_ = client.Close()
	})
	p := &Pipe{}
	p.Open(server)
	return p, client
}

func TestPipeKeepsTheOrder(t *testing.T) {
	t.Parallel()
	p, client := pipeTo(t)
	var want bytes.Buffer
	for i := range 500 {
		frame := bytes.Repeat([]byte{byte(i)}, i)
		want.Write(frame)
		if !p.Write(frame) {
			t.Fatalf("frame %d was refused", i)
		}
	}
	want.WriteString("end")
	p.Close([]byte("end"), false)
	if p.Write([]byte("late")) || !p.Closing() {
		t.Error("a closing pipe takes frames")
	}
	p.Close([]byte("again"), false)
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got %d bytes, want %d (%v)", len(got), want.Len(), err)
	}
}

func TestPipeIsBounded(t *testing.T) {
	t.Parallel()
	p, client := pipeTo(t)
	if !p.Write(make([]byte, 2*pipeMaxBytes)) {
		t.Fatal("one large frame must pass")
	}
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil { // it is being written now, and stays so
		t.Fatal(err)
	}
	n := 0
	for p.Write(make([]byte, 10_000)) {
		n += 10_000
	}
	if n < pipeMaxBytes-10_000 || n > pipeMaxBytes {
		t.Errorf("took %d bytes", n)
	}
	p.Close([]byte("end"), true)
	rest, err := io.ReadAll(client)
	if err != nil || len(rest) != 2*pipeMaxBytes-1+3 {
		t.Errorf("after the cut: %d bytes, %v", len(rest), err)
	}

	p, client = pipeTo(t)
	p.Write([]byte{1, 2})
	if _, err := io.ReadFull(client, make([]byte, 1)); err != nil { // it stays under way
		t.Fatal(err)
	}
	n = 0
	for p.Write([]byte{1}) {
		n++
	}
	if n != pipeMaxFrames {
		t.Errorf("took %d frames", n)
	}
}

func TestPipeRoom(t *testing.T) {
	t.Parallel()
	p, client := pipeTo(t)
	if err := p.Room(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Write([]byte{1})
	_, _ = client.Read(make([]byte, 0)) // the write is under way, or not: both are fine
	for p.Write(make([]byte, 100_000)) {
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.Room(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("room in a full pipe: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.Room(t.Context()); err != nil {
			t.Error(err)
		}
	})
	go func() { _, _ = io.Copy(io.Discard, client) }()
	wg.Wait()
}

func TestPipeRoomEndsWithThePipe(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Pipe){"close": func(p *Pipe) { p.Close(nil, true) }, "kill": (*Pipe).Kill} {
		p, _ := pipeTo(t)
		for p.Write(make([]byte, 100_000)) {
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := p.Room(t.Context()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		})
		end(p)
		wg.Wait()
	}
}

func TestPipeStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		p := &Pipe{}
		p.Open(server)
		p.Write([]byte("x"))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if !p.Stuck(time.Now().Add(-5*time.Second)) || p.Stuck(time.Now().Add(-15*time.Second)) {
			t.Error("a write of ten seconds is stuck after five, not after fifteen")
		}
		p.Kill()
		synctest.Wait()
		if p.Stuck(time.Now()) || p.Write([]byte("y")) {
			t.Error("a killed pipe lives")
		}
		_ = client.Close()
	})
}

func TestPipeToNobody(t *testing.T) {
	t.Parallel()
	p, client := pipeTo(t)
	_ = client.Close()
	p.Write([]byte("x"))
	for tick := time.NewTicker(time.Millisecond); !p.Closing(); <-tick.C {
		continue
	}
	p.Kill()
	(&Pipe{}).Kill()
}
