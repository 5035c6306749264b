package expr

import (
	"strconv"
	"strings"
)

// Expr is a parsed expression. It is immutable and safe for concurrent use.
type Expr struct {
	root node
}

// Ref is a parsed reference, such as "worker.languages[0]", for the places of a
// workflow that name an attribute instead of comparing one (known_worker_sid,
// order_by).
type Ref struct {
	path path
}

// Parse reads an expression. The error is always a *SyntaxError.
func Parse(s string) (*Expr, error) {
	p, err := start(s)
	if err != nil {
		return nil, err
	}
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tEnd {
		return nil, p.unexpected(wantLogical)
	}
	return &Expr{root: root}, nil
}

// ParseRef reads a single reference. The error is always a *SyntaxError.
func ParseRef(s string) (*Ref, error) {
	p, err := start(s)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tWord || isKeyword(p.tok.text) {
		return nil, p.unexpected(wantName)
	}
	ref, err := p.reference("the end")
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tEnd {
		return nil, p.unexpected("the end")
	}
	return &Ref{path: ref}, nil
}

// parser reads tokens with one token of look-ahead.
type parser struct {
	lex   lexer
	tok   token
	depth int
}

func start(s string) (*parser, error) {
	if len(s) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, Near: "…", Expecting: wantShorter}
	}
	p := &parser{lex: lexer{src: s}}
	return p, p.advance(wantOperand)
}

// advance moves to the next token; want is what the parser hopes to find, for
// the case that there is no token at all.
func (p *parser) advance(want string) error {
	tok, err := p.lex.next()
	if err != nil {
		if syn, ok := err.(*SyntaxError); ok && syn.Expecting == "" {
			syn.Expecting = want
		}
		return err
	}
	p.tok = tok
	return nil
}

func (p *parser) unexpected(want string) *SyntaxError {
	return &SyntaxError{Offset: p.tok.at, Near: p.lex.src[p.tok.at:p.tok.end], Expecting: want}
}

func (p *parser) punct(s string) bool { return p.tok.kind == tPunct && p.tok.text == s }

func (p *parser) word(s string) bool {
	return p.tok.kind == tWord && strings.EqualFold(p.tok.text, s)
}

// logic tells the logical operator at the parser's position and how tightly it
// binds; 0 is none.
func (p *parser) logic() (op logic, power int) {
	switch {
	case p.word("OR"):
		return opOr, 1
	case p.word("AND"):
		return opAnd, 2
	}
	return 0, 0
}

// expression reads comparisons joined by operators that bind tighter than min.
// A run of one operator becomes one node, so that long chains stay flat.
func (p *parser) expression(min int) (node, error) {
	left, err := p.primary()
	if err != nil {
		return nil, err
	}
	for {
		op, power := p.logic()
		if power <= min {
			return left, nil
		}
		chain := &logical{op: op, of: []node{left}}
		for {
			if now, _ := p.logic(); now != op {
				break
			}
			if err := p.advance(wantOperand); err != nil {
				return nil, err
			}
			next, err := p.expression(power)
			if err != nil {
				return nil, err
			}
			chain.of = append(chain.of, next)
		}
		left = chain
	}
}

// primary reads an expression in parentheses or one comparison.
func (p *parser) primary() (node, error) {
	if !p.punct("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > MaxDepth {
		return nil, p.unexpected(wantFlatter)
	}
	if err := p.advance(wantOperand); err != nil {
		return nil, err
	}
	inner, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if !p.punct(")") {
		return nil, p.unexpected(wantClose)
	}
	p.depth--
	return inner, p.advance(wantLogical)
}

func (p *parser) comparison() (node, error) {
	left, err := p.operand(wantOperator)
	if err != nil {
		return nil, err
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	right, err := p.operand(wantLogical)
	if err != nil {
		return nil, err
	}
	return &comparison{op: op, left: left, right: right}, nil
}

// operator reads a comparison operator of one or two words.
func (p *parser) operator() (operator, error) {
	if p.word("NOT") {
		if err := p.advance(wantIn); err != nil {
			return 0, err
		}
		if !p.word("IN") {
			return 0, p.unexpected(wantIn)
		}
		return opNotIn, p.advance(wantOperand)
	}
	if p.tok.kind == tOp || p.tok.kind == tWord {
		for op, name := range operatorNames {
			if strings.EqualFold(name, p.tok.text) {
				return operator(op), p.advance(wantOperand)
			}
		}
	}
	return 0, p.unexpected(wantOperator)
}

// operand reads a constant, a list or a reference. next is what may follow it.
func (p *parser) operand(next string) (operand, error) {
	switch {
	case p.punct("["):
		return p.list(next)
	case p.tok.kind == tWord && !isKeyword(p.tok.text):
		ref, err := p.reference(next)
		return operand{ref: &ref}, err
	}
	value, err := p.constant(wantOperand)
	if err != nil {
		return operand{}, err
	}
	return operand{value: value}, p.advance(next)
}

// constant returns the scalar at the parser's position without moving on.
func (p *parser) constant(want string) (any, error) {
	switch p.tok.kind {
	case tString:
		return p.tok.text, nil
	case tNumber:
		n, err := strconv.ParseFloat(p.tok.text, 64)
		if err != nil {
			return nil, p.unexpected(wantNumber) // beyond what a float holds
		}
		return n, nil
	case tWord:
		for _, c := range constants {
			if strings.EqualFold(c.name, p.tok.text) {
				return c.value, nil
			}
		}
	}
	return nil, p.unexpected(want)
}

func (p *parser) list(next string) (operand, error) {
	values := []any{}
	if err := p.advance(wantConstant); err != nil {
		return operand{}, err
	}
	for !p.punct("]") {
		if len(values) > 0 {
			if !p.punct(",") {
				return operand{}, p.unexpected(wantListNext)
			}
			if err := p.advance(wantConstant); err != nil {
				return operand{}, err
			}
		}
		value, err := p.constant(wantConstant)
		if err != nil {
			return operand{}, err
		}
		values = append(values, value)
		if err := p.advance(wantListNext); err != nil {
			return operand{}, err
		}
	}
	return operand{value: values}, p.advance(next)
}

// reference reads a dotted name with indexes. Any word may follow a dot. next is
// what may follow the reference.
func (p *parser) reference(next string) (path, error) {
	var ref path
	add := func(segment string, index bool) {
		ref.segments = append(ref.segments, segment)
		ref.index = append(ref.index, index)
	}
	add(p.tok.text, false)
	if err := p.advance(next); err != nil {
		return path{}, err
	}
	for {
		switch {
		case p.punct("."):
			if err := p.advance(wantName); err != nil {
				return path{}, err
			}
			if p.tok.kind != tWord {
				return path{}, p.unexpected(wantName)
			}
			add(p.tok.text, false)
		case p.punct("["):
			if err := p.advance(wantIndex); err != nil {
				return path{}, err
			}
			if p.tok.kind != tNumber || strings.Trim(p.tok.text, "0123456789") != "" {
				return path{}, p.unexpected(wantIndex)
			}
			add(p.tok.text, true)
			if err := p.advance(wantListClose); err != nil {
				return path{}, err
			}
			if !p.punct("]") {
				return path{}, p.unexpected(wantListClose)
			}
		default:
			return ref, nil
		}
		if err := p.advance(next); err != nil {
			return path{}, err
		}
	}
}

// constants are the words that stand for a value, in any case.
var constants = [...]struct {
	name  string
	value any
}{{"true", true}, {"false", false}, {"null", nil}}

// keywords cannot begin a reference.
var keywords = [...]string{"AND", "OR", "NOT", "IN", "HAS", "CONTAINS", "true", "false", "null"}

func isKeyword(word string) bool {
	for _, k := range keywords {
		if strings.EqualFold(k, word) {
			return true
		}
	}
	return false
}
