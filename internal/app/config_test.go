package app

import (
	"bytes"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// exit is what kong's end of the process is in a test.
type exit int

// help compares what the program says of itself with a golden file.
func help(t *testing.T, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	func() {
		defer func() {
			if code, ok := recover().(exit); !ok || code != 0 {
				t.Errorf("%v: the help did not end the program, or with an error", args)
			}
		}()
		_, _ = parse(args, "1.2.3", kong.Writers(&out, &out), kong.Exit(func(code int) { panic(exit(code)) }))
	}()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (run with -update):\n%s", path, diff)
	}
}

func TestParse_help(t *testing.T) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "USHER_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("COLUMNS", "80")
	help(t, "help.txt")
	help(t, "help-serve.txt", "serve", "--help")
	help(t, "help-rotate.txt", "rotate", "--help")
}

func TestParse(t *testing.T) {
	t.Parallel()
	c, err := Parse([]string{"serve"}, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if c.Version != "1.2.3" || c.Command != CommandServe || c.Listen != "127.0.0.1:8080" || c.Drain != 10*time.Second || c.EventDays != 14 || c.DeliveryDays != 14 {
		t.Errorf("defaults %+v", c)
	}
	if c.RootKey != filepath.Join(c.Data, "root.key") || c.databaseURL() != filepath.Join(c.Data, "usher.db") || !filepath.IsAbs(c.Data) {
		t.Errorf("files %s %s", c.RootKey, c.databaseURL())
	}
	c, err = Parse([]string{"rotate", "--data", "/x", "--database", "postgres://h/d"}, "1.2.3")
	if err != nil || c.Command != CommandRotate || c.Data != "/x" || c.RootKey != "/x/root.key" || c.databaseURL() != "postgres://h/d" {
		t.Errorf("rotate %+v %v", c, err)
	}
	for _, args := range []string{
		"serve --database mysql://x", "serve --tls-cert /c", "serve --tls-key /k", "serve --event-days 0", "serve --delivery-days 0", "serve --log-level loud", "serve --log-format xml",
		"serve --proxies 10.0.0.0/99", "serve --proxies host", "serve --allow host", "serve --drain soon", "serve --nothing", "nothing", "rotate --database mysql://x",
		"rotate --listen :80",
	} {
		if _, err := parse(strings.Fields(args), "1.2.3", kong.Writers(&bytes.Buffer{}, &bytes.Buffer{})); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
	c, err = Parse(strings.Fields("serve --proxies 10.0.0.1,192.168.0.0/16,::1"), "")
	if err != nil {
		t.Fatal(err)
	}
	prefixes, err := networks("--proxies", c.Proxies)
	if err != nil || len(prefixes) != 3 || prefixes[0].Bits() != 32 || prefixes[2].Bits() != 128 {
		t.Errorf("proxies %v %v", prefixes, err)
	}
}

func TestParse_environment(t *testing.T) {
	t.Setenv("USHER_DATA", "/srv/usher")
	t.Setenv("USHER_ADMIN_EMAIL", "ada@example.com")
	t.Setenv("USHER_TRUSTED_PROXIES", "10.0.0.1,10.0.0.2")
	t.Setenv("USHER_DRAIN", "3s")
	c, err := Parse([]string{"serve", "--admin-email", "bert@example.com"}, "")
	if err != nil || c.Data != "/srv/usher" || c.AdminEmail != "bert@example.com" || len(c.Proxies) != 2 || c.Drain != 3*time.Second {
		t.Errorf("%+v %v", c, err)
	}
	if c, err = Parse([]string{"rotate"}, ""); err != nil || c.Data != "/srv/usher" {
		t.Errorf("rotate: %+v %v", c, err)
	}
}

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

type listener struct {
	net.Listener
	at address
}

func (l listener) Addr() net.Addr { return l.at }

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		config Config
		at     address
		want   string
	}{
		{Config{}, "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{Config{}, "0.0.0.0:8080", "http://localhost:8080"},
		{Config{}, "[::]:8080", "http://localhost:8080"},
		{Config{}, "[::1]:8080", "http://[::1]:8080"},
		{Config{TLSCert: "c"}, "127.0.0.1:443", "https://127.0.0.1:443"},
		{Config{URL: "https://chat.example.com/"}, "127.0.0.1:8080", "https://chat.example.com"},
	} {
		p := &parts{config: row.config}
		if got := p.baseURL(listener{at: row.at}); got != row.want {
			t.Errorf("%s: %s, want %s", row.at, got, row.want)
		}
	}
}

func TestAllowOrigin(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		list   []string
		origin string
		ok     bool
	}{
		{nil, "https://anywhere.example", true},
		{[]string{"https://shop.example"}, "https://shop.example", true},
		{[]string{"https://shop.example"}, "", true},
		{[]string{"https://shop.example"}, "https://evil.example", false},
	} {
		p := &parts{config: Config{Origins: row.list}}
		if err := p.allowOrigin(t.Context(), "", "", row.origin); (err == nil) != row.ok {
			t.Errorf("%v %s: %v", row.list, row.origin, err)
		}
	}
}
