package template

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"
)

// filter is a filter: what stands before the bar, and its arguments.
type filter func(in any, args arguments) (any, error)

// arguments are the arguments of a filter; what is missing is nil.
type arguments []any

func (a arguments) at(i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}

func (a arguments) text(i int, otherwise string) string {
	if i < len(a) {
		return toText(a[i])
	}
	return otherwise
}

func (a arguments) number(i, otherwise int) int {
	if i < len(a) {
		n, _, _ := toNumber(a[i])
		return n
	}
	return otherwise
}

// maxRange bounds a range that a filter makes a list of.
const maxRange = 10_000

// addFilters defines the standard filters. They are this package's own since
// the library's have no limits, and since theirs refuse or misprint what flows
// hold: numbers in texts, large numbers, objects.
func addFilters(c *render.Config, b *Budget) {
	add := func(name string, f filter) {
		c.AddFilter(name, func(in any, args ...any) (any, error) {
			if r, ok := in.(values.Range); ok {
				if r.Len() > maxRange {
					return nil, ErrWork
				}
				in = r.AsArray()
			}
			if err := b.spend(weight(in)); err != nil {
				return nil, err
			}
			out, err := f(in, args)
			if err == nil && weight(out) > MaxText {
				return nil, ErrTooLong
			}
			return out, err
		})
	}
	for name, f := range textFilters {
		add(name, func(in any, args arguments) (any, error) {
			s := toText(in)
			if len(s) > MaxText {
				return nil, ErrTooLong
			}
			return f(s, args)
		})
	}
	for name, f := range numberFilters {
		add(name, f)
	}
	for name, f := range listFilters {
		add(name, f)
	}
	add("date", func(in any, args arguments) (any, error) { return date(in, args, b.Now) })
}

// weight is about how many bytes a value takes as text.
func weight(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		n := 2
		for _, item := range v {
			n += 2 + weight(item)
		}
		return n
	case object:
		return 16 * len(v)
	}
	return 8
}

var htmlTags = regexp.MustCompile(`(?s)<script.*?</script>|<!--.*?-->|<style.*?</style>|<.*?>`)

var textFilters = map[string]func(s string, args arguments) (any, error){
	"append": func(s string, a arguments) (any, error) { return s + a.text(0, ""), nil },
	"capitalize": func(s string, _ arguments) (any, error) {
		r, n := utf8.DecodeRuneInString(s)
		if n == 0 {
			return s, nil
		}
		return string(unicode.ToUpper(r)) + strings.ToLower(s[n:]), nil
	},
	"downcase":    func(s string, _ arguments) (any, error) { return strings.ToLower(s), nil },
	"escape":      func(s string, _ arguments) (any, error) { return html.EscapeString(s), nil },
	"escape_once": func(s string, _ arguments) (any, error) { return html.EscapeString(html.UnescapeString(s)), nil },
	"lstrip":      func(s string, _ arguments) (any, error) { return strings.TrimLeftFunc(s, unicode.IsSpace), nil },
	"newline_to_br": func(s string, _ arguments) (any, error) {
		return replace(s, "\n", "<br />\n", -1)
	},
	"prepend": func(s string, a arguments) (any, error) { return a.text(0, "") + s, nil },
	"remove":  func(s string, a arguments) (any, error) { return replace(s, a.text(0, ""), "", -1) },
	"remove_first": func(s string, a arguments) (any, error) {
		return replace(s, a.text(0, ""), "", 1)
	},
	"replace": func(s string, a arguments) (any, error) { return replace(s, a.text(0, ""), a.text(1, ""), -1) },
	"replace_first": func(s string, a arguments) (any, error) {
		return replace(s, a.text(0, ""), a.text(1, ""), 1)
	},
	"rstrip": func(s string, _ arguments) (any, error) { return strings.TrimRightFunc(s, unicode.IsSpace), nil },
	"split": func(s string, a arguments) (any, error) {
		sep := a.text(0, " ")
		parts := strings.Split(s, sep)
		if sep == " " {
			parts = strings.Fields(s)
		}
		for len(parts) > 0 && parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
		list := make([]any, len(parts))
		for i, p := range parts {
			list[i] = p
		}
		return list, nil
	},
	"strip":      func(s string, _ arguments) (any, error) { return strings.TrimSpace(s), nil },
	"strip_html": func(s string, _ arguments) (any, error) { return htmlTags.ReplaceAllString(s, ""), nil },
	"strip_newlines": func(s string, _ arguments) (any, error) {
		return strings.NewReplacer("\r", "", "\n", "").Replace(s), nil
	},
	"truncate": func(s string, a arguments) (any, error) {
		n, end := a.number(0, 50), a.text(1, "...")
		runes := []rune(s)
		if len(runes) <= n {
			return s, nil
		}
		return string(runes[:max(0, n-utf8.RuneCountInString(end))]) + end, nil
	},
	"truncatewords": func(s string, a arguments) (any, error) {
		n, end := max(a.number(0, 15), 1), a.text(1, "...")
		words := strings.Fields(s)
		if len(words) <= n {
			return s, nil
		}
		return strings.Join(words[:n], " ") + end, nil
	},
	"upcase":     func(s string, _ arguments) (any, error) { return strings.ToUpper(s), nil },
	"url_encode": func(s string, _ arguments) (any, error) { return url.QueryEscape(s), nil },
	"url_decode": func(s string, _ arguments) (any, error) { return url.QueryUnescape(s) },
}

func replace(s, from, to string, n int) (any, error) {
	if from == "" {
		return s, nil
	}
	if len(s)+strings.Count(s, from)*max(0, len(to)-len(from)) > MaxText {
		return nil, ErrTooLong
	}
	return strings.Replace(s, from, to, n), nil
}

// arithmetic makes a filter of two numbers: whole ones stay whole.
func arithmetic(whole func(a, b int) (int, error), fraction func(a, b float64) float64) filter {
	return func(in any, args arguments) (any, error) {
		a, fa, wa := toNumber(in)
		b, fb, wb := toNumber(args.at(0))
		if wa && wb && max(math.Abs(fa), math.Abs(fb)) < 1<<31 {
			return whole(a, b)
		}
		return fromFloat(fraction(fa, fb)), nil
	}
}

var errZero = errors.New("divided by 0")

func noError(f func(a, b int) int) func(a, b int) (int, error) {
	return func(a, b int) (int, error) { return f(a, b), nil }
}

func unlessZero(f func(a, b int) int) func(a, b int) (int, error) {
	return func(a, b int) (int, error) {
		if b == 0 {
			return 0, errZero
		}
		return f(a, b), nil
	}
}

func rounded(f func(float64) float64) filter {
	return func(in any, args arguments) (any, error) {
		_, x, _ := toNumber(in)
		scale := math.Pow10(max(-15, min(15, args.number(0, 0))))
		return fromFloat(f(x*scale) / scale), nil
	}
}

var numberFilters = map[string]filter{
	"abs": func(in any, _ arguments) (any, error) {
		_, f, _ := toNumber(in)
		return fromFloat(math.Abs(f)), nil
	},
	"at_least": arithmetic(noError(func(a, b int) int { return max(a, b) }), math.Max),
	"at_most":  arithmetic(noError(func(a, b int) int { return min(a, b) }), math.Min),
	"ceil":     rounded(math.Ceil),
	"floor":    rounded(math.Floor),
	"round":    rounded(func(f float64) float64 { return math.Floor(f + 0.5) }),
	"plus":     arithmetic(noError(func(a, b int) int { return a + b }), func(a, b float64) float64 { return a + b }),
	"minus":    arithmetic(noError(func(a, b int) int { return a - b }), func(a, b float64) float64 { return a - b }),
	"times":    arithmetic(noError(func(a, b int) int { return a * b }), func(a, b float64) float64 { return a * b }),
	"divided_by": arithmetic(unlessZero(func(a, b int) int { return int(math.Floor(float64(a) / float64(b))) }),
		func(a, b float64) float64 { return a / b }),
	"modulo": arithmetic(unlessZero(func(a, b int) int { return ((a % b) + b) % b }),
		func(a, b float64) float64 { return a - b*math.Floor(a/b) }),
}

var listFilters = map[string]filter{
	"default": func(in any, a arguments) (any, error) {
		list, isList := in.([]any)
		if in == nil || in == false || in == "" || isList && len(list) == 0 {
			return a.at(0), nil
		}
		return in, nil
	},
	"json":    func(in any, _ arguments) (any, error) { return toJSON(in), nil },
	"to_json": func(in any, _ arguments) (any, error) { return toJSON(in), nil },
	"compact": func(in any, _ arguments) (any, error) {
		return slices.DeleteFunc(slices.Clone(toList(in)), func(v any) bool { return v == nil }), nil
	},
	"concat": func(in any, a arguments) (any, error) { return slices.Concat(toList(in), toList(a.at(0))), nil },
	"first": func(in any, _ arguments) (any, error) {
		if list := toList(in); len(list) > 0 {
			return list[0], nil
		}
		return nil, nil
	},
	"last": func(in any, _ arguments) (any, error) {
		if list := toList(in); len(list) > 0 {
			return list[len(list)-1], nil
		}
		return nil, nil
	},
	"join": func(in any, a arguments) (any, error) {
		var b strings.Builder
		sep := a.text(0, " ")
		for i, v := range toList(in) {
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(toText(v))
			if b.Len() > MaxText {
				return nil, ErrTooLong
			}
		}
		return b.String(), nil
	},
	"map": func(in any, a arguments) (any, error) {
		key := a.text(0, "")
		list := slices.Clone(toList(in))
		for i, v := range list {
			o, _ := v.(object)
			list[i] = wrap(o[key])
		}
		return list, nil
	},
	"where": func(in any, a arguments) (any, error) {
		key, want := a.text(0, ""), a.at(1)
		return slices.DeleteFunc(slices.Clone(toList(in)), func(v any) bool {
			o, _ := v.(object)
			got := wrap(o[key])
			return len(a) > 1 && !values.Equal(got, want) || len(a) < 2 && !truthy(got)
		}), nil
	},
	"reverse": func(in any, _ arguments) (any, error) {
		list := slices.Clone(toList(in))
		slices.Reverse(list)
		return list, nil
	},
	"size": func(in any, _ arguments) (any, error) {
		switch v := in.(type) {
		case string:
			return utf8.RuneCountInString(v), nil
		case []any:
			return len(v), nil
		case object:
			return len(v), nil
		}
		return 0, nil
	},
	"slice": slice,
	"sort":  sorted(func(s string) string { return s }),
	"sort_natural": sorted(func(s string) string {
		return strings.ToLower(s)
	}),
	"uniq": func(in any, _ arguments) (any, error) {
		seen := make(map[string]bool)
		return slices.DeleteFunc(slices.Clone(toList(in)), func(v any) bool {
			key := fmt.Sprintf("%T %s", v, toText(v))
			double := seen[key]
			seen[key] = true
			return double
		}), nil
	},
}

// slice takes a part of a text or a list; places below 0 count from the end.
func slice(in any, a arguments) (any, error) {
	bounds := func(length int) (from, to int) {
		from = a.number(0, 0)
		if from < 0 {
			from += length
		}
		from = max(0, min(from, length))
		return from, min(length, from+max(0, min(a.number(1, 1), length)))
	}
	if list, ok := in.([]any); ok {
		from, to := bounds(len(list))
		return slices.Clone(list[from:to]), nil
	}
	runes := []rune(toText(in))
	from, to := bounds(len(runes))
	return string(runes[from:to]), nil
}

// sorted sorts numbers as numbers and all else as text; with an argument,
// objects by that key.
func sorted(fold func(string) string) filter {
	return func(in any, a arguments) (any, error) {
		list := slices.Clone(toList(in))
		key := func(v any) any {
			if o, ok := v.(object); ok && len(a) > 0 {
				return wrap(o[a.text(0, "")])
			}
			return v
		}
		slices.SortStableFunc(list, func(x, y any) int {
			x, y = key(x), key(y)
			if values.Less(x, y) != values.Less(y, x) && !isText(x) {
				return cmp.Compare(bit(values.Less(y, x)), bit(values.Less(x, y)))
			}
			return cmp.Compare(fold(toText(x)), fold(toText(y)))
		})
		return list, nil
	}
}

func isText(v any) bool { _, ok := v.(string); return ok }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// date formats a date: "now", "today", seconds since 1970, or a text in one of
// the usual forms. Times without a zone, and now, are in UTC.
func date(in any, a arguments, now time.Time) (any, error) {
	var t time.Time
	switch v := in.(type) {
	case nil:
		return nil, nil
	case time.Time:
		t = v
	case int:
		t = time.Unix(int64(v), 0).UTC()
	default:
		s := strings.TrimSpace(toText(v))
		switch n, _, whole := toNumber(s); {
		case s == "":
			return "", nil
		case s == "now" || s == "today":
			t = now.UTC()
		case whole && fmt.Sprint(n) == s:
			t = time.Unix(int64(n), 0).UTC()
		default:
			parsed, err := parseDate(s)
			if err != nil {
				return in, nil //nolint:nilerr // as the standard: what is no date stays
			}
			t = parsed
		}
	}
	format := a.text(0, "")
	if format == "" {
		return in, nil
	}
	return tuesday.Strftime(format, t)
}

var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006/01/02", "01/02/2006", "15:04:05", "15:04",
	time.RFC1123Z, time.RFC1123, time.RFC850, time.ANSIC, time.UnixDate, time.RubyDate, time.RFC822Z, time.RFC822,
	"January 2, 2006", "January 2 2006", "Jan 2, 2006", "Jan 2 2006", "2 January 2006", "2 Jan 2006",
}

func parseDate(s string) (time.Time, error) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("no date")
}
