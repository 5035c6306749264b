package engine

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"usher/internal/fault"
	"usher/internal/studio/definition"
	"usher/internal/studio/template"
)

// Limits of an execution.
const (
	MaxAlone   = 1000    // transitions in a row without a person doing anything
	MaxCount   = 10_000  // transitions altogether
	MaxContext = 1 << 20 // bytes of the context, roughly
)

// Codes of errors, from the original's dictionary.
const (
	CodeSteps     = 81000 // more than MaxCount transitions
	CodeLoop      = 81001 // more than MaxAlone transitions
	CodeEvent     = 81002 // a widget that cannot go on
	CodeSend      = 81011
	CodeTask      = 81015
	CodeHTTP      = 81016
	CodeFunction  = 81017
	CodeTemplate  = 81018
	CodeTrigger   = 81020
	CodeSubflow   = 81024
	CodeValueType = 81027
)

// guardTime is when an effect that has no time limit of its own counts as
// failed, so that nothing waits forever for an answer that was lost.
const guardTime = 15 * time.Minute

// run is one call of Step.
type run struct {
	def     *definition.Definition
	ex      Execution
	now     time.Time
	effects []Effect
	steps   []StepRecord
	values  map[string]any // what templates see
	budget  template.Budget
	grown   int // bytes written to the context since they were last counted

	code    int // of the error of the present widget, 0 without one
	problem string
}

// outcome is how a widget is left. No event means that it waits.
type outcome struct {
	event string
	next  string // where to, when chosen
	chose bool
	stop  bool // the execution ends here, whatever the transitions say
}

func leave(event string) outcome { return outcome{event: event} }

// waiting is the outcome of a widget that has set a wait, and of an input that
// does not end one.
var waiting = outcome{}

// Step runs an execution on from what happened until it waits or ends. An input
// that it does not wait for changes nothing and returns no records: a message
// while it waits for something else, an answer with an old token, a Timeout
// before its time, and anything after the end. See Takes.
func Step(def *definition.Definition, ex Execution, in Input, now time.Time) (out Execution, effects []Effect, steps []StepRecord) {
	if def == nil || !Takes(ex, in, now) {
		return ex, nil, nil
	}
	r := &run{def: def, ex: ex, now: now, budget: template.Budget{Work: template.MaxWork, Now: now}}
	r.clone()
	defer func() {
		if p := recover(); p != nil {
			// A widget met what its author did not think of. The contact must not stay stuck in it.
			r.fault(CodeEvent, "The widget failed: %v", p)
			r.end("failed", r.ex.Widget)
			out, effects, steps = r.ex, r.effects, r.steps
		}
	}()
	r.enter(in)
	return r.ex, r.effects, r.steps
}

// Takes says whether Step does anything with the input.
func Takes(ex Execution, in Input, now time.Time) bool {
	if start, ok := in.(Start); ok {
		return !ex.Ended && ex.Widget == "" && start.Trigger != ""
	}
	w := ex.Wait
	if ex.Ended || w == nil {
		return false
	}
	switch in := in.(type) {
	case Message:
		return w.For == ForMessage || w.For == ForReturn
	case Timeout:
		return !w.Until.IsZero() && !now.Before(w.Until)
	case Sent:
		return in.Token == w.Token && (w.For == ForSent || w.For == ForMessage)
	case HTTPDone:
		return in.Token == w.Token && w.For == ForHTTP
	case TaskDone:
		return in.Token == w.Token && w.For == ForTask
	case SubflowDone:
		return in.Token == w.Token && w.For == ForSubflow
	case Returned:
		return in.Token == w.Token && w.For == ForTwiML
	case Consulted:
		return in.Token == w.Token && w.For == ForAnswer
	}
	return false
}

// clone copies what Step may change, and makes what templates see of it.
// Values inside are replaced, never changed.
func (r *run) clone() {
	c := &r.ex.Context
	c.Trigger = copied(c.Trigger)
	c.Variables = copied(c.Variables)
	c.Data = copied(c.Data)
	widgets := make(map[string]map[string]any, len(c.Widgets)+1)
	maps.Copy(widgets, c.Widgets)
	c.Widgets = widgets
	r.values = r.ex.Values()
}

func copied(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return maps.Clone(m)
}

// enter handles the input and runs on.
func (r *run) enter(in Input) {
	switch in.(type) {
	case Start:
		r.ex.Widget = r.def.InitialState
		r.ex.Alone = 0
	case Message, TaskDone, Returned:
		r.ex.Alone = 0 // a person did something
	}
	s, ok := r.def.State(r.ex.Widget)
	if !ok {
		r.fault(CodeEvent, "The widget %q is not in the flow any more", r.ex.Widget)
		r.end("failed", r.ex.Widget)
		return
	}
	o := widgets[s.Type].resume(r, s, in)
	for r.move(s, o) {
		s, _ = r.def.State(r.ex.Widget) // Parse has checked that it exists
		r.code, r.problem = 0, ""
		o = widgets[s.Type].enter(r, s)
	}
}

// move records how a widget was left and goes to the next. It returns false when
// the execution waits or has ended.
func (r *run) move(s *definition.State, o outcome) bool {
	if r.grown > 0 && (r.grown > MaxContext/4 || o.event == "") && size(r.ex.Context) > MaxContext {
		r.fault(CodeEvent, "The execution keeps more than %d KB", MaxContext>>10)
		o.event, o.stop = "failed", true
	}
	if o.event == "" {
		return false
	}
	r.ex.Wait = nil
	next := o.next
	if !o.chose {
		next = s.Next(o.event)
	}
	switch {
	case next == "" || o.stop:
		r.end(o.event, s.Name)
		return false
	case r.ex.Count >= MaxCount:
		r.fault(CodeSteps, "")
		r.end(o.event, s.Name)
		return false
	case r.ex.Alone >= MaxAlone:
		r.fault(CodeLoop, "")
		r.end(o.event, s.Name)
		return false
	}
	r.record(o.event, s.Name, next)
	r.ex.Widget = next
	return true
}

func (r *run) record(event, from, to string) {
	r.ex.Count++
	r.ex.Alone++
	r.steps = append(r.steps, StepRecord{
		Name: event, From: from, To: to, Context: maps.Clone(r.ex.Context.Widgets[from]), Code: r.code, Error: r.problem,
	})
}

// end ends the execution. Where the last widget failed, that is the reason.
func (r *run) end(event, from string) {
	if r.ex.Ended {
		return
	}
	r.record(event, from, definition.Ended)
	r.ex.Ended, r.ex.Reason, r.ex.Wait = true, r.problem, nil
	r.effects = append(r.effects, End{r.ex.Reason})
}

// fault notes an error of the present widget; the first counts. No format is the
// catalogue's text.
func (r *run) fault(code int, format string, args ...any) {
	if r.code != 0 && format != "" {
		return
	}
	r.code, r.problem = code, fault.New(code, "").Message
	if format != "" {
		r.problem = fmt.Sprintf(format, args...)
	}
}

// wait makes the execution wait in a widget and returns the token of the wait.
// No duration is no limit.
func (r *run) wait(s *definition.State, kind Kind, d time.Duration) string {
	w := &Wait{Widget: s.Name, For: kind, Token: string(r.ex.SID) + "." + strconv.Itoa(r.ex.Count)}
	if d > 0 {
		w.Until = r.now.Add(d)
	}
	r.ex.Wait = w
	return w.Token
}

// do adds an effect.
func (r *run) do(e Effect) outcome {
	r.effects = append(r.effects, e)
	return waiting
}

// put sets what a widget leaves in the context.
func (r *run) put(s *definition.State, values map[string]any) {
	r.grown += size(values)
	r.ex.Context.Widgets[s.Name] = values
}
