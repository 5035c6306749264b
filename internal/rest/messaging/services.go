package messaging

import (
	"context"

	"usher/internal/db"
	"usher/internal/messaging"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Product returns the messaging API.
func Product(d Deps) rest.Product {
	e := &endpoint{d}
	return rest.Product{Name: "messaging", Version: "v1", Routes: []rest.Mount{
		e.usecases(), e.services(),
		e.senders("PhoneNumbers", "phone_numbers", messaging.KindPhone, func(in senderForm) sid.SID { return in.PhoneNumberSID }),
		e.senders("ShortCodes", "short_codes", messaging.KindShort, func(in senderForm) sid.SID { return in.ShortCodeSID }),
		e.senders("AlphaSenders", "alpha_senders", messaging.KindAlpha, nil),
	}}
}

type serviceForm struct {
	FriendlyName       rest.Opt[string] `form:"FriendlyName,required"`
	InboundRequestURL  rest.Opt[string] `form:"InboundRequestUrl"`
	InboundMethod      rest.Opt[string] `form:"InboundMethod"`
	FallbackURL        rest.Opt[string] `form:"FallbackUrl"`
	FallbackMethod     rest.Opt[string] `form:"FallbackMethod"`
	StatusCallback     rest.Opt[string] `form:"StatusCallback"`
	StickySender       rest.Opt[bool]   `form:"StickySender"`
	MMSConverter       rest.Opt[bool]   `form:"MmsConverter"`
	SmartEncoding      rest.Opt[bool]   `form:"SmartEncoding"`
	ScanMessageContent string           `form:"ScanMessageContent,enum=inherit|enable|disable"`
	FallbackToLongCode rest.Opt[bool]   `form:"FallbackToLongCode"`
	AreaCodeGeomatch   rest.Opt[bool]   `form:"AreaCodeGeomatch"`
	ValidityPeriod     rest.Opt[int64]  `form:"ValidityPeriod"`
	Usecase            rest.Opt[string] `form:"Usecase"`
	OnNumber           rest.Opt[bool]   `form:"UseInboundWebhookOnNumber"`
	// What follows is Usher's own: the keywords and the answers to them, which the original has on its screens only.
	StopKeywords  rest.Opt[[]string] `form:"OptOutKeywords,comma"`
	StartKeywords rest.Opt[[]string] `form:"OptInKeywords,comma"`
	HelpKeywords  rest.Opt[[]string] `form:"HelpKeywords,comma"`
	StopReply     rest.Opt[string]   `form:"OptOutMessage"`
	StartReply    rest.Opt[string]   `form:"OptInMessage"`
	HelpReply     rest.Opt[string]   `form:"HelpMessage"`
	KeywordsOff   rest.Opt[bool]     `form:"KeywordsOff"`
}

func (in *serviceForm) change() messaging.ServiceChange {
	words := func(o rest.Opt[[]string]) []string {
		if o.Set && o.V == nil {
			return []string{}
		}
		return o.V
	}
	return messaging.ServiceChange{
		FriendlyName: in.FriendlyName.Ptr(), URL: in.InboundRequestURL.Ptr(), Method: in.InboundMethod.Ptr(), FallbackURL: in.FallbackURL.Ptr(),
		FallbackMethod: in.FallbackMethod.Ptr(), StatusCallback: in.StatusCallback.Ptr(), Usecase: in.Usecase.Ptr(), Sticky: in.StickySender.Ptr(),
		SmartEncoding: in.SmartEncoding.Ptr(), AreaGeomatch: in.AreaCodeGeomatch.Ptr(), FallbackToLong: in.FallbackToLongCode.Ptr(),
		MMSConverter: in.MMSConverter.Ptr(), OnNumber: in.OnNumber.Ptr(), NoOptOut: in.KeywordsOff.Ptr(), Validity: in.ValidityPeriod.Ptr(),
		Stop: words(in.StopKeywords), Start: words(in.StartKeywords), Help: words(in.HelpKeywords),
		StopReply: in.StopReply.Ptr(), StartReply: in.StartReply.Ptr(), HelpReply: in.HelpReply.Ptr(),
	}
}

// serviceWire is a service on the wire. (Shape: the original's published schema.)
type serviceWire struct {
	SID                sid.SID           `json:"sid"`
	AccountSID         sid.SID           `json:"account_sid"`
	FriendlyName       string            `json:"friendly_name"`
	InboundRequestURL  *string           `json:"inbound_request_url"`
	InboundMethod      string            `json:"inbound_method"`
	FallbackURL        *string           `json:"fallback_url"`
	FallbackMethod     string            `json:"fallback_method"`
	StatusCallback     *string           `json:"status_callback"`
	StickySender       bool              `json:"sticky_sender"`
	MMSConverter       bool              `json:"mms_converter"`
	SmartEncoding      bool              `json:"smart_encoding"`
	ScanMessageContent string            `json:"scan_message_content"`
	FallbackToLongCode bool              `json:"fallback_to_long_code"`
	AreaCodeGeomatch   bool              `json:"area_code_geomatch"`
	Synchronous        bool              `json:"synchronous_validation"`
	ValidityPeriod     int64             `json:"validity_period"`
	Usecase            string            `json:"usecase"`
	A2PRegistered      bool              `json:"us_app_to_person_registered"`
	OnNumber           bool              `json:"use_inbound_webhook_on_number"`
	DateCreated        *string           `json:"date_created"`
	DateUpdated        *string           `json:"date_updated"`
	URL                string            `json:"url"`
	Links              map[string]string `json:"links"`
	// Keywords are told to those who ask for details.
	Keywords *messaging.OptOut `json:"keywords,omitempty"`
}

func (e *endpoint) services() rest.Mount {
	return rest.Resource[messaging.Service, serviceForm]{
		Path: "/Services", Key: "services", Read: read, Write: manage,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[messaging.Service], error) {
			return e.Messages.ListServices(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (messaging.Service, error) {
			return e.Messages.GetService(ctx, c.Actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in serviceForm) (messaging.Service, error) {
			return e.Messages.CreateService(ctx, c.Actor, in.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in serviceForm) (messaging.Service, error) {
			return e.Messages.UpdateService(ctx, c.Actor, c.SID("Sid"), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return e.Messages.DeleteService(ctx, c.Actor, c.SID("Sid"))
		},
		View: viewService,
	}
}

func viewService(c *rest.Call, s messaging.Service) any {
	own := c.URL("/Services/", string(s.SID))
	links := map[string]string{}
	for name, part := range map[string]string{"phone_numbers": "PhoneNumbers", "short_codes": "ShortCodes", "alpha_senders": "AlphaSenders"} {
		links[name] = own + "/" + part
	}
	links["messages"] = c.Origin() + "/2010-04-01/Accounts/" + string(c.Actor.AccountSID) + "/Messages.json"
	w := serviceWire{
		SID: s.SID, AccountSID: c.Actor.AccountSID, FriendlyName: s.FriendlyName, InboundRequestURL: optional(s.Handler.URL), InboundMethod: s.Method,
		FallbackURL: optional(s.FallbackURL), FallbackMethod: s.FallbackMethod, StatusCallback: optional(s.StatusCallback), StickySender: s.Sticky,
		MMSConverter: s.MMSConverter, SmartEncoding: s.SmartEncoding, ScanMessageContent: "inherit", FallbackToLongCode: s.FallbackToLong,
		AreaCodeGeomatch: s.AreaGeomatch, ValidityPeriod: s.Validity, Usecase: s.Usecase, OnNumber: s.OnNumber,
		DateCreated: c.Date(s.CreatedAt), DateUpdated: c.Date(s.UpdatedAt), URL: own, Links: links,
	}
	if c.Details() {
		w.Keywords = &s.OptOut
	}
	return w
}

type senderForm struct {
	PhoneNumberSID sid.SID `form:"PhoneNumberSid"`
	ShortCodeSID   sid.SID `form:"ShortCodeSid"`
	AlphaSender    string  `form:"AlphaSender"`
}

// senderWire is a sender of a service: one of the three names of its address is told.
type senderWire struct {
	SID          sid.SID  `json:"sid"`
	AccountSID   sid.SID  `json:"account_sid"`
	ServiceSID   sid.SID  `json:"service_sid"`
	PhoneNumber  string   `json:"phone_number,omitempty"`
	ShortCode    string   `json:"short_code,omitempty"`
	AlphaSender  string   `json:"alpha_sender,omitempty"`
	CountryCode  *string  `json:"country_code"`
	Capabilities []string `json:"capabilities"`
	DateCreated  *string  `json:"date_created"`
	DateUpdated  *string  `json:"date_updated"`
	URL          string   `json:"url"`
}

// senders mounts one of the three kinds of a service's senders; named is which sender a form names, nil for those that are made.
func (e *endpoint) senders(name, key, kind string, named func(senderForm) sid.SID) rest.Mount {
	return rest.Resource[messaging.Number, senderForm]{
		Path: "/Services/{ServiceSid}/" + name, Key: key, Read: read, Write: manage,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[messaging.Number], err error) {
			if _, err := e.Messages.GetService(ctx, c.Actor, c.SID("ServiceSid")); err != nil {
				return page, err
			}
			return e.Messages.ListNumbers(ctx, c.Actor, kind, messaging.NumberFilter{Service: c.SID("ServiceSid")}, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (messaging.Number, error) {
			return e.Messages.GetSender(ctx, c.Actor, c.SID("ServiceSid"), c.SID("Sid"), kind)
		},
		Create: func(ctx context.Context, c *rest.Call, in senderForm) (messaging.Number, error) {
			if named == nil {
				return e.Messages.AddAlpha(ctx, c.Actor, c.SID("ServiceSid"), in.AlphaSender)
			}
			return e.Messages.AddSender(ctx, c.Actor, c.SID("ServiceSid"), named(in), kind)
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			return e.Messages.RemoveSender(ctx, c.Actor, c.SID("ServiceSid"), c.SID("Sid"), kind)
		},
		View: func(c *rest.Call, n messaging.Number) any {
			w := senderWire{
				SID: n.SID, AccountSID: c.Actor.AccountSID, ServiceSID: n.Service, Capabilities: []string{"SMS", "MMS"},
				DateCreated: c.Date(n.CreatedAt), DateUpdated: c.Date(n.UpdatedAt), URL: c.URL("/Services/", string(n.Service), "/"+name+"/", string(n.SID)),
			}
			switch kind {
			case messaging.KindPhone:
				w.PhoneNumber = n.Address
			case messaging.KindShort:
				w.ShortCode = n.Address
			default:
				w.AlphaSender, w.Capabilities = n.Address, []string{"SMS"}
			}
			return w
		},
	}
}

type usecasesWire struct {
	Usecases []map[string]string `json:"usecases"`
}

func (e *endpoint) usecases() rest.Mount {
	return rest.Op[none, usecasesWire]{
		Method: "GET", Path: "/Services/Usecases", Grants: read,
		Do: func(context.Context, *rest.Call, none) (w usecasesWire, err error) {
			for _, u := range messaging.Usecases() {
				w.Usecases = append(w.Usecases, map[string]string{"usecase": u, "friendly_name": u, "purpose": "What its messages are for: " + u})
			}
			return w, nil
		},
	}
}
