package realtime

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

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

// Coming is told at once, going after a while, and a connection that only breaks not at all.
func TestPresence_tell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Presence
		var failing error
		told := func(want string) {
			t.Helper()
			got := ""
			if err := p.Tell(t.Context(), func(_ context.Context, account int64, service sid.SID, identity string) error {
				got += fmt.Sprintf("%s %v ", identity, p.Online(account, service, identity))
				return failing
			}); err != nil || got != want {
				t.Errorf("told %q, want %q: %v", got, want, err)
			}
		}
		ada := account.Actor{Account: 1, ChatService: "IS1", Identity: "ada"}
		p.Enter(ada)() // before somebody listens
		time.Sleep(absence)
		told("")
		p.Listen()
		first := p.Enter(ada)
		second := p.Enter(ada)
		told("ada true ")
		told("")
		first()
		time.Sleep(absence)
		told("")
		second()
		told("")
		third := p.Enter(ada) // came back in time
		time.Sleep(2 * absence)
		told("")
		third()
		time.Sleep(absence)
		failing = errors.New("no database")
		told("ada false ")
		failing = nil
		told("ada false ")
		told("")
		p.Enter(ada)() // a short visit: somebody may have looked meanwhile
		told("")
		time.Sleep(absence)
		told("ada false ")
		if len(p.told) != 0 || len(p.changed) != 0 || len(p.n) != 0 {
			t.Errorf("left: %v %v %v", p.told, p.changed, p.n)
		}
	})
}
