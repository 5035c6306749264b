// Package twiml reads the messaging verbs of TwiML, the XML by which another application says what is to happen next in a
// conversation: Message (with Body and Media) and Redirect. Documents come from outside and are bounded in size, depth and number
// of elements; entities and document types are refused.
package twiml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of a document.
const (
	MaxBytes    = 64 << 10
	maxDepth    = 16
	maxElements = 500
	// MaxMessages bounds the messages of one document.
	MaxMessages = 10
	maxMedia    = 10 // of one message
)

// ErrInvalid is in the chain of every error. Its text holds nothing of the document but names of elements.
var ErrInvalid = errors.New("invalid TwiML")

// Verb is one thing to do, in the order of the document: a message, or, as the last one, a redirect.
type Verb struct {
	Body     string   // of a message, without white space around
	Media    []string // addresses of what goes with it
	Redirect string   // address, as written; "" for a message
	Method   string   // of the redirect: GET or POST
	// To and From are of a message that says who it is to and from; "" is the one who wrote and the one who was written to.
	To, From string
	// Callback is the address that is told what becomes of the message: statusCallback, or action where that is not given.
	Callback string
}

// Parse reads a document. What follows a Redirect is never reached and left out, and so are messages with neither text nor media,
// verbs of calls, and elements that nobody knows. An empty document says that nothing is to be done.
func Parse(raw []byte) ([]Verb, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%w: the document is longer than %d bytes", ErrInvalid, MaxBytes)
	}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if len(raw) == 0 {
		return nil, nil
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrInvalid)
	}
	p := parser{dec: xml.NewDecoder(bytes.NewReader(raw))}
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.verbs, nil
}

// parser reads elements as they come; path is where it stands.
type parser struct {
	dec      *xml.Decoder
	path     []string
	elements int
	closed   bool // the root has ended
	over     bool // a Redirect was read
	verbs    []Verb
	now      *Verb           // the verb that is being read
	inner    strings.Builder // text directly in the verb
	part     strings.Builder // text in its Body, Media
	bodies   []string
}

func (p *parser) run() error {
	for {
		token, err := p.dec.Token()
		switch {
		case errors.Is(err, io.EOF) && p.closed:
			return nil
		case err != nil:
			return fmt.Errorf("%w: not well-formed XML", ErrInvalid)
		}
		switch token := token.(type) {
		case xml.Directive:
			return fmt.Errorf("%w: a document type", ErrInvalid)
		case xml.StartElement:
			err = p.start(token)
		case xml.EndElement:
			err = p.end()
		case xml.CharData:
			err = p.text(token)
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) start(e xml.StartElement) error {
	p.elements++
	switch {
	case p.closed:
		return fmt.Errorf("%w: more than one document", ErrInvalid)
	case len(p.path) == 0 && e.Name.Local != "Response":
		return fmt.Errorf("%w: the document is no Response", ErrInvalid)
	case len(p.path) >= maxDepth:
		return fmt.Errorf("%w: nested deeper than %d", ErrInvalid, maxDepth)
	case p.elements > maxElements:
		return fmt.Errorf("%w: more than %d elements", ErrInvalid, maxElements)
	}
	p.path = append(p.path, e.Name.Local)
	switch {
	case len(p.path) == 2 && !p.over:
		p.begin(e)
	case len(p.path) == 3:
		p.part.Reset()
	}
	return nil
}

// begin starts a verb that matters.
func (p *parser) begin(e xml.StartElement) {
	p.inner.Reset()
	p.bodies = nil
	switch e.Name.Local {
	case "Message", "Sms":
		p.now = &Verb{To: attribute(e, "to"), From: attribute(e, "from"), Callback: attribute(e, "statusCallback")}
		if p.now.Callback == "" {
			p.now.Callback = attribute(e, "action")
		}
	case "Redirect":
		p.now = &Verb{Method: "POST"}
		if strings.EqualFold(attribute(e, "method"), "GET") {
			p.now.Method = "GET"
		}
	}
}

// attribute is the value of an element's attribute, without white space around; "" where there is none.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (p *parser) text(data xml.CharData) error {
	switch {
	case len(p.path) == 0 && len(bytes.TrimSpace(data)) > 0:
		return fmt.Errorf("%w: text outside of the document", ErrInvalid)
	case p.now == nil:
	case len(p.path) == 2:
		p.inner.Write(data)
	case len(p.path) == 3:
		p.part.Write(data)
	}
	return nil
}

func (p *parser) end() error {
	name := p.path[len(p.path)-1]
	p.path = p.path[:len(p.path)-1]
	switch {
	case len(p.path) == 0:
		p.closed = true
	case len(p.path) == 2 && p.now != nil:
		text := strings.TrimSpace(p.part.String())
		switch {
		case name == "Body" && text != "":
			p.bodies = append(p.bodies, text)
		case name == "Media" && text != "":
			if len(p.now.Media) == maxMedia {
				return fmt.Errorf("%w: more than %d media in a message", ErrInvalid, maxMedia)
			}
			p.now.Media = append(p.now.Media, text)
		}
	case len(p.path) == 1 && p.now != nil:
		return p.finish()
	}
	return nil
}

// finish keeps the verb that has ended.
func (p *parser) finish() error {
	verb, text := *p.now, strings.TrimSpace(p.inner.String())
	p.now = nil
	if verb.Method != "" {
		if text == "" {
			return fmt.Errorf("%w: a Redirect without an address", ErrInvalid)
		}
		verb.Redirect, p.over = text, true
		p.verbs = append(p.verbs, verb)
		return nil
	}
	if text != "" {
		p.bodies = append([]string{text}, p.bodies...)
	}
	verb.Body = strings.Join(p.bodies, "\n")
	if verb.Body == "" && len(verb.Media) == 0 {
		return nil
	}
	if len(p.verbs) == MaxMessages {
		return fmt.Errorf("%w: more than %d messages", ErrInvalid, MaxMessages)
	}
	p.verbs = append(p.verbs, verb)
	return nil
}
