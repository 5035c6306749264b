package flex

import (
	"errors"
	"testing"

	"usher/internal/db"
	"usher/internal/sid"
)

func TestOwner(t *testing.T) {
	each(t, func(t *testing.T, h *world) {
		for kind, identity := range map[string]string{"sms": "+15005550100", "whatsapp": "+15005550100", "facebook": "messenger:42", "line": "U1", "custom": "custom:desk"} {
			change := FlowChange{
				FriendlyName: new(kind), ChatService: new(sid.New(sid.ChatService)), ChannelType: &kind, ContactIdentity: &identity,
				IntegrationType: new(Studio), Integration: IntegrationChange{FlowSID: new(sid.New("FW"))},
			}
			if _, err := h.CreateFlow(t.Context(), h.owner, change); err != nil {
				t.Fatal(err)
			}
		}
		for address, want := range map[string]string{
			"+15005550100": "sms", "whatsapp:+15005550100": "whatsapp", "messenger:42": "facebook", "line:U1": "line", "custom:desk": "custom",
			"+15005550199": "", "messenger:43": "", "custom:+15005550100": "",
		} {
			err := h.db.View(t.Context(), func(tx *db.Tx) error {
				flow, err := h.OwnerTx(tx, h.owner.Account, address)
				switch {
				case errors.Is(err, db.ErrNotFound) && want == "":
				case err != nil || flow.ChannelType != want:
					t.Errorf("%s belongs to %q (%v), want %q", address, flow.ChannelType, err, want)
				case ChannelTypeOf(flow.Address()) != want:
					t.Errorf("the flow %s has the address %s", want, flow.Address())
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ kind, identity, want string }{
		{"web", "+15005550100", ""},
		{"sms", "", ""},
		{"sms", " +15005550100 ", "+15005550100"},
		{"whatsapp", "+15005550100", "whatsapp:+15005550100"},
		{"whatsapp", "whatsapp:+15005550100", "whatsapp:+15005550100"},
		{"facebook", "42", "messenger:42"},
		{"pigeon", "42", ""},
	} {
		flow := Flow{ChannelType: row.kind, FlowDocument: FlowDocument{ContactIdentity: row.identity}}
		if got := flow.Address(); got != row.want {
			t.Errorf("%s %q has the address %q, want %q", row.kind, row.identity, got, row.want)
		}
	}
}
