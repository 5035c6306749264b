package push

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// maxDevices bounds how many devices one event is told to: more than members and bindings can be of one channel by default.
const maxDevices = 5000

// DevicesOfChannelTx returns the devices of a channel's members that take a type of message, without those of the user with an
// identity, those of members who muted the channel, and those of erased customers. At most 5,000.
func (p *Push) DevicesOfChannelTx(tx *db.Tx, acct, channelID int64, except, messageType string) ([]Binding, error) {
	hash, err := p.chat.IdentityHash(acct, except)
	if err != nil {
		return nil, err
	}
	list, err := bindings.Find(tx, `user_id in (select user_id from chat_member where channel_id = $1 and muted = 0 and identity_hash <> $2)
		and (key_id = 0 or key_id in (select id from data_key)) order by id limit $3`, channelID, hash, maxDevices)
	return takers(list, messageType), err
}

// DevicesOfUserTx returns the devices of a user that take a type of message.
func (p *Push) DevicesOfUserTx(tx *db.Tx, userID int64, messageType string) ([]Binding, error) {
	list, err := bindings.Find(tx, `user_id = $1 order by id`, userID)
	return takers(list, messageType), err
}

// takers are the devices that were registered for a type of message.
func takers(list []Binding, messageType string) []Binding {
	return slices.DeleteFunc(list, func(b Binding) bool { return !slices.Contains(b.MessageTypes, messageType) })
}

// UnreadTx counts the conversations of two in which a user has not read everything: what the badge of an app shows. Source: the
// original's description of the badge count.
func (p *Push) UnreadTx(tx *db.Tx, userID int64) (int64, error) {
	var n int64
	err := tx.QueryRow(`select count(*) from chat_member m join chat_channel c on c.id = m.channel_id
		where m.user_id = $1 and c.removed = 0 and c.member_count <= 2 and c.last_index > m.last_read`, userID).Scan(&n)
	return n, err
}

// DeviceTx returns a device and the credential by which it is told: the one that it was registered with, or the account's newest of
// its kind where that is gone. ErrNotFound when there is no such device, or no credential.
func (p *Push) DeviceTx(tx *db.Tx, acct int64, binding sid.SID) (b Binding, c Credential, err error) {
	if b, err = bindings.Get(tx, acct, binding); err != nil {
		return b, c, err
	}
	if b.Credential != "" {
		if c, err = credentials.Get(tx, acct, b.Credential); !errors.Is(err, db.ErrNotFound) {
			return b, c, err
		}
	}
	s, err := newest(tx, acct, b.Kind)
	if err == nil && s == "" {
		err = fmt.Errorf("credential for %s: %w", b.Kind, db.ErrNotFound)
	}
	if err == nil {
		c, err = credentials.Get(tx, acct, s)
	}
	return b, c, err
}

// ForgetTx deletes a device that its push service no longer knows. since is when the service found that out, or zero: a device that
// was registered again after it stays.
func (p *Push) ForgetTx(tx *db.Tx, acct int64, binding sid.SID, since time.Time) error {
	b, err := bindings.ForUpdate(tx, acct, binding)
	if errors.Is(err, db.ErrNotFound) || err == nil && !since.IsZero() && b.UpdatedAt.After(since) {
		return nil
	}
	if err == nil {
		err = p.remove(tx, &b)
	}
	return err
}
