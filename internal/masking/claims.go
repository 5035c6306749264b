package masking

import (
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/messaging"
	"usher/internal/proxy"
	"usher/internal/sid"
)

// Claims says of messages whether they belong to masked conversations. It is a messaging.Masks.
type Claims struct {
	Proxy *proxy.Proxy
	Flex  *flex.Flex
}

// TakesTx takes what somebody writes in an active session, and, where the pool's service is no contact center's, everything else that
// comes to its numbers: it is outside of every session. A number of the contact center's own service is a Flex Flow's, and so are the
// words of a session that only stands beside a conversation that a Flex Flow carries itself.
func (c Claims) TakesTx(tx *db.Tx, acct int64, number, from string) (bool, error) {
	r, found, err := c.Proxy.RouteTx(tx, acct, number, from)
	if err != nil {
		return false, err
	}
	if found && r.To != nil && r.To.Channel() != "" {
		room, own, err := bridged(tx, c.Flex, acct, r.To.Channel())
		return !own || room.Number != number || room.Target != from, err
	}
	if found {
		return true, nil
	}
	return r.Service.ID != 0 && r.Service.UniqueName != proxy.FlexService, nil
}

// EraseTx deletes what is kept of a customer's words.
func (c Claims) EraseTx(tx *db.Tx, acct, key int64) error { return c.Proxy.EraseTx(tx, acct, key) }

// Numbers are the account's own, for pools. It is a proxy.Numbers.
type Numbers struct{ Messages *messaging.Messaging }

// OwnedTx finds a number by its SID or by its address.
func (o *Numbers) OwnedTx(tx *db.Tx, acct int64, s sid.SID, address string) (proxy.Owned, error) {
	var n messaging.Number
	var err error
	if s != "" {
		n, err = o.Messages.NumberOfTx(tx, acct, s)
	} else {
		n, err = o.Messages.NumberTx(tx, acct, address)
	}
	if err != nil {
		return proxy.Owned{}, err
	}
	return proxy.Owned{
		SID: n.SID, Address: n.Address, FriendlyName: n.FriendlyName,
		Capabilities: proxy.Capabilities{SMS: n.Kind != messaging.KindAlpha, MMS: n.Kind != messaging.KindAlpha},
	}, nil
}

// MaskTx notes in whose pool a number is.
func (o *Numbers) MaskTx(tx *db.Tx, acct int64, number, service sid.SID) error {
	return o.Messages.MaskTx(tx, acct, number, service)
}
