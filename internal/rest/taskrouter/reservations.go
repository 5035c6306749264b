package taskrouter

import (
	"context"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// reservationForm leaves out what belongs to instructions for calls (To, From, DequeueFrom, ConferenceRecord …): unknown
// parameters are ignored, and the instruction itself is refused.
type reservationForm struct {
	Status      taskrouter.ReservationStatus `form:"ReservationStatus"`
	Activity    sid.SID                      `form:"WorkerActivitySid"`
	Instruction string                       `form:"Instruction"`
}

type reservationFilter struct {
	Statuses []taskrouter.ReservationStatus `form:"ReservationStatus,comma"`
}

type taskReservationFilter struct {
	reservationFilter
	Worker sid.SID `form:"WorkerSid"`
}

type reservationWire struct {
	AccountSID   sid.SID                      `json:"account_sid"`
	DateCreated  *string                      `json:"date_created"`
	DateUpdated  *string                      `json:"date_updated"`
	Links        map[string]string            `json:"links"`
	Status       taskrouter.ReservationStatus `json:"reservation_status"`
	SID          sid.SID                      `json:"sid"`
	TaskSID      sid.SID                      `json:"task_sid"`
	URL          string                       `json:"url"`
	WorkerName   string                       `json:"worker_name"`
	WorkerSID    sid.SID                      `json:"worker_sid"`
	WorkspaceSID sid.SID                      `json:"workspace_sid"`
}

// taskReservations are the reservations of a task.
func taskReservations(t *taskrouter.TaskRouter) rest.Mount {
	r := reservations(t, func(c *rest.Call) taskrouter.ReservationOf {
		return taskrouter.ReservationOf{Workspace: c.SID(varWorkspace), Task: c.SID(varTask), Reservation: c.SID(varItem)}
	})
	r.Path, r.Filter = "/Workspaces/{WorkspaceSid}/Tasks/{TaskSid}/Reservations", taskReservationFilter{}
	r.List = func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Reservation], err error) {
		var f taskReservationFilter
		if err := c.Filter(&f); err != nil {
			return page, err
		}
		return t.TaskReservations(ctx, c.Actor, c.SID(varWorkspace), c.SID(varTask), taskrouter.ReservationFilter{
			Statuses: f.Statuses, Worker: f.Worker,
		}, p)
	}
	r.View = func(c *rest.Call, v taskrouter.Reservation) any {
		return reservationView(c, v, "/Tasks/"+string(v.Task.SID))
	}
	return r
}

// workerReservations are the reservations of a worker.
func workerReservations(t *taskrouter.TaskRouter) rest.Mount {
	r := reservations(t, func(c *rest.Call) taskrouter.ReservationOf {
		return taskrouter.ReservationOf{Workspace: c.SID(varWorkspace), Worker: c.SID(varWorker), Reservation: c.SID(varItem)}
	})
	r.Path, r.Filter = "/Workspaces/{WorkspaceSid}/Workers/{WorkerSid}/Reservations", reservationFilter{}
	r.List = func(ctx context.Context, c *rest.Call, p db.Page) (page db.PageOf[taskrouter.Reservation], err error) {
		var f reservationFilter
		if err := c.Filter(&f); err != nil {
			return page, err
		}
		return t.WorkerReservations(ctx, c.Actor, c.SID(varWorkspace), c.SID(varWorker), taskrouter.ReservationFilter{Statuses: f.Statuses}, p)
	}
	r.View = func(c *rest.Call, v taskrouter.Reservation) any {
		return reservationView(c, v, "/Workers/"+string(v.Worker.SID))
	}
	return r
}

// reservations is what both paths share.
func reservations(t *taskrouter.TaskRouter, of func(*rest.Call) taskrouter.ReservationOf) rest.Resource[taskrouter.Reservation, reservationForm] {
	return rest.Resource[taskrouter.Reservation, reservationForm]{
		Key: "reservations", Read: reader, Write: worker,
		Version: func(v taskrouter.Reservation) int64 { return v.Version },
		Get: func(ctx context.Context, c *rest.Call) (taskrouter.Reservation, error) {
			r, _, err := t.Reservation(ctx, c.Actor, of(c))
			return r, err
		},
		Update: func(ctx context.Context, c *rest.Call, in reservationForm) (taskrouter.Reservation, error) {
			if in.Instruction != "" {
				r, _, err := t.Reservation(ctx, c.Actor, of(c))
				if err == nil {
					err = refuseInstruction(in.Instruction, r)
				}
				return r, err
			}
			return t.UpdateReservation(ctx, c.Actor, of(c), taskrouter.ReservationUpdate{
				Status: in.Status, Activity: in.Activity, IfVersion: c.IfVersion,
			})
		},
	}
}

// refuseInstruction answers instructions about calls: there are no calls, so no task is one.
func refuseInstruction(name string, r taskrouter.Reservation) error {
	switch name {
	case "call", "dequeue", "redirect", "conference", "supervise":
		return fault.Invalid("Cannot execute instruction %s on reservation %s because task %s is not a call", name, r.SID, r.Task.SID)
	}
	return fault.Invalid("Invalid value for parameter Instruction: must be one of call, dequeue, redirect, conference, supervise")
}

func reservationView(c *rest.Call, v taskrouter.Reservation, parent string) any {
	ws := workspaceURL(c, v.Workspace.SID)
	return reservationWire{
		AccountSID: v.AccountSID, DateCreated: c.Date(v.CreatedAt), DateUpdated: c.Date(v.UpdatedAt), Status: v.Status, SID: v.SID,
		TaskSID: v.Task.SID, URL: ws + parent + "/Reservations/" + string(v.SID), WorkerName: v.Worker.Name, WorkerSID: v.Worker.SID,
		WorkspaceSID: v.Workspace.SID,
		Links: map[string]string{
			"task": ws + "/Tasks/" + string(v.Task.SID), "worker": ws + "/Workers/" + string(v.Worker.SID), "workspace": ws,
		},
	}
}
