package rest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/fault"
	"usher/internal/pace"
	"usher/internal/sid"
)

// maxBody bounds the body of a request that is read whole, in bytes. Files are streams (Upload).
const maxBody = 1 << 20

// Options are what New needs.
type Options struct {
	Products []Product
	Auth     Authenticator
	// Key seals page tokens. Every node of a cluster needs the same one; nil makes a random one, and page URLs then end with
	// the process.
	Key []byte
	// Proxies are the addresses whose X-Forwarded-Proto, -Host, -Prefix and -For headers are believed.
	Proxies []netip.Prefix
	Log     *slog.Logger
	// Observe is called once per request, from its own goroutine; nil = nobody measures.
	Observe func(Observation)
}

// Observation is what is known of a request when it is over. It holds nothing that a caller sent.
type Observation struct {
	Product string // "" where none was found
	Route   string // pattern of the path, "" where none matched
	Method  string
	Status  int
	Took    time.Duration
}

// Server answers the REST requests of all products.
type Server struct {
	registry *registry
	auth     Authenticator
	tokens   tokens
	proxies  []netip.Prefix
	log      *slog.Logger
	observe  func(Observation)
	running  atomic.Int64
	buffers  sync.Pool // *bytes.Buffer, for bodies in and out

	visitors *pace.Limiter[visitor]
	networks *pace.Limiter[netip.Prefix]
}

// New compiles the products' routes. Its errors are mistakes in the routes: a tag that cannot be read, a path that is mounted
// twice, an operation without a grant.
func New(o Options) (*Server, error) {
	reg, err := newRegistry(o.Products)
	if err != nil {
		return nil, err
	}
	s := &Server{registry: reg, auth: o.Auth, proxies: o.Proxies, log: o.Log, observe: o.Observe, tokens: tokens{key: o.Key}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.tokens.key == nil {
		s.tokens.key = make([]byte, 32)
		rand.Read(s.tokens.key) // never fails: crypto/rand ends the process instead
	}
	s.visitors = pace.NewLimiter[visitor](visitorPerMinute, visitorBurst)
	s.networks = pace.NewLimiter[netip.Prefix](networkPerMinute, networkBurst)
	s.buffers.New = func() any { return new(bytes.Buffer) }
	return s, nil
}

// Claims reports whether a request is aimed at the API: its path begins with a product's name or a version. The rest belongs to
// the pages of the same listener, whatever the host is called.
func (s *Server) Claims(r *http.Request) bool { return s.registry.claims(r) }

// Client returns the address of the client, seen through the configured proxies.
func (s *Server) Client(r *http.Request) netip.Addr {
	_, addr := s.origin(r)
	return addr
}

// Origin returns scheme and host (and a proxy's prefix) as the client addressed this server: "https://usher.example".
func (s *Server) Origin(r *http.Request) string {
	origin, _ := s.origin(r)
	return origin
}

// Secure reports whether the client's own connection is TLS, seen through the configured proxies.
func (s *Server) Secure(r *http.Request) bool {
	origin, _ := s.origin(r)
	return strings.HasPrefix(origin, "https:")
}

// answer is what an operation hands back to the engine.
type answer struct {
	status int
	body   any
	list   *listing
	etag   string

	content *Content // bytes instead of JSON
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &Call{RequestID: string(sid.New(sid.Request)), server: s, req: r, writer: w, header: w.Header()}
	start := time.Now()
	concurrent := s.running.Add(1)
	defer s.running.Add(-1)
	buf := s.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= 64<<10 {
			s.buffers.Put(buf)
		}
	}()

	a, err := s.answer(c, buf)
	var cause error
	if err != nil {
		buf.Reset()
		a.status, cause = s.fail(c, err, buf)
	}
	h := c.header
	standard(h)
	h["Twilio-Request-Id"] = []string{c.RequestID}
	h["Twilio-Concurrent-Requests"] = []string{strconv.FormatInt(concurrent, 10)}
	if strings.HasPrefix(c.origin, "https:") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if buf.Len() > 0 {
		h["Content-Type"] = jsonType
		h["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	}
	if a.etag != "" {
		h["Etag"] = []string{a.etag}
	}
	took := time.Since(start)
	h["Twilio-Request-Duration"] = []string{strconv.FormatFloat(took.Seconds(), 'f', 3, 64)}
	if err == nil && a.content != nil {
		a.status = c.serve(w, a.content)
		s.report(c, a.status, time.Since(start), a.content.Body.Close())
		return
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(buf.Bytes()); err != nil && cause == nil {
		cause = fmt.Errorf("write answer: %w", err)
	}
	s.report(c, a.status, took, cause)
}

// answer runs the operation and encodes what it returns. A panic becomes an error, which is logged like any other.
func (s *Server) answer(c *Call, buf *bytes.Buffer) (a answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if a, err = s.run(c, buf); err != nil {
		return a, err
	}
	buf.Reset()
	if a.status == http.StatusNoContent || a.content != nil {
		return a, nil
	}
	return a, a.write(c, buf)
}

// run finds the operation, checks that it is allowed and does it.
func (s *Server) run(c *Call, buf *bytes.Buffer) (a answer, err error) {
	c.origin, c.Remote = s.origin(c.req)
	path := c.req.URL.EscapedPath()
	at, ok := s.registry.find(c.req.Host, path)
	if !ok {
		c.place = place{path: path}
		return a, &fault.Error{Kind: fault.KindNotFound, Code: 20404, Message: s.registry.missing()}
	}
	c.place = at
	n, err := at.product.match(at.path, &c.vars)
	if err != nil {
		return a, c.NotFound()
	}
	method := c.req.Method
	switch method {
	case http.MethodOptions:
		return answer{status: http.StatusNoContent}, nil
	case http.MethodHead:
		method = http.MethodGet
	}
	if c.route = n.routes[method]; c.route == nil {
		c.header.Set("Allow", n.allow())
		return a, fault.New(20004, "")
	}
	ctx := c.req.Context()
	if c.route.public {
		s.recognize(ctx, c)
	} else {
		if err := s.authenticate(ctx, c); err != nil {
			return a, err
		}
		if err := authorize(c); err != nil {
			return a, err
		}
		if err := s.admit(c); err != nil {
			return a, err
		}
	}
	if err := c.readIfMatch(); err != nil {
		return a, err
	}
	if !c.route.raw {
		if err := c.readBody(buf); err != nil {
			return a, err
		}
	}
	if in := c.place.product.Context; in != nil {
		ctx = in(ctx, c)
	}
	return c.route.run(ctx, c)
}

// readIfMatch takes the version out of If-Match. One that this server cannot have sent fits no version.
func (c *Call) readIfMatch() error {
	tag := c.req.Header.Get("If-Match")
	if tag == "" || tag == "*" || c.req.Method == http.MethodGet || c.req.Method == http.MethodHead {
		return nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`), 10, 64)
	if err != nil || n <= 0 {
		return errPrecondition()
	}
	c.IfVersion = n
	return nil
}

// readBody reads a POST's body whole, into one string that the decoded values are parts of.
func (c *Call) readBody(buf *bytes.Buffer) error {
	if c.req.Method != http.MethodPost && c.req.Method != http.MethodPut || c.req.Body == nil {
		return nil
	}
	tooLarge := &fault.Error{Kind: fault.KindTooLarge, Code: 20413, Message: fmt.Sprintf("The request body is larger than %d bytes", maxBody)}
	if c.req.ContentLength > maxBody {
		return tooLarge
	}
	if coding := c.req.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		// As a form it would be names that nobody knows, and so a request that says nothing.
		return fault.Invalid("The request body must not be compressed")
	}
	if _, err := buf.ReadFrom(http.MaxBytesReader(nil, c.req.Body, maxBody)); err != nil {
		var limit *http.MaxBytesError
		if errors.As(err, &limit) {
			return tooLarge
		}
		return fault.Invalid("The request body could not be read").With(err)
	}
	c.body = buf.String()
	return nil
}

// decode fills the operation's input: JSON where the operation says so, else a POST's form and query, or a GET's query.
func (c *Call) decode(dst reflect.Value) error {
	switch {
	case c.route.json:
		if err := json.Unmarshal([]byte(c.body), dst.Addr().Interface()); err != nil {
			return badJSON(err)
		}
		return nil
	case len(c.route.form.fields) == 0:
		return nil
	case c.body != "":
		if t := c.req.Header.Get("Content-Type"); t != formType && !isForm(t) {
			return fault.Invalid("Send parameters as application/x-www-form-urlencoded")
		}
	}
	return c.route.form.decode(dst, c.route.mode, c.body, c.req.URL.RawQuery)
}

const formType = "application/x-www-form-urlencoded"

// isForm accepts a form's content type with parameters, and none at all.
func isForm(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.TrimSpace(t)
	return t == "" || strings.EqualFold(t, formType)
}

func badJSON(err error) error {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fault.Invalid("The request body is not JSON at character %d", syntax.Offset)
	case errors.As(err, &shape) && shape.Field != "":
		return fault.Invalid("Invalid value for parameter %s: a JSON %s does not fit", shape.Field, shape.Value)
	}
	return fault.Invalid("The request body is not a JSON document of the expected shape")
}
