// Package db keeps Usher's rows in SQLite or PostgreSQL behind one SQL text.
//
// Writes go through DB.Do, reads through DB.View; both hand out a Tx with one instant (Tx.Now). On SQLite one writer
// runs the closures of many callers in one transaction and answers them after the commit (group commit with
// synchronous=FULL); readers have connections of their own. On PostgreSQL each closure has its own transaction, and
// serialization failures are retried. So a closure passed to Do may run more than once: it must have no effect but
// through its Tx. What should happen after the commit goes into Tx.AfterCommit.
//
// Table binds a Go type to a table: a few columns that are looked up by, and one sealed document with everything
// else. What differs between the two databases stays in this package: connection strings, pragmas, lock
// suffixes, error codes, and the three macros of the migrations ({{id}}, {{text}}, {{bytes}}, and {{row}} made of them).
//
// Columns are bigint (numbers, times in microseconds, truth as 0 and 1), {{text}} or {{bytes}}; nothing else, so that one
// SQL text serves both databases. SQL never calls now(), random or JSON functions.
package db
