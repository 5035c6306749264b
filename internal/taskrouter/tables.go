package taskrouter

import (
	"time"

	"usher/internal/db"
	"usher/internal/taskrouter/row"
)

// The rows of this package; package row documents them.
type (
	Ref               = row.Ref
	Workspace         = row.Workspace
	Template          = row.Template
	Activity          = row.Activity
	TaskChannel       = row.TaskChannel
	TaskQueue         = row.TaskQueue
	Workflow          = row.Workflow
	Worker            = row.Worker
	WorkerChannel     = row.WorkerChannel
	Task              = row.Task
	TaskStatus        = row.TaskStatus
	Reservation       = row.Reservation
	ReservationDoc    = row.ReservationDoc
	ReservationStatus = row.ReservationStatus
	EventData         = row.EventData
	TaskView          = row.TaskView
	ReservationView   = row.ReservationView
	WorkerView        = row.WorkerView
	WorkerChannelView = row.WorkerChannelView
	Talk              = row.Talk
)

// What rows are made of, changed by and looked for with; package row documents it.
type (
	NewWorkspace      = row.NewWorkspace
	WorkspaceUpdate   = row.WorkspaceUpdate
	NewActivity       = row.NewActivity
	ActivityFilter    = row.ActivityFilter
	NewTaskChannel    = row.NewTaskChannel
	NewTaskQueue      = row.NewTaskQueue
	TaskQueueUpdate   = row.TaskQueueUpdate
	TaskQueueFilter   = row.TaskQueueFilter
	NewWorkflow       = row.NewWorkflow
	WorkflowUpdate    = row.WorkflowUpdate
	NewWorker         = row.NewWorker
	WorkerUpdate      = row.WorkerUpdate
	WorkerFilter      = row.WorkerFilter
	NewTask           = row.NewTask
	TaskUpdate        = row.TaskUpdate
	TaskFilter        = row.TaskFilter
	ReservationFilter = row.ReservationFilter
	ReservationOf     = row.ReservationOf
	ReservationUpdate = row.ReservationUpdate
)

// The states and templates of package row, and the tables that own streams.
const (
	TaskPending          = row.TaskPending
	TaskReserved         = row.TaskReserved
	TaskAssigned         = row.TaskAssigned
	TaskWrapping         = row.TaskWrapping
	TaskCompleted        = row.TaskCompleted
	TaskCanceled         = row.TaskCanceled
	ReservationPending   = row.ReservationPending
	ReservationAccepted  = row.ReservationAccepted
	ReservationRejected  = row.ReservationRejected
	ReservationTimeout   = row.ReservationTimeout
	ReservationCanceled  = row.ReservationCanceled
	ReservationRescinded = row.ReservationRescinded
	ReservationWrapping  = row.ReservationWrapping
	ReservationCompleted = row.ReservationCompleted
	TemplateNone         = row.TemplateNone
	TemplateFIFO         = row.TemplateFIFO
	WorkspaceTable       = row.WorkspaceTable
	WorkerTable          = row.WorkerTable
	QueueTable           = row.QueueTable
)

// The tables and lists of package row, under the names of this package.
var (
	workspaces          = row.Workspaces
	activities          = row.Activities
	taskChannels        = row.TaskChannels
	queues              = row.TaskQueues
	workflows           = row.Workflows
	workers             = row.Workers
	workerChannels      = row.WorkerChannels
	tasks               = row.Tasks
	reservations        = row.Reservations
	TaskStatuses        = row.TaskStatuses        // all states, in the order of a task's life
	ReservationStatuses = row.ReservationStatuses // all states
	Talks               = row.Talks               // what tasks say of their conversations
	LiveTalks           = row.LiveTalks           // the live tasks of conversations
)

// micros is a time as routing wants it.
func micros(t time.Time) int64 { return db.Micros(t) }
