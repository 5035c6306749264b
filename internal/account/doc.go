// Package account knows who is asking and what they may do: accounts with their
// auth tokens, API keys, access tokens, and the people who sign in to the desk.
//
// Whatever the credentials, they become one Actor. Products ask the actor for
// grants (Actor.Can) and for its account, and never look at credentials.
//
//	Basic AC… and an auth token        → owner
//	Basic SK… and the key's secret     → owner, without account.manage
//	Basic "token" and an access token  → the role that the token names: admin,
//	                                     supervisor, agent or visitor
//
// An account's status:
//
//	active ⇄ suspended → closed
//	active → closed
//
// Invariants:
//   - Only an active account, whose parent is active too, can authenticate.
//   - A subaccount belongs to one parent and has none of its own.
//   - Auth tokens and key secrets are sealed, because they are shown again (auth
//     tokens) or sign access tokens (secrets). Session and link secrets are kept
//     as hashes only, passwords as argon2id.
//   - An access token dies with its key, its account and its person: at once in
//     the process that made the change, and within staleAfter everywhere else.
package account
