package mcs

import (
	"mime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/fault"
	"usher/internal/media"
	"usher/internal/sid"
)

// TestSigned_runsOut proves that an address lives for the time that it promises and no longer. What the signature covers beside
// the time is tried over the wire.
func TestSigned_runsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{Deps{Key: []byte("key")}}
		time.Sleep(17 * time.Second) // within a minute
		until := e.until()
		if again := e.until(); again != until {
			t.Error("two addresses of one minute differ")
		}
		service, file := sid.New(sid.ChatService), sid.New(sid.Media)
		proof := e.proof(service, file, ofContent, until)
		time.Sleep(signedFor)
		if _, err := e.fresh(service, file, ofContent, until, proof); err != nil {
			t.Errorf("after %s: %v", signedFor, err)
		}
		time.Sleep(rounded)
		if _, err := e.fresh(service, file, ofContent, until, proof); fault.Of(err).Code != fault.CodeForbidden {
			t.Errorf("after %s: %v", signedFor+rounded, err)
		}
	})
}

func FuzzFresh(f *testing.F) {
	f.Add("IS", "ME", "1", "x")
	f.Add("IS00000000000000000000000000000001", "ME00000000000000000000000000000001", "99999999999", "AAAA")
	e := &endpoint{Deps{Key: []byte("key")}}
	f.Fuzz(func(t *testing.T, service, file, until, proof string) {
		if _, err := e.fresh(sid.SID(service), sid.SID(file), ofContent, until, proof); err == nil {
			t.Errorf("an address that nobody signed opens: %q %q %q %q", service, file, until, proof)
		}
	})
}

func FuzzUpload(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nwords\r\n--b--\r\n")
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=file\r\n\r\n")
	f.Add("multipart/mixed", "--")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		n := media.NewMedia{ContentType: contentType}
		file, err := parse(contentType, strings.NewReader(body), &n)
		if err != nil {
			if fault.Of(err).Code != fault.CodeInvalid {
				t.Errorf("%v", err)
			}
			return
		}
		if file == nil {
			t.Error("no file, and no error")
		}
	})
}

func FuzzDisposition(f *testing.F) {
	f.Add("a.png")
	f.Add("r\u00e4k \"x\\\r\nSet-Cookie: a=b")
	f.Fuzz(func(t *testing.T, name string) {
		got := dispositionOf(media.Media{Document: media.Document{Filename: name, Sniffed: "text/html"}})
		if !strings.HasPrefix(got, "attachment") || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%q became %q", name, got)
		}
		if kind, _, err := mime.ParseMediaType(got); err != nil || kind != "attachment" {
			t.Errorf("%q became %q: %v", name, got, err)
		}
	})
}
