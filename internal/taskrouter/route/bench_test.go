package route

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"usher/internal/expr"
)

const (
	benchWorkers = 1000
	benchQueues  = 50
)

// busyHouse is a workspace with 1,000 busy workers who have 5 of 50 skills each, and waiting tasks in a queue per skill.
func busyHouse(tb testing.TB, waiting int) (*State, *rand.Rand) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	s := New()
	for q := range benchQueues {
		e, err := expr.Parse(fmt.Sprintf("skills HAS 's%d'", q))
		if err != nil {
			tb.Fatal(err)
		}
		s.PutQueue(Queue{ID: int64(q + 1), Version: 1, Target: e, MaxReserved: 1})
	}
	for i := range benchWorkers {
		var skills []any
		for _, k := range r.Perm(benchQueues)[:5] {
			skills = append(skills, fmt.Sprint("s", k))
		}
		s.PutWorker(Worker{
			ID: int64(i + 1), Version: 1, SID: fmt.Sprint("WK", i), Available: true, Attributes: map[string]any{"skills": skills},
			Slots: []Slot{{Channel: 1, Name: "default", Capacity: 1, Available: true}, {Channel: 2, Name: "chat", Capacity: 1, Available: true}},
		})
	}
	for i := range waiting + benchWorkers {
		s.PutTask(benchTask(r, int64(i+1)))
	}
	Assign(s, 1, waiting+benchWorkers)
	return s, r
}

func benchTask(r *rand.Rand, id int64) Task {
	return Task{ID: id, Version: 1, Queue: int64(r.IntN(benchQueues) + 1), Channel: 2, Priority: int64(r.IntN(5)), Start: id, Expires: 1 << 50}
}

// turn frees one worker, lets a new task arrive and routes: the queue's length stays what it was.
func turn(tb testing.TB, s *State, r *rand.Rand, i int) {
	held := benchHolds[s.workers[int64(i%benchWorkers+1)]]
	if held != nil {
		done := held.task.Task
		done.Version++
		done.Phase = Done
		s.PutTask(done)
	}
	s.PutTask(benchTask(r, int64(1_000_000+i)))
	if got := Assign(s, int64(i+2), 100); held != nil && len(got) == 0 {
		tb.Fatal("a worker is free and tasks wait, but nothing was assigned")
	}
}

// benchHolds goes from workers to their reservations, which the state itself has no need to.
var benchHolds = map[*worker]*hold{}

func index(s *State) {
	clear(benchHolds)
	for _, t := range s.tasks {
		for _, h := range t.holds {
			benchHolds[h.worker] = h
		}
	}
}

// BenchmarkRoute measures the matching of one task without I/O: complete, create, assign.
func BenchmarkRoute(b *testing.B) {
	for _, waiting := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("%d queued", waiting), func(b *testing.B) {
			s, r := busyHouse(b, waiting)
			index(s)
			b.ResetTimer()
			for i := range b.N {
				if i > 0 && i%benchWorkers == 0 {
					b.StopTimer()
					index(s)
					b.StartTimer()
				}
				turn(b, s, r, i)
			}
		})
	}
}

// TestRouteGrowth holds the cost of a task at 100,000 waiting ones against that at 1,000. The bound is generous, for a
// machine that does other work; the benchmark shows the ratio itself.
func TestRouteGrowth(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a queue of 100,000")
	}
	cost := func(waiting int) time.Duration {
		s, r := busyHouse(t, waiting)
		best := time.Hour
		for round := range 5 {
			index(s)
			start := time.Now()
			for i := range benchWorkers {
				turn(t, s, r, round*benchWorkers+i)
			}
			best = min(best, time.Since(start)/benchWorkers)
		}
		return best
	}
	small, large := cost(1_000), cost(100_000)
	t.Logf("per task: %v at 1,000 waiting, %v at 100,000", small, large)
	if large > 3*small+2*time.Microsecond {
		t.Errorf("a task costs %v at 100,000 waiting and %v at 1,000", large, small)
	}
}
