package taskrouter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/sid"
)

// TestRefused goes through what is answered with an error, its code, and words that must be in its text.
func TestRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		w := h.worker("Ann", "", 1)
		held := h.task(NewTask{})
		h.accept(h.pending(w, held))
		ws, ctx := h.ids.Workspace, h.ctx()
		long, past, huge := strings.Repeat("x", 5000), time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC), int64(1_209_601)
		bad, minus, empty, offline := "level >", int64(-1), "", h.ids.Offline
		agent := account.Actor{Account: h.actor.Account, AccountSID: h.actor.AccountSID, Role: account.RoleAgent, Workspace: ws, Worker: w.SID}
		other := h.worker("Bob", "", 1)
		for _, c := range []struct {
			name string
			code int
			text string
			err  error
		}{
			{"name taken in another case", 20001, "Worker with the same friendly name already exists", second(h.CreateWorker(ctx, h.actor, ws, NewWorker{FriendlyName: "aNN"}))},
			{"attributes that are no JSON", 20001, "offset", second(h.CreateWorker(ctx, h.actor, ws, NewWorker{FriendlyName: "C", Attributes: `{"a":`}))},
			{"long attributes", 20001, "4096", second(h.CreateTask(ctx, h.actor, ws, NewTask{Attributes: `{"a":"` + long + `"}`}))},
			{"long life", 20001, "Timeout", second(h.CreateTask(ctx, h.actor, ws, NewTask{Timeout: &huge}))},
			{"priority", 20001, "Priority", second(h.CreateTask(ctx, h.actor, ws, NewTask{Priority: &minus}))},
			{"future", 20001, "future", second(h.CreateTask(ctx, h.actor, ws, NewTask{VirtualStart: time.Now().Add(time.Hour)}))},
			{"past", 20001, "1900", second(h.CreateTask(ctx, h.actor, ws, NewTask{VirtualStart: past}))},
			{"channel", 20001, "fax", second(h.CreateTask(ctx, h.actor, ws, NewTask{TaskChannel: "fax"}))},
			{"ignoring capacity of nobody", 20001, "RoutingTarget", second(h.CreateTask(ctx, h.actor, ws, NewTask{IgnoreCapacity: true}))},
			{"target", 20001, "WK", second(h.CreateTask(ctx, h.actor, ws, NewTask{RoutingTarget: string(sid.New(sid.Worker))}))},
			{"workflow", 20001, "WW", second(h.CreateTask(ctx, h.actor, ws, NewTask{Workflow: sid.New(sid.Workflow)}))},
			{"expression", 20001, "offset 7", second(h.CreateTaskQueue(ctx, h.actor, ws, NewTaskQueue{FriendlyName: "q", TargetWorkers: &bad}))},
			{"queue name", 20001, "same friendly name", second(h.CreateTaskQueue(ctx, h.actor, ws, NewTaskQueue{FriendlyName: "EVERYONE"}))},
			{"asking too many", 20001, "MaxReservedWorkers", second(h.CreateTaskQueue(ctx, h.actor, ws, NewTaskQueue{FriendlyName: "q", MaxReserved: 51}))},
			{"no configuration", 20001, "Configuration", second(h.CreateWorkflow(ctx, h.actor, ws, NewWorkflow{FriendlyName: "w"}))},
			{"queue of a workflow", 20001, "/task_routing/default_filter/queue", second(h.CreateWorkflow(ctx, h.actor, ws, NewWorkflow{
				FriendlyName: "w", Configuration: `{"task_routing":{"default_filter":{"queue":"nowhere"}}}`,
			}))},
			{"no name", 20001, "FriendlyName", second(h.UpdateWorker(ctx, h.actor, ws, w.SID, WorkerUpdate{FriendlyName: &empty}))},
			{"foreign activity", 20001, "Activity", second(h.UpdateWorker(ctx, h.actor, ws, w.SID, WorkerUpdate{Activity: ptr(sid.New(sid.Activity))}))},
			{"version of a worker", 20412, "version", second(h.UpdateWorker(ctx, h.actor, ws, w.SID, WorkerUpdate{Activity: &offline, IfVersion: 99}))},
			{"version of a task", 20412, "version", second(h.UpdateTask(ctx, h.actor, ws, held.SID, TaskUpdate{IfVersion: 99}))},
			{"version of a deletion", 20412, "version", h.DeleteTask(ctx, h.actor, ws, held.SID, 99)},
			{"state", 20001, "bogus", second(h.UpdateTask(ctx, h.actor, ws, held.SID, TaskUpdate{Status: "bogus"}))},
			{"back to pending", 20001, "pending", second(h.UpdateTask(ctx, h.actor, ws, held.SID, TaskUpdate{Status: TaskPending}))},
			{"capacity", 20001, "Capacity", second(h.UpdateWorkerChannel(ctx, h.actor, ws, w.SID, "chat", ptr(int64(51)), nil))},
			{"used activity", 20001, "uses it", h.DeleteActivity(ctx, h.actor, ws, h.ids.Available)},
			{"default activity", 20001, "default", h.DeleteActivity(ctx, h.actor, ws, h.ids.Offline)},
			{"default channel", 20001, "default", h.DeleteTaskChannel(ctx, h.actor, ws, "voice")},
			{"used queue", 20001, "uses it", h.DeleteTaskQueue(ctx, h.actor, ws, h.ids.Queue)},
			{"used workflow", 20001, "has Tasks", h.DeleteWorkflow(ctx, h.actor, ws, h.ids.Workflow)},
			{"busy worker", 20001, "active Reservations", h.DeleteWorker(ctx, h.actor, ws, w.SID, 0)},
			{"single-tasking", 20001, "multi-tasking", second(h.UpdateWorkspace(ctx, h.actor, ws, WorkspaceUpdate{MultiTask: ptr(false)}))},
			{"template", 20001, "Template", second(h.CreateWorkspace(ctx, h.actor, NewWorkspace{FriendlyName: "x", Template: "LIFO"}))},
			{"address", 20001, "EventCallbackUrl", second(h.CreateWorkspace(ctx, h.actor, NewWorkspace{FriendlyName: "x", EventCallbackURL: "ftp://a"}))},
			{"another's activity", 20403, "", second(h.UpdateWorker(ctx, agent, ws, other.SID, WorkerUpdate{Activity: &offline}))},
			{"an agent's own name", 20403, "", second(h.UpdateWorker(ctx, agent, ws, w.SID, WorkerUpdate{FriendlyName: &bad}))},
			{"an agent's capacity", 20403, "", second(h.UpdateWorkerChannel(ctx, agent, ws, w.SID, "chat", ptr(int64(9)), nil))},
			{"a task for others", 20403, "", second(h.CreateTask(ctx, agent, ws, NewTask{}))},
			{"another workspace", 20404, "", second(h.Worker(ctx, agent, sid.New(sid.Workspace), w.SID))},
		} {
			if code(c.err) != c.code || !strings.Contains(c.err.Error(), c.text) {
				t.Errorf("%s: %v, want %d with %q", c.name, c.err, c.code, c.text)
			}
		}
		if task := h.see(held); task.Status != TaskAssigned || task.Version != 3 {
			t.Errorf("refusals have changed the task: %s, version %d", task.Status, task.Version)
		}
		h.check()
	})
}

func second[T any](_ T, err error) error { return err }
func ptr[T any](v T) *T                  { return &v }

// TestAgents: agents answer and complete what is theirs, and nothing else.
func TestAgents(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	ann, bob := h.worker("Ann", "", 1), h.worker("Bob", "", 1)
	task := h.task(NewTask{RoutingTarget: string(bob.SID)})
	r := h.pending(bob, task)
	as := func(w Worker, role account.Role) account.Actor {
		return account.Actor{Account: h.actor.Account, AccountSID: h.actor.AccountSID, Role: role, Workspace: h.ids.Workspace, Worker: w.SID}
	}
	of := ReservationOf{Workspace: h.ids.Workspace, Worker: bob.SID, Reservation: r.SID}
	if _, err := h.UpdateReservation(h.ctx(), as(ann, account.RoleAgent), of, ReservationUpdate{Status: ReservationAccepted}); code(err) != 20403 {
		t.Errorf("another's reservation: %v", err)
	}
	must[Reservation](t)(h.UpdateReservation(h.ctx(), as(bob, account.RoleAgent), of, ReservationUpdate{Status: ReservationAccepted}))
	if _, err := h.UpdateTask(h.ctx(), as(ann, account.RoleAgent), h.ids.Workspace, task.SID, TaskUpdate{Status: TaskCompleted}); code(err) != 20403 {
		t.Errorf("another's task: %v", err)
	}
	attrs := `{"note":"x"}`
	before := h.see(task).Version
	got := must[Task](t)(h.UpdateTask(h.ctx(), as(bob, account.RoleAgent), h.ids.Workspace, task.SID, TaskUpdate{Attributes: &attrs}))
	if got.Version != before+1 || string(got.Attributes) != attrs || got.Status != TaskAssigned {
		t.Errorf("task is %s version %d %s", got.Status, got.Version, got.Attributes)
	}
	must[Task](t)(h.UpdateTask(h.ctx(), as(ann, account.RoleSupervisor), h.ids.Workspace, task.SID, TaskUpdate{Status: TaskWrapping}))
	must[Reservation](t)(h.UpdateReservation(h.ctx(), as(bob, account.RoleAgent), of, ReservationUpdate{Status: ReservationCompleted}))
	if got := h.see(task); got.Status != TaskCompleted {
		t.Errorf("completing the reservation left the task %s", got.Status)
	}
}

// TestVersions: the wire counts worker versions by change, by reservation and by channel, and not by what changes nothing.
func TestVersions(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	w := h.worker("Ann", `{"a":1}`, 2) // created, channel, activity
	version := func() int64 {
		return must[Worker](t)(h.Worker(h.ctx(), h.actor, h.ids.Workspace, w.SID)).Version
	}
	if got := version(); got != 3 {
		t.Errorf("version %d after three changes", got)
	}
	same, n := `{"a": 1}`, len(h.kinds(w.SID))
	must[Worker](t)(h.UpdateWorker(h.ctx(), h.actor, h.ids.Workspace, w.SID, WorkerUpdate{Attributes: &same, Activity: &h.ids.Available}))
	if got := version(); got != 3 || len(h.kinds(w.SID)) != n {
		t.Errorf("an update that changes nothing made version %d and %v", got, h.kinds(w.SID)[n:])
	}
	r := h.pending(w, h.task(NewTask{}))
	if got := version(); got != 4 {
		t.Errorf("version %d after a reservation", got)
	}
	h.accept(r)
	if got := version(); got != 4 {
		t.Errorf("version %d after accepting", got)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		ws, ctx := h.ids.Workspace, h.ctx()
		spanish := h.queue("Spanish", "languages HAS 'es'")
		ann := h.worker("Ann", `{"languages":["es"]}`, 1)
		must[Worker](t)(h.CreateWorker(ctx, h.actor, ws, NewWorker{FriendlyName: "Idle Ian"}))
		five := int64(5)
		task := h.task(NewTask{Priority: &five, Attributes: `{"type":"x"}`})
		h.pending(ann, task)
		h.task(NewTask{})
		no := false
		all := db.Page{Size: 50}
		count := func(name string, want, got int, err error) {
			t.Helper()
			if err != nil || got != want {
				t.Errorf("%s: %d, want %d (%v)", name, got, want, err)
			}
		}
		for _, c := range []struct {
			f    WorkerFilter
			want int
		}{
			{WorkerFilter{}, 2},
			{WorkerFilter{FriendlyName: "Ann"}, 1},
			{WorkerFilter{FriendlyName: "I"}, 0},
			{WorkerFilter{Available: &no}, 1},
			{WorkerFilter{ActivityName: "Available"}, 1},
			{WorkerFilter{Activity: h.ids.Offline}, 1},
			{WorkerFilter{Queue: spanish.SID}, 1},
			{WorkerFilter{QueueName: "Everyone"}, 2},
			{WorkerFilter{QueueName: "none"}, 0},
			{WorkerFilter{Expression: "sid IN ['" + string(ann.SID) + "']"}, 1},
			{WorkerFilter{Activity: sid.New(sid.Activity)}, 0},
		} {
			page, err := h.Workers(ctx, h.actor, ws, c.f, all)
			count(fmt.Sprintf("workers %+v", c.f), c.want, len(page.Items), err)
		}
		for _, c := range []struct {
			f    TaskFilter
			want int
		}{
			{TaskFilter{}, 2},
			{TaskFilter{Priority: &five}, 1},
			{TaskFilter{Statuses: []TaskStatus{TaskReserved, TaskCompleted}}, 1},
			{TaskFilter{Statuses: []TaskStatus{TaskPending}}, 1},
			{TaskFilter{QueueName: "everyone"}, 2},
			{TaskFilter{Queue: spanish.SID}, 0},
			{TaskFilter{Workflow: h.ids.Workflow}, 2},
			{TaskFilter{WorkflowName: "nothing"}, 0},
			{TaskFilter{Expression: "type == 'x'"}, 1},
			{TaskFilter{RoutingTarget: "WK"}, 0},
		} {
			page, err := h.Tasks(ctx, h.actor, ws, c.f, all)
			count(fmt.Sprintf("tasks %+v", c.f), c.want, len(page.Items), err)
		}
		for _, c := range []struct {
			f    TaskQueueFilter
			want int
		}{{TaskQueueFilter{}, 2}, {TaskQueueFilter{Worker: ann.SID}, 2}, {TaskQueueFilter{Attributes: `{"languages":["fr"]}`}, 1}, {TaskQueueFilter{FriendlyName: "spanish"}, 1}} {
			page, err := h.TaskQueues(ctx, h.actor, ws, c.f, all)
			count(fmt.Sprintf("queues %+v", c.f), c.want, len(page.Items), err)
		}
		channels := must[db.PageOf[WorkerChannel]](t)(h.WorkerChannels(ctx, h.actor, ws, ann.SID, all))
		for _, c := range channels.Items {
			if want := int64(100); c.Channel.Name == "chat" && (c.Assigned != 1 || c.Percentage() != 0) || c.Channel.Name == "voice" && c.Percentage() != want {
				t.Errorf("%s: %d assigned, %d%% free", c.Channel.Name, c.Assigned, c.Percentage())
			}
		}
		count("worker channels", 5, len(channels.Items), nil)
		activities, err := h.Activities(ctx, h.actor, ws, ActivityFilter{Available: &no}, all)
		count("activities", 3, len(activities.Items), err)
	})
}

// TestForeign: another account's SIDs are nowhere.
func TestForeign(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	w := h.worker("Ann", "", 1)
	task := h.task(NewTask{})
	r := h.pending(w, task)
	thief, ws, ctx := account.System(h.actor.Account+1, sid.New(sid.Account)), h.ids.Workspace, h.ctx()
	of := ReservationOf{Workspace: ws, Task: task.SID, Reservation: r.SID}
	_, _, reading := h.Reservation(ctx, thief, of)
	for name, err := range map[string]error{
		"workspace": second(h.Workspace(ctx, thief, ws)), "worker": second(h.Worker(ctx, thief, ws, w.SID)), "task": second(h.Task(ctx, thief, ws, task.SID)),
		"update": second(h.UpdateTask(ctx, thief, ws, task.SID, TaskUpdate{Status: TaskCanceled})), "delete": h.DeleteWorkspace(ctx, thief, ws),
		"reservation": reading, "answer": second(h.UpdateReservation(ctx, thief, of, ReservationUpdate{Status: ReservationAccepted})),
	} {
		if !fault.Is(err, fault.KindNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	second := must[Workspace](t)(h.CreateWorkspace(ctx, h.actor, NewWorkspace{FriendlyName: "second"}))
	if _, err := h.Worker(ctx, h.actor, second.SID, w.SID); code(err) != 20404 {
		t.Errorf("a worker of another workspace: %v", err)
	}
}

// TestHouse changes what routing depends on while tasks wait.
func TestHouse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		ws, ctx := h.ids.Workspace, h.ctx()
		nobody := ""
		must[TaskQueue](t)(h.UpdateTaskQueue(ctx, h.actor, ws, h.ids.Queue, TaskQueueUpdate{TargetWorkers: &nobody}))
		w := h.worker("Ann", `{"level":1}`, 1)
		one := h.task(NewTask{})
		level := "level == 2"
		must[TaskQueue](t)(h.UpdateTaskQueue(ctx, h.actor, ws, h.ids.Queue, TaskQueueUpdate{TargetWorkers: &level}))
		attrs := `{"level":2}`
		must[Worker](t)(h.UpdateWorker(ctx, h.actor, ws, w.SID, WorkerUpdate{Attributes: &attrs}))
		h.accept(h.pending(w, one))
		fax := must[TaskChannel](t)(h.CreateTaskChannel(ctx, h.actor, ws, NewTaskChannel{FriendlyName: "Fax", UniqueName: "fax"}))
		two := h.task(NewTask{TaskChannel: string(fax.SID)})
		must[Reservation](t)(h.answer(h.pending(w, two), ReservationRejected))
		if err := h.DeleteTaskChannel(ctx, h.actor, ws, "fax"); code(err) != 20001 {
			t.Errorf("deleting a used channel: %v", err)
		}
		reason := ""
		must[Task](t)(h.UpdateTask(ctx, h.actor, ws, two.SID, TaskUpdate{Status: TaskCanceled, Reason: &reason}))
		if err := h.DeleteTaskChannel(ctx, h.actor, ws, "fax"); err != nil {
			t.Error(err)
		}
		must[Task](t)(h.UpdateTask(ctx, h.actor, ws, one.SID, TaskUpdate{Status: TaskCompleted, Reason: &reason}))
		// A workflow that is changed sends the waiting tasks to their new places.
		other := h.queue("Other", "1==1")
		must[Worker](t)(h.UpdateWorker(ctx, h.actor, ws, w.SID, WorkerUpdate{Attributes: &nobody}))
		three := h.task(NewTask{})
		config := `{"task_routing":{"default_filter":{"queue":"` + string(other.SID) + `"}}}`
		must[Workflow](t)(h.UpdateWorkflow(ctx, h.actor, ws, h.ids.Workflow, WorkflowUpdate{Configuration: &config, ReEvaluate: true}))
		h.pending(w, three)
		h.check()
		if err := h.DeleteWorkspace(ctx, h.actor, ws); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEverybodyAtOnce lets agents, supervisors and customers do what they like at the same time, and then looks at the rows.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		var staff []Worker
		for i := range 6 {
			staff = append(staff, h.worker(fmt.Sprint("worker ", i), "", int64(i%3+1)))
		}
		var all sync.WaitGroup
		for client := range 8 {
			all.Go(func() { h.misbehave(rand.New(rand.NewPCG(1, uint64(client))), staff) })
		}
		all.Wait()
		for _, w := range staff {
			h.move(w, h.ids.Available)
		}
		h.until("everything was routed", func() bool {
			counts, err := h.TaskCounts(h.ctx(), h.actor, h.ids.Workspace)
			if err != nil {
				t.Fatal(err)
			}
			return counts[TaskPending] == 0 || h.full(staff)
		})
		h.check()
	})
}

// full reports whether every worker has as many live reservations as fit.
func (h *house) full(staff []Worker) bool {
	for _, w := range staff {
		c, err := h.WorkerChannel(h.ctx(), h.actor, h.ids.Workspace, w.SID, "chat")
		if err != nil || c.Percentage() > 0 {
			return false
		}
	}
	return true
}

func (h *house) misbehave(r *rand.Rand, staff []Worker) {
	ws, ctx := h.ids.Workspace, h.ctx()
	var mine []Task
	for range 60 {
		w := staff[r.IntN(len(staff))]
		var err error
		switch r.IntN(8) {
		case 0, 1:
			var task Task
			if task, err = h.CreateTask(ctx, h.actor, ws, NewTask{TaskChannel: "chat"}); err == nil {
				mine = append(mine, task)
			}
		case 2:
			to := []sid.SID{h.ids.Available, h.ids.Unavailable, h.ids.Available}[r.IntN(3)]
			_, err = h.UpdateWorker(ctx, h.actor, ws, w.SID, WorkerUpdate{Activity: &to, RejectPending: r.IntN(2) == 0})
		case 3, 4, 5:
			err = h.answerAny(r, w)
		default:
			if len(mine) > 0 {
				task := mine[r.IntN(len(mine))]
				if r.IntN(4) == 0 {
					err = h.DeleteTask(ctx, h.actor, ws, task.SID, 0)
				} else {
					_, err = h.UpdateTask(ctx, h.actor, ws, task.SID, TaskUpdate{Status: []TaskStatus{TaskCanceled, TaskCompleted, TaskWrapping}[r.IntN(3)]})
				}
			}
		}
		if err != nil && code(err) != 20001 && code(err) != 20404 {
			h.tb.Errorf("unexpected: %v", err)
		}
	}
}

func (h *house) answerAny(r *rand.Rand, w Worker) error {
	page, err := h.WorkerReservations(h.ctx(), h.actor, h.ids.Workspace, w.SID,
		ReservationFilter{Statuses: []ReservationStatus{ReservationPending, ReservationAccepted, ReservationWrapping}}, db.Page{Size: 5})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	res := page.Items[r.IntN(len(page.Items))]
	to := []ReservationStatus{ReservationAccepted, ReservationAccepted, ReservationRejected, ReservationWrapping, ReservationCompleted}[r.IntN(5)]
	_, err = h.answer(res, to)
	return err
}
