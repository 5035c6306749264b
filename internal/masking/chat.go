package masking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"usher/internal/chat"
	"usher/internal/chat/room"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/job"
	"usher/internal/messaging"
	"usher/internal/proxy"
	"usher/internal/seal"
	"usher/internal/sid"
)

// linkTime is how long the files that somebody sent can be had by those to whom they pass.
const linkTime = 7 * 24 * time.Hour

// textMost is how many characters one message holds; what is longer goes out as several. Source: the original's limit, 21617.
const textMost = 1600

// Rooms ties chat channels that take part in sessions to carriers. It is a proxy.Rooms.
type Rooms struct{}

// CarryTx lets what is written in a channel be heard of.
func (Rooms) CarryTx(tx *db.Tx, acct int64, channel sid.SID) error {
	return room.CarryTx(tx, acct, channel)
}

// bridged says whether the contact center itself carries a channel's words, so that they do not go out twice: its customer is reached
// at an address that the Flex channel names.
func bridged(tx *db.Tx, f *flex.Flex, acct int64, channel sid.SID) (flex.Channel, bool, error) {
	c, err := f.ChannelTx(tx, acct, channel)
	if fault.Is(err, fault.KindNotFound) {
		return c, false, nil
	}
	return c, err == nil && c.Number != "" && c.Target != "", err
}

// words are what was written in a chat channel: a message of it.
type words struct {
	channel sid.SID
	chat.MessageData
}

// OnWord brings what was written in a chat channel that takes part in a session to the other participant, once.
func (m *Masking) OnWord(ctx context.Context, j job.Job) error {
	if len(j.Args) == 0 {
		return nil // the customer was erased
	}
	var e event.Args
	if err := json.Unmarshal(j.Args, &e); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	w := words{channel: e.Stream}
	if err := json.Unmarshal(e.Data, &w.MessageData); err != nil {
		return fmt.Errorf("message event: %w", err)
	}
	var r proxy.Route
	var found bool
	err := m.db.Do(ctx, func(tx *db.Tx) (err error) {
		r, found, err = m.wordRouteTx(tx, j.Account, &w)
		return err
	})
	if errors.Is(err, seal.ErrDestroyed) {
		return nil
	}
	if err != nil || !found {
		return err
	}
	i := intercepted(&r, w.SID, proxy.DataOf(w.Body, nil), "received", time.Time(w.DateCreated))
	if blocked, err := m.blocks(ctx, j.Account, &r, i); err != nil || blocked {
		if blocked {
			note(w.SID, &r, 80909)
		}
		return err
	}
	return m.db.Do(ctx, func(tx *db.Tx) error {
		r, found, err := m.wordRouteTx(tx, j.Account, &w)
		if err != nil || !found {
			return err
		}
		return m.wordTx(tx, &r, &w)
	})
}

// wordRouteTx finds where what was written in a channel goes. What was written before its session ended goes still.
func (m *Masking) wordRouteTx(tx *db.Tx, acct int64, w *words) (r proxy.Route, found bool, err error) {
	c, carries, err := bridged(tx, m.Flex, acct, w.channel)
	if err != nil || carries || c.ID != 0 && w.Author == c.Identity {
		return r, false, err // the contact center's own bridge brings it, or it is the customer's own
	}
	if passed, err := m.Proxy.PassedTx(tx, acct, w.SID); err != nil || passed {
		return r, false, err
	}
	r, found, err = m.Proxy.ChannelRouteTx(tx, acct, w.channel, time.Time(w.DateCreated))
	return r, found && r.To != nil && r.Session.Mode != proxy.VoiceOnly, err
}

// wordTx makes the messages of what was written. The interaction follows the first of them.
func (m *Masking) wordTx(tx *db.Tx, r *proxy.Route, w *words) error {
	in := proxy.NewInteraction{
		SID: interactionOf(w.SID), Body: w.Body,
		Inbound:  proxy.Side{Participant: r.From.SID, Resource: w.SID, Status: "received"},
		Outbound: proxy.Side{Participant: r.To.SID},
	}
	for n, part := range cut(w.Body) {
		draft := messaging.Draft{Body: part, Origin: in.SID}
		if file := w.Media; n == 0 && file != nil {
			item := messaging.Item{SID: file.SID, ContentType: file.ContentType, Kept: true, Lent: true, Size: file.Size, CreatedAt: tx.Now}
			set(&item.Name, file.Filename)
			draft.Files = []messaging.Item{item}
		}
		out, err := m.sayTx(tx, r.To, draft)
		if err != nil {
			return err
		}
		if n == 0 {
			in.Key, in.Outbound.Resource, in.Outbound.Status = out.Key, out.SID, string(out.Status)
		}
		if out.SID == "" {
			break
		}
	}
	return m.keepTx(tx, r, in)
}

func set(field, v *string) {
	if v != nil {
		*field = *v
	}
}

// cut splits a text into parts that one message each can hold.
func cut(text string) (parts []string) {
	for runes := []rune(text); ; runes = runes[textMost:] {
		if len(runes) <= textMost {
			return append(parts, string(runes))
		}
		parts = append(parts, string(runes[:textMost]))
	}
}

// postTx writes a customer's message into the chat channel that takes part. The author is the channel's customer.
func (m *Masking) postTx(tx *db.Tx, r *proxy.Route, msg *messaging.Message) (proxy.Side, error) {
	side := proxy.Side{Participant: r.To.SID, Status: "failed"}
	ch, err := m.Chat.ChannelTx(tx, msg.Account, r.To.Channel())
	if fault.Is(err, fault.KindNotFound) {
		note(msg.SID, r, 80618)
		return side, nil
	}
	if err != nil {
		return side, err
	}
	author := r.From.Identifier
	c, err := m.Flex.ChannelTx(tx, msg.Account, ch.SID)
	switch {
	case err == nil:
		author = c.Identity
	case !fault.Is(err, fault.KindNotFound):
		return side, err
	}
	lines := append([]string{msg.Body}, m.addresses(msg, r.Session.AccountSID)...)
	if lines[0] == "" {
		lines = lines[1:]
	}
	post, _, err := m.Chat.SendTx(tx, &ch, chat.NewMessage{Author: author, Body: strings.Join(lines, "\n"), Brought: true})
	if err != nil {
		return side, fmt.Errorf("message %s: %w", msg.SID, err)
	}
	side.Resource, side.Status = post.SID, "delivered"
	return side, nil
}
