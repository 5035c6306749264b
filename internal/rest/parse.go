package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// parser stores one textual value in the field v. An empty value of a type that is not text leaves v as it is.
type parser func(v reflect.Value, f *field, s string) error

var (
	optionalType = reflect.TypeFor[optional]()
	timeType     = reflect.TypeFor[time.Time]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// parserOf chooses the parser of a type. A struct that is none of the known types is a group of dotted keys.
func parserOf(t reflect.Type) (parse parser, list, group bool) {
	if reflect.PointerTo(t).Implements(optionalType) {
		value, _ := t.FieldByName("V")
		inner, list, group := parserOf(value.Type)
		if inner == nil || group {
			return nil, false, false
		}
		empty := kindIsText(value.Type) || list
		return func(v reflect.Value, f *field, s string) error {
			if s == "" && !empty {
				return nil
			}
			return inner(reflect.ValueOf(v.Addr().Interface().(optional).slot()).Elem(), f, s)
		}, list, false
	}
	switch {
	case t == timeType:
		return parseTime, false, false
	case t == rawType:
		return parseJSON, false, false
	case t.Kind() == reflect.Struct:
		return nil, false, true
	case t.Kind() == reflect.Slice:
		inner, nested, group := parserOf(t.Elem())
		if inner == nil || nested || group {
			return nil, false, false
		}
		return func(v reflect.Value, f *field, s string) error {
			if s == "" {
				return nil // an empty value clears a list that is optional, and adds nothing
			}
			item := reflect.New(t.Elem()).Elem()
			if err := inner(item, f, s); err != nil {
				return err
			}
			v.Set(reflect.Append(v, item))
			return nil
		}, true, false
	}
	return scalar(t.Kind()), false, false
}

func kindIsText(t reflect.Type) bool { return t.Kind() == reflect.String }

func scalar(k reflect.Kind) parser {
	switch k {
	case reflect.String:
		return func(v reflect.Value, f *field, s string) error {
			if err := f.text(s); err != nil {
				return err
			}
			v.SetString(s)
			return nil
		}
	case reflect.Bool:
		return parseBool
	case reflect.Int, reflect.Int64, reflect.Int32:
		return func(v reflect.Value, f *field, s string) error {
			if s == "" {
				return nil
			}
			n, err := f.integer(s, v.Type().Bits())
			v.SetInt(n)
			return err
		}
	case reflect.Float64:
		return func(v reflect.Value, _ *field, s string) error {
			if s == "" {
				return nil
			}
			x, err := strconv.ParseFloat(s, 64)
			if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
				return errors.New("not a number")
			}
			v.SetFloat(x)
			return nil
		}
	}
	return nil
}

// parseBool takes the spellings that helper libraries send: true, True, 1 and their opposites.
func parseBool(v reflect.Value, _ *field, s string) error {
	switch {
	case s == "":
	case strings.EqualFold(s, "true"), s == "1":
		v.SetBool(true)
	case strings.EqualFold(s, "false"), s == "0":
		v.SetBool(false)
	default:
		return errors.New("must be true or false")
	}
	return nil
}

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly}

// parseTime takes ISO 8601 with or without fraction and zone (UTC when not said), and a plain date. Years are bounded so that
// the time fits into microseconds.
func parseTime(v reflect.Value, _ *field, s string) error {
	if s == "" {
		return nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
			v.Set(reflect.ValueOf(t.UTC()))
			return nil
		}
	}
	return errors.New("not an ISO 8601 time")
}

func parseJSON(v reflect.Value, f *field, s string) error {
	if s == "" {
		return nil
	}
	if err := f.text(s); err != nil {
		return err
	}
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("not JSON at character %d", syntax.Offset)
		}
		return errors.New("not JSON")
	}
	v.SetBytes(raw)
	return nil
}
