package rest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"usher/internal/fault"
)

// Limits of a form. A request's whole body is bounded by maxBody.
const (
	maxPairs = 1000
	maxText  = 65536 // characters of a parameter that says nothing else
)

// mode says which of a form's fields an operation reads.
type mode uint8

const (
	onCreate mode = iota
	onUpdate
)

// field is one parameter of a form: where it goes and what it may be.
type field struct {
	name     string
	index    []int // reflect path from the struct
	list     bool
	required [2]bool // by mode
	skip     [2]bool // by mode
	comma    bool
	max, min int64
	bounded  [2]bool // min, max were given
	enum     []string
	parse    parser
}

// plan is how a form is decoded into one struct type. It is made once, when the routes are mounted.
type plan struct {
	typ    reflect.Type
	fields []field
	byName map[string]int
}

// planOf reads the form tags of a struct type. A type with no tags gives a plan that reads nothing.
func planOf(t reflect.Type) (*plan, error) {
	p := &plan{typ: t, byName: map[string]int{}}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("form %s is no struct", t)
	}
	if err := p.scan(t, "", nil); err != nil {
		return nil, fmt.Errorf("form %s: %w", t, err)
	}
	if len(p.fields) > 64 {
		return nil, fmt.Errorf("form %s: more than 64 fields", t)
	}
	return p, nil
}

func (p *plan) scan(t reflect.Type, prefix string, at []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, tagged := sf.Tag.Lookup("form")
		index := append(slices.Clone(at), i)
		if sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Struct {
			if err := p.scan(sf.Type, prefix, index); err != nil {
				return err
			}
			continue
		}
		if !tagged {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		f := field{name: prefix + name, index: index, max: maxText}
		if err := f.options(options); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		var group bool
		if f.parse, f.list, group = parserOf(sf.Type); group {
			if err := p.scan(sf.Type, f.name+".", index); err != nil {
				return err
			}
			continue
		}
		if f.parse == nil {
			return fmt.Errorf("%s: no parser for %s", f.name, sf.Type)
		}
		if _, twice := p.byName[f.name]; twice {
			return fmt.Errorf("%s: declared twice", f.name)
		}
		p.byName[f.name] = len(p.fields)
		p.fields = append(p.fields, f)
	}
	return nil
}

func (f *field) options(text string) error {
	if text == "" {
		return nil
	}
	for opt := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(opt, "=")
		var err error
		switch key {
		case "required":
			f.required[onCreate] = true
		case "always":
			f.required = [2]bool{true, true}
		case "create":
			f.skip[onUpdate] = true
		case "update":
			f.skip[onCreate] = true
		case "comma":
			f.comma = true
		case "enum":
			f.enum = strings.Split(value, "|")
		case "min":
			f.bounded[0] = true
			f.min, err = strconv.ParseInt(value, 10, 64)
		case "max":
			f.bounded[1] = true
			f.max, err = strconv.ParseInt(value, 10, 64)
		default:
			err = errors.New("unknown option " + key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decode fills dst from texts of the form a=b&c=d; of a parameter that is given in several texts the first counts.
func (p *plan) decode(dst reflect.Value, m mode, texts ...string) error {
	var seen, filled uint64
	pairs := 0
	for _, text := range texts {
		for text != "" {
			var pair string
			pair, text, _ = strings.Cut(text, "&")
			if pair == "" {
				continue
			}
			if pairs++; pairs > maxPairs {
				return fault.Invalid("More than %d parameters", maxPairs)
			}
			rawName, rawValue, _ := strings.Cut(pair, "=")
			name, err := url.QueryUnescape(rawName)
			if err != nil {
				return fault.Invalid("Malformed parameters: bad percent encoding in a parameter's name")
			}
			i, known := p.byName[name]
			if !known || p.fields[i].skip[m] {
				continue
			}
			f, bit := &p.fields[i], uint64(1)<<i
			if seen&bit != 0 && !f.list {
				continue
			}
			seen |= bit
			value, err := url.QueryUnescape(rawValue)
			if err != nil || !clean(value) {
				return fault.Invalid("Invalid value for parameter %s: not UTF-8 text in percent encoding", name)
			}
			if value == "" && f.required[m] {
				continue
			}
			filled |= bit
			if err := f.set(dst, value); err != nil {
				return err
			}
		}
	}
	for i := range p.fields {
		if p.fields[i].required[m] && filled&(1<<i) == 0 {
			return fault.Invalid("Missing required parameter %s in the post body", p.fields[i].name)
		}
	}
	return nil
}

// set stores one value. Lists grow by it.
func (f *field) set(dst reflect.Value, value string) error {
	v := dst.FieldByIndex(f.index)
	if f.comma {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				if err := f.store(v, part); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return f.store(v, value)
}

func (f *field) store(v reflect.Value, value string) error {
	if err := f.parse(v, f, value); err != nil {
		return fault.Invalid("Invalid value for parameter %s: %s", f.name, err.Error())
	}
	return nil
}

// text checks a textual value against the field's limits.
func (f *field) text(s string) error {
	if int64(len(s)) > f.max && int64(utf8.RuneCountInString(s)) > f.max {
		return fmt.Errorf("longer than %d characters", f.max)
	}
	if f.enum != nil && !slices.Contains(f.enum, s) {
		return errors.New("must be one of " + strings.Join(f.enum, ", "))
	}
	return nil
}

func (f *field) integer(s string, bits int) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, bits)
	if err != nil {
		return 0, errors.New("not a whole number")
	}
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if f.bounded[0] {
		low = f.min
	}
	if f.bounded[1] {
		high = f.max
	}
	switch {
	case n < low:
		return 0, fmt.Errorf("less than %d", low)
	case n > high:
		return 0, fmt.Errorf("greater than %d", high)
	}
	return n, nil
}

// list names the fields that a mode reads, for the listing of routes.
func (p *plan) list(m mode) []string {
	var out []string
	for i := range p.fields {
		f := &p.fields[i]
		if f.skip[m] {
			continue
		}
		name := f.name
		if f.required[m] {
			name += "*"
		}
		if f.enum != nil {
			name += "(" + strings.Join(f.enum, "|") + ")"
		}
		out = append(out, name)
	}
	return out
}
