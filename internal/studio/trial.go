package studio

import (
	"context"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Bounds of what is read of a test conversation: the newest lines and steps.
const (
	trialLines = 200
	trialSteps = 300
)

// Kinds of lines in a test conversation.
const (
	LineCustomer = "customer" // what the operator wrote as the customer
	LineFlow     = "flow"     // what the flow would have sent
	LineTask     = "task"     // a task that the flow would have made
)

// Line is one entry of a test conversation: nothing of it has left the flow. It never changes.
type Line struct {
	db.Row
	// ExecutionID is the execution that the conversation began with.
	ExecutionID int64
	LineDocument
}

// LineDocument is the sealed part of a line.
type LineDocument struct {
	Kind   string `json:"kind"`
	Author string `json:"author,omitempty"`
	Body   string `json:"body,omitempty"`
	Media  string `json:"media,omitempty"` // a URL
	// To is the address of a message that is not for the customer.
	To string `json:"to,omitempty"`
	// Flow and Widget are where the line comes from; a subflow's lines have its SID.
	Flow   sid.SID    `json:"flow,omitempty"`
	Widget string     `json:"widget,omitempty"`
	Task   *TrialTask `json:"task,omitempty"`
}

// TrialTask is what a send-to-flex widget asked for.
type TrialTask struct {
	Workflow    string `json:"workflow"`
	TaskChannel string `json:"task_channel"`
	Attributes  string `json:"attributes"` // a JSON object
	Priority    int    `json:"priority"`
	Timeout     int    `json:"timeout"` // seconds, 0 is the default
}

// Trial is a test conversation as its operator sees it.
type Trial struct {
	Execution
	// At is the innermost execution that acts: a subflow, or the conversation's own.
	At    Execution
	Lines []Line // the newest, oldest first
	Steps []Step // of the conversation's own execution: the newest, oldest first
}

// IsTest says that the execution belongs to a test conversation: it has no customer.
func (x *Execution) IsTest() bool { return !x.TestAt.IsZero() }

// root is the key of the execution that x's test conversation began with.
func (x *Execution) root() int64 {
	if x.TestRoot != 0 {
		return x.TestRoot
	}
	return x.ID
}

// NoteTx adds a line to the test conversation that the execution belongs to, and returns how many there were before.
func (s *Studio) NoteTx(tx *db.Tx, x *Execution, line LineDocument) (before int64, err error) {
	if err := tx.QueryRow("select count(*) from studio_test_line where execution_id = $1", x.root()).Scan(&before); err != nil {
		return 0, err
	}
	line.Flow = x.State.FlowSID
	l := Line{Row: db.Row{SID: sid.New(linePrefix), Account: x.Account, Key: x.Key}, ExecutionID: x.root(), LineDocument: line}
	return before, lines.Insert(tx, &l)
}

// LinesTx reads the newest lines of the test conversation that the execution belongs to, at most limit, the oldest first.
func (s *Studio) LinesTx(tx *db.Tx, x *Execution, limit int) ([]Line, error) {
	list, err := lines.Find(tx, "execution_id = $1 order by id desc limit $2", x.root(), limit)
	slices.Reverse(list)
	return list, err
}

// linePrefix begins the SID of a line's row, which the outside never sees.
const linePrefix = "TL"

// TrialTx reads and locks the execution that a test conversation began with, and notes that its operator is there; fault 20404
// for an execution that is none.
func (s *Studio) TrialTx(tx *db.Tx, acct int64, flow, execution sid.SID) (Execution, error) {
	x, err := executions.ForUpdate(tx, acct, execution)
	if err == nil && !x.beginsTrial(flow) {
		err = db.ErrNotFound
	}
	if err != nil {
		return Execution{}, missing(err, trialPath(flow, execution))
	}
	x.TestAt = tx.Now
	return x, executions.Update(tx, &x)
}

func (x *Execution) beginsTrial(flow sid.SID) bool {
	return x.IsTest() && x.ParentID == 0 && x.State.FlowSID == flow
}

func trialPath(flow, execution sid.SID) string {
	return flowPath(flow) + "/TestConversations/" + string(execution)
}

// Trial reads a test conversation of a flow. Reading it does not keep it.
func (s *Studio) Trial(ctx context.Context, actor account.Actor, flow, execution sid.SID) (t Trial, err error) {
	err = s.viewExecution(ctx, actor, flow, execution, func(tx *db.Tx, x Execution) (err error) {
		if !x.beginsTrial(flow) {
			return fault.NotFound(trialPath(flow, execution))
		}
		t = Trial{Execution: x, At: x}
		for t.At.Active {
			below, err := executions.Find(tx, "parent_id = $1 and active = 1 order by id desc limit 1", t.At.ID)
			if err != nil {
				return err
			}
			if len(below) == 0 {
				break
			}
			t.At = below[0]
		}
		if t.Lines, err = lines.Find(tx, "execution_id = $1 order by id desc limit $2", x.ID, trialLines); err != nil {
			return err
		}
		t.Steps, err = steps.Find(tx, "execution_id = $1 order by id desc limit $2", x.ID, trialSteps)
		slices.Reverse(t.Lines)
		slices.Reverse(t.Steps)
		return err
	})
	return t, err
}

// CloseTrialTx removes a test conversation that was read with TrialTx or IdleTrialsTx, with everything that it has left. It returns
// the tokens that somebody may wait with.
func (s *Studio) CloseTrialTx(tx *db.Tx, x *Execution) (tokens []string, err error) {
	below, err := executions.Find(tx, "parent_id = $1", x.ID)
	if err != nil {
		return nil, err
	}
	for i := range below {
		more, err := s.CloseTrialTx(tx, &below[i])
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, more...)
	}
	if x.State.Wait != nil {
		tokens = append(tokens, x.State.Wait.Token)
	}
	return tokens, erase(tx, x)
}

// IdleTrialsTx reads and locks test conversations of all accounts in which nobody has done anything since an instant, at most limit
// of them.
func (s *Studio) IdleTrialsTx(tx *db.Tx, since time.Time, limit int) ([]Execution, error) {
	return executions.Find(tx, "test_at > 0 and test_at < $1 and parent_id = 0 order by test_at limit $2"+tx.SkipLocked(), db.Micros(since), limit)
}

// TrialsTx counts the test conversations of an account.
func (s *Studio) TrialsTx(tx *db.Tx, acct int64) (n int, err error) {
	err = tx.QueryRow("select count(*) from studio_execution where test_at > 0 and parent_id = 0 and account_id = $1", acct).Scan(&n)
	return n, err
}

// AbandonTx takes an execution whose customer was erased, so that nobody can read it any more, from those that wait.
func (s *Studio) AbandonTx(tx *db.Tx, acct int64, execution sid.SID) error {
	_, err := tx.Exec("update studio_execution set active = 0, wake_at = 0 where account_id = $1 and sid = $2", acct, string(execution))
	return err
}
