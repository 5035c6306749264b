package janitor

import (
	"testing"
	"time"

	"usher/internal/flex"
	"usher/internal/sid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestObserve(t *testing.T) {
	t.Parallel()
	before := watch{Seen: noon}
	const other = time.Duration(-1)
	for _, row := range []struct {
		name         string
		from         watch
		now          time.Time
		walked       time.Duration
		sure         bool
		lost         time.Duration
		gaps         int
		idleOfAnHour time.Duration // of what happened an hour before noon
	}{
		{"the first look there is", watch{}, noon, other, true, 0, 0, time.Hour},
		{"a steady minute", before, noon.Add(time.Minute), time.Minute, true, 0, 0, 61 * time.Minute},
		{"a small correction", before, noon.Add(65 * time.Second), time.Minute, true, 0, 0, time.Hour + 65*time.Second},
		{"a long sweep", before, noon.Add(20 * time.Minute), 20 * time.Minute, true, 0, 0, 80 * time.Minute},
		{"set forward by three days", before, noon.Add(72*time.Hour + time.Minute), time.Minute, false, 72 * time.Hour, 1, 61 * time.Minute},
		{"asleep for a night", before, noon.Add(8*time.Hour + time.Minute), time.Minute, false, 8 * time.Hour, 1, 61 * time.Minute},
		{"set back by an hour", before, noon.Add(-time.Hour), time.Minute, false, 0, 0, 0},
		{"set back by a year", before, noon.AddDate(-1, 0, 0), time.Minute, false, 0, 0, 0},
		{"set back a little", before, noon.Add(30 * time.Second), time.Minute, false, 0, 0, time.Hour + 30*time.Second},
		{"a restart", before, noon.Add(5 * time.Minute), other, true, 0, 0, 65 * time.Minute},
		{"nobody ran for a day", before, noon.Add(24 * time.Hour), other, false, 24 * time.Hour, 1, time.Hour},
		{"another node's clock is behind", before, noon.Add(-time.Minute), other, false, 0, 0, 59 * time.Minute},
		{
			"back after a jump that was taken back",
			watch{Seen: noon.Add(72 * time.Hour), Gaps: []gap{{noon.Add(72 * time.Hour), 72 * time.Hour}}},
			noon.Add(time.Minute), time.Minute, false, 0, 0, 61 * time.Minute,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w, sure := row.from.observe(row.now, row.walked)
			if sure != row.sure || len(w.Gaps) != row.gaps || !w.Seen.Equal(row.now) {
				t.Fatalf("sure %v, %+v", sure, w)
			}
			if row.gaps > 0 && w.Gaps[0].Lost != row.lost {
				t.Errorf("lost %v, want %v", w.Gaps[0].Lost, row.lost)
			}
			if got := w.idle(noon.Add(-time.Hour)); got != row.idleOfAnHour {
				t.Errorf("idle %v, want %v", got, row.idleOfAnHour)
			}
			if next, again := w.observe(w.Seen.Add(time.Minute), time.Minute); !again || len(next.Gaps) != row.gaps {
				t.Errorf("a steady minute later: %v, %+v", again, next)
			}
		})
	}
}

// What was written after a jump, and before it was found, is not older for it, nor kept for as long as the jump was.
func TestIdle_withinAJump(t *testing.T) {
	t.Parallel()
	w, _ := watch{Seen: noon}.observe(noon.Add(1000*time.Hour+time.Minute), time.Minute)
	written := noon.Add(1000*time.Hour + 30*time.Second)
	if got := w.idle(written); got != 0 {
		t.Errorf("idle %v", got)
	}
	w.Seen = w.Seen.Add(time.Hour)
	if got := w.idle(written); got != time.Hour {
		t.Errorf("idle %v an hour later", got)
	}
	if got := w.idle(w.Seen); got != 0 {
		t.Errorf("idle %v of now", got)
	}
}

func TestObserve_remembersABoundedPast(t *testing.T) {
	t.Parallel()
	w := watch{Seen: noon}
	var lived, lost time.Duration
	for range 3 * gapsMost {
		w, _ = w.observe(w.Seen.Add(time.Hour), time.Minute)
		lived, lost = lived+time.Minute, lost+59*time.Minute
	}
	if len(w.Gaps) != gapsMost {
		t.Errorf("%d gaps", len(w.Gaps))
	}
	if got := w.idle(noon.Add(-time.Hour)); got != time.Hour+lived {
		t.Errorf("idle %v, want %v", got, time.Hour+lived)
	}
	if got, want := w.before(1), w.Seen.AddDate(0, 0, -1); got.After(want) {
		t.Errorf("a day back is %v, after %v", got, want)
	}
}

func TestStray(t *testing.T) {
	t.Parallel()
	open, closed, task := channelOf(true, ""), channelOf(false, ""), channelOf(true, "WT1")
	busy := channelOf(false, "WT1")
	for _, row := range []struct {
		name        string
		channel     int
		gone, waits bool
		idle        time.Duration
		want        Reason
	}{
		{"waits for the customer", 0, false, false, 2 * time.Hour, ""},
		{"stands still for ever", 0, false, false, 31 * 24 * time.Hour, StoppedMoving},
		{"its channel is closed", 1, false, false, 2 * time.Hour, ChannelClosed},
		{"its channel is closed, it waits for a task that is gone", 1, false, true, 2 * time.Hour, ChannelClosed},
		{"it waits for a task for months", 2, false, true, 90 * 24 * time.Hour, ""},
		{"its channel is closed, its agent wraps up", 3, false, true, 2 * time.Hour, ""},
		{"its channel has a task that it does not wait for", 2, false, false, 31 * 24 * time.Hour, StoppedMoving},
		{"its channel is gone", 4, true, false, 2 * time.Hour, ChatGone},
		{"its channel is gone, it waits for a task", 4, true, true, 2 * time.Hour, ChatGone},
		{"a contact without a channel", 4, false, false, 2 * time.Hour, ""},
		{"a contact without a channel, for ever", 4, false, false, 31 * 24 * time.Hour, StoppedMoving},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := []*flexChannel{open, closed, task, busy, nil}[row.channel]
			if got := stray(c, row.gone, row.waits, row.idle); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

type flexChannel = flex.Channel

func channelOf(open bool, task sid.SID) *flexChannel {
	c := flex.Channel{Open: open}
	c.SetTask(task)
	return &c
}
