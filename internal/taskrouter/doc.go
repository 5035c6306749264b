// Package taskrouter keeps workspaces, workers, queues and workflows, and routes tasks to workers.
//
// # States
//
//	task         pending → reserved → assigned → wrapping → completed
//	             pending, reserved → canceled (asked for, its life over, its workflow over, refused too often)
//	             reserved → pending (rejected, timed out)
//	reservation  pending → accepted → wrapping → completed
//	             pending → rejected | timeout | canceled | rescinded
//
// A workspace has one owner loop (Router). It keeps the workspace in memory as a route.State, which it builds from the
// rows once and then feeds with each committed change. Its decisions are written in groups, each under the condition
// that task and worker still have the versions that it saw; what does not fit any more is read anew and decided again.
// Everything else (accept, reject, complete, cancel …) is an operation of its own transaction.
//
// # Invariants
//
//   - A task has at most one live reservation per worker and one that is accepted; unique indexes hold that.
//   - A reservation is written only while its worker is unchanged since the router saw the worker available with
//     capacity left.
//   - Events are appended in the transaction that changes the rows, on the worker's stream and on the workspace's.
//   - Rows are locked in the order task, reservation, worker, workspace, each by ascending id.
package taskrouter
