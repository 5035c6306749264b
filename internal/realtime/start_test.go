package realtime

import (
	"errors"
	"testing"

	"usher/internal/event"
)

func TestStart_needsNoLogWhereTheCallerIsAtTheHead(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	for range 5 {
		l.message(1)
	}
	there, behind, outrun := &memSink{}, &memSink{}, &memSink{}
	w := h.Join(there, grant(1, 3, "a"))
	if err := h.Start(t.Context(), w, 5, 5, nil); err != nil || l.reads != 0 {
		t.Errorf("%v after %d looks at the log", err, l.reads)
	}
	if w.Grant().Head != 5 {
		t.Errorf("the right stands as of %d", w.Grant().Head)
	}
	if err := h.Start(t.Context(), h.Join(behind, grant(1, 5, "b")), 2, 5, nil); err != nil {
		t.Error(err)
	}
	h.Event(l.message(1))
	// The bus is further than what this caller has read.
	if err := h.Start(t.Context(), h.Join(outrun, grant(1, 5, "c")), 5, 5, nil); err != nil {
		t.Error(err)
	}
	h.Event(l.message(1))
	there.check(t, 5, 7)
	behind.check(t, 2, 7)
	outrun.check(t, 5, 7)
}

func TestMissed_isReadOnceForManyStreams(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	const streams = 20
	var from []event.Place
	for id := range int64(streams) {
		for range 8 {
			l.message(id + 1)
		}
		from = append(from, event.Place{Stream: channel(id + 1), After: 2})
	}
	missed, err := h.Missed(t.Context(), 1, from)
	if err != nil {
		t.Fatal(err)
	}
	early, late := make([]*memSink, streams), make([]*memSink, streams)
	for id := range int64(streams) {
		early[id], late[id] = &memSink{}, &memSink{}
		if err := h.Start(t.Context(), h.Join(early[id], grant(id+1, 8, "a")), 2, 8, missed[channel(id+1)]); err != nil {
			t.Error(err)
		}
		if err := h.Start(t.Context(), h.Join(late[id], grant(id+1, 8, "b")), 6, 8, missed[channel(id+1)]); err != nil {
			t.Error(err)
		}
	}
	if l.reads != 1 {
		t.Errorf("%d looks at the log", l.reads)
	}
	for id := range int64(streams) {
		h.Event(l.message(id + 1))
		early[id].check(t, 2, 9)
		late[id].check(t, 6, 9)
	}
	// What was read ends too early: the log is asked for the rest. It has a hole: there is nothing more to be had.
	some := &memSink{}
	if err := h.Start(t.Context(), h.Join(some, grant(1, 9, "c")), 2, 9, missed[channel(1)][:3]); err != nil {
		t.Error(err)
	}
	some.check(t, 2, 9)
	l.trim[1] = 5
	if err := h.Start(t.Context(), h.Join(&memSink{}, grant(1, 9, "d")), 2, 9, missed[channel(1)][3:]); !errors.Is(err, ErrTrimmed) {
		t.Errorf("over a hole: %v", err)
	}
	l.fail = errors.New("broken")
	if _, err := h.Missed(t.Context(), 1, from); err == nil {
		t.Error("a failed look is none")
	}
	if none, err := h.Missed(t.Context(), 1, nil); err != nil || len(none) != 0 {
		t.Errorf("of nothing: %v, %v", none, err)
	}
}
