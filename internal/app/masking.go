package app

import (
	"usher/internal/event"
	"usher/internal/hook"
	"usher/internal/masking"
	"usher/internal/messaging"
	"usher/internal/proxy"
)

// openMessages makes messages and masked conversations: each knows of the other what it declares.
func (p *parts) openMessages() {
	own := &masking.Numbers{}
	p.proxy = proxy.New(proxy.Deps{DB: p.db, Numbers: own})
	p.messages = messaging.New(messaging.Deps{DB: p.db, Log: p.log, Jobs: p.jobs, Media: p.media, Masks: masking.Claims{Proxy: p.proxy}})
	own.Messages = p.messages
}

// openMasking makes what passes messages on in masked conversations.
func (p *parts) openMasking(caller *hook.Client) {
	p.masking = masking.New(masking.Deps{Proxy: p.proxy, Messages: p.messages, Hooks: p.hooks, Caller: caller, Accounts: p.accounts})
}

// masks are the durable reactions of masked conversations.
func masks() map[string][]event.Subscriber {
	return map[string][]event.Subscriber{
		event.SMSReceived: {{Queue: masking.Received, Wants: masking.Masked, Order: messaging.PairOf}},
		event.SMSStatus:   {{Queue: masking.Statuses, Wants: masking.Follows}},
	}
}
