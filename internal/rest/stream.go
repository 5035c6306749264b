package rest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/account"
)

// How long bytes may take that are no form and no JSON. A connection that moves nothing is cut long before.
const (
	streamIdle  = 30 * time.Second
	streamTotal = 15 * time.Minute
)

// maxUnread is how much of a refused upload is still read, in bytes: a browser that is not listened to sees a broken connection
// instead of the answer.
const maxUnread = 4 << 20

// Upload is an operation whose body is read by itself, as a stream: a file. Everything else is as with an Op.
type Upload[Out any] struct {
	Path   string
	Grants []account.Grant // an actor needs one of them
	// Do reads body, whose announced length is size (negative where none was announced), and returns the wire's form of the
	// answer, 201. contentType is the request's, with its parameters.
	Do func(ctx context.Context, c *Call, contentType string, size int64, body io.Reader) (Out, error)
}

func (d Upload[Out]) routes() []*route {
	return []*route{{method: http.MethodPost, path: d.Path, grants: d.Grants, raw: true, run: func(ctx context.Context, c *Call) (answer, error) {
		body := &patient{r: c.req.Body, control: http.NewResponseController(c.writer), end: time.Now().Add(streamTotal)}
		defer body.rest()
		out, err := d.Do(ctx, c, c.req.Header.Get("Content-Type"), c.req.ContentLength, body)
		return answer{status: http.StatusCreated, body: out}, err
	}}}
}

// Download is an operation that answers with bytes.
type Download struct {
	Path   string
	Grants []account.Grant // an actor needs one of them
	Public bool            // no credentials asked for
	Do     func(ctx context.Context, c *Call) (Content, error)
}

// Content is what a Download answers with. It is handed out so that it can do no harm, whatever it is: nothing in it runs, and
// browsers do not guess at its type.
type Content struct {
	Body        io.ReadSeekCloser
	Type        string
	Disposition string // header Content-Disposition
	ETag        string // with its quotes: the name of these bytes
	Modified    time.Time
	MaxAge      time.Duration // how long its reader may keep it; 0 is not at all
}

func (d Download) routes() []*route {
	return []*route{{method: http.MethodGet, path: d.Path, grants: d.Grants, public: d.Public, plain: true, run: func(ctx context.Context, c *Call) (answer, error) {
		content, err := d.Do(ctx, c)
		return answer{status: http.StatusOK, content: &content}, err
	}}}
}

// sandbox lets a browser show a picture, sound or video that is opened by itself, and nothing else.
const sandbox = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"

// serve writes the bytes of an answer: all, a range, or that the reader has them already. It returns the status.
func (c *Call) serve(w http.ResponseWriter, content *Content) int {
	h := c.header
	h["Content-Type"] = []string{content.Type}
	h["Etag"] = []string{content.ETag}
	h["Content-Disposition"] = []string{content.Disposition}
	h["Content-Security-Policy"] = []string{sandbox}
	h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
	h["Referrer-Policy"] = []string{"no-referrer"}
	if content.MaxAge > 0 {
		h["Cache-Control"] = []string{"private, max-age=" + strconv.Itoa(int(content.MaxAge/time.Second)) + ", immutable"}
	}
	if strings.Contains(c.req.Header.Get("Range"), ",") {
		c.req.Header.Del("Range") // many ranges cost many readings; whoever asks for them may have all
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(streamTotal))
	seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	http.ServeContent(seen, c.req, "", content.Modified, content.Body)
	return seen.status
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes and passes on the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// patient reads a body for as long as something comes.
type patient struct {
	r       io.Reader
	control *http.ResponseController
	end     time.Time
	ended   bool
}

// Read moves the connection's deadline on and reads.
func (p *patient) Read(b []byte) (int, error) {
	deadline := time.Now().Add(streamIdle)
	if deadline.After(p.end) {
		deadline = p.end
	}
	// A server that is called without a connection, in tests, has no deadlines.
	_ = p.control.SetReadDeadline(deadline)
	_ = p.control.SetWriteDeadline(deadline.Add(streamIdle))
	n, err := p.r.Read(b)
	p.ended = p.ended || err != nil
	return n, err
}

// rest reads a little of what was not asked for.
func (p *patient) rest() {
	if !p.ended {
		_, _ = io.CopyN(io.Discard, p, maxUnread)
	}
}
