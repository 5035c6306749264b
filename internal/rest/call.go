package rest

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Call is one request on its way through an operation: who asks, for what, and how answers to it look.
type Call struct {
	Actor     account.Actor
	RequestID string     // RQ…, also in the answer's Twilio-Request-Id
	Remote    netip.Addr // the client, seen through the configured proxies
	IfVersion int64      // the version in If-Match; 0 = none was sent

	server *Server
	req    *http.Request
	writer http.ResponseWriter // of those who stream
	header http.Header         // of the answer
	place  place
	origin string // scheme://host and the prefix of a proxy
	route  *route
	vars   [maxVars]string
	body   string
	query  url.Values
}

// Var returns the unescaped value of a path variable. An unknown name is a mistake in the resource and gives "".
func (c *Call) Var(name string) string {
	for i, v := range c.route.vars {
		if v == name {
			return c.vars[i]
		}
	}
	return ""
}

// Details reports whether the caller asked, by the header Usher-Details, for what the compatible wire has no field for. Everybody
// else gets the original's fields and no others.
func (c *Call) Details() bool { return c.req.Header.Get("Usher-Details") != "" }

// SID returns a path variable as a SID. It may be malformed or, where the wire lets names stand for SIDs, a name; both find
// no row.
func (c *Call) SID(name string) sid.SID { return sid.SID(c.Var(name)) }

// Path returns the escaped path of the request after the version.
func (c *Call) Path() string { return c.place.path }

// Header returns a header of the request.
func (c *Call) Header(name string) string { return c.req.Header.Get(name) }

// SetHeader sets a header of the answer.
func (c *Call) SetHeader(name, value string) { c.header.Set(name, value) }

// Query returns a parameter of the query: the first value, or "".
func (c *Call) Query(name string) string {
	return c.values().Get(name)
}

func (c *Call) values() url.Values {
	if c.query == nil {
		c.query = c.req.URL.Query() // broken pairs are dropped
	}
	return c.query
}

// Filter decodes the query into dst, a pointer to the struct that Resource.Filter names.
func (c *Call) Filter(dst any) error {
	v := reflect.ValueOf(dst).Elem()
	if c.route.filter == nil || c.route.filter.typ != v.Type() {
		return fmt.Errorf("filter %s is not declared by %s", v.Type(), c.route.path)
	}
	return c.route.filter.decode(v, onUpdate, c.req.URL.RawQuery)
}

// URL makes the absolute URL of a resource of the same product, as the caller would address it: its scheme, host and prefix.
// The parts are joined as they are and begin with a slash after the version: c.URL("/Services/", sid).
func (c *Call) URL(parts ...string) string {
	n := len(c.origin) + len(c.place.prefix) + len(c.place.product.Version) + 1
	for _, p := range parts {
		n += len(p)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(c.origin)
	b.WriteString(c.place.prefix)
	b.WriteByte('/')
	b.WriteString(c.place.product.Version)
	for _, p := range parts {
		b.WriteString(p)
	}
	return b.String()
}

// Origin returns scheme and host (and a proxy's prefix) as the caller addressed this server: "https://usher.example".
func (c *Call) Origin() string { return c.origin }

// Date writes a time the way the product does: ISO 8601 in whole seconds with Z, or RFC 2822 in the 2010 API. The zero time is
// null.
func (c *Call) Date(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	layout := "2006-01-02T15:04:05Z"
	if c.place.product.Classic {
		layout = "Mon, 02 Jan 2006 15:04:05 +0000"
	}
	s := t.UTC().Format(layout)
	return &s
}

// NotFound is the 404 of this request: code 20404 with its own path.
func (c *Call) NotFound() error { return fault.NotFound(c.missingPath()) }

// missingPath is the path in the text of a 404. The 2010 API shows its version and .json, the others show neither.
func (c *Call) missingPath() string {
	path := c.place.path
	if c.place.product != nil && c.place.product.Classic {
		path = "/" + c.place.product.Version + path
	}
	if un, err := url.PathUnescape(path); err == nil && clean(un) {
		return un
	}
	return path
}
