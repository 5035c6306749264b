package messaging

import (
	"context"
	"errors"
	"testing"

	"usher/internal/db"
	"usher/internal/sid"
)

// mask takes what one customer writes, and counts what it is asked.
type mask struct {
	takes  string
	asked  int
	erased []int64
}

func (m *mask) TakesTx(_ *db.Tx, _ int64, number, from string) (bool, error) {
	m.asked++
	return number == own && from == m.takes, nil
}

func (m *mask) EraseTx(_ *db.Tx, _, key int64) error {
	m.erased = append(m.erased, key)
	return nil
}

func TestMasked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := &mask{takes: customer}
		w.masks = k
		if msg, _ := w.accept("1", "hello"); msg.Masked || k.asked != 0 {
			t.Errorf("a number of no pool: %v, asked %d times", msg.Masked, k.asked)
		}
		service := sid.New(sid.ProxyService)
		pool := func(s sid.SID) {
			t.Helper()
			w.do(func(tx *db.Tx) error { return w.MaskTx(tx, w.owner.Account, w.number.SID, s) })
		}
		pool(service)
		pool(service)
		msg, _ := w.accept("2", "hello")
		if !msg.Masked || k.asked != 1 {
			t.Errorf("taken: %v, asked %d times", msg.Masked, k.asked)
		}
		if again, fresh := w.accept("2", "hello"); fresh || !again.Masked || k.asked != 1 {
			t.Errorf("the same again: %v, asked %d times", again.Masked, k.asked)
		}
		k.takes = ""
		if msg, _ := w.accept("3", "hello"); msg.Masked || k.asked != 2 {
			t.Errorf("left: %v, asked %d times", msg.Masked, k.asked)
		}
		pool("")
		w.accept("4", "hello")
		if k.asked != 2 {
			t.Error("asked about a number that has left its pool")
		}
		w.do(func(tx *db.Tx) error {
			n, err := w.NumberOfTx(tx, w.owner.Account, w.number.SID)
			if err != nil || n.Address != own || n.Proxy != "" {
				t.Errorf("%+v, %v", n, err)
			}
			if _, err := w.NumberOfTx(tx, w.other.Account, w.number.SID); !errors.Is(err, db.ErrNotFound) {
				t.Errorf("another account reads the number: %v", err)
			}
			return nil
		})
		err := w.db.Do(context.Background(), func(tx *db.Tx) error { return w.MaskTx(tx, w.other.Account, w.number.SID, service) })
		if !errors.Is(err, db.ErrNotFound) {
			t.Errorf("another account pools the number: %v", err)
		}
		w.do(func(tx *db.Tx) error { return w.ForgetTx(tx, w.owner.Account, customer) })
		if len(k.erased) != 1 || k.erased[0] != msg.Key {
			t.Errorf("erased %v, and the key is %d", k.erased, msg.Key)
		}
	})
}
