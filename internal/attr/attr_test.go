package attr_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/attr"
)

func TestParse(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	tests := []struct {
		name, in string
		limit    int
		want     string
		err      error
		text     string // part of the message
	}{
		{name: "empty is an empty object", in: "", want: "{}"},
		{name: "compact, order and numbers kept", in: " { \"b\" : 1.50, \"a\":[ 1 , 2 ] } ", want: `{"b":1.50,"a":[1,2]}`},
		{name: "markup is not escaped", in: `{"a":"<b>&"}`, want: `{"a":"<b>&"}`},
		{name: "exactly as long as allowed", in: `{"a":1}`, limit: 7, want: `{"a":1}`},
		{name: "one too long", in: `{"a":12}`, limit: 7, err: attr.ErrTooLong, text: "8 bytes, at most 7"},
		{name: "broken", in: `{"a":}`, err: attr.ErrNotJSON, text: "offset 6"},
		{name: "two values", in: `{} {}`, err: attr.ErrNotJSON},
		{name: "cut short", in: `{"a":1`, err: attr.ErrNotJSON},
		{name: "not UTF-8", in: "{\"a\":\"\xff\"}", err: attr.ErrNotJSON, text: "offset 6"},
		{name: "replacement character itself is fine", in: `{"a":"` + "\uFFFD" + `"}`, want: `{"a":"` + "\uFFFD" + `"}`},
		{name: "array", in: `[1]`, err: attr.ErrNotObject},
		{name: "string", in: `"x"`, err: attr.ErrNotObject},
		{name: "null", in: `null`, err: attr.ErrNotObject},
		{name: "as deep as allowed", in: deep(attr.MaxDepth), want: deep(attr.MaxDepth)},
		{name: "too deep", in: deep(attr.MaxDepth + 1), err: attr.ErrNotJSON, text: "deeper than 64"},
		{name: "brackets in strings do not nest", in: `{"a":"` + strings.Repeat(`[{\"`, 99) + `"}`, want: `{"a":"` + strings.Repeat(`[{\"`, 99) + `"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := attr.Parse(tt.in, tt.limit)
			if !errors.Is(err, tt.err) || string(got) != tt.want {
				t.Fatalf("Parse = %s, %v; want %s, %v", got, err, tt.want, tt.err)
			}
			if tt.text != "" && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("message %q lacks %q", err, tt.text)
			}
		})
	}
	if got, err := attr.ParseValue(`[1, "a"]`, 0); err != nil || string(got) != `[1,"a"]` {
		t.Errorf("ParseValue = %s, %v", got, err)
	}
}

func TestMergeAndWithout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, old string
		set       map[string]any
		want      string
	}{
		{"into nothing", "", map[string]any{"b": 1, "a": "x"}, `{"a":"x","b":1}`},
		{"keeps order and spelling", `{"z":1.0,"y":[1, 2]}`, map[string]any{"y": true}, `{"z":1.0,"y":true}`},
		{"nil is null", `{"a":1}`, map[string]any{"a": nil}, `{"a":null}`},
		{"first level only", `{"a":{"b":1}}`, map[string]any{"a": map[string]any{"c": 2}}, `{"a":{"c":2}}`},
		{"a key twice: last value", `{"a":1,"b":2,"a":3}`, nil, `{"a":3,"b":2}`},
		{"markup", `{}`, map[string]any{"<k>": "a&b"}, `{"<k>":"a&b"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := attr.Merge(json.RawMessage(tt.old), tt.set)
			if err != nil || string(got) != tt.want {
				t.Errorf("Merge = %s, %v; want %s", got, err, tt.want)
			}
		})
	}
	if _, err := attr.Merge(json.RawMessage(`[1]`), nil); !errors.Is(err, attr.ErrNotObject) {
		t.Errorf("Merge into an array: %v", err)
	}
	if _, err := attr.Merge(json.RawMessage(`{`), nil); !errors.Is(err, attr.ErrNotJSON) {
		t.Errorf("Merge into broken text: %v", err)
	}
	if _, err := attr.Merge(nil, map[string]any{"f": func() {}}); err == nil {
		t.Error("Merge of a function must fail")
	}
	got, err := attr.Without(json.RawMessage(`{"a":1,"b":2,"c":3}`), "b", "x")
	if err != nil || string(got) != `{"a":1,"c":3}` {
		t.Errorf("Without = %s, %v", got, err)
	}
}

func TestGetters(t *testing.T) {
	t.Parallel()
	m := json.RawMessage(`{"s":"x","o":{"s":"y","t":true,"f":"true","n":7},"a":["q"]}`)
	if got := attr.String(m, "s"); got != "x" {
		t.Errorf("s = %q", got)
	}
	if got := attr.String(m, "o", "s"); got != "y" {
		t.Errorf("o.s = %q", got)
	}
	for _, path := range [][]string{{"o", "n"}, {"missing"}, {"a", "0"}, {"s", "s"}, {"o"}, {}} {
		if got := attr.String(m, path...); got != "" {
			t.Errorf("String(%v) = %q", path, got)
		}
	}
	if !attr.Bool(m, "o", "t") || !attr.Bool(m, "o", "f") || attr.Bool(m, "o", "n") || attr.Bool(nil, "x") {
		t.Error("Bool")
	}
	want := map[string]any{"s": "x", "a": []any{"q"}, "o": map[string]any{"s": "y", "t": true, "f": "true", "n": 7.0}}
	if diff := cmp.Diff(want, attr.Map(m)); diff != "" {
		t.Error(diff)
	}
	wide := map[string]any{"s": "x", "n": nil, "a": []any{nil, 2.0}}
	if diff := cmp.Diff(wide, attr.Map(json.RawMessage(`{"s":"x","n":1e999,"a":[-1e999,2]}`))); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "null", "[1]", "{"} {
		if got := attr.Map(json.RawMessage(bad)); got == nil || len(got) != 0 {
			t.Errorf("Map(%q) = %v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "{}", `{"a":[1,{"b":"\\\""}]}`, `[`, "\xff", `{"a":1}x`, `{"é":"\u0000"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := attr.Parse(s, 1<<16)
		if err != nil {
			return
		}
		if !json.Valid(got) || got[0] != '{' {
			t.Fatalf("Parse(%q) = %q", s, got)
		}
		again, err := attr.Parse(string(got), 0)
		if err != nil || string(again) != string(got) {
			t.Fatalf("not stable: %q then %q, %v", got, again, err)
		}
		merged, err := attr.Merge(got, map[string]any{"k": 1})
		if err != nil || !json.Valid(merged) || attr.Map(merged)["k"] != 1.0 {
			t.Fatalf("Merge(%q) = %q, %v", got, merged, err)
		}
	})
}
