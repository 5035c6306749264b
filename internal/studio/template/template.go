// Package template renders the Liquid templates of flows: the standard tags and
// filters, and to_json. It reads no file and no variable but those it is given,
// no clock but to cut what takes too long, and a template that runs away is cut:
// see the limits below.
//
// Where it differs from the library beneath: objects print as JSON, whole
// numbers print without an exponent, arithmetic takes numbers in strings, and
// tablerow and include do not exist.
package template

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
)

// Limits of a template.
const (
	MaxText   = 64 << 10 // bytes of a template's text, of what it renders, and of every value on the way
	MaxDepth  = 32       // blocks inside each other
	MaxWork   = 50_000   // of a Budget: passes of loops, filters, and a unit for every 256 bytes they handle
	unitBytes = 256
	// MaxTime is the net below MaxWork: what all templates of one step may take
	// after their first freeWork units. Honest ones do not come that far, so a busy
	// machine cuts none of them.
	MaxTime  = 100 * time.Millisecond
	freeWork = 200
)

// Reasons for which rendering is cut; use errors.Is.
var (
	ErrTooLong = errors.New("the template makes a text longer than 64 KB")
	ErrWork    = errors.New("the template takes too long")
	ErrDepth   = errors.New("the template's blocks are nested too deep")
)

// Budget is what all templates of one step may cost together, and the time that
// "now" stands for.
type Budget struct {
	Work int // what is left
	Now  time.Time

	spent    int
	deadline time.Time // set after freeWork units
}

// spend takes units for handling n bytes off the budget.
func (b *Budget) spend(n int) error {
	units := 1 + n/unitBytes
	b.spent += units
	if b.Work -= units; b.Work < 0 {
		return ErrWork
	}
	if b.spent <= freeWork {
		return nil
	}
	switch now := time.Now(); {
	case b.deadline.IsZero():
		b.deadline = now.Add(MaxTime)
	case now.After(b.deadline):
		b.Work = -1
		return ErrWork
	}
	return nil
}

// Compiler compiles templates; it may be used by one goroutine at a time.
type Compiler struct{ config render.Config }

// Template is a compiled text. It may be rendered by any number of goroutines.
type Template struct {
	root    render.Node
	config  render.Config
	filters bool // the text has filters
}

// New returns a compiler.
func New() *Compiler {
	c := render.NewConfig()
	addTags(c)
	return &Compiler{c}
}

// Has says whether a text holds a template at all.
func Has(text string) bool { return strings.Contains(text, "{{") || strings.Contains(text, "{%") }

// Compile compiles a text. The error says what is wrong with it.
func (c *Compiler) Compile(text string) (t *Template, err error) {
	defer guard(&err)
	if len(text) > MaxText {
		return nil, ErrTooLong
	}
	if deep(text) {
		return nil, ErrDepth
	}
	root, perr := c.config.Compile(text, parser.SourceLoc{})
	if perr != nil {
		return nil, errors.New(message(perr))
	}
	return &Template{root, c.config, strings.Contains(text, "|")}, nil
}

// Render renders a template with these variables, which it does not change: maps
// with texts as keys, lists, texts, numbers, booleans and nil. What is not there
// renders as nothing.
func (t *Template) Render(vars map[string]any, b *Budget) (text string, err error) {
	defer guard(&err)
	bindings := make(map[string]any, len(vars)+3)
	for k, v := range vars {
		bindings[k] = wrap(v)
	}
	bindings[budgetKey] = b
	bindings["blank"], bindings["empty"] = blank{values.ValueOf("")}, blank{values.ValueOf("")}
	config := t.config
	if t.filters {
		addFilters(&config, b)
	}
	if err := b.spend(0); err != nil {
		return "", err
	}
	out := limited{budget: b}
	if rerr := render.Render(t.root, &out, bindings, config); rerr != nil {
		return "", cause(rerr)
	}
	return out.String(), nil
}

// budgetKey is where tags find the budget: no identifier can spell it.
const budgetKey = "\x00budget"

// limited is the output: it refuses what goes over the limits.
type limited struct {
	strings.Builder
	budget *Budget
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > MaxText {
		return 0, ErrTooLong
	}
	if err := l.budget.spend(0); err != nil {
		return 0, err
	}
	return l.Builder.Write(p)
}

// WriteString implements io.StringWriter.
func (l *limited) WriteString(s string) (int, error) { return l.Write([]byte(s)) }

var _ io.StringWriter = (*limited)(nil)

// guard makes an error of a panic: the library panics on errors of its writer,
// on unknown filters and on expressions that it did not expect.
func guard(err *error) {
	switch r := recover().(type) {
	case nil:
	case error:
		*err = cause(r)
	default:
		*err = fmt.Errorf("%v", r)
	}
}

// cause returns one of the errors of this package where it is at the bottom, and
// else an error of one line.
func cause(err error) error {
	for e := err; e != nil; {
		for _, known := range []error{ErrTooLong, ErrWork, ErrDepth} {
			if errors.Is(e, known) || strings.Contains(e.Error(), known.Error()) {
				return known
			}
		}
		c, ok := e.(interface{ Cause() error })
		if !ok {
			break
		}
		e = c.Cause()
	}
	return errors.New(message(err))
}

// message is the first line of an error's text, without the stack that the
// library may add.
func message(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "…"
	}
	return line
}

// deep says whether blocks are nested too deep, for which the library would use
// the stack.
func deep(text string) bool {
	depth := 0
	for {
		i := strings.Index(text, "{%")
		if i < 0 {
			return false
		}
		text = strings.TrimLeft(text[i+2:], "- \t\r\n")
		word := text[:len(text)-len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz"))]
		switch {
		case strings.HasPrefix(word, "end"):
			depth--
		case blocks[word]:
			if depth++; depth > MaxDepth {
				return true
			}
		}
	}
}
