// Package media proves what becomes of files with peers that nobody here wrote: a real scanner, ClamAV's clamd with one signature
// of our own, and an S3 server of npm that checks every signature of a request.
package media

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/test/rig"
)

// illness is what the scanner of these tests takes for a virus.
const illness = "usher-test-illness-5b1c7e"

func TestFiles(t *testing.T) {
	scanner, objects := startScanner(t), startStore(t)
	rig.EachDatabase(t, rig.Options{Env: []string{
		"USHER_MEDIA_STORE=s3://files/some/where?endpoint=http://" + objects.address,
		"AWS_ACCESS_KEY_ID=S3RVER", "AWS_SECRET_ACCESS_KEY=S3RVER",
		"USHER_MEDIA_SCAN=" + scanner.address,
	}}, func(t *testing.T, s *rig.Server) {
		service := s.Client().Post(t, "/chat/v2/Services", "FriendlyName", "Files").SID()
		path := "/mcs/v1/Services/" + service + "/Media"
		t.Run("kept in the store, sealed", func(t *testing.T) { kept(t, s, path, objects) })
		t.Run("gone with its message", func(t *testing.T) { gone(t, s, service, path, objects) })
		t.Run("a virus is refused", func(t *testing.T) { infected(t, s, path) })
		t.Run("without the scanner nothing passes", func(t *testing.T) {
			scanner.stop(t)
			if status, a := upload(t, s, path, "text/plain", []byte("clean")); status != http.StatusServiceUnavailable {
				t.Errorf("%d %v", status, a)
			}
			scanner.start(t)
			rig.Eventually(t, "files pass again", func() bool {
				status, _ := upload(t, s, path, "text/plain", []byte("clean"))
				return status == http.StatusCreated
			})
		})
	})
}

// kept uploads files of several sizes and reads them back; the store has never seen a word of them.
func kept(t *testing.T, s *rig.Server, path string, objects *peer) {
	for _, size := range []int{1, 1 << 10, 3 << 20} {
		body := bytes.Repeat([]byte("A word that nobody may read. "), size/29+1)[:size]
		status, a := upload(t, s, path, "text/plain", body)
		if status != http.StatusCreated || rig.Number(a, "size") != size {
			t.Fatalf("%d bytes: %d %v", size, status, a)
		}
		direct := rig.Text(a["links"].(map[string]any), "content_direct_temporary")
		if got := fetch(t, direct); !bytes.Equal(got, body) {
			t.Errorf("%d bytes came back as %d", size, len(got))
		}
	}
	if out, err := exec.CommandContext(t.Context(), "grep", "-r", "nobody may read", objects.folder).Output(); err == nil {
		t.Errorf("the store holds plain text: %.200s", out)
	}
}

// gone sends a file and deletes the message.
func gone(t *testing.T, s *rig.Server, service, path string, objects *peer) {
	before := objects.count(t)
	status, a := upload(t, s, path, "text/plain", []byte("to be forgotten"))
	if status != http.StatusCreated || objects.count(t) != before+1 {
		t.Fatalf("%d %v, %d objects before and %d after", status, a, before, objects.count(t))
	}
	c := s.Client()
	channels := "/chat/v2/Services/" + service + "/Channels"
	messages := channels + "/" + c.Post(t, channels, "Type", "private").SID() + "/Messages"
	message := c.Post(t, messages, "MediaSid", rig.Text(a, "sid")).SID()
	if answer, err := c.Call(t.Context(), http.MethodDelete, messages+"/"+message, nil); err != nil || answer.Status != http.StatusNoContent {
		t.Fatalf("delete: %v %d %s", err, answer.Status, answer.Text)
	}
	if answer, err := c.Call(t.Context(), http.MethodGet, path+"/"+rig.Text(a, "sid"), nil); err != nil || answer.Status != http.StatusNotFound {
		t.Errorf("the file after its message: %v %d", err, answer.Status)
	}
	// The bytes go with the next sweep, which is also the first thing after a start.
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, "the object goes", func() bool { return objects.count(t) == before })
}

// infected uploads what the scanner knows, plainly and inside an archive.
func infected(t *testing.T, s *rig.Server, path string) {
	zip := filepath.Join(t.TempDir(), "a.zip")
	python := fmt.Sprintf("import zipfile; zipfile.ZipFile(%q,'w',zipfile.ZIP_DEFLATED).writestr('a.txt', 'before %s after')", zip, illness)
	if out, err := exec.CommandContext(t.Context(), "python3", "-c", python).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	archive, err := os.ReadFile(zip)
	if err != nil {
		t.Fatal(err)
	}
	for what, body := range map[string][]byte{"a text": []byte("before " + illness + " after"), "an archive": archive} {
		if status, a := upload(t, s, path, "application/octet-stream", body); status != http.StatusBadRequest || rig.Number(a, "code") == 0 {
			t.Errorf("%s: %d %v", what, status, a)
		}
	}
}

func upload(t *testing.T, s *rig.Server, path, contentType string, body []byte) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(s.AccountSID, s.AuthToken)
	r.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	a := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&a)
	return res.StatusCode, a
}

func fetch(t *testing.T, address string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v %s", err, res.Status)
	}
	return body
}

// peer is a server that the program talks to.
type peer struct {
	address, folder string
	command         func(ctx context.Context) *exec.Cmd
	running         *exec.Cmd
}

func (p *peer) start(t *testing.T) {
	t.Helper()
	p.running = p.command(context.WithoutCancel(t.Context()))
	var said bytes.Buffer
	p.running.Stdout, p.running.Stderr = &said, &said
	if err := p.running.Start(); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Minute)
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(until) {
			name := p.running.Path
			p.stop(t)
			t.Fatalf("%s does not listen: %s", name, said.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (p *peer) stop(t *testing.T) {
	t.Helper()
	if p.running == nil {
		return
	}
	_ = p.running.Process.Kill()
	_ = p.running.Wait()
	p.running = nil
}

// count says how many objects the store holds.
func (p *peer) count(t *testing.T) (n int) {
	t.Helper()
	err := filepath.WalkDir(p.folder, func(name string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "_object") {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func startScanner(t *testing.T) *peer {
	t.Helper()
	folder := t.TempDir()
	p := &peer{address: freeAddress(t), folder: folder}
	host, port, _ := net.SplitHostPort(p.address)
	write(t, filepath.Join(folder, "usher.ndb"), "Usher.Illness:0:*:"+hex.EncodeToString([]byte(illness))+"\n")
	conf := filepath.Join(folder, "clamd.conf")
	write(t, conf, fmt.Sprintf("DatabaseDirectory %s\nTCPSocket %s\nTCPAddr %s\nForeground yes\nUser %s\nConcurrentDatabaseReload no\n", folder, port, host, whoami(t)))
	p.command = func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "clamd", "--config-file="+conf) }
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	return p
}

func startStore(t *testing.T) *peer {
	t.Helper()
	p := &peer{address: freeAddress(t), folder: t.TempDir()}
	host, port, _ := net.SplitHostPort(p.address)
	p.command = func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "node", "node_modules/s3rver/bin/s3rver.js", "-s", "-d", p.folder, "-a", host, "-p", port, "--configure-bucket", "files")
	}
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	return p
}

func whoami(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "id", "-un").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
