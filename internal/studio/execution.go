package studio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/studio/engine"
)

// reasonEnded is kept with an execution that was ended from outside.
const reasonEnded = "ended by request"

// Execution is one run of a flow for one contact.
type Execution struct {
	db.Row
	FlowID   int64
	Revision int64
	Active   bool
	// WakeAt is when the wait is over, EndedAt the end; zero is never.
	WakeAt, EndedAt time.Time
	// ParentID is the execution that this one is a subflow of, or 0.
	ParentID int64
	// TestAt is when the operator of a test conversation last did something in it; zero is an execution of a customer's.
	TestAt time.Time
	// Stuck says, where the execution was read for somebody, that what it waits for should have come.
	Stuck       bool
	contactHash []byte
	ExecutionDocument
}

// ExecutionDocument is the sealed part of an execution.
type ExecutionDocument struct {
	State engine.Execution `json:"state"`
	// Parent is the SID of the execution that this one is a subflow of, ParentToken what that one waits for.
	Parent      sid.SID `json:"parent,omitempty"`
	ParentToken string  `json:"parent_token,omitempty"`
	// TestRoot is the key of the execution that a test conversation began with, in its subflows.
	TestRoot int64 `json:"test_root,omitempty"`
	// Problem is what went wrong last, nil when nothing has.
	Problem *Problem `json:"problem,omitempty"`
}

// Problem is what went wrong in a widget.
type Problem struct {
	Widget  string `json:"widget"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// note keeps the last problem of these steps.
func (x *Execution) note(list []engine.StepRecord) {
	for i := len(list) - 1; i >= 0; i-- {
		if r := &list[i]; r.Code != 0 || r.Error != "" {
			x.Problem = &Problem{Widget: r.From, Code: r.Code, Message: r.Error}
			return
		}
	}
}

// stuckAfter is how long after the end of its wait an execution counts as stuck.
const stuckAfter = time.Minute

// judge notes whether the execution is stuck.
func (x *Execution) judge(now time.Time) {
	x.Stuck = x.Active && (x.State.Wait == nil || !x.WakeAt.IsZero() && now.Sub(x.WakeAt) > stuckAfter)
}

// Status is what the wire calls the execution: active or ended.
func (x *Execution) Status() string {
	if x.Active {
		return "active"
	}
	return "ended"
}

// ContactHash is the blind index of the contact's address: 16 bytes, equal for equal addresses of an account.
func (x *Execution) ContactHash() []byte { return slices.Clone(x.contactHash) }

// Values is the context as readers see it; what is empty is there all the same.
func (x *Execution) Values() map[string]any {
	state := x.State
	c := &state.Context
	c.Trigger, c.Variables, c.Data, c.Widgets = present(c.Trigger), present(c.Variables), present(c.Data), present(c.Widgets)
	return state.Values()
}

func present[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// NewExecution is what an execution begins with.
type NewExecution struct {
	Flow sid.SID
	// Revision is a number, LatestPublished or LatestRevision; "" is LatestRevision for test users and LatestPublished for
	// everybody else.
	Revision string
	// Contact and Channel are the addresses of the customer and of the flow.
	Contact, Channel string
	// Identity is the customer's in the chat, where the address is the SID of a channel. Test users are known by either.
	Identity string
	Start    engine.Start
	Key      int64 // data key of the contact; 0 where no contact is known
	// Parent is the execution that waits with ParentToken for this one, nil where nobody does.
	Parent      *Execution
	ParentToken string
	// Free says that the caller has just seen, in this transaction, that the contact has no active execution in the flow.
	Free bool
	// Test makes a test conversation of it; subflows of one belong to it.
	Test bool
}

// Runner carries out what an execution asks for.
type Runner interface {
	// RunTx sees to the effects of a step, in the step's transaction: by jobs, or by stepping on at once. The last effect of an
	// execution that has ended is engine.End.
	RunTx(tx *db.Tx, x *Execution, effects []engine.Effect) error
	// KeyTx is the data key of the contact with that address, by which what is kept of the contact goes with the contact; 0 for an
	// address that nobody is known by. Fault 20404 for a contact who was erased.
	KeyTx(tx *db.Tx, acct int64, contact string) (int64, error)
}

// StartTx begins an execution and runs it until it waits or ends. Fault 20409 when the contact has an active one in that flow,
// 20404 when there is no such flow or revision, 81022 for a draft that is not valid. Where two transactions begin one for the same
// contact, the later fails with db.ErrConflict and must be run again.
func (s *Studio) StartTx(tx *db.Tx, acct int64, in NewExecution) (Execution, []engine.Effect, error) {
	flow, err := s.FlowTx(tx, acct, in.Flow)
	if err != nil {
		return Execution{}, nil, err
	}
	if in.Revision == "" {
		in.Revision = LatestPublished
		if slices.Contains(flow.TestUsers, in.Contact) || in.Identity != "" && slices.Contains(flow.TestUsers, in.Identity) {
			in.Revision = LatestRevision
		}
	}
	number, err := flow.number(in.Revision)
	if err != nil {
		return Execution{}, nil, err
	}
	if number == 0 && in.Revision == LatestPublished {
		return Execution{}, nil, fault.Invalid("Flow %s has no published revision", flow.SID)
	}
	def, err := s.definition(tx, flow.SID, flow.ID, number)
	if err != nil {
		return Execution{}, nil, missing(err, flowPath(flow.SID)+"/Revisions/"+in.Revision)
	}
	x := Execution{
		Row: db.Row{SID: sid.New(sid.Execution), Account: acct, Key: in.Key}, FlowID: flow.ID, Revision: number,
	}
	if in.Parent != nil {
		x.ParentID, x.Parent, x.ParentToken = in.Parent.ID, in.Parent.SID, in.ParentToken
		if in.Parent.IsTest() {
			x.TestAt, x.TestRoot = tx.Now, in.Parent.root()
		}
	}
	if in.Test {
		x.TestAt = tx.Now
	}
	if x.contactHash, err = s.hash(acct, in.Contact); err != nil {
		return Execution{}, nil, err
	}
	if !in.Free {
		other, err := executions.One(tx, "flow_id = $1 and contact_hash = $2 and active = 1", flow.ID, x.contactHash)
		if err == nil {
			return Execution{}, nil, taken(other.SID)
		}
		if !errors.Is(err, db.ErrNotFound) {
			return Execution{}, nil, err
		}
	}
	state, effects, list := engine.Step(def, engine.Execution{
		SID: x.SID, FlowSID: flow.SID, Revision: int(number), Contact: in.Contact, Channel: in.Channel,
	}, in.Start, tx.Now)
	x.become(state, tx.Now)
	x.note(list)
	if err := executions.Insert(tx, &x); err != nil {
		return Execution{}, nil, err
	}
	return x, effects, record(tx, &x, list)
}

// taken says that the contact has an active execution. (Code and text: the original's.)
func taken(other sid.SID) error {
	return fault.Conflict("Execution %s is already active for this contact", other)
}

// StepTx gives an input to an execution that was read with ExecutionTx or ActiveTx, runs it until it waits or ends, and writes it.
// An input that the execution does not wait for does nothing: no effects, no error; engine.Takes tells before. An execution whose
// flow is gone ends.
func (s *Studio) StepTx(tx *db.Tx, x *Execution, in engine.Input) ([]engine.Effect, error) {
	if !x.Active || !engine.Takes(x.State, in, tx.Now) {
		return nil, nil
	}
	def, err := s.definition(tx, x.State.FlowSID, x.FlowID, x.Revision)
	if errors.Is(err, db.ErrNotFound) || fault.Is(err, fault.KindInvalid) {
		return s.EndTx(tx, x, "the flow cannot be run any more")
	}
	if err != nil {
		return nil, err
	}
	state, effects, list := engine.Step(def, x.State, in, tx.Now)
	x.become(state, tx.Now)
	x.note(list)
	if err := executions.Update(tx, x); err != nil {
		return nil, err
	}
	return effects, record(tx, x, list)
}

// become takes the state over, and what is looked up by.
func (x *Execution) become(state engine.Execution, now time.Time) {
	x.State, x.Active, x.WakeAt = state, !state.Ended, time.Time{}
	if state.Ended && x.EndedAt.IsZero() {
		x.EndedAt = now
	}
	if x.Active && state.Wait != nil {
		x.WakeAt = state.Wait.Until
	}
}

// EndTx ends an execution and its subflows from outside, and says so with engine.End; nothing when it has ended already.
func (s *Studio) EndTx(tx *db.Tx, x *Execution, reason string) ([]engine.Effect, error) {
	if !x.Active {
		return nil, nil
	}
	state := x.State
	state.Ended, state.Wait, state.Reason = true, nil, reason
	x.become(state, tx.Now)
	if err := executions.Update(tx, x); err != nil {
		return nil, err
	}
	below, err := executions.Find(tx, "parent_id = $1 and active = 1 order by id"+tx.LockSuffix(), x.ID)
	if err != nil {
		return nil, err
	}
	for i := range below {
		if _, err := s.EndTx(tx, &below[i], reason); err != nil {
			return nil, err
		}
	}
	return []engine.Effect{engine.End{Reason: reason}}, nil
}

// ExecutionTx reads and locks an execution of the account; fault 20404 when there is none.
func (s *Studio) ExecutionTx(tx *db.Tx, acct int64, execution sid.SID) (Execution, error) {
	x, err := executions.ForUpdate(tx, acct, execution)
	return x, missing(err, "/Executions/"+string(execution))
}

// ActiveTx reads and locks the active execution of a contact in a flow; db.ErrNotFound when there is none.
func (s *Studio) ActiveTx(tx *db.Tx, acct int64, flow sid.SID, contact string) (Execution, error) {
	f, err := s.FlowTx(tx, acct, flow)
	if err != nil {
		return Execution{}, err
	}
	h, err := s.hash(acct, contact)
	if err != nil {
		return Execution{}, err
	}
	return executions.One(tx, "flow_id = $1 and contact_hash = $2 and active = 1"+tx.LockSuffix(), f.ID, h)
}

// SubflowTx reads and locks the active subflow of an execution; db.ErrNotFound when there is none.
func (s *Studio) SubflowTx(tx *db.Tx, x *Execution) (Execution, error) {
	return executions.One(tx, "parent_id = $1 and active = 1 order by id desc limit 1"+tx.LockSuffix(), x.ID)
}

// Waiting names an execution whose wait is over, or will be.
type Waiting struct {
	Account int64
	SID     sid.SID
	WakeAt  time.Time
}

// Next lists the executions that wait for a time, of all accounts, the earliest first: what is due and, past it, when to look again.
func (s *Studio) Next(ctx context.Context, limit int) (list []Waiting, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list = list[:0]
		rows, err := tx.Query("select account_id, sid, wake_at from studio_execution where wake_at > 0 order by wake_at limit $1", limit)
		if err != nil {
			return err
		}
		for rows.Next() {
			var w Waiting
			var at int64
			if err := rows.Scan(&w.Account, &w.SID, &at); err != nil {
				return errors.Join(err, rows.Close())
			}
			w.WakeAt = db.FromMicros(at)
			list = append(list, w)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	return list, err
}

// hash is the blind index of a contact's address. Addresses are compared as they are, letter by letter.
func (s *Studio) hash(acct int64, contact string) ([]byte, error) {
	return s.db.Ring().Blind(acct, "studio contact", contact)
}

// CreateExecution begins an execution by request and has its effects carried out. in.Contact and in.Channel are required; fault 81023
// when they are too long. What StartTx refuses is refused. Without in.Key the Runner says whose key seals the execution.
func (s *Studio) CreateExecution(ctx context.Context, actor account.Actor, run Runner, in NewExecution) (x Execution, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return x, err
	}
	if in.Contact == "" || in.Channel == "" || len(in.Contact)+len(in.Channel) > addressMost {
		return x, fault.New(codeContact, "")
	}
	for range 2 { // where two begin at once, the later one finds the other at its second try
		err = s.db.Do(ctx, func(tx *db.Tx) error {
			begin, effects, err := in, []engine.Effect(nil), error(nil)
			if begin.Key == 0 {
				if begin.Key, err = run.KeyTx(tx, actor.Account, in.Contact); err != nil {
					return err
				}
			}
			if x, effects, err = s.StartTx(tx, actor.Account, begin); err != nil {
				return err
			}
			return run.RunTx(tx, &x, effects)
		})
		if !errors.Is(err, db.ErrConflict) {
			break
		}
	}
	return x, err
}

// ExecutionFilter narrows a list; zero values do not. From and To are inclusive, to the second.
type ExecutionFilter struct {
	Status   string // active or ended
	From, To time.Time
}

// Executions lists the executions of a flow, newest first, without those of test conversations.
func (s *Studio) Executions(
	ctx context.Context, actor account.Actor, flow sid.SID, f ExecutionFilter, p db.Page,
) (page db.PageOf[Execution], err error) {
	p.Desc = true
	err = s.view(ctx, actor, flow, func(tx *db.Tx, fl Flow) (err error) {
		where, args := "flow_id = $1 and test_at = 0", []any{fl.ID}
		add := func(condition string, arg any) {
			args = append(args, arg)
			where += fmt.Sprintf(" and %s $%d", condition, len(args))
		}
		if f.Status != "" {
			active := 0
			if f.Status == "active" {
				active = 1
			}
			add("active =", active)
		}
		if !f.From.IsZero() {
			add("created_at >=", db.Micros(f.From))
		}
		if !f.To.IsZero() {
			add("created_at <", db.Micros(f.To.Add(time.Second)))
		}
		page, err = executions.Page(tx, p, where, args...)
		for i := range page.Items {
			page.Items[i].judge(tx.Now)
		}
		return err
	})
	return page, err
}

// Execution reads an execution of a flow.
func (s *Studio) Execution(ctx context.Context, actor account.Actor, flow, execution sid.SID) (x Execution, err error) {
	err = s.viewExecution(ctx, actor, flow, execution, func(_ *db.Tx, found Execution) error {
		x = found
		return nil
	})
	return x, err
}

func (s *Studio) viewExecution(
	ctx context.Context, actor account.Actor, flow, execution sid.SID, fn func(tx *db.Tx, x Execution) error,
) error {
	return s.view(ctx, actor, flow, func(tx *db.Tx, f Flow) error {
		x, err := executions.Get(tx, f.Account, execution)
		if err == nil && x.FlowID != f.ID {
			err = db.ErrNotFound
		}
		if err != nil {
			return missing(err, executionPath(flow, execution))
		}
		x.judge(tx.Now)
		return fn(tx, x)
	})
}

// EndExecution ends an execution by request; one that has ended stays as it is.
func (s *Studio) EndExecution(ctx context.Context, actor account.Actor, run Runner, flow, execution sid.SID) (x Execution, err error) {
	err = s.change(ctx, actor, flow, execution, func(tx *db.Tx, found *Execution) error {
		if err := s.endAndRun(tx, found, run); err != nil {
			return err
		}
		x = *found
		return nil
	})
	return x, err
}

// DeleteExecution ends an execution, if it has not, and removes it with its steps.
func (s *Studio) DeleteExecution(ctx context.Context, actor account.Actor, run Runner, flow, execution sid.SID) error {
	return s.change(ctx, actor, flow, execution, func(tx *db.Tx, x *Execution) error {
		if err := s.endAndRun(tx, x, run); err != nil {
			return err
		}
		return erase(tx, x)
	})
}

func (s *Studio) endAndRun(tx *db.Tx, x *Execution, run Runner) error {
	effects, err := s.EndTx(tx, x, reasonEnded)
	if err != nil || len(effects) == 0 {
		return err
	}
	return run.RunTx(tx, x, effects)
}

// change locks an execution of a flow for an actor who may change it.
func (s *Studio) change(ctx context.Context, actor account.Actor, flow, execution sid.SID, fn func(tx *db.Tx, x *Execution) error) error {
	if err := allow(actor, account.FlexManage); err != nil {
		return err
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		f, err := s.FlowTx(tx, actor.Account, flow)
		if err != nil {
			return err
		}
		x, err := executions.ForUpdate(tx, actor.Account, execution)
		if err == nil && x.FlowID != f.ID {
			err = db.ErrNotFound
		}
		if err != nil {
			return missing(err, executionPath(flow, execution))
		}
		return fn(tx, &x)
	})
}

// erase removes an execution with its steps. Subflows of it belong to nobody then.
func erase(tx *db.Tx, x *Execution) error {
	if _, err := tx.Exec("delete from studio_step where execution_id = $1", x.ID); err != nil {
		return err
	}
	if _, err := tx.Exec("delete from studio_test_line where execution_id = $1", x.ID); err != nil {
		return err
	}
	if _, err := tx.Exec("update studio_execution set parent_id = 0 where parent_id = $1", x.ID); err != nil {
		return err
	}
	return executions.Delete(tx, x)
}

// Forget removes the executions that ended before an instant, with their steps, of all accounts and at most limit of them. It says
// how many it has removed; fewer than limit means that none is left.
func (s *Studio) Forget(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.db.Do(ctx, func(tx *db.Tx) error {
		old, err := endedBefore(tx, before, limit)
		if err != nil {
			return err
		}
		for i := range old {
			if err := erase(tx, &old[i]); err != nil {
				return err
			}
		}
		n = len(old)
		return nil
	})
	return n, err
}
