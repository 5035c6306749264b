package accounts_test

import (
	"testing"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/rest/accounts"
	"usher/test/resttest"
	"usher/test/wire"
)

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server {
			w := resttest.New(t, d)
			return w.Serve(t, accounts.Product(w.Accounts, w.Accounts))
		})
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", accounts.Product(nil, nil))
}
