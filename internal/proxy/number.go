package proxy

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/proxy/geo"
	"usher/internal/sid"
)

// The most numbers of a pool, by whether they are reserved. Source: the original's limits (80622).
const (
	reservedMost = 5000
	freeMost     = 500
)

// Number is a telephone number or a short code of a service's pool. Its SID is the number's own (PN…, SC…).
type Number struct {
	db.Row
	Short bool
	// Reserved numbers are given only to participants for whom they are asked.
	Reserved bool
	// InUse counts the active sessions in which it stands.
	InUse       int64
	service     int64
	addressHash []byte
	NumberDocument
}

// NumberDocument is the sealed part of a number.
type NumberDocument struct {
	AccountSID   sid.SID      `json:"account"`
	Service      sid.SID      `json:"service"`
	Address      string       `json:"address"`
	FriendlyName string       `json:"name,omitempty"`
	Country      string       `json:"country,omitempty"` // ISO 3166; "" when it is not known
	Capabilities Capabilities `json:"can"`
}

// kindOfNumber is what differs between telephone numbers and short codes.
type kindOfNumber struct {
	path, prefix string
	missing      int // code of a SID that the account does not own
	twice        int // code of one that a pool holds already
}

var kinds = map[bool]kindOfNumber{
	false: {"PhoneNumbers", sid.PhoneNumber, 80301, 80104},
	true:  {"ShortCodes", sid.ShortCode, 80303, 80105},
}

// NewNumber asks for a number of the account to join a pool, by its SID or by its address.
type NewNumber struct {
	Short    bool
	SID      sid.SID
	Address  string
	Reserved bool
}

// AddNumber adds a number of the account to a service's pool. 80301 or 80303 when the account has no such number, 80104 or 80105 when a
// pool has it already, 80622 when the pool is full.
func (p *Proxy) AddNumber(ctx context.Context, actor account.Actor, service string, in NewNumber) (n Number, err error) {
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		s, err := p.serviceTx(tx, actor.Account, service, tx.LockSuffix())
		if err != nil {
			return err
		}
		n, err = p.addNumberTx(tx, &s, in)
		return err
	})
	return n, err
}

func (p *Proxy) addNumberTx(tx *db.Tx, s *Service, in NewNumber) (Number, error) {
	kind := kinds[in.Short]
	if in.SID == "" && in.Address == "" {
		return Number{}, fault.Invalid("Missing required parameter Sid in the post body")
	}
	owned, err := p.numbers.OwnedTx(tx, s.Account, in.SID, in.Address)
	switch {
	case errors.Is(err, db.ErrNotFound) && in.SID != "":
		return Number{}, fault.New(kind.missing, "")
	case errors.Is(err, db.ErrNotFound):
		return Number{}, fault.New(80601, "")
	case err != nil:
		return Number{}, err
	case sid.Prefix(string(owned.SID)) != kind.prefix, in.Address != "" && in.Address != owned.Address:
		return Number{}, fault.New(kind.missing, "")
	}
	hash, err := p.blind(s.Account, ofAddress, owned.Address)
	if err != nil {
		return Number{}, err
	}
	if err := p.freeTx(tx, s.Account, hash, owned.SID, kind.twice); err != nil {
		return Number{}, err
	}
	n := Number{
		Row: db.Row{SID: owned.SID, Account: s.Account}, Short: in.Short, Reserved: in.Reserved, service: s.ID, addressHash: hash,
		NumberDocument: NumberDocument{
			AccountSID: s.AccountSID, Service: s.SID, Address: owned.Address, FriendlyName: owned.FriendlyName,
			Country: geo.CountryOf(bare(owned.Address)), Capabilities: owned.Capabilities,
		},
	}
	if err := roomInPool(tx, &n); err != nil {
		return Number{}, err
	}
	if err := unique(numbers.Insert(tx, &n), kind.twice); err != nil {
		return Number{}, err
	}
	return n, p.numbers.MaskTx(tx, s.Account, n.SID, s.SID)
}

// freeTx refuses a number that a pool has already. One that the account gave back and has again under another SID replaces its old self,
// unless an active session needs that.
func (p *Proxy) freeTx(tx *db.Tx, acct int64, hash []byte, s sid.SID, twice int) error {
	old, err := numbers.One(tx, "account_id = $1 and (address_hash = $2 or sid = $3)", acct, hash, s)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return nil
	case err != nil:
		return err
	case old.SID == s:
		return fault.New(twice, "")
	}
	if err := countUse(tx, []*Number{&old}); err != nil {
		return err
	}
	if old.InUse > 0 {
		return fault.New(twice, "")
	}
	return numbers.Delete(tx, &old)
}

// releaseTx notes that a number is in no pool any more.
func (p *Proxy) releaseTx(tx *db.Tx, n *Number) error {
	err := p.numbers.MaskTx(tx, n.Account, n.SID, "")
	if errors.Is(err, db.ErrNotFound) {
		return nil // the account does not have it any more
	}
	return err
}

// roomInPool refuses one number more than a pool may have. The service is locked.
func roomInPool(tx *db.Tx, n *Number) error {
	count, most, reserved := int64(0), int64(freeMost), 0
	if n.Reserved {
		most, reserved = reservedMost, 1
	}
	err := tx.QueryRow("select count(*) from proxy_number where service_id = $1 and reserved = $2 and id <> $3", n.service, reserved, n.ID).Scan(&count)
	if err == nil && count >= most {
		err = fault.New(80622, "")
	}
	return err
}

// Number reads a number of a pool.
func (p *Proxy) Number(ctx context.Context, actor account.Actor, service string, short bool, s sid.SID) (n Number, err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, n, err = p.numberTx(tx, actor.Account, service, short, s, "")
		if err != nil {
			return err
		}
		return countUse(tx, []*Number{&n})
	})
	return n, err
}

// Numbers lists the telephone numbers or the short codes of a pool, oldest first.
func (p *Proxy) Numbers(ctx context.Context, actor account.Actor, service string, short bool, at db.Page) (page db.PageOf[Number], err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		s, err := p.serviceTx(tx, actor.Account, service, "")
		if err != nil {
			return err
		}
		which := 0
		if short {
			which = 1
		}
		if page, err = numbers.Page(tx, at, "service_id = $1 and short = $2", s.ID, which); err != nil {
			return err
		}
		list := make([]*Number, len(page.Items))
		for i := range page.Items {
			list[i] = &page.Items[i]
		}
		return countUse(tx, list)
	})
	return page, err
}

// ReserveNumber changes whether a number is reserved; nil leaves it. Participants keep what they have.
func (p *Proxy) ReserveNumber(ctx context.Context, actor account.Actor, service string, short bool, s sid.SID, reserved *bool) (n Number, err error) {
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		if _, n, err = p.numberTx(tx, actor.Account, service, short, s, tx.LockSuffix()); err != nil {
			return err
		}
		if reserved != nil && *reserved != n.Reserved {
			n.Reserved = *reserved
			if err := roomInPool(tx, &n); err != nil {
				return err
			}
			if err := numbers.Update(tx, &n); err != nil {
				return err
			}
		}
		return countUse(tx, []*Number{&n})
	})
	return n, err
}

// RemoveNumber takes a number out of the pool; 80611 while an active session needs it.
func (p *Proxy) RemoveNumber(ctx context.Context, actor account.Actor, service string, short bool, s sid.SID) error {
	return p.change(ctx, actor, func(tx *db.Tx) error {
		_, n, err := p.numberTx(tx, actor.Account, service, short, s, tx.LockSuffix())
		if err != nil {
			return err
		}
		if err := countUse(tx, []*Number{&n}); err != nil {
			return err
		}
		if n.InUse > 0 {
			return fault.New(80611, "")
		}
		if err := numbers.Delete(tx, &n); err != nil {
			return err
		}
		return p.releaseTx(tx, &n)
	})
}

// PooledTx says whether an address of the account's is a number of a pool, and of which service.
func (p *Proxy) PooledTx(tx *db.Tx, acct int64, address string) (s Service, n Number, err error) {
	hash, err := p.blind(acct, ofAddress, address)
	if err != nil {
		return s, n, err
	}
	if n, err = numbers.One(tx, "account_id = $1 and address_hash = $2", acct, hash); err != nil {
		return s, n, err
	}
	s, err = services.ByID(tx, n.service)
	return s, n, err
}

func (p *Proxy) numberTx(tx *db.Tx, acct int64, service string, short bool, s sid.SID, lock string) (Service, Number, error) {
	svc, err := p.serviceTx(tx, acct, service, lock)
	if err != nil {
		return svc, Number{}, err
	}
	n, err := numbers.One(tx, "sid = $1 and account_id = $2 and service_id = $3"+lock, s, acct, svc.ID)
	if err == nil && n.Short != short {
		err = db.ErrNotFound
	}
	return svc, n, missing(err, "Services", service, kinds[short].path, string(s))
}

// countUse fills in how many active sessions use the numbers.
func countUse(tx *db.Tx, list []*Number) error {
	if len(list) == 0 {
		return nil
	}
	args := make([]any, len(list))
	byID := make(map[int64]*Number, len(list))
	for i, n := range list {
		args[i], byID[n.ID] = n.ID, n
	}
	args = db.Pad(args)
	rows, err := tx.Query("select number_id, count(distinct session_id) from proxy_participant where active = 1 and number_id in ("+
		db.In(1, len(args))+") group by number_id", args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var id, count int64
		if err := rows.Scan(&id, &count); err != nil {
			return errors.Join(err, rows.Close())
		}
		byID[id].InUse = count
	}
	return errors.Join(rows.Err(), rows.Close())
}
