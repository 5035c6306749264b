package media

import (
	"mime"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// sniffed is how many bytes of a file are looked at to find its type.
const sniffed = 3072

// octets is the type of what is not known.
const octets = "application/octet-stream"

// shown lists the types that a browser may show in place: none of them can run anything or load anything.
var shown = []string{
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif",
	"audio/mpeg", "audio/ogg", "audio/wav", "audio/aac", "audio/mp4", "audio/x-m4a", "audio/flac", "audio/amr", "audio/webm",
	"video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/3gpp",
}

// lively lists what a browser runs or follows when it is told the type. It is never told.
var lively = []string{"html", "xml", "svg", "javascript", "ecmascript", "css", "flash", "java", "multipart", "message/", "mathml", "x-mixed"}

// Inline reports whether the file may be shown in place.
func (m *Media) Inline() bool { return slices.Contains(shown, m.Sniffed) }

// Picture reports whether a thumbnail can be made of the file.
func (m *Media) Picture() bool {
	return slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp"}, m.Sniffed)
}

// Served is the type under which the bytes are handed out: the one that they have, where it is harmless.
func (m *Media) Served() string {
	if m.Inline() {
		return m.Sniffed
	}
	for _, word := range lively {
		if strings.Contains(m.Sniffed, word) || strings.Contains(m.ContentType, word) {
			return octets
		}
	}
	return m.ContentType
}

// find returns the type that the first bytes of a file have.
func find(head []byte) *mimetype.MIME { return mimetype.Detect(head) }

// bare is a type without its parameters, lower case; "" where it is none.
func bare(contentType string) string {
	if len(contentType) > 255 {
		return ""
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || strings.Count(t, "/") != 1 {
		return ""
	}
	return t
}

// agreed is the type that clients are told: what the uploader says, if that is another name for what was found or a closer one
// (text/csv of what looks like text, a document of what looks like an archive), else what was found.
func agreed(declared string, found *mimetype.MIME) string {
	declared = bare(declared)
	is := bare(found.String())
	switch {
	case declared == "" || declared == octets:
		return is
	case found.Is(declared):
		return declared
	}
	known := mimetype.Lookup(declared)
	if known == nil { // a type that nobody here can tell from the bytes
		if is == "text/plain" || is == octets {
			return declared
		}
		return is
	}
	for at := known.Parent(); at != nil; at = at.Parent() {
		if at.Is(is) && is != octets {
			return declared
		}
	}
	return is
}

// maxFilename is the longest name of a file in bytes: what file systems take.
const maxFilename = 255

// cleanFilename makes a name that is a name everywhere: no folders, no control characters, none that turn the reading direction
// so that "exe.png" can be "gnp.exe".
func cleanFilename(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if name == "" || name == "." || name == ".." || name == "/" {
		return ""
	}
	for len(name) > maxFilename {
		// The end stays: it is what tells a kind of file.
		_, size := utf8.DecodeRuneInString(name)
		name = name[size:]
	}
	return name
}
