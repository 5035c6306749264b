package proxy_test

import (
	"context"
	"fmt"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/proxy"
	restproxy "usher/internal/rest/proxy"
	"usher/internal/sid"
	"usher/test/resttest"
	"usher/test/wire"
)

// owned are the numbers of one account.
type owned struct {
	account int64
	list    []proxy.Owned
}

func (o *owned) OwnedTx(_ *db.Tx, acct int64, s sid.SID, address string) (proxy.Owned, error) {
	for _, n := range o.list {
		if acct == o.account && (s == n.SID || s == "" && address == n.Address) {
			return n, nil
		}
	}
	return proxy.Owned{}, fmt.Errorf("number: %w", db.ErrNotFound)
}

func (o *owned) MaskTx(*db.Tx, int64, sid.SID, sid.SID) error { return nil }

// teller writes down what would be sent.
type teller struct{ *proxy.Proxy }

func (t teller) Tell(ctx context.Context, actor account.Actor, service, session string, who sid.SID, body string) (i proxy.Interaction, err error) {
	err = t.DB().Do(ctx, func(tx *db.Tx) error {
		_, s, v, err := t.TellTx(tx, actor.Account, service, session, who, body)
		if err != nil {
			return err
		}
		i, err = t.RecordTx(tx, &s, proxy.NewInteraction{
			Body: body, Told: &v, Outbound: proxy.Side{Participant: v.SID, Resource: sid.New(sid.SMS), Status: "queued"},
		})
		return err
	})
	return i, err
}

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	own := &owned{account: w.Account.ID}
	for _, n := range []struct{ name, prefix, address string }{
		{"first", sid.PhoneNumber, "+12125550901"},
		{"second", sid.PhoneNumber, "+12125550902"},
		{"code", sid.ShortCode, "44444"},
	} {
		s := sid.New(n.prefix)
		w.Vars[n.name] = string(s)
		own.list = append(own.list, proxy.Owned{SID: s, Address: n.address, FriendlyName: n.name, Capabilities: proxy.Capabilities{SMS: true, MMS: true}})
	}
	p := proxy.New(proxy.Deps{DB: d, Numbers: own})
	pass := sid.New(sid.SMS)
	w.Vars["arrived"] = string(pass)
	return w.Serve(t, restproxy.Product(restproxy.Deps{Proxy: p, Teller: teller{p}}))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", restproxy.Product(restproxy.Deps{}))
}
