// Command postgres starts a private PostgreSQL cluster, runs a command with the cluster's address in TEST_PG, stops the
// cluster and answers with the command's exit status:
//
//	go run ./test/postgres go test ./...
//
// A TEST_PG that is set already is used as it is. Without PostgreSQL on the machine the command runs without TEST_PG and
// the tests say what they leave out, unless CI is set: then it is a failure.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"usher/internal/db/dbtest"
)

func main() {
	args := os.Args[1:]
	durable := len(args) > 0 && args[0] == "-durable"
	if durable {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: postgres [-durable] command [argument ...]")
		os.Exit(2)
	}
	os.Exit(run(durable, args))
}

func run(durable bool, args []string) int {
	// A signal reaches the command too, which is in the same group; this program only has to outlive it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(dbtest.EnvPostgres) == "" {
		server, err := dbtest.StartPostgres(ctx, dbtest.PostgresOptions{Durable: durable})
		switch {
		case err == nil:
			defer server.Stop()
			os.Setenv(dbtest.EnvPostgres, server.DSN())
		case errors.Is(err, dbtest.ErrNoPostgres) && os.Getenv("CI") == "":
			fmt.Fprintln(os.Stderr, "LEFT OUT: everything on PostgreSQL:", err)
		default:
			fmt.Fprintln(os.Stderr, "postgres:", err)
			return 1
		}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	return 0
}
