// Package chat keeps conversations: services, their roles and users, channels
// with members, and messages in order. It knows the rules of the compatible
// wire and nothing about HTTP or sockets.
//
// # What belongs to what
//
//	Service ─┬─ Role      a set of permissions, for the service or for a channel
//	         ├─ User      an identity of the service; owns a stream of events
//	         └─ Channel   owns a stream of events
//	              ├─ Member   a user in the channel, with a role and a read horizon
//	              ├─ Invite   asks a user in; ends when it joins, declines or is uninvited
//	              └─ Message  index 0, 1, 2 … without gaps when written
//
// # A channel's life
//
//	CreateChannel ──► open ──DeleteChannel──► removed ──Purge──► (no rows)
//
// A removed channel is invisible at once: no lookup finds it, its unique name
// is free and its members are gone. What is left of its messages is deleted in
// bounded batches by Purge. A removed service goes the same way.
//
// # Invariants
//
//   - A message's index is one more than that of the message before it in the
//     channel, from 0. Deleting leaves a gap; an index is never given twice.
//   - A channel's stream offset (head) grows by one for every event of the
//     channel, in the transaction that writes the event.
//   - messages_count and members_count are the numbers of rows that exist.
//   - A client id names at most one message of its author in a channel: a
//     repeated send returns the first message.
//   - What an actor may do is decided in the transaction that does it. Sending
//     uses what is remembered about the sender, and the statement that takes
//     the index refuses when the channel's members (member_epoch) or the
//     service's roles (role_epoch) have changed since; see seat.
//   - Bodies, names, identities and attributes are only in sealed documents.
//     Equality on an identity or unique name is a blind index.
//   - Rows of a customer's channel (channel, members, messages, their events)
//     are sealed under the channel's data key, so that destroying the key
//     destroys the conversation.
//
// # Webhooks
//
// A Gate is asked before what a client does, and may refuse or amend it. Events
// whose origin is to be told carry it (event.Origin); whoever subscribes tells.
// What is asked and told depends on the way by which an action comes: see
// ByRequest. Webhooks of single channels, credentials and devices for push
// notifications are in packages of their own below this one.
//
// # Who may do what
//
// The account itself (grant chat.write) may do everything. An actor with the
// grant chat.read sees everything of the account. Everybody else sees the
// channels in which it is a member and gets 20404 for the rest. What such an
// actor may change follows from the permissions of its role in the service and
// its role in the channel, together; a missing one is 50107.
package chat
