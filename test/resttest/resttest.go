// Package resttest sets up what the wire tests of a product need: accounts with every kind of caller, and a server.
//
//	func TestWire(t *testing.T) {
//		dbtest.Each(t, func(t *testing.T, d *db.DB) {
//			wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server {
//				w := resttest.New(t, d)
//				return w.Serve(t, chat.Product(…))
//			})
//		})
//	}
//
//	func TestRoutes(t *testing.T) { resttest.Routes(t, "testdata/routes.txt", chat.Product(nil)) }
package resttest

import (
	"context"
	"log/slog"
	"testing"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/test/wire"
)

// Visitor is the chat identity of the user "visitor".
const Visitor = "visitor-1"

// World is a fresh main account and the callers that transcripts name: owner (the account itself), key (a standard API key), admin,
// supervisor, agent and visitor (access tokens), foreign (a subaccount, which must not see its parent's things) and stranger (an account
// that has nothing to do with it).
type World struct {
	DB       *db.DB
	Accounts *account.Accounts
	Account  account.Account
	Owner    account.Actor // what "owner" authenticates as
	Users    map[string][2]string
	Vars     map[string]string // names of values in transcripts; add to it before Serve
}

// New makes a world of its own on the database.
func New(t *testing.T, d *db.DB) *World {
	t.Helper()
	ctx := context.Background()
	w := &World{DB: d, Accounts: account.New(account.Deps{DB: d}), Users: map[string][2]string{}, Vars: map[string]string{}}
	var strangers account.Account
	for _, name := range []string{"stranger", "account"} {
		setup, err := w.Accounts.Bootstrap(ctx, account.Spec{AccountSID: sid.New(sid.Account), FriendlyName: name})
		if err != nil {
			t.Fatal(err)
		}
		w.Account, strangers = setup.Account, w.Account
	}
	w.Owner = account.Actor{Account: w.Account.ID, AccountSID: w.Account.SID, Role: account.RoleOwner}
	key, err := w.Accounts.CreateKey(ctx, w.Owner, "key")
	if err != nil {
		t.Fatal(err)
	}
	child, err := w.Accounts.Create(ctx, w.Owner, "child")
	if err != nil {
		t.Fatal(err)
	}
	w.Users["owner"] = [2]string{string(w.Account.SID), w.Account.AuthToken}
	w.Users["key"] = [2]string{string(key.SID), key.Secret}
	w.Users["foreign"] = [2]string{string(child.SID), child.AuthToken}
	w.Users["stranger"] = [2]string{string(strangers.SID), strangers.AuthToken}
	w.Vars["account"], w.Vars["key"], w.Vars["child"], w.Vars["stranger"] = string(w.Account.SID), string(key.SID), string(child.SID), string(strangers.SID)
	for _, role := range []account.Role{account.RoleAdmin, account.RoleSupervisor, account.RoleAgent} {
		w.Token(t, string(role), account.TokenSpec{Identity: string(role) + "-1", Role: role})
	}
	w.Token(t, "visitor", account.TokenSpec{Identity: Visitor, Role: account.RoleVisitor})
	return w
}

// Token adds a user with an access token of the world's account.
func (w *World) Token(t *testing.T, user string, spec account.TokenSpec) string {
	t.Helper()
	spec.Account = w.Account.ID
	token, _, err := w.Accounts.Mint(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	w.Users[user] = [2]string{"token", token}
	return token
}

// Serve mounts products and returns what a transcript is played against.
func (w *World) Serve(t *testing.T, products ...rest.Product) wire.Server {
	t.Helper()
	s, err := rest.New(rest.Options{
		Products: products, Auth: w.Accounts, Key: []byte("resttest"),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return wire.Server{Handler: s, Users: w.Users, Vars: w.Vars}
}

// Routes compares the listing of a product with a golden file.
func Routes(t *testing.T, file string, p rest.Product) {
	t.Helper()
	got, err := rest.Listing(p)
	if err != nil {
		t.Fatal(err)
	}
	wire.Golden(t, file, got)
}
