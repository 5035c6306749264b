package flex

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// ChannelTypes are the kinds of channels that a flow may serve.
// Source: the original's FlexFlow resource, channel_type.
var ChannelTypes = []string{"web", "sms", "facebook", "whatsapp", "line", "custom"}

// Integration types: what happens to a message that arrives.
const (
	// Studio runs a Studio flow.
	Studio = "studio"
	// External posts to a URL of the operator's.
	External = "external"
	// Task makes a TaskRouter task at once.
	Task = "task"
)

// Limits of a flow's fields, in characters.
const (
	friendlyNameMost = 255
	identityMost     = 256
	urlMost          = 2048
	retryMost        = 3
	taskTimeoutMost  = 1_209_600 // seconds: 14 days, as TaskRouter's own
)

// Flow says what happens to messages that arrive by one kind of channel.
type Flow struct {
	db.Row
	Enabled         bool
	ChannelType     string
	IntegrationType string
	// KeepDays is how many days a conversation is kept after it has ended; 0 is for ever.
	KeepDays    int64
	contactHash []byte
	FlowDocument
}

// FlowDocument is the sealed part of a flow.
type FlowDocument struct {
	FriendlyName    string      `json:"friendly_name"`
	ChatService     sid.SID     `json:"chat_service"`
	ContactIdentity string      `json:"contact_identity,omitempty"`
	Integration     Integration `json:"integration"`
	LongLived       bool        `json:"long_lived"`
	Janitor         bool        `json:"janitor"`
	// QuietHours is after how many hours without a message the janitor ends a conversation that nobody works on; 0 is the default.
	QuietHours int64 `json:"quiet_hours,omitempty"`
}

// Integration holds the fields of the integration types; nil is a field that was not given.
type Integration struct {
	FlowSID           sid.SID `json:"flow_sid,omitempty"`
	URL               string  `json:"url,omitempty"`
	Workspace         sid.SID `json:"workspace_sid,omitempty"`
	Workflow          sid.SID `json:"workflow_sid,omitempty"`
	Channel           string  `json:"channel,omitempty"`
	Timeout           *int64  `json:"timeout,omitempty"`
	Priority          *int64  `json:"priority,omitempty"`
	CreationOnMessage *bool   `json:"creation_on_message,omitempty"`
	RetryCount        *int64  `json:"retry_count,omitempty"`
}

// FlowChange names the fields of a flow that a request gives; nil leaves a field as it is.
type FlowChange struct {
	FriendlyName    *string
	ChatService     *sid.SID
	ChannelType     *string
	ContactIdentity *string
	Enabled         *bool
	IntegrationType *string
	Integration     IntegrationChange
	LongLived       *bool
	Janitor         *bool
	// KeepDays and QuietHours are Usher's own.
	KeepDays, QuietHours *int64
}

// IntegrationChange names the integration fields that a request gives.
type IntegrationChange struct {
	FlowSID           *sid.SID
	URL               *string
	Workspace         *sid.SID
	Workflow          *sid.SID
	Channel           *string
	Timeout           *int64
	Priority          *int64
	CreationOnMessage *bool
	RetryCount        *int64
}

// CreateFlow makes a flow. FriendlyName, ChatService and ChannelType are required; enabled by default, the integration
// by default studio, as in the original. The janitor is off unless asked for, as in the original's API.
func (f *Flex) CreateFlow(ctx context.Context, actor account.Actor, change FlowChange) (Flow, error) {
	var flow Flow
	if err := allow(actor, account.FlexManage); err != nil {
		return flow, err
	}
	err := f.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		flow, err = f.CreateFlowTx(tx, actor.Account, change)
		return err
	})
	return flow, err
}

// CreateFlowTx is CreateFlow inside a transaction.
func (f *Flex) CreateFlowTx(tx *db.Tx, acct int64, change FlowChange) (Flow, error) {
	flow := Flow{Row: db.Row{SID: sid.New(sid.FlexFlow), Account: acct}, Enabled: true, IntegrationType: Studio}
	if change.IntegrationType == nil && change.Integration.FlowSID == nil {
		// Nothing says what should happen: the flow waits, disabled, for its integration.
		flow.Enabled = false
	}
	if err := f.applyFlow(tx, &flow, change); err != nil {
		return Flow{}, err
	}
	return flow, flows.Insert(tx, &flow)
}

// GetFlow reads a flow.
func (f *Flex) GetFlow(ctx context.Context, actor account.Actor, s sid.SID) (Flow, error) {
	var flow Flow
	if err := allow(actor, account.FlexRead); err != nil {
		return flow, err
	}
	err := f.db.View(ctx, func(tx *db.Tx) error {
		var err error
		flow, err = f.FlowTx(tx, actor.Account, s)
		return err
	})
	return flow, err
}

// FlowTx reads a flow inside a transaction.
func (f *Flex) FlowTx(tx *db.Tx, acct int64, s sid.SID) (Flow, error) {
	flow, err := flows.Get(tx, acct, s)
	return flow, missing(err, flowPath(s))
}

// FlowOf reads the flow of a Flex channel. Channels outlive their flow: for one that was deleted stands a flow without an
// integration, whose tasks go where the account's go and whose channels are closed when their task ends.
func (f *Flex) FlowOf(tx *db.Tx, c Channel) (Flow, error) {
	flow, err := flows.ByID(tx, c.FlowID)
	if !errors.Is(err, db.ErrNotFound) {
		return flow, err
	}
	return Flow{
		Row: db.Row{ID: c.FlowID, SID: c.Flow, Account: c.Account}, ChannelType: c.ChannelType,
		FlowDocument: FlowDocument{ChatService: c.Service, LongLived: c.LongLived, Janitor: true},
	}, nil
}

// PublicFlow reads an enabled web flow by its SID alone, as a visitor's page names it; with an empty SID the oldest enabled
// one of the installation. fault 20404 when there is none.
func (f *Flex) PublicFlow(ctx context.Context, s sid.SID) (Flow, error) {
	var flow Flow
	err := f.db.View(ctx, func(tx *db.Tx) error {
		var err error
		if s == "" {
			flow, err = flows.One(tx, "enabled = 1 and channel_type = 'web' order by id limit 1")
		} else {
			flow, err = flows.One(tx, "sid = $1 and enabled = 1 and channel_type = 'web'", string(s))
		}
		return missing(err, flowPath(s))
	})
	return flow, err
}

// ListFlows lists the account's flows, oldest first; name filters by exact friendly name when not empty.
func (f *Flex) ListFlows(ctx context.Context, actor account.Actor, name string, p db.Page) (db.PageOf[Flow], error) {
	var page db.PageOf[Flow]
	if err := allow(actor, account.FlexRead); err != nil {
		return page, err
	}
	keep := func(flow *Flow) bool { return name == "" || flow.FriendlyName == name }
	err := f.db.View(ctx, func(tx *db.Tx) error {
		var err error
		page, err = flows.PageWhere(tx, p, keep, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// UpdateFlow changes the given fields of a flow.
func (f *Flex) UpdateFlow(ctx context.Context, actor account.Actor, s sid.SID, change FlowChange) (Flow, error) {
	var flow Flow
	if err := allow(actor, account.FlexManage); err != nil {
		return flow, err
	}
	err := f.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		if flow, err = flows.ForUpdate(tx, actor.Account, s); err != nil {
			return missing(err, flowPath(s))
		}
		if err := f.applyFlow(tx, &flow, change); err != nil {
			return err
		}
		return flows.Update(tx, &flow)
	})
	return flow, err
}

// DeleteFlow deletes a flow. Channels that it opened stay as they are.
func (f *Flex) DeleteFlow(ctx context.Context, actor account.Actor, s sid.SID) error {
	if err := allow(actor, account.FlexManage); err != nil {
		return err
	}
	return f.db.Do(ctx, func(tx *db.Tx) error {
		flow, err := flows.ForUpdate(tx, actor.Account, s)
		if err != nil {
			return missing(err, flowPath(s))
		}
		return flows.Delete(tx, &flow)
	})
}

// applyFlow sets the given fields and checks the whole flow.
func (f *Flex) applyFlow(tx *db.Tx, flow *Flow, c FlowChange) error {
	set(&flow.FriendlyName, c.FriendlyName)
	set(&flow.ChatService, c.ChatService)
	set(&flow.ChannelType, c.ChannelType)
	set(&flow.ContactIdentity, c.ContactIdentity)
	set(&flow.Enabled, c.Enabled)
	set(&flow.IntegrationType, c.IntegrationType)
	set(&flow.LongLived, c.LongLived)
	set(&flow.Janitor, c.Janitor)
	set(&flow.KeepDays, c.KeepDays)
	set(&flow.QuietHours, c.QuietHours)
	flow.Integration.apply(c.Integration)
	if err := flow.check(); err != nil {
		return err
	}
	flow.contactHash = nil
	if flow.ContactIdentity != "" {
		hash, err := f.db.Ring().Blind(flow.Account, "flow contact", normal(flow.ContactIdentity))
		if err != nil {
			return err
		}
		flow.contactHash = hash
	}
	return f.onlyOneEnabled(tx, flow)
}

// onlyOneEnabled refuses a second enabled flow for the same identity: an inbound message must have one way to go.
// Web flows have no identity; each widget names its own.
func (f *Flex) onlyOneEnabled(tx *db.Tx, flow *Flow) error {
	if !flow.Enabled || flow.contactHash == nil || flow.ChannelType == "web" {
		return nil
	}
	if err := f.queueUp(tx, flow.Account); err != nil {
		return err
	}
	other, err := flows.One(tx, "account_id = $1 and channel_type = $2 and contact_hash = $3 and enabled = 1 and id <> $4",
		flow.Account, flow.ChannelType, flow.contactHash, flow.ID)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.Invalid("Flex Flow %s is already enabled for this ChannelType and ContactIdentity", other.SID)
}

// queueUp lets one transaction of an account at a time look for another enabled flow and then write its own: they meet at the
// account's configuration. On SQLite writers are alone anyway.
func (f *Flex) queueUp(tx *db.Tx, acct int64) error {
	if tx.LockSuffix() == "" {
		return nil
	}
	_, err := configurations.Find(tx, "account_id = $1"+tx.LockSuffix(), acct)
	return err
}

func (flow *Flow) check() error {
	switch {
	case flow.FriendlyName == "":
		return fault.Invalid("Missing required parameter FriendlyName in the post body")
	case utf8.RuneCountInString(flow.FriendlyName) > friendlyNameMost:
		return fault.Invalid("FriendlyName is longer than %d characters", friendlyNameMost)
	case !sid.Valid(string(flow.ChatService), sid.ChatService):
		return fault.Invalid("ChatServiceSid must be the SID of a chat service (IS…), not %q", flow.ChatService)
	case !slices.Contains(ChannelTypes, flow.ChannelType):
		return fault.Invalid("ChannelType must be one of %s", strings.Join(ChannelTypes, ", "))
	case utf8.RuneCountInString(flow.ContactIdentity) > identityMost:
		return fault.Invalid("ContactIdentity is longer than %d characters", identityMost)
	case flow.KeepDays < 0 || flow.KeepDays > keepDaysMost:
		return fault.Invalid("KeepDays must be 0 (for ever) to %d", keepDaysMost)
	case flow.QuietHours < 0 || flow.QuietHours > quietHoursMost:
		return fault.Invalid("QuietHours must be 0 (the default, %d) to %d", int64(DefaultQuiet/time.Hour), quietHoursMost)
	}
	return flow.Integration.check(flow.IntegrationType, flow.Enabled)
}

func (i *Integration) apply(c IntegrationChange) {
	set(&i.FlowSID, c.FlowSID)
	set(&i.URL, c.URL)
	set(&i.Workspace, c.Workspace)
	set(&i.Workflow, c.Workflow)
	set(&i.Channel, c.Channel)
	keep(&i.Timeout, c.Timeout)
	keep(&i.Priority, c.Priority)
	keep(&i.CreationOnMessage, c.CreationOnMessage)
	keep(&i.RetryCount, c.RetryCount)
}

// check refuses fields that the integration type cannot work with. A disabled flow may be incomplete.
func (i *Integration) check(kind string, enabled bool) error {
	if i.RetryCount != nil && (*i.RetryCount < 0 || *i.RetryCount > retryMost) {
		return fault.Invalid("Integration.RetryCount must be 0 to %d", retryMost)
	}
	if i.Timeout != nil && (*i.Timeout < 1 || *i.Timeout > taskTimeoutMost) {
		return fault.Invalid("Integration.Timeout must be 1 to %d seconds", taskTimeoutMost)
	}
	if i.Priority != nil && (*i.Priority < 0 || *i.Priority > 1<<31-1) {
		return fault.Invalid("Integration.Priority must be 0 to %d", 1<<31-1)
	}
	if i.URL != "" {
		if err := checkURL(i.URL); err != nil {
			return err
		}
	}
	required := func(name, prefix string, s sid.SID) error {
		if s == "" && !enabled || sid.Valid(string(s), prefix) {
			return nil
		}
		return fault.Invalid("%s is required for IntegrationType %s and must be a SID (%s…)", name, kind, prefix)
	}
	switch kind {
	case Studio:
		return required("Integration.FlowSid", "FW", i.FlowSID)
	case External:
		if i.URL == "" && enabled {
			return fault.Invalid("Integration.Url is required for IntegrationType external")
		}
		return nil
	case Task:
		if err := required("Integration.WorkspaceSid", sid.Workspace, i.Workspace); err != nil {
			return err
		}
		return required("Integration.WorkflowSid", sid.Workflow, i.Workflow)
	}
	return fault.Invalid("IntegrationType must be studio, external or task")
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || len(s) > urlMost || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fault.Invalid("Integration.Url is not a web address")
	}
	return nil
}

// normal is the form in which identities are compared.
func normal(identity string) string { return strings.ToLower(strings.TrimSpace(identity)) }

func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

func keep[T any](field **T, v *T) {
	if v != nil {
		*field = v
	}
}

// Describe names a flow in an error without telling what is in it.
func (flow *Flow) Describe() string { return fmt.Sprintf("flow %s (%s)", flow.SID, flow.ChannelType) }
