package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/sid"
)

// bundle is a log over one owner table with one stream.
type bundle struct {
	db      *db.DB
	bus     bus.Bus
	log     *event.Log
	jobs    *job.Queue
	account int64
	stream  event.Stream
}

func setup(t *testing.T, d *db.DB, b bus.Bus, subs map[string][]event.Subscriber) *bundle {
	t.Helper()
	x := &bundle{db: d, bus: b, jobs: job.New(d, b), stream: event.Stream{Kind: event.Channel, SID: sid.New(sid.Channel)}}
	x.log = event.New(d, b, x.jobs, map[event.StreamKind]string{event.Channel: "owner"}, subs)
	err := d.Do(t.Context(), func(tx *db.Tx) (err error) {
		if x.account, err = db.CreateKeyset(tx); err != nil {
			return err
		}
		if _, err = tx.Exec("create table owner (id bigint primary key, sid text, account_id bigint, head bigint not null)"); err != nil {
			return err
		}
		x.stream.ID = 1
		_, err = tx.Exec("insert into owner (id, sid, account_id, head) values ($1, $2, $3, 0)", x.stream.ID, string(x.stream.SID), x.account)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *bundle) append(ctx context.Context, kind string, n int) error {
	return x.db.Do(ctx, func(tx *db.Tx) error {
		offset, err := event.Advance(tx, "owner", x.stream.ID)
		if err != nil {
			return err
		}
		return x.log.Append(tx, event.Event{
			Account: x.account, Stream: x.stream, Offset: offset, Kind: kind, Data: fmt.Appendf(nil, `{"n":%d}`, n),
		})
	})
}

func (x *bundle) read(t *testing.T, after int64, limit int) (events []event.Event, complete bool) {
	t.Helper()
	err := x.db.View(t.Context(), func(tx *db.Tx) (err error) {
		events, complete, err = x.log.Read(tx, x.account, x.stream, after, limit)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, complete
}

func TestLog_offsetsAreGaplessUnderLoad(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := setup(t, d, bus.NewMemory(), nil)
		var mu sync.Mutex
		seen := map[int64]int{}
		x.bus.Subscribe(bus.Events, func(v any) {
			mu.Lock()
			defer mu.Unlock()
			seen[v.(event.Event).Offset]++
		})
		var all sync.WaitGroup
		for n := range 120 {
			all.Go(func() {
				if err := x.append(context.Background(), "thing.made", n); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		events, complete := x.read(t, 0, 1000)
		if !complete || len(events) != 120 {
			t.Fatalf("%d events, complete %v", len(events), complete)
		}
		for i, e := range events {
			if e.Offset != int64(i+1) || e.Kind != "thing.made" || e.At.IsZero() {
				t.Fatalf("event %d is %+v", i, e)
			}
			if seen[e.Offset] != 1 {
				t.Errorf("offset %d was published %d times", e.Offset, seen[e.Offset])
			}
		}
	})
}

func TestLog_rolledBackEventsLeaveNoGap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := setup(t, d, bus.NewMemory(), nil)
		published := 0
		x.bus.Subscribe(bus.Events, func(any) { published++ })
		boom := errors.New("boom")
		for n := range 6 {
			err := x.db.Do(t.Context(), func(tx *db.Tx) error {
				offset, err := event.Advance(tx, "owner", x.stream.ID)
				if err != nil {
					return err
				}
				err = x.log.Append(tx, event.Event{Account: x.account, Stream: x.stream, Offset: offset, Kind: "thing.made", Data: []byte("{}")})
				if err == nil && n%2 == 1 {
					err = boom
				}
				return err
			})
			if (n%2 == 1) != errors.Is(err, boom) {
				t.Fatal(err)
			}
		}
		events, complete := x.read(t, 0, 10)
		if len(events) != 3 || !complete || events[2].Offset != 3 || published != 3 {
			t.Errorf("%d events, complete %v, %d published", len(events), complete, published)
		}
	})
}

func TestLog_readResumesOrSaysThatItCannot(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := setup(t, d, bus.NewMemory(), nil)
		for n := range 10 {
			if err := x.append(t.Context(), "thing.made", n); err != nil {
				t.Fatal(err)
			}
		}
		if events, complete := x.read(t, 4, 3); !complete || len(events) != 3 || events[0].Offset != 5 || string(events[0].Data) != `{"n":4}` {
			t.Errorf("%+v, complete %v", events, complete)
		}
		if events, complete := x.read(t, 10, 3); !complete || len(events) != 0 {
			t.Errorf("at the end: %d events, complete %v", len(events), complete)
		}
		if _, complete := x.read(t, 11, 3); complete {
			t.Error("an offset beyond the end is not of this history")
		}
		cut := x.mustAt(t, 6)
		if n, err := x.log.Trim(t.Context(), cut, 100); err != nil || n == 0 {
			t.Fatalf("trimmed %d, %v", n, err)
		}
		if _, complete := x.read(t, 2, 3); complete {
			t.Error("trimmed history counts as complete")
		}
		if n, err := x.log.Trim(t.Context(), cut.Add(1<<40), 100); err != nil || n == 0 {
			t.Fatalf("trimmed %d, %v", n, err)
		}
		if _, complete := x.read(t, 9, 3); complete {
			t.Error("an empty log counts as complete")
		}
		if _, complete := x.read(t, 10, 3); !complete {
			t.Error("a reader who has everything has lost nothing")
		}
	})
}

func TestLog_readManyIsOneStatement(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := setup(t, d, bus.NewMemory(), nil)
		first := x.stream
		var from []event.Place
		for id := range int64(7) {
			x.stream = event.Stream{Kind: event.Channel, ID: id + 1, SID: sid.New(sid.Channel)}
			if id == 0 {
				x.stream = first
			} else if err := d.Do(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec("insert into owner (id, sid, account_id, head) values ($1, $2, $3, 0)", id+1, string(x.stream.SID), x.account)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for n := range 4 {
				if err := x.append(t.Context(), "thing.made", n); err != nil {
					t.Fatal(err)
				}
			}
			from = append(from, event.Place{Stream: x.stream, After: id})
		}
		many := func(account int64, from []event.Place, limit int) (events []event.Event) {
			before := d.Statements()
			if err := d.View(t.Context(), func(tx *db.Tx) (err error) {
				events, err = x.log.ReadMany(tx, account, from, limit)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if n := d.Statements() - before; n > 1 {
				t.Errorf("%d statements for %d streams", n, len(from))
			}
			return events
		}
		want := 0
		events := many(x.account, from, 100)
		for i, p := range from {
			for offset := p.After + 1; offset <= 4; offset++ {
				if want == len(events) {
					t.Fatalf("%d events", want)
				}
				e := events[want]
				if e.Stream != p.Stream || e.Offset != offset || string(e.Data) != fmt.Sprintf(`{"n":%d}`, offset-1) || e.At.IsZero() {
					t.Errorf("event %d of stream %d is %+v", offset, i, e)
				}
				want++
			}
		}
		if len(events) != want || want != 10 {
			t.Errorf("%d events, want %d", len(events), want)
		}
		if got := many(x.account, from, 3); len(got) != 3 || got[2].Offset != 3 {
			t.Errorf("of at most 3: %+v", got)
		}
		if got := many(x.account+1, from, 100); len(got) != 0 {
			t.Errorf("another account has %d", len(got))
		}
		if got := many(x.account, nil, 100); len(got) != 0 {
			t.Errorf("of no stream there are %d", len(got))
		}
	})
}

func TestLog_findKnowsOnlyOwnStreams(t *testing.T) {
	t.Parallel()
	x := setup(t, dbtest.SQLite(t), bus.NewMemory(), nil)
	if err := x.append(t.Context(), "thing.made", 1); err != nil {
		t.Fatal(err)
	}
	err := x.db.View(t.Context(), func(tx *db.Tx) error {
		stream, head, err := x.log.Find(tx, x.account, event.Channel, x.stream.SID)
		if err != nil || stream != x.stream || head != 1 {
			t.Errorf("%+v, %d, %v", stream, head, err)
		}
		if _, _, err := x.log.Find(tx, x.account+1, event.Channel, x.stream.SID); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("another account found it: %v", err)
		}
		if _, _, err := x.log.Find(tx, x.account, event.Queue, x.stream.SID); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("found under an unknown kind: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLog_durableSubscribersGetAJobOnlyWhenTheyWant(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := setup(t, d, bus.NewMemory(), map[string][]event.Subscriber{
			"thing.made": {
				{Queue: "all"},
				{Queue: "watched", Wants: func(e event.Event) bool { return e.Watched }},
			},
		})
		for n := range 4 {
			if err := x.append(t.Context(), "thing.made", n); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.append(t.Context(), "thing.changed", 9); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan event.Args, 10)
		worker := x.jobs.Worker(job.Worker{Queue: "all", Do: func(_ context.Context, j job.Job) error {
			var a event.Args
			err := json.Unmarshal(j.Args, &a)
			got <- a
			return err
		}})
		done := make(chan error, 1)
		go func() { done <- worker.Run(ctx) }()
		for n := range 4 {
			a := <-got
			if a.Offset != int64(n+1) || a.Stream != x.stream.SID || string(a.Data) != fmt.Sprintf(`{"n":%d}`, n) {
				t.Errorf("job %d is %+v", n, a)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		var left int
		err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("select count(*) from job").Scan(&left) })
		if err != nil || left != 0 {
			t.Errorf("%d jobs are left, %v", left, err)
		}
	})
}

// sharedBus is a memory bus that says that others may listen.
type sharedBus struct{ *bus.Memory }

func (sharedBus) Shared() bool { return true }

func TestLog_relayFinishesWhatADeadProcessHadCommitted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := setup(t, d, sharedBus{bus.NewMemory()}, nil)
		for n := range 3 {
			if err := x.append(t.Context(), "thing.made", n); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.log.MarkPublished(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range 4 {
			if err := x.append(t.Context(), "thing.made", 10+n); err != nil {
				t.Fatal(err)
			}
		}
		// A new process over the same rows: the last four were never marked.
		next := sharedBus{bus.NewMemory()}
		var got []int64
		next.Subscribe(bus.Events, func(v any) { got = append(got, v.(event.Event).Offset) })
		log := event.New(d, next, job.New(d, next), map[event.StreamKind]string{event.Channel: "owner"}, nil)
		n, err := log.Relay(t.Context())
		if err != nil || n != 4 || len(got) != 4 || got[0] != 4 || got[3] != 7 {
			t.Errorf("relayed %d: %v, %v", n, got, err)
		}
		if n, err := log.Relay(t.Context()); err != nil || n != 0 {
			t.Errorf("relayed %d again, %v", n, err)
		}
	})
}

// mustAt returns the time of the event at an offset.
func (x *bundle) mustAt(t *testing.T, offset int64) time.Time {
	t.Helper()
	events, _ := x.read(t, offset-1, 1)
	return events[0].At
}
