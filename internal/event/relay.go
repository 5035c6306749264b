package event

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/seal"
	"usher/internal/sid"
)

// relayBatch bounds what the relay holds in memory.
const relayBatch = 256

// Relay publishes what was committed and not yet published when a process died. It is called at start, when the bus is
// shared; on the way of a message the commit itself carries the event. It returns how many events it published.
func (l *Log) Relay(ctx context.Context) (int, error) {
	total := 0
	for ctx.Err() == nil {
		events, err := l.unrelayed(ctx)
		if err != nil || len(events) == 0 {
			return total, err
		}
		for _, e := range events {
			if err := l.bus.Publish(ctx, bus.Events, e); err != nil {
				return total, fmt.Errorf("relay: %w", err)
			}
			total++
		}
		if err := l.mark(ctx, events); err != nil {
			return total, err
		}
	}
	return total, ctx.Err()
}

// MarkPublished notes in the rows what this process has published on a shared bus since the last call. Without it the next
// start publishes those events once more, which does no harm: readers know their offsets. It is called now and then.
func (l *Log) MarkPublished(ctx context.Context) error {
	l.mu.Lock()
	events := l.published
	l.published = nil
	l.mu.Unlock()
	if len(events) == 0 {
		return nil
	}
	return l.mark(ctx, events)
}

func (l *Log) mark(ctx context.Context, events []Event) error {
	err := l.db.Do(ctx, func(tx *db.Tx) error {
		for _, e := range events {
			_, err := tx.Exec("update event set relayed = 1 where stream_kind = $1 and stream_id = $2 and stream_offset = $3",
				int64(e.Stream.Kind), e.Stream.ID, e.Offset)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mark published: %w", err)
	}
	return nil
}

func (l *Log) unrelayed(ctx context.Context) ([]Event, error) {
	var events []Event
	err := l.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(`select id, account_id, stream_kind, stream_id, stream_sid, stream_offset, kind, key_id, created_at, doc
			from event where relayed = 0 order by id limit $1`, relayBatch)
		if err != nil {
			return err
		}
		var docs [][]byte
		for rows.Next() {
			var e Event
			var kind, at int64
			var owner string
			var doc []byte
			if err := rows.Scan(&e.ID, &e.Account, &kind, &e.Stream.ID, &owner, &e.Offset, &e.Kind, &e.Key, &at, &doc); err != nil {
				return errors.Join(err, rows.Close())
			}
			e.Stream.Kind, e.Stream.SID, e.At = StreamKind(kind), sid.SID(owner), db.FromMicros(at)
			events, docs = append(events, e), append(docs, doc)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for i := range events {
			e := &events[i]
			e.Data, err = l.db.Ring().Open(seal.KeyRef{Account: e.Account, Data: e.Key}, eventAAD(e.Account, e.Stream, e.Offset), docs[i])
			if err != nil && !errors.Is(err, seal.ErrDestroyed) {
				return fmt.Errorf("event %d: %w", e.ID, err)
			}
		}
		return nil
	})
	return events, err
}
