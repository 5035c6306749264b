package expr

import (
	"strconv"
	"strings"
)

// String returns the expression in one spelling: keywords in capitals, strings
// in single quotes, parentheses only where they are needed. Parsing it gives an
// equal expression.
func (e *Expr) String() string {
	var b strings.Builder
	e.root.print(&b)
	return b.String()
}

// String returns the reference in its one spelling.
func (r *Ref) String() string {
	var b strings.Builder
	r.path.print(&b)
	return b.String()
}

// Names returns the path of every reference, in the order of the text and with
// repetitions: for the check that a target's expression uses task. and worker.
// only, and for knowing which attributes it depends on. The caller must not
// change the paths.
func (e *Expr) Names() [][]string { return e.root.names(nil) }

func (l *logical) names(out [][]string) [][]string {
	for _, n := range l.of {
		out = n.names(out)
	}
	return out
}

func (c *comparison) names(out [][]string) [][]string {
	for _, o := range []*operand{&c.left, &c.right} {
		if o.ref != nil {
			out = append(out, o.ref.segments)
		}
	}
	return out
}

func (l *logical) print(b *strings.Builder) {
	word := " AND "
	if l.op == opOr {
		word = " OR "
	}
	for i, n := range l.of {
		if i > 0 {
			b.WriteString(word)
		}
		inner, nested := n.(*logical)
		nested = nested && (l.op == opAnd || inner.op == opOr)
		if nested {
			b.WriteByte('(')
		}
		n.print(b)
		if nested {
			b.WriteByte(')')
		}
	}
}

func (c *comparison) print(b *strings.Builder) {
	c.left.print(b)
	b.WriteString(" " + operatorNames[c.op] + " ")
	c.right.print(b)
}

func (o *operand) print(b *strings.Builder) {
	if o.ref != nil {
		o.ref.print(b)
		return
	}
	printValue(b, o.value)
}

func (p *path) print(b *strings.Builder) {
	for i, segment := range p.segments {
		switch {
		case p.index[i]:
			b.WriteString("[" + segment + "]")
		case i > 0:
			b.WriteString("." + segment)
		default:
			b.WriteString(segment)
		}
	}
}

// quoting undoes what the lexer does inside of single quotes.
var quoting = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

func printValue(b *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		b.WriteString("'" + quoting.Replace(v) + "'")
	case float64:
		b.WriteString(strconv.FormatFloat(v, 'f', -1, 64))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			printValue(b, item)
		}
		b.WriteByte(']')
	default:
		b.WriteString("null")
	}
}
