package connectortest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"usher/internal/connector"
)

// forged gives Receive requests that the carrier did not sign.
func (tr Trial) forged(t *testing.T) {
	c := tr.open(t, "http://127.0.0.1:1")
	good := tr.Sign(tr.Text("id-1", secretText))
	u, err := tr.receive(t, c, good)
	if err != nil || len(u.Messages) != 1 || u.Messages[0].Body != secretText {
		t.Fatalf("the signed request brings %d messages, %v", len(u.Messages), err)
	}
	refuse := func(why string, r connector.Request) {
		t.Helper()
		_, err := tr.receive(t, c, r)
		if forged := (*connector.Forged)(nil); !errors.As(err, &forged) {
			t.Errorf("%s: %v, want *Forged", why, err)
		}
	}
	if tr.Shown != "" {
		for _, wrong := range []string{"", "x", strings.Repeat("a", 1<<20), "%00", tr.Settings[tr.Shown] + "0", tr.Settings[tr.Shown] + "&" + tr.Shown + "=x", mirror(tr.Settings[tr.Shown])} {
			r := good
			r.URL = strings.Replace(good.URL, tr.Shown+"="+tr.Settings[tr.Shown], tr.Shown+"="+wrong, 1)
			refuse("another "+tr.Shown, r)
		}
		r := good
		r.URL = PublicURL
		refuse("no parameter", r)
		return
	}
	changed := good
	changed.Body = bytes.Replace(good.Body, []byte("canary"), []byte("Canary"), 1)
	if !bytes.Equal(changed.Body, good.Body) && !tr.bearer(good) {
		refuse("a changed body", changed)
	}
	for name, values := range good.Header {
		if strings.EqualFold(name, "Content-Type") {
			continue
		}
		for why, value := range map[string]string{
			"none": "", "another": mirror(values[0]), "half": values[0][:len(values[0])/2], "more": values[0] + "0", "no base64, no hex": "\x00ü%%", "long": strings.Repeat("a", 1<<20),
		} {
			r := good
			r.Header = good.Header.Clone()
			r.Header.Set(name, value)
			refuse(name+": "+why, r)
			r.Header.Del(name)
			refuse(name+" is not there", r)
		}
	}
	without := good
	without.Header = http.Header{}
	refuse("no header at all", without)
	without.Header = nil
	refuse("no headers", without)
}

// bearer says that a request is known by a token and not by a signature of its body.
func (tr Trial) bearer(r connector.Request) bool { return r.Header.Get("Authorization") != "" }

// mirror is the text with each letter and digit after the first sign "=" or space changed into another.
func mirror(s string) string {
	at := strings.IndexAny(s[:min(len(s), 10)], "= ")
	return s[:at+1] + strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r < '9' || r >= 'a' && r < 'z' || r >= 'A' && r < 'Z':
			return r + 1
		case r == '9' || r == 'z' || r == 'Z':
			return r - 1
		}
		return r
	}, s[at+1:])
}

// hostile gives Receive signed bodies that lie.
func (tr Trial) hostile(t *testing.T) {
	c := tr.open(t, "http://127.0.0.1:1")
	try := func(body []byte) {
		t.Helper()
		_, err := tr.receive(t, c, tr.Sign(body))
		malformed, forged := (*connector.Malformed)(nil), (*connector.Forged)(nil)
		if err != nil && !errors.As(err, &malformed) && !errors.As(err, &forged) {
			t.Errorf("%.80q: %v, want *Malformed or nothing", body, err)
		}
	}
	for _, body := range []string{
		"", "null", "0", `""`, "[]", "{}", "[null]", "{", "}", "\x00", "\xff\xfe", "true", `{"a":1}{"b":2}`, "a=b&c=d", "%zz=%zz&&&==", "<xml/>",
		strings.Repeat("[", 100_000), strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000),
		`"` + strings.Repeat("a", 4<<20) + `"`, `{"entry":` + strings.Repeat("9", 1<<20) + `}`, `{"entry":[` + strings.Repeat("{},", 1<<14) + `{}]}`,
		`{"events":[` + strings.Repeat("{},", 1<<14) + `{}]}`, `{"entry":[{"changes":[{"value":{"messages":[` + strings.Repeat("{},", 1<<14) + `{}]}}]}]}`,
	} {
		try([]byte(body))
	}
	good := tr.Text("id-1", secretText)
	for i := range len(good) { // cut anywhere
		if i%7 == 0 {
			try(good[:i])
		}
	}
	var tree any
	if json.Unmarshal(good, &tree) != nil {
		return
	}
	for _, lie := range []any{nil, true, -1, 1e300, "", "\x00\uFFFF", strings.Repeat("x", 10_000), []any{}, []any{nil}, map[string]any{}, map[string]any{"id": []any{}}, []any{[]any{map[string]any{"type": "text"}}}} {
		mutate(&tree, lie, func() {
			body, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			try(body)
		})
	}
	for _, body := range [][]byte{good, bytes.ReplaceAll(good, []byte(`"text"`), []byte(`"no_such_kind"`))} {
		try(bytes.ReplaceAll(body, []byte(secretText), []byte(`\ud800 \u0000`)))
	}
}

// mutate puts the lie in the place of each value of the tree in turn, calls try, and puts the value back.
func mutate(at *any, lie any, try func()) {
	old := *at
	*at = lie
	try()
	*at = old
	switch old := old.(type) {
	case map[string]any:
		for k := range old {
			v := old[k]
			mutate(&v, lie, func() {
				kept := old[k]
				old[k] = v
				try()
				old[k] = kept
			})
		}
	case []any:
		for i := range old {
			v := old[i]
			mutate(&v, lie, func() {
				kept := old[i]
				old[i] = v
				try()
				old[i] = kept
			})
		}
	}
}

// again gives Receive the same message twice, and another.
func (tr Trial) again(t *testing.T) {
	c, other := tr.open(t, "http://127.0.0.1:1"), tr.open(t, "http://127.0.0.1:1")
	name := func(c any, id string) string {
		t.Helper()
		u, err := tr.receive(t, c, tr.Sign(tr.Text(id, secretText)))
		if err != nil || len(u.Messages) != 1 {
			t.Fatalf("%.20s: %d messages, %v", id, len(u.Messages), err)
		}
		return u.Messages[0].ID
	}
	for _, id := range []string{"id-1", strings.Repeat("long", 100)} {
		if first := name(c, id); first != name(c, id) || first != name(other, id) {
			t.Errorf("the message %.20s has another name when it comes again", id)
		}
	}
	if name(c, "id-1") == name(c, "id-2") || name(c, strings.Repeat("a", 300)) == name(c, strings.Repeat("a", 299)+"b") {
		t.Error("two messages have the same name")
	}
}

// files lets a message name files that are small, absent and without end.
func (tr Trial) files(t *testing.T) {
	var written atomic.Int64
	var answer atomic.Value
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tr.About(w, r, server.URL) {
			return
		}
		switch answer.Load() {
		case "small":
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "\x89PNG small")
		case "absent":
			w.WriteHeader(http.StatusNotFound)
		case "endless":
			written.Add(flood(w))
		}
	}))
	defer server.Close()
	c := tr.open(t, server.URL)
	for _, how := range []string{"small", "absent", "endless"} {
		answer.Store(how)
		u, err := tr.receive(t, c, tr.Sign(tr.File("id-"+how, server.URL)))
		if err != nil || len(u.Messages) != 1 {
			t.Errorf("%s: %d messages, %v", how, len(u.Messages), err)
			continue
		}
		if m := u.Messages[0]; how == "small" && (len(m.Media) != 1 || m.Media[0].URL == "" && string(m.Media[0].Data) != "\x89PNG small") {
			t.Errorf("the file did not come: %d", len(m.Media))
		}
	}
	if n := written.Load(); n > 2*connector.MaxMedia {
		t.Errorf("%d bytes of a file without end were read", n)
	}
}

// flood writes up to a gigabyte, until the reader has had enough, and returns how much went out.
func flood(w io.Writer) int64 {
	block := bytes.Repeat([]byte("x"), 64<<10)
	var sent int64
	for sent < 1<<30 {
		n, err := w.Write(block)
		sent += int64(n)
		if err != nil {
			return sent
		}
	}
	return sent
}
