package ops

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	list, err := All()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, o := range list {
		if names[o.Product+o.Name] {
			t.Errorf("%s %s is listed twice", o.Product, o.Name)
		}
		names[o.Product+o.Name] = true
	}
	for _, tt := range []struct {
		o    Operation
		vars []string
		path string
	}{
		{
			Operation{Product: "chat", Path: "/v2/Services/{ServiceSid}/Channels/{ChannelSid}/Members"},
			[]string{"chat/Services", "chat/Services/Channels"},
			"/chat/v2/Services/a/Channels/b/Members",
		},
		{
			Operation{Product: "api", Path: "/2010-04-01/Accounts/{AccountSid}/Keys/{Sid}.json"},
			[]string{"api/Accounts", "api/Accounts/Keys"},
			"/api/2010-04-01/Accounts/a/Keys/b.json",
		},
	} {
		if diff := cmp.Diff(tt.vars, tt.o.Vars()); diff != "" {
			t.Errorf("%s: %s", tt.o.Path, diff)
		}
		if got := tt.o.Fill([]string{"a", "b"}); got != tt.path {
			t.Errorf("%s becomes %s, want %s", tt.o.Path, got, tt.path)
		}
	}
}
