package flex

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"usher/internal/account"
	"usher/internal/attr"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Contact is a customer, known by one identity of one account. Everything that belongs to the customer is sealed under the
// contact's data key (Row.Key).
type Contact struct {
	db.Row
	identityHash []byte
	ContactDocument
}

// ContactDocument is the sealed part of a contact.
type ContactDocument struct {
	Identity     string `json:"identity"`
	FriendlyName string `json:"friendly_name,omitempty"`
}

// Channel says which contact talks in a chat channel, by which flow and about which task. Its SID is the chat channel's.
type Channel struct {
	db.Row
	FlowID, ContactID int64
	// Web says that the channel was made as a WebChannel.
	Web bool
	// Open is true until the conversation has ended for good.
	Open bool
	// Task is the live task, nil between tasks.
	Task *string
	// CheckAt is when the janitor looks at the channel again; zero is never.
	CheckAt time.Time
	// ClosedAt is when the conversation ended; zero while the channel is open.
	ClosedAt time.Time
	ChannelDocument
}

// ChannelDocument is the sealed part of a Flex channel.
type ChannelDocument struct {
	Flow        sid.SID `json:"flow"`
	User        sid.SID `json:"user"`
	Service     sid.SID `json:"service"`
	Identity    string  `json:"identity"`
	Name        string  `json:"name"`
	ChannelType string  `json:"channel_type"`
	Target      string  `json:"target,omitempty"`
	// Number is the account's own address that the customer at Target writes to; "" where no carrier carries the conversation.
	Number         string          `json:"number,omitempty"`
	PreEngagement  json.RawMessage `json:"pre_engagement,omitempty"`
	TaskAttributes json.RawMessage `json:"task_attributes,omitempty"`
	LongLived      bool            `json:"long_lived"`
	// Execution is the Studio execution that asked for the newest task, and Token what it waits for.
	Execution sid.SID `json:"execution,omitempty"`
	Token     string  `json:"token,omitempty"`
	// LastTask is the newest task that the channel had.
	LastTask sid.SID `json:"last_task,omitempty"`
	// Began is the index of the message that made the newest task; nil when no message has made one yet.
	Began *int64 `json:"began,omitempty"`
	// Heard is the index of the newest message that a Studio flow was given; nil when none was.
	Heard *int64 `json:"heard,omitempty"`
}

// EnsureContactTx returns the contact with that identity, locked, and makes it, with a data key of its own, when there is
// none; made tells which. Identities are compared as chat compares them, letter by letter. Where two transactions make the
// same contact, the later one fails with db.ErrConflict and must be run again.
func (f *Flex) EnsureContactTx(tx *db.Tx, acct int64, identity, name string) (contact Contact, made bool, err error) {
	hash, err := f.db.Ring().Blind(acct, "contact", identity)
	if err != nil {
		return Contact{}, false, err
	}
	contact, err = contacts.One(tx, "account_id = $1 and identity_hash = $2"+tx.LockSuffix(), acct, hash)
	if err == nil {
		if name == "" || contact.FriendlyName == name {
			return contact, false, nil
		}
		contact.FriendlyName = name
		return contact, false, contacts.Update(tx, &contact)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return Contact{}, false, err
	}
	key, err := db.CreateDataKey(tx, acct)
	if err != nil {
		return Contact{}, false, err
	}
	contact = Contact{
		Row: db.Row{SID: sid.New(sid.Contact), Account: acct, Key: key}, identityHash: hash,
		ContactDocument: ContactDocument{Identity: identity, FriendlyName: name},
	}
	return contact, true, contacts.Insert(tx, &contact)
}

// OpenChannelTx returns the open channel of a flow and a contact, locked; db.ErrNotFound when there is none.
func (f *Flex) OpenChannelTx(tx *db.Tx, flow, contact int64) (Channel, error) {
	return channels.One(tx, "flow_id = $1 and contact_id = $2 and open = 1"+tx.LockSuffix(), flow, contact)
}

// CreateChannelTx records a Flex channel. Its SID is the chat channel's.
func (f *Flex) CreateChannelTx(tx *db.Tx, c *Channel) error {
	c.age(tx.Now)
	return channels.Insert(tx, c)
}

// UpdateChannelTx writes a Flex channel that was read in this transaction.
func (f *Flex) UpdateChannelTx(tx *db.Tx, c *Channel) error {
	c.age(tx.Now)
	return channels.Update(tx, c)
}

// ChannelTx reads and locks a Flex channel; fault 20404 when the chat channel is not one of Flex's.
func (f *Flex) ChannelTx(tx *db.Tx, acct int64, s sid.SID) (Channel, error) {
	c, err := channels.ForUpdate(tx, acct, s)
	return c, missing(err, channelPath(false, s))
}

// GetChannel reads a Flex channel. A visitor sees only its own.
func (f *Flex) GetChannel(ctx context.Context, actor account.Actor, s sid.SID, web bool) (Channel, error) {
	var c Channel
	err := f.db.View(ctx, func(tx *db.Tx) error {
		var err error
		c, err = channels.Get(tx, actor.Account, s)
		return missing(err, channelPath(web, s))
	})
	if err != nil {
		return Channel{}, err
	}
	if c.Web != web || !Visible(actor, c) {
		return Channel{}, fault.NotFound(channelPath(web, s))
	}
	return c, nil
}

// Visible says whether the actor may know of the channel.
func Visible(actor account.Actor, c Channel) bool {
	return actor.Can(account.FlexRead) || actor.Role == account.RoleVisitor && actor.Identity == c.Identity
}

// ListChannels lists the account's Flex channels or, with web, its WebChannels; oldest first.
func (f *Flex) ListChannels(ctx context.Context, actor account.Actor, web bool, p db.Page) (db.PageOf[Channel], error) {
	var page db.PageOf[Channel]
	if err := allow(actor, account.FlexRead); err != nil {
		return page, err
	}
	kind := 0
	if web {
		kind = 1
	}
	err := f.db.View(ctx, func(tx *db.Tx) error {
		var err error
		page, err = channels.Page(tx, p, "account_id = $1 and web = $2", actor.Account, kind)
		return err
	})
	return page, err
}

// ListOpen lists the account's open channels, of either kind, the newest first.
func (f *Flex) ListOpen(ctx context.Context, actor account.Actor, p db.Page) (page db.PageOf[Channel], err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return page, err
	}
	p.Desc = true
	err = f.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = channels.Page(tx, p, "account_id = $1 and open = 1", actor.Account)
		return err
	})
	return page, err
}

// DeleteChannelTx forgets a Flex channel; the chat channel is not touched.
func (f *Flex) DeleteChannelTx(tx *db.Tx, c *Channel) error { return channels.Delete(tx, c) }

// SetTask connects the channel to its live task, or with an empty SID says that it has none.
func (c *Channel) SetTask(task sid.SID) {
	if task == "" {
		c.Task = nil
		return
	}
	s := string(task)
	c.Task, c.LastTask = &s, task
}

// HasTask says whether task is the channel's live task.
func (c Channel) HasTask(task sid.SID) bool { return c.Task != nil && *c.Task == string(task) }

// Amend puts the keys of set on top of a chat channel's attributes. The wire lets attributes be any JSON value; what is not an
// object gives way to one, so that nobody can keep a conversation from ending by its attributes.
func Amend(old json.RawMessage, set map[string]any) (json.RawMessage, error) {
	m, err := attr.Merge(old, set)
	if errors.Is(err, attr.ErrNotObject) {
		return attr.Merge(json.RawMessage(attr.Empty), set)
	}
	return m, err
}

func channelPath(web bool, s sid.SID) string {
	if web {
		return "/WebChannels/" + string(s)
	}
	return "/Channels/" + string(s)
}
