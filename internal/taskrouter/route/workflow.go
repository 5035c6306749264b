package route

import (
	"errors"
	"strconv"
	"strings"

	"usher/internal/expr"
)

// Limits of a workflow configuration. The wire documents 86,400 s for reservations and priorities up to 2^31-1; the
// same are used for targets.
const (
	maxPriority = 1<<31 - 1
	maxTimeout  = 14 * 24 * 3600
	maxFilters  = 1000
	maxTargets  = 200
)

// Unset stands for "the target does not say".
const Unset = -1

// DefaultFilter is the index of the default filter in a task's position.
const DefaultFilter = -1

// Workflow is a parsed configuration. It is not changed after Compile and may be shared.
type Workflow struct {
	ID, Version int64
	Reservation int64 // reservation timeout, µs
	Filters     []Filter
	Default     *Filter
	needsTask   bool
}

// Filter is one rule of a workflow: the tasks it takes and where they go, target by target.
type Filter struct {
	Name    string
	When    *expr.Expr // nil takes every task
	Targets []Target
}

// Target is one step of a filter.
type Target struct {
	Queue       int64
	Priority    int64 // Unset keeps the task's
	Timeout     int64 // µs; 0 waits until the task's own end
	When        *expr.Expr
	Skip        *expr.Expr
	Order       []Order
	order       string   // canonical text of Order
	known       string   // SID or friendly name of the only worker who may take the task
	knownPath   []string // or where in the task's attributes it is
	knownByName bool
	key         string // unique in the workflow and across workflows
	names       [][]string
	dynamic     bool // looks at what changes with every reservation
}

// Order is one key of order_by: a number of the worker's attributes.
type Order struct {
	Path []string
	Desc bool
}

// Queues finds the queue that a configuration names, by SID or by friendly name.
type Queues func(ref string) (id int64, ok bool)

// Compile parses a configuration. Errors are *Mistake: not JSON, a missing part, a value of a wrong type, an unknown
// queue or a bad expression, each with its place.
//
// Besides the documented form it takes what stored configurations are known to hold: friendly_name for
// filter_friendly_name, task_queue_sid for queue, numbers in quotes, empty targets, and a queue right in the filter.
func Compile(src string, queues Queues) (*Workflow, error) {
	root, err := document(src)
	if err != nil {
		return nil, err
	}
	if root.kind != '{' {
		return nil, root.fail("expected an object with task_routing")
	}
	routing := root.member("task_routing")
	if routing == nil {
		return nil, root.fail("task_routing is missing")
	}
	if routing.kind != '{' {
		return nil, routing.fail("expected an object")
	}
	filters, err := routing.list("filters")
	if err != nil {
		return nil, err
	}
	if len(filters) > maxFilters {
		return nil, routing.member("filters").fail("more than %d filters", maxFilters)
	}
	w := &Workflow{Reservation: 120 * second}
	for _, n := range filters {
		f, err := compileFilter(n, queues)
		if err != nil {
			return nil, err
		}
		w.Filters = append(w.Filters, f)
	}
	if d := routing.member("default_filter"); d != nil {
		f, err := compileFilter(d, queues)
		if err != nil {
			return nil, err
		}
		if len(f.Targets) == 0 {
			return nil, d.fail("default_filter names no queue")
		}
		f.When, w.Default = nil, &f
	}
	w.finish()
	return w, nil
}

const second = 1_000_000

func compileFilter(n *node, queues Queues) (f Filter, err error) {
	if n.kind != '{' {
		return f, n.fail("expected an object")
	}
	if f.Name, _, err = n.text("filter_friendly_name", "friendly_name"); err != nil {
		return f, err
	}
	if f.When, err = n.expression("expression"); err != nil {
		return f, err
	}
	targets, err := n.list("targets")
	if err != nil {
		return f, err
	}
	if len(targets) > maxTargets {
		return f, n.member("targets").fail("more than %d targets", maxTargets)
	}
	if len(targets) == 0 && n.member("queue", "task_queue_sid") != nil {
		targets = []*node{n.direct()}
	}
	queue := int64(0)
	for _, tn := range targets {
		t, err := compileTarget(tn, queues, queue)
		if err != nil {
			return f, err
		}
		queue = t.Queue
		f.Targets = append(f.Targets, t)
	}
	return f, nil
}

// direct makes a target of a filter that names its queue itself, as default_filter does. The filter's own
// expression chose the task; it is not a choice of workers.
func (n *node) direct() *node {
	t := *n
	t.members = make(map[string]*node, len(n.members))
	for k, v := range n.members {
		if k != "expression" {
			t.members[k] = v
		}
	}
	return &t
}

func compileTarget(n *node, queues Queues, previous int64) (t Target, err error) {
	if n.kind != '{' {
		return t, n.fail("expected an object")
	}
	ref, at, err := n.text("queue", "task_queue_sid")
	if err != nil {
		return t, err
	}
	t.Queue = previous
	if ref != "" {
		id, ok := queues(ref)
		if !ok {
			return t, at.fail("queue %q does not exist in this workspace", ref)
		}
		t.Queue = id
	}
	if t.Queue == 0 {
		return t, n.fail("the first target must name a queue")
	}
	if t.Priority, err = n.optional("priority", maxPriority, Unset); err != nil {
		return t, err
	}
	if t.Timeout, err = n.optional("timeout", maxTimeout, 0); err != nil {
		return t, err
	}
	t.Timeout *= second
	if t.When, err = n.expression("expression"); err != nil {
		return t, err
	}
	if t.Skip, err = n.expression("skip_if"); err != nil {
		return t, err
	}
	if err = t.readOrder(n); err != nil {
		return t, err
	}
	return t, t.readKnown(n)
}

// readKnown reads the known worker: a value, or "task." and the attribute that holds it.
func (t *Target) readKnown(n *node) error {
	known, at, err := n.text("known_worker_sid")
	if err == nil && known == "" {
		known, at, err = n.text("known_worker_friendly_name")
		t.knownByName = true
	}
	if path, ok := strings.CutPrefix(known, "task."); ok && err == nil {
		ref, bad := expr.ParseRef(path)
		if bad != nil {
			return at.fail("%q is not the name of a task attribute", known)
		}
		t.knownPath = ref.Path()
	} else {
		t.known = known
	}
	return err
}

// hasKnown reports whether the target is for one worker alone.
func (t *Target) hasKnown() bool { return t.known != "" || t.knownPath != nil }

func (n *node) optional(name string, most, absent int64) (int64, error) {
	v, ok, err := n.number(name, 0, most)
	if !ok {
		v = absent
	}
	return v, err
}

// expression parses a member; an empty one counts as absent.
func (n *node) expression(name string) (*expr.Expr, error) {
	src, at, err := n.text(name)
	if err != nil || strings.TrimSpace(src) == "" {
		return nil, err
	}
	e, err := expr.Parse(src)
	if err == nil {
		return e, nil
	}
	var syntax *expr.SyntaxError
	if errors.As(err, &syntax) {
		return nil, at.fail("invalid expression: %s, character %d", err.Error(), syntax.Offset)
	}
	return nil, at.fail("invalid expression: %s", err.Error())
}

// readOrder parses order_by: names of worker attributes, each with ASC (the default) or DESC, separated by commas.
func (t *Target) readOrder(n *node) error {
	src, at, err := n.text("order_by")
	if err != nil || strings.TrimSpace(src) == "" {
		return err
	}
	for _, part := range strings.Split(src, ",") {
		words := strings.Fields(part)
		o := Order{}
		switch {
		case len(words) == 2 && strings.EqualFold(words[1], "DESC"):
			o.Desc = true
		case len(words) == 1, len(words) == 2 && strings.EqualFold(words[1], "ASC"):
		default:
			return at.fail("order_by must be worker attributes with ASC or DESC, separated by commas")
		}
		ref, err := expr.ParseRef(strings.TrimPrefix(words[0], "worker."))
		if err != nil {
			return at.fail("order_by: %q is not the name of an attribute", words[0])
		}
		o.Path = ref.Path()
		t.Order = append(t.Order, o)
		t.order += strings.Join(o.Path, ".") + "\x00" + strconv.FormatBool(o.Desc) + "\x00"
	}
	return nil
}

// finish gives every target its key and finds out whether routing needs the task's attributes later.
func (w *Workflow) finish() {
	for i := DefaultFilter; i < len(w.Filters); i++ {
		f := w.Filter(i)
		if f == nil {
			continue
		}
		for j := range f.Targets {
			t := &f.Targets[j]
			t.key = strconv.Itoa(i) + "." + strconv.Itoa(j)
			for _, e := range []*expr.Expr{t.When, t.Skip} {
				if e == nil {
					continue
				}
				for _, name := range e.Names() {
					t.note(name)
				}
			}
			w.needsTask = w.needsTask || len(t.names) > 0 || t.knownPath != nil
		}
	}
}

func (t *Target) note(name []string) {
	switch {
	case len(name) > 1 && name[0] == "task":
		t.names = append(t.names, name[1:])
	case len(name) > 1 && name[0] == "worker" && name[1] == "channel", name[0] == "taskrouter":
		t.dynamic = true
	}
}

// NeedsTask reports whether routing looks at task attributes after the filter was chosen. Without it a task's
// attributes need not be kept.
func (w *Workflow) NeedsTask() bool { return w.needsTask }

// Match returns the index of the first filter that takes a task with these attributes: DefaultFilter for the default
// one, ok false for none.
func (w *Workflow) Match(env expr.Env) (filter int, ok bool) {
	for i, f := range w.Filters {
		if len(f.Targets) > 0 && (f.When == nil || f.When.Eval(env)) {
			return i, true
		}
	}
	return DefaultFilter, w.Default != nil
}

// Filter returns a filter by its index; nil when the configuration has changed and has no such filter.
func (w *Workflow) Filter(i int) *Filter {
	switch {
	case i == DefaultFilter:
		return w.Default
	case i >= 0 && i < len(w.Filters):
		return &w.Filters[i]
	}
	return nil
}

// Uses reports whether a target of the workflow names the queue.
func (w *Workflow) Uses(queue int64) bool {
	for i := DefaultFilter; i < len(w.Filters); i++ {
		f := w.Filter(i)
		if f == nil {
			continue
		}
		for j := range f.Targets {
			if f.Targets[j].Queue == queue {
				return true
			}
		}
	}
	return false
}
