package flowrun

import (
	"context"
	"net/url"
	"strings"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/hook"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// hostedDomain is where the original hosts functions: there is nobody here to answer for it.
const hostedDomain = ".twil.io"

// unmapped says what to do about a function that has no address.
const unmapped = "no address is given for this function; map it in the admin under Flow connections, or by REST at /usher/v1/Functions"

// function turns the call of a function into a signed one of the address that the operator has mapped. A widget whose URL is
// somebody's own, not the original's, needs no mapping. why is not empty where there is nobody to call.
func (r *FlowRun) function(ctx context.Context, acct int64, c engine.HTTPCall, q *hook.Request) (why string, err error) {
	address, err := r.Studio.AddressOf(ctx, acct, studio.Called{
		URL: c.URL, Service: c.Service, Environment: c.Environment, Function: c.FunctionSID,
	})
	if err != nil {
		return "", err
	}
	if address == "" {
		if u, err := url.Parse(c.URL); err != nil || u.Host == "" || strings.HasSuffix("."+strings.ToLower(u.Hostname()), hostedDomain) {
			return unmapped, nil
		}
		address = c.URL
	}
	owner, err := r.owner(ctx, acct)
	if err != nil {
		return "", err
	}
	q.AuthToken = owner.AuthToken
	form, err := url.ParseQuery(c.Body)
	if err != nil {
		return "the parameters cannot be sent", nil
	}
	q.URL, q.Form, q.Body, q.ContentType = address, form, nil, ""
	return "", nil
}

// owner is the account whose token signs a call.
func (r *FlowRun) owner(ctx context.Context, acct int64) (a account.Account, err error) {
	err = r.db.View(ctx, func(tx *db.Tx) (err error) {
		a, err = r.Accounts.ByIDTx(tx, acct)
		return err
	})
	return a, err
}
