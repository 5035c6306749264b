package proxy

import (
	"context"

	"usher/internal/db"
	"usher/internal/proxy"
	"usher/internal/rest"
	"usher/internal/sid"
)

type participantForm struct {
	Identifier   string  `form:"Identifier,required"`
	FriendlyName string  `form:"FriendlyName"`
	Proxy        string  `form:"ProxyIdentifier"`
	ProxySID     sid.SID `form:"ProxyIdentifierSid"`
}

// participantWire is a participant on the wire. (Shape: the original's published examples.)
type participantWire struct {
	AccountSID   sid.SID           `json:"account_sid"`
	DateCreated  *string           `json:"date_created"`
	DateDeleted  *string           `json:"date_deleted"` // always null: who was removed is not shown any more
	DateUpdated  *string           `json:"date_updated"`
	FriendlyName *string           `json:"friendly_name"`
	Identifier   string            `json:"identifier"`
	Links        map[string]string `json:"links"`
	Proxy        string            `json:"proxy_identifier"`
	ProxySID     sid.SID           `json:"proxy_identifier_sid"`
	ServiceSID   sid.SID           `json:"service_sid"`
	SessionSID   sid.SID           `json:"session_sid"`
	SID          sid.SID           `json:"sid"`
	URL          string            `json:"url"`
}

func participants(p *proxy.Proxy) rest.Mount {
	return rest.Resource[proxy.Participant, participantForm]{
		Path: "/Services/{ServiceSid}/Sessions/{SessionSid}/Participants", Key: "participants", Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, at db.Page) (db.PageOf[proxy.Participant], error) {
			return p.Participants(ctx, c.Actor, c.Var(varService), c.Var(varSession), at)
		},
		Get: func(ctx context.Context, c *rest.Call) (proxy.Participant, error) {
			return p.Participant(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in participantForm) (proxy.Participant, error) {
			return p.AddParticipant(ctx, c.Actor, c.Var(varService), c.Var(varSession), proxy.NewParticipant{
				Identifier: in.Identifier, FriendlyName: in.FriendlyName, Proxy: in.Proxy, ProxySID: in.ProxySID,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return p.RemoveParticipant(ctx, c.Actor, c.Var(varService), c.Var(varSession), c.SID(varItem))
		},
		View: func(c *rest.Call, v proxy.Participant) any {
			url := participantURL(c, v.Service, v.Session, v.SID)
			return participantWire{
				AccountSID: v.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
				FriendlyName: optional(v.FriendlyName), Identifier: v.Identifier, Links: map[string]string{"message_interactions": url + "/MessageInteractions"},
				Proxy: v.Proxy, ProxySID: v.ProxySID, ServiceSID: v.Service, SessionSID: v.Session, SID: v.SID, URL: url,
			}
		},
	}
}
