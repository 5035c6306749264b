package messaging

import (
	"context"
	"errors"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Alpha is the prefix of alphanumeric senders.
const Alpha = "AI"

// friendlyNameMost bounds names that people give, in characters.
const friendlyNameMost = 64

// Number is an address of the account's own. A self-hosted number is whatever a connection carries: the operator writes it down,
// nobody sells it.
type Number struct {
	db.Row
	Kind       string  // KindPhone, KindShort or KindAlpha
	Connection sid.SID // that sends from it; "" leaves the choice to whoever sends
	Service    sid.SID // MG… whose sender it is; ""
	NumberDocument

	hash []byte
}

// NumberDocument is the sealed part of a number.
type NumberDocument struct {
	Address      string `json:"address"`
	FriendlyName string `json:"friendly_name"`
	Handler
	Application          sid.SID `json:"application,omitempty"` // AP…, whose handler stands in place of the number's own
	StatusCallback       string  `json:"status_callback,omitempty"`
	StatusCallbackMethod string  `json:"status_callback_method"`
	Proxy                sid.SID `json:"proxy,omitempty"` // KS… in whose pool it is
	// Voice is what callers give for calls, which are not carried here: kept and told, and never used.
	Voice map[string]string `json:"voice,omitempty"`
}

// Handler says who is asked what is to become of a message.
type Handler struct {
	URL            string `json:"url,omitempty"`
	Method         string `json:"method"`
	FallbackURL    string `json:"fallback_url,omitempty"`
	FallbackMethod string `json:"fallback_method"`
}

// NumberChange names the fields of a number that a request gives; nil leaves a field as it is.
type NumberChange struct {
	FriendlyName, URL, Method, FallbackURL, FallbackMethod, StatusCallback, StatusCallbackMethod *string
	Application, Connection                                                                      *sid.SID
	Voice                                                                                        map[string]string
}

// NumberTx returns the account's number of an address, with its handler and its connection; db.ErrNotFound when the address is
// not the account's own.
func (m *Messaging) NumberTx(tx *db.Tx, acct int64, address string) (Number, error) {
	clean, _, ok := normal(address)
	if !ok {
		return Number{}, db.ErrNotFound
	}
	hash, err := m.hash(acct, clean)
	if err != nil {
		return Number{}, err
	}
	return numbers.One(tx, "account_id = $1 and address_hash = $2", acct, hash)
}

// CreateNumber writes down a number. Grant messaging.manage. An address that can be none is 21421, one that is there already
// 21422.
func (m *Messaging) CreateNumber(ctx context.Context, actor account.Actor, address string, change NumberChange) (n Number, err error) {
	if err := allow(actor, account.MessagingManage); err != nil {
		return n, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		n, err = m.CreateNumberTx(tx, actor.Account, address, change)
		return err
	})
	return n, err
}

// CreateNumberTx is CreateNumber inside a transaction.
func (m *Messaging) CreateNumberTx(tx *db.Tx, acct int64, address string, change NumberChange) (Number, error) {
	clean, kind, ok := normal(address)
	if !ok || kind == KindAlpha {
		return Number{}, fault.New(21421, "PhoneNumber must be in E.164 form (+15551234567), a short code, or an address with its channel before it (whatsapp:+15551234567)")
	}
	n := Number{Row: db.Row{SID: sid.New(sid.PhoneNumber), Account: acct}, Kind: kind, NumberDocument: NumberDocument{Address: clean}}
	if kind == KindShort {
		n.SID = sid.New(sid.ShortCode)
	}
	n.FriendlyName, n.Method, n.FallbackMethod, n.StatusCallbackMethod = clean, "POST", "POST", "POST"
	if err := m.applyNumber(tx, &n, change); err != nil {
		return Number{}, err
	}
	return n, m.insertNumber(tx, &n)
}

func (m *Messaging) insertNumber(tx *db.Tx, n *Number) (err error) {
	if n.hash, err = m.hash(n.Account, n.Address); err != nil {
		return err
	}
	_, err = numbers.One(tx, "account_id = $1 and address_hash = $2", n.Account, n.hash)
	switch {
	case err == nil:
		return fault.New(21422, "This address is written down already")
	case !errors.Is(err, db.ErrNotFound):
		return err
	}
	return numbers.Insert(tx, n)
}

// GetNumber reads a number of one of the kinds. Grant messaging.read.
func (m *Messaging) GetNumber(ctx context.Context, actor account.Actor, s sid.SID, kind string) (n Number, err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return n, err
	}
	err = m.db.View(ctx, func(tx *db.Tx) error {
		n, err = numberOf(tx, actor.Account, s, kind, false)
		return err
	})
	return n, err
}

func numberOf(tx *db.Tx, acct int64, s sid.SID, kind string, lock bool) (Number, error) {
	read := numbers.Get
	if lock {
		read = numbers.ForUpdate
	}
	n, err := read(tx, acct, s)
	if err == nil && n.Kind != kind {
		err = db.ErrNotFound
	}
	return n, missing(err, "IncomingPhoneNumbers", s)
}

// NumberFilter narrows a list of numbers; empty fields do not.
type NumberFilter struct {
	Address, FriendlyName string
	Service               sid.SID
}

// ListNumbers lists the account's numbers of a kind in the order of their making. Grant messaging.read.
func (m *Messaging) ListNumbers(ctx context.Context, actor account.Actor, kind string, f NumberFilter, p db.Page) (page db.PageOf[Number], err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return page, err
	}
	where, args := "account_id = $1 and kind = $2", []any{actor.Account, kind}
	if f.Service != "" {
		where, args = where+" and service_sid = $3", append(args, string(f.Service))
	}
	keep := func(n *Number) bool {
		return (f.FriendlyName == "" || n.FriendlyName == f.FriendlyName) && (f.Address == "" || like(n.Address, f.Address))
	}
	err = m.db.View(ctx, func(tx *db.Tx) error {
		page, err = numbers.PageWhere(tx, p, keep, where, args...)
		return err
	})
	return page, err
}

// UpdateNumber changes the given fields of a number. Grant messaging.manage.
func (m *Messaging) UpdateNumber(ctx context.Context, actor account.Actor, s sid.SID, kind string, change NumberChange) (n Number, err error) {
	if err := allow(actor, account.MessagingManage); err != nil {
		return n, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		if n, err = numberOf(tx, actor.Account, s, kind, true); err != nil {
			return err
		}
		if err := m.applyNumber(tx, &n, change); err != nil {
			return err
		}
		return numbers.Update(tx, &n)
	})
	return n, err
}

// DeleteNumber strikes a number out. Messages that it wrote stay. Grant messaging.manage.
func (m *Messaging) DeleteNumber(ctx context.Context, actor account.Actor, s sid.SID, kind string) error {
	if err := allow(actor, account.MessagingManage); err != nil {
		return err
	}
	return m.db.Do(ctx, func(tx *db.Tx) error {
		n, err := numberOf(tx, actor.Account, s, kind, true)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("delete from messaging_sticky where number_sid = $1", string(n.SID)); err != nil {
			return err
		}
		return numbers.Delete(tx, &n)
	})
}

func (m *Messaging) applyNumber(tx *db.Tx, n *Number, c NumberChange) error {
	set(&n.FriendlyName, c.FriendlyName)
	set(&n.URL, c.URL)
	set(&n.Method, c.Method)
	set(&n.FallbackURL, c.FallbackURL)
	set(&n.FallbackMethod, c.FallbackMethod)
	set(&n.StatusCallback, c.StatusCallback)
	set(&n.StatusCallbackMethod, c.StatusCallbackMethod)
	set(&n.Application, c.Application)
	set(&n.Connection, c.Connection)
	for name, value := range c.Voice {
		if n.Voice == nil {
			n.Voice = map[string]string{}
		}
		n.Voice[name] = value
	}
	if err := checkName(n.FriendlyName); err != nil {
		return err
	}
	if err := n.Handler.check("Sms"); err != nil {
		return err
	}
	if err := checkCallback("StatusCallback", n.StatusCallback, n.StatusCallbackMethod); err != nil {
		return err
	}
	if n.Application != "" && c.Application != nil {
		if _, err := applications.Get(tx, n.Account, n.Application); errors.Is(err, db.ErrNotFound) {
			return fault.New(21420, "SmsApplicationSid is not the SID of an application of this account")
		} else if err != nil {
			return err
		}
	}
	return nil
}

func checkName(name string) error {
	if utf8.RuneCountInString(name) > friendlyNameMost {
		return fault.Invalid("FriendlyName is longer than %d characters", friendlyNameMost)
	}
	return nil
}
