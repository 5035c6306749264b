package messaging

import (
	"errors"
	"hash/fnv"
	"strings"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging/carry"
	"usher/internal/sid"
)

// Service is a pool of senders that act as one.
type Service struct {
	db.Row
	ServiceDocument
}

// ServiceDocument is the sealed part of a service.
type ServiceDocument struct {
	FriendlyName string `json:"friendly_name"`
	// Handler is asked about messages to the service's numbers, unless OnNumber leaves that to the numbers' own handlers.
	Handler
	OnNumber       bool   `json:"on_number,omitempty"`
	StatusCallback string `json:"status_callback,omitempty"`
	Sticky         bool   `json:"sticky"`
	SmartEncoding  bool   `json:"smart_encoding"`
	AreaGeomatch   bool   `json:"area_geomatch"`
	FallbackToLong bool   `json:"fallback_to_long"`
	MMSConverter   bool   `json:"mms_converter"`
	Validity       int64  `json:"validity"` // seconds
	Usecase        string `json:"usecase"`
	// Keywords and answers of opting out, in and of help; empty ones are the defaults.
	OptOut OptOut `json:"opt_out"`
}

// ServiceTx reads a service; db.ErrNotFound when there is none.
func (m *Messaging) ServiceTx(tx *db.Tx, acct int64, s sid.SID) (Service, error) {
	return services.Get(tx, acct, s)
}

// choose picks the sender of a service for a recipient: the one that the recipient knows, else one of the same channel: an
// alphanumeric sender outside of +1, where they are not carried, then a number, with its country or area where there is one. A
// recipient always gets the same one while the pool stays as it is.
func (m *Messaging) choose(tx *db.Tx, service *Service, to string) (Number, error) {
	pool, err := numbers.Find(tx, "service_sid = $1 and account_id = $2 order by id", string(service.SID), service.Account)
	if err != nil {
		return Number{}, err
	}
	if len(pool) == 0 {
		return Number{}, fault.New(21704, "")
	}
	hash, err := m.hash(service.Account, to)
	if err != nil {
		return Number{}, err
	}
	if service.Sticky {
		known, err := stuck(tx, service.SID, hash)
		if err != nil {
			return Number{}, err
		}
		for i := range pool {
			if pool[i].SID == known {
				return pool[i], nil
			}
		}
	}
	best, score := []Number(nil), -1
	for i := range pool {
		switch s := suits(&pool[i], to, service.AreaGeomatch); {
		case s < 0 || s < score:
		case s > score:
			best, score = []Number{pool[i]}, s
		default:
			best = append(best, pool[i])
		}
	}
	if len(best) == 0 {
		return Number{}, fault.New(21703, "")
	}
	h := fnv.New32a()
	h.Write(hash)
	chosen := best[h.Sum32()%uint32(len(best))]
	if !service.Sticky || chosen.Kind == KindAlpha {
		return chosen, nil
	}
	return chosen, stick(tx, service.SID, hash, chosen.SID)
}

// suits says how well a sender fits a recipient; negative is not at all.
func suits(n *Number, to string, area bool) int {
	switch {
	case carry.ChannelOf(n.Address) != carry.ChannelOf(to):
		return -1
	case n.Kind == KindAlpha && (strings.HasPrefix(to, "+1") || !strings.HasPrefix(to, "+")):
		return -1
	case n.Kind == KindAlpha:
		return 100
	case n.Kind == KindShort:
		return 50
	case !area:
		return 0
	}
	common := 0
	for common < len(to) && common < len(n.Address) && to[common] == n.Address[common] {
		common++
	}
	return min(common, 5) // the country and the area; further digits are chance
}

// stuck returns the sender that a recipient of a service knows, or "".
func stuck(tx *db.Tx, service sid.SID, hash []byte) (sid.SID, error) {
	var text string
	err := tx.QueryRow("select number_sid from messaging_sticky where service_sid = $1 and address_hash = $2", string(service), hash).Scan(&text)
	if errors.Is(err, db.ErrNotFound) {
		return "", nil
	}
	return sid.SID(text), err
}

// stick remembers the sender that a recipient knows.
func stick(tx *db.Tx, service sid.SID, hash []byte, number sid.SID) error {
	_, err := tx.Exec(`insert into messaging_sticky (service_sid, address_hash, number_sid) values ($1, $2, $3)
		on conflict (service_sid, address_hash) do update set number_sid = excluded.number_sid`, string(service), hash, string(number))
	return err
}
