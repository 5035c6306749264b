package chat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/chat/origin"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// change runs a change of a channel by an actor: nobody else changes it, its
// members or its messages meanwhile. It fails with 50063 when the channel
// changes too often.
func (c *Chat) change(ctx context.Context, actor account.Actor, p Place, fn func(tx *db.Tx, ch *Channel, s seat) error) error {
	return c.changeIf(ctx, actor, p, seat.visible, fn)
}

// Change runs a change of what hangs on a channel by the account itself (grant
// chat.write), in the order of the channel's changes.
func (c *Chat) Change(ctx context.Context, actor account.Actor, p Place, fn func(tx *db.Tx, ch *Channel) error) error {
	if err := manage(actor); err != nil {
		return err
	}
	return c.change(ctx, actor, p, func(tx *db.Tx, ch *Channel, _ seat) error { return fn(tx, ch) })
}

func (c *Chat) changeIf(ctx context.Context, actor account.Actor, p Place, may func(seat, account.Actor) bool, fn func(*db.Tx, *Channel, seat) error) error {
	if err := c.paced(actor, p); err != nil {
		return err
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		ch, s, err := c.lockIf(tx, actor, p, may)
		if err != nil {
			return err
		}
		ch.by(ctx, actor, s)
		return fn(tx, &ch, s)
	})
}

// by remembers who changes the channel, for those outside who are told.
func (ch *Channel) by(ctx context.Context, actor account.Actor, s seat) {
	who, _ := origin.Of(ctx, actor.Identity, s.service)
	ch.origin = origin.Told(who, s.service, s.hooks, ch.Webhooks)
}

// paced counts an action on a channel: 50063 when there are too many. A channel
// has two names, its SID and its unique one, each with a measure of its own.
func (c *Chat) paced(actor account.Actor, p Place) error {
	if c.pace == nil {
		return nil
	}
	wait := c.pace.Take(seatKey{account: actor.Account, place: p}, time.Now())
	if wait == 0 {
		return nil
	}
	e := fault.New(50063, "")
	e.RetryAfter = wait
	return e
}

// Proposal is what a client is about to do.
type Proposal struct {
	Event    string // onMessageSend, …
	Account  int64
	Service  Service
	Channel  sid.SID // "" for users
	Identity string  // the client's
	Data     any     // ChannelData, MessageData, MemberData or UserData; what does not exist yet is empty
}

// Amendment is what a webhook changes of a proposal; nil leaves a field alone.
type Amendment struct {
	FriendlyName *string
	Body         *string
	Author       *string
	Attributes   *string
}

// Gate asks a service's webhook before a client's action is carried out. Ask
// fails with 50056 when it is refused; an answer that does not come refuses nothing.
type Gate interface {
	Ask(ctx context.Context, p Proposal) (Amendment, error)
}

// ask lets the service's webhook refuse or amend what a client is about to do.
// find makes the proposal's Service, Channel and Data, and reports false when
// the service asks nobody.
func (c *Chat) ask(ctx context.Context, actor account.Actor, name string, find func(tx *db.Tx, q *Proposal) (bool, error)) (Amendment, error) {
	if _, client := origin.Of(ctx, actor.Identity, ""); !client || c.gate == nil {
		return Amendment{}, nil
	}
	q, asks := Proposal{Event: name, Account: actor.Account, Identity: actor.Identity}, false
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		asks, err = find(tx, &q)
		return err
	})
	if err != nil || !asks || q.Service.PreWebhookURL == "" || !slices.Contains(q.Service.WebhookFilters, name) {
		return Amendment{}, err
	}
	return c.gate.Ask(ctx, q)
}

// askIn is ask for an action in a channel. show makes what the webhook is
// shown. Where it fails, or the actor may not know of the channel, nobody is
// asked: the action itself then says why it cannot be.
func (c *Chat) askIn(ctx context.Context, actor account.Actor, p Place, name string, show func(tx *db.Tx, ch *Channel, s seat) (any, error)) (Amendment, error) {
	return c.ask(ctx, actor, name, func(tx *db.Tx, q *Proposal) (bool, error) {
		s, err := c.readSeat(tx, actor.Account, p, actor.Identity)
		if isMissing(err) || err == nil && (s.hooks&settings.HookBefore == 0 || !s.joins(actor)) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("channel %s: %w", p.Channel, err)
		}
		if q.Service, err = services.ByID(tx, s.serviceID); err != nil {
			return false, fmt.Errorf("service %s: %w", s.service, err)
		}
		ch, err := channels.ByID(tx, s.channelID)
		if err != nil {
			return false, fmt.Errorf("channel %s: %w", s.channel, err)
		}
		ch.ServiceSID, q.Channel = s.service, s.channel
		q.Data, err = show(tx, &ch, s)
		return err == nil, nil
	})
}
