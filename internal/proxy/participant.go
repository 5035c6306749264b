package proxy

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// participantsMost is how many take part in a session. Source: the original's 80609.
const participantsMost = 2

// Participant is one of the two of a session.
type Participant struct {
	db.Row
	service, session, number int64
	identifierHash           []byte
	active                   bool
	removedAt                time.Time
	ParticipantDocument
}

// ParticipantDocument is the sealed part of a participant.
type ParticipantDocument struct {
	AccountSID   sid.SID `json:"account"`
	Service      sid.SID `json:"service"`
	Session      sid.SID `json:"session"`
	Identifier   string  `json:"identifier"`
	FriendlyName string  `json:"name,omitempty"`
	// Proxy is the address of the pool by which the participant reaches the other one, ProxySID the SID of that number.
	Proxy    string  `json:"proxy"`
	ProxySID sid.SID `json:"proxy_sid"`
}

// Channel is the chat channel that takes part; "" for a person.
func (v *Participant) Channel() sid.SID {
	if sid.Valid(v.Identifier, sid.Channel) {
		return sid.SID(v.Identifier)
	}
	return ""
}

// NewParticipant asks for a participant. Without Proxy and ProxySID a number of the pool is chosen.
type NewParticipant struct {
	Identifier   string
	FriendlyName string
	Proxy        string
	ProxySID     sid.SID
}

// AddParticipant adds a participant to a session. 80103 when it takes part already, 80609 when two do, 80607 when the session is closed,
// 80618 when it is a chat channel that is not there,
// 80604 when its pair is another session's, 80623 when it became so while this request was under way; and what choose answers.
func (p *Proxy) AddParticipant(ctx context.Context, actor account.Actor, service, session string, in NewParticipant) (v Participant, err error) {
	began := time.Now()
	err = p.change(ctx, actor, func(tx *db.Tx) error {
		svc, err := p.serviceTx(tx, actor.Account, service, tx.LockSuffix())
		if err != nil {
			return err
		}
		_, s, err := p.sessionTx(tx, actor.Account, service, session, tx.LockSuffix())
		if err != nil {
			return err
		}
		v, err = p.AddParticipantTx(tx, &svc, &s, in, began)
		return err
	})
	return v, err
}

// AddParticipantTx is AddParticipant inside a transaction that has locked the service and the session.
func (p *Proxy) AddParticipantTx(tx *db.Tx, svc *Service, s *Session, in NewParticipant, began time.Time) (Participant, error) {
	if !s.Status.Active() || s.Over(tx.Now) {
		return Participant{}, fault.New(80607, "")
	}
	if err := checkIdentifier(in.Identifier, s.Mode); err != nil {
		return Participant{}, err
	}
	if utf8.RuneCountInString(in.FriendlyName) > friendlyMost {
		return Participant{}, fault.Invalid("FriendlyName is longer than %d characters", friendlyMost)
	}
	hash, err := p.blind(svc.Account, ofAddress, in.Identifier)
	if err != nil {
		return Participant{}, err
	}
	others, err := participants.Find(tx, "session_id = $1 and removed_at = 0 order by id", s.ID)
	switch {
	case err != nil:
		return Participant{}, err
	case slices.ContainsFunc(others, func(o Participant) bool { return bytes.Equal(o.identifierHash, hash) }):
		return Participant{}, fault.New(80103, "")
	case len(others) >= participantsMost:
		return Participant{}, fault.New(80609, "")
	}
	// A number of the account's own would answer itself for ever.
	if _, err := numbers.One(tx, "account_id = $1 and address_hash = $2", svc.Account, hash); !errors.Is(err, db.ErrNotFound) {
		if err == nil {
			err = fault.New(80404, "Participant Identifier Invalid: it is a number of a Proxy service")
		}
		return Participant{}, err
	}
	n, err := p.numberFor(tx, svc, s, in, hash, others, began)
	if err != nil {
		return Participant{}, err
	}
	v := Participant{
		Row: db.Row{SID: sid.New(sid.Participant), Account: svc.Account}, service: svc.ID, session: s.ID, number: n.ID,
		identifierHash: hash, active: true,
		ParticipantDocument: ParticipantDocument{
			AccountSID: svc.AccountSID, Service: svc.SID, Session: s.SID, Identifier: in.Identifier, FriendlyName: in.FriendlyName,
			Proxy: n.Address, ProxySID: n.SID,
		},
	}
	if p.rooms != nil && v.Channel() != "" {
		err := p.rooms.CarryTx(tx, v.Account, v.Channel())
		if errors.Is(err, db.ErrNotFound) {
			err = fault.New(80618, "Chat Integration Error: there is no such channel")
		}
		if err != nil {
			return Participant{}, err
		}
	}
	return v, unique(participants.Insert(tx, &v), 80623)
}

// numberFor finds the number that was asked for, or chooses one.
func (p *Proxy) numberFor(tx *db.Tx, svc *Service, s *Session, in NewParticipant, hash []byte, others []Participant, began time.Time) (Number, error) {
	if in.Proxy == "" && in.ProxySID == "" {
		return p.chooseTx(tx, svc, s, in.Identifier, hash, others)
	}
	n, err := p.namedNumber(tx, svc, in)
	if err != nil {
		return n, err
	}
	if !fits(in.Identifier, n.Address) {
		return n, fault.New(80402, "Identifier Proxy Pair Invalid: a message cannot get from one to the other")
	}
	at, taken, err := p.holderTx(tx, n.ID, hash)
	switch {
	case err != nil:
		return n, err
	case taken && at.Before(began):
		return n, fault.New(80604, "")
	case taken:
		return n, fault.New(80623, "")
	}
	return n, nil
}

// namedNumber finds the number that a request names: 80605 when it is not in the pool, 80606 when the account has none such, 80402
// when address and SID are of two numbers.
func (p *Proxy) namedNumber(tx *db.Tx, svc *Service, in NewParticipant) (Number, error) {
	var n Number
	var err error
	if in.ProxySID != "" {
		n, err = numbers.One(tx, "service_id = $1 and sid = $2", svc.ID, in.ProxySID)
	} else {
		var hash []byte
		if hash, err = p.blind(svc.Account, ofAddress, in.Proxy); err != nil {
			return n, err
		}
		n, err = numbers.One(tx, "service_id = $1 and address_hash = $2", svc.ID, hash)
	}
	switch {
	case err == nil && in.Proxy != "" && n.Address != in.Proxy:
		return n, fault.New(80402, "")
	case !errors.Is(err, db.ErrNotFound):
		return n, err
	}
	owned, err := p.numbers.OwnedTx(tx, svc.Account, in.ProxySID, in.Proxy)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return n, fault.New(80606, "")
	case err != nil:
		return n, err
	case svc.UniqueName != FlexService:
		return n, fault.New(80605, "")
	}
	n, err = p.addNumberTx(tx, svc, NewNumber{SID: owned.SID, Short: sid.Prefix(string(owned.SID)) == sid.ShortCode, Reserved: true})
	if fault.HasCode(err, 80104) || fault.HasCode(err, 80105) {
		return n, fault.New(80605, "")
	}
	return n, err
}

// holderTx says whether an active participant has the pair, and since when.
func (p *Proxy) holderTx(tx *db.Tx, number int64, hash []byte) (since time.Time, taken bool, err error) {
	list, err := p.activeTx(tx, "number_id = $1 and identifier_hash = $2 and active = 1", number, hash)
	if err != nil || len(list) == 0 {
		return time.Time{}, false, err
	}
	return list[0].CreatedAt, true, nil
}

// activeTx finds active participants. Sessions whose time is over are closed on the way, so that they keep no pair from anybody.
func (p *Proxy) activeTx(tx *db.Tx, where string, args ...any) ([]Participant, error) {
	list, err := participants.Find(tx, where, args...)
	if err != nil {
		return nil, err
	}
	kept := list[:0]
	for _, v := range list {
		s, err := sessions.ByIDForUpdate(tx, v.session)
		switch {
		case err != nil:
			return nil, err
		case !s.Status.Active():
			continue // closed since
		case s.Over(tx.Now):
			if err := p.closeTx(tx, &s, ByTime); err != nil {
				return nil, err
			}
			continue
		}
		kept = append(kept, v)
	}
	return kept, nil
}

// Participant reads a participant of a session.
func (p *Proxy) Participant(ctx context.Context, actor account.Actor, service, session string, s sid.SID) (v Participant, err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, _, v, err = p.participantTx(tx, actor.Account, service, session, s, "")
		return err
	})
	return v, err
}

// Participants lists who takes part in a session, oldest first.
func (p *Proxy) Participants(ctx context.Context, actor account.Actor, service, session string, at db.Page) (page db.PageOf[Participant], err error) {
	err = p.view(ctx, actor, func(tx *db.Tx) error {
		_, s, err := p.sessionTx(tx, actor.Account, service, session, "")
		if err != nil {
			return err
		}
		page, err = participants.Page(tx, at, "session_id = $1 and removed_at = 0", s.ID)
		return err
	})
	return page, err
}

// RemoveParticipant takes somebody out of a session; the pair is free. 80607 when the session is closed.
func (p *Proxy) RemoveParticipant(ctx context.Context, actor account.Actor, service, session string, who sid.SID) error {
	return p.change(ctx, actor, func(tx *db.Tx) error {
		_, s, v, err := p.participantTx(tx, actor.Account, service, session, who, tx.LockSuffix())
		switch {
		case err != nil:
			return err
		case !s.Status.Active():
			return fault.New(80607, "")
		}
		v.active, v.removedAt = false, tx.Now
		return participants.Update(tx, &v)
	})
}

// ParticipantTx reads a session and one of its participants and locks the session.
func (p *Proxy) ParticipantTx(tx *db.Tx, acct int64, service, session string, who sid.SID) (Service, Session, Participant, error) {
	return p.participantTx(tx, acct, service, session, who, tx.LockSuffix())
}

func (p *Proxy) participantTx(tx *db.Tx, acct int64, service, session string, who sid.SID, lock string) (Service, Session, Participant, error) {
	svc, s, err := p.sessionTx(tx, acct, service, session, lock)
	if err != nil {
		return svc, s, Participant{}, err
	}
	v, err := participants.One(tx, "sid = $1 and account_id = $2 and session_id = $3 and removed_at = 0"+lock, who, acct, s.ID)
	return svc, s, v, missing(err, "Services", service, "Sessions", session, "Participants", string(who))
}
