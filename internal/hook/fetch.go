package hook

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
)

// File is what Fetch finds at an address.
type File struct {
	Filename    string // as the answer or the address calls it; may be anything
	ContentType string // as the answer says
	Size        int64  // bytes; -1 where the answer does not say
	Body        io.Reader
}

// Fetch gets a file of at most so many bytes and hands it to take while it comes. It goes where Post goes and no further, and is not
// signed. The error is an *Error, or the one of take as it is.
func (c *Client) Fetch(ctx context.Context, address string, most int64, take func(File) error) error {
	ctx, cancel := context.WithTimeout(ctx, LongestTimeout)
	defer cancel()
	r := Request{Method: http.MethodGet, URL: address}
	out, err := r.build(ctx)
	if err != nil {
		return failed(err, 0)
	}
	follower := http.Client{Transport: c.transport, CheckRedirect: r.redirect(out.URL)}
	in, err := follower.Do(out)
	if err != nil {
		if in != nil { // a redirect that was refused
			in.Body.Close()
		}
		return failed(err, 0)
	}
	defer in.Body.Close()
	switch {
	case in.StatusCode < 200 || in.StatusCode > 299:
		return &Error{Failure: BadStatus, Status: in.StatusCode, Reason: http.StatusText(in.StatusCode)}
	case in.ContentLength > most:
		return failed(errTooLarge, in.StatusCode)
	}
	body := &bounded{src: in.Body, left: most}
	err = take(File{filename(in), in.Header.Get("Content-Type"), in.ContentLength, body})
	if body.failed != nil { // whatever take made of it
		return failed(body.failed, in.StatusCode)
	}
	return err
}

// filename is what an answer calls its file, else the end of its address.
func filename(in *http.Response) string {
	_, values, err := mime.ParseMediaType(in.Header.Get("Content-Disposition"))
	if err == nil && values["filename"] != "" {
		return values["filename"]
	}
	name := path.Base(in.Request.URL.Path)
	if name == "/" || name == "." {
		return ""
	}
	return name
}

// bounded reads at most so many bytes and remembers how that failed.
type bounded struct {
	src    io.Reader
	left   int64
	failed error
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	n, err := b.src.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.failed = errTooLarge
		return 0, b.failed
	}
	if err != nil && err != io.EOF { //nolint:errorlint // readers return it as it is
		b.failed = fmt.Errorf("file: %w", err)
		return n, b.failed
	}
	return n, err
}
