package realtime

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/event"
	"usher/internal/fault"
)

// Position is a place in a stream: its epoch and the offset of the last event seen.
type Position struct {
	Epoch  string
	Offset int64
}

// Grant says that somebody may watch a stream, as it stood at offset Head.
type Grant struct {
	Stream  event.Stream
	Account int64
	// Head is the stream's offset when the right was checked.
	Head int64
	// Identity is the chat identity of the watcher; its own typing is not shown to it.
	Identity string
	// Name is how others see a watcher that is a member; empty when it is none.
	Name string
	// Member is true when the right comes from membership and ends with it.
	Member bool
}

// Log is the kept part of every stream.
type Log interface {
	// Read answers events after an offset, in order, at most limit; complete is false when the log no longer holds them all.
	Read(ctx context.Context, account int64, s event.Stream, after int64, limit int) (events []event.Event, complete bool, err error)
	// ReadMany answers events after places in many streams, each stream's in order, at most limit in all. Of some there may be
	// fewer than there are.
	ReadMany(ctx context.Context, account int64, from []event.Place, limit int) ([]event.Event, error)
	// Epoch names the history that offsets belong to. It changes when a database is restored from a backup.
	Epoch() string
}

// Sink is one connection as the hub sees it. Event, Typing and Over are called with the shard locked: they queue
// and return, and do not call the hub.
type Sink interface {
	// Event queues one event. False means that the client is too slow; the connection is closing then.
	Event(w *Watch, b *Broadcast) bool
	// Typing queues the news that somebody writes.
	Typing(w *Watch, b *Broadcast)
	// Over says that the hub ended the watch: the right is gone, or the stream is. Without a reason, events are missing
	// and cannot be had here: the connection should be closed with the code that makes the client resume.
	Over(w *Watch, why *fault.Error)
	// Room waits until a replay may queue more.
	Room(ctx context.Context) error
}

// ErrTrimmed says that the log no longer holds what a reader needs: it must read the state anew.
var ErrTrimmed = errors.New("stream history is no longer complete")

// Options of a Hub. Zero values take the defaults.
type Options struct {
	Log Log
	// Shards is how many locks streams are spread over, a power of two (64).
	Shards int
	// GapWait is how long a missing offset may still come by itself before it is read from the log (50 ms).
	GapWait time.Duration
	// Batch is how many events one read of the log asks for (100).
	Batch  int
	Logger *slog.Logger
}

// Hub connects the bus with the watchers of this process.
type Hub struct {
	o       Options
	shards  []shard
	watches atomic.Int64
	fills   atomic.Int64
	stop    context.CancelFunc
	ctx     context.Context
	filling sync.WaitGroup
}

type shard struct {
	mu     sync.Mutex
	topics map[topicKey]*topic
}

type topicKey struct {
	kind event.StreamKind
	id   int64
}

// topic is a stream that somebody here watches.
type topic struct {
	stream  event.Stream
	account int64
	// next is the offset that live watchers get next; 0 until the first of them has caught up.
	next    int64
	watches []*Watch
	// ahead holds events that came before their turn.
	ahead   map[int64]event.Event
	filling bool
}

// aheadMax bounds what is held for one stream; beyond it the log is read instead.
const aheadMax = 512

// New makes a hub. Close ends its background reads.
func New(o Options) *Hub {
	if o.Shards == 0 {
		o.Shards = 64
	}
	if o.GapWait == 0 {
		o.GapWait = 50 * time.Millisecond
	}
	if o.Batch == 0 {
		o.Batch = 100
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h := &Hub{o: o, shards: make([]shard, o.Shards)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	for i := range h.shards {
		h.shards[i].topics = make(map[topicKey]*topic)
	}
	return h
}

// Close stops reads that fill gaps and waits for them.
func (h *Hub) Close() {
	h.stop()
	h.filling.Wait()
}

// Epoch is the log's epoch.
func (h *Hub) Epoch() string { return h.o.Log.Epoch() }

// Stats are counters for the metrics page.
type Stats struct {
	// Streams that somebody watches, and how many watches there are.
	Streams, Watches int64
	// Fills counts reads of the log because of a missing offset.
	Fills int64
}

// Stats counts.
func (h *Hub) Stats() Stats {
	s := Stats{Watches: h.watches.Load(), Fills: h.fills.Load()}
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		s.Streams += int64(len(sh.topics))
		sh.mu.Unlock()
	}
	return s
}

func (h *Hub) shard(s event.Stream) *shard {
	x := (uint64(s.ID)<<3 | uint64(s.Kind)) * 0x9E3779B97F4A7C15
	return &h.shards[x>>32&uint64(len(h.shards)-1)]
}

// Event takes one event from the bus: repeated, reordered and missing ones are put right. It does not block on
// clients; on a gap it starts one read of the log.
func (h *Hub) Event(e event.Event) {
	sh := h.shard(e.Stream)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.topics[topicKey{e.Stream.Kind, e.Stream.ID}]
	if t == nil {
		return
	}
	switch {
	case t.next != 0 && e.Offset < t.next:
		return
	case t.next != 0 && e.Offset == t.next:
		h.deliver(sh, t, e)
		h.drain(sh, t)
	default:
		if t.ahead == nil {
			t.ahead = make(map[int64]event.Event)
		}
		if len(t.ahead) < aheadMax {
			t.ahead[e.Offset] = e
		}
		if t.next != 0 {
			h.fillLater(sh, t)
		}
	}
}

// drain delivers what was held and has its turn now. The shard is locked.
func (h *Hub) drain(sh *shard, t *topic) {
	for len(t.ahead) > 0 {
		e, ok := t.ahead[t.next]
		if !ok {
			break
		}
		delete(t.ahead, t.next)
		h.deliver(sh, t, e)
	}
	for offset := range t.ahead {
		if offset < t.next {
			delete(t.ahead, offset)
		}
	}
	if len(t.ahead) == 0 {
		t.ahead = nil
		return
	}
	h.fillLater(sh, t)
}

// deliver gives the next event to everybody who is live. The shard is locked.
func (h *Hub) deliver(sh *shard, t *topic, e event.Event) {
	t.next = e.Offset + 1
	b := &Broadcast{Event: e, Epoch: h.o.Log.Epoch(), stream: t.stream}
	ended := endedBy(e)
	for i := 0; i < len(t.watches); {
		w := t.watches[i]
		if w.live && e.Offset > w.last {
			w.last = e.Offset
			if !w.sink.Event(w, b) || h.end(w, e, ended) {
				h.remove(sh, w) // moves the last watch to i
				continue
			}
		}
		i++
	}
}

// Typing shows that somebody writes in a channel to its other live watchers.
func (h *Hub) Typing(y Typing) {
	sh := h.shard(y.Stream)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.topics[topicKey{y.Stream.Kind, y.Stream.ID}]
	if t == nil {
		return
	}
	b := &Broadcast{Typing: y, stream: t.stream}
	for _, w := range t.watches {
		if w.live && w.grant.Identity != y.Identity {
			w.sink.Typing(w, b)
		}
	}
}

// Resync reads every watched stream from the log once more. For a bus that says that it may have lost something.
func (h *Hub) Resync() {
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.Lock()
		for _, t := range sh.topics {
			if t.next != 0 {
				h.fillLater(sh, t)
			}
		}
		sh.mu.Unlock()
	}
}

// fillTries is how often a missing offset is asked for before its watchers are sent away to resume.
const fillTries = 6

// fillLater arranges that a gap is read from the log if it does not close by itself. The shard is locked.
func (h *Hub) fillLater(sh *shard, t *topic) {
	if t.filling || h.ctx.Err() != nil {
		return
	}
	t.filling = true
	h.filling.Add(1)
	go func() {
		defer h.filling.Done()
		for wait, tries := h.o.GapWait, 1; ; wait, tries = 2*wait, tries+1 {
			select {
			case <-time.After(wait):
			case <-h.ctx.Done():
				return
			}
			if h.fill(sh, t, tries == fillTries) {
				return
			}
		}
	}()
}

// fill reads what the log has after the last delivered offset; false asks for another try. At the last one, watchers
// whose gap cannot be closed are told so.
func (h *Hub) fill(sh *shard, t *topic, final bool) (done bool) {
	for {
		sh.mu.Lock()
		after := t.next - 1
		if len(t.watches) == 0 || (len(t.ahead) > 0 && t.ahead[t.next].Offset != 0) {
			t.filling = false
			h.drain(sh, t)
			sh.mu.Unlock()
			return true
		}
		sh.mu.Unlock()
		h.fills.Add(1)
		events, complete, err := h.o.Log.Read(h.ctx, t.account, t.stream, after, h.o.Batch)
		if err != nil && h.ctx.Err() == nil {
			h.o.Logger.Warn("realtime: reading missed events", "stream", t.stream.SID, "error", err)
		}
		if more, done := h.filled(sh, t, events, err == nil && complete, final); !more {
			return done
		}
	}
}

// filled delivers a batch that was read to close a gap.
func (h *Hub) filled(sh *shard, t *topic, events []event.Event, ok, final bool) (more, done bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if ok {
		for _, e := range events {
			if e.Offset == t.next {
				h.deliver(sh, t, e)
			}
		}
		if len(events) == h.o.Batch {
			return true, false
		}
	}
	t.filling = true // keeps drain from starting a second reader
	h.drain(sh, t)
	switch {
	case ok && len(t.ahead) == 0:
		t.filling = false
		return false, true
	case !final:
		return false, false
	}
	// What is missing cannot be had: let the clients come back and ask for themselves.
	for len(t.watches) > 0 {
		w := t.watches[0]
		h.remove(sh, w)
		w.sink.Over(w, nil)
	}
	t.filling = false
	return false, true
}
