package account

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"usher/internal/retry"
)

// Failed sign-ins make the next one wait, per person and per address. A
// person's wait stays short, because anybody can fail in their name; an
// address's grows long, but begins late, since an office may have only one.
//
// The counts are this process's own: with n nodes an attacker has n times as
// many tries, which the cost of a password leaves far from useful.
const (
	freePerPerson  = 4
	freePerAddress = 20
	forgetFailures = time.Hour // without a failure, all is forgotten
	talliesKept    = 1 << 16
)

var (
	personWait  = retry.Policy{Min: time.Second, Max: time.Minute, Factor: 2}
	addressWait = retry.Policy{Min: time.Second, Max: 15 * time.Minute, Factor: 2}
)

// tally counts the failures of one person or address.
type tally struct {
	key   tallyKey
	fails int
	until time.Time // no further try before this
	last  time.Time
}

// tallyKey is a person (a digest of what they signed in as) or an address.
type tallyKey struct {
	person  [32]byte
	address netip.Prefix
}

// backoff holds tallies, up to a number; the one longest unused makes room.
type backoff struct {
	mu    sync.Mutex
	order *list.List
	at    map[tallyKey]*list.Element
}

func newBackoff() *backoff {
	return &backoff{order: list.New(), at: make(map[tallyKey]*list.Element)}
}

// addressKey is an IPv4 address or an IPv6 network of 64 bits, which is what
// one customer of a provider has. The zero address counts for nobody.
func addressKey(addr netip.Addr) (tallyKey, bool) {
	addr = addr.Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.WithZone("").Prefix(bits)
	return tallyKey{address: prefix}, err == nil && addr.IsValid()
}

// attempt is one try to sign in. It counts as a failure from its beginning, so
// that tries at the same time do not all see the same low count.
type attempt struct {
	of   *backoff
	keys []tallyKey
}

// begin starts a try, or says how long to wait. person may be the zero digest
// where nobody is named.
func (b *backoff) begin(person [32]byte, addr netip.Addr, now time.Time) (attempt, time.Duration) {
	var keys []tallyKey
	if person != [32]byte{} {
		keys = append(keys, tallyKey{person: person})
	}
	if key, ok := addressKey(addr); ok {
		keys = append(keys, key)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var wait time.Duration
	for _, key := range keys {
		if el, ok := b.at[key]; ok {
			wait = max(wait, el.Value.(*tally).until.Sub(now))
		}
	}
	if wait > 0 {
		return attempt{}, wait
	}
	for _, key := range keys {
		b.fail(key, now)
	}
	return attempt{b, keys}, 0
}

func (b *backoff) fail(key tallyKey, now time.Time) {
	el, ok := b.at[key]
	if !ok {
		el = b.order.PushFront(&tally{key: key})
		b.at[key] = el
		if b.order.Len() > talliesKept {
			b.drop(b.order.Back())
		}
	}
	b.order.MoveToFront(el)
	t := el.Value.(*tally)
	if now.Sub(t.last) > forgetFailures {
		t.fails = 0
	}
	t.fails++
	t.last = now
	free, policy := freePerPerson, personWait
	if key.address.IsValid() {
		free, policy = freePerAddress, addressWait
	}
	if t.fails > free {
		t.until = now.Add(policy.Delay(t.fails-free, nil))
	}
}

func (b *backoff) drop(el *list.Element) {
	b.order.Remove(el)
	delete(b.at, el.Value.(*tally).key)
}

// succeeded takes the failure back and clears the person's count. The
// address's count only goes down by one: somebody who owns one password must
// not be able to clear the way for guessing others.
func (t attempt) succeeded() {
	if t.of == nil {
		return
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	for _, key := range t.keys {
		el, ok := t.of.at[key]
		if !ok {
			continue
		}
		tally := el.Value.(*tally)
		tally.fails--
		tally.until = time.Time{}
		if !key.address.IsValid() || tally.fails <= 0 {
			t.of.drop(el)
		}
	}
}
