package engine

import "usher/internal/studio/definition"

// widget is what a type of widget does.
type widget struct {
	// enter is what happens when the execution comes to it.
	enter func(r *run, s *definition.State) outcome
	// resume is what happens when what it waits for has come. Step has checked
	// that it does wait for this input.
	resume func(r *run, s *definition.State, in Input) outcome
}

// widgets lists all types. A type that the definition accepts and that is not
// here would be a zero widget: the test of the list forbids it.
var widgets = map[string]widget{
	"trigger":                 {enterTrigger, startTrigger},
	"send-message":            {sendMessage, sent},
	"send-and-wait-for-reply": {sendAndWait, replied},
	"split-based-on":          {split, never},
	"set-variables":           {setVariables, never},
	"make-http-request":       {makeHTTPRequest, answered("failed", CodeHTTP)},
	"run-function":            {runFunction, answered("fail", CodeFunction)},
	"run-subflow":             {runSubflow, subflowDone},
	"send-to-flex":            {sendToFlex, taskDone},
	"add-twiml-redirect":      {redirect, returned},
	"assistant":               {assistant, assisted},

	"say-play":                 {onlyCalls, never},
	"gather-input-on-call":     {onlyCalls, never},
	"connect-call-to":          {onlyCalls, never},
	"connect-virtual-agent":    {onlyCalls, never},
	"connect-virtual-agent-v2": {onlyCalls, never},
	"record-call":              {onlyCalls, never},
	"record-voicemail":         {onlyCalls, never},
	"enqueue-call":             {onlyCalls, never},
	"make-outgoing-call":       {onlyCalls, never},
	"make-outgoing-call-v2":    {onlyCalls, never},
	"capture-payments":         {onlyCalls, never},
	"fork-stream":              {onlyCalls, never},
	"send-to-auto-pilot":       {switchedOff, never},
}

// never is the resume of widgets that do not wait.
func never(r *run, s *definition.State, _ Input) outcome {
	r.fault(CodeEvent, "The widget %q (%s) was not waiting", s.Name, s.Type)
	return outcome{event: "failed", stop: true}
}

// onlyCalls ends a conversation of messages that comes to a widget for calls.
func onlyCalls(r *run, s *definition.State) outcome {
	r.fault(CodeEvent, "The widget %q (%s) works on calls, not on messages", s.Name, s.Type)
	return outcome{event: "failed", stop: true}
}

// switchedOff ends a conversation that comes to a widget that exists no more.
func switchedOff(r *run, s *definition.State) outcome {
	r.fault(CodeEvent, "The widget %q (%s) exists no more; use make-http-request to ask a bot", s.Name, s.Type)
	return outcome{event: "failed", stop: true}
}
