package test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestModuleFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for name, text := range tree(t) {
		if filepath.Ext(name) == ".go" && name != "test/arch_test.go" {
			code.Write(text)
		}
	}
	for line := range strings.Lines(string(text)) {
		word, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(word, ".") && !strings.Contains(version, "// indirect") && !strings.Contains(code.String(), `"`+word) {
			t.Errorf("go.mod: nothing imports %s", word)
		}
		if slices.Contains([]string{"replace", "exclude", "tool"}, word) {
			t.Errorf("go.mod: %s: replace and exclude break go install; tools stand in tools/go.mod", strings.TrimSpace(line))
		}
	}
}

// machine finds paths that exist on one machine only. The leading character keeps URLs and longer paths out.
var machine = regexp.MustCompile(`(?m)(^|[^\w./}-])/(root|home|work|Users)/[\w.]`)

// strangers are services that a page or a program would report to, and places that fonts and scripts are fetched from.
var strangers = []string{
	"google-analytics", "googleanalytics", "googletagmanager", "fonts.googleapis", "fonts.gstatic", "sentry.io", "segment.io",
	"segment.com", "mixpanel", "posthog", "amplitude.com", "datadoghq", "newrelic", "hotjar", "bugsnag", "rollbar.com",
	"cdn.jsdelivr", "unpkg.com", "cdnjs",
}

func TestNothingForeignInTheTree(t *testing.T) {
	t.Parallel()
	for name, text := range tree(t) {
		if name == "test/tree_test.go" {
			continue
		}
		if m := machine.FindIndex(text); m != nil && !strings.HasPrefix(name, "web/dist/") {
			t.Errorf("%s: a path of one machine: %q", name, around(text, m[0], m[1]))
		}
		lower := bytes.ToLower(text)
		for _, stranger := range strangers {
			if at := bytes.Index(lower, []byte(stranger)); at >= 0 {
				t.Errorf("%s: nothing reports to anybody and nothing is fetched from strangers: %q", name, around(text, at, at+len(stranger)))
			}
		}
	}
}

// lockedElsewhere finds packages whose lock names another place than the public registry.
var lockedElsewhere = regexp.MustCompile(`"resolved": "(https?://[^"]*)"`)

func TestLockFiles(t *testing.T) {
	t.Parallel()
	for name, text := range tree(t) {
		if filepath.Base(name) != "package-lock.json" {
			continue
		}
		for _, m := range lockedElsewhere.FindAllSubmatch(text, -1) {
			if !bytes.HasPrefix(m[1], []byte("https://registry.npmjs.org/")) {
				t.Errorf("%s: a package is locked to %s", name, m[1])
			}
		}
	}
}

// featureImport finds what a TypeScript file imports.
var featureImport = regexp.MustCompile(`(?:from|import)\s*\(?\s*['"]([^'"]+)['"]`)

func TestWebBudgets(t *testing.T) {
	t.Parallel()
	for name, text := range tree(t) {
		ext := filepath.Ext(name)
		if !strings.HasPrefix(name, "web/") || strings.HasPrefix(name, "web/dist/") || ext != ".ts" && ext != ".tsx" {
			continue
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxFile {
			t.Errorf("%s has %d lines; a file has at most %d", name, lines, maxFile)
		}
		own := feature(name)
		if own == "" {
			continue
		}
		for _, m := range featureImport.FindAllSubmatch(text, -1) {
			target := filepath.ToSlash(filepath.Join(filepath.Dir(name), string(m[1])))
			if other := feature(target); strings.HasPrefix(string(m[1]), ".") && other != "" && other != own {
				t.Errorf("%s imports %s: features do not import each other; what two need moves to ui or api", name, m[1])
			}
		}
	}
}

// feature answers the folder under web/desk/src/features that a file stands in.
func feature(name string) string {
	rest, ok := strings.CutPrefix(name, "web/desk/src/features/")
	if !ok {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

// skipped are folders that are made, not kept.
var skipped = []string{".git", "node_modules", "bin", ".cache", "usher-data", "artifacts"}

// tree answers every text file that a clone would hold.
func tree(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := readTree()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var readTree = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains(skipped, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || entry.Name() == ".git" { // a worktree's .git is a file
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		files[strings.TrimPrefix(filepath.ToSlash(name), "../")] = text
		return nil
	})
	return files, err
})

// around answers a place in a text with what stands beside it, so that a minified file does not fill the screen.
func around(text []byte, from, to int) string {
	return string(text[max(from-30, 0):min(to+30, len(text))])
}
