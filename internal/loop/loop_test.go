package loop_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/loop"
)

// diary records lines from several goroutines.
type diary struct {
	mu    sync.Mutex
	lines []string
	log   bytes.Buffer
}

func (d *diary) add(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, s)
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func (d *diary) group() *loop.Group {
	return &loop.Group{Log: slog.New(slog.NewTextHandler(d, nil))}
}

func (d *diary) blocker(name string) loop.Service {
	return loop.Func(func(ctx context.Context) error {
		<-ctx.Done()
		d.add(name)
		return nil
	})
}

func TestGroupStopsInReverse(t *testing.T) {
	t.Parallel()
	want := []string{"c", "b", "a"}
	for _, how := range []string{"Stop", "context"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var d diary
				g := d.group()
				for _, name := range []string{"a", "b", "c"} {
					g.Add(name, d.blocker(name))
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				g.Start(ctx)
				g.Start(ctx) // the second does nothing
				synctest.Wait()
				if how == "context" {
					cancel()
					synctest.Wait()
				}
				for range 2 { // the second call finds everything stopped
					if err := g.Stop(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(want, d.lines); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestGroupRestartsWithBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var times []time.Duration
		began := time.Now()
		g := d.group()
		g.Add("fragile", loop.Func(func(ctx context.Context) error {
			times = append(times, time.Since(began))
			switch len(times) {
			case 1:
				return errors.New("first")
			case 2:
				panic("second")
			}
			return nil
		}))
		g.Start(t.Context())
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(times) != 3 {
			t.Fatalf("ran %d times, want 3: a nil return ends the service", len(times))
		}
		if gap := times[1] - times[0]; gap < 80*time.Millisecond || gap > 120*time.Millisecond {
			t.Errorf("first wait %v", gap)
		}
		if gap := times[2] - times[1]; gap < 160*time.Millisecond || gap > 240*time.Millisecond {
			t.Errorf("second wait %v", gap)
		}
		for _, want := range []string{"service=fragile", "panic=second", "loop_test.go", "service has finished"} {
			if !strings.Contains(d.log.String(), want) {
				t.Errorf("log lacks %q", want)
			}
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestGroupStopsWhileWaitingToRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := d.group()
		g.Add("broken", loop.Func(func(context.Context) error { return errors.New("no") }))
		g.Start(t.Context())
		time.Sleep(10 * time.Minute) // waits are a minute long by now
		began := time.Now()
		if err := g.Stop(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("Stop took %v, %v", time.Since(began), err)
		}
	})
}

func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := d.group()
		release := make(chan struct{})
		g.Add("first", d.blocker("first"))
		g.Add("stubborn", loop.Func(func(context.Context) error { <-release; return nil }))
		g.Start(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Stop(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stubborn") {
			t.Errorf("Stop = %v", err)
		}
		close(release)
		synctest.Wait()
		if diff := cmp.Diff([]string{"first"}, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStopWithoutStart(t *testing.T) {
	t.Parallel()
	var g loop.Group
	g.Add("never", loop.Func(func(context.Context) error { return nil }))
	if err := g.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := d.group()
		var at []int
		began := time.Now()
		g.Add("tick", loop.Every(10*time.Second, func(ctx context.Context) error {
			at = append(at, int(time.Since(began).Seconds()))
			loop.Log(ctx).Info("worked")
			if len(at) == 2 {
				time.Sleep(25 * time.Second) // swallows a tick
				return errors.New("slow and broken")
			}
			return nil
		}))
		g.Start(t.Context())
		time.Sleep(51 * time.Second)
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{0, 10, 35, 40, 50}, at); diff != "" {
			t.Error(diff)
		}
		for _, want := range []string{"slow and broken", "msg=worked service=tick"} {
			if !strings.Contains(d.log.String(), want) {
				t.Errorf("log lacks %q in %s", want, &d.log)
			}
		}
	})
	if loop.Log(t.Context()) == nil {
		t.Error("Log outside of a group must be slog's default")
	}
}
