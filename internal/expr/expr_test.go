package expr_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/expr"
)

// world is what the tables evaluate against: the attributes of a worker and a
// task as they come out of JSON.
const world = `{
	"type": "refund", "level": 7, "ratio": 0.5, "vip": true, "off": false, "none": null,
	"empty": "", "list": ["en", "fr", 3, true, null], "nothing": [], "no-name": 1,
	"deep": {"er": {"in": "here", "list": [["a", "b"], {"k": "v"}]}},
	"worker": {"sid": "WK1", "contact_uri": "client:ada", "skills": ["tax", "law"], "score": 3},
	"task": {"wants": "tax", "wanted": ["WK2", "WK3"], "score": 3, "target": "client:ada"},
	"taskrouter": {"dayOfWeek": "Mon", "currentHour": 14, "currentTime": 1430},
	"Ünïcode_1": "ja"
}`

func vars(t testing.TB) expr.Vars {
	t.Helper()
	var v expr.Vars
	if err := json.Unmarshal([]byte(world), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEval(t *testing.T) {
	t.Parallel()
	env := vars(t)
	tests := []struct {
		text string
		want bool
	}{
		// constants on both sides
		{`1 == 1`, true},
		{`1==0`, false},
		{`0 != 1`, true},
		{`"a" != 'b'`, true},
		{`1.0 == 1`, true},
		{`3.10 == 3.1`, true},
		{`true == true`, true},
		{`true == false`, false},
		{`null == null`, true},
		{`TRUE == True`, true},
		{`-1 < 0`, true},
		{`+2 > -2.5`, true},
		{`'' == ""`, true},
		// references
		{`type == 'refund'`, true},
		{`'refund' == type`, true},
		{`type == "Refund"`, false},
		{`level >= 7`, true},
		{`level > 7`, false},
		{`level < 7.5`, true},
		{`level <= 6`, false},
		{`7 <= level`, true},
		{`ratio < 1`, true},
		{`vip == true`, true},
		{`off != true`, true},
		{`deep.er.in == 'here'`, true},
		{`deep.er.list[0][1] == 'b'`, true},
		{`deep.er.list[1].k == 'v'`, true},
		{`list[0] == 'en'`, true},
		{`Ünïcode_1 == 'ja'`, true},
		{`taskrouter.dayOfWeek IN ['Mon', 'Tue'] AND taskrouter.currentHour >= 9`, true},
		// what is missing is null
		{`missing == null`, true},
		{`missing != null`, false},
		{`none == null`, true},
		{`type != null`, true},
		{`missing == 'x'`, false},
		{`missing != 'x'`, true},
		{`missing == missing2`, true},
		{`missing < 1`, false},
		{`missing >= null`, false},
		{`list[9] == null`, true},
		{`list[99999999999999999999] == null`, true},
		{`type.sub == null`, true},
		{`deep.er != null`, true},
		{`deep.er == null`, false},
		{`deep == deep`, false},
		{`missing == false`, false},
		{`missing == ''`, false},
		{`missing == 0`, false},
		// different types
		{`level == '7'`, false},
		{`level != '7'`, true},
		{`'7' < 8`, false},
		{`'7' > 6`, false},
		{`true == 1`, false},
		{`true > false`, false},
		{`'b' > 'a'`, true},
		{`'B' > 'a'`, false},
		{`'a' <= 'a'`, true},
		// CONTAINS
		{`type CONTAINS 'fun'`, true},
		{`type contains 'x'`, false},
		{`type CONTAINS ''`, true},
		{`'a7b' CONTAINS level`, true},
		{`level CONTAINS 7`, true},
		{`'is true' CONTAINS vip`, true},
		{`missing CONTAINS 'a'`, false},
		{`type CONTAINS missing`, false},
		{`list CONTAINS 'en'`, false},
		{`type CONTAINS list`, false},
		{`deep CONTAINS 'x'`, false},
		// scalar operators on lists are false, whatever they say
		{`list == list`, false},
		{`list != 'en'`, false},
		{`list > 1`, false},
		{`'en' == ['en']`, false},
		{`nothing == null`, false},
		{`nothing != null`, false},
		// array operators
		{`list HAS 'fr'`, true},
		{`list has "de"`, false},
		{`list HAS 3`, true},
		{`list HAS '3'`, false},
		{`list HAS true`, true},
		{`list HAS null`, true},
		{`list HAS missing`, true},
		{`nothing HAS null`, false},
		{`list HAS list`, false},
		{`['a', 'b'] HAS 'a'`, true},
		{`"skills" HAS "tax"`, false},
		{`level HAS 7`, false},
		{`missing HAS 'a'`, false},
		{`type IN ['refund', 'sale']`, true},
		{`type in ["sale"]`, false},
		{`type IN []`, false},
		{`level IN [1, 7.0]`, true},
		{`type IN 'refund'`, false},
		{`list[0] IN list`, true},
		{`missing IN [null]`, true},
		{`type NOT IN ['sale']`, true},
		{`type NOT IN ['refund']`, false},
		{`type not in []`, true},
		{`type NOT   IN 'sale'`, false},
		{`type NOT IN missing`, false},
		{`list NOT IN ['a']`, false},
		{`list IN ['a']`, false},
		{`missing NOT IN ['a']`, true},
		{`worker.sid NOT IN task.wanted`, true},
		{`worker.sid IN task.wanted`, false},
		{`worker.skills HAS task.wants`, true},
		{`worker.contact_uri == task.target`, true},
		{`worker.contact_uri != task.ignored`, true},
		{`worker.score == task.score`, true},
		// logic
		{`1==0 AND 1==0 OR 1==1`, true},
		{`1==1 OR 1==0 AND 1==0`, true},
		{`(1==1 OR 1==0) AND 1==0`, false},
		{`1==0 or 1==0 Or 1==1`, true},
		{`1==1 and 1==1 And 1==0`, false},
		{`((1==1))`, true},
		{`(vip == true) OR (off == true)`, true},
		{"\t1 ==\n1 \r", true},
		{`(list HAS 'en' OR list HAS 'de') AND level >= 5.1`, true},
		// strings
		{`'it\'s' == "it's"`, true},
		{`"a\\b" == 'a\\b'`, true},
		{`'a\d' == 'a\\d'`, true},
		{`'say "x"' == "say \"x\""`, true},
		{`'a AND b' == 'a AND b'`, true},
		{`'x' == '` + "\u00fc" + `'`, false},
		// words that are keywords only at the beginning of an operand
		{`deep.er.in IN ['here']`, true},
		{`task.AND == null`, true},
		{`INDEX == null`, true},
		{`nullable == null`, true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			e, err := expr.Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.Eval(env); got != tt.want {
				t.Errorf("is %v", got)
			}
			again, err := expr.Parse(e.String())
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			if again.String() != e.String() || again.Eval(env) != tt.want {
				t.Errorf("%s reads back as %s", e, again)
			}
		})
	}
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("(", expr.MaxDepth+1) + "1==1" + strings.Repeat(")", expr.MaxDepth+1)
	tests := []struct {
		text   string
		offset int
		near   string
		want   string
	}{
		{``, 0, "", "OPERAND"},
		{`   `, 3, "", "OPERAND"},
		{`my-key == 1`, 2, "-", "OPERATOR"},
		{`my-1 == 1`, 2, "-1", "OPERATOR"},
		{`task.my-key HAS 'x'`, 7, "-", "OPERATOR"},
		{`a == my-key`, 7, "-", "AND, OR or the end"},
		{`a`, 1, "", "OPERATOR"},
		{`true`, 4, "", "OPERATOR"},
		{`a = 1`, 2, "=", "OPERATOR"},
		{`a <> 1`, 3, ">", "OPERAND"},
		{`a ! 1`, 2, "!", "OPERATOR"},
		{`a == `, 5, "", "OPERAND"},
		{`a == 1 b == 2`, 7, "b", "AND, OR or the end"},
		{`a == 1 AND`, 10, "", "OPERAND"},
		{`AND a == 1`, 0, "AND", "OPERAND"},
		{`a NOT HAS 'x'`, 6, "HAS", "IN"},
		{`NOT a == 1`, 0, "NOT", "OPERAND"},
		{`a LIKE 'x'`, 2, "LIKE", "OPERATOR"},
		{`a && b`, 2, "&", "OPERATOR"},
		{`(a == 1`, 7, "", "')' or AND or OR"},
		{`a == 1)`, 6, ")", "AND, OR or the end"},
		{`()`, 1, ")", "OPERAND"},
		{`(a) == 1`, 2, ")", "OPERATOR"},
		{`a == 'x`, 7, "", "a closing quote"},
		{`a == 1x`, 5, "1x", "a number"},
		{`a == 1.`, 6, ".", "AND, OR or the end"},
		{`a == 1` + strings.Repeat("0", 400), 5, "1" + strings.Repeat("0", 400), "a number"},
		{`a. == 1`, 3, "==", "a name"},
		{`a[x] == 1`, 2, "x", "an index"},
		{`a[-1] == 1`, 2, "-1", "an index"},
		{`a[1.5] == 1`, 2, "1.5", "an index"},
		{`a[1 == 1`, 4, "==", "']'"},
		{`a IN [b]`, 6, "b", "a constant"},
		{`a IN ['b' 'c']`, 10, "'c'", "',' or ']'"},
		{`a IN ['b',]`, 10, "]", "a constant"},
		{`a IN ('b')`, 5, "(", "OPERAND"},
		{`a == 1 == 1`, 7, "==", "AND, OR or the end"},
		{`a == ü-`, 7, "-", "AND, OR or the end"},
		{`€ == 1`, 0, "€", "OPERAND"},
		{nested, expr.MaxDepth, "(", "fewer nested parentheses"},
		{strings.Repeat("a", expr.MaxLength+1), expr.MaxLength, "…", "a shorter expression"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 30)], func(t *testing.T) {
			t.Parallel()
			_, err := expr.Parse(tt.text)
			syn, ok := errors.AsType[*expr.SyntaxError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			want := &expr.SyntaxError{Offset: tt.offset, Near: tt.near, Expecting: tt.want}
			if diff := cmp.Diff(want, syn); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := expr.Parse("my-key == 1")
	if want := "unexpected input '-' at offset 2, expecting OPERATOR"; err.Error() != want {
		t.Errorf("message %q", err)
	}
	if _, err = expr.Parse(""); !strings.Contains(err.Error(), "end of expression at offset 0") {
		t.Errorf("message %q", err)
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`a=="x"`:                             `a == 'x'`,
		`(a == 1 and (b==2)) or ((c==3))`:    `a == 1 AND b == 2 OR c == 3`,
		`a == 1 AND (b==2 OR c==3)`:          `a == 1 AND (b == 2 OR c == 3)`,
		`a == 1 OR (b==2 OR c==3)`:           `a == 1 OR (b == 2 OR c == 3)`,
		`a . b [ 0 ] . c not in ["x",1.50]`:  `a.b[0].c NOT IN ['x', 1.5]`,
		`a == "it's \ \"so\""`:               `a == 'it\'s \\ "so"'`,
		`NULL != TRUE and [] has -0.25`:      `null != true AND [] HAS -0.25`,
		`((a==1 AND b==1) AND c==1) AND d>1`: `((a == 1 AND b == 1) AND c == 1) AND d > 1`,
	}
	for in, want := range tests {
		e, err := expr.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if e.String() != want {
			t.Errorf("%s prints as %s, want %s", in, e, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	e, err := expr.Parse(`task.a[2].b == worker.c AND (1 == 1 OR x IN [1]) AND 'y' == task.a`)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"task", "a", "2", "b"}, {"worker", "c"}, {"x"}, {"task", "a"}}
	if diff := cmp.Diff(want, e.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestRef(t *testing.T) {
	t.Parallel()
	env := vars(t)
	r, err := expr.ParseRef(" worker.skills[1] ")
	if err != nil {
		t.Fatal(err)
	}
	if r.Value(env) != "law" || r.String() != "worker.skills[1]" {
		t.Errorf("%s is %v", r, r.Value(env))
	}
	if diff := cmp.Diff([]string{"worker", "skills", "1"}, r.Path()); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "1", "'a'", "a b", "a.", "a == 1", "AND", "a-b", "a["} {
		if _, err := expr.ParseRef(bad); err == nil {
			t.Errorf("ParseRef(%q) went through", bad)
		}
	}
}

func TestGoValues(t *testing.T) {
	t.Parallel()
	env := expr.Vars{
		"int": 3, "int64": int64(3), "int32": int32(3), "uint64": uint64(3), "float32": float32(3),
		"strings": []string{"a", "b"}, "odd": struct{}{},
	}
	for _, text := range []string{
		`int == 3`, `int64 >= 3`, `int32 < 4`, `uint64 == 3.0`, `float32 == int`, `strings HAS 'b'`, `strings[1] == 'b'`,
		`'a' IN strings`, `1 NOT IN strings`, `strings[2] == null`, `odd != 1`, `odd != null`,
	} {
		e, err := expr.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if !e.Eval(env) {
			t.Errorf("%s is false", text)
		}
	}
	if _, ok := env.Lookup(nil); ok {
		t.Error("an empty path finds nothing")
	}
	if v, ok := expr.Walk("x", nil); !ok || v != "x" {
		t.Error("an empty path below a value is the value")
	}
}

func TestEvalDoesNotAllocate(t *testing.T) {
	env := vars(t)
	e, err := expr.Parse(`(worker.skills HAS task.wants AND worker.score >= 3) AND deep.er.list[0][1] == 'b' AND worker.sid NOT IN ['a'] AND type CONTAINS 'ref'`)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { e.Eval(env) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
