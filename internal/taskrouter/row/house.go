package row

import (
	"encoding/json"
	"time"

	"usher/internal/db"
	"usher/internal/sid"
)

// Ref is another row: its key, and its SID and name once they were looked up.
type Ref struct {
	ID   int64
	SID  sid.SID
	Name string
}

// Workspace is a house of workers and queues.
type Workspace struct {
	db.Row
	WorkspaceDoc
	AccountSID      sid.SID
	DefaultActivity Ref // of new workers
	TimeoutActivity Ref // of workers who let a reservation time out, without multi-tasking
	MultiTask       bool
	LIFOFirst       bool // prioritize_queue_order is LIFO

	NameHash []byte
}

// WorkspaceDoc is the sealed part of a workspace. EventsFilter is a comma-separated list of event names.
type WorkspaceDoc struct {
	FriendlyName     string
	EventCallbackURL string
	EventsFilter     string
}

// Ref refers to the row.
func (w *Workspace) Ref() Ref { return Ref{ID: w.ID, SID: w.SID, Name: w.FriendlyName} }

// Template says what a new workspace begins with.
type Template string

// The templates of the wire.
const (
	TemplateNone Template = "NONE"
	TemplateFIFO Template = "FIFO"
)

// Activity is what a worker can be doing. Available never changes.
type Activity struct {
	db.Row
	ActivityDoc
	AccountSID  sid.SID
	Workspace   Ref
	WorkspaceID int64
	Available   bool

	NameHash []byte
}

// ActivityDoc is the sealed part of an activity.
type ActivityDoc struct{ FriendlyName string }

// InWorkspace is the workspace that the row belongs to.
func (a *Activity) InWorkspace() int64 { return a.WorkspaceID }

// TaskChannel is a kind of work: voice, chat, sms …
type TaskChannel struct {
	db.Row
	TaskChannelDoc
	AccountSID  sid.SID
	Workspace   Ref
	WorkspaceID int64
	Optimized   bool // channel_optimized_routing

	UniqueHash []byte
}

// TaskChannelDoc is the sealed part of a task channel.
type TaskChannelDoc struct{ FriendlyName, UniqueName string }

// TaskQueue is where tasks wait for the workers whom TargetWorkers describes.
type TaskQueue struct {
	db.Row
	TaskQueueDoc
	AccountSID          sid.SID
	Workspace           Ref
	WorkspaceID         int64
	LIFO                bool
	MaxReserved         int64 // workers who may be asked at once
	ReservationActivity Ref   // of workers who are asked and of those who accept,
	AssignmentActivity  Ref   // without multi-tasking; zero: unchanged

	NameHash []byte
}

// TaskQueueDoc is the sealed part of a queue. An empty TargetWorkers is nobody.
type TaskQueueDoc struct{ FriendlyName, TargetWorkers string }

// InWorkspace is the workspace that the row belongs to.
func (q *TaskQueue) InWorkspace() int64 { return q.WorkspaceID }

// Workflow decides which tasks go to which queues.
type Workflow struct {
	db.Row
	WorkflowDoc
	AccountSID         sid.SID
	Workspace          Ref
	WorkspaceID        int64
	ReservationTimeout int64 // seconds

	NameHash []byte
}

// WorkflowDoc is the sealed part of a workflow. Configuration is JSON, kept as it was sent.
type WorkflowDoc struct {
	FriendlyName                       string
	AssignmentCallbackURL, FallbackURL string
	Configuration                      string
}

// InWorkspace is the workspace that the row belongs to.
func (w *Workflow) InWorkspace() int64 { return w.WorkspaceID }

// Worker is somebody who takes tasks. Its version advances with each change of it or of its channels, and with each
// reservation that it gets.
type Worker struct {
	db.Row
	WorkerDoc
	AccountSID  sid.SID
	Workspace   Ref
	WorkspaceID int64
	Activity    Ref
	Available   bool // of the activity
	StatusAt    time.Time
	IdleAt      time.Time // latest of becoming available, being asked, being released

	NameHash []byte
}

// WorkerDoc is the sealed part of a worker.
type WorkerDoc struct {
	FriendlyName string
	Attributes   json.RawMessage
}

// InWorkspace is the workspace that the row belongs to.
func (w *Worker) InWorkspace() int64 { return w.WorkspaceID }

// Ref refers to the row.
func (w *Worker) Ref() Ref { return Ref{ID: w.ID, SID: w.SID, Name: w.FriendlyName} }

// WorkerChannel says how many tasks of a task channel a worker may have at once.
type WorkerChannel struct {
	db.Row
	AccountSID  sid.SID
	Workspace   Ref
	WorkspaceID int64
	Worker      Ref
	Channel     Ref // name: the unique name
	Capacity    int64
	Available   bool
	Assigned    int64 // live reservations; counted when it is read
}

// Percentage is how much of the capacity is free.
func (c *WorkerChannel) Percentage() int64 {
	if c.Capacity <= 0 || c.Assigned >= c.Capacity {
		return 0
	}
	return 100 * (c.Capacity - c.Assigned) / c.Capacity
}
