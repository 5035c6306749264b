package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"usher/test/rig"
)

// TestPayloads has payloads of HTML and script written from both sides of a conversation in a browser.
func TestPayloads(t *testing.T) {
	t.Parallel()
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "chromium"
	}
	missing := ""
	for _, program := range []string{"node", chromium} {
		if _, err := exec.LookPath(program); err != nil {
			missing = program
		}
	}
	if _, err := os.Stat(filepath.Join("..", "..", "web", "node_modules", "playwright-core")); err != nil {
		missing = "the npm packages of web"
	}
	if missing != "" && os.Getenv("CI") == "" {
		t.Skipf("LEFT OUT: payloads in a browser: there is no %s", missing)
	}
	cmd := exec.CommandContext(t.Context(), "node", "payloads.mjs")
	cmd.Env = append(os.Environ(), "USHER_BIN="+rig.Binary(t), "PICTURES="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
}
