package route

import (
	"iter"
	"slices"
	"strings"

	"usher/internal/expr"
)

// Worker is what routing knows of a worker. Times are µs since 1970.
type Worker struct {
	ID, Version               int64
	SID, Name                 string
	Attributes                map[string]any
	ActivitySID, ActivityName string
	Available                 bool  // of the activity
	Since                     int64 // idle since: the latest of becoming available, being reserved, being released
	Slots                     []Slot
}

// Slot is a worker's channel.
type Slot struct {
	Channel   int64
	Name      string // unique name of the task channel
	Capacity  int
	Available bool
	Optimized bool // longest idle is counted on this channel alone
}

// Queue is what routing knows of a task queue.
type Queue struct {
	ID, Version int64
	Target      *expr.Expr // nil: nobody
	LIFO        bool
	MaxReserved int
}

// Phase is how far a task is.
type Phase uint8

// Waiting tasks (pending or reserved) look for workers, Taken ones (assigned, wrapping) have one, Done ones are gone.
const (
	Waiting Phase = iota
	Taken
	Done
)

// Task is what routing knows of a task.
type Task struct {
	ID, Version    int64
	Phase          Phase
	Workflow       int64 // 0: routed straight to a queue or a worker
	Filter, Target int   // position in the workflow
	Queue, Channel int64
	Priority       int64
	Start          int64 // virtual start: what age is counted from
	Expires        int64 // end of the task's own life while it waits, µs
	Due            int64 // end of the target, 0 for none
	Worker         int64 // routing target, 0 for none
	IgnoreCapacity bool
	Attributes     map[string]any // only when the workflow NeedsTask
}

// Reservation is what routing knows of a reservation. One that is not Live frees its worker.
type Reservation struct {
	ID, Task, Worker, Channel int64
	Live                      bool // pending, accepted or wrapping
	Refused                   bool // rejected or timed out: others are asked first
	Due                       int64
	At                        int64 // when it changed
}

// State is one workspace in memory. It is not safe for concurrent use.
type State struct {
	multi     bool // multi-tasking
	lifoFirst bool
	now       int64
	workers   map[int64]*worker
	bySID     map[string]*worker
	byName    map[string]*worker
	queues    map[int64]*queue
	workflows map[int64]*Workflow
	tasks     map[int64]*task
	crews     map[string]*crew
	hot       ranked[*desk]
	timers    ranked[*timer]
	direct    []*task            // for one worker, whatever his capacity
	late      []*task            // must leave their target
	fresh     []*task            // may skip their target when nobody can be reserved at once
	gone      map[int64]struct{} // tasks that have ended lately: changes may arrive out of order
	goneOrder []int64
	waiting   int
}

// remember is how many ended tasks are remembered.
const remember = 4096

type worker struct {
	Worker
	slots   []slot
	total   int // live reservations
	rev     uint32
	seats   map[*desk]*seat
	blocked map[*lane]struct{} // lanes for this worker alone
}

type slot struct {
	Slot
	load  int
	since int64
}

type queue struct {
	Queue
	crew *crew
}

type task struct {
	Task
	lifo    bool
	lost    bool // the known worker of its target is nobody
	overdue bool // its target ended while a worker was deciding
	timer   timer
	place   int
	lane    *lane
	holds   []*hold
	refused []int64 // workers
	ended   []int64 // reservations
}

// hold is a live reservation.
type hold struct {
	id      int64 // 0 until it is written
	task    *task
	worker  *worker
	channel int64
	timer   timer
}

type timer struct {
	at    int64
	place int
	task  *task
	hold  *hold
}

// New returns an empty state.
func New() *State {
	s := &State{
		multi: true, workers: map[int64]*worker{}, bySID: map[string]*worker{}, byName: map[string]*worker{},
		queues: map[int64]*queue{}, workflows: map[int64]*Workflow{}, tasks: map[int64]*task{}, crews: map[string]*crew{},
		gone: map[int64]struct{}{},
	}
	s.hot = ranked[*desk]{less: func(a, b *desk) bool { return s.before(a.first(), b.first()) }, place: func(d *desk) *int { return &d.place }}
	s.timers = ranked[*timer]{less: (*timer).before, place: func(t *timer) *int { return &t.place }}
	return s
}

// before puts a task's end before those of its reservations at the same instant: one decision then ends them all.
func (a *timer) before(b *timer) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.task != nil && b.task == nil
}

// SetWorkspace sets what holds for the whole workspace: multi-tasking, and whether LIFO queues go before FIFO ones.
func (s *State) SetWorkspace(multi, lifoFirst bool) {
	if s.multi == multi && s.lifoFirst == lifoFirst {
		return
	}
	for _, t := range s.tasks {
		s.unplace(t) // before the order of the heaps changes
	}
	s.multi, s.lifoFirst = multi, lifoFirst
	s.resettle(func(*task) bool { return true })
	for _, w := range s.workers {
		s.touch(w)
	}
}

// PutWorker adds or changes a worker. A version that is not newer than the known one is ignored.
func (s *State) PutWorker(in Worker) {
	w := s.workers[in.ID]
	if w == nil {
		w = &worker{seats: map[*desk]*seat{}, blocked: map[*lane]struct{}{}}
		s.workers[in.ID] = w
	} else if in.Version <= w.Version {
		return
	} else {
		delete(s.byName, strings.ToLower(w.Name))
		in.Since = max(in.Since, w.Since)
	}
	w.Worker = in
	w.rev++
	s.bySID[in.SID], s.byName[strings.ToLower(in.Name)] = w, w
	slots := make([]slot, len(in.Slots))
	for i, c := range in.Slots {
		slots[i] = slot{Slot: c}
		if old := w.slot(c.Channel); old != nil {
			slots[i].load, slots[i].since = old.load, old.since
		}
	}
	w.slots = slots
	for _, c := range s.crews {
		s.enroll(c, w)
	}
	s.touch(w)
}

// DropWorker takes a worker out. Its reservations, if any, stay with their tasks until those change.
func (s *State) DropWorker(id int64) {
	w := s.workers[id]
	if w == nil {
		return
	}
	w.Available = false
	s.touch(w)
	for d := range w.seats {
		delete(d.crew.members, w)
	}
	for _, c := range s.crews {
		delete(c.members, w)
	}
	delete(s.workers, id)
	delete(s.bySID, w.SID)
	delete(s.byName, strings.ToLower(w.Name))
}

// SetOptimized changes how idleness is counted on a task channel.
func (s *State) SetOptimized(channel int64, optimized bool) {
	for _, w := range s.workers {
		if sl := w.slot(channel); sl != nil && sl.Optimized != optimized {
			sl.Optimized = optimized
			s.touch(w)
		}
	}
}

// PutQueue adds or changes a queue. A version that is not newer is ignored.
func (s *State) PutQueue(in Queue) {
	q := s.queues[in.ID]
	if q != nil && in.Version <= q.Version {
		return
	}
	if q == nil {
		q = &queue{}
		s.queues[in.ID] = q
	}
	old := q.crew
	q.Queue, q.crew = in, s.crewFor(in.Target)
	q.crew.queues++
	s.resettle(func(t *task) bool { return t.Queue == in.ID })
	s.leave(old)
}

// DropQueue takes a queue out; its tasks wait for nobody.
func (s *State) DropQueue(id int64) {
	q := s.queues[id]
	if q == nil {
		return
	}
	delete(s.queues, id)
	s.resettle(func(t *task) bool { return t.Queue == id })
	s.leave(q.crew)
}

// PutWorkflow adds or changes a workflow. A version that is not newer is ignored. Waiting tasks keep their position.
func (s *State) PutWorkflow(w *Workflow) {
	if old := s.workflows[w.ID]; old != nil && w.Version <= old.Version {
		return
	}
	s.workflows[w.ID] = w
	s.resettle(func(t *task) bool { return t.Workflow == w.ID })
}

// DropWorkflow takes a workflow out.
func (s *State) DropWorkflow(id int64) { delete(s.workflows, id) }

func (s *State) resettle(which func(*task) bool) {
	for _, t := range s.tasks {
		if which(t) {
			s.settle(t)
		}
	}
}

// PutTask adds or changes a task. A version that is not newer is ignored; one that is Done takes the task out.
func (s *State) PutTask(in Task) {
	t := s.tasks[in.ID]
	_, gone := s.gone[in.ID]
	switch {
	case t != nil && in.Version <= t.Version, gone:
		return
	case in.Phase == Done:
		s.DropTask(in.ID)
		return
	case t == nil:
		t = &task{}
		t.timer.task = t
		s.tasks[in.ID] = t
	case t.Filter != in.Filter || t.Target != in.Target || t.Queue != in.Queue:
		t.overdue, t.refused = false, nil
	}
	s.unplace(t) // before its values change: the heaps compare them
	t.Task = in
	s.settle(t)
}

// DropTask takes a task that has ended out, with its reservations; it does not come back.
func (s *State) DropTask(id int64) {
	s.Forget(id)
	if _, gone := s.gone[id]; gone {
		return
	}
	s.gone[id] = struct{}{}
	if s.goneOrder = append(s.goneOrder, id); len(s.goneOrder) > remember {
		delete(s.gone, s.goneOrder[0])
		s.goneOrder = s.goneOrder[1:]
	}
}

// Forget takes out everything that is known of a task, so that it can be put anew whatever its version; for rows that
// turned out to differ from what was known.
func (s *State) Forget(id int64) {
	delete(s.gone, id)
	t := s.tasks[id]
	if t == nil {
		return
	}
	s.unplace(t)
	s.timers.drop(&t.timer)
	for len(t.holds) > 0 {
		s.release(t.holds[0])
	}
	delete(s.tasks, id)
}

// PutReservation adds, changes or ends a reservation; reservations of unknown tasks or workers are ignored.
func (s *State) PutReservation(r Reservation) {
	t, w := s.tasks[r.Task], s.workers[r.Worker]
	if t == nil || w == nil {
		return
	}
	h := t.holdOf(w)
	switch {
	case r.Live && slices.Contains(t.ended, r.ID):
	case r.Live && h == nil:
		h = s.hold(t, w, r.Channel, r.At)
		h.id = r.ID
		s.setTimer(&h.timer, r.Due)
		s.settle(t)
	case r.Live:
		h.id = r.ID
		s.setTimer(&h.timer, r.Due)
	case h != nil && (h.id == 0 || h.id == r.ID):
		w.Since = max(w.Since, r.At)
		if sl := w.slot(h.channel); sl != nil {
			sl.since = max(sl.since, r.At)
		}
		s.release(h)
		t.ended = append(t.ended, r.ID)
		if r.Refused {
			t.refused = append(t.refused, w.ID)
		}
		s.settle(t)
	}
}

// ForgetVersion lets the next PutWorker replace the worker whatever its version.
func (s *State) ForgetVersion(worker int64) {
	if w := s.workers[worker]; w != nil {
		w.Version = -1
	}
}

// Next returns when the nearest deadline is, µs; ok is false without one.
func (s *State) Next() (at int64, ok bool) {
	if s.timers.size() == 0 {
		return 0, false
	}
	return s.timers.top().at, true
}

// Waiting returns how many tasks wait for a worker.
func (s *State) Waiting() int { return s.waiting }

// Tasks returns how many tasks are known, waiting or taken.
func (s *State) Tasks() int { return len(s.tasks) }

// Load returns the live reservations of a worker on a channel.
func (s *State) Load(worker, channel int64) int {
	if w := s.workers[worker]; w != nil {
		if sl := w.slot(channel); sl != nil {
			return sl.load
		}
	}
	return 0
}

// Member reports whether a worker belongs to a queue.
func (s *State) Member(worker, queue int64) bool {
	w, q := s.workers[worker], s.queues[queue]
	if w == nil || q == nil {
		return false
	}
	_, ok := q.crew.members[w]
	return ok
}

// mayTake yields the workers whom the task's queue, target and routing target admit, ready or not.
func (s *State) mayTake(t *task) iter.Seq[*worker] {
	return func(yield func(*worker) bool) {
		q := s.queues[t.Queue]
		if q == nil {
			return
		}
		target := s.target(t)
		var known *worker
		if target != nil && target.hasKnown() {
			if known = s.knownWorker(target, t); known == nil {
				return
			}
		}
		for w := range q.crew.members {
			if known != nil && w != known {
				continue
			}
			if target != nil && target.When != nil && !target.When.Eval(&targetEnv{w: w, t: t, now: s.now}) {
				continue
			}
			if !yield(w) {
				return
			}
		}
	}
}

func (w *worker) slot(channel int64) *slot {
	for i := range w.slots {
		if w.slots[i].Channel == channel {
			return &w.slots[i]
		}
	}
	return nil
}

func (t *task) holdOf(w *worker) *hold {
	for _, h := range t.holds {
		if h.worker == w {
			return h
		}
	}
	return nil
}
