package messaging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// world is an account with a number, and another account; every event of the package becomes a job of the queue "heard".
type world struct {
	*Messaging
	t            *testing.T
	owner, other account.Actor
	number       Number
	connection   sid.SID
}

const (
	own      = "+15550001000"
	customer = "+15550002000"
)

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := bus.NewMemory()
		jobs := job.New(d, b)
		subs := map[string][]event.Subscriber{}
		for _, kind := range []string{event.SMSQueued, event.SMSStatus, event.SMSReceived} {
			subs[kind] = []event.Subscriber{{Queue: "heard", Order: PairOf}}
		}
		w := &world{Messaging: New(Deps{DB: d, Log: event.New(d, b, jobs, nil, subs), Jobs: jobs}), t: t, connection: sid.New("CX")}
		for _, a := range []*account.Actor{&w.owner, &w.other} {
			w.do(func(tx *db.Tx) error {
				id, err := db.CreateKeyset(tx)
				*a = account.System(id, sid.New(sid.Account))
				return err
			})
		}
		w.number = w.own(own, NumberChange{Connection: &w.connection})
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// own writes down a number of the account's.
func (w *world) own(address string, c NumberChange) Number {
	w.t.Helper()
	n, err := w.CreateNumber(w.t.Context(), w.owner, address, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// send makes an outgoing message.
func (w *world) send(n Draft) Message {
	w.t.Helper()
	msg, err := w.Create(w.t.Context(), w.owner, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return msg
}

// text is a plain message to the customer.
func text(body string) Draft { return Draft{From: own, To: customer, Body: body} }

// accept brings a message of the customer's.
func (w *world) accept(id, body string) (msg Message, fresh bool) {
	w.t.Helper()
	w.do(func(tx *db.Tx) (err error) {
		msg, fresh, err = w.AcceptTx(tx, w.owner.Account, w.connection, carry.Inbound{ID: id, From: customer, To: own, Body: body})
		return err
	})
	return msg, fresh
}

func (w *world) sent(msg Message, ids ...string) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error {
		if _, send, err := w.SendingTx(tx, w.owner.Account, msg.SID, w.connection); err != nil || !send {
			return fmt.Errorf("to be sent: %v, %w", send, err)
		}
		_, err := w.SentTx(tx, w.owner.Account, msg.SID, w.connection, carry.Sent{IDs: ids, Status: carry.Queued})
		return err
	})
}

func (w *world) receipt(r carry.Receipt) (found bool) {
	w.t.Helper()
	w.do(func(tx *db.Tx) (err error) {
		found, err = w.ReceiptTx(tx, w.owner.Account, w.connection, r)
		return err
	})
	return found
}

func (w *world) get(s sid.SID) (msg Message) {
	w.t.Helper()
	w.do(func(tx *db.Tx) (err error) {
		msg, err = w.MessageTx(tx, w.owner.Account, s)
		return err
	})
	return msg
}

// heard takes what was told since it was last asked.
func (w *world) heard() (list []string) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var left int64
	w.do(func(tx *db.Tx) error {
		return tx.QueryRow("select count(*) from job where queue = 'heard'").Scan(&left)
	})
	if left == 0 {
		return nil
	}
	done := make(chan string, left)
	worker := w.jobs.Worker(job.Worker{Queue: "heard", Parallel: 1, Do: func(_ context.Context, j job.Job) error {
		var a event.Args
		if err := json.Unmarshal(j.Args, &a); err != nil {
			return err
		}
		n, err := NoticeOf(a.Data)
		done <- a.Kind + " " + string(n.Status)
		return err
	}})
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	for range left {
		list = append(list, <-done)
	}
	cancel()
	<-ended
	return list
}

func want(t *testing.T, what string, err error, code int) {
	t.Helper()
	if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

func TestAccept_once(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, fresh := w.accept("id-1", "Hello")
		if !fresh || first.Status != carry.Received || first.Direction != Inbound || first.Segments != 1 || sid.Prefix(string(first.SID)) != sid.SMS {
			t.Fatalf("%+v %v", first, fresh)
		}
		again, fresh := w.accept("id-1", "Hello")
		if fresh || again.SID != first.SID || again.Body != "Hello" {
			t.Errorf("the second time: %v %+v", fresh, again)
		}
		if other, fresh := w.accept("id-2", "Hello"); !fresh || other.SID == first.SID || other.Key != first.Key {
			t.Errorf("another message: %v %+v", fresh, other)
		}
		w.do(func(tx *db.Tx) error {
			_, fresh, err := w.AcceptTx(tx, w.owner.Account, sid.New("CX"), carry.Inbound{ID: "id-1", From: customer, To: own})
			if !fresh {
				t.Error("another connection's names are its own")
			}
			return err
		})
		if got := w.heard(); len(got) != 3 || got[0] != "message.received received" {
			t.Errorf("told: %v", got)
		}
	})
}

func TestAccept_fiveAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.accept("before", "the customer has a key")
		fresh := make(chan bool, 5)
		for range 5 {
			go func() {
				err := w.db.Do(context.Background(), func(tx *db.Tx) error {
					_, f, err := w.AcceptTx(tx, w.owner.Account, w.connection, carry.Inbound{ID: "same", From: customer, To: own})
					if err == nil {
						tx.AfterCommit(func() { fresh <- f })
					}
					return err
				})
				if err != nil {
					t.Error(err)
					fresh <- false
				}
			}()
		}
		count := 0
		for range 5 {
			if <-fresh {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d messages of one name", count)
		}
	})
}

func TestAccept_refuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			in   carry.Inbound
			code int
		}{
			"no name": {carry.Inbound{From: customer, To: own}, 20001}, "from": {carry.Inbound{ID: "a", From: "?", To: own}, 21212},
			"to": {carry.Inbound{ID: "a", From: customer}, 21211},
		} {
			err := w.db.Do(t.Context(), func(tx *db.Tx) error {
				_, _, err := w.AcceptTx(tx, w.owner.Account, w.connection, c.in)
				return err
			})
			want(t, name, err, c.code)
		}
		msg, _ := w.accept("x", "a\x00b\xff")
		if msg.Body != "ab\ufffd" {
			t.Errorf("%q", msg.Body)
		}
	})
}

func TestLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		msg := w.send(Draft{From: own, To: customer, Body: "Hi", StatusCallback: "https://example.com/s"})
		if msg.Status != carry.Queued || msg.Direction != OutboundAPI || msg.Connection != w.connection {
			t.Fatalf("%+v", msg)
		}
		w.sent(msg, "c-1")
		for _, c := range []struct {
			is, want carry.Status
			id       string
			found    bool
		}{
			{carry.Delivered, carry.Delivered, "c-1", true},
			{carry.SentOut, carry.Delivered, "c-1", true},
			{carry.Undelivered, carry.Delivered, "c-1", true},
			{carry.Queued, carry.Delivered, "c-1", true},
			{carry.Read, carry.Read, "c-1", true},
			{carry.Failed, carry.Read, "c-1", true},
			{carry.Delivered, carry.Read, "c-2", false},
		} {
			found := w.receipt(carry.Receipt{ID: c.id, Status: c.is})
			if got := w.get(msg.SID); found != c.found || got.Status != c.want {
				t.Errorf("%s of %s: %v, %s", c.is, c.id, found, got.Status)
			}
		}
		want := "[message.queued queued message.status sending message.status sent message.status delivered message.status read]"
		if got := fmt.Sprint(w.heard()); got != want {
			t.Errorf("told:\n%s\n%s", got, want)
		}
	})
}

func TestParts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		msg := w.send(text("long"))
		w.sent(msg, "p-0", "p-1", "p-2")
		for _, id := range []string{"p-2", "p-0"} {
			w.receipt(carry.Receipt{ID: id, Status: carry.Delivered})
			if got := w.get(msg.SID).Status; got != carry.SentOut {
				t.Errorf("after %s: %s", id, got)
			}
		}
		w.receipt(carry.Receipt{ID: "p-1", Status: carry.Delivered})
		if got := w.get(msg.SID).Status; got != carry.Delivered {
			t.Errorf("all arrived: %s", got)
		}
		lost := w.send(text("long"))
		w.sent(lost, "q-0", "q-1")
		w.receipt(carry.Receipt{ID: "q-1", Status: carry.Undelivered, Code: 30003, Reason: "absent"})
		w.receipt(carry.Receipt{ID: "q-0", Status: carry.Delivered})
		if got := w.get(lost.SID); got.Status != carry.Undelivered || got.ErrorCode != 30003 || got.Reason != "absent" {
			t.Errorf("a part was lost: %+v", got)
		}
		// A carrier that counts from the beginning again.
		newer := w.send(text("short"))
		w.sent(newer, "p-0")
		w.receipt(carry.Receipt{ID: "p-0", Status: carry.Delivered})
		if got := w.get(newer.SID).Status; got != carry.Delivered {
			t.Errorf("a name that was used before: %s", got)
		}
	})
}

func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		msg := w.send(text("Hi"))
		for range 2 {
			w.do(func(tx *db.Tx) error {
				_, err := w.RefusedTx(tx, w.owner.Account, msg.SID, 0, "no")
				return err
			})
		}
		if got := w.get(msg.SID); got.Status != carry.Failed || got.ErrorCode != 30008 || got.Reason != "no" {
			t.Errorf("%+v", got)
		}
		w.do(func(tx *db.Tx) error {
			_, send, err := w.SendingTx(tx, w.owner.Account, msg.SID, w.connection)
			if send {
				t.Error("what has failed is sent")
			}
			return err
		})
		err := w.db.View(t.Context(), func(tx *db.Tx) error {
			_, err := w.MessageTx(tx, w.other.Account, msg.SID)
			return err
		})
		if !errors.Is(err, db.ErrNotFound) {
			t.Errorf("another account: %v", err)
		}
	})
}

func TestMoves(t *testing.T) {
	t.Parallel()
	order := []carry.Status{
		carry.Scheduled, carry.Accepted, carry.Queued, carry.Sending, carry.SentOut, carry.Delivered, carry.Read, carry.Undelivered, carry.Failed,
		carry.Canceled,
	}
	for i, from := range order {
		for j, to := range order {
			if mayMove(from, to) && j <= i {
				t.Errorf("%s may go back to %s", from, to)
			}
			if mayMove(from, from) {
				t.Errorf("%s may follow itself", from)
			}
		}
	}
}
