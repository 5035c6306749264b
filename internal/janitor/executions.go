package janitor

import (
	"context"
	"errors"
	"time"

	"usher/internal/chat/room"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

const (
	// still is how long an execution has not moved when it is looked at.
	still = time.Hour
	// executionLimit is how long an execution may stand still: longer than any wait of the original's widgets for a customer, and
	// than the life of a task.
	executionLimit = 30 * 24 * time.Hour
	// looked is how many executions one sweep looks at. Where more stand still, the next sweep goes on with them.
	looked = 64
)

// stray says why an active execution must end: its conversation is over or gone, or it has stood still for too long, as idle says.
// "" lets it run. One whose wait is over and that nobody woke is flowrun's.
func stray(c *flex.Channel, gone, waitsForTask bool, idle time.Duration) Reason {
	switch {
	case gone:
		return ChatGone
	case c != nil && c.Task != nil && waitsForTask:
		return "" // as long as there is a task, it decides
	case c != nil && !c.Open:
		return ChannelClosed
	case idle > executionLimit:
		return StoppedMoving
	}
	return ""
}

// sweepExecutions looks at some of the executions that have not moved for some time, and goes on with the next ones another time.
func (jn *Janitor) sweepExecutions(ctx context.Context, w watch) (more bool, err error) {
	var list []studio.Quiet
	err = jn.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = jn.studio.QuietTx(tx, w.Seen.Add(-still), jn.quiet, looked)
		return err
	})
	if err != nil {
		return false, err
	}
	var ends []studio.Quiet
	var whys []Reason
	err = jn.db.View(ctx, func(tx *db.Tx) error {
		for _, q := range list {
			why, err := jn.strayTx(tx, w, q)
			if err != nil {
				return err
			}
			if why != "" {
				ends, whys = append(ends, q), append(whys, why)
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	err = jn.writing(ctx, len(ends), func(tx *db.Tx, i int) error {
		// What has moved meanwhile is not stray any more.
		if why, err := jn.strayTx(tx, w, ends[i]); err != nil || why != whys[i] {
			return err
		}
		if whys[i] == CustomerErased {
			return jn.studio.AbandonTx(tx, ends[i].Account, ends[i].SID)
		}
		x, err := jn.studio.ByIDTx(tx, ends[i].ID)
		if err != nil {
			return err
		}
		e := Entry{}
		if sid.Valid(x.State.Contact, sid.Channel) {
			e.Channel = sid.SID(x.State.Contact)
		}
		return jn.end(tx, &x, e, whys[i])
	})
	jn.quiet = studio.Quiet{}
	if len(list) == looked {
		jn.quiet = list[len(list)-1]
	}
	return false, err
}

func (jn *Janitor) strayTx(tx *db.Tx, w watch, q studio.Quiet) (Reason, error) {
	x, err := jn.studio.ByIDTx(tx, q.ID)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return "", nil
	case errors.Is(err, seal.ErrDestroyed):
		return CustomerErased, nil
	case err != nil:
		return "", err
	case !x.Active || x.IsTest() || !x.UpdatedAt.Equal(q.At):
		return "", nil
	}
	waits := x.State.Wait != nil && x.State.Wait.For == engine.ForTask
	if !sid.Valid(x.State.Contact, sid.Channel) {
		return stray(nil, false, waits, w.idle(x.UpdatedAt)), nil
	}
	c, err := jn.flex.ChannelTx(tx, x.Account, sid.SID(x.State.Contact))
	if fault.Is(err, fault.KindNotFound) {
		gone, err := jn.roomGone(tx, sid.SID(x.State.Contact))
		return stray(nil, gone, waits, w.idle(x.UpdatedAt)), err
	}
	if err != nil {
		return "", err
	}
	return stray(&c, false, waits, w.idle(x.UpdatedAt)), nil
}

func (jn *Janitor) roomGone(tx *db.Tx, channel sid.SID) (bool, error) {
	rooms, err := room.SpokenTx(tx, []sid.SID{channel})
	_, there := rooms[channel]
	return !there, err
}
