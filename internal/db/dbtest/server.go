package dbtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"
)

// server answers the address of the server for this test program: the one that TEST_PG names, or one started now, which
// ends with the program.
var server = sync.OnceValues(func() (string, error) {
	if dsn := os.Getenv(EnvPostgres); dsn != "" {
		return dsn, nil
	}
	p, err := StartPostgres(context.Background(), PostgresOptions{})
	if err != nil {
		return "", err
	}
	return p.DSN(), nil
})

// Address answers the address of a fresh, empty PostgreSQL database that goes with the test. Where there is no
// PostgreSQL the test is skipped and says so; with CI set it fails.
func Address(t *testing.T) string {
	t.Helper()
	return fresh(t, "")
}

func fresh(t *testing.T, template string) string {
	t.Helper()
	dsn := serverAddress(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address, name, err := CreateDatabase(ctx, dsn, template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := DropDatabase(ctx, dsn, name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return address
}

func serverAddress(t *testing.T) string {
	t.Helper()
	dsn, err := server()
	if errors.Is(err, ErrNoPostgres) && os.Getenv("CI") == "" {
		t.Skipf("LEFT OUT: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}
