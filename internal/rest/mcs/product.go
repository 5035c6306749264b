// Package mcs is the REST API of files: where chat clients upload them and fetch them.
//
// A file is fetched by an address that is signed and runs out within minutes, for pictures are loaded by browsers, which send no
// token along. The address holds no credential and opens one file only.
package mcs

import (
	"context"
	"io"

	"usher/internal/account"
	"usher/internal/media"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Files keeps the files; *media.Store does.
type Files interface {
	Upload(ctx context.Context, actor account.Actor, service sid.SID, n media.NewMedia, body io.Reader) (media.Media, error)
	Get(ctx context.Context, actor account.Actor, service, file sid.SID) (media.Media, error)
	Find(ctx context.Context, service, file sid.SID) (media.Media, error)
	Open(ctx context.Context, m media.Media) (io.ReadSeekCloser, error)
	Thumbnail(ctx context.Context, m media.Media) (picture []byte, contentType string, err error)
}

// Rules keeps what services take; *media.Store does.
type Rules interface {
	RulesOf(ctx context.Context, actor account.Actor, service sid.SID) (media.Rules, error)
	SetRules(ctx context.Context, actor account.Actor, service sid.SID, ch media.RulesChange) (media.Rules, error)
}

// Deps are what the product is made of.
type Deps struct {
	Files Files
	Rules Rules
	// Key signs addresses; the same on every node and after every start.
	Key []byte
	// Origin is where signed addresses lead, such as https://media.example.org: an origin on which nothing else is kept. "" is
	// the one that the caller used.
	Origin string
}

// anyone who chats may call; what exactly an actor sees is decided by package media.
var anyone = []account.Grant{account.ChatRead, account.ChatWrite, account.ChatOwn}

// Path variables.
const (
	varService = "ServiceSid"
	varFile    = "Sid"
	varUntil   = "Until"
	varProof   = "Signature"
)

const (
	collection = "/Services/{ServiceSid}/Media"
	item       = collection + "/{Sid}"
	signature  = "/{Until}/{Signature}"
)

// Product returns the endpoints of files, version 1.
func Product(d Deps) rest.Product {
	e := &endpoint{d}
	return rest.Product{
		Name: "mcs", Aliases: []string{"media"}, Version: "v1", TokenHeader: true,
		Hosts: []string{"mcs.twilio.com", "mcs.us1.twilio.com", "media.twilio.com"},
		Routes: []rest.Mount{
			rest.Upload[fileWire]{Path: collection, Grants: anyone, Do: e.upload},
			rest.Op[struct{}, fileWire]{Method: "GET", Path: item, Grants: anyone, Do: e.fetch},
			rest.Download{Path: item + "/Content", Grants: anyone, Do: e.content},
			rest.Download{Path: item + "/Content" + signature, Public: true, Do: e.signedContent},
			rest.Download{Path: item + "/Thumbnail" + signature, Public: true, Do: e.signedThumbnail},
			rest.Op[struct{}, rulesWire]{Method: "GET", Path: "/Services/{ServiceSid}/Configuration", Grants: anyone, Do: e.rules},
			rest.Op[rulesForm, rulesWire]{
				Method: "POST", Path: "/Services/{ServiceSid}/Configuration", Grants: []account.Grant{account.ChatWrite}, Do: e.setRules,
			},
		},
	}
}

type endpoint struct{ Deps }

type rulesForm struct {
	MaxBytes        rest.Opt[int64] `form:"MaxBytes"`
	VisitorMaxBytes rest.Opt[int64] `form:"VisitorMaxBytes"`
	ContentTypes    []string        `form:"ContentTypes"`
}

type rulesWire struct {
	AccountSID      sid.SID  `json:"account_sid"`
	ServiceSID      sid.SID  `json:"service_sid"`
	MaxBytes        int64    `json:"max_bytes"`
	VisitorMaxBytes int64    `json:"visitor_max_bytes"`
	ContentTypes    []string `json:"content_types"` // empty allows all
	URL             string   `json:"url"`
}

func (e *endpoint) rules(ctx context.Context, c *rest.Call, _ struct{}) (rulesWire, error) {
	r, err := e.Rules.RulesOf(ctx, c.Actor, c.SID(varService))
	return viewRules(c, r), err
}

func (e *endpoint) setRules(ctx context.Context, c *rest.Call, in rulesForm) (rulesWire, error) {
	r, err := e.Rules.SetRules(ctx, c.Actor, c.SID(varService), media.RulesChange{
		MaxBytes: in.MaxBytes.Ptr(), VisitorBytes: in.VisitorMaxBytes.Ptr(), Types: in.ContentTypes,
	})
	return viewRules(c, r), err
}

func viewRules(c *rest.Call, r media.Rules) rulesWire {
	types := r.Types
	if types == nil {
		types = []string{}
	}
	return rulesWire{
		AccountSID: c.Actor.AccountSID, ServiceSID: c.SID(varService), MaxBytes: r.MaxBytes,
		VisitorMaxBytes: min(r.MaxBytes, r.VisitorBytes), ContentTypes: types,
		URL: c.URL("/Services/", string(c.SID(varService)), "/Configuration"),
	}
}
