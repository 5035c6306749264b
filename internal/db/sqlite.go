package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
)

// groupMost is the most closures that one SQLite transaction carries. Beyond it the gain is small and the wait grows.
const groupMost = 256

// sqliteEngine has one writer connection and a few read connections on one file.
type sqliteEngine struct {
	db      *DB
	pool    *sql.DB
	readers chan *cachedConn
	keys    chan *cachedConn // one connection, for keyView
	calls   chan *call
	done    chan []*call
	mu      sync.RWMutex // held for reading while a call is handed in, for writing while closing
	closed  bool
	wait    sync.WaitGroup
}

// call is one closure on its way through the writer.
type call struct {
	fn    func(*Tx) error
	err   error
	after []func()
	done  chan struct{}
}

func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{}
	for _, pragma := range []string{
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(0)",
		"temp_store(MEMORY)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)",
	} {
		q.Add("_pragma", pragma)
	}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
		q.Add("_pragma", "cache_size(-8192)")
	} else {
		q.Add("_pragma", "cache_size(-65536)")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func openSQLite(ctx context.Context, o Options, d *DB) (*sqliteEngine, error) {
	if err := os.MkdirAll(filepath.Dir(o.URL), 0o700); err != nil {
		return nil, err
	}
	if err := private(o.URL); err != nil {
		return nil, err
	}
	writer, err := sql.Open("sqlite", sqliteDSN(o.URL, false))
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := migrateSchema(ctx, "sqlite", writer); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	pool, err := sql.Open("sqlite", sqliteDSN(o.URL, true))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	pool.SetMaxOpenConns(o.Readers + 1)
	pool.SetMaxIdleConns(o.Readers + 1)
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, writer.Close(), pool.Close())
	}
	e := &sqliteEngine{
		db: d, pool: pool, readers: make(chan *cachedConn, o.Readers), keys: make(chan *cachedConn, 1),
		calls: make(chan *call, 4*groupMost), done: make(chan []*call, 4),
	}
	for range o.Readers {
		e.readers <- nil // opened at first use
	}
	e.keys <- nil
	e.wait.Add(2)
	go e.write(writer, &cachedConn{conn: conn, stmts: map[string]*statement{}, memory: newMemory()})
	go e.answer()
	return e, nil
}

// private makes the file, when it is new, and keeps others out. SQLite gives the file beside it, the log, the mode that it
// finds, so this comes first.
func private(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(file.Chmod(0o600), file.Close())
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) ping(ctx context.Context) error {
	return e.view(ctx, func(tx *Tx) error {
		var one int
		return tx.QueryRow("select 1").Scan(&one)
	})
}

func (e *sqliteEngine) do(ctx context.Context, fn func(*Tx) error) error {
	c := &call{fn: fn, done: make(chan struct{})}
	e.mu.RLock()
	if e.closed {
		e.mu.RUnlock()
		return ErrUnavailable
	}
	select {
	case e.calls <- c:
		e.mu.RUnlock()
	case <-ctx.Done():
		e.mu.RUnlock()
		return ctx.Err()
	}
	// Once handed in, the closure runs to its end: an answer "canceled" for something that was committed would be a lie.
	<-c.done
	return c.err
}

func (e *sqliteEngine) view(ctx context.Context, fn func(*Tx) error) error {
	return e.viewFrom(ctx, e.readers, fn)
}

func (e *sqliteEngine) keyView(ctx context.Context, fn func(*Tx) error) error {
	return e.viewFrom(ctx, e.keys, fn)
}

func (e *sqliteEngine) viewFrom(ctx context.Context, from chan *cachedConn, fn func(*Tx) error) error {
	var c *cachedConn
	select {
	case c = <-from:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { from <- c }()
	if c == nil {
		conn, err := e.pool.Conn(context.WithoutCancel(ctx))
		if err != nil {
			return mapError(err)
		}
		c = &cachedConn{conn: conn, stmts: map[string]*statement{}}
	}
	// Statements run under a context that cannot be canceled: the driver would start a goroutine for each.
	background := context.Background()
	if _, err := c.exec(background, "begin", nil); err != nil {
		return mapError(err)
	}
	tx := &Tx{Now: now(), ctx: background, db: e.db, conn: c}
	err := guard(fn, tx)
	if _, end := c.exec(background, "commit", nil); end != nil {
		err = errors.Join(err, mapError(end))
		_, _ = c.exec(background, "rollback", nil)
	}
	return err
}

// write is the writer: it takes what waits, up to groupMost closures, and runs it as one transaction.
func (e *sqliteEngine) write(writer *sql.DB, conn *cachedConn) {
	defer e.wait.Done()
	defer close(e.done)
	defer func() {
		conn.close()
		_ = writer.Close()
	}()
	for first := range e.calls {
		group := []*call{first}
	collect:
		for len(group) < groupMost {
			select {
			case c, ok := <-e.calls:
				if !ok {
					break collect
				}
				group = append(group, c)
			default:
				break collect
			}
		}
		e.commit(conn, group)
		e.done <- group
	}
}

// answer reports outcomes behind the writer's back, so that the next group is written meanwhile.
func (e *sqliteEngine) answer() {
	defer e.wait.Done()
	for group := range e.done {
		for _, c := range group {
			for _, fn := range c.after {
				fn()
			}
			close(c.done)
		}
	}
}

// commit runs a group. Closures that fail before they wrote anything cost nothing; when one fails later, the whole
// transaction is rolled back and run again with a savepoint around each closure.
func (e *sqliteEngine) commit(conn *cachedConn, group []*call) {
	if e.attempt(conn, group, false) {
		return
	}
	e.attempt(conn, group, true)
}

func (e *sqliteEngine) attempt(conn *cachedConn, group []*call, savepoints bool) bool {
	ctx := context.Background()
	if _, err := conn.exec(ctx, "begin immediate", nil); err != nil {
		fail(group, mapError(err))
		return true
	}
	if err := conn.remind(ctx); err != nil {
		_, _ = conn.exec(ctx, "rollback", nil)
		fail(group, mapError(err))
		return true
	}
	instant := now()
	for _, c := range group {
		tx := &Tx{Now: instant, ctx: ctx, db: e.db, conn: conn, single: true, memory: conn.memory}
		if savepoints {
			_, c.err = conn.exec(ctx, "savepoint one", nil)
		}
		if !savepoints || c.err == nil {
			c.err = guard(c.fn, tx)
		}
		c.after = tx.after
		if c.err != nil {
			c.after = nil
		}
		if c.err != nil && tx.writes > 0 && !savepoints {
			_, _ = conn.exec(ctx, "rollback", nil)
			return len(group) == 1
		}
		if savepoints {
			if c.err != nil {
				_, _ = conn.exec(ctx, "rollback to one", nil)
			}
			_, _ = conn.exec(ctx, "release one", nil)
		}
	}
	if _, err := conn.exec(ctx, "commit", nil); err != nil {
		_, _ = conn.exec(ctx, "rollback", nil)
		fail(group, fmt.Errorf("commit: %w", mapError(err)))
	}
	return true
}

// fail gives every closure of a group that has no error of its own the group's.
func fail(group []*call, err error) {
	for _, c := range group {
		if c.err == nil {
			c.err = err
		}
		c.after = nil
	}
}

func (e *sqliteEngine) close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	close(e.calls)
	e.mu.Unlock()
	e.wait.Wait()
	for range cap(e.readers) {
		if c := <-e.readers; c != nil {
			c.close()
		}
	}
	if c := <-e.keys; c != nil {
		c.close()
	}
	return e.pool.Close()
}

// cachedConn keeps one prepared statement per text on one connection.
type cachedConn struct {
	conn   *sql.Conn
	stmts  map[string]*statement
	memory *memory // the writer's; nil for readers
}

// statement is a prepared one, and the tables that it may change.
type statement struct {
	*sql.Stmt
	changes []string
}

func (c *cachedConn) prepare(ctx context.Context, query string) (*statement, error) {
	s, ok := c.stmts[query]
	if !ok {
		stmt, err := c.conn.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		s = &statement{stmt, changes(query)}
		c.stmts[query] = s
	}
	if c.memory != nil && len(s.changes) > 0 {
		c.memory.touch(s.changes)
	}
	return s, nil
}

func (c *cachedConn) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *cachedConn) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// remind begins a group in the memory: it forgets everything if another process has written meanwhile.
func (c *cachedConn) remind(ctx context.Context) error {
	var version int64
	rows, err := c.query(ctx, "pragma data_version", nil)
	if err := (&result{rows, err}).Scan(&version); err != nil {
		return err
	}
	c.memory.begin(version)
	return nil
}

func (c *cachedConn) close() {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	_ = c.conn.Close()
}
