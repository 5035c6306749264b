package permission

import "testing"

func TestParse_everyNameOfItsScope(t *testing.T) {
	t.Parallel()
	for scope, set := range map[Scope]Set{Deployment: deployment, Channel: channel} {
		got, err := Parse(scope, set.Names())
		if err != nil || got != set {
			t.Errorf("%s: %v %v", scope, got, err)
		}
	}
	for _, r := range Defaults {
		if _, err := Parse(r.Scope, r.Set.Names()); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	if all := (deployment | channel).Names(); len(all) != len(words) {
		t.Errorf("%d bits have a name of %d", len(all), len(words))
	}
	if SendMessage.String() != "sendMessage" || EditNotificationLevel.String() != "editNotificationLevel" {
		t.Error("the names are not in the order of the bits")
	}
}
