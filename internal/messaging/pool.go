package messaging

import (
	"context"
	"slices"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Bounds of a service. poolMost is the original's (error 21714).
const (
	poolMost     = 400
	keywordsMost = 25
	keywordMost  = 20  // characters
	replyMost    = 320 // characters
)

// usecases are what a service may say that it is for. Source: the original's list of use cases.
var usecases = []string{"notifications", "marketing", "verification", "discussion", "poll", "undeclared"}

// Usecases returns what a service may say that it is for.
func Usecases() []string { return slices.Clone(usecases) }

// ServiceChange names the fields of a service that a request gives; nil leaves a field as it is.
type ServiceChange struct {
	FriendlyName, URL, Method, FallbackURL, FallbackMethod, StatusCallback, Usecase       *string
	Sticky, SmartEncoding, AreaGeomatch, FallbackToLong, MMSConverter, OnNumber, NoOptOut *bool
	Validity                                                                              *int64
	// The keywords and answers of opting out are Usher's own fields; nil leaves them, an empty list is the defaults.
	Stop, Start, Help                []string
	StopReply, StartReply, HelpReply *string
}

func (s *Service) apply(c ServiceChange) error {
	set(&s.FriendlyName, c.FriendlyName)
	set(&s.URL, c.URL)
	set(&s.Method, c.Method)
	set(&s.FallbackURL, c.FallbackURL)
	set(&s.FallbackMethod, c.FallbackMethod)
	set(&s.StatusCallback, c.StatusCallback)
	set(&s.Usecase, c.Usecase)
	set(&s.Sticky, c.Sticky)
	set(&s.SmartEncoding, c.SmartEncoding)
	set(&s.AreaGeomatch, c.AreaGeomatch)
	set(&s.FallbackToLong, c.FallbackToLong)
	set(&s.MMSConverter, c.MMSConverter)
	set(&s.OnNumber, c.OnNumber)
	set(&s.Validity, c.Validity)
	set(&s.OptOut.Off, c.NoOptOut)
	set(&s.OptOut.StopReply, c.StopReply)
	set(&s.OptOut.StartReply, c.StartReply)
	set(&s.OptOut.HelpReply, c.HelpReply)
	for _, list := range []struct {
		to   *[]string
		from []string
	}{{&s.OptOut.Stop, c.Stop}, {&s.OptOut.Start, c.Start}, {&s.OptOut.Help, c.Help}} {
		if list.from != nil {
			*list.to = list.from
		}
	}
	return s.check()
}

func (s *Service) check() error {
	if s.FriendlyName == "" {
		return fault.Invalid("Missing required parameter FriendlyName in the post body")
	}
	if err := checkName(s.FriendlyName); err != nil {
		return err
	}
	if err := s.Handler.check("Inbound"); err != nil {
		return err
	}
	if err := checkCallback("StatusCallback", s.StatusCallback, "POST"); err != nil {
		return err
	}
	if s.Validity < 1 || s.Validity > validityMost {
		return fault.New(21624, "ValidityPeriod must be from 1 to %d seconds", validityMost)
	}
	if !slices.Contains(usecases, s.Usecase) {
		return fault.New(21713, "")
	}
	for _, words := range [][]string{s.OptOut.Stop, s.OptOut.Start, s.OptOut.Help} {
		if len(words) > keywordsMost || slices.ContainsFunc(words, func(w string) bool { return w == "" || len([]rune(w)) > keywordMost }) {
			return fault.Invalid("There are at most %d keywords of at most %d characters", keywordsMost, keywordMost)
		}
	}
	for _, text := range []string{s.OptOut.StopReply, s.OptOut.StartReply, s.OptOut.HelpReply} {
		if len([]rune(text)) > replyMost {
			return fault.Invalid("The answer to a keyword has at most %d characters", replyMost)
		}
	}
	return nil
}

// CreateService makes a service; FriendlyName is required. Senders are sticky, signs that cost are replaced and media converted
// unless it says otherwise, as in the original. Grant messaging.manage.
func (m *Messaging) CreateService(ctx context.Context, actor account.Actor, c ServiceChange) (s Service, err error) {
	if err := allow(actor, account.MessagingManage); err != nil {
		return s, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		s = Service{Row: db.Row{SID: sid.New(sid.MessageService), Account: actor.Account}, ServiceDocument: ServiceDocument{
			Sticky: true, SmartEncoding: true, MMSConverter: true, FallbackToLong: true, AreaGeomatch: true, Validity: validityMost,
			Usecase: "undeclared", Handler: Handler{Method: "POST", FallbackMethod: "POST"},
		}}
		if err := s.apply(c); err != nil {
			return err
		}
		return services.Insert(tx, &s)
	})
	return s, err
}

// GetService reads a service. Grant messaging.read.
func (m *Messaging) GetService(ctx context.Context, actor account.Actor, s sid.SID) (out Service, err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return out, err
	}
	err = m.db.View(ctx, func(tx *db.Tx) error {
		out, err = services.Get(tx, actor.Account, s)
		return missing(err, "Services", s)
	})
	return out, err
}

// ListServices lists services in the order of their making. Grant messaging.read.
func (m *Messaging) ListServices(ctx context.Context, actor account.Actor, p db.Page) (page db.PageOf[Service], err error) {
	if err := allow(actor, account.MessagingRead); err != nil {
		return page, err
	}
	err = m.db.View(ctx, func(tx *db.Tx) error {
		page, err = services.Page(tx, p, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// inService runs fn on a service, locked. Grant messaging.manage.
func (m *Messaging) inService(ctx context.Context, actor account.Actor, s sid.SID, fn func(tx *db.Tx, s *Service) error) (out Service, err error) {
	if err := allow(actor, account.MessagingManage); err != nil {
		return out, err
	}
	err = m.db.Do(ctx, func(tx *db.Tx) error {
		if out, err = services.ForUpdate(tx, actor.Account, s); err != nil {
			return missing(err, "Services", s)
		}
		return fn(tx, &out)
	})
	return out, err
}

// UpdateService changes the given fields of a service. Grant messaging.manage.
func (m *Messaging) UpdateService(ctx context.Context, actor account.Actor, s sid.SID, c ServiceChange) (Service, error) {
	return m.inService(ctx, actor, s, func(tx *db.Tx, s *Service) error {
		if err := s.apply(c); err != nil {
			return err
		}
		return services.Update(tx, s)
	})
}

// DeleteService deletes a service. Its numbers stay, in no service; its alphanumeric senders go. Grant messaging.manage.
func (m *Messaging) DeleteService(ctx context.Context, actor account.Actor, s sid.SID) error {
	_, err := m.inService(ctx, actor, s, func(tx *db.Tx, s *Service) error {
		pool, err := numbers.Find(tx, "service_sid = $1 and account_id = $2 order by id"+tx.LockSuffix(), string(s.SID), s.Account)
		if err != nil {
			return err
		}
		for i := range pool {
			if err := leave(tx, &pool[i]); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("delete from messaging_sticky where service_sid = $1", string(s.SID)); err != nil {
			return err
		}
		return services.Delete(tx, s)
	})
	return err
}

// leave takes a sender out of its service.
func leave(tx *db.Tx, n *Number) error {
	if n.Kind == KindAlpha {
		return numbers.Delete(tx, n)
	}
	n.Service = ""
	return numbers.Update(tx, n)
}

// full refuses one more sender in a service that has as many as it may.
func full(tx *db.Tx, s sid.SID) error {
	var n int64
	if err := tx.QueryRow("select count(*) from messaging_number where service_sid = $1", string(s)).Scan(&n); err != nil {
		return err
	}
	if n >= poolMost {
		return fault.New(21714, "")
	}
	return nil
}

// AddSender puts a number or a short code into a service: 21710 when it is there already, 21712 when it is in another. Grant
// messaging.manage.
func (m *Messaging) AddSender(ctx context.Context, actor account.Actor, s, number sid.SID, kind string) (n Number, err error) {
	_, err = m.inService(ctx, actor, s, func(tx *db.Tx, s *Service) error {
		if n, err = numberOf(tx, actor.Account, number, kind, true); err != nil {
			return err
		}
		switch {
		case n.Service == s.SID:
			return fault.New(21710, "")
		case n.Service != "":
			return fault.New(21712, "")
		}
		if err := full(tx, s.SID); err != nil {
			return err
		}
		n.Service = s.SID
		return numbers.Update(tx, &n)
	})
	return n, err
}

// AddAlpha puts an alphanumeric sender into a service. Grant messaging.manage.
func (m *Messaging) AddAlpha(ctx context.Context, actor account.Actor, s sid.SID, text string) (n Number, err error) {
	clean, kind, ok := normal(text)
	if !ok || kind != KindAlpha {
		return n, fault.New(21709, "AlphaSender must be at most 11 letters, digits, spaces and signs (+ - _ &), and a letter among them")
	}
	_, err = m.inService(ctx, actor, s, func(tx *db.Tx, s *Service) error {
		if err := full(tx, s.SID); err != nil {
			return err
		}
		n = Number{
			Row: db.Row{SID: sid.New(Alpha), Account: s.Account}, Kind: KindAlpha, Service: s.SID,
			NumberDocument: NumberDocument{Address: clean, FriendlyName: clean, Handler: Handler{Method: "POST", FallbackMethod: "POST"}, StatusCallbackMethod: "POST"},
		}
		err := m.insertNumber(tx, &n)
		if fault.HasCode(err, 21422) {
			return fault.New(21710, "The account has this AlphaSender already")
		}
		return err
	})
	return n, err
}

// GetSender reads a sender of a service. Grant messaging.read.
func (m *Messaging) GetSender(ctx context.Context, actor account.Actor, s, number sid.SID, kind string) (n Number, err error) {
	if n, err = m.GetNumber(ctx, actor, number, kind); err == nil && n.Service != s {
		err = missing(db.ErrNotFound, "Services/"+string(s), number)
	}
	return n, err
}

// RemoveSender takes a sender out of a service. Grant messaging.manage.
func (m *Messaging) RemoveSender(ctx context.Context, actor account.Actor, s, number sid.SID, kind string) error {
	_, err := m.inService(ctx, actor, s, func(tx *db.Tx, s *Service) error {
		n, err := numberOf(tx, actor.Account, number, kind, true)
		if err == nil && n.Service != s.SID {
			err = missing(db.ErrNotFound, "Services/"+string(s.SID), number)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec("delete from messaging_sticky where service_sid = $1 and number_sid = $2", string(s.SID), string(n.SID)); err != nil {
			return err
		}
		return leave(tx, &n)
	})
	return err
}
