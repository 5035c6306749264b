package twilsock

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/look"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/realtime/socket"
	"usher/internal/sid"
)

// maxSubscriptions bounds what one connection follows: the three objects of as many channels as a user may be in, and people.
const maxSubscriptions = 4000

// subscription is one connection's view of one object. It is a realtime.Sink.
type subscription struct {
	conn   *conn
	object object
	watch  *realtime.Watch
	last   int64 // offset of the last event that was given; the shard's lock guards it
}

// Event implements realtime.Sink.
func (s *subscription) Event(_ *realtime.Watch, b *realtime.Broadcast) bool {
	s.last = b.Event.Offset
	if !s.object.shows(b.Event.Kind) {
		return true
	}
	var frame []byte
	if s.object.kind == document {
		frame = b.Frame(realtime.WireTwilsockDocument, s.conn.srv.documents.frame)
	} else {
		frame = b.Frame(realtime.WireTwilsock, itemFrames)
	}
	if frame == nil {
		return true
	}
	switch b.Event.Kind {
	case event.UserChannelAdded, event.UserChannelUpdated: // an invite that is accepted is an update
		if s.conn.rests() {
			channel := shape[userChannelEvent](b.Event.Data).ChannelSID
			s.conn.raw.Do(func() { s.conn.revive(channel) })
		}
	case event.UserChannelRemoved:
		channel := shape[userChannelEvent](b.Event.Data).ChannelSID
		s.conn.raw.Do(func() { s.conn.review(channel) })
	}
	return s.conn.raw.Send(frame)
}

// Typing implements realtime.Sink. Nobody is cut for it.
func (s *subscription) Typing(_ *realtime.Watch, b *realtime.Broadcast) {
	if s.object.kind == messages {
		s.conn.raw.Write(b.Frame(realtime.WireTwilsock, typingFrame))
	}
}

// typingStandard is for how many seconds somebody counts as writing where nothing else is said.
const typingStandard = 5

func typingFrame(b *realtime.Broadcast) []byte {
	y := &b.Typing
	seconds := y.Seconds
	if seconds == 0 {
		seconds = typingStandard
	}
	return notification("typing."+string(b.Stream().SID), "twilio.ipmsg.typing_indicator", map[string]any{
		"channel_sid": b.Stream().SID, "identity": y.Identity, "typing_timeout": seconds + 1,
	})
}

// Over implements realtime.Sink. Clients go on to believe in a subscription whose right has ended; should the right come back,
// it goes on from where it rested.
func (s *subscription) Over(w *realtime.Watch, why *fault.Error) {
	c := s.conn
	c.mu.Lock()
	current := c.subscriptions[s.object] == s
	if current {
		delete(c.subscriptions, s.object)
		if c.resting == nil {
			c.resting = make(map[object]int64)
		}
		c.resting[s.object] = s.last
	}
	c.mu.Unlock()
	if current && s.object.kind == document {
		c.srv.documents.release(w.Stream().ID)
	}
	switch {
	case why == nil:
		c.raw.Slow()
	case current:
		// The right may be there again: what happens to a user and what happens to a channel come each in its own order.
		c.raw.Do(func() { c.revive(s.object.owner) })
	}
}

func (c *conn) rests() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.resting) > 0
}

// Room implements realtime.Sink.
func (s *subscription) Room(ctx context.Context) error { return s.conn.raw.Pipe().Room(ctx) }

// leave ends the watch of a subscription that is no longer in its connection's list.
func (s *subscription) leave() {
	s.conn.srv.o.Hub.Leave(s.watch)
	if s.object.kind == document {
		s.conn.srv.documents.release(s.watch.Stream().ID)
	}
}

// wish is one object of a request for subscriptions.
type wish struct {
	SID  string `json:"object_sid"`
	Form string `json:"object_type"`
	Last *int64 `json:"last_event_id"`

	object object
	known  bool
}

// subscriptions answers POST /v4/Subscriptions. What becomes of each wish follows as a notification.
func subscriptions(k *call) (any, error) {
	var r struct {
		Action      string `json:"action"`
		Correlation int64  `json:"correlation_id"`
		Requests    []wish `json:"requests"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	if len(r.Requests) > look.Most {
		return nil, fault.Invalid("At most %d objects are allowed", look.Most)
	}
	for i := range r.Requests {
		w := &r.Requests[i]
		if k.conn.srv.sessions.find(w.SID) == nil {
			w.object, w.known = parseObject("", w.SID)
		}
	}
	switch r.Action {
	case "establish":
		k.then = func() { k.conn.establish(k, r.Correlation, r.Requests) }
	case "cancel":
		k.then = func() { k.conn.cancel(r.Correlation, r.Requests) }
	default:
		return nil, fault.Invalid("Unknown action")
	}
	return map[string]int{"estimated_delivery_in_ms": 10_000, "max_batch_size": look.Most, "ttl_in_s": 86_400}, nil
}

// subscribed tells what became of a wish.
func (c *conn) subscribed(kind string, correlation int64, w *wish, more map[string]any) {
	fields := map[string]any{"object_sid": w.SID, "object_type": w.Form}
	for k, v := range more {
		fields[k] = v
	}
	id := kind + "." + w.SID + "." + strconv.FormatInt(correlation, 10)
	c.raw.Send(notification(id, "twilio.sync.event", map[string]any{
		"event_protocol_version": 3, "event_type": "subscription_" + kind, "correlation_id": correlation, "event": fields,
	}))
}

func (c *conn) failed(correlation int64, w *wish, err error) {
	e := socket.Fault(err)
	if e.Kind == fault.KindInternal {
		c.srv.o.Logger.Error("twilsock: subscribe", "error", err)
	}
	c.subscribed("failed", correlation, w, map[string]any{"error": map[string]any{"status": e.Status(), "code": e.Code, "message": e.Message}})
}

func (c *conn) cancel(correlation int64, wishes []wish) {
	for i := range wishes {
		w := &wishes[i]
		if w.known {
			c.unsubscribe(w.object)
		} else if s := c.srv.sessions.find(w.SID); s != nil {
			s.unwatch(c)
		}
		c.subscribed("canceled", correlation, w, nil)
	}
}

// unsubscribe ends what there is of a subscription.
func (c *conn) unsubscribe(o object) {
	c.mu.Lock()
	s := c.subscriptions[o]
	delete(c.subscriptions, o)
	delete(c.resting, o)
	c.mu.Unlock()
	if s != nil {
		s.leave()
	}
}

// scene is what a connection may see of the objects that it asks for, at one moment.
type scene struct {
	channels map[sid.SID]*look.Sight
	users    map[sid.SID]*chat.User
}

// look looks at the owners of objects: a few queries, however many there are.
func (c *conn) look(ctx context.Context, actor account.Actor, objects []object) (scene, error) {
	var channels, users []sid.SID
	for _, o := range objects {
		if kinds[o.kind].stream == event.Channel {
			channels = append(channels, o.owner)
		} else {
			users = append(users, o.owner)
		}
	}
	var s scene
	var err error
	if s.channels, err = c.srv.o.Look.Channels(ctx, actor, unique(channels)); err != nil {
		return s, err
	}
	s.users, err = c.srv.o.Look.Users(ctx, actor, unique(users))
	return s, err
}

func unique(list []sid.SID) []sid.SID {
	slices.Sort(list)
	return slices.Compact(list)
}

// grant answers the right to an object.
func (s scene) grant(actor account.Actor, o object) (realtime.Grant, bool) {
	g := realtime.Grant{Account: actor.Account, Identity: actor.Identity}
	if kinds[o.kind].stream == event.Channel {
		ch := s.channels[o.owner]
		if ch == nil || o.kind != document && !ch.Inside(actor) {
			return g, false
		}
		g.Stream, g.Head = event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, ch.Head
		// A document may be there for others than members: when somebody leaves, review looks again.
		g.Member = !actor.Can(account.ChatRead) && o.kind != document
		return g, true
	}
	u := s.users[o.owner]
	if u == nil || o.kind == mine && u.Identity != actor.Identity {
		return g, false
	}
	g.Stream, g.Head = event.Stream{Kind: event.User, ID: u.ID, SID: u.SID}, u.Head
	return g, true
}

// document is what a channel's document holds.
func sightData(s *look.Sight) documentData {
	d := shape[channelEvent](s.Data()).data()
	if !s.LastAt.IsZero() {
		d.LastMessage = &lastMessage{s.LastIndex, s.LastAt.UTC().Format(dateFormat)}
	}
	return d
}

func missing(ref string) error { return fault.NotFound("/" + ref) }

// establish subscribes. It looks twice: for the streams, and, once they are watched, for what has been missed.
func (c *conn) establish(ctx context.Context, correlation int64, wishes []wish) {
	actor := *c.raw.Actor()
	var list []beginning
	for i := range wishes {
		if w := &wishes[i]; w.known && w.object.owner != nobody {
			list = append(list, beginning{object: w.object, last: w.Last})
		}
	}
	err := c.begin(ctx, actor, list)
	for i := range wishes {
		w := &wishes[i]
		switch {
		case !w.known:
			c.establishSession(correlation, w)
		case w.object.owner == nobody:
			c.subscribed("established", correlation, w, map[string]any{"replay_status": "completed", "last_event_id": 0})
		default:
			b := &list[0]
			list = list[1:]
			if err == nil {
				c.start(ctx, actor, b)
			}
			if failure := cmp.Or(err, b.err); failure != nil {
				c.failed(correlation, w, failure)
				break
			}
			c.subscribed("established", correlation, w, map[string]any{"replay_status": "completed", "last_event_id": w.object.last(b.grant.Head)})
		}
		if c.raw.Pipe().Room(ctx) != nil {
			return
		}
	}
}

// join registers a watch in place of an earlier one. Without a right, what rests goes on resting.
func (c *conn) join(actor account.Actor, at scene, o object) {
	g, ok := at.grant(actor, o)
	if !ok {
		return
	}
	c.unsubscribe(o)
	c.mu.Lock()
	full := c.raw.Gone() || len(c.subscriptions)+len(c.resting) >= maxSubscriptions
	c.mu.Unlock()
	if full {
		return
	}
	if o.kind == document {
		c.srv.documents.hold(g.Stream.ID, g.Head, sightData(at.channels[o.owner]))
	}
	s := &subscription{conn: c, object: o, last: g.Head}
	s.watch = c.srv.o.Hub.Join(s, g)
	c.mu.Lock()
	gone := c.raw.Gone()
	if !gone {
		if c.subscriptions == nil {
			c.subscriptions = make(map[object]*subscription)
		}
		c.subscriptions[o] = s
	}
	c.mu.Unlock()
	if gone {
		s.leave()
	}
}

// beginning is a subscription that is about to begin.
type beginning struct {
	object object
	last   *int64 // the number up to which the client has everything; nil = it wants only what comes

	at     scene
	grant  realtime.Grant
	after  int64 // offset that the client has
	retell bool  // tell the object as it is instead of how it came to be so
	missed []event.Event
	err    error
}

// begin watches objects in place of what was watched of them before, and reads what the client has missed: a few queries, however
// many there are. For each without an error, start is to follow.
func (c *conn) begin(ctx context.Context, actor account.Actor, list []beginning) error {
	if len(list) == 0 {
		return nil
	}
	objects := make([]object, len(list))
	for i := range list {
		objects[i] = list[i].object
	}
	first, err := c.look(ctx, actor, objects)
	if err != nil {
		return err
	}
	for _, o := range objects {
		c.join(actor, first, o)
	}
	second, err := c.look(ctx, actor, objects)
	if err != nil {
		return err
	}
	from := make(map[event.Stream]int64)
	for i := range list {
		b := &list[i]
		b.at = second
		if b.err = c.prepare(actor, b); b.err == nil && !b.retell && b.after < b.grant.Head {
			if after, known := from[b.grant.Stream]; !known || b.after < after {
				from[b.grant.Stream] = b.after
			}
		}
	}
	places := make([]event.Place, 0, len(from))
	for s, after := range from {
		places = append(places, event.Place{Stream: s, After: after})
	}
	missed, err := c.srv.o.Hub.Missed(ctx, actor.Account, places)
	for i := range list {
		list[i].missed = missed[list[i].grant.Stream]
	}
	return err
}

// prepare finds out what a subscription has missed.
func (c *conn) prepare(actor account.Actor, b *beginning) error {
	var ok bool
	s := c.subscription(b.object)
	if b.grant, ok = b.at.grant(actor, b.object); !ok || s == nil || s.watch.Stream().ID != b.grant.Stream.ID {
		return missing(b.object.sid())
	}
	head := b.grant.Head
	b.after = head
	if b.last != nil {
		b.after = b.object.after(*b.last)
	}
	if b.after > head || b.after < -1 {
		// It has seen a future that this history does not have. Only a new beginning helps.
		c.end(status{Code: 406, Status: "NOT_ACCEPTABLE", Description: "History has changed"})
		return missing(b.object.sid())
	}
	if b.object.kind == document {
		c.srv.documents.renew(b.grant.Stream.ID, head, sightData(b.at.channels[b.object.owner]))
	}
	// Documents and people are told as they are; the log would only tell how they came to be so.
	b.retell = c.stale && b.last != nil || b.after < head && (b.object.kind == document || b.object.kind == person)
	b.after = max(b.after, 0)
	return nil
}

func (c *conn) subscription(o object) *subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subscriptions[o]
}

// start gives a subscription what was missed, and from then on what comes. One that fails is ended.
func (c *conn) start(ctx context.Context, actor account.Actor, b *beginning) {
	s := c.subscription(b.object)
	if s == nil {
		b.err = cmp.Or(b.err, missing(b.object.sid())) // the hub has ended it
	}
	hub, head := c.srv.o.Hub, b.grant.Head
	if b.err == nil && b.retell {
		b.err = c.retell(ctx, actor, b.at, b.object, head)
		b.after = head
	}
	if b.err == nil {
		b.err = hub.Start(ctx, s.watch, b.after, head, b.missed)
	}
	if errors.Is(b.err, realtime.ErrTrimmed) {
		c.join(actor, b.at, b.object)
		b.err = c.retell(ctx, actor, b.at, b.object, head)
		if s = c.subscription(b.object); s != nil && b.err == nil {
			b.err = hub.Start(ctx, s.watch, head, head, nil)
		}
	}
	if b.err != nil {
		c.unsubscribe(b.object)
	}
}

// retold is how many messages are told anew where the log does not reach.
const retold = 100

// retell tells an object as it is, to a client whose last number is too old. What it knows is updated, what it does not know
// is added; what is gone it learns when it looks.
func (c *conn) retell(ctx context.Context, actor account.Actor, at scene, o object, head int64) error {
	rooms := c.srv.o.Chat
	switch o.kind {
	case document:
		c.raw.Send(o.documentFrame(head, sightData(at.channels[o.owner])))
	case person:
		c.raw.Send(o.personFrames(shape[userEvent](at.users[o.owner].Data()), head))
	case messages:
		list, err := rooms.History(ctx, actor, o.owner, nil, retold)
		for i := range list {
			m := shape[messageEvent](list[i].Payload())
			if err = c.raw.Pipe().Room(ctx); err != nil {
				return err
			}
			c.raw.Send(o.itemFrame(item{index: m.Index, id: head, updated: m.DateUpdated, data: m.data()}, "added"))
		}
		return err
	default:
		for page := ""; ; {
			items, next, err := c.items(ctx, actor, o, head, page, maxPage)
			if err != nil {
				return err
			}
			for _, it := range items {
				if err := c.raw.Pipe().Room(ctx); err != nil {
					return err
				}
				c.raw.Send(o.itemFrame(it, "added"))
			}
			if page = next; page == "" {
				return nil
			}
		}
	}
	return nil
}

// review lets the subscriptions of a channel rest to which there is no right any more: one that ends with an invite, or by
// somebody's leaving a channel of which it saw more than others.
func (c *conn) review(channel sid.SID) {
	actor := c.raw.Actor()
	for _, k := range []kind{document, messages, roster} {
		o := object{k, channel}
		c.mu.Lock()
		s := c.subscriptions[o]
		c.mu.Unlock()
		if s == nil {
			continue
		}
		at, err := c.look(c.srv.ctx, *actor, []object{o})
		if err != nil {
			c.raw.Slow() // it comes back and asks for itself
			return
		}
		if _, ok := at.grant(*actor, o); !ok {
			c.srv.o.Hub.Leave(s.watch)
			s.Over(s.watch, fault.NotFound(o.sid()))
		}
	}
}

// revive goes on with subscriptions of a channel that rested.
func (c *conn) revive(channel sid.SID) {
	actor := *c.raw.Actor()
	var list []beginning
	c.mu.Lock()
	for _, k := range []kind{document, messages, roster} {
		o := object{k, channel}
		if last, rests := c.resting[o]; rests {
			list = append(list, beginning{object: o, last: new(o.last(last))})
		}
	}
	c.mu.Unlock()
	ctx := c.srv.ctx
	err := c.begin(ctx, actor, list)
	for i := range list {
		b := &list[i]
		if err == nil && b.err == nil {
			c.start(ctx, actor, b)
		}
		if b.err != nil && !fault.Is(b.err, fault.KindNotFound) {
			err = b.err
		}
	}
	if err != nil {
		c.raw.Slow() // it comes back and asks for itself
	}
}
