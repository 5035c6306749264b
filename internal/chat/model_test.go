package chat

import (
	"fmt"
	"slices"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"

	"pgregory.net/rapid"
)

// model is what a channel should be, kept in the plainest way.
type model struct {
	w       *world
	ch      Channel
	next    int64            // index of the next message
	bodies  map[int64]string // by index
	authors map[int64]string
	sids    map[int64]Message
	clients map[string]int64 // author and client id → index
	members map[string]int64 // identity → read horizon
	events  []string
}

var people = []string{"ada", "bob", "eve"}

// TestModel plays random conversations and compares what is kept with the model.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{
				w: w, ch: w.channel(), bodies: map[int64]string{}, authors: map[int64]string{}, sids: map[int64]Message{},
				clients: map[string]int64{}, members: map[string]int64{},
			}
			steps := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 25).Draw(rt, "steps")
			for i, step := range steps {
				who := rapid.SampledFrom(people).Draw(rt, "who")
				[]func(*rapid.T, string, int){m.send, m.send, m.join, m.leave, m.edit, m.delete, m.read}[step](rt, who, i)
			}
			m.compare(rt)
		})
	})
}

func (m *model) as(who string) account.Actor { return m.w.as(account.RoleAgent, who) }

// code fails unless err is nil for 0, or carries the code.
func (m *model) code(rt *rapid.T, what string, err error, code int) {
	if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
		rt.Fatalf("%s: %v, want %d", what, err, code)
	}
}

func (m *model) send(rt *rapid.T, who string, step int) {
	client := rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(rt, "client")
	body := fmt.Sprint("body ", step)
	got, repeated, err := m.w.Send(ctx(), m.as(who), m.ch.SID, NewMessage{Body: body, ClientID: client})
	if _, in := m.members[who]; !in {
		m.code(rt, "send by a stranger", err, 20404)
		return
	}
	m.code(rt, "send", err, 0)
	first, known := m.clients[who+client]
	if client != "" && known {
		if !repeated || got.Index != first || got.Body != m.bodies[first] {
			rt.Fatalf("a repeated send answers %d %q %v", got.Index, got.Body, repeated)
		}
		return
	}
	if repeated || got.Index != m.next {
		rt.Fatalf("index %d, want %d", got.Index, m.next)
	}
	if client != "" {
		m.clients[who+client] = m.next
	}
	m.bodies[m.next], m.authors[m.next], m.sids[m.next] = body, who, got
	m.next++
	m.events = append(m.events, event.MessageAdded)
}

func (m *model) join(rt *rapid.T, who string, _ int) {
	_, err := m.w.AddMember(ctx(), m.w.owner, m.w.place(m.ch), NewMember{Identity: who})
	if _, in := m.members[who]; in {
		m.code(rt, "join twice", err, 50404)
		return
	}
	m.code(rt, "join", err, 0)
	m.members[who] = -1
	m.events = append(m.events, event.MemberAdded)
}

func (m *model) leave(rt *rapid.T, who string, _ int) {
	err := m.w.RemoveMember(ctx(), m.as(who), m.w.place(m.ch), who)
	if _, in := m.members[who]; !in {
		m.code(rt, "leave without being in", err, 20404)
		return
	}
	m.code(rt, "leave", err, 0)
	delete(m.members, who)
	m.events = append(m.events, event.MemberRemoved)
}

// pick chooses a message that was written, and says what the person may do
// with it: nothing when it is no member, only its own when it is.
func (m *model) pick(rt *rapid.T, who string) (index int64, code int, ok bool) {
	if m.next == 0 {
		return 0, 0, false
	}
	index = rapid.Int64Range(0, m.next-1).Draw(rt, "index")
	_, in := m.members[who]
	_, there := m.bodies[index]
	switch {
	case !in || !there:
		code = 20404
	case m.authors[index] != who:
		code = 50107
	}
	return index, code, true
}

func (m *model) edit(rt *rapid.T, who string, step int) {
	index, code, ok := m.pick(rt, who)
	if !ok {
		return
	}
	body := fmt.Sprint("edit ", step)
	got, err := m.w.UpdateMessage(ctx(), m.as(who), m.w.place(m.ch), m.sids[index].SID, MessageChange{Body: &body})
	m.code(rt, "edit", err, code)
	if code != 0 {
		return
	}
	if !got.WasEdited || got.Index != index {
		rt.Fatalf("edited %+v", got)
	}
	m.bodies[index] = body
	m.events = append(m.events, event.MessageUpdated)
}

func (m *model) delete(rt *rapid.T, who string, _ int) {
	index, code, ok := m.pick(rt, who)
	if !ok {
		return
	}
	err := m.w.DeleteMessage(ctx(), m.as(who), m.w.place(m.ch), m.sids[index].SID)
	m.code(rt, "delete", err, code)
	if code != 0 {
		return
	}
	delete(m.bodies, index)
	for client, at := range m.clients { // what is deleted is forgotten
		if at == index {
			delete(m.clients, client)
		}
	}
	m.events = append(m.events, event.MessageRemoved)
}

func (m *model) read(rt *rapid.T, who string, _ int) {
	index := rapid.Int64Range(0, m.next+1).Draw(rt, "read")
	err := m.w.Read(ctx(), m.as(who), m.ch.SID, index)
	at, in := m.members[who]
	if !in {
		m.code(rt, "read by a stranger", err, 20404)
		return
	}
	m.code(rt, "read", err, 0)
	if to := min(index, m.next-1); to > at {
		m.members[who] = to
		m.events = append(m.events, event.MemberUpdated)
	}
}

// compare looks at everything that is kept.
func (m *model) compare(rt *rapid.T) {
	s, err := m.w.Snapshot(ctx(), m.w.owner, m.ch.SID, nil, MaxHistory)
	if err != nil {
		rt.Fatal(err)
	}
	if s.Channel.Messages != int64(len(m.bodies)) || s.Channel.Members != int64(len(m.members)) || s.Channel.LastIndex != m.next-1 {
		rt.Fatalf("counters %+v, want %d messages, %d members, last %d", s.Channel, len(m.bodies), len(m.members), m.next-1)
	}
	last := int64(-1)
	for _, got := range s.Messages {
		if want, there := m.bodies[got.Index]; !there || got.Body != want || got.Index <= last {
			rt.Fatalf("message %d is %q, want %q", got.Index, got.Body, want)
		}
		last = got.Index
	}
	if len(s.Messages) != len(m.bodies) || len(s.Members) != len(m.members) {
		rt.Fatalf("%d messages, %d members", len(s.Messages), len(s.Members))
	}
	for _, got := range s.Members {
		if want, in := m.members[got.Identity]; !in || got.LastRead != want {
			rt.Fatalf("%s has read to %d, want %d", got.Identity, got.LastRead, want)
		}
	}
	kinds := m.w.stream(event.Channel, m.ch.Row, nil)
	if !slices.Equal(kinds, m.events) || s.Channel.Head != int64(len(kinds)) {
		rt.Fatalf("events %v, head %d, want %v", kinds, s.Channel.Head, m.events)
	}
	for _, who := range people {
		m.compareUser(rt, who)
	}
}

// compareUser checks a user's counter against its memberships, over all
// conversations that were played.
func (m *model) compareUser(rt *rapid.T, who string) {
	u, err := m.w.GetUser(ctx(), m.w.owner, m.w.service.SID, who)
	if fault.Is(err, fault.KindNotFound) {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	var n int64
	if err := m.w.db.View(ctx(), func(tx *db.Tx) error {
		return tx.QueryRow(`select count(*) from chat_member where user_id = $1`, u.ID).Scan(&n)
	}); err != nil {
		rt.Fatal(err)
	}
	if u.Channels != n {
		rt.Fatalf("%s counts %d channels, is in %d", who, u.Channels, n)
	}
}
