package handoff

import (
	"fmt"

	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/flex"
	"usher/internal/sid"
)

// OrderTx makes the task that a flow asks for in a channel, and ties the channel to it. It returns the task's SID.
func (h *Handoff) OrderTx(tx *db.Tx, c *flex.Channel, ch *chat.Channel, o flex.Order) (sid.SID, error) {
	flow, err := h.flex.FlowOf(tx, *c)
	if err != nil {
		return "", fmt.Errorf("flow of %s: %w", c.SID, err)
	}
	own, err := h.flex.ConfigurationTx(tx, c.Account)
	if err != nil {
		return "", err
	}
	flow.IntegrationType = flex.Task
	flow.Integration = flex.Integration{
		Workspace: own.Workspace, Workflow: o.Workflow, Channel: o.TaskChannel, Priority: o.Priority, Timeout: o.Timeout,
	}
	var first *chat.MessageData
	if o.FirstIndex != nil {
		first = &chat.MessageData{Body: o.FirstText, Index: *o.FirstIndex}
	}
	// What the flow asks for goes into this task only: the channel keeps what it was opened with.
	opened := c.TaskAttributes
	if len(o.Attributes) > 0 {
		if c.TaskAttributes, err = attr.Merge(opened, attr.Map(o.Attributes)); err != nil {
			return "", fmt.Errorf("task of %s: %w", c.SID, err)
		}
	}
	attributes, err := taskAttributes(flow, c, first, o.Execution)
	c.TaskAttributes = opened
	if err != nil {
		return "", fmt.Errorf("task of %s: %w", c.SID, err)
	}
	return h.give(tx, flow, c, ch, attributes, first)
}
