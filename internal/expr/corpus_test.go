package expr_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/internal/expr"
)

// TestCorpus parses the expressions of real workflow documents, from a folder
// named by USHER_CORPUS that holds workflows/*.json. They are other people's
// texts, so they are not kept here.
func TestCorpus(t *testing.T) {
	t.Parallel()
	root := os.Getenv("USHER_CORPUS")
	if root == "" {
		t.Skip("USHER_CORPUS is not set")
	}
	files, err := filepath.Glob(filepath.Join(root, "workflows", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows in %s: %v", root, err)
	}
	count := 0
	check := func(where, text string) {
		if text == "" || strings.Contains(text, "${") {
			return // templates that a program fills in first
		}
		count++
		e, err := expr.Parse(text)
		if err != nil {
			t.Errorf("%s: %q: %v", where, text, err)
			return
		}
		e.Eval(expr.Vars{})
		if again, err := expr.Parse(e.String()); err != nil || again.String() != e.String() {
			t.Errorf("%s: %q prints as %q: %v", where, text, e, err)
		}
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if json.Unmarshal(raw, &doc) != nil {
			continue // the corpus has broken documents on purpose
		}
		eachExpression(doc, func(text string) { check(filepath.Base(file), text) })
	}
	table, err := os.ReadFile(filepath.Join(root, "workflows", "EXPRESSIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " `") || strings.Contains(cells[2], "known_worker") {
			continue
		}
		check("EXPRESSIONS.md", strings.Trim(strings.TrimSpace(cells[1]), "`"))
	}
	t.Logf("%d expressions", count)
	if count < 50 {
		t.Errorf("only %d expressions found", count)
	}
}

func eachExpression(v any, fn func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if text, ok := value.(string); ok && (key == "expression" || key == "skip_if") {
				fn(text)
				continue
			}
			eachExpression(value, fn)
		}
	case []any:
		for _, item := range v {
			eachExpression(item, fn)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`1==1`, `a.b[0] == 'x' AND (c HAS "y" OR d NOT IN [1, 2.5, true, null])`, `my-key == 1`, `((((`, `'\'`,
		`a CONTAINS 'ü'`, `x<=-1`, `a IN ['b',]`, `NOT`, `a..b == 1`, `1e5 == 1`, "\x00", `a[99999999999999999999] == 1`,
	} {
		f.Add(s)
	}
	env := vars(f)
	f.Fuzz(func(t *testing.T, s string) {
		e, err := expr.Parse(s)
		if err != nil {
			syn, ok := err.(*expr.SyntaxError)
			if !ok || syn.Offset < 0 || syn.Offset > len(s) || syn.Expecting == "" || syn.Error() == "" {
				t.Fatalf("Parse(%q) = %#v", s, err)
			}
			return
		}
		printed := e.String()
		again, err := expr.Parse(printed)
		if err != nil {
			if len(printed) > expr.MaxLength {
				return // the one spelling may be longer than the given one
			}
			t.Fatalf("%q prints as %q: %v", s, printed, err)
		}
		if again.String() != printed || again.Eval(env) != e.Eval(env) || len(again.Names()) != len(e.Names()) {
			t.Fatalf("%q prints as %q, which reads back as %q", s, printed, again)
		}
	})
}

func FuzzEval(f *testing.F) {
	f.Add(`a HAS b`, `{"a":[1],"b":1}`)
	f.Add(`a.b[0].c != null`, `{"a":{"b":[{"c":{}}]}}`)
	f.Add(`a CONTAINS b AND a < b`, `{"a":"x","b":[[]]}`)
	f.Fuzz(func(t *testing.T, text, doc string) {
		e, err := expr.Parse(text)
		if err != nil {
			return
		}
		var v expr.Vars
		if json.Unmarshal([]byte(doc), &v) != nil {
			return
		}
		if first := e.Eval(v); first != e.Eval(v) {
			t.Fatal("not stable")
		}
	})
}

const hot = `(worker.skills HAS task.wants OR worker.skills HAS 'all') AND worker.score >= 3 AND worker.sid NOT IN task.wanted`

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := expr.Parse(hot); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	env := vars(b)
	e, err := expr.Parse(hot)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !e.Eval(env) {
			b.Fatal("must hold")
		}
	}
}
