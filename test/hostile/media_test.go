package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/test/ops"
	"usher/test/rig"
)

// answered is what came back of a request for a file.
type answered struct {
	status int
	header http.Header
	text   []byte
}

func (a answered) object() map[string]any { return object(a.text) }

func (a answered) link(name string) string {
	links, _ := a.object()["links"].(map[string]any)
	return rig.Text(links, name)
}

// file sends a request for files, with a chat token where there is one.
func file(t *testing.T, s *siege, token, method, url, contentType string, body io.Reader, headers ...string) answered {
	t.Helper()
	if strings.HasPrefix(url, "/") {
		url = s.URL + url
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("X-Twilio-Token", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answered{res.StatusCode, res.Header, text}
}

// files attacks what is uploaded and handed out.
func files(t *testing.T, s *siege, other tenant) {
	path := "/mcs/v1/Services/" + s.world["chat/Services"] + "/Media"
	token := s.Token("mallory", s.world["chat/Services"], time.Hour)
	t.Run("mislabelled", func(t *testing.T) { mislabelled(t, s, path) })
	t.Run("bombs", func(t *testing.T) { bombs(t, s, token, path) })
	t.Run("broken uploads", func(t *testing.T) { brokenUploads(t, s, token, path) })
	t.Run("addresses", func(t *testing.T) { addresses(t, s, token, path) })
	t.Run("somebody else's", func(t *testing.T) {
		up := file(t, s, token, "POST", path, "text/plain", strings.NewReader(s.secret))
		mine := path + "/" + rig.Text(up.object(), "sid")
		for what, a := range map[string]answered{
			"another member":  file(t, s, s.Token("eve", s.world["chat/Services"], time.Hour), "GET", mine, "", nil),
			"another service": file(t, s, token, "GET", strings.Replace(mine, s.world["chat/Services"], ops.Nobody("IS"), 1), "", nil),
			"no such file":    file(t, s, token, "GET", path+"/"+ops.Nobody("ME"), "", nil),
			"a path":          file(t, s, token, "GET", path+"/..%2f..%2fusher.db", "", nil),
		} {
			if a.status != http.StatusNotFound || rig.Number(a.object(), "code") == 0 {
				t.Errorf("%s: %d %s", what, a.status, a.text)
			}
		}
		if a := file(t, s, "", "GET", mine, "", nil); a.status != http.StatusUnauthorized {
			t.Errorf("nobody: %d", a.status)
		}
		if a := file(t, s, "eyJhbGciOiJub25lIn0.e30.", "POST", path, "", strings.NewReader("x")); a.status != http.StatusUnauthorized {
			t.Errorf("a token that nobody signed: %d", a.status)
		}
		messages := "/chat/v2/Services/" + other.world["chat/Services"] + "/Channels/" + other.world["chat/Services/Channels"] + "/Messages"
		coded(t, "a message with another's file", call(t, other.client, http.MethodPost, messages, "MediaSid", rig.Text(up.object(), "sid")), 404, 0)
	})
}

// mislabelled uploads what a browser would run, under names and types of pictures.
func mislabelled(t *testing.T, s *siege, path string) {
	script := "<script>parent.postMessage('" + s.secret + "','*')</script>"
	for what, body := range map[string]string{
		"html": "<!DOCTYPE html><html>" + script, "html behind spaces": strings.Repeat(" ", 400) + "<html>" + script,
		"svg": `<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`, "xml": `<?xml version="1.0"?><?xml-stylesheet href="x"?><a/>`,
		"a picture that is a page": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + script, "a film that is a page": "GIF89a/*" + script + "*/=1",
		"javascript": "GIF89a=1;alert(1)//" + s.secret, "pdf": "%PDF-1.7 /JS (app.alert(1))", "nothing known": "\x00\x01\x02\x03" + script,
	} {
		token := s.Token("mallory "+what, s.world["chat/Services"], time.Hour)
		for _, declared := range []string{"image/png", "text/html", "image/svg+xml", "", "application/javascript", "text/html\x20;x", "multipart/x"} {
			up := file(t, s, token, "POST", path+"?Filename=cat.html", declared, strings.NewReader(body))
			if up.status != http.StatusCreated {
				if up.status != http.StatusBadRequest && up.status != http.StatusTooManyRequests {
					t.Errorf("%s as %q: %d %s", what, declared, up.status, up.text)
				}
				continue
			}
			got := file(t, s, "", "GET", up.link("content_direct_temporary"), "", nil)
			kind := got.header.Get("Content-Type")
			for _, bad := range []string{"html", "svg", "xml", "script", "multipart"} {
				if strings.Contains(kind, bad) {
					t.Errorf("%s as %q is served as %s", what, declared, kind)
				}
			}
			inline := strings.HasPrefix(got.header.Get("Content-Disposition"), "inline")
			if inline && !strings.HasPrefix(kind, "image/") || got.header.Get("X-Content-Type-Options") != "nosniff" ||
				!strings.HasPrefix(got.header.Get("Content-Security-Policy"), "sandbox; default-src 'none'") {
				t.Errorf("%s as %q: %v", what, declared, got.header)
			}
			// An upload that is not sent counts against its owner: it is sent, and forgotten.
			if a := call(t, s.admin, http.MethodPost, s.channel()+"/Messages", "MediaSid", rig.Text(up.object(), "sid")); a.Status != http.StatusCreated {
				t.Errorf("%s: %d %s", what, a.Status, a.Text)
			}
		}
	}
}

// bombs are small and claim to be large.
func bombs(t *testing.T, s *siege, token, path string) {
	claim := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	claim = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(claim, 50_000), 50_000)
	claim = append(claim, 8, 6, 0, 0, 0)
	claim = binary.BigEndian.AppendUint32(claim, crc32.ChecksumIEEE(claim[12:]))
	up := file(t, s, token, "POST", path, "image/png", bytes.NewReader(claim))
	if a := file(t, s, "", "GET", up.link("thumbnail_direct_temporary"), "", nil); a.status != http.StatusBadRequest || rig.Number(a.object(), "code") != 50511 {
		t.Errorf("a picture of 50,000 × 50,000: %d %s", a.status, a.text)
	}
	var zip bytes.Buffer
	z := gzip.NewWriter(&zip)
	_, _ = z.Write(make([]byte, 8<<20))
	_ = z.Close()
	up = file(t, s, token, "POST", path, "text/plain", bytes.NewReader(zip.Bytes()), "Content-Encoding", "gzip")
	if up.status == http.StatusCreated && rig.Number(up.object(), "size") != zip.Len() {
		t.Errorf("a compressed body was unpacked: %s", up.text)
	}
	if a := file(t, s, token, "POST", path, "text/plain", io.LimitReader(zeros{}, 17<<20)); a.status != http.StatusRequestEntityTooLarge || rig.Number(a.object(), "code") != 50512 {
		t.Errorf("17 MB of a visitor: %d %s", a.status, a.text)
	}
}

// zeros gives zeros forever.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// brokenUploads are forms and names that cannot be.
func brokenUploads(t *testing.T, s *siege, token, path string) {
	part := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\nwords\r\n--b--\r\n"
	for what, try := range map[string]struct {
		contentType, body string
		status            int
	}{
		"no boundary":    {"multipart/form-data", "words", 400},
		"no end":         {"multipart/form-data; boundary=b", "--b\r\n", 400},
		"cut in a part":  {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nwor", 400},
		"many parts":     {"multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", 5000), 400},
		"long headers":   {"multipart/form-data; boundary=b", "--b\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 400},
		"nothing":        {"image/png", "", 400},
		"folders":        {"multipart/form-data; boundary=b", fmt.Sprintf(part, "../../../etc/"+s.secret), 201},
		"a long name":    {"multipart/form-data; boundary=b", fmt.Sprintf(part, strings.Repeat("x", 60_000)), 201},
		"a turned name":  {"multipart/form-data; boundary=b", fmt.Sprintf(part, "gnp.\u202eexe"), 201},
		"broken letters": {"multipart/form-data; boundary=b", fmt.Sprintf(part, "\xff\xfe\x00"), 201},
	} {
		up := file(t, s, token, "POST", path, try.contentType, strings.NewReader(try.body))
		if up.status == http.StatusTooManyRequests {
			continue
		}
		if up.status != try.status && !(try.status == 201 && up.status == 400) {
			t.Errorf("%s: %d %s", what, up.status, up.text)
		}
		if name := rig.Text(up.object(), "filename"); len(name) > 255 || strings.ContainsAny(name, "/\\\u202e\x00") {
			t.Errorf("%s: the file is called %.300q", what, name)
		}
	}
}

// addresses changes what is signed.
func addresses(t *testing.T, s *siege, token, path string) {
	up := file(t, s, s.Token("addresses", s.world["chat/Services"], time.Hour), "POST", path, "text/plain", strings.NewReader(s.secret))
	direct := up.link("content_direct_temporary")
	if a := file(t, s, "", "GET", direct, "", nil); a.status != http.StatusOK || string(a.text) != s.secret {
		t.Fatalf("%d %s", a.status, a.text)
	}
	parts := strings.Split(direct, "/")
	n := len(parts)
	for at, values := range map[int][]string{
		n - 1: {"", "A", strings.Repeat("A", 43), parts[n-1] + "A", strings.Repeat("x", 5000)},
		n - 2: {"0", "1", "99999999999", "-1", "1e9", "9223372036854775808", "0" + parts[n-2], s.secret},
		n - 3: {"Thumbnail"},
		n - 4: {ops.Nobody("ME")},
		n - 6: {ops.Nobody("IS")},
	} {
		for _, v := range values {
			changed := append([]string(nil), parts...)
			changed[at] = v
			a := file(t, s, "", "GET", strings.Join(changed, "/"), "", nil)
			if a.status != http.StatusForbidden && !(v == "" && a.status == http.StatusNotFound) {
				t.Errorf("%.80q: %d %s", v, a.status, a.text)
			}
		}
	}
	for _, ranges := range []string{"bytes=-", "bytes=5-1", "bytes=99999999999999999999-", "bytes=" + strings.Repeat("0-0,", 4000) + "0-0", "lines=1-2", "bytes=0-18446744073709551616"} {
		if a := file(t, s, "", "GET", direct, "", nil, "Range", ranges); a.status >= 500 || len(a.text) > 4096 {
			t.Errorf("%.40q: %d, %d bytes", ranges, a.status, len(a.text))
		}
	}
	if a := file(t, s, token, "DELETE", direct, "", nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("delete: %d", a.status)
	}
	var links struct{ Links map[string]string }
	if err := json.Unmarshal(up.text, &links); err != nil || strings.Contains(links.Links["content_direct_temporary"], "eyJ") {
		t.Errorf("an address holds a token: %v", err)
	}
}
