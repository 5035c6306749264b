package taskrouter

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
	"usher/internal/taskrouter/row"
)

// WorkerChannels lists a worker's channels.
func (t *TaskRouter) WorkerChannels(ctx context.Context, a account.Actor, ws, worker sid.SID, p db.Page) (page db.PageOf[WorkerChannel], err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		w, err := o.worker(worker, false)
		if err != nil {
			return err
		}
		page, err = workerChannels.Page(o.tx, p, "worker_id = $1", w.ID)
		page, err = fillAll(page, err, func(c *WorkerChannel) error { return o.fillWorkerChannel(c, &w) })
		return err
	})
	return page, err
}

func (o *op) fillWorkerChannel(c *WorkerChannel, w *Worker) error {
	tc, err := o.look.channel(c.Channel.ID)
	if err != nil {
		return err
	}
	c.AccountSID, c.Workspace, c.Worker = o.ws.AccountSID, o.ws.Ref(), w.Ref()
	c.Channel.SID, c.Channel.Name = tc.SID, tc.UniqueName
	return o.tx.QueryRow("select count(*) from taskrouter_reservation where worker_id = $1 and live = 1 and channel_id = $2", w.ID, tc.ID).Scan(&c.Assigned)
}

// workerChannel finds a worker's channel by its SID, by the task channel's SID or by its unique name.
func (o *op) workerChannel(w *Worker, name string) (c WorkerChannel, err error) {
	if sid.Valid(name, sid.WorkerChannel) {
		c, err = workerChannels.Get(o.tx, o.ws.Account, sid.SID(name))
		if err == nil && c.Worker.ID != w.ID {
			err = db.ErrNotFound
		}
	} else {
		var tc TaskChannel
		if tc, err = o.taskChannel(name); err == nil {
			c, err = workerChannels.One(o.tx, "worker_id = $1 and channel_id = $2", w.ID, tc.ID)
		}
	}
	if err != nil {
		return c, missing(err, o.path("Workers", string(w.SID), "Channels", name))
	}
	return c, o.fillWorkerChannel(&c, w)
}

// WorkerChannel returns a worker's channel by its SID or unique name.
func (t *TaskRouter) WorkerChannel(ctx context.Context, a account.Actor, ws, worker sid.SID, name string) (c WorkerChannel, err error) {
	err = t.view(ctx, a, ws, func(o *op) error {
		w, err := o.worker(worker, false)
		if err != nil {
			return err
		}
		c, err = o.workerChannel(&w, name)
		return err
	})
	return c, err
}

// UpdateWorkerChannel changes what is not nil. Capacity is 0 to 50. The worker's version advances with it.
func (t *TaskRouter) UpdateWorkerChannel(ctx context.Context, a account.Actor, ws, worker sid.SID, name string, capacity *int64, available *bool) (c WorkerChannel, err error) {
	if !supervises(a) {
		return c, fault.Forbidden("Worker %s may not change its own channels", a.Worker)
	}
	err = t.do(ctx, a, ws, func(o *op) error {
		w, err := o.worker(worker, true)
		if err != nil {
			return err
		}
		if c, err = o.workerChannel(&w, name); err != nil {
			return err
		}
		was := c
		if capacity != nil {
			if err := row.Within("Capacity", *capacity, 0, maxCapacity); err != nil {
				return err
			}
			c.Capacity = *capacity
		}
		if available != nil {
			c.Available = *available
		}
		if was.Capacity == c.Capacity && was.Available == c.Available {
			return nil
		}
		if err := workerChannels.Update(o.tx, &c); err != nil {
			return err
		}
		if err := workers.Update(o.tx, &w); err != nil {
			return err
		}
		if err := o.emit(w.Ref(), event.WorkerChannelUpdated, 0, false, &EventData{Channel: row.ViewWorkerChannel(&c)}); err != nil {
			return err
		}
		return o.feedWorker(&w)
	})
	return c, err
}
