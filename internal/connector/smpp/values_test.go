package smpp

import (
	"strings"
	"testing"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/connectortest"
	"usher/internal/connector/smpp/pdu"
	"usher/internal/messaging/carry"
)

func TestContract(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, connectortest.Trial{
		Kind: Kind, Settings: map[string]string{"address": "smsc.test:2775", "system_id": "usher", "password": "secret"}, Outbound: message("SM1", "hello"),
	})
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	state := func(id string, state byte, more ...pdu.TLV) pdu.TLVs {
		return append(pdu.TLVs{{Tag: pdu.ReceiptedID, Value: []byte(id + "\x00")}, {Tag: pdu.MessageState, Value: []byte{state}}}, more...)
	}
	full := "id:0123456789 sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 stat:"
	for _, tt := range []struct {
		name, text string
		tlvs       pdu.TLVs
		want       carry.Receipt
	}{
		{"the specification's form", full + "DELIVRD err:000 Text:stat:REJECTD id:9", nil, carry.Receipt{ID: "0123456789", Status: carry.Delivered}},
		{"on its way", full + "ACCEPTD err:000 text:", nil, carry.Receipt{ID: "0123456789", Status: carry.SentOut}},
		{"undeliverable", full + "UNDELIV err:045 text:", nil, carry.Receipt{ID: "0123456789", Status: carry.Undelivered, Code: 30008, Reason: "UNDELIV, error 045"}},
		{"a code of the carrier", full + "UNDELIV err:001 text:", nil, carry.Receipt{ID: "0123456789", Status: carry.Undelivered, Code: 30005, Reason: "UNDELIV, error 001"}},
		{"expired", full + "EXPIRED err:0 text:", nil, carry.Receipt{ID: "0123456789", Status: carry.Undelivered, Code: 30003, Reason: "EXPIRED, error 0"}},
		{"rejected", full + "REJECTD", nil, carry.Receipt{ID: "0123456789", Status: carry.Undelivered, Code: 30007, Reason: "REJECTD"}},
		{"no word for it", full + "WHATEVER err:+15550002", nil, carry.Receipt{ID: "0123456789", Status: carry.Undelivered, Code: 30008, Reason: "unknown state"}},
		{"upper case, blanks", "ID: 77 STAT: delivrd", nil, carry.Receipt{ID: "77", Status: carry.Delivered}},
		{"parameters go before", full + "REJECTD err:1", state("abc", 2), carry.Receipt{ID: "abc", Status: carry.Delivered}},
		{"no text", "", state("abc", 5), carry.Receipt{ID: "abc", Status: carry.Undelivered, Code: 30008, Reason: "UNDELIV"}},
		{
			"the network's error", "", state("abc", 5, pdu.TLV{Tag: pdu.NetworkError, Value: []byte{3, 0, 27}}),
			carry.Receipt{ID: "abc", Status: carry.Undelivered, Code: 30003, Reason: "UNDELIV, error 27"},
		},
		{"a state that is none", "stat:DELIVRD", state("abc", 99), carry.Receipt{ID: "abc", Status: carry.Delivered}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newConnection(config{errors: map[string]int{"1": 30005}}, nil)
			got, ok := c.receipt(pdu.Message{TLVs: tt.tlvs}, tt.text)
			if !ok || got != tt.want {
				t.Errorf("%+v, %v\nwant %+v", got, ok, tt.want)
			}
		})
	}
	for _, text := range []string{"", "stat:DELIVRD", "id: stat:DELIVRD", "text:id:5 stat:DELIVRD", "xid:5"} {
		if r, ok := newConnection(config{}, nil).receipt(pdu.Message{}, text); ok {
			t.Errorf("%q names %q", text, r.ID)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ setting, answer, receipt string }{
		{"same", "0A1b", "0A1b"},
		{"decimal", "0A1B", "2587"},
		{"decimal", "a1b", "0000002587"},
		{"hex", "2587", "a1b"},
		{"hex", "0000002587", "0A1B"},
		{"decimal", "ffffffffffffffffffff", "1208925819614629174706175"},
		{"hex", "not-a-number", "not-a-number"},
	} {
		c := newConnection(config{receiptID: tt.setting}, nil)
		if a, r := c.name(tt.answer, false), c.name(tt.receipt, true); a != r {
			t.Errorf("%s: the answer's %q is %q, the receipt's %q is %q", tt.setting, tt.answer, a, tt.receipt, r)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	c := newConnection(config{country: "81"}, nil)
	for address, want := range map[string]pdu.Address{
		"+15550002": {TON: 1, NPI: 1, Number: "15550002"}, "12345": {NPI: 1, Number: "12345"}, "Shop": {TON: 5, Number: "Shop"},
	} {
		if got := c.outward(address, -1, -1); got != want {
			t.Errorf("%s goes out as %+v", address, got)
		}
	}
	if got := c.outward("+1555", 2, 9); got.TON != 2 || got.NPI != 9 {
		t.Errorf("set by hand: %+v", got)
	}
	for want, list := range map[string][]pdu.Address{
		"+15550002":     {{TON: 1, Number: "15550002"}, {Number: "15550002"}, {TON: 1, Number: "+15550002"}, {Number: "0015550002"}, {TON: 1, Number: "0015550002"}},
		"12345":         {{Number: "12345"}, {TON: 3, Number: "12345"}, {TON: 6, Number: "12345"}},
		"+819012345678": {{TON: 2, Number: "09012345678"}, {Number: "09012345678"}, {TON: 2, Number: "9012345678"}},
		"Shop":          {{TON: 5, Number: "Shop"}, {Number: "Shop"}},
		"12345678":      {{TON: 5, Number: "12345678"}},
		"":              {{TON: 1}},
	} {
		for _, a := range list {
			if got := c.inward(a); got != want {
				t.Errorf("%+v comes in as %q, want %q", a, got, want)
			}
		}
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "", -time.Second: "", 90 * time.Second: "000000000130000R", 26*time.Hour + 5*time.Second: "000001020005000R", 9999 * time.Hour: "000030000000000R",
	} {
		if got := relative(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

func TestTaken_bounded(t *testing.T) {
	t.Parallel()
	k := taken{byMessage: map[string]*progress{}}
	first := k.of("0", 1)
	for i := range 2 * remembered {
		k.of(time.Duration(i).String(), 1)
	}
	if len(k.byMessage) > remembered || k.of("0", 1) == first {
		t.Errorf("%d are remembered", len(k.byMessage))
	}
	if p := k.of("0", 2); len(p.done) != 2 {
		t.Error("another text under the same SID has the old progress")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	good := func() map[string]string {
		return map[string]string{"address": "smsc.test:2775", "system_id": "usher", "password": "secret"}
	}
	if _, err := Kind.Open(good(), connector.Deps{}); err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		"address": "smsc.test", "system_id": "", "password": "longer than eight", "bind": "sideways", "window": "0", "parts_per_second": "-1", "enquire_seconds": "x",
		"timeout_seconds": "301", "alphabet": "ebcdic", "long": "pigeon", "receipts": "maybe", "receipt_id": "octal", "receipt_errors": "001:30005",
		"source_ton": "256", "dest_npi": "-2", "country_code": "+81", "parts_minutes": "0", "tls": "perhaps", "no_such": "sideways", "service_type": "MARKETING",
	} {
		s := good()
		s[field] = value
		_, err := Kind.Open(s, connector.Deps{})
		if err == nil || !strings.Contains(err.Error(), field) || value != "" && len(value) > 3 && strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", field, err)
		}
	}
	s := good()
	s["tls"], s["tls_fingerprint"] = "yes", "no certificate"
	if _, err := Kind.Open(s, connector.Deps{}); err == nil || !strings.HasPrefix(err.Error(), "tls_fingerprint:") {
		t.Errorf("%v", err)
	}
	s = good()
	s["receipt_errors"] = "001=30005, 006 = 30003"
	c, err := Open(s, connector.Deps{})
	if err != nil || c.errors["1"] != 30005 || c.errors["6"] != 30003 {
		t.Errorf("%v, %v", c, err)
	}
}

func FuzzReceipt(f *testing.F) {
	f.Add("id:1 sub:001 dlvrd:001 submit date:1 done date:2 stat:DELIVRD err:000 text:x", []byte("id\x00"), byte(2))
	f.Add("ID:İ stat:", []byte{}, byte(9))
	f.Fuzz(func(t *testing.T, text string, id []byte, state byte) {
		c := newConnection(config{receiptID: "decimal"}, nil)
		m := pdu.Message{TLVs: pdu.TLVs{{Tag: pdu.ReceiptedID, Value: id}, {Tag: pdu.MessageState, Value: []byte{state}}}}
		for _, m := range []pdu.Message{m, {}} {
			r, ok := c.receipt(m, text)
			if ok && (r.ID == "" || r.Status == "" || len(r.Reason) > 255) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
