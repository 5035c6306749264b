package smpp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/connector/smpp/pdu"
)

// link is one session with the carrier, from the dialled connection to its end.
type link struct {
	conn    net.Conn
	timeout time.Duration // for the other side's answers, and for it to read
	hear    func(*link, pdu.Unit)

	out   chan outgoing
	slots chan struct{} // one for each request of the window
	done  chan struct{} // closed when it has ended

	mu      sync.Mutex
	err     error // why it ended
	last    uint32
	waiting map[uint32]*request
	// proven is when an enquire_link was sent that the other side has answered, in Unix nanoseconds: it has read all that was
	// sent before.
	proven atomic.Int64
}

// outgoing is a unit on its way; the link ends after it when end is set.
type outgoing struct {
	unit pdu.Unit
	end  error
}

// request is one that waits for its response.
type request struct {
	command pdu.Command
	at      time.Time
	reply   chan pdu.Unit  // takes one
	then    func(pdu.Unit) // called for the response whenever it comes, also when nobody waits any more; may be nil
	release sync.Once
}

var (
	errUnbound = errors.New("the carrier has ended the session")
	errSilent  = errors.New("the carrier does not answer")
)

// forgotten is after how long a response is not expected any more.
const forgotten = 5 * time.Minute

func newLink(conn net.Conn, window int, timeout time.Duration, hear func(*link, pdu.Unit)) *link {
	l := &link{
		conn: conn, timeout: timeout, hear: hear, out: make(chan outgoing, 64), slots: make(chan struct{}, window), done: make(chan struct{}),
		waiting: map[uint32]*request{},
	}
	go l.write()
	go l.read()
	return l
}

// end closes the link; the first reason stays.
func (l *link) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(l.done)
		_ = l.conn.Close()
	}
}

func (l *link) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// why answers the reason of the end.
func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// send puts a unit into the queue to the other side, and reports whether the link still stood.
func (l *link) send(o outgoing) bool {
	select {
	case l.out <- o:
		return true
	case <-l.done:
		return false
	}
}

// write sends what is queued, as much as there is at once.
func (l *link) write() {
	w := bufio.NewWriterSize(l.conn, 16<<10)
	var buf []byte
	for {
		var o outgoing
		select {
		case o = <-l.out:
		case <-l.done:
			return
		}
		err := l.conn.SetWriteDeadline(time.Now().Add(l.timeout))
		for more := true; more && err == nil; {
			buf = o.unit.Append(buf[:0])
			_, err = w.Write(buf)
			if more = false; o.end == nil {
				select {
				case o = <-l.out:
					more = true
				default:
				}
			}
		}
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			err = o.end
		}
		if err != nil {
			l.end(reach(err))
			return
		}
	}
}

// read takes units until the link ends. A unit whose length cannot be is answered with generic_nack, and is the end: nobody knows where the
// next one begins.
func (l *link) read() {
	r := bufio.NewReaderSize(l.conn, 16<<10)
	for {
		u, err := pdu.Read(r)
		switch {
		case errors.Is(err, pdu.ErrLength):
			l.send(outgoing{unit: u.Nack(pdu.InvalidCommand), end: err})
			return
		case err != nil:
			l.end(fmt.Errorf("read: %w", reach(err)))
			return
		}
		l.take(u)
		if l.ended() {
			return
		}
	}
}

func (l *link) take(u pdu.Unit) {
	switch {
	case u.Command.IsResponse():
		l.match(u)
	case u.Command == pdu.EnquireLink:
		l.send(outgoing{unit: u.Answer(pdu.OK, nil)})
	case u.Command == pdu.Unbind:
		l.send(outgoing{unit: u.Answer(pdu.OK, nil), end: errUnbound})
	case u.Command == pdu.DeliverSM, u.Command == pdu.DataSM:
		l.hear(l, u)
	case u.Command == pdu.Alert:
	default:
		l.send(outgoing{unit: u.Nack(pdu.UnknownCommand)})
	}
}

// match hands a response to who waits for it. One that nobody asked for, or of another command, is passed over.
func (l *link) match(u pdu.Unit) {
	l.mu.Lock()
	r := l.waiting[u.Sequence]
	if r == nil || u.Command != r.command.Response() && u.Command != pdu.GenericNack {
		l.mu.Unlock()
		return
	}
	delete(l.waiting, u.Sequence)
	l.mu.Unlock()
	if u.Command == pdu.GenericNack && u.Status == pdu.OK {
		u.Status = pdu.UnknownError
	}
	if r.then != nil {
		r.then(u)
	}
	r.reply <- u
	l.free(r)
}

// free gives the place of a request in the window back, once.
func (l *link) free(r *request) {
	r.release.Do(func() {
		if r.command == pdu.SubmitSM {
			<-l.slots
		}
	})
}

// begin sends a request; a submit_sm waits for a place in the window. The error is that of the context, or why the link ended; in both cases
// nothing was sent.
func (l *link) begin(ctx context.Context, command pdu.Command, body []byte, then func(pdu.Unit)) (*request, error) {
	if command == pdu.SubmitSM {
		select {
		case l.slots <- struct{}{}:
		case <-l.done:
			return nil, l.why()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r := &request{command: command, at: time.Now(), reply: make(chan pdu.Unit, 1), then: then}
	l.mu.Lock()
	l.last = l.last%0x7fffffff + 1 // 1 to 0x7fffffff
	u := pdu.Unit{Header: pdu.Header{Command: command, Sequence: l.last}, Body: body}
	l.waiting[u.Sequence] = r
	l.mu.Unlock()
	if !l.send(outgoing{unit: u}) {
		l.free(r)
		return nil, l.why()
	}
	return r, nil
}

// await waits for the response. After an error it is not known what became of the request.
func (l *link) await(ctx context.Context, r *request) (pdu.Unit, error) {
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	defer l.free(r)
	select {
	case u := <-r.reply:
		return u, nil
	case <-timer.C:
		return pdu.Unit{}, errSilent
	case <-ctx.Done():
		return pdu.Unit{}, ctx.Err()
	case <-l.done:
		select {
		case u := <-r.reply:
			return u, nil
		default:
			return pdu.Unit{}, l.why()
		}
	}
}

// ask sends a request and waits for its response.
func (l *link) ask(ctx context.Context, command pdu.Command, body []byte) (pdu.Unit, error) {
	r, err := l.begin(ctx, command, body, nil)
	if err != nil {
		return pdu.Unit{}, err
	}
	return l.await(ctx, r)
}

// enquire asks at each interval whether the other side is there, also while it is heard: the answers prove what it has read. It ends with the
// link, and ends it when no answer comes.
func (l *link) enquire(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.done:
			return
		case <-ctx.Done():
			return
		}
		at := time.Now()
		switch _, err := l.ask(ctx, pdu.EnquireLink, nil); {
		case errors.Is(err, errSilent):
			l.end(errSilent)
			return
		case err == nil:
			l.proven.Store(at.UnixNano())
		}
		l.forget(at)
	}
}

// forget drops requests that were never answered.
func (l *link) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for sequence, r := range l.waiting {
		if now.Sub(r.at) > forgotten {
			delete(l.waiting, sequence)
		}
	}
}

// unbind ends the session in order: the other side has read all that was sent before it answers.
func (l *link) unbind(ctx context.Context) {
	at := time.Now()
	if _, err := l.ask(ctx, pdu.Unbind, nil); err == nil {
		l.proven.Store(at.UnixNano())
	}
	l.end(errUnbound)
}
