package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAgreed(t *testing.T) {
	t.Parallel()
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	html := "<html><script>alert(1)</script></html>"
	for _, c := range []struct {
		declared, body, want, served string
		inline                       bool
	}{
		{"image/png", png, "image/png", "image/png", true},
		{"", png, "image/png", "image/png", true},
		{"text/html", png, "image/png", "image/png", true},
		{"image/png", html, "text/html", octets, false},
		{"image/svg+xml", svg, "image/svg+xml", octets, false},
		{"image/png", svg, "image/svg+xml", octets, false},
		{"text/html", "no tags here", "text/html", octets, false},
		{"text/csv", "a,b\n1,2\n", "text/csv", "text/csv", false},
		{"text/plain", "words", "text/plain", "text/plain", false},
		{"application/pdf", "%PDF-1.7\n", "application/pdf", "application/pdf", false},
		{"image/png", "words", "text/plain", "text/plain", false},
		{"image/png", "\x00\x01\x02\xff", octets, octets, false},
		{"application/x-own", "\x00\x01\x02\xff", "application/x-own", "application/x-own", false},
		{
			"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04rest of an archive",
			"application/vnd.openxmlformats-officedocument.wordprocessingml.document", octets, false,
		}, // "xml" is in its name: better not told
		{"no type", "words", "text/plain", "text/plain", false},
		{"multipart/x-mixed-replace", "words", "multipart/x-mixed-replace", octets, false},
		{"application/xhtml+xml", "words", "application/xhtml+xml", octets, false},
	} {
		found := find([]byte(c.body))
		m := Media{Document: Document{ContentType: agreed(c.declared, found), Sniffed: bare(found.String())}}
		if m.ContentType != c.want || m.Inline() != c.inline || m.Served() != c.served {
			t.Errorf("%q of %.20q: told %q, served %q, inline %v", c.declared, c.body, m.ContentType, m.Served(), m.Inline())
		}
	}
}

func FuzzCleanFilename(f *testing.F) {
	for _, s := range []string{"a.png", "../../etc/passwd", `C:\temp\a.exe`, "a\x00b", "gnp.\u202eexe", "\xff\xfe", strings.Repeat("é", 300) + ".pdf", "..", "/", " "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanFilename(s)
		if len(got) > maxFilename || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\\r\n\x00\"") && !strings.Contains(s, `"`) || got == "." || got == ".." {
			t.Errorf("%q became %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%q became %q", s, got)
			}
		}
	})
}

func FuzzAgreed(f *testing.F) {
	f.Add("image/png", []byte("\x89PNG\r\n\x1a\n"))
	f.Add("text/html; charset=x", []byte("<html>"))
	f.Fuzz(func(t *testing.T, declared string, body []byte) {
		found := find(body[:min(len(body), sniffed)])
		m := Media{Document: Document{ContentType: agreed(declared, found), Sniffed: bare(found.String())}}
		if m.ContentType == "" || strings.ContainsAny(m.ContentType, "\r\n") {
			t.Errorf("%q of %q is told as %q", declared, body, m.ContentType)
		}
		if m.Inline() && m.Served() != m.Sniffed {
			t.Errorf("%q is shown as %q", m.Sniffed, m.Served())
		}
		for _, word := range []string{"html", "svg", "script"} {
			if strings.Contains(m.Served(), word) {
				t.Errorf("%q is served", m.Served())
			}
		}
	})
}

// drawn is a picture with a red corner at the top left.
func drawn(w, h int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = 0xff
	}
	for y := range h / 4 {
		for x := range w / 4 {
			p.Set(x, y, color.RGBA{R: 0xff, A: 0xff})
		}
	}
	return p
}

func TestShrink(t *testing.T) {
	t.Parallel()
	var asPNG, asJPEG, asGIF bytes.Buffer
	if err := png.Encode(&asPNG, drawn(1000, 500)); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, drawn(1000, 500), nil); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&asGIF, drawn(100, 50), nil); err != nil {
		t.Fatal(err)
	}
	// The same picture, taken with the camera on its side.
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	side := append(append([]byte("\xff\xd8"), exif...), asJPEG.Bytes()[2:]...)
	for name, c := range map[string]struct {
		body, kind string
		w, h       int
		x, y       int // in the red corner
	}{
		"png": {asPNG.String(), "image/png", 480, 240, 5, 5}, "jpeg": {asJPEG.String(), "image/jpeg", 480, 240, 5, 5},
		"gif": {asGIF.String(), "image/gif", 100, 50, 5, 5}, "on its side": {string(side), "image/jpeg", 240, 480, 235, 5},
	} {
		small, err := shrink(strings.NewReader(c.body), c.kind)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, err := jpeg.Decode(bytes.NewReader(small))
		if err != nil || p.Bounds().Dx() != c.w || p.Bounds().Dy() != c.h {
			t.Errorf("%s: %v %v", name, p.Bounds(), err)
			continue
		}
		if r, g, _, _ := p.At(c.x, c.y).RGBA(); r < 0xc000 || g > 0x5000 {
			t.Errorf("%s: the corner is not where it belongs", name)
		}
	}
}

// claims is the header of a PNG that claims measures and holds nothing.
func claims(w, h uint32) string {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 6, 0, 0, 0)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:])))
}

func TestShrink_refusesBombs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"50,000 × 50,000": {claims(50_000, 50_000), "image/png"}, "2³¹ × 1": {claims(1<<31-1, 1), "image/png"},
		"30,000 × 30,000": {claims(30_000, 30_000), "image/png"}, "nothing": {"", "image/png"}, "half": {claims(10, 10), "image/png"},
		"another type": {claims(10, 10), "image/jpeg"}, "no picture": {"words", "text/plain"},
	} {
		if _, err := shrink(strings.NewReader(c[0]), c[1]); err == nil {
			t.Errorf("%s: it was decoded", name)
		}
	}
}

func TestBearable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config image.Config
		want   bool
	}{
		{image.Config{Width: 8000, Height: 5000, ColorModel: color.YCbCrModel}, true},
		{image.Config{Width: 8000, Height: 5000, ColorModel: color.NRGBA64Model}, false},
		{image.Config{Width: 30_000, Height: 1300, ColorModel: color.GrayModel}, true},
		{image.Config{Width: 30_001, Height: 1, ColorModel: color.GrayModel}, false},
		{image.Config{Width: 50_000, Height: 50_000, ColorModel: color.GrayModel}, false},
		{image.Config{Width: 0, Height: 5, ColorModel: color.RGBAModel}, false},
	} {
		if got := bearable(c.config); got != c.want {
			t.Errorf("%d × %d: %v", c.config.Width, c.config.Height, got)
		}
	}
}

func FuzzShrink(f *testing.F) {
	var p bytes.Buffer
	if err := jpeg.Encode(&p, drawn(16, 16), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(p.Bytes(), 0)
	f.Add([]byte(claims(10, 10)), 1)
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"), 2)
	f.Add([]byte("RIFF\x10\x00\x00\x00WEBPVP8 "), 3)
	kinds := []string{"image/jpeg", "image/png", "image/gif", "image/webp"}
	f.Fuzz(func(t *testing.T, body []byte, kind int) {
		if len(body) > 1<<16 {
			return
		}
		small, err := shrink(bytes.NewReader(body), kinds[uint(kind)%4])
		if err == nil && len(small) == 0 {
			t.Error("a picture of nothing")
		}
		orientation(bytes.NewReader(body))
	})
}
