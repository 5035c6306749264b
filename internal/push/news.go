package push

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"usher/internal/chat"
	devices "usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// types are what client libraries call notifications, after prefixType; bindings name them so.
const (
	prefixType  = "twilio.channel."
	typeMessage = "new_message"
	typeAdded   = "added_to_channel"
	typeInvited = "invited_to_channel"
	typeRemoved = "removed_from_channel"
)

// templates are the texts of notifications where a service has none of its own. The first is read off a recorded notification.
var templates = map[string]string{
	typeMessage: "${CHANNEL};${USER}: ${MESSAGE}",
	typeAdded:   "You have been added to channel ${CHANNEL} by ${USER}",
	typeInvited: "${USER} has invited you to join the channel ${CHANNEL}",
	typeRemoved: "${USER} has removed you from channel ${CHANNEL}",
}

// maxText is how long the text of a notification is at most, in characters, after names are filled in. Source: the original's page on
// push notifications.
const maxText = 178

// news is what devices are to be told of one event.
type news struct {
	kind    string // the type with its prefix
	body    string
	rules   chat.PushRules
	data    map[string]string
	log     bool
	devices func(tx *db.Tx) ([]devices.Binding, error)
}

// news reads an event. nil when nobody is to be told.
func (p *Push) news(ctx context.Context, acct int64, e event.Args) (*news, error) {
	s, err := p.Chat.GetService(ctx, system(acct), e.Origin.Service)
	if err != nil {
		return nil, err
	}
	if e.Kind == event.MessageAdded {
		return p.spoken(ctx, acct, s, e)
	}
	return p.membership(ctx, acct, s, e)
}

// spoken is the news of a message.
func (p *Push) spoken(ctx context.Context, acct int64, s chat.Service, e event.Args) (*news, error) {
	var m chat.MessageData
	if err := json.Unmarshal(e.Data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Kind, err)
	}
	if !s.NewMessage.Enabled {
		return nil, nil //nolint:nilnil // nobody is to be told
	}
	ch, err := p.Chat.Get(ctx, system(acct), m.ChannelSID)
	if err != nil {
		return nil, err
	}
	who, err := p.person(ctx, acct, s.SID, m.Author)
	if err != nil {
		return nil, err
	}
	text := m.Body
	if text == "" && m.Media != nil && m.Media.Filename != nil {
		text = *m.Media.Filename
	}
	n := newNews(typeMessage, s, s.NewMessage, &ch, who, text)
	n.data["author"] = m.Author
	n.data["message_sid"], n.data["message_id"] = string(m.SID), string(m.SID)
	n.data["message_index"] = strconv.FormatInt(m.Index, 10)
	n.devices = func(tx *db.Tx) ([]devices.Binding, error) {
		return p.Devices.DevicesOfChannelTx(tx, acct, ch.ID, m.Author, typeMessage)
	}
	return n, nil
}

// membership is the news that somebody was added to a channel, invited to it, or removed from it. Who does that alone is not told.
func (p *Push) membership(ctx context.Context, acct int64, s chat.Service, e event.Args) (*news, error) {
	var uc chat.UserChannelData
	if err := json.Unmarshal(e.Data, &uc); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Kind, err)
	}
	kind, rules := typeAdded, s.AddedToChannel
	switch {
	case e.Kind == event.UserChannelRemoved:
		kind, rules = typeRemoved, s.RemovedFromChannel
	case uc.Status == chat.StatusInvited:
		kind, rules = typeInvited, s.InvitedToChannel
	}
	if !rules.Enabled {
		return nil, nil //nolint:nilnil // nobody is to be told
	}
	u, err := p.Chat.GetUser(ctx, system(acct), s.SID, string(e.Stream))
	if err != nil || u.Identity == e.Origin.Identity {
		return nil, err
	}
	ch, err := p.Chat.Get(ctx, system(acct), uc.ChannelSID)
	if err != nil {
		return nil, err
	}
	who, err := p.person(ctx, acct, s.SID, e.Origin.Identity)
	if err != nil {
		return nil, err
	}
	n := newNews(kind, s, rules, &ch, who, "")
	n.devices = func(tx *db.Tx) ([]devices.Binding, error) { return p.Devices.DevicesOfUserTx(tx, u.ID, kind) }
	return n, nil
}

// person is the user with an identity, as far as there is one: authors need not be users, and requests have no identity.
func (p *Push) person(ctx context.Context, acct int64, service sid.SID, identity string) (chat.User, error) {
	nobody := chat.User{UserDoc: chat.UserDoc{Identity: identity}}
	if identity == "" {
		nobody.Identity = chat.System
		return nobody, nil
	}
	u, err := p.Chat.GetUser(ctx, system(acct), service, identity)
	if fault.Is(err, fault.KindNotFound) {
		return nobody, nil
	}
	return u, err
}

func newNews(kind string, s chat.Service, rules chat.PushRules, ch *chat.Channel, who chat.User, text string) *news {
	template := rules.Template
	if template == "" {
		template = templates[kind]
	}
	return &news{
		kind: prefixType + kind, body: fill(template, ch, who, text), rules: rules, log: s.LogNotifications,
		data: map[string]string{"channel_sid": string(ch.SID), "channel_id": string(ch.SID), "channel_title": title(ch)},
	}
}

// title is what a channel is called on a device.
func title(ch *chat.Channel) string { return first(ch.FriendlyName, ch.UniqueName, string(ch.SID)) }

func first(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// fill makes the text of a notification: at most maxText characters. What a name holds is not filled in again. Source of the variables
// and of what stands in for a missing name: the original's page on push notifications.
func fill(template string, ch *chat.Channel, who chat.User, text string) string {
	whole := strings.NewReplacer(
		"${CHANNEL}", first(ch.UniqueName, ch.FriendlyName, string(ch.SID)),
		"${CHANNEL_FRIENDLY_NAME}", title(ch),
		"${CHANNEL_SID}", string(ch.SID),
		"${CHANNEL_UNIQUE_NAME}", first(ch.UniqueName, ch.FriendlyName, string(ch.SID)),
		"${USER}", first(who.FriendlyName, who.Identity),
		"${USER_FRIENDLY_NAME}", first(who.FriendlyName, who.Identity),
		"${USER_IDENTITY}", who.Identity,
		"${USER_SID}", first(string(who.SID), who.Identity),
		"${MESSAGE}", text,
	).Replace(template)
	n := 0
	for i := range whole {
		if n == maxText {
			return whole[:i]
		}
		n++
	}
	return whole
}
