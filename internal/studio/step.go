package studio

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
	"usher/internal/studio/engine"
)

// Step is one transition of an execution. It never changes.
type Step struct {
	db.Row
	ExecutionID int64
	StepDocument
}

// StepDocument is the sealed part of a step.
type StepDocument struct {
	Name    string         `json:"name"` // the event, such as incomingMessage
	From    string         `json:"from"`
	To      string         `json:"to"` // a widget, or Ended
	Context map[string]any `json:"context,omitempty"`
	Code    int            `json:"code,omitempty"` // of what went wrong in the widget that was left; 0 is nothing
	Error   string         `json:"error,omitempty"`
}

// record writes the transitions that an input caused.
func record(tx *db.Tx, x *Execution, list []engine.StepRecord) error {
	for _, r := range list {
		step := Step{
			Row:          db.Row{SID: sid.New(sid.Step), Account: x.Account, Key: x.Key},
			ExecutionID:  x.ID,
			StepDocument: StepDocument{Name: r.Name, From: r.From, To: r.To, Context: r.Context, Code: r.Code, Error: r.Error},
		}
		if err := steps.Insert(tx, &step); err != nil {
			return err
		}
	}
	return nil
}

// Steps lists the transitions of an execution, oldest first.
func (s *Studio) Steps(ctx context.Context, actor account.Actor, flow, execution sid.SID, p db.Page) (page db.PageOf[Step], err error) {
	err = s.viewExecution(ctx, actor, flow, execution, func(tx *db.Tx, x Execution) (err error) {
		page, err = steps.Page(tx, p, "execution_id = $1", x.ID)
		return err
	})
	return page, err
}

// Step reads a transition of an execution.
func (s *Studio) Step(ctx context.Context, actor account.Actor, flow, execution, step sid.SID) (found Step, err error) {
	err = s.viewExecution(ctx, actor, flow, execution, func(tx *db.Tx, x Execution) (err error) {
		found, err = steps.Get(tx, actor.Account, step)
		if err == nil && found.ExecutionID != x.ID {
			found, err = Step{}, db.ErrNotFound
		}
		return missing(err, executionPath(flow, execution)+"/Steps/"+string(step))
	})
	return found, err
}
