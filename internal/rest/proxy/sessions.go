package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/proxy"
	"usher/internal/rest"
	"usher/internal/sid"
)

type sessionForm struct {
	UniqueName   string            `form:"UniqueName,create"`
	DateExpiry   time.Time         `form:"DateExpiry"`
	TTL          rest.Opt[int64]   `form:"Ttl"`
	Mode         proxy.Mode        `form:"Mode,create,enum=message-only|voice-only|voice-and-message"`
	Status       proxy.Status      `form:"Status,enum=open|in-progress|closed|failed|unknown"`
	Participants []json.RawMessage `form:"Participants,create"`
}

// sessionWire is a session on the wire. (Shape: the original's published examples.)
type sessionWire struct {
	AccountSID   sid.SID           `json:"account_sid"`
	ClosedReason string            `json:"closed_reason"`
	DateCreated  *string           `json:"date_created"`
	DateEnded    *string           `json:"date_ended"`
	DateExpiry   *string           `json:"date_expiry"`
	DateLast     *string           `json:"date_last_interaction"`
	DateStarted  *string           `json:"date_started"`
	DateUpdated  *string           `json:"date_updated"`
	Links        map[string]string `json:"links"`
	Mode         proxy.Mode        `json:"mode"`
	ServiceSID   sid.SID           `json:"service_sid"`
	SID          sid.SID           `json:"sid"`
	Status       proxy.Status      `json:"status"`
	TTL          int64             `json:"ttl"` // seconds
	UniqueName   *string           `json:"unique_name"`
	URL          string            `json:"url"`
}

func sessions(p *proxy.Proxy) rest.Mount {
	return rest.Resource[proxy.Session, sessionForm]{
		Path: "/Services/{ServiceSid}/Sessions", Key: "sessions", Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, at db.Page) (db.PageOf[proxy.Session], error) {
			return p.Sessions(ctx, c.Actor, c.Var(varService), at)
		},
		Get: func(ctx context.Context, c *rest.Call) (proxy.Session, error) {
			return p.Session(ctx, c.Actor, c.Var(varService), c.Var(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in sessionForm) (proxy.Session, error) {
			people, err := readParticipants(in.Participants)
			if err != nil {
				return proxy.Session{}, err
			}
			return p.CreateSession(ctx, c.Actor, c.Var(varService), proxy.NewSession{
				UniqueName: in.UniqueName, TTL: in.TTL.Ptr(), DateExpiry: in.DateExpiry, Mode: in.Mode, Status: in.Status, Participants: people,
			})
		},
		Update: func(ctx context.Context, c *rest.Call, in sessionForm) (proxy.Session, error) {
			return p.UpdateSession(ctx, c.Actor, c.Var(varService), c.Var(varItem), proxy.SessionChange{
				TTL: in.TTL.Ptr(), DateExpiry: in.DateExpiry, Status: in.Status,
			})
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return p.DeleteSession(ctx, c.Actor, c.Var(varService), c.Var(varItem))
		},
		View: func(c *rest.Call, v proxy.Session) any {
			url := sessionURL(c, v.Service, v.SID)
			return sessionWire{
				AccountSID: v.AccountSID, ClosedReason: v.ClosedReason, DateCreated: c.Date(v.CreatedAt), DateEnded: c.Date(v.EndedAt),
				DateExpiry: c.Date(v.DateExpiry), DateLast: c.Date(v.LastInteraction), DateStarted: c.Date(v.StartedAt),
				DateUpdated: c.Date(v.UpdatedAt), Mode: v.Mode, ServiceSID: v.Service, SID: v.SID, Status: v.Status, TTL: v.TTL,
				UniqueName: optional(v.UniqueName), URL: url,
				Links: map[string]string{"interactions": url + "/Interactions", "participants": url + "/Participants"},
			}
		},
	}
}

// maxListed bounds how many participants a request is read for: more than a session takes are refused, but not at any length.
const maxListed = 10

// readParticipants reads the participants of a new session: each value of the parameter is a JSON object with the names of the
// participant's form, or, as some programs send it, a list of such.
func readParticipants(values []json.RawMessage) ([]proxy.NewParticipant, error) {
	var all []proxy.NewParticipant
	for _, raw := range values {
		var list []struct {
			Identifier         string
			FriendlyName       string
			ProxyIdentifier    string
			ProxyIdentifierSid sid.SID
		}
		raw = bytes.TrimSpace(raw)
		if len(raw) > 0 && raw[0] == '{' {
			raw = append(append(json.RawMessage{'['}, raw...), ']')
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fault.Invalid("Invalid value for parameter Participants: not a JSON object with Identifier, FriendlyName, ProxyIdentifier and ProxyIdentifierSid")
		}
		if len(all)+len(list) > maxListed {
			return nil, fault.New(80609, "")
		}
		for _, v := range list {
			all = append(all, proxy.NewParticipant{
				Identifier: v.Identifier, FriendlyName: v.FriendlyName, Proxy: v.ProxyIdentifier, ProxySID: v.ProxyIdentifierSid,
			})
		}
	}
	return all, nil
}
