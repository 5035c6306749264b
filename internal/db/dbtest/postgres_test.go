package dbtest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestStartPostgres(t *testing.T) {
	t.Parallel()
	start := time.Now()
	p, err := StartPostgres(t.Context(), PostgresOptions{})
	if errors.Is(err, ErrNoPostgres) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(start))
	address, name, err := CreateDatabase(t.Context(), p.DSN(), "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	var got, fsync string
	if err := conn.QueryRow(t.Context(), "select current_database(), current_setting('fsync')").Scan(&got, &fsync); err != nil {
		t.Fatal(err)
	}
	if got != name || fsync != "off" {
		t.Errorf("database %q, fsync %q; want %q, off", got, fsync, name)
	}
	if err := DropDatabase(t.Context(), p.DSN(), name); err != nil {
		t.Errorf("drop with a connection open: %v", err)
	}
	_ = conn.Close(t.Context())
	if err := p.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := pgx.Connect(context.WithoutCancel(t.Context()), p.DSN()); err == nil {
		t.Error("the server still answers after Stop")
	}
}

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dsn, want string
		fails     bool
	}{
		{dsn: "postgres://u@h:1/postgres?sslmode=disable", want: "postgres://u@h:1/x?sslmode=disable"},
		{dsn: "postgresql://h", want: "postgresql://h/x"},
		{dsn: "host=h user=u", fails: true},
		{dsn: "mysql://h/db", fails: true},
	} {
		got, err := withDatabase(tt.dsn, "x")
		if (err != nil) != tt.fails || got != tt.want {
			t.Errorf("withDatabase(%q) = %q, %v; want %q", tt.dsn, got, err, tt.want)
		}
		if _, err := url.Parse(got); err != nil {
			t.Error(err)
		}
	}
}
