package janitor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/flex"
	"usher/internal/inbound/inboundtest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// window is the default time of quiet; late is how much later than that a channel may be closed, and a lost message be heard.
const (
	window = flex.DefaultQuiet
	late   = 2 * time.Hour
)

// month is what a test of thirty days knows of what it has done. Its own clock is the test's, which the jumps do not touch.
type month struct {
	*inboundtest.World
	t     *testing.T
	dice  *rand.Rand
	flows []flex.Flow
	rooms map[sid.SID]*room
	swept int
	// jumped is when the clock was set back. What is dated into the hours that come twice is kept longer.
	jumped time.Time
}

// room is one channel.
type room struct {
	flow    flex.Flow
	written int       // messages
	spoken  time.Time // the newest message
	changed time.Time // the newest change of open or task
	open    bool
	task    string
	waiting []waiting // messages that nobody has taken yet
}

type waiting struct {
	index int64
	at    time.Time
}

func TestMonth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := inboundtest.New(t, dbtest.Open(t, dir+"/usher.db"))
		m := &month{World: w, t: t, dice: rand.New(rand.NewPCG(30, 1)), rooms: map[sid.SID]*room{}}
		for _, janitor := range []bool{true, false} {
			for _, long := range []bool{true, false} {
				m.flows = append(m.flows, w.Flow(settings(janitor, long)))
			}
		}
		bot, _ := asks(t, w, false)
		m.flows = append(m.flows, bot)
		w.Route()
		agent := w.Agent("bert")
		if _, err := w.Tasks.UpdateWorkerChannel(t.Context(), w.Owner, w.IDs.Workspace, agent.SID, "chat", new(int64(50)), nil); err != nil {
			t.Fatal(err)
		}
		w.Move(agent, w.IDs.Offline)
		for hour := range 30 * 24 {
			for range m.dice.IntN(4) {
				m.write()
			}
			if m.dice.IntN(3) == 0 {
				m.end(agent)
			}
			if m.dice.IntN(50) == 0 {
				w.Restart()
			}
			switch hour {
			case 10 * 24:
				w.Jump(72 * time.Hour)
			case 20 * 24:
				w.Jump(-24 * time.Hour)
				m.jumped = time.Now()
			}
			time.Sleep(time.Hour - time.Second)
			m.sweep()
			if hour%4 == 0 {
				m.check()
			}
		}
		if len(m.rooms) < 100 || m.swept < 3 {
			t.Errorf("little happened: %d rooms, %d closed by sweeps", len(m.rooms), m.swept)
		}
		m.whole()
	})
}

// write lets a customer say something, in the channel that is open or a new one; the reaction is lost now and then.
func (m *month) write() {
	flow := m.flows[m.dice.IntN(len(m.flows))]
	who := fmt.Sprintf("customer-%d", m.dice.IntN(12))
	c := m.Open(flow, who, nil)
	r := m.rooms[c.SID]
	if r == nil {
		r = &room{flow: flow, open: true}
		m.rooms[c.SID] = r
	}
	answered := m.live(c)
	said := m.Say(c.SID, who, "hello")
	r.written++
	r.spoken = time.Now()
	if !answered {
		r.waiting = append(r.waiting, waiting{said.Index, time.Now()})
	}
	m.react()
	m.note(c.SID)
}

func (m *month) react() {
	if m.dice.IntN(20) == 0 {
		m.Take()
		return
	}
	m.Pump()
}

// end ends some task, in one of the ways there are; the reaction is lost now and then.
func (m *month) end(agent taskrouter.Worker) {
	var live []taskrouter.Task
	for _, task := range m.AllTasks() {
		if !task.Status.Ended() {
			live = append(live, task)
		}
	}
	if len(live) == 0 {
		return
	}
	task := live[m.dice.IntN(len(live))]
	switch m.dice.IntN(5) {
	case 0:
		m.SetTask(task.SID, taskrouter.TaskCanceled)
	case 1:
		if err := m.Tasks.DeleteTask(m.t.Context(), m.Owner, m.IDs.Workspace, task.SID, 0); err != nil {
			m.t.Error(err)
		}
		m.Take() // nobody hears of it
		m.note(sid.SID(*task.Conversation))
		return
	default:
		m.Move(agent, m.IDs.Available)
		m.Accept(agent, task.SID)
		m.Pump()
		m.Move(agent, m.IDs.Offline) // what else rings stops ringing
		m.SetTask(task.SID, taskrouter.TaskCompleted)
	}
	m.react()
	if task.Conversation != nil {
		m.note(sid.SID(*task.Conversation))
	}
}

// live says whether the channel has a live task.
func (m *month) live(c flex.Channel) (live bool) {
	m.Do(func(tx *db.Tx) error {
		talks, err := taskrouter.LiveTalks(tx, []sid.SID{c.SID})
		_, live = talks[c.SID]
		return err
	})
	return live
}

// note sees what has become of a channel.
func (m *month) note(s sid.SID) flex.Channel {
	c, r := m.Channel(s), m.rooms[s]
	task := ""
	if c.Task != nil {
		task = *c.Task
	}
	if r.open != c.Open || r.task != task || r.changed.IsZero() {
		r.open, r.task, r.changed = c.Open, task, time.Now()
	}
	var left []waiting
	for _, said := range r.waiting {
		heard := c.Began != nil && *c.Began >= said.index || c.Heard != nil && *c.Heard >= said.index
		if !heard {
			left = append(left, said)
		}
	}
	r.waiting = left
	return c
}

// open lists the open channels, and says which have a live task.
func (m *month) open() map[sid.SID]bool {
	m.t.Helper()
	all := map[sid.SID]bool{}
	err := m.DB.View(m.t.Context(), func(tx *db.Tx) error {
		rows, err := tx.Query(`select c.sid, exists(select 1 from taskrouter_task t where t.conversation_sid = c.sid and t.live = 1)
			from flex_channel c where c.open = 1`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var s sid.SID
			var live int64
			if err := rows.Scan(&s, &live); err != nil {
				return errors.Join(err, rows.Close())
			}
			all[s] = live == 1
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

// sweep lets the janitor sweep, and looks what it has closed.
func (m *month) sweep() {
	m.Pump() // tasks whose time is over
	before := m.open()
	m.Sweep()
	after := m.open()
	for s, hadTask := range before {
		if _, open := after[s]; open {
			continue
		}
		r := m.rooms[s]
		m.note(s)
		m.swept++
		switch {
		case hadTask:
			m.t.Errorf("%s was closed under its task: %q", s, m.Verdicts(s))
		case time.Since(r.spoken) < window:
			m.t.Errorf("%s was closed %v after a message: %q", s, time.Since(r.spoken), m.Verdicts(s))
		case r.flow.LongLived:
			m.t.Errorf("%s is long-lived and was closed: %q", s, m.Verdicts(s))
		case len(r.waiting) > 0:
			m.t.Errorf("%s was closed with messages that nobody heard", s)
		}
	}
}

// check looks for channels that should be closed, and for messages that nobody has taken.
func (m *month) check() {
	for s, r := range m.rooms {
		if !r.open {
			continue
		}
		c := m.note(s)
		working := c.Task != nil && m.live(c) || r.flow.IntegrationType == flex.Studio
		since := r.spoken
		if r.changed.After(since) {
			since = r.changed
		}
		if !working && time.Since(m.jumped) > 2*window+late && r.flow.Janitor && !r.flow.LongLived && time.Since(since) > window+late {
			m.t.Errorf("%s is open, %v after anything happened: %q", s, time.Since(since), m.Verdicts(s))
		}
		for _, said := range r.waiting {
			if since := time.Since(said.at); since > window+late && time.Since(m.jumped) > window+late {
				m.t.Errorf("message %d of %s was heard by nobody for %v: %q", said.index, s, time.Since(said.at), m.Verdicts(s))
			}
		}
	}
}

// whole sees that no message is missing anywhere.
func (m *month) whole() {
	for s, r := range m.rooms {
		ch := m.Room(s)
		history, err := m.Chat.History(m.t.Context(), m.Owner, s, nil, chat.MaxHistory)
		if err != nil {
			m.t.Fatal(err)
		}
		mine := 0
		for _, said := range history {
			if said.Author != "Bot" {
				mine++
			}
		}
		if int(ch.Messages) <= chat.MaxHistory && mine != r.written {
			m.t.Errorf("%s has %d of %d messages", s, mine, r.written)
		}
	}
}
