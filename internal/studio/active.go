package studio

import (
	"errors"
	"fmt"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// BusyTx says which of an account's contacts have an active execution, by their addresses.
func (s *Studio) BusyTx(tx *db.Tx, acct int64, contacts []string) (map[string]bool, error) {
	busy := map[string]bool{}
	if len(contacts) == 0 {
		return busy, nil
	}
	args, names := make([]any, 0, len(contacts)), make(map[string]string, len(contacts))
	for _, contact := range contacts {
		h, err := s.hash(acct, contact)
		if err != nil {
			return nil, err
		}
		args = append(args, h)
		names[string(h)] = contact
	}
	args = db.Pad(args)
	rows, err := tx.Query("select contact_hash from studio_execution where active = 1 and contact_hash in ("+db.In(1, len(args))+")", args...)
	if err != nil {
		return nil, fmt.Errorf("active executions: %w", err)
	}
	for rows.Next() {
		var h []byte
		if err := rows.Scan(&h); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		busy[names[string(h)]] = true
	}
	return busy, errors.Join(rows.Err(), rows.Close())
}

// ActiveOfTx reads and locks the active executions of a contact, in whichever flow; what others wait for comes last.
func (s *Studio) ActiveOfTx(tx *db.Tx, acct int64, contact string) ([]Execution, error) {
	h, err := s.hash(acct, contact)
	if err != nil {
		return nil, err
	}
	return executions.Find(tx, "contact_hash = $1 and active = 1 and account_id = $2 order by id"+tx.LockSuffix(), h, acct)
}

// Quiet names an active execution that has not moved for some time.
type Quiet struct {
	ID, Account int64
	SID         sid.SID
	At          time.Time // of its last step
}

// QuietTx lists active executions, of all accounts, that have not moved since an instant: the longest quiet first, from the one that
// follows after. Their documents are not read.
func (s *Studio) QuietTx(tx *db.Tx, since time.Time, after Quiet, limit int) (list []Quiet, err error) {
	rows, err := tx.Query(`select id, account_id, sid, updated_at from studio_execution where active = 1 and updated_at < $1
		and updated_at >= $2 and (updated_at > $2 or id > $3) order by updated_at, id limit $4`,
		db.Micros(since), db.Micros(after.At), after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("quiet executions: %w", err)
	}
	for rows.Next() {
		var q Quiet
		var at int64
		if err := rows.Scan(&q.ID, &q.Account, &q.SID, &at); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		q.At = db.FromMicros(at)
		list = append(list, q)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}

// ByIDTx reads and locks an execution by its key; db.ErrNotFound when there is none.
func (s *Studio) ByIDTx(tx *db.Tx, id int64) (Execution, error) {
	return executions.ByIDForUpdate(tx, id)
}

// endedBefore claims executions that ended before an instant, without reading them: those of contacts who were erased go, too.
func endedBefore(tx *db.Tx, before time.Time, limit int) (old []Execution, err error) {
	rows, err := tx.Query("select id, sid from studio_execution where ended_at > 0 and ended_at < $1 order by ended_at limit $2"+tx.SkipLocked(),
		db.Micros(before), limit)
	if err != nil {
		return nil, fmt.Errorf("ended executions: %w", err)
	}
	for rows.Next() {
		var x Execution
		if err := rows.Scan(&x.ID, &x.SID); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		old = append(old, x)
	}
	return old, errors.Join(rows.Err(), rows.Close())
}
