package taskrouter

import (
	"context"
	"errors"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// Reservation timeouts in seconds. Source: the wire.
const (
	defaultReservation = 120
	maxReservation     = 86_400
)

// CreateWorkflow makes a workflow. A mistake in its configuration is answered with 20001 and the mistake's place.
func (t *TaskRouter) CreateWorkflow(ctx context.Context, a account.Actor, ws sid.SID, n NewWorkflow) (w Workflow, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		w, err = o.createWorkflow(n)
		return err
	})
	return w, err
}

func (o *op) createWorkflow(n NewWorkflow) (Workflow, error) {
	w := Workflow{Row: db.Row{SID: sid.New(sid.Workflow), Account: o.ws.Account}, WorkspaceID: o.ws.ID, ReservationTimeout: defaultReservation}
	u := WorkflowUpdate{
		FriendlyName: &n.FriendlyName, Configuration: &n.Configuration, AssignmentCallbackURL: &n.AssignmentCallbackURL, FallbackURL: &n.FallbackURL,
	}
	if n.ReservationTimeout != 0 {
		u.ReservationTimeout = &n.ReservationTimeout
	}
	if err := o.changeWorkflow(&w, u); err != nil {
		return w, err
	}
	if err := workflows.Insert(o.tx, &w); err != nil {
		return w, err
	}
	return w, o.feedWorkflow(&w)
}

func (o *op) changeWorkflow(w *Workflow, u WorkflowUpdate) (err error) {
	if u.FriendlyName != nil {
		if w.NameHash, err = o.named("workflow", *u.FriendlyName); err != nil {
			return err
		}
		w.FriendlyName = *u.FriendlyName
	}
	if u.AssignmentCallbackURL != nil {
		if err := row.WebAddress("AssignmentCallbackUrl", *u.AssignmentCallbackURL); err != nil {
			return err
		}
		w.AssignmentCallbackURL = *u.AssignmentCallbackURL
	}
	if u.FallbackURL != nil {
		if err := row.WebAddress("FallbackAssignmentCallbackUrl", *u.FallbackURL); err != nil {
			return err
		}
		w.FallbackURL = *u.FallbackURL
	}
	if u.ReservationTimeout != nil {
		if err := row.Within("TaskReservationTimeout", *u.ReservationTimeout, 1, maxReservation); err != nil {
			return err
		}
		w.ReservationTimeout = *u.ReservationTimeout
	}
	if u.Configuration != nil {
		if *u.Configuration == "" {
			return fault.Invalid("Missing required parameter Configuration in the post body")
		}
		if len(*u.Configuration) > maxWorkflow {
			return fault.Invalid("Configuration is longer than %d bytes", maxWorkflow)
		}
		w.Configuration = *u.Configuration
		_, err = o.compile(w)
	}
	return err
}

// compile parses a configuration against the queues of the workspace.
func (o *op) compile(w *Workflow) (*route.Workflow, error) {
	var broken error
	flow, err := route.Compile(w.Configuration, func(ref string) (int64, bool) {
		q, err := o.queueNamed(ref)
		if err != nil && !errors.Is(err, db.ErrNotFound) {
			broken = err
		}
		return q.ID, err == nil
	})
	if broken != nil {
		return nil, broken
	}
	if err != nil {
		return nil, fault.Invalid("Invalid Workflow configuration: %s", err.Error()).With(err)
	}
	flow.ID, flow.Version, flow.Reservation = w.ID, w.Version, w.ReservationTimeout*1_000_000
	return flow, nil
}

// queueNamed finds a queue by SID or friendly name: stored configurations use both.
func (o *op) queueNamed(ref string) (TaskQueue, error) {
	if sid.Valid(ref, sid.TaskQueue) {
		q, err := queues.Get(o.tx, o.ws.Account, sid.SID(ref))
		if err == nil && q.WorkspaceID != o.ws.ID {
			err = db.ErrNotFound
		}
		return q, err
	}
	h, err := o.hash("queue", ref)
	if err != nil {
		return TaskQueue{}, err
	}
	return queues.One(o.tx, "workspace_id = $1 and name_hash = $2", o.ws.ID, h)
}

// compiled is a workflow ready for use: its configuration, and what tasks show of it.
type compiled struct {
	*route.Workflow
	ref Ref
}

// flow returns a workflow's compiled configuration, nil for a workflow that is gone.
func (o *op) flow(id int64) (*route.Workflow, error) {
	c, err := o.look.workflow(o, id)
	return c.Workflow, err
}

// workflow returns a compiled workflow, the zero value for one that is gone. It is read and compiled once per version;
// rows that this transaction has changed itself are never asked for here.
func (o *op) workflow(id int64) (none compiled, err error) {
	var version int64
	err = o.tx.QueryRow("select version from taskrouter_workflow where id = $1", id).Scan(&version)
	if errors.Is(err, db.ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	o.t.mu.Lock()
	kept := o.t.flows[id]
	o.t.mu.Unlock()
	if kept.Workflow != nil && kept.Version == version {
		return kept, nil
	}
	w, err := workflows.ByID(o.tx, id)
	if err != nil {
		return none, err
	}
	flow, err := o.compile(&w)
	if err != nil {
		return none, err
	}
	kept = compiled{flow, Ref{ID: id, SID: w.SID, Name: w.FriendlyName}}
	o.t.mu.Lock()
	o.t.flows[id] = kept
	o.t.mu.Unlock()
	return kept, nil
}

func (o *op) feedWorkflow(w *Workflow) error {
	w.AccountSID, w.Workspace = o.ws.AccountSID, o.ws.Ref()
	flow, err := o.compile(w)
	if err == nil {
		o.feed(func(s *route.State) { s.PutWorkflow(flow) })
	}
	return err
}

func (o *op) fillWorkflow(w *Workflow) error {
	w.AccountSID, w.Workspace = o.ws.AccountSID, o.ws.Ref()
	return nil
}

// Workflows lists the workflows of a workspace; name "" is all.
func (t *TaskRouter) Workflows(ctx context.Context, a account.Actor, ws sid.SID, name string, p db.Page) (page db.PageOf[Workflow], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		q := o.query()
		if err := q.name("workflow", name); err != nil {
			return err
		}
		page, err = workflows.Page(o.tx, p, q.Where, q.Args...)
		page, err = fillAll(page, err, o.fillWorkflow)
		return err
	})
	return page, err
}

// Workflow returns a workflow.
func (t *TaskRouter) Workflow(ctx context.Context, a account.Actor, ws, s sid.SID) (w Workflow, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		if w, err = get(o, workflows, s, (*Workflow).InWorkspace, "Workflows", false); err != nil {
			return err
		}
		return o.fillWorkflow(&w)
	})
	return w, err
}

// UpdateWorkflow changes a workflow. Waiting tasks keep their filter and target unless ReEvaluate.
func (t *TaskRouter) UpdateWorkflow(ctx context.Context, a account.Actor, ws, s sid.SID, u WorkflowUpdate) (w Workflow, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		var waiting []Task
		if w, err = get(o, workflows, s, (*Workflow).InWorkspace, "Workflows", false); err != nil {
			return err
		}
		if u.ReEvaluate { // tasks are locked before anything else
			waiting, err = tasks.Find(o.tx, "workspace_id = $1 and live = 1 and workflow_id = $2 and status = $3 order by id"+o.tx.LockSuffix(),
				o.ws.ID, w.ID, string(TaskPending))
			if err != nil {
				return err
			}
		}
		if w, err = get(o, workflows, s, (*Workflow).InWorkspace, "Workflows", true); err != nil {
			return err
		}
		if err := o.changeWorkflow(&w, u); err != nil {
			return err
		}
		if err := workflows.Update(o.tx, &w); err != nil {
			return err
		}
		if err := o.feedWorkflow(&w); err != nil {
			return err
		}
		flow, err := o.compile(&w)
		if err != nil {
			return err
		}
		// What is not committed stays in this transaction's own lookups.
		o.look.workflows = map[int64]compiled{w.ID: {flow, Ref{ID: w.ID, SID: w.SID, Name: w.FriendlyName}}}
		for i := range waiting {
			if err := o.replace(&waiting[i], flow); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}

// replace sends a waiting task through its workflow from the start.
func (o *op) replace(t *Task, flow *route.Workflow) error {
	if t.Workflow.ID == 0 {
		return nil
	}
	if !o.enter(t, flow) {
		return o.cancelTask(t, route.ReasonWorkflow)
	}
	return o.saveTask(t, TaskUpdated)
}

// DeleteWorkflow removes a workflow in which no task is.
func (t *TaskRouter) DeleteWorkflow(ctx context.Context, a account.Actor, ws, s sid.SID) error {
	return t.do(ctx, a, ws, func(o *op) error {
		w, err := get(o, workflows, s, (*Workflow).InWorkspace, "Workflows", true)
		if err != nil {
			return err
		}
		err = o.unused("select count(*) from taskrouter_task where workspace_id = $1 and live = 1 and workflow_id = $2", w.ID,
			"Workflow %s cannot be deleted because it has Tasks", w.SID)
		if err != nil {
			return err
		}
		id := w.ID
		o.feed(func(s *route.State) { s.DropWorkflow(id) })
		return workflows.Delete(o.tx, &w)
	})
}
