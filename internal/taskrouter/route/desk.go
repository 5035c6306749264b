package route

import (
	"math"
	"slices"

	"usher/internal/expr"
)

// crew is the set of workers that one queue expression admits. Queues with the same expression share it.
type crew struct {
	text    string
	when    *expr.Expr
	all     bool
	queues  int
	members map[*worker]struct{}
	desks   map[deskKey]*desk
}

type deskKey struct {
	channel int64
	order   string
}

// desk is where a crew's ready workers meet the tasks of one channel.
type desk struct {
	crew    *crew
	channel int64
	order   []Order
	ready   ranked[*seat]
	lanes   ranked[*lane]
	all     map[laneKey]*lane
	blocked map[*lane]struct{} // lanes that no ready worker may take from
	place   int
}

// seat is a worker at a desk, with what the worker is ranked by there.
type seat struct {
	w     *worker
	d     *desk
	keys  []float64
	busy  bool
	since int64
	place int
}

type laneKey struct {
	queue  int64
	filter string
	only   int64 // the one worker who may
	solo   int64 // the one task that is in it
}

// lane holds tasks that the same workers may take, best first.
type lane struct {
	laneKey
	d        *desk
	when     *expr.Expr
	dynamic  bool
	only     *worker
	tasks    ranked[*task]
	place    int
	blocked  bool
	verdicts map[*worker]verdict
}

type verdict struct {
	rev uint32
	ok  bool
}

// everyone is the crew text of tasks with a routing target: the worker is given, whatever the queue's expression.
const everyone = "\x00"

func (s *State) crewFor(when *expr.Expr) *crew {
	if when == nil {
		return s.crew("", nil)
	}
	return s.crew(when.String(), when)
}

func (s *State) crew(text string, when *expr.Expr) *crew {
	c := s.crews[text]
	if c == nil {
		c = &crew{text: text, when: when, all: text == everyone, members: map[*worker]struct{}{}, desks: map[deskKey]*desk{}}
		s.crews[text] = c
		for _, w := range s.workers {
			s.enroll(c, w)
		}
	}
	return c
}

// leave forgets a crew that has no queue any more.
func (s *State) leave(c *crew) {
	if c == nil {
		return
	}
	if c.queues--; c.queues > 0 {
		return
	}
	for w := range c.members {
		for _, d := range c.desks {
			delete(w.seats, d)
		}
	}
	for _, d := range c.desks {
		s.hot.drop(d)
	}
	delete(s.crews, c.text)
}

// enroll evaluates the crew's expression for a worker and gives it seats, or takes them.
func (s *State) enroll(c *crew, w *worker) {
	_, was := c.members[w]
	is := c.all || c.when != nil && c.when.Eval(WorkerEnv{&w.Worker})
	switch {
	case is && !was:
		c.members[w] = struct{}{}
		for _, d := range c.desks {
			s.sit(d, w)
		}
	case was && !is:
		delete(c.members, w)
		for _, d := range c.desks {
			if seat := w.seats[d]; seat != nil {
				d.ready.drop(seat)
				delete(w.seats, d)
				s.heat(d)
			}
		}
	}
}

func (s *State) deskFor(c *crew, channel int64, target *Target) *desk {
	k := deskKey{channel: channel}
	if target != nil {
		k.order = target.order
	}
	d := c.desks[k]
	if d == nil {
		d = &desk{crew: c, channel: channel, all: map[laneKey]*lane{}, blocked: map[*lane]struct{}{}}
		if target != nil {
			d.order = target.Order
		}
		d.ready = ranked[*seat]{less: (*seat).before, place: func(x *seat) *int { return &x.place }}
		d.lanes = ranked[*lane]{
			less:  func(a, b *lane) bool { return s.before(a.tasks.top(), b.tasks.top()) },
			place: func(x *lane) *int { return &x.place },
		}
		c.desks[k] = d
		for w := range c.members {
			s.sit(d, w)
			s.rank(w.seats[d])
		}
	}
	return d
}

func (s *State) sit(d *desk, w *worker) { w.seats[d] = &seat{w: w, d: d} }

// before ranks workers: by order_by, the idle before the busy, the longest idle first.
func (a *seat) before(b *seat) bool {
	for i := range a.keys {
		if a.keys[i] != b.keys[i] {
			return a.keys[i] < b.keys[i]
		}
	}
	if a.busy != b.busy {
		return b.busy
	}
	if a.since != b.since {
		return a.since < b.since
	}
	return a.w.ID < b.w.ID
}

// rank puts a worker's seat where it belongs now.
func (s *State) rank(x *seat) {
	w, d := x.w, x.d
	sl := w.slot(d.channel)
	x.busy, x.since = w.total > 0, w.Since
	if sl != nil && sl.Optimized {
		x.busy, x.since = sl.load > 0, sl.since
	}
	x.keys = x.keys[:0]
	for _, o := range d.order {
		x.keys = append(x.keys, sortKey(w, o))
	}
	if w.Available && sl != nil && sl.Available && sl.load < sl.Capacity && (s.multi || w.total == 0) {
		d.ready.put(x)
		s.retry(x)
	} else {
		d.ready.drop(x)
	}
	s.heat(d)
}

// sortKey is a number that sorts as the order asks; workers without the attribute come last either way.
func sortKey(w *worker, o Order) float64 {
	v, _ := w.lookup(o.Path)
	f, ok := v.(float64)
	switch {
	case !ok:
		return math.Inf(1)
	case o.Desc:
		return -f
	}
	return f
}

// touch ranks a worker anew at all of its desks.
func (s *State) touch(w *worker) {
	for _, x := range w.seats {
		s.rank(x)
	}
}

// heat keeps the desk in the heap of hot ones exactly while it has ready workers and open lanes.
func (s *State) heat(d *desk) {
	if d.ready.size() > 0 && d.lanes.size() > 0 {
		s.hot.put(d)
	} else {
		s.hot.drop(d)
	}
}

// retry opens the blocked lanes that a ready worker may take from.
func (s *State) retry(x *seat) {
	for l := range x.d.blocked {
		if s.admits(l, x.w) && !l.holds(x.w) {
			s.open(l)
		}
	}
	for l := range x.w.blocked {
		if l.d == x.d {
			s.open(l)
		}
	}
}

func (s *State) open(l *lane) {
	delete(l.d.blocked, l)
	if l.only != nil {
		delete(l.only.blocked, l)
	}
	l.blocked = false
	if l.tasks.size() > 0 {
		l.d.lanes.put(l)
	}
}

// block puts a lane aside until a worker becomes ready who may take from it.
func (s *State) block(l *lane) {
	l.blocked = true
	l.d.lanes.drop(l)
	if l.only != nil {
		l.only.blocked[l] = struct{}{}
	} else {
		l.d.blocked[l] = struct{}{}
	}
	s.heat(l.d)
}

// admits evaluates the lane's target expression for a worker, once for each state of the worker.
func (s *State) admits(l *lane, w *worker) bool {
	if l.only != nil && l.only != w {
		return false
	}
	if l.when == nil || l.tasks.size() == 0 {
		return true
	}
	if v, ok := l.verdicts[w]; ok && v.rev == w.rev && !l.dynamic {
		return v.ok
	}
	ok := l.when.Eval(&targetEnv{w: w, t: l.tasks.top(), now: s.now})
	l.verdicts[w] = verdict{w.rev, ok}
	return ok
}

// holds reports whether the worker already has the lane's single task.
func (l *lane) holds(w *worker) bool {
	return l.solo != 0 && l.tasks.size() > 0 && l.tasks.top().holdOf(w) != nil
}

// pick returns the best ready worker for the lane's first task, nil for none.
func (s *State) pick(l *lane) *seat {
	d := l.d
	if l.only != nil {
		x := l.only.seats[d]
		if x == nil || !d.ready.has(x) || l.holds(l.only) || !s.admits(l, l.only) {
			return nil
		}
		return x
	}
	if l.when == nil && l.solo == 0 {
		return d.ready.top()
	}
	if l.solo == 0 && s.admits(l, d.ready.top().w) {
		return d.ready.top()
	}
	var best *seat
	t := l.tasks.top()
	for _, x := range d.ready.items {
		if best != nil && !t.prefers(x, best) {
			continue
		}
		if !l.holds(x.w) && s.admits(l, x.w) {
			best = x
		}
	}
	return best
}

// prefers puts workers who have refused the task behind the others.
func (t *task) prefers(a, b *seat) bool {
	ra, rb := slices.Contains(t.refused, a.w.ID), slices.Contains(t.refused, b.w.ID)
	if ra != rb {
		return rb
	}
	return a.before(b)
}

// first is the task that a hot desk would give away next.
func (d *desk) first() *task { return d.lanes.top().tasks.top() }

// laneFor finds or makes the lane in which a task waits; lost is true when its target's known worker is nobody.
func (s *State) laneFor(t *task, q *queue) (l *lane, lost bool) {
	target := s.target(t)
	k := laneKey{queue: t.Queue}
	c := q.crew
	var only *worker
	if t.Worker != 0 {
		c, only = s.crew(everyone, nil), s.workers[t.Worker]
		if only == nil {
			return nil, false
		}
		target = nil
	} else if target != nil && target.hasKnown() {
		if only = s.knownWorker(target, t); only == nil {
			return nil, true
		}
	}
	if only != nil {
		k.only = only.ID
	}
	if target != nil {
		k.filter = target.bound(s.workflows[t.Workflow], t)
	}
	if len(t.holds) > 0 || len(t.refused) > 0 {
		k.solo = t.ID
	}
	d := s.deskFor(c, t.Channel, target)
	if l = d.all[k]; l == nil {
		l = &lane{laneKey: k, d: d, only: only}
		l.tasks = ranked[*task]{less: s.before, place: func(x *task) *int { return &x.place }}
		if target != nil && target.When != nil {
			l.when, l.dynamic, l.verdicts = target.When, target.dynamic, map[*worker]verdict{}
		}
		d.all[k] = l
	}
	return l, false
}
