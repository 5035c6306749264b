package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/job"
	"usher/internal/retry"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Queue is the queue of deliveries.
const Queue = "hook"

// parallel is how many deliveries go out at a time. They wait for others' servers and cost next to nothing meanwhile.
const parallel = 32

// retryCount is the form's name for the number of tries before this one. Source: recorded webhooks.
const retryCount = "RetryCount"

// backoff says when to try again. A delivery ends by its own count; this one's bound is for what goes wrong inside, such as
// a database that cannot be written.
var backoff = retry.Policy{Min: time.Second, Max: time.Minute, Factor: 5, Jitter: 0.2, Attempts: 12}

// args is the argument of a delivery's job.
type args struct {
	Delivery sid.SID
	Round    int
}

// Worker returns the service that posts deliveries.
func (h *Hooks) Worker() *job.Worker {
	return h.jobs.Worker(job.Worker{Queue: Queue, Do: h.Deliver, Parallel: parallel, Backoff: backoff})
}

// outcome is what a try ended with.
type outcome struct {
	answer Response
	err    *Error
	state  State // set when nothing was posted
}

// Deliver makes one try of a delivery and writes down how it went. An error asks for another try. When the process dies
// between the two the try is made again: the receiver knows it by its idempotency token.
func (h *Hooks) Deliver(ctx context.Context, j job.Job) error {
	var a args
	if err := json.Unmarshal(j.Args, &a); err != nil {
		return fmt.Errorf("delivery: %w", err)
	}
	var d Delivery
	var c Content
	erased := false
	err := h.db.View(ctx, func(tx *db.Tx) (err error) {
		if d, err = deliveries.Get(tx, j.Account, a.Delivery); err != nil {
			return err
		}
		c, err = content(tx, &d)
		if erased = errors.Is(err, errErased); erased {
			return nil
		}
		return err
	})
	switch {
	case errors.Is(err, db.ErrNotFound):
		return nil // trimmed meanwhile
	case err != nil:
		return err
	case d.State != Pending, d.Round != a.Round:
		return nil // the outcome was written and the job's end was not, or a replay has begun
	}
	o := outcome{state: Erased}
	if !erased {
		o, err = h.try(ctx, &d, c)
		switch {
		case err != nil && j.Attempt < backoff.Attempts:
			return err
		case err != nil: // the job is given up now, so somebody must be told
			slog.Error("a delivery cannot be tried", "delivery", d.SID, "error", err)
			o = outcome{err: &Error{Failure: Unreachable, Reason: "the server could not make the call"}, state: Failed}
		}
	}
	return h.record(ctx, &d, o)
}

// try posts a delivery once.
func (h *Hooks) try(ctx context.Context, d *Delivery, c Content) (outcome, error) {
	acct, err := h.accounts.Get(ctx, account.System(d.Account, d.AccountSID), d.AccountSID)
	if err != nil {
		return outcome{}, fmt.Errorf("delivery %s: %w", d.SID, err)
	}
	if acct.ID != d.Account || acct.Status != account.Active {
		return outcome{state: Blocked, err: &Error{Failure: Refused, Reason: "the account is not active"}}, nil
	}
	if c.Form.Has(retryCount) {
		form := make(url.Values, len(c.Form))
		for name, values := range c.Form {
			form[name] = values
		}
		form.Set(retryCount, strconv.FormatInt(d.Attempts, 10))
		c.Form = form
	}
	answer, err := h.client.Post(ctx, Request{
		Method: d.Method, URL: c.URL, Form: c.Form, Body: c.Body, ContentType: c.ContentType,
		AuthToken: acct.AuthToken, IdempotencyToken: d.IdempotencyToken(), Timeout: WebhookTimeout, Discard: true, Peek: AnswerMost,
	})
	if err == nil {
		return outcome{answer: answer}, nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return outcome{}, fmt.Errorf("delivery %s: %w", d.SID, err)
	}
	return outcome{answer: answer, err: e}, nil
}

// record writes the outcome of a try. Its error asks for the next one.
func (h *Hooks) record(ctx context.Context, d *Delivery, o outcome) error {
	again := o.err != nil && o.err.Temporary() && d.Attempts < int64(d.Retries)
	state := o.state
	switch {
	case state != "":
	case o.err == nil:
		state = Delivered
	case again:
		state = Pending
	case o.err.Failure == Refused:
		state = Blocked
	default:
		state = Failed
	}
	replayed := false // or called off
	err := h.db.Do(ctx, func(tx *db.Tx) error {
		now, err := deliveries.ForUpdate(tx, d.Account, d.SID)
		if err != nil {
			return err
		}
		if replayed = now.Round != d.Round || now.State != Pending; replayed {
			return nil
		}
		now.State, now.Failure, now.Reason = state, "", ""
		if o.err != nil {
			now.Failure, now.Reason = o.err.Failure, o.err.Reason
		}
		if state != Erased {
			now.Attempts++
			now.Status, now.TookMicros, now.AttemptedAt = int64(o.answer.Status), o.answer.Took.Microseconds(), tx.Now
		}
		if state != Pending && !now.Settled {
			now.Settled = true
			if err := h.tell(tx, &now); err != nil {
				return err
			}
		}
		*d = now
		if err := keep(tx, d, o.answer); err != nil {
			return err
		}
		return deliveries.Update(tx, d)
	})
	if replayed || errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delivery %s: %w", d.SID, err)
	}
	level := slog.LevelDebug
	if state != Delivered {
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "webhook", "delivery", d.SID, "subject", d.Subject, "state", state, "attempt", d.Attempts,
		"status", d.Status, "failure", string(d.Failure), "took", o.answer.Took.Round(time.Millisecond))
	if again {
		return fmt.Errorf("delivery %s: attempt %d: %w", d.SID, d.Attempts, redacted(o.err.Error()))
	}
	return nil
}

// keep writes down the beginning of an answer, in place of an earlier one, where an address that was mistyped or a bot that
// breaks says what is wrong.
func keep(tx *db.Tx, d *Delivery, answer Response) error {
	b, err := bodies.Get(tx, d.Account, d.SID)
	if errors.Is(err, seal.ErrDestroyed) || errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil || len(answer.Body) == 0 && b.Answer == nil {
		return err
	}
	b.Answer = nil
	if len(answer.Body) > 0 {
		b.Answer = &Answer{answer.ContentType, answer.Body}
	}
	return bodies.Update(tx, &b)
}

// tell makes the job of a delivery that did not arrive, if somebody waits for one.
func (h *Hooks) tell(tx *db.Tx, d *Delivery) error {
	if d.Undelivered == "" || d.State != Failed && d.State != Blocked {
		return nil
	}
	b, err := bodies.Get(tx, d.Account, d.SID)
	if errors.Is(err, seal.ErrDestroyed) || errors.Is(err, db.ErrNotFound) {
		return nil // erased meanwhile: there is nobody left to act for
	}
	if err != nil {
		return err
	}
	return h.jobs.Enqueue(tx, job.Job{Queue: d.Undelivered, Account: d.Account, Key: b.Key, Unique: string(d.SID)},
		Lost{d.SID, d.Subject, d.Kind, d.State, d.Failure, b.Content})
}

// redacted is an error whose text is all there is: the job keeps it in the clear.
type redacted string

// Error returns the text.
func (r redacted) Error() string { return string(r) }
