// Package bustest is the contract of a bus, as tests that any implementation must pass.
package bustest

import (
	"sync"
	"testing"

	"usher/internal/bus"
)

// Run runs the contract against buses made by open.
func Run(t *testing.T, open func(t *testing.T) bus.Bus) {
	t.Run("every subscriber of the subject gets each message once and in order", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		var mu sync.Mutex
		got := [2][]int{}
		var all sync.WaitGroup
		all.Add(200)
		for i := range got {
			b.Subscribe("a", func(v any) {
				mu.Lock()
				defer mu.Unlock()
				got[i] = append(got[i], v.(int))
				all.Done()
			})
		}
		b.Subscribe("b", func(any) { t.Error("a message of another subject arrived") })
		for n := range 100 {
			if err := b.Publish(t.Context(), "a", n); err != nil {
				t.Fatal(err)
			}
		}
		all.Wait()
		for i := range got {
			for n, v := range got[i] {
				if n != v {
					t.Fatalf("subscriber %d: message %d is %d", i, n, v)
				}
			}
		}
	})
	t.Run("nothing arrives after cancel, which may be repeated", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		first := make(chan any, 1)
		cancel := b.Subscribe("a", func(v any) { first <- v })
		if err := b.Publish(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
		<-first
		cancel()
		cancel()
		second := make(chan any, 1)
		b.Subscribe("a", func(v any) { second <- v })
		if err := b.Publish(t.Context(), "a", 2); err != nil {
			t.Fatal(err)
		}
		<-second
		if len(first) != 0 {
			t.Error("a message arrived after cancel")
		}
	})
	t.Run("a subscriber may subscribe and cancel while it is called", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		done := make(chan struct{})
		var cancel func()
		var once sync.Once
		cancel = b.Subscribe("a", func(any) {
			once.Do(func() {
				b.Subscribe("c", func(any) {})()
				close(done)
			})
		})
		if err := b.Publish(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
		<-done
		cancel()
	})
}
