package smpp

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
)

// center is the carrier's side of one link.
type center struct {
	t    *testing.T
	conn net.Conn
	in   chan pdu.Unit
	seq  uint32
}

func (s *center) write(u pdu.Unit) {
	s.t.Helper()
	if _, err := s.conn.Write(u.Append(nil)); err != nil {
		s.t.Logf("carrier: %v", err)
	}
}

// next answers the next unit from Usher; enquire_link is answered on the way.
func (s *center) next() pdu.Unit {
	s.t.Helper()
	for {
		select {
		case u, ok := <-s.in:
			if !ok {
				s.t.Fatal("the link has ended")
			}
			if u.Command == pdu.EnquireLink {
				s.write(u.Answer(pdu.OK, nil))
				continue
			}
			return u
		case <-time.After(time.Hour):
			s.t.Fatal("nothing comes")
		}
	}
}

// silent fails when something comes within d.
func (s *center) silent(d time.Duration) {
	s.t.Helper()
	end := time.After(d)
	for {
		select {
		case u, ok := <-s.in:
			if ok && u.Command == pdu.EnquireLink {
				s.write(u.Answer(pdu.OK, nil))
				continue
			}
			s.t.Fatalf("%#x came", u.Command)
		case <-end:
			return
		}
	}
}

func (s *center) deliver(m pdu.Message) uint32 {
	s.seq++
	s.write(pdu.Unit{Header: pdu.Header{Command: pdu.DeliverSM, Sequence: s.seq}, Body: m.Append(nil)})
	return s.seq
}

// expect reads a deliver_sm_resp.
func (s *center) expect(sequence uint32, status pdu.Status) {
	s.t.Helper()
	if u := s.next(); u.Command != pdu.DeliverSM.Response() || u.Sequence != sequence || u.Status != status {
		s.t.Errorf("answer %+v, want %d with status %#x", u.Header, sequence, status)
	}
}

// sink keeps in memory, and fails while broken.
type sink struct {
	mu       sync.Mutex
	messages []carry.Inbound
	receipts []carry.Receipt
	broken   bool
	wait     time.Duration
}

var errBroken = errors.New("the disk is full")

func (s *sink) Accept(_ context.Context, m carry.Inbound) error {
	if s.wait > 0 {
		<-time.After(s.wait)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errBroken
	}
	for _, old := range s.messages {
		if old.ID == m.ID {
			return nil
		}
	}
	s.messages = append(s.messages, m)
	return nil
}

func (s *sink) Receipt(_ context.Context, r carry.Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errBroken
	}
	s.receipts = append(s.receipts, r)
	return nil
}

func (s *sink) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, m := range s.messages {
		list = append(list, m.Body)
	}
	return list
}

func (s *sink) set(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// world is a connection that runs against carriers in the test.
type world struct {
	t      *testing.T
	c      *Connection
	sink   *sink
	dialed chan *center
	end    func()
}

func open(t *testing.T, settings map[string]string) *world {
	t.Helper()
	w := &world{t: t, sink: &sink{}, dialed: make(chan *center, 8)}
	all := map[string]string{"address": "smsc.test:2775", "system_id": "usher", "password": "secret"}
	for k, v := range settings {
		all[k] = v
	}
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		s := &center{t: t, conn: theirs, in: make(chan pdu.Unit, 200)}
		go func() {
			defer close(s.in)
			for {
				u, err := pdu.Read(theirs)
				if err != nil {
					return
				}
				s.in <- u
			}
		}()
		w.dialed <- s
		return ours, nil
	}
	c, err := Open(all, connector.Deps{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	w.c = c
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx, w.sink)
	}()
	w.end = func() {
		cancel()
		<-ended
	}
	return w
}

// bind waits for the next link and lets it bind.
func (w *world) bind() *center {
	w.t.Helper()
	s := <-w.dialed
	u := s.next()
	if _, err := pdu.ReadBind(u.Body); err != nil {
		w.t.Fatal(err)
	}
	s.write(u.Answer(pdu.OK, pdu.AppendID(nil, "center")))
	synctest.Wait()
	return s
}

// close ends the run: the carrier answers the unbind.
func (w *world) close(s *center) {
	w.t.Helper()
	go func() {
		for u := range s.in {
			s.write(u.Answer(pdu.OK, nil))
		}
	}()
	w.end()
	_ = s.conn.Close()
	synctest.Wait()
}

func from(number, text string) pdu.Message {
	return pdu.Message{
		Source: pdu.Address{TON: 1, NPI: 1, Number: number}, Dest: pdu.Address{TON: 1, NPI: 1, Number: "15550001"}, Text: []byte(text),
	}
}

func message(sid, body string) carry.Outbound {
	return carry.Outbound{SID: sid, From: "+15550001", To: "+15550002", Body: body}
}

type result struct {
	sent carry.Sent
	err  error
}

func (w *world) send(m carry.Outbound) chan result {
	done := make(chan result, 1)
	go func() {
		sent, err := w.c.Send(w.t.Context(), m)
		done <- result{sent, err}
	}()
	return done
}
