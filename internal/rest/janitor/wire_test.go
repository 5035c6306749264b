package janitor_test

import (
	"testing"

	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/janitor"
	"usher/internal/job"
	restjanitor "usher/internal/rest/janitor"
	"usher/internal/studio"
	"usher/test/resttest"
	"usher/test/wire"
)

// idle makes no tasks and cancels none.
type idle struct{}

func (idle) StartTx(*db.Tx, flex.Flow, *flex.Channel, *chat.Channel) error { return nil }
func (idle) AbandonTx(*db.Tx, *flex.Channel, string) error                 { return nil }

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	f, b := flex.New(d), bus.NewMemory()
	c := chat.New(chat.Deps{DB: d, Log: event.New(d, b, job.New(d, b), nil, nil), Ring: d.Ring()})
	service, err := c.CreateService(t.Context(), w.Owner, chat.NewService{FriendlyName: "Flex Chat Service"})
	if err != nil {
		t.Fatal(err)
	}
	doors := inbound.New(f, c, idle{})
	open := func(name string, long bool) {
		flow, err := f.CreateFlow(t.Context(), w.Owner, flex.FlowChange{
			FriendlyName: &name, ChatService: &service.SID, ChannelType: new("web"), IntegrationType: new(flex.External),
			Integration: flex.IntegrationChange{URL: new("https://bot.example/")}, Janitor: new(true), LongLived: &long,
		})
		if err != nil {
			t.Fatal(err)
		}
		ch, _, err := doors.Open(t.Context(), w.Owner, inbound.Opening{Flow: flow.SID, Identity: name, ChannelName: "Chat", Web: true})
		if err != nil {
			t.Fatal(err)
		}
		w.Vars["flow"+name], w.Vars["channel"+name] = string(flow.SID), string(ch.SID)
	}
	open("quiet", false)
	open("long", true)
	if err := d.Do(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("update flex_channel set updated_at = updated_at - 172800000000")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	j := janitor.New(janitor.Deps{Flex: f, Chat: c, Studio: studio.New(d), Waiting: idle{}})
	return w.Serve(t, restjanitor.Product(j, f))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", restjanitor.Product(nil, nil))
}
