// Package push is the sentence between chat and the push services of phones and browsers: it tells the devices of users what
// happened to them, where their chat service is set to.
//
//	event with Origin.Pushes ─► Events: one job ─► Sends: one job for each device ─► Carrier ─► push service
//
// The first job reads the event, the service's settings and the devices, and makes the second ones in one transaction. Where one of
// them runs again because the process died, the same notification goes out with the same id, by which devices know it. Whoever does something is not told of it. A device is told whether or not its user has a connection: apps
// decide for themselves what they show while they are open. Source: the original's pages on push notifications, which know no such
// condition, and apps that are written for notifications while they are in front.
//
// A device that its push service no longer knows is forgotten. What a push service refuses for another reason is logged with the
// credential's SID and dropped: a notification is a hint, and the message itself is in the channel. Failures that may pass are tried
// again with growing pauses, within Lifetime.
package push

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	devices "usher/internal/chat/push"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/retry"
	"usher/internal/seal"
	"usher/internal/sid"
)

// The queues.
const (
	Events = "push.event" // of what devices are to be told
	Sends  = "push.send"  // of single notifications
)

// Lifetime is how long after its event a notification may still be sent, and how long push services may keep it for a device that
// cannot be reached. Source: the ttl of a recorded notification.
const Lifetime = 24 * time.Hour

// Backoff is when a notification that failed is tried again: six times within about a quarter of an hour.
var Backoff = retry.Policy{Min: 5 * time.Second, Max: 5 * time.Minute, Factor: 3, Jitter: 0.3, Attempts: 7}

// prefix begins the ids of notifications. Source: a recorded notification.
const prefix = "RU"

// Message is one notification for one device.
type Message struct {
	ID    sid.SID `json:"id"` // RU…
	Type  string  `json:"type"`
	Body  string  `json:"body"`
	Sound string  `json:"sound,omitempty"`
	Badge *int64  `json:"badge,omitempty"` // of APN only
	// Data is what else the client libraries read; without what the fields above say.
	Data    map[string]string `json:"data"`
	Expires time.Time         `json:"expires"`
}

// Carrier is a push service.
type Carrier interface {
	// Send hands one notification over. It fails with *Gone, *Refused, or another error when it may be tried again. No text of an
	// error holds what was sent, or to whom.
	Send(ctx context.Context, c devices.Credential, device devices.Binding, m Message) error
}

// Gone says that a push service no longer knows a device.
type Gone struct {
	Since time.Time // when it found that out; zero where it does not say
}

// Error says so.
func (*Gone) Error() string { return "the device is not known any more" }

// Refused says that a push service does not take a notification, and would not at another try.
type Refused struct {
	Reason string // one of the push service's own words
}

// Error names the reason.
func (e *Refused) Error() string { return "refused: " + e.Reason }

// Deps are what New needs.
type Deps struct {
	DB       *db.DB
	Chat     *chat.Chat
	Devices  *devices.Push
	Jobs     *job.Queue
	Carriers map[devices.Kind]Carrier
}

// Push tells devices.
type Push struct{ Deps }

// New makes the sentence from its products.
func New(d Deps) *Push { return &Push{d} }

// Kinds are the events that devices may be told of.
func Kinds() []string {
	return []string{event.MessageAdded, event.UserChannelAdded, event.UserChannelRemoved}
}

// Wants says whether an event is to be told to devices: its service sends notifications of that kind.
func Wants(e event.Event) bool {
	if e.Origin == nil {
		return false
	}
	kinds := int64(settings.HookPushMessage)
	switch e.Kind {
	case event.UserChannelAdded:
		kinds = settings.HookPushAdded | settings.HookPushInvited
	case event.UserChannelRemoved:
		kinds = settings.HookPushRemoved
	}
	return e.Origin.Pushes&kinds != 0
}

// OnEvent makes the notifications of an event.
func (p *Push) OnEvent(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil // the customer was erased
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	if e.Origin == nil || time.Since(e.At) > Lifetime {
		return nil
	}
	n, err := p.news(ctx, j.Account, e)
	if n != nil && err == nil {
		err = p.DB.Do(ctx, func(tx *db.Tx) error { return p.spread(tx, j, e, n) })
	}
	if errors.Is(err, seal.ErrDestroyed) || fault.Is(err, fault.KindNotFound) {
		return nil // erased or removed meanwhile
	}
	return err
}

// spread makes a job for each device that is to hear the news.
func (p *Push) spread(tx *db.Tx, j job.Job, e event.Args, n *news) error {
	list, err := n.devices(tx)
	if err != nil {
		return fmt.Errorf("devices of %s: %w", e.Stream, err)
	}
	badges := map[int64]*int64{}
	for i := range list {
		b := &list[i]
		unique := fmt.Sprintf("%s|%s|%d", b.SID, e.Stream, e.Offset)
		m := Message{
			ID: idOf(unique), Type: n.kind, Body: n.body, Sound: n.rules.Sound, Data: n.data, Expires: e.At.Add(Lifetime).UTC(),
		}
		if n.rules.Badge && b.Kind == devices.APN {
			if badges[b.UserID] == nil {
				unread, err := p.Devices.UnreadTx(tx, b.UserID)
				if err != nil {
					return fmt.Errorf("badge of %s: %w", b.UserSID, err)
				}
				badges[b.UserID] = &unread
			}
			m.Badge = badges[b.UserID]
		}
		err := p.Jobs.Enqueue(tx, job.Job{
			Queue: Sends, Account: j.Account, Key: j.Key, Order: string(b.SID), Unique: unique,
		}, sending{b.SID, n.log, m})
		if err != nil {
			return err
		}
	}
	return nil
}

// idOf is the id of a notification, made of what it is about.
func idOf(unique string) sid.SID {
	sum := sha256.Sum256([]byte(unique))
	return sid.SID(prefix + hex.EncodeToString(sum[:16]))
}

// sending is a job of Sends.
type sending struct {
	Binding sid.SID `json:"binding"`
	Log     bool    `json:"log,omitempty"`
	Message Message `json:"message"`
}

// OnSend sends one notification.
func (p *Push) OnSend(ctx context.Context, j job.Job) error {
	var s sending
	if len(j.Args) == 0 {
		return nil // the customer was erased
	}
	if err := json.Unmarshal(j.Args, &s); err != nil {
		return fmt.Errorf("notification: %w", err)
	}
	if time.Now().After(s.Message.Expires) {
		return nil
	}
	var device devices.Binding
	var credential devices.Credential
	err := p.DB.View(ctx, func(tx *db.Tx) (err error) {
		device, credential, err = p.Devices.DeviceTx(tx, j.Account, s.Binding)
		return err
	})
	if errors.Is(err, db.ErrNotFound) || errors.Is(err, seal.ErrDestroyed) {
		return nil // the device went, or nobody has set up its push service
	}
	if err != nil {
		return fmt.Errorf("device %s: %w", s.Binding, err)
	}
	carrier := p.Carriers[device.Kind]
	if carrier == nil {
		return nil
	}
	return p.settle(ctx, j, s, credential.SID, carrier.Send(ctx, credential, device, s.Message))
}

// settle does what follows from a push service's answer; its error asks for another try.
func (p *Push) settle(ctx context.Context, j job.Job, s sending, credential sid.SID, err error) error {
	var gone *Gone
	var refused *Refused
	switch {
	case err == nil:
		if s.Log {
			slog.Info("a device was told", "notification", s.Message.ID, "binding", s.Binding, "type", s.Message.Type)
		}
		return nil
	case errors.As(err, &gone):
		slog.Info("a device is not known any more; it is forgotten", "binding", s.Binding)
		return p.DB.Do(ctx, func(tx *db.Tx) error { return p.Devices.ForgetTx(tx, j.Account, s.Binding, gone.Since) })
	case errors.As(err, &refused):
		slog.Warn("a push service refuses a notification", "credential", credential, "binding", s.Binding, "reason", refused.Reason)
		return nil
	case j.Attempt >= Backoff.Attempts:
		slog.Warn("a push service cannot be reached; a notification is dropped", "credential", credential, "binding", s.Binding, "error", err)
		return nil
	}
	return err
}

// system is who reads on behalf of nobody.
func system(acct int64) account.Actor { return account.System(acct, "") }
