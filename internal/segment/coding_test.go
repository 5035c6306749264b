package segment_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"usher/internal/segment"
)

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Vectors that are in many descriptions of the format: "hellohello" in seven bits, and PDU texts from manuals of GSM modems.
func TestPack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		header int
		want   string
	}{
		{"hellohello", 0, "e8329bfd4697d9ec37"},
		{"hello", 0, "e8329bfd06"},
		{"How are you?", 0, "c8f71d14969741f977fd07"},
		{"It is easy to send text messages.", 0, "493a283d0795c3f33c88fe06cdcb6e32885ec6d341edf27c1e3e97e72e"},
		{"€", 0, "9b32"},
		{"", 0, ""},
		{"a", 6, "c2"}, // one bit of filling behind six octets
		{"a", 7, "61"}, // none behind seven
	} {
		s, ok := segment.Septets.Encode(tt.text, 0)
		if !ok {
			t.Fatalf("%q has no septets", tt.text)
		}
		got := segment.Pack(s, tt.header)
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("%q behind %d octets: %x, want %s", tt.text, tt.header, got, tt.want)
		}
		if back := segment.Unpack(got, tt.header); !bytes.Equal(back, s) {
			t.Errorf("%q behind %d octets comes back as %x", tt.text, tt.header, back)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		coding segment.Coding
		octets string
		want   string
	}{
		{"septets", segment.Septets, "00 11 1b65 41 1b0a", "@_€A\f"},
		{"escape at the end", segment.Septets, "41 1b", "A"},
		{"two escapes", segment.Septets, "41 1b1b 42", "A B"},
		{"escape and what the extension lacks", segment.Septets, "1b41", "A"},
		{"Latin-1 among septets", segment.Septets, "41 e9 8f", "Aé\ufffd"},
		{"packed", segment.Packed, "c8f71d14969741f977fd07", "How are you?"},
		{"packed, seven letters and no filling", segment.Packed, "e170381c0e8701", "aaaaaaa"},
		{"ASCII", segment.ASCII, "4a 40 24", "J@$"},
		{"Latin-1", segment.Latin1, "e9 a3 00 85", "é£\ufffd"},
		{"Cyrillic", segment.Cyrillic, "bfe0d8d2d5e2 f0 fd a1", "Привет№§Ё"},
		{"Hebrew", segment.Hebrew, "f9ece5ed aa ba", "שלום×÷"},
		{"wide", segment.Wide, "3042 d83d de00", "あ😀"},
		{"half a pair", segment.Wide, "d83d 0041", "\ufffdA"},
		{"half a unit", segment.Wide, "0041 00", "A\ufffd"},
		{"byte order mark", segment.Wide, "feff 0041", "A"},
		{"the other byte order", segment.Wide, "fffe 4100", "A"},
		{"UTF-8", segment.UTF8, "c3a9 ff 00", "é\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.coding.Decode(segment.Part{Data: octets(t, tt.octets)})
			if err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if _, err := segment.Binary.Decode(segment.Part{Data: []byte("x")}); !errors.Is(err, segment.ErrCoding) {
		t.Errorf("binary is read as text: %v", err)
	}
}

// A part may end in the middle of a character, whoever cut it; the whole is read as one.
func TestDecode_acrossParts(t *testing.T) {
	t.Parallel()
	head := segment.Concat{Ref: 7, Total: 2, Part: 1}.Bytes()
	for _, tt := range []struct {
		name   string
		coding segment.Coding
		parts  [][]byte
		want   string
	}{
		{"escape", segment.Septets, [][]byte{{0x41, 0x1b}, {0x65}}, "A€"},
		{"pair", segment.Wide, [][]byte{{0xd8, 0x3d}, {0xde, 0x00}}, "😀"},
		{"unit", segment.Wide, [][]byte{{0x30}, {0x42}}, "あ"},
		{"UTF-8", segment.UTF8, [][]byte{{0xc3}, {0xa9}}, "é"},
		{"packed", segment.Packed, [][]byte{segment.Pack([]byte{0x41, 0x1b}, len(head)), segment.Pack([]byte{0x65}, len(head))}, "A€"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var parts []segment.Part
			for _, p := range tt.parts {
				parts = append(parts, segment.Part{Header: head, Data: p})
			}
			if got, err := tt.coding.Decode(parts...); err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		coding segment.Coding
		text   string
		want   string // "" when it does not hold the text
	}{
		{segment.Septets, "@€", "001b65"},
		{segment.Septets, "あ", ""},
		{segment.Packed, "hello", "e8329bfd06"},
		{segment.Packed, "`", ""},
		{segment.ASCII, "a@", "6140"},
		{segment.ASCII, "é", ""},
		{segment.Latin1, "é", "e9"},
		{segment.Latin1, "€", ""},
		{segment.Wide, "あ😀", "3042d83dde00"},
		{segment.UTF8, "é", "c3a9"},
		{segment.Hebrew, "ש", ""},
		{segment.Binary, "a", ""},
	} {
		got, ok := tt.coding.Encode(tt.text, 0)
		if ok != (tt.want != "") || ok && hex.EncodeToString(got) != tt.want {
			t.Errorf("coding %d, %q: %x, %v; want %s", tt.coding, tt.text, got, ok, tt.want)
		}
		if tt.coding.Holds(tt.text) != ok {
			t.Errorf("coding %d holds %q: %v", tt.coding, tt.text, !ok)
		}
	}
}

func TestCodingOf(t *testing.T) {
	t.Parallel()
	for value, want := range map[byte]segment.Coding{
		0x00: segment.Latin1, 0x01: segment.ASCII, 0x02: segment.Binary, 0x03: segment.Latin1, 0x04: segment.Binary, 0x06: segment.Cyrillic,
		0x07: segment.Hebrew, 0x08: segment.Wide, 0x10: segment.Latin1, 0x18: segment.Wide, 0xf0: segment.Latin1, 0xf5: segment.Binary,
		0xc8: segment.Latin1, 0xd0: segment.Latin1, 0xe0: segment.Wide, 0x14: segment.Binary,
	} {
		if got, err := segment.CodingOf(value, segment.Latin1); err != nil || got != want {
			t.Errorf("%#x means %d, %v; want %d", value, got, err, want)
		}
	}
	for _, value := range []byte{0x05, 0x09, 0x0a, 0x0d, 0x0e, 0x1c, 0x20, 0x80, 0xf8} {
		if _, err := segment.CodingOf(value, segment.Septets); !errors.Is(err, segment.ErrCoding) {
			t.Errorf("%#x is taken for something", value)
		}
	}
	for _, c := range []segment.Coding{segment.ASCII, segment.Binary, segment.Latin1, segment.Cyrillic, segment.Hebrew, segment.Wide} {
		if back, err := segment.CodingOf(c.DataCoding(segment.Septets), segment.Septets); err != nil || back != c {
			t.Errorf("coding %d comes back as %d", c, back)
		}
	}
	if segment.Latin1.DataCoding(segment.Latin1) != 0 || segment.Septets.DataCoding(segment.Septets) != 0 {
		t.Error("the carrier's standard is not 0")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(byte(segment.Packed), []byte("\xe8\x32\x9b\xfd\x06"), []byte("a"))
	f.Add(byte(segment.Wide), []byte("\xd8\x3d\xde"), []byte("\x00"))
	f.Fuzz(func(t *testing.T, coding byte, one, two []byte) {
		text, err := segment.Coding(coding%9).Decode(segment.Part{Data: one}, segment.Part{Header: one, Data: two})
		if err == nil && !utf8.ValidString(text) {
			t.Fatalf("%q is not UTF-8", text)
		}
	})
}

// What a coding holds comes back as it was; only a last @ of packed septets may be taken for filling.
func FuzzEncode(f *testing.F) {
	for c := range 9 {
		f.Add(byte(c), "h€llo 日本 😀 é@", 6)
	}
	f.Fuzz(func(t *testing.T, coding byte, text string, header int) {
		c := segment.Coding(coding % 9)
		header = max(header, 0) % 141
		data, ok := c.Encode(text, header)
		if ok != c.Holds(text) || !ok || !utf8.ValidString(text) {
			return
		}
		got, err := c.Decode(segment.Part{Header: make([]byte, header), Data: data})
		want := strings.ReplaceAll(text, "\x00", "")
		if c == segment.Wide {
			want = strings.TrimPrefix(want, "\ufeff")
		}
		same := got == want || c == segment.Packed && strings.TrimSuffix(want, "@") == got
		controls := strings.ContainsFunc(want, func(r rune) bool { return r >= 0x80 && r < 0xa0 })
		if err != nil || !same && !controls && !strings.HasPrefix(text, "\ufffe") && !strings.HasPrefix(text, "\x00") {
			t.Fatalf("coding %d: %q comes back as %q, %v", c, text, got, err)
		}
	})
}

func FuzzPack(f *testing.F) {
	f.Add([]byte("hello"), 6)
	f.Fuzz(func(t *testing.T, septets []byte, header int) {
		header = max(header, 0) % 141
		for i := range septets {
			septets[i] &= 0x7f
		}
		got := segment.Unpack(segment.Pack(septets, header), header)
		if !bytes.Equal(got, septets) && !bytes.Equal(append(got, 0), septets) {
			t.Fatalf("%x comes back as %x", septets, got)
		}
	})
}
