package janitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/db"
)

const (
	// drift is how far the wall clock may get away from this process's own count of time between two sweeps.
	drift = 10 * time.Second
	// pause is how long nobody may have swept before that time counts as not watched: a restart is shorter.
	pause = 10 * time.Minute
	// gapsMost bounds what is remembered of such times.
	gapsMost = 64
)

// gap is a time that nobody could watch: the clock was set forward, the machine slept, no server ran.
type gap struct {
	// At is where the wall clock stood when the gap was found, Lost how much of the time before was not lived through.
	At   time.Time     `json:"at"`
	Lost time.Duration `json:"lost"`
}

// watch is what the installation knows of its own time.
type watch struct {
	Seen time.Time `json:"-"` // of the last sweep, of whichever process
	Gaps []gap     `json:"gaps,omitempty"`
	// Back is when the clock was found set back; what is dated later than now happened before that.
	Back time.Time `json:"back,omitzero"`
}

// observe takes a look at the clock. walked is how much time has passed since Seen by this process's own count, which nobody can
// set; negative when the last sweep was another process's. sure is false when the wall clock and the count disagree, or when nobody
// has swept for long: then nothing may be judged by time until the next look.
func (w watch) observe(now time.Time, walked time.Duration) (next watch, sure bool) {
	next = watch{Seen: now, Gaps: w.Gaps, Back: w.Back}
	if w.Seen.IsZero() {
		return next, true
	}
	went := now.Sub(w.Seen)
	lost := went - walked
	allowed := drift
	if walked < 0 {
		lost, allowed = went, pause
	}
	switch {
	case went < -drift || lost < -allowed:
		// Set back: what was noted in a future that is not one any more is void.
		next.Gaps, next.Back = nil, now
		for _, g := range w.Gaps {
			if !g.At.After(now) {
				next.Gaps = append(next.Gaps, g)
			}
		}
		return next, false
	case lost > allowed:
		next.Gaps = append(append([]gap(nil), w.Gaps...), gap{now, lost})
		if len(next.Gaps) > gapsMost {
			// Together they count as lost later than the first one was: what lies between is kept longer, never shorter.
			next.Gaps[1].Lost += next.Gaps[0].Lost
			next.Gaps = next.Gaps[1:]
		}
		return next, false
	}
	return next, true
}

// idle is how much time since an instant was lived through, in which somebody could have written.
func (w watch) idle(since time.Time) time.Duration {
	if since.After(w.Seen) && !w.Back.IsZero() {
		since = w.Back
	}
	d := w.Seen.Sub(since)
	for _, g := range w.Gaps {
		if g.At.After(since) {
			d -= min(g.Lost, g.At.Sub(since))
		}
	}
	return d
}

// before is the instant that lies so many days of life back, or earlier.
func (w watch) before(days int64) time.Time {
	at := w.Seen.AddDate(0, 0, -int(days))
	for _, g := range w.Gaps {
		if g.At.After(at) {
			at = at.Add(-g.Lost)
		}
	}
	return at
}

// look reads the installation's watch, observes and writes it.
func (jn *Janitor) look(ctx context.Context) (w watch, sure bool, err error) {
	err = jn.db.Do(ctx, func(tx *db.Tx) error {
		last, err := readWatch(tx)
		if err != nil {
			return err
		}
		walked := time.Duration(-1)
		if !jn.seen.IsZero() && jn.seen.Equal(last.Seen) {
			walked = time.Since(jn.swept)
		}
		w, sure = last.observe(tx.Now, walked)
		history, err := json.Marshal(w)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`insert into janitor_clock (name, seen_at, history) values ('sweep', $1, $2)
			on conflict (name) do update set seen_at = excluded.seen_at, history = excluded.history`, db.Micros(w.Seen), string(history))
		return err
	})
	if err != nil {
		return w, false, fmt.Errorf("janitor's clock: %w", err)
	}
	jn.seen, jn.swept = w.Seen, time.Now()
	if !sure {
		slog.Warn("the clock jumped, or nobody swept for long; the janitor waits", "now", w.Seen)
	}
	return w, sure, nil
}

func readWatch(tx *db.Tx) (w watch, err error) {
	var at int64
	var history string
	err = tx.QueryRow("select seen_at, history from janitor_clock where name = 'sweep'"+tx.LockSuffix()).Scan(&at, &history)
	if errors.Is(err, db.ErrNotFound) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	err = json.Unmarshal([]byte(history), &w)
	w.Seen = db.FromMicros(at)
	return w, err
}
