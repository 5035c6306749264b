// Package definition reads and checks the definition of a flow: the JSON
// document that the original's editor exports and its API takes. A definition
// that Parse accepts can be run; a refused one comes with the place of every
// mistake as a JSON pointer.
//
// Reading is lenient where exports in the wild are: a missing description or
// flags, "next" null or absent, numbers and booleans as text and text as
// numbers, properties that nobody knows. Exports of the old format (types such
// as "MessagePrompt", "next" with the SID of a state) are converted.
package definition

import (
	"encoding/json"

	"usher/internal/studio/template"
)

// Limits of a definition.
const (
	MaxBytes   = 1 << 20 // the text of a definition
	MaxWidgets = 2000    // states of one flow, as the original (81025)
)

// Codes of problems, from the original's dictionary.
const (
	CodeInvalid    = 81022 // the definition is not valid
	CodeTooMany    = 81025 // more widgets than allowed
	CodeTrigger    = 81020 // no usable trigger
	CodeRevision   = 81021 // a subflow's revision is neither a number nor a known word
	CodeWidgetType = 81027 // the type of a widget is unknown
)

// Ended is what the original shows as the place after the last widget, hence
// no widget's name.
const Ended = "Ended"

// Definition is a flow that may be run. It is read only: any number of
// executions share one.
type Definition struct {
	Description  string  `json:"description"`
	States       []State `json:"states"`
	InitialState string  `json:"initial_state"`
	Flags        Flags   `json:"flags"`
	// Converted says that the text was in the old format. The JSON of this
	// value is then the definition in the present one.
	Converted bool `json:"-"`

	names map[string]int
	texts map[string]*template.Template
}

// Flags are the switches of a flow.
type Flags struct {
	AllowConcurrentCalls bool `json:"allow_concurrent_calls"`
}

// State is one widget of a flow.
type State struct {
	Name        string          `json:"name"`
	Type        string          `json:"type"` // such as "send-message"
	Transitions []Transition    `json:"transitions"`
	Properties  json.RawMessage `json:"properties"` // an object, kept as it came

	props map[string]any
}

// Transition says where an execution goes on an event. No Next ends it.
type Transition struct {
	Event      string      `json:"event"`
	Next       string      `json:"next,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition is a test of a split. Arguments and Value may hold templates.
type Condition struct {
	FriendlyName string   `json:"friendly_name"`
	Arguments    []string `json:"arguments"`
	Type         string   `json:"type"` // one of the 17 operators, such as "equal_to"
	Value        string   `json:"value"`
}

// Problem is a mistake in a definition.
type Problem struct {
	Pointer string `json:"pointer"` // RFC 6901, such as "/states/3/transitions/0/next"; "" is the whole
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Pair is an entry of a property such as "variables" or "parameters".
type Pair struct {
	Key, Value string
	Type       string // of set-variables: "", "string", "number", "boolean" …
	JSON       bool   // parse_as_json: the value is a JSON document
}

// State returns the widget of that name.
func (d *Definition) State(name string) (*State, bool) {
	i, ok := d.names[name]
	if !ok {
		return nil, false
	}
	return &d.States[i], true
}

// Template returns a text of the definition as Parse compiled it, or nil when
// it holds no template or is no text of this definition.
func (d *Definition) Template(text string) *template.Template { return d.texts[text] }

// Next returns the name of the state that follows on an event, "" at the end.
// Where an event stands more than once, the first counts.
func (s *State) Next(event string) string {
	for _, t := range s.Transitions {
		if t.Event == event {
			return t.Next
		}
	}
	return ""
}

// Text returns a property as text: numbers and booleans in their JSON form,
// "" for what is missing, null, a list or an object.
func (s *State) Text(property string) string { return scalar(s.props[property]) }

// Pairs returns the entries of a property such as "variables".
func (s *State) Pairs(property string) []Pair {
	list, _ := s.props[property].([]any)
	pairs := make([]Pair, 0, len(list))
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			continue
		}
		pair := Pair{
			Key: scalar(m["key"]), Value: scalar(m["value"]), Type: scalar(m["type"]),
			JSON: scalar(m["parse_as_json"]) == "true",
		}
		switch m["value"].(type) { // a value without quotes is what it looks like
		case json.Number:
			pair.Type = "number"
		case bool:
			pair.Type = "boolean"
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}
