package realtime

import (
	"testing"

	"usher/internal/account"
	"usher/internal/sid"
)

func TestPresence(t *testing.T) {
	t.Parallel()
	var p Presence
	ada := account.Actor{Account: 1, ChatService: "IS1", Identity: "ada"}
	first, second := p.Enter(ada), p.Enter(ada)
	nobody := p.Enter(account.Actor{Account: 1})
	for _, tt := range []struct {
		account  int64
		service  sid.SID
		identity string
		want     bool
	}{{1, "IS1", "ada", true}, {2, "IS1", "ada", false}, {1, "IS2", "ada", false}, {1, "IS1", "bob", false}, {1, "", "", false}} {
		if got := p.Online(tt.account, tt.service, tt.identity); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	first()
	first()
	if !p.Online(1, "IS1", "ada") {
		t.Error("one of two connections has ended, twice")
	}
	second()
	nobody()
	if p.Online(1, "IS1", "ada") || len(p.n) != 0 {
		t.Error("nobody is there any more")
	}
	(*Presence)(nil).Enter(ada)()
}
