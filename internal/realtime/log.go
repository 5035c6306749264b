package realtime

import (
	"context"

	"usher/internal/db"
	"usher/internal/event"
)

// SQLLog reads streams from the event log of a database.
type SQLLog struct {
	DB  *db.DB
	Log *event.Log
}

// Read reads on a snapshot of its own.
func (l SQLLog) Read(ctx context.Context, account int64, s event.Stream, after int64, limit int) (events []event.Event, complete bool, err error) {
	err = l.DB.View(ctx, func(tx *db.Tx) error {
		events, complete, err = l.Log.Read(tx, account, s, after, limit)
		return err
	})
	return events, complete, err
}

// ReadMany reads many streams at once, on a snapshot of its own.
func (l SQLLog) ReadMany(ctx context.Context, account int64, from []event.Place, limit int) (events []event.Event, err error) {
	err = l.DB.View(ctx, func(tx *db.Tx) error {
		events, err = l.Log.ReadMany(tx, account, from, limit)
		return err
	})
	return events, err
}

// Epoch is the database's.
func (l SQLLog) Epoch() string { return l.Log.Epoch() }
