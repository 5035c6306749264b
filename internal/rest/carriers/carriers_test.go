package carriers_test

import (
	"context"
	"testing"

	"usher/internal/account"
	"usher/internal/chat/delivery"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/inbound"
	"usher/internal/messaging/carry"
	"usher/internal/messaging/connection"
	"usher/internal/rest/carriers"
	"usher/internal/sid"
	"usher/test/resttest"
	"usher/test/wire"
)

// arrivals knows one channel's deliveries.
type arrivals struct{ channel sid.SID }

func (a arrivals) List(_ context.Context, actor account.Actor, channel sid.SID, _ db.Page) (page db.PageOf[delivery.Delivery], err error) {
	if channel != a.channel || !actor.Can(account.ChatRead) {
		return page, fault.NotFound("/Channels/" + string(channel))
	}
	d := delivery.Delivery{Index: 4, Document: delivery.Document{
		Channel: channel, Code: 30003, Reason: "unreachable",
		Parts: []delivery.Part{{Message: "SM00000000000000000000000000000001", Status: "undelivered"}},
	}}
	d.SID = "IM00000000000000000000000000000001"
	page.Items = append(page.Items, d)
	return page, nil
}

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	rows := connection.New(connection.Deps{DB: d, Kinds: []connection.Kind{{
		Name: "pigeon", Channels: []carry.Channel{carry.SMS},
		Fields: []connection.Field{
			{Name: "loft", Label: "Loft", Help: "Where it lives.", Required: true},
			{Name: "seed", Label: "Seed", Secret: true},
			{Name: "breed", Label: "Breed", Default: "homer", Choices: []string{"homer", "fantail"}},
		},
	}}})
	up, err := rows.Create(t.Context(), w.Owner, connection.Change{Kind: new("pigeon"), Settings: map[string]string{"loft": "roof", "seed": "corn"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Report(t.Context(), up.ID, carry.Health{Problem: "rain"}); err != nil {
		t.Fatal(err)
	}
	channel := sid.New(sid.Channel)
	w.Vars["connection"], w.Vars["channel"] = string(up.SID), string(channel)
	return w.Serve(t, carriers.Product(carriers.Deps{
		Connections: rows, Editor: rows, Deliveries: arrivals{channel}, Phones: &inbound.Phones{Connections: rows},
		Entrance: func(origin string, s sid.SID) string { return origin + "/carriers/" + string(s) },
	}))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", carriers.Product(carriers.Deps{}))
}
