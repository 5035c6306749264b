package janitor

import (
	"context"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/sid"
	"usher/internal/studio"
)

// previewMost bounds what one dry run looks at, of channels and of executions.
const previewMost = 2000

// Planned is what a sweep would do.
type Planned struct {
	Entry
	// Due is when the sweep looks at it next.
	Due time.Time
}

// Preview is what a dry run answers.
type Preview struct {
	// Channels and Executions count what was looked at.
	Channels, Executions int
	Planned              []Planned
	// ClockJumped says that the next sweep would wait, because time cannot be trusted.
	ClockJumped bool
	// More says that there is more than a dry run looks at.
	More bool
}

// Preview says what the janitor would do in the actor's account and why, as things stand now, and changes nothing. Channels that are
// to be looked at soonest come first.
func (jn *Janitor) Preview(ctx context.Context, actor account.Actor) (p Preview, err error) {
	if !actor.Can(account.FlexManage) {
		return p, fault.Forbidden("")
	}
	var w watch
	var list []*subject
	err = jn.db.View(ctx, func(tx *db.Tx) error {
		p = Preview{}
		last, err := readWatch(tx)
		if err != nil {
			return err
		}
		var sure bool
		w, sure = last.observe(tx.Now, -1)
		p.ClockJumped = !sure
		due, erased, err := jn.flex.DueTx(tx, actor.Account, tx.Now.AddDate(100, 0, 0), previewMost)
		if err != nil {
			return err
		}
		if list, err = jn.examine(tx, w, due); err != nil {
			return err
		}
		p.Channels = len(due) + len(erased)
		p.More = p.Channels == previewMost
		return jn.previewExecutions(tx, w, actor.Account, &p)
	})
	if err == nil {
		err = jn.decide(ctx, w, list)
	}
	for _, s := range list {
		if err == nil && s.verdict != Keep {
			p.add(entry(&s.Channel, s.verdict, s.why), later(s.CheckAt, w.Seen), w.Seen)
		}
	}
	return p, err
}

func (p *Preview) add(e Entry, due, now time.Time) {
	e.At = now
	p.Planned = append(p.Planned, Planned{e, due})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (jn *Janitor) previewExecutions(tx *db.Tx, w watch, acct int64, p *Preview) error {
	list, err := jn.studio.QuietTx(tx, w.Seen.Add(-still), studio.Quiet{}, previewMost)
	if err != nil {
		return err
	}
	p.More = p.More || len(list) == previewMost
	for _, q := range list {
		if q.Account != acct {
			continue
		}
		p.Executions++
		why, err := jn.strayTx(tx, w, q)
		if err != nil || why == "" || why == CustomerErased {
			if err != nil {
				return err
			}
			continue
		}
		x, err := jn.studio.ByIDTx(tx, q.ID)
		if err != nil {
			return err
		}
		e := Entry{Account: acct, Execution: x.SID, Verdict: End, Reason: why}
		if sid.Valid(x.State.Contact, sid.Channel) {
			e.Channel = sid.SID(x.State.Contact)
		}
		p.add(e, tx.Now, tx.Now)
	}
	return nil
}

// End closes an open channel at an operator's word, long-lived or not: its status becomes INACTIVE, its executions end, and a task that
// nobody has accepted is canceled. An accepted task is left to its agent, who still has to wrap up. A channel that is closed already
// stays as it is. Fault 20404 when there is none.
func (jn *Janitor) End(ctx context.Context, actor account.Actor, channel sid.SID) (c flex.Channel, err error) {
	if !actor.Can(account.FlexManage) {
		return c, fault.Forbidden("")
	}
	err = jn.db.Do(ctx, func(tx *db.Tx) error {
		if c, err = jn.flex.ChannelTx(tx, actor.Account, channel); err != nil || !c.Open {
			return err
		}
		if err := jn.waits.AbandonTx(tx, &c, "An operator ended the conversation"); err != nil {
			return err
		}
		e := entry(&c, Close, EndedByOperator)
		ch, err := jn.chat.ChannelTx(tx, actor.Account, channel)
		if fault.Is(err, fault.KindNotFound) {
			e.Verdict, e.Reason = Forget, ChatGone
			if err := jn.flex.DeleteChannelTx(tx, &c); err != nil {
				return err
			}
			return e.write(tx)
		}
		if err != nil {
			return err
		}
		task := c.Task
		if err := jn.endAll(tx, c.Account, c.SID, c.Flow, ChannelClosed); err != nil {
			return err
		}
		// The end of an execution may have written the channel.
		if c, err = jn.flex.ChannelTx(tx, actor.Account, channel); err != nil {
			return err
		}
		live := sid.SID("")
		if task != nil {
			live = sid.SID(*task)
		}
		if err := jn.change(tx, &c, &ch, Close, live); err != nil { // its agent still has to wrap up
			return err
		}
		return e.write(tx)
	})
	return c, err
}
