package db

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"usher/internal/seal"
)

// CreateKeyset makes the keys of a new account and returns the account's integer key: the value that Row.Account of
// all its rows has, and that the account's own row should have as its ID. The keys can be used in the same transaction.
func CreateKeyset(tx *Tx) (int64, error) {
	var account int64
	if err := tx.Returning("insert into keyset (created_at, wrapped) values ($1, $2) returning id", []any{Micros(tx.Now), []byte{}}, &account); err != nil {
		return 0, fmt.Errorf("keyset: %w", err)
	}
	wrapped, err := tx.db.ring.NewKeyset(account)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec("update keyset set wrapped = $2 where id = $1", account, wrapped); err != nil {
		return 0, fmt.Errorf("keyset: %w", err)
	}
	return account, nil
}

// CreateDataKey makes a data key for one contact of the account and returns its id: the value of Row.Key.
func CreateDataKey(tx *Tx, account int64) (int64, error) {
	var id int64
	err := tx.Returning("insert into data_key (account_id, created_at, wrapped) values ($1, $2, $3) returning id",
		[]any{account, Micros(tx.Now), []byte{}}, &id)
	if err != nil {
		return 0, fmt.Errorf("data key: %w", err)
	}
	wrapped, err := tx.db.ring.NewDataKey(account, id)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec("update data_key set wrapped = $2 where id = $1", id, wrapped); err != nil {
		return 0, fmt.Errorf("data key: %w", err)
	}
	return id, nil
}

// DestroyDataKey erases a data key: everything that it sealed can no longer be read by anyone. The row stays, so that
// its id is never given to another key.
func DestroyDataKey(tx *Tx, account, id int64) error {
	n, err := tx.Exec("update data_key set wrapped = $3 where id = $1 and account_id = $2", id, account, []byte{})
	if err != nil {
		return fmt.Errorf("data key: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("data key %d: %w", id, ErrNotFound)
	}
	ring := tx.db.ring
	tx.AfterCommit(func() { ring.Forget(seal.KeyRef{Account: account, Data: id}) })
	return nil
}

// keySource reads wrapped keys for the ring.
type keySource struct{ db *DB }

// Keyset returns an account's wrapped keyset.
func (s keySource) Keyset(ctx context.Context, account int64) ([]byte, error) {
	return s.read(ctx, "select wrapped from keyset where id = $1", account)
}

// DataKey returns a wrapped data key.
func (s keySource) DataKey(ctx context.Context, account, id int64) ([]byte, error) {
	return s.read(ctx, "select wrapped from data_key where id = $1 and account_id = $2", id, account)
}

func (s keySource) read(ctx context.Context, query string, args ...any) ([]byte, error) {
	var wrapped []byte
	err := s.db.engine.keyView(ctx, func(tx *Tx) error { return tx.QueryRow(query, args...).Scan(&wrapped) })
	if errors.Is(err, ErrNotFound) || err == nil && len(wrapped) == 0 {
		return nil, seal.ErrDestroyed
	}
	return wrapped, err
}

// readEpoch returns the database's epoch and makes it at first.
func (d *DB) readEpoch(ctx context.Context) (string, error) {
	var epoch string
	err := d.Do(ctx, func(tx *Tx) error {
		err := tx.QueryRow("select value from meta where name = 'epoch'").Scan(&epoch)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		random := make([]byte, 8)
		if _, err := rand.Read(random); err != nil {
			return err
		}
		epoch = hex.EncodeToString(random)
		_, err = tx.Exec("insert into meta (name, value) values ('epoch', $1)", epoch)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("epoch: %w", err)
	}
	return epoch, nil
}
