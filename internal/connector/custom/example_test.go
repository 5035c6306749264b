package custom

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// example is the program of the documentation.
func example(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/custom-channel.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the page has %d programs", len(found))
	}
	if lines := strings.Count(string(found[0][1]), "\n"); lines > 50 {
		t.Errorf("the program has %d lines", lines)
	}
	return string(found[0][1])
}

// TestExample runs the program as it stands in the documentation, against a connection: both directions, a receipt, the same message twice,
// one that is not signed, and an Usher that is away for a moment.
func TestExample(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": example(t), "go.mod": "module channel\n\ngo 1.24\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "channel", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	updates := make(chan connector.Update, 10)
	away := make(chan bool, 1)
	away <- true
	var c *Connection
	usher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case <-away:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		default:
		}
		u, err := c.Receive(r.Context(), connector.Request{Method: r.Method, URL: "http://" + r.Host, Header: r.Header, Body: body, At: time.Now()})
		if err != nil {
			t.Errorf("the program posts %s: %v", body, err)
		}
		updates <- u
		_, _ = w.Write(u.Answer.Body)
	}))
	defer usher.Close()
	listen := free(t)
	s := settings()
	s["url"] = "http://" + listen
	opened, err := Kind.Open(s, connector.Deps{Client: &http.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	c = opened.(*Connection)

	program := exec.CommandContext(t.Context(), filepath.Join(dir, "channel"))
	program.Env = append(os.Environ(), "LISTEN="+listen, "SECRET="+secret, "TOKEN="+token, "USHER="+usher.URL)
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = program.Process.Kill(), program.Wait() }()

	// A customer writes, while Usher is away at first.
	if _, err := io.WriteString(stdin, "ada: Is my lamp ready?\n"); err != nil {
		t.Fatal(err)
	}
	u := <-updates
	if len(u.Messages) != 1 || u.Messages[0].From != "custom:ada" || u.Messages[0].Body != "Is my lamp ready?" || u.Messages[0].To != "custom:shop" {
		t.Fatalf("the program brought %+v", u.Messages)
	}

	// The answer is shown once, however often it is sent.
	m := carry.Outbound{SID: "SM0190a1b2c3d4e5f60718293a4b5c6d7e", From: "custom:shop", To: "custom:ada", Body: "Tomorrow."}
	send(t, c, m)
	send(t, c, m)
	m.SID, m.Body = "SM0190a1b2c3d4e5f60718293a4b5c6d7f", "Or today."
	send(t, c, m)
	shown := bufio.NewScanner(stdout)
	for _, want := range []string{"to ada: Tomorrow.", "to ada: Or today."} {
		if !shown.Scan() || shown.Text() != want {
			t.Errorf("the program shows %q, want %q", shown.Text(), want)
		}
	}
	received := map[string]carry.Status{}
	for range 2 {
		for _, r := range (<-updates).Receipts {
			received[r.ID] = r.Status
		}
	}
	if received[m.SID] != carry.Delivered || len(received) != 2 {
		t.Errorf("the program brought the receipts %v", received)
	}

	// It refuses what Usher did not sign.
	c.secret = "another-secret-of-16"
	if refusal := (*carry.Refusal)(nil); !errors.As(second(c.Send(t.Context(), m)), &refusal) || refusal.Again {
		t.Error("the program took what was not signed")
	}
}

// send sends a message, again as long as the program is not there yet.
func send(t *testing.T, c *Connection, m carry.Outbound) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		sent, err := c.Send(t.Context(), m)
		if err == nil && sent.IDs[0] == m.SID {
			return
		}
		if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) || !refusal.Again || time.Now().After(deadline) {
			t.Fatalf("send: %v", err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
