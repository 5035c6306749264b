package taskrouter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/sid"
	"usher/internal/taskrouter/route"
)

// bubble runs fn in a bubble of its own time, on SQLite: the timers of routing are real ones there.
func bubble(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := open(t, dbtest.SQLite(t))
		fn(t, h)
		h.check()
		h.stop()
	})
}

func (h *house) queue(name, target string) TaskQueue {
	h.tb.Helper()
	return must[TaskQueue](h.tb)(h.CreateTaskQueue(h.ctx(), h.actor, h.ids.Workspace, NewTaskQueue{FriendlyName: name, TargetWorkers: &target}))
}

func (h *house) workflow(config string, timeout int64) Workflow {
	h.tb.Helper()
	return must[Workflow](h.tb)(h.CreateWorkflow(h.ctx(), h.actor, h.ids.Workspace,
		NewWorkflow{FriendlyName: "flow", Configuration: config, ReservationTimeout: timeout}))
}

func TestReservationTimeout(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		ann, bob := h.worker("Ann", "", 1), h.worker("Bob", "", 1)
		task := h.task(NewTask{})
		synctest.Wait()
		first := h.pending(ann, task)
		time.Sleep(119 * time.Second)
		synctest.Wait()
		if got := h.see(task); got.Status != TaskReserved {
			t.Fatalf("after 119 s the task is %s", got.Status)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.pending(bob, task) // the one who has not refused it comes first
		r, _, err := h.Reservation(h.ctx(), h.actor, ReservationOf{Workspace: h.ids.Workspace, Task: task.SID, Reservation: first.SID})
		if err != nil || r.Status != ReservationTimeout {
			t.Errorf("the first reservation is %s: %v", r.Status, err)
		}
		if got := must[Worker](t)(h.Worker(h.ctx(), h.actor, h.ids.Workspace, ann.SID)); got.Activity.Name != "Available" {
			t.Errorf("with multi-tasking, a timeout moved the worker to %s", got.Activity.Name)
		}
		h.last(ann.SID, event.ReservationTimeout)
	})
}

// TestSingleTask: where workers do one task at a time, the queue's activities apply, and one who does not answer is put
// into the timeout activity.
func TestSingleTask(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		no := false
		ws := must[Workspace](t)(h.CreateWorkspace(h.ctx(), h.actor, NewWorkspace{FriendlyName: "old", Template: TemplateFIFO, MultiTask: &no}))
		h.ids.Workspace = ws.SID
		byName := map[string]sid.SID{}
		for _, a := range must[db.PageOf[Activity]](t)(h.Activities(h.ctx(), h.actor, ws.SID, ActivityFilter{}, db.Page{Size: 10})).Items {
			byName[a.FriendlyName] = a.SID
		}
		h.ids.Available = byName["Available"]
		busy := must[Activity](t)(h.CreateActivity(h.ctx(), h.actor, ws.SID, NewActivity{FriendlyName: "Busy"}))
		q := must[db.PageOf[TaskQueue]](t)(h.TaskQueues(h.ctx(), h.actor, ws.SID, TaskQueueFilter{FriendlyName: "sample queue"}, db.Page{Size: 1})).Items[0]
		must[TaskQueue](t)(h.UpdateTaskQueue(h.ctx(), h.actor, ws.SID, q.SID, TaskQueueUpdate{AssignmentActivity: &busy.SID}))
		w := h.worker("Ann", "", 5)
		one, two := h.task(NewTask{}), h.task(NewTask{})
		synctest.Wait()
		h.accept(h.pending(w, one))
		synctest.Wait()
		if got := must[Worker](t)(h.Worker(h.ctx(), h.actor, ws.SID, w.SID)); got.Activity.Name != "Busy" {
			t.Errorf("accepting moved the worker to %s", got.Activity.Name)
		}
		if got := h.see(two); got.Status != TaskPending {
			t.Errorf("a busy worker was offered another task: %s", got.Status)
		}
		must[Task](t)(h.UpdateTask(h.ctx(), h.actor, ws.SID, one.SID, TaskUpdate{Status: TaskCompleted}))
		h.move(w, h.ids.Available)
		synctest.Wait()
		h.pending(w, two)
		time.Sleep(121 * time.Second)
		synctest.Wait()
		if got := must[Worker](t)(h.Worker(h.ctx(), h.actor, ws.SID, w.SID)); got.Activity.Name != "Offline" {
			t.Errorf("not answering moved the worker to %s", got.Activity.Name)
		}
		if got := h.see(two); got.Status != TaskPending {
			t.Errorf("the task is %s", got.Status)
		}
	})
}

func TestTargets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		first, second := h.queue("first", "level > 5"), h.queue("second", "level > 3")
		flow := h.workflow(fmt.Sprintf(`{"task_routing":{"filters":[{"expression":"type == 'a'","targets":[
			{"queue":"%s","timeout":30,"priority":7},{"queue":"second","timeout":60}]}]}}`, first.SID), 0)
		w := h.worker("Ann", `{"level":4}`, 1)
		task := h.task(NewTask{Workflow: flow.SID, Attributes: `{"type":"a"}`})
		synctest.Wait()
		if got := h.see(task); got.Queue.SID != first.SID || got.Priority != 7 || got.Status != TaskPending {
			t.Fatalf("task is %s in %s with priority %d", got.Status, got.Queue.Name, got.Priority)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if got := h.see(task); got.Queue.SID != second.SID || got.Status != TaskReserved {
			t.Fatalf("after the first target the task is %s in %s", got.Status, got.Queue.Name)
		}
		h.move(w, h.ids.Unavailable)
		must[Reservation](t)(h.answer(h.pending(w, task), ReservationRejected))
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if got := h.see(task); got.Status != TaskCanceled || got.Reason != "Task canceled on Workflow timeout" {
			t.Errorf("after the last target the task is %s: %q", got.Status, got.Reason)
		}
		lost := h.task(NewTask{Workflow: flow.SID, Attributes: `{"type":"b"}`})
		if lost.Status != TaskCanceled || lost.Reason != route.ReasonWorkflow {
			t.Errorf("a task that no filter takes is %s: %q", lost.Status, lost.Reason)
		}
	})
}

func TestLifeEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		w := h.worker("Ann", "", 1)
		minute := int64(60)
		asked, waiting := h.task(NewTask{Timeout: &minute}), h.task(NewTask{Timeout: &minute})
		synctest.Wait()
		r := h.pending(w, asked)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		for _, task := range []Task{asked, waiting} {
			if got := h.see(task); got.Status != TaskCanceled || got.Reason != "Task TTL Exceeded" {
				t.Errorf("the task is %s: %q", got.Status, got.Reason)
			}
		}
		if _, err := h.answer(r, ReservationAccepted); code(err) != 20001 {
			t.Errorf("accepting after the end: %v", err)
		}
		time.Sleep(7 * time.Minute)
		synctest.Wait()
		if _, err := h.Task(h.ctx(), h.actor, h.ids.Workspace, asked.SID); code(err) != 20404 {
			t.Errorf("ended tasks stay: %v", err)
		}
	})
}

func TestSkip(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		h.queue("experts", "expert == true")
		flow := h.workflow(`{"task_routing":{"filters":[{"expression":"1==1","targets":[
			{"queue":"experts","skip_if":"workers.available == 0","timeout":600},{"queue":"Everyone"}]}]}}`, 0)
		w := h.worker("Ann", `{}`, 1)
		task := h.task(NewTask{Workflow: flow.SID})
		synctest.Wait()
		if got := h.see(task); got.Queue.Name != "Everyone" {
			t.Errorf("nobody is an expert, but the task waits in %s", got.Queue.Name)
		}
		h.accept(h.pending(w, task))
		expert := h.worker("Eva", `{"expert":true}`, 1)
		one, two := h.task(NewTask{Workflow: flow.SID}), h.task(NewTask{Workflow: flow.SID})
		synctest.Wait()
		h.pending(expert, one)
		if got := h.see(two); got.Queue.Name != "experts" {
			t.Errorf("the expert is busy but there, and the task went to %s", got.Queue.Name)
		}
	})
}

func TestKnownWorker(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		flow := h.workflow(`{"task_routing":{"filters":[{"expression":"owner != null","targets":[
			{"queue":"Everyone","known_worker_friendly_name":"task.owner","timeout":30},{}]}],"default_filter":{"queue":"Everyone"}}}`, 0)
		ann, bob := h.worker("Ann", "", 1), h.worker("Bob", "", 1)
		mine := h.task(NewTask{Workflow: flow.SID, Attributes: `{"owner":"Bob"}`})
		also := h.task(NewTask{Workflow: flow.SID, Attributes: `{"owner":"Bob"}`})
		gone := h.task(NewTask{Workflow: flow.SID, Attributes: `{"owner":"Zoe"}`})
		synctest.Wait()
		h.accept(h.pending(bob, mine))
		h.pending(ann, gone) // nobody of that name: the next target
		if got := h.see(also); got.Status != TaskPending {
			t.Errorf("the second task of a busy worker is %s", got.Status)
		}
		must[Reservation](t)(h.answer(h.pending(ann, gone), ReservationAccepted))
		reason := ""
		must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, gone.SID, TaskUpdate{Status: TaskCompleted, Reason: &reason}))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		h.pending(ann, also)
	})
}

func TestRoutingTarget(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		ann, bob := h.worker("Ann", "", 1), h.worker("Bob", "", 1)
		one := h.task(NewTask{RoutingTarget: string(bob.SID), Queue: h.ids.Queue})
		synctest.Wait()
		two := h.task(NewTask{RoutingTarget: string(bob.SID)})
		over := h.task(NewTask{RoutingTarget: string(bob.SID), IgnoreCapacity: true})
		other := h.task(NewTask{RoutingTarget: string(h.ids.Queue)})
		synctest.Wait()
		h.pending(bob, one)
		r := h.pending(bob, over)
		h.pending(ann, other)
		if got := h.see(two); got.Status != TaskPending || got.RoutingTarget != string(bob.SID) {
			t.Errorf("a task beyond the capacity is %s for %s", got.Status, got.RoutingTarget)
		}
		h.accept(r)
		reason := "x"
		must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, over.SID, TaskUpdate{Status: TaskCompleted, Reason: &reason}))
	})
}

func TestManyAsked(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		three := int64(3)
		must[TaskQueue](t)(h.UpdateTaskQueue(h.ctx(), h.actor, h.ids.Workspace, h.ids.Queue, TaskQueueUpdate{MaxReserved: &three}))
		ann, bob, eva := h.worker("Ann", "", 2), h.worker("Bob", "", 2), h.worker("Eva", "", 2)
		task := h.task(NewTask{})
		synctest.Wait()
		h.pending(ann, task)
		h.pending(bob, task)
		must[Reservation](t)(h.answer(h.pending(ann, task), ReservationRejected))
		if got := h.see(task); got.Status != TaskReserved {
			t.Errorf("one of three has rejected, and the task is %s", got.Status)
		}
		h.accept(h.pending(eva, task))
		synctest.Wait()
		h.last(bob.SID, event.ReservationRescinded)
	})
}

func TestRejectPending(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		w := h.worker("Ann", "", 3)
		one, two := h.task(NewTask{}), h.task(NewTask{})
		synctest.Wait()
		h.pending(w, one)
		h.accept(h.pending(w, two))
		me := account.Actor{Account: h.actor.Account, AccountSID: h.actor.AccountSID, Role: account.RoleAgent, Workspace: h.ids.Workspace, Worker: w.SID}
		got := must[Worker](t)(h.UpdateWorker(h.ctx(), me, h.ids.Workspace, w.SID, WorkerUpdate{Activity: &h.ids.Unavailable, RejectPending: true}))
		if got.Available {
			t.Error("the worker is available")
		}
		synctest.Wait()
		if a, b := h.see(one).Status, h.see(two).Status; a != TaskPending || b != TaskAssigned {
			t.Errorf("the tasks are %s and %s", a, b)
		}
	})
}

// TestRestart: a router that starts anew knows what the old one knew.
func TestRestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		w := h.worker("Ann", "", 2)
		held, asked, waiting := h.task(NewTask{}), h.task(NewTask{}), h.task(NewTask{})
		synctest.Wait()
		h.accept(h.pending(w, held))
		h.pending(w, asked)
		h.stop()
		bob := h.worker("Bob", "", 1) // while nobody routes
		h.run()
		synctest.Wait()
		h.pending(bob, waiting)
		time.Sleep(121 * time.Second) // the reservation of the old router ends
		synctest.Wait()
		if got := h.see(held).Status; got != TaskAssigned {
			t.Errorf("the held task is %s", got)
		}
		h.last(w.SID, event.ReservationTimeout)
	})
}
