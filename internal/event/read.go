package event

import (
	"errors"
	"fmt"
	"strings"

	"usher/internal/db"
	"usher/internal/seal"
)

// Place is where somebody stands in a stream: the offset up to which it has everything.
type Place struct {
	Stream Stream
	After  int64
}

// Read returns up to limit events of a stream that follow the offset after, oldest first. complete is false when some of
// them are no longer kept: the reader must read the rows anew.
func (l *Log) Read(tx *db.Tx, account int64, s Stream, after int64, limit int) (events []Event, complete bool, err error) {
	rows, err := tx.Query(`select 0, e.id, e.stream_offset, e.kind, e.key_id, e.created_at, e.doc from event e
		where e.stream_kind = $1 and e.stream_id = $2 and e.stream_offset > $3 and e.account_id = $4 order by e.stream_offset limit $5`,
		int64(s.Kind), s.ID, after, account, limit)
	if err == nil {
		events, err = l.scan(rows, account, []Place{{s, after}})
	}
	switch {
	case errors.Is(err, seal.ErrDestroyed):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("stream %s: %w", s.SID, err)
	case len(events) > 0:
		return events, events[0].Offset == after+1, nil
	}
	var head int64
	if err := tx.QueryRow("select head from "+l.owners[s.Kind]+" where id = $1", s.ID).Scan(&head); err != nil {
		return nil, false, fmt.Errorf("stream %s: %w", s.SID, err)
	}
	return nil, head == after, nil
}

// ReadMany returns events of many streams of an account with one query, at most limit in all: those that follow each place, in the
// order of their offsets. Where events are no longer kept, or the limit is reached, there are fewer: Read says which it is.
func (l *Log) ReadMany(tx *db.Tx, account int64, from []Place, limit int) ([]Event, error) {
	if len(from) == 0 {
		return nil, nil
	}
	args := []any{account, limit}
	var places strings.Builder
	for i := range padded(len(from)) {
		p := from[min(i, len(from)-1)]
		if i > 0 {
			places.WriteString(", ")
		}
		after := p.After
		if i >= len(from) {
			after = 1<<63 - 1 // only there to make up the number
		}
		n := len(args)
		fmt.Fprintf(&places, "(cast($%d as bigint), cast($%d as bigint), cast($%d as bigint), cast($%d as bigint))", n+1, n+2, n+3, n+4)
		args = append(args, int64(i), int64(p.Stream.Kind), p.Stream.ID, after)
	}
	rows, err := tx.Query(`with place (n, kind, id, after) as (values `+places.String()+`)
		select place.n, e.id, e.stream_offset, e.kind, e.key_id, e.created_at, e.doc from place
		join event e on e.stream_kind = place.kind and e.stream_id = place.id and e.stream_offset > place.after
		where e.account_id = $1 order by place.n, e.stream_offset limit $2`, args...)
	if err != nil {
		return nil, fmt.Errorf("events of %d streams: %w", len(from), err)
	}
	events, err := l.scan(rows, account, from)
	if errors.Is(err, seal.ErrDestroyed) {
		err = nil
	}
	return events, err
}

// padded is the number of places in a statement for n: there are few different ones.
func padded(n int) int { return len(db.Pad(make([]any, n))) }

// scan reads rows of events of given streams: the place's number first. With seal.ErrDestroyed, those before the first that
// cannot be read any more are answered.
func (l *Log) scan(rows *db.Rows, account int64, from []Place) ([]Event, error) {
	var events []Event
	var docs [][]byte
	for rows.Next() {
		e, n, at, doc := Event{Account: account}, 0, int64(0), []byte(nil)
		if err := rows.Scan(&n, &e.ID, &e.Offset, &e.Kind, &e.Key, &at, &doc); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		e.Stream, e.At = from[n].Stream, db.FromMicros(at)
		events, docs = append(events, e), append(docs, doc)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range events {
		e := &events[i]
		var err error
		e.Data, err = l.db.Ring().Open(seal.KeyRef{Account: account, Data: e.Key}, eventAAD(account, e.Stream, e.Offset), docs[i])
		if errors.Is(err, seal.ErrDestroyed) {
			return events[:i], err
		}
		if err != nil {
			return nil, fmt.Errorf("event %d of %s: %w", e.Offset, e.Stream.SID, err)
		}
	}
	return events, nil
}
