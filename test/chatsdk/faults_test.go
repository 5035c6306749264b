package chatsdk

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"usher/test/rig"
)

// script runs a script of this folder with one version of the library, against a server.
func script(t *testing.T, s *rig.Server, name, version, service string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", name, version, service)
	cmd.Env = append(os.Environ(), "USHER_URL="+s.URL, "USHER_ACCOUNT_SID="+s.AccountSID, "USHER_AUTH_TOKEN="+s.AuthToken,
		"USHER_API_KEY="+s.KeySID, "USHER_API_SECRET="+s.KeySecret)
	return cmd
}

// restarts is how often the server is killed while people talk.
const restarts = 2

// TestRestart kills the server while two people of each version talk, and starts it again: the libraries come back by themselves,
// nothing that was acknowledged is missing, and everybody has heard everything once and in order.
func TestRestart(t *testing.T) {
	installed(t)
	rig.EachDatabase(t, rig.Options{}, func(t *testing.T, s *rig.Server) {
		service := newService(t, s)
		var ready, all sync.WaitGroup
		var stops []io.Closer
		for _, version := range versions {
			cmd := script(t, s, "restart.mjs", version, service)
			in, err1 := cmd.StdinPipe()
			out, err2 := cmd.StdoutPipe()
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err1 != nil || err2 != nil || err != nil {
				t.Fatal(err1, err2, err)
			}
			stops = append(stops, in)
			ready.Add(1)
			all.Go(func() {
				once := sync.OnceFunc(ready.Done)
				defer once()
				end := "nothing"
				for lines := bufio.NewScanner(out); lines.Scan(); once() {
					end = lines.Text()
				}
				var r struct {
					OK     bool
					Acked  int
					Failed int
					Error  string
				}
				if err := json.Unmarshal([]byte(end), &r); err != nil || !r.OK || r.Acked == 0 {
					t.Errorf("twilio-chat %s: %s", version, r.Error+fmt.Sprint(" ", err, " ", end))
				}
				_ = cmd.Wait()
				t.Logf("twilio-chat %s: %d messages acknowledged, %d not", version, r.Acked, r.Failed)
			})
		}
		ready.Wait()
		for range restarts {
			time.Sleep(700 * time.Millisecond)
			_ = s.Kill()
			if err := s.Run(t.Context()); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(700 * time.Millisecond)
		for _, stop := range stops {
			_, _ = io.WriteString(stop.(io.Writer), "enough\n")
		}
		all.Wait()
	})
}

// TestCuts cuts sessions of both generations of the library after every frame.
func TestCuts(t *testing.T) {
	installed(t)
	s := rig.Start(t, rig.Options{Env: []string{"USHER_PER_ADDRESS=-1"}})
	service := newService(t, s)
	var all sync.WaitGroup
	for _, version := range []string{"3.4.0", "6.0.0"} {
		all.Go(func() {
			for _, r := range run(t, script(t, s, "cuts.mjs", version, service), version) {
				if !r.OK {
					t.Errorf("twilio-chat %s: %s: %s", version, r.Step, r.Error)
				} else {
					t.Logf("twilio-chat %s: %s", version, r.Step)
				}
			}
		})
	}
	all.Wait()
}
