package segment_test

import (
	"testing"
	"unicode/utf8"

	"usher/internal/segment"
)

func TestSmart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"“It’s here” – now…":     `"It's here" - now...`,
		"½ of it\u00a0• ＡＢ１":     "1/2 of it - AB1",
		"a\u200bb\tc":            "ab c",
		"plain":                  "plain",
		"“smart” and 日本":         "“smart” and 日本", // nothing would be saved
		"`code`":                 "'code'",
		"ʜɪ‼":                    "HI!!",
		"‹a›":                    "<a>",
		"é stays, “quotes” go":   `é stays, "quotes" go`,
		"\u301dtwo\u301e \u3000": `"two"  `,
		"":                       "",
	} {
		if got := segment.Smart(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzSmart(f *testing.F) {
	f.Add("“It’s”…")
	f.Add("日本’")
	f.Fuzz(func(t *testing.T, text string) {
		got := segment.Smart(text)
		if got != text && segment.Detect(got) != segment.GSM7 {
			t.Fatalf("%q becomes %q, which is no cheaper", text, got)
		}
		if utf8.ValidString(text) && segment.Smart(got) != got {
			t.Fatalf("%q changes once more", got)
		}
	})
}
