package taskrouter

import (
	"testing"

	"usher/internal/rest"
)

func TestTruthy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"true": true, "True": true, "1": true, "yes": true, "YES": true, "": false, "0": false, "no": false, "on": false} {
		if got := truthy(text); got != want {
			t.Errorf("truthy(%q) is %t", text, got)
		}
	}
	if flag(rest.Opt[string]{}) != nil || flag(rest.Some("")) != nil {
		t.Error("a flag that is absent or empty filters")
	}
	if f := flag(rest.Some("no")); f == nil || *f {
		t.Error("no is not false")
	}
}

func TestDescending(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ordering string
		want, ok bool
	}{
		{"", false, true},
		{"DateCreated", false, true},
		{"DateCreated:asc", false, true},
		{"DateCreated:desc", true, true},
		{"DateCreated:DESC", true, true},
		{"DateCreated:up", false, false},
		{"Priority:desc", false, false},
		{"Priority:desc,DateCreated:asc", false, false},
		{"DateCreated:desc,Priority:asc", false, false},
		{":desc", false, false},
	} {
		if got, err := descending(tt.ordering); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("descending(%q) is %t, %v", tt.ordering, got, err)
		}
	}
}
