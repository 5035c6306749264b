package smpp

import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// The bounds of what waits to be kept. What comes beyond them is answered with ESME_RMSGQFUL and stays with the carrier.
const (
	lanes     = 64
	laneDepth = 32
	// laneSets and laneBytes bound the long messages of a lane that are not whole; senderSets those of one sender.
	laneSets   = 64
	laneBytes  = 256 << 10
	senderSets = 8
)

// keeping bounds one call of the sink.
const keeping = 30 * time.Second

// slow is after how long a carrier may have given up waiting for an answer.
const slow = 5 * time.Second

// intake takes what the carrier delivers. Each sender has a lane: what comes from one is kept in order, what comes from many at once.
type intake struct {
	c       *Connection
	sink    connector.Sink
	log     *slog.Logger
	seed    maphash.Seed
	lanes   []*lane
	pending atomic.Int64 // deliveries that have no answer yet and are not held
	quit    chan struct{}
	all     sync.WaitGroup
}

// delivery is a deliver_sm or data_sm, and the link that wants its answer.
type delivery struct {
	l *link
	u pdu.Unit
	m pdu.Message
}

// answer tells the carrier what became of it.
func (d delivery) answer(status pdu.Status) {
	d.l.send(outgoing{unit: d.u.Answer(status, pdu.AppendID(nil, ""))})
}

func newIntake(c *Connection, sink connector.Sink, log *slog.Logger) *intake {
	in := &intake{c: c, sink: sink, log: log, seed: maphash.MakeSeed(), quit: make(chan struct{})}
	for range lanes {
		ln := &lane{in: in, queue: make(chan delivery, laneDepth), sets: map[setKey]*set{}, finished: map[setKey]*whole{}, echoes: map[[32]byte]*echo{}}
		in.lanes = append(in.lanes, ln)
		in.all.Go(ln.run)
	}
	return in
}

// stop ends the lanes. What they have not answered stays with the carrier.
func (in *intake) stop() {
	close(in.quit)
	in.all.Wait()
}

// settle waits until all that was taken has its answer, or ctx is done.
func (in *intake) settle(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for in.pending.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// hear is called by a link's reader and never waits.
func (in *intake) hear(l *link, u pdu.Unit) {
	read := pdu.ReadMessage
	if u.Command == pdu.DataSM {
		read = pdu.ReadData
	}
	d := delivery{l: l, u: u}
	var err error
	if d.m, err = read(u.Body); err != nil {
		in.log.Warn("a message of the carrier cannot be read", "error", err)
		in.c.trouble("a message of the carrier cannot be read: " + err.Error())
		status := pdu.InvalidLength
		if err == pdu.ErrTLV {
			status = pdu.InvalidTLVs
		}
		d.answer(status)
		return
	}
	ln := in.lanes[maphash.String(in.seed, d.m.Source.Number)%lanes]
	in.pending.Add(1)
	select {
	case ln.queue <- d:
	default:
		in.pending.Add(-1)
		d.answer(pdu.QueueFull)
	}
}

// lane handles the deliveries of some senders one after the other. Nothing of it is shared.
type lane struct {
	in       *intake
	queue    chan delivery
	sets     map[setKey]*set
	bytes    int
	births   int
	finished map[setKey]*whole
	echoes   map[[32]byte]*echo
	swept    time.Time // when echoes were pruned
	looked   time.Time // when sets were
}

func (ln *lane) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if len(ln.sets) > 0 {
			timer.Reset(time.Second)
		} else {
			timer.Stop()
		}
		select {
		case d := <-ln.queue:
			ln.handle(d)
			ln.in.pending.Add(-1)
		case <-timer.C:
		case <-ln.in.quit:
			return
		}
		if now := time.Now(); len(ln.sets) > 0 && now.Sub(ln.looked) >= time.Second { // the timer alone would starve while messages come
			ln.looked = now
			ln.sweep(now)
		}
	}
}

func (ln *lane) handle(d delivery) {
	now := time.Now()
	ln.prune(now)
	c := ln.in.c
	octets, part, concat := d.m.Octets(), segment.Part{}, (*segment.Concat)(nil)
	part.Data = octets
	if d.m.Class&pdu.ClassHeader != 0 {
		var err error
		if part, concat, err = segment.Cut(octets); err != nil {
			ln.refuse(d, err)
			return
		}
	}
	coding, err := segment.CodingOf(d.m.Coding, c.alphabet)
	if d.m.IsReceipt() {
		if coding == segment.Binary { // its text is ASCII whatever the field says
			coding = segment.ASCII
		}
		text, _ := coding.Decode(part)
		ln.receive(d, text)
		return
	}
	if err != nil || coding == segment.Binary {
		ln.refuse(d, segment.ErrCoding)
		return
	}
	if concat == nil {
		if concat, err = sar(d.m.TLVs); err != nil {
			ln.refuse(d, err)
			return
		}
	}
	if concat != nil {
		ln.add(d, *concat, piece{part: part, coding: coding}, now)
		return
	}
	text, _ := coding.Decode(part)
	ln.single(d, text, now)
}

// sar reads the optional parameters of a part, nil when it is none.
func sar(l pdu.TLVs) (*segment.Concat, error) {
	ref, ok1 := l.Uint(pdu.SARReference, 2)
	total, ok2 := l.Uint(pdu.SARTotal, 1)
	number, ok3 := l.Uint(pdu.SARPart, 1)
	if !ok1 || !ok2 || !ok3 || total == 1 {
		return nil, nil
	}
	c := segment.Concat{Ref: ref, Wide: true, Total: uint8(total), Part: uint8(number)}
	if !c.Valid() {
		return nil, segment.ErrHeader
	}
	return &c, nil
}

// refuse answers what can never be kept.
func (ln *lane) refuse(d delivery, err error) {
	ln.in.log.Warn("a message of the carrier cannot be read", "error", err, "data_coding", d.m.Coding)
	ln.in.c.trouble("a message of the carrier cannot be read: " + err.Error())
	d.answer(pdu.Permanent)
}

func (ln *lane) receive(d delivery, text string) {
	r, ok := ln.in.c.receipt(d.m, text)
	if !ok {
		ln.in.log.Warn("a receipt of the carrier names no message")
		ln.in.c.trouble("a receipt of the carrier names no message")
		d.answer(pdu.OK) // it will not name one the next time
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeping)
	defer cancel()
	if err := ln.in.sink.Receipt(ctx, r); err != nil {
		ln.in.log.Warn("a receipt could not be kept", "error", err)
		d.answer(pdu.Temporary)
		return
	}
	d.answer(pdu.OK)
}

// single keeps a message that came in one part.
func (ln *lane) single(d delivery, text string, now time.Time) {
	e := ln.echo(d, now)
	m := carry.Inbound{ID: e.id, From: ln.in.c.inward(d.m.Source), To: ln.in.c.inward(d.m.Dest), Body: text, Segments: 1}
	if !ln.keep(m) {
		d.answer(pdu.Temporary)
		return
	}
	d.answer(pdu.OK)
	e.link, e.answered = d.l, time.Now()
	e.late = e.answered.Sub(now) >= slow
}

// keep hands a message to the sink.
func (ln *lane) keep(m carry.Inbound) bool {
	ctx, cancel := context.WithTimeout(context.Background(), keeping)
	defer cancel()
	connector.Tidy(&m)
	connector.Named(&m, "")
	if err := ln.in.sink.Accept(ctx, m); err != nil {
		ln.in.log.Warn("a message could not be kept", "error", err)
		return false
	}
	return true
}

// echo is a message that was kept, by what it says and who to whom, for the case that it comes again.
type echo struct {
	id       string
	link     *link // that its answer went out on; nil while it was not kept
	answered time.Time
	late     bool
	at       time.Time
}

// echoed is for how long a message may come again, and echoMost how many a lane remembers.
const (
	echoed   = 10 * time.Minute
	echoMost = 512
)

// echo answers the name of a message: that of an earlier one, when the carrier may not have got the answer to that, else a new one.
func (ln *lane) echo(d delivery, now time.Time) *echo {
	if id := strings.TrimSpace(pdu.MessageID(d.m.TLVs.Get(pdu.ReceiptedID))); id != "" {
		return &echo{id: "m:" + id}
	}
	key := fingerprint(d.m)
	if e := ln.echoes[key]; e != nil && e.doubtful() {
		return e
	}
	if len(ln.echoes) >= echoMost {
		clear(ln.echoes)
	}
	e := &echo{id: "s:" + rand.Text(), at: now}
	ln.echoes[key] = e
	return e
}

// doubtful says whether the carrier may not know that the message was kept.
func (e *echo) doubtful() bool {
	switch {
	case e.link == nil, e.late:
		return true
	case !e.link.ended():
		return false
	}
	return e.answered.UnixNano() > e.link.proven.Load()
}

// prune forgets what is too old to come again, now and then.
func (ln *lane) prune(now time.Time) {
	if now.Sub(ln.swept) < time.Minute {
		return
	}
	ln.swept = now
	for key, e := range ln.echoes {
		if now.Sub(e.at) > echoed {
			delete(ln.echoes, key)
		}
	}
	for key, w := range ln.finished {
		if now.Sub(w.at) > echoed {
			delete(ln.finished, key)
		}
	}
}

// trouble tells the admin screen of something that did not end the link.
func (c *Connection) trouble(problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health.Problem = problem[:min(len(problem), 255)]
}
