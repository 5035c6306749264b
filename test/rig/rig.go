// Package rig runs the built program for tests that look at it from outside: over its sockets, with kill -9, in its files.
package rig

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/internal/db/dbtest"
)

// readyTimeout bounds how long a start may take, on a busy machine and with a race detector in the binary.
const readyTimeout = 60 * time.Second

// Options says how the program is run.
type Options struct {
	Postgres bool     // on a fresh PostgreSQL database; the test is left out when there is none
	Env      []string // added to the environment
	Data     string   // the data folder, or nothing for one that goes with the test
}

// Server is a running program, with the credentials of its first account.
type Server struct {
	URL, Metrics          string // base addresses, such as http://127.0.0.1:40123
	AccountSID, AuthToken string
	KeySID, KeySecret     string
	Data                  string // the data folder
	Database              string // the PostgreSQL address, or nothing
	Log                   string // the file that holds everything it printed

	binary string
	args   []string
	env    []string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan error
}

// Start runs the program on fresh data and returns when it is ready. It ends with the test; what it printed is shown when
// the test has failed.
func Start(t *testing.T, o Options) *Server {
	t.Helper()
	dir := t.TempDir()
	s := &Server{
		AccountSID: "AC" + Hex(16), AuthToken: Hex(16), KeySID: "SK" + Hex(16), KeySecret: Hex(16),
		Data: filepath.Join(dir, "data"), Log: filepath.Join(dir, "log"), binary: Binary(t),
	}
	if o.Data != "" {
		s.Data = o.Data
	}
	listen, metrics := freeAddress(t), freeAddress(t)
	s.URL, s.Metrics = "http://"+listen, "http://"+metrics
	s.args = []string{"serve", "--data", s.Data, "--listen", listen, "--metrics", metrics}
	if o.Postgres {
		s.Database = dbtest.Address(t)
		s.args = append(s.args, "--database", s.Database)
	}
	s.env = append(foreignEnv(), "USHER_LOG_LEVEL=warn", "USHER_ACCOUNT_SID="+s.AccountSID, "USHER_AUTH_TOKEN="+s.AuthToken,
		"USHER_API_KEY="+s.KeySID, "USHER_API_SECRET="+s.KeySecret)
	s.env = append(s.env, "USHER_CHANNEL_RATE=-1") // tests write faster than people
	s.env = append(s.env, o.Env...)
	if err := s.Run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, s.Printed())
	}
	t.Cleanup(func() {
		_ = s.Kill()
		for _, word := range []string{"DATA RACE", "panic:", "goroutine 1 ["} {
			if strings.Contains(s.Printed(), word) {
				t.Errorf("the program printed %q", word)
			}
		}
		if t.Failed() {
			t.Logf("the program printed:\n%s", tail(s.Printed(), 8000))
		}
	})
	return s
}

// Run starts the program again on the same data and addresses, and returns when it is ready.
func (s *Server) Run(ctx context.Context) error {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(s.binary, s.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	s.mu.Lock()
	s.cmd, s.done = cmd, done
	s.mu.Unlock()
	return s.ready(ctx, done)
}

// Kill ends the program as a crash does, with SIGKILL, and waits until it is gone.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop asks the program to end, with SIGTERM, and waits for it. It answers the exit's error.
func (s *Server) Stop() error { return s.end(syscall.SIGTERM) }

func (s *Server) end(signal os.Signal) error {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.mu.Unlock()
	_ = cmd.Process.Signal(signal)
	select {
	case err := <-done:
		done <- err
		return err
	case <-time.After(readyTimeout):
		_ = cmd.Process.Kill()
		return errors.New("the program did not end")
	}
}

// Printed answers everything that the program has printed since the first start.
func (s *Server) Printed() string {
	text, _ := os.ReadFile(s.Log)
	return string(text)
}

func (s *Server) ready(ctx context.Context, done chan error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("/readyz answers %d", res.StatusCode)
		}
		select {
		case ended := <-done:
			done <- ended
			return fmt.Errorf("the program ended before it was ready: %w", ended)
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

var build = sync.OnceValues(func() (string, error) {
	// What earlier test programs have built is no use to anybody; they could not remove it while they ran.
	earlier, _ := filepath.Glob(filepath.Join(os.TempDir(), "usher-bin-*"))
	for _, old := range earlier {
		if info, err := os.Stat(old); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(old)
		}
	}
	dir, err := os.MkdirTemp("", "usher-bin-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "usher")
	out, err := exec.Command("go", "build", "-o", binary, "usher/cmd/usher").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, bytes.TrimSpace(out))
	}
	return binary, nil
})

// Binary answers the program under test: USHER_BIN, or one that is built now, once per test program.
func Binary(t *testing.T) string {
	t.Helper()
	if binary := os.Getenv("USHER_BIN"); binary != "" {
		return binary
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// EachDatabase runs a test on SQLite and on PostgreSQL, one after the other: these tests load the machine.
func EachDatabase(t *testing.T, o Options, fn func(t *testing.T, s *Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, Start(t, o)) })
	o.Postgres = true
	t.Run("postgres", func(t *testing.T) { fn(t, Start(t, o)) })
}

// foreignEnv answers the environment without the program's own variables, which the test decides.
func foreignEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "USHER_") })
}

// Hex answers n random bytes in hexadecimal.
func Hex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	_, s, _ = strings.Cut(s[len(s)-n:], "\n")
	return "…\n" + s
}

// Eventually waits for something that happens after an answer, or ends the test.
func Eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}

// PID is the running program's process id.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process.Pid
}
