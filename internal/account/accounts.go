package account

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"runtime"
	"sync/atomic"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

// How much the process remembers of credentials.
const (
	actorsKept      = 8192 // verified credentials; about 0.5 KB each
	credentialsKept = 1024 // accounts and keys
	peopleKept      = 4096
)

// Deps is what Accounts needs.
type Deps struct {
	DB *db.DB
}

// Accounts holds the operations of this package. It is safe for concurrent use.
type Accounts struct {
	db *db.DB

	// generation moves on with every change that may take rights away; what
	// was remembered before it counts no more.
	generation  atomic.Uint64
	actors      *memo[[32]byte, Actor]
	credentials *memo[sid.SID, credential]
	standings   *memo[sid.SID, standing]

	failures *backoff
	hashing  chan struct{} // one place per password that is hashed at a time
}

// New returns the operations over a database.
func New(d Deps) *Accounts {
	return &Accounts{
		db:          d.DB,
		actors:      newMemo[[32]byte, Actor](actorsKept),
		credentials: newMemo[sid.SID, credential](credentialsKept),
		standings:   newMemo[sid.SID, standing](peopleKept),
		failures:    newBackoff(),
		hashing:     make(chan struct{}, max(1, runtime.NumCPU())),
	}
}

// changed forgets all remembered credentials once the transaction commits.
func (a *Accounts) changed(tx *db.Tx) {
	tx.AfterCommit(func() { a.generation.Add(1) })
}

// demand returns an error unless the actor holds the grant.
func demand(actor Actor, g Grant) error {
	if !actor.Can(g) {
		return fault.Forbidden("The credentials do not have the grant %s", string(g))
	}
	return nil
}

// missing turns "no such row" into the answer for this path.
func missing(err error, path string) error {
	if errors.Is(err, db.ErrNotFound) {
		return fault.NotFound(path).With(err)
	}
	return err
}

// read runs fn on a snapshot and returns its result.
func read[T any](ctx context.Context, d *db.DB, fn func(tx *db.Tx) (T, error)) (T, error) {
	var out T
	err := d.View(ctx, func(tx *db.Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	return out, err
}

// write runs fn in a transaction and returns its last result.
func write[T any](ctx context.Context, d *db.DB, fn func(tx *db.Tx) (T, error)) (T, error) {
	var out T
	err := d.Do(ctx, func(tx *db.Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

// randomHex returns 128 random bits as 32 lower-case digits: the shape of auth
// tokens on the compatible wire.
func randomHex() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// randomSecret returns more than 256 random bits as letters and digits. Official Go libraries refuse to send a password with
// any other character.
func randomSecret() string { return rand.Text() + rand.Text() }
