package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/test/load"
)

// patience bounds how long a test waits for anything.
const patience = 30 * time.Second

// cluster starts one PostgreSQL server for all tests of the package, unless one is given.
var cluster = sync.OnceValues(func() (string, error) {
	if dsn := os.Getenv(dbtest.EnvPostgres); dsn != "" {
		return dsn, nil
	}
	p, err := dbtest.StartPostgres(context.Background(), dbtest.PostgresOptions{})
	if err != nil {
		return "", err
	}
	return p.DSN(), nil // it ends with this process
})

// each runs fn with the configuration of a fresh installation on both databases.
func each(t *testing.T, fn func(t *testing.T, c Config)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, config(t, ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn, err := cluster()
		if errors.Is(err, dbtest.ErrNoPostgres) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		address, name, err := dbtest.CreateDatabase(t.Context(), dsn, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := dbtest.DropDatabase(context.Background(), dsn, name); err != nil {
				t.Error(err)
			}
		})
		fn(t, config(t, address))
	})
}

// config is what the command line makes of no flags, in a folder of the test's own.
func config(t *testing.T, database string) Config {
	t.Helper()
	args := []string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--metrics", "off", "--drain", "8s"}
	if database != "" {
		args = append(args, "--database", database)
	}
	c, err := Parse(args, "test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// server is a process in the test's own.
type server struct {
	*parts
	t       *testing.T
	url     string
	welcome string
	ended   chan error
	cancel  context.CancelFunc
}

// start assembles and runs, and returns when the welcome was printed.
func start(t *testing.T, c Config) *server {
	t.Helper()
	p, err := assemble(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{parts: p, t: t, url: "http://" + listener.Addr().String(), ended: make(chan error, 1)}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	out, in := io.Pipe()
	go func() {
		s.ended <- p.run(ctx, listener, in)
		_ = in.Close()
	}()
	buffer := make([]byte, 1<<16)
	n, err := out.Read(buffer) // the welcome is one write
	if err != nil {
		t.Fatalf("the server ended at once: %v", <-s.ended)
	}
	s.welcome = string(buffer[:n])
	t.Cleanup(s.stop)
	return s
}

// stop ends the server as a signal does, and fails the test when that takes too long.
func (s *server) stop() {
	s.t.Helper()
	if s.cancel == nil {
		return
	}
	began := time.Now()
	s.cancel()
	s.cancel = nil
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("the end: %v", err)
		}
	case <-time.After(patience):
		s.t.Fatal("the server did not end")
	}
	if took := time.Since(began); took > 10*time.Second {
		s.t.Errorf("the end took %v", took)
	}
	if err := s.db.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
}

// call sends a request, JSON where body is a struct or a map and a form where it is url.Values, and decodes the answer.
func (s *server) call(method, path, user, password string, body any) (int, map[string]any) {
	s.t.Helper()
	var reader io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case url.Values:
		kind, reader = "application/x-www-form-urlencoded", strings.NewReader(b.Encode())
	default:
		text, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = strings.NewReader(string(text))
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer map[string]any
	if json.Unmarshal(text, &answer) != nil {
		answer = map[string]any{"text": string(text)}
	}
	return res.StatusCode, answer
}

// must is call for an answer that has the status.
func (s *server) must(status int, method, path, user, password string, body any) map[string]any {
	s.t.Helper()
	got, answer := s.call(method, path, user, password, body)
	if got != status {
		s.t.Fatalf("%s %s: %d %v, want %d", method, path, got, answer, status)
	}
	return answer
}

// text reads a string of an answer.
func text(t *testing.T, m map[string]any, name string) string {
	t.Helper()
	s, ok := m[name].(string)
	if !ok || s == "" {
		t.Fatalf("%s is missing in %v", name, m)
	}
	return s
}

// counts is how many rows each table has.
func (s *server) counts() map[string]int {
	s.t.Helper()
	all := map[string]int{}
	for _, table := range append([]string{"keyset", "data_key", "event", "job"}, sealedTables...) {
		var n int
		err := s.db.View(context.Background(), func(tx *db.Tx) error { return tx.QueryRow("select count(*) from " + table).Scan(&n) })
		if err != nil {
			s.t.Fatal(err)
		}
		all[table] = n
	}
	return all
}

// stream opens the stream for a token.
func (s *server) stream(token string) *load.Client {
	s.t.Helper()
	c, err := load.Open(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/stream", token)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Cut)
	return c
}

// until reads events until one of the kind, or of any kind for "", satisfies ok.
func until(t *testing.T, c *load.Client, kind string, ok func(data map[string]any) bool) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		f, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("%s never came: %v", kind, err)
		}
		var data map[string]any
		if kind != "" && f.Kind != kind || json.Unmarshal(f.Data, &data) != nil {
			continue
		}
		if ok == nil || ok(data) {
			return data
		}
	}
}

func subscribe(t *testing.T, c *load.Client, stream string) {
	t.Helper()
	answer, err := c.Subscribe(t.Context(), stream, "", 0)
	if err != nil || answer.Error != nil {
		t.Fatalf("subscribe to %s: %v %v", stream, err, answer.Error)
	}
}

// visitor gets a token as the widget does, and opens a channel.
func (s *server) visitor() (token, identity, channel string) {
	s.t.Helper()
	visitor := s.must(201, "POST", "/iam/v1/Accounts/"+string(s.setup.Account.SID)+"/Tokens", "", "", map[string]any{"products": []string{"flex"}})
	token, identity = text(s.t, visitor, "token"), text(s.t, visitor, "identity")
	status, config := s.call("GET", "/widget/config", "", "", nil)
	if status != 200 {
		s.t.Fatalf("widget: %d %v", status, config)
	}
	opened := s.must(201, "POST", "/flex-api/v1/WebChannels", "token", token, url.Values{
		"FlexFlowSid": {text(s.t, config, "flow_sid")}, "Identity": {identity}, "CustomerFriendlyName": {"Ada"}, "ChatFriendlyName": {"Chat"},
	})
	return token, identity, text(s.t, opened, "sid")
}

var once = regexp.MustCompile(`/desk/signin#once=(\S+)`)

// signIn uses the link of the welcome.
func (s *server) signIn() map[string]any {
	s.t.Helper()
	link := once.FindStringSubmatch(s.welcome)
	if link == nil {
		s.t.Fatalf("no sign-in link in:\n%s", s.welcome)
	}
	session := s.must(200, "POST", "/signin/once", "", "", map[string]string{"secret": link[1]})
	if status, _ := s.call("POST", "/signin/once", "", "", map[string]string{"secret": link[1]}); status != 401 {
		s.t.Errorf("the link works twice: %d", status)
	}
	return session
}

func TestConversation_endToEnd(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		session := s.signIn()
		jwt, worker, workspace := text(t, session, "token"), text(t, session, "worker_sid"), text(t, session, "workspace_sid")
		house := "/taskrouter/v1/Workspaces/" + workspace
		activities := s.must(200, "GET", house+"/Activities?FriendlyName=Available", "token", jwt, nil)
		available := activities["activities"].([]any)[0].(map[string]any)
		s.must(200, "POST", house+"/Workers/"+worker, "token", jwt, url.Values{"ActivitySid": {text(t, available, "sid")}})
		agent := s.stream(jwt)
		subscribe(t, agent, worker)

		token, _, channel := s.visitor()
		visitor := s.stream(token)
		subscribe(t, visitor, channel)
		if _, _, err := visitor.Send(t.Context(), channel, "first", "hello"); err != nil {
			t.Fatal(err)
		}
		offer := until(t, agent, "reservation.created", nil)
		reservation, task := offer["reservation"].(map[string]any), offer["task"].(map[string]any)
		attributes := task["attributes"].(map[string]any)
		if attributes["channelSid"] != channel || attributes["initialText"] != "hello" || attributes["name"] != "Ada" {
			t.Errorf("task attributes %v", attributes)
		}
		s.must(200, "POST", house+"/Tasks/"+text(t, task, "sid")+"/Reservations/"+text(t, reservation, "sid"), "token", jwt,
			url.Values{"ReservationStatus": {"accepted"}})
		until(t, visitor, "member.added", func(m map[string]any) bool { return m["identity"] == session["identity"] })
		subscribe(t, agent, channel)
		if _, _, err := agent.Send(t.Context(), channel, "second", "how can I help?"); err != nil {
			t.Fatal(err)
		}
		until(t, visitor, "message.added", func(m map[string]any) bool { return m["body"] == "how can I help?" })
		if _, _, err := visitor.Send(t.Context(), channel, "third", "thank you"); err != nil {
			t.Fatal(err)
		}
		until(t, agent, "message.added", func(m map[string]any) bool { return m["body"] == "thank you" && m["index"] == 2.0 })
		s.must(200, "POST", house+"/Tasks/"+text(t, task, "sid"), "token", jwt, url.Values{"AssignmentStatus": {"completed"}})
		// Two queues end it, in no order: the channel is closed, and the agent leaves.
		closed, left := false, false
		until(t, visitor, "", func(m map[string]any) bool {
			a, _ := m["attributes"].(map[string]any)
			closed = closed || a["status"] == "INACTIVE"
			left = left || m["identity"] == session["identity"] && m["date_removed"] != nil
			return closed && left
		})
		s.stop() // with both sockets open
	})
}

func TestRun_secondStartChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		first := start(t, c)
		counts := first.counts()
		for table, n := range map[string]int{
			"keyset": 1, "account": 1, "account_key": 2, "account_person": 1, "taskrouter_workspace": 1, "taskrouter_worker": 1,
			"taskrouter_workflow": 1, "chat_service": 1, "flex_flow": 2, "flex_configuration": 1,
		} {
			if counts[table] != n {
				t.Errorf("%s has %d rows, want %d", table, counts[table], n)
			}
		}
		file := filepath.Join(c.Data, "credentials.env")
		credentials, err := os.ReadFile(file)
		if err != nil || !strings.Contains(first.welcome, file) {
			t.Fatalf("credentials: %v; welcome:\n%s", err, first.welcome)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("credentials: %v %v", info.Mode(), err)
		}
		env := map[string]string{}
		for line := range strings.Lines(string(credentials)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				env[name] = value
			}
		}
		if strings.Contains(first.welcome, env["USHER_AUTH_TOKEN"]) || strings.Contains(first.welcome, env["USHER_API_SECRET"]) {
			t.Error("the welcome shows secrets")
		}
		for user, password := range map[string]string{env["USHER_ACCOUNT_SID"]: env["USHER_AUTH_TOKEN"], env["USHER_API_KEY"]: env["USHER_API_SECRET"]} {
			first.must(200, "GET", "/flex-api/v1/Configuration", user, password, nil)
		}
		first.signIn()
		first.stop()

		second := start(t, c)
		again, _ := os.ReadFile(file)
		if string(again) != string(credentials) || strings.Contains(second.welcome, file) {
			t.Errorf("the second start made credentials:\n%s", second.welcome)
		}
		counts["account_session"], counts["account_link"] = 1, 1 // a new link, as long as there is no password
		if diff := cmp.Diff(counts, second.counts()); diff != "" {
			t.Errorf("rows after the second start:\n%s", diff)
		}
	})
}

// A first run that is cut after the account was made must not leave keys that nobody knows.
func TestRun_goesOnAfterACutFirstRun(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		p, err := assemble(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.db.Close(); err != nil {
			t.Fatal(err)
		}
		s := start(t, c)
		text, err := os.ReadFile(filepath.Join(c.Data, "credentials.env"))
		if err != nil {
			t.Fatal(err)
		}
		values := regexp.MustCompile(`USHER_API_KEY=(\S+)\nUSHER_API_SECRET=(\S+)`).FindStringSubmatch(string(text))
		if values == nil {
			t.Fatal("the file has no key")
		}
		s.must(200, "GET", "/flex-api/v1/Configuration", values[1], values[2], nil)
	})
}

func TestRun_givenCredentials(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		c.AccountSID, c.AuthToken = "AC"+strings.Repeat("1", 32), strings.Repeat("2", 32)
		c.APIKey, c.APISecret = "SK"+strings.Repeat("3", 32), strings.Repeat("4", 32)
		s := start(t, c)
		s.must(200, "GET", "/flex-api/v1/Configuration", c.AccountSID, c.AuthToken, nil)
		s.must(200, "GET", "/flex-api/v1/Configuration", c.APIKey, c.APISecret, nil)
		s.stop()
		c.AuthToken = strings.Repeat("5", 32)
		s = start(t, c)
		s.must(200, "GET", "/flex-api/v1/Configuration", c.AccountSID, c.AuthToken, nil)
		if got := s.counts()["account"]; got != 1 {
			t.Errorf("%d accounts", got)
		}
	})
}

func TestRun_healthAndPages(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		for path, status := range map[string]int{
			"/healthz": 200, "/readyz": 200, "/desk/": 200, "/demo/": 200, "/widget.js": 200, "/widget/config": 200, "/metrics": 404, "/nothing": 404,
			"/signin/session": 401, "/stream": 426, "/flex-api/v1/Configuration": 401,
		} {
			if got, answer := s.call("GET", path, "", "", nil); got != status {
				t.Errorf("%s: %d %.200v, want %d", path, got, answer, status)
			}
		}
		s.must(200, "GET", "/flex-api/v1/Configuration", string(s.setup.Account.SID), s.setup.Account.AuthToken, nil)
		close(s.draining)
		if got, _ := s.call("GET", "/readyz", "", "", nil); got != 503 {
			t.Errorf("/readyz while the process ends: %d", got)
		}
		if got, _ := s.call("GET", "/healthz", "", "", nil); got != 200 {
			t.Errorf("/healthz while the process ends: %d", got)
		}
		s.draining = make(chan struct{})

		s.metrics.watch(s.parts)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		exporter := newServer(s.metrics.handler())
		go func() { _ = exporter.Serve(listener) }()
		t.Cleanup(func() { _ = exporter.Close() })
		res, err := http.Get(fmt.Sprintf("http://%s/metrics", listener.Addr()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"usher_http_request_seconds_count", "usher_stream_connections", "go_goroutines"} {
			if !strings.Contains(string(body), name) {
				t.Errorf("%s is not among the metrics", name)
			}
		}
	})
}

func TestRun_purgesRemovedChannels(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		_, _, channel := s.visitor()
		err := s.db.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("update chat_channel set removed = 1 where sid = $1", channel)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.counts(); got["chat_channel"] != 0 || got["chat_member"] != 0 {
			t.Errorf("rows after the purge: %v", got)
		}
	})
}

func TestRootKey(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		start(t, c).stop()
		if err := os.Chmod(c.RootKey, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := assemble(t.Context(), c); !errors.Is(err, seal.ErrRootExposed) {
			t.Errorf("a key that others can read: %v", err)
		}
		moved := c.RootKey + ".moved"
		if err := errors.Join(os.Chmod(c.RootKey, 0o600), os.Rename(c.RootKey, moved)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a refusal must leave nothing that the next start would take for the key
			if _, err := assemble(t.Context(), c); !errors.Is(err, errOrphan) || !errors.Is(err, seal.ErrRootMissing) {
				t.Errorf("no key beside a database: %v", err)
			}
		}
		if _, err := os.Stat(c.RootKey); err == nil {
			t.Error("a new root key was left beside an older database")
		}
		if err := rotate(t.Context(), c, io.Discard); !errors.Is(err, seal.ErrRootMissing) {
			t.Errorf("rotate without the key: %v", err)
		}
		if err := os.Rename(moved, c.RootKey); err != nil {
			t.Fatal(err)
		}
		start(t, c)
	})
}

// A reaction to what a customer did ends when the customer was erased meanwhile: it is neither run twelve times nor kept.
func TestJobs_endForAnErasedCustomer(t *testing.T) {
	each(t, func(t *testing.T, c Config) {
		s := start(t, c)
		_, identity, channel := s.visitor()
		s.stop()
		p, err := assemble(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		system := account.System(p.setup.Account.ID, p.setup.Account.SID)
		if _, _, err := p.chat.Send(t.Context(), system, sid.SID(channel), chat.NewMessage{Author: identity, Body: "forget me"}); err != nil {
			t.Fatal(err)
		}
		flexChannel, err := p.flex.GetChannel(t.Context(), system, sid.SID(channel), true)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.db.Do(t.Context(), func(tx *db.Tx) error { return db.DestroyDataKey(tx, system.Account, flexChannel.Key) }); err != nil {
			t.Fatal(err)
		}
		if err := p.db.Close(); err != nil {
			t.Fatal(err)
		}
		s = start(t, c)
		for end := time.After(patience); s.counts()["job"] > 0; {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-end:
				t.Fatal("the job is still there")
			}
		}
	})
}
