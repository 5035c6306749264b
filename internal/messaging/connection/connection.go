// Package connection keeps what an operator has configured to carry messages: connections to carriers, each of a kind, with sealed
// settings and the addresses that it carries.
//
// An address belongs to one connection of its account. The address "*" of a channel ("*" for SMS, "whatsapp:*" and so on) stands for
// all of the channel's that no connection names.
//
// What a connection does is not known here: kinds are values that the wiring hands in. Settings that are secret are written and
// never read out again.
package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Prefix begins the SIDs of connections; they are Usher's own.
const Prefix = "XC"

// Sandbox is the kind that needs no carrier: what it sends arrives at phones on a screen.
const Sandbox = "sandbox"

// Limits.
const (
	connectionsMost = 200  // of an account
	addressesMost   = 1000 // of a connection
	nameMost        = 64   // characters
	settingMost     = 8192 // bytes
	addressMost     = 256  // bytes
	// RateMost is the highest rate that a connection may have, in messages a second.
	RateMost = 5000
)

// What happens to a message of which it is not known whether the carrier has taken it.
const (
	// Resend sends it again: it may arrive twice where the carrier knows no key against that. The default.
	Resend = "resend"
	// GiveUp calls it failed: it may have arrived all the same.
	GiveUp = "fail"
)

// ErrOff says that a connection is not enabled at the moment.
var ErrOff = errors.New("the connection is off")

// Field is one setting of a kind.
type Field struct {
	Name, Label, Help string
	Secret, Required  bool
	Default           string
	Choices           []string
}

// Kind is a sort of connection.
type Kind struct {
	Name     string
	Channels []carry.Channel
	Fields   []Field
	// Check says what is wrong with settings, in plain words and without a value of them.
	Check func(settings map[string]string) error
}

// Connection is one that was configured.
type Connection struct {
	db.Row
	Kind    string
	Enabled bool
	Document
}

// Document is the sealed part of a connection.
type Document struct {
	FriendlyName string            `json:"friendly_name,omitempty"`
	Settings     map[string]string `json:"settings,omitempty"`
	Addresses    []string          `json:"addresses,omitempty"`
	// Rate bounds what is sent, in messages a second; 0 is no bound.
	Rate int64 `json:"rate,omitempty"`
	// Unknown is Resend or GiveUp; "" is Resend.
	Unknown string `json:"unknown,omitempty"`
}

// Change names the fields that a request gives; nil leaves a field as it is.
type Change struct {
	Kind         *string // of a new connection only
	FriendlyName *string
	Enabled      *bool
	// Settings are merged into what there is: an empty value takes one away.
	Settings  map[string]string
	Addresses *[]string
	Rate      *int64
	Unknown   *string
}

// Deps are what New needs.
type Deps struct {
	DB    *db.DB
	Kinds []Kind
	// Own is told of every address that a connection is to carry, so that the account has it among its own; nil does nothing.
	Own func(tx *db.Tx, acct int64, address string) error
	// Changed is called after a change was committed; nil does nothing.
	Changed func()
}

// Connections is the product.
type Connections struct {
	db    *db.DB
	kinds []Kind
	deps  Deps
}

// New makes the product.
func New(d Deps) *Connections { return &Connections{db: d.DB, kinds: d.Kinds, deps: d} }

// Kinds lists the kinds that there are.
func (c *Connections) Kinds() []Kind { return c.kinds }

// View reads in a transaction.
func (c *Connections) View(ctx context.Context, fn func(tx *db.Tx) error) error {
	return c.db.View(ctx, fn)
}

// Kind finds a kind by its name.
func (c *Connections) Kind(name string) (Kind, bool) {
	i := slices.IndexFunc(c.kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return c.kinds[i], true
}

// Create makes a connection. It takes the grant flex.manage. Errors: 20001 for bad fields, 20409 for an address that another
// connection carries.
func (c *Connections) Create(ctx context.Context, actor account.Actor, change Change) (v Connection, err error) {
	if err := allow(actor); err != nil {
		return v, err
	}
	err = c.db.Do(ctx, func(tx *db.Tx) error {
		v, err = c.CreateTx(tx, actor.Account, change)
		return err
	})
	return v, err
}

// CreateTx is Create inside a transaction.
func (c *Connections) CreateTx(tx *db.Tx, acct int64, change Change) (Connection, error) {
	v := Connection{Row: db.Row{SID: sid.New(Prefix), Account: acct}, Enabled: true}
	if change.Kind != nil {
		v.Kind = *change.Kind
	}
	var n int64
	if err := tx.QueryRow("select count(*) from messaging_connection where account_id = $1", acct).Scan(&n); err != nil {
		return v, err
	}
	if n >= connectionsMost {
		return v, fault.Invalid("An account has at most %d connections", connectionsMost)
	}
	if err := c.apply(&v, change); err != nil {
		return v, err
	}
	if err := connections.Insert(tx, &v); err != nil {
		return v, err
	}
	return v, c.claimAddresses(tx, &v)
}

// Get reads a connection; 20404 when there is none.
func (c *Connections) Get(ctx context.Context, actor account.Actor, s sid.SID) (v Connection, err error) {
	if err := allow(actor); err != nil {
		return v, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		v, err = c.GetTx(tx, actor.Account, s)
		return err
	})
	return v, err
}

// GetTx reads a connection inside a transaction.
func (c *Connections) GetTx(tx *db.Tx, acct int64, s sid.SID) (Connection, error) {
	v, err := connections.Get(tx, acct, s)
	return v, missing(err, s)
}

// List lists the account's connections, oldest first.
func (c *Connections) List(ctx context.Context, actor account.Actor, p db.Page) (page db.PageOf[Connection], err error) {
	if err := allow(actor); err != nil {
		return page, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = connections.Page(tx, p, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// Update changes the given fields.
func (c *Connections) Update(ctx context.Context, actor account.Actor, s sid.SID, change Change) (v Connection, err error) {
	if err := allow(actor); err != nil {
		return v, err
	}
	err = c.db.Do(ctx, func(tx *db.Tx) (err error) {
		if v, err = connections.ForUpdate(tx, actor.Account, s); err != nil {
			return missing(err, s)
		}
		change.Kind = nil
		if err := c.apply(&v, change); err != nil {
			return err
		}
		if err := connections.Update(tx, &v); err != nil {
			return err
		}
		return c.claimAddresses(tx, &v)
	})
	return v, err
}

// Delete deletes a connection. What waits to be sent by it fails, or goes by another that carries the address.
func (c *Connections) Delete(ctx context.Context, actor account.Actor, s sid.SID) error {
	if err := allow(actor); err != nil {
		return err
	}
	return c.db.Do(ctx, func(tx *db.Tx) error {
		v, err := connections.ForUpdate(tx, actor.Account, s)
		if err != nil {
			return missing(err, s)
		}
		for _, table := range []string{"messaging_address", "messaging_link"} {
			if _, err := tx.Exec("delete from "+table+" where connection_id = $1", v.ID); err != nil {
				return err
			}
		}
		if c.deps.Changed != nil {
			tx.AfterCommit(c.deps.Changed)
		}
		return connections.Delete(tx, &v)
	})
}

// Find reads an enabled connection by its SID alone, as its carrier names it; db.ErrNotFound when there is none.
func (c *Connections) Find(ctx context.Context, s sid.SID) (v Connection, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		v, err = connections.One(tx, "sid = $1 and enabled = 1", string(s))
		return err
	})
	return v, err
}

// Enabled lists the enabled connections of these kinds, of all accounts.
func (c *Connections) Enabled(ctx context.Context, kinds []string) (list []Connection, err error) {
	args := make([]any, len(kinds))
	for i, kind := range kinds {
		args[i] = kind
	}
	if len(args) == 0 {
		return nil, nil
	}
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = connections.Find(tx, "enabled = 1 and kind in ("+db.In(1, len(args))+") order by id", args...)
		return err
	})
	return list, err
}

// CarrierTx finds the enabled connection that carries an address: one that names it, else one that carries the channel's others.
// ErrOff when those that carry it are off, db.ErrNotFound when there is none.
func (c *Connections) CarrierTx(tx *db.Tx, acct int64, address string) (Connection, error) {
	none := db.ErrNotFound
	for _, name := range []string{address, wildcard(carry.ChannelOf(address))} {
		hash, err := c.hash(acct, name)
		if err != nil {
			return Connection{}, err
		}
		var id int64
		err = tx.QueryRow("select connection_id from messaging_address where account_id = $1 and address_hash = $2", acct, hash).Scan(&id)
		if errors.Is(err, db.ErrNotFound) {
			continue
		}
		if err != nil {
			return Connection{}, err
		}
		v, err := connections.ByID(tx, id)
		switch {
		case err == nil && v.Enabled || err != nil && !errors.Is(err, db.ErrNotFound):
			return v, err
		case err == nil:
			none = ErrOff
		}
	}
	return Connection{}, fmt.Errorf("connection: %w", none)
}

// apply sets the given fields and checks the whole connection.
func (c *Connections) apply(v *Connection, change Change) error {
	kind, known := c.Kind(v.Kind)
	if !known {
		return fault.Invalid("Kind must be one of the kinds of connections; see /carriers/v1/Kinds")
	}
	set(&v.FriendlyName, change.FriendlyName)
	set(&v.Enabled, change.Enabled)
	set(&v.Rate, change.Rate)
	set(&v.Unknown, change.Unknown)
	if change.Addresses != nil {
		addresses, err := clean(*change.Addresses, kind)
		if err != nil {
			return err
		}
		v.Addresses = addresses
	}
	switch {
	case utf8.RuneCountInString(v.FriendlyName) > nameMost:
		return fault.Invalid("FriendlyName is longer than %d characters", nameMost)
	case v.Rate < 0 || v.Rate > RateMost:
		return fault.Invalid("Rate must be 0 (no bound) to %d messages a second", RateMost)
	case v.Unknown != "" && v.Unknown != Resend && v.Unknown != GiveUp:
		return fault.Invalid("Unknown must be %s or %s", Resend, GiveUp)
	}
	return v.configure(kind, change.Settings)
}

// configure merges settings into what there is and lets the kind judge them.
func (v *Connection) configure(kind Kind, given map[string]string) error {
	merged := make(map[string]string, len(kind.Fields))
	for name, value := range v.Settings {
		merged[name] = value
	}
	for name, value := range given {
		i := slices.IndexFunc(kind.Fields, func(f Field) bool { return f.Name == name })
		switch {
		case i < 0:
			return fault.Invalid("Settings: %.64q is not a setting of this kind", name)
		case len(value) > settingMost || !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			return fault.Invalid("Settings: %s must be text of at most %d bytes", name, settingMost)
		case value == "":
			delete(merged, name)
		case len(kind.Fields[i].Choices) > 0 && !slices.Contains(kind.Fields[i].Choices, value):
			return fault.Invalid("Settings: %s must be one of %s", name, strings.Join(kind.Fields[i].Choices, ", "))
		default:
			merged[name] = value
		}
	}
	for _, f := range kind.Fields {
		if f.Required && merged[f.Name] == "" && f.Default == "" {
			return fault.Invalid("Settings: %s is required", f.Name)
		}
	}
	v.Settings = merged
	if kind.Check == nil {
		return nil
	}
	if err := kind.Check(v.Complete(kind)); err != nil {
		return fault.Invalid("Settings: %s", err.Error())
	}
	return nil
}

// Complete returns the settings with the defaults of those that were not given.
func (v *Connection) Complete(kind Kind) map[string]string {
	all := make(map[string]string, len(kind.Fields))
	for _, f := range kind.Fields {
		all[f.Name] = f.Default
		if value := v.Settings[f.Name]; value != "" {
			all[f.Name] = value
		}
	}
	return all
}

// Shown returns the settings without those that are secret, and the names of the secret ones that are set.
func (v *Connection) Shown(kind Kind) (settings map[string]string, secrets []string) {
	settings, secrets = map[string]string{}, []string{}
	for _, f := range kind.Fields {
		value, given := v.Settings[f.Name]
		switch {
		case f.Secret && given:
			secrets = append(secrets, f.Name)
		case !f.Secret && given:
			settings[f.Name] = value
		}
	}
	return settings, secrets
}

// clean checks addresses and returns them in one spelling, each once.
func clean(given []string, kind Kind) ([]string, error) {
	if len(given) > addressesMost {
		return nil, fault.Invalid("A connection carries at most %d addresses", addressesMost)
	}
	list := make([]string, 0, len(given))
	seen := map[string]bool{}
	for _, address := range given {
		address = strings.TrimSpace(address)
		channel := carry.ChannelOf(address)
		switch {
		case address == "" || len(address) > addressMost || !utf8.ValidString(address) || strings.ContainsAny(address, "\x00\r\n\t "):
			return nil, fault.Invalid("Addresses: an address is 1 to %d bytes of text without spaces", addressMost)
		case !slices.Contains(kind.Channels, channel):
			return nil, fault.Invalid("Addresses: a connection of the kind %s does not carry addresses of the channel %s", kind.Name, channel)
		}
		if key := Normal(address); !seen[key] {
			seen[key] = true
			list = append(list, address)
		}
	}
	return list, nil
}

// claimAddresses makes the rows of a connection's addresses what its document says.
func (c *Connections) claimAddresses(tx *db.Tx, v *Connection) error {
	if c.deps.Changed != nil {
		tx.AfterCommit(c.deps.Changed)
	}
	if _, err := tx.Exec("delete from messaging_address where connection_id = $1", v.ID); err != nil {
		return err
	}
	for _, address := range v.Addresses {
		hash, err := c.hash(v.Account, address)
		if err != nil {
			return err
		}
		n, err := tx.Exec(`insert into messaging_address (account_id, address_hash, connection_id) values ($1, $2, $3) on conflict do nothing`,
			v.Account, hash, v.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.Conflict("Addresses: another connection carries one of them already")
		}
		if c.deps.Own == nil || strings.HasSuffix(address, "*") {
			continue
		}
		if err := c.deps.Own(tx, v.Account, address); err != nil {
			return err
		}
	}
	return nil
}

func (c *Connections) hash(acct int64, address string) ([]byte, error) {
	return c.db.Ring().Blind(acct, "carried address", Normal(address))
}

// Normal is the form in which addresses are compared.
func Normal(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// wildcard is the address that stands for a channel's others.
func wildcard(channel carry.Channel) string {
	if channel == carry.SMS {
		return "*"
	}
	return string(channel) + ":*"
}

func allow(actor account.Actor) error {
	if actor.Can(account.FlexManage) {
		return nil
	}
	return fault.Forbidden("")
}

func missing(err error, s sid.SID) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound("/Connections/" + string(s))
	}
	return err
}

func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}
