package flex

import (
	"context"
	"errors"
	"time"

	"usher/internal/db"
	"usher/internal/seal"
	"usher/internal/sid"
)

const (
	// DefaultQuiet is how long a conversation that nobody works on may be without a message, where its flow does not say.
	DefaultQuiet = 24 * time.Hour
	// lookAfter is when the janitor looks at a channel after somebody has changed it: what reacts at once has had its time by then.
	lookAfter = time.Hour
	// tidyAfter is when it looks at one that was closed: what its flow still has to say has been said by then.
	tidyAfter = 10 * time.Minute

	quietHoursMost = 8760
	keepDaysMost   = 36500
)

// Quiet is how long a conversation of the flow that nobody works on may be without a message.
func (flow *Flow) Quiet() time.Duration {
	if flow.QuietHours == 0 {
		return DefaultQuiet
	}
	return time.Duration(flow.QuietHours) * time.Hour
}

// age sets when the janitor looks at the channel again; at one that has just been closed once more, to end what is left.
func (c *Channel) age(now time.Time) {
	switch {
	case c.Open:
		c.CheckAt, c.ClosedAt = now.Add(lookAfter), time.Time{}
	case c.ClosedAt.IsZero():
		c.CheckAt, c.ClosedAt = now.Add(tidyAfter), now
	}
}

// Close ends the channel for good, with nothing left to look at.
func (c *Channel) Close(now time.Time) { c.Open, c.ClosedAt, c.CheckAt = false, now, time.Time{} }

// DueTx lists channels that the janitor should look at, the longest due first; of all accounts when acct is 0. Those whose customer
// was erased cannot be read: they are named in erased.
func (f *Flex) DueTx(tx *db.Tx, acct int64, now time.Time, limit int) (due []Channel, erased []int64, err error) {
	if acct != 0 {
		return readable(tx, "check_at > 0 and check_at <= $1 and account_id = $2 order by check_at, id limit $3", db.Micros(now), acct, limit)
	}
	return readable(tx, "check_at > 0 and check_at <= $1 order by check_at, id limit $2", db.Micros(now), limit)
}

// readable is Find that survives rows whose data key was destroyed.
func readable(tx *db.Tx, where string, args ...any) (found []Channel, erased []int64, err error) {
	found, err = channels.Find(tx, where, args...)
	if !errors.Is(err, seal.ErrDestroyed) {
		return found, nil, err
	}
	ids, err := numbers(tx, "select id from flex_channel where "+where, args...)
	if err != nil {
		return nil, nil, err
	}
	found = nil
	for _, id := range ids {
		c, err := channels.ByID(tx, id)
		switch {
		case errors.Is(err, seal.ErrDestroyed):
			erased = append(erased, id)
		case err == nil:
			found = append(found, c)
		case !errors.Is(err, db.ErrNotFound):
			return nil, nil, err
		}
	}
	return found, erased, nil
}

func numbers(tx *db.Tx, query string, args ...any) (all []int64, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, n)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// LookAgainTx says when the janitor looks at a channel again; the zero time is never. A channel that was changed since it was read
// keeps the time that the change has set.
func (f *Flex) LookAgainTx(tx *db.Tx, c Channel, at time.Time) error {
	_, err := tx.Exec("update flex_channel set check_at = $1 where id = $2 and version = $3", db.Micros(at), c.ID, c.Version)
	return err
}

// EraseTx closes a channel whose customer was erased, without reading it.
func (f *Flex) EraseTx(tx *db.Tx, id int64) error {
	_, err := tx.Exec("update flex_channel set open = 0, task_sid = null, check_at = 0, closed_at = $1 where id = $2", db.Micros(tx.Now), id)
	return err
}

// Keeping is a flow whose conversations are kept for a bounded time.
type Keeping struct{ FlowID, Days int64 }

// KeepingTx lists the flows, of all accounts, whose conversations are kept for a bounded time.
func (f *Flex) KeepingTx(tx *db.Tx) (all []Keeping, err error) {
	rows, err := tx.Query("select id, keep_days from flex_flow where keep_days > 0 order by id")
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var k Keeping
		if err := rows.Scan(&k.FlowID, &k.Days); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, k)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// Old names a closed channel whose time is over.
type Old struct {
	ID, Account int64
	SID         sid.SID
}

// OldTx lists up to limit channels of a flow that were closed before an instant, the oldest first. Their documents are not read, so
// those of erased customers are among them.
func (f *Flex) OldTx(tx *db.Tx, flow int64, before time.Time, limit int) (all []Old, err error) {
	rows, err := tx.Query(`select id, account_id, sid from flex_channel
		where flow_id = $1 and closed_at > 0 and closed_at < $2 and open = 0 order by closed_at limit $3`, flow, db.Micros(before), limit)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var o Old
		if err := rows.Scan(&o.ID, &o.Account, &o.SID); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, o)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// ForgetTx removes a channel that OldTx has named; the chat channel is not touched.
func (f *Flex) ForgetTx(tx *db.Tx, o Old) error {
	_, err := tx.Exec("delete from flex_channel where id = $1", o.ID)
	return err
}

// SameTx says whether a channel is as it was read; it is locked then.
func (f *Flex) SameTx(tx *db.Tx, c Channel) (bool, error) {
	var version int64
	err := tx.QueryRow("select version from flex_channel where id = $1"+tx.LockSuffix(), c.ID).Scan(&version)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return version == c.Version, err
}

// Recall has channels looked at by an instant whose time is set for later than latest: the clock was ahead when it was set. It works in
// short transactions.
func (f *Flex) Recall(ctx context.Context, latest, at time.Time) error {
	const most = 500
	for n := int64(most); n == most && ctx.Err() == nil; {
		var late bool
		err := f.db.View(ctx, func(tx *db.Tx) error {
			// The latest of all: asked in another way, the index is walked from its beginning.
			var last int64
			err := tx.QueryRow("select check_at from flex_channel where check_at > 0 order by check_at desc limit 1").Scan(&last)
			late = err == nil && last > db.Micros(latest)
			if errors.Is(err, db.ErrNotFound) {
				return nil
			}
			return err
		})
		if err != nil || !late {
			return err
		}
		err = f.db.Do(ctx, func(tx *db.Tx) (err error) {
			n, err = tx.Exec("update flex_channel set check_at = $1 where id in (select id from flex_channel where check_at > 0 and check_at > $2 order by check_at desc limit $3)",
				db.Micros(at), db.Micros(latest), most)
			return err
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
