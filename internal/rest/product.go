package rest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Product is one API of the wire in one version: a name, the hosts that it answers on and its routes.
//
// The same operations are reached as chat.example.org/v2/… (the first label of the host), as /chat/v2/… and as
// /chat.twilio.com/v2/… (any host).
type Product struct {
	Name    string   // first host label and path prefix: "chat"
	Aliases []string // further names: "ip-messaging"
	Hosts   []string // full host names that may stand as a path prefix; nil = every name + ".twilio.com"
	Version string   // first segment of a path: "v2"
	Classic bool     // the 2010 API: paths end in .json, dates are RFC 2822, page fields are URIs beside the array
	Bare    bool     // also reached with neither host nor prefix (/2010-04-01/…)
	Cursors bool     // lists page by token alone; Page without PageToken is 400/40153 (TaskRouter)
	Routes  []Mount

	// TokenHeader lets callers send an access token in X-Twilio-Token instead of HTTP Basic.
	TokenHeader bool
	// Context is what the product's operations run in; nil is the request's own.
	Context func(ctx context.Context, c *Call) context.Context
}

// product is a Product that has been compiled.
type product struct {
	Product
	root   node
	files  node // of the 2010 API: paths of bytes, without .json
	routes []*route
}

// names lists everything that selects the product, in a host's first label or a path's first segment.
func (p *Product) names() []string {
	return append([]string{p.Name}, p.Aliases...)
}

func (p *Product) hosts() []string {
	if p.Hosts != nil {
		return p.Hosts
	}
	var out []string
	for _, n := range p.names() {
		out = append(out, n+".twilio.com")
	}
	return out
}

// registry finds the product of a request.
type registry struct {
	all     []*product
	byLabel map[string][]*product // names
	byHost  map[string][]*product // full host names, as path prefixes
	bare    map[string]*product   // version → product reached without host and prefix
}

func newRegistry(list []Product) (*registry, error) {
	reg := &registry{byLabel: map[string][]*product{}, byHost: map[string][]*product{}, bare: map[string]*product{}}
	for _, def := range list {
		p := &product{Product: def}
		for _, m := range def.Routes {
			for _, r := range m.routes() {
				if err := p.add(r); err != nil {
					return nil, fmt.Errorf("product %s/%s: %w", def.Name, def.Version, err)
				}
			}
		}
		reg.all = append(reg.all, p)
		for _, n := range p.names() {
			reg.byLabel[n] = append(reg.byLabel[n], p)
		}
		for _, h := range p.hosts() {
			reg.byHost[h] = append(reg.byHost[h], p)
		}
		if def.Bare {
			reg.bare[def.Version] = p
		}
	}
	return reg, nil
}

// place is where a request was aimed: the product, the path prefix that selected it and the escaped path after the version.
type place struct {
	product *product
	prefix  string // "" or "/chat": stays in the URLs of answers
	path    string // "/Services/IS…/Channels"
}

// find resolves host and escaped path. The path goes first, so that one host name serves every product; a host name that
// begins with a product's name saves the prefix.
func (reg *registry) find(host, path string) (place, bool) {
	first, rest := cutSegment(path)
	if list := reg.prefixed(first); list != nil {
		version, rest := cutSegment(rest)
		if p := pick(list, version); p != nil {
			return place{product: p, prefix: "/" + first, path: rest}, true
		}
		return place{}, false
	}
	if p := pick(reg.byLabel[label(host)], first); p != nil {
		return place{product: p, path: rest}, true
	}
	if p := reg.bare[first]; p != nil {
		return place{product: p, path: rest}, true
	}
	return place{}, false
}

func (reg *registry) prefixed(first string) []*product {
	if list := reg.byLabel[first]; list != nil {
		return list
	}
	return reg.byHost[first]
}

// claims reports whether a request is meant for this API at all, rightly or wrongly addressed.
func (reg *registry) claims(r *http.Request) bool {
	first, _ := cutSegment(r.URL.EscapedPath())
	if reg.prefixed(first) != nil || reg.bare[first] != nil {
		return true
	}
	return len(first) >= 2 && first[0] == 'v' && strings.Trim(first[1:], "0123456789") == ""
}

// missing is the text of the 404 for a request that names no product.
func (reg *registry) missing() string {
	var list []string
	for _, p := range reg.all {
		for _, n := range p.names() {
			list = append(list, "/"+n+"/"+p.Version)
		}
	}
	slices.Sort(list)
	return "No product here. Begin the path with one of " + strings.Join(list, ", ") +
		", or use a host name that begins with the product's name"
}

func pick(list []*product, version string) *product {
	for _, p := range list {
		if p.Version == version {
			return p
		}
	}
	return nil
}

// cutSegment splits "/a/b/c" into "a" and "/b/c".
func cutSegment(path string) (first, rest string) {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// label is the first label of a host name, lower case; "" for an address.
func label(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	first, _, dotted := strings.Cut(host, ".")
	if !dotted {
		return ""
	}
	return strings.ToLower(first)
}
