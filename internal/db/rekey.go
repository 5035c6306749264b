package db

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/seal"
)

// dataKeys is the sweep's name for the wrapped data keys themselves.
const dataKeys = "data_key"

// RotateKeyset gives an account a new primary key. What is written from now on is sealed under it; Rekey seals the rest anew.
func (d *DB) RotateKeyset(ctx context.Context, account int64) error {
	return d.Do(ctx, func(tx *Tx) error {
		var current []byte
		// The lock keeps two rotations apart: the second must build on the first.
		if err := tx.QueryRow("select wrapped from keyset where id = $1"+tx.lock, account).Scan(&current); err != nil {
			return fmt.Errorf("keyset of account %d: %w", account, err)
		}
		d.ring.Forget(seal.KeyRef{Account: account})
		wrapped, err := d.ring.Rotate(account)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("update keyset set wrapped = $2 where id = $1", account, wrapped); err != nil {
			return fmt.Errorf("keyset of account %d: %w", account, err)
		}
		if _, err := tx.Exec("delete from rekey where account_id = $1", account); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.ring.Forget(seal.KeyRef{Account: account}) })
		return nil
	})
}

// Rekey does one batch of the sweep that seals an account's rows under its primary key: of tables, in order, and of the
// wrapped data keys. It keeps its place in the database, so it goes on after a restart where it stood. done is true when
// nothing is left; changed counts the rows of this batch that were sealed anew.
func (d *DB) Rekey(ctx context.Context, account int64, tables []string, batch int) (done bool, changed int, err error) {
	for _, name := range append([]string{dataKeys}, tables...) {
		end := false
		err := d.Do(ctx, func(tx *Tx) error {
			changed = 0
			var err error
			end, changed, err = d.rekeyBatch(tx, account, name, batch)
			return err
		})
		if err != nil || !end {
			return false, changed, err
		}
	}
	return true, 0, nil
}

// sealedRow is what the sweep reads of a row.
type sealedRow struct {
	id, key int64
	sid     string
	doc     []byte
}

func (d *DB) rekeyBatch(tx *Tx, account int64, name string, batch int) (end bool, changed int, err error) {
	var after int64
	err = tx.QueryRow("select after_id from rekey where account_id = $1 and name = $2"+tx.lock, account, name).Scan(&after)
	if errors.Is(err, ErrNotFound) {
		_, err = tx.Exec("insert into rekey (account_id, name, after_id) values ($1, $2, 0)", account, name)
	}
	if err != nil || after < 0 {
		return after < 0, 0, err
	}
	rows, err := d.sealedRows(tx, account, name, after, batch)
	if err != nil {
		return false, 0, fmt.Errorf("rekey %s: %w", name, err)
	}
	for _, r := range rows {
		after = r.id
		if len(r.doc) == 0 {
			continue
		}
		done, err := d.rekeyRow(tx, account, name, r)
		if err != nil {
			return false, 0, fmt.Errorf("rekey %s %d: %w", name, r.id, err)
		}
		if done {
			changed++
		}
	}
	if len(rows) < batch {
		after = -1
	}
	_, err = tx.Exec("update rekey set after_id = $3 where account_id = $1 and name = $2", account, name, after)
	return false, changed, err
}

func (d *DB) sealedRows(tx *Tx, account int64, name string, after int64, batch int) ([]sealedRow, error) {
	columns := "id, key_id, sid, doc"
	if name == dataKeys {
		columns = "id, 0, '', wrapped"
	}
	rows, err := tx.Query("select "+columns+" from "+name+" where account_id = $1 and id > $2 order by id limit $3"+tx.lock, account, after, batch)
	if err != nil {
		return nil, err
	}
	var all []sealedRow
	for rows.Next() {
		var r sealedRow
		if err := rows.Scan(&r.id, &r.key, &r.sid, &r.doc); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, r)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// rekeyRow seals one row anew if it is not under the primary key. Rows under a data key stay: the data key itself is wrapped anew.
func (d *DB) rekeyRow(tx *Tx, account int64, name string, r sealedRow) (bool, error) {
	if name == dataKeys {
		wrapped, err := d.ring.Rewrap(seal.KeyRef{Account: account, Data: r.id}, r.doc)
		if err != nil {
			return false, err
		}
		_, err = tx.Exec("update data_key set wrapped = $2 where id = $1", r.id, wrapped)
		return true, err
	}
	ref := seal.KeyRef{Account: account, Data: r.key}
	if current, err := d.ring.Current(ref, r.doc); err != nil || current {
		return false, err
	}
	aad := rowAAD(name, account, r.sid)
	plain, err := d.ring.Open(ref, aad, r.doc)
	if err != nil {
		return false, err
	}
	doc, err := d.ring.Seal(ref, aad, plain)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec("update "+name+" set doc = $2 where id = $1", r.id, doc)
	return true, err
}
