package definition

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flow is a definition with a trigger that leads to the first of these states.
func flow(states ...string) string {
	next := ""
	if len(states) > 0 {
		var s struct{ Name string }
		_ = json.Unmarshal([]byte(states[0]), &s) // a broken state leads nowhere
		if s.Name != "" {
			next = fmt.Sprintf(`,"next":%q`, s.Name)
		}
	}
	trigger := `{"name":"Trigger","type":"trigger","transitions":[{"event":"incomingMessage"` + next + `}],"properties":{}}`
	return `{"states":[` + strings.Join(append([]string{trigger}, states...), ",") + `],"initial_state":"Trigger"}`
}

func state(name, typ, properties string, transitions ...string) string {
	return fmt.Sprintf(`{"name":%q,"type":%q,"properties":%s,"transitions":[%s]}`, name, typ, properties, strings.Join(transitions, ","))
}

func TestProblems(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxWidgets)
	for i := range many {
		many[i] = state(fmt.Sprint("s", i), "set-variables", "{}")
	}
	condition := func(c string) string {
		return flow(state("s", "split-based-on", `{"input":"x"}`, `{"event":"noMatch"}`, `{"event":"match","conditions":[`+c+`]}`))
	}
	for name, tt := range map[string]struct {
		text string
		want []string // pointer and code
	}{
		"nothing":        {"", []string{" 81022"}},
		"no JSON":        {"{", []string{" 81022"}},
		"a list":         {"[]", []string{" 81022"}},
		"null":           {"null", []string{" 81022"}},
		"too long":       {`{"description":"` + strings.Repeat("x", MaxBytes) + `"}`, []string{" 81022"}},
		"too deep":       {strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), []string{" 81022"}},
		"empty":          {"{}", []string{"/states 81022"}},
		"states no list": {`{"states":{}}`, []string{"/states 81022"}},
		"no widgets":     {`{"states":[]}`, []string{"/initial_state 81020"}},
		"state null":     {`{"states":[null]}`, []string{"/states/0 81022"}},
		"state no object": {
			`{"states":["x"],"initial_state":"x"}`, []string{"/states/0 81022"},
		},
		"too many": {flow(many...), []string{"/states 81025"}},
		"no initial state": {
			`{"states":[{"name":"Trigger","type":"trigger"}]}`, []string{"/initial_state 81020"},
		},
		"initial state unknown": {
			`{"states":[{"name":"Trigger","type":"trigger"}],"initial_state":"x"}`, []string{"/initial_state 81020"},
		},
		"initial state no trigger": {
			`{"states":[{"name":"x","type":"set-variables"}],"initial_state":"x"}`, []string{"/initial_state 81020"},
		},
		"no name":    {flow(`{"type":"set-variables"}`), []string{"/states/1/name 81022"}},
		"name Ended": {flow(state("Ended", "set-variables", "{}")), []string{"/states/0/transitions/0/next 81022", "/states/1/name 81022"}},
		"name twice": {flow(state("a", "set-variables", "{}"), state("a", "set-variables", "{}")), []string{"/states/2/name 81022"}},
		"no type":    {flow(`{"name":"a"}`), []string{"/states/1/type 81027"}},
		"type":       {flow(state("a", "send-pigeon", "{}")), []string{"/states/1/type 81027"}},
		"next": {
			flow(state("a", "set-variables", "{}", `{"event":"next","next":"b"}`)), []string{"/states/1/transitions/0/next 81022"},
		},
		"no event":    {flow(state("a", "set-variables", "{}", `{}`)), []string{"/states/1/transitions/0/event 81022"}},
		"name a list": {flow(`{"name":[],"type":"set-variables"}`), []string{"/states/1/name 81022"}},
		"properties": {
			flow(state("a", "send-message", "{}"), state("b", "send-and-wait-for-reply", `{"body":"x","from":"y","timeout":null}`)),
			[]string{
				"/states/1/properties/body 81022", "/states/1/properties/from 81022", "/states/1/properties/to 81022",
				"/states/2/properties/timeout 81022",
			},
		},
		"properties a list":  {flow(state("a", "set-variables", "[]")), []string{"/states/1/properties 81022"}},
		"revision":           {flow(state("a", "run-subflow", `{"flow_sid":"FW","flow_revision":"newest"}`)), []string{"/states/1/properties/flow_revision 81021"}},
		"revision 0":         {flow(state("a", "run-subflow", `{"flow_sid":"FW","flow_revision":0}`)), []string{"/states/1/properties/flow_revision 81021"}},
		"no revision":        {flow(state("a", "run-subflow", `{"flow_sid":"FW"}`)), []string{"/states/1/properties/flow_revision 81022"}},
		"operator":           {condition(`{"type":"resembles","arguments":["x"],"value":"y"}`), []string{"/states/1/transitions/1/conditions/0/type 81022"}},
		"no condition":       {condition(""), []string{"/states/1/transitions/1/conditions 81022"}},
		"regular expression": {condition(`{"type":"regex","arguments":["x"],"value":"("}`), []string{"/states/1/transitions/1/conditions/0/value 81022"}},
		"argument":           {condition(`{"type":"equal_to","arguments":[{}],"value":"("}`), []string{"/states/1/transitions/1/conditions/0/arguments/0 81022"}},
		"old type": {
			`{"states":[{"name":"T","type":"InitialState"},{"name":"a","type":"Pigeon"}]}`, []string{"/states/1/type 81027"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, problems := Parse([]byte(tt.text))
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprint(p.Pointer, " ", p.Code))
				if p.Message == "" || strings.Contains(p.Message, "attributes") {
					t.Errorf("message %q", p.Message)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" || d != nil {
				t.Error(diff, problems)
			}
		})
	}
}

func TestManyProblems(t *testing.T) {
	t.Parallel()
	bad := make([]string, 500)
	for i := range bad {
		bad[i] = state(fmt.Sprint("s", i), "x", "{}")
	}
	if _, problems := Parse([]byte(flow(bad...))); len(problems) != maxProblems {
		t.Errorf("%d problems, want %d", len(problems), maxProblems)
	}
}

// TestLenient holds what exports in the wild have and what Parse takes.
func TestLenient(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"least":               `{"states":[{"name":"T","type":"trigger"}],"initial_state":"T"}`,
		"byte order mark":     "\xef\xbb\xbf" + `{"states":[{"name":"T","type":"trigger"}],"initial_state":"T"}`,
		"nulls":               `{"description":null,"flags":null,"states":[{"name":"T","type":"trigger","properties":null,"transitions":null}],"initial_state":"T"}`,
		"next null":           flow(state("a", "set-variables", "{}", `{"event":"next","next":null,"conditions":null}`)),
		"next empty":          flow(state("a", "set-variables", "{}", `{"event":"next","next":"","conditions":[]}`)),
		"unknown everything":  flow(state("a", "set-variables", `{"later":[{"x":1}]}`, `{"event":"new","uuid":"x"}`)),
		"timeout a number":    flow(state("a", "send-and-wait-for-reply", `{"body":"","from":"","timeout":3600}`)),
		"empty texts":         flow(state("a", "run-function", `{"url":""}`)),
		"condition no value":  flow(state("a", "split-based-on", `{"input":""}`, `{"event":"match","conditions":[{"type":"is_blank"}]}`)),
		"template in regex":   flow(state("a", "split-based-on", `{"input":""}`, `{"event":"match","conditions":[{"type":"regex","value":"({{x}}"}]}`)),
		"broken template":     flow(state("a", "set-variables", `{"variables":[{"key":"a","value":"{% if %}"}]}`)),
		"content template":    flow(state("a", "send-message", `{"content_sid":"HX","from":"","to":""}`)),
		"leads to itself":     flow(state("a", "set-variables", `{}`, `{"event":"next","next":"a"}`)),
		"nobody leads to it":  flow(state("a", "set-variables", `{}`), state("b", "set-variables", `{}`)),
		"widgets for calls":   flow(state("a", "say-play", `{"say":"x"}`), state("b", "capture-payments", `{}`)),
		"name with a hyphen":  flow(state("get-datetime-parts", "set-variables", `{}`)),
		"revision a template": flow(state("a", "run-subflow", `{"flow_sid":"FW","flow_revision":"{{x}}"}`)),
		"revision a number":   flow(state("a", "run-subflow", `{"flow_sid":"FW","flow_revision":7}`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, problems := Parse([]byte(text))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			// What the API shows reads the same again.
			raw, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			again, problems := Parse(raw)
			if len(problems) > 0 {
				t.Fatal(problems, string(raw))
			}
			second, _ := json.Marshal(again) // the same type has just been marshaled
			if diff := cmp.Diff(string(raw), string(second)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	d, problems := Parse([]byte(flow(state("a", "set-variables",
		`{"t":"x {{y}}","n":1.50,"b":true,"z":null,"l":[],"json":"{\"k {{k}}\": {{v}}}",
		  "variables":[{"key":"a","value":"{{b}}","parse_as_json":"true"},{"key":"c","value":5},{"key":"d","value":false},"x",{"key":"e","value":"1","type":"string"}]}`,
		`{"event":"next","next":"Trigger"}`, `{"event":"next"}`))))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s, ok := d.State("a")
	if !ok {
		t.Fatal("no state")
	}
	if _, ok := d.State("b"); ok {
		t.Error("a state that does not exist")
	}
	got := []string{s.Text("t"), s.Text("n"), s.Text("b"), s.Text("z"), s.Text("l"), s.Text("none"), s.Next("next"), s.Next("other")}
	if diff := cmp.Diff([]string{"x {{y}}", "1.50", "true", "", "", "", "Trigger", ""}, got); diff != "" {
		t.Error(diff)
	}
	want := []Pair{
		{Key: "a", Value: "{{b}}", JSON: true},
		{Key: "c", Value: "5", Type: "number"},
		{Key: "d", Value: "false", Type: "boolean"},
		{Key: "e", Value: "1", Type: "string"},
	}
	if diff := cmp.Diff(want, s.Pairs("variables")); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]bool{"x {{y}}": true, "{{b}}": true, "k {{k}}": true, "{{v}}": true, "plain": false, "{{none}}": false} {
		if got := d.Template(text) != nil; got != want {
			t.Errorf("template of %q: %v, want %v", text, got, want)
		}
	}
	if KindOf("say-play") != Voice || KindOf("trigger") != Messaging || KindOf("send-to-auto-pilot") != Retired || KindOf("x") != 0 {
		t.Error("kinds")
	}
}

const oldFormat = `{"description":"old","states":[
 {"name":"Trigger","type":"InitialState","sid":"FF1","properties":{"flow_url":"https://x","offset":{"x":0,"y":0}},
  "transitions":[{"event":"incomingMessage","conditions":[],"next":"FF2","uuid":"u"},{"event":"incomingCall","conditions":[],"next":null}]},
 {"name":"Ask","type":"MessagePrompt","sid":"FF2","properties":{"body":"?","from":"f","timeout":60,"save_response_as":null},
  "transitions":[{"event":"incomingMessage","next":"FF3"}]},
 {"name":"Split","type":"Branch","sid":"FF3","properties":{"input":"{{x}}"},
  "transitions":[{"event":"match","next":"FF4","conditions":[{"friendly_name":"f","type":"contains","arguments":["{{x}}"],"value":"y"}]}]},
 {"name":"Agent","type":"SendToFlex","sid":"FF4","properties":{"workflow":"WW","channel":"TC","attributes":"{}","priority":5,"timeout":null},"transitions":[]},
 {"name":"Again","type":"MessagePrompt","sid":"FF5","properties":{"body":"?","from":"f","timeout":null},"transitions":[]},
 {"name":"Keys","type":"Gather","sid":"FF6","properties":{"timeout":5},"transitions":[{"event":"keypress","next":"Ask"}]}]}`

func TestOldFormat(t *testing.T) {
	t.Parallel()
	d, problems := Parse([]byte(oldFormat))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"description":"old","states":[` +
		`{"name":"Trigger","type":"trigger","transitions":[{"event":"incomingMessage","next":"Ask"},{"event":"incomingCall"}],"properties":{"offset":{"x":0,"y":0}}},` +
		`{"name":"Ask","type":"send-and-wait-for-reply","transitions":[{"event":"incomingMessage","next":"Split"}],"properties":{"body":"?","from":"f","timeout":"60"}},` +
		`{"name":"Split","type":"split-based-on","transitions":[{"event":"match","next":"Agent","conditions":[{"friendly_name":"f","arguments":["{{x}}"],"type":"contains","value":"y"}]}],"properties":{"input":"{{x}}"}},` +
		`{"name":"Agent","type":"send-to-flex","transitions":[],"properties":{"attributes":"{}","channel":"TC","priority":"5","workflow":"WW"}},` +
		`{"name":"Again","type":"send-and-wait-for-reply","transitions":[],"properties":{"body":"?","from":"f","timeout":"3600"}},` +
		`{"name":"Keys","type":"gather-input-on-call","transitions":[{"event":"keypress","next":"Ask"}],"properties":{"timeout":5}}],` +
		`"initial_state":"Trigger","flags":{"allow_concurrent_calls":false}}`
	if diff := cmp.Diff(want, string(got)); diff != "" || !d.Converted {
		t.Error(diff, d.Converted)
	}
}

// TestCorpus reads the flows of a folder of real exports, named by USHER_CORPUS.
// Files with "invalid" in their name are to be refused.
func TestCorpus(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("USHER_CORPUS")
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if folder == "" || err != nil || len(files) == 0 {
		t.Skip("USHER_CORPUS names no folder with flows")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := Parse(raw)
			if refused := strings.Contains(file, "invalid"); refused != (len(problems) > 0) {
				t.Error(problems)
			}
		})
	}
	// Single widgets, whose transitions lead to widgets that are not there.
	widgets, err := filepath.Glob(filepath.Join(folder, "widgets", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range widgets {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := Parse([]byte(flow(string(raw))))
			for _, p := range problems {
				if !strings.HasSuffix(p.Pointer, "/next") && !strings.HasSuffix(p.Pointer, "/1/name") {
					t.Error(p)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(oldFormat))
	f.Add([]byte(flow(state("a", "split-based-on", `{"input":"x"}`, `{"event":"match","conditions":[{"type":"equal_to","value":"{{x}}"}]}`))))
	f.Add([]byte(`{"states":[{"name":"T","type":"trigger"}],"initial_state":"T"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, problems := Parse(raw)
		if (d == nil) != (len(problems) > 0) {
			t.Fatal("a definition with problems, or neither")
		}
		if d == nil {
			return
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := Parse(text); len(problems) > 0 && len(text) <= MaxBytes {
			t.Errorf("%s: %v", text, problems)
		}
	})
}
