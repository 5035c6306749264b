// Package route decides which worker gets which task. It is pure: values go in, decisions come out, and the clock is
// an argument. The rows, the transactions and the timers around it are package taskrouter's.
//
// A State holds one workspace. Workers are put into crews, one per distinct queue expression, when a worker or a queue
// changes; never per task. A crew keeps, per task channel, a desk: the workers that are ready, best first, beside the
// lanes of waiting tasks, best first. A desk with both sides filled is hot, and Assign works off the hot desks in the
// order of their first tasks. Nothing is scanned: a task costs O(log n) however many others wait.
//
//	desk (crew × channel × order_by)
//	  ready  ── workers, idle ones first, the longest idle first
//	  lanes  ── tasks that the same workers may take, by priority and age
//
// Invariants, held by the tests against a small model: a worker never holds more than its channel's capacity, a task
// has at most one live reservation per worker, and after Assign no waiting task has a ready worker who may take it.
package route
