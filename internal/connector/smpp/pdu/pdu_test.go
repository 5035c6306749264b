package pdu_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"usher/internal/connector/smpp/pdu"
)

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of the specification (SMPP 3.4, 3.2.2): a bind_transmitter.
const specBind = `0000002F 00000002 00000000 00000001 53 4D 50 50 33 54 45 53 54 00 73 65 63 72 65 74 30 38 00 53 55 42 4D 49 54 31 00
	34 01 01 00`

func TestRead_specification(t *testing.T) {
	t.Parallel()
	u, err := pdu.Read(bytes.NewReader(octets(t, specBind)))
	if err != nil {
		t.Fatal(err)
	}
	if u.Command != pdu.BindTransmitter || u.Sequence != 1 || u.Status != pdu.OK {
		t.Errorf("%+v", u.Header)
	}
	m, err := pdu.ReadBind(u.Body)
	want := pdu.Bind{SystemID: "SMPP3TEST", Password: "secret08", SystemType: "SUBMIT1", Version: 0x34, TON: 1, NPI: 1}
	if err != nil || m != want {
		t.Errorf("%+v, %v", m, err)
	}
	u.Body = m.Append(nil)
	if got := u.Append(nil); !bytes.Equal(got, octets(t, specBind)) {
		t.Errorf("written again: %x", got)
	}
}

func TestRead_lengths(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		octets string
		want   error
	}{
		"zero":         {"00000000 00000015 00000000 00000007", pdu.ErrLength},
		"fifteen":      {"0000000f 00000015 00000000 00000007", pdu.ErrLength},
		"four billion": {"ffffffff 00000015 00000000 00000007", pdu.ErrLength},
		"too long":     {"00011001 00000015 00000000 00000007", pdu.ErrLength},
		"cut":          {"00000020 00000015 00000000 00000007 00", io.ErrUnexpectedEOF},
		"no body":      {"00000020 00000015 00000000 00000007", io.ErrUnexpectedEOF},
		"half":         {"00000010 0000", io.ErrUnexpectedEOF},
		"end":          {"", io.EOF},
	} {
		u, err := pdu.Read(bytes.NewReader(octets(t, tt.octets)))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if errors.Is(err, pdu.ErrLength) && u.Sequence != 7 {
			t.Errorf("%s: the sequence number is lost", name)
		}
	}
}

func sample() pdu.Message {
	return pdu.Message{
		Source: pdu.Address{TON: 1, NPI: 1, Number: "15550001"}, Dest: pdu.Address{TON: 5, Number: "Shop"}, Class: 0x40, Priority: 1,
		Validity: "000001000000000R", Registered: 1, Coding: 8, Text: []byte("\x05\x00\x03\x01\x02\x01ab"),
		TLVs: pdu.TLVs{{Tag: pdu.SARReference, Value: []byte{1, 2}}, {Tag: pdu.SARTotal, Value: []byte{3}}, {Tag: 0x1400, Value: []byte{}}},
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	m := sample()
	got, err := pdu.ReadMessage(m.Append(nil))
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%+v, %v\nwant %+v", got, err, m)
	}
	d := pdu.Message{Source: m.Source, Dest: m.Dest, Class: 4, Registered: 1, Coding: 3, TLVs: pdu.TLVs{{Tag: pdu.MessagePayload, Value: []byte("x")}}}
	if got, err = pdu.ReadData(d.AppendData(nil)); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("data_sm: %+v, %v", got, err)
	}
	if string(got.Octets()) != "x" || !got.IsReceipt() || m.IsReceipt() {
		t.Error("what it says and what it is")
	}
	if v, ok := m.TLVs.Uint(pdu.SARReference, 2); !ok || v != 0x102 {
		t.Errorf("reference %x", v)
	}
	if v, ok := m.TLVs.Uint(pdu.SARTotal, 1); !ok || v != 3 {
		t.Errorf("total %d", v)
	}
	if _, ok := m.TLVs.Uint(pdu.SARTotal, 2); ok {
		t.Error("a parameter of the wrong size was read")
	}
}

// Every body that is cut anywhere is refused, or lacks only optional parameters as a whole.
func TestReadMessage_cut(t *testing.T) {
	t.Parallel()
	whole := sample().Append(nil)
	fixed := len(whole) - (4 + 2) - (4 + 1) - 4
	for n := range whole {
		m, err := pdu.ReadMessage(whole[:n])
		if n < fixed && !errors.Is(err, pdu.ErrBody) {
			t.Fatalf("%d octets: %v", n, err)
		}
		if n > fixed && err != nil && !errors.Is(err, pdu.ErrTLV) {
			t.Fatalf("%d octets: %v", n, err)
		}
		if err == nil && len(m.Text) != 8 {
			t.Fatalf("%d octets: text of %d", n, len(m.Text))
		}
	}
	long := sample()
	long.Source.Number = strings.Repeat("1", 40)
	long.Text = bytes.Repeat([]byte("x"), 300)
	got, err := pdu.ReadMessage(long.Append(nil))
	if err != nil || len(got.Source.Number) != 20 || len(got.Text) != 254 {
		t.Errorf("too long to write: %d, %d, %v", len(got.Source.Number), len(got.Text), err)
	}
	lying := sample().Append(nil)
	binary.BigEndian.PutUint16(lying[fixed+2:], 0xffff)
	if _, err := pdu.ReadMessage(lying); !errors.Is(err, pdu.ErrTLV) {
		t.Errorf("a parameter that claims 64 KiB: %v", err)
	}
}

func TestMessageID(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{"": "", "\x00": "", "abc\x00": "abc", "abc": "abc", strings.Repeat("a", 99): strings.Repeat("a", 65)} {
		if got := pdu.MessageID([]byte(body)); got != want {
			t.Errorf("%q is read as %q", body, got)
		}
	}
	if got := pdu.MessageID(pdu.AppendID(nil, "0a1B")); got != "0a1B" {
		t.Errorf("written and read: %q", got)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	u := pdu.Unit{Header: pdu.Header{Command: pdu.DeliverSM, Sequence: 9}}
	if a := u.Answer(pdu.Temporary, nil); a.Command != 0x80000005 || a.Status != 0x64 || a.Sequence != 9 || !a.Command.IsResponse() {
		t.Errorf("%+v", a)
	}
	if n := u.Nack(pdu.UnknownCommand); n.Command != pdu.GenericNack || n.Status != 3 || n.Sequence != 9 {
		t.Errorf("%+v", n)
	}
	if pdu.DeliverSM.IsResponse() {
		t.Error("deliver_sm is no response")
	}
}

func FuzzRead(f *testing.F) {
	whole, _ := hex.DecodeString(strings.Join(strings.Fields(specBind), ""))
	f.Add(whole)
	f.Add([]byte("\x00\x00\x00\x10\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			left := r.Len()
			u, err := pdu.Read(r)
			if err != nil {
				return
			}
			if got := u.Append(nil); !bytes.Equal(got, data[len(data)-left:len(data)-r.Len()]) {
				t.Fatalf("written again: %x", got)
			}
			_, _ = pdu.ReadBind(u.Body)
		}
	})
}

// What was read once is read the same from what is written of it.
func FuzzMessage(f *testing.F) {
	f.Add(sample().Append(nil))
	f.Add([]byte{0, 1, 1, '1', 0, 1, 1, '2', 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, err := pdu.ReadMessage(body); err == nil {
			again, err := pdu.ReadMessage(m.Append(nil))
			m.Text, again.Text = m.Text[:min(len(m.Text), 254)], again.Text[:len(again.Text)]
			if err != nil || len(m.Text) < 255 && m.Source != again.Source || string(m.Text) != string(again.Text) || len(m.TLVs) != len(again.TLVs) {
				t.Fatalf("%+v\n%+v, %v", m, again, err)
			}
			m.IsReceipt()
			m.Octets()
		}
		if m, err := pdu.ReadData(body); err == nil {
			if again, err := pdu.ReadData(m.AppendData(nil)); err != nil || again.Dest != m.Dest {
				t.Fatalf("%+v\n%+v, %v", m, again, err)
			}
		}
		pdu.MessageID(body)
	})
}
