package proxy

import (
	"context"
	"errors"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Retention is how long a closed session is kept. Source: the original's changelog.
const Retention = 90 * 24 * time.Hour

// heardFor is how long a message outside of every session is remembered: longer than its job can be tried again.
const heardFor = 7 * 24 * time.Hour

// batch is how many sessions one transaction of a sweep touches.
const batch = 64

// next is the session's state machine: what becomes of a session in a state that is asked for another. The code is that of the
// refusal, 0 for none.
func next(from, asked Status) (to Status, code int) {
	switch {
	case asked == "" || asked == from:
		return from, 0
	case from == Closed && asked == InProgress, from == Open && asked == InProgress, from.Active() && asked == Closed:
		return asked, 0
	}
	return from, 80608
}

// changeTx applies a change to a session that is locked.
func (p *Proxy) changeTx(tx *db.Tx, s *Session, c SessionChange) error {
	from := s.Status
	to, code := next(from, c.Status)
	switch {
	case code != 0:
		return fault.New(code, "")
	case from == Closed && to == Closed:
		return fault.New(80607, "")
	}
	if !c.DateExpiry.IsZero() {
		s.DateExpiry = c.DateExpiry
	} else if from == Closed {
		s.DateExpiry = time.Time{} // the old one is over
	}
	set(&s.TTL, c.TTL)
	if c.TTL != nil || !c.DateExpiry.IsZero() {
		if err := s.check(tx.Now); err != nil {
			return err
		}
	}
	switch {
	case to == Closed:
		return p.closeTx(tx, s, c.Reason)
	case from == Closed:
		s.ClosedReason, s.EndedAt, s.From = "", time.Time{}, tx.Now
		if err := p.reviveTx(tx, s); err != nil {
			return err
		}
	}
	if to == InProgress && s.StartedAt.IsZero() {
		s.StartedAt = tx.Now
	}
	s.Status = to
	s.schedule()
	return sessions.Update(tx, s)
}

// schedule sets when the session's time is over.
func (s *Session) schedule() {
	switch {
	case !s.Status.Active():
		s.expiresAt = time.Time{}
	case !s.DateExpiry.IsZero():
		s.expiresAt = s.DateExpiry
	case s.TTL > 0:
		s.expiresAt = s.From.Add(time.Duration(s.TTL) * time.Second)
	default:
		s.expiresAt = time.Time{}
	}
}

// Over says whether the session's time is over.
func (s *Session) Over(now time.Time) bool { return !s.expiresAt.IsZero() && !s.expiresAt.After(now) }

// closeTx ends a session; its pairs are free at once.
func (p *Proxy) closeTx(tx *db.Tx, s *Session, reason string) error {
	if reason == "" {
		reason = ByAPI
	}
	s.Status, s.ClosedReason, s.EndedAt = Closed, reason, tx.Now
	s.schedule()
	if _, err := tx.Exec("update proxy_participant set active = 0 where session_id = $1 and active = 1", s.ID); err != nil {
		return err
	}
	return sessions.Update(tx, s)
}

// reviveTx gives the participants of a session that is reopened their pairs back; 80604 when one of them is somebody else's now, 80605
// when a number has left the pool. The service is locked.
func (p *Proxy) reviveTx(tx *db.Tx, s *Session) error {
	list, err := participants.Find(tx, "session_id = $1 and removed_at = 0 order by id", s.ID)
	if err != nil {
		return err
	}
	for i := range list {
		v := &list[i]
		if _, err := numbers.ByID(tx, v.number); err != nil {
			if errors.Is(err, db.ErrNotFound) {
				err = fault.New(80605, "")
			}
			return err
		}
		if _, taken, err := p.holderTx(tx, v.number, v.identifierHash); err != nil || taken {
			if err == nil {
				err = fault.New(80604, "")
			}
			return err
		}
		v.active = true
		if err := unique(participants.Update(tx, v), 80604); err != nil {
			return err
		}
	}
	return nil
}

// EndTx closes the session of that unique name in every service of the account, and says how many it closed. A chat channel's closing
// so ends the sessions that serve it.
func (p *Proxy) EndTx(tx *db.Tx, acct int64, name, reason string) (int, error) {
	hash, err := p.blind(acct, ofName, name)
	if err != nil {
		return 0, err
	}
	all, err := services.Find(tx, "account_id = $1 order by id", acct)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range all {
		s, err := sessions.One(tx, "service_id = $1 and name_hash = $2"+tx.LockSuffix(), all[i].ID, hash)
		switch {
		case errors.Is(err, db.ErrNotFound):
			continue
		case err != nil:
			return n, err
		case !s.Status.Active():
			continue
		}
		if err := p.closeTx(tx, &s, reason); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Sweep closes the sessions whose time is over and deletes those that have been closed for Retention. It works by two indexes in
// small transactions, so that it may be cut short anywhere and goes on with the next call.
func (p *Proxy) Sweep(ctx context.Context) error {
	for _, one := range []func(tx *db.Tx) (int, error){p.expireTx, purgeTx, unhearTx} {
		for more := true; more && ctx.Err() == nil; {
			err := p.db.Do(ctx, func(tx *db.Tx) error {
				n, err := one(tx)
				more = n == batch
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// expireTx closes some of the sessions whose time is over.
func (p *Proxy) expireTx(tx *db.Tx) (int, error) {
	list, err := sessions.Find(tx, "expires_at > 0 and expires_at <= $1 order by expires_at limit $2"+tx.SkipLocked(), db.Micros(tx.Now), batch)
	if err != nil {
		return 0, err
	}
	for i := range list {
		if err := p.closeTx(tx, &list[i], ByTime); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// purgeTx deletes some of the sessions that were closed long ago.
func purgeTx(tx *db.Tx) (int, error) {
	list, err := sessions.Find(tx, "ended_at > 0 and ended_at <= $1 order by ended_at limit $2"+tx.SkipLocked(), db.Micros(tx.Now.Add(-Retention)), batch)
	if err != nil {
		return 0, err
	}
	for i := range list {
		if err := deleteSession(tx, &list[i]); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// unhearTx deletes some of the old notes of messages outside of every session.
func unhearTx(tx *db.Tx) (int, error) {
	n, err := tx.Exec(`delete from proxy_interaction where id in (select id from (
		select id, created_at from proxy_interaction where session_id = 0 order by id limit $2) as oldest where created_at < $1)`,
		db.Micros(tx.Now.Add(-heardFor)), batch)
	return int(n), err
}

// Standing is an active session that serves a chat channel.
type Standing struct {
	ID, Account int64
	Channel     sid.SID
	// Since is when anything of the session last changed.
	Since time.Time
}

// StandingTx lists active sessions that are named after a chat channel, in the order of their making after the one with that key: those
// among the next limit active sessions. last is the key of the last of these, 0 when there were no more.
func (p *Proxy) StandingTx(tx *db.Tx, after int64, limit int) (list []Standing, last int64, err error) {
	all, err := sessions.Find(tx, "ended_at = 0 and id > $1 order by id limit $2", after, limit)
	if err != nil {
		return nil, 0, err
	}
	for i := range all {
		if s := &all[i]; sid.Valid(s.UniqueName, sid.Channel) {
			list = append(list, Standing{s.ID, s.Account, sid.SID(s.UniqueName), s.UpdatedAt})
		}
	}
	if len(all) == limit {
		last = all[len(all)-1].ID
	}
	return list, last, nil
}
