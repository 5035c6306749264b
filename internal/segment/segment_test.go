package segment_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"usher/internal/segment"
)

// The counts are those of the public calculator sms-segments-calculator 1.3.0 for the same texts.
func TestMeasure(t *testing.T) {
	t.Parallel()
	rep := strings.Repeat
	family := "👨‍👩‍👧‍👦" // 11 units that a reader takes for one character
	tests := []struct {
		name     string
		text     string
		encoding segment.Encoding
		segments int
	}{
		{"nothing", "", segment.GSM7, 1},
		{"one", "a", segment.GSM7, 1},
		{"the whole alphabet", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà", segment.GSM7, 1},
		{"160", rep("a", 160), segment.GSM7, 1},
		{"161", rep("a", 161), segment.GSM7, 2},
		{"306", rep("a", 306), segment.GSM7, 2},
		{"307", rep("a", 307), segment.GSM7, 3},
		{"80 euros", rep("€", 80), segment.GSM7, 1},
		{"81 euros", rep("€", 81), segment.GSM7, 2},
		{"152 euros do not fill two parts evenly", rep("€", 152), segment.GSM7, 2},
		{"153 euros", rep("€", 153), segment.GSM7, 3},
		{"an extension character at the cut", rep("a", 152) + "€" + rep("b", 151), segment.GSM7, 2},
		{"and one more", rep("a", 152) + "€" + rep("b", 152), segment.GSM7, 3},
		{"all of the extension", "\f^{}\\[~]|€", segment.GSM7, 1},
		{"a grave is not in it", "`", segment.UCS2, 1},
		{"a tab is not in it", "a\tb", segment.UCS2, 1},
		{"ç is not in it, Ç is", "ç", segment.UCS2, 1},
		{"70 wide", rep("あ", 70), segment.UCS2, 1},
		{"71 wide", rep("あ", 71), segment.UCS2, 2},
		{"134 wide", rep("あ", 134), segment.UCS2, 2},
		{"135 wide", rep("あ", 135), segment.UCS2, 3},
		{"one quote makes all of it wide", "’" + rep("a", 70), segment.UCS2, 2},
		{"35 pairs", rep("😀", 35), segment.UCS2, 1},
		{"36 pairs", rep("😀", 36), segment.UCS2, 2},
		{"66 pairs: 33 fit into a part", rep("😀", 66), segment.UCS2, 2},
		{"67 pairs", rep("😀", 67), segment.UCS2, 3},
		{"a pair at the cut", rep("a", 66) + "😀" + rep("b", 65), segment.UCS2, 2},
		{"six families", rep(family, 6), segment.UCS2, 1},
		{"twelve families", rep(family, 12), segment.UCS2, 2},
		{"thirteen families", rep(family, 13), segment.UCS2, 3},
		{"flags", rep("🇯🇵", 17), segment.UCS2, 1},
		{"more flags", rep("🇯🇵", 33), segment.UCS2, 3},
		{"skin tones", rep("👍🏽", 18), segment.UCS2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := segment.Measure(tt.text)
			if got.Encoding != tt.encoding || got.Segments != tt.segments {
				t.Errorf("%v, %d segments; want %v, %d", got.Encoding, got.Segments, tt.encoding, tt.segments)
			}
			if n := len(segment.Split(tt.text, got.Encoding)); n != tt.segments {
				t.Errorf("cut into %d, want %d", n, tt.segments)
			}
		})
	}
}

func TestMeasure_units(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "ab€": 4, "a😀": 3, "e\u0301": 2} {
		if got := segment.Measure(text).Units; got != want {
			t.Errorf("%q takes %d units, want %d", text, got, want)
		}
	}
	if segment.GSM7.String() != "GSM-7" || segment.UCS2.String() != "UCS-2" {
		t.Error("the encodings have other names")
	}
}

func TestSplit_keepsCharactersWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		encoding   segment.Encoding
		want       []int // bytes of the parts
	}{
		{"extension", strings.Repeat("a", 152) + "€" + strings.Repeat("b", 20), segment.GSM7, []int{152, 23}},
		{"pair", strings.Repeat("a", 66) + "😀" + strings.Repeat("b", 20), segment.UCS2, []int{66, 24}},
		{"mark", strings.Repeat("a", 66) + "e\u0301" + strings.Repeat("b", 20), segment.UCS2, []int{66, 23}},
		{"flag", strings.Repeat("a", 65) + "🇯🇵" + strings.Repeat("b", 20), segment.UCS2, []int{65, 28}},
		{"two flags are not one", strings.Repeat("a", 63) + "🇯🇵🇩🇪" + strings.Repeat("b", 20), segment.UCS2, []int{63 + 8, 28}},
		{"what no part holds is cut all the same", strings.Repeat("e"+strings.Repeat("\u0301", 99), 1), segment.UCS2, []int{1 + 32*2, 67 * 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, p := range segment.Split(tt.text, tt.encoding) {
				got = append(got, len(p))
			}
			if len(got) != len(tt.want) || got[0] != tt.want[0] || got[len(got)-1] != tt.want[len(tt.want)-1] {
				t.Errorf("parts of %v bytes, want %v", got, tt.want)
			}
		})
	}
}

func TestSplitBehind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		e      segment.Encoding
		header int
		want   int // bytes of the first part
	}{
		{strings.Repeat("a", 161), segment.GSM7, 6, 153},
		{strings.Repeat("a", 161), segment.GSM7, 7, 152},
		{strings.Repeat("a", 160), segment.GSM7, 7, 160},
		{strings.Repeat("あ", 71), segment.UCS2, 6, 67 * 3},
		{strings.Repeat("あ", 71), segment.UCS2, 7, 66 * 3},
		{strings.Repeat("😀", 71), segment.UCS2, 100, 10 * 4},
	} {
		list := segment.SplitBehind(tt.text, tt.e, tt.header)
		if len(list[0]) != tt.want || strings.Join(list, "") != tt.text {
			t.Errorf("%v behind %d octets: a first part of %d bytes, want %d", tt.e, tt.header, len(list[0]), tt.want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("hello")
	f.Add(strings.Repeat("€", 200))
	f.Add(strings.Repeat("👨‍👩‍👧‍👦", 20))
	f.Add(strings.Repeat("🇯🇵", 40) + "\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		size := segment.Measure(text)
		list := segment.Split(text, size.Encoding)
		if strings.Join(list, "") != text {
			t.Fatal("the parts do not make the text")
		}
		if len(list) != size.Segments {
			t.Fatalf("%d parts, measured %d", len(list), size.Segments)
		}
		total := 0
		for _, p := range list {
			n := len(utf16.Encode([]rune(p)))
			limit := 67
			if size.Encoding == segment.GSM7 {
				octets, ok := segment.Septets.Encode(p, 0)
				if !ok {
					t.Fatal("GSM-7 does not hold what was measured as GSM-7")
				}
				n, limit = len(octets), 153
			}
			if len(list) == 1 {
				limit += 7
				if size.Encoding == segment.UCS2 {
					limit = 70
				}
			}
			if n > limit {
				t.Fatalf("a part of %d units", n)
			}
			if utf8.ValidString(text) && !utf8.ValidString(p) {
				t.Fatal("a character was cut")
			}
			total += n
		}
		if total != size.Units {
			t.Fatalf("%d units, measured %d", total, size.Units)
		}
	})
}

func BenchmarkMeasure(b *testing.B) {
	text := strings.Repeat("Your order has left. ", 20)
	for b.Loop() {
		segment.Measure(text)
	}
}
