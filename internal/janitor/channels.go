package janitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/chat/room"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/taskrouter"
)

const (
	// lookAgain is when a channel is looked at again that something works on.
	lookAgain = time.Hour
	// lookLate is when one is looked at again that only a setting could make due.
	lookLate = 24 * time.Hour
	// lookSoon bounds how soon a channel is looked at again.
	lookSoon = time.Minute
	// settling is how long what reacts to a message at once has for it, before it counts as unheard.
	settling = 2 * time.Minute
)

// subject is a channel that is judged, with what was read of it.
type subject struct {
	flex.Channel
	chat     chat.Channel
	facts    Facts
	transfer sid.SID
	unheard  chat.MessageData
	spoken   time.Time // the newest activity
	quiet    time.Duration
	since    time.Time // what is older was heard
	external bool      // its flow takes messages elsewhere

	verdict Verdict
	why     Reason
}

// sweepChannels looks at one batch of channels whose time has come.
func (jn *Janitor) sweepChannels(ctx context.Context, w watch) (more bool, err error) {
	var list []*subject
	var erased []int64
	if err := jn.flex.Recall(ctx, w.Seen.Add(lookLate+lookAgain), w.Seen.Add(lookAgain)); err != nil {
		return false, err
	}
	err = jn.db.View(ctx, func(tx *db.Tx) error {
		due, gone, err := jn.flex.DueTx(tx, 0, w.Seen, batch)
		if err != nil {
			return err
		}
		more, erased = len(due)+len(gone) == batch, gone
		list, err = jn.examine(tx, w, due)
		return err
	})
	if err != nil || len(list)+len(erased) == 0 {
		return false, err
	}
	if err := jn.decide(ctx, w, list); err != nil {
		return false, err
	}
	if err := jn.writing(ctx, len(erased), func(tx *db.Tx, i int) error { return jn.flex.EraseTx(tx, erased[i]) }); err != nil {
		return false, err
	}
	done := make([]bool, len(list))
	err = jn.writing(ctx, len(list), func(tx *db.Tx, i int) (err error) {
		done[i], err = jn.settle(tx, w, list[i])
		return err
	})
	for i, s := range list {
		if !done[i] || s.verdict == Keep {
			continue
		}
		jn.carried[s.why]++
		if s.facts.Unheard && (s.verdict == Begin || s.verdict == Free) {
			if err := jn.tasks.Begin(ctx, s.Account, s.SID, s.unheard); err != nil {
				slog.Warn("a message that nobody heard could not begin anew; the next look tries again", "channel", s.SID, "error", err)
			}
		}
	}
	return more, err
}

// examine reads what there is to know of channels, but for what was written in them.
func (jn *Janitor) examine(tx *db.Tx, w watch, due []flex.Channel) ([]*subject, error) {
	list := make([]*subject, 0, len(due))
	sids, tasks := make([]sid.SID, 0, len(due)), make([]sid.SID, 0, len(due))
	contacts := map[int64][]string{}
	for _, c := range due {
		list = append(list, &subject{Channel: c})
		sids = append(sids, c.SID)
		contacts[c.Account] = append(contacts[c.Account], string(c.SID))
		if c.Task != nil {
			tasks = append(tasks, sid.SID(*c.Task))
		}
	}
	spoken, err := room.SpokenTx(tx, sids)
	if err != nil {
		return nil, err
	}
	own, err := taskrouter.Talks(tx, tasks)
	if err != nil {
		return nil, err
	}
	others, err := taskrouter.LiveTalks(tx, sids)
	if err != nil {
		return nil, err
	}
	busy := map[string]bool{}
	for acct, addresses := range contacts {
		some, err := jn.studio.BusyTx(tx, acct, addresses)
		if err != nil {
			return nil, err
		}
		for address := range some {
			busy[address] = true
		}
	}
	flows := map[int64]flex.Flow{}
	for _, s := range list {
		if err := jn.gather(tx, s, flows); err != nil {
			return nil, fmt.Errorf("channel %s: %w", s.SID, err)
		}
		at, found := spoken[s.SID]
		s.spoken = s.UpdatedAt
		if at.After(s.spoken) {
			s.spoken = at
		}
		if s.transfer = of(others[s.SID], s.Channel); s.HasTask(s.transfer) {
			s.transfer = ""
		}
		s.facts.Task, s.since = taskState(s.Channel, own)
		s.facts.Transfer, s.facts.OtherLive = s.transfer > s.LastTask, s.transfer != "" && s.transfer <= s.LastTask
		s.facts.ChatGone, s.facts.Execution = !found, busy[string(s.SID)]
		s.facts.Recent = w.idle(s.spoken) < s.quiet
	}
	return list, nil
}

// gather reads a channel's flow and chat channel.
func (jn *Janitor) gather(tx *db.Tx, s *subject, flows map[int64]flex.Flow) error {
	flow, ok := flows[s.FlowID]
	if !ok {
		var err error
		if flow, err = jn.flex.FlowOf(tx, s.Channel); err != nil {
			return err
		}
		flows[s.FlowID] = flow
	}
	s.quiet, s.external = flow.Quiet(), flow.IntegrationType == flex.External
	s.facts.Open, s.facts.LongLived, s.facts.Janitor = s.Open, s.LongLived, flow.Janitor
	if !s.Open {
		return nil
	}
	ch, err := jn.chat.ChannelTx(tx, s.Account, s.SID)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	s.chat = ch
	s.facts.SetInactive = attr.String(ch.Attributes, "status") == inactive
	return err
}

// decide judges channels that were examined. It runs outside of any transaction: messages are read one channel after the other.
func (jn *Janitor) decide(ctx context.Context, w watch, list []*subject) error {
	for _, s := range list {
		f := s.facts
		if f.Open && !f.ChatGone && f.Task != TaskIsLive && !s.external {
			if err := jn.listen(ctx, w, s); err != nil {
				return fmt.Errorf("channel %s: %w", s.SID, err)
			}
		}
		s.verdict, s.why = Decide(s.facts)
	}
	return nil
}

// taskState is what has become of the channel's task, and when it ended.
func taskState(c flex.Channel, own map[sid.SID]taskrouter.Talk) (TaskState, time.Time) {
	if c.Task == nil {
		return NoTask, time.Time{}
	}
	t, ok := own[sid.SID(*c.Task)]
	switch {
	case !ok || t.Account != c.Account:
		return TaskIsGone, time.Time{}
	case !t.Status.Ended():
		return TaskIsLive, time.Time{}
	case t.Conversation != c.SID:
		return TaskTakenOut, t.Ended
	case t.Status == taskrouter.TaskCompleted:
		return TaskEndedByAgent, t.Ended
	}
	return TaskEndedOtherwise, t.Ended
}

// listen looks for a message of the customer that nobody has heard: written since the task ended, or since there was one, and not
// taken by a flow. Only the newest messages are looked at.
func (jn *Janitor) listen(ctx context.Context, w watch, s *subject) error {
	after := int64(-1)
	for _, taken := range []*int64{s.Heard, s.Began} {
		if taken != nil && *taken > after {
			after = *taken
		}
	}
	switch {
	case s.chat.LastIndex <= after:
		return nil
	case s.facts.Task == NoTask && s.LastTask != "":
		s.since = s.UpdatedAt // when the task was taken from it
	case s.facts.Task == TaskIsGone:
		after = max(after, s.chat.LastIndex-1) // what came before may have been answered
	}
	recent, err := jn.chat.History(ctx, account.System(s.Account, ""), s.SID, nil, int(min(s.chat.LastIndex-after, chat.MaxHistory)))
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range recent {
		m := &recent[i]
		if m.Index > after && m.Author == s.Identity && !m.CreatedAt.Before(s.since) {
			s.facts.Unheard = w.Seen.Sub(m.CreatedAt) >= settling
			s.unheard = m.Data()
			return nil
		}
	}
	return nil
}

// next is when the channel is to be looked at again after it was kept; zero is never.
func (s *subject) next(w watch) time.Time {
	f := s.facts
	switch {
	case f.Task == TaskIsLive, f.Transfer, f.OtherLive, f.Execution:
		return w.Seen.Add(lookAgain)
	case !f.Open:
		return time.Time{}
	case f.Recent && (f.Task == TaskTakenOut || f.Janitor && !f.LongLived):
		return w.Seen.Add(max(lookSoon, min(s.quiet-w.idle(s.spoken), lookLate)))
	}
	return w.Seen.Add(lookLate)
}

// settle carries the verdict about a channel out, unless anything has moved since it was read: then the next look judges anew. It
// says whether it has changed anything. The cheapest questions come first, and all of them before the first write.
func (jn *Janitor) settle(tx *db.Tx, w watch, s *subject) (done bool, err error) {
	same, err := jn.flex.SameTx(tx, s.Channel)
	if err != nil || !same {
		return false, err
	}
	if s.verdict == Keep {
		return true, jn.flex.LookAgainTx(tx, s.Channel, s.next(w))
	}
	others, err := taskrouter.LiveTalks(tx, []sid.SID{s.SID})
	if err != nil || of(others[s.SID], s.Channel) != s.transfer {
		return false, err
	}
	e := entry(&s.Channel, s.verdict, s.why)
	c := s.Channel // the closure may run again
	switch s.verdict {
	case Tidy:
		if err := jn.flex.LookAgainTx(tx, c, time.Time{}); err != nil {
			return false, err
		}
		if err := jn.endSessions(tx, c.Account, c.SID); err != nil {
			return false, err
		}
		return true, jn.endAll(tx, c.Account, c.SID, c.Flow, ChannelClosed)
	case Forget:
		if err := jn.flex.DeleteChannelTx(tx, &c); err != nil {
			return false, err
		}
		if err := jn.endAll(tx, c.Account, c.SID, c.Flow, ChatGone); err != nil {
			return false, err
		}
		if err := jn.endSessions(tx, c.Account, c.SID); err != nil {
			return false, err
		}
		return true, e.write(tx)
	}
	ch := s.chat
	if same, err := room.SameTx(tx, ch.ID, ch.Version, ch.LastIndex); err != nil || !same {
		return false, err
	}
	if s.verdict == Close {
		c.Close(tx.Now)
		if s.facts.Execution {
			if err := jn.endAll(tx, c.Account, c.SID, c.Flow, ChannelClosed); err != nil {
				return false, err
			}
		}
	}
	if err := jn.change(tx, &c, &ch, s.verdict, s.transfer); err != nil {
		return false, err
	}
	return true, e.write(tx)
}

// endAll ends the executions of a channel.
func (jn *Janitor) endAll(tx *db.Tx, acct int64, channel, flow sid.SID, why Reason) error {
	all, err := jn.studio.ActiveOfTx(tx, acct, string(channel))
	if err != nil {
		return err
	}
	for i := range all {
		if err := jn.end(tx, &all[i], Entry{Channel: channel, Flow: flow}, why); err != nil {
			return err
		}
	}
	return nil
}

// end ends an execution and has carried out what that asks for.
func (jn *Janitor) end(tx *db.Tx, x *studio.Execution, e Entry, why Reason) error {
	fresh, err := jn.studio.ByIDTx(tx, x.ID) // the end of one that waited for it may have ended it
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	effects, err := jn.studio.EndTx(tx, &fresh, why.Explain())
	if err != nil || len(effects) == 0 {
		return err
	}
	if err := jn.runner.RunTx(tx, &fresh, effects); err != nil {
		return err
	}
	e.Account, e.Execution, e.Verdict, e.Reason = fresh.Account, fresh.SID, End, why
	slog.Info("an execution was ended", "execution", fresh.SID, "why", why.Explain())
	return e.write(tx)
}
