package stream_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/realtime/stream"
	"usher/test/load"
)

// serveRooms is set in the process that serves a benchmark: its number of rooms.
const serveRooms = "STREAM_BENCH_ROOMS"

// serveFlags are further flags for that process, such as -test.cpuprofile=FILE.
const serveFlags = "STREAM_BENCH_FLAGS"

// TestServe is the server of the benchmarks, in a process of its own so that its memory can be told from the clients'.
func TestServe(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(serveRooms))
	if err != nil {
		t.Skip("only runs inside benchmarks")
	}
	h := newHouse(t, sqlite(t), func(o *stream.Options) {
		o.Recheck, o.Logger = 0, nil
		o.Limits = stream.Limits{SendRate: -1, RequestRate: -1, PerAddress: -1, Total: -1}
	})
	for i := range n {
		fmt.Println("room", h.channel("a"+strconv.Itoa(i), "b"+strconv.Itoa(i)))
	}
	debug.FreeOSMemory()
	fmt.Println("url", h.url)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	runtime.GC()
}

// serve starts the server process and answers its address, its rooms and its id.
func serve(b *testing.B, rooms int) (url string, list []load.Room, pid int) {
	b.Helper()
	args := append([]string{"-test.run=^TestServe$", "-test.timeout=10m"}, strings.Fields(os.Getenv(serveFlags))...)
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), serveRooms+"="+strconv.Itoa(rooms))
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		kind, value, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "room":
			i := strconv.Itoa(len(list))
			list = append(list, load.Room{Channel: value, Tokens: []string{"a" + i + " visitor 36000000", "b" + i + " visitor 36000000"}})
		case "url":
			return value, list, cmd.Process.Pid
		}
	}
	b.Fatal("the server did not start")
	return "", nil, 0
}

// BenchmarkSend is 100 senders in 50 rooms, 500 bytes a message, each waiting for its acknowledgment.
func BenchmarkSend(b *testing.B) {
	url, rooms, _ := serve(b, 50)
	for b.Loop() {
		r, err := load.Run(context.Background(), url, load.Traffic{Rooms: rooms, Body: 500, Warm: time.Second, Duration: 5 * time.Second})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(r.Rate, "messages/s")
		b.ReportMetric(float64(r.Ack.P99)/1e6, "ack-p99-ms")
		b.Logf("%.0f messages/s, acknowledged %s, end to end %s, delivered %d", r.Rate, r.Ack, r.EndToEnd, r.Delivered)
	}
}

// BenchmarkLatency is 500 connections that send 500 messages a second in all.
func BenchmarkLatency(b *testing.B) {
	url, rooms, _ := serve(b, 250)
	for b.Loop() {
		r, err := load.Run(context.Background(), url, load.Traffic{Rooms: rooms, Body: 500, Rate: 500, Warm: time.Second, Duration: 5 * time.Second})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.EndToEnd.P99)/1e6, "end-to-end-p99-ms")
		b.Logf("%.0f messages/s, acknowledged %s, end to end %s, delivered %d", r.Rate, r.Ack, r.EndToEnd, r.Delivered)
	}
}

// BenchmarkIdle is the memory that 10,000 connections take in the server, each signed in and watching its channel.
func BenchmarkIdle(b *testing.B) {
	const n = 10_000
	url, rooms, pid := serve(b, n/2)
	for b.Loop() {
		before, err := load.RSS(pid)
		if err != nil {
			b.Fatal(err)
		}
		took, closeAll, err := load.Idle(context.Background(), url, n, func(i int) (string, string) {
			r := rooms[i/2]
			return r.Channel, r.Tokens[i%2]
		})
		if err != nil {
			b.Fatal(err)
		}
		<-time.After(2 * time.Second) // the server tidies up
		after, err := load.RSS(pid)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(after-before)/n, "B/connection")
		if os.Getenv(serveFlags) != "" {
			return // the profile is of the open connections
		}
		b.Logf("%d connections in %s, resident %d → %d MB", n, took.Round(time.Millisecond), before>>20, after>>20)
		closeAll()
	}
}
