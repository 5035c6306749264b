// Package job runs work that must happen, from rows that are committed with the change that asked for it.
//
// A job is run at least once: after a failure again with growing pauses, and after too many failures it is kept as a
// dead letter for a person to look at. Jobs of one queue that share an order key run one after the other, in the order
// of their making, and wait while an earlier one is being retried; a dead letter lets the next one pass. A full queue waits; nothing is dropped.
//
// States of a job: waiting → running → (done, the row is deleted) | waiting again after a failure | dead.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/seal"
)

// states as the column keeps them.
const (
	waiting = 0
	running = 1
	dead    = 2
)

// Job is one piece of work.
type Job struct {
	ID      int64
	Account int64
	// Key is the data key that seals the arguments; 0 is the account's keyset.
	Key int64
	// Queue names the worker.
	Queue string
	// Unique, when not empty, makes a second job of the same queue and name a no-op while the first is not done.
	Unique string
	// Order, when not empty, makes jobs of the same queue and name run one at a time and in order.
	Order string
	// RunAt is the earliest time; zero means now.
	RunAt time.Time
	// Attempt counts the runs, from 1.
	Attempt int
	// Failure is what the run before this one ended with; "" when there was none, or it was cut.
	Failure string
	// Args is the sealed argument, JSON.
	Args json.RawMessage
}

// Queue keeps jobs and wakes their workers.
type Queue struct {
	db  *db.DB
	bus bus.Bus

	mu   sync.Mutex
	wake map[string]chan struct{}
}

// New makes the job store of a database. b wakes workers of other processes.
func New(d *db.DB, b bus.Bus) *Queue {
	q := &Queue{db: d, bus: b, wake: map[string]chan struct{}{}}
	b.Subscribe(bus.Jobs, func(v any) {
		if name, ok := v.(string); ok {
			q.signal(name)
		}
	})
	return q
}

// Enqueue adds a job in the caller's transaction; args is encoded as JSON and sealed.
func (q *Queue) Enqueue(tx *db.Tx, j Job, args any) error {
	plain, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("job of %s: %w", j.Queue, err)
	}
	doc, err := tx.DB().Ring().Seal(seal.KeyRef{Account: j.Account, Data: j.Key}, jobAAD(j.Queue, j.Account, j.Order), plain)
	if err != nil {
		return fmt.Errorf("job of %s: %w", j.Queue, err)
	}
	if j.RunAt.IsZero() {
		j.RunAt = tx.Now
	}
	var unique any
	if j.Unique != "" {
		unique = j.Unique
	}
	_, err = tx.Exec(`insert into job (account_id, queue, unique_key, order_key, key_id, state, attempts, run_at, lease_until, created_at, failure, doc)
		values ($1, $2, $3, $4, $5, 0, 0, $6, 0, $7, '', $8) on conflict do nothing`,
		j.Account, j.Queue, unique, j.Order, j.Key, db.Micros(j.RunAt), db.Micros(tx.Now), doc)
	if err != nil {
		return fmt.Errorf("job of %s: %w", j.Queue, err)
	}
	tx.AfterCommit(func() { _ = q.bus.Publish(context.Background(), bus.Jobs, j.Queue) })
	return nil
}

// Cancel removes the unfinished job of that unique name, if there is one that does not run already.
func (q *Queue) Cancel(tx *db.Tx, queue, unique string) error {
	_, err := tx.Exec("delete from job where queue = $1 and unique_key = $2 and state <> $3", queue, unique, running)
	return err
}

// Dead counts the dead letters of an account, by queue.
func (q *Queue) Dead(tx *db.Tx, account int64) (map[string]int64, error) {
	rows, err := tx.Query("select queue, count(*) from job where account_id = $1 and state = $2 group by queue", account, dead)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		counts[name] = n
	}
	return counts, errors.Join(rows.Err(), rows.Close())
}

// claim takes up to n due jobs of a queue.
func (q *Queue) claim(ctx context.Context, queue string, n int, lease time.Duration) ([]Job, error) {
	var jobs []Job
	err := q.db.Do(ctx, func(tx *db.Tx) error {
		jobs = nil
		now := db.Micros(tx.Now)
		rows, err := tx.Query(`select id, account_id, order_key, key_id, attempts, failure, doc from job j
			where queue = $1 and state = 0 and run_at <= $2
			and (order_key = '' or not exists (select 1 from job e where e.queue = j.queue and e.order_key = j.order_key and e.id < j.id and e.state <> 2))
			order by run_at, id limit $3`+tx.SkipLocked(), queue, now, n)
		if err != nil {
			return err
		}
		docs := make([][]byte, 0, n)
		for rows.Next() {
			j, doc := Job{Queue: queue}, []byte(nil)
			if err := rows.Scan(&j.ID, &j.Account, &j.Order, &j.Key, &j.Attempt, &j.Failure, &doc); err != nil {
				return errors.Join(err, rows.Close())
			}
			j.Attempt++
			jobs, docs = append(jobs, j), append(docs, doc)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		ids := make([]any, 0, len(jobs)+1)
		ids = append(ids, now+lease.Microseconds())
		for i := range jobs {
			j := &jobs[i]
			ref := seal.KeyRef{Account: j.Account, Data: j.Key}
			if j.Args, err = tx.DB().Ring().Open(ref, jobAAD(queue, j.Account, j.Order), docs[i]); err != nil && !errors.Is(err, seal.ErrDestroyed) {
				return fmt.Errorf("job %d: %w", j.ID, err)
			}
			ids = append(ids, j.ID)
		}
		if len(jobs) == 0 {
			return nil
		}
		_, err = tx.Exec("update job set state = 1, attempts = attempts + 1, lease_until = $1, failure = '' where id in ("+db.In(2, len(jobs))+")", ids...)
		return err
	})
	return jobs, err
}

// next tells when the queue's next job is due; ok is false when there is none.
func (q *Queue) next(ctx context.Context, queue string) (due time.Time, ok bool, err error) {
	var us int64
	err = q.db.View(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(`select run_at from job j where queue = $1 and state = 0
			and (order_key = '' or not exists (select 1 from job e where e.queue = j.queue and e.order_key = j.order_key and e.id < j.id and e.state <> 2))
			order by run_at limit 1`, queue).Scan(&us)
	})
	if errors.Is(err, db.ErrNotFound) {
		return time.Time{}, false, nil
	}
	return db.FromMicros(us), err == nil, err
}

// finish deletes a job that is done.
func (q *Queue) finish(ctx context.Context, j Job) error {
	return q.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("delete from job where id = $1", j.ID)
		return err
	})
}

// fail lets a job run again at the given time, or buries it.
func (q *Queue) fail(ctx context.Context, j Job, again time.Time, bury bool, reason string) error {
	state := waiting
	if bury {
		state = dead
	}
	return q.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update job set state = $2, run_at = $3, lease_until = 0, failure = $4 where id = $1",
			j.ID, state, db.Micros(again), reason)
		return err
	})
}

// renew lengthens the leases of jobs that still run.
func (q *Queue) renew(ctx context.Context, ids []int64, lease time.Duration) error {
	return q.db.Do(ctx, func(tx *db.Tx) error {
		args := make([]any, 0, len(ids)+1)
		args = append(args, db.Micros(tx.Now)+lease.Microseconds())
		for _, id := range ids {
			args = append(args, id)
		}
		_, err := tx.Exec("update job set lease_until = $1 where state = 1 and id in ("+db.In(2, len(ids))+")", args...)
		return err
	})
}

// reclaim gives jobs back whose worker did not end them in time, because its process died.
func (q *Queue) reclaim(ctx context.Context, queue string) error {
	return q.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update job set state = 0 where queue = $1 and state = 1 and lease_until <= $2", queue, db.Micros(tx.Now))
		return err
	})
}

// release gives jobs back that were running when the last process ended. Only for a database that no other process uses.
func (q *Queue) release(ctx context.Context) error {
	return q.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("update job set state = 0, lease_until = 0 where state = 1")
		return err
	})
}

// woken returns the channel that is signaled when the queue may have work.
func (q *Queue) woken(queue string) chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	c, ok := q.wake[queue]
	if !ok {
		c = make(chan struct{}, 1)
		q.wake[queue] = c
	}
	return c
}

func (q *Queue) signal(queue string) {
	select {
	case q.woken(queue) <- struct{}{}:
	default: // it is signaled already
	}
}

func jobAAD(queue string, account int64, order string) []byte {
	return []byte("job|" + strconv.FormatInt(account, 10) + "|" + queue + "|" + order)
}
