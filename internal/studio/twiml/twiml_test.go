package twiml

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func response(inside string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><Response>` + inside + `</Response>`
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		want []Verb
	}{
		"nothing":                {"", nil},
		"an empty response":      {"<!-- from a test -->\n<Response/>", nil},
		"a comment":              {response("<!-- nothing -->"), nil},
		"a text":                 {response("<Message>\n  Open till 6.\n</Message>"), []Verb{{Body: "Open till 6."}}},
		"a body and media":       {response("<Message><Body>Look</Body><Media>https://x/a.png</Media><Media> https://x/b.png </Media></Message>"), []Verb{{Body: "Look", Media: []string{"https://x/a.png", "https://x/b.png"}}}},
		"media alone":            {response("<Message><Media>https://x/a.png</Media></Message>"), []Verb{{Media: []string{"https://x/a.png"}}}},
		"an empty message":       {response(`<Message to="+1555"/><Message> </Message>`), nil},
		"an old verb":            {response(`<Sms from="+1555">Hi</Sms>`), []Verb{{Body: "Hi", From: "+1555"}}},
		"who to and from":        {response(`<Message to=" +1555 " from="+1666" action="/a" statusCallback="/s">Hi</Message><Sms action="/a">Ho</Sms>`), []Verb{{Body: "Hi", To: "+1555", From: "+1666", Callback: "/s"}, {Body: "Ho", Callback: "/a"}}},
		"verbs of calls":         {response("<Say>Hi<break/></Say><Message>Ho</Message><Play>x</Play>"), []Verb{{Body: "Ho"}}},
		"strange elements":       {response(`<Ninja><Body>x</Body></Ninja><Message>Some<Ninja sword="always">y</Ninja> text</Message>stray`), []Verb{{Body: "Some text"}}},
		"text beside a body":     {response("<Message>one<Body>two</Body></Message>"), []Verb{{Body: "one\ntwo"}}},
		"escaped":                {response("<Message>1 &lt; 2 &amp; <![CDATA[<b>]]>&#x41;</Message>"), []Verb{{Body: "1 < 2 & <b>A"}}},
		"a redirect":             {response("<Message>Hi</Message><Redirect>\n /next?a=1&amp;b=2 </Redirect><Message>never</Message>"), []Verb{{Body: "Hi"}, {Redirect: "/next?a=1&b=2", Method: "POST"}}},
		"a redirect by GET":      {response(`<Redirect method="get">https://x/</Redirect>`), []Verb{{Redirect: "https://x/", Method: "GET"}}},
		"a byte order mark":      {"\xef\xbb\xbf" + response("<Message>Hi</Message>"), []Verb{{Body: "Hi"}}},
		"a message in a message": {response("<Message>a<Message>b</Message></Message>"), []Verb{{Body: "a"}}},
	} {
		got, err := Parse([]byte(row.text))
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestParse_refused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"JSON":                  `{"a":1}`,
		"HTML":                  "<html><body>404</body></html>",
		"a fragment":            "<Message>Hi</Message>",
		"an open element":       "<Response><Message>Hi</Response>",
		"no end":                "<Response><Message>Hi</Message>",
		"two documents":         "<Response/><Response/>",
		"text behind":           "<Response/>x",
		"a document type":       `<!DOCTYPE Response [<!ENTITY x "y">]><Response><Message>&x;</Message></Response>`,
		"an unknown entity":     response("<Message>&nbsp;</Message>"),
		"another character set": `<?xml version="1.0" encoding="ISO-8859-1"?><Response/>`,
		"not UTF-8":             "<Response><Message>\xff</Message></Response>",
		"too deep":              "<Response>" + strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth) + "</Response>",
		"too many elements":     response(strings.Repeat("<a/>", maxElements)),
		"too many messages":     response(strings.Repeat("<Message>x</Message>", MaxMessages+1)),
		"too many media":        response("<Message>" + strings.Repeat("<Media>x</Media>", maxMedia+1) + "</Message>"),
		"too long":              response("<Message>" + strings.Repeat("x", MaxBytes) + "</Message>"),
		"an empty redirect":     response("<Redirect/>"),
	} {
		if got, err := Parse([]byte(text)); !errors.Is(err, ErrInvalid) || got != nil {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

// TestCorpus reads a folder of documents of others, named by USHER_CORPUS_TWIML.
func TestCorpus(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("USHER_CORPUS_TWIML")
	files, err := filepath.Glob(filepath.Join(folder, "*.xml"))
	if folder == "" || err != nil || len(files) == 0 {
		t.Skip("USHER_CORPUS_TWIML names no folder with documents")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(raw)
		t.Logf("%s: %+v %v", filepath.Base(file), got, err)
		if fragment := !strings.Contains(string(raw), "<Response"); fragment != (err != nil) {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(response("<Message>Hi<Body>b</Body><Media>m</Media></Message><Redirect method='GET'>/x</Redirect>")))
	f.Add([]byte(response("<Sms>1 &lt; 2<![CDATA[x]]></Sms><!-- c -->")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		verbs, err := Parse(raw)
		if err != nil && (verbs != nil || !errors.Is(err, ErrInvalid)) {
			t.Fatal(verbs, err)
		}
		if len(verbs) > MaxMessages+1 {
			t.Fatal(len(verbs))
		}
		for i, v := range verbs {
			if v.Redirect != "" && i != len(verbs)-1 || v.Redirect == "" && v.Body == "" && len(v.Media) == 0 {
				t.Fatalf("%+v", verbs)
			}
		}
	})
}
