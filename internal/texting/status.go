package texting

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
)

// statusRetries is how often a status callback is tried again.
const statusRetries = 3

// OnStatus orders the delivery of a message's status to its callback. The deliveries of one message go out in the order in which
// it came further.
func (t *Texting) OnStatus(ctx context.Context, j job.Job) error {
	n, err := notice(j)
	if err != nil {
		return err
	}
	acct, err := t.Accounts.ByID(ctx, j.Account)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.db.Do(ctx, func(tx *db.Tx) error {
		msg, err := t.Messages.MessageTx(tx, j.Account, n.Message)
		if errors.Is(err, db.ErrNotFound) || err == nil && msg.StatusCallback == "" {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = t.Hooks.EnqueueTx(tx, hook.Notice{
			Account: msg.Account, AccountSID: acct.SID, Key: msg.Key, Kind: "message.status", Subject: msg.SID,
			Unique: string(msg.SID) + "|" + string(n.Status), Order: string(msg.SID), Retries: statusRetries,
			Content: hook.Content{URL: msg.StatusCallback, Form: statusForm(string(acct.SID), &msg, n.Status)},
		})
		return err
	})
}

// statusForm is what a status callback is told. Source: the original's page on it.
func statusForm(acct string, msg *messaging.Message, status carry.Status) url.Values {
	form := url.Values{
		"AccountSid": {acct}, "ApiVersion": {apiVersion}, "From": {msg.From}, "To": {msg.To},
		"MessageSid": {string(msg.SID)}, "SmsSid": {string(msg.SID)}, "MessageStatus": {string(status)}, "SmsStatus": {string(status)},
	}
	if msg.Service != "" {
		form.Set("MessagingServiceSid", string(msg.Service))
	}
	failed := status == carry.Failed || status == carry.Undelivered
	if failed {
		form.Set("ErrorCode", strconv.Itoa(msg.ErrorCode))
	}
	if channel := carry.ChannelOf(msg.To); channel != carry.SMS {
		form.Set("ChannelPrefix", string(channel))
		if status == carry.Read {
			form.Set("EventType", "READ")
		}
		if failed && msg.Reason != "" {
			form.Set("ChannelStatusMessage", msg.Reason)
		}
	}
	return form
}
