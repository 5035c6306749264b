package room_test

import (
	"errors"
	"testing"

	"usher/internal/chat/room"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/sid"
)

// Channels that are not the account's are not carried; that they are heard of when they are is tried where they take part in sessions.
func TestCarry_foreign(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Do(t.Context(), func(tx *db.Tx) error { return room.CarryTx(tx, 1, sid.New(sid.Channel)) })
		if !errors.Is(err, db.ErrNotFound) {
			t.Error(err)
		}
	})
}
