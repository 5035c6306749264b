package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/smpp/pdu"
	"usher/internal/loop"
	"usher/internal/messaging/carry"
	"usher/internal/retry"
)

// Connection is one configured carrier. It sends (connector.Sender), hears (connector.Runner) and tells how it stands (connector.Reporter).
type Connection struct {
	config
	dial     dialer
	taken    taken
	throttle throttle

	mu     sync.Mutex
	links  [2]*link // that for sending and that for receiving; the same one as transceiver
	health carry.Health
}

// The places in links.
const (
	sending = iota
	receiving
)

func newConnection(c config, dial dialer) *Connection {
	return &Connection{config: c, dial: dial, taken: taken{byMessage: map[string]*progress{}}, throttle: throttle{rate: c.rate}}
}

var (
	// again is how long to wait before the next attempt to bind. A carrier that refuses who we are is not asked every second.
	again  = retry.Policy{Min: time.Second, Max: time.Minute, Factor: 2, Jitter: 0.3}
	denied = retry.Policy{Min: 15 * time.Second, Max: 5 * time.Minute, Factor: 2, Jitter: 0.3}
)

// steady is how long a session has to stand for its end to count as a first failure.
const steady = time.Minute

// goodbye bounds the orderly end of a session.
const goodbye = 5 * time.Second

// Run implements connector.Runner.
func (c *Connection) Run(ctx context.Context, sink connector.Sink) error {
	in := newIntake(c, sink, loop.Log(ctx))
	var wg sync.WaitGroup
	for _, command := range c.binds() {
		wg.Go(func() { c.keep(ctx, command, in) })
	}
	wg.Wait()
	in.stop()
	return nil
}

func (c *Connection) binds() []pdu.Command {
	switch c.bind {
	case "transmitter":
		return []pdu.Command{pdu.BindTransmitter}
	case "receiver":
		return []pdu.Command{pdu.BindReceiver}
	case "both":
		return []pdu.Command{pdu.BindTransmitter, pdu.BindReceiver}
	}
	return []pdu.Command{pdu.BindTransceiver}
}

// keep holds one link to the carrier until ctx is done.
func (c *Connection) keep(ctx context.Context, command pdu.Command, in *intake) {
	log := loop.Log(ctx)
	for failures := 0; ; {
		began := time.Now()
		err := c.session(ctx, command, in)
		if ctx.Err() != nil {
			c.stand(false, "")
			return
		}
		if time.Since(began) >= steady {
			failures = 0
		}
		failures++
		policy := again
		if refused := new(bindError); errors.As(err, &refused) && refused.denied() {
			policy = denied
		}
		wait := policy.Delay(failures, nil)
		c.stand(false, err.Error())
		log.Warn("the link to the carrier is down", "error", err, "failures", failures, "wait", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			c.stand(false, "")
			return
		}
	}
}

// bindError says that the carrier does not let us bind.
type bindError struct{ status pdu.Status }

func (e *bindError) Error() string {
	reason := "the carrier refuses the bind"
	switch e.status {
	case pdu.InvalidPassword:
		reason += ": the password is wrong"
	case pdu.InvalidSystemID:
		reason += ": the system ID is wrong"
	case pdu.AlreadyBound:
		reason += ": already bound"
	}
	return fmt.Sprintf("%s (status 0x%02x)", reason, uint32(e.status))
}

func (e *bindError) denied() bool {
	return e.status == pdu.InvalidPassword || e.status == pdu.InvalidSystemID || e.status == pdu.BindFailed
}

// session dials, binds, and holds the link until it ends or ctx is done.
func (c *Connection) session(ctx context.Context, command pdu.Command, in *intake) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", reach(err))
	}
	l := newLink(conn, c.window, c.timeout, in.hear)
	defer l.end(errUnbound)
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		c.place(command, nil) // nothing more is sent over it
		in.settle(last)
		l.unbind(last)
	})
	defer stop()
	u, err := l.ask(ctx, command, pdu.Bind{SystemID: c.systemID, Password: c.password, SystemType: c.systemType, Version: 0x34}.Append(nil))
	switch {
	case err != nil:
		return fmt.Errorf("bind: %w", err)
	case u.Status != pdu.OK:
		return &bindError{u.Status}
	}
	c.place(command, l)
	defer c.place(command, nil)
	c.stand(true, "")
	loop.Log(ctx).Info("the link to the carrier is up")
	go l.enquire(ctx, c.enquire)
	<-l.done
	return l.why()
}

// connect dials, and speaks TLS where that is set.
func (c *Connection) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.dial(ctx, "tcp", c.address)
	if err != nil || c.tls == nil {
		return conn, err
	}
	secure := tls.Client(conn, c.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// reach takes the addresses out of a network's error: they are the operator's, not every reader's.
func reach(err error) error {
	if op := new(net.OpError); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// place puts a link, or nil, where senders find it.
func (c *Connection) place(command pdu.Command, l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if command != pdu.BindReceiver {
		c.links[sending] = l
	}
	if command != pdu.BindTransmitter {
		c.links[receiving] = l
	}
}

func (c *Connection) sender() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.links[sending]
}

// stand remembers how the connection stands: it is up when all its links are.
func (c *Connection) stand(up bool, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bind == "both" && (c.links[sending] == nil || c.links[receiving] == nil) {
		up = false
	}
	if up != c.health.Up || c.health.Since.IsZero() {
		c.health.Up, c.health.Since = up, time.Now()
	}
	if problem != "" {
		c.health.Problem = problem[:min(len(problem), 255)]
	}
}

// Health implements connector.Reporter.
func (c *Connection) Health() carry.Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}
