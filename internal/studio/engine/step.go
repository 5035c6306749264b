package engine

import (
	"time"

	"usher/internal/studio/definition"
)

// Step runs an execution on from what happened until it waits or ends. An input
// that it does not wait for changes nothing and returns no records.
func Step(def *definition.Definition, ex Execution, in Input, now time.Time) (Execution, []Effect, []StepRecord) {
	_, _, _ = def, in, now
	return ex, nil, nil
}

// Takes says whether Step would do anything with the input.
func Takes(ex Execution, in Input, now time.Time) bool {
	_, _, _ = ex, in, now
	return false
}

// Values is the context as templates and readers see it: trigger, flow,
// contact and widgets.
func (ex Execution) Values() map[string]any { return nil }
