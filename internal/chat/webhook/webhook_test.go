package webhook_test

import (
	"testing"

	"usher/internal/chat/webhook"
)

func TestWants(t *testing.T) {
	t.Parallel()
	filters := webhook.Configuration{Kind: webhook.URL, Filters: []string{"onMessageSent"}}
	trigger := webhook.Configuration{Kind: webhook.Trigger, Triggers: []string{"help", "Hilfe"}}
	studio := webhook.Configuration{Kind: webhook.Studio}
	for _, tt := range []struct {
		c           webhook.Configuration
		event, body string
		want        bool
	}{
		{filters, "onMessageSent", "", true},
		{filters, "onMediaMessageSent", "", false},
		{trigger, "onMessageSent", "please help", true},
		{trigger, "onMediaMessageSent", "Hilfe", true},
		{trigger, "onMessageSent", "HELP", false},
		{trigger, "onMessageUpdated", "help", false},
		{studio, "onMessageSent", "", true},
		{studio, "onMediaMessageSent", "", true},
		{studio, "onMemberAdded", "", false},
		{webhook.Configuration{}, "onMessageSent", "", false},
	} {
		if got := tt.c.Wants(tt.event, tt.body); got != tt.want {
			t.Errorf("%s of %s %q: %v", tt.event, tt.c.Kind, tt.body, got)
		}
	}
}
