package messaging

import (
	"usher/internal/db"
	"usher/internal/sid"
)

// Masks says whether what comes to a number of a Proxy service's pool belongs to a masked conversation.
type Masks interface {
	// TakesTx answers for a number of the account's own that is in a pool, and for who wrote to it.
	TakesTx(tx *db.Tx, acct int64, number, from string) (bool, error)
	// EraseTx deletes what masked conversations keep of words that a customer's data key seals. It is about to be destroyed.
	EraseTx(tx *db.Tx, acct, key int64) error
}

// NumberOfTx reads a number of the account by its SID, of whichever kind; db.ErrNotFound when there is none.
func (m *Messaging) NumberOfTx(tx *db.Tx, acct int64, s sid.SID) (Number, error) {
	return numbers.Get(tx, acct, s)
}

// MaskTx notes which Proxy service has a number in its pool; "" is none. Messages to such numbers are asked about (Masks). A number
// that was deleted meanwhile needs no note.
func (m *Messaging) MaskTx(tx *db.Tx, acct int64, s, service sid.SID) error {
	n, err := numbers.ForUpdate(tx, acct, s)
	if err != nil {
		return err
	}
	if n.Proxy == service {
		return nil
	}
	n.Proxy = service
	return numbers.Update(tx, &n)
}

// maskedTx says whether an incoming message to a number belongs to a masked conversation: then neither a flow nor the number's own
// handler hears of it.
func (m *Messaging) maskedTx(tx *db.Tx, number *Number, msg *Message) (bool, error) {
	if number.Proxy == "" || m.masks == nil {
		return false, nil
	}
	return m.masks.TakesTx(tx, msg.Account, number.Address, msg.From)
}
