package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	// The PostgreSQL driver registers itself with database/sql under the name "pgx".
	_ "github.com/jackc/pgx/v5/stdlib"
)

// serializationTries bounds how often a transaction is run again before its conflict is reported.
const serializationTries = 12

// postgresEngine gives each closure its own transaction. Reads have a pool of their own, so that a write
// that has to look something up never waits for a connection which only another write can return.
type postgresEngine struct {
	db     *DB
	writes *sql.DB
	reads  *sql.DB
	keys   *sql.DB
}

func openPostgres(ctx context.Context, o Options, d *DB) (*postgresEngine, error) {
	writes, err := sql.Open("pgx", o.URL)
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(4 * o.Readers)
	writes.SetMaxIdleConns(4 * o.Readers)
	if err := migrateSchema(ctx, "postgres", writes); err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads, err := sql.Open("pgx", o.URL)
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads.SetMaxOpenConns(2 * o.Readers)
	reads.SetMaxIdleConns(2 * o.Readers)
	keys, err := sql.Open("pgx", o.URL)
	if err != nil {
		return nil, errors.Join(err, writes.Close(), reads.Close())
	}
	keys.SetMaxOpenConns(1)
	return &postgresEngine{db: d, writes: writes, reads: reads, keys: keys}, nil
}

func (e *postgresEngine) name() string { return "postgres" }

func (e *postgresEngine) ping(ctx context.Context) error { return mapError(e.reads.PingContext(ctx)) }

func (e *postgresEngine) close() error {
	return errors.Join(e.writes.Close(), e.reads.Close(), e.keys.Close())
}

func (e *postgresEngine) do(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := e.once(ctx, fn)
		if err == nil || !retryable(err) || try == serializationTries {
			return err
		}
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 6))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

func (e *postgresEngine) once(ctx context.Context, fn func(*Tx) error) error {
	// A started transaction is not canceled from outside: its outcome must be known.
	ctx = context.WithoutCancel(ctx)
	sqlTx, err := e.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	tx := &Tx{Now: now(), ctx: ctx, db: e.db, conn: pgConn{sqlTx}, lock: " for update"}
	if err := guard(fn, tx); err != nil {
		if end := sqlTx.Rollback(); end != nil && !errors.Is(end, sql.ErrTxDone) {
			return errors.Join(err, mapError(end))
		}
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", mapError(err))
	}
	for _, after := range tx.after {
		after()
	}
	return nil
}

func (e *postgresEngine) view(ctx context.Context, fn func(*Tx) error) error {
	return e.viewFrom(ctx, e.reads, fn)
}

func (e *postgresEngine) keyView(ctx context.Context, fn func(*Tx) error) error {
	return e.viewFrom(ctx, e.keys, fn)
}

func (e *postgresEngine) viewFrom(ctx context.Context, from *sql.DB, fn func(*Tx) error) error {
	sqlTx, err := from.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	err = guard(fn, &Tx{Now: now(), ctx: ctx, db: e.db, conn: pgConn{sqlTx}})
	if end := sqlTx.Rollback(); end != nil && !errors.Is(end, sql.ErrTxDone) && err == nil {
		return mapError(end)
	}
	return err
}

// pgConn leaves preparing to pgx, which caches statements per connection.
type pgConn struct{ tx *sql.Tx }

func (c pgConn) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return c.tx.ExecContext(ctx, query, args...)
}

func (c pgConn) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return c.tx.QueryContext(ctx, query, args...)
}
