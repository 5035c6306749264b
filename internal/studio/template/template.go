// Package template renders the Liquid templates of flows.
package template

import (
	"strings"

	"github.com/osteele/liquid"
)

// Compiler compiles templates; it may be used by one goroutine at a time.
type Compiler struct{ engine *liquid.Engine }

// Template is a compiled text. It may be rendered by any number of goroutines.
type Template struct{ root *liquid.Template }

// New returns a compiler.
func New() *Compiler { return &Compiler{liquid.NewEngine()} }

// Has says whether a text holds a template at all.
func Has(text string) bool { return strings.Contains(text, "{{") || strings.Contains(text, "{%") }

// Compile compiles a text.
func (c *Compiler) Compile(text string) (*Template, error) {
	root, err := c.engine.ParseString(text)
	if err != nil {
		return nil, err
	}
	return &Template{root}, nil
}

// Render renders a template.
func (t *Template) Render(vars map[string]any) (string, error) {
	out, err := t.root.RenderString(vars)
	if err != nil {
		return "", err
	}
	return out, nil
}
