package expr

import (
	"strconv"
	"strings"
)

// Env resolves references. Values are those of decoded JSON: nil, bool, float64
// (any Go integer or float is taken too), string, []any (or []string) and
// map[string]any. A path is never empty, its elements are names and decimal
// indexes; the callee must not change or keep it.
type Env interface {
	Lookup(path []string) (value any, found bool)
}

// Vars is an Env over nested maps and slices.
type Vars map[string]any

// Lookup walks the maps and slices along the path.
func (v Vars) Lookup(path []string) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	value, ok := v[path[0]]
	if !ok {
		return nil, false
	}
	return Walk(value, path[1:])
}

// Walk resolves a path below a value, for those who implement Env: names select
// from maps, decimal indexes from slices. An empty path is the value itself.
func Walk(value any, path []string) (any, bool) {
	for _, segment := range path {
		switch level := value.(type) {
		case map[string]any:
			next, ok := level[segment]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i, ok := indexOf(segment, len(level))
			if !ok {
				return nil, false
			}
			value = level[i]
		case []string:
			i, ok := indexOf(segment, len(level))
			if !ok {
				return nil, false
			}
			value = level[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// indexOf reads a decimal index below n. It stops early, so that a long run of
// digits cannot overflow.
func indexOf(s string, n int) (int, bool) {
	i := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if i = i*10 + int(c-'0'); i >= n {
			return 0, false
		}
	}
	return i, s != ""
}

// Eval reports whether the expression holds. It does not allocate on its own
// and never fails: what does not fit together is false.
func (e *Expr) Eval(env Env) bool { return e.root.eval(env) }

// Value returns what the reference finds, or nil.
func (r *Ref) Value(env Env) any {
	value, _ := env.Lookup(r.path.segments)
	return value
}

// Path returns the reference's names and indexes; the caller must not change it.
func (r *Ref) Path() []string { return r.path.segments }

// node is an expression that is true or false.
type node interface {
	eval(env Env) bool
	print(b *strings.Builder)
	names(out [][]string) [][]string
}

type logic uint8

const (
	opOr logic = iota + 1
	opAnd
)

// logical joins two or more nodes by one operator.
type logical struct {
	op logic
	of []node
}

func (l *logical) eval(env Env) bool {
	for _, n := range l.of {
		if n.eval(env) == (l.op == opOr) {
			return l.op == opOr
		}
	}
	return l.op == opAnd
}

type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opContains
	opHas
	opIn
	opNotIn
)

// operatorNames are the spellings; NOT IN is two words to the parser.
var operatorNames = [...]string{"==", "!=", "<", "<=", ">", ">=", "CONTAINS", "HAS", "IN", "NOT IN"}

// path is a reference.
type path struct {
	segments []string
	index    []bool // which segments were written in brackets
}

// operand is a constant, or a reference where ref is set.
type operand struct {
	value any
	ref   *path
}

func (o *operand) resolve(env Env) any {
	if o.ref == nil {
		return o.value
	}
	value, _ := env.Lookup(o.ref.segments)
	return value
}

type comparison struct {
	op          operator
	left, right operand
}

func (c *comparison) eval(env Env) bool {
	left, right := c.left.resolve(env), c.right.resolve(env)
	switch c.op {
	case opHas:
		return !isList(right) && contains(left, right)
	case opIn:
		return !isList(left) && contains(right, left)
	case opNotIn:
		return !isList(left) && isList(right) && !contains(right, left)
	}
	if isList(left) || isList(right) {
		return false
	}
	switch c.op {
	case opEqual:
		return equal(left, right)
	case opNotEqual:
		return !equal(left, right)
	case opContains:
		return substring(left, right)
	}
	order, ok := compare(left, right)
	if !ok {
		return false
	}
	switch c.op {
	case opLess:
		return order < 0
	case opLessEqual:
		return order <= 0
	case opGreater:
		return order > 0
	default: // opGreaterEqual
		return order >= 0
	}
}

func isList(v any) bool {
	switch v.(type) {
	case []any, []string:
		return true
	}
	return false
}

// contains reports whether list is a list that holds the scalar.
func contains(list, scalar any) bool {
	switch list := list.(type) {
	case []any:
		for _, v := range list {
			if equal(v, scalar) {
				return true
			}
		}
	case []string:
		s, ok := scalar.(string)
		if !ok {
			return false
		}
		for _, v := range list {
			if v == s {
				return true
			}
		}
	}
	return false
}

// equal compares two scalars. Different types are unequal; lists and objects,
// which have no comparison, are unequal to everything.
func equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	}
	x, ok := number(a)
	if !ok {
		return false
	}
	y, ok := number(b)
	return ok && x == y
}

// compare orders two numbers or two strings.
func compare(a, b any) (order int, ok bool) {
	if a, isString := a.(string); isString {
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	}
	x, ok := number(a)
	if !ok {
		return 0, false
	}
	y, ok := number(b)
	switch {
	case !ok || x != x || y != y: // NaN has no order
		return 0, false
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

// substring is CONTAINS: numbers and booleans count as their text.
func substring(a, b any) bool {
	s, ok := text(a)
	if !ok {
		return false
	}
	sub, ok := text(b)
	return ok && strings.Contains(s, sub)
}

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	}
	if n, ok := number(v); ok {
		return strconv.FormatFloat(n, 'f', -1, 64), true
	}
	return "", false
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case int32:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float32:
		return float64(n), true
	}
	return 0, false
}
