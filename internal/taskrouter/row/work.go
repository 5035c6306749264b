package row

import (
	"encoding/json"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// TaskStatus is assignment_status.
type TaskStatus string

// The states of a task.
const (
	TaskPending   TaskStatus = "pending"
	TaskReserved  TaskStatus = "reserved"
	TaskAssigned  TaskStatus = "assigned"
	TaskWrapping  TaskStatus = "wrapping"
	TaskCompleted TaskStatus = "completed"
	TaskCanceled  TaskStatus = "canceled"
)

// TaskStatuses are all states, in the order of a task's life.
var TaskStatuses = []TaskStatus{TaskPending, TaskReserved, TaskAssigned, TaskWrapping, TaskCompleted, TaskCanceled}

// Waiting reports whether the task looks for a worker.
func (s TaskStatus) Waiting() bool { return s == TaskPending || s == TaskReserved }

// Ended reports whether the state is final.
func (s TaskStatus) Ended() bool { return s == TaskCompleted || s == TaskCanceled }

// Task is a piece of work. Key is the contact's data key.
type Task struct {
	db.Row
	TaskDoc
	AccountSID     sid.SID
	Workspace      Ref
	Workflow       Ref // zero: routed straight to a queue or a worker
	Queue          Ref
	Channel        Ref // name: the unique name
	WorkspaceID    int64
	Status         TaskStatus
	Filter, Target int64 // position in the workflow
	Priority       int64
	VirtualStart   time.Time // what the age is counted from
	Expires        time.Time // end of its life while it waits
	Due            time.Time // end of its target, zero for none
	QueueEntered   time.Time
	Ended          time.Time
	TargetWorker   int64 // the worker of its routing target
	IgnoreCapacity bool
	Rejections     int64
	Watched        bool // copied to its events

	// Conversation is the channel that the attributes name, nil for none.
	Conversation *string

	// Live is true until the state is final; the database's partial indexes follow it.
	Live bool
}

// TaskDoc is the sealed part of a task. RoutingTarget is the SID of a worker, queue or workflow.
type TaskDoc struct {
	Attributes    json.RawMessage
	Reason        string
	RoutingTarget string
}

// InWorkspace is the workspace that the row belongs to.
func (t *Task) InWorkspace() int64 { return t.WorkspaceID }

// Age is how old the task is, in seconds.
func (t *Task) Age(now time.Time) int64 { return max(0, int64(now.Sub(t.VirtualStart)/time.Second)) }

// Timeout is the life that the task was given, in seconds.
func (t *Task) Timeout() int64 {
	return int64(t.Expires.Sub(t.CreatedAt).Round(time.Second) / time.Second)
}

// ReservationStatus is reservation_status.
type ReservationStatus string

// The states of a reservation.
const (
	ReservationPending   ReservationStatus = "pending"
	ReservationAccepted  ReservationStatus = "accepted"
	ReservationRejected  ReservationStatus = "rejected"
	ReservationTimeout   ReservationStatus = "timeout"
	ReservationCanceled  ReservationStatus = "canceled"
	ReservationRescinded ReservationStatus = "rescinded"
	ReservationWrapping  ReservationStatus = "wrapping"
	ReservationCompleted ReservationStatus = "completed"
)

// ReservationStatuses are all states.
var ReservationStatuses = []ReservationStatus{
	ReservationPending, ReservationAccepted, ReservationRejected, ReservationTimeout, ReservationCanceled, ReservationRescinded,
	ReservationWrapping, ReservationCompleted,
}

// Live reports whether a reservation in this state takes a place of its worker's capacity.
func (s ReservationStatus) Live() bool {
	return s == ReservationPending || s == ReservationAccepted || s == ReservationWrapping
}

// Reservation is a task that was offered to a worker.
type Reservation struct {
	db.Row
	ReservationDoc
	AccountSID  sid.SID
	Workspace   Ref
	WorkspaceID int64
	Task        Ref
	Worker      Ref
	ChannelID   int64
	Status      ReservationStatus
	Expires     time.Time // while it is pending

	// Live is true until the state is final; the database's partial indexes follow it.
	Live bool
}

// ReservationDoc is the sealed part of a reservation.
type ReservationDoc struct {
	TaskSID, WorkerSID sid.SID
	WorkerName         string
}

// InWorkspace is the workspace that the row belongs to.
func (r *Reservation) InWorkspace() int64 { return r.WorkspaceID }

// Timeout is how long the worker had to answer, in seconds.
func (r *Reservation) Timeout() int64 {
	return int64(r.Expires.Sub(r.CreatedAt).Round(time.Second) / time.Second)
}
