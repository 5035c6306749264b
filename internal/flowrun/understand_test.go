package flowrun

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"usher/internal/studio/engine"
)

// FuzzUnderstand holds that whatever an endpoint answers is a bounded text, an end or an error.
func FuzzUnderstand(f *testing.F) {
	for _, text := range []string{
		`{"choices":[{"message":{"content":"Hello\u202e [[PERSON]]"}}]}`, `{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"text":"b"}]}}]}`,
		`{"choices":[{"message":{"content":"<think>x</think>y [[DONE]]"}}]}`, `{"choices":[{}]}`, `{"choices":null}`, `[]`, "",
	} {
		f.Add([]byte(text), 20)
	}
	f.Fuzz(func(t *testing.T, raw []byte, most int) {
		most = 1 + int(uint(most)%10_000)
		var in engine.Consulted
		understand(raw, most, &in)
		if (in.Err == "") != (in.Text != "" || in.HandOff || in.Done) {
			t.Fatalf("%+v", in)
		}
		if !utf8.ValidString(in.Text) || utf8.RuneCountInString(in.Text) > most {
			t.Fatalf("%q", in.Text)
		}
		for _, c := range in.Text {
			if unicode.IsControl(c) && c != '\n' && c != '\t' {
				t.Fatalf("%q", in.Text)
			}
		}
	})
}
