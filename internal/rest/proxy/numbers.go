package proxy

import (
	"context"

	"usher/internal/db"
	"usher/internal/proxy"
	"usher/internal/rest"
	"usher/internal/sid"
)

type phoneNumberForm struct {
	SID        sid.SID        `form:"Sid,create"`
	Number     string         `form:"PhoneNumber,create"`
	IsReserved rest.Opt[bool] `form:"IsReserved"`
}

type shortCodeForm struct {
	SID        sid.SID        `form:"Sid,required,create"`
	IsReserved rest.Opt[bool] `form:"IsReserved"`
}

// capabilitiesWire are both directions of each kind, as of the account's own numbers.
type capabilitiesWire struct {
	MMSInbound    bool `json:"mms_inbound"`
	MMSOutbound   bool `json:"mms_outbound"`
	SMSInbound    bool `json:"sms_inbound"`
	SMSOutbound   bool `json:"sms_outbound"`
	VoiceInbound  bool `json:"voice_inbound"`
	VoiceOutbound bool `json:"voice_outbound"`
}

func capabilities(c proxy.Capabilities) capabilitiesWire {
	return capabilitiesWire{c.MMS, c.MMS, c.SMS, c.SMS, c.Voice, c.Voice}
}

// phoneNumberWire is a number of the pool on the wire. (Shape: the original's published examples.)
type phoneNumberWire struct {
	AccountSID   sid.SID          `json:"account_sid"`
	Capabilities capabilitiesWire `json:"capabilities"`
	DateCreated  *string          `json:"date_created"`
	DateUpdated  *string          `json:"date_updated"`
	FriendlyName *string          `json:"friendly_name"`
	InUse        int64            `json:"in_use"`
	IsReserved   bool             `json:"is_reserved"`
	ISOCountry   *string          `json:"iso_country"`
	Number       string           `json:"phone_number"`
	ServiceSID   sid.SID          `json:"service_sid"`
	SID          sid.SID          `json:"sid"`
	URL          string           `json:"url"`
}

func phoneNumbers(p *proxy.Proxy) rest.Mount {
	return pool(p, false, "PhoneNumbers", "phone_numbers",
		func(in phoneNumberForm) (proxy.NewNumber, *bool) {
			return proxy.NewNumber{SID: in.SID, Address: in.Number, Reserved: in.IsReserved.V}, in.IsReserved.Ptr()
		},
		func(c *rest.Call, v proxy.Number, url string) any {
			return phoneNumberWire{
				AccountSID: v.AccountSID, Capabilities: capabilities(v.Capabilities), DateCreated: c.Date(v.CreatedAt),
				DateUpdated: c.Date(v.UpdatedAt), FriendlyName: optional(v.FriendlyName), InUse: v.InUse, IsReserved: v.Reserved,
				ISOCountry: optional(v.Country), Number: v.Address, ServiceSID: v.Service, SID: v.SID, URL: url,
			}
		})
}

// shortCodeWire is a short code of the pool on the wire. (Shape: the original's published examples.)
type shortCodeWire struct {
	AccountSID   sid.SID          `json:"account_sid"`
	Capabilities capabilitiesWire `json:"capabilities"`
	DateCreated  *string          `json:"date_created"`
	DateUpdated  *string          `json:"date_updated"`
	IsReserved   bool             `json:"is_reserved"`
	ISOCountry   *string          `json:"iso_country"`
	ServiceSID   sid.SID          `json:"service_sid"`
	Code         string           `json:"short_code"`
	SID          sid.SID          `json:"sid"`
	URL          string           `json:"url"`
}

func shortCodes(p *proxy.Proxy) rest.Mount {
	return pool(p, true, "ShortCodes", "short_codes",
		func(in shortCodeForm) (proxy.NewNumber, *bool) {
			return proxy.NewNumber{SID: in.SID, Short: true, Reserved: in.IsReserved.V}, in.IsReserved.Ptr()
		},
		func(c *rest.Call, v proxy.Number, url string) any {
			return shortCodeWire{
				AccountSID: v.AccountSID, Capabilities: capabilities(v.Capabilities), DateCreated: c.Date(v.CreatedAt),
				DateUpdated: c.Date(v.UpdatedAt), IsReserved: v.Reserved, ISOCountry: optional(v.Country), ServiceSID: v.Service,
				Code: v.Address, SID: v.SID, URL: url,
			}
		})
}

// pool mounts the numbers of one kind.
func pool[In any](p *proxy.Proxy, short bool, path, key string, read func(In) (proxy.NewNumber, *bool), view func(*rest.Call, proxy.Number, string) any) rest.Mount {
	return rest.Resource[proxy.Number, In]{
		Path: "/Services/{ServiceSid}/" + path, Key: key, Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, at db.Page) (db.PageOf[proxy.Number], error) {
			return p.Numbers(ctx, c.Actor, c.Var(varService), short, at)
		},
		Get: func(ctx context.Context, c *rest.Call) (proxy.Number, error) {
			return p.Number(ctx, c.Actor, c.Var(varService), short, c.SID(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in In) (proxy.Number, error) {
			number, _ := read(in)
			return p.AddNumber(ctx, c.Actor, c.Var(varService), number)
		},
		Update: func(ctx context.Context, c *rest.Call, in In) (proxy.Number, error) {
			_, reserved := read(in)
			return p.ReserveNumber(ctx, c.Actor, c.Var(varService), short, c.SID(varItem), reserved)
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return p.RemoveNumber(ctx, c.Actor, c.Var(varService), short, c.SID(varItem))
		},
		View: func(c *rest.Call, v proxy.Number) any {
			return view(c, v, serviceURL(c, v.Service)+"/"+path+"/"+string(v.SID))
		},
	}
}
