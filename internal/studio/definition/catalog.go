package definition

import (
	"maps"
	"slices"
)

// Kind says how a widget takes part in a conversation of messages.
type Kind int

// Kinds of widgets.
const (
	Messaging Kind = iota + 1 // runs here
	Voice                     // works on calls only: accepted, ends a conversation of messages
	Retired                   // the original has switched it off: accepted likewise
)

// spec is what the validation knows of a type of widget.
type spec struct {
	kind     Kind
	required []string // properties; "a|b" is one of the two
}

// specs lists the types of widgets, with the properties that the original
// demands. Texts may be empty: exports hold "" where a value is filled in later.
var specs = map[string]spec{
	"trigger":                 {Messaging, nil},
	"send-message":            {Messaging, []string{"body|content_sid|media_url", "from", "to"}},
	"send-and-wait-for-reply": {Messaging, []string{"body|content_sid|media_url", "from", "timeout"}},
	"split-based-on":          {Messaging, []string{"input"}},
	"set-variables":           {Messaging, nil},
	"make-http-request":       {Messaging, []string{"method", "url", "content_type"}},
	"run-function":            {Messaging, []string{"url"}},
	"run-subflow":             {Messaging, []string{"flow_sid", "flow_revision"}},
	"send-to-flex":            {Messaging, []string{"workflow", "channel"}},
	"add-twiml-redirect":      {Messaging, []string{"url"}},
	"assistant":               {Messaging, nil}, // Usher's own

	"say-play":                 {Voice, nil},
	"gather-input-on-call":     {Voice, nil},
	"connect-call-to":          {Voice, nil},
	"connect-virtual-agent":    {Voice, nil},
	"connect-virtual-agent-v2": {Voice, nil},
	"record-call":              {Voice, nil},
	"record-voicemail":         {Voice, nil},
	"enqueue-call":             {Voice, nil},
	"make-outgoing-call":       {Voice, nil},
	"make-outgoing-call-v2":    {Voice, nil},
	"capture-payments":         {Voice, nil},
	"fork-stream":              {Voice, nil},
	"send-to-auto-pilot":       {Retired, nil},
}

// operators lists the 17 operators of split-based-on. The value says whether
// the operator compares with a value.
var operators = map[string]bool{
	"equal_to": true, "not_equal_to": true, "matches_any_of": true, "does_not_match_any_of": true,
	"contains": true, "does_not_contain": true, "starts_with": true, "does_not_start_with": true,
	"is_blank": false, "is_not_blank": false, "regex": true, "less_than": true, "greater_than": true,
	"is_before_date": true, "is_after_date": true, "is_before_time": true, "is_after_time": true,
}

// KindOf returns the kind of a type of widget, 0 for an unknown type.
func KindOf(typ string) Kind { return specs[typ].kind }

// Types returns the names of all types of widgets, in order.
func Types() []string { return slices.Sorted(maps.Keys(specs)) }
