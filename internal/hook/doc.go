// Package hook calls addresses that customers of the installation name: webhooks, external flows and the HTTP requests of
// Studio flows. Such an address is hostile until proven otherwise, and so is what it answers.
//
// Three parts, each usable alone:
//
//   - The guard (Policy, NewTransport, CheckURL) decides where a connection may go. It looks at the address that is dialed,
//     after every name has been resolved, so neither another spelling of an address nor a name that changes its address
//     between two looks gets past it. Redirects meet it again.
//   - Client makes one signed, bounded request and says in one word how it failed (Failure). Sign is the signature that the
//     official libraries check.
//   - Hooks delivers what must arrive: a delivery is a row and a job, committed with the change that it tells of. It is posted at
//     least once, always with the same idempotency token, in the order of its key.
//
// States of a delivery: pending → delivered | failed | refused | canceled | erased; all but erased → pending again by Replay. Who must
// act when a delivery does not arrive names a queue (Notice.Undelivered): the job is committed with the state.
//
// What is sent is sealed apart from the delivery, under the data key of the contact it speaks of: when a contact is erased the
// list of deliveries can still be read, and what was sent cannot. Logs and errors never hold an address, a body or a token.
package hook
