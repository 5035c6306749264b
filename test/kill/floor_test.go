package kill

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"usher/test/rig"
)

// floorLoad is a workspace with workers of capacity one.
type floorLoad struct {
	server   *rig.Server
	path     string
	workflow string
	workers  []string
}

func newFloor(t *testing.T, s *rig.Server, workers int) floorLoad {
	t.Helper()
	c := s.Client()
	f := floorLoad{server: s, path: "/taskrouter/v1/Workspaces/"}
	f.path += c.Post(t, "/taskrouter/v1/Workspaces", "FriendlyName", "Kill").SID()
	activity := c.Post(t, f.path+"/Activities", "FriendlyName", "Ready", "Available", "true").SID()
	queue := c.Post(t, f.path+"/TaskQueues", "FriendlyName", "All", "TargetWorkers", "1==1").SID()
	f.workflow = c.Post(t, f.path+"/Workflows", "FriendlyName", "All", "TaskReservationTimeout", "120",
		"Configuration", fmt.Sprintf(`{"task_routing":{"default_filter":{"queue":%q}}}`, queue)).SID()
	for i := range workers {
		f.workers = append(f.workers, c.Post(t, f.path+"/Workers", "FriendlyName", fmt.Sprint("worker ", i),
			"ActivitySid", activity, "Attributes", "{}").SID())
	}
	return f
}

// create makes tasks, a few at a time.
func (f floorLoad) create(ctx context.Context, t *testing.T, l *ledger, creator int) {
	client := f.server.Client()
	for n := 0; ctx.Err() == nil; n++ {
		a, err := client.Call(ctx, http.MethodPost, f.path+"/Tasks", rig.Form("WorkflowSid", f.workflow,
			"Attributes", fmt.Sprintf(`{"creator":%d,"n":%d}`, creator, n), "Timeout", "3600"))
		switch {
		case err != nil || a.Status == http.StatusServiceUnavailable:
			pause(ctx, 5*time.Millisecond)
		case a.Status == http.StatusCreated:
			l.note(func() { l.tasks = append(l.tasks, a.SID()) })
			pause(ctx, 40*time.Millisecond)
		default:
			t.Errorf("task: %d %s", a.Status, a.Text)
			return
		}
	}
}

// work accepts what a worker is offered and completes what it holds. After a crash it looks anew, as a person would.
func (f floorLoad) work(ctx context.Context, t *testing.T, l *ledger, worker string) {
	client := f.server.Client()
	path := f.path + "/Workers/" + worker + "/Reservations"
	for ctx.Err() == nil {
		held, err1 := client.All(ctx, path+"?ReservationStatus=accepted", "reservations")
		offers, err2 := client.All(ctx, path+"?ReservationStatus=pending", "reservations")
		if err1 != nil || err2 != nil {
			pause(ctx, 10*time.Millisecond)
			continue
		}
		if len(held) > 1 || len(offers) > 1 {
			t.Errorf("worker %s of capacity one holds %d and is offered %d tasks", worker, len(held), len(offers))
			return
		}
		for _, r := range held {
			task := rig.Text(r, "task_sid")
			a, err := client.Call(ctx, http.MethodPost, f.path+"/Tasks/"+task, rig.Form("AssignmentStatus", "completed", "Reason", "done"))
			if err == nil && a.Status == http.StatusOK {
				l.note(func() { l.done[task] = true })
			}
		}
		for _, r := range offers {
			task, sid := rig.Text(r, "task_sid"), rig.Text(r, "sid")
			a, err := client.Call(ctx, http.MethodPost, path+"/"+sid, rig.Form("ReservationStatus", "accepted"))
			if err != nil || a.Status != http.StatusOK {
				continue
			}
			l.note(func() {
				if before, ok := l.accepted[task]; ok && before != sid {
					t.Errorf("task %s was accepted as %s and again as %s", task, before, sid)
				}
				l.accepted[task] = sid
			})
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// drain waits until the workers have done everything that was asked for.
func (f floorLoad) drain(t *testing.T, l *ledger) {
	t.Helper()
	client := f.server.Client()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		open, err := client.All(t.Context(), f.path+"/Tasks?AssignmentStatus=pending,reserved,assigned,wrapping&PageSize=1000", "tasks")
		if err != nil {
			t.Fatal(err)
		}
		if len(open) == 0 {
			return
		}
	}
	t.Error("the tasks that were asked for are not all completed two minutes after the last crash")
}

// check reads every task and its reservations and compares them with what was acknowledged.
func (f floorLoad) check(t *testing.T, l *ledger) {
	t.Helper()
	client := f.server.Client()
	for _, task := range l.tasks {
		a, err := client.Call(t.Context(), http.MethodGet, f.path+"/Tasks/"+task, nil)
		if err != nil || a.Status != http.StatusOK {
			t.Errorf("acknowledged task %s is lost: %v %d", task, err, a.Status)
			continue
		}
		if status := a.String("assignment_status"); status != "completed" {
			t.Errorf("task %s is %s", task, status)
		}
		rows, err := client.All(t.Context(), f.path+"/Tasks/"+task+"/Reservations", "reservations")
		if err != nil {
			t.Fatal(err)
		}
		var taken []string
		for _, r := range rows {
			switch rig.Text(r, "reservation_status") {
			case "accepted", "wrapping", "completed", "pending":
				taken = append(taken, rig.Text(r, "sid"))
			}
		}
		if len(taken) != 1 {
			t.Errorf("task %s has %d live reservations, want one: %v", task, len(taken), taken)
		}
		if told := l.accepted[task]; told != "" && (len(taken) != 1 || taken[0] != told) {
			t.Errorf("task %s was accepted as %s and is held as %v", task, told, taken)
		}
	}
}
