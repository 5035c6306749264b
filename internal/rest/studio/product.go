// Package studio is the Studio API: flows with their revisions and test users, and executions with their contexts and steps.
// Version 2 is whole; version 1 has what old scripts use. It never made flows, and knows executions under two names.
package studio

import (
	"slices"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/rest"
	"usher/internal/studio"
	"usher/internal/studio/engine"
)

// Deps are what the product is made of.
type Deps struct {
	Studio *studio.Studio
	// Runner carries out what executions ask for; without one they are refused with 503.
	Runner studio.Runner
}

// Product returns version 2 of the Studio API.
func Product(d Deps) rest.Product {
	d.fill()
	return rest.Product{Name: "studio", Version: "v2", Routes: slices.Concat(
		[]rest.Mount{flows(d), validate(d), revisions(d), getTestUsers(d), setTestUsers(d)}, runs(d, executionPaths),
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
}

// absent stands for the Runner that is missing.
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
