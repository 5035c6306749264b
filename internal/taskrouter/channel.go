package taskrouter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
	"usher/internal/taskrouter/row"
)

// CreateTaskChannel makes a task channel, and a worker channel for each worker.
func (t *TaskRouter) CreateTaskChannel(ctx context.Context, a account.Actor, ws sid.SID, n NewTaskChannel) (c TaskChannel, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		c, err = o.createTaskChannel(n)
		return err
	})
	return c, err
}

func (o *op) createTaskChannel(n NewTaskChannel) (TaskChannel, error) {
	c := TaskChannel{
		Row: db.Row{SID: sid.New(sid.TaskChannel), Account: o.ws.Account}, TaskChannelDoc: row.TaskChannelDoc{FriendlyName: n.FriendlyName, UniqueName: n.UniqueName},
		WorkspaceID: o.ws.ID, Optimized: n.Optimized,
	}
	if _, err := o.named("channel", n.FriendlyName); err != nil {
		return c, err
	}
	if n.UniqueName == "" || utf8.RuneCountInString(n.UniqueName) > 64 || strings.ContainsAny(n.UniqueName, " /") {
		return c, fault.Invalid("UniqueName must have 1 to 64 characters without spaces")
	}
	var err error
	if c.UniqueHash, err = o.hash("channel.unique", n.UniqueName); err != nil {
		return c, err
	}
	if _, err := o.channelNamed(n.UniqueName); !errors.Is(err, db.ErrNotFound) {
		if err == nil {
			err = fault.Invalid("TaskChannel with the same unique name already exists")
		}
		return c, err
	}
	if err := taskChannels.Insert(o.tx, &c); err != nil {
		return c, taken(err, "TaskChannel with the same unique name already exists")
	}
	o.fillTaskChannel(&c)
	all, err := workers.Find(o.tx, "workspace_id = $1 order by id", o.ws.ID)
	if err != nil {
		return c, err
	}
	for i := range all {
		if err := o.openChannel(&all[i], &c, 1); err != nil {
			return c, err
		}
	}
	return c, o.reloadWorkers("1 = 1")
}

// openChannel gives a worker a channel; new ones have capacity 1 on the wire.
func (o *op) openChannel(w *Worker, c *TaskChannel, capacity int64) error {
	return workerChannels.Insert(o.tx, &WorkerChannel{
		Row: db.Row{SID: sid.New(sid.WorkerChannel), Account: o.ws.Account}, WorkspaceID: o.ws.ID,
		Worker: Ref{ID: w.ID}, Channel: Ref{ID: c.ID}, Capacity: capacity, Available: true,
	})
}

func (o *op) fillTaskChannel(c *TaskChannel) { c.AccountSID, c.Workspace = o.ws.AccountSID, o.ws.Ref() }

// TaskChannels lists the task channels of a workspace.
func (t *TaskRouter) TaskChannels(ctx context.Context, a account.Actor, ws sid.SID, p db.Page) (page db.PageOf[TaskChannel], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		page, err = taskChannels.Page(o.tx, p, "workspace_id = $1", o.ws.ID)
		page, err = fillAll(page, err, func(c *TaskChannel) error { o.fillTaskChannel(c); return nil })
		return err
	})
	return page, err
}

// TaskChannel returns a task channel by its SID or unique name.
func (t *TaskRouter) TaskChannel(ctx context.Context, a account.Actor, ws sid.SID, name string) (c TaskChannel, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		c, err = o.taskChannel(name)
		return err
	})
	return c, err
}

func (o *op) channelNamed(unique string) (TaskChannel, error) {
	h, err := o.hash("channel.unique", unique)
	if err != nil {
		return TaskChannel{}, err
	}
	return taskChannels.One(o.tx, "workspace_id = $1 and unique_hash = $2", o.ws.ID, h)
}

// taskChannel finds a task channel by SID or unique name.
func (o *op) taskChannel(name string) (c TaskChannel, err error) {
	if sid.Valid(name, sid.TaskChannel) {
		c, err = taskChannels.Get(o.tx, o.ws.Account, sid.SID(name))
	} else {
		c, err = o.channelNamed(name)
	}
	if err == nil && c.WorkspaceID != o.ws.ID {
		err = db.ErrNotFound
	}
	o.fillTaskChannel(&c)
	return c, missing(err, o.path("TaskChannels", name))
}

// UpdateTaskChannel changes what is not nil.
func (t *TaskRouter) UpdateTaskChannel(ctx context.Context, a account.Actor, ws sid.SID, name string, friendly *string, optimized *bool) (c TaskChannel, err error) {
	err = t.do(ctx, a, ws, func(o *op) error {
		if c, err = o.taskChannel(name); err != nil {
			return err
		}
		if friendly != nil {
			if _, err := o.named("channel", *friendly); err != nil {
				return err
			}
			c.FriendlyName = *friendly
		}
		if optimized != nil {
			c.Optimized = *optimized
			id, now := c.ID, c.Optimized
			o.feed(func(s *route.State) { s.SetOptimized(id, now) })
		}
		return taskChannels.Update(o.tx, &c)
	})
	return c, err
}

// DeleteTaskChannel removes a task channel that no task uses. Those of a new workspace stay.
func (t *TaskRouter) DeleteTaskChannel(ctx context.Context, a account.Actor, ws sid.SID, name string) error {
	return t.do(ctx, a, ws, func(o *op) error {
		c, err := o.taskChannel(name)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(defaultChannels, func(d NewTaskChannel) bool { return d.UniqueName == c.UniqueName }) {
			return fault.Invalid("TaskChannel %s cannot be deleted because it is a default TaskChannel", c.SID)
		}
		err = o.unused("select count(*) from taskrouter_task where workspace_id = $1 and live = 1 and channel_id = $2", c.ID,
			"TaskChannel %s cannot be deleted because a Task uses it", c.SID)
		if err != nil {
			return err
		}
		if _, err := o.tx.Exec("delete from taskrouter_worker_channel where channel_id = $1", c.ID); err != nil {
			return fmt.Errorf("channels of workers: %w", err)
		}
		if err := taskChannels.Delete(o.tx, &c); err != nil {
			return err
		}
		return o.reloadWorkers("1 = 1")
	})
}
