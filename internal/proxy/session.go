package proxy

import (
	"context"
	"errors"
	"math"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Mode is what may pass in a session.
type Mode string

// The modes. Calls are not carried; a session may be made for them all the same.
const (
	MessageOnly     Mode = "message-only"
	VoiceOnly       Mode = "voice-only"
	VoiceAndMessage Mode = "voice-and-message"
)

// Status is how a session stands; doc.go has the machine.
type Status string

// The statuses.
const (
	Open       Status = "open"
	InProgress Status = "in-progress"
	Closed     Status = "closed"
)

// Active says whether messages pass.
func (s Status) Active() bool { return s == Open || s == InProgress }

// Reasons for which a session is closed.
const (
	ByAPI     = "api"     // somebody asked. Source: the original's answers
	ByTime    = "expired" // its time is over
	ByChannel = "channel" // the chat channel that it served is closed
)

// Session is one conversation of at most two participants.
type Session struct {
	db.Row
	Status Status
	// EndedAt is when it was closed; zero while it is active.
	EndedAt   time.Time
	service   int64
	nameHash  []byte
	expiresAt time.Time // zero when nothing ends it, and when it has ended
	SessionDocument
}

// SessionDocument is the sealed part of a session.
type SessionDocument struct {
	AccountSID sid.SID `json:"account"`
	Service    sid.SID `json:"service"`
	UniqueName string  `json:"name,omitempty"`
	Mode       Mode    `json:"mode"`
	TTL        int64   `json:"ttl,omitempty"` // seconds; 0 is for ever
	// DateExpiry is the end that was asked for; zero when none was. It goes before TTL.
	DateExpiry   time.Time `json:"expiry,omitzero"`
	ClosedReason string    `json:"closed_reason,omitempty"`
	// StartedAt is when the first message passed, LastInteraction when the last one did.
	StartedAt       time.Time `json:"started,omitzero"`
	LastInteraction time.Time `json:"last,omitzero"`
	// From is when TTL began to count.
	From time.Time `json:"from"`
}

// NewSession asks for a session.
type NewSession struct {
	UniqueName   string
	TTL          *int64 // nil is the service's default
	DateExpiry   time.Time
	Mode         Mode   // "" is voice-and-message
	Status       Status // "" is open
	Participants []NewParticipant
}

// SessionChange names the fields of a session that a request gives; nil and zero leave a field as it is.
type SessionChange struct {
	TTL        *int64
	DateExpiry time.Time
	Status     Status
	// Reason is why a session is closed; "" is ByAPI.
	Reason string
}

// CreateSession makes a session with its participants, or nothing. 80603 when its name is taken.
func (p *Proxy) CreateSession(ctx context.Context, actor account.Actor, service string, in NewSession) (s Session, err error) {
	began := time.Now()
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		svc, err := p.serviceTx(tx, actor.Account, service, tx.LockSuffix())
		if err != nil {
			return err
		}
		s, err = p.CreateSessionTx(tx, &svc, in, began)
		return err
	})
	return s, err
}

// CreateSessionTx is CreateSession inside a transaction that has the service. began is when the request began: a participant whose
// pair was given away after that is refused as one that was asked for at the same time (80623).
func (p *Proxy) CreateSessionTx(tx *db.Tx, svc *Service, in NewSession, began time.Time) (Session, error) {
	s := Session{
		Row: db.Row{SID: sid.New(sid.ProxySession), Account: svc.Account}, Status: Open, service: svc.ID,
		SessionDocument: SessionDocument{
			AccountSID: svc.AccountSID, Service: svc.SID, UniqueName: in.UniqueName, Mode: VoiceAndMessage, TTL: svc.DefaultTTL,
			DateExpiry: in.DateExpiry, From: tx.Now,
		},
	}
	set(&s.TTL, in.TTL)
	if in.Mode != "" {
		s.Mode = in.Mode
	}
	if in.Status != "" {
		s.Status = in.Status
	}
	if err := s.check(tx.Now); err != nil {
		return Session{}, err
	}
	if !s.Status.Active() {
		return Session{}, fault.New(80608, "")
	}
	if s.Status == InProgress {
		s.StartedAt = tx.Now
	}
	if err := p.nameSession(tx, &s); err != nil {
		return Session{}, err
	}
	s.schedule()
	if err := unique(sessions.Insert(tx, &s), 80603); err != nil {
		return Session{}, err
	}
	if len(in.Participants) > participantsMost {
		return Session{}, fault.New(80609, "")
	}
	for i := range in.Participants {
		if _, err := p.AddParticipantTx(tx, svc, &s, in.Participants[i], began); err != nil {
			return Session{}, err
		}
	}
	return s, nil
}

// nameSession keeps the blind index of a session's name and refuses a name that is taken.
func (p *Proxy) nameSession(tx *db.Tx, s *Session) error {
	if s.UniqueName == "" {
		return nil
	}
	hash, err := p.blind(s.Account, ofName, s.UniqueName)
	if err != nil {
		return err
	}
	s.nameHash = hash
	_, err = sessions.One(tx, "service_id = $1 and name_hash = $2", s.service, hash)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = fault.New(80603, "")
	}
	return err
}

// check refuses fields that a session cannot have.
func (s *Session) check(now time.Time) error {
	switch {
	case s.Mode != MessageOnly && s.Mode != VoiceOnly && s.Mode != VoiceAndMessage:
		return fault.Invalid("Mode must be message-only, voice-only or voice-and-message")
	case s.TTL < 0 || s.TTL > math.MaxInt32:
		return fault.Invalid("Ttl must be between 0 and %d seconds", math.MaxInt32)
	case !s.DateExpiry.IsZero() && !s.DateExpiry.After(now):
		return fault.Invalid("Invalid value for parameter DateExpiry: it is in the past")
	case sid.Valid(s.UniqueName, sid.ProxySession):
		return fault.Invalid("UniqueName must not look like the SID of a session")
	}
	return checkName(s.UniqueName, "UniqueName")
}

// Session reads a session by its SID or its unique name.
func (p *Proxy) Session(ctx context.Context, actor account.Actor, service, name string) (s Session, err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, s, err = p.sessionTx(tx, actor.Account, service, name, "")
		return err
	})
	return s, err
}

// Sessions lists a service's sessions, oldest first.
func (p *Proxy) Sessions(ctx context.Context, actor account.Actor, service string, at db.Page) (page db.PageOf[Session], err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		svc, err := p.serviceTx(tx, actor.Account, service, "")
		if err != nil {
			return err
		}
		page, err = sessions.Page(tx, at, "service_id = $1", svc.ID)
		return err
	})
	return page, err
}

// UpdateSession changes the given fields. A closed session can only be reopened (80607); what the machine does not know is 80608, and
// 80604 says that somebody else has one of its pairs now.
func (p *Proxy) UpdateSession(ctx context.Context, actor account.Actor, service, name string, c SessionChange) (s Session, err error) {
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		// Who takes or frees a pair of a service does so alone.
		if _, err := p.serviceTx(tx, actor.Account, service, tx.LockSuffix()); err != nil {
			return err
		}
		if _, s, err = p.sessionTx(tx, actor.Account, service, name, tx.LockSuffix()); err != nil {
			return err
		}
		return p.changeTx(tx, &s, c)
	})
	return s, err
}

// DeleteSession deletes a session with its participants and interactions.
func (p *Proxy) DeleteSession(ctx context.Context, actor account.Actor, service, name string) error {
	return p.change(ctx, actor, func(tx *db.Tx) error {
		_, s, err := p.sessionTx(tx, actor.Account, service, name, tx.LockSuffix())
		if err != nil {
			return err
		}
		return deleteSession(tx, &s)
	})
}

func deleteSession(tx *db.Tx, s *Session) error {
	for _, table := range []string{"proxy_interaction", "proxy_participant"} {
		if _, err := tx.Exec("delete from "+table+" where session_id = $1", s.ID); err != nil {
			return err
		}
	}
	return sessions.Delete(tx, s)
}

// sessionTx reads a session of a service by SID or unique name; lock may end the select of the session.
func (p *Proxy) sessionTx(tx *db.Tx, acct int64, service, name, lock string) (svc Service, s Session, err error) {
	if svc, err = p.serviceTx(tx, acct, service, ""); err != nil {
		return svc, s, err
	}
	if sid.Valid(name, sid.ProxySession) {
		s, err = sessions.One(tx, "sid = $1 and account_id = $2 and service_id = $3"+lock, name, acct, svc.ID)
		return svc, s, missing(err, "Services", service, "Sessions", name)
	}
	hash, err := p.blind(acct, ofName, name)
	if err != nil {
		return svc, s, err
	}
	s, err = sessions.One(tx, "service_id = $1 and name_hash = $2"+lock, svc.ID, hash)
	return svc, s, missing(err, "Services", service, "Sessions", name)
}
