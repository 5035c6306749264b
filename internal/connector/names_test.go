package connector

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n Names
		asked := 0
		ask := func(name string, err error) func() (string, error) {
			return func() (string, error) { asked++; return name, err }
		}
		if n.Of("a", ask("Ada", nil)) != "Ada" || n.Of("a", ask("Bob", nil)) != "Ada" || asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		if n.Of("b", ask("", errors.New("down"))) != "" || n.Of("b", ask("Bob", nil)) != "" || asked != 2 {
			t.Errorf("who does not answer was asked %d times", asked-1)
		}
		time.Sleep(namePause)
		if n.Of("b", ask("Bob", nil)) != "Bob" {
			t.Error("nobody was asked after the pause")
		}
		time.Sleep(nameLasts)
		if n.Of("a", ask("", errors.New("down"))) != "Ada" {
			t.Error("an old name is better than none")
		}
		time.Sleep(namePause)
		if n.Of("a", ask("Ada L", nil)) != "Ada L" {
			t.Error("a name was not asked for anew")
		}
		for i := range maxNames + 1 {
			n.Of(strconv.Itoa(i), ask("x", nil))
		}
		if len(n.known) > maxNames {
			t.Errorf("%d names are kept", len(n.known))
		}
	})
}
