package janitor

import (
	"testing"

	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/sid"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	task, other := sid.New(sid.Task), sid.New(sid.Task)
	channel := func(open, longLived bool, live sid.SID) flex.Channel {
		c := flex.Channel{Open: open}
		c.LongLived = longLived
		c.SetTask(live)
		return c
	}
	for _, row := range []struct {
		name    string
		channel flex.Channel
		janitor bool
		kind    string
		want    Verdict
	}{
		{"completed, janitor on", channel(true, false, task), true, event.TaskCompleted, Close},
		{"completed, janitor off", channel(true, false, task), false, event.TaskCompleted, Close},
		{"wrapped up, janitor off", channel(true, false, task), false, event.TaskWrapup, Close},
		{"canceled, janitor on", channel(true, false, task), true, event.TaskCanceled, Close},
		{"canceled, janitor off", channel(true, false, task), false, event.TaskCanceled, Free},
		{"deleted, janitor on", channel(true, false, task), true, event.TaskDeleted, Close},
		{"deleted, janitor off", channel(true, false, task), false, event.TaskDeleted, Free},
		{"long-lived, completed", channel(true, true, task), true, event.TaskCompleted, Free},
		{"long-lived, canceled, janitor off", channel(true, true, task), false, event.TaskCanceled, Free},
		{"another task is live: a transfer or a new beginning", channel(true, false, other), true, event.TaskCompleted, Keep},
		{"long-lived with another live task", channel(true, true, other), true, event.TaskCompleted, Keep},
		{"no live task", channel(true, false, ""), true, event.TaskCompleted, Keep},
		{"closed already", channel(false, false, task), true, event.TaskCompleted, Keep},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, why := Judge(row.channel, row.janitor, task, row.kind)
			if got != row.want {
				t.Errorf("%v (%s), want %v", got, why, row.want)
			}
			if why == "" {
				t.Error("a verdict must say why")
			}
		})
	}
}
