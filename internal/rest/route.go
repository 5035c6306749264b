package rest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/account"
)

// maxVars is the deepest path of the wire (Services/Sessions/Participants/MessageInteractions) and one to spare.
const maxVars = 6

// Mount is something that a product's list of routes can hold: a Resource or an Op.
type Mount interface {
	routes() []*route
}

// route is one method on one path.
type route struct {
	method string
	path   string // pattern: "/Services/{ServiceSid}/Channels/{Sid}"
	grants []account.Grant
	public bool
	vars   []string
	form   *plan // decodes the body, or the query of a GET; nil = nothing to decode
	mode   mode
	filter *plan // decodes a list's query
	json   bool
	raw    bool // the operation reads the body itself
	plain  bool // in the 2010 API: the path does not end in .json, because the answer is bytes
	run    func(ctx context.Context, c *Call) (answer, error)
	err    error // a mistake in a tag, reported by New
}

// node is one segment of the tree of paths. The standard library's mux is not used below the product because it redirects
// paths that it wants cleaned, cannot match "{Sid}.json", and answers 404 and 405 in plain text.
type node struct {
	fixed  map[string]*node
	wild   *node
	routes map[string]*route // by method
}

func (p *product) add(r *route) error {
	if r.err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, r.err)
	}
	if len(r.grants) == 0 && !r.public {
		return fmt.Errorf("%s %s: names no grant", r.method, r.path)
	}
	at := &p.root
	if p.Classic && r.plain {
		at = &p.files
	}
	for seg := range strings.SplitSeq(strings.TrimPrefix(r.path, "/"), "/") {
		if name, ok := strings.CutPrefix(seg, "{"); ok {
			r.vars = append(r.vars, strings.TrimSuffix(name, "}"))
			if at.wild == nil {
				at.wild = &node{}
			}
			at = at.wild
			continue
		}
		if at.fixed == nil {
			at.fixed = map[string]*node{}
		}
		if at.fixed[seg] == nil {
			at.fixed[seg] = &node{}
		}
		at = at.fixed[seg]
	}
	if len(r.vars) > maxVars {
		return fmt.Errorf("%s %s: more than %d variables", r.method, r.path, maxVars)
	}
	if at.routes == nil {
		at.routes = map[string]*route{}
	}
	if at.routes[r.method] != nil {
		return fmt.Errorf("%s %s: mounted twice", r.method, r.path)
	}
	at.routes[r.method] = r
	p.routes = append(p.routes, r)
	return nil
}

var errNoRoute = errors.New("no such path")

// match finds the node of an escaped path and fills vars with the unescaped values of its variables. A fixed segment wins
// over a variable.
func (p *product) match(path string, vars *[maxVars]string) (*node, error) {
	path, found := strings.CutPrefix(path, "/")
	if !found {
		return nil, errNoRoute
	}
	root := &p.root
	if p.Classic {
		if path, found = strings.CutSuffix(path, ".json"); !found {
			root = &p.files
		}
	}
	if n := root.walk(path, vars, 0); n != nil {
		return n, nil
	}
	return nil, errNoRoute
}

func (n *node) walk(path string, vars *[maxVars]string, depth int) *node {
	seg, rest, more := strings.Cut(path, "/")
	next := func(at *node, depth int) *node {
		if at == nil {
			return nil
		}
		if more {
			return at.walk(rest, vars, depth)
		}
		if at.routes == nil {
			return nil
		}
		return at
	}
	if found := next(n.fixed[seg], depth); found != nil {
		return found
	}
	if n.wild == nil || depth == maxVars || seg == "" {
		return nil
	}
	value, err := url.PathUnescape(seg)
	if err != nil || !clean(value) {
		return nil
	}
	found := next(n.wild, depth+1)
	if found != nil {
		vars[depth] = value
	}
	return found
}

// clean refuses text that no stored value can hold: broken UTF-8 and NUL (PostgreSQL stores neither).
func clean(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// allow lists the methods of a node, for the Allow header.
func (n *node) allow() string {
	methods := make([]string, 0, len(n.routes)+1)
	for m := range n.routes {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return strings.Join(append(methods, "OPTIONS"), ", ")
}

// Listing writes one line per operation of a product: method, path, grants and parameters (`*` = required on create). It is
// kept as a golden file per product, so that a change of the public surface shows in review.
func Listing(def Product) (string, error) {
	reg, err := newRegistry([]Product{def})
	if err != nil {
		return "", err
	}
	p := reg.all[0]
	lines := make([]string, 0, len(p.routes))
	for _, r := range p.routes {
		path := "/" + p.Version + r.path
		if p.Classic && !r.plain {
			path += ".json"
		}
		lines = append(lines, fmt.Sprintf("%-90s %-6s %s%s", path, r.method, r.needs(), r.params()))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n", nil
}

func (r *route) needs() string {
	if r.public {
		return "(public)"
	}
	names := make([]string, len(r.grants))
	for i, g := range r.grants {
		names[i] = string(g)
	}
	return strings.Join(names, "|")
}

func (r *route) params() string {
	var out []string
	for _, p := range []*plan{r.form, r.filter} {
		if p != nil {
			out = append(out, p.list(r.mode)...)
		}
	}
	if r.json {
		out = append(out, "(JSON body)")
	}
	if r.raw {
		out = append(out, "(a file)")
	}
	if len(out) == 0 {
		return ""
	}
	return "  " + strings.Join(out, " ")
}
