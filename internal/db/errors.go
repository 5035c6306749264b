package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// mapError gives a driver's error one of this package's names and keeps the cause.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return mapSQLite(lite)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return mapPostgres(pg)
	}
	var network net.Error
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func mapSQLite(err *sqlite.Error) error {
	switch code := err.Code(); {
	case code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case code&0xff == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR_WRITE, code == sqlite3.SQLITE_IOERR_FSYNC,
		code == sqlite3.SQLITE_IOERR_SHMSIZE, code == sqlite3.SQLITE_IOERR_TRUNCATE:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case code&0xff == sqlite3.SQLITE_BUSY, code&0xff == sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// Class codes of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
func mapPostgres(err *pgconn.PgError) error {
	switch {
	case err.Code == "23505":
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case err.Code == "53100":
		return fmt.Errorf("%w: %w", ErrFull, err)
	case len(err.Code) == 5 && (err.Code[:2] == "08" || err.Code[:2] == "57" || err.Code[:2] == "53"):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// retryable says that PostgreSQL asks to run the transaction again: serialization failure or deadlock.
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
