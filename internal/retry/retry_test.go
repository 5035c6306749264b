package retry_test

import (
	"math"
	"testing"
	"time"

	"usher/internal/retry"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	low := func() float64 { return 0 }
	high := func() float64 { return math.Nextafter(1, 0) }
	tests := []struct {
		name    string
		policy  retry.Policy
		attempt int
		rnd     func() float64
		want    time.Duration
	}{
		{"zero value", retry.Policy{}, 3, nil, 0},
		{"first", retry.Policy{Min: time.Second, Factor: 3}, 1, nil, time.Second},
		{"third", retry.Policy{Min: time.Second, Factor: 3}, 3, nil, 9 * time.Second},
		{"factor doubles unless told", retry.Policy{Min: time.Second}, 4, nil, 8 * time.Second},
		{"attempt below one", retry.Policy{Min: time.Second}, -5, nil, time.Second},
		{"bounded", retry.Policy{Min: time.Second, Max: time.Minute}, 99, nil, time.Minute},
		{"no overflow", retry.Policy{Min: time.Second}, 5000, nil, math.MaxInt64},
		{"jitter down", retry.Policy{Min: time.Second, Jitter: 0.5}, 1, low, time.Second / 2},
		{"jitter up stays in bound", retry.Policy{Min: time.Second, Max: time.Second, Jitter: 0.5}, 1, high, time.Second},
		{"too much jitter", retry.Policy{Min: time.Second, Jitter: 7}, 1, low, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.policy.Delay(tt.attempt, tt.rnd); got != tt.want {
				t.Errorf("Delay(%d) = %v, want %v", tt.attempt, got, tt.want)
			}
		})
	}
}

func TestDelayStaysInRange(t *testing.T) {
	t.Parallel()
	p := retry.Policy{Min: 100 * time.Millisecond, Max: 10 * time.Second, Factor: 1.7, Jitter: 0.3}
	for attempt := 1; attempt < 200; attempt++ {
		if d := p.Delay(attempt, nil); d < 70*time.Millisecond || d > p.Max {
			t.Fatalf("Delay(%d) = %v", attempt, d)
		}
	}
}

func TestExhausted(t *testing.T) {
	t.Parallel()
	if (retry.Policy{}).Exhausted(1000) {
		t.Error("a policy without a number of attempts must not end")
	}
	p := retry.Policy{Attempts: 3}
	for attempt, want := range map[int]bool{1: false, 2: false, 3: true, 4: true} {
		if got := p.Exhausted(attempt); got != want {
			t.Errorf("Exhausted(%d) = %v", attempt, got)
		}
	}
}
