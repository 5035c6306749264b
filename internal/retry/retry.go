// Package retry says how long to wait before trying something again.
// It computes and never sleeps: whoever waits has a timer or a row with a time
// in it, and tests need neither.
package retry

import (
	"math"
	"math/rand/v2"
	"time"
)

// Policy is an exponential backoff. The zero value tries again at once, forever.
type Policy struct {
	// Min is the wait after the first failure.
	Min time.Duration
	// Max is the longest wait; 0 means no bound.
	Max time.Duration
	// Factor multiplies the wait after each further failure; below 1 means 2.
	Factor float64
	// Jitter is the fraction, 0 to 1, by which a wait may be longer or shorter,
	// so that clients that failed together do not come back together.
	Jitter float64
	// Attempts is how often to try in all; 0 means without end.
	Attempts int
}

// Delay returns the wait after failure number attempt, counted from 1. rnd
// yields numbers in [0,1); nil takes the process's random source. The result is
// never negative and never above Max.
func (p Policy) Delay(attempt int, rnd func() float64) time.Duration {
	factor := p.Factor
	if factor < 1 {
		factor = 2
	}
	d := float64(p.Min) * math.Pow(factor, float64(max(attempt, 1)-1))
	limit := float64(math.MaxInt64)
	if p.Max > 0 {
		limit = float64(p.Max)
	}
	d = min(d, limit)
	if p.Jitter > 0 {
		if rnd == nil {
			rnd = rand.Float64
		}
		d = min(d*(1+min(p.Jitter, 1)*(2*rnd()-1)), limit)
	}
	if d >= math.MaxInt64 { // the conversion of a larger float is not defined
		return math.MaxInt64
	}
	return time.Duration(d)
}

// Exhausted reports whether attempt, counted from 1, was the last one.
func (p Policy) Exhausted(attempt int) bool {
	return p.Attempts > 0 && attempt >= p.Attempts
}
