// Package carriers tries the connectors against carriers that nobody here has written: an SMSC on npm's smpp, one on Perl's Net::SMPP, and
// Kannel as Debian has it, which is an ESME of its own towards the first and HTTP towards Usher.
package carriers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp"
	"usher/internal/messaging/carry"
)

// said is a line that a carrier has said.
type said struct {
	Event    string `json:"event"`
	Port     int    `json:"port"`
	Owner    string `json:"owner"`
	From, To string
	Text     string `json:"text"`
	Parts    int    `json:"parts"`
	Coding   int    `json:"coding"`
	N        int    `json:"n"`
	Tries    int    `json:"tries"`
	Most     int    `json:"most"`
	ID       string `json:"id"`
}

// peer is a carrier's process.
type peer struct {
	t    *testing.T
	in   io.WriteCloser
	said chan said
	port int
}

// start runs a carrier's script and waits until it listens.
func start(t *testing.T, name string, args ...string) *peer {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		leaveOut(t, name)
	}
	cmd := exec.Command(path, args...) // it ends when its input does
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, in: in, said: make(chan said, 10_000)}
	t.Cleanup(func() {
		_ = in.Close()
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
	})
	go func() {
		defer close(p.said)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var s said
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				t.Logf("%s: %s", name, lines.Text())
				continue
			}
			p.said <- s
		}
	}()
	p.port = p.until("listening", nil).Port
	return p
}

// leaveOut skips, or fails in continuous integration.
func leaveOut(t *testing.T, missing string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing", missing)
	}
	t.Skipf("LEFT OUT: %s is missing", missing)
}

// do gives an order.
func (p *peer) do(order map[string]any) {
	p.t.Helper()
	line, err := json.Marshal(order)
	if err == nil {
		_, err = fmt.Fprintf(p.in, "%s\n", line)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// until waits for an event; others go to pass.
func (p *peer) until(event string, pass func(said)) said {
	p.t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case s, ok := <-p.said:
			switch {
			case !ok:
				p.t.Fatalf("the carrier ended before %q", event)
			case s.Event == event:
				return s
			case pass != nil:
				pass(s)
			}
		case <-late:
			p.t.Fatalf("no %q for 30 s", event)
		}
	}
}

// keeper is a sink in memory.
type keeper struct {
	mu       sync.Mutex
	messages []carry.Inbound
	receipts []carry.Receipt
	again    int
}

func (k *keeper) Accept(_ context.Context, m carry.Inbound) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, old := range k.messages {
		if old.ID == m.ID {
			k.again++
			return nil
		}
	}
	k.messages = append(k.messages, m)
	return nil
}

func (k *keeper) Receipt(_ context.Context, r carry.Receipt) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.receipts = append(k.receipts, r)
	return nil
}

// bodies answers how often each text was kept.
func (k *keeper) bodies() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := map[string]int{}
	for _, message := range k.messages {
		m[message.Body]++
	}
	return m
}

// receipt waits for the receipt of an ID with a status.
func (k *keeper) receipt(t *testing.T, id string, status carry.Status) carry.Receipt {
	t.Helper()
	var found carry.Receipt
	eventually(t, fmt.Sprintf("receipt %s of %s", status, id), func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, r := range k.receipts {
			if r.ID == id && r.Status == status {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

// eventually waits until it is true.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !true(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// bind opens a connection to the carrier and waits until it is up.
func bind(t *testing.T, port int, settings map[string]string) (*smpp.Connection, *keeper) {
	t.Helper()
	all := map[string]string{"address": fmt.Sprintf("127.0.0.1:%d", port), "system_id": "usher", "password": "secret"}
	for name, value := range settings {
		all[name] = value
	}
	c, err := smpp.Open(all, connector.Deps{Client: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx, k)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	eventually(t, "the link is up", func() bool { return c.Health().Up })
	return c, k
}

// Texts that are hard to carry.
var (
	plain     = "Grüße @ [1€] ~ ^|{}\\ Ωß"
	wide      = "こんにちは、世界 👋🏽"
	longPlain = strings.Repeat("Ihre Bestellung [€ 12,50] ist unterwegs. ", 12)
	longWide  = strings.Repeat("ご注文の品は発送されました😀。", 20)
)
