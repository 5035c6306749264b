// Package notify is the sentence between chat and the webhooks of its services and channels: it tells them what has happened, and
// asks a service's webhook before what a client does.
//
// What has happened is told by a job of the committed event (Events): the job makes one delivery for each webhook that wants the
// event, in one transaction, so that running it again makes no other. Deliveries to one address for one channel go out in the
// order in which things happened, and each is known by its idempotency token. Studio flows of a channel hear messages in the same
// way, without a delivery.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/webhook"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/seal"
	"usher/internal/sid"
)

// Events is the queue of what webhooks are to be told.
const Events = "notify.event"

// Deliveries are posted until they arrive or have failed; *hook.Hooks does it.
type Deliveries interface {
	EnqueueTx(tx *db.Tx, n hook.Notice) (hook.Delivery, error)
}

// Accounts finds accounts; *account.Accounts does.
type Accounts interface {
	ByIDTx(tx *db.Tx, acct int64) (account.Account, error)
}

// Flows lets Studio flows hear messages; *flowrun.FlowRun does.
type Flows interface {
	// HearTx gives a message to the flow's execution for the channel, or begins one. attempt counts from 1.
	HearTx(tx *db.Tx, flow sid.SID, ch *chat.Channel, m chat.MessageData, trigger map[string]string, attempt int) error
}

// Deps are what New needs.
type Deps struct {
	DB       *db.DB
	Chat     *chat.Chat
	Webhooks *webhook.Webhooks
	Hooks    Deliveries
	Accounts Accounts
	Flows    Flows
}

// Notify tells webhooks.
type Notify struct{ Deps }

// New makes the sentence from its products.
func New(d Deps) *Notify { return &Notify{d} }

// OnEvent tells the webhooks that want an event of it.
func (n *Notify) OnEvent(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil // the customer was erased
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	if e.Origin == nil || names[e.Kind] == "" {
		return nil
	}
	data, err := read(e.Kind, e.Data)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Kind, err)
	}
	var flows []flow
	err = n.DB.Do(ctx, func(tx *db.Tx) (err error) {
		flows, err = n.tell(tx, j, e, data)
		return err
	})
	for i := 0; err == nil && i < len(flows); i++ {
		err = n.DB.Do(ctx, func(tx *db.Tx) error { return n.tellFlow(tx, &flows[i], j) })
		if fault.Is(err, fault.KindNotFound) || fault.Is(err, fault.KindInvalid) {
			slog.Warn("a channel's flow cannot hear a message", "channel", e.Stream, "webhook", flows[i].webhook, "code", fault.Of(err).Code)
			err = nil
		}
	}
	if errors.Is(err, seal.ErrDestroyed) {
		return nil
	}
	return err
}

// flow is a Studio flow that is to hear a message.
type flow struct {
	webhook, flow, channel sid.SID
	message                chat.MessageData
	trigger                map[string]string
}

// tell makes the deliveries of one event. What flows are to hear is done by itself: one that cannot run stops no delivery.
func (n *Notify) tell(tx *db.Tx, j job.Job, e event.Args, data any) (flows []flow, err error) {
	owner, err := n.Accounts.ByIDTx(tx, j.Account)
	if err != nil {
		return nil, fmt.Errorf("account of %s: %w", e.Stream, err)
	}
	name := nameOf(e.Kind, data)
	f := form{}
	f.set("AccountSid", string(owner.SID))
	f.set("EventType", name)
	f.set("InstanceSid", string(e.Origin.Service))
	f.set("Source", e.Origin.Source)
	f.set("ClientIdentity", e.Origin.Identity)
	f.set("RetryCount", "0")
	f.describe(data, strings.HasSuffix(e.Kind, ".updated") || strings.HasSuffix(e.Kind, ".removed"))
	notice := hook.Notice{Account: j.Account, AccountSID: owner.SID, Key: j.Key, Kind: name, Subject: e.Stream}
	if err := n.tellService(tx, e, name, f, notice); err != nil || e.Of != event.Channel {
		return nil, err
	}
	list, err := n.Webhooks.OfTx(tx, j.Account, e.ID)
	if err != nil {
		return nil, fmt.Errorf("webhooks of %s: %w", e.Stream, err)
	}
	body := url.Values(f).Get("Body")
	for i := range list {
		w := &list[i]
		if !w.Wants(name, body) {
			continue
		}
		own := form(maps.Clone(f))
		own.set("WebhookType", string(w.Kind))
		own.set("WebhookSid", string(w.SID))
		if m, ok := data.(chat.MessageData); ok && w.Kind == webhook.Studio {
			flows = append(flows, flow{w.SID, w.FlowSID, e.Stream, m, own.first()})
			continue
		}
		if err := n.deliver(tx, notice, e, string(w.SID), w.Method, w.Retries, w.URL, own); err != nil {
			return nil, fmt.Errorf("webhook %s: %w", w.SID, err)
		}
	}
	return flows, nil
}

// tellService tells the webhook of the service, if it wants the event.
func (n *Notify) tellService(tx *db.Tx, e event.Args, name string, f form, notice hook.Notice) error {
	s, err := n.Chat.ServiceTx(tx, notice.Account, e.Origin.Service)
	if fault.Is(err, fault.KindNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil || s.PostWebhookURL == "" || !slices.Contains(s.WebhookFilters, name) {
		return err
	}
	return n.deliver(tx, notice, e, string(s.SID), s.WebhookMethod, s.PostRetries, s.PostWebhookURL, f)
}

// deliver makes a delivery to whom, once for each event. Each receiver hears of a channel in order, and waits for no other.
func (n *Notify) deliver(tx *db.Tx, notice hook.Notice, e event.Args, whom, method string, retries int, address string, f form) error {
	notice.Unique = whom + "|" + string(e.Stream) + "|" + e.Kind + "|" + strconv.FormatInt(e.Offset, 10)
	notice.Order = whom + "|" + string(e.Stream)
	notice.Method, notice.Retries = method, retries
	notice.Content = hook.Content{URL: address, Form: url.Values(f)}
	_, err := n.Hooks.EnqueueTx(tx, notice)
	return err
}

// tellFlow lets a channel's Studio flow hear a message, once.
func (n *Notify) tellFlow(tx *db.Tx, f *flow, j job.Job) error {
	ch, err := n.Chat.ChannelTx(tx, j.Account, f.channel)
	if err != nil {
		return err
	}
	news, err := n.Webhooks.HearTx(tx, j.Account, f.webhook, f.message.Index)
	if errors.Is(err, db.ErrNotFound) || err == nil && !news {
		return nil
	}
	if err != nil {
		return fmt.Errorf("webhook %s: %w", f.webhook, err)
	}
	return n.Flows.HearTx(tx, f.flow, &ch, f.message, f.trigger, j.Attempt)
}
