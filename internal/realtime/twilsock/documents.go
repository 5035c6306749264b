package twilsock

import (
	"sync"

	"usher/internal/event"
	"usher/internal/realtime"
)

// documents remembers the channels whose documents somebody here watches, once for all watchers. A document is always told
// whole, and holds when the last message came; the event of a message does not say the rest.
type documents struct {
	mu sync.Mutex
	m  map[int64]*heldDocument // by the channel's integer key
}

type heldDocument struct {
	watchers int
	offset   int64
	data     documentData
}

// hold counts a watcher of a channel, as it is at an offset.
func (d *documents) hold(channel, offset int64, data documentData) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil {
		d.m = make(map[int64]*heldDocument)
	}
	h := d.m[channel]
	if h == nil {
		h = &heldDocument{offset: offset, data: data}
		d.m[channel] = h
	}
	h.watchers++
	if offset > h.offset {
		h.offset, h.data = offset, data
	}
}

// renew brings a held channel up to date.
func (d *documents) renew(channel, offset int64, data documentData) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.m[channel]; h != nil && offset >= h.offset {
		h.offset, h.data = offset, data
	}
}

// release counts a watcher less.
func (d *documents) release(channel int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.m[channel]; h != nil {
		if h.watchers--; h.watchers == 0 {
			delete(d.m, channel)
		}
	}
}

// frame encodes what an event of a channel means for its document; nil when that is nothing. A document that is further than
// the event is told as it is: the number stays that of the event.
func (d *documents) frame(b *realtime.Broadcast) []byte {
	e := &b.Event
	o := object{document, b.Stream().SID}
	if e.Kind == event.ChannelRemoved {
		return eventFrame(o.sid()+".removed", "document_removed", map[string]any{"id": e.Offset, "document_sid": o.sid()})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.m[b.Stream().ID]
	if h == nil {
		return nil
	}
	switch e.Kind {
	case event.ChannelUpdated:
		if e.Offset > h.offset {
			last := h.data.LastMessage
			h.data = shape[channelEvent](e.Data).data()
			h.data.LastMessage = last
		}
	case event.MessageAdded:
		if e.Offset > h.offset {
			m := shape[messageEvent](e.Data)
			h.data.LastMessage = &lastMessage{m.Index, m.DateCreated}
		}
	default:
		return nil
	}
	h.offset = max(h.offset, e.Offset)
	return o.documentFrame(e.Offset, h.data)
}
