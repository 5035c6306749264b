package engine

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"usher/internal/studio/definition"
)

// setVariables sets flow.variables, one after the other: a later one sees those
// before it.
func setVariables(r *run, s *definition.State) outcome {
	for _, p := range s.Pairs("variables") {
		if p.Key == "" {
			continue
		}
		v := r.typed(p)
		r.grown += 4 + len(p.Key) + size(v)
		r.ex.Context.Variables[p.Key] = v
		if r.grown > MaxContext && size(r.ex.Context) > MaxContext {
			break // the end follows
		}
	}
	return leave("next")
}

// pairs renders a property such as "parameters".
func (r *run) pairs(s *definition.State, property string) map[string]any {
	out := make(map[string]any)
	for _, p := range s.Pairs(property) {
		if p.Key != "" {
			out[p.Key] = r.typed(p)
		}
	}
	return out
}

// typed renders a value and makes of it what its type says. What it cannot be
// stays a text, with an error in the step.
func (r *run) typed(p definition.Pair) any {
	if p.JSON {
		text := r.json(p.Value)
		v, ok := parseJSON(text)
		if !ok && text != "" {
			r.fault(CodeValueType, "The value of %q is no JSON document", p.Key)
			return text
		}
		return v
	}
	text := r.render(p.Value)
	switch p.Type {
	case "number", "integer":
		t := strings.TrimSpace(text)
		if n, err := strconv.Atoi(t); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(t, 64); err == nil && json.Valid([]byte(t)) {
			return f
		}
		r.fault(CodeValueType, "The value of %q is no number", p.Key)
	case "boolean":
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true":
			return true
		case "false":
			return false
		}
		r.fault(CodeValueType, "The value of %q is neither true nor false", p.Key)
	}
	return text
}

// toJSON is a value as JSON, without escapes for HTML.
func toJSON(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
