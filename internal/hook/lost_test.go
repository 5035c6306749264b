package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/sid"
)

// whoWaits runs the jobs of a queue that notices name, and keeps what they are told.
type whoWaits struct {
	mu   sync.Mutex
	told []hook.Lost
}

func (h *house) wait(queue string) *whoWaits {
	w := &whoWaits{}
	worker := job.New(h.db, bus.NewMemory()).Worker(job.Worker{Queue: queue, Do: func(_ context.Context, j job.Job) error {
		var lost hook.Lost
		if err := json.Unmarshal(j.Args, &lost); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, lost)
		return nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	return w
}

// Who waits for a delivery is told once when it fails for good, with what was to be sent; not when it arrives, nor after a replay.
func TestUndelivered_tellsOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answers []error
		state   hook.State // "" when nobody is told
		failure hook.Failure
	}{
		{"arrives", []error{nil, status(500)}, "", ""},
		{"arrives after a retry", []error{status(503), nil, status(500)}, "", ""},
		{"fails", []error{status(503), status(503), status(503), status(503), status(500)}, hook.Failed, hook.BadStatus},
		{"is refused", []error{&hook.Error{Failure: hook.Refused}}, hook.Blocked, hook.Refused},
		{"cannot be tried", []error{errors.New("broken")}, hook.Failed, hook.Unreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answer: func(n int, _ hook.Request) error { return tt.answers[min(n, len(tt.answers))-1] }}
				h := open(t, dbtest.Open(t, dir+"/usher.db"), r)
				h.run()
				waits := h.wait("waits")
				subject := sid.New(sid.Channel)
				made := h.enqueue(hook.Notice{Kind: "onMessageSent", Subject: subject, Retries: 3, Undelivered: "waits", Content: form("hello")})
				time.Sleep(time.Hour)
				if _, err := h.Replay(t.Context(), h.owner, made.SID); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if tt.state == "" {
					if len(waits.told) != 0 {
						t.Errorf("told %+v", waits.told)
					}
					return
				}
				if len(waits.told) != 1 {
					t.Fatalf("told %d times", len(waits.told))
				}
				got := waits.told[0]
				if got.Delivery != made.SID || got.Subject != subject || got.Kind != "onMessageSent" || got.State != tt.state || got.Failure != tt.failure ||
					got.Content.Form.Get("Body") != "hello" {
					t.Errorf("told %+v", got)
				}
			})
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := &receiver{}
		h := open(t, d, r)
		subject, order := sid.New(sid.Channel), "flow|a"
		notice := func(s sid.SID, order, body string) hook.Delivery {
			return h.enqueue(hook.Notice{Subject: s, Order: order, Undelivered: "waits", Content: form(body)})
		}
		first, second := notice(subject, order, "one"), notice(subject, order, "two")
		other, elsewhere := notice(subject, "flow|b", "other"), notice(sid.New(sid.Channel), order, "elsewhere")
		cancel := func() {
			err := d.Do(t.Context(), func(tx *db.Tx) error { return h.CancelTx(tx, h.owner.Account, subject, order) })
			if err != nil {
				t.Error(err)
			}
		}
		r.answer = func(int, hook.Request) error {
			cancel() // while the first one is under way
			return nil
		}
		cancel()
		h.run()
		h.until(other.SID)
		h.until(elsewhere.SID)
		for _, made := range []hook.Delivery{first, second} {
			if got := h.get(made.SID); got.State != hook.Canceled || got.Attempts != 0 {
				t.Errorf("%+v", got)
			}
		}
		// What is called off while it is under way stays called off, and is not tried again.
		third := notice(subject, order, "three")
		r.mu.Lock()
		r.answer = func(int, hook.Request) error {
			cancel()
			return status(503)
		}
		r.mu.Unlock()
		if got := h.until(third.SID); got.State != hook.Canceled {
			t.Errorf("%+v", got)
		}
		// An operator may want it nonetheless.
		r.mu.Lock()
		r.answer = func(int, hook.Request) error { return nil }
		r.mu.Unlock()
		if _, err := h.Replay(t.Context(), h.owner, second.SID); err != nil {
			t.Fatal(err)
		}
		if got := h.until(second.SID); got.State != hook.Delivered {
			t.Errorf("%+v", got)
		}
		var bodies []string
		r.mu.Lock()
		for _, q := range r.calls {
			bodies = append(bodies, q.Form.Get("Body"))
		}
		r.mu.Unlock()
		slices.Sort(bodies)
		if !slices.Equal(bodies, []string{"elsewhere", "other", "three", "two"}) {
			t.Errorf("posted %v", bodies)
		}
	})
}
