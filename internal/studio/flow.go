package studio

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// The two statuses of a flow and of a revision.
const (
	Draft     = "draft"
	Published = "published"
)

// Limits of a flow's fields.
const (
	nameMost      = 256  // characters
	commitMost    = 1024 // characters
	testUsersMost = 100
	addressMost   = 300 // bytes
)

// deleteChunk is the number of executions that one transaction deletes.
const deleteChunk = 100

// Flow is a conversation's script. Its current state is its newest revision.
type Flow struct {
	db.Row
	// Latest is the number of the newest revision; Published that of the newest one that is published, 0 for none.
	Latest, Published int64
	FlowDocument
	// Revision is the newest one. Lists leave its definition, errors and commit message out.
	Revision Revision
}

// FlowDocument is the sealed part of a flow.
type FlowDocument struct {
	FriendlyName string `json:"friendly_name"`
	// Status is that of the newest revision.
	Status string `json:"status"`
	// TestUsers are the addresses of contacts for whom the newest revision runs, published or not.
	TestUsers []string `json:"test_users,omitempty"`
}

// NewFlow is what a flow is made of. Definition is JSON.
type NewFlow struct {
	FriendlyName, Status, Definition string
	CommitMessage                    *string
}

// FlowChange makes a revision; nil leaves what the revision before it has. Status is required.
type FlowChange struct {
	FriendlyName, Definition, CommitMessage *string
	Status                                  string
}

// CreateFlow makes a flow and its first revision. A definition that is no JSON object is refused, and so is an invalid one that
// would be published: fault 81022.
func (s *Studio) CreateFlow(ctx context.Context, actor account.Actor, in NewFlow) (flow Flow, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return flow, err
	}
	err = s.db.Do(ctx, func(tx *db.Tx) (err error) {
		flow, err = s.CreateFlowTx(tx, actor.Account, in)
		return err
	})
	return flow, err
}

// CreateFlowTx is CreateFlow inside a transaction.
func (s *Studio) CreateFlowTx(tx *db.Tx, acct int64, in NewFlow) (Flow, error) {
	flow := Flow{Row: db.Row{SID: sid.New(sid.StudioFlow), Account: acct}}
	rev, err := draw(&in.FriendlyName, &in.Definition, in.CommitMessage, in.Status, Revision{})
	if err != nil {
		return Flow{}, err
	}
	flow.move(&rev)
	if err := flows.Insert(tx, &flow); err != nil {
		return Flow{}, err
	}
	return flow, flow.record(tx, rev)
}

// UpdateFlow makes a new revision of a flow.
func (s *Studio) UpdateFlow(ctx context.Context, actor account.Actor, flowSID sid.SID, in FlowChange) (flow Flow, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return flow, err
	}
	err = s.db.Do(ctx, func(tx *db.Tx) (err error) {
		if flow, err = flows.ForUpdate(tx, actor.Account, flowSID); err != nil {
			return missing(err, flowPath(flowSID))
		}
		last, err := flow.revision(tx, flow.Latest)
		if err != nil {
			return err
		}
		rev, err := draw(in.FriendlyName, in.Definition, in.CommitMessage, in.Status, last)
		if err != nil {
			return err
		}
		flow.move(&rev)
		if err := flows.Update(tx, &flow); err != nil {
			return err
		}
		return flow.record(tx, rev)
	})
	return flow, err
}

// draw makes a revision out of what a request gives and what the revision before has.
func draw(name, definition, commit *string, status string, last Revision) (Revision, error) {
	rev := Revision{Row: db.Row{SID: sid.New(revisionPrefix)}, Published: status == Published, RevisionDocument: RevisionDocument{
		FriendlyName: last.FriendlyName, CommitMessage: commit, Definition: last.Definition,
	}}
	if name != nil {
		rev.FriendlyName = *name
	}
	switch {
	case status != Draft && status != Published:
		return rev, fault.Invalid("Status must be draft or published")
	case rev.FriendlyName == "":
		return rev, fault.Invalid("Missing required parameter FriendlyName in the post body")
	case utf8.RuneCountInString(rev.FriendlyName) > nameMost:
		return rev, fault.Invalid("FriendlyName is longer than %d characters", nameMost)
	case commit != nil && utf8.RuneCountInString(*commit) > commitMost:
		return rev, fault.Invalid("CommitMessage is longer than %d characters", commitMost)
	}
	if definition != nil {
		raw, err := document(*definition)
		if err != nil {
			return rev, err
		}
		rev.Definition = raw
	}
	return rev, rev.judge()
}

// move makes the revision the flow's newest.
func (f *Flow) move(rev *Revision) {
	f.Latest++
	rev.Number = f.Latest
	f.FriendlyName, f.Status = rev.FriendlyName, rev.Status()
	if rev.Published {
		f.Published = f.Latest
	}
}

// record writes a revision of a flow that has been written.
func (f *Flow) record(tx *db.Tx, rev Revision) error {
	rev.Account, rev.Key, rev.FlowID = f.Account, f.Key, f.ID
	if err := revisions.Insert(tx, &rev); err != nil {
		return fmt.Errorf("flow %s: %w", f.SID, err)
	}
	f.Revision = rev
	return nil
}

// Flow reads a flow with its newest revision.
func (s *Studio) Flow(ctx context.Context, actor account.Actor, flowSID sid.SID) (flow Flow, err error) {
	err = s.view(ctx, actor, flowSID, func(tx *db.Tx, f Flow) (err error) {
		flow = f
		flow.Revision, err = f.revision(tx, f.Latest)
		return err
	})
	return flow, err
}

// Flows lists the account's flows without their definitions, oldest first.
func (s *Studio) Flows(ctx context.Context, actor account.Actor, p db.Page) (page db.PageOf[Flow], err error) {
	if err := allow(actor, account.ChatRead); err != nil {
		return page, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		page, err = flows.Page(tx, p, "account_id = $1", actor.Account)
		return err
	})
	return page, err
}

// FlowTx reads a flow inside a transaction, without its revision; fault 20404 when the account has no such flow.
func (s *Studio) FlowTx(tx *db.Tx, acct int64, flowSID sid.SID) (Flow, error) {
	flow, err := flows.Get(tx, acct, flowSID)
	return flow, missing(err, flowPath(flowSID))
}

// view reads for an actor who oversees conversations: what customers say is in the contexts of executions, and what a flow calls
// others with may be in its definition. fn gets the flow that the request's path names.
func (s *Studio) view(ctx context.Context, actor account.Actor, flowSID sid.SID, fn func(tx *db.Tx, f Flow) error) error {
	if err := allow(actor, account.ChatRead); err != nil {
		return err
	}
	return s.db.View(ctx, func(tx *db.Tx) error {
		flow, err := s.FlowTx(tx, actor.Account, flowSID)
		if err != nil {
			return err
		}
		return fn(tx, flow)
	})
}

// DeleteFlow removes a flow with its revisions, executions and steps. Executions go in small transactions first, so that a long
// history does not keep other writers waiting; where that is cut short, the flow is still there to be deleted.
func (s *Studio) DeleteFlow(ctx context.Context, actor account.Actor, flowSID sid.SID) error {
	if err := allow(actor, account.FlexManage); err != nil {
		return err
	}
	for more := true; more; {
		err := s.db.Do(ctx, func(tx *db.Tx) error {
			more = false
			flow, err := flows.ForUpdate(tx, actor.Account, flowSID)
			if err != nil {
				return missing(err, flowPath(flowSID))
			}
			list, err := executions.Find(tx, "flow_id = $1 order by id limit $2", flow.ID, deleteChunk)
			if err != nil {
				return err
			}
			for i := range list {
				if err := erase(tx, &list[i]); err != nil {
					return err
				}
			}
			if len(list) == deleteChunk {
				more = true
				return nil
			}
			if _, err := tx.Exec("delete from studio_revision where flow_id = $1", flow.ID); err != nil {
				return err
			}
			return flows.Delete(tx, &flow)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Validate checks what CreateFlow would be given; nil means that it would be taken. Whatever its status is, the definition must
// be valid.
func (s *Studio) Validate(actor account.Actor, in NewFlow) error {
	if err := allow(actor, account.FlexManage); err != nil {
		return err
	}
	rev, err := draw(&in.FriendlyName, &in.Definition, in.CommitMessage, in.Status, Revision{})
	if err != nil {
		return err
	}
	return refuse(rev.Errors)
}

// SetTestUsers replaces the addresses of the contacts for whom the newest revision runs.
func (s *Studio) SetTestUsers(ctx context.Context, actor account.Actor, flowSID sid.SID, users []string) (flow Flow, err error) {
	if err := allow(actor, account.FlexManage); err != nil {
		return flow, err
	}
	if len(users) > testUsersMost {
		return flow, fault.Invalid("TestUsers has more than %d entries", testUsersMost)
	}
	for _, u := range users {
		if u == "" || len(u) > addressMost {
			return flow, fault.Invalid("TestUsers must have 1 to %d bytes each", addressMost)
		}
	}
	err = s.db.Do(ctx, func(tx *db.Tx) (err error) {
		if flow, err = flows.ForUpdate(tx, actor.Account, flowSID); err != nil {
			return missing(err, flowPath(flowSID))
		}
		flow.TestUsers = slices.Clone(users)
		return flows.Update(tx, &flow)
	})
	return flow, err
}
