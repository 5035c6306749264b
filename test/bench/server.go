package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Credentials of the benchmark's own installation.
const (
	accountSID = "AC0000000000000000000000000000be4c"
	authToken  = "0000000000000000000000000000be4c"
	keySID     = "SK0000000000000000000000000000be4c"
	keySecret  = "benchbenchbenchbenchbenchbench00"
)

func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}

func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "usher")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/usher")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}

// process is a server under measurement.
type process struct {
	cmd  *exec.Cmd
	addr string
	dir  string
	took time.Duration // from exec to the first answer
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// spawn starts a server and waits until path answers.
func (b *bench) spawn(ctx context.Context, dir, path string, argv func(addr string) []string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := argv(addr)
	p := &process{addr: addr, dir: dir, cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Env = append(os.Environ(), "USHER_ACCOUNT_SID="+accountSID, "USHER_AUTH_TOKEN="+authToken, "USHER_API_KEY="+keySID,
		"USHER_API_SECRET="+keySecret, "USHER_LOG_LEVEL=error", "USHER_SEND_RATE=-1", "USHER_CHANNEL_RATE=-1", "USHER_PER_ADDRESS=-1", "USHER_METRICS=off")
	log, err := os.Create(filepath.Join(b.dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p.cmd.Stderr = log
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for {
		res, err := http.Get("http://" + addr + path)
		if err == nil {
			_ = res.Body.Close()
			p.took = time.Since(begin)
			return p, nil
		}
		if ctx.Err() != nil || time.Since(begin) > 20*time.Second {
			p.stop()
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the server did not start: %w\n%s", err, text)
		}
		time.Sleep(time.Millisecond)
	}
}

func (b *bench) usher(ctx context.Context, dir string) (*process, error) {
	return b.spawn(ctx, dir, "/healthz", func(addr string) []string {
		return []string{b.binary, "serve", "--data", dir, "--listen", addr}
	})
}

func (b *bench) mini(ctx context.Context) (*process, error) {
	dir, err := os.MkdirTemp(b.dir, "mini-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.spawn(ctx, dir, "/?room=none", func(addr string) []string { return []string{self, "mini", addr, dir} })
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// resident is the process's memory in bytes.
func (p *process) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// api posts a form with the account's credentials and decodes the answer.
func (p *process) api(ctx context.Context, method, path string, form url.Values) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.addr+path, bytes.NewBufferString(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(accountSID, authToken)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s %s", method, path, res.Status, body)
	}
	var answer map[string]any
	return answer, json.Unmarshal(body, &answer)
}

// client keeps as many connections as there are callers.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}}

// rooms makes a chat service with n private channels of two members each and returns their SIDs.
func (p *process) rooms(ctx context.Context, n int) (service string, channels []string, err error) {
	s, err := p.api(ctx, "POST", "/chat/v2/Services", url.Values{"FriendlyName": {"bench"}})
	if err != nil {
		return "", nil, err
	}
	service = s["sid"].(string)
	channels = make([]string, n)
	err = parallel(32, n, func(i int) error {
		c, err := p.api(ctx, "POST", "/chat/v2/Services/"+service+"/Channels", url.Values{"Type": {"private"}})
		if err != nil {
			return err
		}
		channels[i] = c["sid"].(string)
		for side := range 2 {
			_, err := p.api(ctx, "POST", "/chat/v2/Services/"+service+"/Channels/"+channels[i]+"/Members", url.Values{"Identity": {who(i, side)}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return service, channels, err
}

func who(room, side int) string { return fmt.Sprintf("user-%d-%d", room, side) }

// token signs an access token as the official libraries do.
func token(identity, service string) string {
	now := time.Now().Unix()
	head, _ := json.Marshal(map[string]any{"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"})
	body, _ := json.Marshal(map[string]any{
		"jti": fmt.Sprintf("%s-%d", keySID, now), "iss": keySID, "sub": accountSID, "iat": now, "exp": now + 3600,
		"grants": map[string]any{"identity": identity, "chat": map[string]any{"service_sid": service}},
	})
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, []byte(keySecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// parallel calls fn for 0 to n-1 on several goroutines and returns the first error.
func parallel(workers, n int, fn func(i int) error) error {
	next := make(chan int)
	failed := make(chan error, workers)
	for range workers {
		go func() {
			var first error
			for i := range next {
				if first == nil {
					first = fn(i)
				}
			}
			failed <- first
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	var err error
	for range workers {
		err = errors.Join(err, <-failed)
	}
	return err
}
