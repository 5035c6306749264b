package studio

import (
	"context"
	"encoding/json"

	"usher/internal/account"
	"usher/internal/flowrun"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// Trials are test conversations; *flowrun.FlowRun has them.
type Trials interface {
	StartTrial(ctx context.Context, actor account.Actor, in flowrun.NewTrial) (studio.Trial, error)
	ContinueTrial(ctx context.Context, actor account.Actor, flow, execution sid.SID, in flowrun.TrialInput) (studio.Trial, error)
	EndTrial(ctx context.Context, actor account.Actor, flow, execution sid.SID) error
}

// trialForm begins a test conversation, or does one thing in it. (Usher's own: the original has only test users.)
type trialForm struct {
	Body          string `form:"Body,required"`
	Revision      string `form:"Revision,create"`
	ChannelType   string `form:"ChannelType,create"`
	Name          string `form:"Name,create"`
	PreEngagement string `form:"PreEngagementData,create"` // a JSON object
	Event         string `form:"Event,update,enum=timeout|callComplete|failedToEnqueue|callFailure"`
}

// trialWire is a test conversation: its execution, and what else its operator needs.
type trialWire struct {
	SID      sid.SID        `json:"sid"` // of the execution
	FlowSID  sid.SID        `json:"flow_sid"`
	Revision int64          `json:"revision"`
	Status   string         `json:"status"` // active or ended
	Reason   string         `json:"reason"` // why it ended, "" at the end of the flow
	Widget   string         `json:"widget"` // where it stands
	Waits    *waitWire      `json:"waits"`  // of the innermost subflow; null after the end
	Context  map[string]any `json:"context"`
	Lines    []lineWire     `json:"lines"`
	Steps    []trialStep    `json:"steps"`
	URL      string         `json:"url"`
}

type waitWire struct {
	For     engine.Kind `json:"for"` // what engine.Kind names: message, http, task, …
	Until   *string     `json:"until"`
	FlowSID sid.SID     `json:"flow_sid"`
	Widget  string      `json:"widget"`
}

type lineWire struct {
	SID         sid.SID   `json:"sid"`
	Kind        string    `json:"kind"` // customer, flow or task
	Author      string    `json:"author"`
	Body        string    `json:"body"`
	MediaURL    string    `json:"media_url"`
	To          string    `json:"to"` // of a message that is not for the customer
	FlowSID     sid.SID   `json:"flow_sid"`
	Widget      string    `json:"widget"`
	Task        *taskWire `json:"task"`
	DateCreated *string   `json:"date_created"`
}

type taskWire struct {
	WorkflowSID string          `json:"workflow_sid"`
	TaskChannel string          `json:"task_channel"`
	Attributes  json.RawMessage `json:"attributes"` // an object
	Priority    int             `json:"priority"`
	Timeout     int             `json:"timeout"`
}

type trialStep struct {
	SID         sid.SID `json:"sid"`
	Name        string  `json:"name"`
	From        string  `json:"transitioned_from"`
	To          string  `json:"transitioned_to"`
	Code        int     `json:"code"`
	Error       string  `json:"error"`
	DateCreated *string `json:"date_created"`
}

const trialsPath = "/Flows/{FlowSid}/TestConversations"

// trials mounts test conversations. They are no list: each is its operator's own, and gone when it is over.
func trials(d Deps) []rest.Mount {
	return []rest.Mount{
		rest.Resource[studio.Trial, trialForm]{
			Path: trialsPath, Key: "test_conversations", Read: manager, Write: manager,
			Get: func(ctx context.Context, c *rest.Call) (studio.Trial, error) {
				return d.Studio.Trial(ctx, c.Actor, c.SID(varFlow), c.SID(varItem))
			},
			Create: func(ctx context.Context, c *rest.Call, in trialForm) (studio.Trial, error) {
				return d.Trials.StartTrial(ctx, c.Actor, flowrun.NewTrial{
					Flow: c.SID(varFlow), Revision: in.Revision, ChannelType: in.ChannelType, Name: in.Name, PreEngagement: in.PreEngagement, Body: in.Body,
				})
			},
			Update: func(ctx context.Context, c *rest.Call, in trialForm) (studio.Trial, error) {
				return d.Trials.ContinueTrial(ctx, c.Actor, c.SID(varFlow), c.SID(varItem), flowrun.TrialInput{Body: in.Body, Event: in.Event})
			},
			Delete: func(ctx context.Context, c *rest.Call) error {
				return d.Trials.EndTrial(ctx, c.Actor, c.SID(varFlow), c.SID(varItem))
			},
			View: viewTrial,
		},
	}
}

func viewTrial(c *rest.Call, v studio.Trial) any {
	w := trialWire{
		SID: v.SID, FlowSID: v.State.FlowSID, Revision: v.Execution.Revision, Status: v.Status(), Reason: v.State.Reason, Widget: v.State.Widget,
		Context: v.Values(), Lines: make([]lineWire, len(v.Lines)), Steps: make([]trialStep, len(v.Steps)),
		URL: flowURL(c, v.State.FlowSID) + "/TestConversations/" + string(v.SID),
	}
	if wait := v.At.State.Wait; v.At.Active && wait != nil {
		w.Waits = &waitWire{For: wait.For, Until: c.Date(wait.Until), FlowSID: v.At.State.FlowSID, Widget: wait.Widget}
	}
	for i := range v.Lines {
		l := &v.Lines[i]
		w.Lines[i] = lineWire{
			SID: l.SID, Kind: l.Kind, Author: l.Author, Body: l.Body, MediaURL: l.Media, To: l.To, FlowSID: l.Flow, Widget: l.Widget,
			DateCreated: c.Date(l.CreatedAt),
		}
		if t := l.Task; t != nil {
			w.Lines[i].Task = &taskWire{t.Workflow, t.TaskChannel, json.RawMessage(t.Attributes), t.Priority, t.Timeout}
		}
	}
	for i := range v.Steps {
		s := &v.Steps[i]
		w.Steps[i] = trialStep{s.SID, s.Name, s.From, s.To, s.Code, s.Error, c.Date(s.CreatedAt)}
	}
	return w
}
