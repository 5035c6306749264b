package smpp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/big"
	"strings"
	"sync"
	"time"

	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// Send implements connector.Sender: it submits all parts of a message, as far as the window goes at once, and waits for the answers.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	parts, err := c.compose(m)
	if err != nil {
		return carry.Sent{}, err
	}
	p := c.taken.of(m.SID, len(parts))
	for attempt := 1; ; attempt++ {
		err = c.submit(ctx, p, parts)
		if err == nil {
			break
		}
		// Part of a message has gone out: rather wait here for the rest than leave half of it with the customer.
		refusal := new(carry.Refusal)
		if !errors.As(err, &refusal) || !refusal.Again || !p.begun() || attempt > 5 || !rest(ctx, refusal.After) {
			return carry.Sent{}, err
		}
	}
	status := carry.Queued
	if !c.receipts {
		status = carry.SentOut
	}
	return carry.Sent{IDs: p.ids(), Status: status}, nil
}

// rest waits, and reports whether the whole time went by.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// submit sends the parts that the carrier has not taken yet.
func (c *Connection) submit(ctx context.Context, p *progress, parts []pdu.Message) error {
	missing := p.missing()
	if len(missing) == 0 {
		return nil
	}
	l := c.sender()
	if l == nil {
		return &carry.Refusal{Reason: errDown.Error(), Again: true, After: 2 * time.Second}
	}
	if wait := c.throttle.take(len(missing), time.Now()); wait > 0 {
		return &carry.Refusal{Reason: "more messages than the carrier takes", Again: true, After: wait}
	}
	var requests []*request
	var failed error
	for _, i := range missing {
		r, err := l.begin(ctx, pdu.SubmitSM, parts[i].Append(nil), func(u pdu.Unit) { c.answered(p, i, u) })
		if err != nil { // nothing of this part was sent
			failed = &carry.Refusal{Reason: errDown.Error(), Again: true, After: time.Second}
			break
		}
		requests = append(requests, r)
	}
	var unknown error
	for _, r := range requests {
		u, err := l.await(ctx, r)
		if err != nil {
			unknown = fmt.Errorf("submit: %w", err)
			continue
		}
		if refusal := refusalOf(u.Status); refusal != nil {
			if worse := new(carry.Refusal); !errors.As(failed, &worse) || worse.Again {
				failed = refusal
			}
			if refusal.Again {
				refusal.After = c.throttle.hold(time.Now())
			}
		}
	}
	if unknown != nil {
		return unknown
	}
	return failed
}

// answered remembers the carrier's answer to a part, whenever it comes.
func (c *Connection) answered(p *progress, part int, u pdu.Unit) {
	if u.Status == pdu.OK {
		p.take(part, c.name(pdu.MessageID(u.Body), false))
		c.throttle.ease()
	}
}

// compose makes the parts of a message.
func (c *Connection) compose(m carry.Outbound) ([]pdu.Message, error) {
	if len(m.Media) > 0 {
		return nil, &carry.Refusal{Code: 21621, Reason: "SMS carries no media"}
	}
	base := pdu.Message{
		ServiceType: c.serviceType, Source: c.outward(m.From, c.sourceTON, c.srcNPI), Dest: c.outward(m.To, c.destTON, c.destNPI),
		Validity: relative(m.Validity),
	}
	if base.Dest.Number == "" || len(base.Dest.Number) > 20 {
		return nil, &carry.Refusal{Code: 21211, Reason: "the recipient is no address"}
	}
	if base.Source.Number == "" || len(base.Source.Number) > 20 {
		return nil, &carry.Refusal{Code: 21212, Reason: "the sender is no address"}
	}
	if c.receipts {
		base.Registered = 1
	}
	encoding, coding := segment.Detect(m.Body), c.alphabet
	if encoding == segment.UCS2 || !coding.Holds(m.Body) {
		encoding, coding = segment.UCS2, segment.Wide
	}
	base.Coding = coding.DataCoding(c.alphabet)
	header := 6
	if c.long == "udh16" {
		header = 7
	}
	texts := segment.SplitBehind(m.Body, encoding, header)
	switch {
	case len(texts) > 255:
		return nil, &carry.Refusal{Code: 21617, Reason: "the text is too long"}
	case len(texts) == 1:
		data, _ := coding.Encode(m.Body, 0)
		base.Text = data
		return []pdu.Message{base}, nil
	case c.long == "payload":
		data, _ := coding.Encode(m.Body, 0)
		base.TLVs = pdu.TLVs{{Tag: pdu.MessagePayload, Value: data}}
		return []pdu.Message{base}, nil
	}
	parts := make([]pdu.Message, len(texts))
	for i, text := range texts {
		parts[i] = c.part(base, coding, text, reference(m.SID), len(texts), i+1)
	}
	return parts, nil
}

// part makes one of several.
func (c *Connection) part(base pdu.Message, coding segment.Coding, text string, ref uint16, total, number int) pdu.Message {
	if c.long == "sar" {
		base.Text, _ = coding.Encode(text, 0)
		base.TLVs = pdu.TLVs{
			{Tag: pdu.SARReference, Value: binary.BigEndian.AppendUint16(nil, ref)},
			{Tag: pdu.SARTotal, Value: []byte{byte(total)}},
			{Tag: pdu.SARPart, Value: []byte{byte(number)}},
		}
		return base
	}
	head := segment.Concat{Ref: ref, Wide: c.long == "udh16", Total: uint8(total), Part: uint8(number)}
	if !head.Wide {
		head.Ref &= 0xff
	}
	header := head.Bytes()
	data, _ := coding.Encode(text, len(header))
	base.Class |= pdu.ClassHeader
	base.Text = append(header, data...)
	return base
}

// reference ties the parts of a message together. It is the same for every try, so that a phone knows a part that it has got already.
func reference(sid string) uint16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(sid))
	sum := h.Sum32()
	return uint16(sum ^ sum>>16)
}

// relative writes a validity period as SMPP has it (7.1.1.2); "" for the carrier's default. Beyond 30 days it is 30.
func relative(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	s := int(min(d, 30*24*time.Hour) / time.Second)
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", s/86400, s/3600%24, s/60%60, s%60)
}

// refusalOf answers what a status of submit_sm_resp means, nil for success.
func refusalOf(status pdu.Status) *carry.Refusal {
	r := &carry.Refusal{Code: 30008, Reason: fmt.Sprintf("status 0x%08x", uint32(status))}
	switch status {
	case pdu.OK:
		return nil
	case pdu.Throttled, pdu.QueueFull, pdu.SystemError, pdu.WrongState, pdu.Temporary:
		r.Code, r.Again, r.After = 0, true, time.Second
	case pdu.InvalidDest:
		r.Code = 30005
	case pdu.InvalidSource:
		r.Code = 21606
	case pdu.Rejected, pdu.Permanent:
		r.Code = 30007
	}
	return r
}

// name brings a message's ID into the one form in which answers and receipts have it alike.
func (c *Connection) name(id string, receipt bool) string {
	id = strings.TrimSpace(id)
	base := 0
	switch {
	case c.receiptID == "decimal" && receipt, c.receiptID == "hex" && !receipt:
		base = 10
	case c.receiptID == "decimal", c.receiptID == "hex":
		base = 16
	}
	if base != 0 {
		if n, ok := new(big.Int).SetString(id, base); ok && n.Sign() >= 0 {
			return n.String()
		}
	}
	return id
}

// progress is which parts of a message the carrier has taken.
type progress struct {
	mu    sync.Mutex
	names []string
	done  []bool
}

func (p *progress) take(part int, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[part], p.done[part] = id, true
}

func (p *progress) missing() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []int
	for i, done := range p.done {
		if !done {
			list = append(list, i)
		}
	}
	return list
}

func (p *progress) begun() bool { return len(p.missing()) < len(p.done) }

// ids answers the carrier's names for the parts, without those that it gave none.
func (p *progress) ids() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, id := range p.names {
		if id != "" {
			list = append(list, id)
		}
	}
	return list
}

// taken remembers the progress of the last messages by their SIDs.
type taken struct {
	lock      sync.Mutex
	byMessage map[string]*progress
	order     []string
}

// remembered is of how many messages.
const remembered = 8192

func (t *taken) of(sid string, parts int) *progress {
	t.lock.Lock()
	defer t.lock.Unlock()
	if p := t.byMessage[sid]; p != nil && len(p.done) == parts {
		return p
	}
	p := &progress{names: make([]string, parts), done: make([]bool, parts)}
	if t.byMessage[sid] == nil {
		t.order = append(t.order, sid)
	}
	t.byMessage[sid] = p
	if len(t.order) > remembered {
		delete(t.byMessage, t.order[0])
		t.order = t.order[1:]
	}
	return p
}

// throttle bounds what goes out: by a rate that was set, and by a pause after the carrier has complained.
type throttle struct {
	rate  int // parts a second; 0 is without bound
	guard sync.Mutex
	next  time.Time // when the next part may go by the rate
	until time.Time // nothing goes before
	pause time.Duration
}

// burst is by how much parts may run ahead of the rate.
const burst = time.Second

// take allows n parts to go now, or says how long to wait.
func (t *throttle) take(n int, now time.Time) time.Duration {
	t.guard.Lock()
	defer t.guard.Unlock()
	if wait := t.until.Sub(now); wait > 0 {
		return wait
	}
	if t.rate == 0 {
		return 0
	}
	if t.next.Before(now) {
		t.next = now
	}
	if ahead := t.next.Sub(now); ahead >= burst {
		return ahead - burst + time.Millisecond
	}
	t.next = t.next.Add(time.Duration(n) * time.Second / time.Duration(t.rate))
	return 0
}

// hold pauses after a complaint, twice as long each time up to half a minute, and answers for how long.
func (t *throttle) hold(now time.Time) time.Duration {
	t.guard.Lock()
	defer t.guard.Unlock()
	if !t.until.After(now) { // complaints about what was under way at once are one
		t.pause = min(max(2*t.pause, time.Second/2), 30*time.Second)
		t.until = now.Add(t.pause)
	}
	return t.until.Sub(now)
}

// ease ends the growth of pauses: the carrier has taken something.
func (t *throttle) ease() {
	t.guard.Lock()
	defer t.guard.Unlock()
	t.pause = 0
}
