package full

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/test/rig"
)

// TestFilesOnAFullDisk uploads files until nothing fits any more: the one that does not fit is refused and leaves nothing, those
// that were acknowledged are whole, and with space others are taken.
func TestFilesOnAFullDisk(t *testing.T) {
	dir := disk(t, 24)
	s := rig.Start(t, rig.Options{Data: filepath.Join(dir, "data")})
	path := "/mcs/v1/Services/" + s.Client().Post(t, "/chat/v2/Services", "FriendlyName", "Full").SID() + "/Media"
	var kept []string
	body := strings.Repeat("0123456789", 200_000)
	for range 20 {
		status, a := upload(t, s, path, body)
		if status == http.StatusCreated {
			kept = append(kept, rig.Text(a, "sid"))
			continue
		}
		if status != http.StatusServiceUnavailable || rig.Number(a, "code") != 20503 {
			t.Errorf("a file on a full disk: %d %v", status, a)
		}
		break
	}
	if len(kept) == 0 || len(kept) == 20 {
		t.Fatalf("%d files were taken", len(kept))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "data", "media", "arriving-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, file := range kept {
		if a := s.Client().Get(t, path+"/"+file); a.Number("size") != len(body) {
			t.Errorf("%s: %s", file, a.Text)
		}
	}
	// Space comes from outside; here it is one of the files.
	if err := os.RemoveAll(filepath.Join(dir, "data", "media", kept[0][len(kept[0])-2:])); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, "files are taken when there is space", func() bool {
		status, _ := upload(t, s, path, "small")
		return status == http.StatusCreated
	})
}

func upload(t *testing.T, s *rig.Server, path, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(s.AccountSID, s.AuthToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, v
}
