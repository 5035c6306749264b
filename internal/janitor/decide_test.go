package janitor

import (
	"testing"

	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/sid"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	old, task, other := sid.New(sid.Task), sid.New(sid.Task), sid.New(sid.Task)
	channel := func(open, longLived bool, live sid.SID) flex.Channel {
		c := flex.Channel{Open: open}
		c.LongLived = longLived
		c.SetTask(live)
		return c
	}
	for _, row := range []struct {
		name     string
		channel  flex.Channel
		janitor  bool
		kind     string
		transfer sid.SID
		want     Verdict
		why      Reason
	}{
		{"completed, janitor on", channel(true, false, task), true, event.TaskCompleted, "", Close, AgentEnded},
		{"completed, janitor off", channel(true, false, task), false, event.TaskCompleted, "", Close, AgentEnded},
		{"wrapped up, janitor off", channel(true, false, task), false, event.TaskWrapup, "", Close, AgentEnded},
		{"canceled, janitor on", channel(true, false, task), true, event.TaskCanceled, "", Close, TaskEnded},
		{"canceled, janitor off", channel(true, false, task), false, event.TaskCanceled, "", Free, JanitorOff},
		{"deleted, janitor on", channel(true, false, task), true, event.TaskDeleted, "", Close, TaskEnded},
		{"deleted, janitor off", channel(true, false, task), false, event.TaskDeleted, "", Free, JanitorOff},
		{"long-lived, completed", channel(true, true, task), true, event.TaskCompleted, "", Free, IsLongLived},
		{"long-lived, canceled, janitor off", channel(true, true, task), false, event.TaskCanceled, "", Free, IsLongLived},
		{"completed while a transfer waits", channel(true, false, task), true, event.TaskCompleted, other, Pass, TransferWaits},
		{"long-lived, canceled while a transfer waits", channel(true, true, task), true, event.TaskCanceled, other, Pass, TransferWaits},
		{"closed by the customer while a transfer waits", channel(false, false, task), true, event.TaskCompleted, other, Keep, TransferWaits},
		{"another task is live: after a transfer or a new beginning", channel(true, false, other), true, event.TaskCompleted, "", Keep, OtherTask},
		{"completed while an older task is live", channel(true, false, task), true, event.TaskCompleted, old, Free, TransferWaits},
		{"long-lived, completed while an older task is live", channel(true, true, task), true, event.TaskCompleted, old, Free, IsLongLived},
		{"another task is live and waits", channel(true, false, other), true, event.TaskCompleted, other, Keep, OtherTask},
		{"long-lived with another live task", channel(true, true, other), true, event.TaskCompleted, "", Keep, OtherTask},
		{"no live task", channel(true, false, ""), true, event.TaskCompleted, "", Keep, OtherTask},
		{"closed already", channel(false, false, task), true, event.TaskCompleted, "", Keep, ClosedAlready},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got, why := Judge(row.channel, row.janitor, task, row.kind, row.transfer); got != row.want || why != row.why {
				t.Errorf("%s (%s), want %s (%s)", got, why, row.want, row.why)
			}
		})
	}
}

// The table of decisions. An open channel of a flow with the janitor on, in which somebody has written of late, is the beginning of
// every row.
func TestDecide(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		with func(f *Facts)
		want Verdict
		why  Reason
	}{
		// Nothing works on it.
		{"written of late", func(*Facts) {}, Keep, RecentMessage},
		{"quiet", func(f *Facts) { f.Recent = false }, Close, Quiet},
		{"quiet, janitor off", func(f *Facts) { f.Recent, f.Janitor = false, false }, Keep, JanitorOff},
		{"quiet, long-lived", func(f *Facts) { f.Recent, f.LongLived = false, true }, Keep, IsLongLived},
		{"quiet, long-lived, janitor off", func(f *Facts) { f.Recent, f.LongLived, f.Janitor = false, true, false }, Keep, IsLongLived},
		{"quiet, a flow is at work", func(f *Facts) { f.Recent, f.Execution = false, true }, Keep, FlowAtWork},
		{"unheard", func(f *Facts) { f.Unheard = true }, Begin, Unheard},
		{"unheard, quiet", func(f *Facts) { f.Unheard, f.Recent = true, false }, Begin, Unheard},
		{"unheard, a flow is at work", func(f *Facts) { f.Unheard, f.Execution = true, true }, Begin, Unheard},
		{"unheard, long-lived, janitor off", func(f *Facts) { f.Unheard, f.LongLived, f.Janitor = true, true, false }, Begin, Unheard},
		{"set inactive", func(f *Facts) { f.SetInactive = true }, Close, SetInactive},
		{"set inactive, long-lived, janitor off", func(f *Facts) { f.SetInactive, f.LongLived, f.Janitor = true, true, false }, Close, SetInactive},
		{"set inactive, a flow is at work", func(f *Facts) { f.SetInactive, f.Execution = true, true }, Close, SetInactive},
		{"set inactive, unheard", func(f *Facts) { f.SetInactive, f.Unheard = true, true }, Close, SetInactive},
		{"quiet, another task names it", func(f *Facts) { f.Recent, f.Transfer = false, true }, Keep, TransferWaits},
		{"set inactive, another task names it", func(f *Facts) { f.SetInactive, f.Transfer = true, true }, Keep, TransferWaits},

		{"quiet, an older task names it", func(f *Facts) { f.Recent, f.OtherLive = false, true }, Keep, TransferWaits},
		{"set inactive, quiet, an older task names it", func(f *Facts) { f.SetInactive, f.Recent, f.OtherLive = true, false, true }, Keep, TransferWaits},
		{"chat channel gone, an older task names it", func(f *Facts) { f.ChatGone, f.OtherLive = true, true }, Keep, TransferWaits},

		// Its task is live.
		{"live", func(f *Facts) { f.Task = TaskIsLive }, Keep, LiveTask},
		{"live, quiet", func(f *Facts) { f.Task, f.Recent = TaskIsLive, false }, Keep, LiveTask},
		{"live, set inactive", func(f *Facts) { f.Task, f.SetInactive = TaskIsLive, true }, Keep, LiveTask},
		{"live, a transfer waits", func(f *Facts) { f.Task, f.Transfer = TaskIsLive, true }, Keep, LiveTask},
		{"live, closed, a flow is at work", func(f *Facts) { f.Task, f.Open, f.Execution = TaskIsLive, false, true }, Keep, LiveTask},
		{"live, chat channel gone", func(f *Facts) { f.Task, f.ChatGone = TaskIsLive, true }, Keep, LiveTask},

		// Its task was completed, and nobody heard of it.
		{"agent ended, quiet", func(f *Facts) { f.Task, f.Recent = TaskEndedByAgent, false }, Close, AgentEnded},
		{"agent ended, quiet, janitor off", func(f *Facts) { f.Task, f.Recent, f.Janitor = TaskEndedByAgent, false, false }, Close, AgentEnded},
		{"agent ended, written of late", func(f *Facts) { f.Task = TaskEndedByAgent }, Free, RecentMessage},
		{"agent ended, long-lived", func(f *Facts) { f.Task, f.Recent, f.LongLived = TaskEndedByAgent, false, true }, Free, IsLongLived},
		{"agent ended, a transfer waits", func(f *Facts) { f.Task, f.Recent, f.Transfer = TaskEndedByAgent, false, true }, Pass, TransferWaits},
		{"agent ended, quiet, an older task names it", func(f *Facts) { f.Task, f.Recent, f.OtherLive = TaskEndedByAgent, false, true }, Free, TransferWaits},
		{"agent ended, unheard", func(f *Facts) { f.Task, f.Unheard = TaskEndedByAgent, true }, Begin, Unheard},
		{"agent ended, a flow is at work", func(f *Facts) { f.Task, f.Recent, f.Execution = TaskEndedByAgent, false, true }, Free, FlowAtWork},
		{"agent ended, chat channel gone", func(f *Facts) { f.Task, f.ChatGone = TaskEndedByAgent, true }, Forget, ChatGone},

		// Its task was canceled, timed out or deleted.
		{"canceled, quiet", func(f *Facts) { f.Task, f.Recent = TaskEndedOtherwise, false }, Close, TaskEnded},
		{"canceled, quiet, janitor off", func(f *Facts) { f.Task, f.Recent, f.Janitor = TaskEndedOtherwise, false, false }, Free, JanitorOff},
		{"canceled, written of late", func(f *Facts) { f.Task = TaskEndedOtherwise }, Free, RecentMessage},
		{"canceled, long-lived", func(f *Facts) { f.Task, f.Recent, f.LongLived = TaskEndedOtherwise, false, true }, Free, IsLongLived},
		{"canceled, a transfer waits, long-lived", func(f *Facts) { f.Task, f.Transfer, f.LongLived = TaskEndedOtherwise, true, true }, Pass, TransferWaits},
		{"canceled, unheard, janitor off", func(f *Facts) { f.Task, f.Unheard, f.Janitor = TaskEndedOtherwise, true, false }, Begin, Unheard},

		// Its task vanished: deleted with its workspace, or never made.
		{"vanished, quiet", func(f *Facts) { f.Task, f.Recent = TaskIsGone, false }, Close, TaskVanished},
		{"vanished, quiet, janitor off", func(f *Facts) { f.Task, f.Recent, f.Janitor = TaskIsGone, false, false }, Free, JanitorOff},
		{"vanished, written of late", func(f *Facts) { f.Task = TaskIsGone }, Free, RecentMessage},
		{"vanished, long-lived", func(f *Facts) { f.Task, f.Recent, f.LongLived = TaskIsGone, false, true }, Free, IsLongLived},
		{"vanished, a transfer waits", func(f *Facts) { f.Task, f.Recent, f.Transfer = TaskIsGone, false, true }, Pass, TransferWaits},
		{"vanished, unheard", func(f *Facts) { f.Task, f.Unheard = TaskIsGone, true }, Begin, Unheard},
		{"vanished, chat channel gone", func(f *Facts) { f.Task, f.ChatGone, f.Recent = TaskIsGone, true, false }, Forget, ChatGone},

		// It was taken out of its task before that ended: for a survey, or for a transfer that is yet to come.
		{"taken out, written of late", func(f *Facts) { f.Task = TaskTakenOut }, Keep, TakenOutOfTask},
		{"taken out, quiet", func(f *Facts) { f.Task, f.Recent = TaskTakenOut, false }, Close, Quiet},
		{"taken out, quiet, janitor off", func(f *Facts) { f.Task, f.Recent, f.Janitor = TaskTakenOut, false, false }, Free, JanitorOff},
		{"taken out, quiet, long-lived", func(f *Facts) { f.Task, f.Recent, f.LongLived = TaskTakenOut, false, true }, Free, IsLongLived},
		{"taken out, an answer to the survey", func(f *Facts) { f.Task, f.Unheard = TaskTakenOut, true }, Keep, TakenOutOfTask},
		{"taken out, a flow is at work", func(f *Facts) { f.Task, f.Execution = TaskTakenOut, true }, Free, FlowAtWork},
		{"taken out, set inactive", func(f *Facts) { f.Task, f.SetInactive = TaskTakenOut, true }, Close, SetInactive},
		{"taken out, a transfer waits", func(f *Facts) { f.Task, f.Recent, f.Transfer = TaskTakenOut, false, true }, Pass, TransferWaits},

		// It is over.
		{"closed", func(f *Facts) { f.Open = false }, Keep, ClosedAlready},
		{"closed, quiet, vanished", func(f *Facts) { f.Open, f.Recent, f.Task = false, false, TaskIsGone }, Keep, ClosedAlready},
		{"closed, a flow is at work", func(f *Facts) { f.Open, f.Execution = false, true }, Tidy, ChannelClosed},
		{"closed, completed, a flow is at work", func(f *Facts) { f.Open, f.Execution, f.Task = false, true, TaskEndedByAgent }, Tidy, ChannelClosed},
		{"closed, a transfer waits", func(f *Facts) { f.Open, f.Transfer, f.Task = false, true, TaskEndedByAgent }, Keep, TransferWaits},
		{"closed, chat channel gone", func(f *Facts) { f.Open, f.ChatGone = false, true }, Forget, ChatGone},
		{"chat channel gone", func(f *Facts) { f.ChatGone = true }, Forget, ChatGone},
		{"chat channel gone, another task names it", func(f *Facts) { f.ChatGone, f.Transfer = true, true }, Keep, TransferWaits},

		// The clock jumped.
		{"jumped, quiet", func(f *Facts) { f.ClockJumped, f.Recent = true, false }, Keep, ClockJumped},
		{"jumped, vanished", func(f *Facts) { f.ClockJumped, f.Recent, f.Task = true, false, TaskIsGone }, Keep, ClockJumped},
		{"jumped, chat channel gone", func(f *Facts) { f.ClockJumped, f.ChatGone = true, true }, Keep, ClockJumped},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := Facts{Open: true, Janitor: true, Recent: true}
			row.with(&f)
			if got, why := Decide(f); got != row.want || why != row.why {
				t.Errorf("%s (%s), want %s (%s)", got, why, row.want, row.why)
			}
		})
	}
}

// What holds for every combination of facts there is.
func TestDecide_always(t *testing.T) {
	t.Parallel()
	for bits := range 1 << 10 {
		on := func(i int) bool { return bits>>i&1 == 1 }
		for state := NoTask; state <= TaskTakenOut; state++ {
			f := Facts{
				Open: on(0), ChatGone: on(1), LongLived: on(2), Janitor: on(3), Task: state, Transfer: on(4), Execution: on(5),
				Unheard: on(6), Recent: on(7), SetInactive: on(8), OtherLive: on(9),
			}
			v, why := Decide(f)
			if why.Explain() == "" {
				t.Fatalf("%+v: %s without a reason", f, v)
			}
			ends := v == Close || v == Forget || v == Tidy
			switch {
			case (v == Close || v == Forget) && f.OtherLive:
				t.Errorf("%+v: %s although another task is live", f, v)
			case ends && (f.Task == TaskIsLive || f.Transfer):
				t.Errorf("%+v: %s although there is a live task", f, v)
			case v == Close && f.Recent && !f.SetInactive:
				t.Errorf("%+v: closed within the time of quiet", f)
			case v == Close && f.LongLived && !f.SetInactive:
				t.Errorf("%+v: a long-lived channel is closed", f)
			case v == Close && f.Execution && !f.SetInactive:
				t.Errorf("%+v: closed under a flow", f)
			case (v == Close || v == Free || v == Begin || v == Pass) && (!f.Open || f.ChatGone):
				t.Errorf("%+v: %s of a channel that is over", f, v)
			case v == Keep && f.Open && !f.ChatGone && !f.Transfer && (f.Task == TaskIsGone || f.Task == TaskEndedByAgent || f.Task == TaskEndedOtherwise):
				t.Errorf("%+v: a customer writes to a task that has ended", f)
			case v == Keep && f.Open && !f.ChatGone && !f.Transfer && f.Task == NoTask && f.Unheard:
				t.Errorf("%+v: nobody hears the customer", f)
			}
			f.ClockJumped = true
			if v, _ := Decide(f); v != Keep {
				t.Errorf("%+v: %s by a clock that jumped", f, v)
			}
		}
	}
}
