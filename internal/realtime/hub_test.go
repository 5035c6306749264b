package realtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// memLog is a log in memory. Events become visible to Read when they are committed.
type memLog struct {
	mu     sync.Mutex
	events map[int64][]event.Event // by stream id, offsets from 1
	trim   map[int64]int64         // events up to here are gone
	reads  int
	fail   error
}

func newMemLog() *memLog {
	return &memLog{events: map[int64][]event.Event{}, trim: map[int64]int64{}}
}

func channel(id int64) event.Stream {
	return event.Stream{Kind: event.Channel, ID: id, SID: sid.SID(fmt.Sprintf("CH%032d", id))}
}

func (l *memLog) commit(id int64, kind, data string) event.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := event.Event{Account: 1, Stream: channel(id), Offset: int64(len(l.events[id]) + 1), Kind: kind, Data: []byte(data)}
	l.events[id] = append(l.events[id], e)
	return e
}

func (l *memLog) message(id int64) event.Event { return l.commit(id, event.MessageAdded, `{}`) }

func (l *memLog) head(id int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events[id]))
}

func (l *memLog) Epoch() string { return "e1" }

func (l *memLog) Read(_ context.Context, account int64, s event.Stream, after int64, limit int) ([]event.Event, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.fail != nil {
		return nil, false, l.fail
	}
	if account != 1 {
		return nil, false, errors.New("wrong account")
	}
	all := l.events[s.ID]
	if after < l.trim[s.ID] || after > int64(len(all)) {
		return nil, false, nil
	}
	all = all[after:]
	return slices.Clone(all[:min(limit, len(all))]), true, nil
}

func (l *memLog) ReadMany(_ context.Context, account int64, from []event.Place, limit int) ([]event.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.fail != nil || account != 1 {
		return nil, errors.Join(l.fail, errors.New("no events"))
	}
	var out []event.Event
	for _, p := range from {
		for _, e := range l.events[p.Stream.ID] {
			if e.Offset > max(p.After, l.trim[p.Stream.ID]) && len(out) < limit {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// memSink records what it is given.
type memSink struct {
	mu     sync.Mutex
	got    []int64
	typing []string
	over   []*fault.Error
	frames map[*byte]int
	full   int // after so many events the client is too slow; 0 = never
	room   func()
}

func (s *memSink) Event(_ *Watch, b *Broadcast) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full > 0 && len(s.got) >= s.full {
		return false
	}
	s.got = append(s.got, b.Event.Offset)
	f := b.Frame(WireStream, func(b *Broadcast) []byte { return []byte(b.Event.Kind) })
	if s.frames == nil {
		s.frames = map[*byte]int{}
	}
	s.frames[&f[0]]++
	return true
}

func (s *memSink) Typing(_ *Watch, b *Broadcast) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.typing = append(s.typing, b.Typing.Identity)
}

func (s *memSink) Over(_ *Watch, why *fault.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = append(s.over, why)
}

func (s *memSink) Room(context.Context) error {
	if s.room != nil {
		s.room()
	}
	return nil
}

// check wants exactly the offsets after..to, in order.
func (s *memSink) check(t *testing.T, after, to int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(len(s.got)) != to-after {
		t.Errorf("got %d events, want %d: %v", len(s.got), to-after, s.got)
		return
	}
	for i, o := range s.got {
		if o != after+int64(i)+1 {
			t.Errorf("event %d has offset %d, want %d: %v", i, o, after+int64(i)+1, s.got)
			return
		}
	}
}

func grant(id, head int64, who string) Grant {
	return Grant{Stream: channel(id), Account: 1, Head: head, Identity: who, Member: true}
}

func newHub(t *testing.T, l Log) *Hub {
	h := New(Options{Log: l, Shards: 4, Batch: 7})
	t.Cleanup(h.Close)
	return h
}

func join(t *testing.T, h *Hub, s Sink, g Grant, after int64) *Watch {
	t.Helper()
	w := h.Join(s, g)
	if err := h.CatchUp(t.Context(), w, after); err != nil {
		t.Fatalf("catch up: %v", err)
	}
	return w
}

func TestReplayThenLive(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	for range 30 {
		l.message(1)
	}
	all, some, none := &memSink{}, &memSink{}, &memSink{}
	join(t, h, all, grant(1, 30, "a"), 0)
	join(t, h, some, grant(1, 30, "b"), 13)
	w := join(t, h, none, grant(1, 30, "c"), 30)
	for range 5 {
		h.Event(l.message(1))
	}
	h.Leave(w)
	h.Leave(w)
	h.Event(l.message(1))
	h.Event(l.message(2)) // nobody watches
	all.check(t, 0, 36)
	some.check(t, 13, 36)
	none.check(t, 30, 35)
	if s := h.Stats(); s.Streams != 1 || s.Watches != 2 || s.Fills != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestOneFrameForAll(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	a, b := &memSink{}, &memSink{}
	join(t, h, a, grant(1, 0, "a"), 0)
	join(t, h, b, grant(1, 0, "b"), 0)
	h.Event(l.message(1))
	for f := range a.frames {
		if b.frames[f] != 1 {
			t.Error("the frame was encoded twice")
		}
	}
}

func TestRepeatsAndReordering(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	s := &memSink{}
	join(t, h, s, grant(1, 0, "a"), 0)
	var events []event.Event
	for range 40 {
		events = append(events, l.message(1), l.events[1][rand.IntN(len(l.events[1]))])
	}
	rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for _, e := range events {
		h.Event(e)
	}
	s.check(t, 0, 40)
}

func TestEventsBeforeTheFirstWatcherIsLive(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	for range 10 {
		l.message(1)
	}
	s := &memSink{}
	n := 0
	s.room = func() { // while it catches up, the stream goes on, partly faster than the log is read
		if n++; n < 20 {
			h.Event(l.message(1))
		}
	}
	join(t, h, s, grant(1, 10, "a"), 0)
	h.Event(l.message(1))
	s.check(t, 0, l.head(1))
}

func TestGapIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		h := New(Options{Log: l, Batch: 7})
		defer h.Close()
		s := &memSink{}
		join(t, h, s, grant(1, 0, "a"), 0)
		for range 20 {
			l.message(1) // the bus loses these
		}
		h.Event(l.message(1))
		s.check(t, 0, 0)
		time.Sleep(time.Second)
		synctest.Wait()
		s.check(t, 0, 21)
		l.message(1) // lost, and nothing follows
		h.Resync()
		time.Sleep(time.Second)
		synctest.Wait()
		s.check(t, 0, 22)
	})
}

func TestGapThatClosesByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		h := New(Options{Log: l})
		defer h.Close()
		s := &memSink{}
		join(t, h, s, grant(1, 0, "a"), 0)
		first, second := l.message(1), l.message(1)
		reads := l.reads
		h.Event(second)
		time.Sleep(time.Millisecond)
		h.Event(first)
		time.Sleep(time.Second)
		synctest.Wait()
		s.check(t, 0, 2)
		if l.reads > reads+1 {
			t.Errorf("read the log %d times", l.reads-reads)
		}
	})
}

func TestGapThatCannotBeClosed(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*memLog){
		"trimmed":     func(l *memLog) { l.trim[1] = 5 },
		"unavailable": func(l *memLog) { l.fail = errors.New("database is away") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newMemLog()
				h := New(Options{Log: l})
				defer h.Close()
				s := &memSink{}
				join(t, h, s, grant(1, 0, "a"), 0)
				for range 5 {
					l.message(1)
				}
				e := l.message(1)
				broken(l)
				h.Event(e)
				time.Sleep(time.Minute)
				synctest.Wait()
				s.check(t, 0, 0)
				if len(s.over) != 1 || s.over[0] != nil {
					t.Errorf("over: %v, want one without a reason", s.over)
				}
				if n := h.Stats().Watches; n != 0 {
					t.Errorf("%d watches are left", n)
				}
			})
		})
	}
}

func TestLogComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		h := New(Options{Log: l})
		defer h.Close()
		s := &memSink{}
		join(t, h, s, grant(1, 0, "a"), 0)
		l.message(1)
		l.fail = errors.New("database is away")
		h.Event(l.message(1))
		time.Sleep(300 * time.Millisecond)
		l.mu.Lock()
		l.fail = nil
		l.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.check(t, 0, 2)
	})
}

func TestResumable(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	for range 10 {
		l.message(1)
	}
	l.trim[1] = 4
	for _, test := range []struct {
		epoch  string
		offset int64
		want   bool
	}{{"e1", 10, true}, {"e1", 4, true}, {"e1", 3, false}, {"e1", 0, false}, {"e1", 11, false}, {"e1", -1, false}, {"e0", 10, false}} {
		got, err := h.Resumable(t.Context(), grant(1, 10, "a"), Position{test.epoch, test.offset})
		if err != nil || got != test.want {
			t.Errorf("%s/%d: %v, %v", test.epoch, test.offset, got, err)
		}
	}
	w := h.Join(&memSink{}, grant(1, 10, "a"))
	if err := h.CatchUp(t.Context(), w, 3); !errors.Is(err, ErrTrimmed) {
		t.Errorf("catch up over a hole: %v", err)
	}
	if h.Stats().Watches != 0 {
		t.Error("the watch is left")
	}
}

func TestRemovedMemberStopsWatching(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	alice, bob, boss := &memSink{}, &memSink{}, &memSink{}
	join(t, h, alice, grant(1, 0, "alice"), 0)
	join(t, h, bob, grant(1, 0, "bob"), 0)
	all := grant(1, 0, "alice") // sees every channel, so its seat does not matter
	all.Member = false
	join(t, h, boss, all, 0)
	h.Event(l.message(1))
	h.Event(l.commit(1, event.MemberRemoved, `{"identity":"alice"}`))
	h.Event(l.message(1))
	alice.check(t, 0, 2)
	bob.check(t, 0, 3)
	boss.check(t, 0, 3)
	if len(alice.over) != 1 || alice.over[0].Code != fault.CodeNotFound {
		t.Errorf("over: %v", alice.over)
	}

	// The same when the removal is found while catching up: the right was checked at offset 1, before it.
	late := &memSink{}
	w := h.Join(late, grant(1, 1, "alice"))
	if err := h.CatchUp(t.Context(), w, 0); err != nil {
		t.Fatal(err)
	}
	late.check(t, 0, 2)
	// And a removal before the check is history: the member has come back.
	back := &memSink{}
	join(t, h, back, grant(1, 3, "alice"), 0)
	back.check(t, 0, 3)

	h.Event(l.commit(1, event.ChannelRemoved, `{}`))
	bob.check(t, 0, 4)
	back.check(t, 0, 4)
	if n := h.Stats(); n.Watches != 0 || n.Streams != 0 {
		t.Errorf("left over: %+v", n)
	}
}

func TestTyping(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	a, b := &memSink{}, &memSink{}
	join(t, h, a, grant(1, 0, "a"), 0)
	join(t, h, b, grant(1, 0, "b"), 0)
	h.Join(&memSink{}, grant(1, 0, "c"))
	h.Typing(Typing{Stream: channel(1), Identity: "a"})
	h.Typing(Typing{Stream: channel(2), Identity: "a"})
	if len(a.typing) != 0 || len(b.typing) != 1 {
		t.Errorf("a saw %v, b saw %v", a.typing, b.typing)
	}
}

func TestSlowClientIsCutAlone(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := newHub(t, l)
	slow, quick, other := &memSink{full: 2}, &memSink{}, &memSink{}
	join(t, h, slow, grant(1, 0, "a"), 0)
	join(t, h, quick, grant(1, 0, "b"), 0)
	join(t, h, other, grant(1, 0, "c"), 0)
	for range 5 {
		h.Event(l.message(1))
	}
	slow.check(t, 0, 2)
	quick.check(t, 0, 5)
	other.check(t, 0, 5)
	if n := h.Stats().Watches; n != 2 {
		t.Errorf("%d watches, want 2", n)
	}
}

// TestEverythingAtOnce lets watchers come and go at random places while events are committed by several writers and the
// bus repeats, reorders and loses. Each watcher must see a gapless run from where it began.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	l := newMemLog()
	h := New(Options{Log: l, Shards: 2, Batch: 5, GapWait: time.Millisecond})
	defer h.Close()
	const streams, perStream = 4, 400
	var writers, readers sync.WaitGroup
	for id := int64(1); id <= streams; id++ {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(id), 1))
			var late []event.Event
			for range perStream {
				e := l.message(id)
				switch r.IntN(6) {
				case 0: // lost
				case 1:
					late = append(late, e)
				case 2:
					h.Event(e)
					h.Event(e)
				default:
					h.Event(e)
				}
				if len(late) > 0 && r.IntN(3) == 0 {
					h.Event(late[0])
					late = late[1:]
				}
			}
		})
		for range 8 {
			readers.Go(func() {
				for range 10 {
					head := l.head(id)
					after := rand.Int64N(head + 1)
					s := &memSink{}
					w := h.Join(s, grant(id, head, "x"))
					if err := h.CatchUp(t.Context(), w, after); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
					h.Leave(w)
					s.check(t, after, after+int64(len(s.got)))
				}
			})
		}
	}
	last := make([]*memSink, streams+1)
	for id := int64(1); id <= streams; id++ {
		last[id] = &memSink{}
		join(t, h, last[id], grant(id, 0, "y"), 0)
	}
	writers.Wait()
	readers.Wait()
	for id := int64(1); id <= streams; id++ {
		h.Event(l.message(id))
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		ok := true
		for id := 1; id <= streams; id++ {
			last[id].mu.Lock()
			ok = ok && len(last[id].got) == perStream+1
			last[id].mu.Unlock()
		}
		if ok {
			break
		}
	}
	for id := 1; id <= streams; id++ {
		last[id].check(t, 0, perStream+1)
	}
}
