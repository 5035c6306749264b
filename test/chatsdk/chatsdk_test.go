// Package chatsdk runs the official chat libraries of npm, unchanged but for the address that they are given, against the built
// program: the same script with each version, and the table in docs/compatibility.md says what passes. With -update it writes
// the table.
package chatsdk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"usher/test/rig"
)

var update = flag.Bool("update", false, "write the table into docs/compatibility.md")

const (
	page  = "../../docs/compatibility.md"
	begin = "<!-- chat libraries: written by make compat -->\n"
	end   = "<!-- end of chat libraries -->\n"
	// atOnce is how many versions play at the same time.
	atOnce = 2
)

// versions are the last of each generation of the library that sites have in use.
var versions = []string{"3.2.4", "3.3.7", "3.4.0", "4.1.0", "5.0.2", "6.0.0"}

// result is a line that the script prints.
type result struct {
	Version string `json:"version"`
	Step    string `json:"step"`
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
}

// installed leaves a test out where the libraries are not there.
func installed(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("node_modules/chat-" + versions[0]); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("LEFT OUT: %v; make test-chatsdk installs it", err)
	}
}

func TestChatLibraries(t *testing.T) {
	installed(t)
	passes := map[string]bool{}
	var steps []string
	var mu sync.Mutex
	front, trusted := newFront(t)
	rig.EachDatabase(t, rig.Options{Env: []string{"USHER_MEDIA_URL=" + front.URL, "USHER_ALLOW_NETWORKS=127.0.0.0/8"}}, func(t *testing.T, s *rig.Server) {
		front.leadTo(t, s)
		service := newService(t, s)
		if a, err := s.Client().Call(t.Context(), http.MethodPost, "/chat/v2/Services/"+service, url.Values{"ReachabilityEnabled": {"true"}}); err != nil || a.Status != http.StatusOK {
			t.Fatalf("service: %+v, %v", a, err)
		}
		free := make(chan struct{}, atOnce)
		var all sync.WaitGroup
		for _, version := range versions {
			all.Go(func() {
				free <- struct{}{}
				defer func() { <-free }()
				cmd := script(t, s, "script.mjs", version, service)
				cmd.Env = append(cmd.Env, "NODE_EXTRA_CA_CERTS="+trusted)
				results := run(t, cmd, version)
				mu.Lock()
				defer mu.Unlock()
				for _, r := range results {
					if !slices.Contains(steps, r.Step) {
						steps = append(steps, r.Step)
					}
					before, known := passes[r.Version+r.Step]
					passes[r.Version+r.Step] = r.OK && (before || !known)
					if !r.OK {
						t.Errorf("twilio-chat %s: %s: %s", r.Version, r.Step, r.Error)
					}
				}
			})
		}
		all.Wait()
	})
	checkTable(t, steps, passes)
}

// newService makes a chat service by REST.
func newService(t *testing.T, s *rig.Server) string {
	t.Helper()
	a, err := s.Client().Call(t.Context(), http.MethodPost, "/chat/v2/Services", url.Values{"FriendlyName": {"chat libraries"}})
	if err != nil || a.Status != http.StatusCreated {
		t.Fatalf("service: %+v, %v", a, err)
	}
	sid, _ := a.Body["sid"].(string)
	return sid
}

// front is TLS in front of the server, as a reverse proxy is: the older libraries send files to https only.
type front struct {
	*httptest.Server
	proxy atomic.Pointer[httputil.ReverseProxy]
}

// newFront starts a front, and writes its certificate where Node.js finds whom to trust.
func newFront(t *testing.T) (f *front, trusted string) {
	t.Helper()
	f = &front{}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.proxy.Load().ServeHTTP(w, r) }))
	t.Cleanup(f.Close)
	trusted = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return f, trusted
}

func (f *front) leadTo(t *testing.T, s *rig.Server) {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.proxy.Store(httputil.NewSingleHostReverseProxy(to))
}

// run runs a script and answers the lines that it prints.
func run(t *testing.T, cmd *exec.Cmd, version string) []result {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var list []result
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Step != "" {
			list = append(list, r)
		}
	}
	if err != nil && !slices.ContainsFunc(list, func(r result) bool { return !r.OK }) {
		t.Errorf("twilio-chat %s: %v\n%s", version, err, &said)
	}
	return list
}

// checkTable compares what the page says with what has passed, or writes it.
func checkTable(t *testing.T, steps []string, passes map[string]bool) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n| twilio-chat | %s |\n| --- |%s\n", begin, strings.Join(versions, " | "), strings.Repeat(" --- |", len(versions)))
	for _, step := range steps {
		fmt.Fprintf(&b, "| %s |", step)
		for _, version := range versions {
			fmt.Fprintf(&b, " %s |", map[bool]string{true: "yes", false: "no"}[passes[version+step]])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n" + end)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("%s has lost the lines %q and %q", page, begin, end)
	case *update:
		if err := os.WriteFile(page, []byte(before+b.String()+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case begin+old+end != b.String():
		t.Errorf("%s does not say what the libraries do; run make compat", page)
	}
}
