// Package outbound brings messages to carriers, and what agents and bots say to the customers whom a carrier reaches.
//
// Three reactions to committed rows, each at least once and in order:
//
//	message.added in a carried channel ─► OnWord: messages to its customer, noted as the chat message's delivery
//	message.queued                     ─► OnSend: the carrier of its sender is asked to take it
//	message.status                     ─► OnTick: the delivery is brought further, and the desk hears of it
//
// What waits to be sent waits in rows: a carrier that is down costs no memory and loses nothing. A message is tried until its validity
// is over, a day where it has none. When it is not known whether a carrier has taken a message, because the connection was cut before
// the answer or the process died, it is sent again where the carrier knows our SID as a key against sending twice; elsewhere the
// connection's setting decides: "resend" (the default: it may arrive twice and is not lost) or "fail" (it fails with 30008, and may have
// arrived).
package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/retry"
	"usher/internal/seal"
	"usher/internal/sid"

	"usher/internal/chat"
	"usher/internal/chat/delivery"
	"usher/internal/event"
	"usher/internal/flex"
)

// Queues of the durable reactions.
const (
	// Words holds what was said in carried channels.
	Words = "outbound.word"
	// Sends holds messages that are to be sent.
	Sends = "outbound.send"
	// Ticks holds statuses of messages that chat messages went out as.
	Ticks = "outbound.tick"
)

// Parallel is how many messages are under way at a time, on all lines together.
const Parallel = 256

// patience is how long a message without a validity of its own is tried.
const patience = 24 * time.Hour

// SendBackoff says when a message is tried again. It ends by its validity, not by a count.
var SendBackoff = retry.Policy{Min: time.Second, Max: 2 * time.Minute, Factor: 2, Jitter: 0.2, Attempts: 1 << 30}

// The original's codes of what ends here.
const (
	noSender = 21606 // no connection carries the sender
	expired  = 30036 // the validity is over
	unknown  = 30008 // not known whether it was taken
)

// Carriers sends by connections; *switchboard.Switchboard does.
type Carriers interface {
	Send(ctx context.Context, c connection.Connection, m carry.Outbound) (carry.Sent, error)
	// Repeats says that the connection's carrier knows a message that it is given twice.
	Repeats(c connection.Connection) bool
}

// Deps are what New needs.
type Deps struct {
	Messages    *messaging.Messaging
	Connections *connection.Connections
	Carriers    Carriers
	Flex        *flex.Flex
	Chat        *chat.Chat
	Deliveries  *delivery.Deliveries
	// FileURL makes an address under which a carrier can fetch a file of a message until then.
	// service is the chat service of a file that was lent by a chat message, and empty for others.
	FileURL func(acct int64, service, message, file sid.SID, until time.Time) (string, error)
}

// Outbound is the sentence. It is safe for concurrent use.
type Outbound struct {
	Deps
	db *db.DB
}

// New makes the sentence from its products.
func New(d Deps) *Outbound { return &Outbound{Deps: d, db: d.Messages.DB()} }

// attempt is one try to send a message.
type attempt struct {
	msg  messaging.Message
	line connection.Connection
	send bool
	// doubtful says that an earlier try may have reached the carrier.
	doubtful bool
}

// offFor is how long a message waits for a connection that is off.
const offFor = 15 * time.Second

// refusedBefore begins what a job keeps of a try that the carrier has refused: then it is known that it was not taken.
const refusedBefore = "not taken: "

// OnSend asks the carrier of a message's sender to take it.
func (o *Outbound) OnSend(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil // the customer was erased
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	n, err := messaging.NoticeOf(e.Data)
	if err != nil {
		return err
	}
	var a attempt
	err = o.db.Do(ctx, func(tx *db.Tx) (err error) {
		a, err = o.prepare(tx, j, n.Message)
		return err
	})
	if forgiven(err) || err == nil && !a.send {
		return nil
	}
	if err != nil {
		return err
	}
	out := a.msg.Outbound()
	if out.Media, err = o.files(ctx, &a.msg); err != nil {
		return err
	}
	sent, err := o.Carriers.Send(ctx, a.line, out)
	return o.settle(ctx, &a, sent, err, j.Attempt)
}

// filesFor is how long carriers can fetch the files of a message that they have taken.
const filesFor = 7 * 24 * time.Hour

// files are a message's files as a carrier is given them.
func (o *Outbound) files(ctx context.Context, msg *messaging.Message) (list []carry.Media, err error) {
	for _, item := range msg.Media {
		file := carry.Media{URL: item.URL, ContentType: item.ContentType, Name: item.Name}
		if item.Kept {
			service := sid.SID("")
			if item.Lent {
				if service, err = o.lender(ctx, msg); err != nil {
					return nil, err
				}
			}
			if file.URL, err = o.FileURL(msg.Account, service, msg.SID, item.SID, time.Now().Add(filesFor)); err != nil {
				return nil, err
			}
		}
		list = append(list, file)
	}
	return list, nil
}

// lender is the chat service of the chat message that a message was made of.
func (o *Outbound) lender(ctx context.Context, msg *messaging.Message) (service sid.SID, err error) {
	err = o.db.Do(ctx, func(tx *db.Tx) error {
		d, err := o.Deliveries.GetTx(tx, msg.Account, msg.Origin)
		if err != nil {
			return err
		}
		c, err := o.Flex.ChannelTx(tx, msg.Account, d.Channel)
		service = c.Service
		return err
	})
	return service, err
}

// prepare says that a message is about to be sent, or ends it.
func (o *Outbound) prepare(tx *db.Tx, j job.Job, s sid.SID) (a attempt, err error) {
	if a.msg, err = o.Messages.MessageTx(tx, j.Account, s); err != nil {
		return a, err
	}
	end := a.msg.Deadline()
	if end.IsZero() {
		end = a.msg.CreatedAt.Add(patience)
	}
	a.line, err = o.lineOf(tx, &a.msg)
	if errors.Is(err, connection.ErrOff) && tx.Now.Before(end) {
		return a, &job.Later{After: offFor, Err: errors.New(refusedBefore + "the connection is off")}
	}
	if errors.Is(err, db.ErrNotFound) || errors.Is(err, connection.ErrOff) {
		_, err = o.Messages.RefusedTx(tx, j.Account, s, noSender, "no connection carries the sender")
		return a, err
	}
	if err != nil {
		return a, err
	}
	a.doubtful = a.msg.Status == carry.Sending && j.Attempt > 1 && !strings.HasPrefix(j.Failure, refusedBefore)
	switch {
	case a.doubtful && a.line.Unknown == connection.GiveUp && !o.Carriers.Repeats(a.line):
		_, err = o.Messages.RefusedTx(tx, j.Account, s, unknown, "it is not known whether the carrier has taken it")
		return a, err
	case tx.Now.After(end):
		_, err = o.Messages.RefusedTx(tx, j.Account, s, expired, "the carrier did not take it in time")
		return a, err
	}
	a.msg, a.send, err = o.Messages.SendingTx(tx, j.Account, s, a.line.SID)
	return a, err
}

// lineOf finds the connection that a message goes out by: the one that its sender names, else the one that carries its address.
func (o *Outbound) lineOf(tx *db.Tx, msg *messaging.Message) (connection.Connection, error) {
	if msg.Connection != "" {
		c, err := o.Connections.GetTx(tx, msg.Account, msg.Connection)
		if err == nil && c.Enabled {
			return c, nil
		}
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return c, err
		}
	}
	return o.Connections.CarrierTx(tx, msg.Account, msg.From)
}

// settle writes down what became of a try.
func (o *Outbound) settle(ctx context.Context, a *attempt, sent carry.Sent, failed error, tries int) error {
	var refused *carry.Refusal
	switch {
	case failed == nil:
		return o.db.Do(ctx, func(tx *db.Tx) error {
			_, err := o.Messages.SentTx(tx, a.msg.Account, a.msg.SID, a.line.SID, sent)
			return missing(err)
		})
	case errors.As(failed, &refused) && refused.Again:
		after := max(SendBackoff.Delay(min(tries, 20), nil), refused.After)
		if refused.After > 0 && refused.After < time.Second { // only the line is busy
			after = refused.After
		}
		return &job.Later{After: after, Err: errors.New(refusedBefore + refused.Reason)}
	case refused != nil:
		return o.refuse(ctx, a, refused.Code, refused.Reason)
	case a.line.Unknown == connection.GiveUp && !o.Carriers.Repeats(a.line):
		return o.refuse(ctx, a, unknown, "the connection was cut before the carrier's answer")
	}
	slog.Warn("it is not known whether a carrier has taken a message; it is sent again", "message", a.msg.SID, "connection", a.line.SID)
	return &job.Later{After: SendBackoff.Delay(min(tries, 20), nil), Err: errUnanswered}
}

// errUnanswered says that a carrier did not answer.
var errUnanswered = errors.New("the carrier did not answer")

func (o *Outbound) refuse(ctx context.Context, a *attempt, code int, reason string) error {
	return o.db.Do(ctx, func(tx *db.Tx) error {
		_, err := o.Messages.RefusedTx(tx, a.msg.Account, a.msg.SID, code, reason)
		return missing(err)
	})
}

// missing forgives that a message was deleted meanwhile.
func missing(err error) error {
	if forgiven(err) {
		return nil
	}
	return err
}

// forgiven says that a reaction meets what is gone: another run would meet it as well.
func forgiven(err error) bool {
	return errors.Is(err, db.ErrNotFound) || errors.Is(err, seal.ErrDestroyed)
}
