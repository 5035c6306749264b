package proxy

import (
	"context"

	"usher/internal/db"
	"usher/internal/proxy"
	"usher/internal/rest"
	"usher/internal/sid"
)

// interactionWire is an interaction on the wire. (Shape: the original's published examples.)
type interactionWire struct {
	AccountSID          sid.SID  `json:"account_sid"`
	Data                string   `json:"data"` // JSON text
	DateCreated         *string  `json:"date_created"`
	DateUpdated         *string  `json:"date_updated"`
	InboundParticipant  *sid.SID `json:"inbound_participant_sid"`
	InboundResource     *sid.SID `json:"inbound_resource_sid"`
	InboundStatus       *string  `json:"inbound_resource_status"`
	InboundType         *string  `json:"inbound_resource_type"`
	InboundURL          *string  `json:"inbound_resource_url"`
	OutboundParticipant *sid.SID `json:"outbound_participant_sid"`
	OutboundResource    *sid.SID `json:"outbound_resource_sid"`
	OutboundStatus      *string  `json:"outbound_resource_status"`
	OutboundType        *string  `json:"outbound_resource_type"`
	OutboundURL         *string  `json:"outbound_resource_url"`
	ServiceSID          sid.SID  `json:"service_sid"`
	SessionSID          sid.SID  `json:"session_sid"`
	SID                 sid.SID  `json:"sid"`
	Type                string   `json:"type"` // message: calls are not carried
	URL                 string   `json:"url"`
}

// messageInteractionWire has the participant as well.
type messageInteractionWire struct {
	interactionWire
	ParticipantSID sid.SID `json:"participant_sid"`
}

// typeOf is the type of an interaction's end, null where there is none.
func typeOf(s proxy.Side) *string {
	if s.Resource == "" {
		return nil
	}
	return optional("Message")
}

// resourceURL is where the message at an end is read, null for those of chat channels, which have no place here.
func resourceURL(c *rest.Call, v proxy.Interaction, s proxy.Side) *string {
	if p := sid.Prefix(string(s.Resource)); p != sid.SMS && p != sid.MMS {
		return nil
	}
	return optional(c.Origin() + "/2010-04-01/Accounts/" + string(v.AccountSID) + "/Messages/" + string(s.Resource) + ".json")
}

func view(c *rest.Call, v proxy.Interaction) interactionWire {
	return interactionWire{
		AccountSID: v.AccountSID, Data: v.Data, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
		InboundParticipant: optional(v.Inbound.Participant), InboundResource: optional(v.Inbound.Resource), InboundStatus: optional(v.Inbound.Status),
		InboundType: typeOf(v.Inbound), InboundURL: resourceURL(c, v, v.Inbound),
		OutboundParticipant: optional(v.Outbound.Participant), OutboundResource: optional(v.Outbound.Resource),
		OutboundStatus: optional(v.Outbound.Status), OutboundType: typeOf(v.Outbound), OutboundURL: resourceURL(c, v, v.Outbound),
		ServiceSID: v.Service, SessionSID: v.Session, SID: v.SID, Type: "message",
		URL: sessionURL(c, v.Service, v.Session) + "/Interactions/" + string(v.SID),
	}
}

func interactions(p *proxy.Proxy) rest.Mount {
	return rest.Resource[proxy.Interaction, struct{}]{
		Path: "/Services/{ServiceSid}/Sessions/{SessionSid}/Interactions", Key: "interactions", Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, at db.Page) (db.PageOf[proxy.Interaction], error) {
			return p.Interactions(ctx, c.Actor, c.Var(varService), c.Var(varSession), at)
		},
		Get: func(ctx context.Context, c *rest.Call) (proxy.Interaction, error) {
			return p.Interaction(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varItem))
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return p.DeleteInteraction(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varItem))
		},
		View: func(c *rest.Call, v proxy.Interaction) any { return view(c, v) },
	}
}

// messageForm is what a participant is told. MediaUrl is reserved on the wire: it is not read.
type messageForm struct {
	Body string `form:"Body"`
}

func messageInteractions(d Deps) rest.Mount {
	p := d.Proxy
	return rest.Resource[proxy.Interaction, messageForm]{
		Path: "/Services/{ServiceSid}/Sessions/{SessionSid}/Participants/{ParticipantSid}/MessageInteractions", Key: "interactions",
		Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, at db.Page) (db.PageOf[proxy.Interaction], error) {
			return p.MessageInteractions(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varParticipant), at)
		},
		Get: func(ctx context.Context, c *rest.Call) (proxy.Interaction, error) {
			return p.MessageInteraction(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varParticipant), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in messageForm) (proxy.Interaction, error) {
			return d.Teller.Tell(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varParticipant), in.Body)
		},
		View: func(c *rest.Call, v proxy.Interaction) any {
			w := view(c, v)
			w.URL = participantURL(c, v.Service, v.Session, v.Outbound.Participant) + "/MessageInteractions/" + string(v.SID)
			return messageInteractionWire{w, v.Outbound.Participant}
		},
	}
}
