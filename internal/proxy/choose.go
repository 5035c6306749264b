package proxy

import (
	"cmp"
	"slices"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/proxy/geo"
)

// lookedBack is how many earlier sessions of somebody count when a number is chosen.
const lookedBack = 50

// wish is what a number is chosen for.
type wish struct {
	identifier string
	mode       Mode
	level      geo.Level
	selection  Selection
	// taken are the numbers that the identifier has in other active sessions, used those that it had, the newest first.
	taken map[int64]bool
	used  []int64
	// partner is the number of the other participant, 0 when there is none.
	partner int64
}

// choose picks the number of a pool that fits best: not reserved, able to carry what the session carries, near enough to the
// identifier, and not one by which the same person talks in another session. Among these, prefer-sticky takes the one that the person
// had last, and avoid-sticky those that were never the person's; then the one in the fewest sessions, then the oldest. A chat channel
// has no place; it gets the other participant's number where it can.
//
// It answers 80205 for an empty pool, 80207 when all are reserved, 80201 and 80202 when none can carry calls or messages, 80203 and 80206
// when none is near, and 80208 when all that would do are taken.
func choose(pool []Number, w wish) (Number, int) {
	if len(pool) == 0 {
		return Number{}, 80205
	}
	chat := wayOf(w.identifier) == "chat"
	pool = slices.Clone(pool)
	for _, sieve := range []struct {
		keep func(n *Number) bool
		code int
	}{
		{func(n *Number) bool { return !n.Reserved || chat && n.ID == w.partner }, 80207},
		{func(n *Number) bool { return w.mode == VoiceOnly || n.Capabilities.SMS }, 80202},
		{func(n *Number) bool { return w.mode != VoiceOnly || n.Capabilities.Voice }, 80201},
		{func(n *Number) bool { return fits(w.identifier, n.Address) }, 80206},
		{func(n *Number) bool { return chat || near(w.identifier, n, geo.Country) }, 80203},
		{func(n *Number) bool { return chat || near(w.identifier, n, w.level) }, 80206},
		{func(n *Number) bool { return !w.taken[n.ID] }, 80208},
	} {
		pool = slices.DeleteFunc(pool, func(n Number) bool { return !sieve.keep(&n) })
		if len(pool) == 0 {
			return Number{}, sieve.code
		}
	}
	return slices.MinFunc(pool, func(a, b Number) int {
		return cmp.Or(cmp.Compare(w.rank(&a), w.rank(&b)), cmp.Compare(a.InUse, b.InUse), cmp.Compare(a.ID, b.ID))
	}), 0
}

// near judges telephone numbers; what has no country, as a short code or a name of another channel, is near everywhere.
func near(identifier string, n *Number, level geo.Level) bool {
	number, other := bare(identifier), bare(n.Address)
	if !geo.Valid(number) || !geo.Valid(other) {
		return true
	}
	return geo.Near(number, other, level)
}

// rank orders numbers by what the person had before; the smallest is the best.
func (w *wish) rank(n *Number) int {
	if wayOf(w.identifier) == "chat" {
		if n.ID == w.partner {
			return -1
		}
		return 0
	}
	at := slices.Index(w.used, n.ID)
	switch {
	case w.selection == PreferSticky && at >= 0:
		return at - len(w.used)
	case w.selection == AvoidSticky && at >= 0:
		return len(w.used) - at
	}
	return 0
}

// chooseTx gathers what choose needs. The service is locked.
func (p *Proxy) chooseTx(tx *db.Tx, svc *Service, s *Session, identifier string, hash []byte, others []Participant) (Number, error) {
	pool, err := numbers.Find(tx, "service_id = $1 order by id", svc.ID)
	if err != nil {
		return Number{}, err
	}
	list := make([]*Number, 0, len(pool))
	for i := range pool {
		if !pool[i].Reserved {
			list = append(list, &pool[i])
		}
	}
	if err := countUse(tx, list); err != nil {
		return Number{}, err
	}
	w := wish{identifier: identifier, mode: s.Mode, level: svc.GeoMatch, selection: svc.Selection, taken: map[int64]bool{}}
	if len(others) > 0 {
		w.partner = others[0].number
	}
	known, err := participants.Find(tx, "service_id = $1 and identifier_hash = $2 order by id desc limit $3", svc.ID, hash, lookedBack)
	if err != nil {
		return Number{}, err
	}
	for i := range known {
		w.used = append(w.used, known[i].number)
	}
	// All that are active count as taken, not only those of the last sessions.
	active, err := p.activeTx(tx, "identifier_hash = $1 and active = 1 and service_id = $2", hash, svc.ID)
	if err != nil {
		return Number{}, err
	}
	for i := range active {
		w.taken[active[i].number] = true
	}
	n, code := choose(pool, w)
	if code != 0 {
		return Number{}, fault.New(code, "")
	}
	return n, nil
}
