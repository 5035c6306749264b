package routing

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// start opens a fresh SQLite database with a router.
func start(tb testing.TB) (*taskrouter.TaskRouter, *db.DB, account.Actor) {
	tb.Helper()
	dir := tb.TempDir()
	root, err := seal.CreateRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		tb.Fatal(err)
	}
	d, err := db.Open(context.Background(), db.Options{URL: filepath.Join(dir, "usher.db"), Ring: seal.New(root)})
	if err != nil {
		tb.Fatal(err)
	}
	b := bus.NewMemory()
	log := event.New(d, b, job.New(d, b), map[event.StreamKind]string{
		event.Worker: taskrouter.WorkerTable, event.Queue: taskrouter.QueueTable, event.Workspace: taskrouter.WorkspaceTable,
	}, nil)
	t := taskrouter.New(taskrouter.Deps{DB: d, Log: log})
	var key int64
	if err := d.Do(context.Background(), func(tx *db.Tx) error {
		key, err = db.CreateKeyset(tx)
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- t.Router().Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		<-done
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return t, d, account.System(key, sid.New(sid.Account))
}

func run(tb testing.TB, spec Spec) Result {
	tb.Helper()
	t, d, a := start(tb)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	h, err := Build(ctx, t, d, a, spec)
	if err != nil {
		tb.Fatal(err)
	}
	began := time.Now()
	if err := h.Fill(ctx); err != nil {
		tb.Fatal(err)
	}
	tb.Logf("%d tasks made in %v", spec.Waiting, time.Since(began).Round(time.Millisecond))
	r, err := h.Run(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestRun(t *testing.T) {
	t.Parallel()
	r := run(t, Spec{Workers: 10, Skills: 10, Waiting: 200, Capacity: 10, Turns: 50, Clients: 8})
	if r.Routed != 100 || r.Turns != 50 {
		t.Errorf("measured %+v", r)
	}
	t.Logf("%.0f tasks/s, %v a turn", r.PerSecond(), r.PerTurn())
}

// BenchmarkRouting is the durable routing of the table: 1,000 workers; the rate with 100,000 waiting tasks, and the
// cost of a turn there against that with 1,000.
func BenchmarkRouting(b *testing.B) {
	for _, c := range []struct {
		name    string
		waiting int
	}{{"1000", 1_000}, {"100000", 100_000}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				r := run(b, Spec{Workers: 1000, Skills: 50, Waiting: c.waiting + 1000, Capacity: 1, Turns: 5000})
				b.ReportMetric(float64(r.PerTurn().Microseconds()), "us/turn")
			}
		})
	}
	b.Run("burst", func(b *testing.B) {
		for b.Loop() {
			r := run(b, Spec{Workers: 1000, Skills: 50, Waiting: 100_000, Capacity: 30})
			b.ReportMetric(r.PerSecond(), "tasks/s")
		}
	})
}
