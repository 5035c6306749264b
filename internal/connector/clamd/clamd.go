// Package clamd speaks to clamd, the scanner of ClamAV, by its command INSTREAM: bytes go over a connection in chunks, each after
// its length, and one line comes back.
//
// It fails closed. Whatever is not a clear verdict is an error, and of a file without a verdict nobody may be given a byte.
package clamd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"usher/internal/media"
)

// patience bounds each exchange with the scanner. It looks into archives only after the last byte.
const patience = 60 * time.Second

// maxReply bounds the line that comes back, in bytes.
const maxReply = 4 << 10

// Client is a scanner at an address.
type Client struct{ network, address string }

// New returns the scanner at host:port, or at a socket whose path begins with a slash. It does not connect yet.
func New(address string) *Client {
	if strings.HasPrefix(address, "/") {
		return &Client{"unix", address}
	}
	return &Client{"tcp", address}
}

// Begin implements media.Scanner.
func (c *Client) Begin(ctx context.Context) (media.Scan, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, c.network, c.address)
	if err != nil {
		return nil, fmt.Errorf("clamd: %w", err)
	}
	s := &scan{conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	if err := s.send([]byte("zINSTREAM\x00")); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

type scan struct {
	conn net.Conn
	stop func() bool
}

func (s *scan) send(parts ...[]byte) error {
	err := s.conn.SetDeadline(time.Now().Add(patience))
	for _, p := range parts {
		if err == nil {
			_, err = s.conn.Write(p)
		}
	}
	if err != nil {
		return fmt.Errorf("clamd: %w", err)
	}
	return nil
}

// Write implements media.Scan. An empty chunk would be the end, so nothing is sent for nothing.
func (s *scan) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.send(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Verdict implements media.Scan.
func (s *scan) Verdict() error {
	if err := s.send(make([]byte, 4)); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(s.conn, maxReply)).ReadString(0)
	if err != nil {
		return fmt.Errorf("clamd: no verdict: %w", err)
	}
	line = strings.TrimRight(line, "\x00\n")
	switch {
	case line == "stream: OK":
		return nil
	case strings.HasPrefix(line, "stream: ") && strings.HasSuffix(line, " FOUND"):
		return media.ErrInfected
	}
	return fmt.Errorf("clamd: %.200q is no verdict", line)
}

// Close implements media.Scan.
func (s *scan) Close() error {
	s.stop()
	return s.conn.Close()
}
