// Package event is the log of what happened, and the only way out of the process: whatever is sent to a socket, a
// webhook or a carrier is the reaction to a row of this log.
//
// An event belongs to one stream: a channel, a user, a worker, a task queue or a workspace. Each stream counts its events
// without gaps from 1, in the transaction that changes it; the counter is the column head of the stream's own row. A
// reader who knows epoch and offset reads on from there, or is told that the log no longer reaches so far back.
//
// Append writes the event, and one job for each durable subscriber that wants it. After the commit the event is
// published on the bus as it is. Where the bus spans processes, what was committed and not yet published is published
// at the next start (Relay).
package event

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
)

// StreamKind says what a stream belongs to. The numbers are stored.
type StreamKind uint8

// The kinds of streams.
const (
	Channel   StreamKind = 1
	User      StreamKind = 2
	Worker    StreamKind = 3
	Queue     StreamKind = 4
	Workspace StreamKind = 5
)

// Stream names a stream by its owner's row.
type Stream struct {
	Kind StreamKind
	ID   int64
	SID  sid.SID
}

// Event is one thing that happened. Data is JSON in the public shape (docs/realtime.md).
type Event struct {
	ID      int64
	Account int64
	Stream  Stream
	Offset  int64
	// Kind is "<noun>.<past participle>", as in catalog.go.
	Kind string
	At   time.Time
	// Key is the data key that seals Data; 0 is the account's keyset.
	Key  int64
	Data []byte
	// Watched is the channel's flag at the time of the event: a sentence of floor 3 waits for the channel's next message.
	// It is not stored.
	Watched bool
	// Carried says that a carrier brings the channel's words to its customer and this one did not come from there. It is not stored.
	Carried bool
	// Origin is set when somebody outside is to be told of the event. It goes to subscribers and is not stored in the log.
	Origin *Origin
}

// Origin says who did what an event tells of, for those outside who are told.
type Origin struct {
	// Source is SDK for what a client did by its connection, API for a request.
	Source string `json:"source"`
	// Identity is the client's; empty for requests.
	Identity string `json:"identity,omitempty"`
	// Service is the chat service in which it happened.
	Service sid.SID `json:"service"`
	// Quiet says that webhooks are not told, only devices.
	Quiet bool `json:"quiet,omitempty"`
	// Pushes are the kinds of push notifications that the service sends, as its settings number them; 0 for none.
	Pushes int64 `json:"pushes,omitempty"`
}

// Subscriber is a durable reaction: the event becomes a job of its queue.
type Subscriber struct {
	Queue string
	// Wants says whether this event matters to the subscriber; nil means always. It sees only the event.
	Wants func(Event) bool
	// Order makes the order key of the job; nil means the stream's SID.
	Order func(Event) string
}

// Args is what a subscriber's job holds: the event, without its place in the log.
type Args struct {
	Kind   string          `json:"kind"`
	Stream sid.SID         `json:"stream"`
	ID     int64           `json:"id"`
	Of     StreamKind      `json:"of"`
	Offset int64           `json:"offset"`
	At     time.Time       `json:"at"`
	Data   json.RawMessage `json:"data"`
	Origin *Origin         `json:"origin,omitempty"`
}

// Log is the event log of a database.
type Log struct {
	db     *db.DB
	bus    bus.Bus
	jobs   *job.Queue
	subs   map[string][]Subscriber
	owners map[StreamKind]string

	mu        sync.Mutex
	published []Event // on a shared bus: published, and not yet marked so
}

// New makes the log. owners names the table that has the head counter of each kind of stream; subs are the durable
// subscribers by event kind.
func New(d *db.DB, b bus.Bus, jobs *job.Queue, owners map[StreamKind]string, subs map[string][]Subscriber) *Log {
	return &Log{db: d, bus: b, jobs: jobs, owners: owners, subs: subs}
}

// Epoch names the history that offsets belong to.
func (l *Log) Epoch() string { return l.db.Epoch() }

// Advance counts one event on a stream and returns its offset. table is the owner's table, id its integer key.
func Advance(tx *db.Tx, table string, id int64) (int64, error) {
	var offset int64
	if err := tx.Returning("update "+table+" set head = head + 1 where id = $1 returning head", []any{id}, &offset); err != nil {
		return 0, fmt.Errorf("offset of %s %d: %w", table, id, err)
	}
	return offset, nil
}

// Append records e in the caller's transaction. e.Offset must have been counted on the stream's row in the same
// transaction (Advance, or the owner's own update). e.At is the transaction's instant.
func (l *Log) Append(tx *db.Tx, e Event) error {
	e.At = tx.Now
	doc, err := l.db.Ring().Seal(seal.KeyRef{Account: e.Account, Data: e.Key}, eventAAD(e.Account, e.Stream, e.Offset), e.Data)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Kind, err)
	}
	relayed := int64(1)
	if l.bus.Shared() {
		relayed = 0
	}
	_, err = tx.Exec(`insert into event (account_id, stream_kind, stream_id, stream_sid, stream_offset, kind, key_id, relayed, created_at, doc)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		e.Account, int64(e.Stream.Kind), e.Stream.ID, string(e.Stream.SID), e.Offset, e.Kind, e.Key, relayed, db.Micros(e.At), doc)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Kind, err)
	}
	if err := l.enqueue(tx, e); err != nil {
		return err
	}
	tx.AfterCommit(func() { l.publish(e) })
	return nil
}

// Tell makes the jobs of an event's durable subscribers for what begins a stream and is not on it: e has no offset.
func (l *Log) Tell(tx *db.Tx, e Event) error {
	e.At = tx.Now
	return l.enqueue(tx, e)
}

func (l *Log) enqueue(tx *db.Tx, e Event) error {
	for _, s := range l.subs[e.Kind] {
		if s.Wants != nil && !s.Wants(e) {
			continue
		}
		order := string(e.Stream.SID)
		if s.Order != nil {
			order = s.Order(e)
		}
		args := Args{Kind: e.Kind, Stream: e.Stream.SID, ID: e.Stream.ID, Of: e.Stream.Kind, Offset: e.Offset, At: e.At, Data: e.Data, Origin: e.Origin}
		if err := l.jobs.Enqueue(tx, job.Job{Queue: s.Queue, Account: e.Account, Key: e.Key, Order: order}, args); err != nil {
			return fmt.Errorf("event %s: %w", e.Kind, err)
		}
	}
	return nil
}

func (l *Log) publish(e Event) {
	if err := l.bus.Publish(context.Background(), bus.Events, e); err != nil {
		// Readers notice the gap and read the rows.
		slog.Warn("event not published", "kind", e.Kind, "stream", e.Stream.SID, "error", err)
		return
	}
	if l.bus.Shared() {
		l.mu.Lock()
		l.published = append(l.published, e)
		l.mu.Unlock()
	}
}

// Find looks a stream of the account up by its owner's SID and returns it with its head: the offset of its last event, 0
// when there is none. db.ErrNotFound when there is no such row in this account.
func (l *Log) Find(tx *db.Tx, account int64, kind StreamKind, s sid.SID) (Stream, int64, error) {
	table, ok := l.owners[kind]
	if !ok {
		return Stream{}, 0, fmt.Errorf("stream %s: %w", s, db.ErrNotFound)
	}
	stream, head := Stream{Kind: kind, SID: s}, int64(0)
	err := tx.QueryRow("select id, head from "+table+" where sid = $1 and account_id = $2", string(s), account).Scan(&stream.ID, &head)
	return stream, head, err
}

// Trim deletes up to limit events older than before and returns how many it deleted. It takes them in the order in which they
// were written, so that no index on their time is needed: each event would pay for it.
func (l *Log) Trim(ctx context.Context, before time.Time, limit int) (int64, error) {
	var n int64
	err := l.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		n, err = tx.Exec(`delete from event where id in (select id from (
			select id, created_at, relayed from event order by id limit $2) as oldest where created_at < $1 and relayed = 1)`, db.Micros(before), limit)
		return err
	})
	return n, err
}

func eventAAD(account int64, s Stream, offset int64) []byte {
	aad := append([]byte("event|"), strconv.FormatInt(account, 10)...)
	aad = append(aad, '|', '0'+byte(s.Kind), ':')
	aad = strconv.AppendInt(aad, s.ID, 10)
	aad = append(aad, ':')
	return strconv.AppendInt(aad, offset, 10)
}
