// Package masking lets people talk to each other by numbers of the account's own: what one of them writes to the number that they know
// goes to the other from the number that the other knows. It is the sentence between messaging and proxy.
//
// An incoming message whose number is in a Proxy service's pool belongs here when its sender has an active session there, or when
// nobody else has a use for the number (TakesTx). It is then a job of Received, and
//
//   - passes to the other participant, unless the service's intercept callback answers 403 in time. The interaction, the message that
//     goes out and what the status callback is told are one commit, and the inbound message's SID makes it happen once;
//   - or, where there is no session, is told to the out-of-session callback, whose answer may be TwiML, which is said to the sender, or
//     JSON, of which a session is made in which the message passes.
//
// What becomes of the message that went out is followed (Statuses) and told to the status callback as well.
package masking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/proxy"
	"usher/internal/sid"
)

// Queues of the durable reactions.
const (
	// Received holds messages that belong to masked conversations.
	Received = "masking.received"
	// Statuses holds what became of messages that went out by them.
	Statuses = "masking.status"
)

// askTime is how long the callbacks whose answer counts may think. Source: the original's time-out of webhooks.
const askTime = hook.WebhookTimeout

// Caller makes HTTP calls; *hook.Client does, behind its guard.
type Caller interface {
	Post(ctx context.Context, r hook.Request) (hook.Response, error)
}

// Accounts finds accounts; *account.Accounts does.
type Accounts interface {
	ByID(ctx context.Context, acct int64) (account.Account, error)
}

// Deps are what New needs.
type Deps struct {
	Proxy    *proxy.Proxy
	Messages *messaging.Messaging
	Chat     *chat.Chat
	Flex     *flex.Flex
	// Sign makes an address under which a file of a message can be had until then.
	Sign     func(acct, message, file sid.SID, until time.Time) string
	Hooks    *hook.Hooks
	Caller   Caller
	Accounts Accounts
}

// Masking is the sentence between messages and masked conversations. It is safe for concurrent use.
type Masking struct {
	Deps
	db *db.DB
}

// New makes the sentence from its products.
func New(d Deps) *Masking { return &Masking{Deps: d, db: d.Proxy.DB()} }

// Masked says whether an event of a received message is one for Received.
func Masked(e event.Event) bool {
	n, err := messaging.NoticeOf(e.Data)
	return err == nil && n.Masked
}

// Follows says whether an event of a message's status is one for Statuses.
func Follows(e event.Event) bool {
	n, err := messaging.NoticeOf(e.Data)
	return err == nil && sid.Valid(string(n.Origin), sid.Interaction)
}

// stopWords are not passed on: who writes one means the account, and the account is told by its log. Source: the original's changelog.
var stopWords = map[string]bool{
	"stop": true, "unsubscribe": true, "end": true, "cancel": true, "quit": true, "stopall": true, "arrett": true, "arret": true,
	"arrete": true, "unstop": true,
}

// stops says whether a text is nothing but a stop word.
func stops(body string) bool { return stopWords[strings.ToLower(strings.TrimSpace(body))] }

// OnReceived passes a message on, or deals with one outside of every session. It may run again: what it did is found by the message's SID.
func (m *Masking) OnReceived(ctx context.Context, j job.Job) error {
	n, err := read(j)
	if err != nil {
		return err
	}
	var msg messaging.Message
	var r proxy.Route
	var found, done bool
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		msg, err = m.Messages.MessageTx(tx, j.Account, n.Message)
		if errors.Is(err, db.ErrNotFound) {
			done = true // deleted, or erased with its customer
			return nil
		}
		if err != nil {
			return err
		}
		if done, err = m.Proxy.PassedTx(tx, j.Account, msg.SID); err != nil || done {
			return err
		}
		r, found, err = m.Proxy.RouteTx(tx, j.Account, msg.To, msg.From)
		return err
	})
	switch {
	case err != nil || done:
		return err
	case stops(msg.Body):
		note(msg.SID, &r, 80901)
		return nil
	case !found:
		return m.outside(ctx, &msg)
	}
	return m.between(ctx, &msg, r)
}

func read(j job.Job) (n messaging.Notice, err error) {
	var a event.Args
	if err := json.Unmarshal(j.Args, &a); err != nil {
		return n, fmt.Errorf("message event: %w", err)
	}
	return messaging.NoticeOf(a.Data)
}

// note tells the operator why a message did not pass, in the original's code.
func note(message sid.SID, r *proxy.Route, code int) {
	entry, _ := fault.Lookup(code)
	slog.Warn("a message to a masked conversation does not pass", "message", message, "service", r.Service.SID, "session", r.Session.SID,
		"code", code, "reason", entry.Text)
}

// interactionOf is the SID of the interaction of an inbound message: the same however often it is tried.
func interactionOf(message sid.SID) sid.SID { return sid.SID(sid.Interaction + string(message)[2:]) }

// between passes a message on within a session, if the intercept callback does not block it.
func (m *Masking) between(ctx context.Context, msg *messaging.Message, r proxy.Route) error {
	switch {
	case r.Session.Mode == proxy.VoiceOnly:
		note(msg.SID, &r, 80910)
		return nil
	case r.To == nil:
		note(msg.SID, &r, 80614)
		return nil
	}
	i := intercepted(&r, msg.SID, proxy.DataOf(msg.Body, m.addresses(msg, r.Session.AccountSID)), string(msg.Status), msg.CreatedAt)
	if blocked, err := m.blocks(ctx, msg.Account, &r, i); err != nil || blocked {
		if blocked {
			note(msg.SID, &r, 80909)
		}
		return err
	}
	return m.db.Do(ctx, func(tx *db.Tx) error { return m.passTx(tx, msg) })
}

// blocks asks the service's intercept callback. Only 403 blocks; another answer, none in time or none at all lets the message pass.
// Source: the original's page on Proxy webhooks.
func (m *Masking) blocks(ctx context.Context, acct int64, r *proxy.Route, i proxy.Interaction) (bool, error) {
	if r.Service.Intercept == "" {
		return false, nil
	}
	owner, err := m.Accounts.ByID(ctx, acct)
	if err != nil {
		return false, fmt.Errorf("account of session %s: %w", r.Session.SID, err)
	}
	_, err = m.Caller.Post(ctx, hook.Request{
		URL: r.Service.Intercept, Form: interactionForm(&i, false), AuthToken: owner.AuthToken, IdempotencyToken: string(i.SID),
		Timeout: askTime, Discard: true,
	})
	var failed *hook.Error
	return errors.As(err, &failed) && failed.Failure == hook.BadStatus && failed.Status == 403, nil
}

// intercepted is an interaction as it stands before anything has passed.
func intercepted(r *proxy.Route, message sid.SID, data, status string, at time.Time) proxy.Interaction {
	i := proxy.Interaction{InteractionDocument: proxy.InteractionDocument{
		AccountSID: r.Session.AccountSID, Service: r.Service.SID, Session: r.Session.SID, Data: data,
		Inbound: proxy.Side{Participant: r.From.SID, Resource: message, Status: status},
	}}
	i.SID, i.CreatedAt, i.UpdatedAt = interactionOf(message), at, at
	return i
}

// passTx passes a message to the other participant, once. It looks again who that is.
func (m *Masking) passTx(tx *db.Tx, msg *messaging.Message) error {
	if passed, err := m.Proxy.PassedTx(tx, msg.Account, msg.SID); err != nil || passed {
		return err
	}
	r, found, err := m.Proxy.RouteTx(tx, msg.Account, msg.To, msg.From)
	if err != nil || !found || r.To == nil {
		return err // closed while the callback was asked
	}
	media := m.addresses(msg, r.Session.AccountSID)
	in := proxy.NewInteraction{
		SID: interactionOf(msg.SID), Key: msg.Key, Body: msg.Body, Media: media,
		Inbound:  proxy.Side{Participant: r.From.SID, Resource: msg.SID, Status: string(msg.Status)},
		Outbound: proxy.Side{Participant: r.To.SID},
	}
	if r.To.Channel() != "" {
		if in.Outbound, err = m.postTx(tx, &r, msg); err != nil {
			return err
		}
		return m.keepTx(tx, &r, in)
	}
	out, err := m.sayTx(tx, r.To, messaging.Draft{Body: msg.Body, Media: media, Origin: in.SID})
	if err != nil {
		return err
	}
	in.Outbound.Resource, in.Outbound.Status = out.SID, string(out.Status)
	return m.keepTx(tx, &r, in)
}

// keepTx records an interaction and has it told.
func (m *Masking) keepTx(tx *db.Tx, r *proxy.Route, in proxy.NewInteraction) error {
	i, err := m.Proxy.RecordTx(tx, &r.Session, in)
	if err != nil {
		return err
	}
	return m.tellTx(tx, &r.Service, &i)
}

// sayTx makes the message to a participant. One that is refused for good, as to somebody who has opted out, is a message without a SID
// that has failed.
func (m *Masking) sayTx(tx *db.Tx, to *proxy.Participant, d messaging.Draft) (messaging.Message, error) {
	d.From, d.To = to.Proxy, to.Identifier
	out, err := m.Messages.CreateTx(tx, to.Account, d)
	if err == nil || passing(err) {
		return out, err
	}
	slog.Warn("a message of a masked conversation is refused", "session", to.Session, "participant", to.SID, "code", fault.Of(err).Code)
	return messaging.Message{Status: carry.Failed}, nil
}

// passing says of an error that another try may go well: it is not about what was asked for.
func passing(err error) bool {
	return errors.Is(err, db.ErrConflict) || fault.Of(err).Kind == fault.KindInternal
}

// addresses are where the files of a message can be had: under signed addresses of our own, or, while they are not kept here, where they
// were said to be.
func (m *Masking) addresses(msg *messaging.Message, acct sid.SID) []string {
	var list []string
	for _, item := range msg.Media {
		switch {
		case item.Kept:
			list = append(list, m.Sign(acct, msg.SID, item.SID, msg.CreatedAt.Add(linkTime)))
		case item.URL != "":
			list = append(list, item.URL)
		}
	}
	return list
}

// OnStatus lets an interaction follow its outbound message.
func (m *Masking) OnStatus(ctx context.Context, j job.Job) error {
	n, err := read(j)
	if err != nil {
		return err
	}
	return m.db.Do(ctx, func(tx *db.Tx) error {
		i, changed, err := m.Proxy.FollowTx(tx, j.Account, n.Message, string(n.Status))
		if err != nil || !changed {
			return err
		}
		s, err := m.Proxy.ServiceTx(tx, j.Account, i.Service)
		if fault.Is(err, fault.KindNotFound) {
			return nil // deleted since
		}
		if err != nil {
			return err
		}
		return m.tellTx(tx, &s, &i)
	})
}

// Tell sends a message to one participant from the number that the participant knows. Errors are those of Proxy.TellTx and of
// Messaging.CreateTx. Grant proxy.manage.
func (m *Masking) Tell(ctx context.Context, actor account.Actor, service, session string, who sid.SID, body string) (i proxy.Interaction, err error) {
	if !actor.Can(account.ProxyManage) {
		return i, fault.Forbidden("")
	}
	for range 3 { // two first messages to one customer meet at the making of its key
		err = m.db.Do(ctx, func(tx *db.Tx) error {
			i, err = m.tellOneTx(tx, actor.Account, service, session, who, body)
			return err
		})
		if !errors.Is(err, db.ErrConflict) {
			break
		}
	}
	return i, err
}

func (m *Masking) tellOneTx(tx *db.Tx, acct int64, service, session string, who sid.SID, body string) (proxy.Interaction, error) {
	svc, s, v, err := m.Proxy.TellTx(tx, acct, service, session, who, body)
	if err != nil {
		return proxy.Interaction{}, err
	}
	if v.Channel() != "" {
		return proxy.Interaction{}, fault.New(80616, "Unsupported Identifier Type: write to the chat channel itself")
	}
	in := proxy.NewInteraction{SID: sid.New(sid.Interaction), Body: body, Told: &v}
	out, err := m.Messages.CreateTx(tx, acct, messaging.Draft{From: v.Proxy, To: v.Identifier, Body: body, Origin: in.SID})
	if err != nil {
		return proxy.Interaction{}, err
	}
	in.Key, in.Outbound = out.Key, proxy.Side{Participant: v.SID, Resource: out.SID, Status: string(out.Status)}
	i, err := m.Proxy.RecordTx(tx, &s, in)
	if err != nil {
		return i, err
	}
	return i, m.tellTx(tx, &svc, &i)
}

// Every is how often sessions are swept: one is closed at most this much after its time. Nothing passes in the meantime.
const Every = 10 * time.Second
