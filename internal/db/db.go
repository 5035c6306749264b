package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"usher/internal/seal"
)

// ErrNotFound says that no row matched, or that it belongs to another account.
var ErrNotFound = errors.New("no such row")

// ErrConflict says that a unique value exists already, or that the row changed since it was read.
var ErrConflict = errors.New("the row conflicts with another write")

// ErrFull says that the disk has no space left: nothing was written, reading goes on.
var ErrFull = errors.New("the disk is full")

// ErrUnavailable says that the database cannot be reached or is shutting down.
var ErrUnavailable = errors.New("the database is unavailable")

// Options say which database to open.
type Options struct {
	// URL is "postgres://…" or the path of an SQLite file.
	URL string
	// Ring seals and opens the documents of rows. Open attaches itself to it as the source of wrapped keys.
	Ring *seal.Ring
	// Readers is the number of read connections; 0 means 4.
	Readers int
}

// DB is an open database with its schema up to date. It is safe for concurrent use.
type DB struct {
	engine engine
	ring   *seal.Ring
	epoch  string
	stmts  atomic.Int64
}

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	do(ctx context.Context, fn func(*Tx) error) error
	view(ctx context.Context, fn func(*Tx) error) error
	// keyView is a view on a connection kept for reading keys: a view that has to open a sealed document must not
	// wait for a connection that another such view holds.
	keyView(ctx context.Context, fn func(*Tx) error) error
	ping(ctx context.Context) error
	close() error
	name() string
}

// Open opens the database, brings its schema up to date and connects the ring to its keys.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Readers == 0 {
		o.Readers = 4
	}
	d := &DB{ring: o.Ring}
	var err error
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		d.engine, err = openPostgres(ctx, o, d)
	} else {
		d.engine, err = openSQLite(ctx, o, d)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if o.Ring != nil {
		o.Ring.Attach(keySource{d})
	}
	if d.epoch, err = d.readEpoch(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.engine.close())
	}
	return d, nil
}

// Do runs fn in a write transaction and returns after its commit. An error of fn undoes what fn did and is returned
// as it is. fn may run more than once.
func (d *DB) Do(ctx context.Context, fn func(*Tx) error) error { return d.engine.do(ctx, fn) }

// View runs fn on one consistent snapshot. fn must not write.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error { return d.engine.view(ctx, fn) }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.engine.ping(ctx) }

// Close finishes the writes under way and closes the database.
func (d *DB) Close() error { return d.engine.close() }

// Dialect is "sqlite" or "postgres".
func (d *DB) Dialect() string { return d.engine.name() }

// Ring is the ring that seals this database's documents.
func (d *DB) Ring() *seal.Ring { return d.ring }

// Statements is how many statements have been run since the start, in all transactions.
func (d *DB) Statements() int64 { return d.stmts.Load() }

// Epoch names this database's history: stream offsets are comparable only within one epoch. It is made with the database.
func (d *DB) Epoch() string { return d.epoch }

// now is the instant of a transaction: UTC, whole microseconds, as the columns keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
