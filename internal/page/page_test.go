package page

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"usher/internal/fault"
	"usher/internal/sid"
)

const (
	openFlow   = "FO00000000000000000000000000000001"
	closedFlow = "FO00000000000000000000000000000002"
	brokenFlow = "FO00000000000000000000000000000003"
)

func testPages(t *testing.T, ready error) *Pages {
	t.Helper()
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	p, err := New(Options{
		Files: fstest.MapFS{
			"desk/index.html": text("<desk>"), "desk/assets/main-B4c_d-F9.js": text("js"), "desk/assets/main-B4c_d-F9.js.gz": text("packed js"),
			"desk/theme.js": text("theme"), "widget/index.html": text("<widget>"), "widget.js": text("loader"), "widget.js.gz": text("packed"),
			"widget/more.js": text("more"), "webchat2.js": text("shim"),
			"demo/index.html": text("<demo>"), ".gitkeep": text(""), "desk/icon.svg": text("<svg/>"), "desk/strange.qqq": text("?"),
		},
		Widget: func(_ context.Context, flow sid.SID) (WidgetConfig, error) {
			switch flow {
			case openFlow, "":
				return WidgetConfig{FlowSID: flow, Name: "Shop", Locale: "en", Online: true}, nil
			case closedFlow:
				return WidgetConfig{FlowSID: flow, Origins: []string{"https://a.example", "https://b.example"}}, nil
			case brokenFlow:
				return WidgetConfig{}, errors.New("database of canary")
			}
			return WidgetConfig{}, fault.NotFound("/FlexFlows/" + string(flow))
		},
		Ready:  func(context.Context) error { return ready },
		Secure: func(r *http.Request) bool { return r.TLS != nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(p http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestPages_files(t *testing.T) {
	t.Parallel()
	p := testPages(t, nil)
	const forever, again = "public, max-age=31536000, immutable", "no-cache"
	tests := []struct {
		path           string
		status         int
		body, kind     string
		cache, inFrame string // frame-ancestors
	}{
		{"/", 302, "", "", "no-store", "'none'"},
		{"/desk", 307, "", "", "no-store", "'none'"},
		{"/desk/", 200, "<desk>", "text/html; charset=utf-8", again, "'none'"},
		{"/desk/index.html", 200, "<desk>", "text/html; charset=utf-8", again, "'none'"},
		{"/desk/admin/flows/FO1", 200, "<desk>", "text/html; charset=utf-8", again, "'none'"},
		{"/desk/theme.js", 200, "theme", "text/javascript; charset=utf-8", again, "'none'"},
		{"/desk/icon.svg", 200, "<svg/>", "image/svg+xml", again, "'none'"},
		{"/desk/strange.qqq", 200, "?", "application/octet-stream", again, "'none'"},
		{"/desk/assets/main-B4c_d-F9.js", 200, "js", "text/javascript; charset=utf-8", forever, "'none'"},
		{"/desk/assets/gone-B4c_d-F9.js", 404, "", "", "", ""},
		{"/desk/assets/main-B4c_d-F9.js.gz", 404, "", "", "", ""},
		{"/widget.js", 200, "loader", "text/javascript; charset=utf-8", "public, max-age=300", "'none'"},
		{"/widget/", 200, "<widget>", "text/html; charset=utf-8", again, "*"},
		{"/widget/?flow=" + openFlow, 200, "<widget>", "text/html; charset=utf-8", again, "*"},
		{"/widget/?flow=" + closedFlow, 200, "<widget>", "text/html; charset=utf-8", again, "https://a.example https://b.example"},
		{"/widget/?flow=nonsense", 200, "<widget>", "text/html; charset=utf-8", again, "*"},
		{"/demo/", 200, "<demo>", "text/html; charset=utf-8", again, "'none'"},
		{"/.gitkeep", 404, "", "", "", ""},
		{"/desk/../.gitkeep", 307, "", "", "", ""},
		{"/favicon.ico", 404, "", "", "", ""},
		{"/elsewhere", 404, "", "", "", ""},
		{"/robots.txt", 200, "User-agent: *\nDisallow: /\n", "text/plain; charset=utf-8", "no-store", "'none'"},
	}
	for _, tt := range tests {
		w := get(p, tt.path)
		h := w.Header()
		if w.Code != tt.status {
			t.Errorf("%s: status %d, want %d", tt.path, w.Code, tt.status)
			continue
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: headers %v", tt.path, h)
		}
		if tt.status != 200 {
			continue
		}
		_, ancestors, _ := strings.Cut(h.Get("Content-Security-Policy"), "frame-ancestors ")
		got := []string{w.Body.String(), h.Get("Content-Type"), h.Get("Cache-Control"), ancestors}
		if diff := cmp.Diff([]string{tt.body, tt.kind, tt.cache, tt.inFrame}, got); diff != "" {
			t.Errorf("%s: %s", tt.path, diff)
		}
	}
	if to := get(p, "/").Header().Get("Location"); to != "/desk/" {
		t.Errorf("/ leads to %s", to)
	}
	if w := httptest.NewRecorder(); true {
		p.ServeHTTP(w, httptest.NewRequest("POST", "/desk/", nil))
		if w.Code != 405 {
			t.Errorf("POST to a page: %d", w.Code)
		}
	}
}

func TestPages_compressedAndCached(t *testing.T) {
	t.Parallel()
	p := testPages(t, nil)
	w := get(p, "/widget.js", "Accept-Encoding", "br, gzip;q=0.5")
	if w.Body.String() != "packed" || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	packedTag := w.Header().Get("ETag")
	w = get(p, "/widget.js", "Accept-Encoding", "gzip;q=0")
	if w.Body.String() != "loader" || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
	if tag := w.Header().Get("ETag"); tag == "" || tag == packedTag {
		t.Errorf("tags %s and %s must differ", tag, packedTag)
	}
	if w := get(p, "/widget.js", "Accept-Encoding", "gzip", "If-None-Match", packedTag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w := get(p, "/desk/assets/main-B4c_d-F9.js", "Accept-Encoding", "gzip"); w.Body.String() != "packed js" {
		t.Errorf("%q", w.Body)
	}
}

func TestTakesGzip(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate": false, "*": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"deflate, gzip;q=1.0": true, "gzip;q=x": false, "identity": false,
	} {
		if takesGzip(accept) != want {
			t.Errorf("%q: %v", accept, !want)
		}
	}
}

func TestPages_widgetConfig(t *testing.T) {
	t.Parallel()
	p := testPages(t, nil)
	w := get(p, "/widget/config?flow="+openFlow)
	want := `{"account_sid":"","flow_sid":"` + openFlow + `","chat_service_sid":"","name":"Shop","locale":"en","branding":{},"pre_engagement":null,"online":true}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for target, status := range map[string]int{
		"/widget/config": 200, "/widget/config?flow=FOx": 404, "/widget/config?flow=" + strings.Replace(openFlow, "1", "9", 1): 404,
		"/widget/config?flow=" + brokenFlow: 500,
	} {
		w := get(p, target)
		var body struct{ Code, Status int }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != status || status != 200 && body.Status != status || strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestPages_probes(t *testing.T) {
	t.Parallel()
	if w := get(testPages(t, errors.New("no database")), "/readyz"); w.Code != 503 || strings.Contains(w.Body.String(), "database") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	p := testPages(t, nil)
	for _, path := range []string{"/readyz", "/healthz"} {
		if w := get(p, path); w.Code != 200 || w.Body.String() != `{"status":"ok"}` {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := get(p, "https://x/healthz"); w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS under TLS")
	}
}

func TestPages_withoutFiles(t *testing.T) {
	t.Parallel()
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w := get(p, "/desk/"); w.Code != 404 || !strings.Contains(w.Body.String(), "no pages") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(p, "/widget/config?flow="+openFlow); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

// TestMediaOrigin proves that pictures may come from the origin that hands out files, and from no other.
func TestMediaOrigin(t *testing.T) {
	t.Parallel()
	p := testPages(t, nil)
	for _, row := range [][2]string{{"", "img-src 'self' data: blob:;"}, {"https://media.example.org", "img-src 'self' data: blob: https://media.example.org;"}} {
		p.media = row[0]
		for _, page := range []string{"/desk/", "/widget/", "/demo/"} {
			if got := get(p, page).Header().Get("Content-Security-Policy"); !strings.Contains(got, row[1]) {
				t.Errorf("%s with %q: %s", page, row[0], got)
			}
		}
	}
}

// TestScripts proves that what other sites load may be loaded by them, also as a module.
func TestScripts(t *testing.T) {
	t.Parallel()
	p := testPages(t, nil)
	for name, want := range map[string]string{"/widget.js": "loader", "/widget/more.js": "more", "/webchat2.js": "shim"} {
		w := get(p, name)
		h := w.Header()
		if w.Code != 200 || w.Body.String() != want || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" ||
			h.Get("Cache-Control") != "public, max-age=300" || h.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: %d %q %v", name, w.Code, w.Body, h)
		}
	}
}
