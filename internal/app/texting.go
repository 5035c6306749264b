package app

import (
	"errors"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/hook"
	"usher/internal/masking"
	"usher/internal/messaging"
	"usher/internal/texting"
)

// openTexting makes what tells others of messages and says what they answer.
func (p *parts) openTexting(caller *hook.Client) error {
	links, err := p.messageLinks()
	if err != nil {
		return err
	}
	p.links = links
	p.texting = texting.New(texting.Deps{
		Messages: p.messages, Hooks: p.hooks, Caller: caller, Accounts: p.accounts, Links: links, Taken: p.flowOwns,
	})
	return nil
}

// flowOwns says that a Flex flow answers what comes to an address.
func (p *parts) flowOwns(tx *db.Tx, acct int64, address string) (bool, error) {
	_, err := p.flex.OwnerTx(tx, acct, address)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// texts are the durable reactions to messages by carriers that others are told of.
func texts() map[string][]event.Subscriber {
	return map[string][]event.Subscriber{
		event.SMSReceived: {{Queue: texting.Inbound, Wants: func(e event.Event) bool { return !masking.Masked(e) }, Order: messaging.PairOf}},
		event.SMSStatus:   {{Queue: texting.Status, Wants: texting.Wants}},
	}
}
