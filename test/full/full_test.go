// Package full proves what happens when the disk is full: writes are refused with a time to come back, reads go on, nothing
// that was acknowledged is lost, and with space the program goes on by itself.
package full

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"usher/test/rig"
)

// disk makes a file system of a few megabytes. Only root may, and not in every sandbox.
func disk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "tmpfs", dir).CombinedOutput()
	if err != nil {
		t.Skipf("LEFT OUT: a small disk needs the right to mount one: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

func TestDiskFull(t *testing.T) {
	dir := disk(t, 24)
	s := rig.Start(t, rig.Options{Data: filepath.Join(dir, "data")})
	c := s.Client()
	channels := "/chat/v2/Services/" + c.Post(t, "/chat/v2/Services", "FriendlyName", "Full").SID() + "/Channels"
	messages := channels + "/" + c.Post(t, channels, "Type", "private").SID() + "/Messages"
	body := strings.Repeat("0123456789", 1000)
	acked := 0
	for round := range 2 {
		ballast := filepath.Join(dir, "ballast")
		fill(t, ballast)
		acked += untilRefused(t, c, messages, body)
		if got := c.Get(t, messages+"?PageSize=1"); len(got.Body) == 0 {
			t.Errorf("round %d: reading does not go on", round)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		rig.Eventually(t, "writing goes on when there is space", func() bool {
			a, err := c.Call(t.Context(), http.MethodPost, messages, rig.Form("Body", "after"))
			return err == nil && a.Status == http.StatusCreated
		})
		acked++
	}
	rows, err := c.All(t.Context(), messages+"?PageSize=1000", "messages")
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if rig.Number(row, "index") != i {
			t.Fatalf("message %d has index %d", i, rig.Number(row, "index"))
		}
	}
	if len(rows) != acked {
		t.Errorf("%d messages were acknowledged, %d are kept", acked, len(rows))
	}
}

// fill takes all the space that is left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// untilRefused sends until the disk is full and answers how many messages were acknowledged.
func untilRefused(t *testing.T, c *rig.Client, path, body string) int {
	t.Helper()
	for n := range 5000 {
		a, err := c.Call(t.Context(), http.MethodPost, path, rig.Form("Body", body))
		if err != nil {
			t.Fatal(err)
		}
		if a.Status == http.StatusCreated {
			continue
		}
		seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if a.Status != http.StatusServiceUnavailable || err != nil || seconds < 1 || a.Number("status") != a.Status {
			t.Errorf("a write on a full disk answers %d with Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), a.Text)
		}
		return n
	}
	t.Fatal("the disk is never full")
	return 0
}
