package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/osteele/liquid/values"
)

// object is an object of JSON inside a template. It prints as JSON.
type object map[string]any

// decimal is a number with a fraction. It prints without an exponent.
type decimal float64

// wrap makes of a variable what templates work with: whole numbers are int, and
// objects know how to print.
func wrap(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return object(v)
	case map[string]map[string]any:
		m := make(object, len(v))
		for k, inner := range v {
			m[k] = inner
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = wrap(v[i])
		}
		return list
	case int64:
		return int(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
		return decimal(v)
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		return v.String()
	}
	return v
}

// value is a variable as the library handles it. Texts, and what is not there,
// know whether they are blank.
func value(v any) values.Value {
	v = wrap(v)
	switch v.(type) {
	case nil, string:
		return scalar{values.ValueOf(v)}
	}
	return values.ValueOf(v)
}

type scalar struct{ values.Value }

// Equal implements values.Value.
func (s scalar) Equal(other values.Value) bool {
	if _, ok := other.(blank); ok {
		return strings.TrimSpace(toText(s.Interface())) == ""
	}
	return s.Value.Equal(other)
}

// blank is what "blank" and "empty" stand for.
type blank struct{ values.Value }

// The methods of values.Value.

// Interface implements values.Value.
func (o object) Interface() any { return o }

// Int implements values.Value: an object is no number.
func (o object) Int() int { panic(values.TypeError("an object is not a number")) }

// Equal implements values.Value.
func (o object) Equal(other values.Value) bool { return reflect.DeepEqual(o, other.Interface()) }

// Less implements values.Value.
func (o object) Less(values.Value) bool { return false }

// Contains implements values.Value: whether there is such a key.
func (o object) Contains(key values.Value) bool {
	s, _ := key.Interface().(string)
	_, ok := o[s]
	return ok
}

// IndexValue implements values.Value.
func (o object) IndexValue(key values.Value) values.Value {
	s, ok := key.Interface().(string)
	if !ok {
		return value(nil)
	}
	return value(o[s])
}

// PropertyValue implements values.Value.
func (o object) PropertyValue(key values.Value) values.Value {
	s, _ := key.Interface().(string)
	if v, ok := o[s]; ok {
		return value(v)
	}
	if s == "size" {
		return values.ValueOf(len(o))
	}
	return value(nil)
}

// Test implements values.Value.
func (o object) Test() bool { return true }

// String is the JSON of the object.
func (o object) String() string { return toJSON(o) }

// String is the number without an exponent.
func (d decimal) String() string { return strconv.FormatFloat(float64(d), 'f', -1, 64) }

// MarshalJSON is the number.
func (d decimal) MarshalJSON() ([]byte, error) { return json.Marshal(float64(d)) }

// toText is what {{ v }} prints.
func toText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, item := range v {
			b.WriteString(toText(item))
		}
		return b.String()
	case float64:
		return decimal(v).String()
	case time.Time:
		return v.Format("2006-01-02 15:04:05 -0700")
	}
	return fmt.Sprint(v)
}

// toList is v as a list: what is no list is a list of itself.
func toList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	case object:
		return []any{v}
	}
	return []any{v}
}

// toNumber is v as a number: a whole one where it is one. Texts that begin with
// a number count as it, all else as 0.
func toNumber(v any) (i int, f float64, whole bool) {
	if f, literal := v.(float64); literal { // 2.0 in the text of a template: division is to have a fraction
		return int(f), f, false
	}
	switch v := wrap(v).(type) {
	case int:
		return v, float64(v), true
	case decimal:
		return int(v), float64(v), false
	case string:
		s := strings.TrimSpace(v)
		end := 0
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.' || end == 0 && s[end] == '-') {
			end++
		}
		if n, err := strconv.Atoi(s[:end]); err == nil {
			return n, float64(n), true
		}
		if f, err := strconv.ParseFloat(s[:end], 64); err == nil {
			return int(f), f, false
		}
	}
	return 0, 0, true
}

// fromFloat is a result of arithmetic.
func fromFloat(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return wrap(f)
}

// toJSON is v as JSON, without escapes for HTML.
func toJSON(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// keys returns the keys of an object in order, so that loops are the same each time.
func (o object) keys() []string {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
