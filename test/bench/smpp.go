package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp"
	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
)

// window is how many messages may wait for an answer.
const window = 50

// smpp measures one bind of SMPP over loopback: what goes out with a window of 50, and what comes in. The bound sends bare frames of the
// same sizes, each with a write of its own and at most 50 without an answer.
func (b *bench) smpp(ctx context.Context) error {
	slog.SetLogLoggerLevel(slog.LevelError) // links come up and go down
	bound := func() (float64, error) { return b.frames(ctx) }
	out, m, err := b.interleave(func() (float64, error) { return b.submit(ctx) }, bound)
	if err != nil {
		return fmt.Errorf("submit_sm: %w", err)
	}
	b.add("submit_sm/s, one bind, window 50 (bound: bare frames)", f0(out), f0(m), f2(out/m), "≥ 500/s", out >= 500)
	in, m, err := b.interleave(func() (float64, error) { return b.deliver(ctx) }, bound)
	if err != nil {
		return fmt.Errorf("deliver_sm: %w", err)
	}
	b.add("deliver_sm/s, one bind, window 50, kept at once (bound: bare frames)", f0(in), f0(m), f2(in/m), "≥ 1,000/s", in >= 1000)
	return nil
}

var sample = pdu.Message{
	Source: pdu.Address{TON: 1, NPI: 1, Number: "15005550001"}, Dest: pdu.Address{TON: 1, NPI: 1, Number: "15005550002"}, Registered: 1,
	Text: []byte("Your order has left our house today and will be with you on Friday."),
}

// counter is a sink that keeps nothing.
type counter struct{ n atomic.Int64 }

func (c *counter) Accept(context.Context, carry.Inbound) error {
	c.n.Add(1)
	return nil
}

func (c *counter) Receipt(context.Context, carry.Receipt) error { return nil }

// bind opens a connection to a carrier of this process and runs it; the carrier's side of the link comes back after the bind.
func (b *bench) bind(ctx context.Context, sink connector.Sink) (*smpp.Connection, net.Conn, *bufio.Reader, func(), error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, nil, nil, err
	}
	defer listener.Close()
	c, err := smpp.Open(map[string]string{
		"address": listener.Addr().String(), "system_id": "bench", "password": "bench", "window": strconv.Itoa(window),
	}, connector.Deps{})
	if err != nil {
		return nil, nil, nil, nil, err
	}
	inner, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(inner, sink)
	}()
	stop := func() {
		cancel()
		<-ended
	}
	conn, err := listener.Accept()
	if err != nil {
		stop()
		return nil, nil, nil, nil, err
	}
	r := bufio.NewReaderSize(conn, 64<<10)
	u, err := pdu.Read(r)
	if err == nil {
		_, err = conn.Write(u.Answer(pdu.OK, pdu.AppendID(nil, "bench")).Append(nil))
	}
	for err == nil && !c.Health().Up {
		if err = ctx.Err(); err == nil {
			<-time.After(time.Millisecond)
		}
	}
	return c, conn, r, func() {
		_ = conn.Close()
		stop()
	}, err
}

// submit counts the messages that go out in a second, from 100 senders at a time.
func (b *bench) submit(ctx context.Context) (float64, error) {
	c, conn, r, stop, err := b.bind(ctx, &counter{})
	if err != nil {
		return 0, err
	}
	defer stop()
	go func() { // the carrier: takes all that there is, and answers it at once
		w := bufio.NewWriterSize(conn, 64<<10)
		for id := 0; ; id++ {
			u, err := pdu.Read(r)
			if err != nil {
				return
			}
			_, _ = w.Write(u.Answer(pdu.OK, pdu.AppendID(nil, strconv.Itoa(id))).Append(nil))
			if r.Buffered() == 0 {
				_ = w.Flush()
			}
		}
	}()
	var sent, next atomic.Int64
	var failed error
	var once sync.Once
	var all sync.WaitGroup
	began := time.Now()
	for range 2 * window {
		all.Go(func() {
			for time.Since(began) < b.length {
				m := carry.Outbound{SID: "SM" + strconv.FormatInt(next.Add(1), 10), From: "+15005550001", To: "+15005550002", Body: string(sample.Text)}
				if _, err := c.Send(ctx, m); err != nil {
					once.Do(func() { failed = err })
					return
				}
				sent.Add(1)
			}
		})
	}
	all.Wait()
	return float64(sent.Load()) / time.Since(began).Seconds(), failed
}

// deliver counts the messages that come in and are answered in a second, from 500 senders.
func (b *bench) deliver(ctx context.Context) (float64, error) {
	sink := &counter{}
	_, conn, r, stop, err := b.bind(ctx, sink)
	if err != nil {
		return 0, err
	}
	defer stop()
	free := make(chan struct{}, window)
	var answered atomic.Int64
	broken := make(chan error, 1)
	go func() {
		for {
			u, err := pdu.Read(r)
			if err != nil {
				broken <- err
				return
			}
			if u.Command == pdu.DeliverSM.Response() {
				if u.Status != pdu.OK {
					broken <- fmt.Errorf("status %#x", uint32(u.Status))
					return
				}
				answered.Add(1)
				<-free
			}
		}
	}()
	w := bufio.NewWriterSize(conn, 64<<10)
	began := time.Now()
	for i := uint32(1); time.Since(began) < b.length; i++ {
		select {
		case free <- struct{}{}:
		default: // the window is full: what was written has to go first
			if err := w.Flush(); err != nil {
				return 0, err
			}
			select {
			case free <- struct{}{}:
			case err := <-broken:
				return 0, err
			}
		}
		m := sample
		m.Source.Number = "1500555" + strconv.Itoa(1000+int(i%500))
		u := pdu.Unit{Header: pdu.Header{Command: pdu.DeliverSM, Sequence: i}, Body: m.Append(nil)}
		_, _ = w.Write(u.Append(nil))
	}
	took := time.Since(began)
	if n := answered.Load(); n > sink.n.Load() {
		return 0, errors.New("more was answered than kept")
	}
	return float64(answered.Load()) / took.Seconds(), nil
}

// frames counts bare frames of the same sizes that were answered in a second.
func (b *bench) frames(ctx context.Context) (float64, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	question := make([]byte, len(pdu.Unit{Body: sample.Append(nil)}.Append(nil)))
	reply := make([]byte, 24)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r, w := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriterSize(conn, 64<<10)
		for {
			if _, err := io.ReadFull(r, question); err != nil {
				return
			}
			_, _ = w.Write(reply)
			if r.Buffered() == 0 {
				_ = w.Flush()
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	free := make(chan struct{}, window)
	var answered atomic.Int64
	go func() {
		r, answer := bufio.NewReaderSize(conn, 64<<10), make([]byte, len(reply))
		for {
			if _, err := io.ReadFull(r, answer); err != nil {
				return
			}
			answered.Add(1)
			<-free
		}
	}()
	frame, began := make([]byte, len(question)), time.Now()
	for time.Since(began) < b.length && ctx.Err() == nil {
		free <- struct{}{}
		if _, err := conn.Write(frame); err != nil {
			return 0, err
		}
	}
	return float64(answered.Load()) / time.Since(began).Seconds(), nil
}
