package handoff_test

import (
	"encoding/json"
	"testing"

	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/inbound"
	"usher/internal/inbound/inboundtest"
	"usher/internal/sid"
)

func TestOrderTx(t *testing.T) {
	each(t, func(t *testing.T, w *inboundtest.World) {
		execution := sid.New(sid.Execution)
		for name, row := range map[string]struct {
			order    flex.Order
			workflow sid.SID
			priority int64
			want     map[string]any
		}{
			"all of it": {
				flex.Order{
					Workflow: w.IDs.Workflow, TaskChannel: "chat", Priority: new(int64(7)), Timeout: new(int64(60)), Execution: execution,
					Attributes: json.RawMessage(`{"team":"sales","channelSid":"x","executionSid":"y","name":"Countess"}`), FirstText: "hi", FirstIndex: new(int64(3)),
				},
				w.IDs.Workflow, 7,
				map[string]any{
					"team": "sales", "executionSid": string(execution), "name": "Countess", "initialText": "hi", "firstMessageIndex": 3.0, "opened": "with",
				},
			},
			"nothing":               {flex.Order{}, w.IDs.Workflow, 0, map[string]any{"name": "Ada", "executionSid": nil, "initialText": nil}},
			"a workflow not there":  {flex.Order{Workflow: sid.New(sid.Workflow), TaskChannel: "chat"}, w.IDs.Workflow, 0, nil},
			"a task channel no one": {flex.Order{Workflow: w.IDs.Workflow, TaskChannel: "pigeon"}, w.IDs.Workflow, 0, nil},
		} {
			c := w.Open(w.Flow(nil), "ada", func(o *inbound.Opening) { o.TaskAttributes = `{"opened":"with"}` })
			var made sid.SID
			w.Do(func(tx *db.Tx) (err error) {
				if c, err = w.Flex.ChannelTx(tx, w.Owner.Account, c.SID); err != nil {
					return err
				}
				ch, err := w.Chat.ChannelTx(tx, w.Owner.Account, c.SID)
				if err != nil {
					return err
				}
				made, err = w.Handoff.OrderTx(tx, &c, &ch, row.order)
				return err
			})
			all := w.AllTasks()
			task := all[len(all)-1]
			if task.SID != made || task.Priority != row.priority || task.Workflow.SID != row.workflow || !w.Channel(c.SID).HasTask(made) {
				t.Errorf("%s: task %+v", name, task)
			}
			if row.order.Timeout != nil && task.Timeout() != *row.order.Timeout {
				t.Errorf("%s: timeout %d", name, task.Timeout())
			}
			got := attributes(t, task)
			if got["channelSid"] != string(c.SID) {
				t.Errorf("%s: %v", name, got)
			}
			for key, want := range row.want {
				if got[key] != want {
					t.Errorf("%s: %s is %v, want %v", name, key, got[key], want)
				}
			}
			if kept := string(w.Channel(c.SID).TaskAttributes); kept != `{"opened":"with"}` {
				t.Errorf("%s: the channel keeps %s", name, kept)
			}
		}
	})
}
