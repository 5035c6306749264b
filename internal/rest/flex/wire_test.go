package flex_test

import (
	"context"
	"testing"

	"usher/internal/account"
	"usher/internal/bus"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/job"
	restflex "usher/internal/rest/flex"
	"usher/internal/sid"
	"usher/test/resttest"
	"usher/test/wire"
)

const (
	workspace = "WS00000000000000000000000000000001"
	workflow  = "WW00000000000000000000000000000001"
	task      = "WT00000000000000000000000000000001"
	queue     = "WQ00000000000000000000000000000001"
)

// router stands in for task routing: every channel gets the same task.
type router struct{ flex *flex.Flex }

func (r router) StartTx(tx *db.Tx, _ flex.Flow, c *flex.Channel, _ *chat.Channel) error {
	c.SetTask(task)
	return r.flex.UpdateChannelTx(tx, c)
}

func (router) AbandonTx(_ *db.Tx, c *flex.Channel, _ string) error {
	c.SetTask("")
	return nil
}

// seats lets everybody in once.
type seats struct{ taken map[string]bool }

func (s seats) Join(_ context.Context, _ account.Actor, channel sid.SID, _ account.Role, identity string) (sid.SID, error) {
	if !sid.Valid(string(channel), sid.Channel) {
		return "", fault.NotFound("/Channels/" + string(channel))
	}
	if s.taken[identity] {
		return "", fault.New(50404, "")
	}
	s.taken[identity] = true
	return "US00000000000000000000000000000001", nil
}

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	f := flex.New(d)
	b := bus.NewMemory()
	c := chat.New(chat.Deps{DB: d, Log: event.New(d, b, job.New(d, b), nil, nil), Ring: d.Ring()})
	service, err := c.CreateService(t.Context(), w.Owner, chat.NewService{FriendlyName: "Flex Chat Service"})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Do(t.Context(), func(tx *db.Tx) error {
		return f.PutConfigurationTx(tx, w.Account.ID, flex.ConfigurationDocument{Workspace: workspace, Workflow: workflow, ChatService: service.SID})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Vars["service"], w.Vars["workspace"], w.Vars["workflow"], w.Vars["queue"], w.Vars["task"] = string(service.SID), workspace, workflow, queue, task
	w.Token(t, "other visitor", account.TokenSpec{Identity: "visitor-2", Role: account.RoleVisitor})
	return w.Serve(t, restflex.Product(restflex.Deps{
		Flows: f, Channels: f, Doors: inbound.New(f, c, router{f}), Configurations: f, Accounts: w.Accounts, Seats: seats{map[string]bool{}},
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
	resttest.Routes(t, "testdata/routes.txt", restflex.Product(restflex.Deps{Seats: seats{}}))
}
