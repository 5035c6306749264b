package engine

import (
	"strconv"
	"strings"
	"time"

	"usher/internal/studio/definition"
	"usher/internal/studio/template"
)

// render renders a text. A template that is broken, or cut, renders as nothing
// and leaves an error in the step.
func (r *run) render(text string) string {
	if !template.Has(text) {
		return text
	}
	t := r.def.Template(text)
	if t == nil {
		r.fault(CodeTemplate, "A template of the widget %q cannot be read", r.ex.Widget)
		return ""
	}
	out, err := t.Render(r.values, &r.budget)
	if err != nil {
		r.fault(CodeTemplate, "A template of the widget %q failed: %v", r.ex.Widget, err)
		return ""
	}
	return out
}

// text renders a property, without white space around.
func (r *run) text(s *definition.State, property string) string {
	return strings.TrimSpace(r.render(s.Text(property)))
}

// json renders a property that is a JSON document with templates in it. Each is
// rendered for itself, so that a quote in what a customer wrote cannot break the
// document; where the text is no document before it is rendered, as a whole.
func (r *run) json(text string) string {
	if out, ok := template.Document(text, r.render); ok {
		return out
	}
	return r.render(text)
}

// seconds renders a property that is a number of seconds.
func (r *run) seconds(s *definition.State, property string, otherwise int) time.Duration {
	const most = 366 * 24 * 3600
	n, err := strconv.ParseFloat(r.text(s, property), 64)
	if err != nil || n <= 0 {
		n = float64(otherwise)
	}
	return time.Duration(min(n, most) * float64(time.Second))
}

// number renders a property that is a whole number; what is none is 0.
func (r *run) number(s *definition.State, property string) int {
	n, err := strconv.ParseFloat(r.text(s, property), 64)
	if err != nil || n < 0 || n > 1<<31-1 {
		return 0
	}
	return int(n)
}
