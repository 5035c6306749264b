package smpp

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

func TestSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		done := w.send(message("SM1", "Grüße, 1€"))
		u := s.next()
		m, err := pdu.ReadMessage(u.Body)
		if err != nil || u.Command != pdu.SubmitSM {
			t.Fatal(u.Command, err)
		}
		want := pdu.Address{TON: 1, NPI: 1, Number: "15550002"}
		if m.Dest != want || m.Coding != 0 || m.Registered != 1 || string(m.Text) != "Gr\x7e\x1ee, 1\x1be" {
			t.Errorf("%+v", m)
		}
		s.write(u.Answer(pdu.OK, pdu.AppendID(nil, "id-1")))
		if r := <-done; r.err != nil || len(r.sent.IDs) != 1 || r.sent.IDs[0] != "id-1" || r.sent.Status != carry.Queued {
			t.Errorf("%+v", r)
		}
		// The same message again, as after a crash of who keeps the result: nothing is sent.
		if r := <-w.send(message("SM1", "Grüße, 1€")); r.err != nil || r.sent.IDs[0] != "id-1" {
			t.Errorf("again: %+v", r)
		}
		if !w.c.Health().Up {
			t.Error("not up")
		}
		w.close(s)
		if h := w.c.Health(); h.Up {
			t.Error("still up")
		}
	})
}

func TestSend_long(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("日本語のとても長い文章です。😀", 12)
	for _, long := range []string{"udh", "udh16", "sar", "payload"} {
		synctest.Test(t, func(t *testing.T) {
			w := open(t, map[string]string{"long": long})
			s := w.bind()
			done := w.send(message("SM2", text))
			var parts []piece
			n := len(segment.SplitBehind(text, segment.UCS2, 7))
			if long == "payload" {
				n = 1
			}
			for i := range n { // all of them are on their way before the first answer
				u := s.next()
				m, err := pdu.ReadMessage(u.Body)
				if err != nil || m.Coding != 8 {
					t.Fatalf("%s: %+v, %v", long, m, err)
				}
				p := piece{part: segment.Part{Data: m.Octets()}, coding: segment.Wide, there: true}
				if m.Class&pdu.ClassHeader != 0 {
					var c *segment.Concat
					if p.part, c, err = segment.Cut(m.Octets()); err != nil || int(c.Part) != i+1 || c.Wide != (long == "udh16") {
						t.Fatalf("%s: %+v, %v", long, c, err)
					}
				}
				if c, _ := sar(m.TLVs); (c != nil) != (long == "sar") {
					t.Fatalf("%s: %+v", long, c)
				}
				if len(m.Text) > 140 {
					t.Errorf("%s: a part of %d octets", long, len(m.Text))
				}
				parts = append(parts, p)
			}
			if join(parts) != text {
				t.Errorf("%s: the parts do not make the text", long)
			}
			for i := range n {
				s.write(pdu.Unit{Header: pdu.Header{Command: pdu.SubmitSM.Response(), Sequence: uint32(i) + 2}, Body: []byte("x")}) // 1 was the bind
			}
			if r := <-done; r.err != nil || len(r.sent.IDs) != n {
				t.Errorf("%s: %+v", long, r)
			}
			w.close(s)
		})
	}
}

func TestSend_window(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, map[string]string{"window": "50", "enquire_seconds": "3600"})
		s := w.bind()
		var all []chan result
		for i := range 80 {
			all = append(all, w.send(message("SM"+string(rune('A'+i)), "hello")))
		}
		var units []pdu.Unit
		for range 50 {
			units = append(units, s.next())
		}
		s.silent(time.Second) // the window is full
		for _, u := range units {
			s.write(u.Answer(pdu.OK, []byte("a")))
		}
		for range 30 {
			u := s.next()
			s.write(u.Answer(pdu.OK, []byte("b")))
		}
		for _, done := range all {
			if r := <-done; r.err != nil {
				t.Error(r.err)
			}
		}
		w.close(s)
	})
}

func TestSend_refused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		for status, want := range map[pdu.Status]carry.Refusal{
			pdu.InvalidDest: {Code: 30005}, pdu.SubmitFailed: {Code: 30008}, pdu.Rejected: {Code: 30007}, pdu.SystemError: {Again: true},
		} {
			done := w.send(message("SM"+string(rune('A'+status)), "hello"))
			u := s.next()
			s.write(u.Answer(status, nil))
			r := <-done
			got := new(carry.Refusal)
			if !errors.As(r.err, &got) || got.Code != want.Code || got.Again != want.Again {
				t.Errorf("%#x: %+v", status, r.err)
			}
			s.silent(time.Minute)
		}
		done := w.send(message("SM9", "hello"))
		u := s.next()
		s.write(u.Nack(pdu.UnknownCommand))
		if r := <-done; r.err == nil {
			t.Error("generic_nack was taken for success")
		}
		w.close(s)
	})
}

func TestSend_throttled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		again := func(want bool) time.Duration {
			t.Helper()
			done := w.send(message("SM1", "hello"))
			if want {
				u := s.next()
				s.write(u.Answer(pdu.Throttled, nil))
			}
			r := <-done
			refusal := new(carry.Refusal)
			if !errors.As(r.err, &refusal) || !refusal.Again || refusal.After <= 0 {
				t.Fatalf("%+v", r.err)
			}
			return refusal.After
		}
		first := again(true)
		again(false) // nothing is asked while the pause lasts
		<-time.After(first)
		if second := again(true); second <= first {
			t.Errorf("pauses %v, %v", first, second)
		}
		s.silent(time.Minute)
		done := w.send(message("SM1", "hello"))
		u := s.next()
		s.write(u.Answer(pdu.OK, []byte("id")))
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		w.close(s)
	})
}

// A carrier that throttles in the middle of a long message gets the rest of it, and no part twice.
func TestSend_throttledWithin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		done := w.send(message("SM1", strings.Repeat("a", 400)))
		seen := map[string]int{}
		for i := range 4 { // three parts, the second one twice
			u := s.next()
			m, _ := pdu.ReadMessage(u.Body)
			seen[string(m.Text[:6])]++
			if i == 1 {
				s.write(u.Answer(pdu.Throttled, nil))
				continue
			}
			s.write(u.Answer(pdu.OK, []byte{'a' + byte(i)}))
		}
		if r := <-done; r.err != nil || len(r.sent.IDs) != 3 {
			t.Errorf("%+v", r)
		}
		if len(seen) != 3 {
			t.Errorf("%v", seen)
		}
		w.close(s)
	})
}

func TestSend_rate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, map[string]string{"parts_per_second": "2"})
		s := w.bind()
		sent := 0
		for i := range 5 {
			done := w.send(message("SM"+string(rune('A'+i)), "hello"))
			synctest.Wait()
			select {
			case u := <-s.in:
				s.write(u.Answer(pdu.OK, nil))
				sent++
			default:
			}
			refusal := new(carry.Refusal)
			if r := <-done; r.err != nil && (!errors.As(r.err, &refusal) || !refusal.Again || refusal.After <= 0) {
				t.Errorf("%v", r.err)
			}
		}
		if sent != 2 {
			t.Errorf("%d were sent at once", sent)
		}
		<-time.After(time.Second)
		done := w.send(message("SM9", "hello"))
		u := s.next()
		s.write(u.Answer(pdu.OK, nil))
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		w.close(s)
	})
}

func TestSend_withoutLink(t *testing.T) {
	t.Parallel()
	c, err := Open(map[string]string{"address": "smsc.test:2775", "system_id": "usher", "password": "secret"}, connector.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	refusal := new(carry.Refusal)
	if _, err := c.Send(t.Context(), message("SM1", "hello")); !errors.As(err, &refusal) || !refusal.Again {
		t.Errorf("%v", err)
	}
	for _, m := range []carry.Outbound{
		{SID: "SM2", From: "+1555", To: "", Body: "x"},
		{SID: "SM3", From: "", To: "+1555", Body: "x"},
		{SID: "SM4", From: "+1555", To: "+1555", Body: strings.Repeat("あ", 67*256)},
		{SID: "SM5", From: "+1", To: "+1", Media: []carry.Media{{URL: "https://x"}}},
		{SID: "SM6", From: "+1555", To: "+" + strings.Repeat("1", 30), Body: "x"},
	} {
		if _, err := c.Send(t.Context(), m); !errors.As(err, &refusal) || refusal.Again || refusal.Code == 0 {
			t.Errorf("%s: %v", m.SID, err)
		}
	}
}

// An answer that comes after Send gave up is remembered: the next try sends nothing.
func TestSend_lateAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, map[string]string{"timeout_seconds": "10"})
		s := w.bind()
		done := w.send(message("SM1", "hello"))
		u := s.next()
		go func() { // the enquiries go on
			for e := range s.in {
				if e.Command == pdu.EnquireLink || e.Command == pdu.Unbind {
					s.write(e.Answer(pdu.OK, nil))
				} else {
					t.Errorf("%#x was sent", e.Command)
				}
			}
		}()
		r := <-done
		if refusal := new(carry.Refusal); r.err == nil || errors.As(r.err, &refusal) {
			t.Errorf("unanswered: %v", r.err)
		}
		s.write(u.Answer(pdu.OK, []byte("late")))
		synctest.Wait()
		if r := <-w.send(message("SM1", "hello")); r.err != nil || r.sent.IDs[0] != "late" {
			t.Errorf("%+v", r)
		}
		w.end()
		synctest.Wait()
	})
}

func TestReceive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		s.expect(s.deliver(from("15550002", "h\x1be")), pdu.OK)
		wide := from("15550003", "\x30\x42\xd8\x3d\xde\x00")
		wide.Coding = 8
		s.expect(s.deliver(wide), pdu.OK)
		payload := from("15550004", "")
		payload.TLVs = pdu.TLVs{{Tag: pdu.MessagePayload, Value: []byte(strings.Repeat("a", 2000))}}
		s.expect(s.deliver(payload), pdu.OK)
		if got := w.sink.bodies(); len(got) != 3 || got[0] != "h€" || got[1] != "あ😀" || len(got[2]) != 2000 {
			t.Errorf("%q", got)
		}
		if m := w.sink.messages[0]; m.From != "+15550002" || m.To != "+15550001" || m.ID == "" {
			t.Errorf("%+v", m)
		}
		data := from("15550005", "")
		data.TLVs = pdu.TLVs{{Tag: pdu.MessagePayload, Value: []byte("by data_sm")}}
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.DataSM, Sequence: 77}, Body: data.AppendData(nil)})
		if u := s.next(); u.Command != pdu.DataSM.Response() || u.Sequence != 77 || u.Status != pdu.OK {
			t.Errorf("%+v", u.Header)
		}
		s.expect(s.deliver(from("15550002", "same")), pdu.OK)
		s.expect(s.deliver(from("15550002", "same")), pdu.OK) // a customer says it twice
		if got := w.sink.bodies(); len(got) != 6 {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

func TestReceive_notKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		w.sink.set(true)
		s.expect(s.deliver(from("15550002", "hello")), pdu.Temporary)
		receipt := from("15550002", "id:1 stat:DELIVRD")
		receipt.Class = pdu.ClassReceipt
		s.expect(s.deliver(receipt), pdu.Temporary)
		w.sink.set(false)
		s.expect(s.deliver(from("15550002", "hello")), pdu.OK)
		if got := w.sink.bodies(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// What cannot be read is refused for good, and the link goes on.
func TestReceive_bad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		lies := from("15550002", "hello")
		body := lies.Append(nil)
		body[len(body)-6] = 200 // sm_length
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.DeliverSM, Sequence: 5}, Body: body})
		s.expect(5, pdu.InvalidLength)
		lies.TLVs = pdu.TLVs{{Tag: 1, Value: []byte("x")}}
		body = lies.Append(nil)
		binary.BigEndian.PutUint16(body[len(body)-3:], 999)
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.DeliverSM, Sequence: 6}, Body: body})
		s.expect(6, pdu.InvalidTLVs)
		s.seq = 10
		header := from("15550002", "\x20\x00\x03")
		header.Class = pdu.ClassHeader
		s.expect(s.deliver(header), pdu.Permanent)
		unknown := from("15550002", "x")
		unknown.Coding = 0x0d
		s.expect(s.deliver(unknown), pdu.Permanent)
		unknown.Coding = 4
		s.expect(s.deliver(unknown), pdu.Permanent)
		nameless := from("15550002", "what is this")
		nameless.Class = pdu.ClassReceipt
		s.expect(s.deliver(nameless), pdu.OK)
		s.write(pdu.Unit{Header: pdu.Header{Command: 0x77, Sequence: 8}})
		if u := s.next(); u.Command != pdu.GenericNack || u.Status != pdu.UnknownCommand || u.Sequence != 8 {
			t.Errorf("%+v", u.Header)
		}
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.SubmitSM.Response(), Sequence: 999}}) // nobody asked
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.Alert, Sequence: 9}})
		s.write(pdu.Unit{Header: pdu.Header{Command: pdu.EnquireLink, Sequence: 10}})
		if u := s.next(); u.Command != pdu.EnquireLink.Response() || u.Sequence != 10 {
			t.Errorf("%+v", u.Header)
		}
		if w.c.Health().Problem == "" || len(w.sink.bodies())+len(w.sink.receipts) != 0 {
			t.Errorf("%+v", w.c.Health())
		}
		w.close(s)
	})
}
