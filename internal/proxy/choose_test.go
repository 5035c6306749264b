package proxy

import (
	"strings"
	"testing"

	"usher/internal/db"
	"usher/internal/proxy/geo"
	"usher/internal/sid"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	number := func(id int64, address string, change ...func(*Number)) Number {
		n := Number{Row: db.Row{ID: id}, NumberDocument: NumberDocument{Address: address, Capabilities: Capabilities{SMS: true, Voice: true}}}
		for _, c := range change {
			c(&n)
		}
		return n
	}
	reserved := func(n *Number) { n.Reserved = true }
	mute := func(n *Number) { n.Capabilities.SMS = false }
	deaf := func(n *Number) { n.Capabilities.Voice = false }
	used := func(k int64) func(*Number) { return func(n *Number) { n.InUse = k } }
	newYork, newYork2, brooklyn, texas, london := "+12125550901", "+16465550901", "+17185550901", "+12145550901", "+442075550901"
	for _, row := range []struct {
		name string
		pool []Number
		w    wish
		want int64
		code int
	}{
		{"an empty pool", nil, wish{}, 0, 80205},
		{"all reserved", []Number{number(1, newYork, reserved)}, wish{}, 0, 80207},
		{"none for messages", []Number{number(1, newYork, mute)}, wish{mode: MessageOnly}, 0, 80202},
		{"none for messages, where both pass", []Number{number(1, newYork, mute)}, wish{mode: VoiceAndMessage}, 0, 80202},
		{"none for calls", []Number{number(1, newYork, deaf)}, wish{mode: VoiceOnly}, 0, 80201},
		{"calls alone need no messages", []Number{number(1, newYork, mute)}, wish{mode: VoiceOnly}, 1, 0},
		{"another country", []Number{number(1, london)}, wish{}, 0, 80203},
		{"another way", []Number{number(1, "whatsapp:"+newYork)}, wish{}, 0, 80206},
		{"the same way", []Number{number(1, newYork), number(2, "whatsapp:"+newYork)}, wish{identifier: "whatsapp:" + ann}, 2, 0},
		{"a way without places", []Number{number(1, "line:U1")}, wish{identifier: "line:U2"}, 1, 0},
		{"a short code is everywhere", []Number{number(1, "44444")}, wish{}, 1, 0},
		{"another area", []Number{number(1, newYork2)}, wish{level: geo.AreaCode}, 0, 80206},
		{"an overlay", []Number{number(1, texas), number(2, newYork2)}, wish{level: geo.Overlay}, 2, 0},
		{"a state", []Number{number(1, texas), number(2, brooklyn)}, wish{level: geo.Radius}, 2, 0},
		{"taken", []Number{number(1, newYork)}, wish{taken: map[int64]bool{1: true}}, 0, 80208},
		{"the least used", []Number{number(1, newYork, used(2)), number(2, newYork2, used(1)), number(3, brooklyn, used(1))}, wish{}, 2, 0},
		{"sticky", []Number{number(1, newYork), number(2, newYork2, used(9))}, wish{used: []int64{2}}, 2, 0},
		{"the last one of those", []Number{number(1, newYork), number(2, newYork2)}, wish{used: []int64{2, 1}}, 2, 0},
		{"sticky, but taken", []Number{number(1, newYork), number(2, newYork2)}, wish{used: []int64{2, 1}, taken: map[int64]bool{2: true}}, 1, 0},
		{"not sticky", []Number{number(1, newYork), number(2, newYork2, used(9))}, wish{used: []int64{1}, selection: AvoidSticky}, 2, 0},
		{"not sticky, the one of long ago", []Number{number(1, newYork), number(2, newYork2)}, wish{used: []int64{1, 2}, selection: AvoidSticky}, 2, 0},
		{"a channel has no place", []Number{number(1, london)}, wish{identifier: room}, 1, 0},
		{"a channel takes the other's", []Number{number(1, newYork), number(2, newYork2, used(5))}, wish{identifier: room, partner: 2}, 2, 0},
		{"even when it is reserved", []Number{number(1, newYork), number(2, newYork2, reserved)}, wish{identifier: room, partner: 2}, 2, 0},
	} {
		if row.w.identifier == "" {
			row.w.identifier = ann
		}
		if row.w.selection == "" {
			row.w.selection = PreferSticky
		}
		if row.w.level == "" {
			row.w.level = geo.Country
		}
		if row.w.mode == "" {
			row.w.mode = MessageOnly
		}
		n, code := choose(row.pool, row.w)
		if n.ID != row.want || code != row.code {
			t.Errorf("%s: %d, %d", row.name, n.ID, code)
		}
	}
}

func TestParticipant_numbers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first)
		outside := w.pool(ServiceChange{}, second)
		unpooled := w.owns("+12125550905")
		w.pool(ServiceChange{}, "whatsapp:+12125550906")
		fresh := func() Session { return w.session(s, NewSession{Mode: MessageOnly}) }
		mine := w.own[w.owner.Account]
		for _, row := range []struct {
			name string
			in   NewParticipant
			code int
		}{
			{"no identifier", NewParticipant{}, 20001},
			{"no number", NewParticipant{Identifier: "12125550101"}, 80404},
			{"no way", NewParticipant{Identifier: "fax:+12125550101"}, 80404},
			{"no number there", NewParticipant{Identifier: "whatsapp:bob"}, 80404},
			{"too long", NewParticipant{Identifier: "custom:" + strings.Repeat("x", 190)}, 80404},
			{"a long name", NewParticipant{Identifier: bob, FriendlyName: strings.Repeat("x", 256)}, 20001},
			{"itself", NewParticipant{Identifier: first, Proxy: first}, 80404},
			{"a number of another pool", NewParticipant{Identifier: second}, 80404},
			{"by its address", NewParticipant{Identifier: bob, Proxy: first}, 0},
			{"by its SID", NewParticipant{Identifier: ann, ProxySID: mine[first].SID}, 0},
			{"both", NewParticipant{Identifier: carol, ProxySID: mine[first].SID, Proxy: first}, 0},
			{"of two numbers", NewParticipant{Identifier: "+12125550109", ProxySID: mine[first].SID, Proxy: second}, 80402},
			{"another service's", NewParticipant{Identifier: bob, Proxy: second}, 80605},
			{"in no pool", NewParticipant{Identifier: bob, ProxySID: unpooled.SID}, 80605},
			{"nobody's", NewParticipant{Identifier: bob, Proxy: "+12125550999"}, 80606},
			{"another way", NewParticipant{Identifier: "whatsapp:" + bob, Proxy: first}, 80402},
			{"a channel", NewParticipant{Identifier: room, Proxy: first}, 0},
			{"abroad, when asked for", NewParticipant{Identifier: "+442075550101", Proxy: first}, 0},
			{"abroad, when chosen", NewParticipant{Identifier: "+442075550102"}, 80203},
		} {
			v, err := w.join(fresh(), row.in)
			want(t, row.name, err, row.code)
			if err == nil && (v.Proxy != first || v.ProxySID != mine[first].SID) {
				t.Errorf("%s: %+v", row.name, v)
			}
		}
		_ = outside
	})
}

// The contact center's own service takes a number into its pool when a participant names it.
func TestParticipant_flexServiceTakesItsNumbers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service(ServiceChange{UniqueName: new(FlexService)})
		w.pool(ServiceChange{}, second)
		n := w.owns(first)
		v, err := w.CreateSession(t.Context(), w.owner, FlexService, NewSession{
			UniqueName: room, Mode: MessageOnly, Participants: []NewParticipant{{Identifier: ann, Proxy: first}, {Identifier: room, Proxy: first}},
		})
		if err != nil || v.Service != s.SID {
			t.Fatal(err)
		}
		got, err := w.Number(t.Context(), w.owner, FlexService, false, n.SID)
		if err != nil || !got.Reserved || got.InUse != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = w.CreateSession(t.Context(), w.owner, FlexService, NewSession{Participants: []NewParticipant{{Identifier: bob, Proxy: second}}})
		want(t, "another service's number", err, 80605)
	})
}

// One number serves many sessions of different people; a person who is in one already gets another number, and the same one again later.
func TestParticipant_sticky(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first, second)
		join := func(identifier string) Participant {
			t.Helper()
			v, err := w.join(w.session(s, NewSession{}), NewParticipant{Identifier: identifier})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		a, b := join(ann), join(ann)
		if a.Proxy == b.Proxy {
			t.Error("one person got one number twice")
		}
		_, err := w.join(w.session(s, NewSession{}), NewParticipant{Identifier: ann})
		want(t, "a third session", err, 80208)
		for _, v := range []Participant{b, a} { // a's number is now the one that was had last
			if _, err := w.UpdateSession(t.Context(), w.owner, string(s.SID), string(v.Session), SessionChange{Status: Closed}); err != nil {
				t.Fatal(err)
			}
		}
		if c := join(ann); c.Proxy != b.Proxy {
			t.Errorf("%s, and before %s", c.Proxy, b.Proxy)
		}
	})
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for address, way := range map[string]string{
		ann: "sms", room: "chat", "whatsapp:" + ann: "whatsapp", "messenger:123": "messenger", "line:U1": "line", "custom:x": "custom",
		"": "", "x": "", ":": "", "custom:": "", "custom: x": "", "custom:a\nb": "", "sip:x": "", "whatsapp:x": "", "CH12": "", "12125550101": "",
	} {
		if got := wayOf(address); got != way {
			t.Errorf("%q goes by %q, want %q", address, got, way)
		}
	}
	for code, ok := range map[string]bool{"44444": true, "123": true, "12": false, "123456789": false, "+4444": false, "": false} {
		if shortCode(code) != ok {
			t.Errorf("%q", code)
		}
	}
	if !fits(ann, "44444") || fits("line:U1", "44444") || !fits(room, "line:x") {
		t.Error("short codes go with SMS, and channels with everything")
	}
}

func FuzzIdentifier(f *testing.F) {
	for _, s := range []string{ann, room, "whatsapp:" + ann, "custom:x", "", ":", "+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, mode := range []Mode{MessageOnly, VoiceOnly, VoiceAndMessage} {
			if checkIdentifier(s, mode) == nil && mode != MessageOnly && !geo.Valid(s) {
				t.Errorf("%q passes where calls may", s)
			}
		}
		if fits(s, s) && wayOf(s) == "" && !shortCode(s) {
			t.Errorf("%q fits itself", s)
		}
		_, _ = choose([]Number{{NumberDocument: NumberDocument{Address: s, Capabilities: Capabilities{SMS: true}}}}, wish{identifier: s, level: geo.Overlay})
		_ = sid.Valid(s, sid.Channel)
	})
}
