package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/seal"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// Each runs fn as the subtests sqlite and postgres, in parallel, each on a fresh database with its schema up to date.
// The postgres subtest is skipped where there is no PostgreSQL; with CI set it fails.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, PostgreSQL(t))
	})
}

// SQLite opens a fresh SQLite database that goes with the test.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "usher.db")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(t, path)
}

// PostgreSQL opens a fresh PostgreSQL database that goes with the test.
func PostgreSQL(t *testing.T) *db.DB {
	t.Helper()
	serverAddress(t) // skips or fails the test where there is none
	template, err := postgresTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return Open(t, fresh(t, template))
}

// Open opens the database at url, which several tests of a program may share: the root key is the same for all of them.
// The database is closed when the test ends.
func Open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := open(context.WithoutCancel(t.Context()), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return d
}

func open(ctx context.Context, url string) (*db.DB, error) {
	root, err := rootKey()
	if err != nil {
		return nil, err
	}
	return db.Open(ctx, db.Options{URL: url, Ring: seal.New(root)})
}

// rootKey makes this program's root key. Every database gets a ring of its own over it, as every process has.
var rootKey = sync.OnceValues(func() (tink.AEAD, error) {
	dir, err := os.MkdirTemp("", "usher-key-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return seal.CreateRoot(filepath.Join(dir, "root.key"))
})

// sqliteTemplate answers the bytes of a database whose schema is up to date. Copying them is cheaper than migrating.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "usher-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "usher.db")
	if err := migrate(path); err != nil {
		return nil, fmt.Errorf("sqlite template: %w", err)
	}
	return os.ReadFile(path)
})

// postgresTemplate answers the name of a database whose schema is up to date, for this program's tests to copy.
var postgresTemplate = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dsn, err := server()
	if err != nil {
		return "", err
	}
	address, name, err := CreateDatabase(ctx, dsn, "")
	if err != nil {
		return "", err
	}
	if err := migrate(address); err != nil {
		return "", errors.Join(fmt.Errorf("postgres template: %w", err), DropDatabase(ctx, dsn, name))
	}
	return name, nil
})

func migrate(url string) error {
	d, err := open(context.Background(), url)
	if err != nil {
		return err
	}
	return d.Close()
}
