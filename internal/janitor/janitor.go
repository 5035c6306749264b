// Package janitor closes what a conversation leaves behind, so that no customer writes into a channel that nobody reads.
//
// When a task ends, its channel is judged at once (OnTask): a channel of a long-lived flow is left open and its next message makes a
// new task; any other is closed, its status attribute set to INACTIVE. What no event tells of is found by sweeps (Sweep): tasks that
// vanished, channels that nobody works on, executions that stopped moving, conversations whose time is over. What the janitor does it
// decides in one place (Decide), from facts, and keeps a log of it that says why.
//
// A channel is never touched for a task that is not, or no longer, its own: after a transfer or a new beginning the old task's
// end means nothing. Nothing is judged by a clock that has jumped.
//
// Sweeps are index-driven: each channel carries when it is to be looked at next (flex.Channel.CheckAt), so that one in which nothing
// is due costs one look at an index. They change rows in short transactions, so that messages never wait long for the writer.
package janitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/loop"
	"usher/internal/sid"
	"usher/internal/studio"
)

const (
	// every is how often the janitor sweeps.
	every = time.Minute
	// slice bounds how long one transaction of a sweep works before it lets others write.
	slice = 1500 * time.Microsecond
	// batch is how many rows a sweep reads at a time.
	batch = 256
)

// Starter begins what a customer's message asks for: a task, or a flow. handoff and flowrun do it.
type Starter interface {
	// Begin makes the task that a message of a channel asks for, if the message is the customer's and the channel has no task.
	Begin(ctx context.Context, acct int64, channel sid.SID, m chat.MessageData) error
}

// Abandoner cancels tasks that nobody has accepted; handoff does.
type Abandoner interface {
	// AbandonTx cancels the channel's task if no agent has accepted it.
	AbandonTx(tx *db.Tx, c *flex.Channel, reason string) error
}

// Deps are what New needs.
type Deps struct {
	Flex   *flex.Flex
	Chat   *chat.Chat
	Studio *studio.Studio
	// Tasks begins anew with messages that nobody heard; Runner carries out what the end of an execution asks for.
	Tasks  Starter
	Runner studio.Runner
	// Waiting cancels the task of a conversation that is ended before an agent has taken it.
	Waiting Abandoner
	// Sessions are masked conversations that end with their channel; nil where there are none.
	Sessions Sessions
	// ExecutionDays is how many days executions are kept after their end; 0 is for ever.
	ExecutionDays int64
}

// Janitor closes channels. It is safe for concurrent use, but sweeps once at a time.
type Janitor struct {
	db     *db.DB
	flex   *flex.Flex
	chat   *chat.Chat
	studio *studio.Studio
	tasks  Starter
	runner studio.Runner
	waits  Abandoner

	sessions Sessions
	standing int64 // the key of the last session that was looked at

	executionDays int64

	carried map[Reason]int // by the sweep that runs

	seen  time.Time // what this process has written into the installation's watch
	swept time.Time // when, by its own count
	quiet studio.Quiet
}

// New makes the janitor from its products.
func New(d Deps) *Janitor {
	return &Janitor{
		db: d.Flex.DB(), flex: d.Flex, chat: d.Chat, studio: d.Studio, tasks: d.Tasks, runner: d.Runner, waits: d.Waiting,
		sessions:      d.Sessions,
		executionDays: d.ExecutionDays,
	}
}

// sweep is one kind of thing that is looked for. run does one batch and says whether there may be more.
type sweep struct {
	name string
	run  func(ctx context.Context, w watch) (more bool, err error)
}

// sweeps are all that there are, one file each.
func (jn *Janitor) sweeps() []sweep {
	return []sweep{
		{"channels", jn.sweepChannels},
		{"executions", jn.sweepExecutions},
		{"sessions", jn.sweepSessions},
		{"conversations", jn.sweepConversations},
		{"ended executions", jn.sweepEnded},
		{"log", jn.sweepLog},
	}
}

// Service sweeps until it is stopped.
func (jn *Janitor) Service() loop.Service { return loop.Every(every, jn.Sweep) }

// Sweep looks for everything once, if the clock can be trusted.
func (jn *Janitor) Sweep(ctx context.Context) error {
	w, sure, err := jn.look(ctx)
	if err != nil || !sure {
		return err
	}
	var all error
	jn.carried = map[Reason]int{}
	defer func() { told(jn.carried) }()
	for _, s := range jn.sweeps() {
		for more := true; more && ctx.Err() == nil; {
			if more, err = s.run(ctx, w); err != nil {
				all = errors.Join(all, fmt.Errorf("sweep of %s: %w", s.name, err))
				break
			}
		}
	}
	return all
}

// writing runs do for one of n things after the other, in transactions that each end after a slice of time; between them others write.
// do must leave no trace when it returns an error.
func (jn *Janitor) writing(ctx context.Context, n int, do func(tx *db.Tx, i int) error) error {
	for done := 0; done < n && ctx.Err() == nil; {
		next, began := done, time.Now()
		err := jn.db.Do(ctx, func(tx *db.Tx) error {
			next, began = done, time.Now() // it may run again
			for next < n && (next == done || time.Since(began) < slice) {
				if err := do(tx, next); err != nil {
					return err
				}
				next++
			}
			return nil
		})
		if err != nil {
			return err
		}
		done = next
	}
	return ctx.Err()
}

// told logs what a sweep has come to.
func told(counts map[Reason]int) {
	for why, n := range counts {
		slog.Info("the janitor swept", "reason", why, "count", n)
	}
}
