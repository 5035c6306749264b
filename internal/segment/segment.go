// Package segment knows how text becomes short messages: which alphabet it needs, how many parts that makes, where they are cut, how
// characters become octets and back, and the headers that tie parts together. It is pure: functions over values.
//
// The alphabets are those of 3GPP TS 23.038, the headers those of TS 23.040 (9.2.3.24). One message carries 140 octets: 160 septets or 70 UTF-16
// units; with a header of six octets for concatenation 153 or 67.
package segment

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is one of the two alphabets in which a short message travels.
type Encoding uint8

// The encodings.
const (
	GSM7 Encoding = iota // the default alphabet with its extension table, in septets
	UCS2                 // UTF-16 units; characters beyond the first plane take two
)

// String answers the original's name: GSM-7 or UCS-2.
func (e Encoding) String() string {
	if e == UCS2 {
		return "UCS-2"
	}
	return "GSM-7"
}

// limits answers how many units fit into a message that stands alone, and into each of several behind a header of that many octets.
func (e Encoding) limits(header int) (single, part int) {
	if e == UCS2 {
		return 70, (140 - header) / 2
	}
	return 160, (8*140 - 8*header) / 7
}

// header is the usual one for concatenation, with a reference of eight bits.
const header = 6

// Size is what a text comes to.
type Size struct {
	Encoding Encoding
	Units    int // septets or UTF-16 units, without headers
	Segments int // at least 1
}

// Measure answers the size of a text in the smallest encoding that holds it. An empty text is one segment.
func Measure(text string) Size {
	e := Detect(text)
	segments, units := 1, 0
	cut(text, e, maxCluster, func(_ int, n int) { units += n })
	if single, _ := e.limits(header); units > single {
		segments = len(parts(text, e, header))
	}
	return Size{Encoding: e, Units: units, Segments: segments}
}

// Detect answers the smallest encoding that holds the text.
func Detect(text string) Encoding {
	for _, r := range text {
		if septets(r) == 0 {
			return UCS2
		}
	}
	return GSM7
}

// Split cuts a text into what fits into one short message each, in the given encoding. Nothing is lost or added: the parts make the
// text again. A character of GSM-7's extension table, a surrogate pair, and what a reader takes for one character (a letter with its
// combining marks, an emoji with its modifiers, a flag) stay whole. In GSM-7, characters that it lacks count one.
func Split(text string, e Encoding) []string { return SplitBehind(text, e, header) }

// SplitBehind is Split for parts that begin with a header of so many octets, at most 100.
func SplitBehind(text string, e Encoding, header int) []string {
	units := 0
	cut(text, e, maxCluster, func(_, n int) { units += n })
	if single, _ := e.limits(header); units <= single {
		return []string{text}
	}
	return parts(text, e, header)
}

// parts cuts greedily: each part takes as many whole clusters as it has room for.
func parts(text string, e Encoding, header int) []string {
	_, limit := e.limits(header)
	var list []string
	start, at, used := 0, 0, 0
	cut(text, e, limit, func(size, n int) {
		if used+n > limit {
			list = append(list, text[start:at])
			start, used = at, 0
		}
		at += size
		used += n
	})
	return append(list, text[start:])
}

// cut walks over the clusters of a text: how many bytes and how many units each has. One above the limit is cut into its runes.
func cut(text string, e Encoding, limit int, yield func(size, units int)) {
	for text != "" {
		size, n := cluster(text, e)
		if n > limit { // no reader takes that for one character
			var r rune
			r, size = utf8.DecodeRuneInString(text)
			n = units(r, e)
		}
		yield(size, n)
		text = text[size:]
	}
}

const (
	joiner    = '\u200d'
	flagFirst = '\U0001f1e6'
	flagLast  = '\U0001f1ff'
)

// cluster measures the first character as a reader sees it, a simple form of Unicode's grapheme clusters (UAX 29).
func cluster(text string, e Encoding) (size, n int) {
	first, size := utf8.DecodeRuneInString(text)
	n = units(first, e)
	if e == GSM7 {
		return size, n
	}
	flag := first >= flagFirst && first <= flagLast
	last := first
	for size < len(text) {
		r, s := utf8.DecodeRuneInString(text[size:])
		switch {
		case extends(r), last == joiner && !unicode.IsSpace(r) && !unicode.IsControl(r):
		case flag && r >= flagFirst && r <= flagLast:
			flag = false
		default:
			return size, n
		}
		size += s
		n += units(r, e)
		last = r
		if n > maxCluster {
			return size, n
		}
	}
	return size, n
}

// maxCluster ends the search for the end of a character that cannot fit anyway.
const maxCluster = 67

// extends says whether a rune belongs to the one before it.
func extends(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r == joiner, r >= 0x1f3fb && r <= 0x1f3ff, r >= 0xe0020 && r <= 0xe007f:
		return true
	}
	return unicode.Is(unicode.M, r)
}

// units answers what a rune takes.
func units(r rune, e Encoding) int {
	if e == GSM7 {
		return max(septets(r), 1)
	}
	return max(utf16.RuneLen(r), 1)
}
