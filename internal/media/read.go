package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"usher/internal/blob"
	"usher/internal/seal"
	"usher/internal/sid"
)

// The streams of a file.
const (
	original  = "original"
	thumbnail = "thumbnail"
)

// place binds sealed bytes to their file and to what they are of it.
func (m *Media) place(stream string) []byte {
	return []byte("media|" + strconv.FormatInt(m.Account, 10) + "|" + string(m.SID) + "|" + stream)
}

func thumbnailName(media sid.SID) string { return string(media) + "-thumbnail" }

// Open reads the bytes of a file. The reader can be moved; it opens the store anew where it is moved back, and reads over what
// lies between where it is moved on: sealed bytes are read from their beginning. Memory is bounded whatever the size.
func (s *Store) Open(ctx context.Context, m Media) (io.ReadSeekCloser, error) {
	c := &content{
		size: m.Size,
		open: func() (io.ReadCloser, io.Reader, error) { return s.openStream(ctx, &m, string(m.SID), original) },
	}
	// The first look says whether the bytes are there at all, before an answer is begun.
	if err := c.begin(); err != nil {
		return nil, absent(m.SID, err)
	}
	return c, nil
}

func (s *Store) openStream(ctx context.Context, m *Media, name, stream string) (io.ReadCloser, io.Reader, error) {
	raw, err := s.blobs.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	plain, err := seal.OpenStream(m.Secret, m.place(stream), raw)
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return raw, plain, nil
}

// content is an open file.
type content struct {
	open  func() (io.ReadCloser, io.Reader, error)
	size  int64
	at    int64 // where the caller is
	raw   io.ReadCloser
	plain io.Reader
	read  int64 // where plain is
}

func (c *content) begin() (err error) {
	if c.raw != nil {
		err = c.raw.Close()
		c.raw = nil
	}
	if err != nil {
		return err
	}
	c.raw, c.plain, err = c.open()
	c.read = 0
	return err
}

// Read reads from where the reader stands.
func (c *content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	if c.at < c.read || c.raw == nil {
		if err := c.begin(); err != nil {
			return 0, err
		}
	}
	if c.at > c.read {
		n, err := io.CopyN(io.Discard, c.plain, c.at-c.read)
		c.read += n
		if err != nil {
			return 0, fmt.Errorf("media: %w", err)
		}
	}
	n, err := c.plain.Read(p)
	c.read += int64(n)
	c.at = c.read
	if errors.Is(err, io.EOF) && c.at < c.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek moves the reader; nothing is read yet.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("media: a place before the beginning")
	}
	c.at = offset
	return offset, nil
}

// Close ends the reading.
func (c *content) Close() error {
	if c.raw == nil {
		return nil
	}
	err := c.raw.Close()
	c.raw = nil
	return err
}

// missingStream reports whether a stream was never kept.
func missingStream(err error) bool { return errors.Is(err, blob.ErrMissing) }
