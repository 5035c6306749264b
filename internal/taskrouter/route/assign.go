package route

// Kind says what a decision does.
type Kind uint8

// The decisions.
const (
	Reserve Kind = iota + 1 // offer Task to Worker until Due
	Timeout                 // Reservation was not answered in time
	Move                    // Task goes to the target at Filter, Target
	Cancel                  // Task ends, for Reason
)

// Reasons of cancellation, as on the wire.
const (
	ReasonWorkflow = "Task canceled on Workflow timeout"
	ReasonTTL      = "Task TTL Exceeded"
)

// defaultReservation is the reservation timeout of tasks without a workflow, as the wire's default of workflows.
const defaultReservation = 120 * second

// Decision is something to write. The versions are those that the rows must still have; writing it raises them by one.
type Decision struct {
	Kind                  Kind
	Task, TaskVersion     int64
	Worker, WorkerVersion int64 // Reserve; Timeout without a version
	Reservation           int64 // Timeout
	Queue, Channel        int64 // Reserve, Move
	Due                   int64 // µs; Reserve: of the reservation, Move: of the target, 0 for none
	Filter, Target        int   // Move
	Priority              int64 // Move
	Reason                string
}

// Assign makes the decisions that are due at now (µs), at most limit of them, and applies them to the state as if
// they were written. Fewer than limit means that nothing is left to decide before the next change or deadline.
//
// Order: ended deadlines first; then the waiting tasks by priority and age, each to the best ready worker; then, for
// tasks that nobody could take at once, skip_if.
func Assign(s *State, now int64, limit int) []Decision {
	s.now = now
	var out []Decision
	for len(out) < limit {
		d, ok := s.step()
		if !ok {
			break
		}
		if d.Kind != 0 {
			out = append(out, d)
		}
	}
	return out
}

// step makes one decision; a zero Kind is progress without one.
func (s *State) step() (Decision, bool) {
	if s.timers.size() > 0 && s.timers.top().at <= s.now {
		t := s.timers.top()
		s.timers.drop(t)
		if t.hold != nil {
			return s.timeout(t.hold), true
		}
		return s.ended(t.task), true
	}
	if n := len(s.late); n > 0 {
		t := s.late[n-1]
		s.late = s.late[:n-1]
		if s.tasks[t.ID] != t || t.Phase != Waiting || len(t.holds) > 0 || !t.overdue && !t.lost {
			return Decision{}, true
		}
		return s.advance(t, t.lost), true
	}
	if n := len(s.direct); n > 0 {
		t := s.direct[n-1]
		s.direct = s.direct[:n-1]
		w := s.workers[t.Worker]
		if s.tasks[t.ID] != t || t.Phase != Waiting || w == nil || len(t.holds) > 0 {
			return Decision{}, true
		}
		return s.reserve(t, w), true
	}
	if s.hot.size() > 0 {
		l := s.hot.top().lanes.top()
		x := s.pick(l)
		if x == nil {
			s.block(l)
			return Decision{}, true
		}
		return s.reserve(l.tasks.top(), x.w), true
	}
	if n := len(s.fresh); n > 0 {
		t := s.fresh[0]
		s.fresh = s.fresh[1:]
		return s.skip(t), true
	}
	return Decision{}, false
}

func (s *State) reserve(t *task, w *worker) Decision {
	timeout := int64(defaultReservation)
	if wf := s.workflows[t.Workflow]; wf != nil {
		timeout = wf.Reservation
	}
	d := Decision{
		Kind: Reserve, Task: t.ID, TaskVersion: t.Version, Worker: w.ID, WorkerVersion: w.Version,
		Queue: t.Queue, Channel: t.Channel, Due: s.now + timeout,
	}
	t.Version++
	w.Version++
	h := s.hold(t, w, t.Channel, s.now)
	s.setTimer(&h.timer, d.Due)
	s.settle(t)
	return d
}

// timeout ends a reservation that was not answered. Where workers do one task at a time, one who does not answer is
// made unavailable by the writer; until that row comes back nobody offers him anything.
func (s *State) timeout(h *hold) Decision {
	t, w := h.task, h.worker
	if t.Phase == Waiting && t.Expires <= s.now {
		return s.cancel(t, ReasonTTL) // ends the reservation too
	}
	d := Decision{Kind: Timeout, Task: t.ID, TaskVersion: t.Version, Worker: w.ID, Reservation: h.id, Channel: h.channel}
	t.Version++
	w.Since = max(w.Since, s.now)
	if !s.multi {
		w.Available = false
	}
	s.release(h)
	t.refused = append(t.refused, w.ID)
	s.settle(t)
	return d
}

// ended handles the end of a task's life or of its target.
func (s *State) ended(t *task) Decision {
	switch {
	case t.Phase != Waiting:
		return Decision{}
	case t.Expires <= s.now:
		return s.cancel(t, ReasonTTL)
	case len(t.holds) > 0:
		t.overdue = true
		s.schedule(t)
		return Decision{}
	}
	return s.advance(t, false)
}

// skip leaves a target that nobody could take at once, when it says so.
func (s *State) skip(t *task) Decision {
	if s.tasks[t.ID] != t || t.Phase != Waiting || len(t.holds) > 0 {
		return Decision{}
	}
	target := s.target(t)
	if target != nil && target.Skip != nil && target.Skip.Eval(&skipEnv{s, t}) {
		return s.advance(t, true)
	}
	return Decision{}
}

// advance sends a task to its next target. After the last one the workflow is over: the task is canceled when the
// target timed out, and goes to the default filter when it was skipped.
func (s *State) advance(t *task, skipped bool) Decision {
	wf := s.workflows[t.Workflow]
	if wf == nil {
		return Decision{}
	}
	filter, next := t.Filter, t.Target+1
	f := wf.Filter(filter)
	if f == nil || next >= len(f.Targets) {
		if !skipped || filter == DefaultFilter || wf.Default == nil {
			return s.cancel(t, ReasonWorkflow)
		}
		filter, next, f = DefaultFilter, 0, wf.Default
	}
	target := &f.Targets[next]
	s.unplace(t)
	d := Decision{Kind: Move, Task: t.ID, TaskVersion: t.Version, Queue: target.Queue, Filter: filter, Target: next, Priority: t.Priority}
	if target.Priority != Unset {
		d.Priority = target.Priority
	}
	if target.Timeout > 0 {
		d.Due = s.now + target.Timeout
	}
	t.Version++
	t.Filter, t.Target, t.Queue, t.Priority, t.Due = d.Filter, d.Target, d.Queue, d.Priority, d.Due
	t.overdue, t.refused = false, nil
	s.settle(t)
	return d
}

func (s *State) cancel(t *task, reason string) Decision {
	s.DropTask(t.ID)
	return Decision{Kind: Cancel, Task: t.ID, TaskVersion: t.Version, Reason: reason}
}

// before orders tasks: priority, then the workspace's preferred kind of queue, then age.
func (s *State) before(a, b *task) bool {
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	if a.lifo != b.lifo {
		return a.lifo == s.lifoFirst
	}
	if a.Start == b.Start {
		return (a.ID < b.ID) != a.lifo
	}
	return (a.Start < b.Start) != a.lifo
}

func (s *State) target(t *task) *Target {
	wf := s.workflows[t.Workflow]
	if wf == nil || t.Worker != 0 {
		return nil
	}
	f := wf.Filter(t.Filter)
	if f == nil || t.Target >= len(f.Targets) {
		return nil
	}
	return &f.Targets[t.Target]
}

// settle puts a task where it belongs: into a lane while it wants workers, nowhere otherwise. Every change of a task
// ends here.
func (s *State) settle(t *task) {
	s.unplace(t)
	s.schedule(t)
	q := s.queues[t.Queue]
	if t.Phase != Waiting || q == nil || s.tasks[t.ID] != t {
		return
	}
	t.lifo = q.LIFO
	if t.lost = false; t.overdue && len(t.holds) == 0 {
		s.late = append(s.late, t)
		return
	}
	if len(t.holds) >= max(1, q.MaxReserved) || len(t.holds) > 0 && t.Worker != 0 {
		return
	}
	if t.Worker != 0 && t.IgnoreCapacity {
		s.direct = append(s.direct, t)
		return
	}
	l, lost := s.laneFor(t, q)
	if t.lost = lost; lost {
		s.late = append(s.late, t)
		return
	}
	if l == nil {
		return
	}
	t.lane = l
	s.waiting++
	l.tasks.put(t)
	if !l.blocked {
		l.d.lanes.put(l)
		s.heat(l.d)
	}
	if target := s.target(t); target != nil && target.Skip != nil && len(t.holds) == 0 {
		s.fresh = append(s.fresh, t)
	}
}

// unplace takes a task out of its lane; a lane of its own goes with it.
func (s *State) unplace(t *task) {
	l := t.lane
	if l == nil {
		return
	}
	t.lane = nil
	s.waiting--
	l.tasks.drop(t)
	d := l.d
	switch {
	case l.tasks.size() > 0 && !l.blocked:
		d.lanes.put(l)
	case l.tasks.size() == 0:
		d.lanes.drop(l)
		if l.filter != "" || l.only != nil || l.solo != 0 {
			delete(d.all, l.laneKey)
			delete(d.blocked, l)
			if l.only != nil {
				delete(l.only.blocked, l)
			}
		} else if l.blocked {
			s.open(l)
		}
	}
	s.heat(d)
}

// schedule sets the task's timer to the nearer of its ends.
func (s *State) schedule(t *task) {
	at := int64(0)
	if t.Phase == Waiting && s.tasks[t.ID] == t {
		at = t.Expires
		if t.Due > 0 && t.Due < at && !t.overdue {
			at = t.Due
		}
	}
	s.setTimer(&t.timer, at)
}

// setTimer sets or, with 0, stops a timer.
func (s *State) setTimer(t *timer, at int64) {
	s.timers.drop(t)
	if t.at = at; at > 0 {
		s.timers.put(t)
	}
}

// hold counts a live reservation.
func (s *State) hold(t *task, w *worker, channel, at int64) *hold {
	h := &hold{task: t, worker: w, channel: channel}
	h.timer.hold = h
	t.holds = append(t.holds, h)
	w.total++
	w.Since = max(w.Since, at)
	if sl := w.slot(channel); sl != nil {
		sl.load++
		sl.since = max(sl.since, at)
	}
	s.touch(w)
	return h
}

// release ends a live reservation and frees the worker.
func (s *State) release(h *hold) {
	t, w := h.task, h.worker
	s.timers.drop(&h.timer)
	for i, x := range t.holds {
		if x == h {
			t.holds = append(t.holds[:i], t.holds[i+1:]...)
			break
		}
	}
	w.total--
	if sl := w.slot(h.channel); sl != nil {
		sl.load--
	}
	s.touch(w)
}
