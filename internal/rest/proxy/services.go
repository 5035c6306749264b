package proxy

import (
	"context"
	"strings"

	"usher/internal/db"
	"usher/internal/proxy"
	"usher/internal/proxy/geo"
	"usher/internal/rest"
	"usher/internal/sid"
)

type serviceForm struct {
	UniqueName   rest.Opt[string]  `form:"UniqueName,required"`
	DefaultTTL   rest.Opt[int64]   `form:"DefaultTtl"`
	Callback     rest.Opt[string]  `form:"CallbackUrl"`
	GeoMatch     rest.Opt[string]  `form:"GeoMatchLevel,enum=country|radius|overlay|area-code|extended-area-code"`
	Selection    rest.Opt[string]  `form:"NumberSelectionBehavior,enum=prefer-sticky|avoid-sticky|prefer_sticky|avoid_sticky"`
	Intercept    rest.Opt[string]  `form:"InterceptCallbackUrl"`
	OutOfSession rest.Opt[string]  `form:"OutOfSessionCallbackUrl"`
	ChatInstance rest.Opt[sid.SID] `form:"ChatInstanceSid"`
}

// extended is the older name of an overlay. Source: the original's description of GeoMatchLevel.
const extended = "extended-area-code"

func (f serviceForm) change() proxy.ServiceChange {
	c := proxy.ServiceChange{
		UniqueName: f.UniqueName.Ptr(), DefaultTTL: f.DefaultTTL.Ptr(), Callback: f.Callback.Ptr(), Intercept: f.Intercept.Ptr(),
		OutOfSession: f.OutOfSession.Ptr(), ChatService: f.ChatInstance.Ptr(),
	}
	if v := f.GeoMatch.V; v != "" {
		level := geo.Level(v)
		if v == extended {
			level = geo.Overlay
		}
		c.GeoMatch = &level
	}
	if v := f.Selection.V; v != "" {
		selection := proxy.Selection(strings.ReplaceAll(v, "_", "-"))
		c.Selection = &selection
	}
	return c
}

// serviceWire is a service on the wire. (Shape: the original's published examples.)
type serviceWire struct {
	AccountSID   sid.SID           `json:"account_sid"`
	Callback     *string           `json:"callback_url"`
	ChatInstance *sid.SID          `json:"chat_instance_sid"`
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	DefaultTTL   int64             `json:"default_ttl"` // seconds
	GeoMatch     geo.Level         `json:"geo_match_level"`
	Intercept    *string           `json:"intercept_callback_url"`
	Links        map[string]string `json:"links"`
	Selection    proxy.Selection   `json:"number_selection_behavior"`
	OutOfSession *string           `json:"out_of_session_callback_url"`
	SID          sid.SID           `json:"sid"`
	UniqueName   string            `json:"unique_name"`
	URL          string            `json:"url"`
}

func services(p *proxy.Proxy) rest.Mount {
	return rest.Resource[proxy.Service, serviceForm]{
		Path: "/Services", Key: "services", Read: reader, Write: manager,
		List: func(ctx context.Context, c *rest.Call, at db.Page) (db.PageOf[proxy.Service], error) {
			return p.Services(ctx, c.Actor, at)
		},
		Get: func(ctx context.Context, c *rest.Call) (proxy.Service, error) {
			return p.Service(ctx, c.Actor, c.Var(varItem))
		},
		Create: func(ctx context.Context, c *rest.Call, in serviceForm) (proxy.Service, error) {
			return p.CreateService(ctx, c.Actor, in.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in serviceForm) (proxy.Service, error) {
			return p.UpdateService(ctx, c.Actor, c.Var(varItem), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return p.DeleteService(ctx, c.Actor, c.Var(varItem)) },
		View: func(c *rest.Call, v proxy.Service) any {
			url := serviceURL(c, v.SID)
			return serviceWire{
				AccountSID: v.AccountSID, Callback: optional(v.Callback), ChatInstance: optional(v.ChatService), DateCreated: c.Date(v.CreatedAt),
				DateUpdated: c.Date(v.UpdatedAt), DefaultTTL: v.DefaultTTL, GeoMatch: v.GeoMatch, Intercept: optional(v.Intercept),
				Links: map[string]string{
					"sessions": url + "/Sessions", "phone_numbers": url + "/PhoneNumbers", "short_codes": url + "/ShortCodes",
				},
				Selection: v.Selection, OutOfSession: optional(v.OutOfSession), SID: v.SID, UniqueName: v.UniqueName, URL: url,
			}
		},
	}
}
