package mcs_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

	"usher/internal/account"
	"usher/internal/blob"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/media"
	restchat "usher/internal/rest/chat"
	"usher/internal/rest/mcs"
	"usher/internal/sid"
	"usher/test/resttest"
)

// world is a server with a service, and a channel in which ada is a member.
type world struct {
	*resttest.World
	t       *testing.T
	server  *httptest.Server
	service sid.SID
	channel string
	path    string // of the service's files
}

func each(t *testing.T, d mcs.Deps, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, base *db.DB) {
		w := &world{World: resttest.New(t, base), t: t}
		b := bus.NewMemory()
		log := event.New(base, b, job.New(base, b), map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}, nil)
		blobs, err := blob.Open(blob.Options{Folder: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		files := media.New(media.Deps{DB: base, Blobs: blobs, Rules: media.Rules{MaxBytes: 1 << 20, VisitorBytes: 1 << 18}})
		c := chat.New(chat.Deps{DB: base, Log: log, Ring: base.Ring(), Media: files})
		s, err := c.CreateService(t.Context(), w.Owner, chat.NewService{FriendlyName: "Support"})
		if err != nil {
			t.Fatal(err)
		}
		w.service, w.path = s.SID, "/mcs/v1/Services/"+string(s.SID)+"/Media"
		for _, name := range []string{"ada", "bob"} {
			w.Token(t, name, account.TokenSpec{Identity: name, Role: account.RoleVisitor, ChatService: s.SID})
		}
		own := d // the databases' tests run beside each other
		own.Files, own.Rules, own.Key = files, files, []byte("key")
		w.server = httptest.NewServer(w.Serve(t, mcs.Product(own), restchat.Product(restchat.Deps{Chat: c, MediaMB: 1})).Handler)
		t.Cleanup(w.server.Close)
		channels := "/chat/v2/Services/" + string(s.SID) + "/Channels"
		w.channel = channels + "/" + w.form("owner", channels, "Type=private").text("sid")
		w.form("owner", w.channel+"/Members", "Identity=ada")
		fn(t, w)
	})
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
}

func (a answer) text(key string) string {
	a.t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.raw, &v); err != nil {
		a.t.Fatalf("%d %s: %v", a.status, a.raw, err)
	}
	switch x := v[key].(type) {
	case string:
		return x
	case float64:
		return strconv.Itoa(int(x))
	}
	return ""
}

func (a answer) link(name string) string {
	a.t.Helper()
	var v struct{ Links map[string]string }
	if err := json.Unmarshal(a.raw, &v); err != nil || v.Links[name] == "" {
		a.t.Fatalf("no link %s: %d %s", name, a.status, a.raw)
	}
	return v.Links[name]
}

func (a answer) is(status int, code string) {
	a.t.Helper()
	if a.status != status || code != "" && a.text("code") != code {
		a.t.Errorf("%d %.300s, want %d %s", a.status, a.raw, status, code)
	}
}

// do sends a request as a user: with its token in the header of chat clients, if it has one.
func (w *world) do(user, method, target, contentType string, body io.Reader, headers ...string) answer {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.server.URL + target
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, target, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	switch c := w.Users[user]; {
	case c[0] == "token" && strings.Contains(target, "/mcs/"):
		r.Header.Set("X-Twilio-Token", c[1])
	case c[0] != "":
		r.SetBasicAuth(c[0], c[1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{w.t, res.StatusCode, res.Header, raw}
}

func (w *world) form(user, path, form string) answer {
	w.t.Helper()
	return w.do(user, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(form))
}

func (w *world) upload(user, contentType, body string) answer {
	w.t.Helper()
	return w.do(user, "POST", w.path, contentType, strings.NewReader(body))
}

func picture(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 900, 300))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestUpload_asChatClientsDo(t *testing.T) {
	each(t, mcs.Deps{}, func(t *testing.T, w *world) {
		body := picture(t)
		up := w.do("ada", "POST", w.path+"?Category=media&Filename=cat.png", "image/png", strings.NewReader(body))
		up.is(201, "")
		file := up.text("sid")
		for key, want := range map[string]string{
			"service_sid": string(w.service), "content_type": "image/png", "filename": "cat.png", "size": strconv.Itoa(len(body)),
			"category": "media", "channel_sid": "", "message_sid": "", "author": "ada", "url": w.server.URL + w.path + "/" + file,
		} {
			if got := up.text(key); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		if got := up.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("the answer is %s", got)
		}
		w.do("bob", "GET", w.path+"/"+file, "", nil).is(404, "50507")
		sent := w.form("ada", w.channel+"/Messages", "MediaSid="+file)
		sent.is(201, "")
		var message struct {
			Type  string
			Media struct {
				SID, Filename string
				ContentType   string `json:"content_type"`
				Size          int
			}
		}
		if err := json.Unmarshal(sent.raw, &message); err != nil {
			t.Fatal(err)
		}
		if m := message.Media; message.Type != "media" || m.SID != file || m.Filename != "cat.png" || m.ContentType != "image/png" || m.Size != len(body) {
			t.Errorf("%+v", message)
		}
		got := w.do("ada", "GET", w.path+"/"+file, "", nil)
		if got.text("message_sid") != sent.text("sid") || !strings.HasSuffix(w.channel, got.text("channel_sid")) {
			t.Errorf("%s", got.raw)
		}
		w.form("ada", w.channel+"/Messages", "MediaSid="+file).is(409, "50508")
		w.form("ada", w.channel+"/Messages", "MediaSid=ME1").is(400, "50510")
		w.form("ada", w.channel+"/Messages/"+sent.text("sid"), "Body=new").is(400, "50509")
		w.form("ada", w.channel+"/Messages/"+sent.text("sid"), "Attributes={}").is(200, "")
		bobs := w.upload("bob", "text/plain", "mine")
		w.form("ada", w.channel+"/Messages", "MediaSid="+bobs.text("sid")).is(404, "50507")
		w.do("ada", "DELETE", w.channel+"/Messages/"+sent.text("sid"), "", nil).is(204, "")
		w.do("owner", "GET", w.path+"/"+file, "", nil).is(404, "50507")
		w.do("", "GET", got.link("content_direct_temporary"), "", nil).is(404, "50507")
	})
}

func TestSignedAddresses(t *testing.T) {
	each(t, mcs.Deps{}, func(t *testing.T, w *world) {
		body := picture(t)
		up := w.upload("ada", "image/png", body)
		direct, small := up.link("content_direct_temporary"), up.link("thumbnail_direct_temporary")
		for _, token := range w.Users {
			if strings.Contains(direct, token[1]) {
				t.Error("a credential is in the address")
			}
		}
		got := w.do("", "GET", direct, "", nil)
		if got.status != 200 || string(got.raw) != body {
			t.Fatalf("%d, %d bytes", got.status, len(got.raw))
		}
		for name, want := range map[string]string{
			"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*", "Accept-Ranges": "bytes",
			"Etag": `"` + up.text("sid") + `"`, "Content-Disposition": "inline; filename=" + up.text("sid"), "Referrer-Policy": "no-referrer",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
			}
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox; default-src 'none'") {
			t.Errorf("policy %q", csp)
		}
		if keep := got.header.Get("Cache-Control"); !strings.HasPrefix(keep, "private, max-age=") {
			t.Errorf("cache %q", keep)
		}
		part := w.do("", "GET", direct, "", nil, "Range", "bytes=1-3")
		if part.status != 206 || string(part.raw) != "PNG" || part.header.Get("Content-Range") != "bytes 1-3/"+strconv.Itoa(len(body)) {
			t.Errorf("a range: %d %q", part.status, part.raw)
		}
		if many := w.do("", "GET", direct, "", nil, "Range", "bytes=5-6,3-4,1-2"); many.status != 200 || len(many.raw) != len(body) {
			t.Errorf("many ranges: %d", many.status)
		}
		if none := w.do("", "GET", direct, "", nil, "If-None-Match", got.header.Get("Etag")); none.status != 304 || len(none.raw) != 0 {
			t.Errorf("what the reader has: %d", none.status)
		}
		if head := w.do("", "HEAD", direct, "", nil); head.status != 200 || len(head.raw) != 0 {
			t.Errorf("head: %d", head.status)
		}
		thumb := w.do("", "GET", small, "", nil)
		if p, err := png.DecodeConfig(bytes.NewReader(thumb.raw)); err == nil {
			t.Errorf("a gray picture has no holes: %v", p)
		}
		if p, _, err := image.DecodeConfig(bytes.NewReader(thumb.raw)); err == nil && p.Width != 480 {
			t.Errorf("%d wide", p.Width)
		}
		thumb.is(200, "")
		again := w.do("", "GET", small, "", nil)
		if !bytes.Equal(again.raw, thumb.raw) {
			t.Error("the small picture is not kept")
		}
		// Nothing of an address can be changed.
		parts := strings.Split(direct, "/")
		n := len(parts)
		for what, try := range map[string][2]any{
			"a later end": {n - 2, "99999999999"}, "another signature": {n - 1, strings.Repeat("A", 43)}, "no signature": {n - 1, "-"},
			"another use": {n - 3, "Thumbnail"}, "another file": {n - 4, string(sid.New(sid.Media))}, "another service": {n - 6, string(sid.New(sid.ChatService))},
			"a sign before the end": {n - 2, "+" + parts[n-2]},
		} {
			changed := append([]string(nil), parts...)
			changed[try[0].(int)] = try[1].(string)
			if a := w.do("", "GET", strings.Join(changed, "/"), "", nil); a.status != 403 || a.text("code") != "20403" {
				t.Errorf("%s: %d %s", what, a.status, a.raw)
			}
		}
	})
}

func TestContent_withCredentials(t *testing.T) {
	each(t, mcs.Deps{Origin: "https://media.example.org/"}, func(t *testing.T, w *world) {
		up := w.upload("ada", "text/html; charset=utf-8", "<html><script>alert(1)</script>")
		if direct := up.link("content_direct_temporary"); !strings.HasPrefix(direct, "https://media.example.org/mcs/v1/Services/IS") {
			t.Errorf("the address is %s", direct)
		}
		got := w.do("ada", "GET", up.link("content"), "", nil)
		got.is(200, "")
		if got.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment;") {
			t.Errorf("a page is served: %v", got.header)
		}
		if keep := got.header.Get("Cache-Control"); keep != "no-store" {
			t.Errorf("cache %q", keep)
		}
		for user, want := range map[string][2]any{"bob": {404, "50507"}, "stranger": {404, ""}, "": {401, "20003"}} {
			w.do(user, "GET", up.link("content"), "", nil).is(want[0].(int), want[1].(string))
			w.do(user, "GET", w.path+"/"+up.text("sid"), "", nil).is(want[0].(int), want[1].(string))
		}
		w.do("stranger", "POST", w.path, "text/plain", strings.NewReader("x")).is(404, "20404")
		w.do("", "POST", w.path, "text/plain", strings.NewReader("x")).is(401, "20003")
		if o := w.do("", "OPTIONS", w.path, "", nil); !strings.Contains(o.header.Get("Access-Control-Allow-Headers"), "X-Twilio-Token") {
			t.Errorf("browsers may not send the token: %v", o.header)
		}
	})
}

func TestUpload_ofForms(t *testing.T) {
	each(t, mcs.Deps{}, func(t *testing.T, w *world) {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		if err := form.WriteField("Category", "body"); err != nil {
			t.Fatal(err)
		}
		part, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="file"; filename="../../räksmörgås\".txt"`}, "Content-Type": {"text/plain"},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte("words"))
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		up := w.upload("ada", form.FormDataContentType(), b.String())
		up.is(201, "")
		if up.text("category") != "body" || up.text("filename") != `räksmörgås".txt` || up.text("content_type") != "text/plain" || up.text("size") != "5" {
			t.Errorf("%s", up.raw)
		}
		got := w.do("", "GET", up.link("content_direct_temporary"), "", nil)
		if d := got.header.Get("Content-Disposition"); d != `attachment; filename="r_ksm_rg_s_.txt"; filename*=UTF-8''r%C3%A4ksm%C3%B6rg%C3%A5s%22.txt` {
			t.Errorf("%s", d)
		}
		for name, body := range map[string]string{
			"no form": "words", "no file": "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--\r\n", "nothing": "", "only an end": "--b--\r\n",
			"many fields": strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n", 40) + "--b--\r\n",
		} {
			if a := w.upload("ada", "multipart/form-data; boundary=b", body); a.status != 400 {
				t.Errorf("%s: %d %s", name, a.status, a.raw)
			}
		}
		w.upload("ada", "multipart/form-data", "words").is(400, "20001")
		w.upload("ada", "text/plain", strings.Repeat("x", 1<<18+1)).is(413, "50512")
		big := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<18+1))) // without a length
		w.do("ada", "POST", w.path, "text/plain", big).is(413, "50512")
	})
}

func TestConfiguration(t *testing.T) {
	each(t, mcs.Deps{}, func(t *testing.T, w *world) {
		path := strings.TrimSuffix(w.path, "/Media") + "/Configuration"
		if got := w.do("ada", "GET", path, "", nil); got.text("max_bytes") != "1048576" || got.text("visitor_max_bytes") != "262144" {
			t.Errorf("%s", got.raw)
		}
		w.form("ada", path, "MaxBytes=5").is(403, "20403")
		w.form("owner", path, "MaxBytes=0").is(400, "20001")
		w.form("owner", path, "MaxBytes=100&ContentTypes=image/*&ContentTypes=text/plain").is(200, "")
		w.upload("ada", "", "%PDF-1.7").is(400, "50511")
		w.upload("ada", "", strings.Repeat("x", 101)).is(413, "50512")
		w.upload("ada", "", "x").is(201, "")
		w.do("stranger", "GET", path, "", nil).is(404, "20404")
		w.form("owner", path, "ContentTypes=*/*&MaxBytes=1000").is(200, "")
		if got := w.do("ada", "GET", path, "", nil); !strings.Contains(string(got.raw), `"content_types":[]`) {
			t.Errorf("%s", got.raw)
		}
		w.upload("ada", "", "%PDF-1.7").is(201, "")
	})
}

func TestRoutes(t *testing.T) { resttest.Routes(t, "testdata/routes.txt", mcs.Product(mcs.Deps{})) }
