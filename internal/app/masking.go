package app

import (
	"context"
	"time"

	"usher/internal/event"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/masking"
	"usher/internal/messaging"
	"usher/internal/proxy"
	"usher/internal/sid"
)

// openMessages makes messages and masked conversations: each knows of the other what it declares.
func (p *parts) openMessages() {
	own := &masking.Numbers{}
	p.proxy = proxy.New(proxy.Deps{DB: p.db, Numbers: own, Rooms: masking.Rooms{}})
	p.messages = messaging.New(messaging.Deps{DB: p.db, Log: p.log, Jobs: p.jobs, Media: p.media, Masks: masking.Claims{Proxy: p.proxy, Flex: p.flex}})
	own.Messages = p.messages
}

// openMasking makes what passes messages on in masked conversations.
func (p *parts) openMasking(caller *hook.Client) {
	p.masking = masking.New(masking.Deps{
		Proxy: p.proxy, Messages: p.messages, Chat: p.chat, Flex: p.flex, Hooks: p.hooks, Caller: caller, Accounts: p.accounts,
		Sign: func(acct, message, file sid.SID, until time.Time) string {
			return p.links.Sign(acct, message, file, until)
		},
	})
}

// onWord lets both hear what was said in a carried channel: the contact center's own bridge, and the session that the channel takes part
// in. One of them has a use for it, and each knows what it has done.
func (p *parts) onWord(ctx context.Context, j job.Job) error {
	if err := p.outbound.OnWord(ctx, j); err != nil {
		return err
	}
	return p.masking.OnWord(ctx, j)
}

// masks are the durable reactions of masked conversations.
func masks() map[string][]event.Subscriber {
	return map[string][]event.Subscriber{
		event.SMSReceived: {{Queue: masking.Received, Wants: masking.Masked, Order: messaging.PairOf}},
		event.SMSStatus:   {{Queue: masking.Statuses, Wants: masking.Follows}},
	}
}
