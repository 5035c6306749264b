package proxy

import (
	"errors"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// Route is where a message from somebody at a number of a pool goes.
type Route struct {
	Service Service
	Number  Number
	Session Session // locked
	From    Participant
	// To is the other participant; nil when nobody else takes part yet.
	To *Participant
}

// RouteTx finds the active session in which identifier talks by a number of the account's. found is false when there is none; then Service and
// Number are set when the number is of a pool, and Last when the pair had a session before.
func (p *Proxy) RouteTx(tx *db.Tx, acct int64, number, identifier string) (r Route, found bool, err error) {
	if r.Service, r.Number, err = p.PooledTx(tx, acct, number); err != nil {
		if errors.Is(err, db.ErrNotFound) {
			err = nil
		}
		return r, false, err
	}
	hash, err := p.blind(acct, ofAddress, identifier)
	if err != nil {
		return r, false, err
	}
	v, err := participants.One(tx, "number_id = $1 and identifier_hash = $2 and active = 1", r.Number.ID, hash)
	if errors.Is(err, db.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	found, err = p.fillRoute(tx, &r, v)
	return r, found, err
}

// ChannelRouteTx finds the session in which a chat channel of the account took part at a time: the active one, or one that has ended
// since, so that what was written before the end is not lost.
func (p *Proxy) ChannelRouteTx(tx *db.Tx, acct int64, channel sid.SID, at time.Time) (r Route, found bool, err error) {
	hash, err := p.blind(acct, ofAddress, string(channel))
	if err != nil {
		return r, false, err
	}
	list, err := participants.Find(tx, "identifier_hash = $1 and active = 1 and account_id = $2 order by id desc", hash, acct)
	if err != nil {
		return r, false, err
	}
	for _, v := range list {
		if r.Service, err = services.ByID(tx, v.service); err != nil {
			return r, false, err
		}
		if r.Number, err = numbers.ByID(tx, v.number); err != nil {
			return r, false, err
		}
		if found, err = p.fillRoute(tx, &r, v); err != nil || found {
			return r, found, err
		}
	}
	return p.endedRouteTx(tx, acct, hash, at)
}

// endedRouteTx finds a session that an identifier took part in and that has ended after a time.
func (p *Proxy) endedRouteTx(tx *db.Tx, acct int64, hash []byte, at time.Time) (r Route, found bool, err error) {
	all, err := services.Find(tx, "account_id = $1 order by id", acct)
	if err != nil {
		return r, false, err
	}
	for _, s := range all {
		v, err := participants.One(tx, "service_id = $1 and identifier_hash = $2 and active = 0 and removed_at = 0 order by id desc limit 1", s.ID, hash)
		if errors.Is(err, db.ErrNotFound) {
			continue
		}
		if err != nil {
			return r, false, err
		}
		r = Route{Service: s}
		if _, err = p.fillRoute(tx, &r, v); err != nil {
			return r, false, err
		}
		if r.Session.EndedAt.After(at) && !r.Session.CreatedAt.After(at) {
			return r, true, p.othersTx(tx, &r, v)
		}
	}
	return Route{}, false, nil
}

// fillRoute completes a route with the session and the other participant. found is false when the session's time is over.
func (p *Proxy) fillRoute(tx *db.Tx, r *Route, from Participant) (found bool, err error) {
	if r.Session, err = sessions.ByIDForUpdate(tx, from.session); err != nil {
		return false, err
	}
	if !r.Session.Status.Active() || r.Session.Over(tx.Now) {
		return false, nil
	}
	return true, p.othersTx(tx, r, from)
}

// othersTx fills in who takes part beside from.
func (p *Proxy) othersTx(tx *db.Tx, r *Route, from Participant) error {
	r.From, r.To = from, nil
	all, err := participants.Find(tx, "session_id = $1 and removed_at = 0 order by id", from.session)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID != from.ID {
			r.To = &all[i]
		}
	}
	return nil
}

// LastTx finds the newest session, however it stands, in which identifier took part by a number of a pool: what an out-of-session callback
// is told. found is false when there was none.
func (p *Proxy) LastTx(tx *db.Tx, n Number, identifier string) (r Route, found bool, err error) {
	hash, err := p.blind(n.Account, ofAddress, identifier)
	if err != nil {
		return r, false, err
	}
	list, err := participants.Find(tx, "service_id = $1 and identifier_hash = $2 order by id desc limit $3", n.service, hash, lookedBack)
	if err != nil {
		return r, false, err
	}
	for i := range list {
		v := list[i]
		if v.number != n.ID {
			continue
		}
		if r.Session, err = sessions.ByID(tx, v.session); err != nil {
			return r, false, err
		}
		r.Number = n
		return r, true, p.othersTx(tx, &r, v)
	}
	return r, false, nil
}
