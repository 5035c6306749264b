package row

import (
	"encoding/json"
	"time"

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

// ViewTask is a task as events show it at an instant.
func ViewTask(t *Task, now time.Time) *TaskView {
	return &TaskView{
		SID: t.SID, Account: t.AccountSID, Workspace: t.Workspace.SID, Attributes: t.Attributes, Addons: "{}", Age: t.Age(now),
		Priority: t.Priority, Reason: orNull(t.Reason), Status: t.Status, Queue: orNull(t.Queue.SID), QueueName: orNull(t.Queue.Name),
		QueueEntered: isoOrNull(t.QueueEntered), Workflow: orNull(t.Workflow.SID), WorkflowName: orNull(t.Workflow.Name),
		Channel: t.Channel.SID, ChannelName: t.Channel.Name, Timeout: t.Timeout(), RoutingTarget: orNull(t.RoutingTarget),
		IgnoreCapacity: t.IgnoreCapacity, VirtualStart: iso(t.VirtualStart), Created: iso(t.CreatedAt), Updated: iso(t.UpdatedAt), Version: t.Version,
	}
}

// ViewReservation is a reservation as events show it.
func ViewReservation(r *Reservation) *ReservationView {
	v := &ReservationView{
		SID: r.SID, Account: r.AccountSID, Workspace: r.Workspace.SID, Task: r.Task.SID, Worker: r.Worker.SID, Name: r.WorkerName,
		Status: r.Status, Timeout: r.Timeout(), Created: iso(r.CreatedAt), Updated: iso(r.UpdatedAt), Version: r.Version,
	}
	if r.Status == ReservationPending {
		v.Expires = isoOrNull(r.Expires)
	}
	return v
}

// ViewWorker is a worker as events show it.
func ViewWorker(w *Worker) *WorkerView {
	return &WorkerView{
		SID: w.SID, Account: w.AccountSID, Workspace: w.Workspace.SID, Name: w.FriendlyName, Attributes: w.Attributes,
		Activity: w.Activity.SID, ActivityName: w.Activity.Name, Available: w.Available, StatusChanged: iso(w.StatusAt),
		Created: iso(w.CreatedAt), Updated: iso(w.UpdatedAt), Version: w.Version,
	}
}

// ViewWorkerChannel is a worker's channel as events show it.
func ViewWorkerChannel(c *WorkerChannel) *WorkerChannelView {
	return &WorkerChannelView{
		SID: c.SID, Account: c.AccountSID, Workspace: c.Workspace.SID, Worker: c.Worker.SID, Channel: c.Channel.SID,
		ChannelName: c.Channel.Name, Capacity: c.Capacity, Available: c.Available, Assigned: c.Assigned, Percentage: c.Percentage(),
		Created: iso(c.CreatedAt), Updated: iso(c.UpdatedAt), Version: c.Version,
	}
}
