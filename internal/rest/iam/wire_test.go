package iam_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/rest/iam"
	"usher/internal/sid"
	"usher/test/resttest"
	"usher/test/wire"
)

const (
	service = "IS00000000000000000000000000000001"
	other   = "IS00000000000000000000000000000002"
)

func world(t *testing.T, d *db.DB) wire.Server {
	t.Helper()
	w := resttest.New(t, d)
	f := flex.New(d)
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		return f.PutConfigurationTx(tx, w.Account.ID, flex.ConfigurationDocument{ChatService: service})
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, enabled := range map[string]bool{"flow": true, "flow off": false} {
		friendly, chat, kind, work, url := name, sid.SID(other), "web", flex.External, "https://example.com"
		flow, err := f.CreateFlow(t.Context(), w.Owner, flex.FlowChange{
			FriendlyName: &friendly, ChatService: &chat, ChannelType: &kind, Enabled: &enabled, IntegrationType: &work,
			Integration: flex.IntegrationChange{URL: &url},
		})
		if err != nil {
			t.Fatal(err)
		}
		if name == "flow off" {
			name = "flowoff"
		}
		w.Vars[name] = string(flow.SID)
	}
	w.Vars["service"], w.Vars["other"] = service, other
	return w.Serve(t, iam.Product(iam.Deps{
		Tokens: w.Accounts, Flex: f, Key: []byte("key"), PerMinute: 1, Burst: 30,
		Origin: func(_ context.Context, _, _ sid.SID, origin string) error {
			if origin == "https://evil.example" {
				return fault.Forbidden("This site may not show the widget")
			}
			return nil
		},
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
	resttest.Routes(t, "testdata/routes.txt", iam.Product(iam.Deps{}))
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := world(t, d)
		post := func(path, body string) (int, map[string]any) {
			r := httptest.NewRequest("POST", "/iam/v1/Accounts/"+s.Vars["account"]+"/Tokens"+path, strings.NewReader(body))
			w := httptest.NewRecorder()
			s.Handler.ServeHTTP(w, r)
			var out map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
				t.Fatal(err)
			}
			return w.Code, out
		}
		_, first := post("", `{"flow_sid":"`+s.Vars["flow"]+`"}`)
		code, again := post("/refresh", `{"token":"`+first["token"].(string)+`"}`)
		if code != 200 || again["identity"] != first["identity"] || again["token"] == "" || again["visitor"] == "" {
			t.Errorf("%d %v", code, again)
		}
		// A token of the desk lasts as long as it lasts.
		agent := s.Users["agent"][1]
		if code, out := post("/refresh", `{"token":"`+agent+`"}`); code != 200 || out["token"] != agent || out["visitor"] != nil {
			t.Errorf("%d %v", code, out)
		}
	})
}
