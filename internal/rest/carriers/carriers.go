// Package carriers is an API of Usher's own, for administrators: the connections to carriers, their kinds, how they stand, and a test
// message; and, for desks, what became of the messages that went out by a carrier.
package carriers

import (
	"context"
	"encoding/json"
	"net/http"

	"usher/internal/account"
	"usher/internal/chat/delivery"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Connections are the rows; *connection.Connections has them.
type Connections interface {
	Kinds() []connection.Kind
	List(ctx context.Context, actor account.Actor, p db.Page) (db.PageOf[connection.Connection], error)
	Get(ctx context.Context, actor account.Actor, s sid.SID) (connection.Connection, error)
	Health(ctx context.Context, actor account.Actor, s sid.SID) (carry.Health, error)
}

// Editor changes connections, and whatever holds them open hears of it.
type Editor interface {
	Create(ctx context.Context, actor account.Actor, change connection.Change) (connection.Connection, error)
	Update(ctx context.Context, actor account.Actor, s sid.SID, change connection.Change) (connection.Connection, error)
	Delete(ctx context.Context, actor account.Actor, s sid.SID) error
}

// Deliveries says what became of messages; *delivery.Deliveries does.
type Deliveries interface {
	List(ctx context.Context, actor account.Actor, channel sid.SID, p db.Page) (db.PageOf[delivery.Delivery], error)
}

// Deps are what the operations stand on.
type Deps struct {
	Connections Connections
	Editor      Editor
	Deliveries  Deliveries
	Phones      Phones
	// Entrance makes the address that a connection's carrier calls; origin is how the caller of the API has addressed the server.
	Entrance func(origin string, s sid.SID) string
}

// grants is what operations on connections ask for.
var grants = []account.Grant{account.FlexManage}

// seen is what reading deliveries asks for; whoever is in the channel sees them.
var seen = []account.Grant{account.ChatRead, account.ChatOwn}

// Product returns the API, version 1.
func Product(d Deps) rest.Product {
	return rest.Product{Name: "carriers", Hosts: []string{}, Version: "v1", Routes: []rest.Mount{
		kinds(d), connections(d), health(d), deliveries(d), readPhone(d), writePhone(d),
	}}
}

type none struct{}

type fieldWire struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Help     string   `json:"help"`
	Secret   bool     `json:"secret"`
	Required bool     `json:"required"`
	Default  string   `json:"default"`
	Choices  []string `json:"choices"`
}

type kindWire struct {
	Name     string          `json:"name"`
	Channels []carry.Channel `json:"channels"`
	Fields   []fieldWire     `json:"fields"`
}

func kinds(d Deps) rest.Mount {
	return rest.Op[none, map[string][]kindWire]{
		Method: http.MethodGet, Path: "/Kinds", Grants: grants,
		Do: func(context.Context, *rest.Call, none) (map[string][]kindWire, error) {
			list := []kindWire{}
			for _, k := range d.Connections.Kinds() {
				w := kindWire{Name: k.Name, Channels: k.Channels, Fields: []fieldWire{}}
				for _, f := range k.Fields {
					if f.Choices == nil {
						f.Choices = []string{}
					}
					w.Fields = append(w.Fields, fieldWire(f))
				}
				list = append(list, w)
			}
			return map[string][]kindWire{"kinds": list}, nil
		},
	}
}

type form struct {
	Kind         string                    `form:"Kind,required,create"`
	FriendlyName rest.Opt[string]          `form:"FriendlyName"`
	Enabled      rest.Opt[bool]            `form:"Enabled"`
	Settings     rest.Opt[json.RawMessage] `form:"Settings"` // a JSON object of texts; an empty text takes a setting away
	Addresses    rest.Opt[json.RawMessage] `form:"Addresses"`
	Rate         rest.Opt[int64]           `form:"Rate"`
	Unknown      rest.Opt[string]          `form:"Unknown,enum=resend|fail"`
}

// change reads a form.
func (f *form) change() (connection.Change, error) {
	c := connection.Change{
		FriendlyName: f.FriendlyName.Ptr(), Enabled: f.Enabled.Ptr(), Rate: f.Rate.Ptr(), Unknown: f.Unknown.Ptr(),
	}
	if f.Kind != "" {
		c.Kind = &f.Kind
	}
	if f.Settings.Set {
		if err := json.Unmarshal(f.Settings.V, &c.Settings); err != nil {
			return c, fault.Invalid("Invalid value for parameter Settings: not a JSON object of texts")
		}
	}
	if f.Addresses.Set {
		list := []string{}
		if err := json.Unmarshal(f.Addresses.V, &list); err != nil {
			return c, fault.Invalid("Invalid value for parameter Addresses: not a JSON list of texts")
		}
		c.Addresses = &list
	}
	return c, nil
}

// connectionWire is a connection; its secrets are named and not told.
type connectionWire struct {
	SID          sid.SID           `json:"sid"`
	AccountSID   sid.SID           `json:"account_sid"`
	Kind         string            `json:"kind"`
	FriendlyName string            `json:"friendly_name"`
	Enabled      bool              `json:"enabled"`
	Settings     map[string]string `json:"settings"`
	Secrets      []string          `json:"secrets"` // names of the secret settings that are set
	Addresses    []string          `json:"addresses"`
	Rate         int64             `json:"rate"`
	Unknown      string            `json:"unknown"`
	Entrance     string            `json:"entrance"` // the address that the carrier calls
	DateCreated  *string           `json:"date_created"`
	DateUpdated  *string           `json:"date_updated"`
	URL          string            `json:"url"`
	Links        map[string]string `json:"links"`
}

func connections(d Deps) rest.Mount {
	return rest.Resource[connection.Connection, form]{
		Path: "/Connections", Key: "connections", Read: grants, Write: grants,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[connection.Connection], error) {
			return d.Connections.List(ctx, c.Actor, p)
		},
		Get: func(ctx context.Context, c *rest.Call) (connection.Connection, error) {
			return d.Connections.Get(ctx, c.Actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in form) (none connection.Connection, err error) {
			change, err := in.change()
			if err != nil {
				return none, err
			}
			return d.Editor.Create(ctx, c.Actor, change)
		},
		Update: func(ctx context.Context, c *rest.Call, in form) (none connection.Connection, err error) {
			change, err := in.change()
			if err != nil {
				return none, err
			}
			return d.Editor.Update(ctx, c.Actor, c.SID("Sid"), change)
		},
		Delete: func(ctx context.Context, c *rest.Call) error { return d.Editor.Delete(ctx, c.Actor, c.SID("Sid")) },
		View:   func(c *rest.Call, v connection.Connection) any { return view(d, c, v) },
	}
}

func view(d Deps, c *rest.Call, v connection.Connection) connectionWire {
	w := connectionWire{
		SID: v.SID, AccountSID: c.Actor.AccountSID, Kind: v.Kind, FriendlyName: v.FriendlyName, Enabled: v.Enabled, Rate: v.Rate,
		Unknown: v.Unknown, Entrance: d.Entrance(c.Origin(), v.SID), DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt),
		URL: c.URL("/Connections/", string(v.SID)), Addresses: v.Addresses, Settings: map[string]string{}, Secrets: []string{},
	}
	if w.Addresses == nil {
		w.Addresses = []string{}
	}
	if w.Unknown == "" {
		w.Unknown = connection.Resend
	}
	for _, k := range d.Connections.Kinds() {
		if k.Name == v.Kind {
			w.Settings, w.Secrets = v.Shown(k)
		}
	}
	w.Links = map[string]string{"health": w.URL + "/Health"}
	return w
}

// healthWire is how a connection stands.
type healthWire struct {
	ConnectionSID sid.SID `json:"connection_sid"`
	Status        string  `json:"status"` // up, down, or unknown when nothing was tried yet
	Since         *string `json:"since"`
	Problem       *string `json:"problem"`
	URL           string  `json:"url"`
}

func health(d Deps) rest.Mount {
	return rest.Op[none, healthWire]{
		Method: http.MethodGet, Path: "/Connections/{Sid}/Health", Grants: grants,
		Do: func(ctx context.Context, c *rest.Call, _ none) (w healthWire, err error) {
			h, err := d.Connections.Health(ctx, c.Actor, c.SID("Sid"))
			if err != nil {
				return w, err
			}
			w = healthWire{
				ConnectionSID: c.SID("Sid"), Status: "unknown", Since: c.Date(h.Since), URL: c.URL("/Connections/", c.Var("Sid"), "/Health"),
			}
			switch {
			case h.Up:
				w.Status = "up"
			case !h.Since.IsZero():
				w.Status = "down"
			}
			if h.Problem != "" {
				w.Problem = &h.Problem
			}
			return w, nil
		},
	}
}

func deliveries(d Deps) rest.Mount {
	return rest.Resource[delivery.Delivery, none]{
		Path: "/Channels/{ChannelSid}/Deliveries", Key: "deliveries", Read: seen,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[delivery.Delivery], error) {
			return d.Deliveries.List(ctx, c.Actor, c.SID("ChannelSid"), p)
		},
		View: func(_ *rest.Call, v delivery.Delivery) any { return v.Data() },
	}
}
