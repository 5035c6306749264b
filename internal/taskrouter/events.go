package taskrouter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/taskrouter/row"
)

// outgoing is an event that finish will append.
type outgoing struct {
	worker  Ref // zero: the workspace's stream
	kind    string
	key     int64
	watched bool
	data    []byte
}

func (o *op) emit(worker Ref, kind string, key int64, watched bool, data *EventData) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", kind, err)
	}
	o.out = append(o.out, outgoing{worker: worker, kind: kind, key: key, watched: watched, data: raw})
	return nil
}

// emitTask tells the workspace about a task, and the given workers who hold it.
func (o *op) emitTask(kind string, t *Task, holders ...Ref) error {
	data := &EventData{Task: row.ViewTask(t, o.tx.Now)}
	if err := o.emit(Ref{}, kind, t.Key, t.Watched, data); err != nil {
		return err
	}
	n := len(o.out) - 1
	for _, w := range holders {
		again := o.out[n]
		again.worker = w
		o.out = append(o.out, again)
	}
	return nil
}

// emitReservation tells a worker about a reservation.
func (o *op) emitReservation(kind string, r *Reservation, t *Task) error {
	return o.emit(r.Worker, kind, t.Key, t.Watched, &EventData{Reservation: row.ViewReservation(r), Task: row.ViewTask(t, o.tx.Now)})
}

// emitWorker tells the workspace about a worker, and the worker unless it is new or gone.
func (o *op) emitWorker(kind string, w *Worker) error {
	data := &EventData{Worker: row.ViewWorker(w)}
	if kind != event.WorkerCreated && kind != event.WorkerDeleted {
		if err := o.emit(w.Ref(), kind, 0, false, data); err != nil {
			return err
		}
	}
	return o.emit(Ref{}, kind, 0, false, data)
}

// flush counts the events on their streams, one update per stream, and appends them.
func (o *op) flush() error {
	count := map[int64]int64{}
	for _, e := range o.out {
		count[e.worker.ID]++
	}
	for id := range o.wake {
		count[id] += 0
	}
	next := make(map[int64]int64, len(count))
	for _, id := range slices.Sorted(maps.Keys(count)) {
		if id == 0 {
			continue // the workspace's row is locked last
		}
		head, err := o.advanceWorker(id, count[id])
		if err != nil {
			return err
		}
		next[id] = head - count[id]
	}
	if n := count[0]; n > 0 {
		var head int64
		err := o.tx.Returning("update "+WorkspaceTable+" set head = head + $1 where id = $2 returning head", []any{n, o.ws.ID}, &head)
		if err != nil {
			return fmt.Errorf("offset of %s: %w", o.ws.SID, err)
		}
		next[0] = head - n
	}
	slices.SortStableFunc(o.out, func(a, b outgoing) int { return cmp.Compare(a.worker.ID, b.worker.ID) })
	for _, e := range o.out {
		next[e.worker.ID]++
		stream := event.Stream{Kind: event.Worker, ID: e.worker.ID, SID: e.worker.SID}
		if e.worker.ID == 0 {
			stream = event.Stream{Kind: event.Workspace, ID: o.ws.ID, SID: o.ws.SID}
		}
		err := o.t.log.Append(o.tx, event.Event{
			Account: o.ws.Account, Stream: stream, Offset: next[e.worker.ID], Kind: e.kind, Key: e.key, Data: e.data, Watched: e.watched,
		})
		if err != nil {
			return err
		}
	}
	o.out = nil
	return nil
}

// advanceWorker counts n events on a worker's stream; a worker who was reserved or released starts idling anew.
func (o *op) advanceWorker(id, n int64) (head int64, err error) {
	set, args := "head = head + $1", []any{n, id}
	if more := o.asked[id]; more > 0 {
		set += ", version = version + " + strconv.FormatInt(more, 10) // few distinct texts: a group rarely asks one worker often
	}
	if o.wake[id] {
		set, args = set+", idle_at = $3", append(args, db.Micros(o.tx.Now))
	}
	err = o.tx.Returning("update "+WorkerTable+" set "+set+" where id = $2 returning head", args, &head)
	if err != nil {
		return 0, fmt.Errorf("offset of worker %d: %w", id, err)
	}
	return head, nil
}
