package messaging

import (
	"errors"
	"fmt"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// The loop guard: so many automatic replies may go to one customer in so long. Two machines that answer each other fall silent
// when one of them does.
const (
	guardWindow  = 10 * time.Minute
	guardReplies = 30
)

// party is an address of a customer: its data key seals what is written with it.
type party struct {
	db.Row
	hash     []byte
	windowAt time.Time
	replies  int64
}

// partyTx returns the party of an address and makes it, with a data key of its own, when there is none. Where two transactions
// make the same, the later one fails with db.ErrConflict and must be run again.
func (m *Messaging) partyTx(tx *db.Tx, acct int64, address string) (party, error) {
	hash, err := m.hash(acct, address)
	if err != nil {
		return party{}, err
	}
	p, err := parties.One(tx, "account_id = $1 and address_hash = $2", acct, hash)
	if !errors.Is(err, db.ErrNotFound) {
		return p, err
	}
	key, err := db.CreateDataKey(tx, acct)
	if err != nil {
		return party{}, err
	}
	p = party{Row: db.Row{SID: sid.New(sid.Contact), Account: acct, Key: key}, hash: hash}
	return p, parties.Insert(tx, &p)
}

// ForgetTx destroys the data key of a customer's address: nothing that was written with it can be read any more. Opt-outs stay,
// because they protect the customer. It is no error when nothing was ever written.
func (m *Messaging) ForgetTx(tx *db.Tx, acct int64, address string) error {
	clean, _, ok := normal(address)
	if !ok {
		return nil
	}
	hash, err := m.hash(acct, clean)
	if err != nil {
		return err
	}
	p, err := parties.One(tx, "account_id = $1 and address_hash = $2"+tx.LockSuffix(), acct, hash)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if m.masks != nil {
		if err := m.masks.EraseTx(tx, acct, p.Key); err != nil {
			return err
		}
	}
	if err := db.DestroyDataKey(tx, acct, p.Key); err != nil {
		return err
	}
	for _, table := range []string{"messaging_message where party_id = $1", "messaging_party where id = $1"} {
		if _, err := tx.Exec("delete from "+table, p.ID); err != nil {
			return fmt.Errorf("party %s: %w", p.SID, err)
		}
	}
	return nil
}

// guardTx counts an automatic reply to a party and says whether it may go.
func (m *Messaging) guardTx(tx *db.Tx, p *party) (bool, error) {
	var n int64
	err := tx.Returning(`update messaging_party set replies = case when window_at > $2 then replies + 1 else 1 end,
		window_at = case when window_at > $2 then window_at else $3 end where id = $1 returning replies`,
		[]any{p.ID, db.Micros(tx.Now.Add(-guardWindow)), db.Micros(tx.Now)}, &n)
	if err != nil {
		return false, fmt.Errorf("party %s: %w", p.SID, err)
	}
	return n <= guardReplies, nil
}
