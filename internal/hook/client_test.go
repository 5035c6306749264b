package hook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var loopback = Policy{Allow: prefixes("127.0.0.0/8", "::1/128")}

// client is one that may call the servers of the tests, and closes its connections at the end.
func client(t *testing.T, p Policy, change ...func(*http.Transport)) *Client {
	t.Helper()
	transport := NewTransport(p)
	for _, f := range change {
		f(transport)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return NewClient(transport)
}

func serve(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

// fails checks how a call failed, and that its text tells nothing.
func fails(t *testing.T, err error, want Failure) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Failure != want {
		t.Fatalf("error %v, want %s", err, want)
	}
	if e.Reason == "" && want != BadStatus {
		t.Error("no reason")
	}
	for _, text := range []string{e.Error(), e.Reason} {
		if strings.Contains(text, "127.0.0") || strings.Contains(text, "/secret") || strings.Contains(text, "rebind") {
			t.Errorf("%q names an address", text)
		}
	}
	return e
}

func TestPost_sendsASignedForm(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		want := Sign("http://"+r.Host+r.RequestURI, r.PostForm, "token")
		if r.Method != "POST" || r.Header.Get(signatureHeader) != want || r.Header.Get(idempotencyHeader) != "abc" ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded; charset=utf-8" || r.Header.Get("Accept") != "*/*" ||
			r.PostForm.Get("Body") != "héllo & more" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("%s %v %v", r.Method, r.Header, r.PostForm)
		}
		if name, password, _ := r.BasicAuth(); name != "ann" || password != "pw" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	got, err := client(t, loopback).Post(t.Context(), Request{
		URL: strings.Replace(s.URL, "http://", "http://ann:pw@", 1) + "/secret?x=1", Form: url.Values{"Body": {"héllo & more"}, "A": {"2", "1", "2"}},
		AuthToken: "token", IdempotencyToken: "abc",
	})
	if err != nil || got.Status != 200 || string(got.Body) != `{"ok":true}` || got.ContentType != "application/json" || got.Took <= 0 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestPost_sendsABodyWithItsHash(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		u := *r.URL
		u = HashBody(u, body)
		if err != nil || u.RawQuery != r.URL.RawQuery || r.Header.Get(signatureHeader) != Sign("http://"+r.Host+r.RequestURI, nil, "token") {
			t.Errorf("%s %s %v", r.RequestURI, body, err)
		}
		if name, password, _ := r.BasicAuth(); name != "AC1" || password != "token" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", r.Header)
		}
	})
	_, err := client(t, loopback).Post(t.Context(), Request{
		URL: s.URL + "/?a=1", Body: []byte(`{"a":1}`), ContentType: "application/json", AuthToken: "token", Username: "AC1", Password: "token",
	})
	if err != nil {
		t.Error(err)
	}
}

// A key goes to the server that it is for, and nowhere else.
func TestPost_bearer(t *testing.T) {
	t.Parallel()
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the key came to another server")
		}
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-1" {
			t.Errorf("%s: authorization %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
			return
		}
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	q := Request{URL: strings.Replace(s.URL, "http://", "http://ann:pw@", 1) + "/", Body: []byte("{}"), ContentType: "application/json", Bearer: "sk-1"}
	if _, err := client(t, loopback).Post(t.Context(), q); err != nil {
		t.Error(err)
	}
	q.Bearer = "sk\r\nX: y"
	if _, err := client(t, loopback).Post(t.Context(), q); err == nil {
		t.Error("a key that breaks the header was sent")
	}
}

func TestPost_refusesWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Request{
		"method":        {URL: "https://shop.example/", Method: "DELETE"},
		"scheme":        {URL: "file:///secret"},
		"form and body": {URL: "https://shop.example/", Form: url.Values{"a": {"b"}}, Body: []byte("x")},
		"large":         {URL: "https://shop.example/", Body: make([]byte, MaxBody+1)},
		"large query":   {URL: "https://shop.example/", Method: "GET", Form: url.Values{"a": {long(maxQuery)}}},
		"token":         {URL: "https://shop.example/", IdempotencyToken: "a\r\nX: 1"},
		"content type":  {URL: "https://shop.example/", Body: []byte("x"), ContentType: "a\nb"},
	} {
		_, err := NewClient(nil).Post(t.Context(), r)
		if e := fails(t, err, Refused); e.Temporary() {
			t.Errorf("%s is tried again", name)
		}
	}
}

func TestPost_sortsFailures(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, DefaultResponse+1))
		case "/exact":
			_, _ = w.Write(make([]byte, DefaultResponse))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		case "/headers":
			for i := range 100 {
				w.Header().Set(fmt.Sprintf("X-%d", i), long(1000))
			}
		case "/slow":
			<-r.Context().Done()
		case "/drip":
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("not unpacked"))
		default:
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "why")
		}
	})
	closed := serve(t, nil)
	closed.Close()
	for _, tt := range []struct {
		path    string
		request Request
		want    Failure
		again   bool
		length  int
	}{
		{path: "/200", length: 3},
		{path: "/204"},
		{path: "/gzip", length: 12},
		{path: "/exact", length: DefaultResponse},
		{path: "/large", want: TooLarge, length: DefaultResponse},
		{path: "/large", request: Request{MaxResponse: MaxResponse}, length: DefaultResponse + 1},
		{path: "/large", request: Request{MaxResponse: 10}, want: TooLarge, length: 10},
		{path: "/endless", request: Request{MaxResponse: 1 << 40}, want: TooLarge, length: MaxResponse},
		{path: "/endless", request: Request{Discard: true}},
		{path: "/headers", want: Unreachable, again: true},
		{path: "/cut", want: Unreachable, again: true},
		{path: "/slow", request: Request{Timeout: 30 * time.Millisecond}, want: TimedOut, again: true},
		{path: "/drip", request: Request{Timeout: 30 * time.Millisecond}, want: TimedOut, again: true},
		{path: "/drip", request: Request{Timeout: 30 * time.Millisecond, Discard: true}},
		{path: "/301", want: BadStatus, length: 3},
		{path: "/400", want: BadStatus, length: 3},
		{path: "/404", want: BadStatus, length: 3},
		{path: "/429", want: BadStatus, again: true, length: 3},
		{path: "/500", want: BadStatus, length: 3},
		{path: "/502", want: BadStatus, length: 3},
		{path: "/503", want: BadStatus, again: true, length: 3},
		{path: "/504", want: BadStatus, again: true, length: 3},
		{path: closed.URL, want: Unreachable, again: true},
	} {
		t.Run(strings.Trim(tt.path, "/")+string(tt.want), func(t *testing.T) {
			t.Parallel()
			tt.request.URL = tt.path
			if strings.HasPrefix(tt.path, "/") {
				tt.request.URL = s.URL + tt.path
			}
			got, err := client(t, loopback).Post(t.Context(), tt.request)
			if len(got.Body) != tt.length {
				t.Errorf("%d bytes, want %d", len(got.Body), tt.length)
			}
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := fails(t, err, tt.want); e.Temporary() != tt.again || e.Failure == BadStatus && fmt.Sprint(e.Status) != tt.path[1:] {
				t.Errorf("temporary %t, status %d", e.Temporary(), e.Status)
			}
		})
	}
}

func TestPost_defaultPolicyRefusesLoopback(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	port := s.Listener.Addr().(*net.TCPAddr).Port
	c := client(t, Policy{Ports: []uint16{uint16(port)}})
	for _, host := range []string{"127.0.0.1", "127.0.0.9", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "[::]", "localhost"} {
		_, err := c.Post(t.Context(), Request{URL: fmt.Sprintf("http://%s:%d/secret", host, port)})
		if e := fails(t, err, Refused); !strings.HasPrefix(e.Reason, "refused: the host's address") {
			t.Errorf("%s: %s", host, e.Reason)
		}
	}
}

func TestTransport_takesNoProxyFromTheEnvironment(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was called") })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("ALL_PROXY", proxy.URL)
	transport := NewTransport(loopback)
	defer transport.CloseIdleConnections()
	if transport.Proxy != nil {
		t.Error("there is a proxy")
	}
	if _, err := NewClient(transport).Post(t.Context(), Request{URL: s.URL}); err != nil {
		t.Error(err)
	}
}

// resolver answers every question for an address with answer's next.
func resolver(t *testing.T, answer func() netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			question := buf[12:n]
			end := 0
			for question[end] != 0 {
				end += int(question[end]) + 1
			}
			question = question[:end+5]
			out := append([]byte{}, buf[:2]...)
			out = append(out, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
			out = append(out, question...)
			if binary.BigEndian.Uint16(question[end+1:]) == 1 { // A
				a := answer().As4()
				out[7] = 1
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				out = append(out, a[:]...)
			}
			_, _ = conn.WriteTo(out, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestPost_looksAtTheAddressThatANameLeadsTo(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	r := resolver(t, func() netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	_, err := client(t, Policy{Resolver: r}).Post(t.Context(), Request{URL: "http://rebind.example:" + port + "/secret"})
	fails(t, err, Refused)
}

// TestPost_rebinding has a name lead to an open address at the first look and to a closed one at every later.
func TestPost_rebinding(t *testing.T) {
	t.Parallel()
	var calls, looks atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	r := resolver(t, func() netip.Addr {
		if looks.Add(1) == 1 {
			return netip.MustParseAddr("127.0.0.1")
		}
		return netip.MustParseAddr("127.0.0.2")
	})
	c := client(t, Policy{Allow: prefixes("127.0.0.1/32"), Resolver: r}, func(h *http.Transport) { h.DisableKeepAlives = true })
	request := Request{URL: "http://rebind.example:" + port + "/secret"}
	if _, err := c.Post(t.Context(), request); err != nil || calls.Load() != 1 {
		t.Fatal(err, calls.Load())
	}
	_, err := c.Post(t.Context(), request)
	fails(t, err, Refused)
	if calls.Load() != 1 {
		t.Error("the closed address was called")
	}
}

func TestPost_followsRedirectsAsFarAsItMay(t *testing.T) {
	t.Parallel()
	var other *httptest.Server
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" {
			t.Error("there is a Referer")
		}
		to := map[string]string{
			"/1": "/done?q=a b\"#there", "/long": "/" + long(maxURL), "/2": "/1", "/3": "/2", "/4": "/3", "/loop": "/loop",
			"/closed": strings.Replace(other.URL, "127.0.0.1", "127.0.0.2", 1), "/file": "file:///etc/passwd", "/number": "http://2130706433/",
			"/mapped": "http://[::ffff:127.0.0.2]/", "/other": other.URL + "/back", "/metadata": "http://169.254.169.254/latest/meta-data/",
		}[r.URL.Path]
		if to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		_ = r.ParseForm()
		if r.URL.Path == "/done" && r.RequestURI != "/done" && r.RequestURI != "/done?q=a%20b%22" {
			t.Errorf("the receiver sees %s", r.RequestURI)
		}
		if r.URL.Path == "/done" && r.Header.Get(signatureHeader) != Sign("http://"+r.Host+r.RequestURI, r.PostForm, "token") {
			t.Error("not signed for the new URL")
		}
		if r.URL.Path == "/foreign" && (r.Header.Get(signatureHeader) != "" || r.Header.Get("Authorization") != "") {
			t.Error("another host had something signed")
		}
		if name, _, _ := r.BasicAuth(); r.URL.Path == "/done" && name != "ann" {
			t.Error("authorization was lost on the way")
		}
		if r.PostForm.Get("A") != "1" {
			t.Errorf("%s: form %v", r.URL.Path, r.PostForm)
		}
	})
	other = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(signatureHeader) != "" || r.Header.Get("Authorization") != "" {
			t.Error("another host got what is for the first")
		}
		http.Redirect(w, r, s.URL+"/foreign", http.StatusPermanentRedirect)
	})
	c := client(t, Policy{Allow: prefixes("127.0.0.1/32")})
	for path, ok := range map[string]bool{
		"/done": true, "/1": true, "/3": true, "/other": true, "/4": false, "/loop": false, "/closed": false, "/file": false, "/number": false,
		"/mapped": false, "/metadata": false, "/long": false,
	} {
		_, err := c.Post(t.Context(), Request{URL: strings.Replace(s.URL, "//", "//ann:pw@", 1) + path, Form: url.Values{"A": {"1"}}, AuthToken: "token"})
		switch {
		case !ok:
			fails(t, err, Refused)
		case err != nil:
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPost_redirectedBodiesKeepTheirHash(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new?x=1", http.StatusPermanentRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		u := url.URL{RawQuery: "x=1"}
		u = HashBody(u, body)
		if r.URL.RawQuery != u.RawQuery || r.Header.Get(signatureHeader) != Sign("http://"+r.Host+r.RequestURI, nil, "token") {
			t.Errorf("%s %v", r.RequestURI, r.Header)
		}
	})
	if _, err := client(t, loopback).Post(t.Context(), Request{URL: s.URL + "/old", Body: []byte("{}"), AuthToken: "token"}); err != nil {
		t.Error(err)
	}
}

func TestPost_overTLS(t *testing.T) {
	t.Parallel()
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the plain server was called") })
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		host, _, _ := net.SplitHostPort(r.Host)
		if r.Header.Get(signatureHeader) != Sign("https://"+host+r.RequestURI, nil, "token") {
			t.Error("the signature has the port")
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	trusting := client(t, loopback, func(h *http.Transport) { h.TLSClientConfig = &tls.Config{RootCAs: roots} })
	if _, err := trusting.Post(t.Context(), Request{URL: s.URL + "/x", AuthToken: "token"}); err != nil {
		t.Error(err)
	}
	_, err := trusting.Post(t.Context(), Request{URL: s.URL + "/down"})
	if e := fails(t, err, Refused); e.Reason != "refused: a redirect from https to http" {
		t.Error(e.Reason)
	}
	_, err = client(t, loopback).Post(t.Context(), Request{URL: s.URL})
	if e := fails(t, err, Unreachable); e.Reason != "the certificate is not trusted" {
		t.Error(e.Reason)
	}
	_, err = client(t, loopback).Post(t.Context(), Request{URL: strings.Replace(plain.URL, "http:", "https:", 1)})
	if e := fails(t, err, Unreachable); e.Reason != "TLS failed" {
		t.Error(e.Reason)
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"http://a/", "http://a:80/x", true},
		{"https://a/", "https://a:443/", true},
		{"http://a/", "https://a/", true},
		{"https://a/", "http://a/", false},
		{"http://a:8080/", "https://a/", false},
		{"http://a/", "https://a:8443/", false},
		{"http://a/", "http://a:81/", false},
		{"http://a/", "http://b.a/", false},
	} {
		a, _ := url.Parse(tt.a)
		b, _ := url.Parse(tt.b)
		if got := sameHost(a, b); got != tt.want {
			t.Errorf("%s, %s: %t", tt.a, tt.b, got)
		}
	}
}
