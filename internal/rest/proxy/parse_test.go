package proxy

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/fault"
	"usher/internal/proxy"
)

func TestReadParticipants(t *testing.T) {
	t.Parallel()
	ann := proxy.NewParticipant{Identifier: "+1", FriendlyName: "Ann", Proxy: "+2", ProxySID: "PN1"}
	full := `{"Identifier":"+1","FriendlyName":"Ann","ProxyIdentifier":"+2","ProxyIdentifierSid":"PN1","More":[]}`
	for _, row := range []struct {
		in   []string
		want []proxy.NewParticipant
		code int
	}{
		{nil, nil, 0},
		{[]string{full}, []proxy.NewParticipant{ann}, 0},
		{[]string{full, ` {"identifier":"+3"}`}, []proxy.NewParticipant{ann, {Identifier: "+3"}}, 0},
		{[]string{"[" + full + `,{}]`}, []proxy.NewParticipant{ann, {}}, 0},
		{[]string{"null"}, nil, 0},
		{[]string{"[]"}, nil, 0},
		{[]string{`"x"`}, nil, 20001},
		{[]string{`7`}, nil, 20001},
		{[]string{`{"Identifier":7}`}, nil, 20001},
		{[]string{`[[]]`}, nil, 20001},
		{[]string{`[{},{},{},{},{},{},{},{},{},{},{}]`}, nil, 80609},
	} {
		var in []json.RawMessage
		for _, s := range row.in {
			in = append(in, json.RawMessage(s))
		}
		got, err := readParticipants(in)
		if diff := cmp.Diff(row.want, got); diff != "" || row.code == 0 != (err == nil) || row.code != 0 && !fault.HasCode(err, row.code) {
			t.Errorf("%v: %v\n%s", row.in, err, diff)
		}
	}
}

func FuzzReadParticipants(f *testing.F) {
	f.Add(`{"Identifier":"+1"}`)
	f.Add(`[{"Identifier":"+1"},{}]`)
	f.Add(`[[]]`)
	f.Fuzz(func(t *testing.T, s string) {
		if list, err := readParticipants([]json.RawMessage{json.RawMessage(s)}); err == nil && len(list) > maxListed {
			t.Errorf("%d participants", len(list))
		}
	})
}
