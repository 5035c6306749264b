package inbound

import (
	"context"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/sid"
)

const (
	// shownMost is how many messages a phone shows at a time.
	shownMost = 100
	// waitMost is how long a phone's question may wait for something new.
	waitMost = 25 * time.Second
	// lookEvery is how often it looks meanwhile.
	lookEvery = 250 * time.Millisecond
	// idMost bounds the names that phones give their messages, in bytes.
	idMost = 64
)

// Phones are the phones of sandbox connections: a phone is a number, and what was written between it and the connection's.
type Phones struct {
	Connections *connection.Connections
	Messages    *messaging.Messaging
	Mail        *Mail
}

// Writing is a message that somebody writes on a phone.
type Writing struct {
	// Phone is the sender; To the account's number, "" for the connection's first.
	Phone, To, Body string
	// ID is the phone's own name for the message: the same again is the same message. "" makes one.
	ID   string
	Name string // the customer's name, where the channel tells one
}

// Question asks what a phone shows.
type Question struct {
	// Phone and Number have written to each other; Number is "" for the connection's first.
	Phone, Number string
	// Since is the next of the answer before; zero for everything.
	Since time.Time
	// Wait is how long to wait for something new, at most 25 s.
	Wait time.Duration
}

// line finds a sandbox connection, and the number of it that is meant.
func (p *Phones) line(ctx context.Context, actor account.Actor, s sid.SID, number string) (connection.Connection, string, error) {
	c, err := p.Connections.Get(ctx, actor, s)
	if err == nil && c.Kind != connection.Sandbox {
		err = fault.NotFound("/Connections/" + string(s))
	}
	if err != nil {
		return c, "", err
	}
	if number == "" {
		for _, address := range c.Addresses {
			if !strings.HasSuffix(address, "*") {
				return c, address, nil
			}
		}
		return c, "", fault.Invalid("The connection carries no number; say To")
	}
	for _, address := range c.Addresses {
		if connection.Normal(address) == connection.Normal(number) || address == "*" {
			return c, number, nil
		}
	}
	return c, "", fault.Invalid("The connection does not carry the number To")
}

// Write sends a message from a phone. It takes the grant flex.manage.
func (p *Phones) Write(ctx context.Context, actor account.Actor, s sid.SID, w Writing) (id string, err error) {
	c, number, err := p.line(ctx, actor, s, w.To)
	if err != nil {
		return "", err
	}
	if w.ID == "" {
		w.ID = string(sid.New(sid.SMS))
	}
	if len(w.ID) > idMost || w.Body == "" || !messaging.ValidAddress(w.Phone) {
		return "", fault.Invalid("A message has a Body, a phone number in E.164 form, and an Id of at most %d bytes", idMost)
	}
	return w.ID, p.Mail.Accept(ctx, connection.Line{Account: c.Account, Connection: c.SID}, []carry.Inbound{{
		ID: w.ID, From: w.Phone, To: number, Body: w.Body, ProfileName: w.Name, SentAt: time.Now().UTC(),
	}}, nil)
}

// Read lists what a phone and a number have written to each other and what has changed of it since then, waiting for something new for
// as long as it is told. next is the since of the next question. It takes the grant flex.manage.
func (p *Phones) Read(ctx context.Context, actor account.Actor, s sid.SID, q Question) (list []messaging.Message, next time.Time, err error) {
	c, number, err := p.line(ctx, actor, s, q.Number)
	if err != nil {
		return nil, q.Since, err
	}
	end := time.Now().Add(min(q.Wait, waitMost))
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := p.Connections.View(ctx, func(tx *db.Tx) (err error) {
			list, err = p.Messages.BetweenTx(tx, c.Account, number, q.Phone, q.Since, shownMost)
			return err
		})
		news := len(list) > 0
		next = q.Since
		for i := range list {
			if at := list[i].UpdatedAt; at.After(next) {
				next = at
			}
		}
		if err != nil || news || !time.Now().Before(end) {
			return list, next, err
		}
		select {
		case <-ctx.Done():
			return nil, q.Since, nil
		case <-tick.C:
		}
	}
}
