// Package inbound turns what a customer does into chat: a web visitor, or a system on a customer's behalf, opens a channel by a
// Flex Flow, or finds the one that is open; a customer ends it.
//
// A channel that is opened here is private, belongs to one contact and one flow, and everything in it is sealed under the contact's
// data key. Its attributes are those that desks, widgets and flows of the original read: task_sid, from, channel_type, status,
// long_lived, and pre_engagement_data when there is some.
package inbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/sid"
)

// preEngagementMost bounds pre-engagement data in bytes: it goes into the channel's attributes.
const preEngagementMost = 8 << 10

// taskAttributesMost bounds the attributes that an opener gives for the task, in characters: TaskRouter's own bound.
const taskAttributesMost = 4096

// openTries is how often Open looks again after a conflict. Each conflict is another request's success, so more than a few
// for one contact do not happen.
const openTries = 5

// Values of the channel attribute "status".
const (
	Active   = "ACTIVE"
	Inactive = "INACTIVE"
)

// Tasks starts what happens after a channel was opened. handoff does it.
type Tasks interface {
	// StartTx makes the channel's task now, or sees to it that the first message makes it, as the flow says.
	StartTx(tx *db.Tx, flow flex.Flow, c *flex.Channel, ch *chat.Channel) error
	// AbandonTx cancels the channel's task if no agent has accepted it.
	AbandonTx(tx *db.Tx, c *flex.Channel, reason string) error
}

// Inbound opens and ends customers' channels.
type Inbound struct {
	db    *db.DB
	flex  *flex.Flex
	chat  *chat.Chat
	tasks Tasks
}

// New makes the sentence from its products.
func New(f *flex.Flex, c *chat.Chat, tasks Tasks) *Inbound {
	return &Inbound{db: f.DB(), flex: f, chat: c, tasks: tasks}
}

// Opening asks for a channel.
type Opening struct {
	Flow sid.SID
	// Identity is the customer's chat identity.
	Identity string
	// CustomerName is the customer's friendly name, ChannelName the channel's.
	CustomerName, ChannelName string
	UniqueName                string
	// PreEngagement is a JSON object, "" for none.
	PreEngagement string
	// Target is the address that the customer is reached at, such as a phone number.
	Target string
	// Task is a task that exists already; only for flows of the integration type task.
	Task sid.SID
	// TaskAttributes is a JSON object that is merged into the attributes of the task.
	TaskAttributes string
	// LongLived overrides the flow's setting when not nil.
	LongLived *bool
	// Web asks for a WebChannel.
	Web bool

	number string // the account's own address, where a carrier carries what is said
}

// Open returns the open channel of the contact and the flow, or opens one; opened tells which. A visitor opens a channel
// only by its own identity.
//
// Errors: 20001 for bad fields, 45205 for an unknown flow, 20403 for a flow that is not enabled or not for the web.
func (in *Inbound) Open(ctx context.Context, actor account.Actor, o Opening) (c flex.Channel, opened bool, err error) {
	if err := in.mayOpen(actor, o); err != nil {
		return flex.Channel{}, false, err
	}
	pre, err := parse(o.PreEngagement, 45733)
	if err != nil {
		return flex.Channel{}, false, err
	}
	if n := utf8.RuneCountInString(o.TaskAttributes); n > taskAttributesMost {
		return flex.Channel{}, false, fault.Invalid("TaskAttributes are %d characters long, at most %d are allowed", n, taskAttributesMost)
	}
	extra, err := parse(o.TaskAttributes, 20001)
	if err != nil {
		return flex.Channel{}, false, err
	}
	for try := 0; ; try++ {
		c, opened, err = in.tryOpen(ctx, actor, o, pre, extra)
		// A conflict says that another request has made the contact or opened its channel at the same moment: the next look
		// finds what it made.
		switch {
		case err == nil:
			return c, opened, nil
		case !errors.Is(err, db.ErrConflict) || try == openTries:
			return flex.Channel{}, false, err
		}
	}
}

func (in *Inbound) tryOpen(ctx context.Context, actor account.Actor, o Opening, pre, extra json.RawMessage) (c flex.Channel, opened bool, err error) {
	err = in.db.Do(ctx, func(tx *db.Tx) error {
		flow, err := in.flow(tx, actor, o)
		if err != nil {
			return err
		}
		c, opened, err = in.openTx(tx, o, flow, pre, extra)
		return err
	})
	return c, opened, err
}

// openTx finds the contact's open channel by a flow, or opens one. Somebody whom a carrier reaches is known by the address, whatever
// the chat identity is, so that the answer to what is written first finds the channel.
func (in *Inbound) openTx(tx *db.Tx, o Opening, flow flex.Flow, pre, extra json.RawMessage) (c flex.Channel, opened bool, err error) {
	who := o.Identity
	if o.number = flow.Address(); o.Target == "" {
		o.number = ""
	}
	if o.number != "" {
		who = o.Target
	}
	contact, _, err := in.flex.EnsureContactTx(tx, flow.Account, who, o.CustomerName)
	if err != nil {
		return c, false, err
	}
	if c, opened, err = in.found(tx, flow, contact, o.number); err != nil || !opened {
		return c, false, err
	}
	c, err = in.open(tx, o, flow, contact, pre, extra)
	return c, err == nil, err
}

// found looks for the contact's open channel; none says that there is none. One whose chat channel was deleted is forgotten:
// nobody could write into it.
func (in *Inbound) found(tx *db.Tx, flow flex.Flow, contact flex.Contact, number string) (c flex.Channel, none bool, err error) {
	if number != "" {
		c, err = in.flex.OpenAtTx(tx, contact.ID, number)
	}
	if number == "" || errors.Is(err, db.ErrNotFound) {
		c, err = in.flex.OpenChannelTx(tx, flow.ID, contact.ID)
	}
	if errors.Is(err, db.ErrNotFound) {
		return c, true, nil
	}
	if err != nil {
		return c, false, err
	}
	_, err = in.chat.ChannelTx(tx, c.Account, c.SID)
	if !fault.Is(err, fault.KindNotFound) {
		return c, false, err
	}
	if err := in.tasks.AbandonTx(tx, &c, "The channel was deleted"); err != nil {
		return c, false, err
	}
	return c, true, in.flex.DeleteChannelTx(tx, &c)
}

func (in *Inbound) mayOpen(actor account.Actor, o Opening) error {
	switch {
	case actor.Can(account.FlexManage):
	case o.Web && actor.Can(account.FlexWebChannel):
		if o.Identity != actor.Identity {
			return fault.Forbidden("The token is for another identity")
		}
		if actor.Flow != "" && actor.Flow != o.Flow {
			return fault.Forbidden("The token is for another Flex Flow")
		}
	default:
		return fault.Forbidden("")
	}
	if o.Identity == "" {
		return fault.Invalid("Missing required parameter Identity in the post body")
	}
	if o.Task != "" && !sid.Valid(string(o.Task), sid.Task) {
		return fault.Invalid("TaskSid must be the SID of a task (WT…)")
	}
	return nil
}

func (in *Inbound) flow(tx *db.Tx, actor account.Actor, o Opening) (flex.Flow, error) {
	flow, err := in.flex.FlowTx(tx, actor.Account, o.Flow)
	if fault.Is(err, fault.KindNotFound) {
		return flex.Flow{}, fault.New(45205, "")
	}
	if err != nil {
		return flex.Flow{}, err
	}
	// A flow that is off is still good for a channel that the account itself opens: outbound flows are kept so.
	if !flow.Enabled && !actor.Can(account.FlexManage) {
		return flex.Flow{}, fault.Forbidden("Flex Flow %s is not enabled", flow.SID)
	}
	if o.Web && flow.ChannelType != "web" {
		return flex.Flow{}, fault.Invalid("Flex Flow %s is not a web flow", flow.SID)
	}
	if o.Task != "" && flow.IntegrationType != flex.Task {
		return flex.Flow{}, fault.Invalid("TaskSid is only for flows of the integration type task")
	}
	return flow, nil
}

// open makes user, channel, member and the Flex channel that ties them to the flow.
func (in *Inbound) open(tx *db.Tx, o Opening, flow flex.Flow, contact flex.Contact, pre, extra json.RawMessage) (flex.Channel, error) {
	service, err := in.chat.ServiceTx(tx, flow.Account, flow.ChatService)
	if err != nil {
		return flex.Channel{}, fmt.Errorf("%s: %w", flow.Describe(), err)
	}
	user, _, err := in.chat.EnsureUserTx(tx, service, chat.NewUser{Identity: o.Identity, FriendlyName: o.CustomerName, Key: contact.Key})
	if err != nil {
		return flex.Channel{}, err
	}
	longLived := flow.LongLived
	if o.LongLived != nil {
		longLived = *o.LongLived
	}
	attributes, err := channelAttributes(o, flow, longLived, pre)
	if err != nil {
		return flex.Channel{}, err
	}
	ch, err := in.chat.CreateChannelTx(tx, service, chat.NewChannel{
		FriendlyName: o.ChannelName, UniqueName: o.UniqueName, Attributes: attributes, Private: true,
		Key: contact.Key, Watched: true, Carried: o.number != "",
	})
	if err != nil {
		return flex.Channel{}, err
	}
	if _, err := in.chat.AddMemberTx(tx, &ch, chat.NewMember{Identity: o.Identity, Kind: chat.Customer, UserKey: contact.Key}); err != nil {
		return flex.Channel{}, err
	}
	c := flex.Channel{
		Row:    db.Row{SID: ch.SID, Account: flow.Account, Key: contact.Key},
		FlowID: flow.ID, ContactID: contact.ID, Web: o.Web, Open: true,
		ChannelDocument: flex.ChannelDocument{
			Flow: flow.SID, User: user.SID, Service: service.SID, Identity: o.Identity, Name: customerName(o),
			ChannelType: flow.ChannelType, Target: o.Target, Number: o.number,
			PreEngagement: pre, TaskAttributes: extra, LongLived: longLived,
		},
	}
	if o.Task != "" {
		c.SetTask(o.Task)
	}
	if err := in.flex.CreateChannelTx(tx, &c); err != nil {
		return flex.Channel{}, err
	}
	return c, in.tasks.StartTx(tx, flow, &c, &ch)
}

// End closes a channel on the customer's side: its status becomes INACTIVE, and a task that nobody has accepted is canceled. An
// accepted task is left to its agent, who still has to wrap up. postEngagement is a JSON object or "".
func (in *Inbound) End(ctx context.Context, actor account.Actor, s sid.SID, postEngagement string) (flex.Channel, error) {
	post, err := parse(postEngagement, 20001)
	if err != nil {
		return flex.Channel{}, err
	}
	var c flex.Channel
	err = in.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		c, err = in.flex.ChannelTx(tx, actor.Account, s)
		if fault.Is(err, fault.KindNotFound) {
			return missing(true, s)
		}
		if err != nil {
			return err
		}
		if !c.Web {
			return missing(true, s)
		}
		if !actor.Can(account.FlexManage) && (!actor.Can(account.FlexWebChannel) || actor.Identity != c.Identity) {
			return missing(true, s)
		}
		if !c.Open {
			return nil
		}
		if err := in.tasks.AbandonTx(tx, &c, "The customer ended the chat"); err != nil {
			return err
		}
		c.Open = false
		if err := in.flex.UpdateChannelTx(tx, &c); err != nil {
			return err
		}
		return in.deactivate(tx, c, post)
	})
	return c, err
}

func (in *Inbound) deactivate(tx *db.Tx, c flex.Channel, post json.RawMessage) error {
	ch, err := in.chat.ChannelTx(tx, c.Account, c.SID)
	if fault.Is(err, fault.KindNotFound) {
		return nil // deleted by somebody else
	}
	if err != nil {
		return err
	}
	set := map[string]any{"status": Inactive}
	if len(post) > 0 {
		set["post_engagement_data"] = post
	}
	return in.chat.SettleTx(tx, &ch, false, func(old json.RawMessage) (json.RawMessage, error) { return flex.Amend(old, set) })
}

// Delete forgets a Flex channel and deletes its chat channel. Its task is canceled if nobody has accepted it.
func (in *Inbound) Delete(ctx context.Context, actor account.Actor, s sid.SID, web bool) error {
	if !actor.Can(account.FlexManage) {
		return fault.Forbidden("")
	}
	return in.db.Do(ctx, func(tx *db.Tx) error {
		c, err := in.flex.ChannelTx(tx, actor.Account, s)
		if fault.Is(err, fault.KindNotFound) || err == nil && c.Web != web {
			return missing(web, s)
		}
		if err != nil {
			return err
		}
		if err := in.tasks.AbandonTx(tx, &c, "The channel was deleted"); err != nil {
			return err
		}
		ch, err := in.chat.ChannelTx(tx, actor.Account, s)
		if err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		if err == nil {
			if err := in.chat.DeleteChannelTx(tx, &ch); err != nil {
				return err
			}
		}
		return in.flex.DeleteChannelTx(tx, &c)
	})
}

// channelAttributes are the attributes that a Flex channel has from the start.
// Source: recorded attributes of the original's web channels.
func channelAttributes(o Opening, flow flex.Flow, longLived bool, pre json.RawMessage) (string, error) {
	set := map[string]any{
		"task_sid": nil, "from": customerName(o), "channel_type": flow.ChannelType, "status": Active, "long_lived": longLived,
	}
	if len(pre) > 0 {
		set["pre_engagement_data"] = pre
	}
	if o.Target != "" {
		set["twilioNumber"] = flow.ContactIdentity
	}
	text, err := attr.Merge(json.RawMessage(attr.Empty), set)
	return string(text), err
}

// missing is the answer to a URL that names no channel of its kind.
func missing(web bool, s sid.SID) error {
	if web {
		return fault.NotFound("/WebChannels/" + string(s))
	}
	return fault.NotFound("/Channels/" + string(s))
}

func customerName(o Opening) string {
	if o.CustomerName != "" {
		return o.CustomerName
	}
	return o.Identity
}

// parse reads an optional JSON object that came in a form field.
func parse(text string, code int) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	object, err := attr.Parse(text, preEngagementMost)
	if err != nil {
		return nil, fault.New(code, "%s", err.Error())
	}
	return object, nil
}
