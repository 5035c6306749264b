package route

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"usher/internal/expr"
)

// TaskEnv is what a filter's expression sees: the task's attributes at the root (and under task.), and the clock.
type TaskEnv struct {
	Attributes map[string]any
	Now        int64 // µs
}

// Lookup finds an attribute of the task or a value of the clock.
func (e TaskEnv) Lookup(path []string) (any, bool) {
	switch path[0] {
	case "taskrouter":
		return clock(path[1:], e.Now)
	case "task":
		if v, ok := expr.Walk(e.Attributes, path[1:]); ok && len(path) > 1 {
			return v, true
		}
	}
	return expr.Walk(e.Attributes, path)
}

// clock gives expressions the time of day in UTC, under the names that the wire documents for time-based routing.
func clock(path []string, now int64) (any, bool) {
	if len(path) != 1 {
		return nil, false
	}
	t := time.UnixMicro(now).UTC()
	switch path[0] {
	case "currentTime":
		return float64(t.Hour()*100 + t.Minute()), true
	case "currentHour":
		return float64(t.Hour()), true
	case "currentMin", "currentMinute":
		return float64(t.Minute()), true
	case "dayOfWeek":
		return t.Weekday().String()[:3], true
	}
	return nil, false
}

// WorkerEnv is what a queue's expression sees: a worker's fields and attributes at the root.
type WorkerEnv struct{ Worker *Worker }

// Lookup finds a field of the worker, then an attribute.
func (e WorkerEnv) Lookup(path []string) (any, bool) { return e.Worker.lookup(path) }

func (w *Worker) lookup(path []string) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	if len(path) == 1 {
		switch path[0] {
		case "sid":
			return w.SID, true
		case "friendly_name":
			return w.Name, true
		case "activity_sid":
			return w.ActivitySID, true
		case "activity_name":
			return w.ActivityName, true
		}
	}
	return expr.Walk(w.Attributes, path)
}

// targetEnv is what a target's expression sees: worker. and task., everything else is missing.
type targetEnv struct {
	w   *worker
	t   *task
	now int64
}

// Lookup finds a value by its full name.
func (e *targetEnv) Lookup(path []string) (any, bool) {
	switch path[0] {
	case "worker":
		if len(path) == 4 && path[1] == "channel" {
			if v, ok := e.w.channel(path[2], path[3]); ok {
				return v, true
			}
		}
		return e.w.lookup(path[1:])
	case "task":
		return expr.Walk(e.t.Attributes, path[1:])
	case "taskrouter":
		return clock(path[1:], e.now)
	}
	return nil, false
}

// channel answers worker.channel.NAME.FIELD, which changes with every reservation.
func (w *worker) channel(name, field string) (any, bool) {
	for i := range w.slots {
		s := &w.slots[i]
		if s.Name != name {
			continue
		}
		switch field {
		case "assigned_tasks":
			return float64(s.load), true
		case "configured_capacity":
			return float64(s.Capacity), true
		case "available":
			return s.Available, true
		case "available_capacity_percentage":
			return float64(Percentage(s.Capacity, s.load)), true
		}
	}
	return nil, false
}

// Percentage is how much of a channel's capacity is free, in whole percent.
func Percentage(capacity, load int) int {
	if capacity <= 0 || load >= capacity {
		return 0
	}
	return 100 * (capacity - load) / capacity
}

// skipEnv is what skip_if sees: workers.available, workers.unavailable and workers.WA…, counted over the workers who
// could get the task, besides task. and the clock.
type skipEnv struct {
	s *State
	t *task
}

// Lookup counts workers when the expression asks for them.
func (e *skipEnv) Lookup(path []string) (any, bool) {
	if path[0] != "workers" || len(path) != 2 {
		return TaskEnv{Attributes: e.t.Attributes, Now: e.s.now}.Lookup(path)
	}
	n := 0
	for w := range e.s.mayTake(e.t) {
		switch path[1] {
		case "available":
			if w.Available {
				n++
			}
		case "unavailable":
			if !w.Available {
				n++
			}
		default:
			if w.ActivitySID == path[1] {
				n++
			}
		}
	}
	return float64(n), true
}

// bound is the part of a lane's key that stands for the target's expression with this task's values in it: tasks with
// the same values may share the verdicts on workers.
func (t *Target) bound(wf *Workflow, tk *task) string {
	if t.When == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(strconv.FormatInt(wf.ID, 36) + "." + strconv.FormatInt(wf.Version, 36) + "." + t.key)
	for _, name := range t.names {
		v, _ := expr.Walk(tk.Attributes, name)
		text, _ := json.Marshal(v) // decoded JSON; cannot fail
		b.WriteByte(0)
		b.Write(text)
	}
	return b.String()
}

// knownWorker finds the only worker who may take the task; nil when the target names nobody of this workspace.
func (s *State) knownWorker(t *Target, tk *task) *worker {
	ref := t.known
	if t.knownPath != nil {
		v, _ := expr.Walk(tk.Attributes, t.knownPath)
		ref, _ = v.(string)
	}
	if t.knownByName {
		return s.byName[strings.ToLower(ref)]
	}
	return s.bySID[ref]
}
