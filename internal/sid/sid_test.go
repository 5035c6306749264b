package sid_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"usher/internal/sid"
)

func TestNewIsValidAndOrdered(t *testing.T) {
	t.Parallel()
	const n = 5000
	got := make([]string, n)
	for i := range got {
		got[i] = string(sid.New(sid.Channel))
		if !sid.Valid(got[i], sid.Channel) {
			t.Fatalf("New returned %q, which is not valid", got[i])
		}
		if got[i][14] != '7' {
			t.Fatalf("%q is not a version 7 UUID", got[i])
		}
		if !strings.ContainsRune("89ab", rune(got[i][18])) {
			t.Fatalf("%q has a wrong UUID variant", got[i])
		}
	}
	if !slices.IsSorted(got) {
		t.Error("SIDs of one goroutine are not in ascending order")
	}
}

func TestNewIsUniqueAcrossGoroutines(t *testing.T) {
	t.Parallel()
	const workers, each = 8, 2000
	var wg sync.WaitGroup
	out := make([][]sid.SID, workers)
	for w := range workers {
		wg.Go(func() {
			for range each {
				out[w] = append(out[w], sid.New(sid.Message))
			}
		})
	}
	wg.Wait()
	seen := make(map[sid.SID]bool, workers*each)
	for _, list := range out {
		for i, s := range list {
			if seen[s] {
				t.Fatalf("%s was handed out twice", s)
			}
			seen[s] = true
			if i > 0 && list[i-1] >= s {
				t.Fatalf("%s does not come after %s", s, list[i-1])
			}
		}
	}
}

func TestValidAndPrefix(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0a", 16)
	tests := []struct {
		name, s, prefix string
		valid           bool
		of              string
	}{
		{"right", "CH" + digits, "CH", true, "CH"},
		{"other prefix", "CH" + digits, "IM", false, "CH"},
		{"upper-case digits", "CH" + strings.ToUpper(digits), "CH", false, ""},
		{"too short", "CH" + digits[1:], "CH", false, ""},
		{"too long", "CH" + digits + "0", "CH", false, ""},
		{"not hexadecimal", "CH" + digits[:31] + "g", "CH", false, ""},
		{"empty", "", "CH", false, ""},
		{"empty prefix", digits, "", false, ""},
		{"lower-case prefix", "ch" + digits, "CH", false, ""},
		{"digits as prefix", "00" + digits, "CH", false, ""},
		{"long prefix", "CH" + digits, "CH0a", false, "CH"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := sid.Valid(tt.s, tt.prefix); got != tt.valid {
				t.Errorf("Valid(%q, %q) = %v", tt.s, tt.prefix, got)
			}
			if got := sid.Prefix(tt.s); got != tt.of {
				t.Errorf("Prefix(%q) = %q, want %q", tt.s, got, tt.of)
			}
		})
	}
}

func FuzzValid(f *testing.F) {
	f.Add(string(sid.New("CH")), "CH")
	f.Add("CH", "CH")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, s, prefix string) {
		if sid.Valid(s, prefix) && (len(s) != sid.Len || !strings.HasPrefix(s, prefix)) {
			t.Errorf("Valid(%q, %q)", s, prefix)
		}
		if p := sid.Prefix(s); p != "" && !sid.Valid(s, p) {
			t.Errorf("Prefix(%q) = %q of an invalid SID", s, p)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sid.New(sid.Message)
	}
}
