package messaging

import (
	"time"

	"usher/internal/db"
)

// BetweenTx lists what two addresses have written to each other and what has changed of it since then, the oldest first, at most limit
// messages; with the zero time the newest that there are.
func (m *Messaging) BetweenTx(tx *db.Tx, acct int64, own, other string, since time.Time, limit int) ([]Message, error) {
	own, _, known := normal(own)
	other, _, valid := normal(other)
	if !known || !valid {
		return nil, nil
	}
	mine, err := m.hash(acct, own)
	if err != nil {
		return nil, err
	}
	theirs, err := m.hash(acct, other)
	if err != nil {
		return nil, err
	}
	list, err := messages.Find(tx, `account_id = $1 and updated_at > $4 and (from_hash = $2 and to_hash = $3 or from_hash = $3 and to_hash = $2)
		order by id desc limit $5`, acct, mine, theirs, db.Micros(since), limit)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list, err
}
