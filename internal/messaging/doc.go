// Package messaging keeps the messages that carriers bring and take, and the account's addresses: phone numbers, short codes,
// senders of other channels, the applications that answer them and the services that pool them.
//
// An outgoing message's life:
//
//	scheduled ─► accepted | queued ─► sending ─► sent ─► delivered ─► read
//	    │              │                 │         │
//	    ▼              └────────┬────────┴─────────┤
//	 canceled                 failed          undelivered
//
// Each state may be passed over on the way to a later one; none is gone back to, however late or out of order a carrier's
// receipts come. An incoming message is received from the beginning.
//
// Invariants:
//   - The same name of a carrier's message makes at most one incoming message on a connection.
//   - What a message says, and who wrote it to whom, is sealed under the data key of the customer's address.
//   - A message is sent because a row says so: CreateTx tells message.queued, in the transaction that writes the row; every
//     later step of it tells message.status, and an incoming one message.received.
//   - A customer who has opted out of a sender gets nothing more from it (21610), but for the confirmation.
//
// The package knows rules and rows. Who sends, who posts webhooks and who answers are sentences of floor 3.
package messaging
