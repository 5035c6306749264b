package realtime

import (
	"context"
	"encoding/json"

	"usher/internal/event"
	"usher/internal/fault"
)

// Watch is one connection's view of one stream.
type Watch struct {
	sink  Sink
	topic *topic
	grant Grant
	// last is the offset of the last event given to the sink.
	last int64
	live bool
	over bool
}

// Stream is the stream that is watched.
func (w *Watch) Stream() event.Stream { return w.topic.stream }

// Grant is the right that the watch stands on.
func (w *Watch) Grant() Grant { return w.grant }

// Typing is the news that an identity writes in a channel. It goes over the bus and is kept nowhere.
type Typing struct {
	Stream   event.Stream
	Identity string
	Name     string
	// Seconds is for how long it is shown; 0 is the wire's own standard.
	Seconds int
}

// Wire numbers the encodings that can share a Broadcast.
type Wire int

// The wires.
const (
	WireStream Wire = iota
	WireTwilsock
	WireTwilsockDocument // of the frames that the same event makes on the wire before
	WireEventBridge
	wires
)

// Broadcast is one event or typing on its way to many sinks. Each wire encodes it once.
type Broadcast struct {
	Event  event.Event
	Epoch  string
	Typing Typing
	stream event.Stream
	frames [wires][]byte
}

// Frame answers the frame of a wire, made by encode the first time. Only for use inside Sink methods.
func (b *Broadcast) Frame(w Wire, encode func(b *Broadcast) []byte) []byte {
	if b.frames[w] == nil {
		b.frames[w] = encode(b)
	}
	return b.frames[w]
}

// Stream is the stream that the broadcast belongs to.
func (b *Broadcast) Stream() event.Stream { return b.stream }

// Join registers a watch. It gets nothing before CatchUp; register before the first row is read.
func (h *Hub) Join(s Sink, g Grant) *Watch {
	sh := h.shard(g.Stream)
	k := topicKey{g.Stream.Kind, g.Stream.ID}
	w := &Watch{sink: s, grant: g}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.topics[k]
	if t == nil {
		t = &topic{stream: g.Stream, account: g.Account}
		sh.topics[k] = t
	}
	w.topic = t
	t.watches = append(t.watches, w)
	h.watches.Add(1)
	return w
}

// Leave ends a watch. After it, the sink gets nothing of it any more.
func (h *Hub) Leave(w *Watch) {
	sh := h.shard(w.topic.stream)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	h.remove(sh, w)
}

// remove takes a watch out of its topic. The shard is locked.
func (h *Hub) remove(sh *shard, w *Watch) {
	if w.over {
		return
	}
	w.over, w.live = true, false
	h.watches.Add(-1)
	t := w.topic
	for i, x := range t.watches {
		if x == w {
			last := len(t.watches) - 1
			t.watches[i] = t.watches[last]
			t.watches[last] = nil
			t.watches = t.watches[:last]
			break
		}
	}
	if len(t.watches) == 0 {
		delete(sh.topics, topicKey{t.stream.Kind, t.stream.ID})
	}
}

// Resumable reports whether the log still holds everything after an offset, up to the granted head.
func (h *Hub) Resumable(ctx context.Context, g Grant, from Position) (bool, error) {
	if from.Epoch != h.Epoch() || from.Offset > g.Head || from.Offset < 0 {
		return false, nil
	}
	if from.Offset == g.Head {
		return true, nil
	}
	_, complete, err := h.o.Log.Read(ctx, g.Account, g.Stream, from.Offset, 1)
	return complete, err
}

// CatchUp gives a watch the events after an offset and makes it live. It returns when it is, when the watch has
// ended, or with an error: ErrTrimmed, a closed connection, or a failed read.
func (h *Hub) CatchUp(ctx context.Context, w *Watch, after int64) error {
	if h.goLive(w, after, false) {
		return nil
	}
	at, err := h.replay(ctx, w, after)
	for err == nil && !h.goLive(w, at, true) {
		at, err = h.replay(ctx, w, at)
	}
	if err != nil {
		h.Leave(w)
	}
	return err
}

// manyMost bounds how many events are read at once for somebody who follows many streams.
const manyMost = 500

// Missed reads what somebody has missed in many streams, as far as one read of the log goes, for Start.
func (h *Hub) Missed(ctx context.Context, account int64, from []event.Place) (map[event.Stream][]event.Event, error) {
	if len(from) == 0 {
		return nil, nil
	}
	events, err := h.o.Log.ReadMany(ctx, account, from, manyMost)
	found := make(map[event.Stream][]event.Event, len(from))
	for _, e := range events {
		found[e.Stream] = append(found[e.Stream], e)
	}
	return found, err
}

// Start is CatchUp for somebody who has looked again after Join: the right stood, and the stream was at head. missed are events
// of the stream that have been read since, in order; they may begin before the place from which events are wanted, and end before
// the head. Where nothing is missing, it costs no look at the log.
func (h *Hub) Start(ctx context.Context, w *Watch, after, head int64, missed []event.Event) error {
	sh := h.shard(w.topic.stream)
	sh.mu.Lock()
	w.grant.Head = max(w.grant.Head, head)
	sh.mu.Unlock()
	at := after
	for _, e := range missed {
		if e.Offset <= at {
			continue
		}
		if e.Offset != at+1 {
			break
		}
		if err := w.sink.Room(ctx); err != nil {
			h.Leave(w)
			return err
		}
		if over, err := h.give(w, e); over || err != nil {
			return err
		}
		at = e.Offset
	}
	if at >= head && h.goLive(w, at, true) {
		return nil
	}
	return h.CatchUp(ctx, w, at)
}

// replay gives everything that the log has after an offset, and answers the offset reached.
func (h *Hub) replay(ctx context.Context, w *Watch, at int64) (int64, error) {
	t := w.topic
	for {
		events, complete, err := h.o.Log.Read(ctx, t.account, t.stream, at, h.o.Batch)
		if err != nil {
			return at, err
		}
		if !complete {
			return at, ErrTrimmed
		}
		for _, e := range events {
			if e.Offset != at+1 {
				return at, ErrTrimmed
			}
			if err := w.sink.Room(ctx); err != nil {
				return at, err
			}
			over, err := h.give(w, e)
			if over || err != nil {
				return at, err
			}
			at = e.Offset
		}
		if len(events) < h.o.Batch {
			return at, nil
		}
	}
}

// give hands one replayed event to a watch, unless the watch is over.
func (h *Hub) give(w *Watch, e event.Event) (over bool, err error) {
	sh := h.shard(w.topic.stream)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if w.over {
		return true, nil
	}
	if !w.sink.Event(w, &Broadcast{Event: e, Epoch: h.Epoch(), stream: w.topic.stream}) || h.end(w, e, endedBy(e)) {
		h.remove(sh, w)
		return true, nil
	}
	return false, nil
}

// goLive switches a watch that has everything up to an offset to the bus, unless the bus is further. When nobody is live
// yet it is not known where the bus is: then only somebody who has read the log after registering may begin.
func (h *Hub) goLive(w *Watch, at int64, read bool) bool {
	t := w.topic
	sh := h.shard(t.stream)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch {
	case w.over:
		return true
	case t.next == 0 && !read:
		return false
	case t.next == 0:
		t.next = at + 1
		w.last, w.live = at, true
		h.drain(sh, t)
		return true
	case t.next-1 <= at:
		// The log is ahead of the bus: what the bus still brings up to here is not given again.
		w.last, w.live = at, true
		return true
	}
	return false
}

// endedBy answers whose watch an event ends: everybody's ("*"), one identity's, nobody's ("").
func endedBy(e event.Event) string {
	switch e.Kind {
	case event.ChannelRemoved:
		return "*"
	case event.MemberRemoved:
		var m struct {
			Identity string `json:"identity"`
		}
		if json.Unmarshal(e.Data, &m) != nil {
			return ""
		}
		return m.Identity
	}
	return ""
}

// end tells a watch that the event just given was its last, if it was. Removals up to the granted head are history:
// the right was checked after them. The shard is locked.
func (h *Hub) end(w *Watch, e event.Event, who string) bool {
	if who == "" || e.Offset <= w.grant.Head {
		return false
	}
	if who != "*" && (!w.grant.Member || who != w.grant.Identity) {
		return false
	}
	w.sink.Over(w, fault.NotFound(string(w.topic.stream.SID)))
	return true
}
