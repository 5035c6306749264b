package template

import (
	"errors"
	"io"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
)

type renderer = func(io.Writer, render.Context) error

// errBreak and errContinue are how the two tags leave the body of a loop.
var (
	errBreak    = errors.New("break outside a loop")
	errContinue = errors.New("continue outside a loop")
	errElse     = errors.New("a block has more than one else")
)

// blocks lists the tags that have an end.
var blocks = map[string]bool{
	"if": true, "unless": true, "case": true, "for": true, "capture": true, "comment": true, "raw": true,
}

// addTags defines the standard tags. They are this package's own since the
// library's loop has no limit and its include reads files.
func addTags(c render.Config) {
	c.AddBlock("comment")
	c.AddBlock("raw")
	c.AddBlock("if").Clause("else").Clause("elsif").Compiler(compileIf(true))
	c.AddBlock("unless").Clause("else").Clause("elsif").Compiler(compileIf(false))
	c.AddBlock("case").Clause("when").Clause("else").Compiler(compileCase)
	c.AddBlock("for").Clause("else").Compiler(compileFor)
	c.AddBlock("capture").Compiler(compileCapture)
	c.AddTag("assign", compileAssign)
	c.AddTag("break", func(string) (renderer, error) {
		return func(_ io.Writer, ctx render.Context) error { return ctx.WrapError(errBreak) }, nil
	})
	c.AddTag("continue", func(string) (renderer, error) {
		return func(_ io.Writer, ctx render.Context) error { return ctx.WrapError(errContinue) }, nil
	})
	c.AddTag("increment", compileCounter(1))
	c.AddTag("decrement", compileCounter(-1))
}

func budget(ctx render.Context) *Budget { return ctx.Get(budgetKey).(*Budget) }

func truthy(v any) bool { return v != nil && v != false }

type branch struct {
	test expressions.Expression // nil is else
	when []expressions.Expression
	body *render.BlockNode
}

func compileIf(want bool) render.BlockCompiler {
	return func(node render.BlockNode) (renderer, error) {
		test, err := expressions.Parse(node.Args)
		if err != nil {
			return nil, err
		}
		branches := []branch{{test: test, body: &node}}
		for _, clause := range node.Clauses {
			b := branch{body: clause}
			if clause.Name == "elsif" {
				if b.test, err = expressions.Parse(clause.Args); err != nil {
					return nil, err
				}
			}
			branches = append(branches, b)
		}
		return func(w io.Writer, ctx render.Context) error {
			if err := budget(ctx).spend(0); err != nil {
				return err
			}
			for i, b := range branches {
				if b.test == nil {
					return ctx.RenderBlock(w, b.body)
				}
				v, err := ctx.Evaluate(b.test)
				if err != nil {
					return err
				}
				if truthy(v) == (want || i > 0) {
					return ctx.RenderBlock(w, b.body)
				}
			}
			return nil
		}, nil
	}
}

func compileCase(node render.BlockNode) (renderer, error) {
	subject, err := expressions.Parse(node.Args)
	if err != nil {
		return nil, err
	}
	var branches []branch
	for _, clause := range node.Clauses {
		b := branch{body: clause}
		if clause.Name == "when" {
			// Values of a branch may stand between "or" as well as between commas.
			args := strings.ReplaceAll(clause.Args, " or ", ", ")
			stmt, err := expressions.ParseStatement(expressions.WhenStatementSelector, args)
			if err != nil {
				return nil, err
			}
			b.when = stmt.When.Exprs
		}
		branches = append(branches, b)
	}
	return func(w io.Writer, ctx render.Context) error {
		if err := budget(ctx).spend(0); err != nil {
			return err
		}
		v, err := ctx.Evaluate(subject)
		if err != nil {
			return err
		}
		for _, b := range branches {
			match := b.body.Name == "else"
			for _, e := range b.when {
				other, err := ctx.Evaluate(e)
				if err != nil {
					return err
				}
				match = match || values.Equal(v, other)
			}
			if match {
				return ctx.RenderBlock(w, b.body)
			}
		}
		return nil
	}, nil
}

func compileCapture(node render.BlockNode) (renderer, error) {
	name := strings.Trim(strings.TrimSpace(node.Args), `"'`)
	return func(_ io.Writer, ctx render.Context) error {
		out := limited{budget: budget(ctx)}
		if err := ctx.RenderChildren(&out); err != nil {
			return err
		}
		ctx.Set(name, out.String())
		return nil
	}, nil
}

func compileAssign(args string) (renderer, error) {
	stmt, err := expressions.ParseStatement(expressions.AssignStatementSelector, args)
	if err != nil {
		return nil, err
	}
	return func(_ io.Writer, ctx render.Context) error {
		if err := budget(ctx).spend(0); err != nil {
			return err
		}
		v, err := ctx.Evaluate(stmt.Assignment.ValueFn)
		if err != nil {
			return err
		}
		ctx.Set(stmt.Assignment.Variable, v)
		return nil
	}, nil
}

// compileCounter makes increment and decrement, whose names are apart from variables.
func compileCounter(by int) func(string) (renderer, error) {
	return func(args string) (renderer, error) {
		name := "\x00" + strings.TrimSpace(args)
		return func(w io.Writer, ctx render.Context) error {
			n, _ := ctx.Get(name).(int)
			ctx.Set(name, n+by)
			_, err := io.WriteString(w, toText(n+min(by, 0)))
			return err
		}, nil
	}
}

// sequence is what a loop goes over.
type sequence struct {
	length int
	at     func(i int) any
}

func over(v any) sequence {
	switch v := v.(type) {
	case values.Range:
		return sequence{max(v.Len(), 0), v.Index}
	case []any:
		return sequence{len(v), func(i int) any { return v[i] }}
	case object:
		keys := v.keys()
		return sequence{len(keys), func(i int) any { return []any{keys[i], wrap(v[keys[i]])} }}
	case string:
		if v != "" {
			return sequence{1, func(int) any { return v }}
		}
	}
	return sequence{}
}

// part applies offset, limit and reversed.
func (s sequence) part(loop expressions.Loop, ctx render.Context) (sequence, error) {
	number := func(e expressions.Expression, otherwise int) (int, error) {
		if e == nil {
			return otherwise, nil
		}
		v, err := ctx.Evaluate(e)
		n, _, _ := toNumber(v)
		return max(n, 0), err
	}
	offset, err := number(loop.Offset, 0)
	if err != nil {
		return s, err
	}
	limit, err := number(loop.Limit, s.length)
	if err != nil {
		return s, err
	}
	offset = min(offset, s.length)
	n := min(limit, s.length-offset)
	at := s.at
	if loop.Reversed {
		return sequence{n, func(i int) any { return at(offset + n - 1 - i) }}, nil
	}
	return sequence{n, func(i int) any { return at(offset + i) }}, nil
}

func compileFor(node render.BlockNode) (renderer, error) {
	stmt, err := expressions.ParseStatement(expressions.LoopStatementSelector, node.Args)
	if err != nil {
		return nil, err
	}
	if len(node.Clauses) > 1 {
		return nil, errElse
	}
	loop := stmt.Loop
	return func(w io.Writer, ctx render.Context) error {
		v, err := ctx.Evaluate(loop.Expr)
		if err != nil {
			return err
		}
		s, err := over(v).part(loop, ctx)
		if err != nil {
			return err
		}
		if s.length == 0 && len(node.Clauses) == 1 {
			return ctx.RenderBlock(w, node.Clauses[0])
		}
		return runLoop(w, ctx, loop.Variable, s, len(node.Body))
	}, nil
}

func runLoop(w io.Writer, ctx render.Context, name string, s sequence, nodes int) error {
	outer, shadowed := ctx.Get("forloop"), ctx.Get(name)
	defer func() {
		ctx.Set("forloop", outer)
		ctx.Set(name, shadowed)
	}()
	b := budget(ctx)
	for i := range s.length {
		if err := b.spend(nodes * unitBytes); err != nil {
			return err
		}
		ctx.Set(name, s.at(i))
		ctx.Set("forloop", object{
			"first": i == 0, "last": i == s.length-1, "index": i + 1, "index0": i,
			"rindex": s.length - i, "rindex0": s.length - i - 1, "length": s.length, "parentloop": outer,
		})
		// A pass is rendered aside: what it wrote before a break still counts.
		pass := limited{budget: b}
		err := ctx.RenderChildren(&pass)
		if _, werr := io.WriteString(w, pass.String()); werr != nil {
			return werr
		}
		if err != nil {
			switch err.Cause() {
			case errBreak:
				return nil
			case errContinue:
				continue
			}
			return err
		}
	}
	return nil
}
