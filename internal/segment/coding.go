package segment

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Coding is how the octets of a message stand for characters.
type Coding uint8

// The codings.
const (
	Septets  Coding = iota // GSM-7, one septet in each octet, as SMPP carries it
	Packed                 // GSM-7, eight septets in seven octets, as the air carries it
	ASCII                  // IA5
	Latin1                 // ISO 8859-1
	Cyrillic               // ISO 8859-5
	Hebrew                 // ISO 8859-8
	Wide                   // UCS-2, really UTF-16, the high octet first
	UTF8
	Binary // no text
)

// ErrCoding is the error for a message that is no text in a coding known here.
var ErrCoding = errors.New("the message's coding is not known here")

// CodingOf answers what a data_coding means: SMPP 3.4's values (5.2.19) and, above them, the groups of TS 23.038 (4). What 0 means is the
// carrier's to say.
func CodingOf(dataCoding byte, standard Coding) (Coding, error) {
	switch dataCoding {
	case 0x00:
		return standard, nil
	case 0x01:
		return ASCII, nil
	case 0x02, 0x04:
		return Binary, nil
	case 0x03:
		return Latin1, nil
	case 0x06:
		return Cyrillic, nil
	case 0x07:
		return Hebrew, nil
	case 0x08:
		return Wide, nil
	}
	switch group := dataCoding >> 4; {
	case group == 0x1, group == 0xf: // with a message class
		switch dataCoding & 0x0c {
		case 0x00:
			return standard, nil
		case 0x04:
			return Binary, nil
		case 0x08:
			if group == 0x1 {
				return Wide, nil
			}
		}
	case group == 0xc, group == 0xd: // messages wait
		return standard, nil
	case group == 0xe:
		return Wide, nil
	}
	return Binary, ErrCoding
}

// DataCoding answers the value for a coding; what the carrier takes for its standard is 0.
func (c Coding) DataCoding(standard Coding) byte {
	if c == standard {
		return 0
	}
	switch c {
	case ASCII:
		return 1
	case Latin1:
		return 3
	case Binary:
		return 4
	case Cyrillic:
		return 6
	case Hebrew:
		return 7
	case Wide:
		return 8
	}
	return 0
}

// Holds says whether the coding has all characters of a text.
func (c Coding) Holds(text string) bool {
	for _, r := range text {
		switch c {
		case Septets, Packed:
			if septets(r) == 0 {
				return false
			}
		case ASCII:
			if r > 127 {
				return false
			}
		case Latin1:
			if r > 255 {
				return false
			}
		case Wide, UTF8:
		default:
			return false
		}
	}
	return true
}

// Encode answers a text's octets, for a place behind a header of that many octets. It is not for text that the coding does not
// hold: it answers false.
func (c Coding) Encode(text string, header int) ([]byte, bool) {
	switch c {
	case Septets:
		return encodeGSM7(text)
	case Packed:
		s, ok := encodeGSM7(text)
		return Pack(s, header), ok
	case Wide:
		return encodeWide(text), true
	case UTF8:
		return []byte(text), true
	case ASCII, Latin1:
		if !c.Holds(text) {
			return nil, false
		}
		out := make([]byte, 0, len(text))
		for _, r := range text {
			out = append(out, byte(r))
		}
		return out, true
	}
	return nil, false
}

// Part is the octets of one short message.
type Part struct {
	Header []byte // with its length octet; nil when there is none
	Data   []byte
}

// Decode puts the parts of one message together and reads them. A character that was cut between two parts is whole again; what stands for
// no character becomes U+FFFD, and U+0000 is dropped. Binary is ErrCoding.
func (c Coding) Decode(parts ...Part) (string, error) {
	if c == Binary {
		return "", ErrCoding
	}
	var octets []byte
	for _, p := range parts {
		if c == Packed {
			octets = append(octets, Unpack(p.Data, len(p.Header))...)
		} else {
			octets = append(octets, p.Data...)
		}
	}
	switch c {
	case Septets, Packed:
		return decodeGSM7(octets), nil
	case Wide:
		return clean(decodeWide(octets)), nil
	case UTF8:
		return clean(strings.ToValidUTF8(string(octets), "\ufffd")), nil
	}
	var b strings.Builder
	b.Grow(len(octets))
	for _, o := range octets {
		b.WriteRune(c.rune(o))
	}
	return clean(b.String()), nil
}

func clean(text string) string { return strings.ReplaceAll(text, "\x00", "") }

// rune reads one octet of an alphabet of 256 characters.
func (c Coding) rune(o byte) rune {
	switch {
	case o < 0x80:
		return rune(o)
	case o < 0xa0: // controls, which nobody types
		return utf8.RuneError
	case c == Cyrillic:
		switch o {
		case 0xa0, 0xad:
			return rune(o)
		case 0xf0:
			return '№'
		case 0xfd:
			return '§'
		}
		return rune(o) - 0xa0 + 0x400
	case c == Hebrew:
		switch {
		case o == 0xaa:
			return '×'
		case o == 0xba:
			return '÷'
		case o == 0xdf:
			return '‗'
		case o >= 0xe0 && o <= 0xfa:
			return rune(o) - 0xe0 + 'א'
		case o == 0xfd:
			return '\u200e'
		case o == 0xfe:
			return '\u200f'
		case o == 0xa1, o > 0xbe:
			return utf8.RuneError
		}
	}
	return rune(o) // ASCII too: who sends more than 127 in it means Latin-1
}

func encodeWide(text string) []byte {
	out := make([]byte, 0, 2*len(text))
	for _, r := range text {
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			out = append(out, byte(high>>8), byte(high), byte(low>>8), byte(low))
		} else {
			out = append(out, byte(r>>8), byte(r))
		}
	}
	return out
}

// decodeWide reads UTF-16. A byte order mark at the beginning is obeyed and dropped; half a unit at the end becomes U+FFFD.
func decodeWide(octets []byte) string {
	high, low := 0, 1
	if len(octets) >= 2 && octets[0] == 0xff && octets[1] == 0xfe {
		high, low = 1, 0
	}
	list := make([]uint16, 0, len(octets)/2)
	for i := 0; i+1 < len(octets); i += 2 {
		list = append(list, uint16(octets[i+high])<<8|uint16(octets[i+low]))
	}
	if len(list) > 0 && list[0] == 0xfeff {
		list = list[1:]
	}
	text := string(utf16.Decode(list))
	if len(octets)%2 == 1 {
		text += "\ufffd"
	}
	return text
}
