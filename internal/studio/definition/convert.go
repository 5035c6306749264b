package definition

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// old maps the types of the old format to those of the present one.
var old = map[string]string{
	"InitialState": "trigger", "Message": "send-message", "MessagePrompt": "send-and-wait-for-reply",
	"Branch": "split-based-on", "SetVariables": "set-variables", "Webhook": "make-http-request",
	"Function": "run-function", "SubFlow": "run-subflow", "Subflow": "run-subflow", "SendToFlex": "send-to-flex",
	"TwimlRedirect": "add-twiml-redirect", "Gather": "gather-input-on-call", "SayPlay": "say-play",
	"Dial": "make-outgoing-call", "DialV2": "make-outgoing-call-v2", "Connect": "connect-call-to",
	"Record": "record-voicemail", "RecordCall": "record-call", "Enqueue": "enqueue-call",
	"CapturePayments": "capture-payments", "ForkStream": "fork-stream", "Autopilot": "send-to-auto-pilot",
}

// asText lists the numbers of the old format that are texts in the present one.
var asText = []string{"timeout", "priority"}

// convert turns a definition of the old format into one of the present:
// other names of types, "next" with the SID of a state, no initial_state.
func (p *parser) convert(d document) {
	isOld := func(s State) bool { return s.Type != "" && s.Type[0] >= 'A' && s.Type[0] <= 'Z' }
	if !slices.ContainsFunc(d.States, isOld) {
		return
	}
	d.Converted = true
	names := make(map[string]string, len(d.States))
	for i, s := range d.States {
		names[d.sids[i]] = s.Name
	}
	for i := range d.States {
		s := &d.States[i]
		typ, ok := old[s.Type]
		if !ok {
			if isOld(*s) {
				p.add(CodeWidgetType, "/states/"+strconv.Itoa(i)+"/type",
					"%q is a type of the old format that cannot be converted: open the flow in the original's editor, "+
						"publish it once, and export it again with the v2 API", s.Type)
			}
			continue
		}
		s.Type = typ
		if typ == "trigger" && d.InitialState == "" {
			d.InitialState = s.Name
		}
		for j := range s.Transitions {
			t := &s.Transitions[j]
			if name := names[t.Next]; t.Next != "" && name != "" {
				t.Next = name
			}
		}
		s.Properties = convertProperties(s)
	}
}

// convertProperties drops nulls and makes texts of numbers that are texts now.
func convertProperties(s *State) json.RawMessage {
	v, _ := decode(s.Properties)
	m, _ := v.(map[string]any)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	delete(m, "flow_url")
	if KindOf(s.Type) == Messaging {
		for _, name := range asText {
			if n, ok := m[name].(json.Number); ok {
				m[name] = n.String()
			}
		}
	}
	if s.Type == "send-and-wait-for-reply" && m["timeout"] == nil {
		m["timeout"] = "3600"
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return s.Properties
	}
	return raw
}
