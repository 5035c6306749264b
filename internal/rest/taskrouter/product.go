// Package taskrouter is the REST form of task routing: version 1 of the TaskRouter API, at /taskrouter/v1.
//
// There is one file per resource. Shapes are facts of the wire that Usher is compatible with; what an operation does, and to
// whose workers and tasks an access token reaches, is decided by package internal/taskrouter.
package taskrouter

import (
	"slices"
	"strings"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/rest"
	"usher/internal/sid"
	"usher/internal/taskrouter"
)

// Product lists what the TaskRouter API answers. Its pages are reached by token alone: Page is refused with 40153.
func Product(t *taskrouter.TaskRouter) rest.Product {
	return rest.Product{
		Name: "taskrouter", Version: "v1", Cursors: true,
		Routes: slices.Concat(
			[]rest.Mount{workspaces(t), activities(t)}, workers(t),
			// The event bridge of browser libraries says WorkerChannels.
			[]rest.Mount{workerChannels(t, "Channels"), workerChannels(t, "WorkerChannels")},
			[]rest.Mount{taskChannels(t), taskQueues(t), workflows(t)}, tasks(t),
			[]rest.Mount{taskReservations(t), workerReservations(t)},
		),
	}
}

// Who may call at all.
var (
	reader     = []account.Grant{account.TaskRouterRead}
	manager    = []account.Grant{account.TaskRouterManage}
	supervisor = []account.Grant{account.TaskRouterSupervise, account.TaskRouterManage}
	worker     = []account.Grant{account.TaskRouterWork, account.TaskRouterSupervise, account.TaskRouterManage}
)

// Path variables.
const (
	varWorkspace = "WorkspaceSid"
	varWorker    = "WorkerSid"
	varTask      = "TaskSid"
	varItem      = "Sid"
)

// The orders of a queue, and of queues among each other.
const (
	fifo = "FIFO"
	lifo = "LIFO"
)

func order(last bool) string {
	if last {
		return lifo
	}
	return fifo
}

// lastFirst is the parameter of order.
func lastFirst(o rest.Opt[string]) *bool {
	if !o.Set {
		return nil
	}
	last := o.V == lifo
	return &last
}

func workspaceURL(c *rest.Call, ws sid.SID) string { return c.URL("/Workspaces/", string(ws)) }

// optional is null for an empty value.
func optional[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// linkTo is the URL of what a resource may refer to, null where it does not.
func linkTo(base string, s sid.SID) *string {
	if s == "" {
		return nil
	}
	url := base + string(s)
	return &url
}

// truthy reads flags that the wire declares as text: true, 1 and yes are true, everything else is false.
func truthy(s string) bool {
	return s == "1" || strings.EqualFold(s, "true") || strings.EqualFold(s, "yes")
}

// flag is a truthy filter that may be absent.
func flag(o rest.Opt[string]) *bool {
	if o.V == "" {
		return nil
	}
	v := truthy(o.V)
	return &v
}

// descending reads Ordering: "Attribute:asc" or "Attribute:desc". Lists are kept in the order of creation, forward and
// backward; another order is refused and not silently left out.
func descending(ordering string) (bool, error) {
	if ordering == "" {
		return false, nil
	}
	attribute, direction, _ := strings.Cut(ordering, ":")
	if attribute != "DateCreated" {
		return false, fault.Invalid("Invalid value for parameter Ordering: only DateCreated:asc and DateCreated:desc are supported")
	}
	switch {
	case direction == "", strings.EqualFold(direction, "asc"):
		return false, nil
	case strings.EqualFold(direction, "desc"):
		return true, nil
	}
	return false, fault.Invalid("Invalid value for parameter Ordering: only DateCreated:asc and DateCreated:desc are supported")
}
