// Package seal encrypts what Usher keeps at rest.
//
// One root key wraps one keyset per account. An account's keyset seals the account's own rows and wraps
// the data keys of its contacts; a contact's rows are sealed under the contact's data key, so that
// destroying that key makes the contact's history unreadable, in backups too.
//
// Every sealed value is bound to its place (table, row, account) by associated data: a value that is moved
// to another row does not open. Equality on a secret (an identity, an e-mail address, a phone number) uses a blind
// index: a keyed HMAC that is stable across key rotation and tells nothing without the key.
//
// The package knows no database: it is told where wrapped keys are kept (Source).
package seal
