// Package wire plays recorded requests against the running program and compares what it answers, byte for byte but for what
// is new every time. A transcript in testdata is written by hand as requests only; -update adds the answers, which a person
// then reads against the descriptions of the wire.
//
//	# a comment
//	> POST /chat/v2/Services
//	> FriendlyName=Support
//	< 201
//	< { "sid": "{IS1}" ... }
//
// The first service that appears is {IS1}, the second {IS2}; requests use these names too. A request that begins with
// "> as none" or "> as user:password" has other credentials than the account's own.
package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/test/rig"
)

var update = flag.Bool("update", false, "record what the program answers")

func TestTranscripts(t *testing.T) {
	rig.EachDatabase(t, rig.Options{}, func(t *testing.T, s *rig.Server) {
		files, err := filepath.Glob("testdata/*.txt")
		if err != nil || len(files) == 0 {
			t.Fatalf("no transcripts: %v", err)
		}
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { play(t, s, file) })
		}
	})
}

// player plays one transcript.
type player struct {
	server *rig.Server
	names  map[string]string // SID → name
	sids   map[string]string // name → SID
	counts map[string]int    // how many of a prefix have a name
	out    bytes.Buffer
}

func play(t *testing.T, s *rig.Server, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{server: s, names: map[string]string{s.AccountSID: "{AC}"}, sids: map[string]string{"{AC}": s.AccountSID}, counts: map[string]int{}}
	var request []string
	flush := func() {
		if len(request) > 0 {
			p.exchange(t, request)
			request = nil
		}
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			request = append(request, strings.TrimPrefix(line, "> "))
			p.out.WriteString(line + "\n")
		case strings.HasPrefix(line, "<"):
			flush()
		default:
			flush()
			p.out.WriteString(line + "\n")
		}
	}
	flush()
	if *update {
		if err := os.WriteFile(file, p.out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(p.out.String(), "\n")); diff != "" {
		t.Errorf("%s (- recorded, + answered):\n%s", file, diff)
	}
}

// exchange makes one request and writes down the answer.
func (p *player) exchange(t *testing.T, request []string) {
	t.Helper()
	client := p.server.Client()
	if who, ok := strings.CutPrefix(request[0], "as "); ok {
		client.User, client.Password, _ = strings.Cut(p.resolve(who), ":")
		if who == "none" {
			client.User = ""
		}
		request = request[1:]
	}
	method, path, _ := strings.Cut(request[0], " ")
	form := url.Values{}
	for _, pair := range request[1:] {
		name, value, _ := strings.Cut(p.resolve(pair), "=")
		form.Add(name, value)
	}
	a, err := client.Call(t.Context(), method, p.resolve(path), form)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	fmt.Fprintf(&p.out, "< %d\n", a.Status)
	for line := range strings.Lines(p.normal(t, a.Text)) {
		p.out.WriteString("< " + strings.TrimRight(line, "\n") + "\n")
	}
}

var name = regexp.MustCompile(`\{[A-Z]{2}\d*\}`)

// resolve puts SIDs in the place of their names.
func (p *player) resolve(text string) string {
	return name.ReplaceAllStringFunc(text, func(n string) string {
		if sid, ok := p.sids[n]; ok {
			return sid
		}
		return n
	})
}

var (
	anySID    = regexp.MustCompile(`\b[A-Z]{2}[0-9a-f]{32}\b`)
	iso       = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	rfc2822   = regexp.MustCompile(`[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000`)
	secret    = regexp.MustCompile(`("(?:secret|auth_token)": )"[^"]+"`)
	token     = regexp.MustCompile(`("token": )"[^"]+"`)
	pageToken = regexp.MustCompile(`(PageToken=)[^&"\\]+`)
	age       = regexp.MustCompile(`("age": )\d+`)
)

// normal answers a body with sorted keys and with names for everything that is new in every run.
func (p *player) normal(t *testing.T, text string) string {
	t.Helper()
	if text == "" {
		return ""
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var body any
	if err := decoder.Decode(&body); err != nil {
		return text
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(body); err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(b.String(), p.server.URL, "{BASE}")
	text = secret.ReplaceAllString(text, `$1"{SECRET}"`)
	text = token.ReplaceAllString(text, `$1"{TOKEN}"`)
	text = pageToken.ReplaceAllString(text, "$1{PAGE}")
	text = age.ReplaceAllString(text, "${1}0")
	text = iso.ReplaceAllStringFunc(text, func(s string) string {
		if strings.Contains(s, ".") {
			return "{DATE.MS}"
		}
		return "{DATE}"
	})
	text = rfc2822.ReplaceAllString(text, "{RFC2822}")
	return anySID.ReplaceAllStringFunc(text, p.name)
}

// name answers the name of a SID, a new one when it appears for the first time.
func (p *player) name(sid string) string {
	if n, ok := p.names[sid]; ok {
		return n
	}
	prefix := sid[:2]
	p.counts[prefix]++
	n := "{" + prefix + strconv.Itoa(p.counts[prefix]) + "}"
	p.names[sid], p.sids[n] = n, sid
	return n
}
