package hook

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// vector is a request and the signature that the npm package twilio 6.2.0 makes for it. The tests signature.test.js and
// signature_test.go in test/sdk have the validators of two official libraries check them.
type vector struct {
	Name      string
	URL       string // as configured
	Sent      string // as the receiver sees it
	Token     string
	Form      url.Values
	Body      *string
	Signature string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 10 {
		t.Fatal(len(all), err)
	}
	return all
}

func TestSign_vectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		r := Request{URL: v.URL, Form: v.Form, AuthToken: v.Token}
		if v.Body != nil {
			r.Body, r.ContentType = []byte(*v.Body), "application/json"
		}
		req, err := r.build(t.Context())
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if got := req.Header.Get(signatureHeader); got != v.Signature {
			t.Errorf("%s: signature %s, want %s", v.Name, got, v.Signature)
		}
		if got := received(t, req).URL.String(); got != v.Sent {
			t.Errorf("%s: the receiver sees %s, want %s", v.Name, got, v.Sent)
		}
	}
}

// received is what a receiver reads off the wire; its URL is made as receivers make it, of the Host header and the request line.
func received(t testing.TB, req *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	in, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("%v\n%s", err, wire.Bytes())
	}
	if in.URL, err = url.Parse(req.URL.Scheme + "://" + in.Host + in.RequestURI); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestHashBody_replacesAnOldHash(t *testing.T) {
	t.Parallel()
	u := url.URL{Scheme: "https", Host: "h", Path: "/", RawQuery: "a=1&bodySHA256=old&b"}
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	got := HashBody(u, nil)
	if want := "a=1&b&bodySHA256=" + sum; got.RawQuery != want {
		t.Errorf("query %s, want %s", got.RawQuery, want)
	}
}

func TestGet_putsTheFormIntoTheQueryAndSignsTheURL(t *testing.T) {
	t.Parallel()
	r := Request{Method: "GET", URL: "https://shop.example/x?z=1", Form: url.Values{"b": {"1 2"}, "a": {"3"}}, AuthToken: "secret"}
	req, err := r.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const sent = "https://shop.example/x?z=1&a=3&b=1+2"
	if req.URL.String() != sent || req.Header.Get(signatureHeader) != Sign(sent, nil, "secret") || req.ContentLength != 0 {
		t.Errorf("%s %v", req.URL, req.Header)
	}
	if got := req.Header.Get("Content-Type"); got != "" {
		t.Errorf("content type %q", got)
	}
}

// naive is the canonical text as the official library for Node.js builds it, step by step.
func naive(rawURL string, form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		seen := map[string]bool{}
		var values []string
		for _, v := range form[name] {
			if !seen[v] {
				seen[v] = true
				values = append(values, v)
			}
		}
		slices.Sort(values)
		for _, v := range values {
			rawURL += name + v
		}
	}
	return rawURL
}

// FuzzSign sends what was signed over the wire and signs it again as a receiver does.
func FuzzSign(f *testing.F) {
	for _, v := range vectors(f) {
		body := ""
		if v.Body != nil {
			body = *v.Body
		}
		f.Add(v.URL, v.Form.Encode(), body, v.Body != nil, false)
		f.Add(v.URL, v.Form.Encode(), "", false, true)
	}
	f.Fuzz(func(t *testing.T, rawURL, encoded, body string, raw, get bool) {
		form, err := url.ParseQuery(encoded)
		if err != nil {
			return
		}
		before := form.Encode()
		if got := canonical(rawURL, form); got != naive(rawURL, form) || form.Encode() != before {
			t.Fatalf("canonical %q, want %q", got, naive(rawURL, form))
		}
		r := Request{URL: rawURL, Form: form, AuthToken: "secret"}
		if get {
			r.Method = "GET"
		} else if raw {
			r.Form, r.Body = nil, []byte(body)
		}
		req, err := r.build(t.Context())
		if err != nil {
			return
		}
		in := received(t, req)
		seen := in.URL.String()
		if in.URL.Scheme == "https" {
			seen = strings.Replace(seen, "://"+in.Host, "://"+strings.TrimSuffix(in.Host, ":"+in.URL.Port()), 1)
		}
		var got url.Values
		if !raw && !get {
			text, err := io.ReadAll(in.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = url.ParseQuery(string(text)); err != nil {
				t.Fatal(err)
			}
		}
		if again := Sign(seen, got, "secret"); again != in.Header.Get(signatureHeader) {
			t.Errorf("%q: the receiver's signature over %q differs", rawURL, seen)
		}
	})
}
