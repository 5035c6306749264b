// Package wire plays transcripts of HTTP requests against a handler and compares the answers with what the transcript says.
//
// A transcript is a txtar archive: a comment, then pairs of sections, a request and the answer that is wanted.
//
//	A channel is made and fetched.
//	-- create --
//	POST /chat/v2/Services/{service}/Channels
//	FriendlyName=Support
//	Attributes={"a":1}
//	-- create.want --
//	201
//	{
//	  "sid": "{CH1}",
//	  "date_created": "{time}",
//	  …
//	}
//	-- fetch by a visitor --
//	GET /chat/v2/Services/{service}/Channels/{CH1} as visitor
//	@ If-Match: "1"
//
// A request is one line METHOD target, with "as NAME" for the credentials of Server.Users ("owner" when not said, "nobody" sends
// none). Lines that begin with @ are headers. The other lines are form parameters, one a line, encoded by the player; a body that
// begins with { is sent as JSON.
//
// What changes from run to run is replaced by names: SIDs by their prefix and a number in order of appearance ({CH1}), page
// tokens ({PT1}), access tokens ({JWT1}), secrets ({secret1}), identities that were made up ({identity1}), times ({time}), and the values
// of Server.Vars. Requests use the same names. The command-line flag -update writes the answers into the transcripts.
package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the answers into the transcripts and golden files")

// updated holds what this process has written, so that a second database is compared with the first and does not overwrite it.
var updated sync.Map

// Server is what a transcript is played against.
type Server struct {
	Handler http.Handler
	Users   map[string][2]string // name → user and password of HTTP Basic; "owner" is used where a request says nothing
	Vars    map[string]string    // name → value, for what the test set up: {"service": "IS…"}
}

// Run plays every transcript that the pattern matches, each against a server of its own.
func Run(t *testing.T, pattern string, open func(t *testing.T) Server) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts match %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			play(t, file, open(t))
		})
	}
}

// Golden compares got with the contents of a file, and with -update writes it.
func Golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if _, done := updated.LoadOrStore(file, true); !done {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if string(want) != got {
		t.Errorf("%s differs (run the test with -update and look at the change)\n%s", file, firstDifference(string(want), got))
	}
}

func play(t *testing.T, file string, s Server) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in := parse(string(data))
	out := archive{comment: in.comment}
	names := newNames(s.Vars)
	for _, sec := range in.sections {
		if strings.HasSuffix(sec.name, wantSuffix) {
			continue
		}
		req, err := request(names.fill(sec.text), s.Users)
		if err != nil {
			t.Fatalf("%s: %s: %v", file, sec.name, err)
		}
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, req)
		out.sections = append(out.sections, sec, section{name: sec.name + wantSuffix, text: names.hide(answer(w))})
	}
	got := out.format()
	if *update {
		Golden(t, file, got)
		return
	}
	wants := map[string]string{}
	for _, sec := range in.sections {
		wants[sec.name] = sec.text
	}
	for _, sec := range out.sections {
		if want := wants[sec.name]; want != sec.text {
			t.Errorf("%s: %s\n%s", file, sec.name, firstDifference(want, sec.text))
			return // what follows may depend on it
		}
	}
	if in.format() != got {
		t.Errorf("%s: sections are out of order or left over (run the test with -update)", file)
	}
}

const wantSuffix = ".want"

// request builds a request from a section's text.
func request(text string, users map[string][2]string) (*http.Request, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	head, who, said := strings.Cut(lines[0], " as ")
	method, target, ok := strings.Cut(head, " ")
	if !ok {
		return nil, fmt.Errorf("%q is no request line", lines[0])
	}
	header := http.Header{}
	var body []string
	form := true
	for _, line := range lines[1:] {
		if name, value, ok := strings.Cut(strings.TrimPrefix(line, "@"), ":"); ok && strings.HasPrefix(line, "@") {
			header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
			continue
		}
		if len(body) == 0 && strings.HasPrefix(line, "{") {
			form = false
		}
		if form {
			name, value, _ := strings.Cut(line, "=")
			line = url.QueryEscape(name) + "=" + url.QueryEscape(value)
		}
		body = append(body, line)
	}
	sep, contentType := "&", "application/x-www-form-urlencoded"
	if !form {
		sep, contentType = "\n", "application/json"
	}
	req := httptest.NewRequest(method, target, strings.NewReader(strings.Join(body, sep)))
	if len(body) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if !said {
		who = "owner"
	}
	if user, ok := users[who]; ok {
		req.SetBasicAuth(user[0], user[1])
	} else if token, ok := strings.CutPrefix(who, "token "); ok {
		req.SetBasicAuth("token", token)
	} else if who != "nobody" {
		return nil, fmt.Errorf("no user %q", who)
	}
	return req, nil
}

// answer writes status, the headers that carry meaning and the body, JSON indented.
func answer(w *httptest.ResponseRecorder) string {
	var b bytes.Buffer
	fmt.Fprintln(&b, w.Code)
	for _, name := range []string{"Allow", "Etag", "Location", "Retry-After", "Www-Authenticate"} {
		if v := w.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if w.Body.Len() == 0 {
		return b.String()
	}
	if json.Indent(&b, w.Body.Bytes(), "", "  ") != nil {
		b.Write(w.Body.Bytes())
	}
	b.WriteByte('\n')
	return strings.ReplaceAll(b.String(), `\u0026`, "&")
}

// names replaces changing values by stable names, and back.
type names struct {
	value map[string]string // name → value
	name  map[string]string // value → name
	count map[string]int
}

func newNames(vars map[string]string) *names {
	n := &names{value: map[string]string{}, name: map[string]string{}, count: map[string]int{}}
	for name, value := range vars {
		n.value[name], n.name[value] = value, name
	}
	return n
}

var (
	changing = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+|\b[A-Z]{2}[0-9a-f]{32}\b|\bPT[\w-]{16,}|"(?:secret|auth_token|visitor)": "[^"]+"|"identity": "[0-9a-f]{32}"`)
	times    = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000`)
	braces   = regexp.MustCompile(`\{[A-Za-z]+[0-9]*\}`)
)

// hide puts names in place of values.
func (n *names) hide(text string) string {
	text = times.ReplaceAllString(text, "{time}")
	return changing.ReplaceAllStringFunc(text, func(found string) string {
		key, value, secret := strings.Cut(found, `": "`)
		kind := found[:2]
		switch {
		case secret:
			kind, value = "secret", strings.TrimSuffix(value, `"`)
			if key == `"identity` {
				kind = "identity"
			}
		case strings.HasPrefix(found, "eyJ"):
			kind, value = "JWT", found
		default:
			value = found
		}
		name, known := n.name[value]
		if !known {
			n.count[kind]++
			name = fmt.Sprint(kind, n.count[kind])
			n.value[name], n.name[value] = value, name
		}
		if secret {
			return key + `": "{` + name + `}"`
		}
		return "{" + name + "}"
	})
}

// fill puts values in place of names.
func (n *names) fill(text string) string {
	return braces.ReplaceAllStringFunc(text, func(found string) string {
		if v, ok := n.value[found[1:len(found)-1]]; ok {
			return v
		}
		return found
	})
}

// firstDifference shows where two texts part, with a few lines around.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	show := func(lines []string) string {
		return strings.Join(lines[max(0, min(i-2, len(lines))):min(i+6, len(lines))], "\n")
	}
	return fmt.Sprintf("line %d, want:\n%s\ngot:\n%s", i+1, show(w), show(g))
}

// archive is a txtar file: a comment and named sections.
type archive struct {
	comment  string
	sections []section
}

type section struct{ name, text string }

func parse(text string) archive {
	var a archive
	at := &a.comment
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(trimmed, "-- "); ok && strings.HasSuffix(name, " --") {
			a.sections = append(a.sections, section{name: strings.TrimSuffix(name, " --")})
			at = &a.sections[len(a.sections)-1].text
			continue
		}
		*at += line
	}
	return a
}

func (a archive) format() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, s := range a.sections {
		b.WriteString("-- " + s.name + " --\n" + s.text)
		if s.text != "" && !strings.HasSuffix(s.text, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
