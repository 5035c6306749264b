package smpp

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/connector/smpp/pdu"
	"usher/internal/segment"
)

// part makes one of the parts of a message.
func part(number string, ref uint16, total, n int, text string) pdu.Message {
	c := segment.Concat{Ref: ref, Total: uint8(total), Part: uint8(n)}
	m := from(number, string(c.Bytes())+text)
	m.Class = pdu.ClassHeader
	return m
}

// None of the parts is answered before the whole was kept; then all are.
func TestAssemble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		second := s.deliver(part("15550002", 7, 3, 2, "two "))
		other := s.deliver(part("15550003", 7, 3, 1, "another's"))
		third := s.deliver(part("15550002", 7, 3, 3, "three"))
		twice := s.deliver(part("15550002", 7, 3, 2, "two "))
		s.silent(time.Second)
		first := s.deliver(part("15550002", 7, 3, 1, "one "))
		s.expect(first, pdu.OK)
		s.expect(second, pdu.OK)
		s.expect(twice, pdu.OK)
		s.expect(third, pdu.OK)
		if got := w.sink.bodies(); len(got) != 1 || got[0] != "one two three" {
			t.Errorf("%q", got)
		}
		if m := w.sink.messages[0]; m.Segments != 3 {
			t.Errorf("%+v", m)
		}
		s.expect(s.deliver(part("15550002", 7, 3, 2, "two ")), pdu.OK) // once more, and late
		s.expect(other, pdu.Temporary)
		if got := w.sink.bodies(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

func TestAssemble_sar(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		m := func(n byte, text string) pdu.Message {
			m := from("15550002", text)
			m.Coding = 8
			m.TLVs = pdu.TLVs{{Tag: pdu.SARReference, Value: []byte{1, 2}}, {Tag: pdu.SARTotal, Value: []byte{2}}, {Tag: pdu.SARPart, Value: []byte{n}}}
			return m
		}
		one := s.deliver(m(1, "\x30\x42\xd8\x3d"))
		two := s.deliver(m(2, "\xde\x00\x30\x44")) // a pair is cut between the parts
		s.expect(one, pdu.OK)
		s.expect(two, pdu.OK)
		if got := w.sink.bodies(); len(got) != 1 || got[0] != "あ😀い" {
			t.Errorf("%q", got)
		}
		s.expect(s.deliver(m(3, "x")), pdu.Permanent) // the third of two
		w.close(s)
	})
}

// A carrier that sends the next part only after an answer gets one, and brings the parts again after the whole was kept.
func TestAssemble_oneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		for n := 1; n <= 2; n++ {
			began := time.Now()
			s.expect(s.deliver(part("15550002", 7, 3, n, "x")), pdu.Temporary)
			if waited := time.Since(began); waited < hold || waited > 2*hold {
				t.Errorf("answered after %v", waited)
			}
		}
		s.expect(s.deliver(part("15550002", 7, 3, 3, "x")), pdu.OK)
		for n := 1; n <= 2; n++ {
			s.expect(s.deliver(part("15550002", 7, 3, n, "x")), pdu.OK)
		}
		if got := w.sink.bodies(); len(got) != 1 || got[0] != "xxx" {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// What the sink cannot keep stays with the carrier, all parts of it.
func TestAssemble_notKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		w.sink.set(true)
		one, two := s.deliver(part("15550002", 7, 2, 1, "a")), s.deliver(part("15550002", 7, 2, 2, "b"))
		s.expect(one, pdu.Temporary)
		s.expect(two, pdu.Temporary)
		w.sink.set(false)
		s.expect(s.deliver(part("15550002", 7, 2, 1, "a")), pdu.OK)
		s.expect(s.deliver(part("15550002", 7, 2, 2, "b")), pdu.OK)
		if got := w.sink.bodies(); len(got) != 1 || got[0] != "ab" {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// A part that never comes: the others are shown, and should it come after all it is shown too.
func TestAssemble_missing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, map[string]string{"parts_minutes": "3"})
		s := w.bind()
		s.expect(s.deliver(part("15550002", 7, 3, 1, "one")), pdu.Temporary)
		s.expect(s.deliver(part("15550002", 7, 3, 3, "three")), pdu.Temporary)
		s.silent(2 * time.Minute)
		if got := w.sink.bodies(); len(got) != 0 {
			t.Errorf("too early: %q", got)
		}
		s.silent(2 * time.Minute)
		if got := w.sink.bodies(); len(got) != 1 || got[0] != "one […] three" {
			t.Errorf("%q", got)
		}
		s.expect(s.deliver(part("15550002", 7, 3, 3, "three")), pdu.OK)
		s.expect(s.deliver(part("15550002", 7, 3, 2, "two")), pdu.Temporary)
		s.silent(4 * time.Minute)
		if got := w.sink.bodies(); len(got) != 2 || got[1] != " […] two […] " {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// The same reference for another message ends the old one.
func TestAssemble_reference(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		old := s.deliver(part("15550002", 7, 2, 1, "old"))
		one := s.deliver(part("15550002", 7, 2, 1, "new "))
		s.expect(old, pdu.OK)
		two := s.deliver(part("15550002", 7, 2, 2, "text"))
		s.expect(one, pdu.OK)
		s.expect(two, pdu.OK)
		if got := w.sink.bodies(); len(got) != 2 || got[0] != "old […] " || got[1] != "new text" {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
}

// A sender who never finishes anything takes up a bounded place, and a carrier that sends only such parts too.
func TestAssemble_bounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t, nil)
		s := w.bind()
		for i := range 3 * senderSets {
			s.deliver(part("15550002", uint16(i), 2, 1, fmt.Sprint(i)))
		}
		synctest.Wait()
		if got := w.sink.bodies(); len(got) != 2*senderSets || !strings.HasPrefix(got[0], "0 ") {
			t.Errorf("%q", got)
		}
		w.close(s)
	})
	synctest.Test(t, func(t *testing.T) {
		ln := &lane{in: &intake{c: newConnection(config{}, nil), sink: &sink{}}, sets: map[setKey]*set{}, finished: map[setKey]*whole{}}
		l := &link{out: make(chan outgoing, 10_000), done: make(chan struct{})}
		full := strings.Repeat("x", 130)
		for i := range 1000 {
			m := part(fmt.Sprint(1_000_000+i), 1, 255, i%255+1, full)
			p, c, _ := segment.Cut(m.Text)
			ln.add(delivery{l: l, m: m}, *c, piece{part: p}, time.Now())
		}
		if len(ln.sets) > laneSets || ln.bytes > laneBytes {
			t.Errorf("%d sets, %d bytes", len(ln.sets), ln.bytes)
		}
		if len(l.out) != 1000-laneSets || (<-l.out).unit.Status != pdu.QueueFull {
			t.Errorf("%d were refused", len(l.out))
		}
	})
}

// Whatever the parts say, nothing panics, and the bound holds.
func FuzzAssemble(f *testing.F) {
	f.Add([]byte{5, 0, 3, 1, 2, 1, 'a'}, []byte{5, 0, 3, 1, 2, 2, 'b'}, byte(0))
	f.Add([]byte{6, 8, 4, 0, 1, 2, 1, 'a'}, []byte{6, 8, 4, 0, 1, 2, 1, 'b'}, byte(8))
	f.Fuzz(func(t *testing.T, one, two []byte, coding byte) {
		ln := &lane{
			in: newIntake(newConnection(config{}, nil), &sink{}, nil), sets: map[setKey]*set{}, finished: map[setKey]*whole{}, echoes: map[[32]byte]*echo{},
		}
		ln.in.stop()
		l := &link{out: make(chan outgoing, 100), done: make(chan struct{})}
		now := time.Now()
		for _, text := range [][]byte{one, two, one} {
			part, c, err := segment.Cut(text)
			if err != nil || c == nil {
				continue
			}
			ln.add(delivery{l: l}, *c, piece{part: part, coding: segment.Coding(coding % 8)}, now)
		}
		held := 0
		for _, s := range ln.sets {
			for _, p := range s.parts {
				held += len(p.part.Data)
			}
		}
		if held != ln.bytes {
			t.Fatalf("%d bytes are counted as %d", held, ln.bytes)
		}
	})
}
