package proxy

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/proxy/geo"
	"usher/internal/sid"
)

// Selection is whether somebody who has talked before gets the same number again.
type Selection string

// The two ways to select.
const (
	PreferSticky Selection = "prefer-sticky"
	AvoidSticky  Selection = "avoid-sticky"
)

// FlexService is the unique name of the service by which the original's contact center speaks over SMS. A proxy identifier that the
// account owns joins its pool by being named, because there nobody fills the pool by hand.
const FlexService = "Flex Proxy Service"

// Service is a pool of numbers and the rules by which it is used.
type Service struct {
	db.Row
	nameHash []byte
	chat     *string
	ServiceDocument
}

// ServiceDocument is the sealed part of a service.
type ServiceDocument struct {
	AccountSID   sid.SID   `json:"account"`
	UniqueName   string    `json:"name"`
	DefaultTTL   int64     `json:"ttl,omitempty"` // seconds; 0 is for ever
	Callback     string    `json:"callback,omitempty"`
	Intercept    string    `json:"intercept,omitempty"`
	OutOfSession string    `json:"out_of_session,omitempty"`
	ChatService  sid.SID   `json:"chat,omitempty"`
	GeoMatch     geo.Level `json:"geo"`
	Selection    Selection `json:"selection"`
}

// ServiceChange names the fields that a request gives; nil leaves a field as it is.
type ServiceChange struct {
	UniqueName                        *string
	DefaultTTL                        *int64
	Callback, Intercept, OutOfSession *string
	ChatService                       *sid.SID
	GeoMatch                          *geo.Level
	Selection                         *Selection
}

// CreateService makes a service. UniqueName is required; 80602 when it is taken.
func (p *Proxy) CreateService(ctx context.Context, actor account.Actor, c ServiceChange) (s Service, err error) {
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		s = Service{
			Row:             db.Row{SID: sid.New(sid.ProxyService), Account: actor.Account},
			ServiceDocument: ServiceDocument{AccountSID: actor.AccountSID, GeoMatch: geo.Country, Selection: PreferSticky},
		}
		if err := p.applyService(tx, &s, c); err != nil {
			return err
		}
		return unique(services.Insert(tx, &s), 80602)
	})
	return s, err
}

// CreateFlexTx makes the contact center's own service for a new account.
func (p *Proxy) CreateFlexTx(tx *db.Tx, acct int64, account, chat sid.SID) (Service, error) {
	s := Service{
		Row:             db.Row{SID: sid.New(sid.ProxyService), Account: acct},
		ServiceDocument: ServiceDocument{AccountSID: account, GeoMatch: geo.Country, Selection: PreferSticky},
	}
	name := FlexService
	if err := p.applyService(tx, &s, ServiceChange{UniqueName: &name, ChatService: &chat}); err != nil {
		return Service{}, err
	}
	return s, services.Insert(tx, &s)
}

// Service reads a service by its SID or its unique name.
func (p *Proxy) Service(ctx context.Context, actor account.Actor, name string) (s Service, err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		s, err = p.serviceTx(tx, actor.Account, name, "")
		return err
	})
	return s, err
}

// Services lists the account's services, oldest first.
func (p *Proxy) Services(ctx context.Context, actor account.Actor, at db.Page) (page db.PageOf[Service], err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		page, err = services.Page(tx, at, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// UpdateService changes the given fields. A new default for sessions' time leaves the sessions that there are.
func (p *Proxy) UpdateService(ctx context.Context, actor account.Actor, name string, c ServiceChange) (s Service, err error) {
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		if s, err = p.serviceTx(tx, actor.Account, name, tx.LockSuffix()); err != nil {
			return err
		}
		if err := p.applyService(tx, &s, c); err != nil {
			return err
		}
		return unique(services.Update(tx, &s), 80602)
	})
	return s, err
}

// DeleteService deletes a service with everything in it: its numbers are free and its sessions are nobody's at once, their rows go
// with the next sweeps.
func (p *Proxy) DeleteService(ctx context.Context, actor account.Actor, name string) error {
	return p.change(ctx, actor, func(tx *db.Tx) error {
		s, err := p.serviceTx(tx, actor.Account, name, tx.LockSuffix())
		if err != nil {
			return err
		}
		list, err := numbers.Find(tx, "service_id = $1 order by id", s.ID)
		if err != nil {
			return err
		}
		for i := range list {
			if err := p.releaseTx(tx, &list[i]); err != nil {
				return err
			}
		}
		for _, statement := range []string{
			"update proxy_participant set active = 0 where service_id = $1 and active = 1",
			"update proxy_session set status = 'closed', expires_at = 0, ended_at = 1 where service_id = $1",
			"delete from proxy_number where service_id = $1",
		} {
			if _, err := tx.Exec(statement, s.ID); err != nil {
				return err
			}
		}
		return services.Delete(tx, &s)
	})
}

// ServiceTx reads a service inside a transaction.
func (p *Proxy) ServiceTx(tx *db.Tx, acct int64, s sid.SID) (Service, error) {
	return p.serviceTx(tx, acct, string(s), "")
}

// ServiceForUpdateTx is ServiceTx, and keeps others from giving pairs of the service away until the transaction ends.
func (p *Proxy) ServiceForUpdateTx(tx *db.Tx, acct int64, s sid.SID) (Service, error) {
	return p.serviceTx(tx, acct, string(s), tx.LockSuffix())
}

// serviceTx reads a service by SID or unique name; lock may end the select.
func (p *Proxy) serviceTx(tx *db.Tx, acct int64, name, lock string) (s Service, err error) {
	if sid.Valid(name, sid.ProxyService) {
		s, err = services.One(tx, "sid = $1 and account_id = $2"+lock, name, acct)
	} else {
		var hash []byte
		if hash, err = p.blind(acct, ofName, name); err != nil {
			return s, err
		}
		s, err = services.One(tx, "account_id = $1 and name_hash = $2"+lock, acct, hash)
	}
	return s, missing(err, "Services", name)
}

// applyService sets the given fields and checks the whole service.
func (p *Proxy) applyService(tx *db.Tx, s *Service, c ServiceChange) error {
	set(&s.UniqueName, c.UniqueName)
	set(&s.DefaultTTL, c.DefaultTTL)
	set(&s.Callback, c.Callback)
	set(&s.Intercept, c.Intercept)
	set(&s.OutOfSession, c.OutOfSession)
	set(&s.ChatService, c.ChatService)
	set(&s.GeoMatch, c.GeoMatch)
	set(&s.Selection, c.Selection)
	if err := s.check(); err != nil {
		return err
	}
	hash, err := p.blind(s.Account, ofName, s.UniqueName)
	if err != nil {
		return err
	}
	s.nameHash, s.chat = hash, nil
	if s.ChatService != "" {
		chat := string(s.ChatService)
		s.chat = &chat
	}
	// Asked before, because a conflict would end PostgreSQL's transaction; the index decides between two at once.
	others, err := services.Find(tx, "account_id = $1 and id <> $2 and (name_hash = $3 or chat_sid = $4)", s.Account, s.ID, hash, s.ChatService)
	switch {
	case err != nil:
		return err
	case slices.ContainsFunc(others, func(o Service) bool { return o.UniqueName == s.UniqueName }):
		return fault.New(80602, "")
	case len(others) > 0 && s.ChatService != "":
		return fault.Invalid("ChatInstanceSid: Proxy Service %s has this chat service already", others[0].SID)
	}
	return nil
}

func (s *Service) check() error {
	switch {
	case strings.TrimSpace(s.UniqueName) == "":
		return fault.Invalid("Missing required parameter UniqueName in the post body")
	case sid.Valid(s.UniqueName, sid.ProxyService):
		return fault.Invalid("UniqueName must not look like the SID of a service")
	case s.DefaultTTL < 0 || s.DefaultTTL > math.MaxInt32:
		return fault.Invalid("DefaultTtl must be between 0 and %d seconds", math.MaxInt32)
	case s.ChatService != "" && !sid.Valid(string(s.ChatService), sid.ChatService):
		return fault.Invalid("ChatInstanceSid must be the SID of a chat service (IS…)")
	case !slices.Contains([]geo.Level{geo.Country, geo.Radius, geo.Overlay, geo.AreaCode}, s.GeoMatch):
		return fault.Invalid("GeoMatchLevel must be country, radius, overlay or area-code")
	case s.Selection != PreferSticky && s.Selection != AvoidSticky:
		return fault.Invalid("NumberSelectionBehavior must be prefer-sticky or avoid-sticky")
	}
	return errors.Join(
		checkName(s.UniqueName, "UniqueName"), checkURL("CallbackUrl", s.Callback),
		checkURL("InterceptCallbackUrl", s.Intercept), checkURL("OutOfSessionCallbackUrl", s.OutOfSession),
	)
}

// unique gives a conflict its code.
func unique(err error, code int) error {
	if errors.Is(err, db.ErrConflict) {
		return fault.New(code, "").With(err)
	}
	return err
}
