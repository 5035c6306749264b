// Package engine runs flows: Step takes an execution and what happened, runs
// widgets until one waits or the flow ends, and returns the new execution, what
// is to be done outside, and what to keep for readers. It is pure: it reads no
// clock, no database and no network, and never changes what it is given.
//
// The state machine of an execution:
//
//	Start ─► running ─► waiting (message, sent, http, task, subflow, twiml, return, answer) ─► running ─► … ─► ended
//
// While it waits, Execution.Wait says for what and until when. Every wait has a
// token of its own, which is also the token of its effect: an answer that comes
// twice, or too late, carries a token that nobody waits for any more and
// changes nothing.
package engine

import (
	"time"

	"usher/internal/sid"
)

// Execution is one run of a flow. It is what a row seals, as JSON.
type Execution struct {
	SID      sid.SID `json:"sid"`      // FN…
	FlowSID  sid.SID `json:"flow_sid"` // FW…
	Revision int     `json:"revision"`
	Contact  string  `json:"contact"` // the customer's address: a number, or the SID of a chat channel
	Channel  string  `json:"channel"` // the flow's own address
	Context  Context `json:"context"`
	Widget   string  `json:"widget,omitempty"` // where it stands
	Wait     *Wait   `json:"wait,omitempty"`   // nil while it runs and when it has ended
	Ended    bool    `json:"ended,omitempty"`
	Reason   string  `json:"reason,omitempty"` // why it ended, when not by reaching the end
	Count    int     `json:"count"`            // transitions so far
	Alone    int     `json:"alone,omitempty"`  // transitions since a person last did something
}

// Context is what an execution knows. Values are what encoding/json decodes,
// but for whole numbers, which are int: templates print 1000000, not 1e+06.
type Context struct {
	Trigger   map[string]any            `json:"trigger,omitempty"`
	Contact   map[string]any            `json:"contact,omitempty"` // more of the contact, beside channel.address
	Variables map[string]any            `json:"variables,omitempty"`
	Data      map[string]any            `json:"data,omitempty"`
	Widgets   map[string]map[string]any `json:"widgets,omitempty"`
}

// Kind is what an execution waits for.
type Kind string

// Kinds of waiting, and the input that ends each.
const (
	ForMessage Kind = "message" // Message; also Sent with an error, and Timeout
	ForSent    Kind = "sent"    // Sent
	ForHTTP    Kind = "http"    // HTTPDone
	ForTask    Kind = "task"    // TaskDone
	ForSubflow Kind = "subflow" // SubflowDone
	ForTwiML   Kind = "twiml"   // Returned, and Timeout
	ForReturn  Kind = "return"  // Message, and Timeout: the conversation is away
	ForAnswer  Kind = "answer"  // Consulted
)

// Wait says what an execution waits for.
type Wait struct {
	Widget string    `json:"widget"`
	For    Kind      `json:"for"`
	Until  time.Time `json:"until,omitzero"` // when to step with Timeout; zero is never
	Token  string    `json:"token"`          // unique: the execution's SID and a number
}

// StepRecord is a transition, as the API shows it.
type StepRecord struct {
	Name    string         // the event, such as "incomingMessage"
	From    string         // the widget that was left
	To      string         // the widget that was entered, or "Ended"
	Context map[string]any // what the widget left in the context
	Code    int            // of the error, 0 without one
	Error   string
}
