package taskrouter

import (
	"slices"
	"strings"
	"testing"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/event"

	"github.com/google/go-cmp/cmp"
)

func TestLife(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		w := h.worker("Ann", `{"contact_uri":"client:ann"}`, 1)
		task := h.task(NewTask{Attributes: `{"name":"Bo"}`})
		if task.Status != TaskPending || task.Queue.Name != "Everyone" || task.Workflow.Name != "Assign to Anyone" || task.Timeout() != 86_400 {
			t.Errorf("new task is %+v", task)
		}
		r := h.pending(w, task)
		if r.Timeout() != 120 || r.WorkerName != "Ann" {
			t.Errorf("reservation is %+v", r)
		}
		data := h.last(w.SID, event.ReservationCreated)
		if data.Task.Status != TaskReserved || data.Reservation.Expires == nil || string(data.Task.Attributes) != `{"name":"Bo"}` {
			t.Errorf("reservation.created says %+v %+v", data.Reservation, data.Task)
		}
		r = h.accept(r)
		if r.Status != ReservationAccepted || r.Version != 2 || h.see(task).Status != TaskAssigned {
			t.Errorf("accepted: %+v, task %s", r, h.see(task).Status)
		}
		if _, err := h.answer(r, ReservationAccepted); code(err) != 20001 ||
			!strings.HasSuffix(err.Error(), "Reservation "+string(r.SID)+" is already in state [accepted] and cannot be updated to [accepted]") {
			t.Errorf("accepting twice: %v", err)
		}
		r = must[Reservation](t)(h.answer(r, ReservationWrapping))
		if r.Status != ReservationWrapping || h.see(task).Status != TaskWrapping {
			t.Errorf("wrapping: %s, task %s", r.Status, h.see(task).Status)
		}
		reason := "solved"
		done := must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, task.SID, TaskUpdate{Status: TaskCompleted, Reason: &reason}))
		if done.Status != TaskCompleted || done.Reason != "solved" {
			t.Errorf("completed: %+v", done)
		}
		want := []string{
			"worker.activity.updated", "reservation.created", "reservation.accepted", "task.updated", "task.wrapup",
			"reservation.wrapup", "task.completed", "reservation.completed",
		}
		if diff := cmp.Diff(want, h.kinds(w.SID)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{
			"worker.created", "worker.activity.updated", "task.created", "task.updated", "task.updated", "task.wrapup", "task.completed",
		}, h.kinds(h.ids.Workspace)); diff != "" {
			t.Error(diff)
		}
		if got := h.last(w.SID, event.ReservationCompleted).Task; got.Status != TaskCompleted || *got.Reason != "solved" {
			t.Errorf("reservation.completed shows %+v", got)
		}
		h.check()
	})
}

func TestRejectGoesToTheOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		ann, bob := h.worker("Ann", "", 1), h.worker("Bob", "", 1)
		task := h.task(NewTask{})
		r := h.pending(ann, task)
		must[Reservation](t)(h.answer(r, ReservationRejected))
		h.accept(h.pending(bob, task))
		if got := h.see(task); got.Rejections != 1 || got.Status != TaskAssigned {
			t.Errorf("task is %s after %d rejections", got.Status, got.Rejections)
		}
		if got := must[Worker](t)(h.Worker(h.ctx(), h.actor, h.ids.Workspace, ann.SID)); got.Activity.Name != "Available" {
			t.Errorf("rejecting moved the worker to %s", got.Activity.Name)
		}
		h.check()
	})
}

func TestRejectWithActivity(t *testing.T) {
	t.Parallel()
	h := open(t, dbtest.SQLite(t))
	w := h.worker("Ann", "", 1)
	task := h.task(NewTask{})
	r := h.pending(w, task)
	of := ReservationOf{Workspace: h.ids.Workspace, Worker: w.SID, Reservation: r.SID}
	must[Reservation](t)(h.UpdateReservation(h.ctx(), h.actor, of, ReservationUpdate{Status: ReservationRejected, Activity: h.ids.Unavailable}))
	h.await(task, TaskPending)
	if got := must[Worker](t)(h.Worker(h.ctx(), h.actor, h.ids.Workspace, w.SID)); got.Activity.Name != "Unavailable" {
		t.Errorf("the worker is %s", got.Activity.Name)
	}
	h.check()
}

func TestCancelAndDelete(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := open(t, d)
		w := h.worker("Ann", "", 2)
		asked, held := h.task(NewTask{}), h.task(NewTask{})
		h.pending(w, asked)
		h.accept(h.pending(w, held))
		_, err := h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, asked.SID, TaskUpdate{Status: TaskCompleted})
		want := "Cannot complete task " + string(asked.SID) + " in workspace " + string(h.ids.Workspace) + " for account " +
			string(h.actor.AccountSID) + " because it is not currently assigned."
		if code(err) != 20001 || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("completing a reserved task: %v", err)
		}
		if _, err := h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, held.SID, TaskUpdate{Status: TaskCanceled}); code(err) != 20001 {
			t.Errorf("canceling an assigned task: %v", err)
		}
		reason := "gone"
		must[Task](t)(h.UpdateTask(h.ctx(), h.actor, h.ids.Workspace, asked.SID, TaskUpdate{Status: TaskCanceled, Reason: &reason}))
		if err := h.DeleteTask(h.ctx(), h.actor, h.ids.Workspace, held.SID, 0); err != nil {
			t.Fatal(err)
		}
		kinds := h.kinds(w.SID)
		for _, k := range []string{event.TaskCanceled, event.ReservationCanceled, event.ReservationCompleted} {
			if !slices.Contains(kinds, k) {
				t.Errorf("no %s in %v", k, kinds)
			}
		}
		if got := h.last(w.SID, event.ReservationCanceled).Task; got.Status != TaskCanceled || *got.Reason != "gone" {
			t.Errorf("reservation.canceled shows %+v", got)
		}
		if _, err := h.Task(h.ctx(), h.actor, h.ids.Workspace, held.SID); code(err) != 20404 {
			t.Errorf("deleted task: %v", err)
		}
		next := h.task(NewTask{})
		h.pending(w, next) // the places are free again
		h.check()
	})
}
