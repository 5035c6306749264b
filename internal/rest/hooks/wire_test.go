package hooks_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"testing"
	"time"

	"usher/internal/bus"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/flex"
	"usher/internal/flowrun"
	"usher/internal/hook"
	"usher/internal/job"
	"usher/internal/rest/hooks"
	"usher/internal/sid"
	"usher/test/resttest"
	"usher/test/wire"
)

// receiver answers every call in the same time.
type receiver struct{}

func (receiver) Post(_ context.Context, r hook.Request) (hook.Response, error) {
	switch r.Form.Get("Body") {
	case "breaks":
		return hook.Response{Status: 500, ContentType: "text/plain", Body: []byte("line 7: no such key"), Took: 3 * time.Millisecond},
			&hook.Error{Failure: hook.BadStatus, Status: 500, Reason: "Internal Server Error"}
	case "private":
		return hook.Response{}, &hook.Error{Failure: hook.Refused, Reason: "refused: the address is not public"}
	}
	return hook.Response{Status: 200, Took: 1500 * time.Microsecond}, nil
}

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	h := hook.New(hook.Deps{DB: d, Jobs: job.New(d, bus.NewMemory()), Client: receiver{}, Accounts: w.Accounts})
	for i, n := range []hook.Notice{
		{Kind: "onMessageSent", Content: hook.Content{
			URL: "https://shop.example:8443/flex?tenant=7", Form: url.Values{"Body": {"breaks"}, "EventType": {"onMessageSent"}},
		}},
		{Kind: "reservation.created", Method: "GET", Retries: 3, Content: hook.Content{URL: "https://shop.example/", Form: url.Values{"Body": {"private"}}}},
		{Kind: "json", Content: hook.Content{URL: "https://shop.example/json", Body: []byte(`{"a":1}`), ContentType: "application/json"}},
		{Kind: "later", Content: hook.Content{URL: "https://shop.example/", Form: url.Values{"Body": {"wait"}}}},
	} {
		n.Account, n.AccountSID, n.Subject = w.Account.ID, w.Account.SID, sid.New(sid.Channel)
		var made hook.Delivery
		if err := d.Do(t.Context(), func(tx *db.Tx) (err error) { made, err = h.EnqueueTx(tx, n); return err }); err != nil {
			t.Fatal(err)
		}
		name := strconv.Itoa(i + 1)
		w.Vars["delivery"+name], w.Vars["subject"+name] = string(made.SID), string(n.Subject)
		if n.Kind == "later" {
			continue
		}
		args, err := json.Marshal(map[string]any{"Delivery": made.SID, "Round": 0})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Deliver(t.Context(), job.Job{Account: w.Account.ID, Args: args, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
	}
	f := flex.New(d)
	flow, err := f.CreateFlow(t.Context(), w.Owner, flex.FlowChange{
		FriendlyName: new("Bot"), ChatService: new(sid.New(sid.ChatService)), ChannelType: new("web"), IntegrationType: new(flex.External),
		Integration: flex.IntegrationChange{URL: new("https://bot.example/hear")},
	})
	if err != nil {
		t.Fatal(err)
	}
	other, err := f.CreateFlow(t.Context(), w.Owner, flex.FlowChange{
		FriendlyName: new("Off"), ChatService: new(sid.New(sid.ChatService)), ChannelType: new("web"), IntegrationType: new(flex.External), Enabled: new(false),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Vars["flow"], w.Vars["other"] = string(flow.SID), string(other.SID)
	return w.Serve(t, hooks.Product(h, flowrun.New(flowrun.Deps{Flex: f, Hooks: h})))
}

func TestWire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		wire.Run(t, "testdata/*.txtar", func(t *testing.T) wire.Server { return world(t, d) })
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	resttest.Routes(t, "testdata/routes.txt", hooks.Product(nil, nil))
}
