package pace

import (
	"testing"
	"time"
)

func TestLimiter_refills(t *testing.T) {
	t.Parallel()
	l, now := NewLimiter[string](60, 2), time.Now()
	for i, want := range []time.Duration{0, 0, time.Second} {
		if got := l.Take("a", now); got != want {
			t.Errorf("take %d: %v, want %v", i, got, want)
		}
	}
	if got := l.Take("b", now); got != 0 {
		t.Errorf("another key waits %v", got)
	}
	if got := l.Take("a", now.Add(time.Second)); got != 0 {
		t.Errorf("a second later: %v", got)
	}
}

func TestLimiter_forgetsFullBuckets(t *testing.T) {
	t.Parallel()
	l, now := NewLimiter[int](60, 2), time.Now()
	for i := range maxBuckets {
		l.Take(i, now)
	}
	l.Take(maxBuckets, now.Add(time.Minute))
	if len(l.at) != 1 {
		t.Errorf("%d buckets", len(l.at))
	}
	for i := range maxBuckets + 1 {
		l.Take(i, now.Add(time.Minute))
	}
	if len(l.at) > maxBuckets {
		t.Errorf("%d buckets", len(l.at))
	}
}
