package taskrouter

import (
	"context"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/row"
)

// CreateActivity makes an activity. A workspace has at most 100.
func (t *TaskRouter) CreateActivity(ctx context.Context, a account.Actor, ws sid.SID, n NewActivity) (v Activity, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		v, err = o.createActivity(n)
		return err
	})
	return v, err
}

func (o *op) createActivity(n NewActivity) (Activity, error) {
	v := Activity{
		Row: db.Row{SID: sid.New(sid.Activity), Account: o.ws.Account}, ActivityDoc: row.ActivityDoc{FriendlyName: n.FriendlyName},
		WorkspaceID: o.ws.ID, Available: n.Available,
	}
	var err error
	if v.NameHash, err = o.named("activity", n.FriendlyName); err != nil {
		return v, err
	}
	if utf8.RuneCountInString(n.FriendlyName) > 64 {
		return v, fault.Invalid("FriendlyName is longer than 64 characters")
	}
	var count int64
	if err := o.tx.QueryRow("select count(*) from taskrouter_activity where workspace_id = $1", o.ws.ID).Scan(&count); err != nil {
		return v, err
	}
	if count >= maxActivities {
		return v, fault.Invalid("A Workspace can have at most %d Activities", maxActivities)
	}
	o.fillActivity(&v)
	return v, activities.Insert(o.tx, &v)
}

func (o *op) fillActivity(v *Activity) { v.AccountSID, v.Workspace = o.ws.AccountSID, o.ws.Ref() }

// Activities lists the activities of a workspace.
func (t *TaskRouter) Activities(ctx context.Context, a account.Actor, ws sid.SID, f ActivityFilter, p db.Page) (page db.PageOf[Activity], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		q := o.query()
		if err := q.name("activity", f.FriendlyName); err != nil {
			return err
		}
		if f.Available != nil {
			q.And("available =", flag(*f.Available))
		}
		page, err = activities.Page(o.tx, p, q.Where, q.Args...)
		page, err = fillAll(page, err, func(v *Activity) error { o.fillActivity(v); return nil })
		return err
	})
	return page, err
}

// Activity returns an activity.
func (t *TaskRouter) Activity(ctx context.Context, a account.Actor, ws, s sid.SID) (v Activity, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		v, err = get(o, activities, s, (*Activity).InWorkspace, "Activities", false)
		o.fillActivity(&v)
		return err
	})
	return v, err
}

// activityParam finds an activity that a parameter names.
func (o *op) activityParam(param string, s sid.SID) (Activity, error) {
	v, err := get(o, activities, s, (*Activity).InWorkspace, "Activities", false)
	if fault.Is(err, fault.KindNotFound) {
		return v, fault.Invalid("%sSid %q is not an Activity of this Workspace", param, string(s))
	}
	return v, err
}

// UpdateActivity renames an activity. Whatever else a request asks for is left as it is: the live service answers 200 and
// keeps available.
func (t *TaskRouter) UpdateActivity(ctx context.Context, a account.Actor, ws, s sid.SID, name *string) (v Activity, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		if v, err = get(o, activities, s, (*Activity).InWorkspace, "Activities", true); err != nil {
			return err
		}
		o.fillActivity(&v)
		if name == nil || *name == v.FriendlyName {
			return nil
		}
		if v.NameHash, err = o.named("activity", *name); err != nil {
			return err
		}
		v.FriendlyName = *name
		if err := activities.Update(o.tx, &v); err != nil {
			return err
		}
		return o.reloadWorkers("activity_id = $2", v.ID)
	})
	return v, err
}

// DeleteActivity removes an activity that nothing uses.
func (t *TaskRouter) DeleteActivity(ctx context.Context, a account.Actor, ws, s sid.SID) error {
	return t.do(ctx, a, ws, func(o *op) error {
		v, err := get(o, activities, s, (*Activity).InWorkspace, "Activities", true)
		if err != nil {
			return err
		}
		if v.ID == o.ws.DefaultActivity.ID || v.ID == o.ws.TimeoutActivity.ID {
			return fault.Invalid("Activity %s cannot be deleted because it is the default or timeout Activity of the Workspace", v.SID)
		}
		for _, use := range []struct{ noun, query string }{
			{"a Worker", "select count(*) from taskrouter_worker where workspace_id = $1 and activity_id = $2"},
			{"a TaskQueue", "select count(*) from taskrouter_queue where workspace_id = $1 and (reservation_activity_id = $2 or assignment_activity_id = $2)"},
		} {
			if err := o.unused(use.query, v.ID, "Activity %s cannot be deleted because %s uses it", v.SID, use.noun); err != nil {
				return err
			}
		}
		return activities.Delete(o.tx, &v)
	})
}

// unused refuses to go on while the count is not zero.
func (o *op) unused(query string, id int64, format string, args ...any) error {
	var n int64
	if err := o.tx.QueryRow(query, o.ws.ID, id).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return fault.Invalid(format, args...)
	}
	return nil
}
