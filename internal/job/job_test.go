package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/job"
	"usher/internal/retry"
)

func account(t *testing.T, d *db.DB) (account int64) {
	t.Helper()
	if err := d.Do(t.Context(), func(tx *db.Tx) (err error) { account, err = db.CreateKeyset(tx); return err }); err != nil {
		t.Fatal(err)
	}
	return account
}

func enqueue(t *testing.T, d *db.DB, q *job.Queue, j job.Job, args any) {
	t.Helper()
	if err := d.Do(t.Context(), func(tx *db.Tx) error { return q.Enqueue(tx, j, args) }); err != nil {
		t.Fatal(err)
	}
}

// start runs a worker until the test ends.
func start(t *testing.T, w *job.Worker) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func number(t *testing.T, j job.Job) (n int) {
	t.Helper()
	if err := json.Unmarshal(j.Args, &n); err != nil {
		t.Error(err)
	}
	return n
}

func TestWorker_runsJobsOfOneKeyInOrderAndOthersBeside(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		var mu sync.Mutex
		got, running := map[string][]int{}, map[string]bool{}
		var all sync.WaitGroup
		all.Add(60)
		start(t, q.Worker(job.Worker{Queue: "q", Parallel: 4, Do: func(_ context.Context, j job.Job) error {
			defer all.Done()
			mu.Lock()
			if running[j.Order] {
				t.Errorf("two jobs of %s run at a time", j.Order)
			}
			running[j.Order] = true
			mu.Unlock()
			n := number(t, j)
			mu.Lock()
			got[j.Order] = append(got[j.Order], n)
			running[j.Order] = false
			mu.Unlock()
			return nil
		}}))
		for n := range 20 {
			for _, key := range []string{"a", "b", "c"} {
				enqueue(t, d, q, job.Job{Queue: "q", Account: acct, Order: key}, n)
			}
		}
		all.Wait()
		for key, numbers := range got {
			if !slices.IsSorted(numbers) || len(numbers) != 20 {
				t.Errorf("%s ran in the order %v", key, numbers)
			}
		}
	})
}

func TestWorker_retriesWithGrowingPausesThenBuries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, dir+"/usher.db")
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		var at []time.Duration
		begin := time.Now()
		start(t, q.Worker(job.Worker{
			Queue: "q", Backoff: retry.Policy{Min: time.Minute, Max: time.Hour, Factor: 10, Attempts: 4},
			Do: func(_ context.Context, j job.Job) error {
				if number(t, j) == 2 {
					at = append(at, -1)
					return nil
				}
				at = append(at, time.Since(begin).Round(time.Second))
				if j.Attempt == 2 {
					panic("a mistake")
				}
				return fmt.Errorf("attempt %d", j.Attempt)
			},
		}))
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct, Order: "k"}, 1)
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct, Order: "k"}, 2)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		want := []time.Duration{0, time.Minute, 11 * time.Minute, 71 * time.Minute, -1}
		if !slices.Equal(at, want) {
			t.Errorf("ran at %v, want %v: the second job waits until the first is buried", at, want)
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			dead, err := q.Dead(tx, acct)
			if dead["q"] != 1 {
				t.Errorf("dead letters: %v", dead)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestQueue_delaysAndCancels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, dir+"/usher.db")
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		begin := time.Now()
		var ran []int
		var at time.Duration
		start(t, q.Worker(job.Worker{Queue: "q", Do: func(_ context.Context, j job.Job) error {
			ran, at = append(ran, number(t, j)), time.Since(begin)
			return nil
		}}))
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct, Unique: "later", RunAt: begin.Add(24 * time.Hour)}, 1)
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct, Unique: "later", RunAt: begin.Add(time.Hour)}, 2)
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct, Unique: "never", RunAt: begin.Add(2 * time.Hour)}, 3)
		if err := d.Do(t.Context(), func(tx *db.Tx) error { return q.Cancel(tx, "q", "never") }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if !slices.Equal(ran, []int{1}) || at < 24*time.Hour || at > 24*time.Hour+time.Minute {
			t.Errorf("ran %v at %v", ran, at)
		}
	})
}

func TestQueue_jobsOfARolledBackTransactionDoNotExist(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		boom := errors.New("boom")
		err := d.Do(t.Context(), func(tx *db.Tx) error {
			if err := q.Enqueue(tx, job.Job{Queue: "q", Account: acct}, 1); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		first := make(chan int, 2)
		start(t, q.Worker(job.Worker{Queue: "q", Do: func(_ context.Context, j job.Job) error {
			first <- number(t, j)
			return nil
		}}))
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct}, 2)
		if n := <-first; n != 2 {
			t.Errorf("job %d ran", n)
		}
	})
}

func TestQueue_releaseRunsWhatADeadProcessHadStarted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct}, 1)
		// What a process leaves that dies at work: the row says running.
		if err := d.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("update job set state = 1, attempts = 1, lease_until = $1", db.Micros(tx.Now.Add(time.Hour)))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := q.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan int, 1)
		start(t, q.Worker(job.Worker{Queue: "q", Do: func(_ context.Context, j job.Job) error {
			done <- j.Attempt
			return nil
		}}))
		if attempt := <-done; attempt != 2 {
			t.Errorf("attempt %d", attempt)
		}
	})
}

// A job may take longer than its lease: its worker renews it, and another process does not begin it.
func TestWorker_keepsALongJob(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, path)
		acct := account(t, d)
		var runs atomic.Int32
		worker := func() *job.Worker {
			return job.New(d, bus.NewMemory()).Worker(job.Worker{Queue: "q", Do: func(context.Context, job.Job) error {
				runs.Add(1)
				time.Sleep(10 * time.Minute)
				return nil
			}})
		}
		start(t, worker())
		enqueue(t, d, job.New(d, bus.NewMemory()), job.Job{Queue: "q", Account: acct}, 1)
		time.Sleep(time.Minute)
		start(t, worker())
		time.Sleep(20 * time.Minute)
		if n := runs.Load(); n != 1 {
			t.Errorf("it was begun %d times", n)
		}
	})
}

// Where processes share a database, the jobs of one that died are taken over when their leases end.
func TestWorker_takesOverFromTheDead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, path)
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct}, 1)
		err := d.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("update job set state = 1, attempts = 1, lease_until = $1", db.Micros(tx.Now.Add(30*time.Second)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		begin, done := time.Now(), make(chan time.Duration, 1)
		start(t, q.Worker(job.Worker{Queue: "q", Do: func(context.Context, job.Job) error {
			done <- time.Since(begin)
			return nil
		}}))
		if took := <-done; took < 30*time.Second || took > 61*time.Second {
			t.Errorf("it was taken over after %s", took)
		}
	})
}

// A job may say when it wants to be run again, and hears what the run before ended with; of one that was cut there is nothing to hear.
func TestWorker_laterAndWhy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, path)
		q, acct := job.New(d, bus.NewMemory()), account(t, d)
		var failures []string
		var at []time.Duration
		begin, done := time.Now(), make(chan bool)
		start(t, q.Worker(job.Worker{Queue: "q", Backoff: retry.Policy{Min: time.Second, Attempts: 9}, Do: func(_ context.Context, j job.Job) error {
			failures, at = append(failures, j.Failure), append(at, time.Since(begin).Round(time.Second))
			switch j.Attempt {
			case 1:
				return &job.Later{After: 10 * time.Second, Err: errors.New("not yet")}
			case 2:
				return errors.New("broken")
			}
			close(done)
			return nil
		}}))
		enqueue(t, d, q, job.Job{Queue: "q", Account: acct}, 1)
		<-done
		if !slices.Equal(failures, []string{"", "not yet", "broken"}) || !slices.Equal(at, []time.Duration{0, 10 * time.Second, 12 * time.Second}) {
			t.Errorf("ran at %v, after %q", at, failures)
		}
	})
	why := errors.New("why")
	if later := (&job.Later{Err: why}); !errors.Is(later, why) || later.Error() != "why" {
		t.Error("why is lost")
	}
}
