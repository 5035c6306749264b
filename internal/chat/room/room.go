// Package room looks at chat channels from outside, without opening what was written in them: the janitor asks it about many at once.
package room

import (
	"errors"
	"fmt"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// SpokenTx returns when the newest message of each channel was written, by the channels' SIDs, of whichever accounts; the zero time
// for a channel without messages. Channels that are not there, or were removed, are missing.
func SpokenTx(tx *db.Tx, channels []sid.SID) (map[sid.SID]time.Time, error) {
	spoken := make(map[sid.SID]time.Time, len(channels))
	if len(channels) == 0 {
		return spoken, nil
	}
	args := make([]any, 0, len(channels))
	for _, s := range channels {
		args = append(args, string(s))
	}
	args = db.Pad(args)
	// The newest message may have been deleted, so its index does not lead to it.
	rows, err := tx.Query(`select c.sid, coalesce((select m.created_at from chat_message m where m.channel_id = c.id order by m.idx desc limit 1), 0)
		from chat_channel c where c.removed = 0 and c.sid in (`+db.In(1, len(args))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("newest messages: %w", err)
	}
	for rows.Next() {
		var s sid.SID
		var at int64
		if err := rows.Scan(&s, &at); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		spoken[s] = db.FromMicros(at)
	}
	return spoken, errors.Join(rows.Err(), rows.Close())
}

// SameTx says whether a channel is there, unchanged and without another message since it was read with that version and newest
// index; it is locked then.
func SameTx(tx *db.Tx, id, version, lastIndex int64) (bool, error) {
	var v, last int64
	err := tx.QueryRow(`select version, last_index from chat_channel where id = $1 and removed = 0`+tx.LockSuffix(), id).Scan(&v, &last)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return v == version && last == lastIndex, err
}

// EraseTx removes a channel whose contact was erased, without reading it. chat.Purge does the rest.
func EraseTx(tx *db.Tx, channel sid.SID) error {
	_, err := tx.Exec(`update chat_channel set removed = 1, unique_hash = null, member_count = 0, member_epoch = member_epoch + 1
		where sid = $1`, string(channel))
	return err
}
