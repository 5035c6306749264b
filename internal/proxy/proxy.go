package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Owned is one of the account's own numbers, as far as a pool needs to know it.
type Owned struct {
	// SID is that of the number itself (PN…, SC…); the pool's number has the same.
	SID          sid.SID
	Address      string // E.164, a short code, or an address with its channel: whatsapp:+1…
	FriendlyName string
	Capabilities Capabilities
}

// Capabilities are what a number can carry.
type Capabilities struct {
	SMS   bool `json:"sms,omitempty"`
	MMS   bool `json:"mms,omitempty"`
	Voice bool `json:"voice,omitempty"`
}

// Numbers finds the account's own numbers.
type Numbers interface {
	// OwnedTx finds a number by its SID or, where that is empty, by its address; db.ErrNotFound when the account has none such.
	OwnedTx(tx *db.Tx, acct int64, s sid.SID, address string) (Owned, error)
	// MaskTx notes that a number is in a service's pool, or, with an empty service, that it is in none. A number that the account no
	// longer has is db.ErrNotFound.
	MaskTx(tx *db.Tx, acct int64, number, service sid.SID) error
}

// Rooms are the account's chat channels.
type Rooms interface {
	// CarryTx has what is written in a channel heard of, for it takes part in a session; db.ErrNotFound when the account has no such channel.
	CarryTx(tx *db.Tx, acct int64, channel sid.SID) error
}

// Deps are what New needs.
type Deps struct {
	DB      *db.DB
	Numbers Numbers
	Rooms   Rooms // nil lets any channel take part
}

// Proxy holds the operations of the package together. It is safe for concurrent use.
type Proxy struct {
	db      *db.DB
	numbers Numbers
	rooms   Rooms
}

// New makes the product on a database.
func New(d Deps) *Proxy { return &Proxy{d.DB, d.Numbers, d.Rooms} }

// DB is the database that the product's rows are in, for sentences that span products.
func (p *Proxy) DB() *db.DB { return p.db }

// Limits of texts, in characters. Source: the original's descriptions of its parameters.
const (
	nameMost     = 191
	friendlyMost = 255
	urlMost      = 4000
)

func read(actor account.Actor) error   { return demand(actor, account.ProxyRead) }
func manage(actor account.Actor) error { return demand(actor, account.ProxyManage) }

func demand(actor account.Actor, g account.Grant) error {
	if actor.Can(g) {
		return nil
	}
	return fault.Forbidden("")
}

// missing turns an absent row into the answer to a URL that names nothing.
func missing(err error, parts ...string) error {
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	path := ""
	for _, part := range parts {
		path += "/" + part
	}
	return fault.NotFound(path)
}

// view runs fn for an actor who may read.
func (p *Proxy) view(ctx context.Context, actor account.Actor, fn func(tx *db.Tx) error) error {
	if err := read(actor); err != nil {
		return err
	}
	return p.db.View(ctx, fn)
}

// change runs fn in a transaction for an actor who may manage.
func (p *Proxy) change(ctx context.Context, actor account.Actor, fn func(tx *db.Tx) error) error {
	if err := manage(actor); err != nil {
		return err
	}
	return p.db.Do(ctx, fn)
}

func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

func checkName(name, what string) error {
	if utf8.RuneCountInString(name) > nameMost {
		return fault.Invalid("%s is longer than %d characters", what, nameMost)
	}
	return nil
}

// checkURL refuses what is no web address; "" is none.
func checkURL(name, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > urlMost || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fault.Invalid("Invalid value for parameter %s: not a web address of at most %d characters", name, urlMost)
	}
	return nil
}

// Purposes of blind indexes. An identifier and a number share one, so that a number of the pool is known when it stands as an identifier.
const (
	ofAddress = "proxy address"
	ofName    = "proxy name"
)

func (p *Proxy) blind(acct int64, purpose, value string) ([]byte, error) {
	hash, err := p.db.Ring().Blind(acct, purpose, value)
	if err != nil {
		return nil, fmt.Errorf("blind index: %w", err)
	}
	return hash, nil
}
