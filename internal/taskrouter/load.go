package taskrouter

import (
	"context"
	"errors"
	"fmt"

	"usher/internal/db"
	"usher/internal/taskrouter/route"
)

// load rebuilds a workspace from its rows; nil when the workspace is gone.
func (ow *owner) load(ctx context.Context) (state *route.State, err error) {
	ow.drain() // what is committed by now is in the rows
	err = ow.r.t.db.View(ctx, func(tx *db.Tx) error {
		state = route.New()
		o, err := ow.r.t.of(tx, ow.workspace)
		if errors.Is(err, db.ErrNotFound) {
			state = nil
			return nil
		}
		if err != nil {
			return err
		}
		state.SetWorkspace(o.ws.MultiTask, o.ws.LIFOFirst)
		return errors.Join(o.loadHouse(state), o.loadTasks(state))
	})
	if err != nil {
		return nil, fmt.Errorf("workspace %d: %w", ow.workspace, err)
	}
	return state, nil
}

// loadHouse reads workers, queues and workflows.
func (o *op) loadHouse(s *route.State) error {
	slots := map[int64][]route.Slot{}
	all, err := workerChannels.Find(o.tx, "workspace_id = $1 order by worker_id, channel_id", o.ws.ID)
	if err != nil {
		return err
	}
	for i := range all {
		slot, err := o.slot(&all[i])
		if err != nil {
			return err
		}
		slots[all[i].Worker.ID] = append(slots[all[i].Worker.ID], slot)
	}
	people, err := workers.Find(o.tx, "workspace_id = $1", o.ws.ID)
	if err != nil {
		return err
	}
	for i := range people {
		w := &people[i]
		if err := o.fillWorker(w); err != nil {
			return err
		}
		r := routedWorker(w)
		r.Slots = slots[w.ID]
		s.PutWorker(r)
	}
	lines, err := queues.Find(o.tx, "workspace_id = $1", o.ws.ID)
	if err != nil {
		return err
	}
	for i := range lines {
		r, err := routedQueue(&lines[i])
		if err != nil {
			return fmt.Errorf("%s: %w", lines[i].SID, err)
		}
		s.PutQueue(r)
	}
	flows, err := workflows.Find(o.tx, "workspace_id = $1", o.ws.ID)
	if err != nil {
		return err
	}
	for i := range flows {
		flow, err := o.flow(flows[i].ID)
		if err != nil {
			return fmt.Errorf("%s: %w", flows[i].SID, err)
		}
		if flow != nil {
			s.PutWorkflow(flow)
		}
	}
	return nil
}

// loadTasks reads the live tasks and reservations, in pieces: there may be many.
func (o *op) loadTasks(s *route.State) error {
	const piece = 1000
	for after := int64(0); ; {
		some, err := tasks.Find(o.tx, "workspace_id = $1 and live = 1 and id > $2 order by id limit 1000", o.ws.ID, after)
		if err != nil {
			return err
		}
		for i := range some {
			after = some[i].ID
			if err := o.put(s, &some[i]); err != nil {
				return err
			}
		}
		if len(some) < piece {
			break
		}
	}
	held, err := reservations.Find(o.tx, "live = 1 and workspace_id = $1", o.ws.ID)
	for i := range held {
		s.PutReservation(routedReservation(&held[i], held[i].CreatedAt))
	}
	return err
}

func (o *op) put(s *route.State, t *Task) error {
	flow, err := o.flow(t.Workflow.ID)
	if err == nil {
		s.PutTask(routedTask(t, flow))
	}
	return err
}

// reload reads tasks and workers anew whose rows were not what the owner thought.
func (ow *owner) reload(ctx context.Context, s *route.State, taskIDs, workerIDs map[int64]bool) error {
	return ow.r.t.db.View(ctx, func(tx *db.Tx) error {
		o, err := ow.r.t.of(tx, ow.workspace)
		if err != nil {
			return err
		}
		for id := range workerIDs {
			w, err := workers.ByID(tx, id)
			if errors.Is(err, db.ErrNotFound) {
				s.DropWorker(id)
				continue
			}
			if err != nil {
				return err
			}
			r, err := o.routed(&w)
			if err != nil {
				return err
			}
			s.ForgetVersion(id)
			s.PutWorker(r)
		}
		for id := range taskIDs {
			if err := o.reloadTask(s, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *op) reloadTask(s *route.State, id int64) error {
	t, err := tasks.ByID(o.tx, id)
	if errors.Is(err, db.ErrNotFound) || err == nil && !t.Live {
		s.DropTask(id)
		return nil
	}
	if err != nil {
		return err
	}
	s.Forget(id)
	if err := o.put(s, &t); err != nil {
		return err
	}
	held, err := reservations.Find(o.tx, "task_id = $1 and live = 1", id)
	for i := range held {
		s.PutReservation(routedReservation(&held[i], held[i].CreatedAt))
	}
	return err
}
