package geo

import (
	"strings"
	"testing"
)

func TestCountryOf(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"+12125550123": "US", "+14165550123": "CA", "+17875550123": "PR", "+18765550123": "JM", "+18005550123": "US",
		"+442071234567": "GB", "+493012345678": "DE", "+79161234567": "RU", "+77012345678": "KZ", "+35312345678": "IE",
		"+5215512345678": "MX", "+8613812345678": "CN", "+99512345678": "GE", "+8591234567": "", "+2101234567": "",
		"": "", "+": "", "12125550123": "", "+0123456789": "", "+1212555012": "", "+1212555012345": "", "+4420712x4567": "",
		"+123456": "", "+1234567890123456": "", "whatsapp:+12125550123": "",
	} {
		if got := CountryOf(number); got != want {
			t.Errorf("%q is in %q, want %q", number, got, want)
		}
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	const manhattan, manhattan2, brooklyn, buffalo, sanFrancisco, toronto = "+12125550123", "+16465550123", "+17185550123", "+17165550123", "+14155550123", "+14165550123"
	for _, row := range []struct {
		a, b  string
		level Level
		want  bool
	}{
		{manhattan, "+12125550199", AreaCode, true},
		{manhattan, manhattan2, AreaCode, false},
		{manhattan, manhattan2, Overlay, true},
		{manhattan, brooklyn, Overlay, false},
		{manhattan, brooklyn, Radius, true},
		{manhattan, buffalo, Radius, true},
		{manhattan, sanFrancisco, Radius, false},
		{manhattan, sanFrancisco, Country, true},
		{manhattan, toronto, Country, false},
		{toronto, "+14375550123", Overlay, true},
		{"+18005550123", manhattan, Overlay, false}, // a code without a place
		{"+18005550123", "+18885550123", Radius, false},
		{"+442071234567", "+441611234567", AreaCode, true}, // not known abroad
		{"+442071234567", "+493012345678", Country, false},
		{"", "", Country, false},
		{"+8591234567", "+8591234567", Country, false},
	} {
		if got := Near(row.a, row.b, row.level); got != row.want {
			t.Errorf("%s near %s by %s: %v", row.a, row.b, row.level, got)
		}
	}
}

// Every code stands in one place only, and has three digits.
func TestTables(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	check := func(place, code string) {
		if len(code) != 3 || code[0] < '2' || code[0] > '9' {
			t.Errorf("%s has the area code %q", place, code)
		}
		if seen[code] != "" {
			t.Errorf("%s is in %s and %s", code, seen[code], place)
		}
		seen[code] = place
	}
	for state, list := range states {
		for code := range strings.FieldsSeq(strings.ReplaceAll(list, ";", " ")) {
			check(state, code)
		}
	}
	for country, list := range islands {
		for code := range strings.FieldsSeq(list) {
			check(country, code)
		}
	}
	n := 0
	for entry := range strings.FieldsSeq(codes) {
		n++
		if code, country, ok := strings.Cut(entry, ":"); !ok || len(code) > 3 || len(country) != 2 {
			t.Errorf("entry %q", entry)
		}
	}
	if n != len(countries) {
		t.Errorf("%d entries, %d codes", n, len(countries))
	}
	for code := range countries {
		for n := 1; n < len(code); n++ {
			if countries[code[:n]] != "" {
				t.Errorf("%s begins with %s, which is a code itself", code, code[:n])
			}
		}
	}
}

func FuzzNear(f *testing.F) {
	f.Add("+12125550123", "+16465550123")
	f.Add("+", "7")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, level := range []Level{Country, Radius, Overlay, AreaCode} {
			if Near(a, b, level) != Near(b, a, level) {
				t.Errorf("%q and %q by %s", a, b, level)
			}
		}
	})
}
