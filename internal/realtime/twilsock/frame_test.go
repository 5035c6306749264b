package twilsock

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func frameOf(head, payload string) string {
	return fmt.Sprintf("%s%d\r\n%s\r\n%s", preamble, len(head), head, payload)
}

func TestParse(t *testing.T) {
	t.Parallel()
	long := `{"method":"init","token":"` + strings.Repeat("x", maxHeader) + `"}`
	for _, c := range []struct {
		name, frame string
		want        error
		payload     string
	}{
		{"a header alone", frameOf(`{"method":"init","id":"1","payload_size":0}`, ""), nil, ""},
		{"a payload", frameOf(`{"method":"message","id":"1","payload_size":6}`, "✉abc"), nil, "✉abc"},
		{"surplus after the payload", frameOf(`{"method":"message","id":"1","payload_size":2}`, "{}\r\n"), nil, "{}"},
		{"nothing", "", errPreamble, ""},
		{"another version", "TWILSOCK V2.0 2\r\n{}\r\n", errPreamble, ""},
		{"cut in the name", "TWILSOCK V3", errPreamble, ""},
		{"no length", preamble + "\r\n{}\r\n", errLength, ""},
		{"a length that is none", preamble + "1x\r\n{}\r\n", errLength, ""},
		{"a negative length", preamble + "-2\r\n{}\r\n", errLength, ""},
		{"a length without end", preamble + strings.Repeat("1", 100), errLength, ""},
		{"a huge length", preamble + "999999\r\n{}\r\n", errLength, ""},
		{"cut in the header", frameOf(`{"method":"init"}`, "")[:30], errLength, ""},
		{"a header that is too short", preamble + "3\r\n{\"method\":\"init\"}\r\n", errLength, ""},
		{"an over-long header", frameOf(long, ""), errLength, ""},
		{"no JSON", frameOf(`method`, ""), errHeader, ""},
		{"no object", frameOf(`[]`, ""), errHeader, ""},
		{"no method", frameOf(`{"id":"1"}`, ""), errHeader, ""},
		{"a payload that is cut", frameOf(`{"method":"message","payload_size":10}`, "{}"), errLength, ""},
		{"a payload of negative size", frameOf(`{"method":"message","payload_size":-1}`, "{}"), errLength, ""},
		{"a payload whose size is a text", frameOf(`{"method":"message","payload_size":"2"}`, "{}"), errHeader, ""},
	} {
		_, payload, err := parse([]byte(c.frame))
		if !errors.Is(err, c.want) || string(payload) != c.payload {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, payload, err, c.payload, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", preamble, frameOf(`{"method":"init","token":"x"}`, ""), frameOf(`{"method":"message","payload_size":2,"http_request":{"params":{"a":["b"]}}}`, "{}"),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, payload, err := parse(frame)
		if err == nil && (h.Method == "" || len(payload) != h.PayloadSize) {
			t.Errorf("%+v with a payload of %d bytes", h, len(payload))
		}
	})
}

func TestEncode_isWhatParseReads(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", `{"text":"✉😀"}`, `"` + strings.Repeat("x", 70_000) + `"`} {
		var raw []byte
		if payload != "" {
			raw = []byte(payload)
		}
		frame := encode(answer{Method: "reply", ID: "TM1", Status: &good}, raw)
		skip := map[bool]int{true: 4, false: 2}[len(frame) > 127]
		if len(frame) > 0xFFFF {
			skip = 10
		}
		h, got, err := parse(frame[skip:])
		if err != nil || h.ID != "TM1" || string(got) != payload {
			t.Errorf("%.80q became %.80q: %+v, %v", payload, got, h, err)
		}
	}
}

func TestObject_namesAndNumbers(t *testing.T) {
	t.Parallel()
	for k := range kindsCount {
		o := object{k, "CH0123456789abcdef0123456789abcdef"}
		if kinds[k].owner == "US" {
			o.owner = "US0123456789abcdef0123456789abcdef"
		}
		for _, ref := range []string{o.sid(), o.name()} {
			for _, collection := range []string{"", kinds[k].collection} {
				if got, ok := parseObject(collection, ref); !ok || got != o {
					t.Errorf("%q in %q is %v, %v", ref, collection, got, ok)
				}
			}
		}
		for offset := range int64(5) {
			if got := o.after(o.last(offset)); got != offset {
				t.Errorf("%s: after the last of offset %d comes %d", o.name(), offset, got)
			}
		}
		if n := kinds[k].perEvent; n > 1 && o.after(o.last(3)-1) != 2 {
			t.Errorf("%s: half of an offset counts as the whole", o.name())
		}
	}
	for _, ref := range []string{"", "CH.channel", "ET", "ETx", "US0123456789abcdef0123456789abcdef.channel", "CH0123456789abcdef0123456789abcdef", "..", "ET0123456789ABCDEF0123456789abcdef"} {
		if o, ok := parseObject("", ref); ok {
			t.Errorf("%q is %v", ref, o)
		}
	}
}

func TestStretch_tokens(t *testing.T) {
	t.Parallel()
	from := int64(12)
	for _, s := range []stretch{{true, 30, &from, false}, {false, 1, &from, true}} {
		if got, err := parseStretch(s.String()); err != nil || got.String() != s.String() {
			t.Errorf("%s became %+v, %v", s, got, err)
		}
	}
	for _, text := range []string{"", "x", "desc", "desc.1", "up.1.2", "desc.0.1", "desc.101.1", "desc.1.-1", "desc.1.x", "desc.1.2.x", "desc.1.2.back.x"} {
		if s, err := parseStretch(text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
}

func TestCall_params(t *testing.T) {
	t.Parallel()
	k := call{request: &httpRequest{Host: "evil.example/path", Params: map[string]json.RawMessage{
		"One": json.RawMessage(`"a%20b%2Bc+d"`), "Many": json.RawMessage(`["x","y"]`), "Number": json.RawMessage(`7`), "Bad": json.RawMessage(`"%zz"`), "Odd": json.RawMessage(`{}`),
	}}}
	for name, want := range map[string]string{"One": "a b+c+d", "Many": "x", "Number": "7", "Bad": "%zz", "Odd": "", "None": ""} {
		if got := k.param(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if k.base() != "https://aim.twilio.com" {
		t.Errorf("base is %q", k.base())
	}
}

func TestRoutes_areFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/v3/Documents/a%2Fb", "/v3/Documents/{ref}"},
		{"GET", "/v3/Lists/x/Items", "/v3/Lists/{ref}/Items"},
		{"GET", "/Client/v1/Users/ann%40example.org", "/Users/{user}"},
		{"POST", "/Client/v1/Conversations/CH1/Messages/IM1/", "/Conversations/{channel}/Messages/{message}"},
		{"PUT", "/v3/Documents/x", ""},
		{"GET", "/Client/v9/Users/x", ""},
		{"GET", "/v3/Documents/", ""},
		{"GET", "/v3/Documents/%zz", ""},
		{"GET", "", ""},
	} {
		r, _, ok := find(c.method, c.path)
		if ok != (c.want != "") || r.path != c.want {
			t.Errorf("%s %s is %q, want %q", c.method, c.path, r.path, c.want)
		}
	}
}
