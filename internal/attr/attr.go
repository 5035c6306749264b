// Package attr handles attributes: the JSON documents that the wire carries as
// text in a string ("attributes": "{\"name\":\"Ada\"}") on channels, messages,
// members, users, workers and tasks.
//
// A document is checked once where it comes in and kept as the compact form of
// what was sent: the order of keys and the spelling of numbers survive, since
// clients compare the text.
package attr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 64

// Reasons for which Parse refuses a text; use errors.Is. Each product has its
// own code for them (chat 50303 and 50304, TaskRouter 20001).
var (
	ErrTooLong   = errors.New("attributes are too long")
	ErrNotJSON   = errors.New("attributes are not valid JSON")
	ErrNotObject = errors.New("attributes are not a JSON object")
)

// Empty is the document of a resource without attributes.
const Empty = "{}"

// Parse checks that s is one JSON object and returns its compact form. Empty
// text is an empty object. maxBytes bounds the length of s as it was sent; 0
// means no bound. The error wraps one of the three above, and for malformed
// text its message names the byte offset.
func Parse(s string, maxBytes int) (json.RawMessage, error) {
	m, err := ParseValue(s, maxBytes)
	if err == nil && m[0] != '{' {
		return nil, ErrNotObject
	}
	return m, err
}

// ParseValue is Parse for any JSON value: the chat wire lets attributes be a
// string, a number or an array as well.
func ParseValue(s string, maxBytes int) (json.RawMessage, error) {
	if maxBytes > 0 && len(s) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLong, len(s), maxBytes)
	}
	if s == "" {
		return json.RawMessage(Empty), nil
	}
	if at := badUTF8(s); at >= 0 {
		return nil, fmt.Errorf("%w: invalid UTF-8 at offset %d", ErrNotJSON, at)
	}
	var raw json.RawMessage // checked by Unmarshal, whose errors know their offset
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		if syn, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("%w: %s at offset %d", ErrNotJSON, syn.Error(), syn.Offset)
		}
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	var out bytes.Buffer
	out.Grow(len(raw))
	if err := json.Compact(&out, raw); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if at := tooDeep(out.Bytes()); at >= 0 {
		return nil, fmt.Errorf("%w: nested deeper than %d levels at offset %d", ErrNotJSON, MaxDepth, at)
	}
	return out.Bytes(), nil
}

// badUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func badUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// tooDeep returns where valid JSON exceeds MaxDepth, or -1.
func tooDeep(doc []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// field is one key of an object, in the order of the text.
type field struct {
	key   string
	value json.RawMessage
}

// fields splits an object at its first level. A key that occurs twice keeps its
// first place and its last value, which is how JavaScript reads it.
func fields(m json.RawMessage) ([]field, error) {
	if len(m) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(m))
	tok, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if tok != json.Delim('{') {
		return nil, ErrNotObject
	}
	var out []field
	at := make(map[string]int)
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
		}
		key := tok.(string) // a key of an object is always a string token
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
		}
		if i, ok := at[key]; ok {
			out[i].value = value
			continue
		}
		at[key] = len(out)
		out = append(out, field{key, value})
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	return out, nil
}

// Merge returns the object old with the keys of set put on top, first level
// only. Kept keys stay where they are, new ones follow in alphabetical order. A
// nil value stores null; use Without to drop a key. old may be empty.
func Merge(old json.RawMessage, set map[string]any) (json.RawMessage, error) {
	list, err := fields(old)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value, err := encode(set[name])
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		if i := slices.IndexFunc(list, func(f field) bool { return f.key == name }); i >= 0 {
			list[i].value = value
		} else {
			list = append(list, field{name, value})
		}
	}
	return join(list)
}

// Without returns the object old without the named keys of its first level.
func Without(old json.RawMessage, names ...string) (json.RawMessage, error) {
	list, err := fields(old)
	if err != nil {
		return nil, err
	}
	return join(slices.DeleteFunc(list, func(f field) bool { return slices.Contains(names, f.key) }))
}

func join(list []field) (json.RawMessage, error) {
	out := []byte{'{'}
	for i, f := range list {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := encode(f.key)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), f.value...)
	}
	return append(out, '}'), nil
}

// encode is json.Marshal without the escaping of <, > and &, which would change
// text that a client compares.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Get returns the raw value at a path of object keys, or nil.
func Get(m json.RawMessage, path ...string) json.RawMessage {
	for _, name := range path {
		var level map[string]json.RawMessage
		if json.Unmarshal(m, &level) != nil {
			return nil
		}
		next, ok := level[name]
		if !ok {
			return nil
		}
		m = next
	}
	return m
}

// String returns the string at a path of keys, or "" where there is none or it
// is of another type.
func String(m json.RawMessage, path ...string) string {
	var s string
	if json.Unmarshal(Get(m, path...), &s) != nil {
		return ""
	}
	return s
}

// Bool returns the boolean at a path of keys. A string "true" counts, since
// attributes that came through a form often hold one.
func Bool(m json.RawMessage, path ...string) bool {
	switch string(Get(m, path...)) {
	case `true`, `"true"`:
		return true
	}
	return false
}

// Map returns the decoded object, for expressions: numbers are float64, and one
// that a float64 cannot hold is nil. It is never nil; anything but an object is
// an empty map.
func Map(m json.RawMessage) map[string]any {
	var out map[string]any
	err := json.Unmarshal(m, &out)
	// Such a number is reported after everything else has been decoded. It must
	// not hide the attributes beside it from routing.
	if _, wide := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !wide || out == nil {
		return map[string]any{}
	}
	return out
}
