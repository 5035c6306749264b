package rest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type pageWire struct {
	Meta   meta        `json:"meta"`
	Things []thingWire `json:"things"`
}

func getPage(t *testing.T, s *Server, target string) pageWire {
	t.Helper()
	w := call(s, "GET", target, "")
	var p pageWire
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	return p
}

func ids(p pageWire) string {
	var out []string
	for _, th := range p.Things {
		out = append(out, th.SID)
	}
	return strings.Join(out, " ")
}

func TestPage_walksForwardAndBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	p := getPage(t, s, "/chat/v2/Things?PageSize=2&Status=a&Status=b")
	const base = "http://example.com/chat/v2/Things?Status=a%2Cb&PageSize=2&Page="
	if p.Meta.First != base+"0" || p.Meta.URL != base+"0" || p.Meta.Previous != nil || p.Meta.Page != 0 || p.Meta.PageSize != 2 || p.Meta.Key != "things" {
		t.Errorf("meta %+v", p.Meta)
	}
	var seen []string
	var last pageWire
	for n := 0; ; n++ {
		seen = append(seen, ids(p))
		if p.Meta.Page != n {
			t.Errorf("page %d, want %d", p.Meta.Page, n)
		}
		last = p
		if p.Meta.Next == nil {
			break
		}
		p = getPage(t, s, *p.Meta.Next)
	}
	if diff := cmp.Diff([]string{"TH0 TH1", "TH2 TH3", "TH4"}, seen); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"TH2 TH3", "TH0 TH1"} {
		last = getPage(t, s, *last.Meta.Previous)
		if ids(last) != want {
			t.Errorf("back: %s, want %s", ids(last), want)
		}
	}
	if last.Meta.Previous != nil || last.Meta.URL != p.Meta.First {
		t.Errorf("back at the start: %+v", last.Meta)
	}
	if p := getPage(t, s, "/chat/v2/Things?PageSize=2&Page=1"); ids(p) != "TH2 TH3" || p.Meta.Page != 1 {
		t.Errorf("page by number: %s %+v", ids(p), p.Meta)
	}
	if p := getPage(t, s, "/chat/v2/Things?PageSize=2&Page=7"); ids(p) != "" {
		t.Errorf("page after the end: %s", ids(p))
	}
	if p := getPage(t, s, "/chat/v2/Things?PageSize=5000"); p.Meta.PageSize != 1000 {
		t.Errorf("page size %d", p.Meta.PageSize)
	}
	if p := getPage(t, s, "/chat/v2/Things"); p.Meta.PageSize != 50 {
		t.Errorf("page size %d", p.Meta.PageSize)
	}
}

func TestPage_sevenKeys(t *testing.T) {
	t.Parallel()
	w := call(newTestServer(t, nil), "GET", "/chat/v2/Things?Page=9", "")
	want := `{"meta":{"page":0,"page_size":50,"first_page_url":"http://example.com/chat/v2/Things?PageSize=50&Page=0","previous_page_url":null,` +
		`"url":"http://example.com/chat/v2/Things?PageSize=50&Page=0","next_page_url":null,"key":"things"},"things":[]}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPage_classic(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	w := call(s, "GET", "/api/2010-04-01/Things.json?PageSize=2", "")
	var p struct {
		classicMeta
		Things []thingWire `json:"things"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err, w.Body)
	}
	if p.First != "/2010-04-01/Things.json?PageSize=2&Page=0" || p.Start != 0 || p.End != 1 || p.Next == nil || len(p.Things) != 2 {
		t.Errorf("%+v", p)
	}
	w = call(s, "GET", *p.Next, "")
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Start != 2 || p.End != 3 || p.Things[0].SID != "TH2" {
		t.Errorf("%v %s", err, w.Body)
	}
}

func TestPage_byTokenOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	w := call(s, "GET", "/taskrouter/v1/Things?Page=1", "")
	if w.Code != 400 || !strings.Contains(w.Body.String(), `"code":40153`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	p := getPage(t, s, "/taskrouter/v1/Things?PageSize=3")
	if p.Meta.First != "http://example.com/taskrouter/v1/Things?PageSize=3" {
		t.Errorf("first %s", p.Meta.First)
	}
	if p = getPage(t, s, *p.Meta.Next+"&Page=1"); ids(p) != "TH3 TH4" || p.Meta.Page != 1 {
		t.Errorf("%s %+v", ids(p), p.Meta)
	}
}

func TestPage_refuses(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	next, err := url.Parse(*getPage(t, s, "/chat/v2/Things?PageSize=2").Meta.Next)
	if err != nil {
		t.Fatal(err)
	}
	token := next.Query().Get("PageToken")
	for _, target := range []string{
		"/chat/v2/Things?PageSize=0", "/chat/v2/Things?PageSize=x", "/chat/v2/Things?PageSize=-1",
		"/chat/v2/Things?Page=-1", "/chat/v2/Things?Page=x", "/chat/v2/Things?Page=99999999", "/chat/v2/Things?Page=9223372036854775807",
		"/chat/v2/Things?PageToken=1", "/chat/v2/Things?PageToken=PT", "/chat/v2/Things?PageToken=" + token[:len(token)-1] + "A",
		"/chat/v2/Things?PageToken=" + strings.Replace(token, "PT", "PTA", 1),
		"/taskrouter/v1/Things?PageToken=" + token, // of another list
		"/chat/v2/Things?Status=c",
	} {
		if w := call(s, "GET", target, ""); w.Code != 400 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestPosition_keepsABoundedStack(t *testing.T) {
	t.Parallel()
	tok := tokens{key: []byte("k")}
	p := position{size: 10}
	for range 40 {
		p = p.next(strings.Repeat("9", 19))
	}
	back, err := tok.open(tok.seal(p, "s"), "s", 10)
	if err != nil {
		t.Fatal(err)
	}
	if back.page != 40 || len(back.stack) != maxStack || back.after != p.after {
		t.Errorf("%+v", back)
	}
	n := 0
	for {
		prev, ok := back.previous()
		if !ok {
			break
		}
		back = prev
		n++
	}
	if n != maxStack || back.page != 40-maxStack {
		t.Errorf("%d steps back to page %d", n, back.page)
	}
}

func FuzzToken(f *testing.F) {
	tok := tokens{key: []byte("k")}
	f.Add(tok.seal(position{page: 3, after: "12", stack: []string{"", "4"}}, "s"), "s")
	f.Add("PT", "")
	f.Fuzz(func(t *testing.T, token, scope string) {
		p, err := tok.open(token, scope, 5)
		if err == nil && tok.seal(p, scope) != token {
			t.Errorf("%q opens as %+v", token, p)
		}
	})
}
