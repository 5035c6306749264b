package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/chat"
	"usher/internal/chat/delivery"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/seal"
	"usher/internal/sid"
)

const (
	// bodyMost is how many characters one message holds; what is longer goes out as several. Source: the original's limit, 21617.
	bodyMost = 1600
	// partsMost bounds how many messages one chat message goes out as.
	partsMost = 25
	// wordTries is how often a conflict is met again: another first message to the same customer.
	wordTries = 5
)

// OnWord brings what an agent or a bot has said in a carried channel to its customer. What it cannot be, such as one to somebody who has
// opted out, is noted as a delivery that has failed.
func (o *Outbound) OnWord(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	var m chat.MessageData
	if err := json.Unmarshal(e.Data, &m); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	for try := 1; ; try++ {
		err := o.db.Do(ctx, func(tx *db.Tx) error { return o.word(tx, j.Account, e.Stream, &m) })
		if errors.Is(err, seal.ErrDestroyed) || fault.Is(err, fault.KindNotFound) {
			return nil // the channel is gone
		}
		if !errors.Is(err, db.ErrConflict) || try == wordTries {
			return err
		}
	}
}

func (o *Outbound) word(tx *db.Tx, acct int64, channel sid.SID, m *chat.MessageData) error {
	c, err := o.Flex.ChannelTx(tx, acct, channel)
	if err != nil || !speaks(&c, m) {
		return err
	}
	if known, err := o.Deliveries.KnownTx(tx, acct, m.SID); err != nil || known {
		return err
	}
	ch, err := o.Chat.ChannelTx(tx, acct, channel)
	if err != nil {
		return err
	}
	doc := delivery.Document{}
	for i, body := range cut(m.Body) {
		draft := messaging.Draft{From: c.Number, To: c.Target, Body: body, Origin: m.SID}
		if i == 0 && m.Media != nil {
			draft.Files = []messaging.Item{{SID: m.Media.SID, ContentType: m.Media.ContentType, Kept: true, Lent: true, Size: m.Media.Size, CreatedAt: tx.Now}}
			if m.Media.Filename != nil {
				draft.Files[0].Name = *m.Media.Filename
			}
		}
		msg, err := o.Messages.CreateTx(tx, acct, draft)
		var refused *fault.Error
		if errors.As(err, &refused) && refused.Status() < 500 {
			// It is checked before anything of this part is written.
			doc.Code, doc.Reason = refused.Code, refused.Message
			doc.Parts = append(doc.Parts, delivery.Part{Status: delivery.Failed})
			break
		}
		if err != nil {
			return err
		}
		doc.Parts = append(doc.Parts, delivery.Part{Message: msg.SID, Status: delivery.Status(msg.Status)})
	}
	return o.Deliveries.NoteTx(tx, &ch, m.SID, m.Index, doc)
}

// speaks says whether a message of a channel is to go out to its customer: the channel has one whom a carrier reaches, the words are not
// the customer's own, and they were said before the conversation ended.
func speaks(c *flex.Channel, m *chat.MessageData) bool {
	return c.Target != "" && c.Number != "" && m.Author != c.Identity && (c.ClosedAt.IsZero() || !time.Time(m.DateCreated).After(c.ClosedAt))
}

// cut splits a text into parts that one message each can hold, between words where it can.
func cut(text string) (parts []string) {
	for utf8.RuneCountInString(text) > bodyMost && len(parts) < partsMost-1 {
		runes := []rune(text)
		at := bodyMost
		if space := strings.LastIndexAny(string(runes[:bodyMost]), " \n"); space > len(string(runes[:bodyMost]))/2 {
			at = utf8.RuneCountInString(text[:space]) + 1
		}
		parts = append(parts, string(runes[:at]))
		text = string(runes[at:])
	}
	return append(parts, text)
}

// OnTick brings the delivery of a chat message further.
func (o *Outbound) OnTick(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	n, err := messaging.NoticeOf(e.Data)
	if err != nil || !sid.Valid(string(n.Origin), sid.Message) {
		return err
	}
	return missing(o.db.Do(ctx, func(tx *db.Tx) error {
		msg, err := o.Messages.MessageTx(tx, j.Account, n.Message)
		if err != nil {
			return err
		}
		return o.Deliveries.MoveTx(tx, j.Account, n.Origin, delivery.Part{Message: msg.SID, Status: delivery.Status(msg.Status)}, msg.ErrorCode, msg.Reason)
	}))
}
