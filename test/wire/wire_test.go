package wire

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// echo answers with what it was sent, and with values that no two runs share.
func echo(w http.ResponseWriter, r *http.Request) {
	user, _, _ := r.BasicAuth()
	body := make([]byte, 200)
	n, _ := r.Body.Read(body)
	w.Header().Set("ETag", `"3"`)
	w.WriteHeader(201)
	fmt.Fprintf(w, `{"path":%q,"user":%q,"type":%q,"match":%q,"body":%q,"sid":"CH%s","other":"CH%s","at":"2026-01-02T03:04:05Z","secret":"s3cr3t","next":"x?PageToken=PTabcdefghijklmnopq"}`,
		r.URL.Path, user, r.Header.Get("Content-Type"), r.Header.Get("If-Match"), body[:n], strings.Repeat("a", 32), strings.Repeat("b", 32))
}

func TestPlay(t *testing.T) {
	t.Parallel()
	Run(t, "testdata/*.txtar", func(*testing.T) Server {
		return Server{
			Handler: http.HandlerFunc(echo),
			Users:   map[string][2]string{"owner": {"AC1", "t"}, "visitor": {"token", "jwt"}},
			Vars:    map[string]string{"known": "CH" + strings.Repeat("b", 32)},
		}
	})
}

func TestParse_roundTrip(t *testing.T) {
	t.Parallel()
	const text = "comment\n\n-- a --\nGET /\n-- a.want --\n200\n-- b --\n"
	a := parse(text)
	want := archive{comment: "comment\n\n", sections: []section{{"a", "GET /\n"}, {"a.want", "200\n"}, {"b", ""}}}
	if diff := cmp.Diff(want, a, cmp.AllowUnexported(archive{}, section{})); diff != "" {
		t.Error(diff)
	}
	if a.format() != text {
		t.Errorf("%q", a.format())
	}
}

func TestRequest_refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"GET", "GET / as somebody"} {
		if _, err := request(text, nil); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	if r, err := request("GET / as nobody", nil); err != nil || r.Header.Get("Authorization") != "" {
		t.Errorf("nobody: %v", err)
	}
}

func TestNames_sameValueSameName(t *testing.T) {
	t.Parallel()
	n := newNames(nil)
	a, b := "CH"+strings.Repeat("a", 32), "CH"+strings.Repeat("b", 32)
	if got := n.hide(a + " " + b + " " + a); got != "{CH1} {CH2} {CH1}" {
		t.Errorf("hide: %s", got)
	}
	if got := n.fill("{CH2} {CH9} {}"); got != b+" {CH9} {}" {
		t.Errorf("fill: %s", got)
	}
}

func TestAnswer_emptyBody(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.WriteHeader(204)
	if got := answer(w); got != "204\n" {
		t.Errorf("%q", got)
	}
}
