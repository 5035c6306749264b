package taskrouter

import (
	"encoding/json"
	"testing"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/taskrouter/row"
)

func TestKeeps(t *testing.T) {
	t.Parallel()
	agent := account.Actor{Account: 1, Role: account.RoleAgent, Worker: "WK1"}
	supervisor := account.Actor{Account: 1, Role: account.RoleSupervisor}
	for _, tt := range []struct {
		actor    account.Actor
		had, set string
		refused  bool
	}{
		{agent, `{}`, `{"a":1}`, false},
		{agent, `{}`, `{"channelSid":"CH1"}`, true},
		{agent, ``, `{"channelSid":"CH1"}`, true},
		{agent, `{"channelSid":"CH1"}`, `{"channelSid":"CH1","a":1}`, false},
		{agent, `{"channelSid":"CH1"}`, `{"channelSid":"CH2"}`, true},
		{agent, `{"channelSid":"CH1"}`, `{"channelSid":"CH1","channelSid":"CH2"}`, true},
		{agent, `{"channelSid":"CH1"}`, `{"channel\u0053id":"CH2"}`, true},
		{agent, `{"channelSid":"CH1"}`, `{}`, false},
		{agent, `{}`, `{"channelSid":["CH2"]}`, false}, // is no channel to anybody
		{supervisor, `{}`, `{"channelSid":"CH1"}`, false},
	} {
		err := keeps(tt.actor, row.ChannelAttribute, json.RawMessage(tt.had), &tt.set)
		if fault.Is(err, fault.KindForbidden) != tt.refused || !tt.refused && err != nil {
			t.Errorf("from %s to %s by %s: %v", tt.had, tt.set, tt.actor.Role, err)
		}
	}
	if err := keeps(agent, row.ChannelAttribute, nil, nil); err != nil {
		t.Errorf("no attributes: %v", err)
	}
}
