package janitor

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/chat/room"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/seal"
)

const (
	// logDays is how long the janitor's own log is kept.
	logDays = 90
	// removals is how many old rows one transaction of a sweep removes: each takes others with it.
	removals = 50
)

// sweepConversations removes conversations that were closed longer ago than their flow keeps them: the record of the channel, and the
// chat channel with its members; what is left of a long history goes with chat.Purge.
func (jn *Janitor) sweepConversations(ctx context.Context, w watch) (more bool, err error) {
	var keeping []flex.Keeping
	err = jn.db.View(ctx, func(tx *db.Tx) (err error) {
		keeping, err = jn.flex.KeepingTx(tx)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, k := range keeping {
		n := 0
		var old []flex.Old
		err := jn.db.View(ctx, func(tx *db.Tx) (err error) {
			old, err = jn.flex.OldTx(tx, k.FlowID, w.before(k.Days), batch)
			return err
		})
		if err != nil {
			return false, err
		}
		err = jn.writing(ctx, len(old), func(tx *db.Tx, i int) error {
			n = i
			return jn.removeTx(tx, old[i])
		})
		if err != nil {
			return false, fmt.Errorf("conversation %d of %d: %w", n, len(old), err)
		}
		more = more || len(old) == batch
	}
	return more, nil
}

func (jn *Janitor) removeTx(tx *db.Tx, o flex.Old) error {
	if err := jn.flex.ForgetTx(tx, o); err != nil {
		return err
	}
	ch, err := jn.chat.ChannelTx(tx, o.Account, o.SID)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err == nil {
		err = jn.chat.DeleteChannelTx(tx, &ch)
	}
	if errors.Is(err, seal.ErrDestroyed) {
		return room.EraseTx(tx, o.SID)
	}
	return err
}

// sweepEnded removes executions that ended longer ago than the installation keeps them.
func (jn *Janitor) sweepEnded(ctx context.Context, w watch) (more bool, err error) {
	if jn.executionDays == 0 {
		return false, nil
	}
	n, err := jn.studio.Forget(ctx, w.before(jn.executionDays), removals)
	return n == removals, err
}

// sweepLog bounds the janitor's own log. Its lines are taken in the order in which they were written.
func (jn *Janitor) sweepLog(ctx context.Context, w watch) (more bool, err error) {
	const most = 500
	var n int64
	err = jn.db.Do(ctx, func(tx *db.Tx) (err error) {
		n, err = tx.Exec(`delete from janitor_verdict where id in (select id from (
			select id, at from janitor_verdict order by id limit $2) as oldest where at < $1)`, db.Micros(w.before(logDays)), most)
		return err
	})
	return n == most, err
}
