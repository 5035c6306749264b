package taskrouter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/sid"
)

// EventData is the payload of every event of this package: the parts that the kind has. Names are those of the REST
// API; dates are ISO 8601 with milliseconds, attributes are objects.
//
//	worker stream     worker.updated, worker.activity.updated {worker}, worker.channel.updated {channel}
//	                  reservation.* {reservation, task}, task.* {task} while the worker holds a reservation of it
//	workspace stream  task.* {task}, worker.* {worker}
type EventData struct {
	Reservation *ReservationView   `json:"reservation,omitempty"`
	Task        *TaskView          `json:"task,omitempty"`
	Worker      *WorkerView        `json:"worker,omitempty"`
	Channel     *WorkerChannelView `json:"channel,omitempty"`
}

// TaskView is a task in an event.
type TaskView struct {
	SID            sid.SID         `json:"sid"`
	Account        sid.SID         `json:"account_sid"`
	Workspace      sid.SID         `json:"workspace_sid"`
	Attributes     json.RawMessage `json:"attributes"`
	Addons         string          `json:"addons"`
	Age            int64           `json:"age"` // seconds at the time of the event
	Priority       int64           `json:"priority"`
	Reason         *string         `json:"reason"`
	Status         TaskStatus      `json:"assignment_status"`
	Queue          *sid.SID        `json:"task_queue_sid"`
	QueueName      *string         `json:"task_queue_friendly_name"`
	QueueEntered   *string         `json:"task_queue_entered_date"`
	Workflow       *sid.SID        `json:"workflow_sid"`
	WorkflowName   *string         `json:"workflow_friendly_name"`
	Channel        sid.SID         `json:"task_channel_sid"`
	ChannelName    string          `json:"task_channel_unique_name"`
	Timeout        int64           `json:"timeout"`
	RoutingTarget  *string         `json:"routing_target"`
	IgnoreCapacity bool            `json:"ignore_capacity"`
	VirtualStart   string          `json:"virtual_start_time"`
	Created        string          `json:"date_created"`
	Updated        string          `json:"date_updated"`
	Version        int64           `json:"version"`
}

// ReservationView is a reservation in an event. Expires is there while it is pending.
type ReservationView struct {
	SID       sid.SID           `json:"sid"`
	Account   sid.SID           `json:"account_sid"`
	Workspace sid.SID           `json:"workspace_sid"`
	Task      sid.SID           `json:"task_sid"`
	Worker    sid.SID           `json:"worker_sid"`
	Name      string            `json:"worker_name"`
	Status    ReservationStatus `json:"reservation_status"`
	Timeout   int64             `json:"timeout"` // seconds
	Expires   *string           `json:"expires,omitempty"`
	Created   string            `json:"date_created"`
	Updated   string            `json:"date_updated"`
	Version   int64             `json:"version"`
}

// WorkerView is a worker in an event.
type WorkerView struct {
	SID           sid.SID         `json:"sid"`
	Account       sid.SID         `json:"account_sid"`
	Workspace     sid.SID         `json:"workspace_sid"`
	Name          string          `json:"friendly_name"`
	Attributes    json.RawMessage `json:"attributes"`
	Activity      sid.SID         `json:"activity_sid"`
	ActivityName  string          `json:"activity_name"`
	Available     bool            `json:"available"`
	StatusChanged string          `json:"date_status_changed"`
	Created       string          `json:"date_created"`
	Updated       string          `json:"date_updated"`
	Version       int64           `json:"version"`
}

// WorkerChannelView is a worker's channel in an event.
type WorkerChannelView struct {
	SID         sid.SID `json:"sid"`
	Account     sid.SID `json:"account_sid"`
	Workspace   sid.SID `json:"workspace_sid"`
	Worker      sid.SID `json:"worker_sid"`
	Channel     sid.SID `json:"task_channel_sid"`
	ChannelName string  `json:"task_channel_unique_name"`
	Capacity    int64   `json:"configured_capacity"`
	Available   bool    `json:"available"`
	Assigned    int64   `json:"assigned_tasks"`
	Percentage  int64   `json:"available_capacity_percentage"`
	Created     string  `json:"date_created"`
	Updated     string  `json:"date_updated"`
	Version     int64   `json:"version"`
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// orNull is a pointer to v, nil for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func isoOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := iso(t)
	return &s
}

func viewTask(t *Task, now time.Time) *TaskView {
	return &TaskView{
		SID: t.SID, Account: t.AccountSID, Workspace: t.Workspace.SID, Attributes: t.Attributes, Addons: "{}", Age: t.Age(now),
		Priority: t.Priority, Reason: orNull(t.Reason), Status: t.Status, Queue: orNull(t.Queue.SID), QueueName: orNull(t.Queue.Name),
		QueueEntered: isoOrNull(t.QueueEntered), Workflow: orNull(t.Workflow.SID), WorkflowName: orNull(t.Workflow.Name),
		Channel: t.Channel.SID, ChannelName: t.Channel.Name, Timeout: t.Timeout(), RoutingTarget: orNull(t.RoutingTarget),
		IgnoreCapacity: t.IgnoreCapacity, VirtualStart: iso(t.VirtualStart), Created: iso(t.CreatedAt), Updated: iso(t.UpdatedAt), Version: t.Version,
	}
}

func viewReservation(r *Reservation) *ReservationView {
	v := &ReservationView{
		SID: r.SID, Account: r.AccountSID, Workspace: r.Workspace.SID, Task: r.Task.SID, Worker: r.Worker.SID, Name: r.WorkerName,
		Status: r.Status, Timeout: r.Timeout(), Created: iso(r.CreatedAt), Updated: iso(r.UpdatedAt), Version: r.Version,
	}
	if r.Status == ReservationPending {
		v.Expires = isoOrNull(r.Expires)
	}
	return v
}

func viewWorker(w *Worker) *WorkerView {
	return &WorkerView{
		SID: w.SID, Account: w.AccountSID, Workspace: w.Workspace.SID, Name: w.FriendlyName, Attributes: w.Attributes,
		Activity: w.Activity.SID, ActivityName: w.Activity.Name, Available: w.Available, StatusChanged: iso(w.StatusAt),
		Created: iso(w.CreatedAt), Updated: iso(w.UpdatedAt), Version: w.Version,
	}
}

func viewWorkerChannel(c *WorkerChannel) *WorkerChannelView {
	return &WorkerChannelView{
		SID: c.SID, Account: c.AccountSID, Workspace: c.Workspace.SID, Worker: c.Worker.SID, Channel: c.Channel.SID,
		ChannelName: c.Channel.Name, Capacity: c.Capacity, Available: c.Available, Assigned: c.Assigned, Percentage: c.Percentage(),
		Created: iso(c.CreatedAt), Updated: iso(c.UpdatedAt), Version: c.Version,
	}
}

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
	data := &EventData{Task: viewTask(t, o.tx.Now)}
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
	return o.emit(r.Worker, kind, t.Key, t.Watched, &EventData{Reservation: viewReservation(r), Task: viewTask(t, o.tx.Now)})
}

// emitWorker tells the workspace about a worker, and the worker unless it is new or gone.
func (o *op) emitWorker(kind string, w *Worker) error {
	data := &EventData{Worker: viewWorker(w)}
	if kind != event.WorkerCreated && kind != event.WorkerDeleted {
		if err := o.emit(w.ref(), kind, 0, false, data); err != nil {
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
