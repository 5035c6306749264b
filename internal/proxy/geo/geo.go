// Package geo says where a telephone number is at home, as far as its digits tell: the country of every number in E.164 form, and for
// North America the area code, the area codes that lie over the same region, and the state or province. What the digits do not tell,
// such as how many miles lie between two area codes or where a mobile number is used, it does not guess.
//
// Sources: the public assignments of country codes (ITU-T E.164) and of area codes (NANPA).
package geo

import "strings"

// Level is how near a number must be to another.
type Level string

// The levels, from the widest to the narrowest.
const (
	// Country is the same country. Where the digits do not tell countries apart (+44 for the United Kingdom and its islands) they
	// count as one.
	Country Level = "country"
	// Radius is the same state or province of the same country, which is the nearest to a distance that can be known from digits.
	Radius Level = "radius"
	// Overlay is an area code that lies over the same region.
	Overlay Level = "overlay"
	// AreaCode is the same area code.
	AreaCode Level = "area-code"
)

// longest is the most digits of a number in E.164 form.
const longest = 15

// Valid says whether s is a telephone number in E.164 form: + and 7 to 15 digits, the first of them not 0.
func Valid(s string) bool {
	if len(s) < 8 || len(s) > longest+1 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for _, c := range s[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// CountryOf returns the ISO 3166 code of the country of a number in E.164 form, "" when it is not known.
func CountryOf(number string) string {
	if !Valid(number) {
		return ""
	}
	digits := number[1:]
	if digits[0] == '1' {
		return north(digits)
	}
	for n := 3; n > 0; n-- {
		if c, ok := countries[digits[:n]]; ok {
			if c == "RU" && (digits[1] == '6' || digits[1] == '7') {
				return "KZ"
			}
			return c
		}
	}
	return ""
}

// north is the country of a number under +1, where area codes tell it. Those that serve no place (toll-free ones) are taken for the
// United States'.
func north(digits string) string {
	area := areaOf("+" + digits)
	if area == "" {
		return ""
	}
	if c, ok := abroad[area]; ok {
		return c
	}
	return "US"
}

// areaOf is the area code of a number under +1 that is whole, "" for all others.
func areaOf(number string) string {
	if len(number) != len("+12025550123") || number[:2] != "+1" || number[2] < '2' {
		return ""
	}
	return number[2:5]
}

// Near says whether number is as near to other as level asks. Outside North America, where levels narrower than a country are not
// known, every level is the country.
// Source: the original's description of geo_match_level.
func Near(number, other string, level Level) bool {
	country := CountryOf(number)
	if country == "" || country != CountryOf(other) {
		return false
	}
	here, there := areaOf(number), areaOf(other)
	if here == "" || there == "" || here == there {
		return true
	}
	switch level {
	case AreaCode:
		return false
	case Overlay:
		r, ok := regions[here]
		return ok && r == regions[there]
	case Radius:
		r, ok := regions[here]
		return ok && r.state == regions[there].state
	case Country:
	}
	return true
}

// region is where an area code is valid: a state or province, and the part of it that it shares with its overlays.
type region struct {
	state string
	part  int
}

var regions = readRegions(states)

func readRegions(states map[string]string) map[string]region {
	all := map[string]region{}
	for state, list := range states {
		for part, group := range strings.Split(list, ";") {
			for code := range strings.FieldsSeq(group) {
				all[code] = region{state, part}
			}
		}
	}
	return all
}

var abroad = readAbroad(states, islands)

// readAbroad maps the area codes that are not the United States' to their countries.
func readAbroad(states, islands map[string]string) map[string]string {
	all := map[string]string{}
	for state, list := range states {
		if !strings.HasPrefix(state, "CA-") {
			continue
		}
		for code := range strings.FieldsSeq(strings.ReplaceAll(list, ";", " ")) {
			all[code] = "CA"
		}
	}
	for country, list := range islands {
		for code := range strings.FieldsSeq(list) {
			all[code] = country
		}
	}
	return all
}

var countries = readCountries(codes)

func readCountries(text string) map[string]string {
	all := map[string]string{}
	for entry := range strings.FieldsSeq(text) {
		code, country, _ := strings.Cut(entry, ":")
		all[code] = country
	}
	return all
}
