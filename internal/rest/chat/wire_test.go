package chat_test

import (
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/chat/push"
	"usher/internal/chat/webhook"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/job"
	restchat "usher/internal/rest/chat"
	"usher/test/resttest"
	"usher/test/wire"
)

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	b := bus.NewMemory()
	c := chat.New(chat.Deps{DB: d, Log: event.New(d, b, job.New(d, b), nil, nil), Ring: d.Ring()})
	service, err := c.CreateService(t.Context(), w.Owner, chat.NewService{FriendlyName: "Flex Chat Service"})
	if err != nil {
		t.Fatal(err)
	}
	w.Vars["service"] = string(service.SID)
	w.Vars["serviceUser"], w.Vars["channelAdmin"], w.Vars["channelUser"] = string(service.ServiceRole), string(service.CreatorRole), string(service.ChannelRole)
	for user, spec := range map[string]account.TokenSpec{
		"ada": {Identity: "ada", Role: account.RoleVisitor}, "bob": {Identity: "bob", Role: account.RoleAgent},
		"sue": {Identity: "sue", Role: account.RoleSupervisor},
	} {
		spec.ChatService = service.SID
		w.Token(t, user, spec)
	}
	return w.Serve(t, restchat.Product(restchat.Deps{Chat: c, MediaMB: 150, Webhooks: webhook.New(d, c), Push: push.New(d, c)}))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", restchat.Product(restchat.Deps{}))
}
