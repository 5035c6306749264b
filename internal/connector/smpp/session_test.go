package smpp

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
)

// What was under way when the link was cut is neither taken nor refused: nobody knows. The connection binds again by itself.
func TestRun_cut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		done := w.send(message("SM1", "hello"))
		s.next()
		_ = s.conn.Close()
		r := <-done
		if refusal := new(carry.Refusal); r.err == nil || errors.As(r.err, &refusal) {
			t.Errorf("%v", r.err)
		}
		synctest.Wait()
		if h := w.c.Health(); h.Up || h.Problem == "" {
			t.Errorf("%+v", h)
		}
		refusal := new(carry.Refusal)
		if r := <-w.send(message("SM2", "hello")); !errors.As(r.err, &refusal) || !refusal.Again {
			t.Errorf("while down: %v", r.err)
		}
		s = w.bind()
		done = w.send(message("SM2", "hello"))
		u := s.next()
		s.write(u.Answer(pdu.OK, []byte("id")))
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		if h := w.c.Health(); !h.Up {
			t.Errorf("%+v", h)
		}
		w.close(s)
	})
}

// A carrier that is away is asked less and less often.
func TestRun_backoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		began := time.Now()
		for range 8 {
			s := <-w.dialed
			_ = s.conn.Close()
		}
		if waited := time.Since(began); waited < time.Minute || waited > 6*time.Minute {
			t.Errorf("eight attempts in %v", waited)
		}
		w.end()
	})
}

func TestRun_refusedBind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := <-w.dialed
		u := s.next()
		s.write(u.Answer(pdu.InvalidPassword, nil))
		synctest.Wait()
		h := w.c.Health()
		if h.Up || !strings.Contains(h.Problem, "password") || strings.Contains(h.Problem, "secret") {
			t.Errorf("%+v", h)
		}
		began := time.Now()
		s = w.bind()
		if waited := time.Since(began); waited < 10*time.Second {
			t.Errorf("asked again after %v", waited)
		}
		w.close(s)
	})
}

func TestRun_lyingLength(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\x00\x00\x00\x0f"} {
		synctest.Test(t, func(t *testing.T) {
			w := open(t, nil)
			s := w.bind()
			_, _ = s.conn.Write([]byte(size + "\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x09"))
			if u := s.next(); u.Command != pdu.GenericNack || u.Status != pdu.InvalidCommand || u.Sequence != 9 {
				t.Errorf("%+v", u.Header)
			}
			if _, open := <-s.in; open {
				t.Error("the link goes on")
			}
			w.close(w.bind())
		})
	}
}

func TestRun_carrierUnbinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.Unbind, Sequence: 3}})
		if u := s.next(); u.Command != pdu.Unbind.Response() || u.Sequence != 3 {
			t.Errorf("%+v", u.Header)
		}
		w.close(w.bind())
	})
}

func TestRun_silentCarrier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, map[string]string{"enquire_seconds": "20", "timeout_seconds": "5"})
		s := w.bind()
		began := time.Now()
		if u := <-s.in; u.Command != pdu.EnquireLink || time.Since(began) != 20*time.Second {
			t.Errorf("%#x after %v", u.Command, time.Since(began))
		}
		if _, open := <-s.in; open || time.Since(began) != 25*time.Second {
			t.Errorf("the link stands after %v", time.Since(began))
		}
		w.close(w.bind())
	})
}

// When Usher stops, what is being kept is kept and answered first, and then the session ends in order.
func TestRun_stops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		w.sink.wait = time.Second
		s := w.bind()
		sequence := s.deliver(from("15550002", "the last"))
		synctest.Wait()
		go w.end()
		s.expect(sequence, pdu.OK)
		u := s.next()
		if u.Command != pdu.Unbind {
			t.Errorf("%#x", u.Command)
		}
		s.write(u.Answer(pdu.OK, nil))
		synctest.Wait()
		if got := w.sink.bodies(); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

func TestRun_both(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, map[string]string{"bind": "both"})
		links := map[pdu.Command]*center{}
		for range 2 {
			s := <-w.dialed
			u := s.next()
			links[u.Command] = s
			s.write(u.Answer(pdu.OK, nil))
			synctest.Wait()
			if up := w.c.Health().Up; up != (len(links) == 2) {
				t.Errorf("with %d links up is %v", len(links), up)
			}
		}
		out, in := links[pdu.BindTransmitter], links[pdu.BindReceiver]
		in.expect(in.deliver(from("15550002", "hello")), pdu.OK)
		done := w.send(message("SM1", "hello"))
		u := out.next()
		out.write(u.Answer(pdu.OK, nil))
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		go func() {
			for u := range in.in {
				in.write(u.Answer(pdu.OK, nil))
			}
		}()
		w.close(out)
	})
}

// The answer to a message was lost with the link: what comes again is the same message, once.
func TestReceive_again(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		s.expect(s.deliver(from("15550002", "long ago")), pdu.OK)
		s.silent(time.Minute) // enquiries are answered: the carrier knows
		s.deliver(from("15550002", "hello"))
		synctest.Wait()
		_ = s.conn.Close()
		s = w.bind()
		s.expect(s.deliver(from("15550002", "hello")), pdu.OK)
		if got := w.sink.bodies(); len(got) != 2 {
			t.Errorf("%q", got)
		}
		s.expect(s.deliver(from("15550002", "hello")), pdu.OK)
		s.expect(s.deliver(from("15550002", "long ago")), pdu.OK)
		if got := w.sink.bodies(); len(got) != 4 {
			t.Errorf("what a customer says again is lost: %q", got)
		}
		named := from("15550002", "named")
		named.TLVs = pdu.TLVs{{Tag: pdu.ReceiptedID, Value: []byte("mo-1\x00")}}
		s.expect(s.deliver(named), pdu.OK)
		s.expect(s.deliver(named), pdu.OK)
		if got := w.sink.bodies(); len(got) != 5 {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// A carrier that gave up waiting delivers again in the same session.
func TestReceive_lateAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		w.sink.wait = 10 * time.Second
		first, second := s.deliver(from("15550002", "hello")), s.deliver(from("15550002", "hello"))
		s.expect(first, pdu.OK)
		s.expect(second, pdu.OK)
		if got := w.sink.bodies(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// More than can wait is refused for now, and nothing of what was accepted is lost.
func TestReceive_tooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		w.sink.wait = time.Second
		for range laneDepth + 10 {
			s.deliver(from("15550002", "hello"))
		}
		kept, refused := 0, 0
		for range laneDepth + 10 {
			switch u := s.next(); u.Status {
			case pdu.OK:
				kept++
			case pdu.QueueFull:
				refused++
			default:
				t.Errorf("%+v", u.Header)
			}
		}
		if got := len(w.sink.bodies()); got != kept || refused == 0 || kept < laneDepth {
			t.Errorf("%d kept of %d answered so, %d refused", got, kept, refused)
		}
		w.close(s)
	})
}
