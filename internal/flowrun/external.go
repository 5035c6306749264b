package flowrun

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/chat/payload"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/sid"
)

// Undelivered is the queue of messages that the URL of an external flow did not take.
const Undelivered = "flowrun.undelivered"

// messageSent is the event of the compatible wire that an external flow is told of.
const messageSent = "onMessageSent"

// webhookTime is how webhooks write a time. Source: recorded webhooks.
const webhookTime = "2006-01-02T15:04:05.000Z"

// Deliveries are posted to addresses outside, until they arrive or have failed; *hook.Hooks does it.
type Deliveries interface {
	EnqueueTx(tx *db.Tx, n hook.Notice) (hook.Delivery, error)
	CancelTx(tx *db.Tx, acct int64, subject sid.SID, order string) error
}

// external says that the flow posts messages to an address of the operator's.
func external(flow flex.Flow) bool {
	return flow.IntegrationType == flex.External && flow.Integration.URL != ""
}

// post gives a customer's message to the URL of the channel's flow: once, after those before it. What the URL answers does not
// matter; who is behind it answers by REST, and hands over to an agent by a task that names the channel.
func (r *FlowRun) post(tx *db.Tx, flow flex.Flow, c *flex.Channel, m chat.MessageData) error {
	owner, err := r.Accounts.ByIDTx(tx, c.Account)
	if err != nil {
		return fmt.Errorf("account of %s: %w", c.SID, err)
	}
	retries := hook.MaxRetries
	if n := flow.Integration.RetryCount; n != nil {
		retries = int(*n)
	}
	_, err = r.Hooks.EnqueueTx(tx, hook.Notice{
		Account: c.Account, AccountSID: owner.SID, Key: c.Key, Kind: messageSent, Subject: c.SID,
		Unique: "flow|" + string(m.SID), Order: orderOf(c.SID), Retries: retries, Undelivered: Undelivered,
		Content: hook.Content{URL: flow.Integration.URL, Form: r.addFile(messageForm(owner.SID, c, m), c.Service, m)},
	})
	if err != nil || before(m, c.Heard) {
		return err
	}
	c.Heard = &m.Index
	return r.Flex.UpdateChannelTx(tx, c)
}

// catchUp gives the URL of an external flow what a customer wrote after a message, where nobody watched: a task or a flow begins
// with one message and finds the rest in the channel, an URL is told of each.
func (r *FlowRun) catchUp(ctx context.Context, acct int64, channel sid.SID, after int64) error {
	var c flex.Channel
	outside := false
	err := r.db.Do(ctx, func(tx *db.Tx) (err error) {
		if c, err = r.Flex.ChannelTx(tx, acct, channel); err != nil {
			return err
		}
		flow, err := r.Flex.FlowOf(tx, c)
		outside = external(flow) && c.Open && c.Task == nil
		return err
	})
	if fault.Is(err, fault.KindNotFound) || err == nil && !outside {
		return nil
	}
	if err != nil {
		return err
	}
	recent, err := r.Chat.History(ctx, account.System(acct, ""), channel, nil, chat.MaxHistory)
	if fault.Is(err, fault.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range recent {
		if m := &recent[i]; m.Author == c.Identity && m.Index > after {
			if err := r.listen(ctx, acct, channel, m.Data(), 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// orderOf names the order in which a channel's messages go to its URL.
func orderOf(channel sid.SID) string { return "flow|" + string(channel) }

// messageForm is the form that tells of a message. Source: recorded webhooks of the original's chat.
func messageForm(owner sid.SID, c *flex.Channel, m chat.MessageData) url.Values {
	attributes := string(m.Attributes)
	if attributes == "" {
		attributes = attr.Empty
	}
	return url.Values{
		"EventType": {messageSent}, "Source": {"SDK"}, "AccountSid": {string(owner)}, "InstanceSid": {string(c.Service)},
		"ChannelSid": {string(c.SID)}, "MessageSid": {string(m.SID)}, "Index": {strconv.FormatInt(m.Index, 10)},
		"Body": {m.Body}, "From": {m.Author}, "ClientIdentity": {m.Author}, "Attributes": {attributes},
		"DateCreated": {time.Time(m.DateCreated).UTC().Format(webhookTime)}, "RetryCount": {"0"},
	}
}

// SendTest posts a sample of a message to the URL of an external flow, so that whoever sets it up sees what comes of it. Nobody
// gets a task when it fails. It takes the grant flex.manage. Errors: 20404 for an unknown flow, 20001 for one without a URL.
func (r *FlowRun) SendTest(ctx context.Context, actor account.Actor, flow sid.SID) (d hook.Delivery, err error) {
	if !actor.Can(account.FlexManage) {
		return d, fault.Forbidden("")
	}
	err = r.db.Do(ctx, func(tx *db.Tx) error {
		f, err := r.Flex.FlowTx(tx, actor.Account, flow)
		if err != nil {
			return err
		}
		if !external(f) {
			return fault.Invalid("Flex Flow %s is not of the integration type external, or has no Integration.Url", flow)
		}
		c := flex.Channel{ChannelDocument: flex.ChannelDocument{Service: f.ChatService}}
		c.SID = sid.New(sid.Channel)
		d, err = r.Hooks.EnqueueTx(tx, hook.Notice{
			Account: actor.Account, AccountSID: actor.AccountSID, Kind: "test", Subject: flow,
			Content: hook.Content{URL: f.Integration.URL, Form: messageForm(actor.AccountSID, &c, chat.MessageData{
				SID: sid.New(sid.Message), Author: "test", Body: "This is a test", DateCreated: payload.Date(tx.Now),
			})},
		})
		return err
	})
	return d, err
}

// OnUndelivered reacts to a message that the URL of an external flow did not take: its customer gets a task. What the customer
// wrote meanwhile is called off, because an agent reads it now.
func (r *FlowRun) OnUndelivered(ctx context.Context, j job.Job) error {
	var lost hook.Lost
	if done, err := decode(j, &lost); done || err != nil {
		return err
	}
	form := lost.Content.Form
	index, err := strconv.ParseInt(form.Get("Index"), 10, 64)
	if err != nil {
		return fmt.Errorf("undelivered message of %s: %w", lost.Subject, err)
	}
	slog.Warn("the URL of an external flow did not take a message; its customer gets a task",
		"channel", lost.Subject, "delivery", lost.Delivery, "failure", string(lost.Failure))
	err = r.Handoff.Begin(ctx, j.Account, lost.Subject, chat.MessageData{
		SID: sid.SID(form.Get("MessageSid")), ChannelSID: lost.Subject, Index: index, Author: form.Get("From"), Body: form.Get("Body"),
		Attributes: json.RawMessage(form.Get("Attributes")),
	})
	if err != nil {
		return forgive(err)
	}
	return forgive(r.db.Do(ctx, func(tx *db.Tx) error {
		c, err := r.Flex.ChannelTx(tx, j.Account, lost.Subject)
		if fault.Is(err, fault.KindNotFound) || err == nil && c.Open && c.Task == nil {
			return nil
		}
		if err != nil {
			return err
		}
		return r.Hooks.CancelTx(tx, j.Account, c.SID, orderOf(c.SID))
	}))
}
