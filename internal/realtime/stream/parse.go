package stream

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of a frame.
const (
	maxFrame   = 64 << 10 // bytes
	maxDepth   = 66       // nesting: the frame, a field, and 64 levels of attributes
	maxStreams = 200      // streams named in one frame, and watched on one connection
)

// errNotJSON says that a frame is no JSON object at all: the connection is closed.
var errNotJSON = errors.New("the frame is not a JSON object")

// fieldError says which field of a frame is wrong: the request is answered with 20001.
type fieldError struct{ field, want string }

func (e *fieldError) Error() string { return fmt.Sprintf("%s must be %s", e.field, e.want) }

// request is a frame of a client. Fields that the frame does not have are zero.
type request struct {
	kind       string
	id         int64
	token      string
	channel    string
	clientID   string
	body       string
	attributes []byte // raw JSON object; nil = none
	media      string // SID of a file to carry; "" = none
	streams    []streamRef
	before     *int64
	limit      int64
	index      int64
	hasIndex   bool
}

// streamRef names a stream and, with an epoch, the place to resume after.
type streamRef struct {
	name   string
	epoch  string
	offset int64
	resume bool
}

// parse reads a frame. It is strict about JSON and about the types of the fields it knows; it skips others. With a
// fieldError the request has at least its kind and id, so that it can be answered. Of a repeated field the last counts.
func parse(frame []byte) (request, error) {
	var r request
	if !utf8.Valid(frame) {
		return r, errNotJSON
	}
	s := scanner{b: frame}
	err := s.object(func(key string) error {
		e := r.field(&s, key)
		var wrong *fieldError
		if errors.As(e, &wrong) {
			return s.note(wrong)
		}
		return e
	})
	s.space()
	if err != nil || s.i != len(s.b) {
		return r, errNotJSON
	}
	if s.first != nil {
		return r, s.first
	}
	return r, nil
}

// field reads the value of one field.
func (r *request) field(s *scanner, key string) (err error) {
	switch key {
	case "type":
		r.kind, err = s.text(key)
	case "id":
		r.id, err = s.number(key)
	case "token":
		r.token, err = s.text(key)
	case "channel":
		r.channel, err = s.text(key)
	case "client_id":
		r.clientID, err = s.text(key)
	case "body":
		r.body, err = s.text(key)
	case "attributes":
		r.attributes, err = s.raw(key)
	case "media":
		r.media, err = s.text(key)
	case "streams":
		r.streams, err = s.streams()
	case "before":
		r.before, err = s.maybeNumber(key)
	case "limit":
		r.limit, err = s.number(key)
	case "index":
		r.index, err = s.number(key)
		r.hasIndex = err == nil
	default:
		err = s.skip()
	}
	return err
}

// scanner walks over JSON text that is known to be UTF-8.
type scanner struct {
	b     []byte
	i     int
	depth int
	first *fieldError // the first wrong field
}

// note remembers the first wrong field and steps over its value.
func (s *scanner) note(e *fieldError) error {
	if s.first == nil {
		s.first = e
	}
	return s.skip()
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek answers the first byte of the next token, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

// eat steps over c when it comes next.
func (s *scanner) eat(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// object walks over an object; value must consume the value of each key.
func (s *scanner) object(value func(key string) error) error {
	return s.items('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if !s.eat(':') {
			return errNotJSON
		}
		s.space()
		return value(key)
	})
}

// items walks over what stands between two brackets; item must consume one item.
func (s *scanner) items(open, shut byte, item func() error) error {
	if !s.eat(open) {
		return errNotJSON
	}
	if s.depth++; s.depth > maxDepth {
		return errNotJSON
	}
	defer func() { s.depth-- }()
	if s.eat(shut) {
		return nil
	}
	for {
		s.space()
		if err := item(); err != nil {
			return err
		}
		if s.eat(shut) {
			return nil
		}
		if !s.eat(',') {
			return errNotJSON
		}
	}
}

// text reads a string field; null counts as "".
func (s *scanner) text(field string) (string, error) {
	switch s.peek() {
	case '"':
		return s.str()
	case 'n':
		return "", s.skip()
	}
	return "", &fieldError{field, "a string"}
}

// number reads an integer field.
func (s *scanner) number(field string) (int64, error) {
	start := s.i
	if err := s.num(); err != nil {
		s.i = start
		return 0, &fieldError{field, "an integer"}
	}
	n, err := strconv.ParseInt(string(s.b[start:s.i]), 10, 64)
	if err != nil {
		s.i = start
		return 0, &fieldError{field, "an integer"}
	}
	return n, nil
}

// maybeNumber reads an integer field that may be null.
func (s *scanner) maybeNumber(field string) (*int64, error) {
	if s.peek() == 'n' {
		return nil, s.skip()
	}
	n, err := s.number(field)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// raw reads an object field without looking into it; null counts as none.
func (s *scanner) raw(field string) ([]byte, error) {
	start := s.i
	c := s.peek()
	if c != '{' && c != 'n' {
		return nil, &fieldError{field, "an object"}
	}
	if err := s.skip(); err != nil || c == 'n' {
		return nil, err
	}
	return s.b[start:s.i], nil
}

// streams reads a list of stream names or of {stream, epoch, offset}.
func (s *scanner) streams() ([]streamRef, error) {
	if s.peek() != '[' {
		return nil, &fieldError{"streams", "a list"}
	}
	var list []streamRef
	err := s.items('[', ']', func() error {
		var ref streamRef
		var err error
		switch s.peek() {
		case '"':
			ref.name, err = s.str()
		case '{':
			ref, err = s.streamRef()
		default:
			err = s.note(&fieldError{"streams", "a list of stream names or objects"})
		}
		if len(list) <= maxStreams {
			list = append(list, ref)
		}
		return err
	})
	if err == nil && len(list) > maxStreams && s.first == nil {
		s.first = &fieldError{"streams", "a list of at most " + strconv.Itoa(maxStreams)}
	}
	return list, err
}

func (s *scanner) streamRef() (streamRef, error) {
	var ref streamRef
	var epoch, offset bool
	err := s.object(func(key string) (err error) {
		switch key {
		case "stream":
			ref.name, err = s.text(key)
		case "epoch":
			epoch = s.peek() == '"'
			ref.epoch, err = s.text(key)
		case "offset":
			if offset = s.peek() != 'n'; offset {
				ref.offset, err = s.number(key)
			} else {
				err = s.skip()
			}
		default:
			err = s.skip()
		}
		var wrong *fieldError
		if errors.As(err, &wrong) {
			return s.note(wrong)
		}
		return err
	})
	ref.resume = epoch && offset
	return ref, err
}

// skip steps over any value and checks it.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(func(string) error { return s.skip() })
	case c == '[':
		return s.items('[', ']', s.skip)
	case c == '"':
		return s.skipString()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.num()
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return errNotJSON
	}
	s.i += len(w)
	return nil
}

// num steps over a number, as the grammar of JSON has it.
func (s *scanner) num() error {
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return errNotJSON
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if !s.digits() {
			return errNotJSON
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if !s.digits() {
			return errNotJSON
		}
	}
	return nil
}

// digits steps over digits; false when there is none.
func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

// skipString steps over a string and checks its escapes.
func (s *scanner) skipString() error {
	s.i++
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c < ' ':
			return errNotJSON
		case c == '\\':
			if _, err := s.escape(); err != nil {
				return err
			}
		default:
			s.i++
		}
	}
	return errNotJSON
}

// str reads a string. Half a surrogate pair becomes U+FFFD.
func (s *scanner) str() (string, error) {
	if s.peek() != '"' {
		return "", errNotJSON
	}
	start := s.i + 1
	plain := start
	for plain < len(s.b) && s.b[plain] != '"' && s.b[plain] != '\\' && s.b[plain] >= ' ' {
		plain++
	}
	if plain < len(s.b) && s.b[plain] == '"' {
		s.i = plain + 1
		return string(s.b[start:plain]), nil
	}
	out := append(make([]byte, 0, 2*(plain-start)+16), s.b[start:plain]...)
	s.i = plain
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return string(out), nil
		case c < ' ':
			return "", errNotJSON
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
			s.i++
		}
	}
	return "", errNotJSON
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (s *scanner) escape() (rune, error) {
	if s.i+1 >= len(s.b) {
		return 0, errNotJSON
	}
	c := s.b[s.i+1]
	s.i += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		high, ok := s.hex4(s.i)
		if !ok {
			return 0, errNotJSON
		}
		s.i += 4
		if !utf16.IsSurrogate(high) {
			return high, nil
		}
		if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
			if low, ok := s.hex4(s.i + 2); ok {
				if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
					s.i += 6
					return r, nil
				}
			}
		}
		return utf8.RuneError, nil
	}
	return 0, errNotJSON
}

func (s *scanner) hex4(at int) (rune, bool) {
	if at+4 > len(s.b) {
		return 0, false
	}
	var r rune
	for _, c := range s.b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
