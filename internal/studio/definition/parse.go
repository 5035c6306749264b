package definition

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"usher/internal/attr"
	"usher/internal/studio/template"
)

// maxProblems bounds what Parse reports of one definition.
const maxProblems = 100

// parser collects problems while it reads.
type parser struct {
	problems []Problem
}

func (p *parser) add(code int, pointer, format string, args ...any) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, Problem{pointer, code, fmt.Sprintf(format, args...)})
	}
}

// Parse reads and checks a definition. Without problems the definition is not
// nil and may be run; with problems it is nil.
func Parse(raw []byte) (*Definition, []Problem) {
	p := new(parser)
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // editors put one in front of exports
	doc, err := attr.Parse(string(raw), MaxBytes)
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		if err == nil {
			err = attr.ErrNotJSON
		}
		p.add(CodeInvalid, "", "The definition cannot be read: %s", strings.Replace(err.Error(), "attributes", "it", 1))
		return nil, p.problems
	}
	d := p.read(doc)
	if len(p.problems) == 0 {
		p.convert(d)
	}
	if len(p.problems) == 0 {
		p.check(d.Definition)
	}
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	d.compile()
	return d.Definition, nil
}

// document is a definition while it is read: states of the old format have SIDs.
type document struct {
	*Definition
	sids []string // by state
}

func (p *parser) read(raw json.RawMessage) document {
	top := p.object(raw, "")
	d := document{Definition: &Definition{
		Description:  p.text(top["description"], "/description"),
		InitialState: p.text(top["initial_state"], "/initial_state"),
	}}
	if flags := p.object(top["flags"], "/flags"); flags != nil {
		d.Flags.AllowConcurrentCalls = p.text(flags["allow_concurrent_calls"], "/flags/allow_concurrent_calls") == "true"
	}
	states, ok := top["states"]
	if !ok || isNull(states) {
		p.add(CodeInvalid, "/states", "The definition has no states")
		return d
	}
	list := p.array(states, "/states")
	if len(list) > MaxWidgets {
		p.add(CodeTooMany, "/states", "The flow has %d widgets; at most %d are allowed", len(list), MaxWidgets)
		return d
	}
	for i, raw := range list {
		at := "/states/" + strconv.Itoa(i)
		state, sid := p.state(raw, at)
		d.States = append(d.States, state)
		d.sids = append(d.sids, sid)
	}
	return d
}

func (p *parser) state(raw json.RawMessage, at string) (s State, sid string) {
	m := p.object(raw, at)
	s = State{Name: p.text(m["name"], at+"/name"), Type: p.text(m["type"], at+"/type"), Transitions: []Transition{}}
	sid = p.text(m["sid"], at+"/sid")
	for i, raw := range p.array(m["transitions"], at+"/transitions") {
		s.Transitions = append(s.Transitions, p.transition(raw, at+"/transitions/"+strconv.Itoa(i)))
	}
	s.Properties = m["properties"]
	if len(s.Properties) == 0 || isNull(s.Properties) {
		s.Properties = json.RawMessage(attr.Empty)
	}
	p.object(s.Properties, at+"/properties")
	return s, sid
}

func (p *parser) transition(raw json.RawMessage, at string) Transition {
	m := p.object(raw, at)
	t := Transition{Event: p.text(m["event"], at+"/event"), Next: p.text(m["next"], at+"/next")}
	for i, raw := range p.array(m["conditions"], at+"/conditions") {
		at := at + "/conditions/" + strconv.Itoa(i)
		m := p.object(raw, at)
		c := Condition{
			FriendlyName: p.text(m["friendly_name"], at+"/friendly_name"), Arguments: []string{},
			Type: p.text(m["type"], at+"/type"), Value: p.text(m["value"], at+"/value"),
		}
		for j, raw := range p.array(m["arguments"], at+"/arguments") {
			c.Arguments = append(c.Arguments, p.text(raw, at+"/arguments/"+strconv.Itoa(j)))
		}
		t.Conditions = append(t.Conditions, c)
	}
	return t
}

// object reads a JSON object; missing and null are none.
func (p *parser) object(raw json.RawMessage, at string) map[string]json.RawMessage {
	if len(raw) == 0 || isNull(raw) && strings.Count(at, "/") == 1 {
		return nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || m == nil {
		p.add(CodeInvalid, at, "%s must be an object", at)
	}
	return m
}

// array reads a JSON array; missing and null are empty.
func (p *parser) array(raw json.RawMessage, at string) []json.RawMessage {
	var list []json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &list) != nil {
		p.add(CodeInvalid, at, "%s must be a list", at)
	}
	return list
}

// text reads a text; numbers and booleans count as their text, missing and null as "".
func (p *parser) text(raw json.RawMessage, at string) string {
	if len(raw) == 0 || isNull(raw) {
		return ""
	}
	v, err := decode(raw)
	switch v.(type) {
	case string, json.Number, bool:
		return scalar(v)
	}
	if err != nil || v != nil {
		p.add(CodeInvalid, at, "%s must be a text", at)
	}
	return ""
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// decode decodes JSON with numbers as they are written.
func decode(raw json.RawMessage) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// check checks what has been read and indexes the names.
func (p *parser) check(d *Definition) {
	d.names = make(map[string]int, len(d.States))
	for i := range d.States {
		s := &d.States[i]
		at := "/states/" + strconv.Itoa(i)
		first, double := d.names[s.Name]
		switch {
		case s.Name == "":
			p.add(CodeInvalid, at+"/name", "The widget has no name")
		case s.Name == Ended:
			p.add(CodeInvalid, at+"/name", "%q is where every flow ends; no widget may have this name", s.Name)
		case double:
			p.add(CodeInvalid, at+"/name", "The name %q is taken by /states/%d", s.Name, first)
		default:
			d.names[s.Name] = i
		}
	}
	for i := range d.States {
		p.checkState(d, &d.States[i], "/states/"+strconv.Itoa(i))
	}
	switch s, ok := d.State(d.InitialState); {
	case d.InitialState == "":
		p.add(CodeTrigger, "/initial_state", "The definition does not say which widget it begins with")
	case !ok:
		p.add(CodeTrigger, "/initial_state", "The initial state %q is no widget of the flow", d.InitialState)
	case s.Type != "trigger":
		p.add(CodeTrigger, "/initial_state", "The initial state %q is a %s; it must be a trigger", d.InitialState, s.Type)
	}
}

func (p *parser) checkState(d *Definition, s *State, at string) {
	if s.props == nil {
		v, _ := decode(s.Properties)
		s.props, _ = v.(map[string]any)
	}
	spec, known := specs[s.Type]
	if !known {
		p.add(CodeWidgetType, at+"/type", "%q is no known type of widget", s.Type)
	}
	for _, names := range spec.required {
		if !slices.ContainsFunc(strings.Split(names, "|"), func(name string) bool { return s.props[name] != nil }) {
			name, _, _ := strings.Cut(names, "|")
			p.add(CodeInvalid, at+"/properties/"+name, "The widget %q (%s) needs the property %q", s.Name, s.Type, name)
		}
	}
	if s.Type == "run-subflow" {
		p.checkRevision(s, at)
	}
	for i, t := range s.Transitions {
		at := at + "/transitions/" + strconv.Itoa(i)
		if t.Event == "" {
			p.add(CodeInvalid, at+"/event", "The transition names no event")
		}
		if _, ok := d.names[t.Next]; t.Next != "" && !ok {
			p.add(CodeInvalid, at+"/next", "The widget %q leads to %q, which is no widget of the flow", s.Name, t.Next)
		}
		if s.Type == "split-based-on" {
			p.checkConditions(t, at)
		}
	}
}

func (p *parser) checkRevision(s *State, at string) {
	revision := s.Text("flow_revision")
	n, err := strconv.Atoi(revision)
	if (err != nil || n < 1) && revision != "LatestPublished" && revision != "LatestRevision" && !template.Has(revision) && s.props["flow_revision"] != nil {
		p.add(CodeRevision, at+"/properties/flow_revision",
			"The revision %q is neither a number nor LatestPublished or LatestRevision", revision)
	}
}

func (p *parser) checkConditions(t Transition, at string) {
	if t.Event == "match" && len(t.Conditions) == 0 {
		p.add(CodeInvalid, at+"/conditions", "A match needs a condition")
	}
	for i, c := range t.Conditions {
		at := at + "/conditions/" + strconv.Itoa(i)
		if _, ok := operators[c.Type]; !ok {
			p.add(CodeInvalid, at+"/type", "%q is no known operator", c.Type)
		}
		if c.Type == "regex" && !template.Has(c.Value) {
			if _, err := regexp.Compile(c.Value); err != nil {
				p.add(CodeInvalid, at+"/value", "The regular expression cannot be read: %s", err)
			}
		}
	}
}

// compile compiles every text that holds a template. A broken one renders as
// nothing when its widget runs, as in the original: it is no mistake here.
func (d *Definition) compile() {
	d.texts = make(map[string]*template.Template)
	c := template.New()
	for i := range d.States {
		s := &d.States[i]
		d.compileValue(c, s.props)
		for _, t := range s.Transitions {
			for _, condition := range t.Conditions {
				d.compileValue(c, condition.Value)
				for _, a := range condition.Arguments {
					d.compileValue(c, a)
				}
			}
		}
	}
}

func (d *Definition) compileValue(c *template.Compiler, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, v := range v {
			d.compileValue(c, v)
		}
	case []any:
		for _, v := range v {
			d.compileValue(c, v)
		}
	case string:
		if !template.Has(v) || d.texts[v] != nil {
			return
		}
		if t, err := c.Compile(v); err == nil {
			d.texts[v] = t
		}
		// The parts of a JSON document are rendered one by one.
		template.Document(v, func(s string) string {
			if s != v {
				d.compileValue(c, s)
			}
			return s
		})
	}
}
