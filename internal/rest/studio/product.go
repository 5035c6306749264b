// Package studio is the Studio API: flows with their revisions and test users, and executions with their contexts and steps.
// Version 2 is whole; version 1 has what old scripts use. It never made flows, and knows executions under two names.
package studio

import (
	"context"
	"slices"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/flowrun"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// Deps are what the product is made of.
type Deps struct {
	Studio *studio.Studio
	// Runner carries out what executions ask for; without one they are refused with 503.
	Runner studio.Runner
	// Trials has test conversations; without it they are refused with 503.
	Trials Trials
}

// Product returns version 2 of the Studio API.
func Product(d Deps) rest.Product {
	d.fill()
	return rest.Product{Name: "studio", Version: "v2", Routes: slices.Concat(
		[]rest.Mount{flows(d), validate(d), revisions(d), getTestUsers(d), setTestUsers(d)}, runs(d, executionPaths), trials(d),
	)}
}

// Version1 returns version 1 of the Studio API.
func Version1(d Deps) rest.Product {
	d.fill()
	return rest.Product{Name: "studio", Version: "v1", Routes: slices.Concat(
		[]rest.Mount{oldFlows(d)}, runs(d, executionPaths), runs(d, engagementPaths),
	)}
}

func (d *Deps) fill() {
	if d.Runner == nil {
		d.Runner = absent{}
	}
	if d.Trials == nil {
		d.Trials = absent{}
	}
}

// absent stands for what is missing.
type absent struct{}

// RunTx refuses.
func (absent) RunTx(*db.Tx, *studio.Execution, []engine.Effect) error {
	return fault.Unavailable(0, nil)
}

// KeyTx knows nobody.
func (absent) KeyTx(*db.Tx, int64, string) (int64, error) { return 0, nil }

// Names of path variables.
const (
	varFlow      = "FlowSid"
	varExecution = "ExecutionSid"
	varItem      = "Sid"
)

// Who may call.
var (
	reader  = []account.Grant{account.ChatRead}
	manager = []account.Grant{account.FlexManage}
)

// StartTrial refuses.
func (absent) StartTrial(context.Context, account.Actor, flowrun.NewTrial) (studio.Trial, error) {
	return studio.Trial{}, fault.Unavailable(0, nil)
}

// ContinueTrial refuses.
func (absent) ContinueTrial(context.Context, account.Actor, sid.SID, sid.SID, flowrun.TrialInput) (studio.Trial, error) {
	return studio.Trial{}, fault.Unavailable(0, nil)
}

// EndTrial refuses.
func (absent) EndTrial(context.Context, account.Actor, sid.SID, sid.SID) error {
	return fault.Unavailable(0, nil)
}
