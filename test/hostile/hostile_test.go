// Package hostile attacks the built program from outside, as somebody would who wants to break it, to read what is another's,
// or to get in. Every attack must get an answer with a code, change nothing, and leave the program alive for everybody else;
// afterwards its log holds no panic, no failure and nothing of what was sent.
package hostile

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/test/ops"
	"usher/test/rig"
)

// proxy is the only address that the program believes X-Forwarded headers from. Every address of 127.0.0.0/8 is this machine,
// so a test chooses its own by binding to it.
const proxy = "127.0.0.5"

// siege is a program under attack.
type siege struct {
	*rig.Server
	admin  *rig.Client // the account's own credentials
	world  ops.World
	secret string // appears in every name, body, attribute, number and e-mail address that the tests send
	once   string // the secret of the printed one-time link
}

func (s *siege) service() string { return "/chat/v2/Services/" + s.world["chat/Services"] }
func (s *siege) channel() string {
	return s.service() + "/Channels/" + s.world["chat/Services/Channels"]
}

func (s *siege) workspace() string {
	return "/taskrouter/v1/Workspaces/" + s.world["taskrouter/Workspaces"]
}

var onceLink = regexp.MustCompile(`#once=([\w-]+)`)

func TestHostile(t *testing.T) {
	t.Parallel()
	server := rig.Start(t, rig.Options{Env: []string{"USHER_LOG_LEVEL=debug", "USHER_TRUSTED_PROXIES=" + proxy}})
	s := &siege{Server: server, admin: server.Client(), secret: "canary" + rig.Hex(8)}
	s.world = ops.Build(t, s.admin, s.AccountSID)
	if found := onceLink.FindStringSubmatch(s.Printed()); found != nil {
		s.once = found[1]
	}
	other := newTenant(t, s)
	before := s.snapshot(t)
	// What waits for the program's own deadlines runs beside everything else.
	t.Run("attacks", func(t *testing.T) {
		t.Run("slow", func(t *testing.T) { t.Parallel(); slow(t, s) })
		t.Run("quick", func(t *testing.T) {
			t.Parallel()
			t.Run("nothing changed", func(t *testing.T) {
				rest(t, s)
				paths(t, s)
				credentials(t, s, other)
				frames(t, s)
				sdkFrames(t, s)
				s.same(t, before)
			})
			t.Run("files", func(t *testing.T) { files(t, s, other) })
			t.Run("odd", func(t *testing.T) { odd(t, s) })
			t.Run("roles", func(t *testing.T) { roles(t, s) })
			t.Run("agents", func(t *testing.T) { agents(t, s) })
			t.Run("visitors", func(t *testing.T) { visitors(t, s) })
			t.Run("revoked", func(t *testing.T) { revoked(t, s) })
			t.Run("floods", func(t *testing.T) { floods(t, s) })
			t.Run("sign-in", func(t *testing.T) { signIn(t, s) })
			t.Run("pages", func(t *testing.T) { pages(t, s) })
		})
	})
	s.alive(t)
	s.log(t)
}

// alive asks for something that needs the database, and for a stream.
func (s *siege) alive(t *testing.T) {
	t.Helper()
	s.admin.Get(t, s.channel())
	st, err := s.Dial(t.Context(), s.Token("alive", s.world["chat/Services"], time.Minute))
	if err != nil {
		t.Fatalf("no stream any more: %v", err)
	}
	st.Close()
}

// log looks at everything that the program has printed: at level debug it must hold neither a failure nor a word that somebody
// sent, nor a credential.
func (s *siege) log(t *testing.T) {
	t.Helper()
	printed := s.Printed()
	for line := range strings.Lines(printed) {
		if strings.Contains(line, "panic") || strings.Contains(line, "level=ERROR") || strings.Contains(line, "goroutine ") {
			t.Errorf("the log holds a failure: %.600s", line)
		}
	}
	_, later, _ := strings.Cut(printed, "#once=") // what is printed to the owner at the first start comes before
	for what, word := range map[string]string{
		"something that was sent": s.secret, "the auth token": s.AuthToken, "an API secret": s.KeySecret, "an access token": "eyJ",
		"a cookie": "usher=", "an escaped canary": strings.ToUpper(s.secret),
	} {
		if at := strings.Index(later, word); at >= 0 {
			t.Errorf("the log holds %s: %.200q", what, later[max(0, at-100):])
		}
	}
}

// snapshot reads every object and list of the account.
func (s *siege) snapshot(t *testing.T) map[string]string {
	t.Helper()
	list, err := ops.All()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, o := range list {
		if o.Method != http.MethodGet || strings.Contains(o.Path, "Statistics") {
			continue
		}
		path := o.Fill(s.world.Values(o))
		a := s.call(t, http.MethodGet, path, nil)
		if a.Status == http.StatusOK {
			texts[path] = volatile.ReplaceAllString(a.Text, "")
		}
	}
	if len(texts) < 30 {
		t.Fatalf("only %d objects and lists can be read", len(texts))
	}
	return texts
}

// volatile finds what changes by the mere passing of time.
var volatile = regexp.MustCompile(`"age":\d+,?`)

func (s *siege) same(t *testing.T, before map[string]string) {
	t.Helper()
	for path, text := range s.snapshot(t) {
		if before[path] != text {
			t.Errorf("%s has changed:\n%.2000s\n%.2000s", path, before[path], text)
		}
	}
}

func (s *siege) call(t *testing.T, method, path string, pairs []string) rig.Answer {
	t.Helper()
	return call(t, s.admin, method, path, pairs...)
}

func call(t *testing.T, c *rig.Client, method, path string, pairs ...string) rig.Answer {
	t.Helper()
	a, err := c.Call(t.Context(), method, path, rig.Form(pairs...))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// coded checks that an answer is an error of a status and a code (0: any of the kind), in the form that all errors have.
func coded(t *testing.T, what string, a rig.Answer, status, code int) {
	t.Helper()
	if a.Status != status || code != 0 && a.Number("code") != code || a.Number("code") < 20000 || a.Number("status") != status || a.String("message") == "" {
		t.Errorf("%s answers %d %.300s, want %d with code %d", what, a.Status, a.Text, status, code)
	}
}

// from answers a client that comes from another address of this machine.
func from(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
	return &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send makes a request that rig's client would not.
func send(t *testing.T, c *http.Client, method, address, body string, header ...string) rig.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return answer(t, res)
}

func answer(t *testing.T, res *http.Response) rig.Answer {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := rig.Answer{Status: res.StatusCode, Header: res.Header, Text: string(text)}
	a.Body = object(text)
	return a
}

// raw writes bytes as they are and reads one answer; nil when the connection ends without one.
func (s *siege) raw(t *testing.T, text string) *rig.Answer {
	t.Helper()
	conn := s.connect(t)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
	go func() { _, _ = io.WriteString(conn, text) }() // the answer may come before all is written
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if os.IsTimeout(err) {
			t.Errorf("%.80q has no answer", text)
		}
		return nil
	}
	a := answer(t, res)
	return &a
}

func (s *siege) connect(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.URL, "http://"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
