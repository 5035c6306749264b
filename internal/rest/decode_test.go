package rest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/sid"
)

type kind string

type shared struct {
	Limit Opt[int] `form:"Limit"`
}

type everything struct {
	shared
	Name    string          `form:"FriendlyName,required,max=5"`
	Both    Opt[string]     `form:"Both,always"`
	Kind    kind            `form:"Kind,enum=web|sms"`
	SID     Opt[sid.SID]    `form:"Sid"`
	On      bool            `form:"On"`
	OptOn   Opt[bool]       `form:"OptOn"`
	N       int             `form:"N,min=-2,max=7"`
	Big     Opt[int64]      `form:"Big"`
	X       float64         `form:"X"`
	At      Opt[time.Time]  `form:"DateCreated"`
	Doc     json.RawMessage `form:"Doc"`
	List    []string        `form:"Permission"`
	OptList Opt[[]string]   `form:"Filters"`
	Comma   []kind          `form:"Status,comma,enum=a|b"`
	Late    string          `form:"Late,update"`
	Nested  struct {
		Flow  Opt[string] `form:"FlowSid"`
		Retry Opt[int]    `form:"RetryCount,max=3"`
	} `form:"Integration"`
	Unread string // no tag
}

func decodeAll(t testing.TB, m mode, texts ...string) (everything, error) {
	t.Helper()
	p, err := planOf(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	var v everything
	err = p.decode(reflect.ValueOf(&v).Elem(), m, texts...)
	return v, err
}

func TestDecode(t *testing.T) {
	t.Parallel()
	const base = "FriendlyName=n&Both=b"
	at := time.Date(2022, 3, 10, 23, 56, 43, 412e6, time.UTC)
	tests := []struct {
		name, text string
		want       func(*everything)
	}{
		{"nothing else", "", func(*everything) {}},
		{"unknown and read-only keys", "&DateUpdated=x&foo=%20&friendlyname=z&Unread=1", func(*everything) {}},
		{"the first of a repeated key", "&FriendlyName=other", func(*everything) {}},
		{"embedded", "&Limit=4", func(v *everything) { v.Limit = Some(4) }},
		{"enum", "&Kind=sms", func(v *everything) { v.Kind = "sms" }},
		{"named string", "&Sid=IS1", func(v *everything) { v.SID = Some(sid.SID("IS1")) }},
		{"empty text is set", "&Sid=", func(v *everything) { v.SID.Set = true }},
		{"empty number, bool and time are absent", "&Big=&OptOn=&DateCreated=&N=&X=&Doc=", func(*everything) {}},
		{"bools", "&On=True&OptOn=0", func(v *everything) { v.On = true; v.OptOn.Set = true }},
		{"numbers", "&N=-2&Big=-9000000000&X=1.5", func(v *everything) { v.N = -2; v.Big = Some(int64(-9e9)); v.X = 1.5 }},
		{"time with milliseconds", "&DateCreated=2022-03-10T23:56:43.412Z", func(v *everything) { v.At = Some(at) }},
		{"time with zone", "&DateCreated=2022-03-11T01:56:43.412%2B02:00", func(v *everything) { v.At = Some(at) }},
		{"date", "&DateCreated=2022-03-10", func(v *everything) { v.At = Some(at.Truncate(24 * time.Hour)) }},
		{"JSON", `&Doc={"a":+1}`, func(v *everything) { v.Doc = json.RawMessage(`{"a": 1}`) }},
		{"repeated keys", "&Permission=a&Permission=b&Filters=x", func(v *everything) { v.List = []string{"a", "b"}; v.OptList = Some([]string{"x"}) }},
		{"an empty value clears a list", "&Filters=", func(v *everything) { v.OptList.Set = true }},
		{"comma list", "&Status=a,%20b&Status=a", func(v *everything) { v.Comma = []kind{"a", "b", "a"} }},
		{"dotted keys", "&Integration.FlowSid=FW1&Integration.RetryCount=3", func(v *everything) { v.Nested.Flow = Some("FW1"); v.Nested.Retry = Some(3) }},
		{"not read on create", "&Late=1", func(*everything) {}},
		{"empty pairs", "&&&", func(*everything) {}},
	}
	for _, tt := range tests {
		want := everything{Name: "n", Both: Some("b")}
		tt.want(&want)
		got, err := decodeAll(t, onCreate, base+tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(everything{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if got, err := decodeAll(t, onUpdate, "Both=b&Late=x", "Late=y&On=1"); err != nil || got.Late != "x" || !got.On {
		t.Errorf("update, body before query: %+v %v", got, err)
	}
}

func TestDecode_refuses(t *testing.T) {
	t.Parallel()
	const base = "FriendlyName=n&Both=b"
	for text, want := range map[string]string{
		"":                                  "20001 Missing required parameter FriendlyName in the post body",
		"FriendlyName=":                     "20001 Missing required parameter FriendlyName in the post body",
		"FriendlyName=n":                    "20001 Missing required parameter Both in the post body",
		"FriendlyName=abcdef":               "20001 Invalid value for parameter FriendlyName: longer than 5 characters",
		base + "&Kind=x":                    "20001 Invalid value for parameter Kind: must be one of web, sms",
		base + "&Kind=":                     "20001 Invalid value for parameter Kind: must be one of web, sms",
		base + "&On=yes":                    "20001 Invalid value for parameter On: must be true or false",
		base + "&N=8":                       "20001 Invalid value for parameter N: greater than 7",
		base + "&N=-3":                      "20001 Invalid value for parameter N: less than -2",
		base + "&N=1.5":                     "20001 Invalid value for parameter N: not a whole number",
		base + "&Big=99999999999999999999":  "20001 Invalid value for parameter Big: not a whole number",
		base + "&X=NaN":                     "20001 Invalid value for parameter X: not a number",
		base + "&DateCreated=x":             "20001 Invalid value for parameter DateCreated: not an ISO 8601 time",
		base + "&DateCreated=1500-01-01":    "20001 Invalid value for parameter DateCreated: not an ISO 8601 time",
		base + `&Doc={"a":`:                 "20001 Invalid value for parameter Doc: not JSON at character 5",
		base + "&Status=c":                  "20001 Invalid value for parameter Status: must be one of a, b",
		base + "&Integration.RetryCount=4":  "20001 Invalid value for parameter Integration.RetryCount: greater than 3",
		base + "&Sid=%ff":                   "20001 Invalid value for parameter Sid: not UTF-8 text in percent encoding",
		base + "&Sid=a%00":                  "20001 Invalid value for parameter Sid: not UTF-8 text in percent encoding",
		base + "&Sid=%4":                    "20001 Invalid value for parameter Sid: not UTF-8 text in percent encoding",
		base + "&S%4=1":                     "20001 Malformed parameters: bad percent encoding in a parameter's name",
		base + strings.Repeat("&a=b", 1000): "20001 More than 1000 parameters",
		base + "&Sid=" + strings.Repeat("x", maxText+1): "20001 Invalid value for parameter Sid: longer than 65536 characters",
	} {
		if _, err := decodeAll(t, onCreate, text); err == nil || err.Error() != want {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
	if _, err := decodeAll(t, onCreate, "FriendlyName=äöüßé&Both=b"); err != nil {
		t.Errorf("limits count characters: %v", err)
	}
}

func TestOpt(t *testing.T) {
	t.Parallel()
	v := "old"
	Opt[string]{}.To(&v)
	if v != "old" || (Opt[int]{}).Or(3) != 3 || Some(4).Or(3) != 4 || (Opt[int]{}).Ptr() != nil || *Some(5).Ptr() != 5 {
		t.Error("absent options change nothing")
	}
	if Some("new").To(&v); v != "new" {
		t.Error("set options do")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("FriendlyName=n&Both=b&N=3&Doc={}&DateCreated=2022-03-10")
	f.Add("&&=&=&%=%%&Status=a,,b")
	p, err := planOf(reflect.TypeFor[everything]())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v everything
		if err := p.decode(reflect.ValueOf(&v).Elem(), onCreate, text); err == nil && (v.Name == "" || len([]rune(v.Name)) > 5 || v.N > 7) {
			t.Errorf("%q gives %+v", text, v)
		}
	})
}
