// Package dbtest gives tests a fresh database: SQLite in a temporary folder, and PostgreSQL on a private cluster that it
// starts itself from the programs of this machine, or on the server that TEST_PG names.
//
// Every test gets a database of its own. On PostgreSQL it is a copy of a template that was migrated once per test program,
// so it costs some ten milliseconds.
package dbtest
