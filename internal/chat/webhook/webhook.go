// Package webhook keeps the webhooks of single channels: addresses that are told of what happened in the channel, or of messages
// that hold certain words, and Studio flows that answer its messages. Who calls them is not decided here.
package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/check"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Kind is what a webhook is, on the wire.
type Kind string

// The kinds.
const (
	URL     Kind = "webhook" // an address that is told of events
	Trigger Kind = "trigger" // an address that is told of messages that hold a text
	Studio  Kind = "studio"  // a flow that hears messages
)

// Limits of the wire.
const (
	maxPerChannel = 5
	maxTriggers   = 5
	maxTrigger    = 256 // characters of one
	maxRetries    = 3
)

// Webhook is one of a channel.
type Webhook struct {
	db.Row
	Configuration
	ChannelID  int64
	Removed    time.Time // when its channel was removed; zero while it is there
	ChannelSID sid.SID   // not stored
	ServiceSID sid.SID   // not stored
}

// Configuration is the sealed part of a webhook: all of it.
type Configuration struct {
	Kind     Kind     `json:"kind"`
	URL      string   `json:"url,omitempty"`
	Method   string   `json:"method,omitempty"`   // GET or POST
	Filters  []string `json:"filters,omitempty"`  // events, of kind webhook
	Triggers []string `json:"triggers,omitempty"` // texts, of kind trigger
	FlowSID  sid.SID  `json:"flow,omitempty"`
	Retries  int      `json:"retries,omitempty"`
	Heard    *int64   `json:"heard,omitempty"` // index of the last message that the flow heard
}

// Change is what a webhook is made from or changed by; nil leaves a field alone.
type Change struct {
	URL      *string
	Method   *string
	Filters  []string
	Triggers []string
	FlowSID  *sid.SID
	Retries  *int
}

var webhooks = &db.Table[Webhook]{
	Name: "chat_webhook",
	Row:  func(w *Webhook) *db.Row { return &w.Row },
	Doc:  func(w *Webhook) any { return &w.Configuration },
	Columns: []db.Column[Webhook]{
		{Name: "channel_id", Field: func(w *Webhook) any { return &w.ChannelID }},
		{Name: "removed", Field: func(w *Webhook) any { return &w.Removed }},
	},
}

// Webhooks holds the operations of this package. It is safe for concurrent use.
type Webhooks struct {
	db   *db.DB
	chat *chat.Chat
}

// New returns the operations.
func New(d *db.DB, c *chat.Chat) *Webhooks { return &Webhooks{d, c} }

// manage refuses everybody but the account: an address may hold secrets.
func manage(actor account.Actor) error {
	if actor.Can(account.ChatWrite) {
		return nil
	}
	return fault.New(50107, "")
}

// Create gives a channel a webhook, at most five (50321). Grant chat.write.
func (w *Webhooks) Create(ctx context.Context, actor account.Actor, p chat.Place, kind Kind, ch Change) (Webhook, error) {
	var made Webhook
	if err := manage(actor); err != nil {
		return made, err
	}
	err := w.chat.Change(ctx, actor, p, func(tx *db.Tx, on *chat.Channel) error {
		made = Webhook{
			Row: db.Row{SID: sid.New(sid.Webhook), Account: on.Account}, Configuration: Configuration{Kind: kind},
			ChannelID: on.ID, ChannelSID: on.SID, ServiceSID: on.ServiceSID,
		}
		if err := ch.apply(&made.Configuration); err != nil {
			return err
		}
		if on.Webhooks >= maxPerChannel {
			return fault.New(50321, "")
		}
		if err := webhooks.Insert(tx, &made); err != nil {
			return fmt.Errorf("webhook: %w", err)
		}
		return count(tx, on, 1)
	})
	return made, err
}

// count keeps the number of a channel's webhooks in its row: whoever changes the channel sees there whether any is to be told.
func count(tx *db.Tx, on *chat.Channel, by int) error {
	_, err := tx.Exec(`update chat_channel set webhooks = webhooks + $1 where id = $2`, by, on.ID)
	if err != nil {
		return fmt.Errorf("channel %s: %w", on.SID, err)
	}
	return nil
}

// Get returns a webhook of a channel. Grant chat.write.
func (w *Webhooks) Get(ctx context.Context, actor account.Actor, p chat.Place, s sid.SID) (found Webhook, err error) {
	if err := manage(actor); err != nil {
		return found, err
	}
	on, err := w.chat.GetChannel(ctx, actor, p)
	if err != nil {
		return found, err
	}
	err = w.db.View(ctx, func(tx *db.Tx) (err error) {
		found, err = webhooks.Get(tx, actor.Account, s)
		return of(&found, &on, err)
	})
	return found, err
}

// of checks that a webhook is one of the channel.
func of(w *Webhook, on *chat.Channel, err error) error {
	if err == nil && w.ChannelID != on.ID {
		err = db.ErrNotFound
	}
	w.ChannelSID, w.ServiceSID = on.SID, on.ServiceSID
	return err
}

// List returns a page of a channel's webhooks, oldest first. Grant chat.write.
func (w *Webhooks) List(ctx context.Context, actor account.Actor, p chat.Place, page db.Page) (out db.PageOf[Webhook], err error) {
	if err := manage(actor); err != nil {
		return out, err
	}
	on, err := w.chat.GetChannel(ctx, actor, p)
	if err != nil {
		return out, err
	}
	err = w.db.View(ctx, func(tx *db.Tx) (err error) {
		out, err = webhooks.Page(tx, page, `channel_id = $1`, on.ID)
		for i := range out.Items {
			out.Items[i].ChannelSID, out.Items[i].ServiceSID = on.SID, on.ServiceSID
		}
		return err
	})
	return out, err
}

// Update changes a webhook; its kind stays. Grant chat.write.
func (w *Webhooks) Update(ctx context.Context, actor account.Actor, p chat.Place, s sid.SID, ch Change) (found Webhook, err error) {
	if err := manage(actor); err != nil {
		return found, err
	}
	err = w.chat.Change(ctx, actor, p, func(tx *db.Tx, on *chat.Channel) (err error) {
		found, err = webhooks.ForUpdate(tx, actor.Account, s)
		if err := of(&found, on, err); err != nil {
			return err
		}
		if err := ch.apply(&found.Configuration); err != nil {
			return err
		}
		return webhooks.Update(tx, &found)
	})
	return found, err
}

// Delete takes a webhook from its channel. Grant chat.write.
func (w *Webhooks) Delete(ctx context.Context, actor account.Actor, p chat.Place, s sid.SID) error {
	if err := manage(actor); err != nil {
		return err
	}
	return w.chat.Change(ctx, actor, p, func(tx *db.Tx, on *chat.Channel) error {
		found, err := webhooks.ForUpdate(tx, actor.Account, s)
		if err := of(&found, on, err); err != nil {
			return err
		}
		if err := webhooks.Delete(tx, &found); err != nil {
			return fmt.Errorf("webhook %s: %w", s, err)
		}
		return count(tx, on, -1)
	})
}

// OfTx returns the webhooks of a channel by its key, also of one that was just removed.
func (w *Webhooks) OfTx(tx *db.Tx, acct, channelID int64) ([]Webhook, error) {
	return webhooks.Find(tx, `channel_id = $1 and account_id = $2 order by id`, channelID, acct)
}

// HearTx marks a message as heard by the webhook's flow. It reports false when it was marked before.
func (w *Webhooks) HearTx(tx *db.Tx, acct int64, s sid.SID, index int64) (bool, error) {
	found, err := webhooks.ForUpdate(tx, acct, s)
	if err != nil || found.Heard != nil && *found.Heard >= index {
		return false, err
	}
	found.Heard = &index
	return true, webhooks.Update(tx, &found)
}

// Wants reports whether the webhook is to hear of an event; body is that of a message that was sent.
func (c *Configuration) Wants(event, body string) bool {
	switch c.Kind {
	case URL:
		return slices.Contains(c.Filters, event)
	case Trigger:
		return sent(event) && slices.ContainsFunc(c.Triggers, func(t string) bool { return strings.Contains(body, t) })
	case Studio:
		return sent(event)
	}
	return false
}

// sent reports whether an event is that of a message that was sent, with a file or without.
func sent(event string) bool { return event == "onMessageSent" || event == "onMediaMessageSent" }

func (ch *Change) apply(c *Configuration) error {
	if ch.URL != nil {
		c.URL = *ch.URL
	}
	if ch.Method != nil {
		c.Method = *ch.Method
	}
	if ch.Filters != nil {
		c.Filters = slices.Clone(ch.Filters)
	}
	if ch.Triggers != nil {
		c.Triggers = slices.Clone(ch.Triggers)
	}
	if ch.FlowSID != nil {
		c.FlowSID = *ch.FlowSID
	}
	if ch.Retries != nil {
		c.Retries = *ch.Retries
	}
	if c.Method == "" {
		c.Method = "POST"
	}
	return c.check()
}

// check says what is wrong with a webhook, with the code of the wire.
func (c *Configuration) check() error {
	switch c.Kind {
	case "":
		return fault.New(50328, "")
	case URL, Trigger, Studio:
	default:
		return fault.New(50324, "")
	}
	if c.Retries < 0 || c.Retries > maxRetries {
		return fault.New(50065, "")
	}
	if c.Kind == Studio {
		if !sid.Valid(string(c.FlowSID), sid.StudioFlow) {
			return fault.New(50327, "")
		}
		return nil
	}
	switch {
	case c.URL == "":
		return fault.New(50329, "")
	case len(c.URL) > check.MaxWebhookURL:
		return fault.New(50332, "")
	case !settings.WebhookURL(c.URL):
		return fault.Invalid("Invalid value for parameter Configuration.Url")
	case c.Method != "GET" && c.Method != "POST":
		return fault.New(50055, "")
	case c.Kind == URL:
		return c.checkFilters()
	}
	return c.checkTriggers()
}

// checkFilters refuses events that a channel's webhook is not told of: those that are asked before, and those of users.
func (c *Configuration) checkFilters() error {
	if len(c.Filters) == 0 {
		return fault.New(50330, "")
	}
	for _, name := range c.Filters {
		if !settings.After(name) {
			return fault.New(50325, "Invalid channel webhook filter: %.64q", name)
		}
	}
	return nil
}

func (c *Configuration) checkTriggers() error {
	switch {
	case len(c.Triggers) == 0:
		return fault.New(50331, "")
	case len(c.Triggers) > maxTriggers:
		return fault.New(50322, "")
	}
	for _, t := range c.Triggers {
		if t == "" || utf8.RuneCountInString(t) > maxTrigger || !utf8.ValidString(t) {
			return fault.New(50326, "")
		}
	}
	return nil
}
