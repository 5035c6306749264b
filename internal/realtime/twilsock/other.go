package twilsock

import (
	"net/url"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/push"
	"usher/internal/event"
	"usher/internal/sid"
)

// otherOperations are what else clients ask for.
var otherOperations = []operation{
	{"POST", "/v1/typing", account.ChatOwn, 200, typing},
	{"POST", "/v1/registrations", account.ChatOwn, 201, register},
	{"DELETE", "/v1/registrations/{registration}", account.ChatOwn, 204, func(k *call) (any, error) {
		return nil, k.conn.srv.o.Push.DeleteBinding(k, k.actor, k.actor.ChatService, k.actor.Identity, sid.SID(k.vars["registration"]))
	}},
	{"POST", "/v1/Telemetry/Events", account.ChatOwn, 202, func(*call) (any, error) { return nil, nil }},
}

// register binds a device of the caller. Clients ask for ever where they are refused, so a second time is no fault.
func register(k *call) (any, error) {
	var r struct {
		Kind  push.Kind `json:"channel_type"`
		Types []string  `json:"message_types"`
		Data  struct {
			Address string `json:"registration_id"`
		} `json:"data"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	b, err := k.conn.srv.o.Push.Register(k, k.actor, push.NewBinding{Kind: r.Kind, Address: r.Data.Address, MessageTypes: r.Types})
	return map[string]sid.SID{"id": b.SID}, err
}

// form is the body as a form; empty when it is none.
func (k *call) form() url.Values {
	v, err := url.ParseQuery(string(k.body))
	if err != nil {
		return url.Values{}
	}
	return v
}

// channelStream is the stream of a member's channel.
func channelStream(m *chat.Member) event.Stream {
	return event.Stream{Kind: event.Channel, ID: m.ChannelID, SID: m.ChannelSID}
}
