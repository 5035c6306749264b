package taskrouter

import (
	"context"
	"fmt"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// defaultActivities are those of a new workspace; the first is for new workers and for those who do not answer.
// Source: a recording of the live service.
var defaultActivities = []NewActivity{{FriendlyName: "Offline"}, {FriendlyName: "Available", Available: true}, {FriendlyName: "Unavailable"}}

// defaultChannels are those of a new workspace. Source: a recording of the live service.
var defaultChannels = []NewTaskChannel{
	{UniqueName: "default", FriendlyName: "Default"},
	{UniqueName: "voice", FriendlyName: "Voice"},
	{UniqueName: "chat", FriendlyName: "Programmable Chat"},
	{UniqueName: "sms", FriendlyName: "SMS"},
	{UniqueName: "video", FriendlyName: "Video"},
}

// CreateWorkspace makes a workspace with its default activities and task channels.
func (t *TaskRouter) CreateWorkspace(ctx context.Context, a account.Actor, n NewWorkspace) (w Workspace, err error) {
	err = t.db.Do(ctx, func(tx *db.Tx) error {
		w, err = t.CreateWorkspaceTx(tx, a.Account, a.AccountSID, n)
		return err
	})
	return w, err
}

// CreateWorkspaceTx is CreateWorkspace for an account's integer key and SID.
func (t *TaskRouter) CreateWorkspaceTx(tx *db.Tx, accountID int64, accountSID sid.SID, n NewWorkspace) (Workspace, error) {
	w := Workspace{
		Row: db.Row{SID: sid.New(sid.Workspace), Account: accountID}, AccountSID: accountSID,
		MultiTask: n.MultiTask == nil || *n.MultiTask, LIFOFirst: n.LIFOFirst,
	}
	o := t.beginOn(tx, w)
	if n.Template != "" && n.Template != TemplateNone && n.Template != TemplateFIFO {
		return w, fault.Invalid("Template must be NONE or FIFO")
	}
	if err := o.describeWorkspace(&n.FriendlyName, &n.EventCallbackURL, &n.EventsFilter); err != nil {
		return w, err
	}
	if err := workspaces.Insert(tx, &o.ws); err != nil {
		return w, err
	}
	for i, na := range defaultActivities {
		act, err := o.createActivity(na)
		if err != nil {
			return w, err
		}
		if i == 0 {
			o.ws.DefaultActivity.ID, o.ws.TimeoutActivity.ID = act.ID, act.ID
		}
	}
	if err := workspaces.Update(tx, &o.ws); err != nil {
		return w, err
	}
	for _, nc := range defaultChannels {
		if _, err := o.createTaskChannel(nc); err != nil {
			return w, err
		}
	}
	if n.Template == TemplateFIFO {
		if err := o.fifo("Sample Queue", "Default Fifo Workflow"); err != nil {
			return w, err
		}
	}
	if err := o.fillWorkspace(&o.ws); err != nil {
		return w, err
	}
	return o.ws, o.finish()
}

// fifo makes one queue for everybody and one workflow that leads to it.
func (o *op) fifo(queue, workflow string) error {
	q, err := o.createQueue(NewTaskQueue{FriendlyName: queue})
	if err != nil {
		return err
	}
	_, err = o.createWorkflow(NewWorkflow{
		FriendlyName: workflow, Configuration: `{"task_routing":{"default_filter":{"queue":"` + string(q.SID) + `"}}}`,
	})
	return err
}

func (o *op) describeWorkspace(name, callback, filter *string) error {
	if name != nil {
		h, err := o.named("workspace", *name)
		if err != nil {
			return err
		}
		if utf8.RuneCountInString(*name) > 64 {
			return fault.Invalid("FriendlyName is longer than 64 characters")
		}
		o.ws.FriendlyName, o.ws.NameHash = *name, h
	}
	if callback != nil {
		if err := row.WebAddress("EventCallbackUrl", *callback); err != nil {
			return err
		}
		o.ws.EventCallbackURL = *callback
	}
	if filter != nil {
		if len(*filter) > row.MaxURL {
			return fault.Invalid("EventsFilter is too long")
		}
		o.ws.EventsFilter = *filter
	}
	return nil
}

// Workspaces lists the account's workspaces; name "" is all.
func (t *TaskRouter) Workspaces(ctx context.Context, a account.Actor, name string, p db.Page) (page db.PageOf[Workspace], err error) {
	err = t.db.View(ctx, func(tx *db.Tx) error {
		where, args := "account_id = $1", []any{a.Account}
		if name != "" {
			h, err := t.hash(a.Account, "workspace", name)
			if err != nil {
				return err
			}
			where, args = where+" and name_hash = $2", append(args, h)
		}
		if a.Workspace != "" {
			args = append(args, string(a.Workspace))
			where += fmt.Sprintf(" and sid = $%d", len(args))
		}
		o := &op{t: t, tx: tx, look: lookups{tx: tx}}
		page, err = workspaces.Page(tx, p, where, args...)
		page, err = fillAll(page, err, o.fillWorkspace)
		return err
	})
	return page, err
}

// Workspace returns a workspace.
func (t *TaskRouter) Workspace(ctx context.Context, a account.Actor, s sid.SID) (w Workspace, err error) {
	err = t.view(ctx, a, s, func(o *op) error {
		w = o.ws
		return o.fillWorkspace(&w)
	})
	return w, err
}

// WorkspaceTx returns a workspace of the account.
func (t *TaskRouter) WorkspaceTx(tx *db.Tx, accountID int64, s sid.SID) (Workspace, error) {
	o, err := t.begin(tx, accountID, s)
	if err != nil {
		return Workspace{}, err
	}
	return o.ws, o.fillWorkspace(&o.ws)
}

func (o *op) fillWorkspace(w *Workspace) error {
	for _, r := range []*Ref{&w.DefaultActivity, &w.TimeoutActivity} {
		a, err := o.look.activity(r.ID)
		if err != nil {
			return err
		}
		r.SID, r.Name = a.SID, a.FriendlyName
	}
	return nil
}

// UpdateWorkspace changes a workspace. Multi-tasking can be switched on, not off, as on the wire.
func (t *TaskRouter) UpdateWorkspace(ctx context.Context, a account.Actor, s sid.SID, u WorkspaceUpdate) (w Workspace, err error) {
	err = t.do(ctx, a, s, func(o *op) error {
		if o.ws, err = workspaces.ForUpdate(o.tx, a.Account, s); err != nil {
			return missing(err, "/Workspaces/"+string(s))
		}
		if err := o.describeWorkspace(u.FriendlyName, u.EventCallbackURL, u.EventsFilter); err != nil {
			return err
		}
		for _, c := range []struct {
			to *sid.SID
			at *Ref
		}{{u.DefaultActivity, &o.ws.DefaultActivity}, {u.TimeoutActivity, &o.ws.TimeoutActivity}} {
			if c.to != nil {
				act, err := o.activityParam("Activity", *c.to)
				if err != nil {
					return err
				}
				c.at.ID = act.ID
			}
		}
		if u.MultiTask != nil {
			if o.ws.MultiTask && !*u.MultiTask {
				return fault.Invalid("A multi-tasking Workspace cannot be changed to single-tasking")
			}
			o.ws.MultiTask = *u.MultiTask
		}
		if u.LIFOFirst != nil {
			o.ws.LIFOFirst = *u.LIFOFirst
		}
		multi, lifo := o.ws.MultiTask, o.ws.LIFOFirst
		o.feed(func(s *route.State) { s.SetWorkspace(multi, lifo) })
		err := workspaces.Update(o.tx, &o.ws)
		w = o.ws
		if err != nil {
			return err
		}
		return o.fillWorkspace(&w)
	})
	return w, err
}

// DeleteWorkspace removes a workspace and everything in it.
func (t *TaskRouter) DeleteWorkspace(ctx context.Context, a account.Actor, s sid.SID) error {
	return t.do(ctx, a, s, func(o *op) error {
		for _, table := range []string{
			reservations.Name, tasks.Name, workerChannels.Name, workers.Name, workflows.Name, queues.Name, taskChannels.Name, activities.Name,
		} {
			if _, err := o.tx.Exec("delete from "+table+" where workspace_id = $1", o.ws.ID); err != nil {
				return err
			}
		}
		id := o.ws.ID
		o.tx.AfterCommit(func() { o.t.router.forget(id) })
		return workspaces.Delete(o.tx, &o.ws)
	})
}
