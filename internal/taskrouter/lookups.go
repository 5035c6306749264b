package taskrouter

import (
	"errors"
	"fmt"

	"usher/internal/db"
)

// lookups remembers the rows that others refer to, for one transaction.
type lookups struct {
	tx         *db.Tx
	activities map[int64]Activity
	channels   map[int64]TaskChannel
	queues     map[int64]TaskQueue
	workflows  map[int64]compiled
}

// remember reads a row by its key once. A row that is gone is the zero value: what refers to it is older than its end.
func remember[T any](tx *db.Tx, kept *map[int64]T, tb *db.Table[T], id int64) (T, error) {
	if v, ok := (*kept)[id]; ok || id == 0 {
		return v, nil
	}
	v, err := tb.ByID(tx, id)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return v, err
	}
	if *kept == nil {
		*kept = map[int64]T{}
	}
	(*kept)[id] = v
	return v, nil
}

func (l *lookups) activity(id int64) (Activity, error) {
	return remember(l.tx, &l.activities, activities, id)
}

func (l *lookups) channel(id int64) (TaskChannel, error) {
	return remember(l.tx, &l.channels, taskChannels, id)
}

func (l *lookups) queue(id int64) (TaskQueue, error) {
	return remember(l.tx, &l.queues, queues, id)
}

// workflow is op.workflow, once per transaction.
func (l *lookups) workflow(o *op, id int64) (compiled, error) {
	if c, ok := l.workflows[id]; ok || id == 0 {
		return c, nil
	}
	c, err := o.workflow(id)
	if err == nil {
		if l.workflows == nil {
			l.workflows = map[int64]compiled{}
		}
		l.workflows[id] = c
	}
	return c, err
}

// fillTask looks up what a task refers to.
func (o *op) fillTask(t *Task) error {
	workflow, err := o.look.workflow(o, t.Workflow.ID)
	if err != nil {
		return fmt.Errorf("workflow of %s: %w", t.SID, err)
	}
	queue, err := o.look.queue(t.Queue.ID)
	if err != nil {
		return fmt.Errorf("queue of %s: %w", t.SID, err)
	}
	channel, err := o.look.channel(t.Channel.ID)
	if err != nil {
		return fmt.Errorf("channel of %s: %w", t.SID, err)
	}
	t.Workflow.SID, t.Workflow.Name = workflow.ref.SID, workflow.ref.Name
	t.Queue.SID, t.Queue.Name = queue.SID, queue.FriendlyName
	t.Channel.SID, t.Channel.Name = channel.SID, channel.UniqueName
	t.Workspace = o.ws.Ref()
	t.AccountSID = o.ws.AccountSID
	return nil
}

// fillWorker looks up a worker's activity.
func (o *op) fillWorker(w *Worker) error {
	a, err := o.look.activity(w.Activity.ID)
	if err != nil {
		return fmt.Errorf("activity of %s: %w", w.SID, err)
	}
	w.Activity.SID, w.Activity.Name, w.Available = a.SID, a.FriendlyName, a.Available
	w.Workspace = o.ws.Ref()
	w.AccountSID = o.ws.AccountSID
	return nil
}

// fillAll looks up what the rows of a page refer to.
func fillAll[T any](page db.PageOf[T], err error, fill func(*T) error) (db.PageOf[T], error) {
	for i := range page.Items {
		if err == nil {
			err = fill(&page.Items[i])
		}
	}
	return page, err
}
