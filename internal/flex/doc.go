// Package flex knows what connects a customer to the contact center: Flex Flows (what happens to messages that arrive by one
// kind of channel), contacts (a customer's identity, and the data key of everything the customer wrote), Flex
// channels (which contact talks in which chat channel, by which flow, about which task) and the account's Flex
// configuration.
//
// A Flex channel's life:
//
//	Open ─► open, no task ─► open, task ─► closed            (a flow that is not long-lived)
//	            ▲               │
//	            └───────────────┘                            (long-lived: the task ends, the channel stays)
//
// Invariants: at most one channel per flow and contact is open (a unique index); a channel has at most one live task.
//
// The package knows rules and rows. What creates tasks, joins agents and closes channels are sentences of floor 3.
package flex
