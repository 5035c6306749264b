// Package sdk runs the official REST libraries, unchanged but for the address that they call, against the built program:
// twilio-go in the folder golang, a module of its own, and the npm package twilio in the folder node.
package sdk

import (
	"os"
	"os/exec"
	"testing"

	"usher/test/rig"
)

func TestLibraries(t *testing.T) {
	for _, library := range []struct {
		name, dir, needs string
		command          []string
	}{
		{"twilio-go", "golang", "go.mod", []string{"go", "test", "-count=1", "-v", "./..."}},
		{"twilio-node", "node", "node_modules/twilio", []string{"node", "--test"}},
	} {
		t.Run(library.name, func(t *testing.T) {
			if _, err := os.Stat(library.dir + "/" + library.needs); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skipf("LEFT OUT: %v; make test-sdk installs it", err)
			}
			rig.EachDatabase(t, rig.Options{Env: allowed}, func(t *testing.T, s *rig.Server) {
				cmd := exec.CommandContext(t.Context(), library.command[0], library.command[1:]...)
				cmd.Dir = library.dir
				cmd.Env = append(os.Environ(), "USHER_URL="+s.URL, "USHER_ACCOUNT_SID="+s.AccountSID, "USHER_AUTH_TOKEN="+s.AuthToken,
					"USHER_API_KEY="+s.KeySID, "USHER_API_SECRET="+s.KeySecret, "USHER_OUTSIDE="+outside(t, s))
				cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
				if err := cmd.Run(); err != nil {
					t.Errorf("%s: %v", library.name, err)
				}
			})
		})
	}
}
