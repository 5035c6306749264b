package janitor

import (
	"context"
	"errors"
	"time"

	"usher/internal/chat/room"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/proxy"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Sessions are masked conversations that serve chat channels; *proxy.Proxy has them. They end with their channel.
type Sessions interface {
	// EndTx closes the active sessions of an account with that unique name, and says how many.
	EndTx(tx *db.Tx, acct int64, name, reason string) (int, error)
	// StandingTx lists the next active sessions that are named after a channel.
	StandingTx(tx *db.Tx, after int64, limit int) (list []proxy.Standing, last int64, err error)
}

// newborn is how long a session may be older than what it serves: programs make the one before the other.
const newborn = 10 * time.Minute

// endSessions ends the sessions of a channel that is closed or gone.
func (jn *Janitor) endSessions(tx *db.Tx, acct int64, channel sid.SID) error {
	if jn.sessions == nil {
		return nil
	}
	_, err := jn.sessions.EndTx(tx, acct, string(channel), proxy.ByChannel)
	return err
}

// sweepSessions looks at some of the sessions that serve chat channels, and goes on with the next ones another time: one whose channel is
// closed or gone, however that happened, ends.
func (jn *Janitor) sweepSessions(ctx context.Context, w watch) (more bool, err error) {
	if jn.sessions == nil {
		return false, nil
	}
	var stray []proxy.Standing
	next := int64(0)
	err = jn.db.View(ctx, func(tx *db.Tx) error {
		list, last, err := jn.sessions.StandingTx(tx, jn.standing, batch)
		if err != nil {
			return err
		}
		stray, next = nil, last
		for _, s := range list {
			over, err := jn.servesNothing(tx, s, w)
			if err != nil {
				return err
			}
			if over {
				stray = append(stray, s)
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	jn.standing = next
	return false, jn.writing(ctx, len(stray), func(tx *db.Tx, i int) error {
		// The channel may have been opened again meanwhile.
		if over, err := jn.servesNothing(tx, stray[i], w); err != nil || !over {
			return err
		}
		return jn.endSessions(tx, stray[i].Account, stray[i].Channel)
	})
}

// servesNothing says whether the channel of a session is closed or gone. A chat channel that is no customer's is whoever's made it.
func (jn *Janitor) servesNothing(tx *db.Tx, s proxy.Standing, w watch) (bool, error) {
	if s.Since.After(w.Seen.Add(-newborn)) {
		return false, nil
	}
	c, err := jn.flex.ChannelTx(tx, s.Account, s.Channel)
	switch {
	case errors.Is(err, seal.ErrDestroyed): // erased with its customer
		return true, nil
	case err == nil:
		return !c.Open, nil
	case !fault.Is(err, fault.KindNotFound):
		return false, err
	}
	rooms, err := room.SpokenTx(tx, []sid.SID{s.Channel})
	_, there := rooms[s.Channel]
	return !there, err
}
