package janitor

import (
	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/sid"
)

// Verdict is what happens to a channel.
type Verdict string

// The verdicts.
const (
	// Keep leaves the channel as it is.
	Keep Verdict = "keep"
	// Free takes the task from the channel: the customer's next message makes a new one.
	Free Verdict = "free"
	// Begin is Free, and begins anew with a message that nobody has heard.
	Begin Verdict = "begin"
	// Pass gives the channel to another live task that names it.
	Pass Verdict = "pass"
	// Close ends the conversation.
	Close Verdict = "close"
	// Tidy ends what still runs for a conversation that is over.
	Tidy Verdict = "tidy"
	// Forget removes the record of a conversation whose chat channel is gone.
	Forget Verdict = "forget"
	// End ends an execution of a flow.
	End Verdict = "end"
)

// Reason says why, in a word that screens translate and scripts may rely on.
type Reason string

// The reasons.
const (
	ClosedAlready   Reason = "closed_already"
	OtherTask       Reason = "other_task"
	ClockJumped     Reason = "clock_jumped"
	LiveTask        Reason = "live_task"
	TransferWaits   Reason = "transfer_waits"
	FlowAtWork      Reason = "flow_at_work"
	RecentMessage   Reason = "recent_message"
	IsLongLived     Reason = "long_lived"
	JanitorOff      Reason = "janitor_off"
	AgentEnded      Reason = "agent_ended"
	TaskEnded       Reason = "task_ended"
	TaskVanished    Reason = "task_vanished"
	TakenOutOfTask  Reason = "taken_out_of_task"
	Unheard         Reason = "unheard"
	Quiet           Reason = "quiet"
	SetInactive     Reason = "set_inactive"
	ChatGone        Reason = "chat_gone"
	CustomerErased  Reason = "customer_erased"
	ChannelClosed   Reason = "channel_closed"
	StoppedMoving   Reason = "stopped_moving"
	EndedByOperator Reason = "ended_by_operator"
)

// explanations are the reasons as sentences, for logs and REST.
var explanations = map[Reason]string{
	ClosedAlready:   "the conversation is over already",
	OtherTask:       "the channel belongs to another task",
	ClockJumped:     "the clock jumped: nothing is judged by time until it has run steadily",
	LiveTask:        "its task is live",
	TransferWaits:   "another task names the channel: a transfer is under way",
	FlowAtWork:      "a flow is at work in it",
	RecentMessage:   "somebody has written within the flow's time of quiet",
	IsLongLived:     "the channel is long-lived",
	JanitorOff:      "the flow's janitor is off",
	AgentEnded:      "the agent ended the conversation",
	TaskEnded:       "the task ended without an agent",
	TaskVanished:    "the task is not there any more",
	TakenOutOfTask:  "the conversation was taken out of its task before the task ended",
	Unheard:         "a message of the customer was heard by nobody",
	Quiet:           "no task, no flow, and no message for longer than the flow's time of quiet",
	SetInactive:     "somebody set the channel's status to INACTIVE",
	ChatGone:        "the chat channel was deleted",
	CustomerErased:  "the customer was erased",
	ChannelClosed:   "the conversation of the execution is over",
	StoppedMoving:   "the execution has not moved for longer than its limit",
	EndedByOperator: "an operator ended the conversation",
}

// Explain is the reason as a sentence.
func (r Reason) Explain() string { return explanations[r] }

// TaskState is what has become of a channel's task.
type TaskState int

// The states.
const (
	// NoTask is a channel without a task.
	NoTask TaskState = iota
	// TaskIsLive is a task that is not in a final state, wrapping up included.
	TaskIsLive
	// TaskEndedByAgent is a task that was wrapped up or completed.
	TaskEndedByAgent
	// TaskEndedOtherwise is a task that was canceled, timed out or deleted.
	TaskEndedOtherwise
	// TaskIsGone is a task without a row: its end was never heard of, or it never was.
	TaskIsGone
	// TaskTakenOut is an ended task that does not name the channel any more: a program means to go on with the conversation.
	TaskTakenOut
)

// Facts are what the janitor decides by.
type Facts struct {
	// Open says that the conversation is not over; ChatGone, that its chat channel was deleted.
	Open, ChatGone bool
	// LongLived is the channel's, Janitor its flow's setting.
	LongLived, Janitor bool
	Task               TaskState
	// Transfer says that a live task names the channel that is newer than its own; OtherLive, that an older one does.
	Transfer, OtherLive bool
	// Execution says that a flow is at work in the channel.
	Execution bool
	// Unheard says that a message of the customer came to nobody: no task was made by it, no flow has heard it.
	Unheard bool
	// Recent says that somebody has written within the flow's time of quiet. The end of a task that is told at once does not ask.
	Recent bool
	// SetInactive says that the chat channel's status is INACTIVE.
	SetInactive bool
	// ClockJumped says that time cannot be trusted.
	ClockJumped bool
}

// Decide says what happens to a channel, and why. It changes nothing and looks nothing up.
//
// An agent who wraps up or completes ends the conversation, whatever the janitor's setting, as desks of the original do. What
// ends in another way (canceled, timed out, deleted by a program) is the janitor's, if the flow has it on. A channel with a live
// task, with another task waiting for it, or with a message within the time of quiet is never closed.
func Decide(f Facts) (Verdict, Reason) {
	switch {
	case f.ClockJumped:
		return Keep, ClockJumped
	case f.Task == TaskIsLive:
		return Keep, LiveTask
	case f.Transfer && f.Open && !f.ChatGone && f.Task != NoTask:
		return Pass, TransferWaits
	case f.Transfer:
		return Keep, TransferWaits
	case f.ChatGone && f.OtherLive:
		return Keep, TransferWaits
	case f.ChatGone:
		return Forget, ChatGone
	case !f.Open && f.Execution:
		return Tidy, ChannelClosed
	case !f.Open:
		return Keep, ClosedAlready
	}
	switch f.Task {
	case TaskEndedByAgent:
		return f.ended(true, AgentEnded)
	case TaskEndedOtherwise:
		return f.ended(f.Janitor, TaskEnded)
	case TaskIsGone:
		return f.ended(f.Janitor, TaskVanished)
	}
	return f.idle()
}

// ended decides about a channel whose task has ended or is gone. closes says that such an end closes channels.
func (f Facts) ended(closes bool, why Reason) (Verdict, Reason) {
	switch {
	case f.Unheard:
		return Begin, Unheard
	case f.Execution:
		return Free, FlowAtWork
	case f.LongLived:
		return Free, IsLongLived
	case f.Recent:
		return Free, RecentMessage
	case closes && f.OtherLive:
		return Free, TransferWaits
	case closes:
		return Close, why
	}
	return Free, JanitorOff
}

// idle decides about a channel that no task works on.
func (f Facts) idle() (Verdict, Reason) {
	// A channel that was taken out of its task has nobody who hears what the customer writes, so it is at least freed.
	rest := Keep
	if f.Task == TaskTakenOut {
		rest = Free
	}
	switch {
	case f.SetInactive && !f.OtherLive:
		return Close, SetInactive
	case f.Unheard && f.Task == NoTask:
		return Begin, Unheard // the flow that is at work hears it then
	case f.Execution:
		return rest, FlowAtWork
	case f.Recent && f.Task == TaskTakenOut:
		return Keep, TakenOutOfTask
	case f.Recent:
		return Keep, RecentMessage
	case f.LongLived:
		return rest, IsLongLived
	case !f.Janitor:
		return rest, JanitorOff
	}
	if f.OtherLive {
		return rest, TransferWaits
	}
	return Close, Quiet
}

// Judge decides about a channel when task ends in the way that kind, an event's, says. other is the newest other live task that names
// the channel, "" for none. SIDs of tasks tell their age.
func Judge(c flex.Channel, janitorOn bool, task sid.SID, kind string, other sid.SID) (Verdict, Reason) {
	f := Facts{Open: c.Open, LongLived: c.LongLived, Janitor: janitorOn, Task: TaskEndedOtherwise}
	f.Transfer, f.OtherLive = other > c.LastTask, other != "" && other <= c.LastTask
	if kind == event.TaskWrapup || kind == event.TaskCompleted {
		f.Task = TaskEndedByAgent
	}
	if c.Open && !c.HasTask(task) {
		return Keep, OtherTask
	}
	return Decide(f)
}
