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

	"usher/internal/loop"
)

// Limits of the listeners: a client that sends or reads slower than this is cut.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second
	writeTimeout  = 90 * time.Second
	idleTimeout   = 2 * time.Minute
	headerMost    = 64 << 10
)

// Run does what the configuration's command says. Serving goes on until ctx is done, then what is under way may end within
// Config.Drain. What a person needs to know goes to out.
func Run(ctx context.Context, c Config, out io.Writer) error {
	slog.SetDefault(newLogger(c))
	if c.Command == CommandRotate {
		return rotate(ctx, c, out)
	}
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
	return errors.Join(err, p.stop(context.WithoutCancel(ctx), server, group, stopMetrics))
}

// stop ends what is under way within Config.Drain: requests first, then sockets and loops, so that everything that was
// acknowledged has been written.
func (p *parts) stop(ctx context.Context, server *http.Server, group *loop.Group, stopMetrics func(context.Context) error) error {
	late, cancel := context.WithTimeout(ctx, p.config.Drain)
	defer cancel()
	// Requests get the larger part: a client that reads slowly must not take the loops' time, too.
	first, cancelFirst := context.WithTimeout(late, p.config.Drain*3/4)
	defer cancelFirst()
	err := server.Shutdown(first)
	if errors.Is(err, context.DeadlineExceeded) {
		slog.Warn("requests were cut at the end of their time")
		err = server.Close()
	}
	if late := group.Stop(late); late != nil {
		slog.Warn("the end came before all was done; what is left goes on at the next start", "error", late)
	}
	p.hub.Close()
	// Metrics have no clients that matter: whoever reads them is cut.
	stopped, cancelStopped := context.WithCancel(ctx)
	cancelStopped()
	_ = stopMetrics(stopped)
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
	return func(ctx context.Context) error {
		_ = server.Shutdown(ctx)
		return server.Close()
	}
}

// baseURL is the address that people open.
func (p *parts) baseURL(listener net.Listener) string { return p.addressed(listener.Addr().String()) }

// addressed is the configured address of this server, else one made of what it listens on.
func (p *parts) addressed(listen string) string {
	if p.config.URL != "" {
		return strings.TrimRight(p.config.URL, "/")
	}
	scheme := "http"
	if p.config.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return scheme + "://" + listen
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
