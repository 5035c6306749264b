package flex

import (
	"context"
	"encoding/json"
	"errors"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// configurationMost bounds the stored configuration in bytes.
const configurationMost = 256 << 10

// configurationPrefix begins the SID of a configuration row, which the outside never sees.
const configurationPrefix = "FC"

// Configuration is the account's Flex configuration: one per account.
type Configuration struct {
	db.Row
	ConfigurationDocument
}

// ConfigurationDocument is the sealed part: what Usher itself reads, and the fields that it keeps for others as they came.
type ConfigurationDocument struct {
	Workspace   sid.SID                    `json:"workspace"`
	Workflow    sid.SID                    `json:"workflow"`
	Queue       sid.SID                    `json:"queue"`
	Offline     sid.SID                    `json:"offline"`
	ChatService sid.SID                    `json:"chat_service"`
	Proxy       sid.SID                    `json:"proxy"`
	Fields      map[string]json.RawMessage `json:"fields"`
}

// GetConfiguration reads the account's configuration; fault 20404 before it is set up.
func (f *Flex) GetConfiguration(ctx context.Context, actor account.Actor) (Configuration, error) {
	var c Configuration
	if err := allow(actor, account.FlexRead); err != nil {
		return c, err
	}
	err := f.db.View(ctx, func(tx *db.Tx) error {
		var err error
		c, err = f.ConfigurationTx(tx, actor.Account)
		return err
	})
	return c, err
}

// ConfigurationTx reads an account's configuration inside a transaction.
func (f *Flex) ConfigurationTx(tx *db.Tx, acct int64) (Configuration, error) {
	c, err := configurations.One(tx, "account_id = $1", acct)
	return c, missing(err, "/Configuration")
}

// PutConfigurationTx makes or replaces what Usher reads of the configuration.
func (f *Flex) PutConfigurationTx(tx *db.Tx, acct int64, d ConfigurationDocument) error {
	c, err := configurations.One(tx, "account_id = $1", acct)
	if errors.Is(err, db.ErrNotFound) {
		c = Configuration{Row: db.Row{SID: sid.New(configurationPrefix), Account: acct}, ConfigurationDocument: d}
		return configurations.Insert(tx, &c)
	}
	if err != nil {
		return err
	}
	c.ConfigurationDocument = d
	return configurations.Update(tx, &c)
}

// UpdateConfiguration sets the given fields, each a JSON value under its name on the wire. Fields that Usher reads
// itself (the names of Known) are checked and kept; others are stored as they are.
func (f *Flex) UpdateConfiguration(ctx context.Context, actor account.Actor, fields map[string]json.RawMessage) (Configuration, error) {
	var c Configuration
	if err := allow(actor, account.FlexManage); err != nil {
		return c, err
	}
	size := 0
	for name, v := range fields {
		size += len(name) + len(v)
	}
	if size > configurationMost {
		return c, fault.Invalid("The configuration is larger than %d bytes", configurationMost)
	}
	err := f.db.Do(ctx, func(tx *db.Tx) error {
		var err error
		if c, err = f.ConfigurationTx(tx, actor.Account); err != nil {
			return err
		}
		known := c.known()
		if c.Fields == nil {
			c.Fields = map[string]json.RawMessage{}
		}
		for name, v := range fields {
			if k, ok := known[name]; ok {
				if err := setSID(k.field, k.prefix, name, v); err != nil {
					return err
				}
				continue
			}
			c.Fields[name] = v
		}
		return configurations.Update(tx, &c)
	})
	return c, err
}

type knownField struct {
	field  *sid.SID
	prefix string
}

// known maps the wire's names to the fields that Usher reads.
func (c *Configuration) known() map[string]knownField {
	return map[string]knownField{
		"taskrouter_workspace_sid":        {&c.Workspace, sid.Workspace},
		"taskrouter_target_workflow_sid":  {&c.Workflow, sid.Workflow},
		"taskrouter_target_taskqueue_sid": {&c.Queue, sid.TaskQueue},
		"taskrouter_offline_activity_sid": {&c.Offline, sid.Activity},
		"chat_service_instance_sid":       {&c.ChatService, sid.ChatService},
		"flex_service_instance_sid":       {&c.Proxy, sid.ProxyService},
	}
}

func setSID(field *sid.SID, prefix, name string, v json.RawMessage) error {
	var text string
	if err := json.Unmarshal(v, &text); err != nil || !sid.Valid(text, prefix) {
		return fault.Invalid("%s must be a SID (%s…)", name, prefix)
	}
	*field = sid.SID(text)
	return nil
}
