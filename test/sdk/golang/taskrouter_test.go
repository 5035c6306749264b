package golang

import (
	"fmt"
	"testing"

	twilio "github.com/twilio/twilio-go"
	router "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// floor is a workspace with one queue that everybody serves.
type floor struct {
	api                        *router.ApiService
	workspace, queue, workflow string
	available, offline         string
}

func newFloor(t *testing.T, c *twilio.RestClient, name string) floor {
	t.Helper()
	f := floor{api: c.TaskrouterV1}
	f.workspace = *ok[*router.TaskrouterV1Workspace](t)(f.api.CreateWorkspace((&router.CreateWorkspaceParams{}).SetFriendlyName(name))).Sid
	f.available = *ok[*router.TaskrouterV1Activity](t)(f.api.CreateActivity(f.workspace, (&router.CreateActivityParams{}).SetFriendlyName("On the phone").SetAvailable(true))).Sid
	f.offline = *ok[*router.TaskrouterV1Activity](t)(f.api.CreateActivity(f.workspace, (&router.CreateActivityParams{}).SetFriendlyName("At lunch").SetAvailable(false))).Sid
	f.queue = *ok[*router.TaskrouterV1TaskQueue](t)(f.api.CreateTaskQueue(f.workspace, (&router.CreateTaskQueueParams{}).SetFriendlyName("Sales").
		SetTargetWorkers(`skills HAS "sales"`))).Sid
	f.workflow = *ok[*router.TaskrouterV1Workflow](t)(f.api.CreateWorkflow(f.workspace, (&router.CreateWorkflowParams{}).SetFriendlyName("All to sales").
		SetConfiguration(fmt.Sprintf(`{"task_routing":{"default_filter":{"queue":%q}}}`, f.queue)).SetTaskReservationTimeout(60))).Sid
	return f
}

func (f floor) worker(t *testing.T, name, attributes string) string {
	t.Helper()
	return *ok[*router.TaskrouterV1Worker](t)(f.api.CreateWorker(f.workspace, (&router.CreateWorkerParams{}).SetFriendlyName(name).
		SetActivitySid(f.available).SetAttributes(attributes))).Sid
}

// offered waits for the worker's pending reservation.
func (f floor) offered(t *testing.T, worker string) router.TaskrouterV1WorkerReservation {
	t.Helper()
	var list []router.TaskrouterV1WorkerReservation
	eventually(t, "a reservation for "+worker, func() bool {
		list = ok[[]router.TaskrouterV1WorkerReservation](t)(f.api.ListWorkerReservation(f.workspace, worker,
			(&router.ListWorkerReservationParams{}).SetReservationStatus("pending")))
		return len(list) > 0
	})
	return list[0]
}

func TestTaskRouter(t *testing.T) {
	t.Parallel()
	f := newFloor(t, connect(t), "Routing")
	worker := f.worker(t, "Kim", `{"skills":["sales"]}`)
	f.worker(t, "Lee", `{"skills":["support"]}`)
	task := *ok[*router.TaskrouterV1Task](t)(f.api.CreateTask(f.workspace, (&router.CreateTaskParams{}).SetWorkflowSid(f.workflow).
		SetAttributes(`{"customer":"c1"}`).SetPriority(5).SetTimeout(600))).Sid

	first := f.offered(t, worker)
	equal(t, "task_sid", first.TaskSid, task)
	ok[*router.TaskrouterV1TaskReservation](t)(f.api.UpdateTaskReservation(f.workspace, task, *first.Sid, (&router.UpdateTaskReservationParams{}).
		SetReservationStatus("rejected").SetWorkerActivitySid(f.offline)))
	equal(t, "activity after a rejection", ok[*router.TaskrouterV1Worker](t)(f.api.FetchWorker(f.workspace, worker)).ActivitySid, f.offline)
	ok[*router.TaskrouterV1Worker](t)(f.api.UpdateWorker(f.workspace, worker, (&router.UpdateWorkerParams{}).SetActivitySid(f.available)))

	second := f.offered(t, worker)
	if *second.Sid == *first.Sid {
		t.Error("the rejected reservation is offered again")
	}
	accepted := ok[*router.TaskrouterV1TaskReservation](t)(f.api.UpdateTaskReservation(f.workspace, task, *second.Sid,
		(&router.UpdateTaskReservationParams{}).SetReservationStatus("accepted")))
	equal(t, "reservation_status", accepted.ReservationStatus, "accepted")
	now := ok[*router.TaskrouterV1Task](t)(f.api.FetchTask(f.workspace, task))
	equal(t, "assignment_status", now.AssignmentStatus, "assigned")

	channels := ok[[]router.TaskrouterV1WorkerChannel](t)(f.api.ListWorkerChannel(f.workspace, worker, &router.ListWorkerChannelParams{}))
	busy := 0
	for _, c := range channels {
		busy += c.AssignedTasks
	}
	if busy != 1 {
		t.Errorf("the worker has %d tasks", busy)
	}
	ended := ok[*router.TaskrouterV1Task](t)(f.api.UpdateTask(f.workspace, task, (&router.UpdateTaskParams{}).SetAssignmentStatus("wrapping").SetReason("said goodbye")))
	equal(t, "assignment_status", ended.AssignmentStatus, "wrapping")
	ended = ok[*router.TaskrouterV1Task](t)(f.api.UpdateTask(f.workspace, task, (&router.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("sold")))
	equal(t, "assignment_status", ended.AssignmentStatus, "completed")
	equal(t, "reason", ended.Reason, "sold")
	for _, r := range ok[[]router.TaskrouterV1TaskReservation](t)(f.api.ListTaskReservation(f.workspace, task, &router.ListTaskReservationParams{})) {
		if *r.Sid == *second.Sid {
			equal(t, "reservation_status", r.ReservationStatus, "completed")
		}
	}
	f.lists(t)
	f.mistakes(t)
	done(t, f.api.DeleteTask(f.workspace, task, nil))
	done(t, f.api.DeleteWorkspace(f.workspace))
}

func (f floor) lists(t *testing.T) {
	for i := range 5 {
		ok[*router.TaskrouterV1Task](t)(f.api.CreateTask(f.workspace, (&router.CreateTaskParams{}).SetWorkflowSid(f.workflow).
			SetAttributes(fmt.Sprintf(`{"n":%d}`, i)).SetPriority(i)))
	}
	tasks := ok[[]router.TaskrouterV1Task](t)(f.api.ListTask(f.workspace, (&router.ListTaskParams{}).SetPageSize(2).
		SetAssignmentStatus([]string{"pending", "reserved"})))
	if len(tasks) != 5 {
		t.Errorf("five tasks wait; the list, two on a page, has %d", len(tasks))
	}
	for _, task := range tasks {
		ok[*router.TaskrouterV1Task](t)(f.api.UpdateTask(f.workspace, *task.Sid, (&router.UpdateTaskParams{}).SetAssignmentStatus("canceled").SetReason("test")))
	}
	workers := ok[[]router.TaskrouterV1Worker](t)(f.api.ListWorker(f.workspace, (&router.ListWorkerParams{}).SetTargetWorkersExpression(`skills HAS "sales"`)))
	if len(workers) != 1 || *workers[0].FriendlyName != "Kim" {
		t.Errorf("workers with the skill: %d", len(workers))
	}
	for _, a := range ok[[]router.TaskrouterV1Activity](t)(f.api.ListActivity(f.workspace, (&router.ListActivityParams{}).SetAvailable("true"))) {
		equal(t, "available", a.Available, true)
	}
	queues := ok[[]router.TaskrouterV1TaskQueue](t)(f.api.ListTaskQueue(f.workspace, (&router.ListTaskQueueParams{}).SetFriendlyName("Sales")))
	if len(queues) != 1 || *queues[0].Sid != f.queue {
		t.Errorf("queues named Sales: %d", len(queues))
	}
	ok[[]router.TaskrouterV1Workflow](t)(f.api.ListWorkflow(f.workspace, &router.ListWorkflowParams{}))
	ok[[]router.TaskrouterV1TaskChannel](t)(f.api.ListTaskChannel(f.workspace, &router.ListTaskChannelParams{}))
}

func (f floor) mistakes(t *testing.T) {
	_, err := f.api.CreateTaskQueue(f.workspace, (&router.CreateTaskQueueParams{}).SetFriendlyName("Broken").SetTargetWorkers(`skills HAS`))
	refused(t, err, 400, 20001)
	_, err = f.api.CreateWorkflow(f.workspace, (&router.CreateWorkflowParams{}).SetFriendlyName("Broken").SetConfiguration(`{"task_routing":`))
	refused(t, err, 400, 20001)
	_, err = f.api.CreateTask(f.workspace, (&router.CreateTaskParams{}).SetWorkflowSid(f.workflow).SetAttributes(`{"a":`))
	refused(t, err, 400, 20001)
	_, err = f.api.UpdateWorker(f.workspace, "WK00000000000000000000000000000000", (&router.UpdateWorkerParams{}).SetFriendlyName("x"))
	refused(t, err, 404, 20404)
}
