package inboundtest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"usher/internal/chat/delivery"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/inbound"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/outbound"
	"usher/internal/sid"
)

// Carrier is what carries a world's messages: it takes everything, until a test says otherwise.
type Carrier struct {
	*connection.Connections
	Messages   *messaging.Messaging
	Mail       *inbound.Mail
	Phones     *inbound.Phones
	Outbound   *outbound.Outbound
	Deliveries *delivery.Deliveries
	Line       connection.Connection

	// Answer is what the carrier says to a message; nil takes it.
	Answer func(m carry.Outbound) (carry.Sent, error)
	// Knows says that the carrier knows a message that it is given twice.
	Knows bool

	w     *World
	mu    sync.Mutex
	taken []carry.Outbound
}

// OwnNumber is the account's number that a world's carrier carries, CustomersNumber somebody who writes to it.
const (
	OwnNumber       = "+15005550100"
	CustomersNumber = "+15005550111"
)

// Carrier gives the world a connection that carries OwnNumber.
func (w *World) Carrier() *Carrier {
	w.T.Helper()
	c := &Carrier{w: w}
	log := event.New(w.DB, w.bus, w.Jobs, map[event.StreamKind]string{event.Channel: "chat_channel"}, map[string][]event.Subscriber{
		event.SMSQueued: {{Queue: outbound.Sends, Order: messaging.PairOf}}, event.SMSStatus: {{Queue: outbound.Ticks, Order: messaging.PairOf}},
	})
	c.Messages = messaging.New(messaging.Deps{DB: w.DB, Log: log, Jobs: w.Jobs})
	c.Connections = connection.New(connection.Deps{
		DB: w.DB, Kinds: []connection.Kind{{Name: connection.Sandbox, Channels: []carry.Channel{carry.SMS, carry.WhatsApp}}},
		Own: func(tx *db.Tx, acct int64, address string) error {
			if _, err := c.Messages.NumberTx(tx, acct, address); err == nil {
				return nil
			}
			_, err := c.Messages.CreateNumberTx(tx, acct, address, messaging.NumberChange{})
			return err
		},
	})
	c.Deliveries = delivery.New(w.DB, log, w.Chat)
	c.Mail = inbound.NewMail(w.Inbound, c.Messages, w.Jobs, nil, nil)
	c.Phones = &inbound.Phones{Connections: c.Connections, Messages: c.Messages, Mail: c.Mail}
	c.Outbound = outbound.New(outbound.Deps{
		Messages: c.Messages, Connections: c.Connections, Carriers: c, Flex: w.Flex, Chat: w.Chat, Deliveries: c.Deliveries,
		FileURL: func(_ int64, service, message, file sid.SID, _ time.Time) (string, error) {
			return "https://files.example/" + string(service) + string(message) + "/" + string(file), nil
		},
	})
	w.word = c.Outbound.OnWord
	var err error
	c.Line, err = c.Create(context.Background(), w.Owner, connection.Change{
		Kind: new(connection.Sandbox), Addresses: &[]string{OwnNumber, "whatsapp:" + OwnNumber},
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// Send is the carrier's side of a sending.
func (c *Carrier) Send(_ context.Context, _ connection.Connection, m carry.Outbound) (carry.Sent, error) {
	if c.Answer != nil {
		sent, err := c.Answer(m)
		if err != nil {
			return sent, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, m)
	return carry.Sent{IDs: []string{"id-" + strconv.Itoa(len(c.taken))}}, nil
}

// Repeats says what Knows says.
func (c *Carrier) Repeats(connection.Connection) bool { return c.Knows }

// Taken returns what the carrier has taken.
func (c *Carrier) Taken() (bodies []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.taken {
		bodies = append(bodies, m.Body)
	}
	return bodies
}

// Write is a customer's message, by its name at the carrier.
func (c *Carrier) Write(id, body string) error {
	return c.Bring(carry.Inbound{ID: id, From: CustomersNumber, To: OwnNumber, Body: body})
}

// Bring keeps messages as the carrier brings them.
func (c *Carrier) Bring(messages ...carry.Inbound) error {
	return c.Mail.Accept(context.Background(), connection.Line{Account: c.w.Owner.Account, Connection: c.Line.SID}, messages, nil)
}

// Receipt brings receipts.
func (c *Carrier) Receipt(receipts ...carry.Receipt) error {
	return c.Mail.Accept(context.Background(), connection.Line{Account: c.w.Owner.Account, Connection: c.Line.SID}, nil, receipts)
}

// Carry runs what is to be said and sent, until nothing is left that is not to be tried later.
func (c *Carrier) Carry() {
	c.w.T.Helper()
	for {
		c.w.Pump()
		n := 0
		for _, of := range []struct {
			queue string
			do    func(context.Context, job.Job) error
		}{{outbound.Sends, c.Outbound.OnSend}, {outbound.Ticks, c.Outbound.OnTick}} {
			for _, j := range c.w.Due(of.queue) {
				var later *job.Later
				switch err := of.do(context.Background(), j); {
				case errors.As(err, &later):
					continue
				case err != nil:
					c.w.T.Fatalf("%s: %v", of.queue, err)
				}
				c.w.Finish(j)
				n++
			}
		}
		if n == 0 {
			return
		}
	}
}

// Rows counts the rows of a table.
func (w *World) Rows(table string) (n int) {
	w.T.Helper()
	w.Do(func(tx *db.Tx) error { return tx.QueryRow("select count(*) from " + table).Scan(&n) })
	return n
}
