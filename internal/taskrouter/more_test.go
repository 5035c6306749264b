package taskrouter

import (
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

func (h *house) tx(fn func(tx *db.Tx) error) {
	h.tb.Helper()
	if err := h.db.Do(h.ctx(), fn); err != nil {
		h.tb.Fatal(err)
	}
}

// TestTx goes through the forms that other products use inside of their own transactions.
func TestTx(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		acct, ws := h.actor.Account, h.ids.Workspace
		var w Worker
		var held, waiting, gone Task
		h.tx(func(tx *db.Tx) (err error) {
			if w, err = h.CreateWorkerTx(tx, acct, ws, NewWorker{FriendlyName: "ann@example.org", Attributes: `{"full_name":"Ann"}`, Activity: h.ids.Available}); err != nil {
				return err
			}
			if held, err = h.CreateTaskTx(tx, acct, ws, NewTask{Workflow: h.ids.Workflow, TaskChannel: "chat", Watched: true}); err != nil {
				return err
			}
			_, err = h.WorkspaceTx(tx, acct, ws)
			return err
		})
		h.accept(h.pending(w, held))
		h.tx(func(tx *db.Tx) (err error) {
			if waiting, err = h.CreateTaskTx(tx, acct, ws, NewTask{TaskChannel: "chat"}); err != nil {
				return err
			}
			gone, err = h.CreateTaskTx(tx, acct, ws, NewTask{TaskChannel: "chat"})
			return err
		})
		h.tx(func(tx *db.Tx) error {
			again := must[Worker](t)(h.WorkerTx(tx, acct, w.SID))
			if again.Activity.Name != "Available" || again.FriendlyName != "ann@example.org" {
				t.Errorf("worker %+v", again)
			}
			for task, want := range map[sid.SID]bool{held.SID: true, waiting.SID: false, sid.New(sid.Task): false} {
				if got := must[bool](t)(h.HoldsTx(tx, w, task)); got != want {
					t.Errorf("holding %s is %v", task, got)
				}
			}
			for _, s := range []sid.SID{held.SID, waiting.SID} { // an accepted task is left alone
				if err := h.CancelWaitingTx(tx, acct, s, "abandoned"); err != nil {
					return err
				}
			}
			if err := h.CancelWaitingTx(tx, acct, sid.New(sid.Task), ""); !fault.Is(err, fault.KindNotFound) {
				t.Errorf("canceling nothing: %v", err)
			}
			if _, err := h.CancelTaskTx(tx, acct, gone.SID, "closed"); err != nil {
				return err
			}
			attrs := `{"rating":5}`
			got := must[Task](t)(h.UpdateTaskTx(tx, acct, held.SID, TaskUpdate{Attributes: &attrs}))
			if string(got.Attributes) != attrs || got.Status != TaskAssigned {
				t.Errorf("task is %s %s", got.Status, got.Attributes)
			}
			return nil
		})
		h.tx(func(tx *db.Tx) error {
			for s, want := range map[sid.SID]TaskStatus{held.SID: TaskAssigned, waiting.SID: TaskCanceled, gone.SID: TaskCanceled} {
				if got := must[Task](t)(h.TaskTx(tx, acct, s)); got.Status != want {
					t.Errorf("task is %s, want %s", got.Status, want)
				}
			}
			for name, err := range map[string]error{
				"task": second(h.TaskTx(tx, acct+1, held.SID)), "worker": second(h.WorkerTx(tx, acct+1, w.SID)), "workspace": second(h.WorkspaceTx(tx, acct+1, ws)),
			} {
				if !fault.Is(err, fault.KindNotFound) {
					t.Errorf("another account's %s: %v", name, err)
				}
			}
			return nil
		})
		h.check()
	})
}

// TestDefaults: what an account begins with has the names that clients know.
func TestDefaults(t *testing.T) {
	t.Parallel()
	h := still(t, dbtest.SQLite(t))
	ctx, ws, all := h.ctx(), h.ids.Workspace, db.Page{Size: 50}
	if got := must[Workspace](t)(h.Workspace(ctx, h.actor, ws)); got.FriendlyName != "Flex Task Assignment" || got.DefaultActivity.Name != "Offline" ||
		got.TimeoutActivity.Name != "Offline" || !got.MultiTask {
		t.Errorf("workspace %+v", got)
	}
	var names []string
	for _, a := range must[db.PageOf[Activity]](t)(h.Activities(ctx, h.actor, ws, ActivityFilter{}, all)).Items {
		names = append(names, a.FriendlyName)
	}
	for _, c := range must[db.PageOf[TaskChannel]](t)(h.TaskChannels(ctx, h.actor, ws, all)).Items {
		names = append(names, c.UniqueName+"="+c.FriendlyName)
	}
	for _, w := range must[db.PageOf[Workflow]](t)(h.Workflows(ctx, h.actor, ws, "assign to anyone", all)).Items {
		names = append(names, w.FriendlyName)
	}
	for _, w := range must[db.PageOf[Workspace]](t)(h.Workspaces(ctx, h.actor, "Flex Task Assignment", all)).Items {
		names = append(names, w.FriendlyName)
	}
	want := []string{
		"Offline", "Available", "Unavailable", "Break", "default=Default", "voice=Voice", "chat=Programmable Chat", "sms=SMS", "video=Video",
		"Assign to Anyone", "Flex Task Assignment",
	}
	for i := range want {
		if i >= len(names) || names[i] != want[i] {
			t.Fatalf("the account has %q", names)
		}
	}
	if q := must[TaskQueue](t)(h.TaskQueue(ctx, h.actor, ws, h.ids.Queue)); q.TargetWorkers != "1==1" || q.FriendlyName != "Everyone" || q.MaxReserved != 1 {
		t.Errorf("queue %+v", q)
	}
	if w := must[Workflow](t)(h.Workflow(ctx, h.actor, ws, h.ids.Workflow)); w.ReservationTimeout != 120 {
		t.Errorf("workflow %+v", w)
	}
}

// TestNewAttributes: attributes that another filter takes move a waiting task there; a new channel is looked at as well.
func TestNewAttributes(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, h *house) {
		h.queue("sales", "team == 'sales'")
		flow := h.workflow(`{"task_routing":{"filters":[{"expression":"topic == 'buy'","targets":[{"queue":"sales"}]},
			{"expression":"topic == 'ask'","targets":[{"queue":"Everyone","expression":"worker.lang == task.lang"}]}]}}`, 30)
		w := h.worker("Ann", `{"team":"sales","lang":"fr"}`, 1)
		task := h.task(NewTask{Workflow: flow.SID, Attributes: `{"topic":"ask","lang":"en"}`})
		synctest.Wait()
		if got := h.see(task); got.Status != TaskPending {
			t.Fatalf("the task is %s", got.Status)
		}
		for _, step := range []struct {
			attrs string
			queue string
			want  TaskStatus
		}{{`{"topic":"ask","lang":"de"}`, "Everyone", TaskPending}, {`{"topic":"buy"}`, "sales", TaskReserved}} {
			must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, task.SID, TaskUpdate{Attributes: &step.attrs}))
			synctest.Wait()
			if got := h.see(task); got.Status != step.want || got.Queue.Name != step.queue {
				t.Errorf("%s: the task is %s in %s", step.attrs, got.Status, got.Queue.Name)
			}
		}
		must[Reservation](t)(h.answer(h.pending(w, task), ReservationAccepted))
		other := h.task(NewTask{Workflow: flow.SID, Attributes: `{"topic":"ask","lang":"fr"}`})
		call := "voice"
		must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, other.SID, TaskUpdate{TaskChannel: &call, VirtualStart: time.Now().Add(-time.Hour)}))
		synctest.Wait()
		if got := h.see(other); got.Status != TaskReserved || got.Age(time.Now()) < 3600 {
			t.Errorf("on a free channel the task is %s, %d s old", got.Status, got.Age(time.Now()))
		}
		lost := `{"topic":"?"}`
		third := h.task(NewTask{Workflow: flow.SID, Attributes: `{"topic":"buy"}`})
		got := must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, third.SID, TaskUpdate{Attributes: &lost}))
		if got.Status != TaskCanceled {
			t.Errorf("attributes that no filter takes leave the task %s", got.Status)
		}
	})
}

// TestNames: renaming an activity reaches the expressions that name it; available stays what it was.
func TestNames(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	ctx, ws := h.ctx(), h.ids.Workspace
	target := "activity_name == 'Ready'"
	must[TaskQueue](t)(h.UpdateTaskQueue(ctx, h.actor, ws, h.ids.Queue, TaskQueueUpdate{TargetWorkers: &target}))
	w := h.worker("Ann", "", 1)
	task := h.task(NewTask{})
	name := "Ready"
	if got := must[Activity](t)(h.UpdateActivity(ctx, h.actor, ws, h.ids.Available, &name)); got.FriendlyName != "Ready" || !got.Available {
		t.Errorf("activity %+v", got)
	}
	h.pending(w, task)
	if got := must[Activity](t)(h.Activity(ctx, h.actor, ws, h.ids.Available)); got.FriendlyName != "Ready" {
		t.Errorf("activity %+v", got)
	}
	optimized, friendly := true, "Chat"
	c := must[TaskChannel](t)(h.UpdateTaskChannel(ctx, h.actor, ws, "chat", &friendly, &optimized))
	if got := must[TaskChannel](t)(h.TaskChannel(ctx, h.actor, ws, string(c.SID))); !got.Optimized || got.FriendlyName != "Chat" {
		t.Errorf("task channel %+v", got)
	}
	wc := must[WorkerChannel](t)(h.WorkerChannel(ctx, h.actor, ws, w.SID, string(c.SID)))
	if got := must[WorkerChannel](t)(h.WorkerChannel(ctx, h.actor, ws, w.SID, string(wc.SID))); got.Channel.Name != "chat" {
		t.Errorf("worker channel %+v", got)
	}
	if err := second(h.WorkerChannel(ctx, h.actor, ws, w.SID, "fax")); code(err) != 20404 {
		t.Errorf("a channel that does not exist: %v", err)
	}
}

// TestDeletions removes what nothing uses any more.
func TestDeletions(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	ctx, ws := h.ctx(), h.ids.Workspace
	w := h.worker("Ann", "", 1)
	q := h.queue("spare", "1==1")
	flow := h.workflow(`{"task_routing":{"default_filter":{"queue":"spare"}}}`, 0)
	idle := must[Activity](t)(h.CreateActivity(ctx, h.actor, ws, NewActivity{FriendlyName: "Lunch"}))
	for _, step := range []struct {
		what string
		do   func() error
		gone func() error
	}{
		{"workflow", func() error { return h.DeleteWorkflow(ctx, h.actor, ws, flow.SID) }, func() error { return second(h.Workflow(ctx, h.actor, ws, flow.SID)) }},
		{"queue", func() error { return h.DeleteTaskQueue(ctx, h.actor, ws, q.SID) }, func() error { return second(h.TaskQueue(ctx, h.actor, ws, q.SID)) }},
		{"activity", func() error { return h.DeleteActivity(ctx, h.actor, ws, idle.SID) }, func() error { return second(h.Activity(ctx, h.actor, ws, idle.SID)) }},
		{"worker", func() error { return h.DeleteWorker(ctx, h.actor, ws, w.SID, 0) }, func() error { return second(h.Worker(ctx, h.actor, ws, w.SID)) }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("deleting the %s: %v", step.what, err)
		}
		if err := step.gone(); code(err) != 20404 {
			t.Errorf("the %s after it was deleted: %v", step.what, err)
		}
	}
	h.last(ws, event.WorkerDeleted)
	if again := h.worker("Ann", "", 1); again.SID == w.SID {
		t.Error("the name is not free again")
	}
}

// TestNobodyWants: the thousandth rejection ends a task.
func TestNobodyWants(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	w := h.worker("Ann", "", 1)
	task := h.task(NewTask{})
	r := h.pending(w, task)
	h.tx(func(tx *db.Tx) error {
		_, err := tx.Exec("update taskrouter_task set rejections = 999 where sid = $1", string(task.SID))
		return err
	})
	must[Reservation](t)(h.answer(r, ReservationRejected))
	if got := h.see(task); got.Status != TaskCanceled || got.Reason != reasonRejections {
		t.Errorf("the task is %s: %q", got.Status, got.Reason)
	}
	h.check()
}

// TestRebuild: rows that the router knows nothing of make a write fail; it then starts anew from the rows.
func TestRebuild(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		ann := must[Worker](t)(h.CreateWorker(h.ctx(), h.actor, h.ids.Workspace, NewWorker{FriendlyName: "Ann"}))
		task, next := h.task(NewTask{}), h.task(NewTask{})
		h.tx(func(tx *db.Tx) error {
			return reservations.Insert(tx, &Reservation{
				Row: db.Row{SID: sid.New(sid.Reservation), Account: h.actor.Account}, WorkspaceID: task.WorkspaceID, Task: Ref{ID: task.ID},
				Worker: Ref{ID: ann.ID}, ChannelID: task.Channel.ID, Status: ReservationPending, Live: true, Expires: time.Now().Add(time.Hour),
			})
		})
		h.move(ann, h.ids.Available)
		bob := h.worker("Bob", "", 1)
		h.pending(bob, next)
		if got := h.see(task).Status; got != TaskPending {
			t.Errorf("the task is %s", got)
		}
	})
}

// TestStale: a row that was changed behind the router's back is read anew, and decided on again.
func TestStale(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	ann := must[Worker](t)(h.CreateWorker(h.ctx(), h.actor, h.ids.Workspace, NewWorker{FriendlyName: "Ann"}))
	task := h.task(NewTask{})
	gone := h.task(NewTask{Priority: ptr(int64(9))})
	h.tx(func(tx *db.Tx) error {
		if _, err := tx.Exec("delete from taskrouter_task where id = $1", gone.ID); err != nil {
			return err
		}
		_, err := tx.Exec("update taskrouter_task set version = version + 5 where id = $1", task.ID)
		return err
	})
	h.move(ann, h.ids.Available)
	if r := h.pending(ann, task); r.Version != 1 {
		t.Errorf("reservation %+v", r)
	}
	if got := h.see(task); got.Version != 7 {
		t.Errorf("version %d", got.Version)
	}
}
