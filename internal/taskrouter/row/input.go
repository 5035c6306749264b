package row

import (
	"time"

	"usher/internal/sid"
)

// NewActivity is what an activity is made of.
type NewActivity struct {
	FriendlyName string
	Available    bool
}

// ActivityFilter narrows a list; zero values do not.
type ActivityFilter struct {
	FriendlyName string
	Available    *bool
}

// NewTaskChannel is what a task channel is made of.
type NewTaskChannel struct {
	FriendlyName, UniqueName string
	Optimized                bool
}

// NewTaskQueue is what a queue is made of. TargetWorkers nil is everybody, MaxReserved 0 is 1.
type NewTaskQueue struct {
	FriendlyName                            string
	TargetWorkers                           *string
	LIFO                                    bool
	MaxReserved                             int64
	ReservationActivity, AssignmentActivity sid.SID
}

// TaskQueueUpdate changes what is not nil.
type TaskQueueUpdate struct {
	FriendlyName, TargetWorkers             *string
	LIFO                                    *bool
	MaxReserved                             *int64
	ReservationActivity, AssignmentActivity *sid.SID
}

// TaskQueueFilter narrows a list; zero values do not. Worker keeps the queues that the worker belongs to, Attributes (a
// JSON object) those that a worker with such attributes would.
type TaskQueueFilter struct {
	FriendlyName string
	Worker       sid.SID
	Attributes   string
	Desc         bool
}

// ReservationFilter narrows a list; zero values do not.
type ReservationFilter struct {
	Statuses []ReservationStatus
	Worker   sid.SID // of a task's reservations
}

// ReservationUpdate answers a reservation. Activity is for the worker who rejects.
type ReservationUpdate struct {
	Status    ReservationStatus
	Activity  sid.SID
	IfVersion int64
}

// NewTask is what a task is made of. Workflow may be "" in a workspace with one workflow, or with a RoutingTarget.
type NewTask struct {
	Workflow       sid.SID
	Queue          sid.SID // only with a RoutingTarget that is a worker
	TaskChannel    string  // SID or unique name; "" is default
	Attributes     string  // JSON object
	Timeout        *int64  // seconds, 1 to 1,209,600; nil is 86,400
	Priority       *int64  // 0 to 2^31-1, unless the target has one
	VirtualStart   time.Time
	RoutingTarget  string
	IgnoreCapacity bool
	Key            int64 // data key of the contact
	Watched        bool  // durable subscribers may want its events
}

// TaskFilter narrows a list; zero values do not. Expression is over the task's attributes.
type TaskFilter struct {
	Priority                *int64
	Statuses                []TaskStatus
	Workflow, Queue         sid.SID
	WorkflowName, QueueName string
	Expression              string
	RoutingTarget           string
	HasAddons               *bool
	Desc                    bool
}

// TaskUpdate changes what is not nil or zero. IfVersion 0 asks for no version.
type TaskUpdate struct {
	Attributes   *string
	Priority     *int64
	TaskChannel  *string
	VirtualStart time.Time
	Status       TaskStatus // completed, wrapping or canceled
	Reason       *string
	IfVersion    int64
}

// NewWorker is what a worker is made of. Activity "" is the workspace's default. Capacity is by the unique names of task
// channels; those that it does not name take one task at a time.
type NewWorker struct {
	FriendlyName, Attributes string
	Activity                 sid.SID
	Capacity                 map[string]int64
}

// WorkerUpdate changes what is not nil. RejectPending rejects what the worker is asked for when the new activity is not
// available. IfVersion 0 asks for no version.
type WorkerUpdate struct {
	FriendlyName, Attributes *string
	Activity                 *sid.SID
	RejectPending            bool
	IfVersion                int64
}

// WorkerFilter narrows a list; zero values do not. Expression is a TargetWorkers expression.
type WorkerFilter struct {
	FriendlyName, ActivityName, QueueName string
	Activity, Queue                       sid.SID
	Available                             *bool
	Expression                            string
	Desc                                  bool
}

// NewWorkflow is what a workflow is made of. ReservationTimeout 0 is 120 s.
type NewWorkflow struct {
	FriendlyName, Configuration        string
	AssignmentCallbackURL, FallbackURL string
	ReservationTimeout                 int64
}

// WorkflowUpdate changes what is not nil. ReEvaluate routes the waiting tasks through the workflow again.
type WorkflowUpdate struct {
	FriendlyName, Configuration        *string
	AssignmentCallbackURL, FallbackURL *string
	ReservationTimeout                 *int64
	ReEvaluate                         bool
}

// NewWorkspace is what a workspace is made of. MultiTask nil is true.
type NewWorkspace struct {
	FriendlyName     string
	EventCallbackURL string
	EventsFilter     string
	MultiTask        *bool
	LIFOFirst        bool
	Template         Template
}

// WorkspaceUpdate changes what is not nil.
type WorkspaceUpdate struct {
	FriendlyName, EventCallbackURL, EventsFilter *string
	DefaultActivity, TimeoutActivity             *sid.SID
	MultiTask, LIFOFirst                         *bool
}

// ReservationOf names a reservation below its task or its worker; the other SID is empty.
type ReservationOf struct{ Workspace, Task, Worker, Reservation sid.SID }
