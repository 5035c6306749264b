package template

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func vars() map[string]any {
	return map[string]any{
		"trigger": map[string]any{"message": map[string]any{
			"Body": "Hello <b>you</b>", "ChannelAttributes": map[string]any{"from": `Ada "the" Countess`, "n": 1000000},
		}},
		"flow": map[string]any{
			"variables": map[string]any{"count": "2", "empty": "", "big": float64(1234567.5), "whole": float64(7), "yes": true, "no": false},
			"data": map[string]any{
				"list": []any{"b", "a", "b"}, "rows": []any{map[string]any{"id": 1, "on": true}, map[string]any{"id": 2}},
			},
		},
		"widgets": map[string]map[string]any{
			"get-parts": {"parsed": map[string]any{"records": []any{map[string]any{"Id": "x1"}}, "total": int64(3)}},
		},
	}
}

func evaluate(text string) (string, error) {
	t, err := New().Compile(text)
	if err != nil {
		return "", err
	}
	return t.Render(vars(), &Budget{Work: MaxWork, Now: now})
}

func TestRender(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"plain", "plain"},
		{"{{trigger.message.Body}}!", "Hello <b>you</b>!"},
		{"{{ trigger.message.ChannelAttributes.from }}", `Ada "the" Countess`},
		{"{{trigger.message.ChannelAttributes.n}}", "1000000"},
		{"{{widgets.get-parts.parsed.records[0].Id}}/{{widgets.get-parts.parsed.total}}", "x1/3"},
		{`{{widgets["get-parts"].parsed.records.first.Id}}`, "x1"},
		{"[{{widgets.gone.inbound.Body}}{{nothing}}{{flow.variables.count.x}}]", "[]"},
		{"{{flow.variables.big}} {{flow.variables.whole}}", "1234567.5 7"},
		{"{{flow.data}}", `{"list":["b","a","b"],"rows":[{"id":1,"on":true},{"id":2}]}`},
		{"{{flow.data.rows}}", `{"id":1,"on":true}{"id":2}`},
		{"{{flow.data.rows | to_json}}", `[{"id":1,"on":true},{"id":2}]`},
		{"{{trigger.message.Body | to_json}}", `"Hello <b>you</b>"`},

		{"{%- if flow.variables.count -%}\n  {{flow.variables.count | plus: 1}}\n{%- else -%}\n  0\n{%- endif -%}", "3"},
		{"{%- if flow.variables.none -%}\n  1\n{%- else -%}\n  0\n{%- endif -%}", "0"},
		{"{% if flow.variables.count == '2' and flow.variables.yes %}a{% elsif true %}b{% else %}c{% endif %}", "a"},
		{"{% if flow.variables.no %}a{% elsif flow.variables.yes %}b{% else %}c{% endif %}", "b"},
		{"{% unless flow.variables.no %}a{% else %}b{% endunless %}", "a"},
		{"{% if flow.variables.empty == blank %}a{% endif %}{% if flow.variables.none == empty %}c{% endif %}", "ac"},
		{"{% if flow.variables.count != blank %}a{% endif %}", "a"},
		{"{% if trigger.message.Body contains 'Hello' %}a{% endif %}", "a"},
		{"{% if flow.data.list contains 'a' %}a{% endif %}{% if flow.data contains 'rows' %}b{% endif %}", "ab"},
		{"{% if widgets.get-parts.parsed.total > 2 %}a{% endif %}{% if widgets.get-parts.parsed.total >= 4 %}b{% endif %}", "a"},
		{"{% case flow.variables.count %}{% when '1' %}one{% when '2', '3' %}few{% else %}many{% endcase %}", "few"},
		{"{% case flow.variables.count %}{% when '1' or '2' %}low{% endcase %}", "low"},
		{"{% case flow.variables.none %}{% when 'x' %}x{% else %}other{% endcase %}", "other"},
		{"{% for x in flow.data.list %}{{forloop.index}}{{x}}{% unless forloop.last %},{% endunless %}{% endfor %}", "1b,2a,3b"},
		{"{% for r in flow.data.rows reversed %}{{r.id}}{% endfor %}", "21"},
		{"{% for i in (1..5) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{i}}{% endfor %}", "13"},
		{"{% for i in (1..9) limit:2 offset:3 %}{{i}}{% endfor %}", "45"},
		{"{% for i in none %}x{% else %}nobody{% endfor %}", "nobody"},
		{"{% for p in flow.data %}{{p[0]}} {% endfor %}", "list rows "},
		{"{% for a in (1..2) %}{% for b in (1..2) %}{{a}}{{b}}{{forloop.parentloop.index}} {% endfor %}{% endfor %}", "111 121 212 222 "},
		{"{% assign x = flow.variables.count | times: 4 %}{{x}}", "8"},
		{"{% capture x %}a{{flow.variables.count}}{% endcapture %}{{x}}{{x}}", "a2a2"},
		{"a{% comment %}b {{c}}{% endcomment %}d", "ad"},
		{"{% raw %}{{x}}{% endraw %}", "{{x}}"},
		{"{% increment n %}{% increment n %}{% decrement m %}", "01-1"},
	} {
		if got, err := evaluate(tt.text); got != tt.want || err != nil {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.text, got, err, tt.want)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"'a' | append: 'b' | prepend: 'c'", "cab"},
		{"'ÉA b' | capitalize", "Éa b"},
		{"'Ab' | downcase", "ab"},
		{"'Ab' | upcase", "AB"},
		{"'<a>' | escape", "&lt;a&gt;"},
		{"'&lt;a>' | escape_once", "&lt;a&gt;"},
		{"'  a ' | lstrip", "a "},
		{"'  a ' | rstrip", "  a"},
		{"'  a ' | strip", "a"},
		{"'abab' | remove: 'a'", "bb"},
		{"'abab' | remove_first: 'a'", "bab"},
		{"'abab' | replace: 'a', 'x'", "xbxb"},
		{"'abab' | replace_first: 'a', 'x'", "xbab"},
		{"'ab' | replace: '', 'x'", "ab"},
		{"'a,b,,' | split: ',' | join: '+'", "a+b"},
		{"'a  b' | split: ' ' | size", "2"},
		{"trigger.message.Body | strip_html", "Hello you"},
		{"'abcdefghij' | truncate: 6", "abc..."},
		{"'abc' | truncate: 6", "abc"},
		{"'äöüäöü' | truncate: 4, ''", "äöüä"},
		{"'a b c' | truncatewords: 2", "a b..."},
		{"'a b' | truncatewords: 2", "a b"},
		{"'a b&c' | url_encode", "a+b%26c"},
		{"'a+b%26c' | url_decode", "a b&c"},
		{"'3' | plus: '4'", "7"},
		{"'1.5' | plus: 1", "2.5"},
		{"none | plus: 1", "1"},
		{"'x' | plus: 1", "1"},
		{"1 | minus: 3", "-2"},
		{"999999 | times: 10", "9999990"},
		{"2147483647 | times: 2147483647", "4611686014132420609"},
		{"7 | divided_by: 2", "3"},
		{"7 | divided_by: 2.0", "3.5"},
		{"-7 | divided_by: 2", "-4"},
		{"'8' | divided_by: '2'", "4"},
		{"7 | modulo: 3", "1"},
		{"-1 | modulo: 3", "2"},
		{"1.2 | ceil", "2"},
		{"'1.8' | floor", "1"},
		{"1.45 | round: 1", "1.5"},
		{"1.5 | round", "2"},
		{"-3 | abs", "3"},
		{"3 | at_least: 5", "5"},
		{"3 | at_most: 2", "2"},
		{"none | default: 'x'", "x"},
		{"flow.variables.empty | default: 'x'", "x"},
		{"'a' | default: 'x'", "a"},
		{"0 | default: 5", "0"},
		{"flow.data.list | sort | join: ','", "a,b,b"},
		{"flow.data.list | uniq | join: ','", "b,a"},
		{"flow.data.list | reverse | first", "b"},
		{"flow.data.list | last", "b"},
		{"flow.data.list | size", "3"},
		{"flow.data.list | concat: flow.data.list | size", "6"},
		{"flow.data.rows | map: 'id' | join: '-'", "1-2"},
		{"flow.data.rows | where: 'on' | map: 'id' | join", "1"},
		{"flow.data.rows | where: 'id', 2 | size", "1"},
		{"flow.data.rows | map: 'on' | compact | size", "1"},
		{"'b,A,c' | split: ',' | sort_natural | join", "A b c"},
		{"'hello' | slice: 1, 3", "ell"},
		{"'hello' | slice: -2, 9", "lo"},
		{"flow.data.list | slice: 1, 2 | join", "a b"},
		{"'a' | slice: 9", ""},
		{"(1..3) | join: ','", "1,2,3"},
		{"'äö' | size", "2"},
		{"5 | size", "0"},
		{"'now' | date: '%Y-%m-%d %H:%M'", "2026-03-14 15:09"},
		{"'2024-02-29T10:00:00Z' | date: '%d.%m.%y'", "29.02.24"},
		{"1700000000 | date: '%Y'", "2023"},
		{"'1700000000' | date: '%Y'", "2023"},
		{"'soon' | date: '%Y'", "soon"},
		{"none | date: '%Y'", ""},
		{"'x' | newline_to_br", "x"},
		{"'x' | strip_newlines", "x"},
		{"'x' | json", `"x"`},
	} {
		if got, err := evaluate("{{ " + tt.text + " }}"); got != tt.want || err != nil {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.text, got, err, tt.want)
		}
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"{% if %}", "{% if x %}", "{{ x | nothing }}", "{% include '/etc/passwd' %}", "{% render 'x' %}", "{% tablerow x in y %}{% endtablerow %}",
		"{% endif %}", "{% for x %}{% endfor %}", "{% for i in (1..x) %}{% endfor %}", "{% nonsense %}", "{{ 1 | divided_by: 0 }}",
		"{{ 1 | modulo: 0 }}", "{{ '%zz' | url_decode }}", "{% break %}", "{{ 99999999999999999999 }}", "{% if x %}a{% else %}b{% else %}{% if %}{% endif %}{% endif %}",
		"{% assign x %}", "{% case %}{% when %}{% endcase %}", "{% for i in (1..2) %}{% else %}{% else %}{% endfor %}",
	} {
		if got, err := evaluate(text); err == nil {
			t.Errorf("%s: %q without an error", text, got)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has several lines: %v", text, err)
		}
	}
}

func TestRunaway(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("{% if true %}", MaxDepth+1) + strings.Repeat("{% endif %}", MaxDepth+1)
	double := "{% assign a = 'aaaaaaaaaaaaaaaa' %}" + strings.Repeat("{% assign a = a | append: a %}", 40)
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"long loop":       {"{% for i in (1..1000000000) %}{% endfor %}", ErrWork},
		"loops in loops":  {"{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}", ErrWork},
		"much output":     {"{% for i in (1..9000) %}0123456789{% endfor %}", ErrTooLong},
		"capture":         {"{% capture x %}{% for i in (1..9000) %}0123456789{% endfor %}{% endcapture %}", ErrTooLong},
		"doubled":         {double, ErrTooLong},
		"replace":         {"{% assign a = '" + strings.Repeat("a", 9000) + "' | replace: 'a', '0123456789' %}", ErrTooLong},
		"join":            {"{{ (1..9999) | join: '0123456789' }}", ErrTooLong},
		"a list too long": {"{{ (1..100000000) | join }}", ErrWork},
		"doubled list":    {"{% assign a = (1..999) %}" + strings.Repeat("{% assign a = a | concat: a %}", 40), ErrTooLong},
		"long searches": {
			"{% assign a = (1..9999) | join: ',' | split: ',' %}{% for i in (1..9999) %}{% if a contains 'x' %}{% endif %}{% endfor %}", ErrWork,
		},
		"deep": {deep, ErrDepth},
		"long": {"{{x}}" + strings.Repeat("a", MaxText), ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got, err := evaluate(tt.text)
			// On a machine that is busy with something else the net of time may be first.
			inTime := errors.Is(err, ErrWork) && time.Since(start) >= MaxTime
			if !errors.Is(err, tt.want) && !inTime || got != "" {
				t.Errorf("%.40q, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// TestBudget shows that the templates of one step share one budget, and that
// variables stay as they are.
func TestBudget(t *testing.T) {
	t.Parallel()
	tpl, err := New().Compile("{% for i in (1..100) %}{% assign flow = i %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	b, v := &Budget{Work: 900, Now: now}, vars()
	for i, want := range []error{nil, nil, ErrWork, ErrWork} {
		if _, err := tpl.Render(v, b); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
	}
	if diff := cmp.Diff(vars(), v); diff != "" {
		t.Error(diff)
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, want string
		ok         bool
	}{
		{`{"a": "b", "n": [1, "c\"\u00e4\\"], "o":{}}`, `{"<a>": "<b>", "n": [1, "<c\"ä\\>"], "o":{}}`, true},
		{`"x"`, `"<x>"`, true},
		{`7`, `7`, true},
		{`{"a": x}`, "", false},
		{``, "", false},
		{`"`, "", false},
		{`"\`, "", false},
		{`{"a": {{x}}, "b": {{y | z: "}"}}}`, `{"<a>": "<{{x}}>", "<b>": "<{{y | z: \"}\"}}>"}`, true},
		{`[{{1}},{{n}}]`, `["<{{1}}>",null]`, true},
		{`{{7}}`, `7`, true},
		{`{"a": {{x}`, "", false},
		{`"\u0000"`, "", false},
	} {
		got, ok := Document(tt.text, func(s string) string {
			switch s {
			case "n", "o":
				return s
			case "{{n}}":
				return " "
			case "{{7}}":
				return "7"
			}
			return "<" + s + ">"
		})
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %v, want %s, %v", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"{{a.b | plus: 1}}", "{% for i in (1..3) %}{{i}}{% endfor %}", "{%- if x -%}{% endif %}", "{{", "{%", "}}{{ x | date: '%Y' }}",
		"{% case x %}{% when 1 %}{% endcase %}", "{{ flow.data | to_json }}", "{{ flow.data.list | sort | slice: 1, 2 }}", `{"a":"{{x}}"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := evaluate(text)
		if len(out) > MaxText || err != nil && out != "" {
			t.Errorf("%q: %d bytes, %v", text, len(out), err)
		}
		if out, ok := Document(text, func(s string) string { return s }); ok && !json.Valid([]byte(out)) {
			t.Errorf("%q became %q", text, out)
		}
	})
}

func BenchmarkRender(b *testing.B) {
	for name, text := range map[string]string{
		"variable": "Hello {{trigger.message.ChannelAttributes.from}}, you said {{trigger.message.Body}}",
		"filter":   "{%- if flow.variables.count -%}\n  {{flow.variables.count | plus: 1}}\n{%- else -%}\n  0\n{%- endif -%}",
	} {
		tpl, err := New().Compile(text)
		if err != nil {
			b.Fatal(err)
		}
		v := vars()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tpl.Render(v, &Budget{Work: MaxWork, Now: now}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
