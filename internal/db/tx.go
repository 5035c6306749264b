package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Tx is a transaction. It must not be used after the closure that got it has returned.
type Tx struct {
	// Now is the transaction's instant: rows that are written together agree on it.
	Now time.Time

	ctx    context.Context //nolint:containedctx // the transaction's own, as in database/sql
	db     *DB
	conn   querier
	lock   string // suffix of a locking select
	after  []func()
	writes int
	single bool    // SQLite: inserts can report their id without RETURNING
	memory *memory // SQLite's writer: what it remembers of steady tables; nil elsewhere
}

// querier runs prepared statements on one connection.
type querier interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
}

// Rows iterates over a result. It is *sql.Rows under a name of this package's own, because SQL types stay here.
type Rows = sql.Rows

// Row is a result of at most one row.
type result struct {
	rows *sql.Rows
	err  error
}

// Context is the context that the transaction runs under.
func (t *Tx) Context() context.Context { return t.ctx }

// DB is the database that the transaction belongs to.
func (t *Tx) DB() *DB { return t.db }

// Exec runs a statement with $1-style parameters and returns the number of rows that it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	t.writes++
	t.db.stmts.Add(1)
	res, err := t.conn.exec(t.ctx, query, args)
	if err != nil {
		return 0, mapError(err)
	}
	n, err := res.RowsAffected()
	return n, mapError(err)
}

// Query runs a select. The caller closes the rows.
func (t *Tx) Query(query string, args ...any) (*Rows, error) {
	t.db.stmts.Add(1)
	rows, err := t.conn.query(t.ctx, query, args)
	return rows, mapError(err)
}

// Returning runs a statement that changes rows and scans the one row that it returns; ErrNotFound when it changed none.
func (t *Tx) Returning(query string, args []any, dest ...any) error {
	t.writes++
	return t.QueryRow(query, args...).Scan(dest...)
}

// QueryRow runs a select of one row; see result.Scan.
func (t *Tx) QueryRow(query string, args ...any) *result { //nolint:revive // as in database/sql, the type has only Scan
	t.db.stmts.Add(1)
	rows, err := t.conn.query(t.ctx, query, args)
	return &result{rows, err}
}

// Scan copies the row's columns into dest; ErrNotFound when there is none.
func (r *result) Scan(dest ...any) error {
	if r.err != nil {
		return mapError(r.err)
	}
	if !r.rows.Next() {
		err := r.rows.Err()
		if closeErr := r.rows.Close(); err == nil {
			err = closeErr
		}
		if err == nil {
			return ErrNotFound
		}
		return mapError(err)
	}
	err := r.rows.Scan(dest...)
	return mapError(errors.Join(err, r.rows.Close()))
}

// AfterCommit runs fn once the transaction has committed, in the order of commits on SQLite. fn must not block.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// LockSuffix ends a select that should lock its rows: " for update" on PostgreSQL, nothing on SQLite, whose writers are alone.
func (t *Tx) LockSuffix() string { return t.lock }

// SkipLocked ends a select that claims rows: " for update skip locked" on PostgreSQL, nothing on SQLite.
func (t *Tx) SkipLocked() string {
	if t.lock == "" {
		return ""
	}
	return t.lock + " skip locked"
}

// In writes a list of n parameters that begins at $first: "$3, $4, $5".
func In(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}

// Pad repeats the last of a list's parameters until there are 1, 4, 16, 64… of them: each length is a statement that a connection
// keeps prepared.
func Pad(args []any) []any {
	n := 1
	for n < len(args) {
		n *= 4
	}
	for len(args) > 0 && len(args) < n {
		args = append(args, args[len(args)-1])
	}
	return args
}

// Micros is the stored form of a time: microseconds since 1970 UTC, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the opposite of Micros.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// guard runs fn and turns a panic into an error, so that one caller's mistake does not stop the writer.
func guard(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("transaction: panic: %v", p)
		}
	}()
	return fn(tx)
}
