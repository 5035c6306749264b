package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Mistake is one error in a workflow configuration, with its place.
type Mistake struct {
	Pointer string // JSON pointer of the value, "" for the document
	Offset  int64  // bytes from the start of the document, counted from 0
	Text    string
}

// Error tells the place and the mistake.
func (m *Mistake) Error() string {
	if m.Pointer == "" {
		return fmt.Sprintf("%s at offset %d", m.Text, m.Offset)
	}
	return fmt.Sprintf("%s at %s (offset %d)", m.Text, m.Pointer, m.Offset)
}

// maxDepth bounds the nesting of a configuration; the deepest known one has 6 levels.
const maxDepth = 32

// node is a JSON value that remembers where it stood.
type node struct {
	at      string // JSON pointer
	offset  int64
	value   any // string, json.Number, bool, nil; unset for objects and arrays
	kind    byte
	members map[string]*node
	items   []*node
}

// document reads JSON into nodes. encoding/json drops the places of values, and a place is what a person who wrote
// the document by hand needs.
func document(src string) (*node, error) {
	d := json.NewDecoder(strings.NewReader(src))
	d.UseNumber()
	root, err := (&reader{Decoder: d, src: []byte(src)}).value("", 0)
	if err == nil {
		end := d.InputOffset()
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = &Mistake{Offset: end, Text: "unexpected text after the document"}
		}
	}
	if err == nil {
		return root, nil
	}
	var m *Mistake
	if errors.As(err, &m) {
		return nil, m
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at := min(max(syntax.Offset-1, 0), int64(len(src)))
		at = int64(len(src) - len(strings.TrimLeft(src[at:], " \t\r\n"))) // the decoder sometimes stops at the space before
		return nil, &Mistake{Offset: at, Text: "not JSON: " + syntax.Error()}
	}
	return nil, &Mistake{Offset: int64(len(src)), Text: "not JSON: the document ends too early"}
}

type reader struct {
	*json.Decoder
	src []byte
}

// start returns where the next value begins: the decoder's offset is the end of the last token.
func (r *reader) start() int64 {
	at := int(r.InputOffset())
	return int64(len(r.src) - len(bytes.TrimLeft(r.src[min(at, len(r.src)):], " \t\r\n:,")))
}

func (r *reader) value(at string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, &Mistake{Pointer: at, Offset: r.InputOffset(), Text: "nested too deeply"}
	}
	n := &node{at: at, offset: r.start()}
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		n.value = token
		n.kind = scalar(token)
		return n, nil
	}
	n.kind = byte(delim)
	if n.kind == '{' {
		n.members = map[string]*node{}
	}
	for r.More() {
		if n.kind == '[' {
			item, err := r.value(at+"/"+strconv.Itoa(len(n.items)), depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
			continue
		}
		key, err := r.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if n.members[name], err = r.value(at+"/"+escape(name), depth+1); err != nil {
			return nil, err
		}
	}
	_, err = r.Token() // the closing bracket
	return n, err
}

// escape writes a name as RFC 6901 wants it in a pointer.
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func scalar(v any) byte {
	switch v.(type) {
	case string:
		return '"'
	case json.Number:
		return '0'
	case bool:
		return 't'
	}
	return 'n'
}

func (n *node) fail(format string, args ...any) error {
	return &Mistake{Pointer: n.at, Offset: n.offset, Text: fmt.Sprintf(format, args...)}
}

// member returns the first of the names that is there and not null.
func (n *node) member(names ...string) *node {
	for _, name := range names {
		if m := n.members[name]; m != nil && m.kind != 'n' {
			return m
		}
	}
	return nil
}

// text returns the string of a member, "" without it.
func (n *node) text(names ...string) (string, *node, error) {
	m := n.member(names...)
	if m == nil {
		return "", n, nil
	}
	s, ok := m.value.(string)
	if !ok {
		return "", m, m.fail("expected a string")
	}
	return s, m, nil
}

// number returns the whole number of a member between least and most; stored configurations write numbers as strings
// too. ok is false without the member.
func (n *node) number(name string, least, most int64) (v int64, ok bool, err error) {
	m := n.member(name)
	if m == nil {
		return 0, false, nil
	}
	text := ""
	switch x := m.value.(type) {
	case json.Number:
		text = x.String()
	case string:
		if text = strings.TrimSpace(x); text == "" {
			return 0, false, nil
		}
	}
	v, err = strconv.ParseInt(text, 10, 64)
	if err != nil || v < least || v > most {
		return 0, false, m.fail("expected a whole number between %d and %d", least, most)
	}
	return v, true, nil
}

// list returns the items of a member that must be an array, nil without it.
func (n *node) list(name string) ([]*node, error) {
	m := n.member(name)
	if m == nil {
		return nil, nil
	}
	if m.kind != '[' {
		return nil, m.fail("expected an array")
	}
	return m.items, nil
}
