// Package studio keeps flows with their revisions, and the executions of flows with their steps.
//
//	flow        draft ⇄ published: each change makes a revision, numbered from 1, that is the one or the other
//	execution   active → ended (the flow came to an end, was ended from outside, or its flow is gone)
//
// # Invariants
//
//   - A published revision is valid; a draft need not be. Revisions never change.
//   - A contact has at most one active execution in a flow; a unique index on the contact's blind index holds that.
//   - An execution stays with the revision that it began with.
//   - What an input does to an execution (its state, its steps, the time that it waits for) is written in one transaction. The
//     effects are handed to a Runner in the same transaction, so that they are recorded with what caused them.
//   - An input for an execution that has ended does nothing.
//
// What a flow means is the business of the subpackages: definition reads flows, engine steps through them. Both are pure.
package studio
