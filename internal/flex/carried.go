package flex

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"usher/internal/db"
)

// channelTypes are the original's names of the ways that a message takes, by the prefix of their addresses.
var channelTypes = map[string]string{"whatsapp": "whatsapp", "messenger": "facebook", "line": "line", "custom": "custom"}

// textChannel is the channel type of addresses without a prefix.
const textChannel = "sms"

// ChannelTypeOf is the channel type of an address: sms, whatsapp, facebook, line or custom.
func ChannelTypeOf(address string) string {
	kind, _ := split(address)
	return kind
}

// split reads the channel type from an address, and what follows its prefix.
func split(address string) (kind, rest string) {
	prefix, rest, found := strings.Cut(address, ":")
	if kind, known := channelTypes[prefix]; found && known {
		return kind, rest
	}
	return textChannel, address
}

// OwnerTx finds the enabled flow that the account's own address belongs to; db.ErrNotFound when there is none. A flow may leave the
// channel's prefix out of its contact identity.
func (f *Flex) OwnerTx(tx *db.Tx, acct int64, address string) (Flow, error) {
	kind, rest := split(address)
	names := []string{address}
	if rest != address {
		names = append(names, rest)
	}
	for _, name := range names {
		hash, err := f.db.Ring().Blind(acct, "flow contact", normal(name))
		if err != nil {
			return Flow{}, err
		}
		flow, err := flows.One(tx, "account_id = $1 and channel_type = $2 and contact_hash = $3 and enabled = 1", acct, kind, hash)
		if err == nil || !errors.Is(err, db.ErrNotFound) {
			return flow, err
		}
	}
	return Flow{}, fmt.Errorf("flow: %w", db.ErrNotFound)
}

// Address is the account's own address that customers of the flow write to, with its channel before it; "" for flows that have
// none, such as those of the web.
func (flow *Flow) Address() string {
	address := strings.TrimSpace(flow.ContactIdentity)
	if address == "" || flow.ChannelType == "web" {
		return ""
	}
	if ChannelTypeOf(address) == flow.ChannelType {
		return address
	}
	for prefix, kind := range channelTypes {
		if kind == flow.ChannelType {
			return prefix + ":" + address
		}
	}
	return ""
}

// ContactTx reads the contact with that identity, locked; db.ErrNotFound when there is none.
func (f *Flex) ContactTx(tx *db.Tx, acct int64, identity string) (Contact, error) {
	hash, err := f.db.Ring().Blind(acct, "contact", identity)
	if err != nil {
		return Contact{}, err
	}
	return contacts.One(tx, "account_id = $1 and identity_hash = $2"+tx.LockSuffix(), acct, hash)
}

// OpenAtTx returns the newest open channel in which a contact writes to the account's own address, locked, whichever flow opened it;
// db.ErrNotFound when there is none.
func (f *Flex) OpenAtTx(tx *db.Tx, contact int64, address string) (Channel, error) {
	open, err := channels.Find(tx, "contact_id = $1 and open = 1 order by id desc"+tx.LockSuffix(), contact)
	if err != nil {
		return Channel{}, err
	}
	i := slices.IndexFunc(open, func(c Channel) bool { return c.Number != "" && normal(c.Number) == normal(address) })
	if i < 0 {
		return Channel{}, fmt.Errorf("channel: %w", db.ErrNotFound)
	}
	return open[i], nil
}
