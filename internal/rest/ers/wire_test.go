package ers_test

import (
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/push"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	restchat "usher/internal/rest/chat"
	"usher/internal/rest/ers"
	"usher/test/resttest"
	"usher/test/wire"
)

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	b := bus.NewMemory()
	owners := map[event.StreamKind]string{event.Channel: "chat_channel", event.User: "chat_user"}
	c := chat.New(chat.Deps{DB: d, Log: event.New(d, b, job.New(d, b), owners, nil), Ring: d.Ring()})
	service, err := c.CreateService(t.Context(), w.Owner, chat.NewService{FriendlyName: "Flex Chat Service"})
	if err != nil {
		t.Fatal(err)
	}
	w.Vars["service"] = string(service.SID)
	for _, user := range []string{"ada", "bob"} {
		w.Vars[user+"Token"] = w.Token(t, user, account.TokenSpec{Identity: user, Role: account.RoleVisitor, ChatService: service.SID})
	}
	devices := push.New(d, c)
	return w.Serve(t, ers.Product(w.Accounts, devices), restchat.Product(restchat.Deps{Chat: c, Push: devices}))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", ers.Product(nil, nil))
}
