package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/sid"
)

// Products is the stream's view of the products: it implements Streams and Chat.
//
// Who may watch what: those who oversee the account (owner, admin, supervisor) every stream of it; an agent its own
// worker and user, and the channels it is a member of; a visitor the channels it is a member of.
type Products struct {
	DB    *db.DB
	Log   *event.Log
	Rooms *chat.Chat
}

// kinds are the streams by the prefix of their owner's SID.
var kinds = map[string]event.StreamKind{
	sid.Channel: event.Channel, sid.User: event.User, sid.Worker: event.Worker, sid.TaskQueue: event.Queue, sid.Workspace: event.Workspace,
}

// Grant implements Streams.
func (p Products) Grant(ctx context.Context, actor account.Actor, stream sid.SID) (realtime.Grant, error) {
	kind, known := kinds[sid.Prefix(string(stream))]
	if !known || !sid.Valid(string(stream), sid.Prefix(string(stream))) {
		return realtime.Grant{}, missing(stream)
	}
	if kind == event.Channel {
		return p.channel(ctx, actor, stream)
	}
	if err := p.mayWatch(ctx, actor, kind, stream); err != nil {
		return realtime.Grant{}, err
	}
	g := realtime.Grant{Account: actor.Account, Identity: actor.Identity}
	err := p.DB.View(ctx, func(tx *db.Tx) (err error) {
		g.Stream, g.Head, err = p.Log.Find(tx, actor.Account, kind, stream)
		return err
	})
	if errors.Is(err, db.ErrNotFound) {
		return g, missing(stream)
	}
	return g, err
}

func missing(stream sid.SID) error { return fault.NotFound("/Streams/" + string(stream)) }

// mayWatch answers nil, or that there is no such stream.
func (p Products) mayWatch(ctx context.Context, actor account.Actor, kind event.StreamKind, stream sid.SID) error {
	switch kind {
	case event.User:
		if actor.Can(account.ChatRead) {
			return nil
		}
		if actor.Identity != "" && actor.Can(account.ChatOwn) {
			u, err := p.Rooms.GetUser(ctx, actor, actor.ChatService, string(stream))
			if err == nil && u.Identity == actor.Identity || err != nil && !fault.Is(err, fault.KindNotFound) {
				return err
			}
		}
	case event.Worker:
		if actor.Can(account.TaskRouterSupervise) || actor.Worker == stream && actor.Can(account.TaskRouterWork) {
			return nil
		}
	default:
		if actor.Can(account.TaskRouterSupervise) {
			return nil
		}
	}
	return missing(stream)
}

// channel is the right to a channel. It stands on membership unless the actor sees all channels. The head is read before
// the member, so a removal in between follows in the stream and ends the watch.
func (p Products) channel(ctx context.Context, actor account.Actor, stream sid.SID) (realtime.Grant, error) {
	ch, err := p.Rooms.Get(ctx, actor, stream)
	if fault.Is(err, fault.KindNotFound) {
		return realtime.Grant{}, missing(stream)
	}
	if err != nil {
		return realtime.Grant{}, err
	}
	g := realtime.Grant{
		Stream: event.Stream{Kind: event.Channel, ID: ch.ID, SID: ch.SID}, Account: ch.Account, Head: ch.Head,
		Identity: actor.Identity, Member: !actor.Can(account.ChatRead),
	}
	if actor.Identity == "" {
		return g, nil
	}
	m, err := p.Rooms.GetMember(ctx, actor, chat.Place{Channel: string(stream)}, actor.Identity)
	switch {
	case err == nil:
		if g.Name = m.FriendlyName; g.Name == "" {
			g.Name = m.Identity
		}
	case !fault.Is(err, fault.KindNotFound):
		return g, err
	case g.Member:
		return g, missing(stream)
	}
	return g, nil
}

// Send implements Chat.
func (p Products) Send(ctx context.Context, actor account.Actor, channel sid.SID, m Outgoing) (json.RawMessage, bool, error) {
	kept, repeated, err := p.Rooms.Send(ctx, actor, channel, chat.NewMessage{
		Body: m.Body, Attributes: string(m.Attributes), ClientID: m.ClientID, Media: m.Media,
	})
	if err != nil {
		return nil, false, err
	}
	return kept.Payload(), repeated, nil
}

// History implements Chat.
func (p Products) History(ctx context.Context, actor account.Actor, channel sid.SID, before *int64, limit int) (History, error) {
	s, err := p.Rooms.Snapshot(ctx, actor, channel, before, limit)
	if err != nil {
		return History{}, err
	}
	h := History{Position: realtime.Position{Epoch: p.Log.Epoch(), Offset: s.Channel.Head}}
	h.Channel, err = json.Marshal(s.Channel.Data())
	for i := range s.Members {
		h.Members = add(h.Members, s.Members[i].Data(), &err)
	}
	for i := range s.Messages {
		h.Messages = append(h.Messages, s.Messages[i].Payload())
	}
	if err != nil {
		return History{}, fmt.Errorf("history of %s: %w", channel, err)
	}
	return h, nil
}

func add(list []json.RawMessage, v any, err *error) []json.RawMessage {
	b, e := json.Marshal(v)
	if *err == nil {
		*err = e
	}
	return append(list, b)
}

// Read implements Chat.
func (p Products) Read(ctx context.Context, actor account.Actor, channel sid.SID, index int64) error {
	return p.Rooms.Read(ctx, actor, channel, index)
}
