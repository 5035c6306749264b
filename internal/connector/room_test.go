package connector

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(100)
		first, done := context.WithCancel(t.Context())
		shrink, err := r.take(t.Context(), first, 80)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.take(short, t.Context(), 30); err == nil {
			t.Error("there was no room")
		}
		shrink(50)
		second, secondDone := context.WithCancel(t.Context())
		if _, err := r.take(t.Context(), second, 50); err != nil || r.free != 0 {
			t.Errorf("%d are free, %v", r.free, err)
		}
		waited := make(chan error)
		go func() {
			_, err := r.take(t.Context(), t.Context(), 70)
			waited <- err
		}()
		done() // gives back 50: not enough
		synctest.Wait()
		secondDone()
		if err := <-waited; err != nil || r.free != 30 {
			t.Errorf("%d are free, %v", r.free, err)
		}
		shrink(0) // after its end
		if r.free != 30 {
			t.Errorf("%d are free", r.free)
		}
	})
}
