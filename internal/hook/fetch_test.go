package hook

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cat.png":
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "picture")
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="a b.pdf"`)
		case "/moved":
			http.Redirect(w, r, "/cat.png", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/secret", http.StatusFound)
		case "/stream":
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat("x", 1000))
				w.(http.Flusher).Flush() //nolint:forcetypeassert // the test's own server
			}
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	c := client(t, loopback)
	get := func(address string) (f File, body string, err error) {
		err = c.Fetch(t.Context(), address, 5000, func(in File) error {
			f = in
			all, err := io.ReadAll(in.Body)
			body = string(all)
			return err
		})
		return f, body, err
	}
	for path, want := range map[string]string{"/cat.png": "cat.png picture", "/moved": "cat.png picture", "/named": "a b.pdf "} {
		if f, body, err := get(s.URL + path); err != nil || f.Filename+" "+body != want {
			t.Errorf("%s: %+v %q %v", path, f, body, err)
		}
	}
	for path, want := range map[string]Failure{"/none": BadStatus, "/inside": Refused, "/stream": TooLarge} {
		_, _, err := get(s.URL + path)
		fails(t, err, want)
	}
	_, _, err := get("ftp://x")
	fails(t, err, Refused)
	_, _, err = func() (File, string, error) { c = client(t, Policy{}); return get(s.URL + "/cat.png") }()
	fails(t, err, Refused)
	own := errors.New("not taken")
	c = client(t, loopback)
	if err := c.Fetch(t.Context(), s.URL+"/cat.png", 5000, func(File) error { return own }); !errors.Is(err, own) {
		t.Errorf("%v", err)
	}
	err = c.Fetch(t.Context(), s.URL+"/cat.png", 3, func(File) error { t.Error("it is too large"); return nil })
	fails(t, err, TooLarge)
}
