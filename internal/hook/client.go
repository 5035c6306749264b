package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// Limits of a request.
const (
	// DefaultTimeout bounds a request from the resolving of the name to the last byte of the answer.
	DefaultTimeout = 10 * time.Second
	// WebhookTimeout is how long a webhook may take.
	WebhookTimeout = 15 * time.Second
	// LongestTimeout is the longest that a request may ask for.
	LongestTimeout = 30 * time.Second
	// DefaultResponse and MaxResponse bound an answer, in bytes.
	DefaultResponse = 64 << 10
	MaxResponse     = 1 << 20
	// MaxBody bounds what is sent, in bytes.
	MaxBody = 1 << 20

	// maxQuery bounds what GET makes of a form, in bytes.
	maxQuery = 64 << 10

	maxRedirects = 3
	userAgent    = "Usher"
	formType     = "application/x-www-form-urlencoded; charset=utf-8"
)

// Request is one call.
type Request struct {
	// Method is POST, which "" means, or GET, whose form goes into the query.
	Method string
	URL    string
	Form   url.Values
	// Body and ContentType are sent by POST in place of a form. The signature then covers the body by its hash in the query.
	Body        []byte
	ContentType string
	// AuthToken signs the request; "" sends it without a signature.
	AuthToken string
	// Username and Password are sent as Basic authorization in place of those in the URL.
	Username, Password string
	// Bearer is sent as authorization of that kind in place of the others; "" sends none.
	Bearer string
	// IdempotencyToken tells the receiver that two requests are the same; "" sends none.
	IdempotencyToken string
	// Timeout is at most LongestTimeout; 0 means DefaultTimeout.
	Timeout time.Duration
	// MaxResponse is at most the constant of that name; 0 means DefaultResponse.
	MaxResponse int
	// Discard says that the answer's body does not matter, nor how large it is. Its beginning is kept, up to Peek bytes.
	Discard bool
	Peek    int
}

// Response is an answer.
type Response struct {
	Status      int
	ContentType string
	Body        []byte
	Took        time.Duration
}

// Failure says in one word how a call failed.
type Failure string

// The failures.
const (
	// Refused is by the guard or for what the request itself says; nothing was sent to where it must not go.
	Refused Failure = "refused"
	// TimedOut is no complete answer in time.
	TimedOut Failure = "timeout"
	// BadStatus is an answer outside 200 to 299.
	BadStatus Failure = "status"
	// TooLarge is an answer larger than the request allows.
	TooLarge Failure = "too-large"
	// Unreachable is no connection, or one that broke.
	Unreachable Failure = "unreachable"
)

// Error is what Post fails with. Its text holds no address and nothing that was sent.
type Error struct {
	Failure Failure
	// Status is the answer's, if there was one.
	Status int
	// Reason is a short text for whoever configured the address.
	Reason string
	err    error
}

// Error says how the call failed.
func (e *Error) Error() string {
	if e.Failure == BadStatus {
		return fmt.Sprintf("%s %d", e.Failure, e.Status)
	}
	return string(e.Failure)
}

// Unwrap returns what is beneath; its text may hold addresses and must not be logged.
func (e *Error) Unwrap() error { return e.err }

// Temporary says that another try may help: timeouts, broken connections and the statuses 429, 503 and 504.
// Source: the original's webhook retry rules.
func (e *Error) Temporary() bool {
	switch e.Failure {
	case TimedOut, Unreachable:
		return true
	case BadStatus:
		return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	case Refused, TooLarge:
	}
	return false
}

// Client makes calls. It is safe for concurrent use.
type Client struct{ transport http.RoundTripper }

// NewClient makes a client on a transport, which must be NewTransport's wherever addresses come from outside.
func NewClient(transport http.RoundTripper) *Client { return &Client{transport} }

// Post makes a call and follows at most three redirects, never from https to http. The error is an *Error; with BadStatus
// and TooLarge the response is there as well, as far as it was read.
func (c *Client) Post(ctx context.Context, r Request) (Response, error) {
	limit := time.Duration(min(max(r.Timeout, 0), LongestTimeout))
	if limit == 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := r.build(ctx)
	if err != nil {
		return Response{}, failed(err, 0)
	}
	begin := time.Now()
	follower := http.Client{Transport: c.transport, CheckRedirect: r.redirect(out.URL)}
	in, err := follower.Do(out)
	if err != nil {
		if in != nil { // a redirect that was refused
			in.Body.Close()
		}
		return Response{Took: time.Since(begin)}, failed(err, 0)
	}
	defer in.Body.Close()
	answer := Response{Status: in.StatusCode, ContentType: in.Header.Get("Content-Type")}
	answer.Body, err = r.read(in.Body)
	answer.Took = time.Since(begin)
	switch {
	case err != nil:
		return answer, failed(err, answer.Status)
	case answer.Status < 200 || answer.Status > 299:
		return answer, &Error{Failure: BadStatus, Status: answer.Status, Reason: http.StatusText(answer.Status)}
	}
	return answer, nil
}

// build makes the HTTP request.
func (r *Request) build(ctx context.Context) (*http.Request, error) {
	u, err := parseURL(r.URL)
	if err != nil {
		return nil, err
	}
	method, body, contentType := http.MethodPost, r.Body, r.ContentType
	switch {
	case r.Method == http.MethodGet:
		method, body, contentType = http.MethodGet, nil, ""
		if query := r.Form.Encode(); query != "" {
			if u.RawQuery != "" {
				query = u.RawQuery + "&" + query
			}
			u.RawQuery = query
		}
	case r.Method != "" && r.Method != http.MethodPost:
		return nil, fmt.Errorf("%w: only GET and POST are sent", ErrRefused)
	case body == nil:
		body, contentType = []byte(r.Form.Encode()), formType
	case len(r.Form) > 0:
		return nil, fmt.Errorf("%w: a request has a form or a body", ErrRefused)
	case r.AuthToken != "":
		*u = HashBody(*u, body)
	}
	if len(body) > MaxBody || len(u.RawQuery) > maxQuery {
		return nil, fmt.Errorf("%w: the request is larger than %d bytes", ErrRefused, MaxBody)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrRefused)
	}
	if method == http.MethodGet {
		req.Body, req.GetBody = http.NoBody, nil
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "*/*")
	for name, value := range map[string]string{"Content-Type": contentType, idempotencyHeader: r.IdempotencyToken} {
		if !plain(value) {
			return nil, fmt.Errorf("%w: %s holds characters that a header cannot", ErrRefused, name)
		}
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if r.Username != "" {
		req.SetBasicAuth(r.Username, r.Password)
	}
	if r.Bearer != "" {
		if !plain(r.Bearer) {
			return nil, fmt.Errorf("%w: the key holds characters that a header cannot", ErrRefused)
		}
		req.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	r.sign(req)
	return req, nil
}

// plain says that a header can carry the value.
func plain(value string) bool {
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// sign puts the signature of what the request sends into its header.
func (r *Request) sign(req *http.Request) {
	if r.AuthToken == "" {
		return
	}
	var form url.Values
	if req.Method == http.MethodPost && r.Body == nil {
		form = r.Form
	}
	req.Header.Set(signatureHeader, Sign(signedURL(req.URL), form, r.AuthToken))
}

// redirect returns the rule for redirects of a call to first. As long as they stay where the call began the signature is made
// anew; from the first other host on there is neither signature nor authorization: a host that could choose what is signed
// could speak in Usher's name to another receiver of the account.
func (r *Request) redirect(first *url.URL) func(*http.Request, []*http.Request) error {
	left := false
	return func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("%w: more than %d redirects", ErrRefused, maxRedirects)
		}
		if len(req.URL.String()) > maxURL {
			return fmt.Errorf("%w: a redirect to a URL longer than %d bytes", ErrRefused, maxURL)
		}
		if err := normalize(req.URL); err != nil {
			return err
		}
		if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fmt.Errorf("%w: a redirect from https to http", ErrRefused)
		}
		req.Header.Del("Referer") // it would show the URL, which may hold secrets, to another host
		req.URL.User = nil
		left = left || !sameHost(first, req.URL)
		if left {
			req.Header.Del(signatureHeader)
			req.Header.Del("Authorization")
			return nil
		}
		if first.User != nil && r.Username == "" && r.Bearer == "" {
			password, _ := first.User.Password()
			req.SetBasicAuth(first.User.Username(), password)
		}
		if req.Method == http.MethodPost && r.Body != nil && r.AuthToken != "" {
			*req.URL = HashBody(*req.URL, r.Body)
		}
		r.sign(req)
		return nil
	}
}

// sameHost says that two addresses are the same server: the same host and port, or the way from http to https on the usual ports.
func sameHost(a, b *url.URL) bool {
	if a.Hostname() != b.Hostname() {
		return false
	}
	if a.Scheme == b.Scheme {
		return port(a) == port(b)
	}
	return a.Scheme == "http" && port(a) == "80" && port(b) == "443"
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// read reads an answer as far as the request allows.
func (r *Request) read(body io.Reader) ([]byte, error) {
	most := min(r.MaxResponse, MaxResponse)
	if most <= 0 {
		most = DefaultResponse
	}
	if r.Discard {
		// A little is read, so that the connection can be used again. Whether it comes does not matter.
		var kept bytes.Buffer
		_, _ = io.CopyN(&kept, body, int64(min(max(r.Peek, 0), DefaultResponse)))
		_, _ = io.CopyN(io.Discard, body, DefaultResponse)
		return kept.Bytes(), nil
	}
	all, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	if err == nil && len(all) > most {
		return all[:most], errTooLarge
	}
	return all, err
}

var errTooLarge = errors.New("the answer is too large")

// failed sorts an error of a call.
func failed(err error, status int) *Error {
	e := &Error{Failure: Unreachable, Status: status, Reason: reason(err), err: err}
	var timeout net.Error
	switch {
	case errors.Is(err, ErrRefused):
		e.Failure = Refused
	case errors.Is(err, errTooLarge):
		e.Failure = TooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Failure, e.Reason = TimedOut, "no complete answer in time"
	}
	return e
}

// reason is what the one who configured an address may know about an error: texts of the standard library name
// resolvers, addresses and URLs.
func reason(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var host x509.HostnameError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, ErrRefused):
		return last(err, ErrRefused).Error()
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error()
	case errors.As(err, &name):
		return "the host's name cannot be resolved"
	case errors.As(err, &host):
		return "the certificate is for another host"
	case errors.As(err, &certificate):
		return "the certificate is not trusted"
	case errors.As(err, &alert), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "TLS failed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke"
	case slices.ContainsFunc([]error{syscall.EHOSTUNREACH, syscall.ENETUNREACH}, func(e error) bool { return errors.Is(err, e) }):
		return "the host cannot be reached"
	}
	return "the call failed"
}

// last returns the deepest error of the chain that still wraps mark.
func last(err, mark error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || inner == mark { //nolint:errorlint // the chain is walked by hand
			return err
		}
		err = inner
	}
}
