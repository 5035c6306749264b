package connector

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/messaging/carry"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	fields := []Field{{Name: "a", Required: true}, {Name: "b", Default: "x", Choices: []string{"x", "y"}}, {Name: "c"}}
	got, err := Settings(fields, map[string]string{"a": " 1 ", "c": "ü"})
	if err != nil || got["a"] != "1" || got["b"] != "x" || got["c"] != "ü" {
		t.Errorf("%v, %v", got, err)
	}
	for name, given := range map[string]map[string]string{
		"a is required": {"b": "x"}, "b is one of: x, y": {"a": "1", "b": "z"}, "a is longer than 4096 bytes": {"a": strings.Repeat("ä", 2049)},
		"c holds characters that cannot be sent": {"a": "1", "c": "a\x1bb"}, `there is no setting of the name "d"`: {"a": "1", "d": "1"},
	} {
		if _, err := Settings(fields, given); err == nil || err.Error() != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if base, err := Base(map[string]string{"u": "https://host:8443/path/"}, "u"); err != nil || base != "https://host:8443/path" {
		t.Errorf("%s, %v", base, err)
	}
	if Digits(map[string]string{"n": "12"}, "n") != nil || Digits(map[string]string{"n": ""}, "n") == nil || Digits(map[string]string{"n": "1a"}, "n") == nil {
		t.Error("digits")
	}
	if Token(map[string]string{"n": "a-b"}, "n") != nil || Token(map[string]string{"n": "a b"}, "n") == nil || Token(map[string]string{"n": "ä"}, "n") == nil {
		t.Error("token")
	}
}

func TestLoose(t *testing.T) {
	t.Parallel()
	var got []Loose
	if err := json.Unmarshal([]byte(`["a",12,-1.5,true,null,{},[1],"\ud800"]`), &got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Loose{"a", "12", "-1.5", "", "", "", "", "\uFFFD"} {
		if got[i] != want {
			t.Errorf("%d: %q, want %q", i, got[i], want)
		}
	}
	if at := Loose("1789000000").Seconds(); at.Unix() != 1789000000 || at.Location() != time.UTC {
		t.Error(at)
	}
	if at := Loose("1789000000123").Milliseconds(); at.UnixMilli() != 1789000000123 {
		t.Error(at)
	}
	for _, l := range []Loose{"", "x", "-1", "0", "99999999999999999999", "1789000000123"} {
		if !l.Seconds().IsZero() {
			t.Errorf("%s is a time", l)
		}
	}
}

func TestReadJSON(t *testing.T) {
	t.Parallel()
	var into struct{ A int }
	for _, body := range []string{"", "{", `{"a":"x"}`, "\xff", strings.Repeat("[", 65) + strings.Repeat("]", 65)} {
		if malformed := (*Malformed)(nil); !errors.As(ReadJSON([]byte(body), &into), &malformed) {
			t.Errorf("%.20q was read", body)
		}
	}
	if err := ReadJSON([]byte(`{"a":1}`), &into); err != nil || into.A != 1 {
		t.Error(err)
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	m := carry.Inbound{Body: "a\x00b\xff" + strings.Repeat("ä", 40_000), ProfileName: "\x00", Media: []carry.Media{{Name: "\xff"}}, Details: map[string]string{"a": "\x00b"}}
	Tidy(&m)
	if len(m.Body) != maxBody-1 && len(m.Body) != maxBody || !strings.HasPrefix(m.Body, "ab\uFFFDä") || m.ProfileName != "" || m.Media[0].Name != "\uFFFD" || m.Details["a"] != "b" {
		t.Errorf("%d bytes, %+v", len(m.Body), m.Media)
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"image": "[image]", "": "[message]", "a b": "[message]", strings.Repeat("a", 33): "[message]"} {
		m := carry.Inbound{}
		if Named(&m, kind); m.Body != want {
			t.Errorf("%q: %q", kind, m.Body)
		}
	}
	full := carry.Inbound{Body: "a"}
	file := carry.Inbound{Media: []carry.Media{{URL: "a"}}}
	if Named(&full, "x"); full.Body != "a" {
		t.Error("words are words")
	}
	if Named(&file, "x"); file.Body != "" {
		t.Error("a file speaks for itself")
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	if NameOf("a", nil) != "a" || NameOf("", []byte(`{"a": 1}`)) != NameOf("", []byte(`{"a":1}`)) || NameOf("", []byte("1")) == NameOf("", []byte("2")) {
		t.Error("names")
	}
	for _, id := range []string{"a\nb", strings.Repeat("a", 256), "\xff"} {
		if name := NameOf(id, []byte("1")); name == id || len(name) > maxName {
			t.Errorf("%q", name)
		}
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999": time.Hour, "99999999999999999999": 0,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute, "Mon, 02 Jan 1995 15:04:05 GMT": 0, "Mon, 02 Jan 2090 15:04:05 GMT": time.Hour,
		} {
			r := Reply{Header: http.Header{"Retry-After": {value}}}
			if got := r.After(); got != want {
				t.Errorf("%q: %v, want %v", value, got, want)
			}
		}
	})
}

func TestFetch(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	defer server.Close()
	fetch := func() (carry.Media, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		return Fetch(t.Context(), t.Context(), server.Client(), req)
	}
	does := func(f http.HandlerFunc) { answer.Store(&f) }
	does(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "bytes") })
	if m, err := fetch(); err != nil || string(m.Data) != "bytes" {
		t.Errorf("%q, %v", m.Data, err)
	}
	does(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
			return
		}
		if r.Header.Get("Referer") != "" {
			t.Error("the address that led here is shown")
		}
		_, _ = io.WriteString(w, "bytes")
	})
	if m, err := fetch(); err != nil || string(m.Data) != "bytes" {
		t.Errorf("redirected: %q, %v", m.Data, err)
	}
	for name, no := range map[string]func(http.ResponseWriter, *http.Request){
		"empty": func(http.ResponseWriter, *http.Request) {},
		"round": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
		"404":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"long":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999") },
	} {
		does(no)
		if _, err := fetch(); !errors.Is(err, ErrNoFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, later := range map[string]func(http.ResponseWriter, *http.Request){
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"202": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) },
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		does(later)
		if _, err := fetch(); err == nil || errors.Is(err, ErrNoFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLoose(f *testing.F) {
	f.Add(`{"a":1,"b":"2"}`)
	f.Fuzz(func(t *testing.T, body string) {
		var into map[string]Loose
		if ReadJSON([]byte(body), &into) != nil {
			return
		}
		for _, l := range into {
			_, _ = l.Seconds(), l.Milliseconds()
		}
		if name := NameOf("", []byte(body)); len(name) > maxName {
			t.Error(name)
		}
	})
}
