package flex

import (
	"encoding/json"

	"usher/internal/sid"
)

// Order is what a flow asks of a channel's task.
type Order struct {
	// Workflow is in the account's own workspace; a task for one that is not there goes to the account's workflow.
	Workflow sid.SID
	// TaskChannel is a SID or a unique name.
	TaskChannel string
	// Attributes is a JSON object, or empty.
	Attributes        json.RawMessage
	Priority, Timeout *int64
	// Execution is the Studio execution that asks. It stands in the task as executionSid, whatever else finds no room there.
	Execution sid.SID
	// FirstText and FirstIndex are the message that the conversation began with; nil when it is not known.
	FirstText  string
	FirstIndex *int64
}
