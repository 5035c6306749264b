// Package app puts Usher together: configuration, every constructor call, the first run, start and stop.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Limits of the listeners: a client that sends or reads slower than this is cut.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second
	writeTimeout  = 90 * time.Second
	idleTimeout   = 2 * time.Minute
	headerMost    = 64 << 10
)

// Run serves until ctx is done, then lets what is under way end within Config.Drain. What a person needs to know goes to out.
func Run(ctx context.Context, c Config, out io.Writer) error {
	slog.SetDefault(newLogger(c))
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	p, err := assemble(ctx, c)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := p.run(ctx, listener, out); err != nil {
		return errors.Join(err, p.db.Close())
	}
	return p.db.Close()
}

func (p *parts) run(ctx context.Context, listener net.Listener, out io.Writer) error {
	welcome, err := p.firstRun(ctx, p.baseURL(listener))
	if err != nil {
		return errors.Join(fmt.Errorf("first run: %w", err), listener.Close())
	}
	if p.db.Dialect() == "sqlite" {
		// Nobody else has this file open: what was running when the last process ended runs no more.
		if err := p.jobs.Release(ctx); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	group := p.services()
	group.Start(context.WithoutCancel(ctx))
	server := newServer(p)
	failed := make(chan error, 1)
	go func() { failed <- p.serve(server, listener) }()
	stopMetrics := p.serveMetrics()
	welcome.print(out)
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	close(p.draining)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.config.Drain)
	defer cancel()
	// Sockets go first, and requests beside them; then the loops, so that everything acked has been written.
	err = errors.Join(err, server.Shutdown(late), group.Stop(late), stopMetrics(late))
	p.hub.Close()
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (p *parts) serve(server *http.Server, listener net.Listener) error {
	var err error
	if p.config.TLSCert != "" {
		err = server.ServeTLS(listener, p.config.TLSCert, p.config.TLSKey)
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerMost, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
}

// serveMetrics serves the metrics on a listener of their own. A port that is taken is no reason not to serve customers.
func (p *parts) serveMetrics() (stop func(context.Context) error) {
	none := func(context.Context) error { return nil }
	if p.config.Metrics == "off" || p.config.Metrics == "" {
		return none
	}
	listener, err := net.Listen("tcp", p.config.Metrics)
	if err != nil {
		slog.Warn("metrics are not served", "error", err)
		return none
	}
	p.metrics.watch(p)
	server := newServer(p.metrics.handler())
	go func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			slog.Error("metrics ended", "error", err)
		}
	}()
	return server.Shutdown
}

// baseURL is the address that people open.
func (p *parts) baseURL(listener net.Listener) string {
	if p.config.URL != "" {
		return strings.TrimRight(p.config.URL, "/")
	}
	scheme := "http"
	if p.config.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return scheme + "://" + listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func newLogger(c Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
