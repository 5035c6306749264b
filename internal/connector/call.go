package connector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"usher/internal/messaging/carry"
)

// Limits of calls to a carrier.
const (
	// CallTimeout bounds a call from the resolving of the name to the last byte of the answer.
	CallTimeout = 20 * time.Second
	// MaxReply bounds the answer to a call, in bytes. What is longer is cut, and then cannot be read.
	MaxReply = 1 << 20
	// MaxMedia bounds one file, in bytes.
	MaxMedia = 16 << 20
	// longestPause is the longest that a carrier may make us wait.
	longestPause = time.Hour
)

// Reply is a carrier's answer to a call. The body is what could be read of it.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call makes one request of a carrier's API. Redirects are not followed: nothing that we send goes to where the answer says. When no
// connection came to be, the error is a *carry.Refusal, for nothing was sent; after any other it is not known what the carrier did. No
// error names an address or holds what was sent.
func Call(ctx context.Context, client *http.Client, req *http.Request) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	var connected atomic.Bool
	trace := httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	staying := *client
	staying.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := staying.Do(req.WithContext(httptrace.WithClientTrace(ctx, &trace)))
	switch {
	case err != nil && !connected.Load():
		return Reply{}, &carry.Refusal{Reason: "the carrier cannot be reached", Again: true}
	case err != nil:
		return Reply{}, broken(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxReply+1))
	if err != nil || len(body) > MaxReply {
		body = nil // half an answer is none
	}
	return Reply{res.StatusCode, res.Header, body}, nil
}

// broken is the error of a call whose outcome is not known.
func broken(err error) error {
	if timeout := (interface{ Timeout() bool })(nil); errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("the carrier did not answer in time")
	}
	return errors.New("the connection to the carrier broke")
}

// OK says that the carrier took what was asked.
func (r Reply) OK() bool { return r.Status >= 200 && r.Status <= 299 }

// Error is what an answer means that says nothing that we can read: a Refusal where the status is a clear no, the words that
// the outcome is not known where a gateway or a broken program may have answered after the carrier had taken the message.
func (r Reply) Error() error {
	switch {
	case r.Status == http.StatusTooManyRequests, r.Status == http.StatusServiceUnavailable:
		return &carry.Refusal{Reason: fmt.Sprintf("HTTP status %d", r.Status), Again: true, After: r.After()}
	case r.Status >= 300 && r.Status <= 499:
		return &carry.Refusal{Reason: fmt.Sprintf("HTTP status %d", r.Status)}
	case r.OK():
		return errors.New("the carrier's answer cannot be read")
	}
	return fmt.Errorf("the carrier answered with HTTP status %d", r.Status)
}

// After is how long the carrier wants us to wait, 0 when it does not say, at most an hour. Source: RFC 9110, Retry-After.
func (r Reply) After() time.Duration {
	value := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestPause)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), longestPause)
	}
	return 0
}

// ErrNoFile is the error of Fetch for a file that will not be there later either.
var ErrNoFile = errors.New("the file cannot be had")

// Fetch gets a file that a message names. At most three redirects are followed, none away from https; authorization stays with the first
// host. The error is ErrNoFile, or another after which a later try may help. request is the context of the carrier's request: what all requests
// have fetched together is bounded, and this one's part is given back when it is done.
func Fetch(ctx, request context.Context, client *http.Client, req *http.Request) (carry.Media, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	shrink, err := files.take(ctx, request, MaxMedia)
	if err != nil {
		return carry.Media{}, errors.New("too many files come at once")
	}
	m, err := fetch(ctx, client, req)
	shrink(int64(len(m.Data)))
	return m, err
}

func fetch(ctx context.Context, client *http.Client, req *http.Request) (carry.Media, error) {
	following := *client
	following.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		next.Header.Del("Referer") // it would show an address that may be a secret
		if len(via) > 3 || via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := following.Do(req.WithContext(ctx))
	if err != nil {
		return carry.Media{}, broken(err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusUnauthorized, res.StatusCode >= 500, res.StatusCode == http.StatusAccepted:
		return carry.Media{}, fmt.Errorf("the file is not there now: HTTP status %d", res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return carry.Media{}, fmt.Errorf("%w: HTTP status %d", ErrNoFile, res.StatusCode)
	case res.ContentLength > MaxMedia:
		return carry.Media{}, fmt.Errorf("%w: it is too large", ErrNoFile)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, MaxMedia+1))
	switch {
	case err != nil:
		return carry.Media{}, broken(err)
	case len(data) > MaxMedia:
		return carry.Media{}, fmt.Errorf("%w: it is too large", ErrNoFile)
	case len(data) == 0:
		return carry.Media{}, fmt.Errorf("%w: it is empty", ErrNoFile)
	}
	return carry.Media{Data: data, ContentType: res.Header.Get("Content-Type")}, nil
}
