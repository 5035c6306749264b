package texting

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/studio/twiml"
)

// linkFor is how long the addresses of a message's files can be read without credentials.
const linkFor = 7 * 24 * time.Hour

// OnInbound asks the handler of the number that a message has come to, and says what it answers; a keyword of opting out is
// confirmed, whoever is asked besides.
func (t *Texting) OnInbound(ctx context.Context, j job.Job) error {
	n, err := notice(j)
	if err != nil {
		return err
	}
	var msg messaging.Message
	var handler messaging.Handler
	var confirm string
	err = t.db.View(ctx, func(tx *db.Tx) error {
		if msg, err = t.Messages.MessageTx(tx, j.Account, n.Message); err != nil {
			return err
		}
		if msg.Masked || msg.Answered {
			return nil
		}
		if confirm, err = t.Messages.KeywordReplyTx(tx, &msg); err != nil {
			return err
		}
		handler, err = t.handler(tx, &msg)
		return err
	})
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil || handler.URL == "" && confirm == "" {
		return err
	}
	acct, err := t.Accounts.ByID(ctx, j.Account)
	if err != nil {
		return err
	}
	var say []twiml.Verb
	if handler.URL != "" && acct.Status == account.Active {
		say = t.ask(ctx, acct, &msg, handler)
	}
	return t.answer(ctx, &msg, confirm, say)
}

// handler is who is asked about a message; without a URL nobody is.
func (t *Texting) handler(tx *db.Tx, msg *messaging.Message) (messaging.Handler, error) {
	number, err := t.Messages.NumberTx(tx, msg.Account, msg.To)
	if errors.Is(err, db.ErrNotFound) {
		return messaging.Handler{}, nil
	}
	if err != nil {
		return messaging.Handler{}, err
	}
	if t.Taken != nil {
		if taken, err := t.Taken(tx, msg.Account, msg.To); err != nil || taken {
			return messaging.Handler{}, err
		}
	}
	return t.Messages.HandlerTx(tx, &number)
}

// answer says what is to be said, once.
func (t *Texting) answer(ctx context.Context, msg *messaging.Message, confirm string, say []twiml.Verb) error {
	return t.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		first, err := t.Messages.AnswerTx(tx, msg.Account, msg.SID)
		if err != nil || !first {
			return err
		}
		if confirm != "" {
			d := reply(msg)
			d.Body, d.Confirming = confirm, true
			if err := t.send(tx, msg, d); err != nil {
				return err
			}
		}
		for _, v := range say {
			if err := t.send(tx, msg, draft(msg, v)); err != nil {
				return err
			}
		}
		return nil
	})
}

// reply is an answer to who wrote, from whom they wrote to.
func reply(msg *messaging.Message) messaging.Draft {
	return messaging.Draft{From: msg.To, To: msg.From, Service: msg.Service, Direction: messaging.OutboundReply, Automatic: true}
}

// draft makes a message of a verb.
func draft(msg *messaging.Message, v twiml.Verb) messaging.Draft {
	d := reply(msg)
	d.Body, d.Media, d.StatusCallback = v.Body, v.Media, v.Callback
	if v.To != "" {
		d.To = v.To
	}
	if v.From != "" && v.From != msg.To {
		d.From, d.Service = v.From, ""
	}
	return d
}

// send makes one message. What cannot be sent is logged by its code and left out: the rest of the answer stands.
func (t *Texting) send(tx *db.Tx, msg *messaging.Message, d messaging.Draft) error {
	_, err := t.Messages.CreateTx(tx, msg.Account, d)
	var refused *fault.Error
	if errors.As(err, &refused) {
		slog.Warn("an answer cannot be sent", "message", msg.SID, "code", refused.Code)
		return nil
	}
	return err
}

// inboundForm is what a handler is told of a message. Source: the original's page on it, and recorded webhooks.
func (t *Texting) inboundForm(acct account.Account, msg *messaging.Message) url.Values {
	s := string(msg.SID)
	form := url.Values{}
	if carry.ChannelOf(msg.From) == carry.SMS {
		for _, name := range []string{"City", "State", "Zip", "Country"} {
			form.Set("From"+name, "")
			form.Set("To"+name, "")
		}
	} else if msg.ProfileName != "" {
		form.Set("ProfileName", msg.ProfileName)
	}
	for name, value := range msg.Details {
		form.Set(name, value)
	}
	for name, value := range map[string]string{
		"AccountSid": string(acct.SID), "ApiVersion": apiVersion, "MessageSid": s, "SmsSid": s, "SmsMessageSid": s, "SmsStatus": string(msg.Status),
		"From": msg.From, "To": msg.To, "Body": msg.Body, "NumMedia": strconv.Itoa(len(msg.Media)), "NumSegments": strconv.Itoa(msg.Segments),
	} {
		form.Set(name, value)
	}
	if msg.Service != "" {
		form.Set("MessagingServiceSid", string(msg.Service))
	}
	if msg.OptOut != "" {
		form.Set("OptOutType", msg.OptOut)
	}
	until := msg.CreatedAt.Add(linkFor)
	for i, item := range msg.Media {
		address := item.URL // where the carrier keeps it
		if item.Kept {
			address = t.Links.Sign(acct.SID, msg.SID, item.SID, until)
		}
		form.Set("MediaUrl"+strconv.Itoa(i), address)
		form.Set("MediaContentType"+strconv.Itoa(i), item.ContentType)
	}
	return form
}
