package stream

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr(n int64) *int64 { return &n }

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		frame string
		want  request
	}{
		{"hello", `{"type":"hello","id":1,"token":"a.b.c"}`, request{kind: "hello", id: 1, token: "a.b.c"}},
		{"space everywhere", " { \"type\" :\t\"ping\" , \"id\" : 8 } \r\n", request{kind: "ping", id: 8}},
		{
			"send", `{"type":"send","id":4,"channel":"CH1","client_id":"u","body":"h\u00e9\n\ud83d\ude00","attributes":{"a":[1,{}]}}`,
			request{kind: "send", id: 4, channel: "CH1", clientID: "u", body: "hé\n😀", attributes: []byte(`{"a":[1,{}]}`)},
		},
		{"null attributes", `{"type":"send","attributes":null}`, request{kind: "send"}},
		{"half a pair", `{"type":"send","body":"\ud83dx\ude00"}`, request{kind: "send", body: "\uFFFDx\uFFFD"}},
		{"two high halves", `{"body":"\ud83d\ud83d\ude00"}`, request{body: "\uFFFD😀"}},
		{
			"subscribe", `{"type":"subscribe","id":2,"streams":[{"stream":"CH1","epoch":"e","offset":12,"x":[]},{"stream":"WK1"},"US1"]}`,
			request{kind: "subscribe", id: 2, streams: []streamRef{
				{name: "CH1", epoch: "e", offset: 12, resume: true},
				{name: "WK1"},
				{name: "US1"},
			}},
		},
		{"offset null", `{"streams":[{"stream":"CH1","epoch":"e","offset":null}]}`, request{streams: []streamRef{{name: "CH1", epoch: "e"}}}},
		{"history", `{"type":"history","id":5,"channel":"CH1","before":7,"limit":50}`, request{kind: "history", id: 5, channel: "CH1", before: ptr(7), limit: 50}},
		{"history, newest", `{"type":"history","before":null}`, request{kind: "history"}},
		{"read", `{"type":"read","index":0}`, request{kind: "read", hasIndex: true}},
		{"unknown fields", `{"x":{"y":[true,false,null,-1.5e+3,"\"\\\/\b\f\n\r\t"]},"type":"ping"}`, request{kind: "ping"}},
		{"last of a repeated field", `{"type":"a","type":"b"}`, request{kind: "b"}},
		{"empty", `{}`, request{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse([]byte(test.frame))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, got, cmp.AllowUnexported(request{}, streamRef{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseRefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	for _, frame := range []string{
		"", " ", "null", "[]", `"x"`, "1", "{", "}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1}x`, `{a:1}`, `{'a':1}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":-}`, `{"a":tru}`, `{"a":nul}`, `{"a":NaN}`,
		`{"a":"x}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12"}`, "{\"a\":\"\x01\"}", "{\"body\":\"\x00\"}", "{\"a\":\"\xff\"}", `{"a":"\`,
		`{"a":[1,]}`, `{"a":[}`, `{"a":{"b":1]}`, `{"a":` + deep + `}`, "\ufeff{}", `{"streams":["a"`,
	} {
		if _, err := parse([]byte(frame)); !errors.Is(err, errNotJSON) {
			t.Errorf("%q: %v, want errNotJSON", frame, err)
		}
	}
}

func TestParseNamesTheWrongField(t *testing.T) {
	t.Parallel()
	many := `["a"` + strings.Repeat(`,"a"`, maxStreams) + `]`
	for frame, want := range map[string]string{
		`{"type":"send","body":5,"id":9}`:                            "body must be a string",
		`{"type":"send","attributes":"{}","id":9}`:                   "attributes must be an object",
		`{"type":"send","attributes":[],"body":{},"id":9}`:           "attributes must be an object",
		`{"type":"read","index":"7","id":9}`:                         "index must be an integer",
		`{"type":"read","index":1.5,"id":9}`:                         "index must be an integer",
		`{"type":"read","index":99999999999999999999,"id":9}`:        "index must be an integer",
		`{"type":"x","before":"7","id":9}`:                           "before must be an integer",
		`{"type":"x","streams":{},"id":9}`:                           "streams must be a list",
		`{"type":"x","streams":[5],"id":9}`:                          "streams must be a list of stream names or objects",
		`{"type":"x","streams":[{"stream":1}],"id":9}`:               "stream must be a string",
		`{"type":"x","streams":[{"stream":"a","offset":[]}],"id":9}`: "offset must be an integer",
		`{"type":"x","streams":` + many + `,"id":9}`:                 "streams must be a list of at most 200",
	} {
		r, err := parse([]byte(frame))
		if err == nil || err.Error() != want {
			t.Errorf("%.60s: %v, want %s", frame, err, want)
		}
		if r.id != 9 || r.kind == "" {
			t.Errorf("%.60s: id and kind are lost: %+v", frame, r)
		}
	}
}

// FuzzParse compares with encoding/json: the same frames are JSON objects, and the same texts come out.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"type":"send","id":4,"channel":"CH1","client_id":"u","body":"h\u00e9\n\ud83d\ude00","attributes":{"a":[1,{}]}}`,
		`{"type":"subscribe","id":2,"streams":[{"stream":"CH1","epoch":"e","offset":12},"US1"]}`,
		`{"before":null,"limit":-0.5e3}`, "{\"body\":\"\xff\"}", `{"a":` + strings.Repeat("[", 80) + `}`, `{"type":1,"id":"x"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		r, err := parse(frame)
		var want struct{ Type, Body *string }
		valid := json.Valid(frame) && len(strings.TrimLeft(string(frame), " \t\r\n")) > 0 && strings.TrimLeft(string(frame), " \t\r\n")[0] == '{'
		if !valid && !errors.Is(err, errNotJSON) {
			t.Fatalf("took what is not a JSON object: %q (%v)", frame, err)
		}
		if errors.Is(err, errNotJSON) || err != nil {
			return // bad UTF-8 and deep nesting are refused here and not there
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(frame, &fields); err != nil {
			t.Fatalf("%q: %v", frame, err)
		}
		_ = json.Unmarshal(fields["type"], &want.Type)
		_ = json.Unmarshal(fields["body"], &want.Body)
		if want.Type != nil && *want.Type != r.kind {
			t.Fatalf("%q: kind %q, want %q", frame, r.kind, *want.Type)
		}
		if want.Body != nil && *want.Body != r.body {
			t.Fatalf("%q: body %q, want %q", frame, r.body, *want.Body)
		}
		if r.attributes != nil && !json.Valid(r.attributes) {
			t.Fatalf("%q: attributes %q", frame, r.attributes)
		}
	})
}
