// Package first does what somebody does who has just started Usher for the first time: opens every printed link, signs in
// with the one-time link, uses the printed credentials, and stops it again.
package first

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/test/rig"
)

// random leaves the choice of every credential to the program.
var random = []string{"USHER_ACCOUNT_SID=", "USHER_AUTH_TOKEN=", "USHER_API_KEY=", "USHER_API_SECRET="}

var link = regexp.MustCompile(`http://[^\s]+`)

func TestFirstRun(t *testing.T) {
	rig.EachDatabase(t, rig.Options{Env: random}, func(t *testing.T, s *rig.Server) {
		links := link.FindAllString(s.Printed(), -1)
		once := ""
		for _, l := range links {
			res, err := http.Get(l)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s answers %d %s", l, res.StatusCode, res.Header.Get("Content-Type"))
			}
			if at, secret, found := strings.Cut(l, "#once="); found && at != "" {
				once = secret
			}
		}
		if len(links) < 4 || once == "" {
			t.Fatalf("the links to desk, admin, demo and sign-in are missing:\n%s", s.Printed())
		}
		signIn(t, s, once)
		credentials(t, s)
		permissions(t, s.Data)

		start := time.Now()
		if err := s.Stop(); err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("the end took %v: %v", time.Since(start), err)
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		credentials(t, s) // they are the same after another start
	})
}

func signIn(t *testing.T, s *rig.Server, once string) {
	t.Helper()
	post := func() (int, map[string]any) {
		body, err := json.Marshal(map[string]string{"secret": once})
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Post(s.URL+"/signin/once", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var session map[string]any
		_ = json.NewDecoder(res.Body).Decode(&session)
		return res.StatusCode, session
	}
	status, session := post()
	token, _ := session["token"].(string)
	if status != http.StatusOK || token == "" {
		t.Fatalf("the one-time link answers %d %v", status, session)
	}
	a, err := s.As("token", token).Call(t.Context(), http.MethodGet, "/taskrouter/v1/Workspaces", nil)
	if err != nil || a.Status != http.StatusOK {
		t.Errorf("the administrator's token: %v %d %s", err, a.Status, a.Text)
	}
	if status, _ := post(); status != http.StatusUnauthorized {
		t.Errorf("the one-time link answers %d when it is used again", status)
	}
}

// credentials uses what the program has written for its owner.
func credentials(t *testing.T, s *rig.Server) {
	t.Helper()
	file, err := os.Open(filepath.Join(s.Data, "credentials.env"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	values := url.Values{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, found := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "="); found {
			values.Set(name, strings.Trim(value, `"'`))
		}
	}
	account := values.Get("USHER_ACCOUNT_SID")
	for user, password := range map[string]string{
		account: values.Get("USHER_AUTH_TOKEN"), values.Get("USHER_API_KEY"): values.Get("USHER_API_SECRET"),
	} {
		a, err := s.As(user, password).Call(t.Context(), http.MethodGet, "/flex-api/v1/FlexFlows", nil)
		if err != nil || a.Status != http.StatusOK {
			t.Errorf("the credentials of %.2s…: %v %d %s", user, err, a.Status, a.Text)
			continue
		}
		if flows, _ := a.Body["flex_flows"].([]any); len(flows) < 2 {
			t.Errorf("there are %d flows, want one for the web and one for sms", len(flows))
		}
	}
}

// permissions checks that nobody else on the machine can read what is kept.
func permissions(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
}
