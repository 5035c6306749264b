package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"usher/internal/retry"
)

const (
	// leaseFor is how long a claimed job belongs to its worker, who renews it while the job runs. Where other processes share the
	// database, the jobs of one that died wait for so long, and then until the next one looks.
	leaseFor = 30 * time.Second
	// lookAgain bounds how long a worker sleeps when nobody wakes it: another process's wake-up may get lost.
	lookAgain = 30 * time.Second
)

// Later is the error of a job that is not to be run before some time, such as one whose carrier has asked for a pause. It counts as
// a failure like any other, but is not worth a line of the log each time.
type Later struct {
	After time.Duration
	Err   error
}

// Error says why.
func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns why.
func (l *Later) Unwrap() error { return l.Err }

// Worker runs the jobs of one queue. It is a loop.Service.
type Worker struct {
	Queue string
	// Do does the work. It must be safe to repeat. A nil error ends the job.
	Do func(ctx context.Context, j Job) error
	// Parallel is how many jobs run at a time; 0 means 8.
	Parallel int
	// Backoff says when to try again; its Attempts is the number of runs before the job is buried. The zero value means
	// 1 s to 10 min over 12 runs.
	Backoff retry.Policy

	jobs    *Queue
	running *sync.Map // the keys of jobs that run, int64
}

// Worker completes w into a service that runs this store's jobs.
func (q *Queue) Worker(w Worker) *Worker {
	w.jobs, w.running = q, &sync.Map{}
	if w.Parallel == 0 {
		w.Parallel = 8
	}
	if w.Backoff == (retry.Policy{}) {
		w.Backoff = retry.Policy{Min: time.Second, Max: 10 * time.Minute, Factor: 3, Jitter: 0.3, Attempts: 12}
	}
	return &w
}

// Release makes jobs that were running when the last process ended ready again. It must be called before workers start,
// and only when no other process uses the database; otherwise leases end by themselves.
func (q *Queue) Release(ctx context.Context) error { return q.release(ctx) }

// Run works until ctx is done. What runs then is finished, not cut.
func (w *Worker) Run(ctx context.Context) error {
	woken := w.jobs.woken(w.Queue)
	slots := make(chan struct{}, w.Parallel)
	var all sync.WaitGroup
	ended := make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() { w.renew(context.WithoutCancel(ctx), ended) })
	defer func() {
		all.Wait()
		close(ended)
		renewing.Wait()
	}()
	var reclaimed time.Time
	for ctx.Err() == nil {
		if time.Since(reclaimed) >= lookAgain { // also in a queue that is never empty
			if err := w.jobs.reclaim(ctx, w.Queue); err != nil {
				slog.Error("jobs cannot be reclaimed", "queue", w.Queue, "error", err)
			}
			reclaimed = time.Now()
		}
		n, err := w.runOnce(ctx, slots, &all)
		if err != nil {
			slog.Error("jobs cannot be claimed", "queue", w.Queue, "error", err)
		}
		if n > 0 {
			continue
		}
		pause := time.NewTimer(w.pause(ctx, err))
		select {
		case <-ctx.Done():
		case <-woken:
		case <-pause.C:
		}
		pause.Stop()
	}
	return nil
}

// runOnce waits for a free slot, claims as many due jobs as there are slots, starts them and returns how many.
func (w *Worker) runOnce(ctx context.Context, slots chan struct{}, all *sync.WaitGroup) (int, error) {
	select {
	case slots <- struct{}{}:
		<-slots
	case <-ctx.Done():
		return 0, nil
	}
	jobs, err := w.jobs.claim(ctx, w.Queue, cap(slots)-len(slots), leaseFor)
	if err != nil {
		return 0, err
	}
	for _, j := range jobs {
		slots <- struct{}{}
		w.running.Store(j.ID, true)
		all.Go(func() {
			defer func() {
				w.running.Delete(j.ID)
				<-slots
				// The next job of its order key may be due now.
				w.jobs.signal(w.Queue)
			}()
			w.work(context.WithoutCancel(ctx), j)
		})
	}
	return len(jobs), nil
}

// renew keeps the leases of running jobs until ended: a job may take as long as it needs, and nobody else begins it.
func (w *Worker) renew(ctx context.Context, ended <-chan struct{}) {
	tick := time.NewTicker(leaseFor / 3)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		var ids []int64
		w.running.Range(func(id, _ any) bool {
			ids = append(ids, id.(int64)) //nolint:forcetypeassert // only such are stored
			return true
		})
		if len(ids) == 0 {
			continue
		}
		if err := w.jobs.renew(ctx, ids, leaseFor); err != nil {
			slog.Error("leases of jobs cannot be renewed", "queue", w.Queue, "error", err)
		}
	}
}

// pause is the time until the next job is due.
func (w *Worker) pause(ctx context.Context, failed error) time.Duration {
	if failed != nil {
		return time.Second
	}
	due, ok, err := w.jobs.next(ctx, w.Queue)
	if err != nil || !ok {
		return lookAgain
	}
	return min(max(time.Until(due), time.Millisecond), lookAgain)
}

func (w *Worker) work(ctx context.Context, j Job) {
	err := w.guard(ctx, j)
	if err == nil {
		if err = w.jobs.finish(ctx, j); err == nil {
			return
		}
	}
	bury := j.Attempt >= w.Backoff.Attempts
	again := time.Now().Add(w.Backoff.Delay(j.Attempt, rand.Float64))
	level := slog.LevelWarn
	var later *Later
	if errors.As(err, &later) {
		level, again = slog.LevelDebug, time.Now().Add(later.After)
	}
	if bury {
		level = slog.LevelError
	}
	slog.Log(ctx, level, "job failed", "queue", w.Queue, "job", j.ID, "attempt", j.Attempt, "buried", bury, "error", err)
	if failed := w.jobs.fail(ctx, j, again, bury, err.Error()); failed != nil {
		// The lease ends by itself.
		slog.Error("job outcome not kept", "queue", w.Queue, "job", j.ID, "error", failed)
	}
}

func (w *Worker) guard(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.Do(ctx, j)
}
