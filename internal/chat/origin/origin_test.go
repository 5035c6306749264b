package origin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/chat/origin"
	"usher/internal/chat/settings"
	"usher/internal/event"
	"usher/internal/sid"
)

func TestOf(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, tt := range []struct {
		name     string
		request  *bool
		identity string
		want     *event.Origin
		client   bool
	}{
		{"a client", nil, "ada", &event.Origin{Source: "SDK", Identity: "ada", Service: "IS1"}, true},
		{"Usher itself", nil, "", nil, false},
		{"a request", new(bool), "ada", nil, false},
		{"a request that wants webhooks", ptr(true), "ada", &event.Origin{Source: "API", Service: "IS1"}, false},
	} {
		ctx := ctx
		if tt.request != nil {
			ctx = origin.ByRequest(ctx, *tt.request)
		}
		if got, client := origin.Of(ctx, tt.identity, "IS1"); client != tt.client || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %+v %v", tt.name, got, client)
		}
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	const service = sid.SID("IS1")
	ada := &event.Origin{Source: "SDK", Identity: "ada", Service: service}
	quiet := &event.Origin{Source: "SDK", Identity: "ada", Service: service, Quiet: true, Pushes: settings.HookPushMessage}
	for _, tt := range []struct {
		name       string
		by         *event.Origin
		hooks, own int64
		want       *event.Origin
	}{
		{"nobody hears", ada, settings.HookBefore, 0, nil},
		{"the service's webhook", ada, settings.HookAfter, 0, ada},
		{"a channel's webhook", ada, 0, 1, ada},
		{"a request without webhooks", nil, settings.HookAfter, 1, nil},
		{"devices alone", ada, settings.HookPushMessage, 0, quiet},
		{"devices, of what nobody in particular did", nil, settings.HookPushAdded, 1, &event.Origin{Service: service, Quiet: true, Pushes: settings.HookPushAdded}},
		{"both", ada, settings.HookAfter | settings.HookPushMessage, 0, &event.Origin{
			Source: "SDK", Identity: "ada", Service: service, Pushes: settings.HookPushMessage,
		}},
	} {
		if got := origin.Told(tt.by, service, tt.hooks, tt.own); !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if ada.Quiet || ada.Pushes != 0 {
		t.Error("what was given is changed")
	}
}

func ptr[T any](v T) *T { return &v }
