package inbound

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/media"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/retry"
	"usher/internal/sid"
)

// Receipts is the queue of receipts that came before what they are of was known.
const Receipts = "inbound.receipt"

// ReceiptBackoff says how long such a receipt is kept: some minutes. Then it is of nothing that was sent from here.
var ReceiptBackoff = retry.Policy{Min: time.Second, Max: time.Minute, Factor: 2, Jitter: 0.2, Attempts: 10}

// errUnknown says that a receipt is of no message that is known yet.
var errUnknown = errors.New("the receipt is of no message that is known")

// Mail turns what carriers bring into messages, and those to an address of a Flex Flow into chat.
//
// A customer's message to such an address is posted into the customer's open channel with that address, whichever flow opened it, or
// opens one by the flow. Everything happens in one transaction with the keeping of the message, so that neither is ever without the
// other, and a message that a carrier brings again changes nothing.
type Mail struct {
	*Inbound
	messages *messaging.Messaging
	jobs     *job.Queue
	media    *media.Store
	fetcher  Fetcher
	fetching chan struct{}
}

// Fetcher gets a file from where a carrier says that it is; *hook.Client does.
type Fetcher interface {
	Fetch(ctx context.Context, address string, most int64, take func(hook.File) error) error
}

// Bounds of files that a carrier names by address: carriers wait for our answer meanwhile, some no longer than 15 s.
const (
	fetchMost   = 16 << 20 // bytes of one
	fetchAtOnce = 8        // of all messages together
	fetchTime   = 8 * time.Second
)

// NewMail makes the sentence from its products. Without a fetcher, addresses of files stay addresses.
func NewMail(in *Inbound, m *messaging.Messaging, jobs *job.Queue, files *media.Store, fetcher Fetcher) *Mail {
	return &Mail{Inbound: in, messages: m, jobs: jobs, media: files, fetcher: fetcher, fetching: make(chan struct{}, fetchAtOnce)}
}

// Accept keeps what a carrier brings: all of it in one commit, or nothing. What can be no message, because its addresses are none, is
// logged and left out: the carrier would bring it for ever.
func (in *Mail) Accept(ctx context.Context, line connection.Line, messages []carry.Inbound, receipts []carry.Receipt) error {
	files := make([]files, len(messages))
	for i := range messages {
		in.fetch(ctx, &messages[i])
		var err error
		if files[i], err = in.keep(ctx, line, &messages[i]); err != nil {
			return err
		}
	}
	for try := 0; ; try++ {
		err := in.db.Do(ctx, func(tx *db.Tx) error {
			for i := range messages {
				if err := in.message(tx, line, messages[i], files[i]); err != nil {
					return err
				}
			}
			for _, r := range receipts {
				if err := in.receipt(tx, line, r); err != nil {
					return err
				}
			}
			return nil
		})
		// A conflict says that the same customer's first message is being kept beside this one.
		if !errors.Is(err, db.ErrConflict) || try == openTries {
			return err
		}
	}
}

func (in *Mail) message(tx *db.Tx, line connection.Line, m carry.Inbound, f files) error {
	msg, fresh, err := in.messages.AcceptTx(tx, line.Account, line.Connection, m, f.kept...)
	if fault.Is(err, fault.KindInvalid) {
		slog.Warn("a carrier brought what can be no message", "connection", line.Connection, "code", fault.Of(err).Code)
		return nil
	}
	if err != nil || !fresh || msg.Masked { // a masked conversation goes on between its participants
		return err
	}
	return in.talk(tx, &msg, m, f)
}

// talk posts a message into its customer's channel, if its address is a flow's.
func (in *Mail) talk(tx *db.Tx, msg *messaging.Message, m carry.Inbound, f files) error {
	c, err := in.room(tx, msg, m.ProfileName)
	if errors.Is(err, db.ErrNotFound) {
		return nil // whoever answers messages that are no chat's hears of it by its event
	}
	if err != nil {
		return err
	}
	ch, err := in.chat.ChannelTx(tx, msg.Account, c.SID)
	if err != nil {
		return err
	}
	body := msg.Body
	for _, file := range m.Media {
		if file.URL != "" {
			body = appendLine(body, file.URL)
		}
	}
	for _, why := range f.refused {
		body = appendLine(body, why)
	}
	said := []chat.NewMessage{{Author: c.Identity, Body: body, Brought: true}}
	if body == "" && len(f.shown) > 0 {
		said = nil
	}
	for _, file := range f.shown {
		said = append(said, chat.NewMessage{Author: c.Identity, Media: file, Brought: true})
	}
	for _, n := range said {
		if _, _, err := in.chat.SendTx(tx, &ch, n); err != nil {
			return fmt.Errorf("message %s: %w", msg.SID, err)
		}
	}
	return nil
}

// fetch brings the files of a message whose addresses a carrier has told, all of them within fetchTime. One that cannot be had stays
// an address, which the agent can follow.
func (in *Mail) fetch(ctx context.Context, m *carry.Inbound) {
	if in.fetcher == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	for i := range m.Media {
		file := &m.Media[i]
		if file.URL == "" {
			continue
		}
		select {
		case in.fetching <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := in.fetcher.Fetch(ctx, file.URL, fetchMost, func(f hook.File) error {
			data, err := io.ReadAll(f.Body)
			if err == nil && len(data) > 0 {
				*file = carry.Media{Data: data, ContentType: cmp.Or(file.ContentType, f.ContentType), Name: cmp.Or(file.Name, f.Filename)}
			}
			return err
		})
		<-in.fetching
		var why *hook.Error
		if errors.As(err, &why) {
			slog.Info("a file of a customer's message stays at its carrier", "failure", why.Failure, "status", why.Status)
		}
	}
}

// files is what was kept of the files of a message that came with it: for the message, and for the chat that it is posted in.
type files struct {
	kept, shown []sid.SID
	refused     []string // why some were not taken
}

// keep keeps the files that came with a message. Files that are not allowed are left out, and the chat tells why.
func (in *Mail) keep(ctx context.Context, line connection.Line, m *carry.Inbound) (f files, err error) {
	service, looked := sid.SID(""), false
	for _, file := range m.Media {
		if len(file.Data) == 0 {
			continue
		}
		if !looked {
			if service, err = in.serviceOf(ctx, line.Account, m); err != nil {
				return f, err
			}
			looked = true
		}
		n := media.NewMedia{Filename: file.Name, ContentType: file.ContentType, Size: int64(len(file.Data))}
		kept, err := in.media.Keep(ctx, line.Account, n, bytes.NewReader(file.Data))
		if err == nil {
			f.kept = append(f.kept, kept.SID)
			if service != "" {
				var shown media.Media
				if shown, err = in.media.Upload(ctx, account.System(line.Account, ""), service, n, bytes.NewReader(file.Data)); err == nil {
					f.shown = append(f.shown, shown.SID)
				}
			}
		}
		var known *fault.Error
		switch {
		case errors.As(err, &known) && known.Status() < 500:
			f.refused = append(f.refused, "["+known.Message+"]")
		case err != nil:
			return f, err
		}
	}
	return f, nil
}

// serviceOf is the chat service in which a message will be posted; "" when its address is no flow's.
func (in *Mail) serviceOf(ctx context.Context, acct int64, m *carry.Inbound) (service sid.SID, err error) {
	err = in.db.Do(ctx, func(tx *db.Tx) error {
		service = ""
		if contact, err := in.flex.ContactTx(tx, acct, m.From); err == nil {
			if c, err := in.flex.OpenAtTx(tx, contact.ID, m.To); err == nil {
				service = c.Service
				return nil
			}
		}
		flow, err := in.flex.OwnerTx(tx, acct, m.To)
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		service = flow.ChatService
		return err
	})
	return service, err
}

func appendLine(text, line string) string {
	if text == "" {
		return line
	}
	return text + "\n" + line
}

// room finds the channel of a message's customer, or opens one. db.ErrNotFound when the address is no flow's.
func (in *Mail) room(tx *db.Tx, msg *messaging.Message, name string) (flex.Channel, error) {
	contact, err := in.flex.ContactTx(tx, msg.Account, msg.From)
	if err == nil {
		c, none, err := in.found(tx, flex.Flow{}, contact, msg.To)
		if err != nil || !none {
			return c, err
		}
	} else if !errors.Is(err, db.ErrNotFound) {
		return flex.Channel{}, err
	}
	flow, err := in.flex.OwnerTx(tx, msg.Account, msg.To)
	if err != nil {
		return flex.Channel{}, err
	}
	if name == "" {
		name = msg.From
	}
	c, _, err := in.openTx(tx, Opening{
		Flow: flow.SID, Identity: msg.From, CustomerName: name, ChannelName: name, Target: msg.From,
	}, flow, nil, nil)
	return c, err
}

// lost is the argument of the job of a receipt that came too early.
type lost struct {
	Line    connection.Line
	Receipt carry.Receipt
}

// receipt keeps a receipt, or has it looked at again.
func (in *Mail) receipt(tx *db.Tx, line connection.Line, r carry.Receipt) error {
	found, err := in.messages.ReceiptTx(tx, line.Account, line.Connection, r)
	if err != nil || found {
		return err
	}
	return in.jobs.Enqueue(tx, job.Job{Queue: Receipts, Account: line.Account, RunAt: tx.Now.Add(time.Second)}, lost{line, r})
}

// OnReceipt looks again at a receipt that came before it was known what it is of.
func (in *Mail) OnReceipt(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil
	}
	var l lost
	if err := json.Unmarshal(j.Args, &l); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	found := false
	err := in.db.Do(ctx, func(tx *db.Tx) (err error) {
		found, err = in.messages.ReceiptTx(tx, l.Line.Account, l.Line.Connection, l.Receipt)
		return err
	})
	switch {
	case err != nil || found:
		return err
	case ReceiptBackoff.Exhausted(j.Attempt):
		slog.Debug("a receipt is of nothing that was sent from here", "connection", l.Line.Connection)
		return nil
	}
	return &job.Later{After: ReceiptBackoff.Delay(j.Attempt, nil), Err: errUnknown}
}
