package main

import (
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	t.Parallel()
	conflict := 409
	src, err := render([]row{{Code: 2, Message: "Thing not found "}, {Code: 1, Message: `a "b"`, Status: &conflict}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{1, 409, "a \"b\"", false}, {2, 404, "Thing not found", true},`, "DO NOT EDIT"} {
		if !strings.Contains(string(src), want) {
			t.Errorf("lacks %s in\n%s", want, src)
		}
	}
	if _, err := render([]row{{Code: 1}, {Code: 1}}); err == nil {
		t.Error("a code that occurs twice must fail")
	}
}

func TestInfer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code int
		text string
		want int
	}{
		{503, "Internal Error", 503},
		{50400, "User not member of channel", 403},
		{1, "Already Exists", 409},
		{1, "rate limit exceeded", 429},
		{1, "something odd", 400},
		{1, "Internal Error", 500},
		{1, "service unavailable", 503},
	}
	for _, tt := range tests {
		if got := infer(tt.code, tt.text); got != tt.want {
			t.Errorf("infer(%d, %q) = %d, want %d", tt.code, tt.text, got, tt.want)
		}
	}
}
