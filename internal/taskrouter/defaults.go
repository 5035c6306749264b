package taskrouter

import (
	"fmt"

	"usher/internal/db"
	"usher/internal/sid"
)

// The names of what an account begins with.
const (
	DefaultWorkspace = "Flex Task Assignment"
	DefaultQueue     = "Everyone"
	DefaultWorkflow  = "Assign to Anyone"
)

// DefaultIDs are the SIDs of what Defaults has made.
type DefaultIDs struct {
	Workspace, Queue, Workflow                 sid.SID
	Offline, Available, Unavailable, BreakTime sid.SID
	ChatChannel                                sid.SID
}

// Defaults makes an account's workspace with the activities Offline, Available, Unavailable and Break, the task channels,
// a queue for everybody and a workflow that leads to it. name "" is DefaultWorkspace.
func (t *TaskRouter) Defaults(tx *db.Tx, accountID int64, accountSID sid.SID, name string) (ids DefaultIDs, err error) {
	if name == "" {
		name = DefaultWorkspace
	}
	ws, err := t.CreateWorkspaceTx(tx, accountID, accountSID, NewWorkspace{FriendlyName: name})
	if err != nil {
		return ids, fmt.Errorf("default workspace: %w", err)
	}
	o := t.beginOn(tx, ws)
	rest, err := o.createActivity(NewActivity{FriendlyName: "Break"})
	if err != nil {
		return ids, fmt.Errorf("default activities: %w", err)
	}
	if err := o.fifo(DefaultQueue, DefaultWorkflow); err != nil {
		return ids, fmt.Errorf("default workflow: %w", err)
	}
	all, err := activities.Find(tx, "workspace_id = $1", ws.ID)
	if err != nil {
		return ids, err
	}
	ids = DefaultIDs{Workspace: ws.SID, BreakTime: rest.SID}
	for _, a := range all {
		switch a.FriendlyName {
		case "Offline":
			ids.Offline = a.SID
		case "Available":
			ids.Available = a.SID
		case "Unavailable":
			ids.Unavailable = a.SID
		}
	}
	queue, err := queues.One(tx, "workspace_id = $1", ws.ID)
	if err != nil {
		return ids, err
	}
	flow, err := workflows.One(tx, "workspace_id = $1", ws.ID)
	if err != nil {
		return ids, err
	}
	chat, err := o.channelNamed("chat")
	if err != nil {
		return ids, err
	}
	ids.Queue, ids.Workflow, ids.ChatChannel = queue.SID, flow.SID, chat.SID
	return ids, o.finish()
}
