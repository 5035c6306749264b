package segment

import (
	"strings"
	"unicode/utf8"
)

// basic is the default alphabet of TS 23.038 (6.2.1): the place of a character is its code. The code 0x1b leads to the extension.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

const escape = 0x1b

// extension is the table behind the escape (6.2.1.1).
var extension = map[byte]rune{
	0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\', 0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€',
}

// runes is the default alphabet by code, codes the way back: below 128 a code, else escape<<8 and the code in the extension.
var (
	runes = []rune(basic)
	codes = reversed()
	// ascii is codes for the commonest characters; -1 stands for none.
	ascii = firstCodes()
)

func reversed() map[rune]uint16 {
	m := make(map[rune]uint16, len(runes)+len(extension))
	for code, r := range runes {
		if code != escape {
			m[r] = uint16(code)
		}
	}
	for code, r := range extension {
		m[r] = escape<<8 | uint16(code)
	}
	return m
}

func firstCodes() (table [128]int32) {
	for r := range table {
		table[r] = -1
		if code, ok := codes[rune(r)]; ok {
			table[r] = int32(code)
		}
	}
	return table
}

// code answers the code of a character in GSM-7.
func code(r rune) (uint16, bool) {
	if r >= 0 && r < 128 {
		return uint16(ascii[r]), ascii[r] >= 0
	}
	c, ok := codes[r]
	return c, ok
}

// septets answers how many septets a character takes, 0 when the alphabet lacks it.
func septets(r rune) int {
	switch c, ok := code(r); {
	case !ok:
		return 0
	case c > 127:
		return 2
	}
	return 1
}

// encodeGSM7 answers one octet for each septet, and false when the alphabet lacks a character.
func encodeGSM7(text string) ([]byte, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		c, ok := code(r)
		if !ok {
			return nil, false
		}
		if c > 127 {
			out = append(out, escape)
		}
		out = append(out, byte(c&0x7f))
	}
	return out, true
}

// decodeGSM7 reads one septet for each octet. An escape before a code that the extension lacks shows the default alphabet's character, two
// escapes a space, one at the end nothing, as TS 23.038 has it. An octet above 127 is no septet: it comes from a carrier that takes
// Latin-1 for its default alphabet, and is read so.
func decodeGSM7(octets []byte) string {
	var b strings.Builder
	b.Grow(len(octets))
	for i := 0; i < len(octets); i++ {
		c := octets[i]
		switch {
		case c == escape && i+1 < len(octets):
			i++
			b.WriteRune(extended(octets[i]))
		case c == escape:
		case c < 128:
			b.WriteRune(runes[c])
		case c < 0xa0:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

func extended(c byte) rune {
	if r, ok := extension[c]; ok {
		return r
	}
	switch {
	case c == escape:
		return ' '
	case c < 128:
		return runes[c]
	case c < 0xa0:
		return utf8.RuneError
	}
	return rune(c)
}

// Pack puts septets into octets, the first one into the lowest bits, after a header of that many octets: the text begins at the next
// whole septet, so that fill bits come first.
func Pack(septets []byte, header int) []byte {
	fill := fillBits(header)
	out := make([]byte, (fill+7*len(septets)+7)/8)
	for i, s := range septets {
		at := fill + 7*i
		wide := uint16(s&0x7f) << (at % 8)
		out[at/8] |= byte(wide)
		if high := byte(wide >> 8); high != 0 {
			out[at/8+1] |= high
		}
	}
	return out
}

// Unpack is Pack's way back. How many septets were meant is not told in octets alone: where a whole one could be mere filling, seven zero bits
// at the end, it is taken for that.
func Unpack(octets []byte, header int) []byte {
	fill := fillBits(header)
	bits := 8*len(octets) - fill
	if bits < 7 {
		return nil
	}
	out := make([]byte, bits/7)
	for i := range out {
		at := fill + 7*i
		wide := uint16(octets[at/8])
		if at/8+1 < len(octets) {
			wide |= uint16(octets[at/8+1]) << 8
		}
		out[i] = byte(wide>>(at%8)) & 0x7f
	}
	if bits%7 == 0 && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// fillBits answers how many bits lie between a header and the next whole septet.
func fillBits(header int) int { return (7 - 8*header%7) % 7 }
