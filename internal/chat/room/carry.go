package room

import (
	"fmt"

	"usher/internal/db"
	"usher/internal/sid"
)

// CarryTx says that what is written in an account's channel goes out by a carrier: its messages' events are Carried from now on, but for
// those that a carrier brought. db.ErrNotFound when the account has no such channel.
func CarryTx(tx *db.Tx, acct int64, channel sid.SID) error {
	n, err := tx.Exec("update chat_channel set carried = 1 where sid = $1 and account_id = $2 and removed = 0", string(channel), acct)
	if err == nil && n == 0 {
		err = db.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("channel %s: %w", channel, err)
	}
	return nil
}
