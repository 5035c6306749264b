// Package proxy is masked conversations: two people talk to each other by numbers of the account's own and never see the other's.
//
// A service has a pool of numbers and rules. A session is one conversation; it has at most two participants. A participant has an
// identifier (a telephone number, an address such as whatsapp:+1…, or, in message-only sessions, a chat channel CH…) and a proxy
// identifier: the number of the pool by which this participant reaches the other one, and from which the other's words come. An
// interaction is one message that passed.
//
// Invariant: among active participants (those of active sessions) a pair of identifier and number of the pool stands for one
// participant, by a unique index. So one number serves many sessions, and what arrives at it from somebody belongs to one of them.
//
// States of a session:
//
//	         first interaction
//	open ───────────────────────► in-progress ◄──────┐
//	  │   (or asked for)              │               │ asked for, when no pair was given away meanwhile
//	  │  asked for, or time is over   │               │
//	  └───────────────┬───────────────┘               │
//	                  ▼                               │
//	                closed ───────────────────────────┘   ─► gone, Retention after its end
//
// open and in-progress are active. "failed" and "unknown" are words of the wire that no session here ever has. A session's time is over
// at its date of expiry or, where it has none, ttl seconds after it was made, reopened, or last passed a message, whichever was last;
// ttl 0 is no end. Sweep closes what is over, by an index, in batches; nothing that is over is routed even before the sweep has come.
//
// Identifiers, names and words are sealed. What is looked for by them is found through blind indexes.
//
// The package knows rules and rows. That a message arrives, is passed on and what callbacks hear of it are sentences of floor 3.
package proxy
