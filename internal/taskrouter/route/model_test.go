package route

import (
	"fmt"
	"slices"
	"testing"

	"usher/internal/expr"

	"pgregory.net/rapid"
)

// model is the whole of routing done the slow way: every decision looks at everything.
type model struct {
	now     int64
	workers []*mWorker
	queues  map[int64]Queue
	flow    *Workflow
	tasks   []*mTask
}

type mWorker struct {
	Worker
	total int
}

type mTask struct {
	Task
	holds   []*mHold
	refused map[int64]bool
}

type mHold struct {
	worker *mWorker
	due    int64 // 0 when accepted
	id     int64
}

func (m *model) load(w *mWorker, channel int64) (n int) {
	for _, t := range m.tasks {
		for _, h := range t.holds {
			if h.worker == w && t.Channel == channel {
				n++
			}
		}
	}
	return n
}

func (m *model) ready(w *mWorker, channel int64) bool {
	for _, s := range w.Slots {
		if s.Channel == channel {
			return w.Available && s.Available && m.load(w, channel) < s.Capacity
		}
	}
	return false
}

func (m *model) target(t *mTask) *Target {
	if t.Worker != 0 {
		return nil
	}
	return &m.flow.Filter(t.Filter).Targets[t.Target]
}

func (m *model) may(t *mTask, w *mWorker) bool {
	if t.Worker != 0 {
		return w.ID == t.Worker
	}
	q, target := m.queues[t.Queue], m.target(t)
	if q.Target == nil || !q.Target.Eval(WorkerEnv{&w.Worker}) {
		return false
	}
	return target.When == nil || target.When.Eval(&targetEnv{w: &worker{Worker: w.Worker}, t: &task{Task: t.Task}, now: m.now})
}

func (m *model) before(a, b *mTask) bool {
	la, lb := m.queues[a.Queue].LIFO, m.queues[b.Queue].LIFO
	switch {
	case a.Priority != b.Priority:
		return a.Priority > b.Priority
	case la != lb:
		return lb
	case a.Start != b.Start:
		return (a.Start < b.Start) != la
	}
	return (a.ID < b.ID) != la
}

func (m *model) best(t *mTask) *mWorker {
	var best *mWorker
	better := func(a, b *mWorker) bool {
		switch {
		case t.refused[a.ID] != t.refused[b.ID]:
			return t.refused[b.ID]
		case (a.total > 0) != (b.total > 0):
			return b.total > 0
		case a.Since != b.Since:
			return a.Since < b.Since
		}
		return a.ID < b.ID
	}
	for _, w := range m.workers {
		held := slices.ContainsFunc(t.holds, func(h *mHold) bool { return h.worker == w })
		if !held && m.ready(w, t.Channel) && m.may(t, w) && (best == nil || better(w, best)) {
			best = w
		}
	}
	return best
}

func (m *model) free(t *mTask, h *mHold) {
	t.holds = slices.DeleteFunc(t.holds, func(x *mHold) bool { return x == h })
	h.worker.total--
	h.worker.Since = max(h.worker.Since, m.now)
}

func (m *model) drop(t *mTask) {
	for len(t.holds) > 0 {
		h := t.holds[0]
		t.holds = t.holds[1:]
		h.worker.total--
	}
	m.tasks = slices.DeleteFunc(m.tasks, func(x *mTask) bool { return x == t })
}

// assign returns the decisions as texts; the state must make the same ones.
func (m *model) assign() (ended, reserved []string) {
	for again := true; again; {
		again = false
		for _, t := range slices.Clone(m.tasks) {
			if t.Phase == Waiting && t.Expires <= m.now {
				ended = append(ended, fmt.Sprintf("cancel %d %s", t.ID, ReasonTTL))
				m.drop(t)
				continue
			}
			for _, h := range slices.Clone(t.holds) {
				if h.due > 0 && h.due <= m.now {
					ended = append(ended, fmt.Sprintf("timeout %d %d", t.ID, h.worker.ID))
					m.free(t, h)
					t.refused[h.worker.ID] = true
				}
			}
			if t.Phase == Waiting && t.Due > 0 && t.Due <= m.now && len(t.holds) == 0 {
				ended = append(ended, m.advance(t))
				again = true
			}
		}
	}
	for {
		var next *mTask
		for _, t := range m.tasks {
			if t.Phase != Waiting || len(t.holds) >= max(1, m.queues[t.Queue].MaxReserved) || t.Worker != 0 && len(t.holds) > 0 {
				continue
			}
			if m.best(t) != nil && (next == nil || m.before(t, next)) {
				next = t
			}
		}
		if next == nil {
			slices.Sort(ended)
			return ended, reserved
		}
		w := m.best(next)
		reserved = append(reserved, fmt.Sprintf("reserve %d %d", next.ID, w.ID))
		next.holds = append(next.holds, &mHold{worker: w, due: m.now + m.flow.Reservation})
		next.Version++
		w.Version++
		w.total++
		w.Since = max(w.Since, m.now)
	}
}

func (m *model) advance(t *mTask) string {
	t.Version++
	f := m.flow.Filter(t.Filter)
	if t.Target+1 >= len(f.Targets) {
		m.drop(t)
		return fmt.Sprintf("cancel %d %s", t.ID, ReasonWorkflow)
	}
	t.Target++
	target := &f.Targets[t.Target]
	t.Queue, t.Due, t.refused = target.Queue, 0, map[int64]bool{}
	if target.Priority != Unset {
		t.Priority = target.Priority
	}
	if target.Timeout > 0 {
		t.Due = m.now + target.Timeout
	}
	return fmt.Sprintf("move %d %d", t.ID, t.Queue)
}

const modelFlow = `{"task_routing":{"filters":[
 {"expression":"kind == 'a'","targets":[{"queue":"q1","timeout":20},{"queue":"q2","priority":5,"timeout":40},{"queue":"q3"}]},
 {"expression":"kind == 'b'","targets":[{"queue":"q2","expression":"worker.name == task.who","timeout":30},{}]},
 {"expression":"kind == 'c'","targets":[{"queue":"q1","expression":"worker.skill HAS 'x'"}]}],
 "default_filter":{"queue":"q3"}}}`

var modelQueues = []string{"skill HAS 'x'", "1==1", "skill HAS 'y' OR activity_name == 'Busy'"}

// TestAssignModel drives the state and the model with the same random changes and compares every decision.
func TestAssignModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		flow, err := Compile(modelFlow, func(ref string) (int64, bool) { return int64(ref[1] - '0'), true })
		if err != nil {
			rt.Fatal(err)
		}
		flow.ID, flow.Version, flow.Reservation = 1, 1, 15*second
		x := &pair{m: &model{now: 1000 * second, queues: map[int64]Queue{}, flow: flow}, s: New(), byReservation: map[int64]*mTask{}}
		x.s.PutWorkflow(flow)
		for id, text := range modelQueues {
			id := int64(id + 1)
			q := Queue{
				ID: id, Version: 1, Target: must(expr.Parse(text)), LIFO: rapid.Bool().Draw(rt, "lifo"),
				MaxReserved: rapid.IntRange(1, 2).Draw(rt, "max"),
			}
			x.m.queues[id] = q
			x.s.PutQueue(q)
		}
		for range rapid.IntRange(1, 5).Draw(rt, "workers") {
			x.worker(rt)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"worker": x.worker, "change": x.change, "task": x.task, "direct": x.direct,
			"accept": x.accept, "reject": x.reject, "complete": x.complete, "wait": x.wait, "": x.check,
		})
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pair is a state and its model, fed alike.
type pair struct {
	m             *model
	s             *State
	ids           int64
	byReservation map[int64]*mTask
}

func (x *pair) next() int64 { x.ids++; return x.ids }

func (x *pair) draw(rt *rapid.T, w *Worker) {
	skills := []any{}
	for _, k := range []string{"x", "y"} {
		if rapid.Bool().Draw(rt, "skill "+k) {
			skills = append(skills, k)
		}
	}
	w.Attributes = map[string]any{"skill": skills, "name": rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "name")}
	w.Available = rapid.Bool().Draw(rt, "available")
	w.ActivityName = rapid.SampledFrom([]string{"Idle", "Busy"}).Draw(rt, "activity")
	w.Slots = nil
	for c := int64(1); c <= 2; c++ {
		w.Slots = append(w.Slots, Slot{Channel: c, Capacity: rapid.IntRange(0, 2).Draw(rt, "capacity"), Available: rapid.IntRange(0, 4).Draw(rt, "open") > 0})
	}
}

func (x *pair) worker(rt *rapid.T) {
	w := &mWorker{Worker: Worker{ID: x.next(), Version: 1, Since: x.m.now}}
	w.SID = fmt.Sprint("WK", w.ID)
	x.draw(rt, &w.Worker)
	x.m.workers = append(x.m.workers, w)
	x.s.PutWorker(w.Worker)
}

func (x *pair) change(rt *rapid.T) {
	w := rapid.SampledFrom(x.m.workers).Draw(rt, "worker")
	x.draw(rt, &w.Worker)
	w.Version++
	x.s.PutWorker(w.Worker)
}

func (x *pair) put(t *mTask) {
	x.m.tasks = append(x.m.tasks, t)
	x.s.PutTask(t.Task)
}

func (x *pair) task(rt *rapid.T) {
	attrs := map[string]any{
		"kind": rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "kind"),
		"who":  rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(rt, "who"),
	}
	filter, _ := x.m.flow.Match(TaskEnv{Attributes: attrs})
	target := x.m.flow.Filter(filter).Targets[0]
	t := &mTask{refused: map[int64]bool{}, Task: Task{
		ID: x.next(), Version: 1, Workflow: 1, Filter: filter, Queue: target.Queue, Channel: int64(rapid.IntRange(1, 2).Draw(rt, "channel")),
		Priority: int64(rapid.IntRange(0, 2).Draw(rt, "priority")), Start: x.m.now - int64(rapid.IntRange(0, 2).Draw(rt, "age"))*second,
		Expires: x.m.now + int64(rapid.IntRange(10, 200).Draw(rt, "ttl"))*second, Attributes: attrs,
	}}
	if target.Timeout > 0 {
		t.Due = x.m.now + target.Timeout
	}
	x.put(t)
}

func (x *pair) direct(rt *rapid.T) {
	w := rapid.SampledFrom(x.m.workers).Draw(rt, "worker")
	x.put(&mTask{refused: map[int64]bool{}, Task: Task{
		ID: x.next(), Version: 1, Workflow: 1, Queue: 1, Channel: 1, Start: x.m.now, Expires: x.m.now + 100*second, Worker: w.ID,
	}})
}

// held draws a reservation in the wanted state.
func (x *pair) held(rt *rapid.T, pending bool) (*mTask, *mHold) {
	var tasks []*mTask
	for _, t := range x.m.tasks {
		if len(t.holds) > 0 && (t.holds[0].due > 0) == pending {
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		rt.Skip("no reservation")
	}
	t := rapid.SampledFrom(tasks).Draw(rt, "task")
	return t, rapid.SampledFrom(t.holds).Draw(rt, "hold")
}

func (x *pair) accept(rt *rapid.T) {
	t, h := x.held(rt, true)
	for _, other := range slices.Clone(t.holds) {
		if other != h {
			x.m.free(t, other)
			x.s.PutReservation(Reservation{ID: other.id, Task: t.ID, Worker: other.worker.ID, Channel: t.Channel, At: x.m.now})
		}
	}
	h.due, t.Phase = 0, Taken
	t.Version++
	x.s.PutReservation(Reservation{ID: h.id, Task: t.ID, Worker: h.worker.ID, Channel: t.Channel, Live: true, At: x.m.now})
	x.s.PutTask(t.Task)
}

func (x *pair) reject(rt *rapid.T) {
	t, h := x.held(rt, true)
	x.m.free(t, h)
	t.refused[h.worker.ID] = true
	t.Version++
	x.s.PutReservation(Reservation{ID: h.id, Task: t.ID, Worker: h.worker.ID, Channel: t.Channel, Refused: true, At: x.m.now})
	x.s.PutTask(t.Task)
}

func (x *pair) complete(rt *rapid.T) {
	t, h := x.held(rt, false)
	x.m.free(t, h)
	x.m.drop(t)
	x.s.PutReservation(Reservation{ID: h.id, Task: t.ID, Worker: h.worker.ID, Channel: t.Channel, At: x.m.now})
	t.Version++
	t.Phase = Done
	x.s.PutTask(t.Task)
}

func (x *pair) wait(rt *rapid.T) {
	x.m.now += int64(rapid.IntRange(1, 25).Draw(rt, "seconds")) * second
}

func (x *pair) check(rt *rapid.T) {
	wantEnded, wantReserved := x.m.assign()
	var ended, reserved []string
	for _, d := range Assign(x.s, x.m.now, 1000) {
		switch d.Kind {
		case Reserve:
			reserved = append(reserved, fmt.Sprintf("reserve %d %d", d.Task, d.Worker))
			x.confirm(d)
		case Timeout:
			ended = append(ended, fmt.Sprintf("timeout %d %d", d.Task, d.Worker))
			x.version(d.Task)
		case Move:
			ended = append(ended, fmt.Sprintf("move %d %d", d.Task, d.Queue))
		case Cancel:
			ended = append(ended, fmt.Sprintf("cancel %d %s", d.Task, d.Reason))
		}
	}
	slices.Sort(ended)
	if !slices.Equal(ended, wantEnded) || !slices.Equal(reserved, wantReserved) {
		rt.Fatalf("at %d s decided %q %q, the model %q %q", x.m.now/second, ended, reserved, wantEnded, wantReserved)
	}
	for _, w := range x.m.workers {
		for _, sl := range w.Slots {
			if got, want := x.s.Load(w.ID, sl.Channel), x.m.load(w, sl.Channel); got != want {
				rt.Fatalf("worker %d holds %d on channel %d, the model %d", w.ID, got, sl.Channel, want)
			}
		}
	}
}

// confirm feeds a written reservation back, as the writer does.
func (x *pair) confirm(d Decision) {
	id := x.next()
	for _, t := range x.m.tasks {
		for _, h := range t.holds {
			if t.ID == d.Task && h.worker.ID == d.Worker {
				h.id = id
			}
		}
	}
	x.s.PutReservation(Reservation{ID: id, Task: d.Task, Worker: d.Worker, Channel: d.Channel, Live: true, Due: d.Due, At: x.m.now})
}

// version keeps the model's version of a task equal to the state's after a timeout.
func (x *pair) version(id int64) {
	for _, t := range x.m.tasks {
		if t.ID == id {
			t.Version++
		}
	}
}
