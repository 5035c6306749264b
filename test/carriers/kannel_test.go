package carriers

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"usher/internal/connector"
	"usher/internal/connector/kannel"
	"usher/internal/messaging/carry"
)

const secret = "a-secret-of-callbacks"

// gateway is Kannel's bearerbox and smsbox, bound to an SMSC, and Usher's connector for it behind an HTTP server.
type gateway struct {
	*keeper
	c   *kannel.Connection
	mu  sync.Mutex
	err error // what the server answers 503 for
}

const configuration = `
group = core
admin-port = %[1]d
admin-interface = 127.0.0.1
admin-password = none-%[6]s
smsbox-port = %[2]d
smsbox-interface = 127.0.0.1
log-file = %[5]s/bearerbox.log
log-level = 1

group = smsc
smsc = smpp
host = 127.0.0.1
port = %[4]d
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
dest-addr-ton = 1
dest-addr-npi = 1
source-addr-autodetect = true
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[2]d
sendsms-port = %[3]d
sendsms-interface = 127.0.0.1
log-file = %[5]s/smsbox.log
log-level = 1
http-request-retry = 20
http-queue-delay = 1

group = sendsms-user
username = usher
password = secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
get-url = "%[7]s?secret=%[6]s&id=%%I&from=%%p&to=%%P&text=%%b&coding=%%c&charset=%%C&time=%%T"
max-messages = 0
`

// freePorts answers ports that nobody listens on now.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var list []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		list = append(list, l.Addr().(*net.TCPAddr).Port)
	}
	return list
}

// program finds one of Debian's programs.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if path := filepath.Join(dir, name); exec.Command("test", "-x", path).Run() == nil {
			return path
		}
	}
	leaveOut(t, "Kannel")
	return ""
}

// runKannel starts both boxes and waits until they take messages.
func runKannel(t *testing.T, smsc *peer, settings map[string]string) *gateway {
	t.Helper()
	bearerbox, smsbox := program(t, "bearerbox"), program(t, "smsbox")
	g := &gateway{keeper: &keeper{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	ports, dir := freePorts(t, 3), t.TempDir()
	file := filepath.Join(dir, "kannel.conf")
	text := fmt.Sprintf(configuration, ports[0], ports[1], ports[2], smsc.port, dir, secret, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"url": fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms", ports[2]), "username": "usher", "password": "secret", "secret": secret}
	for name, value := range settings {
		all[name] = value
	}
	c, err := kannel.Kind.Open(all, connector.Deps{Client: http.DefaultClient, PublicURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	g.c = c.(*kannel.Connection)
	for i, box := range []string{bearerbox, smsbox} {
		cmd := exec.Command(box, file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		port := []int{ports[1], ports[2]}[i]
		eventually(t, box, func() bool {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	eventually(t, "smsbox is connected", func() bool { // a request before that makes it panic
		log, err := os.ReadFile(filepath.Join(dir, "smsbox.log"))
		return err == nil && strings.Contains(string(log), "Connected to bearerbox")
	})
	for smsc.until("bound", nil).Owner != "kannel" {
	}
	return g
}

// ServeHTTP is what stands between Kannel and the connector in Usher: all is kept before the answer.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	broken := g.err
	g.mu.Unlock()
	if broken != nil {
		http.Error(w, broken.Error(), http.StatusServiceUnavailable)
		return
	}
	u, err := g.c.Receive(r.Context(), connector.Request{Method: r.Method, URL: "http://" + r.Host + r.URL.RequestURI(), Header: r.Header})
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	for _, m := range u.Messages {
		_ = g.Accept(r.Context(), m)
	}
	for _, receipt := range u.Receipts {
		_ = g.Receipt(r.Context(), receipt)
	}
	w.Header().Set("Content-Type", u.Answer.ContentType)
	_, _ = w.Write(u.Answer.Body)
}

func (g *gateway) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

// Two of our connectors talk through two programs of others: what goes out over Kannel's HTTP comes in over SMPP, and the other way around.
func TestKannel(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	p.do(map[string]any{"do": "mode", "mode": map[string]any{"route": map[string]string{"15550002": "usher", "15550001": "kannel"}, "receipts": "DELIVRD"}})
	g := runKannel(t, p, nil)
	c, k := bind(t, p.port, nil)
	for i, text := range []string{plain, wide, longPlain, longWide} {
		sent, _, err := persist(t.Context(), g.c, carry.Outbound{SID: fmt.Sprint("SM", i), From: "+15550001", To: "+15550002", Body: text})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "over Kannel and in over SMPP", func() bool { return k.bodies()[text] == 1 })
		for _, id := range sent.IDs {
			g.receipt(t, id, carry.Delivered)
		}
		out := carry.Outbound{SID: fmt.Sprint("SN", i), From: "+15550002", To: "+15550001", Body: text}
		sent, _, err = persist(t.Context(), c, out)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "over SMPP and in over Kannel", func() bool { return g.bodies()[text] == 1 })
		for _, id := range sent.IDs {
			k.receipt(t, id, carry.Delivered)
		}
	}
	if m := g.messages[0]; m.From != "+15550002" || m.To != "+15550001" || m.ID == "" || m.SentAt.IsZero() {
		t.Errorf("%+v", m)
	}
	if m := k.messages[0]; m.From != "+15550001" || m.To != "+15550002" {
		t.Errorf("%+v", m)
	}
	// Usher is away for a moment: Kannel asks again.
	g.fail(http.ErrServerClosed)
	if _, _, err := persist(t.Context(), c, carry.Outbound{SID: "SN9", From: "+15550002", To: "+15550001", Body: "while away"}); err != nil {
		t.Fatal(err)
	}
	g.fail(nil)
	eventually(t, "it comes again", func() bool { return g.bodies()["while away"] == 1 })
}

func TestKannel_cutsItself(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	g := runKannel(t, p, map[string]string{"long": "kannel", "receipts": "no"})
	for i, text := range []string{longPlain, longWide} {
		if _, _, err := persist(t.Context(), g.c, carry.Outbound{SID: fmt.Sprint("SM", i), From: "+15550001", To: "+15550002", Body: text}); err != nil {
			t.Fatal(err)
		}
		if s := p.until("message", nil); s.Text != text || s.Parts < 3 {
			t.Errorf("the carrier has heard %+v", s)
		}
	}
}

func TestKannel_forged(t *testing.T) {
	p := start(t, "node", "smsc.mjs")
	g := runKannel(t, p, nil)
	server := httptest.NewServer(g)
	defer server.Close()
	q := url.Values{"id": {"1"}, "from": {"+1"}, "to": {"+2"}, "text": {"x"}, "secret": {strings.ToUpper(secret)}}
	r, err := http.Get(server.URL + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusForbidden || len(g.bodies()) != 0 {
		t.Errorf("%s, %v", r.Status, g.bodies())
	}
}
