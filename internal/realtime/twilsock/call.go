package twilsock

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/realtime/socket"
)

// operation is something that clients ask for through the socket, as if by HTTP.
type operation struct {
	method string
	// path has its variables in braces. Operations of the client API have theirs after the prefix of their version.
	path  string
	grant account.Grant
	// status is that of success; 0 is 200.
	status int
	run    func(c *call) (any, error)
}

// call is one request.
type call struct {
	context.Context
	conn    *conn
	actor   account.Actor
	request *httpRequest
	body    []byte
	prefix  string            // of the client API: "/Client/v1"
	vars    map[string]string // what stands in the path for the variables
	// then is done after the answer is on its way.
	then func()
}

// route is an operation with its path taken apart.
type route struct {
	operation
	prefix   string
	segments []string
}

// routes are all operations. The client API in another version is one more line.
var routes = slices.Concat(
	mount("", syncOperations), mount("", sessionOperations), mount("", descriptorOperations), mount("", otherOperations),
	mount("/Client/v1", clientOperations),
)

func mount(prefix string, list []operation) []route {
	var all []route
	for _, op := range list {
		all = append(all, route{op, prefix, strings.Split(prefix+op.path, "/")})
	}
	return all
}

// find returns the operation that a method and path mean, and its variables.
func find(method, path string) (route, map[string]string, bool) {
	asked := strings.Split(strings.TrimRight(path, "/"), "/")
	for _, r := range routes {
		if r.method != method || len(r.segments) != len(asked) {
			continue
		}
		if vars, ok := match(r.segments, asked); ok {
			return r, vars, true
		}
	}
	return route{}, nil, false
}

func match(want, asked []string) (map[string]string, bool) {
	var vars map[string]string
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != asked[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(asked[i])
		if err != nil || v == "" {
			return nil, false
		}
		if vars == nil {
			vars = make(map[string]string, 2)
		}
		vars[w[1:len(w)-1]] = v
	}
	return vars, true
}

// message answers a request.
func (c *conn) message(actor *account.Actor, h *header, payload []byte) {
	r := h.HTTPRequest
	if r == nil || len(r.Path) > 2048 {
		c.reply(h.ID, &status{Code: 400, Status: "BAD_REQUEST", Description: "no request"})
		return
	}
	op, vars, found := find(r.Method, r.Path)
	if !found {
		c.fail(h.ID, fault.NotFound(r.Path))
		return
	}
	if !actor.Can(op.grant) {
		c.fail(h.ID, fault.Forbidden("Forbidden"))
		return
	}
	k := &call{Context: c.srv.ctx, conn: c, actor: *actor, request: r, body: payload, prefix: op.prefix, vars: vars}
	body, err := op.run(k)
	if err != nil {
		c.fail(h.ID, err)
		return
	}
	if body == nil {
		body = struct{}{} // clients look into the answer without asking whether there is one
	}
	raw, err := json.Marshal(body)
	if err != nil {
		c.fail(h.ID, err)
		return
	}
	code := op.status
	if code == 0 {
		code = 200
	}
	text := map[int]string{200: "OK", 201: "CREATED", 202: "ACCEPTED", 204: "NO CONTENT"}[code]
	if code == 204 {
		raw = nil
	}
	if c.raw.Pipe().Room(k) != nil {
		return
	}
	c.respond(h.ID, status{Code: code, Status: text}, map[string]string{"Content-Type": jsonType}, raw)
	if k.then != nil {
		k.then()
	}
}

func (c *conn) respond(id string, s status, headers map[string]string, body []byte) {
	c.raw.Send(encode(answer{Method: "reply", ID: id, Status: &good, HTTPStatus: &s, HTTPHeaders: &headers}, body))
}

// fail answers a request with an error. Clients show the text of the status.
func (c *conn) fail(id string, err error) {
	e := socket.Fault(err)
	if e.Kind == fault.KindInternal {
		c.srv.o.Logger.Error("twilsock: request failed", "error", err)
	}
	headers := map[string]string{"Content-Type": jsonType}
	if e.RetryAfter > 0 {
		headers["Retry-After"] = strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
	}
	body, _ := json.Marshal(map[string]any{"status": e.Status(), "code": e.Code, "message": e.Message, "more_info": e.MoreInfo()}) // cannot fail
	c.respond(id, status{Code: e.Status(), Status: e.Message}, headers, body)
}

// param answers a query parameter, "" when it is absent.
func (k *call) param(name string) string {
	raw, ok := k.request.Params[name]
	if !ok {
		return ""
	}
	var one string
	if json.Unmarshal(raw, &one) != nil {
		var many []string
		var number json.Number
		switch {
		case json.Unmarshal(raw, &many) == nil && len(many) > 0:
			one = many[0]
		case json.Unmarshal(raw, &number) == nil:
			one = number.String()
		}
	}
	v, err := url.PathUnescape(one) // they come as they stood in the URL
	if err != nil {
		return one
	}
	return v
}

// size answers a page's size.
func (k *call) size(standard, most int) int {
	n, err := strconv.Atoi(k.param("PageSize"))
	if err != nil || n < 1 {
		n = standard
	}
	return min(n, most)
}

// decode reads the body into v.
func (k *call) decode(v any) error {
	if err := json.Unmarshal(k.body, v); err != nil {
		return fault.Invalid("The body is not what it should be").With(err)
	}
	return nil
}

// base is the address of the host that the client believes to speak to.
func (k *call) base() string {
	host := k.request.Host
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == ':'
	}
	if host == "" || len(host) > 255 || strings.ContainsFunc(host, func(r rune) bool { return !plain(r) }) {
		host = "aim.twilio.com"
	}
	return "https://" + host
}

// mutation is a name that the client has made for a change, the same when it asks again.
func (k *call) mutation() string {
	if id := k.request.header("X-Twilio-Mutation-Id"); len(id) <= 128 {
		return id
	}
	return ""
}
