// Package messaging is the wire of messages by carriers: the part of the 2010 API that texts (Messages with their media and
// feedback, IncomingPhoneNumbers, ShortCodes, Applications), and the messaging API's Services.
package messaging

import (
	"context"
	"io"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/media"
	"usher/internal/messaging"
	"usher/internal/rest"
	"usher/internal/sid"
)

// Files reads the bytes of what carriers brought; *media.Store does it.
type Files interface {
	Find(ctx context.Context, service, file sid.SID) (media.Media, error)
	Open(ctx context.Context, m media.Media) (io.ReadSeekCloser, error)
}

// Accounts finds the actor that a path's account means: the caller's own, or a subaccount's. *account.Accounts does it.
type Accounts interface {
	As(ctx context.Context, actor account.Actor, s sid.SID) (account.Actor, error)
}

// Deps is what the operations stand on.
type Deps struct {
	Messages *messaging.Messaging
	Accounts Accounts
	Files    Files
	Links    messaging.Links
}

// endpoint holds the operations.
type endpoint struct{ Deps }

var (
	read   = []account.Grant{account.MessagingRead}
	send   = []account.Grant{account.MessagingSend}
	manage = []account.Grant{account.MessagingManage}
)

// Mounts are the routes within the 2010 API.
func Mounts(d Deps) []rest.Mount {
	e := &endpoint{d}
	mounts := []rest.Mount{e.messages(), e.messageMedia(), e.mediaContent(), e.feedback(), e.shortCodes(), e.applications()}
	return append(mounts, e.numbers()...)
}

// as is the actor that the path's account means.
func (e *endpoint) as(ctx context.Context, c *rest.Call) (account.Actor, error) {
	return e.Accounts.As(ctx, c.Actor, c.SID("AccountSid"))
}

// uri is the path of something in the path's account.
func uri(c *rest.Call, parts ...string) string {
	out := "/2010-04-01/Accounts/" + c.Var("AccountSid")
	for _, p := range parts {
		out += "/" + p
	}
	return out
}

// optional is null for an empty text.
func optional[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// paged runs a list for the path's account.
func paged[T any](e *endpoint, ctx context.Context, c *rest.Call, list func(actor account.Actor) (db.PageOf[T], error)) (page db.PageOf[T], err error) {
	actor, err := e.as(ctx, c)
	if err != nil {
		return page, err
	}
	return list(actor)
}
